use super::*;

fn any_content(is_user: bool) -> BoxedStrategy<Content> {
    let text = prop_oneof![Just(String::new()), Just(" ".to_owned()), any::<String>(), "[a-z\"\\\\\n]{1,6}"];
    let word = prop_oneof!["[a-z]{1,3}", "[a-z.:]{0,3}"];
    let shared = text.clone().prop_map(Content::Text);
    if is_user {
        let nested = prop::collection::vec(text.prop_map(|text| words(&text)), 0..3);
        let results = (word, nested, any::<bool>()).prop_map(|(id, parts, failed)| Content::Result {
            id,
            name: None,
            parts,
            failed,
        });
        prop_oneof![4 => shared, 1 => results].boxed()
    } else {
        let arguments =
            prop_oneof![Just("{}".to_owned()), Just(String::new()), Just("{\"a\":\n1}".to_owned()), any::<String>()];
        let calls = (word.clone(), word, arguments).prop_map(|(id, name, arguments)| Content::Call {
            id,
            name,
            arguments,
            signature: None,
        });
        let thoughts = (text.clone(), prop::option::of(text.clone()))
            .prop_map(|(text, signature)| Content::Thought { text, signature });
        prop_oneof![3 => shared, 1 => calls, 1 => thoughts, 1 => text.prop_map(Content::Refusal)].boxed()
    }
}

fn any_turn() -> impl Strategy<Value = Turn> {
    prop::sample::select(vec![Who::User, Who::User, Who::Assistant, Who::System]).prop_flat_map(|who| {
        let content = any_content(who != Who::Assistant);
        prop::collection::vec(content.prop_map(part), 0..3).prop_map(move |parts| turn(who, parts))
    })
}

/// Adds what answers each call, so that more conversations fit.
fn answered(turns: Vec<Turn>) -> Vec<Turn> {
    let answer = |turn: &Turn| {
        let mut results = Vec::new();
        for part in &turn.parts {
            if let Content::Call { id, .. } = &part.content {
                results.push(result(id, vec![], false));
            }
        }
        super::turn(Who::User, results)
    };
    turns.into_iter().flat_map(|turn| [answer(&turn), turn].into_iter().rev()).collect()
}

proptest! {
    /// Whatever is asked is a body that a strict reader takes; if it fits, sides alternate in it and the user begins.
    #[test]
    fn what_fits_is_written_as_anthropic_wants_it(turns in prop::collection::vec(any_turn(), 0..6)) {
        let asked = Conversation { turns: answered(turns), ..Conversation::default() };
        let rendered = render(&asked, &carry(), &str::to_owned, Class::General, At::Vertex).body;
        let document = Document::parse(rendered.expose_bytes().clone()).expect("JSON, whether it fits or not");
        if fits(&asked, &carry()).is_err() {
            return Ok(());
        }
        let body: serde_json::Value = serde_json::from_slice(document.text()).expect("JSON");
        let mut messages = body["messages"].as_array().expect("a list").clone();
        for pair in messages.windows(2) {
            prop_assert!(pair[1]["role"] != "system" || pair[0]["role"] == "user");
            prop_assert!(pair[0]["role"] != "system" || pair[1]["role"] == "assistant");
        }
        messages.retain(|message| message["role"] != "system");
        for (index, message) in messages.iter().enumerate() {
            prop_assert_eq!(message["role"] == "user", index % 2 == 0);
            let blocks = message["content"].as_array().expect("a list");
            prop_assert!(!blocks.is_empty());
            let kinds: Vec<_> = blocks.iter().map(|block| block["type"].as_str().expect("a type")).collect();
            let results = kinds.iter().take_while(|kind| **kind == "tool_result").count();
            prop_assert!(!kinds[results..].contains(&"tool_result"));
            let calls = messages[index.saturating_sub(1)]["content"].as_array().expect("a list");
            let calls = calls.iter().filter(|block| block["type"] == "tool_use").count();
            prop_assert!(index == 0 || index % 2 == 1 || calls == results);
            let is_blank = |block: &serde_json::Value| block["text"].as_str().is_some_and(|text| text.trim().is_empty());
            prop_assert!(!blocks.iter().any(is_blank));
        }
    }

    /// The same blocks, whole and as a stream of pieces, say and tell the same.
    #[test]
    fn answers_are_the_same_whole_and_in_pieces(
        blocks in prop::collection::vec((0..4_u8, any::<String>(), prop::collection::vec(any::<String>(), 0..3)), 0..4),
        piece in 1..50_usize, refuses in any::<bool>(), output in 0..50_u64,
    ) {
        use serde_json::json;
        let (mut content, mut events) = (Vec::new(), Vec::new());
        let reason = if refuses { "refusal" } else { "end_turn" };
        let details = json!({"type": "refusal", "explanation": "No."});
        events.push(json!({"type": "message_start", "message": {"id": "m", "content": [], "model": "c",
            "usage": {"input_tokens": 5, "output_tokens": 0}}}));
        for (index, (kind, seal, pieces)) in blocks.into_iter().enumerate() {
            let text = pieces.concat();
            let arguments = json!({ "a": text }).to_string();
            let (begun, deltas, block) = match kind {
                0 => (
                    json!({"type": "text", "text": ""}),
                    pieces.iter().map(|text| json!({"type": "text_delta", "text": text})).collect(),
                    json!({"type": "text", "text": text}),
                ),
                1 => (
                    json!({"type": "thinking", "thinking": "", "signature": ""}),
                    pieces.iter().map(|text| json!({"type": "thinking_delta", "thinking": text}))
                        .chain([json!({"type": "signature_delta", "signature": seal})]).collect::<Vec<_>>(),
                    json!({"type": "thinking", "thinking": text, "signature": seal}),
                ),
                2 => (
                    json!({"type": "redacted_thinking", "data": seal}), vec![],
                    json!({"type": "redacted_thinking", "data": seal}),
                ),
                _ => (
                    json!({"type": "tool_use", "id": format!("t{seal}"), "name": "f", "input": {}}),
                    arguments.chars().map(|c| json!({"type": "input_json_delta", "partial_json": c})).collect(),
                    json!({"type": "tool_use", "id": format!("t{seal}"), "name": "f", "input": { "a": text }}),
                ),
            };
            events.push(json!({"type": "content_block_start", "index": index, "content_block": begun}));
            events.extend(deltas.into_iter().map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})));
            events.push(json!({"type": "content_block_stop", "index": index}));
            content.push(block);
        }
        let delta = json!({"stop_reason": reason, "stop_details": details});
        events.push(json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": output}}));
        events.push(json!({"type": "message_stop"}));
        let body = json!({"type": "message", "id": "m", "model": "c", "content": content, "stop_reason": reason,
            "stop_details": details, "usage": {"input_tokens": 5, "output_tokens": output}});
        let answer = whole(&body.to_string()).expect("an answer");
        let stream: String = events.iter().map(|event| format!("event: x\ndata: {event}\n\n")).collect();
        let (said, facts, end) = followed(stream.as_bytes(), piece);
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(lines(&said), lines(&answer.said));
        prop_assert_eq!(told(&facts), told(&answer.facts));
    }

    /// Answers one edit away from good ones, and bytes of any kind, are read or refused.
    #[test]
    fn nothing_that_a_host_sends_brings_us_down(at in 0_usize..4_000, cut in 0_usize..9, put in "[\\[\\]{}:,\"0-9a-z\\\\-]{0,3}", any in any::<Vec<u8>>()) {
        for good in [&include_bytes!("../testdata/reply.json")[..], include_bytes!("../testdata/reply.sse")] {
            let mut bytes = good.to_vec();
            let start = at % bytes.len();
            bytes.splice(start..(start + cut).min(good.len()), put.bytes());
            for bytes in [bytes, any.clone()] {
                let _ = read_reply(&Completion::new(bytes.clone()));
                let _ = read_error(&bytes);
                let (said, facts, end) = followed(&bytes, 11);
                prop_assert!(end.is_err() || matches!(said.last(), Some(Said::Finish(_))));
                prop_assert!(facts.usage.is_none_or(|usage| usage.tokens() > 0));
            }
        }
    }
}
