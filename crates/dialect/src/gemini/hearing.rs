use std::borrow::Cow;

use super::errors;
use super::usage;
use crate::HostFault;
use crate::citation::Web;
use crate::json::{Kind, Value};
use crate::middle::{Block, Facts, Finish, Json, Said};
use crate::told::Told;

/// Hears answers of Google's, one whole or many in part: a text or a thought goes on from one to the next, until there is
/// something else.
#[derive(Default)]
pub(super) struct Hearing {
    facts: Facts,
    told: Told,
    output_chars: u64,
    /// How many blocks began.
    blocks: u32,
    /// How many of them were calls.
    calls: u32,
    /// The block that goes on, and whether it is a thought.
    open: Option<(u32, bool)>,
    /// The text that goes on, for hosts count bytes where callers count characters.
    text: String,
    is_over: bool,
    /// Figures came with the end or after it.
    is_done: bool,
}

/// The top level of an answer; `null` counts as absent.
#[derive(Default)]
struct Top<'d> {
    id: Option<Value<'d>>,
    model: Option<Value<'d>>,
    usage: Option<Value<'d>>,
    candidates: Option<Value<'d>>,
    feedback: Option<Value<'d>>,
    is_error: bool,
}

const UNASKED: &str = "a part is of a kind that was not asked for";

const fn malformed<T>(what: &'static str) -> Result<T, HostFault> {
    Err(HostFault::Malformed(what))
}

impl Hearing {
    /// Hears one answer, and adds what is new in it.
    pub(super) fn hear(&mut self, root: Value<'_>, said: &mut Vec<Said>) -> Result<(), HostFault> {
        let top = Top::read(root);
        if top.is_error && !self.is_over {
            return Err(HostFault::Stated(errors::read_value(root)));
        }
        if root.kind() != Kind::Object {
            return if self.is_over { Ok(()) } else { malformed("the answer is no object") };
        }
        if self.facts.id.is_none() {
            self.facts.id = top.id.and_then(Value::text).map(Into::into);
        }
        if self.facts.host_model.as_deref().is_none_or(|known| top.model.is_some_and(|model| !model.is_text(known))) {
            let model = top.model.and_then(Value::text).map(Into::into);
            self.facts.host_model = model.or(self.facts.host_model.take());
        }
        let has_figures = top.usage.is_some_and(|usage| usage::hear(&mut self.told, usage));
        let candidates = self.candidates(&top, said);
        self.output_chars += said.iter().map(Said::chars).sum::<u64>();
        self.facts.usage = self.told.figures(self.output_chars);
        self.is_done |= self.is_over && has_figures;
        candidates
    }

    /// Whether the host said why it ended.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether it ended and its figures are there.
    pub(super) const fn is_done(&self) -> bool {
        self.is_done
    }

    pub(super) const fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(super) fn into_facts(self) -> Facts {
        self.facts
    }

    fn candidates(&mut self, top: &Top<'_>, said: &mut Vec<Said>) -> Result<(), HostFault> {
        let items = match top.candidates.map(|candidates| (candidates, candidates.items())) {
            Some((_, None)) => return malformed("the candidates are no list"),
            Some((_, Some(items))) => Some(items),
            None => None,
        };
        let mut items = items.into_iter().flatten();
        let Some(candidate) = items.next() else {
            let blocked = top.feedback.and_then(|feedback| feedback.member("blockReason"));
            return match blocked.filter(|_| !self.is_over) {
                Some(reason) => Err(HostFault::Stated(errors::blocked(reason))),
                None => Ok(()),
            };
        };
        if items.next().is_some() || candidate.member("index").is_some_and(|index| index.whole() != Some(0)) {
            return malformed("there is more than the one candidate that was asked for");
        }
        self.candidate(candidate, said)
    }

    fn candidate(&mut self, candidate: Value<'_>, said: &mut Vec<Said>) -> Result<(), HostFault> {
        if candidate.kind() != Kind::Object {
            return malformed("the candidate is no object");
        }
        if let Some(parts) = candidate.member("content").and_then(|content| content.member("parts")) {
            let Some(parts) = parts.items() else { return malformed("the parts are no list") };
            for part in parts {
                self.part(part, said)?;
            }
        }
        if let Some(citations) = candidate.member("citationMetadata").filter(|_| !self.is_over) {
            self.cite(citations, said);
        }
        if let Some(grounds) = candidate.member("groundingMetadata").filter(|_| !self.is_over) {
            self.ground(grounds, said);
        }
        match candidate.member("finishReason").filter(|_| !self.is_over) {
            Some(reason) => {
                let Some(reason) = reason.text() else { return malformed("the finish reason is no word") };
                self.close(said);
                self.is_over = true;
                said.push(Said::Finish(finish(&reason, self.calls > 0)));
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn part(&mut self, part: Value<'_>, said: &mut Vec<Said>) -> Result<(), HostFault> {
        if part.kind() != Kind::Object {
            return malformed("a part is no object");
        }
        let (mut words, mut call, mut is_thought, mut seal, mut is_odd) = (None, None, false, None, false);
        for (key, value) in part.pairs().filter(|(_, value)| !value.is_null()) {
            match &*key.bytes() {
                b"text" => words = Some(value.text().ok_or(HostFault::Malformed("a text is no text"))?),
                b"functionCall" => call = Some(value),
                b"thought" => {
                    is_thought = value.truth().ok_or(HostFault::Malformed("a thought is neither yes nor no"))?
                }
                b"thoughtSignature" => seal = Some(value.text().ok_or(HostFault::Malformed("a seal is no text"))?),
                // What the host ran, keeps or painted: nothing of it was asked for, and nothing is to be lost unseen.
                b"inlineData"
                | b"fileData"
                | b"functionResponse"
                | b"executableCode"
                | b"codeExecutionResult"
                | b"toolCall"
                | b"toolResponse"
                | b"audioTranscription" => return malformed(UNASKED),
                b"partMetadata" | b"videoMetadata" | b"mediaResolution" => {}
                _ => is_odd = true,
            }
        }
        // A part is of one kind; what is new beside a kind that we know tells something of it.
        if is_odd && words.is_none() && call.is_none() {
            return malformed(UNASKED);
        }
        let words = words.unwrap_or_default();
        let seal = seal.filter(|seal| !seal.is_empty()).map(Cow::into_owned);
        if self.is_over {
            let says_nothing = words.is_empty() && call.is_none() && seal.is_none();
            return if says_nothing { Ok(()) } else { malformed("the answer goes on after its end") };
        }
        match call {
            Some(_) if !words.is_empty() => malformed("a part is of two kinds"),
            Some(call) => self.call(call, seal, said),
            None => {
                self.words(&words, is_thought, said);
                self.seal(seal, is_thought, said);
                Ok(())
            }
        }
    }

    fn words(&mut self, words: &str, is_thought: bool, said: &mut Vec<Said>) {
        if words.is_empty() {
            return;
        }
        let block = match self.open {
            Some((block, kind)) if kind == is_thought => block,
            Some(_) | None => self.begin(if is_thought { Block::Thought } else { Block::Text }, said),
        };
        self.open = Some((block, is_thought));
        if !is_thought {
            self.text.push_str(words);
        }
        said.push(Said::More(block, words.to_owned()));
    }

    /// The seal of a thought ends it. That of a text is said as a thought without words behind it, which goes back to the
    /// text when the caller sends it again: so it comes in streams too, in a part of its own.
    fn seal(&mut self, seal: Option<String>, is_thought: bool, said: &mut Vec<Said>) {
        let Some(seal) = seal else { return };
        let block = match self.open {
            Some((block, true)) if is_thought => block,
            Some(_) | None => self.begin(Block::Thought, said),
        };
        said.push(Said::Signature(block, seal));
        self.open = Some((block, true));
        self.close(said);
    }

    /// A call comes whole: its pieces would come only if they were asked for.
    fn call(&mut self, call: Value<'_>, seal: Option<String>, said: &mut Vec<Said>) -> Result<(), HostFault> {
        let pieces =
            call.member("partialArgs").and_then(Value::items).is_some_and(|mut pieces| pieces.next().is_some());
        if pieces || call.member("willContinue").and_then(Value::truth) == Some(true) {
            return malformed("a call comes in pieces, which was not asked for");
        }
        let text = |name: &str| call.member(name).and_then(Value::text).filter(|text| !text.is_empty());
        let Some(name) = text("name") else { return malformed("a call has no name") };
        let arguments = match call.member("args") {
            None => "{}".into(),
            Some(args) if args.kind() == Kind::Object => on_one_line(args),
            Some(_) => return malformed("the arguments of a call are no object"),
        };
        let id = text("id").map_or_else(|| self.call_id(), Into::into);
        let block = self.begin(Block::Call { id, name: name.into_owned() }, said);
        said.push(Said::More(block, arguments));
        said.extend(seal.map(|seal| Said::Signature(block, seal)));
        said.push(Said::End(block));
        self.calls = self.calls.saturating_add(1);
        Ok(())
    }

    /// An id for a call that has none: its number among the calls of the answer, and the answer's id where that is a short
    /// word, so that it is another in the next answer. No longer than the 40 characters that OpenAI's format takes.
    fn call_id(&self) -> String {
        let is_plain = |id: &&str| {
            (1..=28).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        match self.facts.id.as_deref().filter(is_plain) {
            Some(id) => format!("call_{}_{id}", self.calls),
            None => format!("call_{}", self.calls),
        }
    }

    /// Where a text is from (`citations`, once `citationSources`).
    fn cite(&mut self, citations: Value<'_>, said: &mut Vec<Said>) {
        let list = citations.member("citations").or_else(|| citations.member("citationSources"));
        for citation in list.and_then(Value::items).into_iter().flatten() {
            let web = self.source(citation, Some(citation));
            self.say_source(web.map_or_else(|| Json(on_one_line(citation).into()), |web| web.said()), said);
        }
    }

    /// What a text rests on (`GroundingMetadata`): chunks, and which of them support which segment. One that supports none is
    /// of the whole text.
    fn ground(&mut self, grounds: Value<'_>, said: &mut Vec<Said>) {
        let items = |name: &str| grounds.member(name).and_then(Value::items).into_iter().flatten();
        let chunks: Vec<_> = items("groundingChunks").collect();
        let mut is_used = vec![false; chunks.len()];
        for support in items("groundingSupports") {
            for at in support.member("groundingChunkIndices").and_then(Value::items).into_iter().flatten() {
                let at = at.whole().and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX);
                let (Some(chunk), Some(used)) = (chunks.get(at), is_used.get_mut(at)) else { continue };
                *used = true;
                let web = kept(*chunk).and_then(|kept| self.source(kept, support.member("segment")));
                web.into_iter().for_each(|web| self.say_source(web.said(), said));
            }
        }
        for (chunk, _) in chunks.iter().zip(is_used).filter(|(_, is_used)| !is_used) {
            let web = kept(*chunk).and_then(|kept| self.source(kept, None));
            web.into_iter().for_each(|web| self.say_source(web.said(), said));
        }
    }

    /// An address of the web, of a segment of the text that goes on.
    fn source(&self, of: Value<'_>, segment: Option<Value<'_>>) -> Option<Web> {
        let text = |name: &str| of.member(name).and_then(Value::text).unwrap_or_default();
        let end = segment.and_then(|segment| segment.member("endIndex")?.whole());
        let start = segment.and_then(|segment| segment.member("startIndex")).map_or(Some(0), Value::whole);
        let chars = |at: u64| Some(self.text.get(..usize::try_from(at).ok()?)?.chars().count() as u64);
        let span = start.zip(end).filter(|(start, end)| start <= end);
        let span = span.and_then(|(start, end)| Some((chars(start)?, chars(end)?)));
        Web::new(&text("uri"), &text("title"), span)
    }

    /// Says where the text is from that goes on; if it has ended, it is said of an empty one behind it.
    fn say_source(&mut self, source: Json, said: &mut Vec<Said>) {
        let block = match self.open {
            Some((block, false)) => block,
            Some(_) | None => self.begin(Block::Text, said),
        };
        self.open = Some((block, false));
        said.push(Said::Citation(block, source));
    }

    fn begin(&mut self, block: Block, said: &mut Vec<Said>) -> u32 {
        self.close(said);
        let number = self.blocks;
        self.blocks = self.blocks.saturating_add(1);
        self.text.clear();
        said.push(Said::Begin(number, block));
        number
    }

    fn close(&mut self, said: &mut Vec<Said>) {
        said.extend(self.open.take().map(|(block, _)| Said::End(block)));
    }
}

impl<'d> Top<'d> {
    fn read(root: Value<'d>) -> Self {
        let mut top = Self::default();
        let first = root.items().and_then(|mut items| items.next());
        top.is_error = first.is_some_and(|first| first.member("error").is_some());
        for (key, value) in root.pairs().filter(|(_, value)| !value.is_null()) {
            match &*key.bytes() {
                b"responseId" => top.id = Some(value),
                b"modelVersion" => top.model = Some(value),
                b"usageMetadata" => top.usage = Some(value),
                b"candidates" => top.candidates = Some(value),
                b"promptFeedback" => top.feedback = Some(value),
                b"error" => top.is_error = true,
                _ => {}
            }
        }
        top
    }
}

/// What a chunk is that a text rests on: a page of the web, or of a store of the caller's.
fn kept(chunk: Value<'_>) -> Option<Value<'_>> {
    chunk.member("web").or_else(|| chunk.member("retrievedContext"))
}

/// Why it ended (`FinishReason` of Google's SDK). There is no word for calls: they come with `STOP`.
fn finish(reason: &str, has_calls: bool) -> Finish {
    match reason {
        "STOP" if has_calls => Finish::Calls,
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Finish::Refused,
        // `OTHER`, `MALFORMED_FUNCTION_CALL`, `UNEXPECTED_TOOL_CALL`, `TOO_MANY_TOOL_CALLS`, `MISSING_THOUGHT_SIGNATURE`,
        // `NO_IMAGE`, `IMAGE_OTHER`, and what is new.
        other => Finish::other(other),
    }
}

/// A value as it was written; a line break can only stand between values, where it means nothing.
fn on_one_line(value: Value<'_>) -> String {
    let mut text = String::from_utf8_lossy(value.raw()).into_owned();
    text.retain(|c| c != '\n' && c != '\r');
    text
}
