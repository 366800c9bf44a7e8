use bytes::Bytes;
use phi_words::{Class, Prompt};

use super::fit::telling;
use super::think::{Form, Plan};
use super::{At, part, think, tool, turns};
use crate::json::{Document, Object};
use crate::middle::{Content, Conversation, Format, Json, Turn};
use crate::{Carry, Rendered, schema};

/// Writes the body of `POST /v1/messages` for a route that the conversation fits, as it is where the interface stands
/// (SDK, `message_create_params.py` and `lib/vertex/_client.py`). `pseudonym` turns the user's name into a keyed pseudonym; with
/// PHI it is left out.
pub fn render(
    asked: &Conversation,
    carry: &Carry,
    pseudonym: &dyn Fn(&str) -> String,
    class: Class,
    at: At,
) -> Rendered {
    let arranged = turns::arrange(&asked.turns, carry);
    let plan =
        think::plan(asked, &arranged, carry).unwrap_or(Plan { form: Form::Silent, max_tokens: 1, is_left_out: false });
    let mut left_out = left_out(&asked.turns);
    left_out.extend(plan.is_left_out.then_some("reasoning_effort"));
    let mut out = Object::with_room(room(asked));
    match at {
        At::FirstParty { geo } => {
            out.text("model", carry.own.as_str());
            if let Some(geo) = geo {
                out.text("inference_geo", geo);
            }
        }
        At::Vertex => {
            out.text("anthropic_version", "vertex-2023-10-16");
        }
    }
    out.whole("max_tokens", plan.max_tokens);
    if !arranged.system.is_empty() {
        out.list("system", |list| arranged.system.iter().for_each(|text| part::write(list, text)));
    }
    out.list("messages", |list| {
        for message in &arranged.messages {
            list.object(|out| {
                out.text("role", if message.is_user { "user" } else { "assistant" });
                out.list("content", |list| message.parts().for_each(|part| part::write(list, part)));
            });
            if !message.system.is_empty() {
                list.object(|out| {
                    out.text("role", "system");
                    out.list("content", |list| message.system.iter().for_each(|part| part::write(list, part)));
                });
            }
        }
    });
    tool::write(&mut out, asked);
    plan.write(&mut out);
    configure(&mut out, &asked.format, plan.effort(), &mut left_out);
    draw(&mut out, asked);
    if asked.stream {
        out.raw("stream", b"true");
    }
    if let Some(user) = &asked.user {
        if class == Class::General && !carry.lacks.contains("user") {
            out.object("metadata", |out| {
                out.text("user_id", &pseudonym(user));
            });
        } else {
            left_out.push("user");
        }
    }
    Rendered { body: Prompt::new(out.finish()), left_out }
}

/// How hard to think and what the answer has to be. A schema is always kept to, and what it is called has no place.
fn configure(out: &mut Object, format: &Format, effort: Option<&str>, left_out: &mut Vec<&'static str>) {
    let schema = match format {
        Format::Schema { schema, description, .. } => {
            left_out.extend(description.as_ref().map(|_| "response_format.json_schema.description"));
            Some(schema)
        }
        Format::Text | Format::Object => None,
    };
    if effort.is_none() && schema.is_none() {
        return;
    }
    out.object("output_config", |out| {
        if let Some(effort) = effort {
            out.text("effort", effort);
        }
        if let Some(schema) = schema {
            out.object("format", |out| {
                out.text("type", "json_schema").raw("schema", &closed(schema));
            });
        }
    });
}

/// The schema as Anthropic wants it.
pub(crate) fn closed(schema: &Json) -> Vec<u8> {
    match Document::parse(Bytes::copy_from_slice(schema.0.as_bytes())) {
        Ok(document) => schema::close(document.root()),
        Err(_) => schema.0.as_bytes().to_vec(),
    }
}

/// How the next token is drawn, in the caller's own figures, and what ends the answer.
fn draw(out: &mut Object, asked: &Conversation) {
    let sampling = &asked.sampling;
    let telling = |value: &Json| telling(Some(value)).is_some();
    if let Some(temperature) = sampling.temperature.as_ref().filter(|value| telling(value)) {
        out.raw("temperature", temperature.0.as_bytes());
    }
    if let Some(top_p) = sampling.top_p.as_ref().filter(|value| telling(value)) {
        out.raw("top_p", top_p.0.as_bytes());
    }
    if let Some(top_k) = &sampling.top_k {
        out.raw("top_k", top_k.0.as_bytes());
    }
    if !asked.stop.is_empty() {
        out.list("stop_sequences", |list| {
            for text in &asked.stop {
                list.text(text);
            }
        });
    }
}

/// What turns ask for that has no place: what a participant is called, how closely to look, and thoughts without a seal,
/// which are another host's.
pub(crate) fn left_out(turns: &[Turn]) -> Vec<&'static str> {
    let parts = || turns.iter().flat_map(|turn| &turn.parts);
    let looks = |content: &Content| match content {
        Content::Image { detail, .. } => detail.as_ref().is_some_and(|detail| detail != "auto"),
        Content::Text(_)
        | Content::Refusal(_)
        | Content::Audio(_)
        | Content::Document { .. }
        | Content::Thought { .. }
        | Content::Redacted(_)
        | Content::Call { .. }
        | Content::Result { .. } => false,
    };
    let mut left_out = Vec::new();
    if turns.iter().any(|turn| turn.name.is_some()) {
        left_out.push("messages.name");
    }
    if parts().any(|part| looks(&part.content)) {
        left_out.push("messages.image_url.detail");
    }
    if parts().any(|part| matches!(part.content, Content::Thought { .. }) && !part::is_said(&part.content)) {
        left_out.push("messages.reasoning_content");
    }
    left_out
}

/// About how long the body becomes.
pub(crate) fn room(asked: &Conversation) -> usize {
    let of_part = |content: &Content| match content {
        Content::Text(text) | Content::Refusal(text) | Content::Redacted(text) => text.len(),
        Content::Image { media, .. } | Content::Audio(media) | Content::Document { media, .. } => media.data.len(),
        Content::Thought { text, .. } => text.len(),
        Content::Call { arguments, .. } => arguments.len(),
        Content::Result { .. } => 0,
    };
    let of_turns: usize = asked.turns.iter().flat_map(|turn| &turn.parts).map(|part| of_part(&part.content) + 64).sum();
    let of_tools: usize =
        asked.tools.iter().map(|tool| tool.parameters.as_ref().map_or(64, |json| json.0.len() + 256)).sum();
    of_turns + of_tools + 512
}
