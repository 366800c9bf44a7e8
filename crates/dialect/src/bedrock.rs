//! Amazon Bedrock's `Converse` and `ConverseStream`.
//!
//! The form is that of AWS's own model of the interface
//! (<https://github.com/boto/botocore/blob/develop/botocore/data/bedrock-runtime/2023-09-30/service-2.json>), one for all
//! models. What Claude alone can be told goes the way that AWS keeps for a model's own fields:
//!
//! | asked | of Claude | of others |
//! |---|---|---|
//! | thinking | `additionalModelRequestFields.thinking`, `outputConfig.effort` | no route |
//! | `top_k` | `additionalModelRequestFields.top_k` | no route |
//! | which text ended the answer | `additionalModelResponseFieldPaths` | is not told |
//! | what is worth keeping | `cachePoint` | is not said |
//!
//! What a row `lacks` has the names of [`crate::anthropic`]. A stream comes in frames of [`crate::eventstream`].

mod ask;
mod block;
mod errors;
mod fit;
mod part;
mod reply;
mod stream;
#[cfg(test)]
mod tests;
mod usage;

pub use ask::render;
pub use errors::read_error;
pub use fit::fits;
pub use reply::read_reply;
pub use stream::Stream;

use phi_words::ModelName;

use crate::gemini::segment;

/// Where a model is asked, below the address of its host: `https://bedrock-runtime.REGION.amazonaws.com/model`.
pub(crate) fn path(own: &ModelName, stream: bool) -> String {
    format!("/{}/{}", segment(own).replace('@', "%40"), if stream { "converse-stream" } else { "converse" })
}

/// Whether a model is one of Anthropic's: `us.anthropic.claude-…`.
pub(crate) fn is_claude(own: &ModelName) -> bool {
    own.as_str().contains("anthropic.")
}
