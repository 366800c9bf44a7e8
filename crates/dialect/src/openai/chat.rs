//! Whole answers of `POST /chat/completions`.

use phi_words::{Completion, ModelName};

use super::choice::{self, Top};
use super::usage;
use super::{WholeReply, errors};
use crate::HostFault;
use crate::json::{Document, Kind, Object, Value};
use crate::told::Told;

/// What an answer may grow by, mostly.
const ROOM: usize = 512;

/// Reads a host's whole answer and names the model as the catalogue does. Of its top level the fields of OpenAI's
/// specification stay, and of its choices those too; what a message holds stays as it is.
pub fn read_reply(body: &Completion, name: &ModelName) -> Result<WholeReply, HostFault> {
    let malformed = HostFault::Malformed;
    let document = Document::parse(body.expose_bytes().clone()).map_err(|_| malformed("the body is not JSON"))?;
    let root = document.root();
    let top = Top::read(root);
    if top.is_error {
        return Err(HostFault::Stated(errors::read_error_value(root)));
    }
    let mut out = Object::with_room(body.expose_bytes().len() + ROOM);
    top.head(&mut out, "chat.completion", name);
    let mut output_chars = 0;
    let mut count = 0_usize;
    out.list("choices", |choices| {
        for item in top.choices.and_then(Value::items).into_iter().flatten() {
            let message = item.member("message").filter(|message| message.kind() == Kind::Object);
            choice::is_finished(item)?;
            output_chars += choice::chars(message.ok_or(malformed("a choice has no message"))?);
            let _ = choices.object(|choice| choice::write(choice, item));
            count += 1;
        }
        Ok(())
    })?;
    if count == 0 {
        return Err(malformed("there is no choice"));
    }
    let mut told = Told::default();
    usage::hear(&mut told, top.usage);
    let figures = told.figures(output_chars);
    if let Some(figures) = &figures {
        out.object("usage", |usage| usage::write(usage, figures, None));
    }
    Ok(WholeReply {
        body: Completion::new(out.finish()),
        host_model: top.model.and_then(Value::text).map(Into::into),
        place: top.place(),
        usage: figures,
        output_chars,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HostErrorKind;

    fn read(body: &str) -> Result<WholeReply, HostFault> {
        read_reply(&Completion::new(body.to_owned()), &"house/model".parse().unwrap())
    }

    #[test]
    fn an_answer_keeps_what_is_the_dialects_and_names_our_model() {
        let reply = read(
            r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"Own/Model","provider":"x",
                "choices":[{"index":0,"message":{"role":"assistant","content":"Gr\u00fcezi","tool_calls":[]},"finish_reason":"odd","stop_reason":5}],
                "usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12},"timings":{"a":1}}"#,
        )
        .unwrap();
        assert_eq!(
            reply.body.expose_bytes(),
            r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"house/model","choices":[{"index":0,"message":{"role":"assistant","content":"Gr\u00fcezi","tool_calls":[]},"finish_reason":"odd"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}}}"#
        );
        assert_eq!(reply.host_model.as_deref(), Some("Own/Model"));
        assert_eq!(reply.output_chars, 6);
        assert_eq!(reply.usage.unwrap().tokens(), 12);
        assert!(!format!("{reply:?}").contains("Gr"));
    }

    #[test]
    fn figures_that_lie_are_not_handed_on() {
        let reply =
            read(r#"{"id":"a","choices":[{"index":0,"message":{"content":"x"}}],"usage":{"prompt_tokens":-5}}"#)
                .unwrap();
        assert_eq!(reply.usage, None);
        assert!(!String::from_utf8_lossy(reply.body.expose_bytes()).contains("usage"));
    }

    #[test]
    fn the_place_that_an_answer_tells_is_read_and_not_handed_on() {
        let told = |geo: &str| {
            format!(r#"{{"choices":[{{"index":0,"message":{{"content":"x"}}}}],"usage":{{"inference_geo":{geo}}}}}"#)
        };
        let reply = read(&told(r#""us""#)).unwrap();
        assert_eq!(reply.place.as_deref(), Some("us"));
        assert!(!String::from_utf8_lossy(reply.body.expose_bytes()).contains("inference_geo"));
        for (geo, place) in [("null", None), ("5", Some("")), (r#"["us"]"#, Some(""))] {
            assert_eq!(read(&told(geo)).unwrap().place.as_deref(), place, "{geo}");
        }
        let senseless = Completion::new(told(r#""global""#).replace("choices", "chances"));
        assert_eq!(crate::openai::place(&senseless).as_deref(), Some("global"));
        assert_eq!(crate::openai::place(&Completion::new("<html>".to_owned())), None);
    }

    #[test]
    fn what_is_no_answer_is_a_fault() {
        for bad in [
            "",
            "{}",
            "[]",
            "<html>",
            r#"{"choices":[]}"#,
            r#"{"choices":[{"index":0}]}"#,
            r#"{"choices":[{"message":"x"}]}"#,
            r#"{"choices":[{"message":{"content":"a","content":"b"}}]}"#,
            r#"{"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"error"}]}"#,
        ] {
            assert!(matches!(read(bad), Err(HostFault::Malformed(_))), "{bad}");
        }
        let stated = read(r#"{"error":{"message":"x","code":"model_not_found"}}"#).unwrap_err();
        assert!(matches!(stated, HostFault::Stated(error) if error.kind == HostErrorKind::RowFault));
    }
}
