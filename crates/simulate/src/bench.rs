//! What `script/bench` and `script/soak` measure with: a host that answers bytes made beforehand ([`Answer`]), and a
//! [`Load`] of callers that time every answer. Both do as little as they can, so that what is measured is what stands
//! between them; neither knows more of HTTP/1.1 than that takes.

mod body;
mod head;
mod host;
mod load;
mod tally;

pub use host::{Answer, serve};
pub use load::{Ask, Load, Plan};
pub use tally::Tally;
