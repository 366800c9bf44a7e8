//! The fields of work beside conversations and vectors.

pub(crate) mod image;
pub(crate) mod ocr;
pub(crate) mod speech;
pub(crate) mod transcription;
