use bytes::Bytes;

use super::*;
use crate::json::Document;

fn transcript() -> Transcript {
    let segment = |start, end, text: &str| Segment { start, end, text: text.into(), ..Segment::default() };
    let sure = ["0.0", "-0.25", "1.2", "1e-3"].map(|number| Some(number.to_owned()));
    Transcript {
        text: "Fever <39> --> & rest. Then home.".into(),
        language: Language::named("de-CH"),
        millis: Some(4_200),
        segments: vec![
            segment(360_001_000, 360_002_000, "after a hundred hours"),
            Segment { sure, ..segment(0, 1_500, " Fever <39> --> & rest.\r\n\r\n\n and tea\0 ") },
            segment(1_200, 900, "Then home."),
            segment(2_000, 2_100, " \n "),
        ],
        words: vec![Word { start: 10, end: 20, text: "Fever".into() }],
        host_model: None,
    }
}

fn wish(format: Format) -> Wish {
    Wish { format, stream: false, segments: true, words: false, language: None, counted: 4_321 }
}

fn text(format: Format) -> (String, &'static str) {
    let made = written(transcript(), &wish(format), None);
    (String::from_utf8(made.body.expose_bytes().to_vec()).unwrap(), made.media_type)
}

#[test]
fn a_transcript_is_written_in_five_ways() {
    assert_eq!(
        text(Format::Json).0,
        r#"{"text":"Fever <39> --> & rest. Then home.","usage":{"type":"duration","seconds":4.321}}"#
    );
    assert_eq!(text(Format::Text), ("Fever <39> --> & rest. Then home.\n".into(), "text/plain; charset=utf-8"));
    assert_eq!(
        text(Format::Srt).0,
        "1\n00:00:00,000 --> 00:00:01,500\nFever <39> -> & rest.\nand tea\u{fffd}\n\n\
         2\n00:00:01,200 --> 00:00:01,200\nThen home.\n\n\
         3\n100:00:01,000 --> 100:00:02,000\nafter a hundred hours\n\n"
    );
    assert_eq!(
        text(Format::Vtt),
        (
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nFever &lt;39&gt; --&gt; &amp; rest.\nand tea\u{fffd}\n\n\
             00:00:01.200 --> 00:00:01.200\nThen home.\n\n\
             100:00:01.000 --> 100:00:02.000\nafter a hundred hours\n\n"
                .into(),
            "text/vtt; charset=utf-8"
        )
    );
    let verbose = text(Format::VerboseJson).0;
    let begin = r#"{"task":"transcribe","language":"german","duration":4.200,"text":"Fever <39> --> & rest. Then home.","segments":[{"id":0,"seek":0,"start":0.000,"end":1.500,"#;
    assert!(verbose.starts_with(begin), "{verbose}");
    assert!(verbose.contains(
        r#""tokens":[],"temperature":0.0,"avg_logprob":-0.25,"compression_ratio":1.2,"no_speech_prob":1e-3}"#
    ));
    assert!(verbose.contains(r#""temperature":0,"avg_logprob":0,"compression_ratio":0,"no_speech_prob":0}"#));
    assert!(verbose.ends_with(r#"],"usage":{"type":"duration","seconds":4.321}}"#), "{verbose}");
}

#[test]
fn words_stand_there_where_they_are_asked_for_and_segments_too() {
    let wish = Wish { words: true, segments: false, ..wish(Format::VerboseJson) };
    let made = written(transcript(), &wish, Some(7));
    let body = String::from_utf8(made.body.expose_bytes().to_vec()).unwrap();
    assert!(body.contains(r#""words":[{"word":"Fever","start":0.010,"end":0.020}],"usage""#), "{body}");
    assert_eq!(made.usage.map(|usage| usage.audio_ms), Some(7));
}

#[test]
fn what_was_heard_at_once_is_two_events_and_silence_is_one() {
    let stream = |transcript| {
        let made = written(transcript, &Wish { stream: true, ..wish(Format::Json) }, None);
        (String::from_utf8(made.body.expose_bytes().to_vec()).unwrap(), made.media_type)
    };
    let said = Transcript { text: "a\nb".into(), ..Transcript::default() };
    let (events, media_type) = stream(said);
    assert_eq!(
        events,
        "data: {\"type\":\"transcript.text.delta\",\"delta\":\"a\\u000ab\"}\n\n\
         data: {\"type\":\"transcript.text.done\",\"text\":\"a\\u000ab\",\"usage\":{\"type\":\"duration\",\"seconds\":4.321}}\n\n"
    );
    assert_eq!(media_type, "text/event-stream; charset=utf-8");
    assert_eq!(stream(Transcript::default()).0.matches("data: ").count(), 1);
}

#[test]
fn nothing_of_what_was_said_shows() {
    let transcript = transcript();
    let shown = format!("{transcript:?} {:?} {:?}", transcript.segments, transcript.words);
    assert!(!shown.contains("Fever") && !shown.contains("home"), "{shown}");
}

#[test]
fn a_time_is_a_number_of_seconds_within_a_week() {
    let read = |json: &'static str| {
        let document = Document::parse(Bytes::from_static(json.as_bytes())).unwrap();
        millis(Some(document.root()))
    };
    assert_eq!(read("1.2345"), Ok(1_235));
    assert_eq!(read("-0.02"), Ok(0));
    let none = Err(HostFault::Malformed("a time is none"));
    for json in ["\"1\"", "null", "604800", "1e300"] {
        assert_eq!(read(json), none, "{json}");
    }
}
