//! Every way in with every host's dialect: what is asked of a host, or why it is not; and how what a host answers is said to a
//! caller. The cases stand in `pairs/testdata`, what comes of them in `pairs/snapshots`.

mod answered;
mod asked;
pub(crate) mod fold;
mod odd;

use phi_words::{Capability, Class, Prompt, Refusal};

use crate::anthropic::At;
use crate::sealer::transparent;
use crate::{Carry, LimitName, Question, Rendered, Speaks, Way};

/// The hosts, each with a model that can do all that its maker's can.
fn hosts() -> [(&'static str, Carry); 6] {
    let of = |speaks, own: &str| Carry {
        speaks,
        capabilities: Capability::ALL.iter().copied().collect(),
        max_output: Some(64_000),
        ..Carry::plain(own.parse().unwrap())
    };
    let azure = of(Speaks::OpenAi, "deployment");
    let us = At::FirstParty { geo: Some("us") };
    [
        ("openai", of(Speaks::OpenAi, "own/model")),
        ("azure", Carry { limit_name: LimitName::MaxCompletionTokens, json_object_as_schema: true, ..azure }),
        ("mistral", of(Speaks::Mistral, "mistral-medium-3-5")),
        ("anthropic", of(Speaks::Anthropic(us), "claude-sonnet-4-6")),
        ("gemini", of(Speaks::Gemini, "gemini-3.5-flash")),
        ("bedrock", of(Speaks::Bedrock, "eu.anthropic.claude-sonnet-4-6")),
    ]
}

const WAYS: [(Way, &str); 3] = [
    (Way::Chat, include_str!("pairs/testdata/chat.txt")),
    (Way::Messages, include_str!("pairs/testdata/messages.txt")),
    (Way::Responses, include_str!("pairs/testdata/responses.txt")),
];

/// The cases of a file: a name behind a `#`, and all lines until the next.
fn cases(text: &str) -> Vec<(&str, &str)> {
    text.split("# ").skip(1).filter_map(|case| case.split_once('\n')).collect()
}

fn name(way: Way) -> &'static str {
    match way {
        Way::Chat => "chat",
        Way::Messages => "messages",
        Way::Responses => "responses",
        Way::Embeddings | Way::Work(_) => panic!("{way:?} is no conversation"),
    }
}

fn read(way: Way, body: &str) -> Result<Question, Refusal> {
    // The seal of a thought, as `transparent` makes it.
    let plain = br#"\x00\x00rs:[{"thought":"hm","signature":"anthropic.c2VhbA=="}]"#;
    let sealed: String = [0, 0].iter().chain(&plain[8..]).map(|byte| format!("{byte:02x}")).collect();
    way.read(Prompt::new(body.replace("SEALED", &sealed)), Class::General, &transparent())
}

fn render(question: &Question, carry: &Carry) -> Rendered {
    let pseudonym = |name: &str| format!("{:08x}pseudonym", crc32fast::hash(name.as_bytes()));
    match question {
        Question::Chat(chat) => chat.render(carry, &pseudonym, Class::General),
        Question::Messages(messages) => messages.render(carry, &pseudonym, Class::General),
        Question::Responses(responses) => responses.render(carry, &pseudonym, Class::General),
        Question::Embeddings(_) | Question::Work(_) => panic!("{:?} is no conversation", question.way()),
    }
}

/// JSON with each member of its top level on a line of its own, and each item of its lists.
fn lines(json: &[u8]) -> String {
    let document = crate::json::Document::parse(json.to_vec().into()).unwrap();
    let text = |raw: &[u8]| String::from_utf8(raw.to_vec()).unwrap();
    let member = |(key, value): (crate::json::Value<'_>, crate::json::Value<'_>)| {
        let key = text(key.raw());
        match value.items() {
            Some(items) if value.raw().len() > 80 => {
                let items: Vec<_> = items.map(|item| format!("  {}", text(item.raw()))).collect();
                format!("{key}: [\n{}]", items.join(",\n"))
            }
            _ => format!("{key}: {}", text(value.raw())),
        }
    };
    document.root().pairs().map(member).collect::<Vec<_>>().join("\n")
}
