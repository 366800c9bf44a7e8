use phi_words::Completion;

use super::block::{self, Kind};
use super::errors;
use super::usage::{Told, place};
use crate::HostFault;
use crate::json::{Document, Value};
use crate::middle::{Answer, Facts, Said};

/// Reads a whole answer of `POST /v1/messages` (SDK, `message.py`).
pub fn read_reply(body: &Completion) -> Result<Answer, HostFault> {
    let malformed = HostFault::Malformed;
    let document = Document::parse(body.expose_bytes().clone()).map_err(|_| malformed("the body is not JSON"))?;
    let message = document.root();
    if errors::is_error(message) {
        return Err(HostFault::Stated(errors::read_error_value(message)));
    }
    let blocks = message.member("content").and_then(Value::items).ok_or(malformed("there is no content"))?;
    let mut said = Vec::new();
    let mut at = 0;
    for item in blocks {
        let (kind, begun) = block::begin(item)?;
        said.push(Said::Begin(at, begun));
        match kind {
            Kind::Call => said.push(Said::More(at, block::input(item)?)),
            Kind::Text | Kind::Thought => block::hold(at, item, &mut said),
            Kind::Redacted => {}
        }
        said.push(Said::End(at));
        at += 1;
    }
    // What the host explains of a refusal is not the model's output.
    let chars = said.iter().map(Said::chars).sum();
    let reason = message.member("stop_reason").and_then(Value::text).ok_or(malformed("the answer has no end"))?;
    let sequence = message.member("stop_sequence").and_then(Value::text);
    said.extend(block::end(at, block::finish(&reason, sequence.as_deref()), block::explanation(message)));
    let mut told = Told::default();
    told.hear(message.member("usage"));
    Ok(Answer { said, facts: Facts { usage: told.figures(chars), ..facts(message) } })
}

/// What a message tells beside its content, but for what it consumed.
pub(super) fn facts(message: Value<'_>) -> Facts {
    let text = |name: &str| message.member(name).and_then(Value::text);
    Facts {
        id: text("id").map(Into::into),
        host_model: text("model").map(Into::into),
        place: place(message.member("usage")),
        usage: None,
    }
}
