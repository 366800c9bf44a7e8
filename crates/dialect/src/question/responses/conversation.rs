use std::collections::{HashMap, HashSet};

use phi_words::Refusal;

use crate::fields::invalid;
use crate::fields::responses::input::pdf;
use crate::fields::responses::spaces::{self, Function};
use crate::json::Value;
use crate::middle::{Choice, Content, Conversation, Format, Json, Media, Part, Sampling, Tool, Turn, Who};
use crate::question::chat::conversation::{json, plain, text, thinking};
use crate::responses::{Kept, prefix_of};
use crate::{Sealer, remote};

/// Reads a body that has passed the table.
pub(super) fn read(body: Value<'_>, stream: bool, sealer: &Sealer) -> Result<Conversation, Refusal> {
    let raw = |name| body.member(name).map(json);
    let format = body.member("text").and_then(|text| text.member("format"));
    let effort = body.member("reasoning").and_then(|reasoning| text(reasoning, "effort"));
    let tools: Vec<_> = body.member("tools").into_iter().flat_map(spaces::functions).map(tool).collect();
    let has_tools = !tools.is_empty();
    Ok(Conversation {
        turns: turns(body, sealer)?,
        tools,
        choice: body.member("tool_choice").filter(|_| has_tools).and_then(choice),
        parallel: body.member("parallel_tool_calls").filter(|_| has_tools).and_then(Value::truth),
        format: format.map(read_format).unwrap_or_default(),
        limit: body.member("max_output_tokens").and_then(Value::whole),
        sampling: Sampling { temperature: raw("temperature"), top_p: raw("top_p"), ..Sampling::default() },
        thinking: effort.as_deref().and_then(thinking),
        verbosity: body.member("text").and_then(|of| text(of, "verbosity")),
        user: text(body, "safety_identifier").or_else(|| text(body, "user")),
        stream,
        ..Conversation::default()
    })
}

fn turns(body: Value<'_>, sealer: &Sealer) -> Result<Vec<Turn>, Refusal> {
    let mut turns = Vec::new();
    turns.extend(text(body, "instructions").map(|text| turn(Who::System, vec![plain(Content::Text(text))])));
    let Some(input) = body.member("input") else { return Ok(turns) };
    let Some(items) = input.items() else {
        turns.push(turn(Who::User, content(input)));
        return Ok(turns);
    };
    let items: Vec<_> = items.collect();
    let mut sealed = Sealed::open(&items, sealer)?;
    let mut called = HashMap::new();
    for (at, item) in items.into_iter().enumerate() {
        let Some(turn) = sealed.turn(at, item, &mut called)? else { continue };
        match turns.last_mut() {
            // A message, its thoughts and its calls are items here, and one turn elsewhere.
            Some(last) if turn.who == Who::Assistant && last.who == Who::Assistant => last.parts.extend(turn.parts),
            Some(_) | None => turns.push(turn),
        }
    }
    Ok(turns)
}

/// What the seals of a request hold.
#[derive(Default)]
struct Sealed {
    /// What an item is by itself, by its place among the items.
    own: HashMap<usize, Vec<Content>>,
    /// What a keeper holds, by name.
    named: HashMap<String, Content>,
    /// What a host sealed behind a call, by the id of the call.
    signatures: HashMap<String, String>,
    /// The ids that were referred to: each stands for its item once, or a short body would ask for a long one.
    used: HashSet<String>,
}

impl Sealed {
    /// Opens every seal: a keeper comes after what it keeps.
    fn open(items: &[Value<'_>], sealer: &Sealer) -> Result<Self, Refusal> {
        let mut sealed = Self::default();
        for (at, item) in items.iter().enumerate() {
            let id = text(*item, "id");
            let ours = id.as_deref().and_then(prefix_of);
            let by_id = || ours.and_then(|(prefix, rest)| Kept::open(sealer, prefix, rest));
            let kept = match text(*item, "type").as_deref() {
                // Of a call that is there itself, the seal behind it is what counts.
                Some("item_reference" | "function_call") => by_id(),
                Some("reasoning") => match text(*item, "encrypted_content") {
                    Some(cipher) => Some(
                        Kept::open(sealer, "rs", &cipher)
                            .ok_or_else(|| foreign(format!("input[{at}].encrypted_content")))?,
                    ),
                    None => by_id(),
                },
                Some(_) | None => None,
            };
            kept.into_iter().for_each(|kept| sealed.take(at, kept));
        }
        Ok(sealed)
    }

    fn take(&mut self, at: usize, all: Vec<Kept>) {
        let own = self.own.entry(at).or_default();
        for Kept { of, content } in all {
            if let Content::Call { id, signature: Some(signature), .. } = &content {
                self.signatures.insert(id.clone(), signature.clone());
            }
            match of {
                Some(name) => {
                    self.named.insert(name, content);
                }
                None => own.push(content),
            }
        }
    }

    /// What an item comes to: a turn, or nothing.
    fn turn(
        &mut self,
        at: usize,
        item: Value<'_>,
        called: &mut HashMap<String, String>,
    ) -> Result<Option<Turn>, Refusal> {
        let of = |name| text(item, name).unwrap_or_default();
        let answered = |contents: Vec<Content>| {
            (!contents.is_empty()).then(|| turn(Who::Assistant, contents.into_iter().map(plain).collect()))
        };
        Ok(match text(item, "type").as_deref() {
            Some("item_reference") => {
                let contents = self.referred(at, of("id"))?;
                for content in &contents {
                    if let Content::Call { id, name, .. } = content {
                        called.insert(id.clone(), name.clone());
                    }
                }
                answered(contents)
            }
            Some("reasoning") => answered(self.thought(at, item)),
            Some("function_call") => {
                let (id, name) = (of("call_id"), spaces::flat(text(item, "namespace").as_deref(), &of("name")));
                called.insert(id.clone(), name.clone());
                let signature = self.signatures.remove(&id);
                answered(vec![Content::Call { id, name, arguments: of("arguments"), signature }])
            }
            Some("function_call_output") => {
                let id = of("call_id");
                let name = called.get(&id).cloned();
                let parts = item.member("output").map(content).unwrap_or_default();
                Some(turn(Who::User, vec![plain(Content::Result { id, name, parts, failed: false })]))
            }
            Some(_) | None => {
                let who = match &*of("role") {
                    "assistant" => Who::Assistant,
                    "system" => Who::System,
                    "developer" => Who::Developer,
                    _ => Who::User,
                };
                Some(turn(who, item.member("content").map(content).unwrap_or_default()))
            }
        })
    }

    /// What an id stands for.
    fn referred(&mut self, at: usize, id: String) -> Result<Vec<Content>, Refusal> {
        let path = || format!("input[{at}].id");
        let found = match self.own.remove(&at) {
            Some(contents) => Some(contents),
            None => self.named.remove(&id).map(|content| vec![content]),
        };
        if !self.used.insert(id) {
            return Err(invalid(path(), "was referred to before"));
        }
        found.ok_or_else(|| foreign(path()))
    }

    /// What a thought that is sent back is: as the host said it, where its seal came with it, or in words.
    fn thought(&mut self, at: usize, item: Value<'_>) -> Vec<Content> {
        if let Some(contents) = self.own.remove(&at) {
            return contents;
        }
        if let Some(content) = text(item, "id").and_then(|id| self.named.remove(&id)) {
            return vec![content];
        }
        let texts = ["summary", "content"].into_iter().filter_map(|name| item.member(name)?.items()).flatten();
        let words: Vec<_> = texts.filter_map(|item| text(item, "text")).collect();
        let text = words.join("\n\n");
        if text.is_empty() { Vec::new() } else { vec![Content::Thought { text, signature: None }] }
    }
}

/// A seal that does not open. What it holds, if anything, is not told.
fn foreign(path: String) -> Refusal {
    invalid(
        path,
        "is not an item of this organization, or came without the `reasoning` item that ended its answer; send the item itself, or `store: false`",
    )
}

fn turn(who: Who, parts: Vec<Part>) -> Turn {
    Turn { who, name: None, parts }
}

fn content(value: Value<'_>) -> Vec<Part> {
    match value.items() {
        Some(items) => items.filter_map(part).map(plain).collect(),
        None => value.text().map(|text| plain(Content::Text(text.into_owned()))).into_iter().collect(),
    }
}

fn part(part: Value<'_>) -> Option<Content> {
    Some(match &*text(part, "type")? {
        "input_text" | "output_text" => Content::Text(text(part, "text")?),
        "refusal" => Content::Refusal(text(part, "refusal")?),
        "input_image" => {
            let url = text(part, "image_url")?;
            Content::Image { media: remote::media(&url)?, detail: text(part, "detail") }
        }
        "input_file" => {
            let media = Media { kind: "application/pdf".to_owned(), data: pdf(part.member("file_data")?)? };
            Content::Document { media, name: text(part, "filename") }
        }
        "input_audio" => {
            let audio = part.member("input_audio")?;
            let kind = if text(audio, "format")? == "mp3" { "audio/mpeg" } else { "audio/wav" };
            Content::Audio(Media { kind: kind.to_owned(), data: text(audio, "data")? })
        }
        _ => return None,
    })
}

fn tool(Function { tool, flat, .. }: Function<'_>) -> Tool {
    Tool {
        name: flat,
        description: text(tool, "description"),
        parameters: tool.member("parameters").map(json),
        strict: tool.member("strict").and_then(Value::truth),
        cache: None,
    }
}

fn choice(value: Value<'_>) -> Option<Choice> {
    Some(match value.text().as_deref() {
        Some("none") => Choice::Never,
        Some("required") => Choice::Any,
        Some(_) => Choice::Auto,
        None => Choice::Named(text(value, "name")?),
    })
}

fn read_format(format: Value<'_>) -> Format {
    match text(format, "type").as_deref() {
        Some("json_object") => Format::Object,
        Some("json_schema") => Format::Schema {
            name: text(format, "name").unwrap_or_default(),
            description: text(format, "description"),
            schema: format.member("schema").map_or_else(|| Json("{}".into()), json),
            strict: format.member("strict").and_then(Value::truth),
        },
        Some(_) | None => Format::Text,
    }
}
