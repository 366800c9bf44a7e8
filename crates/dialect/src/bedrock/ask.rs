use phi_words::Prompt;

use super::is_claude;
use super::part::Writer;
use crate::anthropic::ask::{closed, left_out, room};
use crate::anthropic::think::{self, Form, Plan};
use crate::anthropic::turns::{self, Message};
use crate::anthropic::{fit, tool};
use crate::json::{Object, text};
use crate::middle::{Choice, Content, Conversation, Format, Json, Part};
use crate::{Carry, Rendered};

/// Writes the body of `Converse` for a route that the conversation fits. Whose name asks has no place.
pub fn render(asked: &Conversation, carry: &Carry) -> Rendered {
    let arranged = turns::arranged(&asked.turns, false);
    let claude = is_claude(&carry.own);
    let plan = if claude { think::plan(asked, &arranged, carry).ok() } else { None };
    let plan = plan.unwrap_or(Plan { form: Form::Silent, max_tokens: 1, is_left_out: false });
    let mut left_out = left_out(&asked.turns);
    let is_named = |part: &Part| matches!(&part.content, Content::Document { name: Some(_), .. });
    let is_named = asked.turns.iter().flat_map(|turn| &turn.parts).any(is_named);
    left_out.extend(is_named.then_some("messages.file.filename"));
    left_out.extend(plan.is_left_out.then_some("reasoning_effort"));
    left_out.extend((!claude && fit::marked(asked) > 0).then_some("cache_control"));
    left_out.extend(asked.user.as_ref().map(|_| "user"));
    let mut out = Object::with_room(room(asked));
    let mut writer = Writer::new(claude);
    if !arranged.system.is_empty() {
        out.list("system", |list| arranged.system.iter().for_each(|part| writer.write(list, part)));
    }
    out.list("messages", |list| {
        for message in &arranged.messages {
            list.object(|out| write_message(out, message, &mut writer));
        }
    });
    infer(&mut out, asked, carry, &plan);
    tools(&mut out, asked, &writer);
    configure(&mut out, &asked.format, plan.effort());
    let top_k = asked.sampling.top_k.as_ref().filter(|_| claude);
    if plan.form.is_told() || top_k.is_some() {
        out.object("additionalModelRequestFields", |out| {
            plan.write(out);
            if let Some(top_k) = top_k {
                out.raw("top_k", top_k.0.as_bytes());
            }
        });
    }
    if claude && !asked.stop.is_empty() {
        out.raw("additionalModelResponseFieldPaths", br#"["/stop_sequence"]"#);
    }
    Rendered { body: Prompt::new(out.finish()), left_out }
}

fn write_message(out: &mut Object, message: &Message<'_>, writer: &mut Writer) {
    out.text("role", if message.is_user { "user" } else { "assistant" });
    out.list("content", |list| message.parts().for_each(|part| writer.write(list, part)));
}

/// How long the answer may be, how the next token is drawn, and what ends the answer. A temperature or a `top_p` of 1 is what
/// Claude has anyway, and it takes one of both at most.
fn infer(out: &mut Object, asked: &Conversation, carry: &Carry, plan: &Plan) {
    let most = match plan.form {
        Form::Budget(_) => Some(plan.max_tokens),
        Form::Silent | Form::Disabled | Form::Adaptive(_) => {
            asked.limit.map(|limit| limit.min(carry.max_output.unwrap_or(u64::MAX)))
        }
    };
    let tells = |value: &&Json| !is_claude(&carry.own) || fit::telling(Some(value)).is_some();
    let temperature = asked.sampling.temperature.as_ref().filter(tells);
    let top_p = asked.sampling.top_p.as_ref().filter(tells);
    if most.is_none() && temperature.is_none() && top_p.is_none() && asked.stop.is_empty() {
        return;
    }
    out.object("inferenceConfig", |out| {
        if let Some(most) = most {
            out.whole("maxTokens", most);
        }
        if let Some(temperature) = temperature {
            out.raw("temperature", temperature.0.as_bytes());
        }
        if let Some(top_p) = top_p {
            out.raw("topP", top_p.0.as_bytes());
        }
        if !asked.stop.is_empty() {
            out.list("stopSequences", |list| {
                for text in &asked.stop {
                    list.text(text);
                }
            });
        }
    });
}

/// Writes the functions and how they are chosen. That none is to be called cannot be said, so then none are named.
fn tools(out: &mut Object, asked: &Conversation, writer: &Writer) {
    if asked.tools.is_empty() || asked.choice == Some(Choice::Never) {
        return;
    }
    out.object("toolConfig", |out| {
        out.list("tools", |list| {
            for function in &asked.tools {
                list.object(|out| {
                    out.object("toolSpec", |out| {
                        out.text("name", &function.name);
                        if let Some(description) = function.description.as_ref().filter(|words| !words.is_empty()) {
                            out.text("description", description);
                        }
                        out.object("inputSchema", |out| tool::write_bound(out, "json", function));
                        if function.strict == Some(true) {
                            out.raw("strict", b"true");
                        }
                    });
                });
                writer.mark(list, function.cache);
            }
        });
        match &asked.choice {
            Some(Choice::Any) => out.object("toolChoice", |out| out.object("any", |_| ())),
            Some(Choice::Named(name)) => out.object("toolChoice", |out| {
                out.object("tool", |out| {
                    out.text("name", name);
                });
            }),
            Some(Choice::Auto | Choice::Never) | None => {}
        }
    });
}

/// How hard to think and what the answer has to be. The schema is said as a text.
fn configure(out: &mut Object, format: &Format, effort: Option<&str>) {
    let schema = match format {
        Format::Schema { name, description, schema, .. } => Some((name, description, schema)),
        Format::Text | Format::Object => None,
    };
    if effort.is_none() && schema.is_none() {
        return;
    }
    out.object("outputConfig", |out| {
        if let Some(effort) = effort {
            out.text("effort", effort);
        }
        let Some((name, description, schema)) = schema else { return };
        out.object("textFormat", |out| {
            out.text("type", "json_schema").object("structure", |out| {
                out.object("jsonSchema", |out| {
                    let closed = String::from_utf8_lossy(&closed(schema)).into_owned();
                    out.raw("schema", &text(&closed)).text("name", name);
                    if let Some(description) = description {
                        out.text("description", description);
                    }
                });
            });
        });
    });
}
