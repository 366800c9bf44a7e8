//! What it costs to speak for a caller in another dialect: `cargo bench -p phi-dialect`. A request of 4 KB with turns, tools
//! and a schema, from the validated body to the host's; and one event of a stream that goes on, from the host's to the
//! caller's.

use std::collections::VecDeque;
use std::fmt::Write;

use divan::Bencher;
use phi_dialect::anthropic::At;
use phi_dialect::sse::Event;
use phi_dialect::{Carry, Listener, Question, Sealer, Speaks, Way};
use phi_words::{Capability, Class, Completion, Prompt};

const CLAUDE: Speaks = Speaks::Anthropic(At::FirstParty { geo: None });
const WAYS: [Way; 3] = [Way::Chat, Way::Messages, Way::Responses];

fn main() {
    divan::main();
}

fn sealer() -> Sealer {
    Sealer::new(|_, plain| Some(format!("{plain:02x?}")), |_, _| None)
}

fn question(way: Way, stream: bool) -> Question {
    let body = match way {
        Way::Responses => format!(r#"{{"model":"m","stream":{stream},"input":[{}]}}"#, turns("input_text")),
        Way::Messages => format!(
            r#"{{"model":"m","max_tokens":500,"stream":{stream},"messages":[{}],"tools":[{}]}}"#,
            turns("text"),
            tools(r#""input_schema":"#, "")
        ),
        Way::Chat | Way::Embeddings | Way::Work(_) => format!(
            r#"{{"model":"m","max_tokens":500,"stream":{stream},"messages":[{}],"tools":[{}]}}"#,
            turns("text"),
            tools(r#""type":"function","function":{"parameters":"#, "}")
        ),
    };
    way.read(Prompt::new(body), Class::General, &sealer()).expect("a question")
}

/// Some 2.5 KB of what was said.
fn turns(kind: &str) -> String {
    let said = "What does the discharge letter say of the dose, and since when has it been so? ".repeat(5);
    let mut turns = String::new();
    for turn in 0..5 {
        let (role, kind) = match (turn % 2, kind) {
            (0, kind) => ("user", kind),
            (_, "input_text") => ("assistant", "output_text"),
            (_, kind) => ("assistant", kind),
        };
        let comma = if turn == 0 { "" } else { "," };
        write!(turns, r#"{comma}{{"role":"{role}","content":[{{"type":"{kind}","text":"{said}"}}]}}"#).expect("text");
    }
    turns
}

/// Some 1.5 KB of tools.
fn tools(before: &str, after: &str) -> String {
    let schema = r#"{"type":"object","properties":{"name":{"type":"string","description":"the name of a medicine as the pharmacopoeia has it"},"amount":{"type":"number"}},"required":["name"]}"#;
    let tool = |name: &str| {
        let named = format!(r#","name":"{name}","description":"looks up what is known of a medicine""#);
        format!("{{{before}{schema}{named}{after}}}")
    };
    ["look_up", "interactions", "dose", "history"].map(tool).join(",")
}

fn carry(speaks: Speaks) -> Carry {
    let capabilities = Capability::ALL.iter().copied().collect();
    Carry { speaks, capabilities, ..Carry::plain("gemini-3.5-flash".parse().expect("a name")) }
}

fn request(bencher: Bencher<'_, '_>, way: Way, speaks: Speaks) {
    let carry = carry(speaks);
    bencher.with_inputs(|| question(way, true)).bench_values(|question| {
        question.fits(&carry).expect("it fits");
        question.begin(&carry, &str::to_owned, Class::General)
    });
}

#[divan::bench(args = WAYS)]
fn request_to_openai(bencher: Bencher<'_, '_>, way: Way) {
    request(bencher, way, Speaks::OpenAi);
}

#[divan::bench(args = WAYS)]
fn request_to_mistral(bencher: Bencher<'_, '_>, way: Way) {
    request(bencher, way, Speaks::Mistral);
}

#[divan::bench(args = WAYS)]
fn request_to_anthropic(bencher: Bencher<'_, '_>, way: Way) {
    request(bencher, way, CLAUDE);
}

#[divan::bench(args = WAYS)]
fn request_to_gemini(bencher: Bencher<'_, '_>, way: Way) {
    request(bencher, way, Speaks::Gemini);
}

#[divan::bench(args = WAYS)]
fn request_to_bedrock(bencher: Bencher<'_, '_>, way: Way) {
    request(bencher, way, Speaks::Bedrock);
}

/// The first event of a stream, and one with which it goes on.
fn frame(bencher: Bencher<'_, '_>, way: Way, speaks: Speaks, events: &[&str]) {
    let question = question(way, true);
    let mut listener = Listener::new(&question, speaks, "house/model".parse().expect("a name"), 0);
    let mut frames = VecDeque::new();
    let events: Vec<Event> = events.iter().map(|event| Event { data: Completion::new((*event).to_owned()) }).collect();
    let (last, first) = events.split_last().expect("events");
    for event in first {
        listener.feed(event, &mut frames).expect("an event");
    }
    bencher.bench_local(|| {
        frames.clear();
        listener.feed(last, &mut frames).expect("an event");
        assert!(!frames.is_empty());
    });
}

#[divan::bench(args = WAYS)]
fn frame_of_openai(bencher: Bencher<'_, '_>, way: Way) {
    let event = r#"{"id":"c","object":"chat.completion.chunk","created":7,"model":"own","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}"#;
    frame(bencher, way, Speaks::OpenAi, &[event, event]);
}

#[divan::bench(args = WAYS)]
fn frame_of_anthropic(bencher: Bencher<'_, '_>, way: Way) {
    let start = r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"own","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":1}}}"#;
    let block = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    let delta = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" word"}}"#;
    frame(bencher, way, CLAUDE, &[start, block, delta]);
}

#[divan::bench(args = WAYS)]
fn frame_of_gemini(bencher: Bencher<'_, '_>, way: Way) {
    let event = r#"{"candidates":[{"content":{"parts":[{"text":" word"}],"role":"model"},"index":0}],"modelVersion":"own","responseId":"r"}"#;
    frame(bencher, way, Speaks::Gemini, &[event, event]);
}

#[divan::bench(args = WAYS)]
fn frame_of_bedrock(bencher: Bencher<'_, '_>, way: Way) {
    let start = r#"{"messageStart":{"p":"abcdefgh","role":"assistant"}}"#;
    let delta = r#"{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"text":" word"},"p":"abcdefgh"}}"#;
    frame(bencher, way, Speaks::Bedrock, &[start, delta, delta]);
}
