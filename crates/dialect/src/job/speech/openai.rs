use super::{instructions, voice};
use crate::Carry;
use crate::job::Message;
use crate::json::Object;
use crate::question::{Fields, Script};
use crate::sound::Sound;

/// OpenAI's request (specification 2.3.0, `CreateSpeechRequest`). Its events would tell tokens; what is charged is characters,
/// so sound is asked for as it is.
pub(super) fn message(fields: &Fields, script: &Script, carry: &Carry, format: Sound) -> Message {
    let mut body = Object::new();
    body.text("model", carry.own.as_str()).text("input", &script.text).text("voice", voice(script, carry));
    body.text("response_format", format.as_str());
    if let Some(speed) = fields.field("speed").filter(|_| !carry.lacks.contains("speed")) {
        body.raw("speed", speed.raw());
    }
    let instructions = instructions(fields);
    if !instructions.is_empty() {
        body.text("instructions", &instructions);
    }
    Message { accept: "*/*", ..Message::json("/audio/speech", body.finish()) }
}
