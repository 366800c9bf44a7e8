//! Containers of sound, told by their first bytes and by nothing that is said of them, and how long what they hold lasts.

mod adts;
mod amr;
mod flac;
mod mp3;
mod mp4;
mod ogg;
mod wav;
mod webm;

/// What holds the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    /// RIFF WAVE.
    Wav,
    /// MPEG audio, of any layer.
    Mp3,
    /// Ogg (RFC 3533).
    Ogg,
    /// FLAC (RFC 9639).
    Flac,
    /// WebM, or another Matroska (RFC 9559).
    Webm,
    /// MPEG-4 and what is like it (ISO/IEC 14496-12).
    Mp4,
    /// Adaptive multi-rate, narrow or wide (RFC 4867, section 5).
    Amr,
    /// AAC in frames of ADTS.
    Aac,
}

/// Contained, as its bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contained {
    pub(crate) container: Container,
    /// How long it lasts, rounded up.
    pub(crate) millis: u64,
    /// How it is written down, where some host takes that alone.
    pub(crate) coding: Coding,
}

/// How sound is written down within its container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Whole samples of 16 bits, 16,000 a second, of one channel.
    Pcm16k,
    /// Opus alone.
    Opus,
    /// Any other.
    Other,
}

/// More than a day does not fit into what is taken, however it is written down.
const LONGEST: u64 = 24 * 60 * 60 * 1_000;

/// Reads what is told, or says what is wrong.
pub(crate) fn read(bytes: &[u8]) -> Result<Contained, &'static str> {
    let container = Container::of(bytes).ok_or("is none of wav, mp3, ogg, flac, webm, mp4, amr and aac")?;
    let other = |millis| (millis, Coding::Other);
    let told = match container {
        Container::Wav => wav::read(bytes),
        Container::Mp3 => mp3::millis(bytes).map(other),
        Container::Ogg => ogg::read(bytes),
        Container::Flac => flac::millis(bytes).map(other),
        Container::Webm => webm::millis(bytes).map(other),
        Container::Mp4 => mp4::millis(bytes).map(other),
        Container::Amr => amr::millis(bytes).map(other),
        Container::Aac => adts::millis(bytes).map(other),
    };
    match told {
        None => Err("does not tell how long it lasts, or is not whole"),
        Some((0, _)) => Err("holds no sound"),
        Some((millis, _)) if millis > LONGEST => Err("says that it lasts longer than a day"),
        Some((millis, coding)) => Ok(Contained { container, millis, coding }),
    }
}

impl Container {
    fn of(bytes: &[u8]) -> Option<Self> {
        let at = |from: usize, what: &[u8]| bytes.get(from..from + what.len()) == Some(what);
        if (at(0, b"RIFF") || at(0, b"RF64")) && at(8, b"WAVE") {
            Some(Self::Wav)
        } else if at(0, b"OggS") {
            Some(Self::Ogg)
        } else if at(0, b"fLaC") {
            Some(Self::Flac)
        } else if at(0, b"\x1a\x45\xdf\xa3") {
            Some(Self::Webm)
        } else if at(4, b"ftyp") {
            Some(Self::Mp4)
        } else if at(0, b"#!AMR\n") || at(0, b"#!AMR-WB\n") {
            Some(Self::Amr)
        } else {
            // Both may have a tag before them.
            let sound = bytes.get(mp3::after_tag(bytes)..).unwrap_or_default();
            match adts::frame(sound) {
                Some(_) => Some(Self::Aac),
                None => (at(0, b"ID3") || mp3::frame(sound).is_some()).then_some(Self::Mp3),
            }
        }
    }

    /// What a host is told that it is called.
    pub(crate) const fn called(self) -> &'static str {
        match self {
            Self::Wav => "audio.wav",
            Self::Mp3 => "audio.mp3",
            Self::Ogg => "audio.ogg",
            Self::Flac => "audio.flac",
            Self::Webm => "audio.webm",
            Self::Mp4 => "audio.mp4",
            Self::Amr => "audio.amr",
            Self::Aac => "audio.aac",
        }
    }

    /// Its media type.
    pub(crate) const fn media(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
            Self::Ogg => "audio/ogg",
            Self::Flac => "audio/flac",
            Self::Webm => "audio/webm",
            Self::Mp4 => "audio/mp4",
            Self::Amr => "audio/amr",
            Self::Aac => "audio/aac",
        }
    }
}

/// So many samples at so many a second, in milliseconds.
fn lasting(samples: u64, rate: u64) -> Option<u64> {
    if rate == 0 { None } else { Some(samples.checked_mul(1_000)?.div_ceil(rate)) }
}

/// A whole number of up to eight bytes, the greatest first.
fn big(bytes: &[u8], at: usize, len: usize) -> Option<u64> {
    Some(bytes.get(at..at.checked_add(len)?)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// The same, the least first.
fn little(bytes: &[u8], at: usize, len: usize) -> Option<u64> {
    Some(bytes.get(at..at.checked_add(len)?)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// The same as a place among bytes.
fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
