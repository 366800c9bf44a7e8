use std::collections::HashMap;

use crate::fields::responses::input::pdf;
use crate::json::{Kind, Value};
use crate::middle::{
    Choice, Content, Conversation, Effort, Format, Json, Media, Part, Sampling, Thinking, Tool, Turn, Who,
};
use crate::{remote, seals};

/// Reads a body that has passed the table. What the middle has no word for is not in it: see [`super::BEYOND`].
pub(super) fn read(body: Value<'_>, limit: Option<u64>, stream: bool) -> Conversation {
    let raw = |name| body.member(name).map(json);
    let has_tools = body.member("tools").and_then(Value::items).is_some_and(|mut tools| tools.next().is_some());
    Conversation {
        turns: body.member("messages").map(turns).unwrap_or_default(),
        tools: body.member("tools").and_then(Value::items).into_iter().flatten().map(tool).collect(),
        choice: body.member("tool_choice").filter(|_| has_tools).and_then(choice),
        parallel: body.member("parallel_tool_calls").filter(|_| has_tools).and_then(Value::truth),
        format: body.member("response_format").map(format).unwrap_or_default(),
        limit,
        stop: body.member("stop").map(texts).unwrap_or_default(),
        sampling: Sampling {
            temperature: raw("temperature"),
            top_p: raw("top_p"),
            top_k: None,
            frequency_penalty: raw("frequency_penalty"),
            presence_penalty: raw("presence_penalty"),
            seed: raw("seed"),
        },
        thinking: text(body, "reasoning_effort").as_deref().and_then(thinking),
        verbosity: text(body, "verbosity"),
        user: text(body, "safety_identifier").or_else(|| text(body, "user")),
        stream,
    }
}

fn turns(messages: Value<'_>) -> Vec<Turn> {
    let mut called = HashMap::new();
    messages.items().into_iter().flatten().map(|message| turn(message, &mut called)).collect()
}

fn turn(message: Value<'_>, called: &mut HashMap<String, String>) -> Turn {
    let mut parts: Vec<Part> = message.member("content").map(content).unwrap_or_default();
    let who = match text(message, "role").as_deref() {
        Some("system") => Who::System,
        Some("developer") => Who::Developer,
        Some("assistant") => Who::Assistant,
        Some("tool") => {
            let id = text(message, "tool_call_id").unwrap_or_default();
            let name = called.get(&id).cloned();
            parts = vec![plain(Content::Result { id, name, parts, failed: false })];
            Who::User
        }
        Some(_) | None => Who::User,
    };
    parts.extend(text(message, "refusal").map(Content::Refusal).map(plain));
    for call in message.member("tool_calls").and_then(Value::items).into_iter().flatten() {
        let function = call.member("function");
        let of = |name| function.and_then(|function| text(function, name)).unwrap_or_default();
        let (id, name, arguments) = (text(call, "id").unwrap_or_default(), of("name"), of("arguments"));
        called.insert(id.clone(), name.clone());
        let seal = call.member("extra_content").and_then(|extra| text(extra.member("google")?, "thought_signature"));
        let signature = seal.map(|seal| seals::GOOGLE.tag(&seal));
        parts.push(plain(Content::Call { id, name, arguments, signature }));
    }
    Turn { who, name: text(message, "name"), parts }
}

fn content(value: Value<'_>) -> Vec<Part> {
    match value.items() {
        Some(items) => items.filter_map(part).collect(),
        None => value.text().map(|text| plain(Content::Text(text.into_owned()))).into_iter().collect(),
    }
}

fn part(part: Value<'_>) -> Option<Part> {
    let content = match &*text(part, "type")? {
        "text" => Content::Text(text(part, "text")?),
        "refusal" => Content::Refusal(text(part, "refusal")?),
        "image_url" => {
            let image = part.member("image_url")?;
            let url = text(image, "url")?;
            Content::Image { media: remote::media(&url)?, detail: text(image, "detail") }
        }
        "input_audio" => {
            let audio = part.member("input_audio")?;
            let kind = if text(audio, "format")? == "mp3" { "audio/mpeg" } else { "audio/wav" };
            Content::Audio(Media { kind: kind.to_owned(), data: text(audio, "data")? })
        }
        "file" => {
            let file = part.member("file")?;
            let media = Media { kind: "application/pdf".to_owned(), data: pdf(file.member("file_data")?)? };
            Content::Document { media, name: text(file, "filename") }
        }
        _ => return None,
    };
    Some(plain(content))
}

fn tool(tool: Value<'_>) -> Tool {
    let function = tool.member("function");
    let of = |name| function.and_then(|function| function.member(name));
    Tool {
        name: function.and_then(|function| text(function, "name")).unwrap_or_default(),
        description: function.and_then(|function| text(function, "description")),
        parameters: of("parameters").map(json),
        strict: of("strict").and_then(Value::truth),
        cache: None,
    }
}

fn choice(value: Value<'_>) -> Option<Choice> {
    Some(match value.text().as_deref() {
        Some("none") => Choice::Never,
        Some("required") => Choice::Any,
        Some(_) => Choice::Auto,
        None => Choice::Named(text(value.member("function")?, "name")?),
    })
}

fn format(value: Value<'_>) -> Format {
    match (text(value, "type").as_deref(), value.member("json_schema")) {
        (Some("json_object"), _) => Format::Object,
        (Some("json_schema"), Some(of)) => Format::Schema {
            name: text(of, "name").unwrap_or_default(),
            description: text(of, "description"),
            // A schema that was not given allows anything.
            schema: of.member("schema").map_or_else(|| Json("{}".into()), json),
            strict: of.member("strict").and_then(Value::truth),
        },
        _ => Format::Text,
    }
}

pub(in crate::question) fn thinking(effort: &str) -> Option<Thinking> {
    let effort = match effort {
        "none" => return Some(Thinking::Off),
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::XHigh,
        "max" => Effort::Max,
        _ => return None,
    };
    Some(Thinking::Effort(effort))
}

pub(in crate::question) fn plain(content: Content) -> Part {
    Part { content, cache: None }
}

pub(in crate::question) fn text(of: Value<'_>, name: &str) -> Option<String> {
    of.member(name).and_then(Value::text).map(Into::into)
}

/// A text, or a list of texts.
fn texts(value: Value<'_>) -> Vec<String> {
    let owned = |value: Value<'_>| value.text().map(Into::into);
    match value.items() {
        Some(items) => items.filter_map(owned).collect(),
        None => owned(value).into_iter().collect(),
    }
}

pub(in crate::question) fn json(value: Value<'_>) -> Json {
    let raw = String::from_utf8_lossy(value.raw());
    // Within JSON a line break can only stand between values, where it means nothing.
    let one_line = if value.kind() == Kind::Number { raw.into_owned() } else { raw.replace(['\n', '\r'], "") };
    Json(one_line.into())
}
