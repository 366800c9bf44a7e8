use proptest::prelude::*;
use serde_json::{Value as Read, json};

use super::*;
use crate::anthropic;
use crate::middle::{Facts, joined};
use crate::pairs::fold;
use crate::sse;

fn speaker() -> Speaker {
    Speaker::new("house/model".parse().unwrap(), Some("chatcmpl-1"), 25)
}

fn more(number: u32, text: &str) -> Said {
    Said::More(number, text.to_owned())
}

fn call(id: &str, name: &str) -> Block {
    Block::Call { id: id.to_owned(), name: name.to_owned() }
}

fn place() -> Json {
    Json(r#"{"type":"char_location","cited_text":"a","document_index":0,"start_char_index":0,"end_char_index":1,"document_title":null}"#.into())
}

/// Everything that an answer can be made of, with two calls in turns and a text after them.
fn said() -> Vec<Said> {
    vec![
        Said::Begin(0, Block::Thought),
        more(0, "h"),
        more(0, "m"),
        Said::Signature(0, "seal".to_owned()),
        Said::End(0),
        Said::Begin(1, Block::Redacted("cipher".to_owned())),
        Said::End(1),
        Said::Begin(2, Block::Text),
        more(2, "Gr\u{fc}\n"),
        Said::Citation(2, place()),
        Said::Citation(2, Json(r#"{"url":"https://a.example"}"#.into())),
        Said::End(2),
        Said::Begin(3, call("a", "f")),
        Said::Begin(4, call("b", "g")),
        more(4, "{\"y\":[]"),
        more(3, "{\"x\":"),
        Said::Begin(5, Block::Text),
        more(5, "after"),
        more(3, "1}"),
        more(4, "}"),
        Said::Signature(3, "seal of the call".to_owned()),
        Said::End(3),
        Said::End(4),
        Said::End(5),
        Said::Begin(6, Block::Text),
        Said::End(6),
        Said::Finish(Finish::Calls),
    ]
}

fn events(said: &[Said], usage: &Usage) -> Vec<Completion> {
    let (mut speaker, mut frames) = (speaker(), VecDeque::new());
    said.iter().for_each(|said| speaker.say(said, &mut frames));
    frames.into_iter().chain(speaker.closing(usage)).collect()
}

fn whole(said: &[Said], usage: Option<Usage>) -> Read {
    let answer = Answer { said: said.to_vec(), facts: Facts { usage, ..Facts::default() } };
    read(&speaker().whole(&answer))
}

fn read(payload: &Completion) -> Read {
    serde_json::from_slice(payload.expose_bytes()).unwrap()
}

fn folded(events: &[Completion]) -> Read {
    fold::message(&events.iter().map(read).collect::<Vec<_>>())
}

fn usage() -> Usage {
    Usage { input: 5, cache_read: 3, cache_write_5m: 2, cache_write_1h: 1, output: 4, reasoning: 6, ..Usage::default() }
}

#[test]
fn a_whole_answer_is_a_message() {
    let hidden = seal::write("a", "seal of the call");
    assert_eq!(
        whole(&said(), Some(usage())),
        json!({
            "id": "chatcmpl-1", "type": "message", "role": "assistant", "model": "house/model",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "seal"},
                {"type": "redacted_thinking", "data": "cipher"},
                {"type": "text", "text": "Grü\n", "citations": [read(&Completion::new(place().0.to_string()))]},
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
                {"type": "redacted_thinking", "data": hidden},
                {"type": "tool_use", "id": "b", "name": "g", "input": {"y": []}},
                {"type": "text", "text": "after"},
            ],
            "stop_reason": "tool_use", "stop_sequence": null,
            "usage": {
                "input_tokens": 5, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 3,
                "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 1},
                "output_tokens": 10, "output_tokens_details": {"thinking_tokens": 6},
            },
        })
    );
}

/// P14: a stream adds up to the whole answer, however its calls come in turns.
#[test]
fn a_stream_adds_up_to_the_whole_answer() {
    let events = events(&said(), &usage());
    let kinds: Vec<String> = events.iter().map(|event| read(event)["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        (&*kinds[0], &*kinds[kinds.len() - 2], &*kinds[kinds.len() - 1]),
        ("message_start", "message_delta", "message_stop")
    );
    let begun = &read(&events[0])["message"]["usage"];
    assert_eq!((&begun["input_tokens"], &begun["output_tokens"]), (&json!(25), &json!(0)));
    assert_eq!(folded(&events), whole(&said(), Some(usage())));
}

#[test]
fn each_end_has_its_reason() {
    let words = [Said::Begin(0, Block::Text), more(0, "a"), Said::End(0)];
    let called = [Said::Begin(0, call("a", "f")), Said::End(0)];
    let refused = [Said::Begin(0, Block::Refusal), more(0, "no"), Said::End(0)];
    let cases = [
        (&words[..], Finish::Stop, "end_turn", Read::Null),
        (&called[..], Finish::Stop, "tool_use", Read::Null),
        (&refused[..], Finish::Stop, "refusal", Read::Null),
        (&words[..], Finish::StopText(Some("END".to_owned())), "stop_sequence", json!("END")),
        (&words[..], Finish::StopText(None), "stop_sequence", Read::Null),
        (&words[..], Finish::Length, "max_tokens", Read::Null),
        (&called[..], Finish::Length, "max_tokens", Read::Null),
        (&words[..], Finish::Context, "model_context_window_exceeded", Read::Null),
        (&called[..], Finish::Calls, "tool_use", Read::Null),
        (&refused[..], Finish::Refused, "refusal", Read::Null),
        (&words[..], Finish::Pause, "pause_turn", Read::Null),
        (&words[..], Finish::Other("odd".to_owned()), "odd", Read::Null),
    ];
    for (blocks, finish, reason, sequence) in cases {
        let said: Vec<Said> = blocks.iter().cloned().chain([Said::Finish(finish)]).collect();
        let message = folded(&events(&said, &usage()));
        assert_eq!((&message["stop_reason"], &message["stop_sequence"]), (&json!(reason), &sequence));
        let details = json!({"type": "refusal", "category": null, "explanation": "no"});
        assert_eq!(message.get("stop_details"), (reason == "refusal").then_some(&details));
        assert_eq!(message, whole(&said, Some(usage())));
    }
}

#[test]
fn what_is_charged_by_an_estimate_is_told_so() {
    let said = [Said::Begin(0, Block::Text), more(0, "abcde"), Said::End(0), Said::Finish(Finish::Stop)];
    let figures = &whole(&said, None)["usage"];
    assert_eq!((&figures["input_tokens"], &figures["output_tokens"]), (&json!(25), &json!(2)));
}

#[test]
fn arguments_that_are_no_object_stand_in_one() {
    for (arguments, input) in [
        ("", json!({})),
        (" ", json!({})),
        ("{\"a\": 1.0}", json!({"a": 1.0})),
        ("{\"a\": ", json!({"raw_arguments": "{\"a\": "})),
        ("[1]", json!({"raw_arguments": "[1]"})),
    ] {
        let said = [Said::Begin(0, call("a", "f")), more(0, arguments), Said::End(0), Said::Finish(Finish::Length)];
        assert_eq!(whole(&said, None)["content"][0]["input"], input, "{arguments}");
    }
}

#[test]
fn an_answer_without_a_word_is_a_message_too() {
    let message = whole(&[Said::Finish(Finish::Stop)], None);
    assert_eq!((&message["content"], &message["stop_reason"]), (&json!([]), &json!("end_turn")));
    let events = speaker().closing(&usage());
    assert_eq!(folded(&events)["stop_reason"], "end_turn");
    assert_eq!(events.len(), 3);
}

#[test]
fn each_event_has_its_name_on_the_wire() {
    for event in events(&said(), &usage()) {
        let mut wire = bytes::BytesMut::new();
        sse::push_typed_frame(&mut wire, &event);
        let kind = read(&event)["type"].as_str().unwrap().to_owned();
        let data = String::from_utf8(event.expose_bytes().to_vec()).unwrap();
        assert_eq!(wire, format!("event: {kind}\ndata: {data}\n\n"));
    }
}

/// A host of Anthropic's heard and said again is the same, but for what is estimated until its end.
#[test]
fn what_anthropic_says_is_said_as_it_was() {
    let events = events(&said()[..12], &usage());
    let finish = [Said::Finish(Finish::Stop)];
    let said: Vec<Said> = said()[..12].iter().cloned().chain(finish).collect();
    let mut host = anthropic::Stream::new();
    let heard: Vec<Said> = events.into_iter().flat_map(|data| host.feed(&sse::Event { data }).unwrap()).collect();
    let ours = |said: Vec<Said>| {
        let known = |said: &Said| !matches!(said, Said::Citation(_, citation) if cited(citation).is_none());
        joined(said.into_iter().filter(known).collect())
    };
    assert!(joined(heard) == ours(said));
    assert!(host.is_done());
}

/// Blocks in any order, in pieces that come in turns.
fn any_said() -> impl Strategy<Value = Vec<Said>> {
    let step = (0_u32..5, 0_u8..8, "[a-z\"{}]{0,4}");
    prop::collection::vec(step, 0..40).prop_map(|steps| {
        let (mut said, mut open, mut count) = (Vec::new(), Vec::new(), 0);
        for (which, act, text) in steps {
            let number = open.get(which as usize).copied();
            match (act, number) {
                (0, _) | (_, None) => {
                    let block = match which {
                        0 => Block::Thought,
                        1 => Block::Refusal,
                        2 => call(&format!("c{count}"), "f"),
                        3 => Block::Redacted(text),
                        _ => Block::Text,
                    };
                    said.push(Said::Begin(count, block));
                    open.push(count);
                    count += 1;
                }
                (1, Some(number)) => {
                    open.retain(|one| *one != number);
                    said.push(Said::End(number));
                }
                (2, Some(number)) => said.push(Said::Signature(number, text)),
                (3, Some(number)) => said.push(Said::Citation(number, place())),
                (_, Some(number)) => said.push(Said::More(number, text)),
            }
        }
        said.push(Said::Finish(Finish::Stop));
        said
    })
}

proptest! {
    /// P11, P14: nothing that a host says is lost, and what is said piece by piece is what is said at once.
    #[test]
    fn any_answer_is_the_same_whole_and_as_a_stream(said in any_said()) {
        let stream = folded(&events(&said, &usage()));
        let whole = whole(&said, Some(usage()));
        prop_assert_eq!(&stream, &whole);
        let hidden = |number: &u32| said.iter().any(|said| matches!(said, Said::Begin(of, Block::Redacted(_)) if of == number));
        let words: usize = said.iter().map(|said| {
            if let Said::More(number, text) = said && !hidden(number) { text.len() } else { 0 }
        }).sum();
        let told: usize = whole["content"].as_array().unwrap().iter().map(|block| {
            let of = |name: &str| block[name].as_str().map_or(0, str::len);
            let input = block["input"]["raw_arguments"].as_str().map_or(0, str::len);
            let object = if block["input"].is_object() && input == 0 { block["input"].to_string().len() } else { 0 };
            of("text") + of("thinking") + input + object
        }).sum();
        prop_assert!(told >= words, "{} of {}", told, words);
    }
}
