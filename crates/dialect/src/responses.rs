//! OpenAI's Responses format, stateless: how its callers are spoken to.
//!
//! Nothing of an answer is kept here, and yet a client may send the id of an item in the place of the item (Vercel's AI SDK
//! does so unless it is told `store: false`). So an id is the item, sealed:
//!
//! - of a whole answer, the id of each item is a seal of it;
//! - in a stream the id goes out before the text, so it is a mere name; the answer ends with one more item, a *keeper*: a
//!   `reasoning` without words, whose id seals all items by their names. Clients take it for a thought that they are not
//!   shown, and send it back with the others. Who says `store: false` refers to nothing, and gets no keeper.
//! - What a host sealed behind a call (Google's thought signatures) has no place in a `function_call`; a keeper holds it too.
//!
//! The forms are those of OpenAI's specification (<https://github.com/openai/openai-openapi>, `Response` and
//! `ResponseStreamEvent`), as its Python library has them (`openai-python/src/openai/types/responses`).

mod event;
mod item;
mod kept;
mod setting;
mod speak;

pub(crate) use kept::{Kept, prefix_of};
pub(crate) use setting::{ENCRYPTED, Setting};
pub(crate) use speak::Speaker;

#[cfg(test)]
mod tests;
