use phi_words::ModelName;

use crate::HostFault;
use crate::json::{self, Object, Value};

/// The top level of an answer or a chunk, read at once; `null` counts as absent.
#[derive(Default)]
pub(super) struct Top<'d> {
    pub(super) id: Option<Value<'d>>,
    pub(super) created: Option<Value<'d>>,
    pub(super) model: Option<Value<'d>>,
    pub(super) system_fingerprint: Option<Value<'d>>,
    pub(super) service_tier: Option<Value<'d>>,
    pub(super) choices: Option<Value<'d>>,
    pub(super) usage: Option<Value<'d>>,
    pub(super) is_error: bool,
}

impl<'d> Top<'d> {
    pub(super) fn read(root: Value<'d>) -> Self {
        let mut top = Self::default();
        for (key, value) in root.pairs().filter(|(_, value)| !value.is_null()) {
            match &*key.bytes() {
                b"id" => top.id = Some(value),
                b"object" => top.is_error |= value.is_text("error"),
                b"created" => top.created = Some(value),
                b"model" => top.model = Some(value),
                b"system_fingerprint" => top.system_fingerprint = Some(value),
                b"service_tier" => top.service_tier = Some(value),
                b"choices" => top.choices = Some(value),
                b"usage" => top.usage = Some(value),
                b"error" => top.is_error = true,
                _ => {}
            }
        }
        top
    }

    /// What the head is written from.
    pub(super) fn heads(&self) -> [Option<Value<'d>>; 4] {
        [self.id, self.created, self.system_fingerprint, self.service_tier]
    }

    /// When it was made, in seconds since 1970; 0 where that is not said.
    pub(super) fn made(&self) -> u64 {
        self.created.and_then(Value::whole).unwrap_or(0)
    }

    /// Writes what comes before the choices. A host that left id or time out is helped: SDKs need both.
    pub(super) fn head(&self, out: &mut Object, object: &str, name: &ModelName) {
        let id = self.id.and_then(Value::text);
        out.text("id", id.as_deref().unwrap_or("chatcmpl-unnamed"));
        out.text("object", object);
        out.whole("created", self.made());
        out.text("model", name.as_str());
        for (field, value) in [("system_fingerprint", self.system_fingerprint), ("service_tier", self.service_tier)] {
            if let Some(value) = value.and_then(Value::text) {
                out.text(field, &value);
            }
        }
    }

    /// Where it says that it was made, as [`super::place`] reads it.
    pub(super) fn place(&self) -> Option<Box<str>> {
        let told = self.usage?.member("inference_geo")?;
        Some(told.text().unwrap_or_default().into())
    }
}

/// Writes a choice with the keys of OpenAI's specification alone: some hosts put their figures here. Says at which byte of
/// what is written its delta begins.
pub(super) fn write(out: &mut Object, choice: Value<'_>) -> Option<usize> {
    let mut delta_at = None;
    for (key, value) in choice.pairs() {
        let known = match &*key.bytes() {
            b"index" => "index",
            b"message" => "message",
            b"delta" => "delta",
            b"finish_reason" => "finish_reason",
            b"logprobs" => "logprobs",
            _ => continue,
        };
        out.raw(known, value.raw());
        if known == "delta" {
            delta_at = out.len().checked_sub(value.raw().len());
        }
    }
    delta_at
}

/// What Mistral's `finish_reason` of `error` means, and that of those who pass its models on.
pub(super) const FAILED: &str = "the answer ended in an error";

/// Whether a choice says why it ended; a fault where that is that it failed.
pub(super) fn is_finished(choice: Value<'_>) -> Result<bool, HostFault> {
    match choice.member("finish_reason") {
        Some(reason) if reason.is_text("error") => Err(HostFault::Malformed(FAILED)),
        reason => Ok(reason.is_some()),
    }
}

/// Characters of output in a message or a delta: what the model said, thought, refused or called.
pub(super) fn chars(message: Value<'_>) -> u64 {
    let in_text = |value: Value<'_>| json::chars(value).unwrap_or(0);
    let called = |function: Value<'_>| -> u64 {
        ["name", "arguments"].into_iter().filter_map(|key| function.member(key)).map(in_text).sum()
    };
    let in_member = |(key, value): (Value<'_>, Value<'_>)| -> u64 {
        match &*key.bytes() {
            b"content" | b"refusal" | b"reasoning" | b"reasoning_content" => in_text(value),
            b"tool_calls" => {
                value.items().into_iter().flatten().filter_map(|call| call.member("function")).map(called).sum()
            }
            _ => 0,
        }
    };
    message.pairs().map(in_member).sum()
}
