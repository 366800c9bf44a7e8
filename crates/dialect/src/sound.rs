//! Sound: what it is written as, how each form begins, and how one is made of another.

mod flac;
mod ogg;

pub(crate) use flac::Flac;
pub(crate) use ogg::Pages;

/// What sound is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sound {
    /// MPEG audio layer III.
    Mp3,
    /// Opus in Ogg (RFC 7845).
    Opus,
    /// AAC in ADTS.
    Aac,
    /// FLAC (RFC 9639).
    Flac,
    /// PCM of 16 bits in RIFF.
    Wav,
    /// PCM of 16 bits, little-endian, at 24 kHz, mono, without a header: what OpenAI means by it.
    Pcm,
}

/// Samples a second of [`Sound::Pcm`].
pub(crate) const RATE: u32 = 24_000;
/// Bytes of one of its samples.
pub(crate) const SAMPLE: usize = 2;

impl Sound {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Mp3, Self::Opus, Self::Aac, Self::Flac, Self::Wav, Self::Pcm];

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Mp3 => "audio/mpeg",
            Self::Opus => "audio/ogg",
            Self::Aac => "audio/aac",
            Self::Flac => "audio/flac",
            Self::Wav => "audio/wav",
            Self::Pcm => "audio/pcm",
        }
    }

    /// As it is written in a body.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Opus => "opus",
            Self::Aac => "aac",
            Self::Flac => "flac",
            Self::Wav => "wav",
            Self::Pcm => "pcm",
        }
    }

    /// The one that is written so.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sound| sound.as_str() == name)
    }

    /// Whether it may begin with these four bytes. Samples may begin with any; but text, in which hosts tell of a failure with
    /// status 200, is none.
    pub(crate) const fn begins(self, first: [u8; 4]) -> bool {
        match (self, first) {
            (Self::Mp3, [b'I', b'D', b'3', _]) => true,
            (Self::Mp3, [0xff, second, ..]) => second & 0xe0 == 0xe0,
            (Self::Aac, [0xff, second, ..]) => second & 0xf6 == 0xf0,
            (Self::Mp3 | Self::Aac, _) => false,
            (Self::Opus, first) => matches!(&first, b"OggS"),
            (Self::Flac, first) => matches!(&first, b"fLaC"),
            (Self::Wav, first) => matches!(&first, b"RIFF"),
            (Self::Pcm, first) => !matches!(&first, b"{\"er" | b"{\"ob" | b"{\"me" | b"{\"de" | b"<!DO" | b"<htm"),
        }
    }
}

/// What stands before samples at 24 kHz whose number is not known yet: both lengths are the greatest there are, as OpenAI has it.
pub(crate) fn wav_header() -> Vec<u8> {
    let mut header = Vec::with_capacity(44);
    header.extend_from_slice(b"RIFF\xff\xff\xff\xffWAVEfmt ");
    header.extend_from_slice(&16_u32.to_le_bytes());
    // PCM, one channel.
    header.extend_from_slice(&[1, 0, 1, 0]);
    header.extend_from_slice(&RATE.to_le_bytes());
    header.extend_from_slice(&(RATE * 2).to_le_bytes());
    // Two bytes of sixteen bits.
    header.extend_from_slice(&[2, 0, 16, 0]);
    header.extend_from_slice(b"data\xff\xff\xff\xff");
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_known_by_its_first_bytes_and_text_is_none() {
        for (sound, first) in [
            (Sound::Mp3, *b"ID3\x04"),
            (Sound::Mp3, [0xff, 0xf3, 0x84, 0xc4]),
            (Sound::Opus, *b"OggS"),
            (Sound::Aac, [0xff, 0xf1, 0x60, 0x40]),
            (Sound::Flac, *b"fLaC"),
            (Sound::Wav, *b"RIFF"),
            (Sound::Pcm, [0, 0, 1, 0]),
        ] {
            assert!(sound.begins(first), "{sound:?}");
        }
        for sound in Sound::ALL {
            for text in [*b"{\"er", *b"<!DO", *b"<htm"] {
                assert!(!sound.begins(text), "{sound:?}");
            }
            assert_eq!(Sound::named(sound.as_str()), Some(sound));
        }
        assert_eq!(Sound::named("MP3"), None);
    }

    #[test]
    fn the_header_of_a_wav_says_what_follows() {
        let header = wav_header();
        assert_eq!(header.len(), 44);
        assert_eq!(
            (header.get(24..28), header.get(28..32)),
            (Some(&[0xc0, 0x5d, 0, 0][..]), Some(&[0x80, 0xbb, 0, 0][..]))
        );
        assert!(header.starts_with(b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0"));
    }
}
