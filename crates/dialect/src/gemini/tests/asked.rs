use phi_words::{Capability, Class};
use proptest::prelude::*;

use super::compact;
use crate::gemini::{fits, path, render};
use crate::json::{Document, Kind};
use crate::middle::{
    Cache, Choice, Content, Conversation, Effort, Format, Json, Media, Part, Sampling, Thinking, Tool, Turn, Who,
};
use crate::{Carry, Rendered};

const BODIES: &str = include_str!("../testdata/bodies.json");

fn carry(own: &str) -> Carry {
    Carry { capabilities: Capability::ALL.iter().copied().collect(), ..Carry::plain(own.parse().unwrap()) }
}

fn part(content: Content) -> Part {
    Part { content, cache: None }
}

fn text(text: &str) -> Part {
    part(Content::Text(text.to_owned()))
}

fn turn(who: Who, parts: impl IntoIterator<Item = Part>) -> Turn {
    Turn { who, name: None, parts: parts.into_iter().collect() }
}

fn says(who: Who, words: &str) -> Turn {
    turn(who, [text(words)])
}

fn thought(words: &str, seal: Option<&str>) -> Part {
    part(Content::Thought { text: words.to_owned(), signature: seal.map(str::to_owned) })
}

fn call(id: &str, name: &str, arguments: &str, seal: Option<&str>) -> Part {
    let (id, name, arguments) = (id.to_owned(), name.to_owned(), arguments.to_owned());
    part(Content::Call { id, name, arguments, signature: seal.map(str::to_owned) })
}

fn result(id: &str, parts: impl IntoIterator<Item = Part>, failed: bool) -> Part {
    part(Content::Result { id: id.to_owned(), name: None, parts: parts.into_iter().collect(), failed })
}

fn media(kind: &str, data: &str) -> Media {
    Media { kind: kind.to_owned(), data: data.to_owned() }
}

fn image(kind: &str, data: &str) -> Part {
    part(Content::Image { media: media(kind, data), detail: None })
}

fn json(json: &str) -> Json {
    Json(json.into())
}

fn conversation(turns: impl IntoIterator<Item = Turn>) -> Conversation {
    Conversation { turns: turns.into_iter().collect(), ..Conversation::default() }
}

fn hi() -> Conversation {
    conversation([says(Who::User, "hi")])
}

fn tool(name: &str) -> Tool {
    Tool { name: name.to_owned(), description: None, parameters: None, strict: None, cache: None }
}

fn rendered(asked: &Conversation, own: &str) -> Rendered {
    let carry = carry(own);
    assert_eq!(fits(asked, &carry), Ok(()));
    render(asked, &carry, &|_| panic!("nobody is named"), Class::General)
}

/// The body of a conversation is that of the file; gives what is left out.
fn is_body(case: &str, asked: &Conversation, own: &str) -> Vec<&'static str> {
    let bodies = Document::parse(BODIES.into()).unwrap();
    let expected = compact(bodies.root().member(case).expect(case).raw());
    let rendered = rendered(asked, own);
    assert_eq!(String::from_utf8_lossy(rendered.body.expose_bytes()), expected, "{case}");
    rendered.left_out
}

fn misfit(asked: &Conversation, carry: &Carry) -> Option<String> {
    fits(asked, carry).err().map(|misfit| misfit.field.to_string())
}

#[test]
fn a_path_holds_its_model_in_one_segment() {
    for (own, expected) in [
        ("gemini-2.5-flash", "/models/gemini-2.5-flash:generateContent"),
        ("gemini-2.0-flash@001", "/models/gemini-2.0-flash@001:generateContent"),
        ("../x?y#z:%", "/models/..%2Fx%3Fy%23z%3A%25:generateContent"),
    ] {
        assert_eq!(path(&own.parse().unwrap(), false), expected);
    }
    assert_eq!(path(&"gemini-3-pro".parse().unwrap(), true), "/models/gemini-3-pro:streamGenerateContent?alt=sse");
}

#[test]
fn what_is_asked_goes_out_in_googles_words() {
    let mut plain = conversation([
        says(Who::System, "Be brief."),
        says(Who::User, "Grüezi \"you\"\n"),
        says(Who::Developer, "Be kind."),
        says(Who::User, "Who are you?"),
        turn(Who::Assistant, [text("A model."), text(""), part(Content::Refusal("I cannot say more.".to_owned()))]),
        says(Who::Assistant, ""),
        says(Who::User, "Go on."),
    ]);
    plain.limit = Some(100);
    plain.stop = vec!["a".to_owned(), "b".to_owned()];
    plain.sampling = Sampling {
        temperature: Some(json("0.70")),
        top_p: Some(json("1e-1")),
        top_k: Some(json("40")),
        frequency_penalty: Some(json("-2")),
        presence_penalty: Some(json("0.5")),
        seed: Some(json("-7")),
    };
    assert!(is_body("plain", &plain, "gemini-2.5-flash").is_empty());
    let zero = || Some(json("0.0"));
    let neutral = Conversation {
        sampling: Sampling { frequency_penalty: zero(), presence_penalty: zero(), ..Sampling::default() },
        choice: Some(Choice::Auto),
        parallel: Some(false),
        verbosity: Some("medium".to_owned()),
        stream: true,
        ..hi()
    };
    assert!(is_body("neutral", &neutral, "gemini-2.5-flash").is_empty());
}

#[test]
fn calls_and_results_find_each_other() {
    let called = conversation([
        says(Who::User, "Weather?"),
        turn(
            Who::Assistant,
            [
                thought("I look at the sky.", Some("c2VhbDA=")),
                call("a", "look", " {\"at\":\"Bern\"} ", Some("c2VhbDE=")),
                call("b", "look", "", None),
            ],
        ),
        turn(Who::User, [result("b", [text("no"), image("image/png", "iVBORw0K"), text("eyes")], true)]),
        turn(Who::User, [text("And?"), result("a", [text("sun")], false)]),
    ]);
    let look = Tool {
        description: Some("Looks.".to_owned()),
        parameters: Some(json(r#"{"type":"object","properties":{"at":{"type":"string"}}}"#)),
        ..tool("look")
    };
    let called = Conversation { tools: vec![look, tool("wait")], parallel: Some(true), ..called };
    assert!(is_body("calls of Gemini 3", &called, "gemini-3.8-flash").is_empty());
    assert!(is_body("calls of Gemini 2.5", &called, "gemini-2.5-pro").is_empty());
}

#[test]
fn media_of_results_follow_all_results_where_they_cannot_be_within() {
    let seen = conversation([
        turn(Who::Assistant, [call("a", "look", "", None), call("b", "wait", "", None)]),
        turn(Who::User, [result("a", [image("image/png", "AAAA")], false), result("b", [text("x")], false)]),
    ]);
    let body = rendered(&seen, "gemini-2.5-flash").body;
    let document = Document::parse(body.expose_bytes().clone()).unwrap();
    let answered = document.root().member("contents").unwrap().items().unwrap().nth(1).unwrap();
    let parts = answered.member("parts").unwrap().items().unwrap();
    let kinds: Vec<_> = parts.map(|part| part.members().unwrap().next().unwrap().0.into_owned()).collect();
    assert_eq!(kinds, ["functionResponse", "functionResponse", "inlineData"]);
}

#[test]
fn calls_without_a_seal_are_excused_and_the_nearest_call_of_an_id_is_meant() {
    let calls = conversation([
        says(Who::User, "Weather?"),
        turn(Who::Assistant, [call("a", "look", "{}", None), call("b", "look", "{}", None)]),
        turn(Who::User, [result("a", [], false), result("b", [text("x")], false)]),
        turn(Who::Assistant, [call("a", "wait", "{}", None)]),
        turn(Who::User, [result("a", [text("y")], false)]),
    ]);
    assert!(is_body("calls of another model", &calls, "gemini-flash-latest").is_empty());
    let earlier = rendered(&calls, "gemini-2.5-flash").body;
    assert!(!String::from_utf8_lossy(earlier.expose_bytes()).contains("thoughtSignature"));
}

#[test]
fn seals_go_back_to_where_they_came_from() {
    let redacted = part(Content::Redacted("cipher".to_owned()));
    let sealed = conversation([
        says(Who::User, "hi"),
        turn(
            Who::Assistant,
            [
                text("one"),
                thought("", Some("c2VhbDE=")),
                text("two"),
                thought("", None),
                thought("", Some("c2VhbDI=")),
                call("a", "wait", "{}", None),
                redacted.clone(),
            ],
        ),
        turn(Who::User, [result("a", [text("x")], false)]),
        turn(Who::Assistant, [thought("", Some("c2VhbDM="))]),
        says(Who::User, "go on"),
        turn(Who::Assistant, [redacted]),
    ]);
    assert_eq!(is_body("seals", &sealed, "gemini-3.8-flash"), ["messages.reasoning_content"]);
}

#[test]
fn media_go_inline_and_their_names_stay_here() {
    let mut asked = conversation([turn(
        Who::User,
        [
            part(Content::Image { media: media("image/jpg", "/9j/"), detail: Some("high".to_owned()) }),
            part(Content::Audio(media("audio/mpeg", "SUQz"))),
            Part {
                content: Content::Document {
                    media: media("application/pdf", "JVBERg=="),
                    name: Some("patient.pdf".to_owned()),
                },
                cache: Some(Cache::Short),
            },
        ],
    )]);
    asked.user = Some("u".to_owned());
    asked.turns[0].name = Some("n".to_owned());
    assert_eq!(
        is_body("media", &asked, "gemini-2.5-flash"),
        ["user", "messages.name", "messages.image_url.detail", "messages.file.filename"]
    );
    for (capability, turns) in [
        (Capability::Vision, [turn(Who::User, [image("image/png", "AAAA")])]),
        (Capability::Audio, [turn(Who::User, [part(Content::Audio(media("audio/wav", "AAAA")))])]),
    ] {
        let mut carry = carry("gemini-2.5-flash");
        assert_eq!(misfit(&conversation(turns.clone()), &carry), None);
        carry.capabilities.remove(&capability);
        assert_eq!(misfit(&conversation(turns), &carry).as_deref(), Some("messages"));
    }
}

#[test]
fn choices_formats_and_thoughts_have_their_words() {
    let with = |choice, strict| Conversation { tools: vec![Tool { strict, ..tool("wait") }], choice, ..hi() };
    let schema = Format::Schema {
        name: "n".to_owned(),
        description: Some("d".to_owned()),
        schema: json(r#"{"type":"object","additionalProperties":false}"#),
        strict: Some(true),
    };
    let strict = Conversation {
        format: schema,
        thinking: Some(Thinking::Effort(Effort::High)),
        ..with(Some(Choice::Auto), Some(true))
    };
    assert_eq!(is_body("strict", &strict, "gemini-3.8-flash"), ["response_format.json_schema.description"]);
    let named = with(Some(Choice::Named("wait".to_owned())), None);
    is_body("named", &Conversation { thinking: Some(Thinking::Adaptive), ..named }, "gemini-2.5-pro");
    let any = with(Some(Choice::Any), Some(true));
    is_body("any", &Conversation { thinking: Some(Thinking::Off), ..any }, "gemini-2.5-flash");
    let never = Conversation {
        format: Format::Object,
        thinking: Some(Thinking::Effort(Effort::Low)),
        parallel: Some(false),
        ..with(Some(Choice::Never), None)
    };
    is_body("never", &never, "gemini-2.5-flash");
}

#[test]
fn what_google_has_no_way_to_say_is_named() {
    let tools = || Conversation { tools: vec![tool("wait")], ..hi() };
    let sampled = |set: fn(&mut Sampling)| {
        let mut asked = hi();
        set(&mut asked.sampling);
        asked
    };
    let schema = || Format::Schema { name: "n".to_owned(), description: None, schema: json("{}"), strict: None };
    let gif = || image("image/gif", "R0lG");
    let gemini_2 = "gemini-2.5-flash";
    let cases: Vec<(&str, &str, Conversation)> = vec![
        ("messages", gemini_2, Conversation::default()),
        ("messages", gemini_2, conversation([says(Who::System, "x")])),
        ("messages", gemini_2, conversation([says(Who::User, "")])),
        ("messages", gemini_2, conversation([turn(Who::System, [image("image/png", "AAAA")]), says(Who::User, "x")])),
        ("messages", gemini_2, conversation([turn(Who::User, [gif()])])),
        ("messages", gemini_2, conversation([turn(Who::Assistant, [image("image/png", "AAAA")])])),
        ("messages", gemini_2, conversation([turn(Who::User, [part(Content::Audio(media("audio/amr", "AAAA")))])])),
        ("messages", gemini_2, conversation([turn(Who::User, [thought("x", None)])])),
        ("messages", gemini_2, conversation([turn(Who::User, [call("a", "f", "{}", None)])])),
        ("messages", gemini_2, conversation([turn(Who::Assistant, [call("a", "f", "[1]", None)])])),
        ("messages", gemini_2, conversation([turn(Who::Assistant, [call("a", "f", "{\"a\":1,\"a\":2}", None)])])),
        ("messages", gemini_2, conversation([turn(Who::Assistant, [call("a", "f", "oops", None)])])),
        ("messages", gemini_2, conversation([turn(Who::User, [result("unknown", [text("x")], false)])])),
        (
            "messages",
            gemini_2,
            conversation([
                turn(Who::Assistant, [call("a", "f", "{}", None)]),
                turn(Who::User, [result("a", [gif()], false)]),
            ]),
        ),
        ("temperature", gemini_2, sampled(|sampling| sampling.temperature = Some(json("2.1")))),
        ("top_p", gemini_2, sampled(|sampling| sampling.top_p = Some(json("1.1")))),
        ("top_k", gemini_2, sampled(|sampling| sampling.top_k = Some(json("0")))),
        ("frequency_penalty", gemini_2, sampled(|sampling| sampling.frequency_penalty = Some(json("3")))),
        ("presence_penalty", gemini_2, sampled(|sampling| sampling.presence_penalty = Some(json("-3")))),
        ("seed", gemini_2, sampled(|sampling| sampling.seed = Some(json("2147483648")))),
        ("stop", gemini_2, Conversation { stop: vec!["x".to_owned(); 6], ..hi() }),
        ("max_tokens", gemini_2, Conversation { limit: Some(1 << 31), ..hi() }),
        ("tools", gemini_2, Conversation { tools: vec![tool("1st")], ..hi() }),
        ("tool_choice", gemini_2, Conversation { choice: Some(Choice::Named("other".to_owned())), ..tools() }),
        ("parallel_tool_calls", "gemini-3.8-flash", Conversation { parallel: Some(false), ..tools() }),
        ("response_format", gemini_2, Conversation { format: Format::Object, ..tools() }),
        ("response_format", "gemini-2.0-flash", Conversation { format: schema(), ..tools() }),
        ("reasoning_effort", "gemini-2.5-pro", Conversation { thinking: Some(Thinking::Off), ..hi() }),
        ("reasoning_effort", "gemini-3.8-flash", Conversation { thinking: Some(Thinking::Off), ..hi() }),
        ("verbosity", gemini_2, Conversation { verbosity: Some("low".to_owned()), ..hi() }),
    ];
    for (at, (field, own, asked)) in cases.iter().enumerate() {
        assert_eq!(misfit(asked, &carry(own)).as_deref(), Some(*field), "case {at}");
    }
    let able = Conversation { format: schema(), ..tools() };
    assert_eq!(misfit(&able, &carry("gemini-3.8-flash")), None);
    let named = part(Content::Result { id: "z".to_owned(), name: Some("f".to_owned()), parts: vec![], failed: false });
    assert_eq!(misfit(&conversation([turn(Who::User, [named])]), &carry(gemini_2)), None);
}

#[test]
fn a_row_says_what_its_host_lacks() {
    let tools = || Conversation { tools: vec![tool("wait")], ..hi() };
    let object = || Conversation { format: Format::Object, ..hi() };
    for (capability, field, asked) in [
        (Capability::Tools, "tools", tools()),
        (Capability::JsonObject, "response_format", object()),
        (
            Capability::Reasoning,
            "reasoning_effort",
            Conversation { thinking: Some(Thinking::Effort(Effort::Low)), ..hi() },
        ),
    ] {
        let mut carry = carry("gemini-2.5-flash");
        assert_eq!(misfit(&asked, &carry), None);
        carry.capabilities.remove(&capability);
        assert_eq!(misfit(&asked, &carry).as_deref(), Some(field));
    }
    let mut full = Conversation { choice: Some(Choice::Any), stop: vec!["x".to_owned()], ..tools() };
    let one = || Some(json("1"));
    full.sampling = Sampling {
        temperature: one(),
        top_p: one(),
        top_k: one(),
        frequency_penalty: one(),
        presence_penalty: one(),
        seed: one(),
    };
    for name in [
        "temperature",
        "top_p",
        "top_k",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "stop",
        "tools",
        "tool_choice",
    ] {
        let carry = Carry { lacks: [name.to_owned()].into(), ..carry("gemini-2.5-flash") };
        assert_eq!(misfit(&full, &carry).as_deref(), Some(name));
        assert_eq!(misfit(&hi(), &carry), None, "{name}");
    }
    let carry = Carry { lacks: ["response_format".to_owned()].into(), ..carry("gemini-2.5-flash") };
    assert_eq!(misfit(&object(), &carry).as_deref(), Some("response_format"));
}

fn any_content() -> impl Strategy<Value = Content> {
    let seal = || prop::option::of("[a-z]{0,3}");
    prop_oneof![
        any::<String>().prop_map(Content::Text),
        any::<String>().prop_map(Content::Refusal),
        any::<String>().prop_map(Content::Redacted),
        (any::<String>(), seal()).prop_map(|(text, signature)| Content::Thought { text, signature }),
        ("[ab]?", ".{0,3}", prop_oneof![Just("{ \"a\":\n1 }".to_owned()), any::<String>()], seal())
            .prop_map(|(id, name, arguments, signature)| Content::Call { id, name, arguments, signature }),
        ("[ab]?", prop::option::of(".{0,3}"), any::<String>(), any::<bool>()).prop_map(|(id, name, words, failed)| {
            Content::Result { id, name, parts: vec![text(&words), image("image/png", &words)], failed }
        }),
        any::<String>().prop_map(|data| Content::Image { media: media("image/png", &data), detail: None }),
    ]
}

fn any_turn() -> impl Strategy<Value = Turn> {
    let who = prop::sample::select(vec![Who::System, Who::Developer, Who::User, Who::Assistant]);
    (who, prop::collection::vec(any_content(), 0..4)).prop_map(|(who, parts)| turn(who, parts.into_iter().map(part)))
}

proptest! {
    #[test]
    fn any_conversation_is_json_and_its_sides_take_turns(
        turns in prop::collection::vec(any_turn(), 0..6),
        own in prop::sample::select(vec!["gemini-2.5-pro", "gemini-3.8-flash", "gemma-4-31b-it"]),
    ) {
        let (asked, carry) = (conversation(turns), carry(own));
        let body = render(&asked, &carry, &str::to_owned, Class::Phi).body;
        let document = Document::parse(body.expose_bytes().clone()).unwrap();
        let mut before = String::new();
        for content in document.root().member("contents").unwrap().items().unwrap() {
            let role = content.member("role").unwrap().text().unwrap().into_owned();
            prop_assert_ne!(&role, &before);
            before = role;
            let parts: Vec<_> = content.member("parts").unwrap().items().unwrap().collect();
            prop_assert!(!parts.is_empty());
            for part in parts {
                let says = ["text", "inlineData", "functionCall", "functionResponse"];
                prop_assert_eq!(says.into_iter().filter(|key| part.member(key).is_some()).count(), 1);
                if let Some(call) = part.member("functionCall") {
                    prop_assert_eq!(call.member("args").unwrap().kind(), Kind::Object);
                }
            }
        }
    }
}
