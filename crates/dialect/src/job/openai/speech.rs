use std::collections::VecDeque;

use bytes::Bytes;
use phi_words::Completion;

use crate::job::{Begin, Job, Message, Step, Steps};
use crate::json::{Object, Value};
use crate::question::{Fields, Script};
use crate::{Carry, HostFault};

/// Passes sound on as it comes.
struct Speech {
    message: Option<Message>,
}

pub(super) fn begin(fields: &Fields, script: &Script, carry: &Carry) -> Begin {
    let mut body = Object::new();
    body.text("model", carry.own.as_str()).text("input", &script.text).text("voice", &script.voice);
    body.text("response_format", script.format.as_str());
    if let Some(speed) = fields.field("speed") {
        body.raw("speed", speed.raw());
    }
    if let Some(instructions) = fields.field("instructions").and_then(Value::text) {
        body.text("instructions", &instructions);
    }
    let message = Message { accept: "*/*", ..Message::json("/audio/speech", body.finish()) };
    Begin { job: Job::new(Speech { message: Some(message) }, script.format.media_type()), left_out: Vec::new() }
}

impl Steps for Speech {
    fn next(&mut self) -> Step {
        self.message.take().map_or(Step::Said, Step::Follow)
    }

    fn piece(&mut self, piece: Bytes, out: &mut VecDeque<Completion>) -> Result<(), HostFault> {
        out.push_back(Completion::new(piece));
        Ok(())
    }
}
