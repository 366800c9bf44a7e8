use super::*;

/// A golden file without the white space between its values.
fn golden(text: &str) -> String {
    let (mut tight, mut quoted, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        if quoted || !c.is_whitespace() {
            tight.push(c);
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
    }
    tight
}

#[test]
fn a_plain_conversation_is_written() {
    let asked = Conversation {
        turns: vec![
            said(Who::System, "You answer briefly."),
            said(Who::Developer, "Today is Monday."),
            said(Who::User, "Hello \"there\""),
            said(Who::Assistant, "Hi."),
            said(Who::User, "What is a cat?"),
            said(Who::System, "Now in German."),
            said(Who::Assistant, " \n"),
            turn(Who::User, vec![words(""), words("And a dog?")]),
        ],
        sampling: Sampling {
            temperature: json("1.0"),
            top_p: json("1"),
            frequency_penalty: json("0"),
            presence_penalty: json("-0.0"),
            ..Sampling::default()
        },
        verbosity: Some("medium".to_owned()),
        choice: Some(Choice::Auto),
        parallel: Some(false),
        ..Conversation::default()
    };
    let old = lacking(&["messages.system"]);
    assert_eq!(body(&asked, &old), golden(include_str!("../testdata/plain.json")));
    assert!(left_out(&asked, &carry(), Class::Phi).is_empty());
}

#[test]
fn calls_and_their_results_are_written() {
    let asked = Conversation {
        turns: vec![
            said(Who::User, "Weather in Bern and Basel?"),
            turn(
                Who::Assistant,
                vec![
                    part(Content::Thought { text: "Two cities.".to_owned(), signature: Some("EqQBCg==".to_owned()) }),
                    part(Content::Redacted("EmwKAh==".to_owned())),
                    part(Content::Thought { text: "another host's".to_owned(), signature: None }),
                    words("I look."),
                ],
            ),
            turn(
                Who::Assistant,
                vec![
                    call("toolu_1", "weather", "{\"city\": \"Bern\",\"days\":1.50}"),
                    call("functions.now:0", "now", " "),
                ],
            ),
            said(Who::User, "In a word, please."),
            turn(
                Who::User,
                vec![result("toolu_1", vec![words("12 degrees"), image("image/png", "iVBORw0KGgo=", None)], false)],
            ),
            turn(Who::User, vec![result("functions.now:0", vec![words("")], true)]),
        ],
        tools: vec![
            Tool {
                description: Some("The weather of a city.".to_owned()),
                strict: Some(true),
                cache: Some(Cache::Long),
                ..tool(
                    "weather",
                    Some(
                        r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}"#,
                    ),
                )
            },
            Tool { description: Some(String::new()), strict: Some(false), ..tool("now", None) },
            tool("open", Some(r#"{"properties":{"x":{}},"type":null}"#)),
        ],
        parallel: Some(false),
        limit: Some(100),
        ..Conversation::default()
    };
    // The golden file has a space where the model's own arguments have one.
    let body = body(&asked, &carry()).replace("{\"city\": \"Bern\"", "{\"city\":\"Bern\"");
    assert_eq!(body, golden(include_str!("../testdata/tools.json")));
    assert_eq!(left_out(&asked, &carry(), Class::General), ["messages.reasoning_content"]);
}

#[test]
fn everything_else_is_written_too() {
    let asked = Conversation {
        turns: vec![
            turn(Who::System, vec![Part { cache: Some(Cache::Short), ..words("Be exact.") }]),
            Turn {
                name: Some("Ann".to_owned()),
                ..turn(
                    Who::User,
                    vec![
                        image("image/jpg", "/9j/4AAQ", Some("high")),
                        document("application/pdf", "JVBERi0=", Some("report.pdf")),
                        Part { cache: Some(Cache::Long), ..document("text/csv", "YSxiCjEsMg==", None) },
                        words("Compare."),
                    ],
                )
            },
            turn(Who::Assistant, vec![part(Content::Refusal("I cannot do that.".to_owned()))]),
            said(Who::User, "Try."),
        ],
        format: schema(
            "{\"type\":\"object\",\n\"properties\":{\"same\":{\"type\":\"boolean\"}},\"additionalProperties\":false}",
        ),
        limit: Some(2_048),
        stop: vec!["END".to_owned(), "\nStop".to_owned()],
        sampling: Sampling { temperature: json("1"), top_p: json("0.950"), ..Sampling::default() },
        thinking: Some(Thinking::Effort(Effort::Medium)),
        user: Some("patient".to_owned()),
        stream: true,
        ..Conversation::default()
    };
    assert_eq!(body_at(&asked, &carry(), At::Vertex), golden(include_str!("../testdata/everything.json")));
    let always = ["messages.name", "messages.image_url.detail"];
    assert_eq!(left_out(&asked, &carry(), Class::General), always);
    assert_eq!(left_out(&asked, &carry(), Class::Phi), [&always[..], &["user"]].concat());
    assert_eq!(left_out(&asked, &lacking(&["user"]), Class::General), [&always[..], &["user"]].concat());
    let phi = render(&asked, &carry(), &str::to_owned, Class::Phi, At::Vertex).body;
    assert!(!String::from_utf8_lossy(phi.expose_bytes()).contains("patient"));
}

#[test]
fn what_the_application_says_in_the_middle_is_said_after_the_user() {
    let spoken = |turns: &[(Who, &str)]| {
        let turns = turns.iter().map(|(who, text)| said(*who, text)).collect();
        let body = body(&Conversation { turns, ..Conversation::default() }, &carry());
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let texts = |of: &serde_json::Value| {
            of.as_array().unwrap().iter().map(|part| part["text"].as_str().unwrap()).collect::<String>()
        };
        let system = body.get("system").map(texts).unwrap_or_default();
        let messages = body["messages"].as_array().unwrap();
        let messages =
            messages.iter().map(|one| format!(" {}:{}", &one["role"].as_str().unwrap()[..1], texts(&one["content"])));
        format!("{system}{}", messages.collect::<String>())
    };
    use Who::{Assistant, Developer, System, User};
    for (turns, expected) in [
        (&[(System, "a"), (Developer, "b"), (User, "c")][..], "ab u:c"),
        (&[(User, "a"), (System, "b")], " u:a s:b"),
        (&[(User, "a"), (System, "b"), (Assistant, "c"), (User, "d")], " u:a s:b a:c u:d"),
        (&[(User, "a"), (System, "b"), (Developer, "c"), (User, "d"), (Assistant, "e")], " u:ad s:bc a:e"),
        (&[(User, "a"), (Assistant, "b"), (System, "c"), (User, "d"), (System, "e")], " u:a a:b u:d s:ce"),
        (&[(System, "a"), (User, "b"), (Assistant, "c"), (System, "d")], "ad u:b a:c"),
        (&[(User, "a"), (System, " "), (Assistant, "c")], " u:a a:c"),
    ] {
        assert_eq!(spoken(turns), expected);
    }
    let seen = turn(Who::System, vec![image("image/png", "AA==", None)]);
    let asked = Conversation { turns: vec![said(User, "a"), seen], ..Conversation::default() };
    assert_eq!(fits(&asked, &carry()).unwrap_err().field.as_str(), "messages");
}

#[test]
fn a_place_is_demanded_where_it_is_promised() {
    let body = body_at(&question(), &carry(), At::FirstParty { geo: Some("us") });
    assert!(body.starts_with(r#"{"model":"claude-sonnet-4-6","inference_geo":"us","max_tokens""#), "{body}");
}

#[test]
fn what_is_chosen_is_told_in_anthropics_words() {
    let choice = |choice: Option<Choice>, parallel: Option<bool>| {
        let asked = Conversation { tools: vec![tool("f", None)], choice, parallel, ..question() };
        body(&asked, &carry()).split_once(r#""tool_choice":"#).map(|(_, rest)| rest.trim_end_matches('}').to_owned())
    };
    assert_eq!(choice(None, None), None);
    assert_eq!(choice(Some(Choice::Auto), Some(true)), None);
    for (asked, parallel, told) in [
        (None, Some(false), r#"{"type":"auto","disable_parallel_tool_use":true"#),
        (Some(Choice::Never), Some(false), r#"{"type":"none""#),
        (Some(Choice::Any), None, r#"{"type":"any""#),
        (Some(Choice::Any), Some(false), r#"{"type":"any","disable_parallel_tool_use":true"#),
        (Some(Choice::Named("f".to_owned())), None, r#"{"type":"tool","name":"f""#),
    ] {
        assert_eq!(choice(asked, parallel).as_deref(), Some(told));
    }
}

#[test]
fn thinking_is_told_as_the_model_knows_it() {
    let told = |thinking, limit, carry: &Carry| {
        let asked = Conversation { thinking: Some(thinking), limit, ..question() };
        let body = body(&asked, carry);
        let limit = body.split_once(r#""max_tokens":"#).unwrap().1.split_once(',').unwrap().0.to_owned();
        (body.split_once(r#""}]}]"#).unwrap().1.to_owned(), limit)
    };
    let (new, old) = (lacking(&["thinking.enabled"]), lacking(&["thinking.adaptive"]));
    let unbounded = |carry: &Carry| Carry { max_output: None, ..carry.clone() };
    let adaptive =
        |effort: &str| format!(r#","thinking":{{"type":"adaptive"}},"output_config":{{"effort":"{effort}"}}}}"#);
    let enabled = |budget: u64| format!(r#","thinking":{{"type":"enabled","budget_tokens":{budget}}}}}"#);
    for (effort, word, budget) in [
        (Effort::Minimal, "low", 1_024),
        (Effort::Low, "low", 1_024),
        (Effort::Medium, "medium", 2_048),
        (Effort::High, "high", 4_096),
        (Effort::XHigh, "xhigh", 8_192),
        (Effort::Max, "max", 16_384),
    ] {
        assert_eq!(told(Thinking::Effort(effort), None, &new), (adaptive(word), "64000".to_owned()));
        assert_eq!(told(Thinking::Effort(effort), None, &unbounded(&new)), (adaptive(word), "4096".to_owned()));
        assert_eq!(told(Thinking::Effort(effort), None, &old), (enabled(budget), "64000".to_owned()));
        let beside = (2 * budget).max(4_096).to_string();
        assert_eq!(told(Thinking::Effort(effort), None, &unbounded(&old)), (enabled(budget), beside));
        let little = told(Thinking::Effort(effort), Some(3_000), &old);
        assert_eq!(little, (enabled(budget.min(1_500)), "3000".to_owned()));
    }
    let plain = r#","thinking":{"type":"adaptive"}}"#.to_owned();
    assert_eq!(told(Thinking::Adaptive, Some(9), &new), (plain, "9".to_owned()));
    assert_eq!(told(Thinking::Adaptive, None, &old).0, enabled(4_096));
    assert_eq!(told(Thinking::Budget(5_000), Some(5_001), &carry()), (enabled(5_000), "5001".to_owned()));
    assert_eq!(told(Thinking::Budget(5_000), None, &unbounded(&carry())), (enabled(5_000), "10000".to_owned()));
    assert_eq!(told(Thinking::Off, None, &new).0, r#","thinking":{"type":"disabled"}}"#);
    assert_eq!(told(Thinking::Off, None, &lacking(&["reasoning_effort"])).0, "}");
    assert_eq!(told(Thinking::Off, Some(90_000), &Carry { capabilities: [].into(), ..carry() }).1, "64000");
}

#[test]
fn a_model_with_a_budget_does_not_think_where_its_last_thought_is_not_given_back() {
    let thought = part(Content::Thought { text: String::new(), signature: Some("EqQBCg==".to_owned()) });
    let after = |first: Vec<Part>, rest: Vec<Turn>, thinking| {
        let calls = turn(Who::Assistant, first.into_iter().chain([call("a", "f", "{}")]).collect());
        let turns = [said(Who::User, "Hi"), calls, turn(Who::User, vec![result("a", vec![], false)])];
        let turns = turns.into_iter().chain(rest).collect();
        Conversation { turns, thinking: Some(thinking), ..Conversation::default() }
    };
    let old = lacking(&["thinking.adaptive"]);
    let thinks = |asked: &Conversation, carry: &Carry| body(asked, carry).contains("\"thinking\":{");
    let effort = Thinking::Effort(Effort::Low);
    let without = after(vec![words("I look.")], vec![], effort);
    assert!(!thinks(&without, &old));
    assert_eq!(left_out(&without, &old, Class::General), ["reasoning_effort"]);
    assert!(thinks(&without, &carry()), "nothing is asked of a model without a budget");
    let later = vec![said(Who::Assistant, "It is."), said(Who::User, "Why?")];
    let again = |user: Vec<Part>| {
        let results = [result("b", vec![], false)].into_iter().chain(user).collect();
        vec![turn(Who::Assistant, vec![call("b", "f", "{}")]), turn(Who::User, results)]
    };
    for with in [
        after(vec![thought.clone()], again(vec![]), effort),
        after(vec![thought.clone()], again(vec![words("Well?")]), effort),
        after(vec![thought.clone()], vec![], effort),
        after(vec![part(Content::Redacted("EmwK".to_owned()))], vec![], effort),
        after(vec![], later, effort),
    ] {
        assert!(thinks(&with, &old));
        assert!(left_out(&with, &old, Class::General).is_empty());
    }
    for (first, rest) in [
        (vec![], vec![said(Who::User, "And?")]),
        (vec![], again(vec![])),
        (vec![thought], [vec![said(Who::User, "And?")], again(vec![])].concat()),
    ] {
        assert!(!thinks(&after(first, rest, Thinking::Budget(2_000)), &carry()));
    }
}
