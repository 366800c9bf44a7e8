//! What was said, as Google's `contents` have it: two sides that take turns, each of parts.

mod media;
mod piece;

use super::generation::Generation;
use crate::Carry;
use crate::json::List;
use crate::middle::{Content, Conversation, Part, Turn, Who};
use piece::{Piece, object, pieces, text};

/// One side's turn, with what neighbours of the same side said.
pub(super) struct Side<'c> {
    is_model: bool,
    pieces: Vec<Piece<'c>>,
}

/// The turns of user and model; texts that say nothing are left out, since Vertex AI refuses them, and so are turns without
/// anything in them.
pub(super) fn sides(asked: &Conversation) -> Vec<Side<'_>> {
    let mut sides: Vec<Side<'_>> = Vec::with_capacity(asked.turns.len());
    for turn in &asked.turns {
        let is_model = match turn.who {
            Who::System | Who::Developer => continue,
            Who::User => false,
            Who::Assistant => true,
        };
        let pieces = pieces(turn);
        match sides.last_mut() {
            Some(last) if last.is_model == is_model => last.pieces.extend(pieces),
            _ if pieces.is_empty() => {}
            _ => sides.push(Side { is_model, pieces }),
        }
    }
    let mut calls = Vec::new();
    for side in &mut sides {
        if side.is_model {
            calls = side.calls().map(|(id, _)| id).collect();
        } else {
            side.put_in_order(&calls);
        }
    }
    sides
}

/// The texts of whoever runs the application, in order; `None` where there is anything else among them.
pub(super) fn system(asked: &Conversation) -> Option<Vec<&str>> {
    let is_system = |turn: &&Turn| matches!(turn.who, Who::System | Who::Developer);
    let parts = asked.turns.iter().filter(is_system).flat_map(|turn| &turn.parts);
    parts.map(|part| text(&part.content)).filter(|text| *text != Some("")).collect()
}

/// Whether the host can be told all of it.
pub(super) fn fit(sides: &[Side<'_>], carry: &Carry) -> bool {
    sides
        .iter()
        .enumerate()
        .all(|(at, side)| side.pieces.iter().all(|piece| fits(piece.content, sides, at, side, carry)))
}

fn fits(content: &Content, sides: &[Side<'_>], at: usize, side: &Side<'_>, carry: &Carry) -> bool {
    match content {
        Content::Text(_) | Content::Refusal(_) => true,
        Content::Image { .. } | Content::Audio(_) | Content::Document { .. } => {
            !side.is_model && media::fits(content, carry)
        }
        Content::Thought { .. } | Content::Redacted(_) => side.is_model,
        Content::Call { arguments, .. } => side.is_model && object(arguments).is_some(),
        Content::Result { id, name, parts, .. } => {
            let is_known = function(sides, at, id, name.as_deref()).is_some();
            !side.is_model && is_known && parts.iter().all(|part| fits_result(&part.content, carry))
        }
    }
}

fn fits_result(content: &Content, carry: &Carry) -> bool {
    match content {
        Content::Text(_) => true,
        Content::Image { .. } | Content::Document { .. } => media::fits(content, carry),
        Content::Refusal(_)
        | Content::Audio(_)
        | Content::Thought { .. }
        | Content::Redacted(_)
        | Content::Call { .. }
        | Content::Result { .. } => false,
    }
}

/// Writes `contents`, and names what it leaves out.
///
/// Media of a result go within it to Gemini 3. Those before refuse them there, and are given them behind all results
/// (<https://ai.google.dev/gemini-api/docs/function-calling>).
pub(super) fn write(list: &mut List, sides: &[Side<'_>], generation: Generation, left_out: &mut Vec<&'static str>) {
    for (at, side) in sides.iter().enumerate() {
        list.object(|object| {
            object.text("role", if side.is_model { "model" } else { "user" });
            object.list("parts", |parts| {
                let (mut is_first, mut behind): (bool, Vec<&Part>) = (true, Vec::new());
                for piece in &side.pieces {
                    if let Content::Result { id, name, parts: gave, failed } = piece.content {
                        let name = function(sides, at, id, name.as_deref()).unwrap_or_default();
                        piece::write_result(parts, (id, name), gave, *failed, generation, left_out);
                        behind.extend(gave.iter().filter(|_| generation != Generation::Level));
                        continue;
                    }
                    media::write(parts, behind.drain(..), left_out);
                    piece.write(parts, generation, is_first, left_out);
                    is_first &= !matches!(piece.content, Content::Call { .. });
                }
                media::write(parts, behind.drain(..), left_out);
            });
        });
    }
}

impl<'c> Side<'c> {
    /// Puts results first, in the order of their calls: hosts that know no ids tell them apart by it, and refuse a turn of
    /// results that does not follow its calls.
    fn put_in_order(&mut self, calls: &[&str]) {
        self.pieces.sort_by_key(|piece| {
            let Content::Result { id, .. } = piece.content else { return usize::MAX };
            calls.iter().position(|call| call == id).unwrap_or(calls.len())
        });
    }

    /// The calls, by id and name.
    fn calls(&self) -> impl DoubleEndedIterator<Item = (&'c str, &'c str)> {
        self.pieces.iter().filter_map(|piece| {
            if let Content::Call { id, name, .. } = piece.content { Some((id.as_str(), name.as_str())) } else { None }
        })
    }
}

/// The function whose result this is: as it is named, or as the last call of that id before it is.
fn function<'c>(sides: &[Side<'c>], at: usize, id: &str, name: Option<&'c str>) -> Option<&'c str> {
    let called = || sides.iter().take(at).rev().flat_map(|side| side.calls().rev()).find(|(call, _)| *call == id);
    name.filter(|name| !name.is_empty()).or_else(|| called().map(|(_, name)| name))
}

/// Names a field that is left out, once.
pub(super) fn leave_out(left_out: &mut Vec<&'static str>, name: &'static str) {
    if !left_out.contains(&name) {
        left_out.push(name);
    }
}
