//! Text to speech: Azure's in SSML, OpenAI's, and Mistral's by events. What is said is [`Says::text`], a piece a word.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Content, Draft, Frame, refused};
use crate::fault::StatusFault;
use crate::says::Says;
use crate::wire::Asked;

/// Whether a path is one where texts are spoken.
pub(super) fn is_of(path: &str) -> bool {
    path.ends_with("/audio/speech") || path.ends_with("/cognitiveservices/v1")
}

pub(super) fn draft(asked: &Asked, says: &Says) -> Draft {
    let refused = |status| refused::refused(asked, &StatusFault::new(status));
    if asked.path().ends_with("/cognitiveservices/v1") {
        return match azure(asked) {
            Ok(format) => sound(format, says),
            Err(status) => refused(status),
        };
    }
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let format = body["response_format"].as_str().unwrap_or("mp3");
    match (&body["input"], &body["voice_id"], &body["voice"], body["stream"] == true) {
        (Value::String(_), Value::String(_), Value::Null, true) => {
            // Mistral's samples have 32 bits.
            let float = |piece: &Vec<u8>| -> Vec<u8> {
                let samples = piece.chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
                samples.flat_map(|sample| (f32::from(sample) / f32::from(i16::MAX)).to_le_bytes()).collect()
            };
            let pieces = spoken(format, &says.text);
            let pieces = if format == "pcm" { pieces.iter().map(float).collect() } else { pieces };
            let delta = |piece: &Vec<u8>| {
                let data = json!({"type": "speech.audio.delta", "audio_data": STANDARD.encode(piece)});
                Frame::named("speech.audio.delta", &data)
            };
            let usage = json!({"prompt_tokens": 7, "completion_tokens": 90, "total_tokens": 97});
            let done = json!({"type": "speech.audio.done", "usage": usage});
            let frames = pieces.iter().map(delta).chain([Frame::named("speech.audio.done", &done).end()]);
            Draft::stream(frames.collect())
        }
        (Value::String(_), Value::Null, Value::String(_), false) => sound(format, says),
        _ => refused(422),
    }
}

/// The form of sound that is asked for, or the status with which Azure refuses.
fn azure(asked: &Asked) -> Result<&'static str, u16> {
    let header = |name: &str| {
        let head = String::from_utf8_lossy(&asked.head).into_owned();
        let line = head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        });
        line.unwrap_or_default()
    };
    if header("content-type") != "application/ssml+xml" {
        return Err(415);
    }
    if header("ocp-apim-subscription-key").is_empty() {
        return Err(401);
    }
    if header("user-agent").is_empty() || !is_one_voice(&String::from_utf8_lossy(&asked.body)) {
        return Err(400);
    }
    match header("x-microsoft-outputformat").as_str() {
        "audio-24khz-96kbitrate-mono-mp3" => Ok("mp3"),
        "ogg-24khz-16bit-mono-opus" => Ok("opus"),
        "riff-24khz-16bit-mono-pcm" => Ok("wav"),
        "raw-24khz-16bit-mono-pcm" => Ok("pcm"),
        _ => Err(400),
    }
}

/// Whether it is a `speak` with one `voice`, and text alone in that, or in its `prosody`.
fn is_one_voice(ssml: &str) -> bool {
    let tags: Vec<_> = ssml.split('<').skip(1).filter_map(|tag| tag.split(['>', ' ']).next()).collect();
    let is_text = ssml.split('&').skip(1).all(|entity| entity.split_once(';').is_some_and(|(name, _)| name.len() <= 5));
    let is_plain = tags == ["speak", "voice", "/voice", "/speak"];
    is_text && (is_plain || tags == ["speak", "voice", "prosody", "/prosody", "/voice", "/speak"])
}

fn sound(format: &str, says: &Says) -> Draft {
    let kind = if format == "mp3" { "audio/mpeg" } else { "application/octet-stream" };
    Draft::new(200, kind, Content::Pieces(spoken(format, &says.text)))
}

/// The pieces that are sent for a text in this form: each begins as that form does, and has one word. In Ogg each is a page.
pub fn spoken(format: &str, text: &str) -> Vec<Vec<u8>> {
    let begin: &[u8] = match format {
        "aac" => &[0xff, 0xf1],
        "flac" => b"fLaC",
        "wav" => b"RIFF",
        "pcm" => &[],
        _ => &[0xff, 0xf3],
    };
    let page = |(number, word): (usize, &str)| {
        let position = (960 * (number as u64 + 1)).to_le_bytes();
        [b"OggS\0\0", &position[..], &[0; 12], &[1, word.len() as u8], word.as_bytes()].concat()
    };
    if format == "opus" {
        return text.split_whitespace().enumerate().map(page).collect();
    }
    let word = |word: &str| if format == "pcm" && word.len() % 2 == 1 { format!("{word} ") } else { word.to_owned() };
    text.split_whitespace().map(|text| [begin, word(text).as_bytes()].concat()).collect()
}
