use std::fmt;

use phi_words::{Prompt, Refusal};

use super::{Fields, Task};
use crate::fields::invalid;
use crate::fields::work::image::TABLE;
use crate::json::Value;
use crate::remote::Reading;
use crate::{Carry, Misfit};

/// Text that is to become an image.
#[derive(Clone)]
pub(crate) struct Image {
    /// What is to be seen.
    pub(crate) prompt: String,
    /// How many.
    pub(crate) count: u8,
    /// Width and height, in pixels.
    pub(crate) size: Option<(u32, u32)>,
    /// Whether the caller wants the bytes themselves or an address; `None` where he did not say.
    pub(crate) wants: Option<Wanted>,
}

/// As what an image is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// As base64.
    Bytes,
    /// As an address at the host.
    Address,
}

impl Image {
    /// As what it is asked of a host: an address where nobody says otherwise and the host has addresses.
    pub(crate) fn wanted(&self, carry: &Carry) -> Wanted {
        let usual = if carry.lacks.contains(ADDRESSES) { Wanted::Bytes } else { Wanted::Address };
        self.wants.unwrap_or(usual)
    }

    /// Whether a host can give it as it is wanted.
    pub(crate) fn fits(&self, carry: &Carry) -> Result<(), Misfit> {
        match self.wants {
            Some(Wanted::Address) if carry.lacks.contains(ADDRESSES) => Err(Misfit { field: "response_format".into() }),
            Some(Wanted::Address | Wanted::Bytes) | None => Ok(()),
        }
    }
}

/// What a row says it lacks whose host gives images themselves alone.
const ADDRESSES: &str = "response_format.url";

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image").field("count", &self.count).finish_non_exhaustive()
    }
}

pub(super) fn read(body: Prompt, reading: Reading) -> Result<(Fields, Task), Refusal> {
    let fields = Fields::read(TABLE, body, reading)?;
    let prompt = fields.field("prompt").and_then(Value::text).ok_or_else(|| invalid("prompt", "is missing"))?;
    if prompt.trim().is_empty() || prompt.chars().count() > 32_000 {
        return Err(invalid("prompt", "must be a text of 1 to 32000 characters"));
    }
    let prompt = prompt.into_owned();
    let count = fields.field("n").and_then(Value::whole).and_then(|n| u8::try_from(n).ok()).unwrap_or(1);
    let size = match fields.field("size").and_then(Value::text).as_deref() {
        None | Some("auto") => None,
        Some(text) => Some(
            size(text).ok_or_else(|| invalid("size", "must be `auto`, or such as `1024x1024`, of 64 to 4096 each"))?,
        ),
    };
    let wants = fields.field("response_format");
    let wants = wants.map(|format| if format.is_text("b64_json") { Wanted::Bytes } else { Wanted::Address });
    Ok((fields, Task::Image(Image { prompt, count, size, wants })))
}

fn size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    let side = |text: &str| {
        let is_plain = !text.starts_with(['0', '+']);
        text.parse().ok().filter(|side| is_plain && (64..=4_096).contains(side))
    };
    Some((side(width)?, side(height)?))
}
