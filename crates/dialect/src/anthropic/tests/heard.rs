use super::*;

#[test]
fn an_answer_is_the_same_whole_and_as_a_stream() {
    let answer = whole(include_str!("../testdata/reply.json")).unwrap();
    let expected: Vec<_> = include_str!("../testdata/reply.said").lines().collect();
    assert_eq!(lines(&answer.said), expected);
    let usage = Usage {
        input: 25,
        cache_read: 40,
        cache_write_5m: 10,
        cache_write_1h: 20,
        output: 49,
        reasoning: 40,
        ..Usage::default()
    };
    let facts = (Some("msg_01XFDUDYJgAACzvnptvVoYEL"), Some("claude-sonnet-4-6"), Some("us"), Some(usage));
    assert_eq!(told(&answer.facts), facts);
    let stream = include_bytes!("../testdata/reply.sse");
    for piece in [1, 2, 3, 7, 64, stream.len()] {
        let (said, heard, end) = followed(stream, piece);
        assert_eq!(end, Ok(()));
        assert!(said == answer.said, "{:?}", lines(&said));
        assert_eq!(told(&heard), facts);
    }
    for debug in [format!("{answer:?}"), format!("{:?}", Stream::new())] {
        assert!(!debug.contains("weather") && !debug.contains("None"), "{debug}");
    }
}

#[test]
fn an_answer_that_is_cut_anywhere_is_no_success() {
    let stream = include_bytes!("../testdata/reply.sse");
    for length in 0..stream.len() - 1 {
        let (_, facts, end) = followed(&stream[..length], length);
        assert_eq!(end, Err(HostFault::Truncated), "{length}");
        let has_end =
            stream[..length].windows(16).any(|window| window == b"\"thinking_tokens") && facts.usage.is_some();
        assert!(facts.usage.is_none() || has_end, "{length}");
    }
}

const START: &str = r#"{"type":"message_start","message":{"id":"m","model":"c","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}"#;
const TEXT: &str = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
const DELTA: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#;
const STOP: &str = r#"{"type":"content_block_stop","index":0}"#;
const END: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#;
const DONE: &str = r#"{"type":"message_stop"}"#;

fn heard(events: &[&str]) -> (Vec<String>, Facts, Result<(), HostFault>) {
    let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let (said, facts, end) = followed(stream.as_bytes(), stream.len());
    (lines(&said), facts, end)
}

#[test]
fn events_out_of_order_are_a_fault() {
    let (said, _, end) = heard(&[START, TEXT, DELTA, STOP, END, DONE, DELTA, "<html>"]);
    assert_eq!((said.len(), end), (4, Ok(())), "what follows the end is ignored");
    let other = |event: &str| event.replace(r#""index":0"#, r#""index":1"#);
    let call = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}"#;
    for events in [
        &[DELTA][..],
        &[TEXT],
        &[DONE],
        &[START, START],
        &[START, DELTA],
        &[START, STOP],
        &[START, &other(TEXT)],
        &[START, TEXT, TEXT],
        &[START, TEXT, &other(TEXT)],
        &[START, TEXT, &other(DELTA)],
        &[START, TEXT, &other(STOP)],
        &[START, TEXT, STOP, DELTA],
        &[START, TEXT, STOP, TEXT],
        &[START, TEXT, STOP, STOP],
        &[START, END, TEXT],
        &[START, TEXT, END, DELTA],
        &[START, call, DELTA],
        &[START, &call.replace(r#""input":{}"#, r#""input":[]"#)],
        &[START, &call.replace(r#""id":"a","#, "")],
        &[START, &TEXT.replace(r#""text","text""#, r#""hologram","text""#)],
        &[START, &TEXT.replace(r#""text","text""#, r#""server_tool_use","text""#)],
        &[START, &TEXT.replace(r#""text","text""#, r#""web_search_tool_result","text""#)],
        &[START, TEXT, &DELTA.replace("text_delta", "hologram_delta")],
        &[START, TEXT, &DELTA.replace(r#""text":"a""#, r#""text":5"#)],
        &[&START.replace("[]", r#"[{"type":"text","text":"a"}]"#)],
        &[r#"{"type":"message_start"}"#],
        &[START, "{}"],
        &[START, "[]"],
        &[START, "not JSON"],
        &[START, r#"{"type":"message_delta"}"#],
    ] {
        assert!(matches!(heard(events).2, Err(HostFault::Malformed(_))), "{events:?}");
    }
    for events in [&[START][..], &[START, DONE], &[START, TEXT, DELTA, END, DONE], &[START, TEXT, DELTA, STOP, DONE]] {
        assert_eq!(heard(events).2, Err(HostFault::Truncated), "{events:?}");
    }
}

#[test]
fn an_error_in_the_middle_ends_the_stream() {
    for (event, kind, code) in [
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            HostErrorKind::Other,
            "overloaded_error",
        ),
        (r#"{"error":{"type":"authentication_error","message":"x"}}"#, HostErrorKind::RowFault, "authentication_error"),
    ] {
        let start = START.replace(r#""output_tokens":1"#, r#""output_tokens":1,"inference_geo":"us""#);
        let (said, facts, end) = heard(&[&start, TEXT, DELTA, event]);
        assert_eq!(said.len(), 2);
        assert_eq!(end, Err(HostFault::Stated(crate::HostError { kind, code: Some(code) })));
        assert_eq!(facts.place.as_deref(), Some("us"));
    }
    let stated = whole(r#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#);
    assert!(matches!(stated, Err(HostFault::Stated(error)) if error.kind == HostErrorKind::RowFault));
}

#[test]
fn every_reason_to_end_is_read_in_both_ways() {
    for (reason, rest, expected) in [
        ("end_turn", "", &["it is over: all said"][..]),
        ("max_tokens", "", &["it is over: length"]),
        ("tool_use", "", &["it is over: calls"]),
        ("pause_turn", "", &["it is over: pause"]),
        ("model_context_window_exceeded", "", &["it is over: context"]),
        ("stop_sequence", r#","stop_sequence":"END""#, &["it is over: END"]),
        ("stop_sequence", "", &["it is over: at a text"]),
        ("refusal", "", &["it is over: refused"]),
        (
            "refusal",
            r#","stop_details":{"type":"refusal","category":"bio","explanation":"Not this."}"#,
            &["1 begins: refusal", "1 says: Not this.", "1 ends", "it is over: refused"],
        ),
        ("compaction", "", &["it is over: compaction"]),
        ("Patient 4711 is ill", "", &["it is over: unknown"]),
    ] {
        let body = format!(
            r#"{{"type":"message","content":[{{"type":"text","text":"a"}}],"stop_reason":"{reason}"{rest},
                "usage":{{"input_tokens":3,"output_tokens":2}}}}"#
        );
        let answer = whole(&body).unwrap();
        assert_eq!(lines(&answer.said)[3..], *expected, "{reason}");
        let end = END.replace(r#""end_turn""#, &format!("\"{reason}\"{rest}"));
        let (said, facts, done) = heard(&[START, TEXT, DELTA, STOP, &end, DONE]);
        assert_eq!((said[3..].to_vec(), done), (expected.iter().map(|line| (*line).to_owned()).collect(), Ok(())));
        assert_eq!(facts.usage, answer.facts.usage);
    }
}

#[test]
fn what_is_no_answer_is_a_fault() {
    let message = |content: &str| format!(r#"{{"type":"message","content":{content},"stop_reason":"end_turn"}}"#);
    assert_eq!(lines(&whole(&message("[]")).unwrap().said), ["it is over: all said"]);
    for bad in [
        "",
        "<html>",
        "[]",
        "{}",
        &message("\"a\""),
        &message("[5]"),
        &message(r#"[{"type":"hologram"}]"#),
        &message(r#"[{"type":"server_tool_use","id":"a","name":"web_search","input":{}}]"#),
        &message(r#"[{"type":"web_fetch_tool_result"}]"#),
        &message(r#"[{"type":"tool_use","id":"a","name":"f"}]"#),
        &message(r#"[{"type":"tool_use","id":"a","name":"f","input":"{}"}]"#),
        &message(r#"[{"type":"tool_use","name":"f","input":{}}]"#),
        &message(r#"[{"type":"tool_use","id":"","name":"f","input":{}}]"#),
        &message(r#"[{"type":"redacted_thinking"}]"#),
        &message(r#"[{"type":"text"}]"#),
        &message(r#"[{"type":"text","text":5}]"#),
        &message(r#"[{"type":"thinking","text":"a"}]"#),
        &message("[]").replace("\"end_turn\"", "null"),
        &message("[]").replace("\"message\"", "\"message\",\"type\":\"message\""),
    ] {
        assert!(matches!(whole(bad), Err(HostFault::Malformed(_))), "{bad}");
    }
    for (usage, place) in
        [("{}", None), (r#"{"inference_geo":"global"}"#, Some("global")), (r#"{"inference_geo":5}"#, Some(""))]
    {
        let body = message("[]").replace("\"end_turn\"", &format!("\"end_turn\",\"usage\":{usage}"));
        assert_eq!(whole(&body).unwrap().facts.place.as_deref(), place);
    }
}
