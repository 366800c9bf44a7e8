use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phi_words::{Capability, Class, Prompt};

use crate::json::{List, Object};
use crate::middle::{
    Choice, Content, Conversation, Effort, Format, Json, Media, Part, Sampling, Thinking, Tool, Turn, Who,
};
use crate::{Carry, LimitName, Misfit, Rendered, Speaks};

/// Whether a host that speaks OpenAI's format, or Mistral's, can carry a conversation; if not, the first thing that it
/// cannot.
pub(crate) fn fits(asked: &Conversation, carry: &Carry) -> Result<(), Misfit> {
    let able = |capability| carry.capabilities.contains(&capability);
    let lacks = |field: &str| carry.lacks.contains(field);
    let Sampling { temperature, top_p, top_k, frequency_penalty, presence_penalty, seed } = &asked.sampling;
    let is_mistral = carry.speaks == Speaks::Mistral;
    let thinks = asked.thinking.is_some_and(|thinking| thinking != Thinking::Off);
    let has_effort = |effort| !is_mistral || effort == Effort::High;
    let efforts = asked.thinking.and_then(effort).is_none_or(has_effort);
    let too_hot = is_mistral && temperature.as_ref().and_then(Json::number).is_some_and(|warm| warm > 1.5);
    let refused = [
        ("tools", !asked.tools.is_empty() && !able(Capability::Tools)),
        // What else is named alike, other ways in have refused.
        ("tools", asked.tools.iter().any(|tool| tool.name.len() > 64)),
        ("response_format", asked.format == Format::Object && !able(Capability::JsonObject)),
        ("response_format", matches!(asked.format, Format::Schema { .. }) && !able(Capability::JsonSchema)),
        ("reasoning_effort", thinks && (!able(Capability::Reasoning) || lacks("reasoning_effort") || !efforts)),
        ("temperature", is_telling(temperature) && lacks("temperature") || too_hot),
        ("top_p", is_telling(top_p) && lacks("top_p")),
        // OpenAI's format has no such field; an open body could carry it, and no way in asks for it by that.
        ("top_k", top_k.is_some()),
        ("frequency_penalty", is_asked(frequency_penalty) && lacks("frequency_penalty")),
        ("presence_penalty", is_asked(presence_penalty) && lacks("presence_penalty")),
        ("seed", seed.is_some() && lacks("seed")),
        ("stop", !asked.stop.is_empty() && lacks("stop")),
        ("parallel_tool_calls", asked.parallel == Some(false) && lacks("parallel_tool_calls")),
        ("tool_choice", asked.choice.as_ref().is_some_and(|choice| *choice != Choice::Auto) && lacks("tool_choice")),
        (
            "verbosity",
            asked.verbosity.as_deref().is_some_and(|long| long != "medium") && (lacks("verbosity") || is_mistral),
        ),
    ];
    if let Some((field, _)) = refused.into_iter().find(|(_, is_refused)| *is_refused) {
        return Err(Misfit { field: field.into() });
    }
    // Mistral answers whom it hears, and does not go on with its own answer: that would repeat what was begun.
    if is_mistral && asked.turns.last().is_some_and(|turn| turn.who == Who::Assistant) {
        return Err(Misfit { field: "messages".into() });
    }
    let carries = |part: &Part| match &part.content {
        Content::Image { .. } => able(Capability::Vision),
        Content::Audio(_) => able(Capability::Audio),
        Content::Document { media, name } => written(media, name.as_deref()).is_some(),
        Content::Result { parts, .. } => parts.iter().all(|part| match &part.content {
            Content::Image { .. } => able(Capability::Vision),
            Content::Document { media, name } => written(media, name.as_deref()).is_some(),
            Content::Text(_) => true,
            Content::Refusal(_)
            | Content::Audio(_)
            | Content::Thought { .. }
            | Content::Redacted(_)
            | Content::Call { .. }
            | Content::Result { .. } => false,
        }),
        Content::Text(_)
        | Content::Refusal(_)
        | Content::Thought { .. }
        | Content::Redacted(_)
        | Content::Call { .. } => true,
    };
    let all = asked.turns.iter().flat_map(|turn| &turn.parts).all(carries);
    if all { Ok(()) } else { Err(Misfit { field: "messages".into() }) }
}

/// Writes the body. Thoughts are not given back: no host of this format takes them, and they are named as left out.
pub(crate) fn render(
    asked: &Conversation,
    carry: &Carry,
    pseudonym: &dyn Fn(&str) -> String,
    class: Class,
) -> Rendered {
    let mut writing = Writing { carry, pseudonym, left_out: Vec::new() };
    let mut body = Object::with_room(1_024);
    body.text("model", carry.own.as_str());
    body.list("messages", |list| asked.turns.iter().for_each(|turn| writing.turn(list, turn)));
    writing.settings(&mut body, asked);
    if let Some(user) = &asked.user {
        if class == Class::General && !carry.lacks.contains("user") && carry.speaks == Speaks::OpenAi {
            body.text("user", &pseudonym(user));
        } else {
            writing.left_out.push("user");
        }
    }
    Rendered { body: Prompt::new(body.finish()), left_out: writing.left_out }
}

struct Writing<'a> {
    carry: &'a Carry,
    pseudonym: &'a dyn Fn(&str) -> String,
    left_out: Vec<&'static str>,
}

impl Writing<'_> {
    fn is_mistral(&self) -> bool {
        self.carry.speaks == Speaks::Mistral
    }

    fn leave_out(&mut self, field: &'static str) {
        if !self.left_out.contains(&field) {
            self.left_out.push(field);
        }
    }

    fn settings(&mut self, body: &mut Object, asked: &Conversation) {
        let is_mistral = self.is_mistral();
        if let Some(limit) = asked.limit {
            body.whole(if is_mistral { LimitName::MaxTokens } else { self.carry.limit_name }.as_str(), limit);
        }
        let Sampling { temperature, top_p, top_k: _, frequency_penalty, presence_penalty, seed } = &asked.sampling;
        let seed_name = if is_mistral { "random_seed" } else { "seed" };
        for (name, number) in [
            ("temperature", temperature.as_ref().filter(|_| !self.carry.lacks.contains("temperature"))),
            ("top_p", top_p.as_ref().filter(|_| !self.carry.lacks.contains("top_p"))),
            ("frequency_penalty", frequency_penalty.as_ref().filter(|_| is_asked(frequency_penalty))),
            ("presence_penalty", presence_penalty.as_ref().filter(|_| is_asked(presence_penalty))),
            (seed_name, seed.as_ref()),
        ] {
            number.into_iter().for_each(|number| {
                body.raw(name, number.0.as_bytes());
            });
        }
        if !asked.stop.is_empty() {
            body.list("stop", |list| {
                asked.stop.iter().for_each(|stop| {
                    list.text(stop);
                })
            });
        }
        if !asked.tools.is_empty() {
            body.list("tools", |list| {
                asked.tools.iter().for_each(|tool| list.object(|out| function(out, tool, is_mistral)))
            });
            choice(body, asked.choice.as_ref());
            if asked.parallel == Some(false) {
                body.raw("parallel_tool_calls", b"false");
            }
        }
        self.format(body, &asked.format);
        let says_effort = self.carry.capabilities.contains(&Capability::Reasoning);
        let effort = match asked.thinking {
            Some(Thinking::Off) => Some("none"),
            Some(thinking) => effort(thinking).map(effort_word),
            None => None,
        };
        if let Some(effort) = effort.filter(|_| says_effort) {
            body.text("reasoning_effort", effort);
        }
        if let Some(verbosity) = asked.verbosity.as_deref().filter(|long| *long != "medium") {
            body.text("verbosity", verbosity);
        }
        if asked.stream {
            body.raw("stream", b"true");
            if self.carry.include_usage {
                body.raw("stream_options", b"{\"include_usage\":true}");
            }
        }
    }

    fn format(&self, body: &mut Object, format: &Format) {
        match format {
            Format::Text => {}
            Format::Object if self.carry.json_object_as_schema => {
                body.raw("response_format", super::ANY_OBJECT);
            }
            Format::Object => {
                body.raw("response_format", br#"{"type":"json_object"}"#);
            }
            Format::Schema { name, description, schema, strict } => body.object("response_format", |out| {
                out.text("type", "json_schema");
                out.object("json_schema", |out| {
                    out.text("name", name);
                    description.iter().for_each(|text| {
                        out.text("description", text);
                    });
                    out.raw("schema", schema.0.as_bytes());
                    strict.iter().for_each(|strict| {
                        out.raw("strict", truth(*strict));
                    });
                });
            }),
        }
    }

    /// A turn as messages: what functions gave comes first, each in a message of its own. Such a message has words alone: the
    /// images among them follow as the user's.
    fn turn(&mut self, list: &mut List, turn: &Turn) {
        for part in &turn.parts {
            if let Content::Result { id, parts, failed, .. } = &part.content {
                if *failed {
                    self.leave_out("messages.is_error");
                }
                list.object(|out| {
                    out.text("role", "tool").text("tool_call_id", &self.call_id(id));
                    out.text("content", &joined(parts));
                });
            }
        }
        let shown = turn.parts.iter().flat_map(|part| images(&part.content));
        let rest = turn.parts.iter().map(|part| &part.content);
        let rest = shown.chain(rest.filter(|content| !matches!(content, Content::Result { .. })));
        if rest.clone().next().is_none() && !turn.parts.is_empty() {
            return;
        }
        list.object(|out| {
            out.text("role", self.role(turn.who));
            if let Some(name) = turn.name.as_deref().filter(|_| !self.is_mistral()) {
                out.text("name", name);
            }
            match turn.who {
                Who::Assistant => self.answer(out, &turn.parts),
                Who::System | Who::Developer | Who::User => content(out, rest, self.is_mistral()),
            }
        });
    }

    fn role(&self, who: Who) -> &'static str {
        match who {
            Who::System => "system",
            Who::Developer if self.is_mistral() => "system",
            Who::Developer => "developer",
            Who::User => "user",
            Who::Assistant => "assistant",
        }
    }

    /// What the model said before.
    fn answer(&mut self, out: &mut Object, parts: &[Part]) {
        let (mut text, mut refusal, mut calls) = (String::new(), String::new(), Vec::new());
        for part in parts {
            match &part.content {
                Content::Text(more) => text.push_str(more),
                // There is no word for it at Mistral.
                Content::Refusal(words) if self.is_mistral() => text.push_str(words),
                Content::Refusal(words) => refusal.push_str(words),
                Content::Call { id, name, arguments, signature } => calls.push((id, name, arguments, signature)),
                Content::Thought { .. } | Content::Redacted(_) => self.leave_out("messages.reasoning_content"),
                Content::Image { .. } | Content::Audio(_) | Content::Document { .. } | Content::Result { .. } => {}
            }
        }
        if !text.is_empty() || (calls.is_empty() && refusal.is_empty()) {
            out.text("content", &text);
        }
        if !refusal.is_empty() {
            out.text("refusal", &refusal);
        }
        if calls.is_empty() {
            return;
        }
        out.list("tool_calls", |list| {
            for (id, name, arguments, _) in calls {
                let arguments = if arguments.is_empty() { "{}" } else { arguments };
                list.object(|call| {
                    call.text("id", &self.call_id(id)).text("type", "function");
                    call.object("function", |out| {
                        out.text("name", name).text("arguments", arguments);
                    });
                });
            }
        });
    }

    /// Mistral takes ids of nine letters and digits alone.
    fn call_id(&self, id: &str) -> String {
        let is_theirs = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !self.is_mistral() || is_theirs {
            return id.to_owned();
        }
        let mut short = (self.pseudonym)(id);
        short.truncate(9);
        short
    }
}

/// One text as a string, and nothing as an empty one; anything else as a list of parts.
fn content<'a>(out: &mut Object, parts: impl Iterator<Item = &'a Content> + Clone, is_mistral: bool) {
    let mut all = parts.clone();
    match (all.next(), all.next()) {
        (None, _) => {
            out.text("content", "");
        }
        (Some(Content::Text(text)), None) => {
            out.text("content", text);
        }
        (Some(_), _) => out.list("content", |list| parts.for_each(|content| part(list, content, is_mistral))),
    }
}

/// A document as words, if it is of words: its name is their first line.
fn written(media: &Media, name: Option<&str>) -> Option<String> {
    let text = media.kind.starts_with("text/").then(|| STANDARD.decode(&media.data).ok())??;
    let text = String::from_utf8(text).ok()?;
    Some(name.map(|name| format!("{name}\n\n{text}")).unwrap_or(text))
}

fn part(list: &mut List, content: &Content, is_mistral: bool) {
    match content {
        Content::Text(text) | Content::Refusal(text) => {
            list.object(|out| {
                out.text("type", "text").text("text", text);
            });
        }
        Content::Image { media: Media { kind, data }, detail } => list.object(|out| {
            out.text("type", "image_url");
            out.object("image_url", |out| {
                out.text("url", &format!("data:{kind};base64,{data}"));
                detail.iter().for_each(|detail| {
                    out.text("detail", detail);
                });
            });
        }),
        // Mistral hears what it is by itself (<https://docs.mistral.ai/capabilities/audio/>).
        Content::Audio(Media { data, .. }) if is_mistral => list.object(|out| {
            out.text("type", "input_audio").text("input_audio", data);
        }),
        Content::Audio(Media { kind, data }) => list.object(|out| {
            out.text("type", "input_audio");
            let format = if kind == "audio/mpeg" { "mp3" } else { "wav" };
            out.object("input_audio", |out| {
                out.text("data", data).text("format", format);
            });
        }),
        Content::Document { media, name } => list.object(|out| {
            out.text("type", "text").text("text", &written(media, name.as_deref()).unwrap_or_default());
        }),
        // Such parts do not fit, or stand elsewhere.
        Content::Thought { .. } | Content::Redacted(_) | Content::Call { .. } | Content::Result { .. } => {}
    }
}

/// A function; Mistral wants its parameters even where there are none (its OpenAPI, `Function`).
fn function(out: &mut Object, tool: &Tool, is_mistral: bool) {
    out.text("type", "function");
    out.object("function", |out| {
        out.text("name", &tool.name);
        tool.description.iter().for_each(|text| {
            out.text("description", text);
        });
        match &tool.parameters {
            Some(schema) => {
                out.raw("parameters", schema.0.as_bytes());
            }
            None if is_mistral => {
                out.raw("parameters", br#"{"type":"object","properties":{}}"#);
            }
            None => {}
        }
        tool.strict.iter().for_each(|strict| {
            out.raw("strict", truth(*strict));
        });
    });
}

fn choice(body: &mut Object, choice: Option<&Choice>) {
    match choice {
        None | Some(Choice::Auto) => {}
        Some(Choice::Never) => {
            body.text("tool_choice", "none");
        }
        Some(Choice::Any) => {
            body.text("tool_choice", "required");
        }
        Some(Choice::Named(name)) => body.object("tool_choice", |out| {
            out.text("type", "function");
            out.object("function", |out| {
                out.text("name", name);
            });
        }),
    }
}

/// The images of what a function gave.
fn images(content: &Content) -> impl Iterator<Item = &Content> + Clone {
    let parts = match content {
        Content::Result { parts, .. } => parts.as_slice(),
        Content::Text(_)
        | Content::Refusal(_)
        | Content::Image { .. }
        | Content::Audio(_)
        | Content::Document { .. }
        | Content::Thought { .. }
        | Content::Redacted(_)
        | Content::Call { .. } => &[],
    };
    parts.iter().map(|part| &part.content).filter(|content| matches!(content, Content::Image { .. }))
}

/// The words of what a function gave, and where in it an image stood.
fn joined(parts: &[Part]) -> String {
    let text = |part: &Part| match &part.content {
        Content::Text(text) => Some(text.clone()),
        Content::Image { .. } => Some("[image]".to_owned()),
        Content::Document { media, name } => written(media, name.as_deref()),
        Content::Refusal(_)
        | Content::Audio(_)
        | Content::Thought { .. }
        | Content::Redacted(_)
        | Content::Call { .. }
        | Content::Result { .. } => None,
    };
    parts.iter().filter_map(text).collect::<Vec<_>>().join("\n")
}

/// How much to think, where it can be said in OpenAI's words: budgets as the makers of adapters have settled them.
fn effort(thinking: Thinking) -> Option<Effort> {
    match thinking {
        Thinking::Off | Thinking::Adaptive => None,
        Thinking::Effort(effort) => Some(effort),
        Thinking::Budget(..=1_024) => Some(Effort::Low),
        Thinking::Budget(..=4_096) => Some(Effort::Medium),
        Thinking::Budget(_) => Some(Effort::High),
    }
}

const fn effort_word(effort: Effort) -> &'static str {
    match effort {
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::XHigh => "xhigh",
        Effort::Max => "max",
    }
}

/// Whether a number is there and asks for something: 1 is what comes anyway.
fn is_telling(number: &Option<Json>) -> bool {
    number.as_ref().is_some_and(|number| number.number() != Some(1.0))
}

/// Whether a number is there and is not zero.
fn is_asked(number: &Option<Json>) -> bool {
    number.as_ref().is_some_and(|number| number.number() != Some(0.0))
}

const fn truth(truth: bool) -> &'static [u8] {
    if truth { b"true" } else { b"false" }
}

#[cfg(test)]
mod tests {
    use phi_words::Prompt;
    use serde_json::{Value, json};

    use super::*;
    use crate::{ChatQuestion, read_chat};

    const FULL: &str = include_str!("../question/testdata/full.json");

    fn question(body: &str) -> ChatQuestion {
        read_chat(Prompt::new(body.to_owned()), Class::General).unwrap()
    }

    fn carry(speaks: Speaks) -> Carry {
        let capabilities = Capability::ALL.iter().copied().collect();
        Carry { speaks, capabilities, ..Carry::plain("own".parse().unwrap()) }
    }

    fn rendered(asked: &Conversation, carry: &Carry, class: Class) -> (Value, Vec<&'static str>) {
        let Rendered { body, left_out } = render(asked, carry, &|name| format!("0123456789{name}"), class);
        (serde_json::from_slice(body.expose_bytes()).unwrap(), left_out)
    }

    #[test]
    fn what_passes_by_the_middle_is_what_passes_beside_it() {
        let question = question(FULL);
        let carry = carry(Speaks::OpenAi);
        assert_eq!(fits(question.conversation(), &carry), Ok(()));
        let (middle, left_out) = rendered(question.conversation(), &carry, Class::General);
        let beside = question.render(&carry, &|name| format!("0123456789{name}"), Class::General);
        let mut beside: Value = serde_json::from_slice(beside.body.expose_bytes()).unwrap();
        let fields = beside.as_object_mut().unwrap();
        for unsaid in
            ["n", "logit_bias", "logprobs", "prompt_cache_key", "metadata", "verbosity", "parallel_tool_calls"]
        {
            fields.remove(unsaid).unwrap();
        }
        fields.remove("frequency_penalty").unwrap();
        let safety = fields.remove("safety_identifier").unwrap();
        fields.insert("user".to_owned(), safety);
        // Without words a turn needs no content.
        beside["messages"][2].as_object_mut().unwrap().retain(|_, value| !value.is_null());
        assert_eq!(middle, beside);
        assert_eq!(left_out, [""; 0]);
        let text = render(question.conversation(), &carry, &str::to_owned, Class::Phi);
        assert_eq!(text.left_out, ["user"]);
        let text = String::from_utf8(text.body.expose_bytes().to_vec()).unwrap();
        for number in ["\"temperature\":0.70", "\"top_p\":1e-1", "\"seed\":9007199254740993"] {
            assert!(text.contains(number), "{number}");
        }
        assert!(!text.contains("patient-4711"));
    }

    #[test]
    fn mistral_is_told_in_its_own_words() {
        let question = question(FULL);
        let (body, left_out) = rendered(question.conversation(), &carry(Speaks::Mistral), Class::General);
        assert_eq!(body["random_seed"], json!(9_007_199_254_740_993_u64));
        assert_eq!(body["max_tokens"], 300);
        assert_eq!(body["messages"][2]["tool_calls"][0]["id"], "012345678");
        assert_eq!(body["messages"][3]["tool_call_id"], "012345678");
        for unknown in ["seed", "user", "n", "logit_bias", "metadata"] {
            assert_eq!(body.get(unknown), None, "{unknown}");
        }
        assert_eq!(left_out, ["user"]);
    }

    #[test]
    fn what_mistral_has_no_word_for_does_not_fit() {
        let body = |field: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{field}}}"#);
        let mistral = carry(Speaks::Mistral);
        for (field, misfit) in [
            (r#""temperature":1.6"#, Some("temperature")),
            (r#""temperature":1.5"#, None),
            (r#""reasoning_effort":"low""#, Some("reasoning_effort")),
            (r#""reasoning_effort":"high""#, None),
            (r#""reasoning_effort":"none""#, None),
            (r#""verbosity":"low""#, Some("verbosity")),
            (r#""n":2"#, Some("n")),
            (r#""n":1"#, None),
            (r#""logprobs":true"#, Some("logprobs")),
            (r#""logit_bias":{"1":1}"#, Some("logit_bias")),
            (r#""prediction":{"type":"content","content":"x"}"#, Some("prediction")),
            (r#""top_x":1"#, Some("top_x")),
        ] {
            let fits = question(&body(field)).fits(&mistral).map_err(|misfit| misfit.field.to_string());
            assert_eq!(fits.err().as_deref(), misfit, "{field}");
        }
    }

    #[test]
    fn images_that_a_function_gave_are_shown_by_the_user() {
        let plain = |content| Part { content, cache: None };
        let media = Media { kind: "image/png".to_owned(), data: "AA==".to_owned() };
        let image = plain(Content::Image { media, detail: None });
        let parts = vec![plain(Content::Text("a".to_owned())), image];
        let result = Content::Result { id: "c".to_owned(), name: None, parts, failed: false };
        let asked = Conversation {
            turns: vec![Turn { who: Who::User, name: None, parts: vec![plain(result)] }],
            ..Conversation::default()
        };
        let able = carry(Speaks::OpenAi);
        let (body, left_out) = rendered(&asked, &able, Class::General);
        let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}});
        assert_eq!(
            body["messages"],
            json!([{"role": "tool", "tool_call_id": "c", "content": "a\n[image]"}, {"role": "user", "content": [image]}])
        );
        assert_eq!((fits(&asked, &able), left_out), (Ok(()), vec![]));
        let blind = Carry { capabilities: [Capability::Tools].into(), ..able };
        assert_eq!(fits(&asked, &blind), Err(Misfit { field: "messages".into() }));
    }

    #[test]
    fn a_temperature_of_one_asks_for_nothing() {
        let lacking = Carry { lacks: ["temperature", "top_p"].map(str::to_owned).into(), ..carry(Speaks::OpenAi) };
        let asked = |number: &str| {
            let number = Some(Json(number.into()));
            let sampling = Sampling { temperature: number.clone(), top_p: number, ..Sampling::default() };
            Conversation { sampling, ..Conversation::default() }
        };
        assert_eq!(fits(&asked("0.9"), &lacking), Err(Misfit { field: "temperature".into() }));
        assert_eq!(fits(&asked("1.0"), &lacking), Ok(()));
        assert_eq!(rendered(&asked("1.0"), &lacking, Class::General).0.get("temperature"), None);
        let (body, _) = rendered(&asked("1.0"), &carry(Speaks::OpenAi), Class::General);
        assert_eq!((&body["temperature"], &body["top_p"]), (&json!(1.0), &json!(1.0)));
    }

    #[test]
    fn results_come_before_words_and_documents_do_not_fit() {
        let plain = |content| Part { content, cache: None };
        let text = |text: &str| plain(Content::Text(text.to_owned()));
        let result =
            Content::Result { id: "c".to_owned(), name: None, parts: vec![text("a"), text("b")], failed: true };
        let mut asked = Conversation {
            turns: vec![Turn { who: Who::User, name: None, parts: vec![text("then"), plain(result)] }],
            ..Conversation::default()
        };
        let (body, left_out) = rendered(&asked, &carry(Speaks::OpenAi), Class::General);
        assert_eq!(left_out, ["messages.is_error"]);
        assert_eq!(
            body["messages"],
            json!([{"role": "tool", "tool_call_id": "c", "content": "a\nb"}, {"role": "user", "content": "then"}])
        );
        let pdf = Media { kind: "application/pdf".to_owned(), data: String::new() };
        asked.turns[0].parts.push(plain(Content::Document { media: pdf, name: None }));
        assert_eq!(fits(&asked, &carry(Speaks::OpenAi)), Err(Misfit { field: "messages".into() }));
    }
}
