//! A transcript as it is heard: OpenAI's events of a transcription
//! (<https://platform.openai.com/docs/api-reference/audio/transcript-text-delta-event>).

use phi_words::Completion;

use super::written::tell;
use crate::json::Object;
use crate::sse;

/// What such an answer is.
pub(crate) const EVENTS: &str = "text/event-stream; charset=utf-8";

/// More of the text.
pub(crate) fn delta(text: &str) -> Completion {
    let mut event = Object::new();
    event.text("type", "transcript.text.delta").text("delta", text);
    framed(event)
}

/// All of the text, and how much was heard.
pub(crate) fn done(text: &str, millis: u64) -> Completion {
    let mut event = Object::new();
    event.text("type", "transcript.text.done").text("text", text);
    tell(&mut event, millis);
    framed(event)
}

fn framed(event: Object) -> Completion {
    Completion::new(sse::frame(&Completion::new(event.finish())))
}
