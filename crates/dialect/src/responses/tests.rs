use std::collections::VecDeque;
use std::sync::Arc;

use phi_words::{Class, Code, Completion, MicroUsd, Prompt, Refusal, Usage};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::middle::{Answer, Block, Content, Facts, Finish, Json, Said, Turn, Who};
use crate::pairs::fold::output as fold;
use crate::read_responses;
use crate::sealer::transparent;

/// Everything that an answer can be made of.
fn said() -> Vec<Said> {
    let more = |number, text: &str| Said::More(number, text.to_owned());
    let call = |id: &str, name: &str| Block::Call { id: id.to_owned(), name: name.to_owned() };
    let citation =
        r#"{"type":"url_citation","url_citation":{"url":"https://a","title":"A","start_index":0,"end_index":2}}"#;
    vec![
        Said::Begin(0, Block::Thought),
        more(0, "h"),
        more(0, "m"),
        Said::Signature(0, "seal".to_owned()),
        Said::End(0),
        Said::Begin(1, Block::Redacted("cipher".to_owned())),
        Said::End(1),
        Said::Begin(2, Block::Text),
        more(2, "Gr\u{fc}"),
        more(2, "\n"),
        Said::Citation(2, Json(citation.into())),
        Said::Citation(2, Json(r#"{"type":"char_location"}"#.into())),
        Said::End(2),
        Said::Begin(3, call("a", "f")),
        Said::Begin(4, call("b", "g")),
        more(3, "{\"x\":"),
        more(3, "1}"),
        Said::Signature(3, "seal of the call".to_owned()),
        Said::End(4),
        Said::End(3),
        Said::Begin(5, Block::Refusal),
        more(5, "no"),
        Said::End(5),
        Said::Finish(Finish::Calls),
    ]
}

/// The same, as it comes back.
fn contents() -> Vec<Content> {
    let owned = str::to_owned;
    vec![
        Content::Thought { text: owned("hm"), signature: Some(owned("seal")) },
        Content::Redacted(owned("cipher")),
        Content::Text(owned("Gr\u{fc}\n")),
        Content::Call {
            id: owned("a"),
            name: owned("f"),
            arguments: owned("{\"x\":1}"),
            signature: Some(owned("seal of the call")),
        },
        Content::Call { id: owned("b"), name: owned("g"), arguments: owned("{}"), signature: None },
        Content::Refusal(owned("no")),
    ]
}

fn speaker(more: &str) -> Speaker {
    let body = format!(r#"{{"model":"m","input":"hi"{more}}}"#);
    let question = read_responses(Prompt::new(body), Class::Phi, &transparent()).unwrap();
    Speaker::new(Arc::clone(question.setting()), "house/model".parse().unwrap(), 7)
}

fn read(payload: &Completion) -> Value {
    serde_json::from_slice(payload.expose_bytes()).unwrap()
}

fn usage() -> Usage {
    Usage { input: 5, cache_read: 2, output: 4, reasoning: 1, ..Usage::default() }
}

/// The events of a stream, to its end.
fn events(speaker: &mut Speaker, said: &[Said]) -> Vec<Value> {
    let mut frames = VecDeque::new();
    said.iter().for_each(|said| speaker.say(said, &mut frames));
    frames.extend(speaker.closing(&usage(), MicroUsd::new(42)));
    frames.iter().map(read).collect()
}

fn whole(speaker: &Speaker, said: Vec<Said>) -> Value {
    read(&speaker.whole(&Answer { said, facts: Facts { usage: Some(usage()), ..Facts::default() } }))
}

/// Items without what is sealed, and without keepers: those have nothing else.
fn plain(output: &Value) -> Vec<Value> {
    let plain = output.as_array().unwrap().iter().map(|item| {
        let mut item = item.clone();
        item.as_object_mut().unwrap().retain(|name, _| name != "id" && name != "encrypted_content");
        item
    });
    plain.filter(|item| item["summary"] != json!([])).collect()
}

#[test]
fn a_whole_answer_has_what_libraries_ask_for() {
    let whole = whole(&speaker(r#","metadata":{"a":"b"},"instructions":"be brief","top_p":0.50"#), said());
    let expected: Value = serde_json::from_str(include_str!("testdata/whole.json")).unwrap();
    assert_eq!(whole, expected, "{whole:#}");
}

#[test]
fn a_stream_says_what_the_whole_answer_says() {
    for more in ["", r#","store":false"#, r#","include":["reasoning.encrypted_content"]"#] {
        let events = events(&mut speaker(more), &said());
        let last = &events.last().unwrap()["response"];
        assert_eq!(fold(&events), last["output"], "{more}");
        let whole = whole(&speaker(more), said());
        assert_eq!(plain(&last["output"]), plain(&whole["output"]), "{more}");
        for same in ["id", "object", "status", "model", "created_at", "incomplete_details", "error", "tools", "store"] {
            assert_eq!(last[same], whole[same], "{same}");
        }
        assert_eq!(last["usage"]["cost_micro"], 42);
        assert_eq!(last["usage"]["total_tokens"], whole["usage"]["total_tokens"]);
    }
}

#[test]
fn events_come_in_the_documented_order_and_are_counted() {
    let events = events(&mut speaker(""), &said());
    let names: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expected: Vec<_> = include_str!("testdata/order.txt").lines().collect();
    assert_eq!(names, expected);
    assert!(events.iter().enumerate().all(|(at, event)| event["sequence_number"] == at));
    assert!(events[..2].iter().all(|event| event["response"]["status"] == "in_progress"));
}

/// What a client sends the next time, of the output of an answer.
fn next(output: &Value, send: impl Fn(&Value) -> Option<Value>) -> Result<Vec<Turn>, Refusal> {
    let items: Vec<_> = output.as_array().unwrap().iter().filter_map(send).collect();
    asked(&json!(items))
}

fn asked(input: &Value) -> Result<Vec<Turn>, Refusal> {
    let body = json!({"model": "m", "input": input}).to_string();
    read_responses(Prompt::new(body), Class::Phi, &transparent()).map(|question| question.conversation().turns.clone())
}

/// As Vercel's AI SDK does by default: texts and thoughts by their ids, calls as they are, without one.
fn refers(item: &Value) -> Option<Value> {
    Some(match item["type"].as_str()? {
        "function_call" => json!({
            "type": "function_call", "call_id": item["call_id"], "name": item["name"], "arguments": item["arguments"],
        }),
        _ => json!({"type": "item_reference", "id": item["id"]}),
    })
}

fn assert_comes_back(turns: &[Turn], what: &str) {
    assert_eq!(turns.len(), 1, "{what}");
    assert!(turns[0].who == Who::Assistant);
    assert!(turns[0].parts.iter().map(|part| &part.content).eq(&contents()), "{what}");
}

#[test]
fn what_was_said_comes_back_by_reference_with_nothing_stored() {
    let whole = whole(&speaker(""), said());
    assert_comes_back(&next(&whole["output"], refers).unwrap(), "whole");
    let events = events(&mut speaker(""), &said());
    let streamed = &events.last().unwrap()["response"]["output"];
    assert_comes_back(&next(streamed, refers).unwrap(), "streamed");
    // Other clients refer to calls too, or send all items as they came.
    for output in [&whole["output"], streamed] {
        let all = |item: &Value| Some(json!({"type": "item_reference", "id": item["id"]}));
        assert_comes_back(&next(output, all).unwrap(), "all by reference");
        assert_comes_back(&next(output, |item| Some(item.clone())).unwrap(), "all as they are");
    }
}

#[test]
fn who_keeps_everything_himself_gets_thoughts_sealed() {
    for output in [
        whole(&speaker(r#","store":false"#), said())["output"].clone(),
        events(&mut speaker(r#","store":false"#), &said()).last().unwrap()["response"]["output"].clone(),
    ] {
        let longest = output.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().len()).max();
        assert!(longest < Some(64), "ids are names");
        let stripped = |item: &Value| {
            let mut item = item.clone();
            item.as_object_mut().unwrap().remove("id");
            Some(item)
        };
        assert_comes_back(&next(&output, stripped).unwrap(), "without ids");
    }
}

#[test]
fn a_seal_that_does_not_open_is_refused_by_its_place_alone() {
    let events = events(&mut speaker(""), &said());
    let output = events.last().unwrap()["response"]["output"].clone();
    let without_keeper = Value::from(output.as_array().unwrap().split_last().unwrap().1.to_vec());
    let refusal = next(&without_keeper, refers).err().unwrap();
    assert_eq!((refusal.code, refusal.param.as_deref()), (Code::InvalidRequest, Some("input[0].id")));
    let sealed = whole(&speaker(""), said())["output"][2]["id"].as_str().unwrap().to_owned();
    let cut = &sealed[..sealed.len() - 2];
    let moved = sealed.replacen("msg_", "rs_", 1);
    for id in ["", "msg_", "msg_00", "msg_6a756c6b", "item", cut, moved.as_str()] {
        let refusal = asked(&json!([{"type": "item_reference", "id": id}])).err().unwrap();
        assert_eq!((refusal.code, refusal.param.as_deref()), (Code::InvalidRequest, Some("input[0].id")), "{id}");
        assert!(id.len() < 6 || !refusal.message.contains(id));
    }
    let twice = json!({"type": "item_reference", "id": sealed});
    assert_eq!(asked(&json!([twice])).unwrap().len(), 1);
    assert_eq!(asked(&json!([twice, twice])).err().unwrap().param.as_deref(), Some("input[1].id"));
    let cipher = asked(&json!([{"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}])).err().unwrap();
    assert_eq!(cipher.param.as_deref(), Some("input[0].encrypted_content"));
}

#[test]
fn ids_of_elsewhere_do_no_harm_beside_the_items_themselves() {
    let turns = asked(&json!([
        {"type": "message", "role": "assistant", "id": "msg_abc", "status": "completed", "content": [
            {"type": "output_text", "text": "a", "annotations": [], "logprobs": []}]},
        {"type": "reasoning", "id": "rs_abc", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "reasoning", "id": "rs_def", "summary": [], "encrypted_content": null, "content": null},
        {"type": "function_call", "id": "fc_abc", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "4"},
    ]))
    .unwrap();
    assert_eq!(turns.len(), 2);
    assert_eq!(turns[0].parts.len(), 3);
    assert!(matches!(&turns[1].parts[0].content, Content::Result { name: Some(name), .. } if name == "f"));
}

#[test]
fn an_answer_ends_as_it_ended() {
    let end = |finish| events(&mut speaker(""), &[Said::Finish(finish)]).pop().unwrap();
    for (finish, status, reason) in [
        (Finish::Stop, "completed", json!(null)),
        (Finish::StopText(Some("x".to_owned())), "completed", json!(null)),
        (Finish::Calls, "completed", json!(null)),
        (Finish::Length, "incomplete", json!({"reason": "max_output_tokens"})),
        (Finish::Context, "incomplete", json!({"reason": "max_output_tokens"})),
        (Finish::Pause, "incomplete", json!({"reason": "max_output_tokens"})),
        (Finish::Refused, "incomplete", json!({"reason": "content_filter"})),
        (Finish::Other("odd".to_owned()), "incomplete", json!({"reason": "odd"})),
    ] {
        let last = end(finish);
        assert_eq!(last["type"], format!("response.{status}"));
        assert_eq!((&last["response"]["status"], &last["response"]["incomplete_details"]), (&json!(status), &reason));
    }
    let no = [Said::Begin(0, Block::Refusal), Said::More(0, "no".to_owned()), Said::Finish(Finish::Refused)];
    assert_eq!(events(&mut speaker(""), &no).pop().unwrap()["type"], "response.completed");
}

#[test]
fn a_cut_answer_ends_with_an_error_that_every_client_sees() {
    let mut frames = VecDeque::new();
    let mut speaker = speaker("");
    let said = [Said::Begin(0, Block::Text), Said::More(0, "half".to_owned())];
    said.iter().for_each(|said| speaker.say(said, &mut frames));
    let refusal = Refusal::new(Code::UpstreamTruncated, "the host stopped", "send it again");
    let last: Vec<_> = speaker.failing(&refusal).iter().map(read).collect();
    let (error, failed) = (&last[0], &last[1]);
    assert_eq!(error["type"], "error");
    assert_eq!(error["sequence_number"], frames.len());
    assert_eq!(error["code"], "upstream_truncated");
    assert_eq!(error["error"]["message"], "the host stopped; send it again");
    assert_eq!((&failed["type"], &failed["response"]["status"]), (&json!("response.failed"), &json!("failed")));
    assert_eq!(failed["response"]["error"]["code"], "upstream_truncated");
    assert_eq!(failed["sequence_number"], frames.len() + 1);
    let early: Vec<_> = super::tests::speaker("").failing(&refusal).iter().map(read).collect();
    let names: Vec<_> = early.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(names, ["response.created", "response.in_progress", "error", "response.failed"]);
}

#[test]
fn an_answer_of_calls_alone_needs_no_keeper() {
    let call = Block::Call { id: "a".to_owned(), name: "f".to_owned() };
    let said = [Said::Begin(0, call), Said::More(0, "{}".to_owned()), Said::End(0), Said::Finish(Finish::Calls)];
    assert_eq!(events(&mut speaker(""), &said).pop().unwrap()["response"]["output"].as_array().unwrap().len(), 1);
}

proptest! {
    /// In however many pieces and turns an answer is said, it is the same answer.
    #[test]
    fn any_answer_folds_to_itself_and_comes_back(texts in proptest::collection::vec((0_u8..4, "\\PC{0,9}"), 0..8)) {
        let mut said = Vec::new();
        for (number, (kind, text)) in (0_u32..).zip(&texts) {
            said.push(Said::Begin(number, match kind {
                0 => Block::Text,
                1 => Block::Thought,
                2 => Block::Refusal,
                _ => Block::Call { id: format!("call {number}"), name: "f".to_owned() },
            }));
            said.extend(text.chars().map(|letter| Said::More(number, letter.to_string())));
        }
        said.extend((0..texts.len() as u32).rev().map(Said::End));
        said.push(Said::Finish(Finish::Stop));
        let events = events(&mut speaker(""), &said);
        let streamed = &events.last().unwrap()["response"]["output"];
        prop_assert_eq!(&fold(&events), streamed);
        let whole = whole(&speaker(""), said);
        prop_assert_eq!(plain(streamed), plain(&whole["output"]));
        if !texts.is_empty() {
            let back = next(streamed, refers).unwrap();
            prop_assert_eq!(back[0].parts.len(), texts.len());
            prop_assert!(back == next(&whole["output"], refers).unwrap());
        }
    }
}

/// As OpenAI's agent Codex offers its functions.
#[test]
fn a_function_in_a_space_is_called_by_both_names() {
    let function = |name: &str| json!({"type": "function", "name": name});
    let space = |tools: Value| json!({"type": "namespace", "name": "team", "description": "d", "tools": tools});
    let body =
        |tools: Value, input: Value| Prompt::new(json!({"model": "m", "tools": tools, "input": input}).to_string());
    let read = |body| read_responses(body, Class::Phi, &transparent());
    let tools = json!([function("look"), space(json!([function("ask"), function("look")]))]);
    let back = json!([
        {"type": "function_call", "call_id": "c", "namespace": "team", "name": "look", "arguments": "{}"},
        {"type": "function_call", "call_id": "d", "namespace": null, "name": "look", "arguments": "{}"},
    ]);
    let question = read(body(tools, back)).unwrap();
    let rendered = question.render(&crate::Carry::plain("m".parse().unwrap()), &str::to_owned, Class::Phi);
    assert_eq!(rendered.left_out, ["tools.description"]);
    let names: Vec<_> = question.conversation().tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["look", "team__ask", "team__look"]);
    let called = |part: &crate::middle::Part| {
        let Content::Call { name, .. } = &part.content else { panic!("{part:?}") };
        name.clone()
    };
    assert_eq!(question.conversation().turns[0].parts.iter().map(called).collect::<Vec<_>>(), ["team__look", "look"]);

    let call =
        |number, name: &str| Said::Begin(number, Block::Call { id: format!("c{number}"), name: name.to_owned() });
    let said =
        vec![call(0, "team__look"), Said::End(0), call(1, "look"), Said::End(1), call(2, "team__x"), Said::End(2)];
    let speaker = || Speaker::new(Arc::clone(question.setting()), "house/model".parse().unwrap(), 7);
    let events = events(&mut speaker(), &said);
    let of = |items: &Value| -> Vec<_> {
        let calls = items.as_array().unwrap().iter().filter(|item| item["type"] == "function_call");
        calls.map(|item| (item["namespace"].clone(), item["name"].clone())).collect()
    };
    let due = [(json!("team"), json!("look")), (Value::Null, json!("look")), (Value::Null, json!("team__x"))];
    assert_eq!(of(&whole(&speaker(), said)["output"]), due);
    assert_eq!(of(&events.last().unwrap()["response"]["output"]), due);
    let done = |event: &&Value| event["type"] == "response.function_call_arguments.done";
    let done: Vec<_> = events.iter().filter(done).map(|event| event["name"].clone()).collect();
    assert_eq!(done, ["look", "look", "team__x"]);

    let long = function(&"a".repeat(59));
    for (tools, path) in [
        (json!([space(json!([long]))]), "tools[0].name"),
        (json!([function("team__ask"), space(json!([function("ask")]))]), "tools"),
        (json!([space(json!([function("ask"), function("ask")]))]), "tools"),
        (json!([space(json!([{"type": "web_search"}]))]), "tools[0].tools[0]"),
        (json!([space(json!([space(json!([]))]))]), "tools[0].tools[0]"),
        (json!([space(json!([{"type": "function"}]))]), "tools[0].tools[0].name"),
        (json!([space(json!({}))]), "tools[0].tools"),
        (json!([{"type": "namespace", "tools": []}]), "tools[0].name"),
        (json!([{"type": "namespace", "name": "team"}]), "tools[0].tools"),
        (json!([space((0..129).map(|number| function(&format!("f{number}"))).collect())]), "tools"),
    ] {
        let refusal = read(body(tools.clone(), json!("hi"))).unwrap_err();
        assert_eq!(refusal.param.as_deref(), Some(path), "{tools}");
    }
}
