use phi_words::Capability;

use super::{is_claude, part};
use crate::anthropic::turns::{self, Arranged};
use crate::anthropic::{fit, must, tool};
use crate::middle::{Choice, Content, Conversation, Json, Part, Thinking};
use crate::{Carry, Misfit};

/// How many of a kind one message may hold (`Message.content` in AWS's model).
const MAX_IMAGES: usize = 20;
const MAX_DOCUMENTS: usize = 5;

/// Whether a route can carry everything that is asked; if not, the first that it cannot, by its name in OpenAI's chat body.
///
/// Bedrock has no `seed`, no penalties, no `verbosity`, no JSON without a schema, and no word for several calls at once. A
/// conversation with calls has to name functions, so where it has some, none can be forbidden. Of Claude, what is asked has to
/// fit Anthropic's rules too.
pub fn fits(asked: &Conversation, carry: &Carry) -> Result<(), Misfit> {
    let arranged = turns::arranged(&asked.turns, false);
    turns::fits_by(&arranged, carry, part::fits)?;
    arranged.messages.iter().try_for_each(|message| holds(message.parts()))?;
    tools(asked, &arranged, carry)?;
    fit::format(&asked.format, carry)?;
    if is_claude(&carry.own) {
        fit::marks(asked)?;
        fit::sampling(asked, &arranged, carry)?;
    } else {
        sampling(asked, carry)?;
    }
    must(asked.stop.is_empty() || !carry.lacks.contains("stop"), "stop")?;
    must(asked.stop.iter().all(|text| !text.trim().is_empty()), "stop")?;
    must(asked.verbosity.as_ref().is_none_or(|verbosity| verbosity == "medium"), "verbosity")
}

/// Documents are for text to speak of, and neither they nor images are many.
fn holds<'a>(parts: impl Iterator<Item = &'a Part>) -> Result<(), Misfit> {
    let (mut images, mut documents, mut texts) = (0, 0, 0);
    for part in parts {
        match &part.content {
            Content::Image { .. } => images += 1,
            Content::Document { .. } => documents += 1,
            Content::Text(_) => texts += 1,
            Content::Refusal(_)
            | Content::Audio(_)
            | Content::Thought { .. }
            | Content::Redacted(_)
            | Content::Call { .. }
            | Content::Result { .. } => {}
        }
    }
    must(images <= MAX_IMAGES && documents <= MAX_DOCUMENTS && (documents == 0 || texts > 0), "messages")
}

fn tools(asked: &Conversation, arranged: &Arranged<'_>, carry: &Carry) -> Result<(), Misfit> {
    tool::fits(asked, carry)?;
    must(asked.tools.iter().all(|tool| part::is_name(&tool.name)), "tools")?;
    let is_call = |part: &Part| matches!(part.content, Content::Call { .. } | Content::Result { .. });
    let calls = arranged.messages.iter().any(|message| message.parts().any(is_call));
    must(!calls || !asked.tools.is_empty(), "tools")?;
    let never = asked.choice == Some(Choice::Never);
    must(!(calls && never), "tool_choice")?;
    must(asked.tools.is_empty() || never || asked.parallel != Some(false), "parallel_tool_calls")
}

/// Of other models than Claude.
fn sampling(asked: &Conversation, carry: &Carry) -> Result<(), Misfit> {
    let sampling = &asked.sampling;
    must(sampling.seed.is_none(), "seed")?;
    for (penalty, field) in
        [(&sampling.frequency_penalty, "frequency_penalty"), (&sampling.presence_penalty, "presence_penalty")]
    {
        must(penalty.as_ref().is_none_or(|penalty| penalty.number().is_some_and(fit::is_zero)), field)?;
    }
    let is_share = |value: &Json| value.number().is_some_and(|value| (0.0..=1.0).contains(&value));
    for (value, field) in [(&sampling.temperature, "temperature"), (&sampling.top_p, "top_p")] {
        must(value.as_ref().is_none_or(|value| is_share(value) && !carry.lacks.contains(field)), field)?;
    }
    must(sampling.top_k.is_none(), "top_k")?;
    let thinks = carry.capabilities.contains(&Capability::Reasoning) && !carry.lacks.contains("reasoning_effort");
    let silent = match asked.thinking {
        None => true,
        Some(Thinking::Off) => !thinks,
        Some(Thinking::Adaptive | Thinking::Effort(_) | Thinking::Budget(_)) => false,
    };
    must(silent, "reasoning_effort")
}
