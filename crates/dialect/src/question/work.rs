//! Questions of work beside conversations and vectors: sound, documents, images.

mod form;
mod image;
mod pages;
mod recording;
mod script;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use phi_words::{Capability, Modality, ModelName, Prompt, Refusal, Usage};

pub(crate) use image::{Image, Wanted};
pub(crate) use pages::{DocumentKind, Pages, Selection};
pub(crate) use recording::{Format, Recording};
pub(crate) use script::Script;

use super::Fields;
use crate::Way;
use crate::multipart::Wrapping;
use crate::remote::Reading;

/// A body of such work, parsed.
#[derive(Clone)]
pub struct WorkQuestion {
    fields: Fields,
    /// How many bytes the caller's body has: of a form more than its fields.
    body_len: usize,
    task: Task,
}

/// What is to be done.
#[derive(Clone)]
pub(crate) enum Task {
    /// Sound becomes text.
    Transcription(Recording),
    /// Text becomes sound.
    Speech(Script),
    /// Documents become text.
    Ocr(Pages),
    /// Text becomes an image.
    Image(Image),
}

/// How work asks: the ways in that are not of conversations or vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// `POST /audio/transcriptions`.
    Transcription,
    /// `POST /audio/speech`.
    Speech,
    /// `POST /ocr`.
    Ocr,
    /// `POST /images/generations`.
    Image,
}

impl Work {
    /// What kind of work it is.
    pub const fn modality(self) -> Modality {
        match self {
            Self::Transcription => Modality::Transcription,
            Self::Speech => Modality::Speech,
            Self::Ocr => Modality::Ocr,
            Self::Image => Modality::Image,
        }
    }

    /// Whether a body may be wrapped so: an upload is a form.
    pub const fn takes(self, wrapping: &Wrapping) -> bool {
        match (self, wrapping) {
            (Self::Transcription, Wrapping::Form(_)) => true,
            (Self::Transcription, Wrapping::Json) => false,
            (Self::Ocr, Wrapping::Json | Wrapping::Form(_)) => true,
            (Self::Speech | Self::Image, Wrapping::Json) => true,
            (Self::Speech | Self::Image, Wrapping::Form(_)) => false,
        }
    }

    /// Reads a body. As JSON a transcription is one that is explained alone: it has no sound.
    ///
    /// # Errors
    /// The refusals of step 6 of the contract's section 9.
    pub(super) fn read(self, wrapping: &Wrapping, body: Prompt, reading: Reading) -> Result<WorkQuestion, Refusal> {
        let body_len = body.len();
        let (fields, task) = match self {
            Self::Transcription => recording::read(wrapping, body, reading)?,
            Self::Speech => script::read(body, reading)?,
            Self::Ocr => pages::read(wrapping, body, reading)?,
            Self::Image => image::read(body, reading)?,
        };
        Ok(WorkQuestion { fields, body_len, task })
    }
}

impl WorkQuestion {
    /// By which endpoint it was asked.
    pub const fn way(&self) -> Way {
        Way::Work(match self.task {
            Task::Transcription(_) => Work::Transcription,
            Task::Speech(_) => Work::Speech,
            Task::Ocr(_) => Work::Ocr,
            Task::Image(_) => Work::Image,
        })
    }

    /// The model as the caller wrote it.
    pub const fn model(&self) -> &ModelName {
        &self.fields.model
    }

    /// Whether the answer is to come as it is made.
    pub const fn stream(&self) -> bool {
        match &self.task {
            Task::Transcription(recording) => recording.wish.stream,
            Task::Speech(_) => true,
            Task::Ocr(_) | Task::Image(_) => false,
        }
    }

    /// What the request needs of a model beyond what its kind of work needs.
    pub const fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.fields.capabilities
    }

    /// The fields that we do not know, by path.
    pub fn unknown(&self) -> &[Arc<str>] {
        &self.fields.unknown
    }

    /// How many bytes the caller's body has.
    pub const fn body_len(&self) -> usize {
        self.body_len
    }

    /// What a call consumes as far as we can count it ourselves, before a host has said anything.
    pub fn counted(&self) -> Usage {
        match &self.task {
            Task::Transcription(recording) => Usage { audio_ms: recording.millis(), ..Usage::default() },
            Task::Speech(script) => Usage { characters: script.characters(), ..Usage::default() },
            Task::Ocr(pages) => Usage { pages: pages.count(), ..Usage::default() },
            Task::Image(image) => Usage { images: image.count.into(), ..Usage::default() },
        }
    }

    pub(crate) const fn task(&self) -> &Task {
        &self.task
    }

    pub(crate) const fn fields(&self) -> &Fields {
        &self.fields
    }
}

impl fmt::Debug for WorkQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkQuestion")
            .field("way", &self.way())
            .field("body_len", &self.body_len)
            .finish_non_exhaustive()
    }
}
