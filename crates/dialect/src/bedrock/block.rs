use crate::HostFault;
use crate::anthropic::block::line;
use crate::citation::Web;
use crate::json::{Kind as JsonKind, Value};
use crate::middle::{Block, Finish, Json, Said};

/// What a block of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Thought,
    Redacted,
    Call,
}

/// The one member of a union, and its name.
pub(super) fn only<'d>(union: Value<'d>) -> Result<(String, Value<'d>), HostFault> {
    let mut members = union.members().into_iter().flatten().filter(|(_, value)| !value.is_null());
    match (members.next(), members.next()) {
        (Some((name, value)), None) => Ok((name.into_owned(), value)),
        (Some(_) | None, _) => Err(HostFault::Malformed("a block is not one thing")),
    }
}

/// Reads a whole block (`ContentBlock` in AWS's model) as the one of this number. One that says nothing is not there, as it is not in
/// a stream. Tools that the host runs are a fault: nothing asks for them; so is a kind that we do not know: left out, the
/// answer would be another.
pub(super) fn whole(at: u32, block: Value<'_>) -> Result<Vec<Said>, HostFault> {
    let (name, value) = only(block)?;
    let mut said = Vec::with_capacity(4);
    let begun = match name.as_str() {
        "text" => {
            let text = value.text().ok_or(HostFault::Malformed("a text is none"))?;
            said.extend(more(at, text.into()));
            Block::Text
        }
        "citationsContent" => {
            cited(at, value, &mut said)?;
            Block::Text
        }
        "reasoningContent" => match only(value)? {
            (name, data) if name == "redactedContent" => {
                let data = data.text().filter(|data| !data.is_empty());
                let data = data.ok_or(HostFault::Malformed("a hidden thought has no data"))?;
                return Ok(vec![Said::Begin(at, Block::Redacted(data.into())), Said::End(at)]);
            }
            (name, thought) if name == "reasoningText" => {
                let text = |name: &str| thought.member(name).and_then(Value::text).unwrap_or_default();
                said.extend(more(at, text("text").into()));
                let seal = text("signature");
                said.extend((!seal.is_empty()).then(|| Said::Signature(at, seal.into())));
                Block::Thought
            }
            _ => return Err(HostFault::Malformed("a thought is of a kind that we do not know")),
        },
        "toolUse" => {
            let begun = call(value)?;
            let input = value.member("input").filter(|input| input.kind() == JsonKind::Object);
            said.push(Said::More(at, input.map(line).ok_or(HostFault::Malformed("a call has no arguments"))?));
            begun
        }
        _ => return Err(HostFault::Malformed("a block is of a kind that we do not know")),
    };
    if !said.is_empty() {
        said.insert(0, Said::Begin(at, begun));
        said.push(Said::End(at));
    }
    Ok(said)
}

fn more(at: u32, text: String) -> Option<Said> {
    (!text.is_empty()).then_some(Said::More(at, text))
}

/// A text, and where it is from (`CitationsContentBlock`).
fn cited(at: u32, value: Value<'_>, said: &mut Vec<Said>) -> Result<(), HostFault> {
    for piece in value.member("content").and_then(Value::items).into_iter().flatten() {
        let text = piece.member("text").and_then(Value::text).ok_or(HostFault::Malformed("a text is none"))?;
        said.extend(more(at, text.into()));
    }
    let citations = value.member("citations").and_then(Value::items).into_iter().flatten();
    said.extend(citations.map(|citation| Said::Citation(at, source(citation))));
    Ok(())
}

/// Where a text is from (`Citation`, `CitationsDelta`).
pub(super) fn source(citation: Value<'_>) -> Json {
    let title = citation.member("title").and_then(Value::text).unwrap_or_default();
    let url = citation.member("location").and_then(|location| location.member("web")?.member("url")?.text());
    let web = url.and_then(|url| Web::new(&url, &title, None));
    web.map_or_else(|| Json(line(citation).into()), |web| web.said())
}

/// What is called (`ToolUseBlock`, `ToolUseBlockStart`).
pub(super) fn call(value: Value<'_>) -> Result<Block, HostFault> {
    if value.member("type").is_some() {
        return Err(HostFault::Malformed("the host ran a tool of its own"));
    }
    let text = |name: &str| value.member(name).and_then(Value::text).filter(|text| !text.is_empty());
    match (text("toolUseId"), text("name")) {
        (Some(id), Some(name)) => Ok(Block::Call { id: id.into(), name: name.into() }),
        (Some(_) | None, Some(_) | None) => Err(HostFault::Malformed("a call has no id or no name")),
    }
}

/// Why an answer ended (`StopReason`), of an answer or the event that ends it; the text that did is told where it was asked for.
pub(super) fn finish(root: Value<'_>) -> Result<Finish, HostFault> {
    let reason =
        root.member("stopReason").and_then(Value::text).ok_or(HostFault::Malformed("the answer has no end"))?;
    let sequence = || root.member("additionalModelResponseFields")?.member("stop_sequence")?.text().map(Into::into);
    Ok(match &*reason {
        "end_turn" => Finish::Stop,
        "stop_sequence" => Finish::StopText(sequence()),
        "max_tokens" => Finish::Length,
        "model_context_window_exceeded" => Finish::Context,
        "tool_use" => Finish::Calls,
        "guardrail_intervened" | "content_filtered" => Finish::Refused,
        word => Finish::other(word),
    })
}
