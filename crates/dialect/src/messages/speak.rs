use std::collections::VecDeque;

use bytes::Bytes;
use phi_words::{Completion, ModelName, Usage};

use super::{seal, whole};
use crate::citation::Web;
use crate::json::{Document, Object, Value};
use crate::middle::{Answer, Block, Finish, Json, Said};

/// Says an answer in Anthropic's format, whole or as the events of a stream
/// (<https://platform.claude.com/docs/en/build-with-claude/streaming>).
///
/// Blocks come one after the other, as its SDKs read them: what is said of another block while one is open waits for its turn.
/// A block begins with its first word, so that there is none without. A refusal is said as a text and as the details of the
/// stop. Where a text is from is said where it is told in Anthropic's own form, or is an address of the web.
pub(crate) struct Speaker {
    name: ModelName,
    id: String,
    /// Tokens of input, estimated: a stream begins with a figure, and the host's own comes at the end.
    estimated_input: u64,
    is_begun: bool,
    /// The block that is being said, and those that wait.
    blocks: VecDeque<Waiting>,
    /// How many blocks have begun.
    count: u64,
    pub(super) end: End,
}

/// Why an answer ended, as far as it is known.
#[derive(Default)]
pub(super) struct End {
    has_calls: bool,
    /// The block with which the model refused, and its words.
    refusal: Option<(u32, String)>,
    finish: Option<Finish>,
}

struct Waiting {
    number: u32,
    block: Block,
    /// Where it stands in the answer, once it has begun.
    place: Option<u64>,
    /// What was said of it before its turn came.
    said: Vec<Said>,
    /// The seal of a call, which follows it.
    seal: Option<String>,
}

impl Speaker {
    /// Of the model of this catalogue name, under the host's id of the answer.
    pub(crate) fn new(name: ModelName, id: Option<&str>, estimated_input: u64) -> Self {
        let id = id.unwrap_or("msg_unnamed").to_owned();
        let (blocks, end) = (VecDeque::new(), End::default());
        Self { name, id, estimated_input, is_begun: false, blocks, count: 0, end }
    }

    /// Adds the events that something said comes to. The end of an answer is said by [`Speaker::closing`].
    pub(crate) fn say(&mut self, said: &Said, frames: &mut VecDeque<Completion>) {
        if !std::mem::replace(&mut self.is_begun, true) {
            frames.push_back(self.start());
        }
        self.end.hear(said);
        match said {
            Said::Begin(number, block) => {
                let waiting =
                    Waiting { number: *number, block: block.clone(), place: None, said: Vec::new(), seal: None };
                self.blocks.push_back(waiting);
                if self.blocks.len() == 1 {
                    self.turn(frames);
                }
            }
            Said::More(number, _) | Said::Signature(number, _) | Said::Citation(number, _) | Said::End(number) => {
                let at = self.blocks.iter().position(|waiting| waiting.number == *number);
                match at.and_then(|at| Some((at, self.blocks.get_mut(at)?))) {
                    Some((0, _)) => {
                        self.go_on(said, frames);
                        self.turn(frames);
                    }
                    Some((_, waiting)) => waiting.said.push(said.clone()),
                    None => {}
                }
            }
            // What was left open ends here.
            Said::Finish(_) => {
                while let Some(number) = self.blocks.front().map(|first| first.number) {
                    self.go_on(&Said::End(number), frames);
                    self.turn(frames);
                }
            }
        }
    }

    /// Says what waited, now that its block is the first; and goes on to the next where that was all.
    fn turn(&mut self, frames: &mut VecDeque<Completion>) {
        while let Some(first) = self.blocks.front_mut().filter(|first| first.place.is_none()) {
            if matches!(first.block, Block::Call { .. } | Block::Redacted(_)) {
                self.begin(frames);
            }
            let Some(first) = self.blocks.front_mut() else { return };
            let waited = std::mem::take(&mut first.said);
            let number = first.number;
            waited.iter().for_each(|said| self.go_on(said, frames));
            if self.blocks.front().is_some_and(|first| first.number == number) {
                return;
            }
        }
    }

    /// Goes on with the first block.
    fn go_on(&mut self, said: &Said, frames: &mut VecDeque<Completion>) {
        let Some(first) = self.blocks.front_mut() else { return };
        match (said, &first.block) {
            (Said::More(_, text), _) if text.is_empty() => {}
            (Said::More(_, text), Block::Text | Block::Refusal) => self.delta("text_delta", "text", text, frames),
            (Said::More(_, text), Block::Thought) => self.delta("thinking_delta", "thinking", text, frames),
            (Said::More(_, text), Block::Call { .. }) => self.delta("input_json_delta", "partial_json", text, frames),
            (Said::Signature(_, seal), Block::Thought) => self.delta("signature_delta", "signature", seal, frames),
            (Said::Signature(_, seal), Block::Call { .. }) => first.seal = Some(seal.clone()),
            (Said::Citation(_, citation), Block::Text | Block::Refusal) => {
                let Some(citation) = cited(citation) else { return };
                let place = self.begin(frames);
                frames.push_back(event("content_block_delta", |out| {
                    out.whole("index", place).object("delta", |delta| {
                        delta.text("type", "citations_delta").raw("citation", &citation);
                    });
                }));
            }
            (Said::End(_), _) => self.close(frames),
            (Said::Begin(..) | Said::More(..) | Said::Signature(..) | Said::Citation(..) | Said::Finish(_), _) => {}
        }
    }

    fn delta(&mut self, kind: &str, field: &str, text: &str, frames: &mut VecDeque<Completion>) {
        let place = self.begin(frames);
        frames.push_back(event("content_block_delta", |out| {
            out.whole("index", place).object("delta", |delta| {
                delta.text("type", kind).text(field, text);
            });
        }));
    }

    /// Where the first block stands; begins it if nothing was said of it.
    fn begin(&mut self, frames: &mut VecDeque<Completion>) -> u64 {
        let Some(first) = self.blocks.front_mut() else { return 0 };
        if let Some(place) = first.place {
            return place;
        }
        let place = self.count;
        (self.count, first.place) = (place + 1, Some(place));
        let block = &first.block;
        frames.push_back(event("content_block_start", |out| {
            out.whole("index", place).object("content_block", |out| whole::write_empty(out, block));
        }));
        place
    }

    fn close(&mut self, frames: &mut VecDeque<Completion>) {
        let Some(Waiting { block, place, seal, .. }) = self.blocks.pop_front() else { return };
        if let Some(place) = place {
            frames.push_back(stop(place));
        }
        if let (Block::Call { id, .. }, Some(seal)) = (block, seal) {
            let place = self.count;
            self.count += 1;
            let hidden = Block::Redacted(seal::write(&id, &seal));
            frames.push_back(event("content_block_start", |out| {
                out.whole("index", place).object("content_block", |out| whole::write_empty(out, &hidden));
            }));
            frames.push_back(stop(place));
        }
    }

    fn start(&self) -> Completion {
        event("message_start", |out| {
            out.object("message", |out| {
                self.head(out);
                out.raw("content", b"[]").raw("stop_reason", b"null").raw("stop_sequence", b"null");
                let begun = Usage { input: self.estimated_input, ..Usage::default() };
                out.object("usage", |out| write_usage(out, &begun));
            });
        })
    }

    /// What is said once an answer is whole: why it ended, what it consumed, and that it is over.
    pub(crate) fn closing(&self, usage: &Usage) -> Vec<Completion> {
        let delta = event("message_delta", |out| {
            out.object("delta", |out| self.end.write(out));
            out.object("usage", |out| write_usage(out, usage));
        });
        let start = (!self.is_begun).then(|| self.start());
        start.into_iter().chain([delta, event("message_stop", |_| {})]).collect()
    }

    /// A whole answer. Where the host has not said what it consumed, that is estimated as it is charged.
    pub(crate) fn whole(&self, answer: &Answer) -> Completion {
        let chars: u64 = answer.said.iter().map(Said::chars).sum();
        let estimate = Usage { input: self.estimated_input, output: chars.div_ceil(4), ..Usage::default() };
        let mut end = End::default();
        answer.said.iter().for_each(|said| end.hear(said));
        let mut out = Object::with_room(512);
        self.head(&mut out);
        out.list("content", |list| whole::write(list, &answer.said));
        end.write(&mut out);
        out.object("usage", |out| write_usage(out, &answer.facts.usage.unwrap_or(estimate)));
        Completion::new(out.finish())
    }

    fn head(&self, out: &mut Object) {
        out.text("id", &self.id).text("type", "message").text("role", "assistant").text("model", self.name.as_str());
    }
}

impl End {
    fn hear(&mut self, said: &Said) {
        match said {
            Said::Begin(_, Block::Call { .. }) => self.has_calls = true,
            Said::Begin(number, Block::Refusal) => self.refusal = Some((*number, String::new())),
            Said::More(number, more) => match &mut self.refusal {
                Some((refusal, words)) if refusal == number => words.push_str(more),
                Some(_) | None => {}
            },
            Said::Finish(finish) => self.finish = Some(finish.clone()),
            Said::Begin(_, Block::Text | Block::Thought | Block::Redacted(_))
            | Said::Signature(..)
            | Said::Citation(..)
            | Said::End(_) => {}
        }
    }

    /// Why it ended, in Anthropic's words (SDK, `stop_reason.py`); the host's own where there is none.
    fn write(&self, out: &mut Object) {
        let reason = match self.finish.as_ref().unwrap_or(&Finish::Stop) {
            Finish::Stop if self.has_calls => "tool_use",
            Finish::Stop if self.refusal.is_some() => "refusal",
            Finish::Stop => "end_turn",
            Finish::StopText(_) => "stop_sequence",
            Finish::Length => "max_tokens",
            Finish::Context => "model_context_window_exceeded",
            Finish::Calls => "tool_use",
            Finish::Refused => "refusal",
            Finish::Pause => "pause_turn",
            Finish::Other(word) => word,
        };
        out.text("stop_reason", reason);
        match &self.finish {
            Some(Finish::StopText(Some(text))) => out.text("stop_sequence", text),
            Some(_) | None => out.raw("stop_sequence", b"null"),
        };
        if let Some((_, words)) = self.refusal.as_ref().filter(|_| reason == "refusal") {
            out.object("stop_details", |out| {
                out.text("type", "refusal").raw("category", b"null").text("explanation", words);
            });
        }
    }
}

fn stop(place: u64) -> Completion {
    event("content_block_stop", |out| {
        out.whole("index", place);
    })
}

/// An event: its type comes first, which is its name on the wire too.
fn event<T>(kind: &str, write: impl FnOnce(&mut Object) -> T) -> Completion {
    let mut out = Object::with_room(160);
    out.text("type", kind);
    write(&mut out);
    Completion::new(out.finish())
}

/// Figures as Anthropic counts them: input without what a cache read or wrote, output with thinking (SDK, `usage.py`).
fn write_usage(out: &mut Object, usage: &Usage) {
    let written = usage.cache_write_5m.saturating_add(usage.cache_write_1h);
    let plain = usage.input_tokens().saturating_sub(usage.cache_read).saturating_sub(written);
    out.whole("input_tokens", plain).whole("cache_creation_input_tokens", written);
    out.whole("cache_read_input_tokens", usage.cache_read);
    if written > 0 {
        out.object("cache_creation", |out| {
            out.whole("ephemeral_5m_input_tokens", usage.cache_write_5m);
            out.whole("ephemeral_1h_input_tokens", usage.cache_write_1h);
        });
    }
    out.whole("output_tokens", usage.output_tokens());
    if usage.reasoning > 0 {
        out.object("output_tokens_details", |out| {
            out.whole("thinking_tokens", usage.reasoning);
        });
    }
}

/// A citation in Anthropic's form (SDK, `text_citation.py`). Of a web address that another host has cited neither its own words nor
/// the host's mark are known.
pub(super) fn cited(citation: &Json) -> Option<Vec<u8>> {
    let document = Document::parse(Bytes::copy_from_slice(citation.0.as_bytes())).ok()?;
    let kind = document.root().member("type").and_then(Value::text)?;
    if kind.ends_with("_location") {
        return Some(citation.0.as_bytes().to_vec());
    }
    let web = Web::read(citation)?;
    let mut out = Object::new();
    out.text("type", "web_search_result_location").text("cited_text", "");
    out.text("url", &web.url).text("title", &web.title).text("encrypted_index", "");
    Some(out.finish())
}

crate::middle::hidden!(Speaker);

#[cfg(test)]
mod tests;
