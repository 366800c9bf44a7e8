//! Text to speech: sound that is passed on as it is made, by Azure's SSML, OpenAI's format and Mistral's events.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phi_record::entry::{Ended as Attempted, Incident, Status};
use phi_simulate::{Ended, Fault, Says, Shape, spoken};
use phi_words::Quality;
use serde_json::{Value, json};

use crate::ask::{Ask, SECRET, with};
use crate::setup::{Setup, key_of, put_key};
use crate::stand::{SOON, Stand, wait_until};

const TEXT: &str = "every word of this answer is simulated";
/// What `SECRET` costs at 15 dollars a million characters, with the margin, in micro-dollars.
const CHARGE: i64 = 396;

/// Each model, and the simulated host behind it.
const MODELS: [(&str, &str); 3] = [("bard/azure", "alps-a"), ("bard/openai", "alps-b"), ("bard/mistral", "minstrel")];

async fn up() -> Stand {
    let stand = Setup { catalogue: include_str!("speech.toml"), ..Setup::default() }.up().await;
    put_key(&stand.deployment, "bard", "bard", &key_of("bard")).await;
    stand
}

fn speak(model: &str, more: Value) -> Ask {
    Ask::json("/v1/audio/speech", &with(json!({"model": model, "input": SECRET, "voice": "alloy"}), more))
}

fn form(format: &str) -> Value {
    json!({"response_format": format})
}

fn sound(format: &str) -> Vec<u8> {
    spoken(format, TEXT).concat()
}

#[tokio::test]
async fn every_host_speaks_in_every_form_that_it_can() {
    let stand = up().await;
    for (model, host) in MODELS {
        for (format, kind) in [
            ("mp3", "audio/mpeg"),
            ("opus", "audio/ogg"),
            ("aac", "audio/aac"),
            ("flac", "audio/flac"),
            ("wav", "audio/wav"),
            ("pcm", "audio/pcm"),
        ] {
            stand.afresh();
            let reply = stand.ask(speak(model, form(format))).await;
            if format == "aac" && model != "bard/openai" {
                assert_eq!(reply.refusal(), (400, "unsupported_parameter".to_owned()), "{model}");
                assert_eq!(reply.json()["error"]["param"], "response_format");
                assert!(stand.reached().is_empty());
                continue;
            }
            assert_eq!((reply.status, reply.header("content-type")), (200, Some(kind)), "{model} {format}");
            assert_eq!(reply.header("x-phi-cost-micro"), None, "it is known at the end");
            match (model, format) {
                ("bard/azure", "wav") => {
                    assert_eq!((&reply.body[..4], &reply.body[44..]), (&b"RIFF"[..], &sound("pcm")[..]));
                }
                ("bard/azure", "flac") => assert!(reply.body.starts_with(b"fLaC") && reply.body.len() > 42),
                _ => assert_eq!(reply.body[..], sound(format), "{model} {format}"),
            }
            assert_eq!(stand.reached(), [host]);
            let closed = stand.closed(reply.id()).await;
            assert_eq!((closed.status, closed.quality), (Status::Answered, Quality::Estimated), "{model} {format}");
            assert_eq!(closed.usage.characters, SECRET.chars().count() as u64);
        }
    }
    let reply = stand.ask(speak("bard/azure", json!({}))).await;
    assert_eq!(reply.header("content-type"), Some("audio/mpeg"), "unless it is said");
    assert_eq!(reply.header("x-phi-routed"), Some("bard-azure-v/CH/general"));
    assert_eq!(stand.closed(reply.id()).await.charge[0].micro_usd.micros(), CHARGE);
}

#[tokio::test]
async fn a_host_hears_what_it_needs_and_no_more() {
    let stand = up().await;
    stand.ask(speak("bard/azure", json!({"user": "u-4711", "speed": 1.25}))).await;
    let seen = stand.host("alps-a").seen().remove(0);
    let mut names = seen.header_names();
    names.sort();
    let due = [
        "accept",
        "accept-encoding",
        "content-length",
        "content-type",
        "host",
        "ocp-apim-subscription-key",
        "user-agent",
        "x-microsoft-outputformat",
    ];
    assert_eq!((seen.path().as_str(), names), ("/cognitiveservices/v1", due.map(str::to_owned).to_vec()));
    assert_eq!(
        String::from_utf8(seen.body.to_vec()).unwrap(),
        format!(
            "<speak version='1.0' xmlns='http://www.w3.org/2001/10/synthesis' xml:lang='de-CH'><voice \
             name='de-CH-LeniNeural'><prosody rate='+25.0%'>{SECRET}</prosody></voice></speak>"
        )
    );
    stand.ask(speak("bard/openai", json!({"instructions": "Be glad.", "stream_format": "sse"}))).await;
    let sent = stand.host("alps-b").seen()[0].json();
    let due = json!({"model": "tts-1", "input": SECRET, "voice": "alloy", "response_format": "mp3", "instructions": "Be glad."});
    assert_eq!(sent, due);
    stand.ask(speak("bard/mistral", json!({}))).await;
    let sent = stand.host("minstrel").seen()[0].json();
    let due = json!({"model": "voxtral", "input": SECRET, "voice_id": "gb_jane_neutral", "response_format": "mp3", "stream": true});
    assert_eq!(sent, due);
}

#[tokio::test]
async fn a_text_cannot_leave_its_place() {
    let stand = up().await;
    for input in ["</voice><voice name='en-US-JennyNeural'>", "]]></speak>", "&lt;/voice&gt;", "<!--", "a & b \" ' <"] {
        let reply = stand.ask(speak("bard/azure", json!({"input": input}))).await;
        assert_eq!(reply.status, 200, "the host finds one voice with text in it: {input}");
        assert_eq!(stand.closed(reply.id()).await.usage.characters, input.chars().count() as u64);
    }
    for (more, param) in [
        (json!({"input": "a\u{0}b"}), "input"),
        (json!({"input": "a\u{1b}b"}), "input"),
        (json!({"input": ""}), "input"),
        (json!({"input": "a".repeat(4_097)}), "input"),
        (json!({"voice": "'/><x"}), "voice"),
        (json!({"voice": null}), "voice"),
        (json!({"speed": 9}), "speed"),
        (json!({"response_format": "ogg"}), "response_format"),
        (json!({"stream_format": "ws"}), "stream_format"),
    ] {
        stand.afresh();
        let reply = stand.ask(speak("bard/azure", more.clone())).await;
        assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!(param)), "{more}");
        assert!(stand.refused(reply.id()).await.is_some() && stand.reached().is_empty());
    }
    for (more, param) in [
        (json!({"voice": "nova"}), "voice"),
        (json!({"voice": "en-US-Ava:DragonHDLatestNeural"}), "voice"),
        (json!({"instructions": "Be glad."}), "instructions"),
        (json!({"speed": 0.25}), "speed"),
    ] {
        let reply = stand.ask(speak("bard/azure", more)).await;
        assert_eq!(reply.refusal(), (400, "unsupported_parameter".to_owned()));
        assert_eq!(reply.json()["error"]["param"], param);
    }
    let form = Ask::new("POST", "/v1/audio/speech", "--x--").header("content-type", "multipart/form-data; boundary=x");
    assert_eq!(stand.ask(form).await.refusal(), (415, "unsupported_media_type".to_owned()));
    for broken in ["", "{", "{\"model\":\"bard/azure\",\"input\":\"a\",\"input\":\"b\",\"voice\":\"alloy\"}"] {
        assert_eq!(stand.ask(Ask::text("/v1/audio/speech", broken)).await.status, 400, "{broken}");
    }
    assert!(stand.reached().is_empty());
}

#[tokio::test]
async fn a_long_text_is_asked_for_in_parts_and_heard_as_one() {
    let stand = up().await;
    let input = "Eins zwei drei. ".repeat(240);
    let reply = stand.ask(speak("bard/azure", json!({"input": input, "speed": 0.5, "response_format": "pcm"}))).await;
    let parts = stand.host("alps-a").seen().len();
    assert!((2..=4).contains(&parts), "{parts}");
    assert_eq!(reply.body[..], sound("pcm").repeat(parts));
    let closed = stand.closed(reply.id()).await;
    assert_eq!((closed.usage.characters, closed.attempts.len()), (input.len() as u64, 1), "it is one attempt");
    // Where a later part fails, the whole is not whole.
    stand.afresh();
    stand.host("alps-a").next_behaves();
    stand.host("alps-a").next([Fault::status(503)]);
    let coming =
        stand.begin(speak("bard/azure", json!({"input": input, "speed": 0.5, "response_format": "pcm"}))).await;
    let id = coming.id();
    assert!(coming.broken_off().await.starts_with("every word"));
    assert_eq!(stand.closed(id).await.status, Status::Truncated);
}

#[tokio::test]
async fn events_come_where_they_are_asked_for() {
    let stand = up().await;
    for (model, _) in MODELS {
        let reply = stand.ask(speak(model, json!({"stream_format": "sse", "response_format": "pcm"}))).await;
        assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"), "{model}");
        let events: Vec<Value> = reply.events().iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        let (done, deltas) = events.split_last().unwrap();
        let audio = deltas.iter().flat_map(|delta| {
            assert_eq!(delta["type"], "speech.audio.delta", "{model}");
            STANDARD.decode(delta["audio"].as_str().unwrap()).unwrap()
        });
        assert_eq!(audio.collect::<Vec<_>>(), sound("pcm"), "{model}");
        let usage = json!({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0, "characters": SECRET.len()});
        assert_eq!(*done, json!({"type": "speech.audio.done", "usage": usage}), "{model}");
        let cost = stand.closed(reply.id()).await.charge[0].micro_usd.micros();
        assert!(reply.text().ends_with(&format!(": x-phi-cost-micro={cost}\n\n")), "{model}: {}", reply.text());
    }
}

#[tokio::test]
async fn p13_sound_comes_piece_by_piece_while_the_host_still_speaks() {
    let stand = up().await;
    for (model, host) in MODELS {
        stand.afresh();
        stand.host(host).next([Fault::Stall { after: Some(2) }]);
        let mut coming = stand.begin(speak(model, form("pcm"))).await;
        assert_eq!(coming.until("word").await.trim_end(), "every word", "{model}");
        assert_eq!(stand.host(host).seen()[0].ended, Ended::Running, "{model}");
    }
}

/// Each way to fail before the first sound, and how its attempt ends.
fn before() -> Vec<(Fault, Attempted)> {
    vec![
        (Fault::status(401), Attempted::Account),
        (Fault::status(403), Attempted::Account),
        (Fault::status(404), Attempted::Row),
        (Fault::status(408), Attempted::Timeout),
        (Fault::status(429).retry_after("7"), Attempted::RateLimited),
        (Fault::status(500), Attempted::HostError),
        (Fault::status(502).shape(Shape::Html), Attempted::HostError),
        (Fault::status(503).shape(Shape::Empty), Attempted::HostError),
        (Fault::Redirect { code: 307, to: "https://b.alps.example/v1".to_owned() }, Attempted::Redirect),
        (Fault::Reset { after: None }, Attempted::Broken),
        (Fault::Cut { after: None }, Attempted::Broken),
        (Fault::Cut { after: Some(0) }, Attempted::Truncated),
        (Fault::Empty, Attempted::Truncated),
        (Fault::Malformed { after: 0 }, Attempted::Malformed),
        (Fault::LongLine { bytes: 10 << 20 }, Attempted::Malformed),
        (Fault::LongHead { bytes: 300_000 }, Attempted::Malformed),
        (Fault::Encoded, Attempted::Malformed),
    ]
}

#[tokio::test]
async fn p10_each_fault_before_the_first_sound_is_followed_by_the_next_host() {
    let stand = up().await;
    for (model, host) in [("voice", "alps-a"), ("events", "minstrel")] {
        for (fault, ended) in before() {
            for more in [json!({}), json!({"stream_format": "sse"})] {
                stand.afresh();
                // Of too many attempts none is left.
                stand.clock.advance(Duration::from_secs(10));
                stand.host(host).always(Some(fault.clone()));
                let reply = stand.ask(speak(model, more)).await;
                assert_eq!(reply.header("x-phi-routed"), Some("bard-openai-v/CH/general"), "{model} {fault:?}");
                let closed = stand.closed(reply.id()).await;
                let attempts: Vec<_> = closed.attempts.iter().map(|attempt| attempt.ended).collect();
                assert_eq!(attempts, [ended, Attempted::Ok], "{model} {fault:?}");
            }
        }
        for status in [400, 415, 422] {
            stand.afresh();
            stand.host(host).next([Fault::status(status)]);
            let reply = stand.ask(speak(model, json!({}))).await;
            assert_eq!(reply.refusal(), (400, "upstream_rejected".to_owned()), "{model} {status}");
            assert!(!reply.text().contains(SECRET), "the host repeats it");
            let closed = stand.closed(reply.id()).await;
            assert_eq!((closed.status, closed.charge.len()), (Status::Failed, 0), "{model} {status}");
        }
    }
}

#[tokio::test]
async fn p10_sound_that_breaks_off_is_broken_off_or_ends_with_an_error() {
    let stand = up().await;
    for (model, host) in MODELS {
        for fault in [
            Fault::Cut { after: Some(2) },
            Fault::Reset { after: Some(2) },
            Fault::ResetStream { after: Some(2), code: 2 },
            Fault::GoAway { after: Some(2), code: 2 },
            Fault::WrongLength { by: 5 },
            Fault::NoDone,
            Fault::ErrorFrame { after: 2 },
        ] {
            // In sound there is no end but that of the body, and what is no sound sounds odd.
            if model != "bard/mistral" && matches!(fault, Fault::NoDone | Fault::ErrorFrame { .. }) {
                continue;
            }
            stand.afresh();
            stand.clock.advance(Duration::from_secs(10));
            stand.host(host).next([fault.clone()]);
            let coming = stand.begin(speak(model, form("pcm"))).await;
            let id = coming.id();
            let text = coming.broken_off().await;
            assert!(text.starts_with("every word"), "{model} {fault:?}: {text}");
            let closed = stand.closed(id).await;
            assert_eq!((closed.status, closed.attempts.len()), (Status::Truncated, 1), "{model} {fault:?}");
            stand.afresh();
            stand.clock.advance(Duration::from_secs(10));
            stand.host(host).next([fault.clone()]);
            let reply = stand.ask(speak(model, json!({"stream_format": "sse"}))).await;
            let text = reply.text();
            assert!(text.contains("speech.audio.delta") && text.contains("\"error\""), "{model} {fault:?}: {text}");
            assert!(!text.contains("speech.audio.done") && !text.contains(SECRET), "{model} {fault:?}: {text}");
        }
    }
}

#[tokio::test]
async fn p12_sound_in_single_bytes_is_the_same_sound() {
    let stand = up().await;
    for (model, host) in MODELS {
        for format in ["mp3", "pcm"] {
            stand.afresh();
            stand.host(host).next([Fault::Drip]);
            assert_eq!(stand.ask(speak(model, form(format))).await.body[..], sound(format), "{model} {format}");
        }
    }
    stand.host("minstrel").next([Fault::Keepalives]);
    assert_eq!(stand.ask(speak("bard/mistral", json!({}))).await.body[..], sound("mp3"));
}

/// The published table of `docs/contract.md`, 12, for sound: no host states characters, so each figure is an estimate.
#[tokio::test]
async fn p4_sound_that_is_interrupted_is_charged_by_the_published_table() {
    let stand = up().await;
    let host = stand.host("alps-a");
    let ask = || speak("bard/azure", form("pcm"));
    let charged = async |id, status| {
        let closed = stand.closed(id).await;
        assert_eq!(closed.status, status);
        let charge = closed.charge.first().map_or(0, |charge| charge.micro_usd.micros());
        assert_eq!(closed.quality == Quality::None, charge == 0, "{closed:?}");
        assert!(matches!(closed.quality, Quality::None | Quality::Estimated), "{closed:?}");
        charge
    };
    // Answered.
    let reply = stand.ask(ask()).await;
    assert_eq!(charged(reply.id(), Status::Answered).await, CHARGE);
    // Cut by the host after something was delivered.
    host.next([Fault::Cut { after: Some(2) }]);
    let coming = stand.begin(ask()).await;
    let id = coming.id();
    coming.broken_off().await;
    assert_eq!(charged(id, Status::Truncated).await, CHARGE);
    // The caller left in the middle of the answer.
    stand.afresh();
    host.next([Fault::Stall { after: Some(2) }]);
    let mut coming = stand.begin(ask()).await;
    let id = coming.id();
    coming.until("word").await;
    drop(coming);
    let hung_up = host.wait_for(SOON, |seen| seen.iter().all(|seen| seen.ended == Ended::HungUp)).await;
    assert!(hung_up.is_some(), "the host still speaks");
    assert_eq!(charged(id, Status::CallerLeft).await, CHARGE);
    // The caller left before the answer, and the host had the request.
    for after in [None, Some(0)] {
        stand.afresh();
        host.next([Fault::Stall { after }]);
        let waiting = stand.begin(ask());
        let arrived = async { host.wait_for(SOON, |seen| !seen.is_empty()).await.expect("it was asked") };
        tokio::select! {
            _ = waiting => panic!("an answer came"),
            _ = arrived => {}
        }
        let id = stand.newest_opened().await;
        assert_eq!(charged(id, Status::CallerLeft).await, CHARGE);
    }
    // Every host failed, or nothing was delivered.
    for fault in [Fault::status(500), Fault::Empty, Fault::Cut { after: Some(0) }] {
        stand.afresh();
        stand.clock.advance(Duration::from_secs(10));
        host.next([fault]);
        let reply = stand.ask(ask()).await;
        assert_eq!(reply.status, 502, "{}", reply.text());
        assert_eq!(charged(reply.id(), Status::Failed).await, 0);
    }
    wait_until("all places are given back", async || stand.gateway.running() == 0).await;
}

#[tokio::test]
async fn phi_is_spoken_under_an_agreement_and_a_region_is_never_left() {
    let stand = up().await;
    let phi = || speak("bard/azure", json!({"user": "u-4711"})).phi();
    assert_eq!(stand.ask(phi()).await.refusal(), (403, "phi_blocked".to_owned()));
    let document = "0".repeat(64);
    stand
        .phi(&format!(
            "agreement add --provider bard --counterparty Acme --document {document} --country CH --modality speech \
             --framework GDPR --verified-by Keller --verified-on 2026-11-01 --review-by 2027-11-01"
        ))
        .await;
    let reply = stand.ask(phi()).await;
    assert_eq!((reply.status, reply.header("x-phi-routed")), (200, Some("bard-azure-v/CH/phi")));
    assert_eq!(reply.header("x-phi-left-out"), Some("user"));
    assert_eq!(stand.reached(), ["alps-a"]);
    for region in ["EU", "WORLD", "UK"] {
        let reply = stand.ask(speak("bard/azure", json!({})).header("x-region", region)).await;
        assert_eq!(reply.refusal(), (422, "no_route".to_owned()), "{region}");
    }
    stand.host("alps-a").next([Fault::Region { name: "westeurope".to_owned() }]);
    let reply = stand.ask(speak("voice", json!({}))).await;
    assert_eq!(reply.refusal(), (502, "upstream_failed".to_owned()), "no other host is tried");
    let closed = stand.closed(reply.id()).await;
    assert!(matches!(closed.incidents[..], [Incident::Region { .. }]), "{closed:?}");
}

#[tokio::test]
async fn looks_and_rehearsals_know_of_speech() {
    let stand = up().await;
    let models = stand.ask(Ask::get("/v1/models")).await.json();
    let listed = models["data"].as_array().unwrap().iter().find(|model| model["id"] == "bard/azure").unwrap().clone();
    assert_eq!((&listed["modality"], &listed["classes"]), (&json!("speech"), &json!(["general"])), "{listed}");
    let explain = json!({"endpoint": "/audio/speech", "request": {"model": "voice", "input": SECRET, "voice": "nova"}});
    let explained = stand.ask(Ask::json("/v1/route/explain", &explain)).await;
    assert!(!explained.text().contains(SECRET));
    let candidates = explained.json()["candidates"].clone();
    assert_eq!(
        (&candidates[0]["route"], &candidates[0]["place"]),
        (&json!("bard-openai-v"), &json!(1)),
        "{candidates}"
    );
    assert_eq!(candidates[1]["reason"], "unsupported_parameter");
    assert!(stand.reached().is_empty());
}

#[tokio::test]
async fn no_text_is_said_by_nobody() {
    let stand = up().await;
    stand.host("alps-a").says(Says { text: String::new(), ..Says::default() });
    let reply = stand.ask(speak("voice", json!({}))).await;
    assert_eq!(reply.header("x-phi-routed"), Some("bard-openai-v/CH/general"), "silence is no answer");
}
