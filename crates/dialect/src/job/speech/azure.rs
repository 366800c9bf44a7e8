use std::borrow::Cow;

use super::parts::parts;
use super::watch::Limit;
use super::{USUAL, voice};
use crate::job::{Message, Verb};
use crate::question::Script;
use crate::sound::{RATE, Sound};
use crate::{Carry, Misfit};

// Azure's text to speech (<https://learn.microsoft.com/en-us/azure/ai-services/speech-service/rest-text-to-speech>): the text
// goes in SSML, of which a caller writes no part.

/// Milliseconds of sound after which an answer is cut, and nothing is said of it.
const LONGEST: u64 = 600_000;
/// Milliseconds that a text may be spoken at most by our own reckoning, so that it is never cut.
const SAFE: u64 = 540_000;
/// Bytes a second of the MP3 that is asked for.
const MP3_BYTES: u64 = 96_000 / 8;
/// The speeds that the service has, in thousandths.
const SPEEDS: std::ops::RangeInclusive<u32> = 500..=2_000;

/// Whether it has such a voice, and can speak so fast.
pub(super) fn fits(script: &Script, carry: &Carry) -> Result<(), Misfit> {
    // Voices in high definition cost twice as much: each kind has a row of its own.
    let is_fine = carry.own.as_str().ends_with("-hd");
    if locale(voice(script, carry), is_fine).is_none() {
        return Err(Misfit { field: "voice".into() });
    }
    if SPEEDS.contains(&script.speed) { Ok(()) } else { Err(Misfit { field: "speed".into() }) }
}

/// A request for each part of the text whose sound is short enough.
pub(super) fn messages(script: &Script, carry: &Carry, format: Sound) -> Vec<Message> {
    let most = SAFE * u64::from(script.speed) / u64::from(USUAL);
    parts(&script.text, most).into_iter().map(|part| message(part, script, carry, format)).collect()
}

/// The length at which sound of this form was cut, a second early.
pub(super) const fn limit(format: Sound) -> Limit {
    let seconds = LONGEST / 1_000 - 1;
    match format {
        Sound::Mp3 => Limit::Bytes(seconds * MP3_BYTES),
        Sound::Pcm => Limit::Bytes(seconds * RATE as u64 * 2),
        Sound::Opus => Limit::Samples(seconds * 48_000),
        // It is not asked for any of these.
        Sound::Aac | Sound::Flac | Sound::Wav => Limit::None,
    }
}

fn message(part: &str, script: &Script, carry: &Carry, format: Sound) -> Message {
    let output = match format {
        Sound::Mp3 => "audio-24khz-96kbitrate-mono-mp3",
        Sound::Opus => "ogg-24khz-16bit-mono-opus",
        Sound::Wav => "riff-24khz-16bit-mono-pcm",
        Sound::Pcm | Sound::Aac | Sound::Flac => "raw-24khz-16bit-mono-pcm",
    };
    let ssml = ssml(part, voice(script, carry), script.speed);
    Message {
        verb: Verb::Post,
        path: "/v1".into(),
        accept: "*/*",
        headers: vec![("x-microsoft-outputformat", output.into())],
        content_type: Some("application/ssml+xml".into()),
        body: vec![ssml.into_bytes().into()],
        answers: &[200],
    }
}

fn ssml(text: &str, voice: &str, speed: u32) -> String {
    let language = locale(voice, true).unwrap_or("en-US");
    let text = escaped(text);
    let text = match speed {
        USUAL => text,
        // Relative to the usual, in per cent.
        _ => {
            let (sign, change) = if speed < USUAL { ('-', USUAL - speed) } else { ('+', speed - USUAL) };
            format!("<prosody rate='{sign}{}.{}%'>{text}</prosody>", change / 10, change % 10).into()
        }
    };
    format!(
        "<speak version='1.0' xmlns='http://www.w3.org/2001/10/synthesis' xml:lang='{language}'>\
         <voice name='{voice}'>{text}</voice></speak>"
    )
}

/// Text as XML 1.0 has it; the characters that it cannot have at all were refused.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '\'', '"', '\r']) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 32);
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\'' => escaped.push_str("&apos;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            other => escaped.push(other),
        }
    }
    escaped.into()
}

/// The language of a voice by its short name, such as `de-CH-LeniNeural`; `None` for what is no such name, or for one in high
/// definition (`en-US-Ava:DragonHDLatestNeural`) unless `is_fine`.
fn locale(voice: &str, is_fine: bool) -> Option<&str> {
    let (language, name) = voice.rsplit_once('-')?;
    let mut tags = language.split('-');
    let first = tags.next()?;
    let is_first = (2..=3).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_lowercase());
    let rest: Vec<_> = tags.collect();
    let is_tag = |tag: &&str| (2..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_first || !(1..=2).contains(&rest.len()) || !rest.iter().all(is_tag) {
        return None;
    }
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_named = match name.split_once(':') {
        Some((name, kind)) => is_fine && plain(name) && plain(kind) && kind.contains("HD") && kind.ends_with("Neural"),
        None if name.ends_with("NeuralHD") => is_fine && plain(name),
        None => plain(name) && name.ends_with("Neural") && name.len() > "Neural".len(),
    };
    is_named.then_some(language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voices_are_named_as_the_service_names_them() {
        for (voice, plain, fine) in [
            ("de-CH-LeniNeural", true, true),
            ("en-US-AvaMultilingualNeural", true, true),
            ("zh-CN-liaoning-XiaobeiNeural", true, true),
            ("sr-Latn-RS-NicholasNeural", true, true),
            ("en-US-Ava:DragonHDLatestNeural", false, true),
            ("en-US-AlloyMultilingualNeuralHD", false, true),
            ("alloy", false, false),
            ("de-CH-Neural", false, false),
            ("de-CH", false, false),
            ("DE-CH-LeniNeural", false, false),
            ("de-CH-Leni Neural", false, false),
            ("de-CH-'/><x y='Neural", false, false),
            ("a-b-c-d-e-Neural", false, false),
            ("", false, false),
        ] {
            assert_eq!(locale(voice, false).is_some(), plain, "{voice}");
            assert_eq!(locale(voice, true).is_some(), fine, "{voice}");
        }
        assert_eq!(locale("zh-CN-liaoning-XiaobeiNeural", false), Some("zh-CN-liaoning"));
    }

    #[test]
    fn a_text_stays_a_text() {
        let attack = "</voice><voice name='x'>&amp;]]><!--<?xml?>\"\r";
        let ssml = ssml(attack, "de-CH-LeniNeural", USUAL);
        assert_eq!(
            ssml,
            "<speak version='1.0' xmlns='http://www.w3.org/2001/10/synthesis' xml:lang='de-CH'><voice \
             name='de-CH-LeniNeural'>&lt;/voice&gt;&lt;voice name=&apos;x&apos;&gt;&amp;amp;]]&gt;&lt;!--&lt;?xml?&gt;\
             &quot;&#13;</voice></speak>"
        );
        assert!(super::ssml("a", "de-CH-LeniNeural", 1_250).contains("<prosody rate='+25.0%'>a</prosody>"));
        assert!(super::ssml("a", "de-CH-LeniNeural", 505).contains("<prosody rate='-49.5%'>a</prosody>"));
    }
}
