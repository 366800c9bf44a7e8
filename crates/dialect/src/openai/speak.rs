use std::collections::BTreeMap;

use phi_words::{Completion, MicroUsd, ModelName, Usage};

use super::usage;
use crate::citation::Web;
use crate::json::Object;
use crate::middle::{Answer, Block, Finish, Said};
use crate::seals;

/// Says an answer in OpenAI's chat format, of which a conversation has one choice.
///
/// What the format has no word for is left out: seals of thoughts, and where a text is from that is no address of the web.
/// Such addresses are told with the end (`annotations`), as Python's library adds up what is told once alone. A thought itself
/// stands in `reasoning_content`, as other hosts have it. The seal of a call stands in `extra_content.google.thought_signature`, where
/// Google's own OpenAI shape has it (<https://ai.google.dev/gemini-api/docs/thought-signatures>): it has to come back.
pub struct Speaker {
    /// Everything of a chunk before its delta.
    head: Object,
    name: ModelName,
    id: String,
    made: u64,
    /// What each open block is; of a call, its place among the calls.
    blocks: BTreeMap<u32, Open>,
    calls: u64,
    sources: Sources,
    begun: bool,
}

/// Where the texts of an answer are from.
#[derive(Default)]
struct Sources {
    /// How many characters all texts have so far.
    chars: u64,
    /// Where each text begins among them, and ends as far as it was said.
    texts: BTreeMap<u32, (u64, u64)>,
    found: Vec<(u32, Web)>,
}

#[derive(Clone, Copy)]
enum Open {
    Text,
    Thought,
    Refusal,
    Hidden,
    Call(u64),
}

impl Speaker {
    /// Of the model of this catalogue name, under the host's id of the answer, made at this Unix time.
    pub fn new(name: ModelName, id: Option<&str>, made: u64) -> Self {
        let id = id.unwrap_or("chatcmpl-unnamed").to_owned();
        let head = head(&id, "chat.completion.chunk", made, &name);
        Self { head, name, id, made, blocks: BTreeMap::new(), calls: 0, sources: Sources::default(), begun: false }
    }

    /// The chunk for something said, where it comes to one.
    pub fn chunk(&mut self, said: &Said) -> Option<Completion> {
        self.sources.hear(said);
        match said {
            Said::Begin(number, block) => self.begin(*number, block),
            Said::More(number, text) => self.more(*number, text),
            Said::Signature(number, seal) => match self.blocks.get(number) {
                Some(Open::Call(place)) if seals::GOOGLE.own(seal).is_some() => Some(self.call(*place, |call| {
                    // OpenAI's own SDK reads no piece of a call without it.
                    call.object("function", |function| {
                        function.text("arguments", "");
                    });
                    sealed(call, seal);
                })),
                Some(Open::Call(_)) => None,
                Some(Open::Text | Open::Thought | Open::Refusal | Open::Hidden) | None => None,
            },
            Said::Citation(..) => None,
            Said::End(number) => {
                self.blocks.remove(number);
                None
            }
            Said::Finish(finish) => {
                let sources = std::mem::take(&mut self.sources);
                Some(self.write(|delta| sources.write(delta), Some(reason(finish))))
            }
        }
    }

    /// The last chunk for those who asked for usage: no choices, the figures, and what was charged.
    pub fn usage_chunk(&self, figures: &Usage, charged: Option<MicroUsd>) -> Completion {
        let mut out = Object::from_start(&self.head, 256);
        out.raw("choices", b"[]").object("usage", |out| usage::write(out, figures, charged));
        Completion::new(out.finish())
    }

    fn begin(&mut self, number: u32, block: &Block) -> Option<Completion> {
        let open = match block {
            Block::Text => Open::Text,
            Block::Thought => Open::Thought,
            Block::Refusal => Open::Refusal,
            Block::Redacted(_) => Open::Hidden,
            Block::Call { .. } => {
                self.calls += 1;
                Open::Call(self.calls - 1)
            }
        };
        self.blocks.insert(number, open);
        match (block, open) {
            (Block::Call { id, name }, Open::Call(place)) => Some(self.call(place, |call| {
                call.text("id", id).text("type", "function");
                call.object("function", |function| {
                    function.text("name", name).text("arguments", "");
                });
            })),
            _ => None,
        }
    }

    fn more(&mut self, number: u32, text: &str) -> Option<Completion> {
        let field = match self.blocks.get(&number)? {
            Open::Text => "content",
            Open::Thought => "reasoning_content",
            Open::Refusal => "refusal",
            Open::Hidden => return None,
            Open::Call(place) => {
                let place = *place;
                return Some(self.call(place, |call| {
                    call.object("function", |function| {
                        function.text("arguments", text);
                    });
                }));
            }
        };
        Some(self.write(
            |delta| {
                delta.text(field, text);
            },
            None,
        ))
    }

    fn call(&mut self, place: u64, write: impl FnOnce(&mut Object)) -> Completion {
        let list = |delta: &mut Object| {
            delta.list("tool_calls", |calls| {
                calls.object(|call| {
                    call.whole("index", place);
                    write(call);
                });
            });
        };
        self.write(list, None)
    }

    fn write(&mut self, delta: impl FnOnce(&mut Object), finish: Option<&str>) -> Completion {
        let is_first = !std::mem::replace(&mut self.begun, true);
        let mut out = Object::from_start(&self.head, 128);
        out.list("choices", |choices| {
            choices.object(|choice| {
                choice.whole("index", 0);
                choice.object("delta", |out| {
                    if is_first {
                        out.text("role", "assistant");
                    }
                    delta(out);
                });
                match finish {
                    Some(finish) => choice.text("finish_reason", finish),
                    None => choice.raw("finish_reason", b"null"),
                };
            });
        });
        Completion::new(out.finish())
    }

    /// A whole answer.
    pub fn whole(&self, answer: &Answer) -> Completion {
        let mut out = head(&self.id, "chat.completion", self.made, &self.name);
        let message = Message::of(&answer.said);
        out.list("choices", |choices| {
            choices.object(|choice| {
                choice.whole("index", 0);
                choice.object("message", |out| message.write(out));
                choice.text("finish_reason", message.finish.map_or("stop", reason));
            });
        });
        if let Some(figures) = &answer.facts.usage {
            out.object("usage", |out| usage::write(out, figures, None));
        }
        Completion::new(out.finish())
    }
}

impl Sources {
    fn hear(&mut self, said: &Said) {
        match said {
            Said::Begin(number, Block::Text) => {
                self.texts.insert(*number, (self.chars, self.chars));
            }
            Said::More(number, text) => {
                if let Some((_, end)) = self.texts.get_mut(number) {
                    self.chars += text.chars().count() as u64;
                    *end = self.chars;
                }
            }
            Said::Citation(number, citation) => self.found.extend(Web::read(citation).map(|web| (*number, web))),
            Said::Begin(_, Block::Thought | Block::Redacted(_) | Block::Refusal | Block::Call { .. })
            | Said::Signature(..)
            | Said::End(_)
            | Said::Finish(_) => {}
        }
    }

    fn write(&self, out: &mut Object) {
        if self.found.is_empty() {
            return;
        }
        out.list("annotations", |list| {
            for (number, web) in &self.found {
                let (start, end) = self.texts.get(number).copied().unwrap_or_default();
                list.object(|out| {
                    out.text("type", "url_citation");
                    out.object("url_citation", |out| web.write(out, start, end.saturating_sub(start)));
                });
            }
        });
    }
}

/// What a whole answer comes to.
#[derive(Default)]
struct Message<'a> {
    sources: Sources,
    text: Option<String>,
    thought: Option<String>,
    refusal: Option<String>,
    calls: Vec<Call<'a>>,
    finish: Option<&'a Finish>,
}

struct Call<'a> {
    id: &'a str,
    name: &'a str,
    arguments: String,
    seal: Option<&'a str>,
}

impl<'a> Message<'a> {
    fn of(said: &'a [Said]) -> Self {
        let (mut message, mut blocks) = (Self::default(), BTreeMap::new());
        for said in said {
            message.sources.hear(said);
            match said {
                Said::Begin(number, block) => {
                    let open = match block {
                        Block::Text => {
                            message.text.get_or_insert_default();
                            Open::Text
                        }
                        Block::Thought => Open::Thought,
                        Block::Refusal => Open::Refusal,
                        Block::Redacted(_) => Open::Hidden,
                        Block::Call { id, name } => {
                            message.calls.push(Call { id, name, arguments: String::new(), seal: None });
                            Open::Call(message.calls.len() as u64 - 1)
                        }
                    };
                    blocks.insert(*number, open);
                }
                Said::More(number, text) => match blocks.get(number) {
                    Some(Open::Text) => message.text.get_or_insert_default().push_str(text),
                    Some(Open::Thought) => message.thought.get_or_insert_default().push_str(text),
                    Some(Open::Refusal) => message.refusal.get_or_insert_default().push_str(text),
                    Some(Open::Call(place)) => {
                        message.called(*place).into_iter().for_each(|call| call.arguments.push_str(text));
                    }
                    Some(Open::Hidden) | None => {}
                },
                Said::Signature(number, seal) => {
                    if let Some(Open::Call(place)) = blocks.get(number) {
                        message.called(*place).into_iter().for_each(|call| call.seal = Some(seal));
                    }
                }
                Said::Citation(..) | Said::End(_) => {}
                Said::Finish(finish) => message.finish = Some(finish),
            }
        }
        message
    }

    fn called(&mut self, place: u64) -> Option<&mut Call<'a>> {
        self.calls.get_mut(usize::try_from(place).ok()?)
    }

    fn write(&self, out: &mut Object) {
        out.text("role", "assistant");
        match &self.text {
            Some(text) => out.text("content", text),
            None => out.raw("content", b"null"),
        };
        match &self.refusal {
            Some(refusal) => out.text("refusal", refusal),
            None => out.raw("refusal", b"null"),
        };
        if let Some(thought) = &self.thought {
            out.text("reasoning_content", thought);
        }
        self.sources.write(out);
        if self.calls.is_empty() {
            return;
        }
        out.list("tool_calls", |calls| {
            for Call { id, name, arguments, seal } in &self.calls {
                calls.object(|call| {
                    call.text("id", id).text("type", "function");
                    call.object("function", |function| {
                        function.text("name", name).text("arguments", arguments);
                    });
                    seal.iter().for_each(|seal| sealed(call, seal));
                });
            }
        });
    }
}

fn sealed(call: &mut Object, seal: &str) {
    let Some(seal) = seals::GOOGLE.own(seal) else { return };
    call.object("extra_content", |extra| {
        extra.object("google", |google| {
            google.text("thought_signature", seal);
        });
    });
}

fn head(id: &str, object: &str, made: u64, name: &ModelName) -> Object {
    let mut out = Object::with_room(512);
    out.text("id", id).text("object", object).whole("created", made).text("model", name.as_str());
    out
}

/// The word that OpenAI's format has for an end; the host's own where there is none.
fn reason(finish: &Finish) -> &str {
    match finish {
        Finish::Stop | Finish::StopText(_) => "stop",
        Finish::Length | Finish::Context | Finish::Pause => "length",
        Finish::Calls => "tool_calls",
        Finish::Refused => "content_filter",
        Finish::Other(word) => word,
    }
}

crate::middle::hidden!(Speaker);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::hear;
    use super::*;
    use crate::middle::{Facts, Json, joined};
    use crate::sse::Event;

    fn speaker() -> Speaker {
        Speaker::new("house/model".parse().unwrap(), Some("msg_1"), 7)
    }

    /// Everything that an answer can be made of.
    fn said() -> Vec<Said> {
        let more = |number, text: &str| Said::More(number, text.to_owned());
        let call = |id: &str, name: &str| Block::Call { id: id.to_owned(), name: name.to_owned() };
        vec![
            Said::Begin(0, Block::Thought),
            more(0, "h"),
            more(0, "m"),
            Said::Signature(0, "seal".to_owned()),
            Said::End(0),
            Said::Begin(1, Block::Redacted("cipher".to_owned())),
            Said::End(1),
            Said::Begin(2, Block::Text),
            more(2, "Gr\u{fc}\n"),
            Said::Citation(2, Json("{}".into())),
            Said::Citation(
                2,
                Json(r#"{"type":"url_citation","url":"https://a","title":"A","start_index":0,"end_index":3}"#.into()),
            ),
            Said::End(2),
            Said::Begin(3, call("a", "f")),
            Said::Begin(4, call("b", "g")),
            more(4, "{}"),
            more(3, "{\"x\":"),
            more(3, "1}"),
            Said::Signature(3, "google.seal of the call".to_owned()),
            Said::End(3),
            Said::End(4),
            Said::Finish(Finish::Calls),
        ]
    }

    fn read(payload: &Completion) -> Value {
        serde_json::from_slice(payload.expose_bytes()).unwrap()
    }

    #[test]
    fn a_whole_answer_is_one_message() {
        let usage = Some(Usage { input: 5, output: 4, ..Usage::default() });
        let answer = Answer { said: said(), facts: Facts { usage, ..Facts::default() } };
        let whole = read(&speaker().whole(&answer));
        assert_eq!(
            (&whole["id"], &whole["object"], &whole["created"], &whole["model"]),
            (&json!("msg_1"), &json!("chat.completion"), &json!(7), &json!("house/model"))
        );
        assert_eq!(
            whole["choices"],
            json!([{"index": 0, "finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": "Grü\n", "refusal": null, "reasoning_content": "hm",
                "annotations": [
                    {"type": "url_citation", "url_citation": {"url": "https://a", "title": "A", "start_index": 0, "end_index": 3}},
                ],
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"},
                     "extra_content": {"google": {"thought_signature": "seal of the call"}}},
                    {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
                ],
            }}])
        );
        assert_eq!(whole["usage"]["total_tokens"], 9);
    }

    #[test]
    fn an_answer_without_words_has_no_content_and_no_calls() {
        let end = |finish| Answer { said: vec![Said::Finish(finish)], facts: Facts::default() };
        for (finish, reason) in [
            (Finish::Stop, "stop"),
            (Finish::StopText(Some("x".to_owned())), "stop"),
            (Finish::Length, "length"),
            (Finish::Context, "length"),
            (Finish::Pause, "length"),
            (Finish::Calls, "tool_calls"),
            (Finish::Refused, "content_filter"),
            (Finish::Other("odd".to_owned()), "odd"),
        ] {
            let whole = read(&speaker().whole(&end(finish)));
            let message = json!({"role": "assistant", "content": null, "refusal": null});
            assert_eq!(whole["choices"], json!([{"index": 0, "message": message, "finish_reason": reason}]));
            assert_eq!(whole.get("usage"), None);
        }
    }

    /// What was said is heard again, but for what the format has no word for.
    #[test]
    fn a_stream_says_what_the_whole_answer_says() {
        let mut speaker = speaker();
        let said: Vec<Said> = said().into_iter().filter(|said| !matches!(said, Said::Citation(..))).collect();
        let frames: Vec<Completion> = said.iter().filter_map(|said| speaker.chunk(said)).collect();
        assert_eq!(read(&frames[0])["choices"][0]["delta"]["role"], "assistant");
        assert!(frames.iter().skip(1).all(|frame| read(frame)["choices"][0]["delta"].get("role").is_none()));
        let calls = frames.iter().filter_map(|frame| read(frame)["choices"][0]["delta"].get("tool_calls").cloned());
        assert!(calls.into_iter().all(|calls| calls[0]["function"].is_object()), "a seal has one as well");
        let mut stream = hear::Stream::new();
        let heard: Vec<Said> = frames.into_iter().flat_map(|data| stream.feed(&Event { data }).unwrap()).collect();
        let answer = Answer { said, facts: Facts::default() };
        let whole = hear::read_reply(&speaker.whole(&answer)).unwrap();
        assert!(joined(heard) == joined(whole.said));
        let usage = Usage { input: 5, output: 4, ..Usage::default() };
        let last = read(&speaker.usage_chunk(&usage, Some(MicroUsd::new(42))));
        assert_eq!(
            (&last["choices"], &last["usage"]["cost_micro"], &last["id"]),
            (&json!([]), &json!(42), &json!("msg_1"))
        );
    }

    #[test]
    fn addresses_are_told_once_with_the_end() {
        let cite = |number, span: &str| {
            Said::Citation(
                number,
                Json(format!(r#"{{"type":"url_citation","url":"https://a","title":"A"{span}}}"#).into()),
            )
        };
        let said = [
            Said::Begin(0, Block::Text),
            cite(0, ""),
            Said::More(0, "Gr\u{fc}ezi".to_owned()),
            Said::End(0),
            Said::Begin(1, Block::Text),
            Said::More(1, " mitenand".to_owned()),
            cite(1, r#","start_index":1,"end_index":9"#),
            Said::End(1),
            Said::Finish(Finish::Stop),
        ];
        let mut speaker = speaker();
        let frames: Vec<Value> = said.iter().filter_map(|said| speaker.chunk(said)).map(|frame| read(&frame)).collect();
        let told: Vec<_> = frames.iter().filter_map(|frame| frame["choices"][0]["delta"].get("annotations")).collect();
        let of = |from: u64, to: u64| {
            let of = json!({"url": "https://a", "title": "A", "start_index": from, "end_index": to});
            json!({"type": "url_citation", "url_citation": of})
        };
        assert_eq!(told, [&json!([of(0, 6), of(7, 15)])]);
        assert_eq!(frames.last().unwrap()["choices"][0]["finish_reason"], "stop");
        let whole = read(&speaker.whole(&Answer { said: said.into(), facts: Facts::default() }));
        assert_eq!(whole["choices"][0]["message"]["annotations"], *told[0]);
    }
}
