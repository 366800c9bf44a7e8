//! Anthropic's Messages API, `POST /v1/messages`, and the same on Vertex AI (`:rawPredict` and `:streamRawPredict`).
//!
//! The form is that of the types in <https://github.com/anthropics/anthropic-sdk-python/tree/main/src/anthropic/types>. A
//! conversation is written for it from scratch, and what is answered is read into blocks, whole or as a stream. What a model
//! cannot do although the interface knows it, its row lists among what it `lacks`:
//!
//! | name | the model |
//! |---|---|
//! | `temperature`, `top_p`, `top_k` | draws as it likes |
//! | `thinking.adaptive` | thinks within a budget of tokens alone |
//! | `thinking.enabled` | knows no budget |
//! | `thinking.disabled` | always thinks |
//! | `reasoning_effort.xhigh`, `reasoning_effort.max` | cannot think so hard |
//! | `tool_choice.required` | cannot be made to call a function |
//! | `messages.system` | is told by whoever runs the application before the conversation, and not in it |
//! | `messages.prefill` | does not go on with an answer that was begun |
//! | any other field of a chat body | has no such field |

pub(crate) mod ask;
pub(crate) mod block;
pub(crate) mod errors;
pub(crate) mod fit;
pub(crate) mod part;
mod reply;
mod stream;
#[cfg(test)]
mod tests;
pub(crate) mod think;
pub(crate) mod tool;
pub(crate) mod turns;
mod usage;

pub use ask::render;
pub use errors::read_error;
pub use fit::fits;
pub use reply::read_reply;
pub use stream::Stream;

use phi_words::ModelName;

use crate::Misfit;
use crate::gemini::segment;

/// Where the interface stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// At Anthropic itself: `POST /v1/messages`.
    FirstParty {
        /// Where alone the answer may be made, as its `inference_geo` names it: `us`, which models from Claude 4.6 on know.
        /// Without it the workspace's own setting counts, which is the whole world unless somebody changed it
        /// (<https://platform.claude.com/docs/en/manage-claude/data-residency>).
        geo: Option<&'static str>,
    },
    /// On Vertex AI: the model stands in the path, the version in the body, and the address is the place.
    Vertex,
}

/// Where a model is asked on Vertex AI, below the address of its host:
/// `https://LOCATION-aiplatform.googleapis.com/v1/projects/PROJECT/locations/LOCATION/publishers/anthropic`.
pub(crate) fn vertex_path(own: &ModelName, stream: bool) -> String {
    format!("/models/{}:{}", segment(own), if stream { "streamRawPredict" } else { "rawPredict" })
}

/// What a route cannot carry.
fn misfit(field: &'static str) -> Misfit {
    Misfit { field: field.into() }
}

/// A rule that a request keeps, or what of it the route cannot carry.
pub(crate) fn must(holds: bool, field: &'static str) -> Result<(), Misfit> {
    if holds { Ok(()) } else { Err(misfit(field)) }
}
