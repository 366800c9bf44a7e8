use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phi_words::{Class, Code, Prompt, Refusal};

use super::*;
use crate::job::Begin;
use crate::question::{Question, Way, Work};
use crate::sealer::Sealer;

fn read(body: &str) -> Result<Question, Refusal> {
    let sealer = Sealer::new(|_, _| None, |_, _| None);
    Way::Work(Work::Speech).read(Prompt::new(body.to_owned()), Class::General, &sealer)
}

/// A request to speak, with these fields more.
fn asked(more: &str) -> Question {
    read(&format!(r#"{{"model":"m","input":"Hello, Zürich!","voice":"alloy"{more}}}"#)).expect(more)
}

fn carry(speaks: Speaks, sounds: &[Sound]) -> Carry {
    let voices = [("alloy".to_owned(), "de-CH-LeniNeural".to_owned())].into();
    let lacks = ["instructions".to_owned()].into();
    let sounds = sounds.iter().copied().collect();
    Carry { speaks, sounds, voices, lacks, ..Carry::plain("own-model".parse().expect("a name")) }
}

fn azure() -> Carry {
    carry(Speaks::Service(Service::AzureSpeech), &[Sound::Mp3, Sound::Opus, Sound::Pcm])
}

fn mistral() -> Carry {
    let sounds = [Sound::Mp3, Sound::Opus, Sound::Flac, Sound::Wav, Sound::Pcm];
    let mut carry = carry(Speaks::Mistral, &sounds);
    carry.lacks.insert("speed".to_owned());
    carry
}

fn misfit(question: &Question, carry: &Carry) -> Option<String> {
    question.fits(carry).err().map(|misfit| misfit.field.to_string())
}

fn job(question: &Question, carry: &Carry) -> Job {
    assert_eq!(misfit(question, carry), None);
    let Question::Work(work) = question else { panic!("it is work") };
    let Begin { job, left_out } = crate::job::begin(work, carry, Class::General);
    assert!(left_out.is_empty(), "{left_out:?}");
    job
}

fn follow(job: &mut Job) -> Option<Message> {
    match job.step() {
        Step::Follow(message) => Some(message),
        Step::Said => None,
        other @ (Step::Ask(_) | Step::Wait(_) | Step::Done(_)) => panic!("{other:?}"),
    }
}

fn text(message: &Message) -> String {
    String::from_utf8(message.body.concat()).expect("text")
}

/// What the caller hears of answers that come in these pieces.
fn heard(mut job: Job, answers: &[&[&[u8]]]) -> Result<Vec<u8>, HostFault> {
    let mut out = VecDeque::new();
    for pieces in answers {
        follow(&mut job).expect("a message");
        for piece in *pieces {
            job.piece(Bytes::copy_from_slice(piece), &mut out)?;
        }
        job.end(&mut out)?;
    }
    assert!(follow(&mut job).is_none());
    Ok(out.into_iter().flat_map(|piece| piece.expose_into_bytes().to_vec()).collect())
}

const MP3: &[u8] = &[0xff, 0xf3, 0x84, 0xc4, 1, 2, 3];

#[test]
fn a_body_is_read_strictly() {
    for (body, param) in [
        (r#"{"model":"m","voice":"a"}"#, "input"),
        (r#"{"model":"m","input":" ","voice":"a"}"#, "input"),
        (r#"{"model":"m","input":7,"voice":"a"}"#, "input"),
        (r#"{"model":"m","input":"a\u0000b","voice":"a"}"#, "input"),
        (r#"{"model":"m","input":"a\u001bb","voice":"a"}"#, "input"),
        (r#"{"model":"m","input":"a\uffffb","voice":"a"}"#, "input"),
        (r#"{"model":"m","input":"a"}"#, "voice"),
        (r#"{"model":"m","input":"a","voice":"</voice>"}"#, "voice"),
        (r#"{"model":"m","input":"a","voice":{"id":"x"}}"#, "voice"),
        (r#"{"model":"m","input":"a","voice":"b","response_format":"ogg"}"#, "response_format"),
        (r#"{"model":"m","input":"a","voice":"b","speed":4.5}"#, "speed"),
        (r#"{"model":"m","input":"a","voice":"b","stream_format":"ws"}"#, "stream_format"),
    ] {
        let refusal = read(body).expect_err(body);
        assert_eq!((refusal.code, refusal.param.as_deref()), (Code::InvalidRequest, Some(param)), "{body}");
    }
    let long = |letters: usize| read(&format!(r#"{{"model":"m","input":"{}","voice":"a"}}"#, "ä".repeat(letters)));
    assert!(long(4_096).is_ok() && long(4_097).is_err(), "letters are counted, not bytes");
    let Question::Work(work) = asked("") else { panic!("it is work") };
    assert_eq!(work.counted().characters, 14);
    assert!(read(r#"{"model":"m","input":"a\tb\nc\r\n","voice":"a"}"#).is_ok());
}

#[test]
fn azure_is_asked_in_ssml_for_what_it_can_write() {
    for (format, output) in [
        ("", "audio-24khz-96kbitrate-mono-mp3"),
        (r#","response_format":"opus""#, "ogg-24khz-16bit-mono-opus"),
        (r#","response_format":"wav""#, "raw-24khz-16bit-mono-pcm"),
        (r#","response_format":"flac""#, "raw-24khz-16bit-mono-pcm"),
        (r#","response_format":"pcm""#, "raw-24khz-16bit-mono-pcm"),
    ] {
        let mut job = job(&asked(format), &azure());
        let message = follow(&mut job).expect("a message");
        assert_eq!((message.verb, &*message.path, message.answers), (crate::job::Verb::Post, "/v1", &[200][..]));
        assert_eq!(message.content_type.as_deref(), Some("application/ssml+xml"));
        assert_eq!(message.headers, [("x-microsoft-outputformat", output.into())], "{format}");
        assert!(text(&message).contains("<voice name='de-CH-LeniNeural'>Hello, Zürich!</voice>"));
        assert!(follow(&mut job).is_none());
    }
    let attack = read(r#"{"model":"m","input":"</voice><audio src='x'/>&","voice":"fr-CH-ArianeNeural","speed":1.5}"#);
    let message = follow(&mut job(&attack.expect("a text"), &azure())).expect("a message");
    let inside = "xml:lang='fr-CH'><voice name='fr-CH-ArianeNeural'><prosody rate='+50.0%'>&lt;/voice&gt;&lt;audio \
                  src=&apos;x&apos;/&gt;&amp;</prosody></voice></speak>";
    assert!(text(&message).ends_with(inside), "{}", text(&message));
}

#[test]
fn what_a_host_cannot_do_drops_it_out_of_the_plan() {
    for (more, carry, field) in [
        (r#","response_format":"aac""#, azure(), Some("response_format")),
        (r#","response_format":"aac""#, mistral(), Some("response_format")),
        (r#","instructions":"Be glad.""#, azure(), Some("instructions")),
        (r#","instructions":"""#, azure(), None),
        (r#","instructions":"Be glad.""#, mistral(), Some("instructions")),
        (r#","speed":0.25"#, azure(), Some("speed")),
        (r#","speed":0.5"#, azure(), None),
        (r#","speed":2.5"#, azure(), Some("speed")),
        (r#","speed":1.1"#, mistral(), Some("speed")),
        (r#","speed":1.0"#, mistral(), None),
        ("", carry(Speaks::Gemini, &Sound::ALL), Some("model")),
        ("", carry(Speaks::Service(Service::Fal), &Sound::ALL), Some("model")),
    ] {
        assert_eq!(misfit(&asked(more), &carry).as_deref(), field, "{more} {:?}", carry.speaks);
    }
    let open = Carry { open_body: true, ..azure() };
    assert_eq!(misfit(&asked(r#","strange":1"#), &open).as_deref(), Some("strange"));
    let unknown = read(r#"{"model":"m","input":"a","voice":"nova"}"#).expect("a text");
    assert_eq!(misfit(&unknown, &azure()).as_deref(), Some("voice"));
    assert_eq!(misfit(&unknown, &mistral()), None, "it has voices of such names");
    let fine = read(r#"{"model":"m","input":"a","voice":"en-US-Ava:DragonHDLatestNeural"}"#).expect("a text");
    assert_eq!(misfit(&fine, &azure()).as_deref(), Some("voice"), "it costs twice as much");
    let own = "neural-hd".parse().expect("a name");
    assert_eq!(misfit(&fine, &Carry { own, ..azure() }), None);
}

#[test]
fn openai_is_asked_in_its_own_words() {
    let carry = Carry { sounds: Sound::ALL.into(), ..Carry::plain("tts-1".parse().expect("a name")) };
    let more = r#","response_format":"aac","speed":1.50,"instructions":"Be glad.","stream_format":"sse""#;
    let message = follow(&mut job(&asked(more), &carry)).expect("a message");
    assert_eq!(
        text(&message),
        "{\"model\":\"tts-1\",\"input\":\"Hello, Zürich!\",\"voice\":\"alloy\",\"response_format\":\"aac\",\
         \"speed\":1.50,\"instructions\":\"Be glad.\"}"
    );
    assert_eq!((&*message.path, message.accept), ("/audio/speech", "*/*"));
}

#[test]
fn sound_is_passed_on_as_it_comes() {
    let mut job = job(&asked(""), &azure());
    assert_eq!(job.media_type(), "audio/mpeg");
    follow(&mut job).expect("a message");
    let mut out = VecDeque::new();
    job.piece(Bytes::from_static(MP3), &mut out).expect("sound");
    assert_eq!(out.pop_front().expect("at once").expose_bytes(), MP3);
    for byte in [7, 8] {
        job.piece(vec![byte].into(), &mut out).expect("sound");
        assert_eq!(out.pop_front().expect("at once").expose_bytes()[..], [byte]);
    }
    job.end(&mut out).expect("an end");
    assert!(out.is_empty() && job.usage().is_none());
}

#[test]
fn samples_get_a_header_or_are_encoded() {
    let samples: Vec<u8> = (0..3_000_i16).flat_map(i16::to_le_bytes).collect();
    let pieces: Vec<&[u8]> = samples.chunks(701).collect();
    let pcm = heard(job(&asked(r#","response_format":"pcm""#), &azure()), &[&pieces]).expect("sound");
    assert_eq!(pcm, samples);
    let wav = heard(job(&asked(r#","response_format":"wav""#), &azure()), &[&pieces]).expect("sound");
    assert_eq!(wav, [sound::wav_header(), samples.clone()].concat());
    let flac = heard(job(&asked(r#","response_format":"flac""#), &azure()), &[&pieces]).expect("sound");
    let mut reader = claxon::FlacReader::new(std::io::Cursor::new(flac)).expect("a stream");
    let read: Vec<i32> = reader.samples().map(|sample| sample.expect("a sample")).collect();
    assert_eq!(read, (0..3_000).collect::<Vec<_>>());
}

#[test]
fn a_long_text_is_asked_for_in_parts_whose_sound_is_joined() {
    let text = "Eins zwei drei. ".repeat(240);
    let body = |more: &str| format!(r#"{{"model":"m","input":"{text}","voice":"alloy","speed":0.5{more}}}"#);
    for (more, begin) in
        [("", MP3), (r#","response_format":"pcm""#, &[0, 0, 1, 0]), (r#","response_format":"opus""#, b"OggS")]
    {
        let question = read(&body(more)).expect("a text");
        let mut asking = job(&question, &azure());
        let parts: Vec<String> =
            std::iter::from_fn(|| follow(&mut asking)).map(|message| self::text(&message)).collect();
        assert!(parts.len() > 1 && parts.iter().all(|part| part.contains("drei.</prosody>")), "{}", parts.len());
        assert_eq!(parts.iter().map(|part| part.matches("zwei").count()).sum::<usize>(), 240, "none is lost");
        let answers: Vec<&[&[u8]]> = vec![std::slice::from_ref(&begin); parts.len()];
        let sound = heard(job(&question, &azure()), &answers).expect("sound");
        assert_eq!(sound, begin.repeat(parts.len()));
    }
    let header = sound::wav_header();
    let question = read(&body(r#","response_format":"wav""#)).expect("a text");
    let mut asking = job(&question, &azure());
    let parts = std::iter::from_fn(|| follow(&mut asking)).count();
    let samples: &[&[u8]] = &[&[0, 0, 1, 0]];
    let sound = heard(job(&question, &azure()), &vec![samples; parts]).expect("sound");
    assert_eq!((sound.len(), sound.starts_with(&header)), (header.len() + 4 * parts, true), "one header for all");
}

#[test]
fn sound_that_is_none_or_was_cut_is_a_fault() {
    let ask = || job(&asked(""), &azure());
    for pieces in [&[][..], &[&[][..]], &[&[0xff, 0xf3]]] {
        assert_eq!(heard(ask(), &[pieces]), Err(HostFault::Truncated), "{pieces:?}");
    }
    for text in [&b"{\"error\":{}}"[..], b"<html>", b"RIFF...."] {
        assert!(matches!(heard(ask(), &[&[text]]), Err(HostFault::Malformed(_))));
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert!(matches!(heard(ask(), &[&bytes]), Err(HostFault::Malformed(_))));
    }
    let pcm = job(&asked(r#","response_format":"pcm""#), &azure());
    assert_eq!(heard(pcm, &[&[&[0; 5]]]), Err(HostFault::Truncated), "half a sample");
    let ten_minutes = [MP3, &vec![0; 7_200_000]].concat();
    assert_eq!(heard(ask(), &[&[&ten_minutes]]), Err(HostFault::Truncated), "it would have been cut");
    let opus = |seconds: u64, pieces: &[&[u8]]| {
        let position = (seconds * 48_000).to_le_bytes();
        let page = [b"OggS\0\0", &position[..], &[0; 12], &[1, 2, 7, 7]].concat();
        let pieces: Vec<&[u8]> = [&page[..]].into_iter().chain(pieces.iter().copied()).collect();
        heard(job(&asked(r#","response_format":"opus""#), &azure()), &[&pieces])
    };
    assert!(opus(598, &[]).is_ok());
    assert_eq!(opus(599, &[]), Err(HostFault::Truncated), "it would have been cut");
    assert!(matches!(opus(1, &[&[0; 60]]), Err(HostFault::Malformed(_))));
}

#[test]
fn a_caller_may_have_events() {
    let mut job = job(&asked(r#","stream_format":"sse""#), &azure());
    assert_eq!(job.media_type(), "text/event-stream; charset=utf-8");
    follow(&mut job).expect("a message");
    let mut out = VecDeque::new();
    job.piece(Bytes::from_static(MP3), &mut out).expect("sound");
    let audio = STANDARD.encode(MP3);
    let delta = format!("data: {{\"type\":\"speech.audio.delta\",\"audio\":\"{audio}\"}}\n\n");
    assert_eq!(out.pop_front().expect("at once").expose_bytes(), delta.as_bytes());
    job.end(&mut out).expect("an end");
    let done = "data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":0,\"output_tokens\":0,\
                \"total_tokens\":0,\"characters\":14}}\n\n";
    assert_eq!(out.pop_front().expect("the end").expose_bytes(), done.as_bytes());
}

fn delta(sound: &[u8]) -> String {
    let audio = STANDARD.encode(sound);
    format!("event: speech.audio.delta\ndata: {{\"type\":\"speech.audio.delta\",\"audio_data\":\"{audio}\"}}\n\n")
}

const DONE: &str = "event: speech.audio.done\ndata: {\"type\":\"speech.audio.done\",\"usage\":{\"prompt_tokens\":7,\"total_tokens\":90}}\n\n";

#[test]
fn mistral_is_asked_for_events_whose_sound_is_passed_on() {
    let ask = |more| job(&asked(more), &mistral());
    let message = follow(&mut ask("")).expect("a message");
    assert_eq!(
        text(&message),
        "{\"model\":\"own-model\",\"input\":\"Hello, Zürich!\",\"voice_id\":\"de-CH-LeniNeural\",\
         \"response_format\":\"mp3\",\"stream\":true}"
    );
    assert_eq!((&*message.path, message.accept), ("/audio/speech", "text/event-stream"));
    let whole = delta(MP3) + &delta(&[7, 8]) + DONE;
    for split in [1, 2, 7, 64, 4_096] {
        let pieces: Vec<&[u8]> = whole.as_bytes().chunks(split).collect();
        assert_eq!(heard(ask(""), &[&pieces]).expect("sound"), [MP3, &[7, 8]].concat(), "{split}");
    }
    let floats: Vec<u8> = [0.0_f32, 0.5, -1.0].iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let whole = delta(&floats[..5]) + &delta(&floats[5..]) + DONE;
    let pcm = heard(ask(r#","response_format":"pcm""#), &[&[whole.as_bytes()]]).expect("sound");
    assert_eq!(pcm, [0_i16, 16_384, -32_767].iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>());
}

#[test]
fn a_stream_of_mistral_s_that_is_not_whole_is_a_fault() {
    let hear = |stream: String| heard(job(&asked(""), &mistral()), &[&[stream.as_bytes()]]);
    assert_eq!(hear(delta(MP3)), Err(HostFault::Truncated));
    assert_eq!(hear(DONE.to_owned()), Err(HostFault::Truncated));
    let stated =
        "data: {\"object\":\"error\",\"message\":\"Hello, Zürich!\",\"type\":\"server_error\",\"code\":\"3000\"}\n\n";
    assert!(matches!(hear(delta(MP3) + stated), Err(HostFault::Stated(_))));
    for bad in [
        "data: {\"type\":\"speech.audio.delta\"}\n\n".to_owned(),
        "data: {\"type\":\"speech.audio.delta\",\"audio_data\":\"%\"}\n\n".to_owned(),
        "data: nonsense\n\n".to_owned(),
        delta(MP3) + DONE + DONE,
        delta(MP3) + DONE + &delta(MP3),
    ] {
        assert!(matches!(hear(bad.clone()), Err(HostFault::Malformed(_))), "{bad}");
    }
}
