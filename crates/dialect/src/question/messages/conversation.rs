use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json::{Kind, Value};
use crate::messages::seal;
use crate::middle::{
    Cache, Choice, Content, Conversation, Effort, Format, Json, Media, Part, Sampling, Thinking, Tool, Turn, Who,
};
use crate::remote;

/// Reads a body that has passed the table. What the middle has no word for is named by [`unsaid`].
pub(super) fn read(body: Value<'_>, limit: Option<u64>, stream: bool) -> Conversation {
    let raw = |name| body.member(name).map(json);
    let tools: Vec<Tool> = items(body, "tools").map(tool).collect();
    let choice = body.member("tool_choice").filter(|_| !tools.is_empty());
    let alone = choice.and_then(|choice| choice.member("disable_parallel_tool_use")?.truth());
    let mut turns = turns(body);
    if let Some(mark) = body.member("cache_control")
        && let Some(part) = turns.last_mut().and_then(|turn| turn.parts.last_mut())
    {
        part.cache = part.cache.or(Some(cache(mark)));
    }
    Conversation {
        turns,
        tools,
        choice: choice.and_then(self::choice),
        parallel: alone.map(|alone| !alone),
        format: format(body),
        limit,
        stop: items(body, "stop_sequences").filter_map(Value::text).map(Into::into).collect(),
        sampling: Sampling {
            temperature: raw("temperature"),
            top_p: raw("top_p"),
            top_k: raw("top_k"),
            ..Sampling::default()
        },
        thinking: thinking(body),
        verbosity: None,
        user: body.member("metadata").and_then(|metadata| text(metadata, "user_id")),
        stream,
    }
}

/// What is asked for, or given back, that no host is told of.
pub(super) fn unsaid(body: Value<'_>) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut note = |is_there: bool, name| {
        if is_there {
            found.push(name);
        }
    };
    note(items(body, "messages").flat_map(|message| items(message, "content")).any(cites), "messages.citations");
    let tools = |name: &'static str| items(body, "tools").filter_map(move |tool| tool.member(name));
    note(tools("input_examples").any(|examples| is_filled(Some(examples))), "tools.input_examples");
    note(tools("eager_input_streaming").any(is_true), "tools.eager_input_streaming");
    note(tools("defer_loading").any(is_true), "tools.defer_loading");
    let display = body.member("thinking").and_then(|thinking| thinking.member("display"));
    note(display.is_some_and(|display| display.is_text("omitted")), "thinking.display");
    let effort = body.member("output_config").and_then(|config| config.member("effort"));
    let has_other = matches!(thinking(body), Some(Thinking::Budget(_) | Thinking::Off));
    note(effort.is_some() && has_other, "output_config.effort");
    note(items_of(body.member("context_management"), "edits").any(|edit| !keeps_all(edit)), "context_management");
    let told = ["system", "messages", "tools", "cache_control"].into_iter().filter_map(|name| body.member(name));
    note(told.into_iter().any(is_scoped), "cache_control.scope");
    note(body.member("diagnostics").is_some_and(|of| of.member("previous_message_id").is_some()), "diagnostics");
    found
}

/// Whether a mark of what is worth keeping has a scope, here or anywhere below.
fn is_scoped(value: Value<'_>) -> bool {
    let is_mark = |value: Value<'_>| value.member("type").is_some_and(|kind| kind.is_text("ephemeral"));
    let has_scope = is_mark(value) && value.member("scope").is_some();
    has_scope || marks(value).any(is_scoped)
}

/// Where marks may stand below a value: within what a caller's function is given, or takes, is none.
fn marks<'d>(value: Value<'d>) -> impl Iterator<Item = Value<'d>> {
    let below = ["content", "cache_control"].into_iter().filter_map(move |name| value.member(name));
    value.items().into_iter().flatten().chain(below)
}

fn cites(block: Value<'_>) -> bool {
    block.member("type").is_some_and(|kind| kind.is_text("text")) && is_filled(block.member("citations"))
}

/// Whether an edit takes nothing out: all thoughts are kept.
fn keeps_all(edit: Value<'_>) -> bool {
    let is_all = |keep: Value<'_>| keep.is_text("all") || keep.member("type").is_some_and(|kind| kind.is_text("all"));
    edit.member("type").is_some_and(|kind| kind.is_text("clear_thinking_20251015"))
        && edit.member("keep").is_some_and(is_all)
}

fn turns(body: Value<'_>) -> Vec<Turn> {
    let system = body.member("system").map(content).filter(|parts| !parts.is_empty());
    let mut turns: Vec<Turn> = system.map(|parts| Turn { who: Who::System, name: None, parts }).into_iter().collect();
    let mut called = HashMap::new();
    for message in items(body, "messages") {
        let who = match text(message, "role").as_deref() {
            Some("system") => Who::System,
            Some("assistant") => Who::Assistant,
            Some(_) | None => Who::User,
        };
        let mut turn = Turn { who, name: None, parts: Vec::new() };
        match message.member("content") {
            Some(blocks) if blocks.kind() == Kind::List => {
                for block in blocks.items().into_iter().flatten() {
                    if block.member("type").is_some_and(|kind| kind.is_text("mid_conv_system")) {
                        // It stands between what the user says, so that the turn goes on after it.
                        let before = std::mem::take(&mut turn.parts);
                        turns.extend((!before.is_empty()).then_some(Turn { who, name: None, parts: before }));
                        let mut parts = block.member("content").map(content).unwrap_or_default();
                        mark(&mut parts, block);
                        turns.push(Turn { who: Who::System, name: None, parts });
                    } else if let Some(part) = part(block, &mut called) {
                        take(&mut turn.parts, part);
                    }
                }
            }
            Some(words) => turn.parts = content(words),
            None => {}
        }
        turns.push(turn);
    }
    turns
}

/// Adds a part; the seal of a call, which we gave out as a thought in cipher, goes back to its call.
fn take(parts: &mut Vec<Part>, part: Part) {
    if let Content::Redacted(data) = &part.content
        && let Some((of, seal)) = seal::read(data)
    {
        for part in parts.iter_mut() {
            if let Content::Call { id, signature, .. } = &mut part.content
                && id == of
            {
                *signature = Some(seal.to_owned());
            }
        }
        return;
    }
    parts.push(part);
}

/// A text, or a list of blocks in which nothing is called.
fn content(value: Value<'_>) -> Vec<Part> {
    match value.items() {
        Some(items) => items.filter_map(|block| part(block, &mut HashMap::new())).collect(),
        None => value.text().map(|text| plain(Content::Text(text.into_owned()))).into_iter().collect(),
    }
}

fn part(block: Value<'_>, called: &mut HashMap<String, String>) -> Option<Part> {
    let content = match &*text(block, "type")? {
        "text" => Content::Text(text(block, "text")?),
        "image" => Content::Image { media: media(block.member("source")?)?, detail: None },
        "document" => Content::Document { media: media(block.member("source")?)?, name: text(block, "title") },
        "thinking" => Content::Thought {
            text: text(block, "thinking")?,
            signature: text(block, "signature").filter(|seal| !seal.is_empty()),
        },
        "redacted_thinking" => Content::Redacted(text(block, "data")?),
        "tool_use" => {
            let (id, name) = (text(block, "id")?, text(block, "name")?);
            called.insert(id.clone(), name.clone());
            Content::Call { id, name, arguments: json(block.member("input")?).0.into(), signature: None }
        }
        "tool_result" => {
            let id = text(block, "tool_use_id")?;
            let name = called.get(&id).cloned();
            let parts = block.member("content").map(content).unwrap_or_default();
            let failed = block.member("is_error").is_some_and(is_true);
            Content::Result { id, name, parts, failed }
        }
        _ => return None,
    };
    Some(Part { content, cache: block.member("cache_control").map(cache) })
}

/// Marks the last of some parts as the block that they come of is marked.
fn mark(parts: &mut [Part], block: Value<'_>) {
    if let (Some(mark), Some(last)) = (block.member("cache_control"), parts.last_mut()) {
        last.cache = last.cache.or(Some(cache(mark)));
    }
}

/// Bytes within the request; a plain text is bytes too.
fn media(source: Value<'_>) -> Option<Media> {
    if source.member("type").is_some_and(|kind| kind.is_text("url")) {
        return Some(remote::to_come());
    }
    let (kind, data) = (text(source, "media_type")?, text(source, "data")?);
    let is_text = source.member("type").is_some_and(|kind| kind.is_text("text"));
    Some(Media { kind, data: if is_text { STANDARD.encode(data) } else { data } })
}

fn cache(mark: Value<'_>) -> Cache {
    if mark.member("ttl").is_some_and(|ttl| ttl.is_text("1h")) { Cache::Long } else { Cache::Short }
}

fn tool(tool: Value<'_>) -> Tool {
    Tool {
        name: text(tool, "name").unwrap_or_default(),
        description: text(tool, "description"),
        parameters: tool.member("input_schema").map(json),
        strict: tool.member("strict").and_then(Value::truth),
        cache: tool.member("cache_control").map(cache),
    }
}

fn choice(value: Value<'_>) -> Option<Choice> {
    Some(match &*text(value, "type")? {
        "any" => Choice::Any,
        "none" => Choice::Never,
        "tool" => Choice::Named(text(value, "name")?),
        _ => Choice::Auto,
    })
}

/// An answer of a schema is bound by it, and has no name here where others want one.
fn format(body: Value<'_>) -> Format {
    let format = body.member("output_config").and_then(|config| config.member("format"));
    match format.or_else(|| body.member("output_format")).and_then(|format| format.member("schema")) {
        Some(schema) => {
            Format::Schema { name: "answer".to_owned(), description: None, schema: json(schema), strict: Some(true) }
        }
        None => Format::Text,
    }
}

/// How the model thinks. An effort is said with adaptive thinking, or where nothing else is said; beside a budget there is no
/// word for it.
fn thinking(body: Value<'_>) -> Option<Thinking> {
    let effort = body.member("output_config").and_then(|config| text(config, "effort")).and_then(|word| effort(&word));
    let Some(asked) = body.member("thinking") else { return effort.map(Thinking::Effort) };
    Some(match (text(asked, "type").as_deref(), asked.member("budget_tokens").and_then(Value::whole)) {
        (Some("enabled"), Some(tokens)) => Thinking::Budget(tokens),
        (Some("disabled"), _) => Thinking::Off,
        _ => effort.map_or(Thinking::Adaptive, Thinking::Effort),
    })
}

fn effort(word: &str) -> Option<Effort> {
    Some(match word {
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::XHigh,
        "max" => Effort::Max,
        _ => return None,
    })
}

fn items<'d>(of: Value<'d>, name: &str) -> impl Iterator<Item = Value<'d>> + use<'d> {
    items_of(Some(of), name)
}

fn items_of<'d>(of: Option<Value<'d>>, name: &str) -> impl Iterator<Item = Value<'d>> + use<'d> {
    of.and_then(|of| of.member(name)).and_then(Value::items).into_iter().flatten()
}

fn is_true(value: Value<'_>) -> bool {
    value.truth() == Some(true)
}

fn is_filled(list: Option<Value<'_>>) -> bool {
    list.and_then(Value::items).is_some_and(|mut items| items.next().is_some())
}

fn plain(content: Content) -> Part {
    Part { content, cache: None }
}

fn text(of: Value<'_>, name: &str) -> Option<String> {
    of.member(name).and_then(Value::text).map(Into::into)
}

fn json(value: Value<'_>) -> Json {
    let raw = String::from_utf8_lossy(value.raw());
    // Within JSON a line break can only stand between values, where it means nothing.
    let one_line = if value.kind() == Kind::Number { raw.into_owned() } else { raw.replace(['\n', '\r'], "") };
    Json(one_line.into())
}
