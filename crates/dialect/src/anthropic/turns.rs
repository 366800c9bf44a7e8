use super::{must, part};
use crate::middle::{Content, Part, Turn, Who};
use crate::{Carry, Misfit};

/// A conversation in the order in which Anthropic wants it.
pub(crate) struct Arranged<'a> {
    /// What whoever runs the application said before the conversation. Of a model that is told nothing between turns it is
    /// all that he said, as in Anthropic's own layer for OpenAI's chat
    /// (<https://platform.claude.com/docs/en/cli-sdks-libraries/libraries/openai-sdk>).
    pub(crate) system: Vec<&'a Part>,
    /// What user and model said, by turns.
    pub(crate) messages: Vec<Message<'a>>,
}

/// What one side said until the other spoke.
pub(crate) struct Message<'a> {
    pub(crate) is_user: bool,
    /// Results of functions: a message that follows calls has to begin with them.
    results: Vec<&'a Part>,
    others: Vec<&'a Part>,
    /// What whoever runs the application says before the other side speaks.
    pub(crate) system: Vec<&'a Part>,
}

impl<'a> Message<'a> {
    pub(crate) fn parts(&self) -> impl Iterator<Item = &'a Part> {
        self.results.iter().chain(&self.others).copied()
    }
}

impl Arranged<'_> {
    /// Whether the model goes on from results of functions that it began to call without a thought: callers of other
    /// interfaces do not give thoughts back. Calls that follow one another with nothing but results between are one turn.
    pub(crate) fn lacks_thought(&self) -> bool {
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
///
/// What whoever runs the application says in the middle is said after what the user says there, since it may follow the user
/// alone, and nothing but the model may follow it; so what was kept of the conversation for the next request stays of use
/// (<https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages>).
pub(crate) fn arrange<'a>(turns: &'a [Turn], carry: &Carry) -> Arranged<'a> {
    arranged(turns, !carry.lacks.contains("messages.system"))
}

/// The same, where it is known whether what whoever runs the application says may stand in the middle.
pub(crate) fn arranged(turns: &[Turn], takes_system: bool) -> Arranged<'_> {
    let (mut system, mut messages, mut waiting) = (Vec::new(), Vec::<Message<'_>>::new(), Vec::new());
    for turn in turns {
        let mut parts = turn.parts.iter().filter(|part| part::is_said(&part.content)).peekable();
        let is_user = match turn.who {
            Who::System | Who::Developer if takes_system && !messages.is_empty() => {
                waiting.extend(parts);
                continue;
            }
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
            if let Some(user) = messages.last_mut().filter(|last| last.is_user) {
                user.system.append(&mut waiting);
            }
            messages.push(Message { is_user, results: Vec::new(), others: Vec::new(), system: Vec::new() });
        }
        let Some(message) = messages.last_mut() else { continue };
        let (results, others) = parts.partition::<Vec<_>, _>(|part| matches!(part.content, Content::Result { .. }));
        message.results.extend(results);
        message.others.extend(others);
    }
    match messages.last_mut().filter(|last| last.is_user) {
        Some(user) => user.system.append(&mut waiting),
        None => system.append(&mut waiting),
    }
    Arranged { system, messages }
}

/// Whether Anthropic takes what is said: the user begins, each side says what it can say, and each call has its result in
/// the next turn, no more and no less (<https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls>).
pub(crate) fn fits(arranged: &Arranged<'_>, carry: &Carry) -> Result<(), Misfit> {
    fits_by(arranged, carry, part::fits)
}

/// The same, of parts that fit in another way.
pub(crate) fn fits_by(
    arranged: &Arranged<'_>,
    carry: &Carry,
    fits: fn(&Part, part::Place, &Carry) -> Result<(), Misfit>,
) -> Result<(), Misfit> {
    let system = arranged.system.iter().chain(arranged.messages.iter().flat_map(|message| &message.system));
    must(system.into_iter().all(|part| matches!(part.content, Content::Text(_))), "messages")?;
    must(arranged.messages.first().is_some_and(|first| first.is_user), "messages")?;
    let mut called: Vec<&str> = Vec::new();
    for message in &arranged.messages {
        let place = if message.is_user { part::Place::User } else { part::Place::Assistant };
        message.parts().try_for_each(|part| fits(part, place, carry))?;
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
