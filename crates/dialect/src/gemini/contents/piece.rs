use super::media;
use crate::gemini::generation::Generation;
use crate::json::{Document, Kind, List, Object};
use crate::middle::{Content, Part, Turn};

/// One part as it goes to the host.
pub(super) struct Piece<'c> {
    pub(super) content: &'c Content,
    /// The seal that goes with it: its own, or that of a thought without words beside it.
    seal: Option<&'c str>,
}

/// The parts of a turn that say something. The seal of a thought without words goes to the call that follows it, if that has
/// none, or else to the text before it: that is where it came from.
pub(super) fn pieces(turn: &Turn) -> Vec<Piece<'_>> {
    let mut pieces: Vec<Piece<'_>> = Vec::with_capacity(turn.parts.len());
    let mut pending = None;
    for Part { content, .. } in &turn.parts {
        let seal = match content {
            Content::Text(text) | Content::Refusal(text) if text.is_empty() => continue,
            Content::Thought { text, signature: None } if text.is_empty() => continue,
            // In the cipher of another host: Google has none.
            Content::Redacted(_) => continue,
            Content::Thought { text, signature: Some(seal) } if text.is_empty() => {
                settle(&mut pieces, pending.replace((content, seal.as_str())));
                continue;
            }
            Content::Call { signature: None, .. } => pending.take().map(|(_, seal)| seal),
            Content::Call { signature, .. } | Content::Thought { signature, .. } => signature.as_deref(),
            Content::Text(_)
            | Content::Refusal(_)
            | Content::Image { .. }
            | Content::Audio(_)
            | Content::Document { .. }
            | Content::Result { .. } => None,
        };
        settle(&mut pieces, pending.take());
        pieces.push(Piece { content, seal });
    }
    settle(&mut pieces, pending);
    pieces
}

fn settle<'c>(pieces: &mut Vec<Piece<'c>>, pending: Option<(&'c Content, &'c str)>) {
    let Some((content, seal)) = pending else { return };
    match pieces.last_mut() {
        Some(Piece { content: Content::Text(_), seal: free @ None }) => *free = Some(seal),
        _ => pieces.push(Piece { content, seal: Some(seal) }),
    }
}

/// What the first call of a turn is sealed with where the host's own seal is missing, because another model made it or the
/// caller's format has no place for it: Gemini 3 refuses it otherwise
/// (<https://ai.google.dev/gemini-api/docs/thought-signatures#faqs>, and
/// <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/thought-signatures>).
const NO_SEAL: &str = "skip_thought_signature_validator";

impl Piece<'_> {
    /// Writes what is no result; `is_first` says that no call comes before it in the turn.
    pub(super) fn write(
        &self,
        list: &mut List,
        generation: Generation,
        is_first: bool,
        left_out: &mut Vec<&'static str>,
    ) {
        match self.content {
            Content::Text(text) | Content::Refusal(text) => list.object(|part| {
                part.text("text", text);
                sealed(part, self.seal);
            }),
            Content::Thought { text, .. } => list.object(|part| {
                part.text("text", text);
                if !text.is_empty() {
                    part.raw("thought", b"true");
                }
                sealed(part, self.seal);
            }),
            Content::Call { id, name, arguments, .. } => list.object(|part| {
                part.object("functionCall", |call| {
                    identify(call, id, generation);
                    call.text("name", name).raw("args", &object(arguments).unwrap_or_else(|| b"{}".to_vec()));
                });
                let excuse = (is_first && generation == Generation::Level).then_some(NO_SEAL);
                sealed(part, self.seal.or(excuse));
            }),
            Content::Image { .. } | Content::Audio(_) | Content::Document { .. } => {
                media::write_one(list, self.content, left_out);
            }
            Content::Redacted(_) | Content::Result { .. } => {}
        }
    }
}

/// Writes the result of a call of this id and function: its texts are the `output` of the response, or its `error`.
pub(super) fn write_result(
    list: &mut List,
    (id, name): (&str, &str),
    parts: &[Part],
    failed: bool,
    generation: Generation,
    left_out: &mut Vec<&'static str>,
) {
    list.object(|part| {
        part.object("functionResponse", |result| {
            identify(result, id, generation);
            result.text("name", name);
            result.object("response", |response| output(response, if failed { "error" } else { "output" }, parts));
            if generation == Generation::Level && parts.iter().any(media::is_media) {
                result.list("parts", |list| media::write(list, parts.iter(), left_out));
            }
        });
    });
}

/// Google's ids are those of Gemini 3; hosts of those before it refuse the field
/// (<https://github.com/anomalyco/opencode/pull/50504>).
fn identify(object: &mut Object, id: &str, generation: Generation) {
    if generation == Generation::Level && !id.is_empty() {
        object.text("id", id);
    }
}

fn sealed(part: &mut Object, seal: Option<&str>) {
    if let Some(seal) = seal {
        part.text("thoughtSignature", seal);
    }
}

/// One text as a string, more as a list: nothing is put between them that nobody said.
fn output(response: &mut Object, key: &str, parts: &[Part]) {
    let mut texts = parts.iter().filter_map(|part| text(&part.content));
    let first = texts.next().unwrap_or_default();
    let mut rest = texts.peekable();
    if rest.peek().is_none() {
        response.text(key, first);
        return;
    }
    response.list(key, |list| {
        list.text(first);
        for text in rest {
            list.text(text);
        }
    });
}

/// Words of the caller's.
pub(super) fn text(content: &Content) -> Option<&str> {
    if let Content::Text(text) = content { Some(text) } else { None }
}

/// Arguments as the object that Google needs: none are an empty one; `None` where they are anything else.
pub(super) fn object(arguments: &str) -> Option<Vec<u8>> {
    let arguments = arguments.trim_ascii();
    if arguments.is_empty() {
        return Some(b"{}".to_vec());
    }
    let document = Document::parse(arguments.to_owned().into()).ok()?;
    (document.root().kind() == Kind::Object).then(|| document.root().raw().to_vec())
}
