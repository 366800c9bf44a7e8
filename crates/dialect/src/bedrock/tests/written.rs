use serde_json::{Value, json as value};

use super::*;

/// One of everything that Claude can be told.
fn everything() -> Conversation {
    let thought = Content::Thought { text: "Which one?".to_owned(), signature: Some("c2VhbA==".to_owned()) };
    let unsealed = Content::Thought { text: "Not sealed.".to_owned(), signature: None };
    let found = vec![words("found"), Part { cache: Some(Cache::Short), ..image("image/png") }];
    Conversation {
        turns: vec![
            turn(Who::System, vec![kept(Content::Text("You are a nurse.".to_owned()), Cache::Long)]),
            turn(
                Who::User,
                vec![
                    words("Look at these."),
                    image("image/jpg"),
                    part(document("application/pdf", "cGRm")),
                    kept(document("text/x-log", "dHh0"), Cache::Short),
                ],
            ),
            turn(
                Who::Assistant,
                vec![
                    part(thought),
                    part(Content::Redacted("Y2lwaGVy".to_owned())),
                    part(unsealed),
                    words("I look it up."),
                    call("call_1", "{\"a\":1.50}"),
                    call("call/2", " "),
                ],
            ),
            turn(Who::User, vec![words("Go on."), result("call/2", vec![], true)]),
            turn(Who::User, vec![result("call_1", found, false)]),
            said(Who::Developer, "Be brief."),
            turn(Who::Assistant, vec![part(Content::Refusal("I would rather not.".to_owned()))]),
            said(Who::User, "Please."),
        ],
        tools: vec![
            Tool {
                description: Some("Finds.".to_owned()),
                strict: Some(true),
                cache: Some(Cache::Short),
                ..tool("find", Some("{\"properties\":{}}"))
            },
            tool("none", None),
        ],
        choice: Some(Choice::Auto),
        parallel: Some(true),
        format: Format::Schema {
            name: "same".to_owned(),
            description: Some("All of it.".to_owned()),
            schema: Json("{\"type\":\"object\",\"properties\":{}}".into()),
            strict: Some(true),
        },
        limit: Some(5_000),
        stop: vec!["END".to_owned()],
        sampling: Sampling { temperature: json("1"), top_p: json("1.0"), ..Sampling::default() },
        thinking: Some(Thinking::Effort(Effort::High)),
        verbosity: Some("medium".to_owned()),
        user: Some("jane".to_owned()),
        stream: true,
    }
}

#[test]
fn everything_that_claude_can_be_told_has_its_place() {
    let golden: Value = serde_json::from_str(include_str!("../testdata/everything.json")).unwrap();
    // The results before what is said with them, and those in the order in which they were given.
    assert_eq!(body(&everything(), CLAUDE), golden);
    let rendered = render(&everything(), &carry(CLAUDE));
    let text = String::from_utf8(rendered.body.expose_bytes().to_vec()).unwrap();
    assert!(text.contains(r#""input":{"a":1.50}"#), "numbers are kept as they were written");
    assert!(!text.contains("Jane") && !text.contains("4711") && !text.contains("jane"), "{text}");
    assert_eq!(rendered.left_out, ["messages.reasoning_content", "messages.file.filename", "user"]);
}

#[test]
fn a_question_alone_says_nothing_else() {
    let plain = value!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]});
    assert_eq!(body(&question(), CLAUDE), plain);
    assert_eq!(body(&question(), DEVSTRAL), plain);
}

#[test]
fn figures_are_those_of_the_caller_within_the_rows_limit() {
    let sampling = Sampling { temperature: json("0.10"), ..Sampling::default() };
    let asked = Conversation { limit: Some(100_000), sampling, ..question() };
    assert_eq!(body(&asked, CLAUDE)["inferenceConfig"], value!({"maxTokens": 64_000, "temperature": 0.1}));
    let sampling = Sampling { temperature: json("1"), top_p: json("1"), ..Sampling::default() };
    let asked = Conversation { sampling, ..question() };
    assert_eq!(body(&asked, DEVSTRAL)["inferenceConfig"], value!({"temperature": 1, "topP": 1}));
    assert_eq!(body(&asked, CLAUDE).get("inferenceConfig"), None, "Claude has that anyway");
    let asked = Conversation { sampling: Sampling { top_k: json("5"), ..Sampling::default() }, ..question() };
    assert_eq!(body(&asked, CLAUDE)["additionalModelRequestFields"], value!({"top_k": 5}));
}

#[test]
fn a_budget_of_thinking_brings_its_limit() {
    let lacks = ["thinking.adaptive".to_owned()].into();
    let carry = Carry { lacks, ..carry(CLAUDE) };
    let asked = Conversation { thinking: Some(Thinking::Effort(Effort::Medium)), ..question() };
    assert_eq!(fits(&asked, &carry), Ok(()));
    let body: Value = serde_json::from_slice(render(&asked, &carry).body.expose_bytes()).unwrap();
    assert_eq!(body["inferenceConfig"], value!({"maxTokens": 64_000}));
    let thinking = value!({"thinking": {"type": "enabled", "budget_tokens": 2_048}});
    assert_eq!(body["additionalModelRequestFields"], thinking);
}

#[test]
fn functions_are_chosen_as_far_as_there_is_a_word() {
    let asked = |choice| Conversation { tools: vec![tool("find", None)], choice, ..question() };
    for (choice, told) in [
        (None, Value::Null),
        (Some(Choice::Auto), Value::Null),
        (Some(Choice::Any), value!({"any": {}})),
        (Some(Choice::Named("find".to_owned())), value!({"tool": {"name": "find"}})),
    ] {
        assert_eq!(body(&asked(choice), DEVSTRAL)["toolConfig"]["toolChoice"], told);
    }
    assert_eq!(body(&asked(Some(Choice::Never)), DEVSTRAL).get("toolConfig"), None);
}

#[test]
fn what_is_worth_keeping_is_said_to_claude_alone() {
    let turns = vec![turn(Who::User, vec![kept(Content::Text("Hi".to_owned()), Cache::Short)])];
    let asked = Conversation { turns, ..Conversation::default() };
    let marked = value!([{"text": "Hi"}, {"cachePoint": {"type": "default"}}]);
    assert_eq!(body(&asked, CLAUDE)["messages"][0]["content"], marked);
    assert_eq!(body(&asked, DEVSTRAL)["messages"][0]["content"], value!([{"text": "Hi"}]));
    assert_eq!(render(&asked, &carry(DEVSTRAL)).left_out, ["cache_control"]);
}

#[test]
fn the_model_is_one_segment_of_the_path() {
    let at = |own: &str, stream| path(&own.parse().unwrap(), stream);
    assert_eq!(at(CLAUDE, false), "/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse");
    assert_eq!(at("a/b@c", true), "/a%2Fb%40c/converse-stream");
}

#[test]
fn what_has_no_place_is_refused_by_name() {
    let claude = carry(CLAUDE);
    let sampled = |sampling| Conversation { sampling, ..question() };
    let of = |turns| Conversation { turns, ..Conversation::default() };
    let called = |id: &str| {
        vec![
            said(Who::User, "Hi"),
            turn(Who::Assistant, vec![call(id, "{}")]),
            turn(Who::User, vec![result(id, vec![], false)]),
        ]
    };
    let with_tools = |asked| Conversation { tools: vec![tool("find", None)], ..asked };
    let audio = part(Content::Audio(media("audio/wav", "x")));
    let images = |count| turn(Who::User, vec![image("image/png"); count]);
    for (asked, field) in [
        (sampled(Sampling { seed: json("1"), ..Sampling::default() }), "seed"),
        (sampled(Sampling { frequency_penalty: json("1"), ..Sampling::default() }), "frequency_penalty"),
        (sampled(Sampling { presence_penalty: json("-1"), ..Sampling::default() }), "presence_penalty"),
        (sampled(Sampling { temperature: json("1.5"), ..Sampling::default() }), "temperature"),
        (Conversation { format: Format::Object, ..question() }, "response_format"),
        (Conversation { stop: vec![" ".to_owned()], ..question() }, "stop"),
        (Conversation { verbosity: Some("low".to_owned()), ..question() }, "verbosity"),
        (with_tools(Conversation { parallel: Some(false), ..question() }), "parallel_tool_calls"),
        (of(called("call_1")), "tools"),
        (with_tools(Conversation { choice: Some(Choice::Never), ..of(called("call_1")) }), "tool_choice"),
        (with_tools(of(called(&"x".repeat(65)))), "messages"),
        (with_tools(of(called(&"é".repeat(20)))), "messages"),
        (of(vec![turn(Who::User, vec![words("Hi"), audio])]), "messages"),
        (of(vec![turn(Who::User, vec![part(document("application/pdf", "cGRm"))])]), "messages"),
        (of(vec![turn(Who::User, vec![words("Hi"), part(document("application/zip", "eA=="))])]), "messages"),
        (of(vec![turn(Who::User, vec![words("Hi"), image("image/tiff")])]), "messages"),
        (of(vec![images(21)]), "messages"),
        (of(vec![said(Who::Assistant, "Hi")]), "messages"),
        (of(vec![]), "messages"),
    ] {
        assert_eq!(unfit(&asked, &claude), field);
    }
    assert_eq!(fits(&of(vec![images(20)]), &claude), Ok(()));
    assert_eq!(fits(&with_tools(of(called(&"x".repeat(64)))), &claude), Ok(()));
    let blind = Carry { capabilities: [].into(), ..claude };
    assert_eq!(unfit(&of(vec![images(1)]), &blind), "messages");
}

#[test]
fn other_models_are_told_less() {
    let sampled = |sampling| Conversation { sampling, ..question() };
    for (asked, field) in [
        (sampled(Sampling { top_k: json("5"), ..Sampling::default() }), "top_k"),
        (sampled(Sampling { top_p: json("1.1"), ..Sampling::default() }), "top_p"),
        (sampled(Sampling { seed: json("1"), ..Sampling::default() }), "seed"),
        (sampled(Sampling { presence_penalty: json("1"), ..Sampling::default() }), "presence_penalty"),
        (Conversation { thinking: Some(Thinking::Effort(Effort::Low)), ..question() }, "reasoning_effort"),
        (Conversation { thinking: Some(Thinking::Off), ..question() }, "reasoning_effort"),
    ] {
        assert_eq!(unfit(&asked, &carry(DEVSTRAL)), field);
    }
    let plain = Carry { capabilities: [].into(), ..carry(DEVSTRAL) };
    assert_eq!(fits(&Conversation { thinking: Some(Thinking::Off), ..question() }, &plain), Ok(()));
    let both = Sampling { temperature: json("0.2"), top_p: json("0.9"), ..Sampling::default() };
    assert_eq!(fits(&sampled(both.clone()), &carry(DEVSTRAL)), Ok(()));
    assert_eq!(unfit(&sampled(both), &carry(CLAUDE)), "top_p");
}

#[test]
fn a_seal_of_bedrock_goes_back_to_it_alone() {
    let asked = |seal: &str| {
        let thought = Content::Thought { text: "hm".to_owned(), signature: Some(seal.to_owned()) };
        let turns =
            vec![said(Who::User, "Hi"), turn(Who::Assistant, vec![part(thought), words("Yes")]), said(Who::User, "?")];
        Conversation { turns, ..Conversation::default() }
    };
    let body = |seal| {
        let rendered = crate::dialects::render(&asked(seal), &carry(CLAUDE), &str::to_owned, Class::General);
        String::from_utf8(rendered.body.expose_bytes().to_vec()).unwrap()
    };
    assert!(body("bedrock.own").contains(r#""signature":"own""#));
    assert!(!body("anthropic.other").contains("other"));
}
