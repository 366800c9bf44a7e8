//! What is said between callers and hosts, in nobody's format: each way in is read into it, and each dialect is written from
//! it, so that any caller reaches any host. Where way in and dialect are the same, nothing passes through here.

mod answer;
mod conversation;

#[cfg(any(test, fuzzing))]
pub(crate) use answer::joined;
pub use answer::{Answer, Block, Facts, Finish, Said};
pub use conversation::{
    Cache, Choice, Content, Conversation, Effort, Format, Json, Media, Part, Sampling, Thinking, Tool, Turn, Who,
};

/// Payload does not show itself.
macro_rules! hidden {
    ($($name:ident),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )+};
}
pub(crate) use hidden;
