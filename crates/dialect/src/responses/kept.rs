use std::collections::HashMap;

use phi_words::Prompt;

use crate::Sealer;
use crate::json::{Document, List, Object, Value};
use crate::middle::Content;

/// Something that a seal holds.
pub(crate) struct Kept {
    /// The name of the item that it is; none where the seal is the id of that very item.
    pub(crate) of: Option<String>,
    /// A text, a refusal, a thought or a call. Of a call that a client sends back by itself, the seal behind it is what counts.
    pub(crate) content: Content,
}

/// What an id begins with: it says what is sealed in it, and the seal is bound to it.
pub(crate) const fn prefix(content: &Content) -> &'static str {
    match content {
        Content::Text(_)
        | Content::Refusal(_)
        | Content::Image { .. }
        | Content::Audio(_)
        | Content::Document { .. }
        | Content::Result { .. } => MESSAGE,
        Content::Thought { .. } | Content::Redacted(_) => REASONING,
        Content::Call { .. } => CALL,
    }
}

pub(super) const MESSAGE: &str = "msg";
pub(super) const REASONING: &str = "rs";
pub(super) const CALL: &str = "fc";

/// What an id begins with, and the rest of it, if it is one of ours.
pub(crate) fn prefix_of(id: &str) -> Option<(&'static str, &str)> {
    let (before, rest) = id.split_once('_')?;
    let known = [MESSAGE, REASONING, CALL].into_iter().find(|known| *known == before)?;
    Some((known, rest))
}

impl Kept {
    /// Seals these things as of a kind of item.
    pub(super) fn seal<'k>(
        sealer: &Sealer,
        kind: &str,
        all: impl IntoIterator<Item = (Option<&'k str>, &'k Content)>,
    ) -> String {
        let mut list = List::new();
        all.into_iter().for_each(|(of, content)| list.object(|out| write(out, of, content)));
        sealer.seal(kind, &list.finish())
    }

    /// Opens a seal of a kind of item.
    pub(crate) fn open(sealer: &Sealer, kind: &str, sealed: &str) -> Option<Vec<Self>> {
        let plain: Prompt = sealer.open(kind, sealed)?;
        let document = Document::parse(plain.expose_into_bytes()).ok()?;
        document.root().items()?.map(read).collect()
    }
}

fn write(out: &mut Object, of: Option<&str>, content: &Content) {
    let optional = |out: &mut Object, name: &str, value: Option<&String>| {
        value.into_iter().for_each(|value| {
            out.text(name, value);
        });
    };
    of.into_iter().for_each(|of| {
        out.text("of", of);
    });
    match content {
        Content::Text(text) => {
            out.text("text", text);
        }
        Content::Refusal(text) => {
            out.text("refusal", text);
        }
        Content::Thought { text, signature } => {
            out.text("thought", text);
            optional(out, "signature", signature.as_ref());
        }
        Content::Redacted(cipher) => {
            out.text("redacted", cipher);
        }
        Content::Call { id, name, arguments, signature } => {
            out.text("call", id).text("name", name).text("arguments", arguments);
            optional(out, "signature", signature.as_ref());
        }
        // No model says these.
        Content::Image { .. } | Content::Audio(_) | Content::Document { .. } | Content::Result { .. } => {}
    }
}

fn read(value: Value<'_>) -> Option<Kept> {
    let mut all: HashMap<_, _> =
        value.members()?.map(|(name, value)| Some((name, value.text()?.into_owned()))).collect::<Option<_>>()?;
    let mut take = |name: &str| all.remove(name);
    let (of, signature) = (take("of"), take("signature"));
    let content = if let Some(text) = take("text") {
        Content::Text(text)
    } else if let Some(text) = take("refusal") {
        Content::Refusal(text)
    } else if let Some(text) = take("thought") {
        Content::Thought { text, signature }
    } else if let Some(cipher) = take("redacted") {
        Content::Redacted(cipher)
    } else {
        Content::Call { id: take("call")?, name: take("name")?, arguments: take("arguments")?, signature }
    };
    Some(Kept { of, content })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealer::transparent;

    #[test]
    fn what_is_sealed_is_what_is_opened() {
        let owned = str::to_owned;
        let all = [
            Content::Text(owned("Gr\u{fc}ezi\n\"")),
            Content::Refusal(owned("no")),
            Content::Thought { text: String::new(), signature: Some(owned("s")) },
            Content::Thought { text: owned("hm"), signature: None },
            Content::Redacted(owned("cipher")),
            Content::Call { id: owned("c"), name: owned("f"), arguments: owned("{"), signature: Some(owned("s")) },
            Content::Call { id: owned("c"), name: owned("f"), arguments: String::new(), signature: None },
        ];
        let sealed = Kept::seal(&transparent(), "msg", all.iter().map(|content| (Some("id"), content)));
        let opened = Kept::open(&transparent(), "msg", &sealed).unwrap();
        assert!(opened.iter().all(|kept| kept.of.as_deref() == Some("id")));
        assert!(opened.iter().map(|kept| &kept.content).eq(&all));
        assert!(Kept::open(&transparent(), "fc", &sealed).is_none(), "a seal is bound to its kind");
    }

    #[test]
    fn an_id_of_ours_is_known_by_its_beginning() {
        assert_eq!(prefix_of("msg_ab_c"), Some(("msg", "ab_c")));
        for other in ["msg", "resp_1", "", "_", "MSG_1"] {
            assert_eq!(prefix_of(other), None, "{other}");
        }
    }
}
