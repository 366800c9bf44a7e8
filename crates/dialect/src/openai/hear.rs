mod blocks;

use phi_words::Completion;

use super::choice::Top;
use super::errors;
use super::usage;
use crate::HostFault;
use crate::json::{Document, Value};
use crate::middle::{Answer, Facts, Said};
use crate::sse::Event;
use crate::told::Told;
use blocks::Blocks;

/// Hears an answer in OpenAI's chat format, for callers who speak another. Texts, thoughts and refusals come one after the
/// other, each ending where the next begins. A call ends there too, if its arguments are whole by then: they may come in turns.
///
/// Probabilities of tokens are not heard: nobody asks for them.
#[derive(Default)]
pub struct Stream {
    blocks: Blocks,
    facts: Facts,
    told: Told,
    chars: u64,
    is_finished: bool,
    is_done: bool,
}

impl Stream {
    /// A stream that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event. After a fault the stream is over; what follows its end is skipped.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn feed(&mut self, event: &Event) -> Result<Vec<Said>, HostFault> {
        let data = event.data.expose_bytes();
        let told = data.trim_ascii();
        // Some hosts send a comment as data: `data: : keepalive`.
        if self.is_done || told.is_empty() || told.starts_with(b":") {
            return Ok(Vec::new());
        }
        if told == b"[DONE]" {
            if !self.is_finished {
                return Err(HostFault::Truncated);
            }
            self.is_done = true;
            return Ok(Vec::new());
        }
        let document = Document::parse(data.clone()).map_err(|_| HostFault::Malformed("a frame is not JSON"))?;
        let top = Top::read(document.root());
        self.facts.hear(&top);
        if top.is_error {
            return Err(HostFault::Stated(errors::read_error_value(document.root())));
        }
        usage::hear(&mut self.told, top.usage);
        let items = top.choices.and_then(Value::items);
        if items.is_none() && top.usage.is_none() {
            return Err(HostFault::Malformed("a frame has no choices"));
        }
        let mut said = Vec::new();
        for choice in items.into_iter().flatten() {
            is_the_one(choice)?;
            if let Some(delta) = choice.member("delta") {
                self.blocks.hear(delta, self.facts.id.as_deref(), &mut said)?;
            }
            if let Some(finish) = choice.member("finish_reason").filter(|_| !self.is_finished) {
                self.is_finished = true;
                self.blocks.finish(finish, &mut said)?;
            }
        }
        self.chars += said.iter().map(Said::chars).sum::<u64>();
        self.facts.usage = self.told.figures(self.chars);
        Ok(said)
    }

    /// To be asked when the host closes.
    ///
    /// # Errors
    /// A stream without its terminal event is [`HostFault::Truncated`].
    pub fn finish(&self) -> Result<(), HostFault> {
        if self.is_done { Ok(()) } else { Err(HostFault::Truncated) }
    }

    /// Whether the terminal event has come.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// What the host told so far beside what it says.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

/// Hears a whole answer.
///
/// # Errors
/// What is wrong with it.
pub fn read_reply(body: &Completion) -> Result<Answer, HostFault> {
    let malformed = HostFault::Malformed;
    let document = Document::parse(body.expose_bytes().clone()).map_err(|_| malformed("the body is not JSON"))?;
    let top = Top::read(document.root());
    if top.is_error {
        return Err(HostFault::Stated(errors::read_error_value(document.root())));
    }
    let (mut blocks, mut said, mut facts, mut told) =
        (Blocks::default(), Vec::new(), Facts::default(), Told::default());
    let mut items = top.choices.and_then(Value::items).into_iter().flatten();
    let (Some(choice), None) = (items.next(), items.next()) else { return Err(malformed("there is not one choice")) };
    is_the_one(choice)?;
    facts.hear(&top);
    let message = choice.member("message").ok_or(malformed("a choice has no message"))?;
    blocks.hear(message, facts.id.as_deref(), &mut said)?;
    let finish = choice.member("finish_reason").ok_or(malformed("a choice has no end"))?;
    blocks.finish(finish, &mut said)?;
    usage::hear(&mut told, top.usage);
    facts.usage = told.figures(said.iter().map(Said::chars).sum());
    Ok(Answer { said, facts })
}

/// We ask for one choice.
fn is_the_one(choice: Value<'_>) -> Result<(), HostFault> {
    match choice.member("index") {
        Some(index) if index.whole() != Some(0) => Err(HostFault::Malformed("there is more than one choice")),
        Some(_) | None => Ok(()),
    }
}

impl Facts {
    fn hear(&mut self, top: &Top<'_>) {
        if self.id.is_none() {
            self.id = top.id.and_then(Value::text).map(Into::into);
        }
        if let Some(model) = top.model.and_then(Value::text) {
            self.host_model = Some((&*model).into());
        }
        if let Some(place) = top.place() {
            self.place = Some(place);
        }
    }
}

crate::middle::hidden!(Stream);

#[cfg(test)]
mod tests;
