use super::super::choice::FAILED;
use crate::HostFault;
use crate::anthropic::block::line;
use crate::citation::Web;
use crate::json::{Kind, Value};
use crate::middle::{Block, Finish, Json, Said};

/// The blocks that are open.
#[derive(Default)]
pub(super) struct Blocks {
    begun: u32,
    /// The text, thought or refusal that goes on.
    open: Option<(u32, &'static str)>,
    /// How many characters all texts have so far, and had before the one that goes on.
    chars: (u64, u64),
    /// The calls, in the order in which they began.
    calls: Vec<Call>,
}

/// A call that has begun.
struct Call {
    /// The host's index.
    index: u64,
    id: String,
    number: u32,
    arguments: Arguments,
    is_over: bool,
}

/// Follows the arguments of a call to where their object ends.
#[derive(Default)]
struct Arguments {
    depth: u64,
    is_text: bool,
    is_escaped: bool,
    is_whole: bool,
}

impl Arguments {
    fn hear(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.is_text => self.is_escaped = true,
                b'"' => self.is_text = !self.is_text,
                _ if self.is_text => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    self.is_whole = self.depth == 0;
                }
                _ => {}
            }
        }
    }
}

/// The id of a call of a host that gives none: another in each answer, as far as answers have ids.
fn made_id(index: u64, answer: Option<&str>) -> String {
    let is_word = |id: &&str| {
        (1..=48).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    match answer.filter(is_word) {
        Some(answer) => format!("call_{index}_{answer}"),
        None => format!("call_{index}"),
    }
}

/// How many calls an answer may make: a host that counts further makes us remember each.
const MAX_CALLS: u64 = 128;

impl Blocks {
    /// Hears a delta, or a whole message, of the answer of this id.
    pub(super) fn hear(&mut self, delta: Value<'_>, id: Option<&str>, said: &mut Vec<Said>) -> Result<(), HostFault> {
        if delta.kind() != Kind::Object {
            return Err(HostFault::Malformed("a delta is no object"));
        }
        // Some hosts give a thought under both names.
        let thought = delta.member("reasoning_content").or_else(|| delta.member("reasoning"));
        if let Some(thought) = thought.and_then(Value::text) {
            self.go_on("thought", &thought, said);
        }
        match (delta.member("content"), delta.member("content").and_then(Value::items)) {
            (_, Some(mut chunks)) => chunks.try_for_each(|chunk| self.hear_chunk(chunk, said))?,
            (Some(content), None) => {
                let text = content.text().ok_or(HostFault::Malformed("the content is no text"))?;
                self.go_on("text", &text, said);
            }
            (None, None) => {}
        }
        for annotation in delta.member("annotations").and_then(Value::items).into_iter().flatten() {
            self.cite(annotation, said);
        }
        if let Some(refusal) = delta.member("refusal").and_then(Value::text) {
            self.go_on("refusal", &refusal, said);
        }
        for (place, call) in delta.member("tool_calls").and_then(Value::items).into_iter().flatten().enumerate() {
            self.hear_call(place as u64, call, id, said)?;
        }
        Ok(())
    }

    /// One chunk of a list, as Mistral speaks: a text, a thought of texts, or what a text is from. One of another kind is a
    /// fault: left out, the answer would be another.
    fn hear_chunk(&mut self, chunk: Value<'_>, said: &mut Vec<Said>) -> Result<(), HostFault> {
        match chunk.member("type").and_then(Value::text).as_deref() {
            Some("thinking") => {
                for part in chunk.member("thinking").and_then(Value::items).into_iter().flatten() {
                    let text = part.member("text").and_then(Value::text).unwrap_or_default();
                    self.go_on("thought", &text, said);
                }
            }
            Some("reference") => self.cite(chunk, said),
            _ => {
                let text = chunk.member("text").and_then(Value::text);
                let text = text.ok_or(HostFault::Malformed("a chunk is of a kind that we do not know"))?;
                self.go_on("text", &text, said);
            }
        }
        Ok(())
    }

    /// Where a text is from, its figures those of the block. If the text has ended, it is said of an empty one behind it.
    fn cite(&mut self, citation: Value<'_>, said: &mut Vec<Said>) {
        let number = self.at("text", said);
        let raw = Json(line(citation).into());
        let web = Web::read(&raw).map(|web| {
            let within = |at: u64| at.checked_sub(self.chars.1);
            Web { span: web.span.and_then(|(from, to)| Some((within(from)?, within(to)?))), ..web }
        });
        said.push(Said::Citation(number, web.map_or(raw, |web| web.said())));
    }

    fn go_on(&mut self, kind: &'static str, text: &str, said: &mut Vec<Said>) {
        if text.is_empty() {
            return;
        }
        let number = self.at(kind, said);
        if kind == "text" {
            self.chars.0 += text.chars().count() as u64;
        }
        said.push(Said::More(number, text.to_owned()));
    }

    /// The block of this kind that goes on; begins it where it does not.
    fn at(&mut self, kind: &'static str, said: &mut Vec<Said>) -> u32 {
        if let Some((number, _)) = self.open.filter(|(_, open)| *open == kind) {
            return number;
        }
        let block = match kind {
            "thought" => Block::Thought,
            "refusal" => Block::Refusal,
            _ => Block::Text,
        };
        let number = self.begin(block, said);
        self.open = Some((number, kind));
        self.chars.1 = self.chars.0;
        number
    }

    fn hear_call(
        &mut self,
        place: u64,
        call: Value<'_>,
        answer: Option<&str>,
        said: &mut Vec<Said>,
    ) -> Result<(), HostFault> {
        let index = match call.member("index") {
            Some(index) => index.whole().filter(|index| *index < MAX_CALLS),
            None => Some(place),
        };
        let index = index.ok_or(HostFault::Malformed("a call has no index"))?;
        let function = call.member("function");
        let of = |name| function.and_then(|function| function.member(name)).and_then(Value::text);
        let id = call.member("id").and_then(Value::text).filter(|id| !id.is_empty());
        // Google counts calls that come at once with the same index.
        let is_other = |known: &Call| id.as_ref().is_some_and(|id| **id != known.id) && of("name").is_some();
        let known = self.calls.iter().rposition(|known| known.index == index && !is_other(known));
        let at = match known {
            Some(at) => at,
            None => {
                let name = of("name").ok_or(HostFault::Malformed("a call has no name"))?.into_owned();
                if self.calls.len() as u64 >= MAX_CALLS {
                    return Err(HostFault::Malformed("there are too many calls"));
                }
                let id = id.map_or_else(|| made_id(index, answer), Into::into);
                let number = self.begin(Block::Call { id: id.clone(), name }, said);
                self.calls.push(Call { index, id, number, arguments: Arguments::default(), is_over: false });
                self.calls.len() - 1
            }
        };
        let Some(known) = self.calls.get_mut(at) else { return Ok(()) };
        let mut more = Vec::new();
        match function.and_then(|function| function.member("arguments")) {
            Some(arguments) if arguments.kind() == Kind::Object => {
                known.arguments.is_whole = true;
                more.push(Said::More(known.number, line(arguments)));
            }
            Some(arguments) => {
                let text = arguments.text().ok_or(HostFault::Malformed("the arguments of a call are no text"))?;
                known.arguments.hear(&text);
                let is_said = if known.is_over { !text.trim().is_empty() } else { !text.is_empty() };
                more.extend(is_said.then(|| Said::More(known.number, text.into_owned())));
            }
            None => {}
        }
        let seal = call.member("extra_content").and_then(|extra| extra.member("google")?.member("thought_signature"));
        more.extend(seal.and_then(Value::text).map(|seal| Said::Signature(known.number, seal.into_owned())));
        if known.is_over && !more.is_empty() {
            return Err(HostFault::Malformed("a call goes on after its end"));
        }
        said.append(&mut more);
        Ok(())
    }

    /// Begins a block, and ends those that are whole.
    fn begin(&mut self, block: Block, said: &mut Vec<Said>) -> u32 {
        said.extend(self.open.take().map(|(number, _)| Said::End(number)));
        for call in self.calls.iter_mut().filter(|call| call.arguments.is_whole && !call.is_over) {
            call.is_over = true;
            said.push(Said::End(call.number));
        }
        let number = self.begun;
        self.begun += 1;
        said.push(Said::Begin(number, block));
        number
    }

    /// The end of the answer, for the host's reason.
    pub(super) fn finish(&mut self, reason: Value<'_>, said: &mut Vec<Said>) -> Result<(), HostFault> {
        said.extend(self.open.take().map(|(number, _)| Said::End(number)));
        said.extend(self.calls.drain(..).filter(|call| !call.is_over).map(|call| Said::End(call.number)));
        said.push(Said::Finish(match &*reason.text().unwrap_or_default() {
            "stop" => Finish::Stop,
            "length" => Finish::Length,
            // Mistral's (its OpenAPI, `ChatCompletionChoice`), as the next.
            "model_length" => Finish::Context,
            "error" => return Err(HostFault::Malformed(FAILED)),
            "tool_calls" | "function_call" => Finish::Calls,
            "content_filter" => Finish::Refused,
            word => Finish::other(word),
        }));
        Ok(())
    }
}
