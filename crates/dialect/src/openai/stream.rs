use std::collections::BTreeMap;
use std::fmt;

use phi_words::{Completion, MicroUsd, ModelName, Usage};

use super::choice::{self, Top};
use super::errors;
use super::form::Form;
use super::usage;
use crate::HostFault;
use crate::json::{Document, Kind, Object, Value};
use crate::sse::Event;
use crate::told::Told;

/// What one event of a host's stream comes to.
#[derive(Debug, Clone)]
pub enum Step {
    /// A frame for the caller: the JSON that follows `data: `, on one line.
    Frame(Completion),
    /// The terminal event: the answer is whole.
    Done,
    /// Nothing for the caller: a keep-alive, or the host's usage, which is kept.
    Skip,
}

/// Follows one chat stream of a host. Every frame it gives is complete, names the model as the catalogue does, and holds
/// no usage: that is [`ChatStream::usage_frame`]'s, for those who asked.
pub struct ChatStream {
    name: ModelName,
    host_model: Option<Box<str>>,
    place: Option<Box<str>>,
    head: Option<Head>,
    /// Of the frame before.
    form: Option<Form>,
    told: Told,
    output_chars: u64,
    has_content: bool,
    /// Each choice that was seen, and whether it is finished.
    choices: BTreeMap<u64, bool>,
    is_done: bool,
}

impl ChatStream {
    /// A stream that has not begun, of the model of this catalogue name.
    pub fn new(name: ModelName) -> Self {
        Self {
            name,
            host_model: None,
            place: None,
            head: None,
            form: None,
            told: Told::default(),
            output_chars: 0,
            has_content: false,
            choices: BTreeMap::new(),
            is_done: false,
        }
    }

    /// Takes the next event. After a fault the stream is over; what follows [`Step::Done`] is skipped.
    pub fn feed(&mut self, event: &Event) -> Result<Step, HostFault> {
        let data = event.data.expose_bytes();
        if !self.is_done
            && let Some((frame, chars)) = self.form.as_ref().and_then(|form| form.fill(data))
        {
            self.count(chars);
            return Ok(Step::Frame(Completion::new(frame)));
        }
        self.form = None;
        let said = data.trim_ascii();
        // Some hosts send a comment as data: `data: : keepalive`.
        if self.is_done || said.is_empty() || said.starts_with(b":") {
            return Ok(Step::Skip);
        }
        if said == b"[DONE]" {
            // A host that fell over behind a proxy may still get its terminal event: an answer without an end has none.
            if self.choices.is_empty() || self.choices.values().any(|finished| !finished) {
                return Err(HostFault::Truncated);
            }
            self.is_done = true;
            return Ok(Step::Done);
        }
        let document = Document::parse(data.clone()).map_err(|_| HostFault::Malformed("a frame is not JSON"))?;
        self.chunk(document.root(), data)
    }

    fn chunk(&mut self, root: Value<'_>, data: &[u8]) -> Result<Step, HostFault> {
        let top = Top::read(root);
        if let Some(place) = top.place() {
            self.place = Some(place);
        }
        if top.is_error {
            return Err(HostFault::Stated(errors::read_error_value(root)));
        }
        usage::hear(&mut self.told, top.usage);
        let Some(items) = top.choices.and_then(Value::items) else {
            let fault = Err(HostFault::Malformed("a frame has no choices"));
            return if top.usage.is_some() { Ok(Step::Skip) } else { fault };
        };
        if let Some(model) = top.model.filter(|model| !is_same(*model, self.host_model.as_deref())) {
            self.host_model = model.text().map(Into::into).or(self.host_model.take());
        }
        let mut items = items.peekable();
        if items.peek().is_none() {
            return Ok(Step::Skip);
        }
        if !self.head.as_ref().is_some_and(|head| head.is_of(&top)) {
            self.head = Some(Head::of(&top, &self.name));
        }
        let mut out = self.head.as_ref().map_or_else(Object::new, |head| head.begin(root.raw().len()));
        let mut deltas = Vec::with_capacity(1);
        out.list("choices", |choices| {
            for item in items {
                self.choice(item)?;
                deltas.push((item.member("delta"), choices.object(|choice| choice::write(choice, item))));
            }
            Ok(())
        })?;
        let written = out.finish();
        if let [(Some(delta), Some(at))] = *deltas {
            self.form = Form::of(data, delta, &written, at);
        }
        Ok(Step::Frame(Completion::new(written)))
    }

    /// Counts what a choice of a chunk says.
    fn choice(&mut self, item: Value<'_>) -> Result<(), HostFault> {
        let index = item.member("index").and_then(Value::whole);
        let index = index.filter(|index| *index < MAX_CHOICES);
        let index = index.ok_or(HostFault::Malformed("a choice has no index"))?;
        let delta = item.member("delta");
        if delta.is_some_and(|delta| delta.kind() != Kind::Object) {
            return Err(HostFault::Malformed("a delta is no object"));
        }
        self.count(delta.map_or(0, choice::chars));
        *self.choices.entry(index).or_default() |= choice::is_finished(item)?;
        Ok(())
    }

    /// Reads the next event from its beginning, whatever the last was like.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn forget(&mut self) {
        self.form = None;
    }

    /// Whether an event is filled in, and not read.
    #[cfg(test)]
    pub(super) fn is_formed(&self, event: &Event) -> bool {
        self.form.as_ref().is_some_and(|form| form.fill(event.data.expose_bytes()).is_some())
    }

    fn count(&mut self, chars: u64) {
        self.output_chars += chars;
        self.has_content |= chars > 0;
    }

    /// To be asked when the host closes: a stream without its terminal event is [`HostFault::Truncated`].
    pub fn finish(&self) -> Result<(), HostFault> {
        if self.is_done { Ok(()) } else { Err(HostFault::Truncated) }
    }

    /// Whether the terminal event has come.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether a frame with content was among those given; until then the walk may still try another route.
    pub fn has_content(&self) -> bool {
        self.has_content
    }

    /// Characters of output in the frames given so far: the ground of an estimate.
    pub fn output_chars(&self) -> u64 {
        self.output_chars
    }

    /// What the host last said it consumed, if it is sound.
    pub fn usage(&self) -> Option<Usage> {
        self.told.figures(self.output_chars)
    }

    /// The model that the host says is answering.
    pub fn host_model(&self) -> Option<&str> {
        self.host_model.as_deref()
    }

    /// Where the host last said that it answers, as [`super::place`] reads it; also of an event that was a fault.
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// The last chunk for those who asked for usage: no choices, the figures, and what was charged.
    pub fn usage_frame(&self, usage: &Usage, charged: Option<MicroUsd>) -> Completion {
        let mut out = Object::new();
        let head = self.head.as_ref();
        out.text("id", head.and_then(|head| head.id.as_deref()).unwrap_or("chatcmpl-unnamed"))
            .text("object", CHUNK)
            .whole("created", head.map_or(0, |head| head.made))
            .text("model", self.name.as_str())
            .raw("choices", b"[]")
            .object("usage", |out| usage::write(out, usage, charged));
        Completion::new(out.finish())
    }
}

/// What every frame of a stream begins with, mostly: it is written again only when the host says something else.
struct Head {
    /// What the host said, as it was written.
    said: [Option<Box<[u8]>>; 4],
    id: Option<Box<str>>,
    made: u64,
    written: Object,
}

impl Head {
    fn of(top: &Top<'_>, name: &ModelName) -> Self {
        let mut written = Object::new();
        top.head(&mut written, CHUNK, name);
        let said = top.heads().map(|value| value.map(|value| value.raw().into()));
        Self { said, id: top.id.and_then(Value::text).map(Into::into), made: top.made(), written }
    }

    fn is_of(&self, top: &Top<'_>) -> bool {
        self.said.iter().zip(top.heads()).all(|(said, value)| said.as_deref() == value.map(Value::raw))
    }

    fn begin(&self, room: usize) -> Object {
        Object::from_start(&self.written, room)
    }
}

/// Whether a host says the same again, as most do in every chunk.
fn is_same(value: Value<'_>, before: Option<&str>) -> bool {
    before.is_some_and(|before| value.is_text(before))
}

/// How many choices a request may ask for: a host that counts further makes us remember each.
const MAX_CHOICES: u64 = 128;

const CHUNK: &str = "chat.completion.chunk";

impl fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStream")
            .field("name", &self.name)
            .field("output_chars", &self.output_chars)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HostErrorKind;
    use crate::sse;

    /// Runs a stream through parser and machine: the frames, how it ended, and the machine.
    fn run(stream: &str) -> (Vec<String>, Result<(), HostFault>, ChatStream) {
        let mut machine = ChatStream::new("house/model".parse().unwrap());
        let mut frames = Vec::new();
        for event in sse::Parser::new().feed(stream.as_bytes()).unwrap() {
            match machine.feed(&event) {
                Ok(Step::Frame(frame)) => frames.push(String::from_utf8(frame.expose_bytes().to_vec()).unwrap()),
                Ok(Step::Done | Step::Skip) => {}
                Err(fault) => return (frames, Err(fault), machine),
            }
        }
        let end = machine.finish();
        (frames, end, machine)
    }

    fn chunk(delta: &str, finish: &str, rest: &str) -> String {
        format!(
            "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"Own\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]{rest}}}\n\n"
        )
    }

    const DONE: &str = "data: [DONE]\n\n";

    #[test]
    fn the_place_that_a_chunk_tells_is_read_at_once() {
        let mut machine = ChatStream::new("house/model".parse().unwrap());
        let mut tells = |geo: &str, choices: &str| {
            let chunk = format!("data: {{\"choices\":{choices},\"usage\":{{\"inference_geo\":{geo}}}}}\n\n");
            for event in sse::Parser::new().feed(chunk.as_bytes()).unwrap() {
                let _ = machine.feed(&event);
            }
            machine.place().map(str::to_owned)
        };
        assert_eq!(tells("null", "[]"), None);
        assert_eq!(tells("\"us\"", "[]").as_deref(), Some("us"));
        assert_eq!(tells("null", "[]").as_deref(), Some("us"));
        assert_eq!(tells("\"global\"", "5").as_deref(), Some("global"), "also of a chunk that makes no sense");
    }

    #[test]
    fn a_stream_passes_in_our_name_and_keeps_its_figures_back() {
        let stream = [
            ": OPENROUTER PROCESSING\n\n".to_owned(),
            "data: : keepalive\n\n".to_owned(),
            chunk(
                r#"{"role":"assistant","content":""}"#,
                "null",
                r#","usage":{"prompt_tokens":5,"completion_tokens":0}"#,
            ),
            chunk(
                r#"{"content":"Gr\u00fc"}"#,
                "null",
                r#","usage":{"prompt_tokens":5,"completion_tokens":1},"timings":{}"#,
            ),
            chunk(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}"#, "null", ",\"usage\":null"),
            chunk("{}", "\"odd_reason\"", ""),
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":4,\"total_tokens\":9}}\n\n"
                .to_owned(),
            DONE.to_owned(),
            "data: garbage after the end\n\n".to_owned(),
        ]
        .concat();
        let (frames, end, machine) = run(&stream);
        assert_eq!(end, Ok(()));
        assert_eq!(
            frames,
            [r#"{"role":"assistant","content":""}"#, r#"{"content":"Gr\u00fc"}"#, r#"{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}"#, "{}"]
                .into_iter()
                .zip(["null", "null", "null", "\"odd_reason\""])
                .map(|(delta, finish)| format!(
                    r#"{{"id":"c1","object":"chat.completion.chunk","created":7,"model":"house/model","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#
                ))
                .collect::<Vec<_>>()
        );
        assert_eq!((machine.output_chars(), machine.has_content(), machine.host_model()), (5, true, Some("Own")));
        let usage = machine.usage().unwrap();
        assert_eq!(usage.tokens(), 9);
        let last = machine.usage_frame(&usage, Some(MicroUsd::new(4200)));
        let last: serde_json::Value = serde_json::from_slice(last.expose_bytes()).unwrap();
        assert_eq!(last["choices"], serde_json::json!([]));
        assert_eq!(
            (&last["id"], &last["usage"]["cost_micro"], &last["usage"]["total_tokens"]),
            (&"c1".into(), &4200.into(), &9.into())
        );
    }

    #[test]
    fn an_end_that_is_none_is_not_success() {
        let start = chunk(r#"{"content":"a"}"#, "null", "");
        let end = chunk("{}", "\"stop\"", "");
        assert_eq!(run("").1, Err(HostFault::Truncated));
        assert_eq!(run(DONE).1, Err(HostFault::Truncated));
        assert_eq!(run(&start).1, Err(HostFault::Truncated));
        assert_eq!(run(&(start.clone() + DONE)).1, Err(HostFault::Truncated));
        assert_eq!(run(&(start.clone() + &end)).1, Err(HostFault::Truncated));
        assert_eq!(run(&(start.clone() + &end + "data: [DONE]\n")).1, Err(HostFault::Truncated));
        let two = start.replace("\"index\":0", "\"index\":1");
        assert_eq!(run(&(start.clone() + &two + &end + DONE)).1, Err(HostFault::Truncated));
        assert_eq!(run(&(start + &end + DONE)).1, Ok(()));
    }

    #[test]
    fn preambles_are_no_content() {
        let (frames, _, machine) = run(&chunk(r#"{"role":"assistant","content":""}"#, "null", ""));
        assert_eq!((frames.len(), machine.has_content()), (1, false));
        let (_, _, machine) = run(&chunk(r#"{"reasoning_content":"hm"}"#, "null", ""));
        assert!(machine.has_content());
    }

    #[test]
    fn faults_in_mid_stream_end_it() {
        let start = chunk(r#"{"content":"a"}"#, "null", "");
        for bad in [
            "{\"choices\":[",
            "[]",
            "{}",
            "5",
            "{\"choices\":[{}]}",
            "{\"choices\":[{\"index\":128}]}",
            "{\"choices\":[{\"index\":0,\"delta\":\"x\"}]}",
            "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"error\"}]}",
            "\u{7f}",
        ] {
            let (frames, end, _) = run(&format!("{start}data: {bad}\n\n{start}"));
            assert!(matches!(end, Err(HostFault::Malformed(_))), "{bad}");
            assert_eq!(frames.len(), 1);
        }
        for stated in [
            r#"{"error":{"code":503,"message":"patient 4711"},"choices":[]}"#,
            r#"{"object":"error","message":"patient 4711"}"#,
        ] {
            let (_, end, machine) = run(&format!("{start}data: {stated}\n\n"));
            let Err(HostFault::Stated(error)) = &end else { panic!("{end:?}") };
            assert_eq!(error.kind, HostErrorKind::Other);
            assert!(!format!("{end:?} {machine:?}").contains("patient"));
        }
    }

    #[test]
    fn payloads_that_look_like_events_stay_inside_their_frame() {
        let content = r#"{"content":"\n\ndata: [DONE]\n\n"}"#;
        let (frames, ..) = run(&chunk(content, "null", ""));
        assert_eq!(frames.len(), 1);
        let framed = sse::frame(&Completion::new(frames.concat()));
        assert_eq!(sse::Parser::new().feed(&framed).unwrap().len(), 1);
        let spread = "data: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"a\"}}]}\n\n";
        assert!(!run(spread).0.concat().contains('\n'));
    }
}
