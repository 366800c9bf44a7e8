use bytes::Bytes;
use phi_words::Capability;

use super::contents;
use super::generation::Generation;
use crate::json::Document;
use crate::middle::{Choice, Conversation, Format, Json, Tool};
use crate::{Carry, Misfit, schema};

/// How many texts may end an answer (<https://ai.google.dev/api/generate-content#generationconfig>).
const MAX_STOPS: usize = 5;

/// Whether a route can carry a conversation; if not, the first thing that it cannot, by its name in OpenAI's chat format.
/// What only asks for what happens anyway always fits.
pub fn fits(asked: &Conversation, carry: &Carry) -> Result<(), Misfit> {
    let generation = Generation::of(&carry.own);
    let has_tools = !asked.tools.is_empty();
    let calls = has_tools && asked.choice != Some(Choice::Never);
    let needs = |needed: bool, capability| !needed || carry.capabilities.contains(&capability);
    let sampling = &asked.sampling;
    let is_lacking = |name: &str, asks: bool| asks && carry.lacks.contains(name);
    let rules: [(&'static str, bool); 15] = [
        ("messages", is_said(asked, carry)),
        ("temperature", sampling.temperature.as_ref().is_none_or(|number| is_within(number, 0.0, 2.0))),
        ("top_p", sampling.top_p.as_ref().is_none_or(|number| is_within(number, 0.0, 1.0))),
        ("top_k", sampling.top_k.as_ref().is_none_or(|number| is_within(number, 1.0, f64::from(i32::MAX)))),
        ("frequency_penalty", sampling.frequency_penalty.as_ref().is_none_or(|number| is_within(number, -2.0, 2.0))),
        ("presence_penalty", sampling.presence_penalty.as_ref().is_none_or(|number| is_within(number, -2.0, 2.0))),
        // Of 32 bits there.
        ("seed", sampling.seed.as_ref().is_none_or(|number| number.0.parse::<i32>().is_ok())),
        ("stop", asked.stop.len() <= MAX_STOPS),
        ("max_tokens", asked.limit.is_none_or(|limit| i32::try_from(limit).is_ok())),
        ("tools", needs(has_tools, Capability::Tools) && asked.tools.iter().all(is_named)),
        ("tool_choice", !has_tools || is_among(asked.choice.as_ref(), &asked.tools)),
        // There is no way to say it.
        ("parallel_tool_calls", !calls || asked.parallel != Some(false)),
        ("response_format", is_formed(&asked.format, carry, calls, generation)),
        ("reasoning_effort", asked.thinking.is_none_or(|thinking| generation.told(thinking, carry).is_some())),
        ("verbosity", asked.verbosity.as_deref().is_none_or(|verbosity| verbosity == "medium")),
    ];
    let asks: [(&'static str, bool); 10] = [
        ("temperature", sampling.temperature.is_some()),
        ("top_p", sampling.top_p.is_some()),
        ("top_k", sampling.top_k.is_some()),
        ("frequency_penalty", sampling.frequency_penalty.as_ref().is_some_and(|number| !is_zero(number))),
        ("presence_penalty", sampling.presence_penalty.as_ref().is_some_and(|number| !is_zero(number))),
        ("seed", sampling.seed.is_some()),
        ("stop", !asked.stop.is_empty()),
        ("tools", has_tools),
        ("tool_choice", has_tools && asked.choice.as_ref().is_some_and(|choice| *choice != Choice::Auto)),
        ("response_format", asked.format != Format::Text),
    ];
    let broken = rules.into_iter().find(|(_, holds)| !holds);
    let lacking = asks.into_iter().find(|(name, asks)| is_lacking(name, *asks));
    match broken.or(lacking) {
        Some((name, _)) => Err(Misfit { field: name.into() }),
        None => Ok(()),
    }
}

fn is_said(asked: &Conversation, carry: &Carry) -> bool {
    let sides = contents::sides(asked);
    !sides.is_empty() && contents::system(asked).is_some() && contents::fit(&sides, carry)
}

fn is_within(number: &Json, low: f64, high: f64) -> bool {
    number.number().is_some_and(|number| (low..=high).contains(&number))
}

/// Whether a penalty asks for nothing, however it is written.
pub(super) fn is_zero(number: &Json) -> bool {
    number.number().is_some_and(|number| number.abs() < f64::MIN_POSITIVE)
}

/// Google's names begin with a letter or an underscore.
fn is_named(tool: &Tool) -> bool {
    let mut bytes = tool.name.bytes();
    let begins = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    begins && tool.name.len() <= 128 && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte))
}

fn is_among(choice: Option<&Choice>, tools: &[Tool]) -> bool {
    match choice {
        Some(Choice::Named(name)) => tools.iter().any(|tool| tool.name == *name),
        Some(Choice::Auto | Choice::Never | Choice::Any) | None => true,
    }
}

/// Before Gemini 3, functions and JSON exclude each other (<https://github.com/googleapis/python-genai/issues/867>).
fn is_formed(format: &Format, carry: &Carry, calls: bool, generation: Generation) -> bool {
    let able = match format {
        Format::Text => return true,
        Format::Object => Capability::JsonObject,
        // What it would not look at cannot bind.
        Format::Schema { schema, strict: Some(true), .. } if !binds(schema) => return false,
        Format::Schema { .. } => Capability::JsonSchema,
    };
    carry.capabilities.contains(&able) && (!calls || generation == Generation::Level)
}

fn binds(asked: &Json) -> bool {
    let document = Document::parse(Bytes::copy_from_slice(asked.0.as_bytes()));
    document.is_ok_and(|document| schema::binds_google(document.root()))
}
