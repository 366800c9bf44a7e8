//! Jobs of OpenAI's format.

mod image;

use phi_words::Class;

use super::Begin;
use crate::question::{Task, WorkQuestion};
use crate::{Carry, Misfit};

pub(super) fn fits(task: &Task, carry: &Carry) -> Result<(), Misfit> {
    let _ = (task, carry);
    Ok(())
}

pub(super) fn begin(question: &WorkQuestion, carry: &Carry, pseudonym: &dyn Fn(&str) -> String, class: Class) -> Begin {
    let _ = (pseudonym, class);
    match question.task() {
        // Every host is spoken to by a job of its own.
        Task::Transcription(_) | Task::Speech(_) | Task::Ocr(_) => Begin::nothing(),
        Task::Image(image) => image::begin(image, carry),
    }
}
