use phi_words::ModelName;

use crate::json::{Object, Value};

/// Writes what comes before the choices of an answer or a chunk. A host that left id or time out is helped: SDKs need both.
pub(super) fn head(out: &mut Object, root: Value<'_>, object: &str, name: &ModelName) {
    match root.member("id").and_then(Value::text) {
        Some(id) => out.text("id", &id),
        None => out.text("id", "chatcmpl-unnamed"),
    };
    out.text("object", object);
    out.whole("created", root.member("created").and_then(Value::whole).unwrap_or(0));
    out.text("model", name.as_str());
    for field in ["system_fingerprint", "service_tier"] {
        if let Some(value) = root.member(field).and_then(Value::text) {
            out.text(field, &value);
        }
    }
}

/// A choice with the keys of OpenAI's specification alone: some hosts put their figures here.
pub(super) fn kept(choice: Value<'_>) -> Vec<u8> {
    let mut out = Object::new();
    for (key, value) in choice.members().into_iter().flatten() {
        if matches!(&*key, "index" | "message" | "delta" | "finish_reason" | "logprobs") {
            out.raw(&key, value.raw());
        }
    }
    out.finish()
}

/// Characters of output in a message or a delta: what the model said, thought, refused or called.
pub(super) fn chars(message: Value<'_>) -> u64 {
    let chars = |value: Option<Value<'_>>| match value.and_then(Value::text) {
        Some(text) => text.chars().count() as u64,
        None => 0,
    };
    let said: u64 = ["content", "refusal", "reasoning", "reasoning_content"]
        .into_iter()
        .map(|key| chars(message.member(key)))
        .sum();
    let calls = message.member("tool_calls").and_then(Value::items).into_iter().flatten();
    let called: u64 = calls
        .filter_map(|call| call.member("function"))
        .map(|function| chars(function.member("name")) + chars(function.member("arguments")))
        .sum();
    said + called
}
