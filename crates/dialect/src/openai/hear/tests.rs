use super::*;
use crate::middle::{Block, Finish, Json, joined};
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
            Said::Citation(1, Json(r#"{"type":"reference","reference_ids":[1]}"#.into())),
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
    let odd = delta(r#"{"content":[{"type":"image_url","image_url":"data:"}]}"#);
    for bad in
        ["{", "5", "{}", &second, &nameless, &far, &odd, &finished("error"), &delta("5"), &delta(r#"{"content":5}"#)]
    {
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

/// What is heard, and in which order, of deltas of calls.
fn told(calls: &[&str]) -> (Vec<String>, Result<(), HostFault>) {
    let frames: Vec<String> = calls.iter().map(|calls| delta(&format!(r#"{{"tool_calls":[{calls}]}}"#))).collect();
    let (mut stream, mut told) = (Stream::new(), Vec::new());
    for frame in frames.into_iter().chain([finished("tool_calls"), "[DONE]".to_owned()]) {
        let text = format!("data: {frame}\n\n");
        for event in Parser::new().feed(text.as_bytes()).unwrap() {
            match stream.feed(&event) {
                Ok(said) => told.extend(said.iter().map(|said| match said {
                    Said::Begin(number, _) => format!("begin {number}"),
                    Said::More(number, text) => format!("{number} {text}"),
                    Said::Signature(number, _) => format!("seal {number}"),
                    Said::End(number) => format!("end {number}"),
                    Said::Citation(..) | Said::Finish(_) => "finish".to_owned(),
                })),
                Err(fault) => return (told, Err(fault)),
            }
        }
    }
    (told, stream.finish())
}

#[test]
fn a_call_ends_where_the_next_begins_if_it_is_whole_by_then() {
    let call = |index: u8, id: &str, text: &str| {
        let name = if id.is_empty() { String::new() } else { format!(r#""id":"{id}","#) };
        let of = if id.is_empty() { "" } else { r#""name":"f","# };
        format!(r#"{{"index":{index},{name}"function":{{{of}"arguments":{}}}}}"#, serde_json::json!(text))
    };
    // One after the other: the first is over before the second goes on.
    let (heard, end) = told(&[
        &call(0, "a", ""),
        &call(0, "", r#"{"x":"}\"{"#),
        &call(0, "", r#""}"#),
        &call(1, "b", "{}"),
        &call(0, "", " "),
    ]);
    assert_eq!(end, Ok(()));
    assert_eq!(heard, ["begin 0", r#"0 {"x":"}\"{"#, r#"0 "}"#, "end 0", "begin 1", "1 {}", "end 1", "finish"]);
    // In turns: the first goes on after the second began.
    let (heard, end) = told(&[&call(0, "a", "{"), &call(1, "b", "{}"), &call(0, "", "}"), &call(2, "c", "")]);
    assert_eq!(end, Ok(()));
    assert_eq!(heard, ["begin 0", "0 {", "begin 1", "1 {}", "0 }", "end 0", "end 1", "begin 2", "end 2", "finish"]);
    // After its end nothing may come.
    let (_, end) = told(&[&call(0, "a", "{}"), &call(1, "b", "{}"), &call(0, "", "{}")]);
    assert_eq!(end, Err(HostFault::Malformed("a call goes on after its end")));
    // Calls that come at once under one index are two, and one that repeats its id is one.
    let (heard, end) = told(&[&call(0, "a", "{}"), &call(0, "b", "{"), &call(0, "b", "}")]);
    assert_eq!(end, Ok(()));
    assert_eq!(heard, ["begin 0", "0 {}", "end 0", "begin 1", "1 {", "1 }", "end 1", "finish"]);
    let many: Vec<String> = (0..130).map(|at| call(0, &format!("id{at}"), "{}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(told(&many).1, Err(HostFault::Malformed("there are too many calls")));
}

#[test]
fn an_annotation_is_of_the_text_that_goes_on() {
    let annotation = |from: u8, to: u8| {
        format!(
            r#"{{"annotations":[{{"type":"url_citation","url_citation":{{"url":"https://a","title":"A","start_index":{from},"end_index":{to}}}}}]}}"#
        )
    };
    let call = r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}"#;
    let deltas = [
        r#"{"content":"Gr\u00fcezi"}"#,
        &annotation(1, 3),
        call,
        r#"{"content":" du"}"#,
        &annotation(6, 9),
        &annotation(1, 9),
    ];
    let deltas: Vec<String> = deltas.into_iter().map(delta).collect();
    let mut frames: Vec<&str> = deltas.iter().map(String::as_str).collect();
    let end = finished("stop");
    frames.extend([&end, "[DONE]"]);
    let (said, end, _) = hear(&frames);
    assert_eq!(end, Ok(()));
    let cited = said
        .iter()
        .filter_map(|said| if let Said::Citation(number, json) = said { Some((*number, &*json.0)) } else { None });
    let ours = |span: &str| format!(r#"{{"type":"url_citation","url":"https://a","title":"A"{span}}}"#);
    let spans = [r#","start_index":1,"end_index":3"#, r#","start_index":0,"end_index":3"#, ""].map(ours);
    assert_eq!(cited.collect::<Vec<_>>(), [(0, &*spans[0]), (2, &*spans[1]), (2, &*spans[2])]);
}
