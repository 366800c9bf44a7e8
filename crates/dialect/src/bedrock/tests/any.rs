use proptest::prelude::*;

use super::*;
use crate::json::{Document, Value};

fn any_content(is_user: bool) -> BoxedStrategy<Content> {
    let text = prop_oneof![Just(String::new()), Just(" ".to_owned()), any::<String>(), "[a-z\"\\\\\n]{1,6}"];
    let word = prop_oneof!["[a-z]{1,3}", "[a-z./]{0,3}", "[a-z]{60,70}"];
    let shared = text.clone().prop_map(Content::Text);
    if is_user {
        let nested = prop::collection::vec(text.prop_map(|text| words(&text)), 0..3);
        let results = (word, nested, any::<bool>()).prop_map(|(id, parts, failed)| Content::Result {
            id,
            name: None,
            parts,
            failed,
        });
        let documents = "[a-z]{1,4}".prop_map(|data| document("text/plain", &data));
        prop_oneof![4 => shared, 1 => results, 1 => documents].boxed()
    } else {
        let arguments =
            prop_oneof![Just("{}".to_owned()), Just(String::new()), Just("{\"a\":\n1}".to_owned()), any::<String>()];
        let calls = (word, arguments).prop_map(|(id, arguments)| Content::Call {
            id,
            name: "find".to_owned(),
            arguments,
            signature: None,
        });
        let thoughts =
            (text.clone(), prop::option::of(text)).prop_map(|(text, signature)| Content::Thought { text, signature });
        prop_oneof![3 => shared, 1 => calls, 1 => thoughts].boxed()
    }
}

fn any_turn() -> impl Strategy<Value = Turn> {
    prop::sample::select(vec![Who::User, Who::User, Who::Assistant, Who::System]).prop_flat_map(|who| {
        let part = (any_content(who != Who::Assistant), prop::option::of(Just(Cache::Short)))
            .prop_map(|(content, cache)| Part { content, cache });
        prop::collection::vec(part, 0..3).prop_map(move |parts| turn(who, parts))
    })
}

/// Adds what answers each call, so that more conversations fit.
fn answered(turns: Vec<Turn>) -> Vec<Turn> {
    let answer = |turn: &Turn| {
        let ids = turn.parts.iter().filter_map(|part| match &part.content {
            Content::Call { id, .. } => Some(result(id, vec![], false)),
            Content::Text(_)
            | Content::Refusal(_)
            | Content::Image { .. }
            | Content::Audio(_)
            | Content::Document { .. }
            | Content::Thought { .. }
            | Content::Redacted(_)
            | Content::Result { .. } => None,
        });
        super::turn(Who::User, ids.collect())
    };
    turns.into_iter().flat_map(|turn| [answer(&turn), turn].into_iter().rev()).collect()
}

proptest! {
    /// Whatever is asked is a body that a strict reader takes; if it fits, sides alternate in it, the user begins, and every
    /// block is one thing.
    #[test]
    fn what_fits_is_written_as_bedrock_wants_it(turns in prop::collection::vec(any_turn(), 0..6), claude in any::<bool>()) {
        let carry = carry(if claude { CLAUDE } else { DEVSTRAL });
        let asked = Conversation { turns: answered(turns), tools: vec![tool("find", None)], ..Conversation::default() };
        let rendered = render(&asked, &carry).body;
        let document = Document::parse(rendered.expose_bytes().clone()).expect("JSON, whether it fits or not");
        if fits(&asked, &carry).is_err() {
            return Ok(());
        }
        let mut due = "user";
        for message in document.root().member("messages").and_then(Value::items).expect("a list") {
            prop_assert!(message.member("role").is_some_and(|role| role.is_text(due)));
            due = if due == "user" { "assistant" } else { "user" };
            let blocks: Vec<_> = message.member("content").and_then(Value::items).expect("a list").collect();
            prop_assert!(!blocks.is_empty());
            for block in blocks {
                prop_assert_eq!(block.pairs().count(), 1);
                let id = ["toolUse", "toolResult"].iter().find_map(|name| block.member(name)?.member("toolUseId"));
                prop_assert!(id.is_none_or(|id| id.bytes().len() <= 64));
            }
        }
    }
}
