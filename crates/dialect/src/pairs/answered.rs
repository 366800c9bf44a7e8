use std::collections::VecDeque;

use phi_words::{Completion, MicroUsd};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{WAYS, cases, fold, hosts, lines, name, read};
use crate::{Framing, HostFault, Listener, Question, Speaks, Way, eventstream, listen};

/// What hosts answer: of each case the whole answer on its first line, and then what comes of it in a stream.
const ANSWERS: [(&str, &str); 5] = [
    ("openai", include_str!("testdata/openai.txt")),
    ("mistral", include_str!("testdata/mistral.txt")),
    ("anthropic", include_str!("testdata/anthropic.txt")),
    ("gemini", include_str!("testdata/gemini.txt")),
    ("bedrock", include_str!("testdata/bedrock.txt")),
];

/// A question by each way in, whose answer has nothing of its own: no keeper, and no seal for an id.
fn question(way: Way) -> Question {
    let body = match way {
        Way::Messages => r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#,
        Way::Responses => r#"{"model":"m","store":false,"input":"hi"}"#,
        Way::Chat | Way::Embeddings | Way::Work(_) => {
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}"#
        }
    };
    read(way, body).unwrap()
}

fn speaks(host: &str) -> Speaks {
    hosts().into_iter().find(|(name, _)| *name == host).unwrap().1.speaks
}

fn whole(way: Way, speaks: Speaks, answer: &str) -> Result<Completion, HostFault> {
    let name = "house/model".parse().unwrap();
    listen::read_reply(&question(way), &Completion::new(answer.to_owned()), speaks, &name, 7).map(|reply| reply.body)
}

/// The bytes of a stream, as the host frames it.
fn streamed(speaks: Speaks, events: &[&str]) -> Vec<u8> {
    let framed = |event: &&str| {
        if speaks != Speaks::Bedrock {
            return format!("data: {event}\n\n").into_bytes();
        }
        let (name, told) = event.strip_prefix("{\"").unwrap().split_once("\": ").unwrap();
        eventstream::writing::named(name, told.strip_suffix('}').unwrap())
    };
    events.iter().flat_map(framed).collect()
}

/// What the caller hears of a stream that comes in these pieces, with the figures that close it.
fn heard<'p>(way: Way, speaks: Speaks, pieces: impl Iterator<Item = &'p [u8]>) -> Result<Vec<String>, HostFault> {
    let question = question(way);
    let mut listener = Listener::new(&question, speaks, "house/model".parse().unwrap(), 7);
    let (mut framing, mut frames) = (Framing::of(speaks), VecDeque::new());
    for piece in pieces {
        for event in framing.feed(piece)? {
            listener.feed(&event, &mut frames)?;
        }
    }
    listener.finish()?;
    let usage = listener.usage().unwrap_or_else(|| question.estimate(listener.output_chars()));
    frames.extend(listener.closing(&usage, MicroUsd::new(42)));
    Ok(frames.iter().map(|frame| String::from_utf8(frame.expose_bytes().to_vec()).unwrap()).collect())
}

/// What is the same whether an answer came whole or not.
fn essence(mut body: Value) -> Value {
    if let Some(usage) = body.get_mut("usage").and_then(Value::as_object_mut) {
        usage.remove("cost_micro");
    }
    for item in body.get_mut("output").and_then(Value::as_array_mut).into_iter().flatten() {
        // A seal is not the same twice.
        assert!(item.get("encrypted_content").is_none_or(Value::is_string), "{item}");
        item.as_object_mut().unwrap().remove("encrypted_content");
    }
    body
}

/// The stream as SDKs add it up.
fn folded(way: Way, frames: &[String]) -> Value {
    let events: Vec<Value> = frames.iter().map(|frame| serde_json::from_str(frame).unwrap()).collect();
    match way {
        Way::Messages => fold::message(&events),
        Way::Responses => {
            let last = &events.last().unwrap()["response"];
            assert_eq!(fold::output(&events), last["output"]);
            last.clone()
        }
        Way::Chat | Way::Embeddings | Way::Work(_) => {
            let (mut choice, usage) = fold::choice(&events);
            let message = choice["message"].as_object_mut().unwrap();
            message.retain(|_, value| !value.is_null() && *value != "");
            for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
                call.as_object_mut().unwrap().remove("index");
            }
            json!({"choices": [choice], "usage": usage})
        }
    }
}

/// A whole answer, with what a stream cannot say of it taken out.
fn plain(way: Way, body: &Completion, usage: &Value) -> Value {
    let mut body: Value = serde_json::from_slice(body.expose_bytes()).unwrap();
    // Where the host's figures are not believed, a whole answer has none, and the stream those of the entry.
    if body.get("usage").is_none_or(Value::is_null) {
        body["usage"] = usage.clone();
    }
    if way != Way::Chat {
        return body;
    }
    body["choices"][0]["message"].as_object_mut().unwrap().retain(|_, value| !value.is_null() && *value != "");
    for call in body["choices"][0]["message"].get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten()
    {
        call.as_object_mut().unwrap().remove("index");
    }
    json!({"choices": body["choices"], "usage": body["usage"]})
}

#[test]
fn every_host_is_said_by_every_way_in() {
    for (host, text) in ANSWERS {
        let mut all = String::new();
        for (case, answer) in cases(text) {
            let told = answer.lines().next().unwrap();
            for (way, _) in WAYS {
                let said = match whole(way, speaks(host), told) {
                    Err(fault) => format!("fault: {fault:?}"),
                    Ok(body) => {
                        let echoed = ["id", "object", "created", "created_at", "model", "type", "role", "error"];
                        let kept = ["choices", "content", "stop_reason", "stop_sequence", "stop_details", "status"];
                        let kept = [&kept[..], &["incomplete_details", "output", "usage"]].concat();
                        let text = lines(body.expose_bytes());
                        assert!(text.contains("\"house/model\"") && !text.contains("own/model"), "{text}");
                        let of = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
                        let mut keeps = false;
                        let is_kept = |line: &&str| {
                            if line.starts_with('"') {
                                keeps = kept.contains(&&*of(line));
                                assert!(keeps || way == Way::Responses || echoed.contains(&&*of(line)), "{line}");
                            }
                            keeps
                        };
                        text.lines().filter(is_kept).collect::<Vec<_>>().join("\n")
                    }
                };
                all.push_str(&format!("# {case}, {}\n{said}\n\n", name(way)));
            }
        }
        insta::assert_snapshot!(host, all);
    }
}

#[test]
fn a_stream_adds_up_to_the_whole_answer() {
    for (host, text) in ANSWERS {
        for (case, answer) in cases(text) {
            let answer: Vec<_> = answer.lines().collect();
            let (told, events) = answer.split_first().unwrap();
            for (way, _) in WAYS {
                let bytes = streamed(speaks(host), events);
                let heard = heard(way, speaks(host), std::iter::once(&*bytes));
                let at = format!("{host}, {case}, {}", name(way));
                match (whole(way, speaks(host), told), heard) {
                    (Ok(body), Ok(frames)) => {
                        let stream = folded(way, &frames);
                        let body = plain(way, &body, &stream["usage"]);
                        assert_eq!(essence(stream), essence(body), "{at}");
                    }
                    (Err(one), Err(other)) => assert_eq!(
                        std::mem::discriminant(&one),
                        std::mem::discriminant(&other),
                        "{at}: {one:?} {other:?}"
                    ),
                    (body, frames) => panic!("{at}: {:?} {:?}", body.err(), frames.err()),
                }
            }
        }
    }
}

/// All streams, by host and way in.
fn any_stream() -> impl Strategy<Value = (Way, Speaks, Vec<u8>)> {
    let of = |(host, text)| {
        let bytes =
            move |(_, answer): (&str, &str)| streamed(speaks(host), &answer.lines().skip(1).collect::<Vec<_>>());
        let all: Vec<_> = cases(text).into_iter().map(bytes).collect();
        WAYS.into_iter().flat_map(move |(way, _)| all.clone().into_iter().map(move |bytes| (way, speaks(host), bytes)))
    };
    prop::sample::select(ANSWERS.into_iter().flat_map(of).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn wherever_a_stream_is_split_the_same_is_said(
        (way, speaks, bytes) in any_stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        let once = heard(way, speaks, std::iter::once(&*bytes));
        prop_assert_eq!(&heard(way, speaks, pieces), &once);
        prop_assert_eq!(&heard(way, speaks, bytes.chunks(1)), &once);
    }
}
