use phi_words::{Completion, Usage};
use proptest::prelude::*;

use super::compact;
use crate::gemini::{Stream, read_error, read_reply};
use crate::json::{Document, Value};
use crate::middle::{Answer, Block, Facts, Finish, Said};
use crate::{HostErrorKind, HostFault, sse};

const REPLIES: &str = include_str!("../testdata/replies.json");

/// What was said, a line each, adjoining words joined.
fn told(said: &[Said]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut before = None;
    for said in said {
        let mut now = None;
        let line = match said {
            Said::Begin(n, Block::Text) => format!("begin {n} text"),
            Said::Begin(n, Block::Thought) => format!("begin {n} thought"),
            Said::Begin(n, Block::Redacted(_)) => format!("begin {n} redacted"),
            Said::Begin(n, Block::Refusal) => format!("begin {n} refusal"),
            Said::Begin(n, Block::Call { id, name }) => format!("begin {n} call {id} {name}"),
            Said::More(n, words) if before == Some(*n) => {
                lines.last_mut().unwrap().push_str(words);
                continue;
            }
            Said::More(n, words) => {
                now = Some(*n);
                format!("more {n} {words}")
            }
            Said::Signature(n, seal) => format!("signature {n} {seal}"),
            Said::Citation(n, json) => format!("citation {n} {}", json.0),
            Said::End(n) => format!("end {n}"),
            Said::Finish(finish) => format!("finish {}", word(finish)),
        };
        before = now;
        lines.push(line);
    }
    lines
}

fn word(finish: &Finish) -> String {
    match finish {
        Finish::Stop => "Stop",
        Finish::StopText(_) => "StopText",
        Finish::Length => "Length",
        Finish::Context => "Context",
        Finish::Calls => "Calls",
        Finish::Refused => "Refused",
        Finish::Pause => "Pause",
        Finish::Other(word) => word,
    }
    .to_owned()
}

fn whole(body: &str) -> Result<Answer, HostFault> {
    read_reply(&Completion::new(body.to_owned()))
}

/// Hears a stream cut into pieces of so many bytes: what was said, how it ended, and the stream.
fn streamed(bytes: &[u8], piece: usize) -> (Vec<Said>, Result<(), HostFault>, Stream) {
    let (mut parser, mut stream, mut said) = (sse::Parser::new(), Stream::new(), Vec::new());
    for piece in bytes.chunks(piece.max(1)) {
        for event in parser.feed(piece).unwrap() {
            match stream.feed(&event) {
                Ok(more) => said.extend(more),
                Err(fault) => return (said, Err(fault), stream),
            }
        }
    }
    let end = stream.finish();
    (said, end, stream)
}

fn frames<'v>(chunks: impl IntoIterator<Item = Value<'v>>) -> Vec<u8> {
    let frame = |chunk: Value<'_>| sse::frame(&Completion::new(compact(chunk.raw()).into_bytes()));
    chunks.into_iter().flat_map(frame).collect()
}

/// Facts as they can be held against each other.
fn facts(facts: &Facts) -> ([Option<&str>; 3], Option<Usage>) {
    ([facts.id.as_deref(), facts.host_model.as_deref(), facts.place.as_deref()], facts.usage)
}

#[test]
fn whole_answers_and_streams_say_the_same_as_the_file() {
    let replies = Document::parse(REPLIES.into()).unwrap();
    let mut count = 0;
    for case in replies.root().items().unwrap() {
        let name = case.member("name").unwrap().text().unwrap();
        let expected: Vec<_> =
            case.member("said").unwrap().items().unwrap().map(|line| compact_in(&line.text().unwrap())).collect();
        let usage = case.member("usage").map(|usage| serde_json::from_slice::<Usage>(usage.raw()).unwrap());
        let answer = whole(std::str::from_utf8(case.member("whole").unwrap().raw()).unwrap()).unwrap();
        let lines: Vec<_> = told(&answer.said).iter().map(|line| compact_in(line)).collect();
        assert_eq!(lines, expected, "{name}");
        assert_eq!(answer.facts.usage, usage, "{name}");
        let bytes = frames(case.member("chunks").unwrap().items().unwrap());
        for piece in [bytes.len(), 1, 2, 3, 7, 61] {
            let (said, end, stream) = streamed(&bytes, piece);
            assert_eq!(end, Ok(()), "{name}");
            let lines: Vec<_> = told(&said).iter().map(|line| compact_in(line)).collect();
            assert_eq!(lines, expected, "{name}");
            assert_eq!(facts(stream.facts()), facts(&answer.facts), "{name}");
            assert_eq!(stream.is_done(), usage.is_some(), "{name}");
        }
        count += 1;
    }
    assert!(count > 4);
}

/// A line whose JSON, if any, is without white space: the file is set for readers.
fn compact_in(line: &str) -> String {
    match line.split_once('{') {
        Some((before, json)) => format!("{before}{}", compact(format!("{{{json}").as_bytes())),
        None => line.to_owned(),
    }
}

/// A candidate of these parts that ended so.
fn reply(parts: &str, finish: &str) -> String {
    format!(r#"{{"candidates":[{{"content":{{"parts":[{parts}]}},"finishReason":"{finish}"}}]}}"#)
}

#[test]
fn every_reason_to_end_is_understood_or_kept() {
    let call = r#"{"functionCall":{"name":"f"}}"#;
    for (reason, plain, called) in [
        ("STOP", "Stop", "Calls"),
        ("MAX_TOKENS", "Length", "Length"),
        ("SAFETY", "Refused", "Refused"),
        ("RECITATION", "Refused", "Refused"),
        ("LANGUAGE", "Refused", "Refused"),
        ("BLOCKLIST", "Refused", "Refused"),
        ("PROHIBITED_CONTENT", "Refused", "Refused"),
        ("SPII", "Refused", "Refused"),
        ("MODEL_ARMOR", "Refused", "Refused"),
        ("IMAGE_SAFETY", "Refused", "Refused"),
        ("IMAGE_PROHIBITED_CONTENT", "Refused", "Refused"),
        ("IMAGE_RECITATION", "Refused", "Refused"),
        ("OTHER", "OTHER", "OTHER"),
        ("MALFORMED_FUNCTION_CALL", "MALFORMED_FUNCTION_CALL", "MALFORMED_FUNCTION_CALL"),
        ("UNEXPECTED_TOOL_CALL", "UNEXPECTED_TOOL_CALL", "UNEXPECTED_TOOL_CALL"),
        ("TOO_MANY_TOOL_CALLS", "TOO_MANY_TOOL_CALLS", "TOO_MANY_TOOL_CALLS"),
        ("NO_IMAGE", "NO_IMAGE", "NO_IMAGE"),
        ("IMAGE_OTHER", "IMAGE_OTHER", "IMAGE_OTHER"),
        ("FINISH_REASON_UNSPECIFIED", "FINISH_REASON_UNSPECIFIED", "FINISH_REASON_UNSPECIFIED"),
        ("patient 4711", "unknown", "unknown"),
    ] {
        for (parts, expected) in [("", plain), (call, called)] {
            let answer = whole(&reply(parts, reason)).unwrap();
            assert_eq!(told(&answer.said).last(), Some(&format!("finish {expected}")), "{reason}");
        }
    }
}

#[test]
fn what_is_no_answer_is_a_fault() {
    for bad in [
        "",
        "<html>",
        "5",
        "[]",
        "{}",
        r#"{"candidates":[]}"#,
        r#"{"candidates":{}}"#,
        r#"{"candidates":[5]}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"x"}]}}]}"#,
        r#"{"candidates":[{"finishReason":5}]}"#,
        r#"{"candidates":[{"finishReason":"STOP"},{"finishReason":"STOP"}]}"#,
        r#"{"candidates":[{"finishReason":"STOP","index":1}]}"#,
        r#"{"candidates":[{"content":{"parts":"x"},"finishReason":"STOP"}]}"#,
        &reply("5", "STOP"),
        &reply(r#"{"text":5}"#, "STOP"),
        &reply(r#"{"text":"x","functionCall":{"name":"f"}}"#, "STOP"),
        &reply(r#"{"functionCall":{}}"#, "STOP"),
        &reply(r#"{"functionCall":{"name":""}}"#, "STOP"),
        &reply(r#"{"functionCall":{"name":"f","args":"{}"}}"#, "STOP"),
        &reply(r#"{"functionCall":{"name":"f","willContinue":true}}"#, "STOP"),
        &reply(r#"{"functionCall":{"name":"f","partialArgs":[{"jsonPath":"$.a"}]}}"#, "STOP"),
        &reply(r#"{"inlineData":{"mimeType":"image/png","data":"AAAA"}}"#, "STOP"),
        &reply(r#"{"executableCode":{"code":"x"}}"#, "STOP"),
        &reply(r#"{"codeExecutionResult":{"outcome":"OUTCOME_OK"}}"#, "STOP"),
        &reply(r#"{"somethingNew":{}}"#, "STOP"),
        &reply(r#"{"text":"x","inlineData":{}}"#, "STOP"),
        &reply(r#"{"text":"x","thought":"yes"}"#, "STOP"),
        &reply(r#"{"text":"x","thoughtSignature":5}"#, "STOP"),
    ] {
        assert!(matches!(whole(bad), Err(HostFault::Malformed(_))), "{bad}");
    }
}

#[test]
fn what_is_new_beside_words_is_not_in_the_way() {
    let new =
        r#"{"text":"x","mood":"good","partMetadata":{"a":1},"thought":null,"inlineData":null},{"thought":false},{}"#;
    let answer = whole(&reply(new, "STOP").replacen('{', r#"{"news":[],"#, 1)).unwrap();
    assert_eq!(told(&answer.said), ["begin 0 text", "more 0 x", "end 0", "finish Stop"]);
}

#[test]
fn a_blocked_prompt_and_an_error_are_stated() {
    for (body, kind, code) in [
        (
            r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":8,"totalTokenCount":8}}"#,
            HostErrorKind::ContentFiltered,
            Some("PROHIBITED_CONTENT"),
        ),
        (
            r#"{"promptFeedback":{"blockReason":"patient","blockReasonMessage":"patient"},"candidates":[]}"#,
            HostErrorKind::ContentFiltered,
            None,
        ),
        (r#"{"error":{"code":503,"status":"UNAVAILABLE"}}"#, HostErrorKind::Other, Some("UNAVAILABLE")),
        (r#"[{"error":{"code":404,"status":"NOT_FOUND"}}]"#, HostErrorKind::RowFault, Some("NOT_FOUND")),
    ] {
        let Err(HostFault::Stated(error)) = whole(body) else { panic!("{body}") };
        assert_eq!((error.kind, error.code), (kind, code), "{body}");
        let beginning = r#"{"candidates":[{"content":{"parts":[{"text":"x"}]}}]}"#;
        let (_, end, stream) = streamed(format!("data: {beginning}\n\ndata: {body}\n\n").as_bytes(), 5);
        assert_eq!(end, Err(HostFault::Stated(error)), "{body}");
        assert_eq!(stream.finish(), Err(HostFault::Truncated));
    }
}

#[test]
fn a_stream_ends_where_it_said_why_and_not_before() {
    let begin = r#"data: {"candidates":[{"content":{"parts":[{"text":"x"}]}}]}"#;
    let end = r#"data: {"candidates":[{"finishReason":"STOP"}]}"#;
    let usage = r#"data: {"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2}}"#;
    let run = |frames: &[&str]| streamed(format!("{}\n\n", frames.join("\n\n")).as_bytes(), 9);
    for cut in [&[][..], &[begin], &[begin, usage], &["data: [DONE]"], &[": ping", "data:", "data: : keepalive"]] {
        assert_eq!(run(cut).1, Err(HostFault::Truncated), "{cut:?}");
    }
    for (frames, done) in [
        (&[begin, end][..], false),
        (&[begin, end, usage], true),
        (&[begin, usage, end], false),
        (&[begin, end, usage, "data: [DONE]"], true),
        (&[begin, end, "data: <html>", "data: 5", r#"data: {"error":{"code":500}}"#, end], false),
        (&[begin, end, r#"data: {"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}]}"#], false),
    ] {
        let (said, ended, stream) = run(frames);
        assert_eq!(told(&said), ["begin 0 text", "more 0 x", "end 0", "finish Stop"], "{frames:?}");
        assert_eq!((ended, stream.is_done()), (Ok(()), done), "{frames:?}");
    }
    assert!(matches!(run(&[begin, end, begin]).1, Err(HostFault::Malformed(_))));
    assert!(matches!(run(&["data: <html>"]).1, Err(HostFault::Malformed(_))));
    assert_eq!(format!("{:?}", Stream::new()), "Stream(..)");
}

#[test]
fn calls_without_an_id_get_one_that_stays() {
    let of = |id: &str| {
        let call = r#"{"functionCall":{"id":"","name":"f"}}"#;
        let body = reply(&format!("{call},{call}"), "STOP").replacen('{', &format!("{{{id}"), 1);
        let lines = told(&whole(&body).unwrap().said);
        [lines[0].clone(), lines[3].clone()]
    };
    assert_eq!(of(""), ["begin 0 call call_0 f", "begin 1 call call_1 f"]);
    assert_eq!(of(r#""responseId":"aB","#), ["begin 0 call call_0_aB f", "begin 1 call call_1_aB f"]);
    for odd in ["patient 4711", "", &"x".repeat(29)] {
        assert_eq!(of(&format!(r#""responseId":"{odd}","#))[0], "begin 0 call call_0 f", "{odd}");
    }
}

/// A part as a host makes it: of what kind, its words, its seal.
type Made = (u8, String, Option<String>);

fn made((kind, words, seal): &Made) -> serde_json::Value {
    let mut part = match kind {
        0 => serde_json::json!({ "text": words }),
        1 => serde_json::json!({ "text": words, "thought": true }),
        _ => serde_json::json!({ "functionCall": { "name": "f", "args": { "words": words } } }),
    };
    if let Some(seal) = seal {
        part["thoughtSignature"] = seal.as_str().into();
    }
    part
}

/// The same part as it may come in a stream: words in two pieces, the seal with the last or behind it.
fn in_pieces((kind, words, seal): &Made, at: usize, behind: bool) -> Vec<serde_json::Value> {
    if *kind > 1 {
        return vec![made(&(*kind, words.clone(), seal.clone()))];
    }
    let at = words.char_indices().nth(at).map_or(words.len(), |(at, _)| at);
    let (left, right) = words.split_at(at);
    let (with, after) = if behind { (None, seal.clone()) } else { (seal.clone(), None) };
    let mut pieces = vec![made(&(*kind, left.to_owned(), None)), made(&(*kind, right.to_owned(), with))];
    pieces.extend(after.map(|seal| made(&(*kind, String::new(), Some(seal)))));
    pieces
}

proptest! {
    #[test]
    fn however_an_answer_comes_it_says_the_same(
        parts in prop::collection::vec((0..3_u8, "[a-zé\"{}\n]{0,6}", prop::option::of("[a-z]{0,2}")), 0..6),
        cuts in prop::collection::vec((0..6_usize, any::<bool>(), any::<bool>()), 6),
        piece in 1..40_usize,
    ) {
        let end = serde_json::json!({ "responseId": "r", "candidates": [{ "finishReason": "STOP" }] });
        let mut body = end.clone();
        body["candidates"][0]["content"]["parts"] = parts.iter().map(made).collect();
        let answer = whole(&body.to_string()).unwrap();
        let (mut stream, mut chunk) = (Vec::new(), Vec::new());
        for (part, (at, behind, cut)) in parts.iter().zip(&cuts) {
            for one in in_pieces(part, *at, *behind) {
                chunk.push(one);
                if *cut {
                    let content = serde_json::json!({ "parts": std::mem::take(&mut chunk) });
                    stream.push(serde_json::json!({ "responseId": "r", "candidates": [{ "content": content }] }));
                }
            }
        }
        let mut last = end;
        last["candidates"][0]["content"]["parts"] = chunk.into();
        stream.push(last);
        let bytes: Vec<u8> = stream.iter().flat_map(|chunk| format!("data: {chunk}\r\n\r\n").into_bytes()).collect();
        let (said, ended, stream) = streamed(&bytes, piece);
        prop_assert_eq!(ended, Ok(()));
        prop_assert_eq!(told(&said), told(&answer.said));
        prop_assert_eq!(facts(stream.facts()), facts(&answer.facts));
        // Blocks begin in order, and each ends once.
        let mut open = None;
        let mut blocks = 0;
        for said in &said {
            match said {
                Said::Begin(number, _) => {
                    prop_assert_eq!((open.replace(*number), *number), (None, blocks));
                    blocks += 1;
                }
                Said::More(number, _) | Said::Signature(number, _) | Said::Citation(number, _) => {
                    prop_assert_eq!(open, Some(*number));
                }
                Said::End(number) => prop_assert_eq!(open.take(), Some(*number)),
                Said::Finish(_) => prop_assert_eq!(open, None),
            }
        }
    }

    #[test]
    fn any_bytes_are_an_answer_or_a_fault(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), flip in any::<u8>()) {
        let mut close = REPLIES.as_bytes().to_vec();
        let at = at.index(close.len());
        close[at] = flip;
        let close = Document::parse(close.into());
        let cases = close.iter().flat_map(|document| document.root().items().into_iter().flatten());
        for case in cases {
            if let Some(reply) = case.member("whole") {
                let _ = read_reply(&Completion::new(reply.raw().to_vec()));
            }
            let chunks = case.member("chunks").and_then(Value::items).into_iter().flatten();
            let (said, end, _) = streamed(&frames(chunks), 64);
            let ends = said.iter().filter(|said| matches!(said, Said::Finish(_))).count();
            prop_assert!(ends <= 1);
            prop_assert!(end.is_err() || ends == 1);
        }
        let _ = read_reply(&Completion::new(bytes.clone()));
        let _ = read_error(&bytes);
        let _ = streamed(&bytes, 16);
    }
}
