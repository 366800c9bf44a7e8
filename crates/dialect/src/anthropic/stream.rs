use super::block::{self, Kind};
use super::usage::{Told, place};
use super::{errors, reply};
use crate::HostFault;
use crate::json::{Document, Kind as JsonKind, Value};
use crate::middle::{Facts, Finish, Json, Said, hidden};
use crate::sse::Event;

/// Follows one stream of `POST /v1/messages`
/// (<https://platform.claude.com/docs/en/build-with-claude/streaming>): `message_start`, then each block from its
/// `content_block_start` to its `content_block_stop`, then `message_delta`, which says why it ended, and `message_stop`. The
/// type that the data has counts, as it does in Anthropic's own SDK; events of other types, `ping` among them, are skipped,
/// as its page on versions asks for.
#[derive(Default)]
pub struct Stream {
    facts: Facts,
    told: Told,
    output_chars: u64,
    is_begun: bool,
    /// How many blocks have begun.
    blocks: u32,
    open: Option<Open>,
    finish: Option<Finish>,
    /// What the host explains of its refusal.
    explanation: Option<String>,
    is_done: bool,
}

hidden!(Stream);

/// The block that is being said: Anthropic says one after the other.
struct Open {
    at: u32,
    kind: Kind,
    /// Of a call, the arguments that its beginning told, unless more came.
    input: String,
}

impl Stream {
    /// A stream that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event. After a fault the stream is over; what follows its end is ignored.
    pub fn feed(&mut self, event: &Event) -> Result<Vec<Said>, HostFault> {
        let data = event.data.expose_bytes();
        let told = data.trim_ascii();
        // Vertex AI sends comments as data: `data: : keepalive`.
        if self.is_done || told.is_empty() || told.starts_with(b":") {
            return Ok(Vec::new());
        }
        let document = Document::parse(data.clone()).map_err(|_| HostFault::Malformed("an event is not JSON"))?;
        let said = self.event(document.root())?;
        self.output_chars += said.iter().map(Said::chars).sum::<u64>();
        Ok(said)
    }

    fn event(&mut self, root: Value<'_>) -> Result<Vec<Said>, HostFault> {
        if errors::is_error(root) {
            return Err(HostFault::Stated(errors::read_error_value(root)));
        }
        let kind = root.member("type").map(Value::bytes).unwrap_or_default();
        let is_ours = match &*kind {
            b"message_start" => return self.begin(root),
            b"content_block_delta" | b"content_block_start" | b"content_block_stop" => self.finish.is_none(),
            b"message_delta" | b"message_stop" => true,
            b"" => return Err(HostFault::Malformed("an event has no type")),
            _ => return Ok(Vec::new()),
        };
        if !is_ours || !self.is_begun {
            return Err(HostFault::Malformed("an event is out of order"));
        }
        match &*kind {
            b"content_block_delta" => self.more(root),
            b"content_block_start" => self.open(root),
            b"content_block_stop" => self.close(root),
            b"message_delta" => self.change(root),
            _ => self.end(),
        }
    }

    fn begin(&mut self, root: Value<'_>) -> Result<Vec<Said>, HostFault> {
        let message = root.member("message").filter(|message| message.kind() == JsonKind::Object);
        let message = message.ok_or(HostFault::Malformed("a stream begins without a message"))?;
        let holds = message.member("content").and_then(Value::items).is_some_and(|mut items| items.next().is_some());
        self.facts = reply::facts(message);
        if std::mem::replace(&mut self.is_begun, true) || holds {
            return Err(HostFault::Malformed("a stream begins twice or in its middle"));
        }
        self.told.hear(message.member("usage"));
        Ok(Vec::new())
    }

    fn open(&mut self, root: Value<'_>) -> Result<Vec<Said>, HostFault> {
        let at = self.blocks;
        if self.open.is_some() || index(root) != Some(at) {
            return Err(HostFault::Malformed("a block begins out of order"));
        }
        let block = root.member("content_block").ok_or(HostFault::Malformed("a block begins without itself"))?;
        let (kind, begun) = block::begin(block)?;
        let mut said = vec![Said::Begin(at, begun)];
        let input = match kind {
            Kind::Call => block::input(block)?,
            Kind::Text | Kind::Thought => {
                block::hold(at, block, &mut said);
                String::new()
            }
            Kind::Redacted => String::new(),
        };
        self.blocks += 1;
        self.open = Some(Open { at, kind, input });
        Ok(said)
    }

    fn more(&mut self, root: Value<'_>) -> Result<Vec<Said>, HostFault> {
        let open = self.open.as_mut().filter(|open| index(root) == Some(open.at));
        let open = open.ok_or(HostFault::Malformed("a block goes on that is not open"))?;
        let delta = root.member("delta").ok_or(HostFault::Malformed("a block goes on without a delta"))?;
        let text = |name: &str| {
            let text = delta.member(name).and_then(Value::text);
            text.map(String::from).ok_or(HostFault::Malformed("a delta has no text"))
        };
        let kind = delta.member("type").map(Value::bytes).unwrap_or_default();
        let said = match (&*kind, open.kind) {
            (b"text_delta", Kind::Text) => Said::More(open.at, text("text")?),
            (b"thinking_delta", Kind::Thought) => Said::More(open.at, text("thinking")?),
            (b"input_json_delta", Kind::Call) => {
                let arguments = text("partial_json")?;
                if !arguments.is_empty() {
                    open.input.clear();
                }
                Said::More(open.at, arguments)
            }
            (b"signature_delta", Kind::Thought) => Said::Signature(open.at, text("signature")?),
            (b"citations_delta", Kind::Text) => {
                let citation = delta.member("citation").ok_or(HostFault::Malformed("a citation says nothing"))?;
                Said::Citation(open.at, Json(block::line(citation).into()))
            }
            (_, Kind::Text | Kind::Thought | Kind::Redacted | Kind::Call) => {
                return Err(HostFault::Malformed("a delta is of a kind that its block does not have"));
            }
        };
        let is_empty = matches!(&said, Said::More(_, text) | Said::Signature(_, text) if text.is_empty());
        Ok(if is_empty { Vec::new() } else { vec![said] })
    }

    fn close(&mut self, root: Value<'_>) -> Result<Vec<Said>, HostFault> {
        let open = self.open.take().filter(|open| index(root) == Some(open.at));
        let open = open.ok_or(HostFault::Malformed("a block ends that is not open"))?;
        let input = (!open.input.is_empty()).then_some(Said::More(open.at, open.input));
        Ok(input.into_iter().chain([Said::End(open.at)]).collect())
    }

    fn change(&mut self, root: Value<'_>) -> Result<Vec<Said>, HostFault> {
        let usage = root.member("usage");
        if let Some(place) = place(usage) {
            self.facts.place = Some(place);
        }
        self.told.hear(usage);
        self.facts.usage = self.told.figures(self.output_chars);
        let delta = root.member("delta").ok_or(HostFault::Malformed("a message goes on without a delta"))?;
        if let Some(reason) = delta.member("stop_reason").and_then(Value::text) {
            let sequence = delta.member("stop_sequence").and_then(Value::text);
            self.finish = Some(block::finish(&reason, sequence.as_deref()));
            self.explanation = block::explanation(delta);
        }
        Ok(Vec::new())
    }

    /// A host that fell over may still send its terminal event: an answer that is not whole has none.
    fn end(&mut self) -> Result<Vec<Said>, HostFault> {
        let finish = self.finish.take().filter(|_| self.open.is_none()).ok_or(HostFault::Truncated)?;
        self.is_done = true;
        Ok(block::end(self.blocks, finish, self.explanation.take()))
    }

    /// To be asked when the host closes: a stream without `message_stop` is [`HostFault::Truncated`].
    pub fn finish(&self) -> Result<(), HostFault> {
        if self.is_done { Ok(()) } else { Err(HostFault::Truncated) }
    }

    /// Whether the stream is over: nothing after it counts.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// What the host tells beside what it says, so far. What it consumed is told with the end alone: before, its figure of
    /// output is of the first token. The place stands after a fault too.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

fn index(root: Value<'_>) -> Option<u32> {
    root.member("index").and_then(Value::whole).and_then(|index| index.try_into().ok())
}
