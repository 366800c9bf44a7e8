use std::collections::VecDeque;

use bytes::Bytes;
use phi_words::{Class, Completion, Prompt, Usage};
use serde_json::{Value, json};

use crate::container::samples::{amr, opus, wav};
use crate::job::{Begin, Heard, Job, Made, Message, Step, Verb};
use crate::multipart::Wrapping;
use crate::sealer::transparent;
use crate::{Carry, Field, HostFault, Misfit, Question, Service, Speaks, Treatment, Way, Work};

const WAY: Way = Way::Work(Work::Transcription);

/// A form with this sound and these fields.
fn form(sound: &[u8], fields: &[(&str, &str)]) -> (Wrapping, Bytes) {
    let mut form = Vec::new();
    for (name, value) in fields {
        form.extend_from_slice(
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes(),
        );
    }
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../../Keller.wav\"\r\nContent-Type: audio/wav\r\n\r\n";
    form.extend_from_slice(head.as_bytes());
    form.extend_from_slice(sound);
    form.extend_from_slice(b"\r\n--b--\r\n");
    (Wrapping::of("multipart/form-data; boundary=b").unwrap(), form.into())
}

fn read_of(class: Class, sound: &[u8], fields: &[(&str, &str)]) -> Result<Question, (String, Option<String>)> {
    let (wrapping, body) = form(sound, fields);
    let read = WAY.read_wrapped(&wrapping, Prompt::new(body), class, &transparent());
    read.map_err(|refusal| (refusal.code.to_string(), refusal.param.map(|param| param.to_string())))
}

fn question(sound: &[u8], fields: &[(&str, &str)]) -> Question {
    let fields = [&[("model", "m")], fields].concat();
    read_of(Class::General, sound, &fields).unwrap()
}

fn carry(speaks: Speaks, own: &str) -> Carry {
    Carry { speaks, country: Some("CH".parse().unwrap()), ..Carry::plain(own.parse().unwrap()) }
}

fn whisper() -> Carry {
    carry(Speaks::OpenAi, "whisper-1")
}

/// As OpenAI's later models.
fn later() -> Carry {
    Carry { lacks: ["verbose_json".to_owned()].into(), ..carry(Speaks::OpenAi, "gpt-4o-transcribe") }
}

fn voxtral() -> Carry {
    carry(Speaks::Mistral, "voxtral-mini-2602")
}

fn fast() -> Carry {
    carry(Speaks::Service(Service::AzureSpeech), "fast-transcription")
}

fn short() -> Carry {
    carry(Speaks::Service(Service::AzureSpeech), "short-audio")
}

fn batch() -> Carry {
    carry(Speaks::Service(Service::InfomaniakBatch), "whisper")
}

fn begun(question: &Question, carry: &Carry) -> Begin {
    assert_eq!(question.fits(carry), Ok(()));
    match question.begin(carry, &|name| format!("hidden {name}"), Class::General) {
        crate::Begun::Job(begin) => begin,
        crate::Begun::Body(_) => panic!("no job"),
    }
}

/// The one message of a job.
fn asked(job: &mut Job) -> Message {
    match job.step() {
        Step::Ask(message) | Step::Follow(message) => message,
        other @ (Step::Wait(_) | Step::Done(_) | Step::Said) => panic!("{other:?}"),
    }
}

/// The parts of a form, a file as its name.
fn parts(message: &Message) -> Vec<(String, String)> {
    let wrapping = Wrapping::of(message.content_type.as_deref().unwrap()).unwrap();
    let Wrapping::Form(boundary) = wrapping else { panic!("no form") };
    let body = message.body.concat();
    let text = String::from_utf8_lossy(&body).into_owned();
    let read = crate::multipart::read(&body.into(), &boundary).unwrap();
    read.into_iter()
        .map(|part| {
            let called = text.split("filename=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            let data = String::from_utf8_lossy(&part.data).into_owned();
            (part.name, if part.is_file { called.to_owned() } else { data })
        })
        .collect()
}

fn heard(body: &Value) -> Heard {
    heard_bytes(body.to_string())
}

fn heard_bytes(body: impl Into<Bytes>) -> Heard {
    Heard { status: 200, location: None, retry_after: None, body: Completion::new(body) }
}

/// What is made of one whole answer.
fn made(question: &Question, carry: &Carry, answer: &Value) -> Result<Made, HostFault> {
    let mut job = begun(question, carry).job;
    drop(asked(&mut job));
    job.hear(heard(answer))?;
    match job.step() {
        Step::Done(made) => Ok(made),
        other @ (Step::Ask(_) | Step::Follow(_) | Step::Wait(_) | Step::Said) => panic!("{other:?}"),
    }
}

fn text(made: &Made) -> String {
    String::from_utf8(made.body.expose_bytes().to_vec()).unwrap()
}

fn audio(millis: u64) -> Option<Usage> {
    Some(Usage { audio_ms: millis, ..Usage::default() })
}

fn misfit(question: &Question, carry: &Carry) -> String {
    question.fits(carry).unwrap_err().field.to_string()
}

#[test]
fn the_upload_goes_on_as_the_same_bytes_under_a_name_of_ours() {
    let (wrapping, body) = form(&wav(1_000), &[("model", "m")]);
    let within = body.as_ptr_range();
    let read = WAY.read_wrapped(&wrapping, Prompt::new(body.clone()), Class::Phi, &transparent()).unwrap();
    for carry in [whisper(), later(), voxtral(), fast(), batch()] {
        let message = asked(&mut begun(&read, &carry).job);
        let sent = message.body.iter().find(|piece| piece.len() > 1_000).unwrap();
        assert!(within.contains(&sent.as_ptr()), "it was copied for {carry:?}");
        let named = parts(&message);
        assert!(named.iter().any(|(_, called)| called == "audio.wav"), "{named:?}");
        assert!(!String::from_utf8_lossy(&message.body.concat()).contains("Keller"));
    }
    assert_eq!(read.estimate(0), audio(1_000).unwrap());
    assert_eq!(read.body_len(), body.len());
}

#[test]
fn whisper_is_asked_for_everything_at_once() {
    let fields = [
        ("language", "de-CH"),
        ("prompt", "Ibuprofen"),
        ("temperature", "0.20"),
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
        ("user", "keller"),
    ];
    let begin = begun(&question(&amr(5), &fields), &whisper());
    assert_eq!(begin.left_out, ["user"]);
    let mut job = begin.job;
    let message = asked(&mut job);
    assert_eq!((message.verb, &*message.path), (Verb::Post, "/audio/transcriptions"));
    let expected = [
        ("model", "whisper-1"),
        ("response_format", "verbose_json"),
        ("language", "de"),
        ("prompt", "Ibuprofen"),
        ("temperature", "0.20"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
        ("file", "audio.amr"),
    ];
    assert_eq!(parts(&message), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn what_whisper_says_is_told_in_each_format() {
    let answer = json!({"task": "transcribe", "language": "German", "duration": 2.5, "text": "Guten Tag", "segments": [
        {"id": 0, "start": 0.0, "end": 2.5, "text": " Guten Tag", "no_speech_prob": 0.1, "tokens": [1]}]});
    let of = |format| made(&question(&wav(3_000), &[("response_format", format)]), &whisper(), &answer).unwrap();
    for (format, begin) in [
        ("json", r#"{"text":"Guten Tag","usage":{"type":"duration","seconds":2.500}}"#),
        ("text", "Guten Tag\n"),
        ("srt", "1\n00:00:00,000 --> 00:00:02,500\nGuten Tag\n"),
        ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nGuten Tag\n"),
        (
            "verbose_json",
            r#"{"task":"transcribe","language":"german","duration":2.500,"text":"Guten Tag","segments":[{"id":0,"#,
        ),
    ] {
        let made = of(format);
        assert!(text(&made).starts_with(begin), "{format}: {}", text(&made));
        assert_eq!(made.usage, audio(2_500), "{format}");
    }
    assert!(text(&of("verbose_json")).contains(r#""no_speech_prob":0.1}"#));
}

#[test]
fn what_is_charged_by_the_second_is_what_the_host_says() {
    let answer = json!({"text": "a", "duration": 2.5, "usage": {"type": "duration", "seconds": 3}});
    assert_eq!(made(&question(&wav(3_000), &[]), &whisper(), &answer).unwrap().usage, audio(3_000));
    for lie in [json!(-5), json!(1e15), json!("many"), json!(null), json!(0)] {
        let made = made(&question(&wav(3_000), &[]), &whisper(), &json!({"text": "a", "duration": lie})).unwrap();
        assert_eq!(made.usage, None, "{lie}");
        assert!(text(&made).contains(r#""seconds":3.000"#), "the container's length is told: {}", text(&made));
    }
}

#[test]
fn an_answer_that_is_none_is_the_hosts_fault() {
    let question = question(&wav(1_000), &[]);
    let malformed =
        |carry: &Carry, answer: Value| matches!(made(&question, carry, &answer), Err(HostFault::Malformed(_)));
    for carry in [whisper(), later(), voxtral(), fast()] {
        assert!(malformed(&carry, json!({})), "{carry:?}");
        assert!(malformed(&carry, json!({"text": 1, "combinedPhrases": 1})), "{carry:?}");
        assert!(malformed(&carry, json!([])), "{carry:?}");
        let stated = made(&question, &carry, &json!({"error": {"message": "no", "code": "server_error"}}));
        assert!(matches!(stated, Err(HostFault::Stated(_))), "{carry:?}: {stated:?}");
    }
    for carry in [whisper(), voxtral()] {
        for one in [
            json!({"text": "a"}),
            json!({"start": 0, "end": 1}),
            json!({"start": "0", "end": 1, "text": "a"}),
            json!(1),
        ] {
            assert!(malformed(&carry, json!({"text": "a", "segments": [one]})), "{one}");
        }
    }
    let phrase = json!({"offsetMilliseconds": -1, "durationMilliseconds": 1, "text": "a"});
    assert!(malformed(&fast(), json!({"combinedPhrases": [], "phrases": [phrase]})));
}

#[test]
fn models_that_tell_the_text_alone_write_no_times_and_are_followed() {
    for format in ["srt", "vtt", "verbose_json"] {
        assert_eq!(misfit(&question(&wav(9), &[("response_format", format)]), &later()), "response_format");
    }
    let begin = begun(&question(&wav(9), &[]), &later());
    let mut job = begin.job;
    assert!(parts(&asked(&mut job)).contains(&("response_format".into(), "json".into())));
    let mut job = begun(&question(&wav(9), &[("stream", "true")]), &later()).job;
    let Step::Follow(message) = job.step() else { panic!("it is not followed") };
    assert!(parts(&message).contains(&("stream".into(), "true".into())));
    assert_eq!(message.accept, "text/event-stream");
    // Whisper itself would give all of it at once.
    let whole = made(&question(&wav(9), &[("stream", "true")]), &whisper(), &json!({"text": "a"})).unwrap();
    assert_eq!((whole.media_type, text(&whole).matches("data: ").count()), ("text/event-stream; charset=utf-8", 2));
}

/// What is said for pieces of a stream, and how it ends.
fn followed(carry: &Carry, pieces: &[&[u8]]) -> (String, Option<Usage>, Result<(), HostFault>) {
    let mut job = begun(&question(&wav(1_000), &[("stream", "true")]), carry).job;
    drop(asked(&mut job));
    let mut out = VecDeque::new();
    let heard = pieces.iter().try_for_each(|piece| job.piece(Bytes::copy_from_slice(piece), &mut out));
    let ended = heard.and_then(|()| job.end(&mut out));
    let said: Vec<u8> = out.iter().flat_map(|piece| piece.expose_bytes().to_vec()).collect();
    (String::from_utf8(said).unwrap(), job.usage(), ended)
}

#[test]
fn events_of_both_hosts_are_openais_however_they_are_split() {
    let openai = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Guten \"}\n\n\
                  data: {\"type\":\"transcript.text.delta\",\"delta\":\"Tag\"}\n\n: a comment\n\n\
                  data: {\"type\":\"transcript.text.done\",\"text\":\"Guten Tag\",\"usage\":{\"type\":\"duration\",\"seconds\":2}}\n\n\
                  data: [DONE]\n\n";
    let mistral = "event: transcription.language\ndata: {\"type\":\"transcription.language\",\"audio_language\":\"de\"}\n\n\
                   data: {\"type\":\"transcription.text.delta\",\"text\":\"Guten \"}\n\n\
                   data: {\"type\":\"transcription.segment\",\"text\":\"Guten Tag\",\"start\":0,\"end\":1}\n\n\
                   data: {\"type\":\"transcription.text.delta\",\"text\":\"Tag\"}\n\n\
                   data: {\"type\":\"transcription.done\",\"text\":\"Guten Tag\",\"usage\":{\"prompt_audio_seconds\":2}}\n\n";
    let said = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Guten \"}\n\n\
                data: {\"type\":\"transcript.text.delta\",\"delta\":\"Tag\"}\n\n\
                data: {\"type\":\"transcript.text.done\",\"text\":\"Guten Tag\",\"usage\":{\"type\":\"duration\",\"seconds\":2.000}}\n\n";
    for (carry, stream) in [(later(), openai), (voxtral(), mistral)] {
        for at in 0..stream.len() {
            let (front, back) = stream.as_bytes().split_at(at);
            assert_eq!(followed(&carry, &[front, back]), (said.to_owned(), audio(2_000), Ok(())), "split at {at}");
        }
        let (_, usage, ended) = followed(&carry, &[&stream.as_bytes()[..stream.len() / 2]]);
        assert_eq!((usage, ended), (None, Err(HostFault::Truncated)));
    }
    let stated = followed(&later(), &[b"data: {\"error\":{\"message\":\"no\",\"code\":\"server_error\"}}\n\n"]).2;
    assert!(matches!(stated, Err(HostFault::Stated(_))), "{stated:?}");
    assert!(matches!(followed(&later(), &[b"data: {\n\n"]).2, Err(HostFault::Malformed(_))));
}

#[test]
fn voxtral_is_asked_without_formats_and_for_times_where_they_are_needed() {
    let fields = [("temperature", "0.5"), ("prompt", "Ibuprofen"), ("context_bias[]", "Ibuprofen"), ("language", "de")];
    let begin = begun(&question(&opus(1_000), &fields), &voxtral());
    assert_eq!(begin.left_out, ["prompt"]);
    let mut job = begin.job;
    let sent = parts(&asked(&mut job));
    let expected = [
        ("model", "voxtral-mini-2602"),
        ("language", "de"),
        ("temperature", "0.5"),
        ("context_bias[]", "Ibuprofen"),
        ("file", "audio.ogg"),
    ];
    assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let answer = json!({"model": "voxtral-mini-2602", "text": "a b", "language": "de", "usage": {"prompt_audio_seconds": 4},
        "segments": [{"text": "b", "start": 1, "end": 2}, {"text": "a", "start": 0, "end": 0.9}]});
    let timed = question(&opus(1_000), &[("response_format", "srt")]);
    assert!(
        parts(&asked(&mut begun(&timed, &voxtral()).job))
            .contains(&("timestamp_granularities[]".into(), "segment".into()))
    );
    let made = made(&timed, &voxtral(), &answer).unwrap();
    assert_eq!(text(&made), "1\n00:00:00,000 --> 00:00:00,900\na\n\n2\n00:00:01,000 --> 00:00:02,000\nb\n\n");
    assert_eq!((made.usage, made.host_model.as_deref()), (audio(4_000), Some("voxtral-mini-2602")));
    let both = question(&opus(9), &[("response_format", "srt"), ("language", "de")]);
    assert_eq!(misfit(&both, &voxtral()), "language");
    let words = question(&opus(9), &[("response_format", "verbose_json"), ("timestamp_granularities[]", "word")]);
    assert_eq!(misfit(&words, &voxtral()), "timestamp_granularities");
}

#[test]
fn azure_is_told_the_locale_of_the_place_and_masks_nothing() {
    let fields = [("language", "de"), ("prompt", "x"), ("temperature", "0"), ("context_bias[]", "Herr_Keller")];
    let begin = begun(&question(&amr(5), &fields), &fast());
    assert_eq!(begin.left_out, ["prompt"], "a temperature of zero asks for nothing");
    let mut job = begin.job;
    let message = asked(&mut job);
    assert_eq!(&*message.path, "/transcriptions:transcribe?api-version=2025-10-15");
    let definition = r#"{"locales":["de-CH"],"profanityFilterMode":"None","phraseList":{"phrases":["Herr Keller"]}}"#;
    let expected = [("definition", definition), ("audio", "audio.amr")];
    assert_eq!(parts(&message), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let unsaid = asked(&mut begun(&question(&amr(5), &[]), &fast()).job);
    assert!(parts(&unsaid).contains(&("definition".into(), r#"{"profanityFilterMode":"None"}"#.into())));
    assert_eq!(misfit(&question(&amr(5), &[("language", "la")]), &fast()), "language");
}

#[test]
fn what_azure_says_fast_has_words_and_how_sure_it_is() {
    let answer = json!({"durationMilliseconds": 2_500, "combinedPhrases": [{"text": "Guten Tag."}], "phrases": [
        {"offsetMilliseconds": 40, "durationMilliseconds": 960, "text": "Guten Tag.", "locale": "de-CH", "confidence": 0.9, "words": [
            {"text": "Guten", "offsetMilliseconds": 40, "durationMilliseconds": 400}]}]});
    let fields = [
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
    ];
    let made = made(&question(&wav(9), &fields), &fast(), &answer).unwrap();
    let body: Value = serde_json::from_str(&text(&made)).unwrap();
    assert_eq!((&body["language"], &body["duration"]), (&json!("german"), &json!(2.5)));
    assert_eq!(body["words"], json!([{"word": "Guten", "start": 0.04, "end": 0.44}]));
    assert_eq!((&body["segments"][0]["end"], &body["segments"][0]["avg_logprob"]), (&json!(1.0), &json!(-0.105361)));
    assert_eq!(made.usage, audio(2_500));
}

#[test]
fn short_audio_is_what_fits_there_with_a_language() {
    let german = [("language", "de")];
    for (sound, kind) in
        [(wav(60_000), "audio/wav; codecs=audio/pcm; samplerate=16000"), (opus(59_000), "audio/ogg; codecs=opus")]
    {
        let message = asked(&mut begun(&question(&sound, &german), &short()).job);
        let path = "/speech/recognition/conversation/cognitiveservices/v1?language=de-CH&format=simple&profanity=raw";
        assert_eq!((&*message.path, message.content_type.as_deref()), (path, Some(kind)));
        assert_eq!(message.body, [Bytes::from(sound)]);
    }
    for sound in [wav(60_001), amr(9)] {
        assert_eq!(misfit(&question(&sound, &german), &short()), "file");
    }
    let unsaid = question(&wav(9), &[]).fits(&short());
    assert_eq!(unsaid, Err(Misfit { field: Field::Needed("language") }));
    let refusal = phi_words::Refusal::from(&unsaid.unwrap_err());
    assert_eq!(refusal.message, "no route that serves this model can do without `language`");
    let words = [("language", "de"), ("response_format", "verbose_json"), ("timestamp_granularities[]", "word")];
    assert_eq!(misfit(&question(&wav(9), &words), &short()), "timestamp_granularities");
}

#[test]
fn of_short_audio_silence_is_an_empty_transcript() {
    let fields = [("language", "de"), ("response_format", "srt")];
    let heard = |answer: Value| made(&question(&wav(2_000), &fields), &short(), &answer);
    let said =
        json!({"RecognitionStatus": "Success", "DisplayText": "Guten Tag.", "Offset": 500_000, "Duration": 9_000_000});
    let said = heard(said).unwrap();
    assert_eq!(text(&said), "1\n00:00:00,050 --> 00:00:00,950\nGuten Tag.\n\n");
    assert_eq!(said.usage, None, "how long was spoken is not what is charged");
    for status in ["NoMatch", "InitialSilenceTimeout", "BabbleTimeout"] {
        assert_eq!(
            text(&heard(json!({"RecognitionStatus": status, "Offset": 0, "Duration": 0})).unwrap()),
            "",
            "{status}"
        );
    }
    for answer in [json!({"RecognitionStatus": "Error"}), json!({"RecognitionStatus": "Success"}), json!({})] {
        assert!(heard(answer).is_err());
    }
}

#[test]
fn a_batch_is_asked_for_until_it_is_there() {
    let mut job = begun(&question(&wav(9), &[("response_format", "text")]), &batch()).job;
    let message = asked(&mut job);
    assert_eq!((&*message.path, message.answers), ("/openai/audio/transcriptions", [200, 201, 202].as_slice()));
    job.hear(heard(&json!({"batch_id": "0b7b-9"}))).unwrap();
    let mut waits = Vec::new();
    for _ in 0..8 {
        let Step::Wait(wait) = job.step() else { panic!("it does not wait") };
        waits.push(wait.as_millis());
        let message = asked(&mut job);
        assert_eq!((message.verb, &*message.path, message.is_empty()), (Verb::Get, "/results/0b7b-9", true));
        job.hear(heard(&json!({"status": "pending", "data": null}))).unwrap();
    }
    assert_eq!(waits, [500, 750, 1_125, 1_687, 2_531, 3_796, 5_000, 5_000]);
    assert!(matches!(job.step(), Step::Wait(_)));
    drop(asked(&mut job));
    let data = json!({"text": "Guten Tag", "language": "german", "duration": 2.5, "segments": []}).to_string();
    job.hear(heard(&json!({"status": "success", "url": "https://elsewhere.example", "data": data}))).unwrap();
    let Step::Done(made) = job.step() else { panic!("it is not done") };
    assert_eq!((text(&made).as_str(), made.usage), ("Guten Tag\n", audio(2_500)));
    assert!(matches!(job.step(), Step::Said));
}

#[test]
fn what_a_batch_says_leads_nowhere_and_what_is_no_result_is_none() {
    let begin = || {
        let mut job = begun(&question(&wav(9), &[]), &batch()).job;
        drop(asked(&mut job));
        job
    };
    for id in
        [json!("../../vault"), json!("a/b"), json!(""), json!("a".repeat(65)), json!("a?b"), json!(7), json!(null)]
    {
        assert!(begin().hear(heard(&json!({"batch_id": id}))).is_err(), "{id}");
    }
    let polled = |answer: &Value| {
        let mut job = begin();
        job.hear(heard(&json!({"batch_id": "x"}))).unwrap();
        assert!(matches!(job.step(), Step::Wait(_)));
        drop(asked(&mut job));
        job.hear(heard(answer))
    };
    for answer in [
        json!({"status": "error"}),
        json!({"status": "lost"}),
        json!({}),
        json!({"status": "success"}),
        json!({"status": "success", "data": "no JSON"}),
        json!({"status": "success", "data": {"text": "a"}}),
    ] {
        assert!(polled(&answer).is_err(), "{answer}");
    }
}

#[test]
fn fields_that_we_do_not_know_go_to_open_bodies_alone() {
    let fields = [("known_speaker_names[]", "a"), ("known_speaker_names[]", "b"), ("vad", "on")];
    let question = question(&wav(9), &fields);
    assert_eq!(misfit(&question, &whisper()), "vad");
    let open = Carry { open_body: true, ..whisper() };
    let sent = parts(&asked(&mut begun(&question, &open).job));
    for (name, value) in [("known_speaker_names[]", "a"), ("known_speaker_names[]", "b"), ("vad", "on")] {
        assert!(sent.contains(&(name.into(), value.into())), "{name}: {sent:?}");
    }
}

/// Each row of the table, in the good way and with what it cannot be.
#[test]
fn each_field_is_judged_by_its_row() {
    let model = ("model", "m");
    let refused = |class, fields: &[(&str, &str)]| {
        let refused = read_of(class, &wav(9), fields).unwrap_err();
        (refused.0, refused.1.unwrap_or_default())
    };
    let pair = |code: &str, param: &str| (code.to_owned(), param.to_owned());
    let (invalid, unsupported) = ("invalid_request", "unsupported_parameter");
    assert_eq!(refused(Class::General, &[]), pair(invalid, "model"));
    for (name, good, bad, code) in [
        ("response_format", "vtt", "diarized_json", invalid),
        ("stream", "false", "yes", invalid),
        ("language", "de-CH", "deutsch", invalid),
        ("temperature", "0.7", "1.5", invalid),
        ("temperature", "0", "warm", invalid),
        ("context_bias[]", "Ibuprofen", "two words", invalid),
        ("timestamp_granularities[]", "segment", "letter", invalid),
        ("chunking_strategy", "auto", "server_vad", unsupported),
        ("include[]", "", "logprobs", unsupported),
        ("file_url", "", "https://elsewhere.example/x.wav", unsupported),
        ("file_id", "", "f-1", unsupported),
        ("Language", "", "de", unsupported),
    ] {
        if !good.is_empty() {
            assert!(read_of(Class::Phi, &wav(9), &[model, (name, good)]).is_ok(), "{name}");
        }
        let param = name.trim_end_matches("[]");
        assert_eq!(refused(Class::General, &[model, (name, bad)]), pair(code, param), "{name}");
    }
    for (name, value) in [("prompt", "Ibuprofen"), ("user", "keller")] {
        assert!(read_of(Class::Phi, &wav(9), &[model, (name, value)]).is_ok(), "{name}");
    }
    assert_eq!(refused(Class::Phi, &[model, ("vad", "on")]), pair(unsupported, "vad"));
    assert_eq!(refused(Class::General, &[model, model]).0, "duplicate_key");
    let streamed = [model, ("stream", "true"), ("response_format", "srt")];
    assert_eq!(refused(Class::General, &streamed), pair(unsupported, "stream"));
    let words = [model, ("timestamp_granularities[]", "word")];
    assert_eq!(refused(Class::General, &words), pair(invalid, "timestamp_granularities"));
}

#[test]
fn what_is_no_sound_is_refused_before_anybody_is_asked() {
    for sound in [&b""[..], b"%PDF-1.7", &wav(1_000)[..30], &[0; 64]] {
        let refused = read_of(Class::General, sound, &[("model", "m")]).unwrap_err();
        assert_eq!(refused, ("invalid_request".to_owned(), Some("file".to_owned())), "{sound:?}");
    }
}

#[test]
fn what_becomes_of_a_field_is_what_is_listed() {
    let listed = |carry: &Carry| crate::parameters(phi_words::Modality::Transcription, carry);
    let fields = [
        ("language", "de"),
        ("prompt", "x"),
        ("temperature", "0.5"),
        ("context_bias[]", "x"),
        ("user", "keller"),
        ("response_format", "text"),
    ];
    for carry in [whisper(), later(), voxtral(), fast(), short(), batch()] {
        let listed = listed(&carry);
        assert!(listed.contains(&("model", Treatment::Translated)), "{carry:?}");
        for (field, value) in fields {
            let name = field.trim_end_matches("[]");
            let (_, treatment) = listed.iter().find(|(found, _)| *found == name).unwrap();
            let asked = [("language", "de"), (field, value)];
            let question = question(&wav(9), if field == "language" { &asked[..1] } else { &asked });
            let refused = question.fits(&carry).is_err();
            assert_eq!(*treatment == Treatment::Refused, refused, "{name} of {carry:?}");
            if !refused {
                let left_out = begun(&question, &carry).left_out;
                assert_eq!(*treatment == Treatment::LeftOut, left_out == [name], "{name} of {carry:?}: {left_out:?}");
            }
        }
    }
}
