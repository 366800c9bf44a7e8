pub(super) mod conversation;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use phi_words::{Capability, Class, ModelName, Prompt, Refusal};

use super::Fields;
use crate::fields::messages::Takes;
use crate::fields::{self, Kind, invalid};
use crate::json::{Object, Value};
use crate::middle::Conversation;
use crate::remote::Reading;
use crate::{Carry, Misfit, Rendered, Speaks, dialects, openai};

/// A body of `POST /chat/completions`, parsed.
#[derive(Debug, Clone)]
pub struct ChatQuestion {
    fields: Fields,
    stream: bool,
    include_usage: bool,
    limit: Option<u64>,
    choices: u64,
    /// For hosts that speak otherwise: made when the first of them is looked at.
    conversation: Arc<OnceLock<Conversation>>,
}

/// Reads a body of `POST /chat/completions`. Refuses with `invalid_json`, `duplicate_key`, `invalid_request` or
/// `unsupported_parameter`; with PHI, every field that we do not know.
pub fn read_chat(body: Prompt, reading: impl Into<Reading>) -> Result<ChatQuestion, Refusal> {
    let fields = Fields::read(fields::chat::TABLE, body, reading.into())?;
    if fields.field("messages").is_none() {
        return Err(invalid("messages", "is missing"));
    }
    let flag = |name| fields.field(name).and_then(|value| value.truth()).unwrap_or(false);
    let stream = flag("stream");
    let options = fields.field("stream_options");
    if options.is_some() && !stream {
        return Err(invalid("stream_options", "stands only where `stream` is true"));
    }
    if fields.field("top_logprobs").is_some() && !flag("logprobs") {
        return Err(invalid("top_logprobs", "stands only where `logprobs` is true"));
    }
    if let Some(choice) = fields.field("tool_choice") {
        fields::choice_among(choice, fields.field("tools"))?;
    }
    let whole = |name| fields.field(name).and_then(|value| value.whole());
    let limit = match (whole("max_tokens"), whole("max_completion_tokens")) {
        (Some(old), Some(new)) if old != new => {
            return Err(invalid("max_tokens", "says something else than `max_completion_tokens`"));
        }
        (old, new) => new.or(old),
    };
    let include_usage = options.and_then(|options| options.member("include_usage")?.truth());
    Ok(ChatQuestion {
        stream,
        include_usage: include_usage.unwrap_or(false),
        limit,
        choices: whole("n").unwrap_or(1),
        conversation: Arc::default(),
        fields,
    })
}

impl ChatQuestion {
    /// The model as the caller wrote it.
    pub const fn model(&self) -> &ModelName {
        &self.fields.model
    }

    /// Whether the answer is to come as a stream of events.
    pub const fn stream(&self) -> bool {
        self.stream
    }

    /// Whether the caller asked for a usage chunk.
    pub const fn include_usage(&self) -> bool {
        self.include_usage
    }

    /// What the request needs of a model beyond text.
    pub const fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.fields.capabilities
    }

    /// The fields that we do not know, by path.
    pub fn unknown(&self) -> &[Arc<str>] {
        &self.fields.unknown
    }

    /// How many bytes the caller's body has.
    pub fn body_len(&self) -> usize {
        self.fields.document.text().len()
    }

    /// The most output tokens that the caller wants, over all choices.
    pub fn output_limit(&self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_mul(self.choices))
    }

    pub(super) const fn fields(&self) -> &Fields {
        &self.fields
    }

    fn has_tools(&self) -> bool {
        let tools = self.fields.field("tools").and_then(Value::items);
        tools.is_some_and(|mut tools| tools.next().is_some())
    }

    /// What is asked, in nobody's format.
    pub fn conversation(&self) -> &Conversation {
        let body = self.fields.document.root();
        self.conversation.get_or_init(|| conversation::read(body, self.limit, self.stream))
    }

    /// Whether a route can carry every field; if not, the first that it cannot.
    pub fn fits(&self, carry: &Carry) -> Result<(), Misfit> {
        self.fields.fits(carry)?;
        match carry.speaks {
            // Few hosts of this format read documents, and no row says which.
            Speaks::OpenAi if self.fields.field("messages").is_some_and(fields::messages::has_files) => {
                Err(Misfit { field: "messages".into() })
            }
            Speaks::OpenAi => Ok(()),
            Speaks::Mistral | Speaks::Anthropic(_) | Speaks::Gemini | Speaks::Bedrock | Speaks::Service(_) => {
                self.beyond()?;
                dialects::fits(self.conversation(), carry)
            }
        }
    }

    /// Whether something is asked that other formats have no word for.
    fn beyond(&self) -> Result<(), Misfit> {
        let asks = |(row, value): &(&fields::Row, Value<'_>)| match row.kind {
            Kind::Known { neutral, .. } => BEYOND.contains(&row.name) && !neutral(*value),
            Kind::Ours | Kind::Moot | Kind::Refused | Kind::Translated | Kind::Rewritten => false,
        };
        match self.fields.known().find(asks) {
            Some((row, _)) => Err(Misfit { field: row.name.into() }),
            None => Ok(()),
        }
    }

    /// Writes the body for a route that it fits. See [`crate::Question::begin`].
    pub fn render(&self, carry: &Carry, pseudonym: &dyn Fn(&str) -> String, class: Class) -> Rendered {
        match carry.speaks {
            Speaks::OpenAi => self.pass(carry, pseudonym, class),
            Speaks::Mistral | Speaks::Anthropic(_) | Speaks::Gemini | Speaks::Bedrock | Speaks::Service(_) => {
                let mut rendered = dialects::render(self.conversation(), carry, pseudonym, class);
                let names = self.fields.known().filter(|(row, _)| UNSAID.contains(&row.name)).map(|(row, _)| row.name);
                rendered.left_out.extend(names);
                rendered
            }
        }
    }

    /// The fields as they are, for a host that speaks as the caller does.
    fn pass(&self, carry: &Carry, pseudonym: &dyn Fn(&str) -> String, class: Class) -> Rendered {
        let mut left_out = Vec::new();
        let mut body = Object::with_room(self.body_len() + ROOM);
        body.text("model", carry.own.as_str());
        if let Some(messages) = self.fields.field("messages") {
            let takes = Takes { unknown: carry.open_body && class == Class::General, seals: carry.seals };
            body.list("messages", |list| fields::messages::render(list, messages, takes, &mut left_out));
        }
        if let Some(limit) = self.limit {
            body.whole(carry.limit_name.as_str(), limit);
        }
        // A format of text is what comes anyway.
        if let Some(format) = self.fields.field("response_format").filter(|format| !fields::is_text(*format)) {
            let translated = fields::is_json_object(format) && carry.json_object_as_schema;
            body.raw("response_format", if translated { openai::ANY_OBJECT } else { format.raw() });
        }
        if self.stream {
            body.raw("stream", b"true");
            if carry.include_usage {
                body.raw("stream_options", b"{\"include_usage\":true}");
            }
        }
        let moot: &[&str] = if self.has_tools() { &[] } else { &["tools", "tool_choice", "parallel_tool_calls"] };
        self.fields.render(&mut body, &mut left_out, moot, carry, pseudonym, class);
        Rendered { body: Prompt::new(body.finish()), left_out }
    }
}

/// What only OpenAI's format can ask for.
const BEYOND: &[&str] = &["n", "logit_bias", "logprobs", "top_logprobs", "prediction"];
/// What other formats are not told of: names of a caller, of which one is enough, and of what a host might keep.
const UNSAID: &[&str] = &["prompt_cache_key", "metadata"];
/// What a body may grow by, mostly.
const ROOM: usize = 256;

#[cfg(test)]
mod tests {
    use phi_words::Code;
    use proptest::prelude::*;

    use super::*;
    use crate::LimitName;

    const FULL: &str = include_str!("testdata/full.json");

    fn read(body: &str, class: Class) -> Result<ChatQuestion, Refusal> {
        read_chat(Prompt::new(body.to_owned()), class)
    }

    /// A body with one more field.
    fn with(field: &str) -> String {
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{field}}}"#)
    }

    fn carry() -> Carry {
        Carry {
            capabilities: Capability::ALL.iter().copied().collect(),
            ..Carry::plain("own/model-1".parse().unwrap())
        }
    }

    fn code(body: &str, class: Class) -> Option<Code> {
        read(body, class).err().map(|refusal| refusal.code)
    }

    /// Every row of the table: what it takes, and what it refuses with which code.
    const ROWS: &[(&str, &[&str], &[&str], Code)] = &[
        ("model", &[], &["\"gpt-4\u{43e}\"", "\"\"", "\"a b\"", "1", "null"], Code::InvalidRequest),
        ("stream", &["true", "false", "null"], &["\"true\"", "1"], Code::InvalidRequest),
        ("stream_options", &["null"], &["{}", "{\"include_usage\":true}"], Code::InvalidRequest),
        ("store", &["false", "null"], &["true", "\"false\""], Code::UnsupportedParameter),
        ("background", &["false"], &["true"], Code::UnsupportedParameter),
        ("service_tier", &["\"auto\"", "\"default\""], &["\"flex\"", "\"priority\""], Code::UnsupportedParameter),
        ("modalities", &["[\"text\"]", "[ \"text\" ]"], &["[\"text\",\"audio\"]"], Code::UnsupportedParameter),
        ("audio", &["null"], &["{\"voice\":\"ash\",\"format\":\"wav\"}"], Code::UnsupportedParameter),
        ("messages", &[], &["null", "[]", "\"hi\"", "[1]", "[{}]"], Code::InvalidRequest),
        (
            "max_tokens",
            &["1", "10000000"],
            &["-1", "0", "1e2", "\"100\"", "9223372036854775808", "10000001"],
            Code::InvalidRequest,
        ),
        ("max_completion_tokens", &["100"], &["-1", "0", "2.0"], Code::InvalidRequest),
        ("temperature", &["0", "2", "0.70"], &["-0.1", "2.1", "\"1\"", "1e999"], Code::InvalidRequest),
        ("top_p", &["0", "1"], &["1.01", "true"], Code::InvalidRequest),
        ("frequency_penalty", &["-2", "2"], &["-2.1", "{}"], Code::InvalidRequest),
        ("presence_penalty", &["0"], &["3"], Code::InvalidRequest),
        ("seed", &["-5", "0"], &["1.5", "9223372036854775808"], Code::InvalidRequest),
        ("stop", &["\"a\"", "[\"a\",\"b\"]"], &["\"\"", "[]", "[1]", "5"], Code::InvalidRequest),
        ("n", &["1", "2"], &["0", "129", "1000000000"], Code::InvalidRequest),
        ("logit_bias", &["{}", "{\"1\":-100}"], &["[]", "{\"1\":\"a\"}", "{\"1\":101}"], Code::InvalidRequest),
        ("logprobs", &["true", "false"], &["5"], Code::InvalidRequest),
        ("top_logprobs", &["null"], &["5", "21"], Code::InvalidRequest),
        (
            "response_format",
            &[
                "{\"type\":\"text\"}",
                "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":{\"$ref\":\"#/$defs/x\"}}}",
            ],
            &[
                "{}",
                "\"json\"",
                "{\"type\":\"json_schema\"}",
                "{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}}",
            ],
            Code::InvalidRequest,
        ),
        (
            "tools",
            &["[]", "[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"],
            &["{}", "[{\"type\":\"function\"}]", "[{\"type\":\"function\",\"function\":{\"name\":\"a b\"}}]"],
            Code::InvalidRequest,
        ),
        (
            "tool_choice",
            &["\"auto\"", "\"none\""],
            &["\"required\"", "\"any\"", "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"],
            Code::InvalidRequest,
        ),
        ("parallel_tool_calls", &["true", "false"], &["1"], Code::InvalidRequest),
        ("reasoning_effort", &["\"none\"", "\"max\""], &["\"huge\"", "3"], Code::InvalidRequest),
        ("verbosity", &["\"low\""], &["\"loud\""], Code::InvalidRequest),
        (
            "prediction",
            &["{\"type\":\"content\",\"content\":\"x\"}"],
            &["{\"content\":\"x\"}", "1"],
            Code::InvalidRequest,
        ),
        ("user", &["\"u\""], &["1"], Code::InvalidRequest),
        ("safety_identifier", &["\"u\""], &["{}"], Code::InvalidRequest),
        ("prompt_cache_key", &["\"u\""], &["[]"], Code::InvalidRequest),
        ("metadata", &["{}", "{\"a\":\"b\"}"], &["{\"a\":1}", "\"x\""], Code::InvalidRequest),
    ];

    #[test]
    fn every_row_of_the_table_takes_and_refuses() {
        let names: Vec<_> = fields::chat::TABLE.iter().map(|row| row.name).collect();
        assert_eq!(names, ROWS.iter().map(|row| row.0).collect::<Vec<_>>());
        for (name, good, bad, code_of_bad) in ROWS {
            let body = |value: &str| match *name {
                "model" => format!(r#"{{"messages":[{{"role":"user","content":"hi"}}],"model":{value}}}"#),
                "messages" => format!(r#"{{"model":"m","messages":{value}}}"#),
                _ => with(&format!("\"{name}\":{value}")),
            };
            for value in *good {
                let read = read(&body(value), Class::Phi);
                assert!(read.is_ok(), "{name}: {value}: {read:?}");
            }
            for value in *bad {
                let refusal = read(&body(value), Class::General).unwrap_err();
                assert_eq!(refusal.code, *code_of_bad, "{name}: {value}");
                assert!(refusal.param.as_deref().unwrap().starts_with(name), "{name}: {value}: {refusal:?}");
            }
        }
    }

    #[test]
    fn every_steering_field_is_refused_whatever_it_says() {
        for name in fields::STEERING {
            for value in ["true", "false", "\"x\"", "{}", "[]", "0"] {
                for class in [Class::General, Class::Phi] {
                    let refused = code(&with(&format!("\"{name}\":{value}")), class);
                    assert_eq!(refused, Some(Code::UnsupportedParameter), "{name}: {value}");
                }
            }
            assert_eq!(code(&with(&format!("\"{name}\":null")), Class::Phi), None, "{name}");
        }
    }

    #[test]
    fn unknown_fields_need_an_open_body_and_never_go_with_phi() {
        for body in [
            with(r#""top_k":40"#),
            with(r#""tools":[{"type":"function","function":{"name":"f","x":1}}]"#),
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{}}]}]}"#
                .to_owned(),
            r#"{"model":"m","messages":[{"role":"user","content":"a","prefix":true}]}"#.to_owned(),
        ] {
            assert_eq!(code(&body, Class::Phi), Some(Code::UnsupportedParameter), "{body}");
            let question = read(&body, Class::General).unwrap();
            assert_eq!(question.unknown().len(), 1, "{body}");
            assert!(question.fits(&carry()).is_err(), "{body}");
            let open = Carry { open_body: true, ..carry() };
            assert_eq!(question.fits(&open), Ok(()), "{body}");
            let kept = |carry| question.render(carry, &str::to_owned, Class::General).body.len();
            assert!(kept(&open) > 0);
        }
        let closed = read(&with(r#""top_k":40.0"#), Class::General).unwrap();
        let text = |carry: &Carry, class| {
            let body = closed.render(carry, &str::to_owned, class).body;
            String::from_utf8(body.expose_bytes().to_vec()).unwrap()
        };
        let open = Carry { open_body: true, ..carry() };
        assert!(text(&open, Class::General).contains(r#""top_k":40.0"#));
        assert!(!text(&open, Class::Phi).contains("top_k"));
        assert!(!text(&carry(), Class::General).contains("top_k"));
    }

    #[test]
    fn the_seal_of_a_call_goes_back_to_hosts_that_seal_and_to_no_other() {
        let body = |extra: &str| {
            let call = format!(
                r#"{{"id":"a","type":"function","function":{{"name":"f","arguments":"{{}}"}},"extra_content":{extra}}}"#
            );
            format!(r#"{{"model":"m","messages":[{{"role":"assistant","tool_calls":[{call}]}}]}}"#)
        };
        let sealed = body(r#"{"google":{"thought_signature":"c2VhbA=="}}"#);
        let question = read(&sealed, Class::Phi).unwrap();
        let rendered = |carry: Carry| {
            let Rendered { body, left_out } = question.render(&carry, &str::to_owned, Class::Phi);
            (String::from_utf8(body.expose_bytes().to_vec()).unwrap(), left_out)
        };
        let (plain, left_out) = rendered(carry());
        assert!(!plain.contains("extra_content") && plain.contains(r#""id":"a","type":"function""#), "{plain}");
        assert_eq!(left_out, ["messages.tool_calls.extra_content"]);
        let (google, left_out) = rendered(Carry { seals: true, ..carry() });
        assert!(google.contains(r#""thought_signature":"c2VhbA==""#) && left_out.is_empty(), "{google}");
        let (gemini, _) = rendered(Carry { speaks: Speaks::Gemini, ..carry() });
        assert!(gemini.contains(r#""thoughtSignature":"c2VhbA==""#), "{gemini}");
        for bad in [
            "5",
            "{}",
            r#"{"google":{}}"#,
            r#"{"google":{"thought_signature":5}}"#,
            r#"{"google":{"thought_signature":"a","x":1}}"#,
            r#"{"google":{"thought_signature":"a"},"other":{}}"#,
        ] {
            assert_eq!(code(&body(bad), Class::General), Some(Code::UnsupportedParameter), "{bad}");
        }
        assert_eq!(code(&body("null"), Class::Phi), None);
    }

    #[test]
    fn a_second_spelling_of_a_known_field_is_refused() {
        for key in
            ["Model", "MODEL", "max-tokens", "Stream", "Provider", "extra-body", "\u{17f}tream", "a b", "\u{212a}ey"]
        {
            assert_eq!(code(&with(&format!("\"{key}\":1")), Class::General), Some(Code::UnsupportedParameter), "{key}");
        }
        assert_eq!(code(&with(r#""mod\u0065l":"x""#), Class::General), Some(Code::DuplicateKey));
        let nested = r#"{"model":"m","messages":[{"role":"user","content":"a","Role":"system"}]}"#;
        assert_eq!(code(nested, Class::General), Some(Code::UnsupportedParameter));
    }

    #[test]
    fn what_is_elsewhere_is_not_fetched_and_what_the_host_would_run_is_not_run() {
        let part = |part: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{part}]}}]}}"#);
        for refused in [
            part(r#"{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}"#),
            part(r#"{"type":"image_url","image_url":{"url":"http://169.254.169.254/"}}"#),
            part(r#"{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}"#),
            part(r#"{"type":"image_url","image_url":{"url":"data:image/svg+xml;base64,AAAA"}}"#),
            part(r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,AA A"}}"#),
            part(r#"{"type":"file","file":{"file_id":"file-1"}}"#),
            part(r#"{"type":"video_url","video_url":{"url":"https://example.org"}}"#),
            with(r#""tools":[{"type":"web_search"}]"#),
            with(r#""tools":[{"type":"mcp","server_url":"https://example.org"}]"#),
            with(
                r#""tools":[{"type":"function","function":{"name":"f","parameters":{"a":[{"$ref":"https://example.org"}]}}}]"#,
            ),
            with(r#""response_format":{"type":"regex","pattern":"a"}"#),
            r#"{"model":"m","messages":[{"role":"assistant","audio":{"id":"a"}}]}"#.to_owned(),
        ] {
            for class in [Class::General, Class::Phi] {
                assert_eq!(code(&refused, class), Some(Code::UnsupportedParameter), "{refused}");
            }
        }
        let inline = part(r#"{"type":"image_url","image_url":{"url":"data:image\/png;base64,AAAA"}}"#);
        assert!(read(&inline, Class::Phi).unwrap().capabilities().contains(&Capability::Vision));
    }

    #[test]
    fn messages_of_every_role_are_held_to_it() {
        let messages = |messages: &str| code(&format!(r#"{{"model":"m","messages":[{messages}]}}"#), Class::Phi);
        for good in [
            r#"{"role":"developer","content":"x"}"#,
            r#"{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":""}}]}"#,
            r#"{"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"x"}]}"#,
        ] {
            assert_eq!(messages(good), None, "{good}");
        }
        for bad in [
            r#"{"role":"root","content":"x"}"#,
            r#"{"role":"user"}"#,
            r#"{"role":"user","content":[]}"#,
            r#"{"role":"user","content":5}"#,
            r#"{"role":"tool","content":"x"}"#,
            r#"{"role":"user","content":"x","name":5}"#,
            r#"{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":""}}]}"#,
            r#"{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA"}}]}"#,
        ] {
            assert_eq!(messages(bad), Some(Code::InvalidRequest), "{bad}");
        }
    }

    #[test]
    fn two_limits_must_agree_and_count_for_every_choice() {
        assert_eq!(code(&with(r#""max_tokens":5,"max_completion_tokens":6"#), Class::Phi), Some(Code::InvalidRequest));
        let question = read(&with(r#""max_tokens":5,"max_completion_tokens":5,"n":3"#), Class::Phi).unwrap();
        assert_eq!(question.output_limit(), Some(15));
        let lacking = Carry { lacks: ["n".to_owned()].into(), ..carry() };
        assert_eq!(question.fits(&lacking).unwrap_err().field, "n".into());
        assert_eq!(question.fits(&carry()), Ok(()));
    }

    #[test]
    fn a_need_that_the_model_cannot_meet_is_a_misfit() {
        for (field, needed) in [
            (r#""tools":[{"type":"function","function":{"name":"f"}}]"#, Capability::Tools),
            (r#""response_format":{"type":"json_object"}"#, Capability::JsonObject),
            (r#""response_format":{"type":"json_schema","json_schema":{"name":"a"}}"#, Capability::JsonSchema),
            (r#""reasoning_effort":"low""#, Capability::Reasoning),
            (r#""logprobs":true,"top_logprobs":1"#, Capability::Logprobs),
        ] {
            let question = read(&with(field), Class::Phi).unwrap();
            assert_eq!(question.capabilities().iter().collect::<Vec<_>>(), [&needed]);
            let mut without = carry();
            without.capabilities.remove(&needed);
            assert!(question.fits(&without).is_err(), "{field}");
            assert_eq!(question.fits(&carry()), Ok(()), "{field}");
        }
        let none = read(&with(r#""reasoning_effort":"none","logprobs":false,"tools":[]"#), Class::Phi).unwrap();
        let plain = Carry::plain("m".parse().unwrap());
        assert_eq!(none.fits(&plain), Ok(()));
        assert_eq!(none.render(&plain, &str::to_owned, Class::Phi).left_out, ["reasoning_effort", "logprobs"]);
    }

    proptest! {
        /// Bodies one edit away from a good one: whatever is taken is sent as a body that would be taken again, as it is.
        #[test]
        fn what_we_send_passes_the_table_again(at in 0..FULL.len(), cut in 0_usize..4, put in "[\\[\\]{}:,\"0-9a-z\\\\-]{0,3}") {
            let mut body = FULL.as_bytes().to_vec();
            let end = (at + cut).min(body.len());
            body.splice(at..end, put.bytes());
            let Ok(question) = read_chat(Prompt::new(body), Class::General) else { return Ok(()) };
            let carry = Carry { open_body: true, ..carry() };
            prop_assert_eq!(question.fits(&carry), Ok(()));
            let sent = question.render(&carry, &str::to_owned, Class::General).body;
            let again = read_chat(sent.clone(), Class::General).unwrap();
            prop_assert_eq!((again.stream(), again.output_limit()), (question.stream(), question.output_limit()));
            prop_assert_eq!(again.capabilities(), question.capabilities());
            let resent = again.render(&carry, &str::to_owned, Class::General).body;
            prop_assert_eq!(resent.len(), sent.len());
        }
    }

    #[test]
    fn a_question_does_not_show_what_was_asked() {
        let body = FULL.replace("\"n\": 1", "\"patient_x\": 1").replace("Be brief.", "patient 4711");
        let question = read(&body, Class::General).unwrap();
        let rendered = question.render(&carry(), &str::to_owned, Class::General);
        let shown = format!("{question:?} {rendered:?}");
        assert!(!shown.contains("patient"), "{shown}");
    }

    /// The golden files: one input, one snapshot a kind of route.
    #[test]
    fn a_full_body_is_rendered_for_each_kind_of_route() {
        let question = read(FULL, Class::General).unwrap();
        assert!(question.stream() && question.include_usage());
        let bare = Carry {
            lacks: [
                "n",
                "logprobs",
                "frequency_penalty",
                "parallel_tool_calls",
                "verbosity",
                "user",
                "metadata",
                "safety_identifier",
                "prompt_cache_key",
            ]
            .map(str::to_owned)
            .into(),
            limit_name: LimitName::MaxCompletionTokens,
            include_usage: false,
            json_object_as_schema: true,
            ..carry()
        };
        for (name, carry, class) in [
            ("native_general", &carry(), Class::General),
            ("native_phi", &carry(), Class::Phi),
            ("bare_general", &bare, Class::General),
        ] {
            assert_eq!(question.fits(carry), Ok(()));
            let rendered = question.render(carry, &|text| format!("pseudonym-{}", text.len()), class);
            let body: &[u8] = rendered.body.expose_bytes();
            serde_json::from_slice::<serde_json::Value>(body).unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap().replace(",\"", ",\n\"");
            insta::assert_snapshot!(name, format!("left out: {:?}\n{body}", rendered.left_out));
        }
    }
}
