use bytes::Bytes;
use phi_words::Capability;

use super::turns::Arranged;
use super::{must, part, think, tool, turns};
use crate::json::{Document, Value};
use crate::middle::{Content, Conversation, Format, Json, Part};
use crate::{Carry, Misfit, schema};

/// Whether a route can carry everything that is asked; if not, the first that it cannot, by its name in OpenAI's chat body.
///
/// A schema that binds has to keep to Anthropic's subset. Anthropic has no `seed`, no penalties, no `verbosity`, no JSON without a schema (a schema that any object fits is refused,
/// since every object has to name its keys) and no `temperature` above 1, which is not made smaller in silence. What
/// asks for nothing is not looked at: a temperature or a `top_p` of 1, penalties of zero, a middling verbosity.
pub fn fits(asked: &Conversation, carry: &Carry) -> Result<(), Misfit> {
    let arranged = turns::arrange(&asked.turns, carry);
    turns::fits(&arranged, carry)?;
    marks(asked)?;
    tool::fits(asked, carry)?;
    format(&asked.format, carry)?;
    sampling(asked, &arranged, carry)?;
    must(asked.stop.is_empty() || !carry.lacks.contains("stop"), "stop")?;
    // A text that ends the answer has to have more than white space, and it would change the answer to leave it out.
    must(asked.stop.iter().all(|text| !text.trim().is_empty()), "stop")?;
    must(asked.verbosity.as_ref().is_none_or(|verbosity| verbosity == "medium"), "verbosity")
}

/// Anthropic keeps what stands before four marks at most.
pub(crate) fn marks(asked: &Conversation) -> Result<(), Misfit> {
    must(marked(asked) <= 4, "cache_control")
}

/// How many marks there are.
pub(crate) fn marked(asked: &Conversation) -> usize {
    fn count(parts: &[Part]) -> usize {
        let within = |part: &Part| match &part.content {
            Content::Result { parts, .. } => count(parts),
            Content::Text(_)
            | Content::Refusal(_)
            | Content::Image { .. }
            | Content::Audio(_)
            | Content::Document { .. }
            | Content::Thought { .. }
            | Content::Redacted(_)
            | Content::Call { .. } => 0,
        };
        let is_marked = |part: &Part| part.cache.is_some() && part::is_said(&part.content);
        parts.iter().map(|part| usize::from(is_marked(part)) + within(part)).sum()
    }
    let of_turns: usize = asked.turns.iter().map(|turn| count(&turn.parts)).sum();
    let of_tools = asked.tools.iter().filter(|tool| tool.cache.is_some()).count();
    of_turns + of_tools
}

pub(crate) fn format(format: &Format, carry: &Carry) -> Result<(), Misfit> {
    let holds = match format {
        Format::Text => true,
        Format::Object => false,
        // One that says nothing is refused, as JSON without a schema is.
        Format::Schema { schema: asked, .. } => {
            let document = Document::parse(Bytes::copy_from_slice(asked.0.as_bytes())).ok();
            let binds = |root: Value<'_>| root.pairs().next().is_some() && schema::binds_anthropic(root);
            document.is_some_and(|document| binds(document.root()))
                && carry.capabilities.contains(&Capability::JsonSchema)
                && !carry.lacks.contains("response_format")
        }
    };
    must(holds, "response_format")
}

pub(crate) fn sampling(asked: &Conversation, arranged: &Arranged<'_>, carry: &Carry) -> Result<(), Misfit> {
    let sampling = &asked.sampling;
    must(sampling.seed.is_none(), "seed")?;
    for (penalty, field) in
        [(&sampling.frequency_penalty, "frequency_penalty"), (&sampling.presence_penalty, "presence_penalty")]
    {
        must(penalty.as_ref().is_none_or(|penalty| penalty.number().is_some_and(is_zero)), field)?;
    }
    let temperature = telling(sampling.temperature.as_ref());
    let top_p = telling(sampling.top_p.as_ref());
    for (value, field) in [(temperature, "temperature"), (top_p, "top_p")] {
        let holds = |value: f64| (0.0..1.0).contains(&value) && !carry.lacks.contains(field);
        must(value.is_none_or(holds), field)?;
    }
    // Models from Opus 4.1 on take one of both, and later ones none.
    must(temperature.is_none() || top_p.is_none(), "top_p")?;
    let is_count = |top_k: &Json| top_k.0.parse::<u64>().is_ok_and(|top_k| top_k > 0);
    must(sampling.top_k.as_ref().is_none_or(|top_k| is_count(top_k) && !carry.lacks.contains("top_k")), "top_k")?;
    think::plan(asked, arranged, carry)?.fits(asked, temperature, top_p)
}

/// A number that asks for something: 1 is what comes anyway. What is no number is above all.
pub(crate) fn telling(value: Option<&Json>) -> Option<f64> {
    let value = value.map(|value| value.number().unwrap_or(f64::MAX))?;
    ((value - 1.0).abs() > 0.0).then_some(value)
}

pub(crate) fn is_zero(number: f64) -> bool {
    number.abs() <= 0.0
}
