use super::block::{self, Kind};
use super::{errors, usage};
use crate::HostFault;
use crate::json::{Document, Value};
use crate::middle::{Block, Facts, Json, Said, hidden};
use crate::sse::Event;

/// Follows one stream of `ConverseStream` (`ConverseStreamOutput` in AWS's model): `messageStart`, then the blocks, one after
/// the other, `messageStop`, which says why it ended, and `metadata`, which says what it consumed. A block begins with its
/// first delta; only a call is announced. Each event is an object with one member, which has the event's name; those with
/// other names are skipped, and those with the name of an exception end the stream.
#[derive(Default)]
pub struct Stream {
    facts: Facts,
    is_begun: bool,
    /// How many blocks have begun.
    blocks: u32,
    /// The host's number of the last block: numbers grow, and one of a block that says nothing is never heard of.
    last: Option<u64>,
    open: Option<Open>,
    /// The answer is whole.
    is_whole: bool,
    /// Its figures have come too.
    is_done: bool,
}

hidden!(Stream);

struct Open {
    at: u32,
    kind: Kind,
    /// Of a call, whether it has arguments.
    has_input: bool,
}

impl Stream {
    /// A stream that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event. After a fault the stream is over; what follows its end is ignored.
    pub fn feed(&mut self, event: &Event) -> Result<Vec<Said>, HostFault> {
        if self.is_done {
            return Ok(Vec::new());
        }
        let data = event.data.expose_bytes().clone();
        let document = Document::parse(data).map_err(|_| HostFault::Malformed("an event is not JSON"))?;
        let (name, told) = block::only(document.root())?;
        if name.ends_with("Exception") || name == "error" {
            return Err(HostFault::Stated(errors::read_error_value(told, (name != "error").then_some(&name))));
        }
        let due = match name.as_str() {
            "messageStart" => !self.is_begun,
            "contentBlockStart" | "contentBlockDelta" | "contentBlockStop" | "messageStop" => {
                self.is_begun && !self.is_whole
            }
            "metadata" => self.is_whole,
            _ => return Ok(Vec::new()),
        };
        if !due {
            return Err(HostFault::Malformed("an event is out of order"));
        }
        match name.as_str() {
            "messageStart" => self.is_begun = true,
            "contentBlockStart" => return self.announce(told),
            "contentBlockDelta" => return self.more(told),
            "contentBlockStop" => return self.close(told),
            "messageStop" => return self.end(told),
            _ => {
                self.facts.usage = told.member("usage").and_then(usage::read);
                self.is_done = true;
            }
        }
        Ok(Vec::new())
    }

    /// A call begins; the beginning of anything else says nothing yet.
    fn announce(&mut self, told: Value<'_>) -> Result<Vec<Said>, HostFault> {
        let number = index(told)?;
        let start = told.member("start").ok_or(HostFault::Malformed("a block begins without itself"))?;
        let Some(call) = start.member("toolUse") else {
            return if start.members().into_iter().flatten().next().is_none() {
                Ok(Vec::new())
            } else {
                Err(HostFault::Malformed("a block is of a kind that we do not know"))
            };
        };
        let begun = block::call(call)?;
        self.begin(number, Kind::Call, begun)
    }

    fn begin(&mut self, number: u64, kind: Kind, begun: Block) -> Result<Vec<Said>, HostFault> {
        if self.open.is_some() || self.last.is_some_and(|last| number <= last) {
            return Err(HostFault::Malformed("a block begins out of order"));
        }
        let at = self.blocks;
        (self.blocks, self.last) = (at + 1, Some(number));
        self.open = Some(Open { at, kind, has_input: false });
        Ok(vec![Said::Begin(at, begun)])
    }

    fn more(&mut self, told: Value<'_>) -> Result<Vec<Said>, HostFault> {
        let number = index(told)?;
        let (name, delta) = block::only(told.member("delta").ok_or(HostFault::Malformed("a block has no delta"))?)?;
        let text = |value: Value<'_>| value.text().map(String::from).ok_or(HostFault::Malformed("a delta has no text"));
        let (kind, said, words): (Kind, fn(u32, String) -> Said, String) = match name.as_str() {
            "text" => (Kind::Text, Said::More, text(delta)?),
            "citation" => (Kind::Text, |at, json| Said::Citation(at, Json(json.into())), block::source(delta).0.into()),
            "toolUse" => {
                let input = delta.member("input").ok_or(HostFault::Malformed("a call goes on without arguments"))?;
                (Kind::Call, Said::More, text(input)?)
            }
            "reasoningContent" => match block::only(delta)? {
                (name, value) if name == "text" => (Kind::Thought, Said::More, text(value)?),
                (name, value) if name == "signature" => (Kind::Thought, Said::Signature, text(value)?),
                (name, value) if name == "redactedContent" => return self.redacted(number, text(value)?),
                _ => return Err(HostFault::Malformed("a thought is of a kind that we do not know")),
            },
            _ => return Err(HostFault::Malformed("a delta is of a kind that we do not know")),
        };
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = match (&self.open, kind) {
            (None, Kind::Text) => self.begin(number, kind, Block::Text)?,
            (None, Kind::Thought) => self.begin(number, kind, Block::Thought)?,
            (None, Kind::Call | Kind::Redacted) | (Some(_), _) => Vec::new(),
        };
        let open = self.open.as_mut().filter(|open| open.kind == kind && self.last == Some(number));
        let open = open.ok_or(HostFault::Malformed("a block goes on that is not open, or as another"))?;
        open.has_input = true;
        all.push(said(open.at, words));
        Ok(all)
    }

    /// A thought in the host's cipher comes at once.
    fn redacted(&mut self, number: u64, data: String) -> Result<Vec<Said>, HostFault> {
        if data.is_empty() {
            return Err(HostFault::Malformed("a hidden thought has no data"));
        }
        self.begin(number, Kind::Redacted, Block::Redacted(data))
    }

    /// Arguments that never came are none. A block that said nothing was not there.
    fn close(&mut self, told: Value<'_>) -> Result<Vec<Said>, HostFault> {
        let number = index(told)?;
        let Some(open) = self.open.take() else {
            return if self.last.is_none_or(|last| number > last) {
                self.last = Some(number);
                Ok(Vec::new())
            } else {
                Err(HostFault::Malformed("a block ends twice"))
            };
        };
        if self.last != Some(number) {
            return Err(HostFault::Malformed("a block ends that is not open"));
        }
        let is_bare = open.kind == Kind::Call && !open.has_input;
        let input = is_bare.then(|| Said::More(open.at, "{}".to_owned()));
        Ok(input.into_iter().chain([Said::End(open.at)]).collect())
    }

    fn end(&mut self, told: Value<'_>) -> Result<Vec<Said>, HostFault> {
        if self.open.is_some() {
            return Err(HostFault::Truncated);
        }
        let finish = block::finish(told)?;
        self.is_whole = true;
        Ok(vec![Said::Finish(finish)])
    }

    /// To be asked when the host closes: a stream without `messageStop` is [`HostFault::Truncated`]. One without `metadata`
    /// is whole, and its figures are not told.
    pub fn finish(&self) -> Result<(), HostFault> {
        if self.is_whole { Ok(()) } else { Err(HostFault::Truncated) }
    }

    /// Whether the stream is over: nothing after it counts.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// What the host tells beside what it says: what it consumed, at the end.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

fn index(told: Value<'_>) -> Result<u64, HostFault> {
    told.member("contentBlockIndex").and_then(Value::whole).ok_or(HostFault::Malformed("a block has no number"))
}
