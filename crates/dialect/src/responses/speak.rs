use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use phi_words::{Completion, MicroUsd, ModelName, Refusal, Usage};

use super::event::Telling;
use super::item::{Item, write_annotation};
use super::kept::REASONING;
use super::{Kept, Setting};
use crate::citation::Web;
use crate::json::Object;
use crate::middle::{Answer, Block, Content, Finish, Json, Said};
use crate::openai::errors;

/// Says an answer in OpenAI's Responses format: each block is an item of its own.
///
/// Thoughts stand in the `summary` of a `reasoning`, which is what clients show. Of citations, web addresses are kept
/// (`url_citation`); the format has no word for others.
pub(crate) struct Speaker {
    setting: Arc<Setting>,
    name: ModelName,
    made: u64,
    /// A word of its own, of which all its ids are made that seal nothing.
    token: String,
    telling: Telling,
    streamed: bool,
    items: Vec<Item>,
    /// Which item each open block is.
    blocks: BTreeMap<u32, usize>,
    finish: Option<Finish>,
}

impl Speaker {
    /// Of the model of this catalogue name, made at this Unix time.
    pub(crate) fn new(setting: Arc<Setting>, name: ModelName, made: u64) -> Self {
        let token = setting.sealer.seal("resp", b"");
        let (telling, items, blocks) = (Telling::default(), Vec::new(), BTreeMap::new());
        Self { setting, name, made, token, telling, streamed: true, items, blocks, finish: None }
    }

    /// Adds the events for something said.
    pub(crate) fn say(&mut self, said: &Said, frames: &mut VecDeque<Completion>) {
        self.open(frames);
        match said {
            Said::Begin(number, block) => self.begin(*number, block, frames),
            Said::More(number, text) => self.more(*number, text, frames),
            Said::Signature(number, seal) => {
                if let Some(Content::Thought { signature, .. } | Content::Call { signature, .. }) =
                    self.item(*number).map(|item| &mut item.content)
                {
                    *signature = Some(seal.clone());
                }
            }
            Said::Citation(number, citation) => self.cite(*number, citation),
            Said::End(number) => {
                if let Some(at) = self.blocks.remove(number) {
                    self.end(at, frames);
                }
            }
            Said::Finish(finish) => {
                while let Some((_, at)) = self.blocks.pop_first() {
                    self.end(at, frames);
                }
                self.keep(frames);
                self.finish = Some(finish.clone());
            }
        }
    }

    /// The last event of an answer that is whole, with what it consumed and what was charged.
    pub(crate) fn closing(&self, usage: &Usage, charged: MicroUsd) -> Vec<Completion> {
        let (mut telling, mut frames) = (self.telling, VecDeque::new());
        self.opening(&mut telling, &mut frames);
        let (status, _) = self.end_status();
        telling.tell(&mut frames, &format!("response.{status}"), |out| {
            out.object("response", |out| self.write(out, status, Some((usage, Some(charged))), None));
        });
        frames.into()
    }

    /// The last events of an answer that was cut: an error, in both forms that clients know, and the response so far.
    pub(crate) fn failing(&self, refusal: &Refusal) -> Vec<Completion> {
        let (mut telling, mut frames) = (self.telling, VecDeque::new());
        self.opening(&mut telling, &mut frames);
        telling.tell(&mut frames, "error", |out| {
            write_error(out, refusal);
            // OpenAI's Python library raises nothing but for a member of this name.
            out.object("error", |out| {
                out.text("type", errors::kind(refusal.code));
                write_error(out, refusal);
            });
        });
        telling.tell(&mut frames, "response.failed", |out| {
            out.object("response", |out| self.write(out, "failed", None, Some(refusal)));
        });
        frames.into()
    }

    /// A whole answer.
    pub(crate) fn whole(&self, answer: &Answer) -> Completion {
        let mut speaker = Self {
            setting: Arc::clone(&self.setting),
            name: self.name.clone(),
            made: self.made,
            token: self.token.clone(),
            telling: Telling::mute(),
            streamed: false,
            items: Vec::new(),
            blocks: BTreeMap::new(),
            finish: None,
        };
        let mut none = VecDeque::new();
        answer.said.iter().for_each(|said| speaker.say(said, &mut none));
        let mut out = Object::with_room(4_096);
        let usage = answer.facts.usage.as_ref().map(|usage| (usage, None));
        speaker.write(&mut out, speaker.end_status().0, usage, None);
        Completion::new(out.finish())
    }

    fn open(&mut self, frames: &mut VecDeque<Completion>) {
        let mut telling = self.telling;
        self.opening(&mut telling, frames);
        self.telling = telling;
    }

    fn opening(&self, telling: &mut Telling, frames: &mut VecDeque<Completion>) {
        if telling.is_new() {
            for name in ["response.created", "response.in_progress"] {
                telling.tell(frames, name, |out| {
                    out.object("response", |out| self.write(out, "in_progress", None, None));
                });
            }
        }
    }

    fn begin(&mut self, number: u32, block: &Block, frames: &mut VecDeque<Completion>) {
        let content = match block {
            Block::Text => Content::Text(String::new()),
            Block::Refusal => Content::Refusal(String::new()),
            Block::Thought => Content::Thought { text: String::new(), signature: None },
            Block::Redacted(cipher) => Content::Redacted(cipher.clone()),
            Block::Call { id, name } => {
                Content::Call { id: id.clone(), name: name.clone(), arguments: String::new(), signature: None }
            }
        };
        let at = self.add(content, frames);
        self.blocks.insert(number, at);
        let Some(item) = self.items.get(at) else { return };
        if matches!(item.content, Content::Text(_) | Content::Refusal(_)) {
            self.telling.tell(frames, "response.content_part.added", |out| {
                write_place(out, item, at);
                out.whole("content_index", 0);
                out.object("part", |out| item.write_part(out));
            });
        }
    }

    /// A new item, under a name that seals nothing.
    fn add(&mut self, content: Content, frames: &mut VecDeque<Completion>) -> usize {
        let at = self.items.len();
        let mut item = Item::new(String::new(), content);
        item.id = format!("{}_{}_{at}", item.prefix(), self.token);
        if let Content::Call { name, .. } = &item.content {
            item.spaced = self.setting.spaced(name).cloned();
        }
        self.telling.tell(frames, "response.output_item.added", |out| {
            out.whole("output_index", at as u64).object("item", |out| item.write(out));
        });
        self.items.push(item);
        at
    }

    fn more(&mut self, number: u32, text: &str, frames: &mut VecDeque<Completion>) {
        let Some(&at) = self.blocks.get(&number) else { return };
        let Some(item) = self.items.get_mut(at) else { return };
        let Some(so_far) = item.text().filter(|_| !text.is_empty()) else { return };
        let is_first = so_far.is_empty();
        so_far.push_str(text);
        if is_first && matches!(item.content, Content::Thought { .. }) {
            self.telling.tell(frames, "response.reasoning_summary_part.added", |out| {
                write_place(out, item, at);
                out.whole("summary_index", 0).object("part", |out| write_summary(out, ""));
            });
        }
        let (name, index) = match item.content {
            Content::Refusal(_) => ("response.refusal.delta", Some("content_index")),
            Content::Thought { .. } => ("response.reasoning_summary_text.delta", Some("summary_index")),
            Content::Call { .. } => ("response.function_call_arguments.delta", None),
            Content::Text(_)
            | Content::Redacted(_)
            | Content::Image { .. }
            | Content::Audio(_)
            | Content::Document { .. }
            | Content::Result { .. } => ("response.output_text.delta", Some("content_index")),
        };
        self.telling.tell(frames, name, |out| {
            write_place(out, item, at);
            index.into_iter().for_each(|index| {
                out.whole(index, 0);
            });
            out.text("delta", text);
            if matches!(item.content, Content::Text(_)) {
                out.raw("logprobs", b"[]");
            }
        });
    }

    /// Where a text is from is told with its end, for it may be of all of it.
    fn cite(&mut self, number: u32, citation: &Json) {
        if let (Some(web), Some(item)) = (Web::read(citation), self.item(number)) {
            item.sources.push(web);
        }
    }

    /// An item is whole.
    fn end(&mut self, at: usize, frames: &mut VecDeque<Completion>) {
        let Some(item) = self.items.get_mut(at) else { return };
        if let Content::Call { arguments, .. } = &mut item.content
            && arguments.is_empty()
        {
            // A reader of JSON takes nothing for an object only if it is written.
            arguments.push_str("{}");
            self.telling.tell(frames, "response.function_call_arguments.delta", |out| {
                write_place(out, item, at);
                out.text("delta", "{}");
            });
        }
        item.is_whole = true;
        self.seal(at);
        let Some(item) = self.items.get(at) else { return };
        tell_end(&mut self.telling, frames, item, at);
    }

    /// Gives an item its last id, and a thought its sealed form.
    fn seal(&mut self, at: usize) {
        let Setting { keeps, encrypted, sealer, .. } = &*self.setting;
        let Some(item) = self.items.get_mut(at) else { return };
        let prefix = item.prefix();
        let (is_id, is_given) = (!self.streamed && !keeps, *encrypted && prefix == REASONING);
        if !is_id && !is_given {
            return;
        }
        let sealed = Kept::seal(sealer, prefix, [(None, &item.content)]);
        if is_id {
            item.id = format!("{prefix}_{sealed}");
        }
        item.encrypted = is_given.then_some(sealed);
    }

    /// Adds the keeper, where there is something to keep that does not come back by itself.
    fn keep(&mut self, frames: &mut VecDeque<Completion>) {
        let is_signed = |item: &Item| matches!(&item.content, Content::Call { signature: Some(_), .. });
        let is_named = self.streamed && !self.setting.keeps;
        let is_kept = |item: &&Item| is_signed(item) || is_named;
        let is_needed =
            self.items.iter().any(|item| is_signed(item) || is_named && !matches!(item.content, Content::Call { .. }));
        if !is_needed {
            return;
        }
        // Items of which the id is the seal need no name here.
        let name = |item: &'_ Item| if is_named { item.id.clone() } else { String::new() };
        let all: Vec<_> = self.items.iter().filter(is_kept).map(|item| (name(item), &item.content)).collect();
        let all = all.iter().map(|(name, content)| (Some(name.as_str()), *content));
        let sealed = Kept::seal(&self.setting.sealer, REASONING, all);
        let at = self.items.len();
        let mut keeper = Item::new(format!("{REASONING}_{}_{at}", self.token), Content::Redacted(String::new()));
        if !self.setting.keeps {
            keeper.id = format!("{REASONING}_{sealed}");
        }
        self.telling.tell(frames, "response.output_item.added", |out| {
            out.whole("output_index", at as u64).object("item", |out| keeper.write(out));
        });
        keeper.encrypted = self.setting.encrypted.then_some(sealed);
        keeper.is_whole = true;
        tell_end(&mut self.telling, frames, &keeper, at);
        self.items.push(keeper);
    }

    fn item(&mut self, number: u32) -> Option<&mut Item> {
        self.items.get_mut(*self.blocks.get(&number)?)
    }

    /// How the answer ended, and what of it is missing.
    fn end_status(&self) -> (&'static str, Option<&str>) {
        let has_refusal = self.items.iter().any(|item| matches!(item.content, Content::Refusal(_)));
        match &self.finish {
            None | Some(Finish::Stop | Finish::StopText(_) | Finish::Calls) => ("completed", None),
            // A model's own refusal is an answer.
            Some(Finish::Refused) if has_refusal => ("completed", None),
            Some(Finish::Refused) => ("incomplete", Some("content_filter")),
            Some(Finish::Length | Finish::Context | Finish::Pause) => ("incomplete", Some("max_output_tokens")),
            Some(Finish::Other(word)) => ("incomplete", Some(word)),
        }
    }

    /// Writes the response, with the items that are whole.
    fn write(
        &self,
        out: &mut Object,
        status: &str,
        usage: Option<(&Usage, Option<MicroUsd>)>,
        error: Option<&Refusal>,
    ) {
        out.text("id", &format!("resp_{}", self.token)).text("object", "response").whole("created_at", self.made);
        out.text("status", status).text("model", self.name.as_str());
        match error {
            Some(refusal) => out.object("error", |out| {
                out.text("code", refusal.code.as_str()).text("message", &message(refusal));
            }),
            None => {
                out.raw("error", b"null");
            }
        }
        match self.end_status().1.filter(|_| status == "incomplete") {
            Some(reason) => out.object("incomplete_details", |out| {
                out.text("reason", reason);
            }),
            None => {
                out.raw("incomplete_details", b"null");
            }
        }
        out.list("output", |list| {
            self.items.iter().filter(|item| item.is_whole && status != "in_progress").for_each(|item| {
                list.object(|out| item.write(out));
            });
        });
        match usage {
            Some((usage, charged)) => out.object("usage", |out| write_usage(out, usage, charged)),
            None => {
                out.raw("usage", b"null");
            }
        }
        self.setting.echo().for_each(|(name, json)| {
            out.raw(name, json);
        });
    }
}

/// Tells that an item is whole: its text first, then its part, then itself.
fn tell_end(telling: &mut Telling, frames: &mut VecDeque<Completion>, item: &Item, at: usize) {
    match &item.content {
        Content::Text(text) | Content::Refusal(text) => {
            let is_refusal = matches!(item.content, Content::Refusal(_));
            for (place, web) in item.sources.iter().enumerate() {
                telling.tell(frames, "response.output_text.annotation.added", |out| {
                    write_place(out, item, at);
                    out.whole("content_index", 0).whole("annotation_index", place as u64);
                    out.object("annotation", |out| write_annotation(out, web, text));
                });
            }
            let name = if is_refusal { "response.refusal.done" } else { "response.output_text.done" };
            telling.tell(frames, name, |out| {
                write_place(out, item, at);
                out.whole("content_index", 0).text(if is_refusal { "refusal" } else { "text" }, text);
                if !is_refusal {
                    out.raw("logprobs", b"[]");
                }
            });
            telling.tell(frames, "response.content_part.done", |out| {
                write_place(out, item, at);
                out.whole("content_index", 0).object("part", |out| item.write_part(out));
            });
        }
        Content::Thought { text, .. } if !text.is_empty() => {
            telling.tell(frames, "response.reasoning_summary_text.done", |out| {
                write_place(out, item, at);
                out.whole("summary_index", 0).text("text", text);
            });
            telling.tell(frames, "response.reasoning_summary_part.done", |out| {
                write_place(out, item, at);
                out.whole("summary_index", 0).object("part", |out| write_summary(out, text));
            });
        }
        Content::Call { name, arguments, .. } => {
            let name = item.spaced.as_ref().map_or(name, |[_, name]| name);
            telling.tell(frames, "response.function_call_arguments.done", |out| {
                write_place(out, item, at);
                out.text("name", name).text("arguments", arguments);
            });
        }
        Content::Thought { .. }
        | Content::Redacted(_)
        | Content::Image { .. }
        | Content::Audio(_)
        | Content::Document { .. }
        | Content::Result { .. } => {}
    }
    telling.tell(frames, "response.output_item.done", |out| {
        out.whole("output_index", at as u64).object("item", |out| item.write(out));
    });
}

fn write_place(out: &mut Object, item: &Item, at: usize) {
    out.text("item_id", &item.id).whole("output_index", at as u64);
}

fn write_summary(out: &mut Object, text: &str) {
    out.text("type", "summary_text").text("text", text);
}

fn write_error(out: &mut Object, refusal: &Refusal) {
    out.text("code", refusal.code.as_str()).text("message", &message(refusal));
    match &refusal.param {
        Some(param) => out.text("param", param),
        None => out.raw("param", b"null"),
    };
}

fn message(refusal: &Refusal) -> String {
    if refusal.hint.is_empty() { refusal.message.to_string() } else { format!("{}; {}", refusal.message, refusal.hint) }
}

/// Writes `usage` as this format has it, from our buckets; `charged` is our own addition.
fn write_usage(out: &mut Object, usage: &Usage, charged: Option<MicroUsd>) {
    out.whole("input_tokens", usage.input_tokens());
    out.object("input_tokens_details", |out| {
        out.whole("cached_tokens", usage.cache_read);
        out.whole("cache_write_tokens", usage.cache_write_5m.saturating_add(usage.cache_write_1h));
    });
    out.whole("output_tokens", usage.output_tokens());
    out.object("output_tokens_details", |out| {
        out.whole("reasoning_tokens", usage.reasoning);
    });
    out.whole("total_tokens", usage.tokens());
    charged.into_iter().for_each(|charged| {
        out.raw("cost_micro", charged.to_string().as_bytes());
    });
}

crate::middle::hidden!(Speaker);
