use phi_words::{Completion, Usage};
use proptest::prelude::*;

use super::*;
use crate::eventstream::writing::named;
use crate::middle::{Answer, Block, Facts, Finish, Said, joined};
use crate::{Framing, HostErrorKind, HostFault};

type Heard = (Vec<Said>, Option<Usage>);

fn whole(body: &str) -> Result<Answer, HostFault> {
    read_reply(&Completion::new(body.to_owned()))
}

/// A stream that comes in pieces of so many bytes, and how it ended.
fn followed(bytes: &[u8], piece: usize) -> (Vec<Said>, Facts, Result<(), HostFault>) {
    let (mut framing, mut stream, mut all) = (Framing::of(Speaks::Bedrock), Stream::new(), Vec::new());
    for piece in bytes.chunks(piece.max(1)) {
        for event in framing.feed(piece).expect("frames") {
            match stream.feed(&event) {
                Ok(said) => all.extend(said),
                Err(fault) => return (joined(all), stream.facts().clone(), Err(fault)),
            }
        }
    }
    (joined(all), stream.facts().clone(), stream.finish())
}

const USAGE: &str = r#"{"inputTokens":20,"outputTokens":50,"totalTokens":80,"cacheReadInputTokens":10}"#;

/// Where a text is from, on the web.
const CITED: &str = r#"{"title":"A","location":{"web":{"url":"https://a.example","domain":"a.example"}}}"#;

/// The same answer whole and as a stream.
fn everything() -> (String, Vec<u8>) {
    let body = format!(
        r#"{{"metrics":{{"latencyMs":7}},"output":{{"message":{{"role":"assistant","content":[
            {{"reasoningContent":{{"reasoningText":{{"text":"Let me think.","signature":"c2VhbA=="}}}}}},
            {{"reasoningContent":{{"redactedContent":"Y2lwaGVy"}}}},
            {{"text":""}},
            {{"citationsContent":{{"content":[{{"text":"It is "}},{{"text":"blue."}}],"citations":[{{"title":"a"}},{CITED}]}}}},
            {{"toolUse":{{"toolUseId":"tooluse_1","name":"find","input":{{"a":"é","b":[1]}}}}}},
            {{"toolUse":{{"toolUseId":"tooluse_2","name":"none","input":{{}}}}}}
        ]}}}},"stopReason":"tool_use","usage":{USAGE}}}"#
    );
    let delta = |at: u32, delta: &str| {
        named("contentBlockDelta", &format!(r#"{{"contentBlockIndex":{at},"delta":{delta},"p":"abcdefgh"}}"#))
    };
    let call = |at: u32, id: &str, name: &str| {
        let start = format!(r#"{{"toolUse":{{"toolUseId":"{id}","name":"{name}"}}}}"#);
        named("contentBlockStart", &format!(r#"{{"contentBlockIndex":{at},"start":{start}}}"#))
    };
    let stop = |at: u32| named("contentBlockStop", &format!(r#"{{"contentBlockIndex":{at}}}"#));
    let stream = [
        named("messageStart", r#"{"p":"ab","role":"assistant"}"#),
        delta(0, r#"{"reasoningContent":{"text":"Let me "}}"#),
        delta(0, r#"{"reasoningContent":{"text":"think."}}"#),
        delta(0, r#"{"reasoningContent":{"signature":"c2VhbA=="}}"#),
        stop(0),
        delta(1, r#"{"reasoningContent":{"redactedContent":"Y2lwaGVy"}}"#),
        stop(1),
        delta(2, r#"{"text":""}"#),
        stop(2),
        named("pauseOfTheDay", r#"{"unknown":1}"#),
        delta(3, r#"{"text":"It is "}"#),
        delta(3, r#"{"text":"blue."}"#),
        delta(3, r#"{"citation":{"title":"a"}}"#),
        delta(3, &format!(r#"{{"citation":{CITED}}}"#)),
        stop(3),
        call(4, "tooluse_1", "find"),
        delta(4, r#"{"toolUse":{"input":"{\"a\":\"é"}}"#),
        delta(4, r#"{"toolUse":{"input":""}}"#),
        delta(4, r#"{"toolUse":{"input":"\",\"b\":[1]}"}}"#),
        stop(4),
        call(5, "tooluse_2", "none"),
        delta(5, r#"{"toolUse":{"input":""}}"#),
        stop(5),
        named("messageStop", r#"{"stopReason":"tool_use"}"#),
        named("metadata", &format!(r#"{{"metrics":{{"latencyMs":7}},"usage":{USAGE}}}"#)),
    ];
    (body, stream.concat())
}

fn expected() -> Heard {
    let text = str::to_owned;
    let call = |id, name| Block::Call { id: text(id), name: text(name) };
    let said = vec![
        Said::Begin(0, Block::Thought),
        Said::Signature(0, text("c2VhbA==")),
        Said::More(0, text("Let me think.")),
        Said::End(0),
        Said::Begin(1, Block::Redacted(text("Y2lwaGVy"))),
        Said::End(1),
        Said::Begin(2, Block::Text),
        Said::Citation(2, Json("{\"title\":\"a\"}".into())),
        Said::Citation(2, Json(r#"{"type":"url_citation","url":"https://a.example","title":"A"}"#.into())),
        Said::More(2, text("It is blue.")),
        Said::End(2),
        Said::Begin(3, call("tooluse_1", "find")),
        Said::More(3, text("{\"a\":\"é\",\"b\":[1]}")),
        Said::End(3),
        Said::Begin(4, call("tooluse_2", "none")),
        Said::More(4, text("{}")),
        Said::End(4),
        Said::Finish(Finish::Calls),
    ];
    (said, Some(Usage { input: 20, cache_read: 10, output: 50, ..Usage::default() }))
}

#[test]
fn an_answer_says_the_same_whole_and_as_a_stream() {
    let (body, stream) = everything();
    let answer = whole(&body).unwrap();
    assert!((joined(answer.said), answer.facts.usage) == expected());
    for piece in [1, 2, 3, 7, 64, 1_000, stream.len()] {
        let (said, facts, end) = followed(&stream, piece);
        assert_eq!(end, Ok(()));
        assert!((said, facts.usage) == expected(), "{piece}");
    }
}

#[test]
fn seals_say_whose_they_are_whole_and_as_a_stream() {
    let (body, stream) = everything();
    let tagged = |said: &[Said]| {
        let seals = said.iter().filter_map(|said| match said {
            Said::Signature(_, seal) | Said::Begin(_, Block::Redacted(seal)) => Some(seal.clone()),
            Said::Begin(..) | Said::More(..) | Said::Citation(..) | Said::End(_) | Said::Finish(_) => None,
        });
        assert_eq!(seals.collect::<Vec<_>>(), ["bedrock.c2VhbA==", "bedrock.Y2lwaGVy"]);
    };
    tagged(&crate::dialects::read_reply(&Completion::new(body), Speaks::Bedrock).unwrap().said);
    let (mut framing, mut host, mut all) =
        (Framing::of(Speaks::Bedrock), crate::dialects::Stream::new(Speaks::Bedrock), Vec::new());
    for event in framing.feed(&stream).unwrap() {
        all.extend(host.feed(&event).unwrap());
    }
    tagged(&all);
}

#[test]
fn every_reason_to_end_has_its_meaning() {
    for (reason, more, finish) in [
        ("end_turn", "", Finish::Stop),
        ("stop_sequence", "", Finish::StopText(None)),
        (
            "stop_sequence",
            r#","additionalModelResponseFields":{"stop_sequence":"END"}"#,
            Finish::StopText(Some("END".into())),
        ),
        ("max_tokens", "", Finish::Length),
        ("model_context_window_exceeded", "", Finish::Context),
        ("tool_use", "", Finish::Calls),
        ("guardrail_intervened", "", Finish::Refused),
        ("content_filtered", "", Finish::Refused),
        ("malformed_tool_use", "", Finish::Other("malformed_tool_use".into())),
        ("Jane Doe", "", Finish::Other("unknown".into())),
    ] {
        let end = format!(r#""stopReason":"{reason}"{more}"#);
        let answer = whole(&format!(r#"{{"output":{{"message":{{"content":[]}}}},{end}}}"#)).unwrap();
        assert!(answer.said == [Said::Finish(finish.clone())], "{reason}");
        let stream = [named("messageStart", "{}"), named("messageStop", &format!("{{{end}}}"))].concat();
        let (said, facts, end) = followed(&stream, 9);
        assert!(said == [Said::Finish(finish)] && end.is_ok() && facts.usage.is_none(), "{reason}");
    }
}

#[test]
fn an_exception_ends_a_stream_wherever_it_comes() {
    let (_, stream) = everything();
    let frames = {
        let (mut rest, mut frames) = (&stream[..], Vec::new());
        while let Some(length) = rest.first_chunk::<4>() {
            let (frame, after) = rest.split_at(u32::from_be_bytes(*length) as usize);
            frames.push(frame);
            rest = after;
        }
        frames
    };
    for at in 0..frames.len() {
        let exception = named("modelStreamErrorException", r#"{"message":"patient 4711","originalStatusCode":500}"#);
        let (_, _, end) = followed(&[&frames[..at].concat()[..], &exception].concat(), 64);
        let Err(HostFault::Stated(error)) = end else { panic!("at {at}: {end:?}") };
        assert_eq!((error.kind, error.code), (HostErrorKind::Other, Some("ModelStreamErrorException")));
        let (_, _, end) = followed(&frames[..at].concat(), 64);
        let is_whole = at + 1 == frames.len();
        assert_eq!(end, if is_whole { Ok(()) } else { Err(HostFault::Truncated) }, "cut at {at}");
    }
}

#[test]
fn what_makes_no_sense_is_a_fault() {
    let start = || named("messageStart", "{}");
    let delta =
        |at: u32, delta: &str| named("contentBlockDelta", &format!(r#"{{"contentBlockIndex":{at},"delta":{delta}}}"#));
    let stop = |at: u32| named("contentBlockStop", &format!(r#"{{"contentBlockIndex":{at}}}"#));
    let end = || named("messageStop", r#"{"stopReason":"end_turn"}"#);
    let begin = |start: &str| named("contentBlockStart", &format!(r#"{{"contentBlockIndex":0,"start":{start}}}"#));
    let call = r#"{"toolUse":{"toolUseId":"a","name":"f"}}"#;
    for (line, stream) in [
        vec![delta(0, r#"{"text":"a"}"#)],
        vec![start(), start()],
        vec![start(), delta(0, r#"{"text":"a"}"#), delta(1, r#"{"text":"b"}"#)],
        vec![start(), delta(0, r#"{"text":"a"}"#), delta(0, r#"{"toolUse":{"input":"b"}}"#)],
        vec![start(), delta(0, r#"{"toolUse":{"input":"b"}}"#)],
        vec![start(), delta(1, r#"{"text":"a"}"#), stop(1), delta(0, r#"{"text":"b"}"#)],
        vec![start(), delta(0, r#"{"text":"a"}"#), stop(1)],
        vec![start(), delta(0, r#"{"text":"a"}"#), stop(0), stop(0)],
        vec![start(), delta(0, r#"{"text":"a","toolUse":{"input":"b"}}"#)],
        vec![start(), delta(0, r#"{"image":{"source":{}}}"#)],
        vec![start(), delta(0, r#"{"text":7}"#)],
        vec![start(), delta(0, r#"{"reasoningContent":{"redactedContent":""}}"#)],
        vec![start(), delta(0, r#"{"reasoningContent":{"other":"x"}}"#)],
        vec![start(), begin(r#"{"image":{"format":"png"}}"#)],
        vec![start(), begin(r#"{"toolUse":{"toolUseId":"","name":"f"}}"#)],
        vec![start(), begin(r#"{"toolUse":{"toolUseId":"a","name":"f","type":"server_tool_use"}}"#)],
        vec![start(), begin(call), begin(call)],
        vec![start(), named("contentBlockDelta", r#"{"delta":{"text":"a"}}"#)],
        vec![start(), named("contentBlockDelta", r#"{"contentBlockIndex":0}"#)],
        vec![start(), named("contentBlockDelta", "no json")],
        vec![start(), named("messageStop", "{}")],
        vec![start(), end(), end()],
        vec![start(), end(), delta(0, r#"{"text":"a"}"#)],
        vec![start(), named("metadata", "{}")],
        vec![start(), named("contentBlockDelta", r#"{}},"x":{{}"#)],
    ]
    .into_iter()
    .enumerate()
    {
        let (_, _, end) = followed(&stream.concat(), 1_000);
        assert!(matches!(end, Err(HostFault::Malformed(_))), "{line}: {end:?}");
    }
    let open = [start(), delta(0, r#"{"text":"a"}"#), end()].concat();
    assert_eq!(followed(&open, 1_000).2, Err(HostFault::Truncated), "a block is open at the end");
    for body in [
        "",
        "[]",
        "{}",
        r#"{"output":{}}"#,
        r#"{"output":{"message":{}}}"#,
        r#"{"output":{"message":{"content":[]}}}"#,
        r#"{"output":{"message":{"content":[{}]}},"stopReason":"end_turn"}"#,
        r#"{"output":{"message":{"content":[{"text":7}]}},"stopReason":"end_turn"}"#,
        r#"{"output":{"message":{"content":[{"image":{}}]}},"stopReason":"end_turn"}"#,
        r#"{"output":{"message":{"content":[{"text":"a","image":{}}]}},"stopReason":"end_turn"}"#,
        r#"{"output":{"message":{"content":[{"toolUse":{"toolUseId":"a","name":"f","input":"{}"}}]}},"stopReason":"tool_use"}"#,
        r#"{"output":{"message":{"content":[{"reasoningContent":{"redactedContent":""}}]}},"stopReason":"tool_use"}"#,
    ] {
        assert!(matches!(whole(body), Err(HostFault::Malformed(_))), "{body}");
    }
    let stated = whole(r#"{"__type":"ThrottlingException","message":"later"}"#).map(|_| ());
    assert!(matches!(stated, Err(HostFault::Stated(_))));
}

#[test]
fn what_follows_the_end_is_ignored() {
    let (_, mut stream) = everything();
    stream.extend(named("contentBlockDelta", r#"{"contentBlockIndex":9,"delta":{"text":"more"}}"#));
    let (said, facts, end) = followed(&stream, 100);
    assert!((said, facts.usage) == expected() && end.is_ok());
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), name in "[a-zA-Z]{0,20}", json in "[{}\\[\\]\":,a-z0-9]{0,40}") {
        let _ = read_reply(&Completion::new(bytes.clone()));
        let _ = read_error(&bytes, Some(&name));
        let mut stream = Stream::new();
        for payload in [format!("{{\"{name}\":{json}}}"), json] {
            let _ = stream.feed(&crate::sse::Event { data: Completion::new(payload) });
        }
    }
}
