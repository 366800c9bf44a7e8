//! Answers of `POST /embeddings`.

use phi_words::{Completion, ModelName};

use crate::openai::WholeReply;
use crate::{Carry, EmbeddingsQuestion, HostFault};

/// Reads a host's answer to a question that was rendered for `carry`: checks that there is one vector an input, each as
/// long as it should be, and writes them in the format that the caller asked for.
pub fn read_reply(
    _body: &Completion,
    _question: &EmbeddingsQuestion,
    _carry: &Carry,
    _name: &ModelName,
) -> Result<WholeReply, HostFault> {
    Err(HostFault::Malformed("not built"))
}
