//! Speech to text: what is uploaded goes on as it is, to hosts of five kinds, and what they hear is told in each format, metered
//! by the millisecond, within the region.

mod bounds;
mod faults;
mod forms;

use phi_record::entry::Status;
use phi_simulate::{Fault, Says};
use phi_words::Quality;
use serde_json::{Value, json};

use crate::ask::{Ask, Reply, SECRET};
use crate::setup::{Setup, key_of, put_key};
use crate::stand::Stand;

const PATH: &str = "/v1/audio/transcriptions";
/// What every host hears here, unless it is told otherwise: 1.75 seconds.
const HEARD: &str = "every word of this answer is simulated";
/// Azure's hosts that hear: a key holds at one alone.
const AZURE: [&str; 3] =
    ["azure-transcription-switzerlandnorth", "azure-transcription-westeurope", "azure-transcription-eastus"];
/// What the caller's file is called; nobody may ever see it.
const FILE: &str = "Keller 4711.wav";

/// Whole samples of 16 bits, 16,000 a second, of one channel.
pub(crate) fn wav(millis: u32) -> Vec<u8> {
    let data = vec![0; millis as usize * 32];
    let len = u32::try_from(data.len()).unwrap();
    let mut wav = b"RIFF".to_vec();
    wav.extend_from_slice(&(36 + len).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data");
    wav.extend_from_slice(&len.to_le_bytes());
    wav.extend_from_slice(&data);
    wav
}

/// A form with this sound and these fields.
fn form(sound: &[u8], fields: &[(&str, &str)]) -> Vec<u8> {
    form_called(FILE, sound, fields)
}

/// The same with a file of another name.
fn form_called(file: &str, sound: &[u8], fields: &[(&str, &str)]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, value) in fields {
        form.extend_from_slice(
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes(),
        );
    }
    let head = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file}\"\r\nContent-Type: audio/wav\r\n\r\n"
    );
    form.extend_from_slice(head.as_bytes());
    form.extend_from_slice(sound);
    form.extend_from_slice(b"\r\n--b--\r\n");
    form
}

fn upload(form: impl Into<bytes::Bytes>) -> Ask {
    Ask::new("POST", PATH, form).header("content-type", "multipart/form-data; boundary=b")
}

/// Two seconds, to be heard by a model, and more fields.
fn hear(model: &str, fields: &[(&str, &str)]) -> Ask {
    let fields = [&[("model", model), ("prompt", SECRET)], fields].concat();
    upload(form(&wav(2_000), &fields))
}

/// A stand with a key for each host that hears, and agreements.
async fn up() -> Stand {
    up_with("").await
}

async fn up_with(settings: &'static str) -> Stand {
    let stand = Setup { settings, catalogue: include_str!("transcription.toml"), ..Setup::default() }.up().await;
    for opens in ["ears", "minstrel", "infomaniak-batch", AZURE[0], AZURE[1], AZURE[2]] {
        put_key(&stand.deployment, opens, opens, &key_of(opens)).await;
    }
    for (provider, country) in [("ears", "CH"), ("azure", "CH"), ("azure", "NL"), ("azure", "US"), ("scaleway", "FR")] {
        let document = "0".repeat(64);
        let words = format!(
            "agreement add --provider {provider} --counterparty Acme --document {document} --country {country} \
             --modality transcription --framework GDPR --verified-by Keller --verified-on 2026-11-01 --review-by 2027-11-01"
        );
        stand.phi(&words).await;
    }
    stand.host("minstrel").says(Says { chunks: true, ..Says::default() });
    stand
}

fn text_of(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["text"].clone()
}

#[tokio::test]
async fn each_host_is_asked_as_it_wants_to_be_and_is_paid_for_what_it_heard() {
    let stand = up().await;
    // Model, region, host, route, milliseconds charged for, and the charge of that: 1 or 3.60 USD an hour and the margin.
    let (verified, estimated) = (Quality::Verified, Quality::Estimated);
    for (model, region, host, route, millis, charge, quality) in [
        ("ears/w", "CH", "alps-a", "ears-a-w", 1_750, 1_925, verified),
        ("ears/later", "CH", "alps-a", "ears-a-later", 1_750, 1_925, verified),
        ("minstrel/v", "CH", "minstrel", "minstrel-v", 1_750, 1_925, verified),
        ("whisper", "EU", "azure-eu", "azure-speech-to-text-westeurope", 1_750, 535, verified),
        ("whisper", "US", "azure-us", "azure-speech-to-text-eastus", 1_750, 535, verified),
        // It does not say how long what was sent is.
        ("whisper", "CH", "azure-ch", "azure-speech-to-text-switzerlandnorth", 2_000, 612, estimated),
        ("scaleway/whisper-large-v3", "EU", "scaleway", "scaleway-whisper-v3", 1_750, 104, verified),
        ("infomaniak/whisper", "CH", "infomaniak", "infomaniak-whisper", 1_750, 212, verified),
    ] {
        stand.afresh();
        let reply = stand.ask(hear(model, &[("language", "de")]).header("x-region", region)).await;
        assert_eq!(text_of(&reply), HEARD, "{route}");
        assert_eq!(reply.header("x-phi-routed"), Some(format!("{route}/{region}/general").as_str()));
        assert_eq!(reply.header("x-phi-cost-micro"), Some(charge.to_string().as_str()), "{route}");
        assert_eq!(reply.header("x-phi-usage"), Some(quality.as_str()), "{route}");
        let closed = stand.closed(reply.id()).await;
        assert_eq!(
            (closed.status, closed.usage.audio_ms, closed.usage.tokens()),
            (Status::Answered, millis, 0),
            "{route}"
        );
        assert_eq!(closed.charge[0].micro_usd.micros(), charge, "{route}");
        assert_eq!(stand.reached(), [host], "{route}");
        let told = reply.json()["usage"]["seconds"].as_f64().unwrap();
        assert!((told * 1_000.0 - f64::from(u32::try_from(millis).unwrap())).abs() < 0.1, "{route}: {told}");
    }
    let ledger = stand.ledger_text().await;
    assert!(!ledger.contains(SECRET) && !ledger.contains("4711") && !ledger.contains("Keller 4711"), "{ledger}");
}

#[tokio::test]
async fn no_host_is_told_what_the_file_is_called_and_each_sees_its_own_key() {
    let stand = up().await;
    for (model, region, host, header, key) in [
        ("ears/w", "CH", "alps-a", "authorization", format!("Bearer {}", key_of("ears"))),
        ("minstrel/v", "CH", "minstrel", "authorization", format!("Bearer {}", key_of("minstrel"))),
        ("whisper", "EU", "azure-eu", "ocp-apim-subscription-key", key_of(AZURE[1])),
        ("whisper", "CH", "azure-ch", "ocp-apim-subscription-key", key_of(AZURE[0])),
        ("infomaniak/whisper", "CH", "infomaniak", "authorization", format!("Bearer {}", key_of("infomaniak-batch"))),
    ] {
        stand.afresh();
        assert_eq!(stand.ask(hear(model, &[("language", "de")]).header("x-region", region)).await.status, 200);
        for seen in stand.host(host).seen() {
            assert!(!String::from_utf8_lossy(&seen.body).contains("Keller"), "{host}");
            assert_eq!(seen.header(header).as_deref(), Some(key.as_str()), "{host}");
        }
        let sent = &stand.host(host).seen()[0].body;
        assert!(sent.windows(64_044).any(|window| window == wav(2_000)), "{host}: byte for byte");
    }
}

#[tokio::test]
async fn a_transcript_comes_in_each_format_from_each_host_that_tells_times() {
    let stand = up().await;
    for (model, region) in [("ears/w", "CH"), ("minstrel/v", "CH"), ("whisper", "EU"), ("infomaniak/whisper", "CH")] {
        for (format, kind, begin) in [
            ("text", "text/plain; charset=utf-8", "every word of this answer is simulated\n"),
            ("srt", "text/plain; charset=utf-8", "1\n00:00:00,000 --> 00:00:01,000\nevery word of this\n\n2\n"),
            ("vtt", "text/vtt; charset=utf-8", "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nevery word of this\n\n"),
            ("verbose_json", "application/json", "{\"task\":\"transcribe\",\"language\":"),
        ] {
            let reply = stand.ask(hear(model, &[("response_format", format)]).header("x-region", region)).await;
            assert_eq!((reply.status, reply.header("content-type")), (200, Some(kind)), "{model} {format}: {reply:?}");
            assert!(reply.text().starts_with(begin), "{model} {format}: {}", reply.text());
        }
    }
    let fields = [("response_format", "verbose_json"), ("timestamp_granularities[]", "word")];
    for (model, region) in [("ears/w", "CH"), ("whisper", "EU"), ("infomaniak/whisper", "CH")] {
        let reply = stand.ask(hear(model, &fields).header("x-region", region)).await;
        assert_eq!(reply.json().get("segments"), None, "{model}");
        if model != "infomaniak/whisper" {
            assert_eq!(reply.json()["words"][1]["word"], "word", "{model}: {}", reply.text());
        }
    }
    for (model, field) in [("minstrel/v", "timestamp_granularities"), ("ears/later", "response_format")] {
        let refused = stand.ask(hear(model, &fields)).await;
        assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!(field)), "{model}");
    }
}

#[tokio::test]
async fn what_short_audio_does_not_take_is_taken_by_nobody_in_switzerland() {
    let stand = up().await;
    let long = upload(form(&wav(60_001), &[("model", "whisper"), ("language", "de")]));
    for (ask, param, what) in [
        (long, "file", "can carry"),
        (hear("whisper", &[]), "language", "can do without"),
        (hear("whisper", &[("language", "la")]), "language", "can carry"),
    ] {
        let refused = stand.ask(ask).await;
        let error = refused.json()["error"].clone();
        assert_eq!(
            (refused.status, &error["code"], &error["param"]),
            (400, &json!("unsupported_parameter"), &json!(param))
        );
        assert!(error["message"].as_str().unwrap().contains(what), "{error}");
        assert!(stand.refused(refused.id()).await.is_some());
    }
    stand.host("azure-ch").says(Says { text: String::new(), ..Says::default() });
    let silent = stand.ask(hear("whisper", &[("language", "de")])).await;
    assert_eq!(text_of(&silent), "", "nothing that could be made out");
    assert_eq!(stand.closed(silent.id()).await.usage.audio_ms, 2_000, "it was heard all the same");
    assert_eq!(stand.reached(), ["azure-ch"]);
}

#[tokio::test]
async fn speech_stays_in_its_region_in_either_class() {
    let stand = up().await;
    for class in ["general", "phi"] {
        let ask = |region: &str| {
            let ask = hear("whisper", &[("language", "de")]).header("x-region", region);
            if class == "phi" { ask.phi() } else { ask }
        };
        for (region, first) in [("CH", "azure-ch"), ("US", "azure-us")] {
            stand.afresh();
            stand.host(first).always(Some(Fault::status(500)));
            assert_eq!(stand.ask(ask(region)).await.refusal(), (502, "upstream_failed".to_owned()), "{region} {class}");
            assert_eq!(stand.reached(), [first], "{class}");
        }
        stand.afresh();
        stand.host("azure-eu").always(Some(Fault::status(500)));
        let reply = stand.ask(ask("EU")).await;
        assert_eq!(reply.header("x-phi-routed"), Some(format!("scaleway-whisper-v3/EU/{class}").as_str()));
        assert_eq!((text_of(&reply), reply.header("x-phi-attempts")), (json!(HEARD), Some("2")));
        assert_eq!(stand.reached(), ["azure-eu", "scaleway"], "{class}");
        stand.afresh();
        for region in ["WORLD", "UK", "INDIA", "ASIA"] {
            assert_eq!(stand.ask(ask(region)).await.refusal().1, "no_route", "{region} {class}");
        }
        assert!(stand.reached().is_empty());
    }
    let voxtral = stand.ask(hear("minstrel/v", &[]).phi()).await;
    assert_eq!(voxtral.refusal(), (403, "phi_blocked".to_owned()), "no agreement");
}

#[tokio::test]
async fn a_transcript_is_told_as_it_is_heard() {
    let stand = up().await;
    for (model, region, deltas) in
        [("ears/later", "CH", 7), ("minstrel/v", "CH", 7), ("ears/w", "CH", 1), ("whisper", "EU", 1)]
    {
        let reply = stand.ask(hear(model, &[("stream", "true")]).header("x-region", region)).await;
        assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"), "{model}: {}", reply.text());
        let events: Vec<Value> = reply.events().iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        let (done, said) = events.split_last().unwrap();
        assert!(said.iter().all(|event| event["type"] == "transcript.text.delta"), "{model}");
        let all: String = said.iter().map(|event| event["delta"].as_str().unwrap()).collect();
        assert_eq!((all.as_str(), said.len()), (HEARD, deltas), "{model}");
        assert_eq!((&done["type"], &done["text"]), (&json!("transcript.text.done"), &json!(HEARD)));
        assert_eq!(done["usage"], json!({"type": "duration", "seconds": 1.75}), "{model}");
        let closed = stand.closed(reply.id()).await;
        let comment = format!(": x-phi-cost-micro={}\n\n", closed.charge[0].micro_usd.micros());
        assert!(reply.text().ends_with(&comment), "{model}: {}", reply.text());
        assert_eq!((closed.usage.audio_ms, closed.quality), (1_750, Quality::Verified), "{model}");
    }
    let refused = stand.ask(hear("ears/w", &[("stream", "true"), ("response_format", "srt")])).await;
    assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("stream")));
}

#[tokio::test]
async fn what_would_become_of_it_is_told_without_sound() {
    let stand = up().await;
    let body = json!({"endpoint": "/audio/transcriptions", "request": {"model": "whisper", "language": "de"}});
    let told = stand.ask(Ask::json("/v1/route/explain", &body).header("x-region", "EU")).await.json();
    assert_eq!((&told["modality"], &told["refusal"]), (&json!("transcription"), &Value::Null), "{told}");
    assert_eq!(told["candidates"][0]["route"], "azure-speech-to-text-westeurope");
    assert!(stand.reached().is_empty());
}
