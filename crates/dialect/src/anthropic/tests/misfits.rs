use super::*;

#[test]
fn thinking_that_the_model_does_not_know_is_a_misfit() {
    let thinking =
        |thinking, limit, carry: &Carry| unfit(&Conversation { thinking: Some(thinking), limit, ..question() }, carry);
    let old = lacking(&["thinking.adaptive"]);
    let cannot = Carry { capabilities: [].into(), ..carry() };
    for unable in [&cannot, &lacking(&["reasoning_effort"])] {
        assert_eq!(thinking(Thinking::Adaptive, None, unable), "reasoning_effort");
        assert_eq!(thinking(Thinking::Effort(Effort::Low), None, unable), "reasoning_effort");
        assert_eq!(thinking(Thinking::Budget(2_000), None, unable), "reasoning_effort");
    }
    assert_eq!(thinking(Thinking::Off, None, &lacking(&["thinking.disabled"])), "reasoning_effort");
    assert_eq!(thinking(Thinking::Budget(2_000), None, &lacking(&["thinking.enabled"])), "thinking");
    for effort in [Effort::XHigh, Effort::Max] {
        let lacks = lacking(&["reasoning_effort.xhigh", "reasoning_effort.max"]);
        assert_eq!(thinking(Thinking::Effort(effort), None, &lacks), "reasoning_effort");
    }
    for (budget, limit) in [(1_023, None), (2_000, Some(2_000)), (64_000, None), (u64::MAX, None)] {
        assert_eq!(thinking(Thinking::Budget(budget), limit, &carry()), "thinking");
        let unbounded = Carry { max_output: None, ..carry() };
        assert_eq!(
            fits(&Conversation { thinking: Some(Thinking::Budget(budget)), limit, ..question() }, &unbounded).is_ok(),
            budget == 64_000
        );
    }
    assert_eq!(thinking(Thinking::Effort(Effort::Low), Some(1_024), &old), "reasoning_effort");
    assert_eq!(thinking(Thinking::Adaptive, Some(1_024), &old), "reasoning_effort");
}

#[test]
fn what_does_not_go_with_thinking_is_a_misfit() {
    let asked = |thinking, sampling| Conversation { thinking: Some(thinking), sampling, ..question() };
    let of = |temperature: Option<&str>, top_p: Option<&str>, top_k: Option<&str>| Sampling {
        temperature: temperature.and_then(json),
        top_p: top_p.and_then(json),
        top_k: top_k.and_then(json),
        ..Sampling::default()
    };
    for thinking in [Thinking::Adaptive, Thinking::Budget(1_024), Thinking::Effort(Effort::High)] {
        assert_eq!(unfit(&asked(thinking, of(Some("0.5"), None, None)), &carry()), "temperature");
        assert_eq!(unfit(&asked(thinking, of(None, Some("0.94"), None)), &carry()), "top_p");
        assert_eq!(unfit(&asked(thinking, of(None, None, Some("5"))), &carry()), "top_k");
        assert_eq!(fits(&asked(thinking, of(Some("1"), Some("0.95"), None)), &carry()), Ok(()));
    }
    assert_eq!(fits(&asked(Thinking::Off, of(Some("0.5"), None, Some("5"))), &carry()), Ok(()));
    let forced = |thinking| Conversation {
        tools: vec![tool("f", None)],
        choice: Some(Choice::Any),
        ..asked(thinking, Sampling::default())
    };
    assert_eq!(unfit(&forced(Thinking::Budget(1_024)), &carry()), "tool_choice");
    assert_eq!(fits(&forced(Thinking::Adaptive), &carry()), Ok(()));
}

#[test]
fn what_anthropic_does_not_know_is_a_misfit() {
    let sampling = |sampling: Sampling| Conversation { sampling, ..question() };
    let none = Sampling::default;
    for (asked, field) in [
        (sampling(Sampling { seed: json("0"), ..none() }), "seed"),
        (sampling(Sampling { frequency_penalty: json("0.1"), ..none() }), "frequency_penalty"),
        (sampling(Sampling { presence_penalty: json("-2"), ..none() }), "presence_penalty"),
        (sampling(Sampling { temperature: json("1.01"), ..none() }), "temperature"),
        (sampling(Sampling { temperature: json("-1"), ..none() }), "temperature"),
        (sampling(Sampling { temperature: json("\"x\""), ..none() }), "temperature"),
        (sampling(Sampling { top_p: json("1.5"), ..none() }), "top_p"),
        (sampling(Sampling { temperature: json("0.5"), top_p: json("0.5"), ..none() }), "top_p"),
        (sampling(Sampling { top_k: json("0"), ..none() }), "top_k"),
        (sampling(Sampling { top_k: json("1.5"), ..none() }), "top_k"),
        (Conversation { stop: vec!["x".to_owned(), "\n".to_owned()], ..question() }, "stop"),
        (Conversation { format: Format::Object, ..question() }, "response_format"),
        (Conversation { format: schema("{}"), ..question() }, "response_format"),
        (Conversation { format: schema("true"), ..question() }, "response_format"),
        (Conversation { verbosity: Some("low".to_owned()), ..question() }, "verbosity"),
        (Conversation { choice: Some(Choice::Any), ..question() }, "tool_choice"),
        (
            Conversation { tools: vec![tool("f", None)], choice: Some(Choice::Named("g".to_owned())), ..question() },
            "tool_choice",
        ),
        (Conversation { tools: vec![tool("f g", None)], ..question() }, "tools"),
        (Conversation { tools: vec![tool("", None)], ..question() }, "tools"),
        (Conversation { tools: vec![tool(&"f".repeat(129), None)], ..question() }, "tools"),
        (Conversation { tools: vec![tool("f", Some("[]"))], ..question() }, "tools"),
        (Conversation { tools: vec![tool("f", Some("{\"type\":\"string\"}"))], ..question() }, "tools"),
        (Conversation { tools: vec![tool("f", Some("{\"a\":1,\"a\":2}"))], ..question() }, "tools"),
    ] {
        assert_eq!(unfit(&asked, &carry()), field);
    }
    for temperature in ["0", "0.70", "1", "1.000"] {
        assert_eq!(fits(&sampling(Sampling { temperature: json(temperature), ..none() }), &carry()), Ok(()));
    }
    let marked = Part { cache: Some(Cache::Short), ..words("a") };
    let marks = |count: usize| Conversation {
        turns: vec![turn(Who::User, vec![marked.clone(); count])],
        ..Conversation::default()
    };
    assert_eq!(fits(&marks(4), &carry()), Ok(()));
    assert_eq!(unfit(&marks(5), &carry()), "cache_control");
}

#[test]
fn what_a_row_lacks_is_a_misfit() {
    let strict = Tool { strict: Some(true), ..tool("f", None) };
    let of = |temperature, top_p, top_k| Conversation {
        sampling: Sampling { temperature, top_p, top_k, ..Sampling::default() },
        ..question()
    };
    let tools = Conversation { tools: vec![tool("f", None)], ..question() };
    for (asked, lack, field) in [
        (of(json("0.5"), None, None), "temperature", "temperature"),
        (of(None, json("0.5"), None), "top_p", "top_p"),
        (of(None, None, json("40")), "top_k", "top_k"),
        (Conversation { stop: vec!["a".to_owned()], ..question() }, "stop", "stop"),
        (Conversation { format: schema("{\"type\":\"string\"}"), ..question() }, "response_format", "response_format"),
        (tools.clone(), "tools", "tools"),
        (Conversation { choice: Some(Choice::Never), ..tools.clone() }, "tool_choice", "tool_choice"),
        (Conversation { choice: Some(Choice::Any), ..tools.clone() }, "tool_choice.required", "tool_choice"),
        (Conversation { parallel: Some(false), ..tools.clone() }, "parallel_tool_calls", "parallel_tool_calls"),
        (
            Conversation { turns: vec![said(Who::User, "a"), said(Who::Assistant, "b")], ..question() },
            "messages.prefill",
            "messages",
        ),
    ] {
        assert_eq!(fits(&asked, &carry()), Ok(()), "{field}");
        assert_eq!(unfit(&asked, &lacking(&[lack])), field);
    }
    assert_eq!(fits(&of(json("1"), json("1.0"), None), &lacking(&["temperature", "top_p"])), Ok(()));
    let without = |capability: Capability| {
        let mut carry = carry();
        carry.capabilities.remove(&capability);
        carry
    };
    let strict = Conversation { tools: vec![strict], ..question() };
    let seen = |part: Part| Conversation { turns: vec![turn(Who::User, vec![part])], ..question() };
    for (asked, capability, field) in [
        (&tools, Capability::Tools, "tools"),
        (&strict, Capability::JsonSchema, "tools"),
        (
            &Conversation { format: schema("{\"type\":\"string\"}"), ..question() },
            Capability::JsonSchema,
            "response_format",
        ),
        (&seen(image("image/png", "AA==", None)), Capability::Vision, "messages"),
        (&seen(document("application/pdf", "AA==", None)), Capability::Vision, "messages"),
    ] {
        assert_eq!(fits(asked, &carry()), Ok(()));
        assert_eq!(unfit(asked, &without(capability)), field);
    }
    assert_eq!(fits(&seen(document("text/plain", "YQ==", None)), &without(Capability::Vision)), Ok(()));
}

#[test]
fn turns_that_anthropic_does_not_take_are_a_misfit() {
    let asked = Content::Text("a".to_owned());
    let user = || said(Who::User, "a");
    let calls = |ids: &[&str]| turn(Who::Assistant, ids.iter().map(|id| call(id, "f", "{}")).collect());
    let results = |ids: &[&str]| turn(Who::User, ids.iter().map(|id| result(id, vec![], false)).collect());
    let model = |part: Part| vec![user(), turn(Who::Assistant, vec![part])];
    let one = |part: Part| vec![turn(Who::User, vec![part])];
    for turns in [
        vec![],
        vec![said(Who::System, "a")],
        vec![said(Who::User, " ")],
        vec![said(Who::Assistant, "a"), user()],
        one(part(Content::Audio(media("audio/wav", "AA==")))),
        one(image("image/svg+xml", "AA==", None)),
        one(document("application/msword", "AA==", None)),
        one(document("text/plain", "not base64", None)),
        one(document("text/plain", "/w==", None)),
        one(document("text/plain", "IA==", None)),
        one(part(Content::Refusal("a".to_owned()))),
        one(part(Content::Redacted("a".to_owned()))),
        one(call("a", "f", "{}")),
        one(result("a", vec![], false)),
        model(image("image/png", "AA==", None)),
        model(document("text/plain", "YQ==", None)),
        model(part(Content::Thought { text: "a".to_owned(), signature: Some(String::new()) }))
            .into_iter()
            .chain([calls(&["a"])])
            .collect(),
        vec![turn(Who::System, vec![image("image/png", "AA==", None)]), user()],
        vec![user(), calls(&["a"])],
        vec![user(), calls(&["a"]), user()],
        vec![user(), calls(&["a", "b"]), results(&["a"])],
        vec![user(), calls(&["a"]), results(&["a", "b"])],
        vec![user(), calls(&["a"]), results(&["a", "a"])],
        vec![user(), calls(&["a", "a"]), results(&["a", "a"])],
        vec![user(), calls(&["a"]), results(&["b"])],
        vec![user(), calls(&["a", "b"]), results(&["a"]), said(Who::Assistant, "a"), results(&["b"])],
        vec![user(), turn(Who::Assistant, vec![call("", "f", "{}")]), results(&[""])],
        vec![user(), turn(Who::Assistant, vec![call("a", "f g", "{}")]), results(&["a"])],
        vec![user(), turn(Who::Assistant, vec![call("a", "f", "[1]")]), results(&["a"])],
        vec![user(), turn(Who::Assistant, vec![call("a", "f", "{\"x\":")]), results(&["a"])],
        vec![user(), calls(&["a"]), turn(Who::User, vec![result("a", vec![result("b", vec![], false)], false)])],
        vec![
            user(),
            calls(&["a"]),
            turn(Who::User, vec![result("a", vec![part(Content::Audio(media("audio/wav", "AA==")))], false)]),
        ],
    ] {
        assert_eq!(unfit(&Conversation { turns, ..Conversation::default() }, &carry()), "messages");
    }
    drop(asked);
    let good = vec![user(), calls(&["b", "a"]), results(&["a"]), results(&["b"]), calls(&["b"]), results(&["b"])];
    assert_eq!(fits(&Conversation { turns: good, ..Conversation::default() }, &carry()), Ok(()));
}
