use std::collections::BTreeMap;

use phi_words::Completion;

use super::choice::Top;
use super::errors;
use super::usage;
use crate::HostFault;
use crate::json::{Document, Kind, Value};
use crate::middle::{Answer, Block, Facts, Finish, Said};
use crate::sse::Event;
use crate::told::Told;

/// Hears an answer in OpenAI's chat format, for callers who speak another. Texts, thoughts and refusals come one after the
/// other, each ending where the next begins; calls stay open to the end, since their arguments may come in turns.
///
/// Probabilities of tokens and annotations of what a host has searched are not heard: nobody asks for them.
#[derive(Default)]
pub struct Stream {
    blocks: Blocks,
    facts: Facts,
    told: Told,
    chars: u64,
    is_finished: bool,
    is_done: bool,
}

impl Stream {
    /// A stream that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event. After a fault the stream is over; what follows its end is skipped.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn feed(&mut self, event: &Event) -> Result<Vec<Said>, HostFault> {
        let data = event.data.expose_bytes();
        let told = data.trim_ascii();
        // Some hosts send a comment as data: `data: : keepalive`.
        if self.is_done || told.is_empty() || told.starts_with(b":") {
            return Ok(Vec::new());
        }
        if told == b"[DONE]" {
            if !self.is_finished {
                return Err(HostFault::Truncated);
            }
            self.is_done = true;
            return Ok(Vec::new());
        }
        let document = Document::parse(data.clone()).map_err(|_| HostFault::Malformed("a frame is not JSON"))?;
        let top = Top::read(document.root());
        self.facts.hear(&top);
        if top.is_error {
            return Err(HostFault::Stated(errors::read_error_value(document.root())));
        }
        usage::hear(&mut self.told, top.usage);
        let items = top.choices.and_then(Value::items);
        if items.is_none() && top.usage.is_none() {
            return Err(HostFault::Malformed("a frame has no choices"));
        }
        let mut said = Vec::new();
        for choice in items.into_iter().flatten() {
            is_the_one(choice)?;
            if let Some(delta) = choice.member("delta") {
                self.blocks.hear(delta, self.facts.id.as_deref(), &mut said)?;
            }
            if let Some(finish) = choice.member("finish_reason").filter(|_| !self.is_finished) {
                self.is_finished = true;
                self.blocks.finish(finish, &mut said);
            }
        }
        self.chars += said.iter().map(Said::chars).sum::<u64>();
        self.facts.usage = self.told.figures(self.chars);
        Ok(said)
    }

    /// To be asked when the host closes.
    ///
    /// # Errors
    /// A stream without its terminal event is [`HostFault::Truncated`].
    pub fn finish(&self) -> Result<(), HostFault> {
        if self.is_done { Ok(()) } else { Err(HostFault::Truncated) }
    }

    /// Whether the terminal event has come.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// What the host told so far beside what it says.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

/// Hears a whole answer.
///
/// # Errors
/// What is wrong with it.
pub fn read_reply(body: &Completion) -> Result<Answer, HostFault> {
    let malformed = HostFault::Malformed;
    let document = Document::parse(body.expose_bytes().clone()).map_err(|_| malformed("the body is not JSON"))?;
    let top = Top::read(document.root());
    if top.is_error {
        return Err(HostFault::Stated(errors::read_error_value(document.root())));
    }
    let (mut blocks, mut said, mut facts, mut told) =
        (Blocks::default(), Vec::new(), Facts::default(), Told::default());
    let mut items = top.choices.and_then(Value::items).into_iter().flatten();
    let (Some(choice), None) = (items.next(), items.next()) else { return Err(malformed("there is not one choice")) };
    is_the_one(choice)?;
    facts.hear(&top);
    let message = choice.member("message").ok_or(malformed("a choice has no message"))?;
    blocks.hear(message, facts.id.as_deref(), &mut said)?;
    let finish = choice.member("finish_reason").ok_or(malformed("a choice has no end"))?;
    blocks.finish(finish, &mut said);
    usage::hear(&mut told, top.usage);
    facts.usage = told.figures(said.iter().map(Said::chars).sum());
    Ok(Answer { said, facts })
}

/// We ask for one choice.
fn is_the_one(choice: Value<'_>) -> Result<(), HostFault> {
    match choice.member("index") {
        Some(index) if index.whole() != Some(0) => Err(HostFault::Malformed("there is more than one choice")),
        Some(_) | None => Ok(()),
    }
}

impl Facts {
    fn hear(&mut self, top: &Top<'_>) {
        if self.id.is_none() {
            self.id = top.id.and_then(Value::text).map(Into::into);
        }
        if let Some(model) = top.model.and_then(Value::text) {
            self.host_model = Some((&*model).into());
        }
        if let Some(place) = top.place() {
            self.place = Some(place);
        }
    }
}

/// The blocks that are open.
#[derive(Default)]
struct Blocks {
    begun: u32,
    /// The text, thought or refusal that goes on.
    open: Option<(u32, &'static str)>,
    /// The calls, by the host's index.
    calls: BTreeMap<u64, u32>,
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
    fn hear(&mut self, delta: Value<'_>, id: Option<&str>, said: &mut Vec<Said>) -> Result<(), HostFault> {
        if delta.kind() != Kind::Object {
            return Err(HostFault::Malformed("a delta is no object"));
        }
        // Some hosts give a thought under both names.
        let thought = delta.member("reasoning_content").or_else(|| delta.member("reasoning"));
        if let Some(thought) = thought.and_then(Value::text) {
            self.go_on("thought", &thought, said);
        }
        match (delta.member("content"), delta.member("content").and_then(Value::items)) {
            (_, Some(chunks)) => chunks.for_each(|chunk| self.hear_chunk(chunk, said)),
            (Some(content), None) => {
                let text = content.text().ok_or(HostFault::Malformed("the content is no text"))?;
                self.go_on("text", &text, said);
            }
            (None, None) => {}
        }
        if let Some(refusal) = delta.member("refusal").and_then(Value::text) {
            self.go_on("refusal", &refusal, said);
        }
        for (place, call) in delta.member("tool_calls").and_then(Value::items).into_iter().flatten().enumerate() {
            self.hear_call(place as u64, call, id, said)?;
        }
        Ok(())
    }

    /// One chunk of a list, as Mistral speaks: a text, or a thought of texts.
    fn hear_chunk(&mut self, chunk: Value<'_>, said: &mut Vec<Said>) {
        match chunk.member("type").and_then(Value::text).as_deref() {
            Some("thinking") => {
                for part in chunk.member("thinking").and_then(Value::items).into_iter().flatten() {
                    let text = part.member("text").and_then(Value::text).unwrap_or_default();
                    self.go_on("thought", &text, said);
                }
            }
            _ => {
                if let Some(text) = chunk.member("text").and_then(Value::text) {
                    self.go_on("text", &text, said);
                }
            }
        }
    }

    fn go_on(&mut self, kind: &'static str, text: &str, said: &mut Vec<Said>) {
        if text.is_empty() {
            return;
        }
        let number = match self.open {
            Some((number, open)) if open == kind => number,
            _ => {
                self.close(said);
                let block = match kind {
                    "thought" => Block::Thought,
                    "refusal" => Block::Refusal,
                    _ => Block::Text,
                };
                let number = self.begin(block, said);
                self.open = Some((number, kind));
                number
            }
        };
        said.push(Said::More(number, text.to_owned()));
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
        let number = match self.calls.get(&index) {
            Some(number) => *number,
            None => {
                self.close(said);
                let name = of("name").ok_or(HostFault::Malformed("a call has no name"))?.into_owned();
                let id = call.member("id").and_then(Value::text).filter(|id| !id.is_empty());
                let id = id.map_or_else(|| made_id(index, answer), Into::into);
                let number = self.begin(Block::Call { id, name }, said);
                self.calls.insert(index, number);
                number
            }
        };
        match function.and_then(|function| function.member("arguments")) {
            Some(arguments) if arguments.kind() == Kind::Object => {
                said.push(Said::More(number, String::from_utf8_lossy(arguments.raw()).into_owned()));
            }
            Some(arguments) => {
                let text = arguments.text().ok_or(HostFault::Malformed("the arguments of a call are no text"))?;
                if !text.is_empty() {
                    said.push(Said::More(number, text.into_owned()));
                }
            }
            None => {}
        }
        let seal = call.member("extra_content").and_then(|extra| extra.member("google")?.member("thought_signature"));
        said.extend(seal.and_then(Value::text).map(|seal| Said::Signature(number, seal.into_owned())));
        Ok(())
    }

    fn begin(&mut self, block: Block, said: &mut Vec<Said>) -> u32 {
        let number = self.begun;
        self.begun += 1;
        said.push(Said::Begin(number, block));
        number
    }

    fn close(&mut self, said: &mut Vec<Said>) {
        said.extend(self.open.take().map(|(number, _)| Said::End(number)));
    }

    /// The end of the answer, for the host's reason.
    fn finish(&mut self, reason: Value<'_>, said: &mut Vec<Said>) {
        self.close(said);
        said.extend(std::mem::take(&mut self.calls).into_values().map(Said::End));
        let word = reason.text().unwrap_or_default();
        said.push(Said::Finish(match &*word {
            "stop" => Finish::Stop,
            "length" => Finish::Length,
            // Mistral's (its OpenAPI, `ChatCompletionChoice`).
            "model_length" => Finish::Context,
            "tool_calls" | "function_call" => Finish::Calls,
            "content_filter" => Finish::Refused,
            word => Finish::other(word),
        }));
    }
}

crate::middle::hidden!(Stream);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middle::joined;
    use crate::sse::Parser;

    fn hear(frames: &[&str]) -> (Vec<Said>, Result<(), HostFault>, Stream) {
        let (mut stream, mut said) = (Stream::new(), Vec::new());
        let text: String = frames.iter().map(|frame| format!("data: {frame}\n\n")).collect();
        for event in Parser::new().feed(text.as_bytes()).unwrap() {
            match stream.feed(&event) {
                Ok(more) => said.extend(more),
                Err(fault) => return (joined(said), Err(fault), stream),
            }
        }
        let end = stream.finish();
        (joined(said), end, stream)
    }

    fn delta(delta: &str) -> String {
        format!(r#"{{"id":"c1","model":"own","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#)
    }

    fn finished(reason: &str) -> String {
        format!(r#"{{"id":"c1","model":"own","choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
    }

    const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":4,"total_tokens":9}}"#;

    #[test]
    fn a_stream_and_a_whole_answer_say_the_same() {
        let deltas = [
            r#"{"role":"assistant","content":""}"#,
            r#"{"reasoning_content":"h"}"#,
            r#"{"reasoning":"m"}"#,
            r#"{"content":"Gr"}"#,
            r#"{"content":"\u00fc\n"}"#,
            r#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}"#,
            r#"{"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}},{"index":0,"function":{"arguments":"{\"x\":"}}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"1}"},"extra_content":{"google":{"thought_signature":"s"}}}]}"#,
        ];
        let deltas: Vec<String> = deltas.into_iter().map(delta).collect();
        let end = finished("tool_calls");
        let mut frames: Vec<&str> = deltas.iter().map(String::as_str).collect();
        frames.extend([": keepalive", end.as_str(), USAGE, "[DONE]", "garbage"]);
        let (said, end, stream) = hear(&frames);
        assert_eq!(end, Ok(()));
        let whole = r#"{"id":"c1","model":"own","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant",
            "content":"Gr\u00fc\n","reasoning_content":"hm","tool_calls":[
              {"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"},"extra_content":{"google":{"thought_signature":"s"}}},
              {"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]}}],
            "usage":{"prompt_tokens":5,"completion_tokens":4,"total_tokens":9}}"#;
        let answer = read_reply(&Completion::new(whole)).unwrap();
        assert!(said == joined(answer.said));
        let facts = |facts: &Facts| (facts.id.clone(), facts.host_model.clone(), facts.usage);
        assert_eq!(facts(stream.facts()), facts(&answer.facts));
        assert_eq!(answer.facts.usage.unwrap().tokens(), 9);
    }

    #[test]
    fn chunks_in_the_place_of_texts_are_heard() {
        let chunks = r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"},{"type":"reference","reference_ids":[1]}]}"#;
        let (said, ..) = hear(&[&delta(chunks), &finished("length"), "[DONE]"]);
        let text = |number, text: &str| Said::More(number, text.to_owned());
        assert!(
            said == [
                Said::Begin(0, Block::Thought),
                text(0, "hm"),
                Said::End(0),
                Said::Begin(1, Block::Text),
                text(1, "a"),
                Said::End(1),
                Said::Finish(Finish::Length),
            ]
        );
    }

    #[test]
    fn what_is_no_answer_is_none() {
        let start = delta(r#"{"content":"a"}"#);
        for end in [&[][..], &["[DONE]"], &[USAGE]] {
            let frames: Vec<&str> = std::iter::once(start.as_str()).chain(end.iter().copied()).collect();
            assert_eq!(hear(&frames).1, Err(HostFault::Truncated), "{end:?}");
        }
        assert_eq!(hear(&[&start, &finished("stop")]).1, Err(HostFault::Truncated));
        let second = start.replace("\"index\":0", "\"index\":1");
        let nameless = delta(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}"#);
        let far = delta(r#"{"tool_calls":[{"index":128,"function":{"name":"f"}}]}"#);
        for bad in ["{", "5", "{}", &second, &nameless, &far, &delta("5"), &delta(r#"{"content":5}"#)] {
            assert!(matches!(hear(&[&start, bad]).1, Err(HostFault::Malformed(_))), "{bad}");
        }
        let stated = r#"{"error":{"message":"patient 4711"}}"#;
        assert!(matches!(hear(&[&start, stated]).1, Err(HostFault::Stated(_))));
        for bad in [
            "{}",
            r#"{"choices":[]}"#,
            r#"{"choices":[{"index":0,"message":{"content":"a"}}]}"#,
            r#"{"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"},{"index":1}]}"#,
        ] {
            assert!(matches!(read_reply(&Completion::new(bad)), Err(HostFault::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn a_call_without_an_id_gets_one_of_its_answer() {
        let call = delta(r#"{"tool_calls":[{"index":2,"function":{"name":"f","arguments":"{}"}}]}"#);
        let id = |call: &str| match hear(&[call]).0.first() {
            Some(Said::Begin(_, Block::Call { id, .. })) => id.clone(),
            _ => String::new(),
        };
        assert_eq!(id(&call), "call_2_c1");
        assert_eq!(id(&call.replace("\"c1\"", "\"no word\"")), "call_2");
    }

    #[test]
    fn a_word_of_the_host_is_kept_and_a_sentence_is_not() {
        let finish = |reason: &str| hear(&[&finished(reason), "[DONE]"]).0;
        assert!(finish("odd_reason") == [Said::Finish(Finish::Other("odd_reason".to_owned()))]);
        assert!(finish("the patient is") == [Said::Finish(Finish::Other("unknown".to_owned()))]);
    }
}
