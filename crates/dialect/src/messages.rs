//! How callers of `POST /messages` are spoken to: Anthropic's format of answers, streams and errors
//! (<https://github.com/anthropics/anthropic-sdk-python/tree/main/src/anthropic/types>).

mod errors;
pub(crate) mod seal;
mod speak;
mod whole;

pub use errors::{error_body, error_event};
pub(crate) use speak::Speaker;
