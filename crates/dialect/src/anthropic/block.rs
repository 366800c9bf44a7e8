use crate::HostFault;
use crate::json::{Kind as JsonKind, Value};
use crate::middle::{Block, Finish, Json, Said};

/// What a block of an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Thought,
    Redacted,
    Call,
}

/// Reads what a block is, whole or at its beginning (SDK, `content_block.py`).
///
/// Blocks of tools that the host runs are a fault: nothing asks for them, and a search would carry what was asked elsewhere.
/// So is a kind that we do not know: left out, the answer would be another.
pub(super) fn begin(block: Value<'_>) -> Result<(Kind, Block), HostFault> {
    let text = |name: &str| block.member(name).and_then(Value::text).map(String::from);
    let named = |name: &str| text(name).filter(|text| !text.is_empty());
    let kind = block.member("type").map(Value::bytes).unwrap_or_default();
    match &*kind {
        b"text" if text("text").is_some() => Ok((Kind::Text, Block::Text)),
        b"thinking" if text("thinking").is_some() => Ok((Kind::Thought, Block::Thought)),
        b"text" | b"thinking" => Err(HostFault::Malformed("a block has no text")),
        b"redacted_thinking" => {
            let data = text("data").ok_or(HostFault::Malformed("a hidden thought has no data"))?;
            Ok((Kind::Redacted, Block::Redacted(data)))
        }
        b"tool_use" => match (named("id"), named("name")) {
            (Some(id), Some(name)) => Ok((Kind::Call, Block::Call { id, name })),
            (Some(_) | None, Some(_) | None) => Err(HostFault::Malformed("a call has no id or no name")),
        },
        kind if kind == b"server_tool_use" || kind.ends_with(b"_tool_result") => {
            Err(HostFault::Malformed("the host ran a tool of its own"))
        }
        _ => Err(HostFault::Malformed("a block is of a kind that we do not know")),
    }
}

/// What the block at this place holds of words, citations and its seal.
pub(super) fn hold(at: u32, block: Value<'_>, said: &mut Vec<Said>) {
    let text = |name: &str| block.member(name).and_then(Value::text).filter(|text| !text.is_empty());
    let words = text("text").or_else(|| text("thinking"));
    said.extend(words.map(|text| Said::More(at, text.into())));
    let citations = block.member("citations").and_then(Value::items).into_iter().flatten();
    said.extend(citations.map(|citation| Said::Citation(at, Json(line(citation).into()))));
    said.extend(text("signature").map(|seal| Said::Signature(at, seal.into())));
}

/// The arguments of a call, which are an object.
pub(super) fn input(block: Value<'_>) -> Result<String, HostFault> {
    let input = block.member("input").filter(|input| input.kind() == JsonKind::Object);
    input.map(line).ok_or(HostFault::Malformed("a call has no arguments"))
}

/// A value as it was written, on one line: breaks stand between values alone.
pub(crate) fn line(value: Value<'_>) -> String {
    String::from_utf8_lossy(value.raw()).chars().filter(|c| !matches!(c, '\n' | '\r')).collect()
}

/// Why an answer ended (SDK, `stop_reason.py`).
pub(super) fn finish(reason: &str, sequence: Option<&str>) -> Finish {
    match reason {
        "end_turn" => Finish::Stop,
        "stop_sequence" => Finish::StopText(sequence.map(Into::into)),
        "max_tokens" => Finish::Length,
        "model_context_window_exceeded" => Finish::Context,
        "tool_use" => Finish::Calls,
        "refusal" => Finish::Refused,
        "pause_turn" => Finish::Pause,
        word => Finish::other(word),
    }
}

/// The end of an answer. What the host explains of its refusal is said as a block of its own, the next.
pub(super) fn end(at: u32, finish: Finish, explanation: Option<String>) -> Vec<Said> {
    let mut said = Vec::with_capacity(4);
    if let Some(words) = explanation.filter(|words| !words.is_empty() && finish == Finish::Refused) {
        said.extend([Said::Begin(at, Block::Refusal), Said::More(at, words), Said::End(at)]);
    }
    said.push(Said::Finish(finish));
    said
}

/// How the host explains a refusal in a message, or in its delta.
pub(super) fn explanation(message: Value<'_>) -> Option<String> {
    message.member("stop_details")?.member("explanation")?.text().map(Into::into)
}
