use super::{must, part};
use crate::middle::{Content, Part, Turn, Who};
use crate::{Carry, Misfit};

/// A conversation in the order in which Anthropic wants it.
pub(super) struct Arranged<'a> {
    /// What whoever runs the application said, wherever he said it. A model from Opus 4.8 on takes it between two turns too,
    /// older ones and Vertex AI do not, so it is put before all of them, as Anthropic's own layer for OpenAI's chat does
    /// (<https://platform.claude.com/docs/en/cli-sdks-libraries/libraries/openai-sdk>).
    pub(super) system: Vec<&'a Part>,
    /// What user and model said, by turns.
    pub(super) messages: Vec<Message<'a>>,
}

/// What one side said until the other spoke.
pub(super) struct Message<'a> {
    pub(super) is_user: bool,
    /// Results of functions: a message that follows calls has to begin with them.
    results: Vec<&'a Part>,
    others: Vec<&'a Part>,
}

impl<'a> Message<'a> {
    pub(super) fn parts(&self) -> impl Iterator<Item = &'a Part> {
        self.results.iter().chain(&self.others).copied()
    }
}

impl Arranged<'_> {
    /// Whether the model goes on from results of functions that it began to call without a thought: callers of other
    /// interfaces do not give thoughts back. Calls that follow one another with nothing but results between are one turn.
    pub(super) fn lacks_thought(&self) -> bool {
        let mut began: Option<&Message<'_>> = None;
        for pair in self.messages.rchunks_exact(2) {
            let [called, last] = pair else { break };
            if last.results.is_empty() || (began.is_some() && !last.others.is_empty()) {
                break;
            }
            began = Some(called);
        }
        let is_thought = |part: &Part| matches!(part.content, Content::Thought { .. } | Content::Redacted(_));
        began.is_some_and(|began| !began.parts().next().is_some_and(is_thought))
    }
}

/// Puts turns into order. What says nothing is left out: a text without a word is refused by Anthropic, and so is a thought
/// that it did not seal.
pub(super) fn arrange(turns: &[Turn]) -> Arranged<'_> {
    let (mut system, mut messages) = (Vec::new(), Vec::<Message<'_>>::new());
    for turn in turns {
        let mut parts = turn.parts.iter().filter(|part| part::is_said(&part.content)).peekable();
        let is_user = match turn.who {
            Who::System | Who::Developer => {
                system.extend(parts);
                continue;
            }
            Who::User => true,
            Who::Assistant => false,
        };
        if parts.peek().is_none() {
            continue;
        }
        if messages.last().is_none_or(|last| last.is_user != is_user) {
            messages.push(Message { is_user, results: Vec::new(), others: Vec::new() });
        }
        let Some(message) = messages.last_mut() else { continue };
        let (results, others) = parts.partition::<Vec<_>, _>(|part| matches!(part.content, Content::Result { .. }));
        message.results.extend(results);
        message.others.extend(others);
    }
    Arranged { system, messages }
}

/// Whether Anthropic takes what is said: the user begins, each side says what it can say, and each call has its result in
/// the next turn, no more and no less (<https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls>).
pub(super) fn fits(arranged: &Arranged<'_>, carry: &Carry) -> Result<(), Misfit> {
    must(arranged.system.iter().all(|part| matches!(part.content, Content::Text(_))), "messages")?;
    must(arranged.messages.first().is_some_and(|first| first.is_user), "messages")?;
    let mut called: Vec<&str> = Vec::new();
    for message in &arranged.messages {
        let place = if message.is_user { part::Place::User } else { part::Place::Assistant };
        message.parts().try_for_each(|part| part::fits(part, place, carry))?;
        let mut ids: Vec<_> = message.parts().filter_map(|part| id_of(&part.content)).collect();
        ids.sort_unstable();
        if message.is_user {
            must(called == ids, "messages")?;
            called.clear();
        } else {
            must(ids.iter().zip(ids.iter().skip(1)).all(|(one, next)| one != next), "messages")?;
            called = ids;
        }
    }
    let is_begun = arranged.messages.last().is_some_and(|last| !last.is_user);
    must(called.is_empty() && !(is_begun && carry.lacks.contains("messages.prefill")), "messages")
}

/// The id of a call or of its result.
fn id_of(content: &Content) -> Option<&str> {
    match content {
        Content::Call { id, .. } | Content::Result { id, .. } => Some(id),
        Content::Text(_)
        | Content::Refusal(_)
        | Content::Image { .. }
        | Content::Audio(_)
        | Content::Document { .. }
        | Content::Thought { .. }
        | Content::Redacted(_) => None,
    }
}
