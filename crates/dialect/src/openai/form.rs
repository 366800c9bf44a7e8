use super::choice;
use crate::json::{self, Kind, Value};

/// What most frames of a stream share with the one before: all but one text. A frame that differs in nothing else means the
/// same, so it is neither read nor written anew: the text is checked and set in.
///
/// JSON is read from left to right: behind the same bytes a string that ends where the old one ended is followed by the same
/// bytes again, so every other value stands as it stood.
pub(super) struct Form {
    /// What the host writes before the text and after it, quotes included.
    said: [Box<[u8]>; 2],
    /// What we write.
    written: [Box<[u8]>; 2],
    /// Characters of output beside the text.
    beside: u64,
}

impl Form {
    /// The form of a frame with one choice: the event's `data`, the choice's delta, and what was `written` for it, where the
    /// delta begins at a byte. `None` where there is no text, or a line break that is not written.
    pub(super) fn of(data: &[u8], delta: Value<'_>, written: &[u8], delta_at: usize) -> Option<Self> {
        if memchr::memchr2(b'\n', b'\r', data).is_some() {
            return None;
        }
        let text = varying(delta)?;
        let (start, end) = (text.start() + 1, text.start() + text.raw().len() - 1);
        let (before, after) = (data.get(..start)?, data.get(end..)?);
        let (start, end) = (delta_at + start - delta.start(), delta_at + end - delta.start());
        let written = [written.get(..start)?.into(), written.get(end..)?.into()];
        let beside = choice::chars(delta) - json::chars(text)?;
        Some(Self { said: [before.into(), after.into()], written, beside })
    }

    /// The frame for an event of this form, and its characters of output; `None` for any other event.
    pub(super) fn fill(&self, data: &[u8]) -> Option<(Vec<u8>, u64)> {
        let [before, after] = &self.said;
        let text = data.strip_prefix(&**before)?.strip_suffix(&**after)?;
        let chars = json::chars_within(text)?;
        let [before, after] = &self.written;
        Some(([before, text, after].concat(), self.beside + chars))
    }
}

/// The text of a delta that grows from frame to frame.
fn varying(delta: Value<'_>) -> Option<Value<'_>> {
    let is_said = |value: &Value<'_>| value.kind() == Kind::Text && value.raw().len() > 2;
    let spoken = ["content", "reasoning_content", "reasoning"].into_iter().filter_map(|key| delta.member(key));
    spoken.into_iter().find(is_said).or_else(|| {
        let call = delta.member("tool_calls").and_then(Value::items)?.next()?;
        call.member("function")?.member("arguments").filter(is_said)
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use phi_words::{Completion, Usage};
    use proptest::prelude::*;

    use super::super::{ChatStream, Step};
    use crate::HostFault;
    use crate::sse::Event;

    fn stream() -> ChatStream {
        ChatStream::new("house/model".parse().expect("a name"))
    }

    fn chunk(delta: &str, finish: &str, rest: &str) -> Event {
        let choice = format!(r#"{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish},"own":1}}"#);
        let data = format!(r#"{{"id":"c1","created":7,"model":"Own","choices":[{choice}]{rest}}}"#);
        Event { data: Completion::new(data) }
    }

    fn fed(machine: &mut ChatStream, event: &Event) -> Result<Option<Bytes>, HostFault> {
        machine.feed(event).map(|step| match step {
            Step::Frame(frame) => Some(frame.expose_bytes().clone()),
            Step::Done | Step::Skip => None,
        })
    }

    #[test]
    fn most_frames_are_filled_in() {
        for (first, next) in [
            (r#"{"content":"a"}"#, r#"{"content":" b"}"#),
            (r#"{"content":"a"}"#, r#"{"content":""}"#),
            (r#"{"content":"\n"}"#, r#"{"content":"\ud83d\ude00 \"é\""}"#),
            (
                r#"{"role":"assistant","content":"","reasoning_content":"a"}"#,
                r#"{"role":"assistant","content":"","reasoning_content":"b"}"#,
            ),
            (
                r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\""}}]}"#,
                r#"{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}"#,
            ),
        ] {
            let (mut machine, next) = (stream(), chunk(next, "null", ""));
            fed(&mut machine, &chunk(first, "null", "")).expect("a frame");
            assert!(machine.is_formed(&next), "{next:?}");
            assert!(!machine.is_formed(&chunk(r#"{"content":"b"}"#, "\"stop\"", "")));
        }
    }

    #[test]
    fn what_ends_the_text_or_is_none_is_not_filled_in() {
        let mut machine = stream();
        fed(&mut machine, &chunk(r#"{"content":"a"}"#, "null", "")).expect("a frame");
        for other in [r#"b","content":"c"#, "\\", "\\ud83d", "\\x", "\t", "\"", "a\"},\"delta\":{\"x\":\"b"] {
            assert!(!machine.is_formed(&chunk(&format!(r#"{{"content":"{other}"}}"#), "null", "")), "{other}");
        }
    }

    /// Deltas that differ in a text, in more than a text, or in nothing.
    fn any_delta() -> impl Strategy<Value = String> {
        let odd = [r#""\u00e9\ud83d\ude00""#, r#""\ud83d""#, r#""\x""#, "\"\t\"", r#""},"x":{"a":""#, "null", "5"];
        let text = prop_oneof![
            3 => prop::collection::vec(prop::sample::select(vec!['a', 'é', '"', '\\', '\n', '😀']), 0..4)
                .prop_map(|text| serde_json::to_string(&text.into_iter().collect::<String>()).expect("JSON")),
            1 => prop::sample::select(odd.to_vec()).prop_map(str::to_owned),
        ];
        let keys = vec!["content", "content", "reasoning_content", "reasoning", "refusal", "other"];
        (prop::sample::select(keys), text, 0..8_u8).prop_map(|(key, text, kind)| match kind {
            0 => format!(r#"{{"role":"assistant","{key}":{text}}}"#),
            1 => format!(r#"{{"tool_calls":[{{"index":0,"function":{{"name":"f","arguments":{text}}}}}]}}"#),
            2 => format!(r#"{{ "{key}" : {text} , "content":"x"}}"#),
            _ => format!(r#"{{"{key}":{text}}}"#),
        })
    }

    fn figures(machine: &ChatStream) -> (u64, bool, Option<Usage>, bool) {
        (machine.output_chars(), machine.has_content(), machine.usage(), machine.finish().is_ok())
    }

    proptest! {
        #[test]
        fn frames_that_are_filled_in_are_those_that_are_read(
            chunks in prop::collection::vec((any_delta(), 0..16_u8, 0..16_u8), 1..12)
        ) {
            let (mut filling, mut reading) = (stream(), stream());
            for (delta, finish, rest) in chunks {
                let finish = if finish == 0 { "\"stop\"" } else { "null" };
                let rest = match rest {
                    0 => r#","usage":{"prompt_tokens":5,"completion_tokens":1}"#,
                    1 => r#","usage":{"prompt_tokens":5,"completion_tokens":2}"#,
                    2 => ",\n\"x\":1",
                    3 => r#","error":{}"#,
                    _ => "",
                };
                let event = chunk(&delta, finish, rest);
                reading.forget();
                prop_assert_eq!(fed(&mut filling, &event), fed(&mut reading, &event));
                prop_assert_eq!(figures(&filling), figures(&reading));
            }
            let end = Event { data: Completion::new("[DONE]") };
            prop_assert_eq!(fed(&mut filling, &end), fed(&mut reading, &end));
            prop_assert_eq!(figures(&filling), figures(&reading));
        }
    }
}
