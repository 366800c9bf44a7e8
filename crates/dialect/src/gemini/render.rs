use phi_words::{Class, Prompt};

use super::contents::{self, leave_out};
use super::fits::is_zero;
use super::generation::{Generation, Told};
use crate::anthropic::tool::write_schema;
use crate::json::Object;
use crate::middle::{Choice, Content, Conversation, Format, Json, Part, Tool};
use crate::{Carry, Rendered};

/// What a body holds beside what was said, mostly.
const ROOM: usize = 1_024;

/// Writes the body of a conversation for a route that it fits, for [`super::path`]: neither the model nor whether it streams
/// stands in it. Google has no field for who asks, so the user is left out whatever the class.
pub fn render(asked: &Conversation, carry: &Carry, _: &dyn Fn(&str) -> String, _: Class) -> Rendered {
    let generation = Generation::of(&carry.own);
    let mut left_out = unsaid(asked);
    let mut body = Object::with_room(ROOM + room(asked));
    let system = contents::system(asked).unwrap_or_default();
    if !system.is_empty() {
        body.object("systemInstruction", |instruction| {
            instruction.list("parts", |parts| {
                for text in system {
                    parts.object(|part| {
                        part.text("text", text);
                    });
                }
            });
        });
    }
    let sides = contents::sides(asked);
    body.list("contents", |list| contents::write(list, &sides, generation, &mut left_out));
    if !asked.tools.is_empty() {
        body.list("tools", |tools| {
            tools.object(|tool| {
                tool.list("functionDeclarations", |list| {
                    for tool in &asked.tools {
                        list.object(|function| declare(function, tool));
                    }
                });
            });
        });
        choose(&mut body, asked);
    }
    let config = config(asked, carry, generation);
    if config != b"{}" {
        body.raw("generationConfig", &config);
    }
    Rendered { body: Prompt::new(body.finish()), left_out }
}

/// A function, its arguments as JSON Schema: the older `parameters` knows a part of OpenAPI's schemas alone, and refuses
/// `additionalProperties` or `$ref` (<https://ai.google.dev/api/caching#FunctionDeclaration>).
fn declare(function: &mut Object, tool: &Tool) {
    function.text("name", &tool.name);
    if let Some(description) = &tool.description {
        function.text("description", description);
    }
    if tool.parameters.is_some() {
        write_schema(function, "parametersJsonSchema", tool);
    }
}

/// Whether the model calls. `ANY` holds it to the schemas anyway; where a function is strict and it may also speak,
/// `VALIDATED` does (<https://ai.google.dev/gemini-api/docs/function-calling>).
fn choose(body: &mut Object, asked: &Conversation) {
    let is_strict = asked.tools.iter().any(|tool| tool.strict == Some(true));
    let (mode, named) = match &asked.choice {
        None | Some(Choice::Auto) if is_strict => ("VALIDATED", None),
        None | Some(Choice::Auto) => return,
        Some(Choice::Never) => ("NONE", None),
        Some(Choice::Any) => ("ANY", None),
        Some(Choice::Named(name)) => ("ANY", Some(name)),
    };
    body.object("toolConfig", |config| {
        config.object("functionCallingConfig", |config| {
            config.text("mode", mode);
            if let Some(name) = named {
                config.list("allowedFunctionNames", |names| {
                    names.text(name);
                });
            }
        });
    });
}

fn config(asked: &Conversation, carry: &Carry, generation: Generation) -> Vec<u8> {
    let mut config = Object::new();
    let sampling = &asked.sampling;
    let number = |config: &mut Object, name: &str, number: Option<&Json>| {
        if let Some(number) = number {
            config.raw(name, number.0.as_bytes());
        }
    };
    number(&mut config, "temperature", sampling.temperature.as_ref());
    number(&mut config, "topP", sampling.top_p.as_ref());
    number(&mut config, "topK", sampling.top_k.as_ref());
    if let Some(limit) = asked.limit {
        config.whole("maxOutputTokens", limit);
    }
    if !asked.stop.is_empty() {
        config.list("stopSequences", |list| {
            for stop in &asked.stop {
                list.text(stop);
            }
        });
    }
    number(&mut config, "seed", sampling.seed.as_ref());
    let asks = |number: &&Json| !is_zero(number);
    number(&mut config, "presencePenalty", sampling.presence_penalty.as_ref().filter(asks));
    number(&mut config, "frequencyPenalty", sampling.frequency_penalty.as_ref().filter(asks));
    match &asked.format {
        Format::Text => {}
        Format::Object => {
            config.text("responseMimeType", "application/json");
        }
        Format::Schema { schema, .. } => {
            config.text("responseMimeType", "application/json").raw("responseJsonSchema", schema.0.as_bytes());
        }
    }
    if let Some(thinking) = asked.thinking {
        think(&mut config, generation.told(thinking, carry).unwrap_or(Told::Nothing));
    }
    config.finish()
}

/// Who asks for thinking is shown it, as far as the host shows any.
fn think(config: &mut Object, told: Told) {
    if told == Told::Nothing {
        return;
    }
    config.object("thinkingConfig", |config| {
        match told {
            Told::Nothing | Told::Show => {}
            Told::Dynamic => {
                config.raw("thinkingBudget", b"-1");
            }
            Told::Budget(tokens) => {
                config.whole("thinkingBudget", tokens);
            }
            Told::Level(level) => {
                config.text("thinkingLevel", level);
            }
        }
        if told != Told::Budget(0) {
            config.raw("includeThoughts", b"true");
        }
    });
}

/// What asks for something that Google has no field for. Of what is worth keeping for the next request no dialect but
/// Anthropic's is told, and the way in that has a word for it names it.
fn unsaid(asked: &Conversation) -> Vec<&'static str> {
    let mut left_out = Vec::new();
    let parts = || asked.turns.iter().flat_map(|turn| &turn.parts);
    let is_described = matches!(&asked.format, Format::Schema { description: Some(_), .. });
    for (name, is_asked) in [
        ("user", asked.user.is_some()),
        ("messages.name", asked.turns.iter().any(|turn| turn.name.is_some())),
        ("messages.reasoning_content", parts().any(|part| matches!(part.content, Content::Redacted(_)))),
        ("response_format.json_schema.description", is_described),
    ] {
        if is_asked {
            leave_out(&mut left_out, name);
        }
    }
    left_out
}

/// About how many bytes were said.
fn room(asked: &Conversation) -> usize {
    let of = |part: &Part| match &part.content {
        Content::Text(text) | Content::Refusal(text) | Content::Thought { text, .. } => text.len() + 32,
        Content::Image { media, .. } | Content::Audio(media) | Content::Document { media, .. } => media.data.len() + 64,
        Content::Redacted(_) => 0,
        Content::Call { arguments, .. } => arguments.len() + 128,
        Content::Result { .. } => 512,
    };
    let tools: usize = asked.tools.iter().filter_map(|tool| Some(tool.parameters.as_ref()?.0.len() + 256)).sum();
    asked.turns.iter().flat_map(|turn| &turn.parts).map(of).sum::<usize>() + tools
}
