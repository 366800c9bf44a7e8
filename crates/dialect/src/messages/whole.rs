use std::collections::BTreeMap;

use bytes::Bytes;

use super::seal;
use super::speak::cited;
use crate::json::{Document, Kind, List, Object};
use crate::middle::{Block, Said};

/// One block of a whole answer.
struct Told<'a> {
    block: &'a Block,
    text: String,
    seal: Option<&'a str>,
    citations: Vec<Vec<u8>>,
}

/// Writes the blocks of a whole answer, as the events of a stream would add up to.
pub(super) fn write(list: &mut List, said: &[Said]) {
    blocks(said).iter().for_each(|told| {
        if told.is_said() {
            list.object(|out| told.write(out));
        }
        if let (Block::Call { id, .. }, Some(seal)) = (told.block, told.seal) {
            list.object(|out| write_empty(out, &Block::Redacted(seal::write(id, seal))));
        }
    });
}

/// Blocks by their numbers, which is the order in which they began.
fn blocks(said: &[Said]) -> Vec<Told<'_>> {
    let mut blocks = BTreeMap::new();
    for said in said {
        match said {
            Said::Begin(number, block) => {
                let told = Told { block, text: String::new(), seal: None, citations: Vec::new() };
                blocks.insert(*number, told);
            }
            Said::More(number, text) => {
                blocks.entry(*number).and_modify(|told| told.text.push_str(text));
            }
            Said::Signature(number, seal) => {
                blocks.entry(*number).and_modify(|told| told.seal = Some(seal));
            }
            Said::Citation(number, citation) => {
                blocks.entry(*number).and_modify(|told| told.citations.extend(cited(citation)));
            }
            Said::End(_) | Said::Finish(_) => {}
        }
    }
    blocks.into_values().collect()
}

impl Told<'_> {
    /// A text or a thought without a word is none.
    fn is_said(&self) -> bool {
        match self.block {
            Block::Text | Block::Refusal => !self.text.is_empty() || !self.citations.is_empty(),
            Block::Thought => !self.text.is_empty() || self.seal.is_some(),
            Block::Redacted(_) | Block::Call { .. } => true,
        }
    }

    fn write(&self, out: &mut Object) {
        match self.block {
            Block::Text | Block::Refusal => {
                out.text("type", "text").text("text", &self.text);
                if !self.citations.is_empty() {
                    out.list("citations", |list| {
                        for citation in &self.citations {
                            list.raw(citation);
                        }
                    });
                }
            }
            Block::Thought => {
                out.text("type", "thinking").text("thinking", &self.text);
                out.text("signature", self.seal.unwrap_or_default());
            }
            Block::Redacted(_) => write_empty(out, self.block),
            Block::Call { id, name } => {
                out.text("type", "tool_use").text("id", id).text("name", name);
                write_input(out, &self.text);
            }
        }
    }
}

/// The arguments of a call, which have to be an object here. What a model wrote that is none, because it was cut or careless,
/// stands in one as the text that it is.
fn write_input(out: &mut Object, arguments: &str) {
    if arguments.trim().is_empty() {
        out.raw("input", b"{}");
        return;
    }
    match Document::parse(Bytes::copy_from_slice(arguments.as_bytes())) {
        Ok(document) if document.root().kind() == Kind::Object => {
            out.raw("input", document.root().raw());
        }
        Ok(_) | Err(_) => out.object("input", |input| {
            input.text("raw_arguments", arguments);
        }),
    }
}

/// A block of which nothing was said yet, as a stream begins it.
pub(super) fn write_empty(out: &mut Object, block: &Block) {
    match block {
        Block::Text | Block::Refusal => out.text("type", "text").text("text", ""),
        Block::Thought => out.text("type", "thinking").text("thinking", "").text("signature", ""),
        Block::Redacted(data) => out.text("type", "redacted_thinking").text("data", data),
        Block::Call { id, name } => out.text("type", "tool_use").text("id", id).text("name", name).raw("input", b"{}"),
    };
}
