//! Hosts seal what a model has thought, and want it back as it was; what another host has sealed they refuse. So each seal
//! has a tag that says whose it is, from the host's answer on until it is back there.

use std::borrow::Cow;

use crate::Speaks;
use crate::middle::{Block, Content, Conversation, Part, Said};

/// Google's, in either of its formats.
pub(crate) const GOOGLE: Tag = Tag("google.");
const ANTHROPIC: Tag = Tag("anthropic.");
const BEDROCK: Tag = Tag("bedrock.");

/// Whose a seal is.
#[derive(Clone, Copy)]
pub(crate) struct Tag(&'static str);

impl Tag {
    /// The tag of what hosts seal that speak so.
    pub(crate) const fn of(speaks: Speaks) -> Self {
        match speaks {
            Speaks::OpenAi | Speaks::Mistral | Speaks::Gemini | Speaks::Service(_) => GOOGLE,
            Speaks::Anthropic(_) => ANTHROPIC,
            Speaks::Bedrock => BEDROCK,
        }
    }

    pub(crate) fn tag(self, seal: &str) -> String {
        format!("{}{seal}", self.0)
    }

    /// The host's own seal, where it is one of these.
    pub(crate) fn own(self, tagged: &str) -> Option<&str> {
        tagged.strip_prefix(self.0)
    }

    /// Tags what a host has said.
    pub(crate) fn tag_all(self, said: &mut [Said]) {
        for said in said {
            if let Said::Signature(_, seal) | Said::Begin(_, Block::Redacted(seal)) = said {
                *seal = self.tag(seal);
            }
        }
    }

    /// A conversation with the seals of these hosts as they gave them, and without those of others.
    pub(crate) fn opened(self, asked: &Conversation) -> Cow<'_, Conversation> {
        let is_sealed = |part: &Part| match &part.content {
            Content::Thought { signature, .. } | Content::Call { signature, .. } => signature.is_some(),
            Content::Redacted(_) => true,
            Content::Text(_)
            | Content::Refusal(_)
            | Content::Image { .. }
            | Content::Audio(_)
            | Content::Document { .. }
            | Content::Result { .. } => false,
        };
        if !asked.turns.iter().flat_map(|turn| &turn.parts).any(is_sealed) {
            return Cow::Borrowed(asked);
        }
        let mut asked = asked.clone();
        for turn in &mut asked.turns {
            turn.parts.retain_mut(|part| self.open(part));
        }
        Cow::Owned(asked)
    }

    /// Opens the seal of a part; false where nothing is left of the part without it.
    fn open(self, part: &mut Part) -> bool {
        let own = |seal: &str| self.own(seal).map(str::to_owned);
        match &mut part.content {
            Content::Thought { signature, .. } | Content::Call { signature, .. } => {
                *signature = signature.as_deref().and_then(own);
                true
            }
            Content::Redacted(cipher) => match own(cipher) {
                Some(opened) => {
                    *cipher = opened;
                    true
                }
                None => false,
            },
            Content::Text(_)
            | Content::Refusal(_)
            | Content::Image { .. }
            | Content::Audio(_)
            | Content::Document { .. }
            | Content::Result { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anthropic::At;
    use crate::middle::{Turn, Who};

    fn part(content: Content) -> Part {
        Part { content, cache: None }
    }

    #[test]
    fn a_seal_goes_back_to_where_it_is_from_and_nowhere_else() {
        let [claude, gemini] = [Speaks::Anthropic(At::Vertex), Speaks::Gemini].map(Tag::of);
        let mut said = [
            Said::Signature(0, "seal".to_owned()),
            Said::Begin(1, Block::Redacted("cipher".to_owned())),
            Said::More(2, "words".to_owned()),
        ];
        claude.tag_all(&mut said);
        let [Said::Signature(_, seal), Said::Begin(_, Block::Redacted(cipher)), _] = said else { panic!() };
        let thought = Content::Thought { text: "hm".to_owned(), signature: Some(seal) };
        let parts = vec![part(thought), part(Content::Redacted(cipher)), part(Content::Text("words".to_owned()))];
        let turns = vec![Turn { who: Who::Assistant, name: None, parts }];
        let asked = Conversation { turns, ..Conversation::default() };
        let seals = |tag: Tag| -> Vec<Option<String>> {
            let opened = tag.opened(&asked);
            let seal = |part: &Part| {
                if let Content::Redacted(cipher) = &part.content {
                    return Some(cipher.clone());
                }
                let Content::Thought { signature, .. } = &part.content else { return None };
                signature.clone()
            };
            opened.turns.iter().flat_map(|turn| &turn.parts).map(seal).collect()
        };
        assert_eq!(seals(claude), [Some("seal".to_owned()), Some("cipher".to_owned()), None]);
        assert_eq!(seals(gemini), [None, None], "the cipher is gone, the thought has no seal");
    }

    #[test]
    fn what_has_no_seal_is_not_copied() {
        assert!(matches!(GOOGLE.opened(&Conversation::default()), Cow::Borrowed(_)));
    }
}
