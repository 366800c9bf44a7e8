//! Speech to text through the binary, by every dialect that has it.

use phi_record::entry::Status;
use phi_simulate::{Ended, Fault, Host, Says};
use phi_words::Quality;

use crate::book::Book;
use crate::call::{Ask, Reply};
use crate::deploy::{Deploy, PROVIDER_KEY, rows};
use crate::search::Needles;
use crate::serving::{PATIENCE, Serving};

const PROMPT: &str = "patient kX3qV7 has a fever";
const FILE: &str = "Keller 8hTz2.wav";
const TEXT: &str = "every word of the answer 9kLm4 is simulated";

/// A dialect, what `own` says there, where below the host's address it is, how a key is shown, and the paths that are asked.
const DIALECTS: [(&str, &str, &str, &str, &str); 5] = [
    ("openai", "whisper-1", "/v1", "bearer", "/v1/audio/transcriptions"),
    ("mistral", "voxtral-mini", "/v1", "bearer", "/v1/audio/transcriptions"),
    (
        "azure-speech",
        "fast-transcription",
        "/speechtotext",
        "ocp-apim-subscription-key",
        "/speechtotext/transcriptions:transcribe?api-version=2025-10-15",
    ),
    (
        "azure-speech",
        "short-audio",
        "",
        "ocp-apim-subscription-key",
        "/speech/recognition/conversation/cognitiveservices/v1?language=de-CH&format=simple&profanity=raw",
    ),
    ("infomaniak-batch", "whisper", "/1/ai/7", "bearer", "/1/ai/7/openai/audio/transcriptions"),
];

/// A second of whole samples, with a marker in them.
fn wav() -> Vec<u8> {
    let mut wav =
        b"RIFF\x24\x7d\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\0\x7d\0\0".to_vec();
    wav.extend_from_slice(PROMPT.as_bytes());
    wav.resize(44 + 32_000, 0);
    wav
}

struct World {
    host: Host,
    deploy: Deploy,
    token: String,
    serving: Serving,
}

impl World {
    async fn up() -> Self {
        let host = Host::start().await.expect("a host");
        let deploy = Deploy::ready(host.address());
        let all: String = DIALECTS.iter().map(|dialect| row(&host, *dialect)).collect();
        deploy.catalogue("tested.toml", &(rows(host.address()) + &all));
        for (_, own, ..) in DIALECTS {
            let put = deploy.run_with(&["vault", "put", &format!("ear-{own}"), "--name", own], PROVIDER_KEY);
            assert_eq!(put.code, Some(0), "{put:?}");
        }
        let (token, _) = deploy.token(&[]);
        let serving = Serving::start(&deploy);
        Self { host, deploy, token, serving }
    }

    fn ask(&self, own: &str) -> Ask {
        let mut form = Vec::new();
        for (name, value) in
            [("model", format!("tested/{own}")), ("prompt", PROMPT.to_owned()), ("language", "de".to_owned())]
        {
            let part = format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            form.extend_from_slice(part.as_bytes());
        }
        let head = format!("--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{FILE}\"\r\n\r\n");
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(&wav());
        form.extend_from_slice(b"\r\n--b--\r\n");
        let ask = Ask::new("POST", "/v1/audio/transcriptions").by(&self.token).with("x-region", "CH");
        ask.with("content-type", "multipart/form-data; boundary=b").bytes(form)
    }

    fn judge(&self, reply: &Reply, status: Status, millis: u64, quality: Quality) {
        let id = reply.header("x-request-id").expect("an id").parse().expect("an id");
        let calls = Book::read(&self.deploy).calls();
        let closed = calls[&id].closed.first().expect("it is closed");
        assert_eq!(calls[&id].closed.len(), 1, "it is closed once");
        assert_eq!((closed.status, closed.usage.audio_ms, closed.quality), (status, millis, quality));
    }
}

fn row(host: &Host, (dialect, own, below, auth, _): (&str, &str, &str, &str, &str)) -> String {
    let address = host.address();
    format!(
        r#"
[host.ear-{own}]
provider = "tested"
dialect = "{dialect}"
address = "http://{address}{below}"
auth = "{auth}"
premises = true
processes_in = ["CH"]
evidence = "contract"
source = "a test"
date = "2026-01-01"

[route.ear-{own}]
host = "ear-{own}"
model = "{own}"
own = "{own}"
modality = "transcription"
status = "live"
price = {{ currency = "USD", audio_hour = "3.60" }}
source = "a test"
date = "2026-01-01"
"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_is_heard_through_the_binary_and_nothing_said_stays() {
    let world = World::up().await;
    let traffic = world.serving.traffic;
    for (dialect, own, _, auth, path) in DIALECTS {
        world.host.forget();
        world.host.says(Says { text: TEXT.to_owned(), chunks: dialect == "mistral", ..Says::default() });
        let reply = world.ask(own).send(traffic).await;
        assert_eq!((reply.status, &reply.json()["text"]), (200, &TEXT.into()), "{own}: {reply:?}");
        let (millis, quality) =
            if own == "short-audio" { (1_000, Quality::Estimated) } else { (2_000, Quality::Verified) };
        world.judge(&reply, Status::Answered, millis, quality);
        let seen = &world.host.seen()[0];
        let (name, key) = match auth {
            "bearer" => ("authorization", format!("Bearer {PROVIDER_KEY}")),
            name => (name, PROVIDER_KEY.to_owned()),
        };
        assert_eq!((seen.path().as_str(), seen.header(name)), (path, Some(key)), "{own}");
        assert!(seen.body.windows(wav().len()).any(|window| window == wav()), "{own}: byte for byte");
        assert!(!String::from_utf8_lossy(&seen.body).contains("Keller"), "{own}");
        // Who leaves is followed, and what fails costs nothing.
        world.host.forget();
        world.host.next([Fault::Stall { after: None }]);
        let call = world.ask(own).open(traffic).await.expect("sent");
        world.host.wait_for(PATIENCE, |seen| !seen.is_empty()).await.expect("it was asked");
        drop(call);
        let left = world.host.wait_for(PATIENCE, |seen| seen.iter().any(|seen| seen.ended == Ended::HungUp)).await;
        assert!(left.is_some(), "{own}: the host still works");
        world.host.next([Fault::status(500)]);
        let reply = world.ask(own).send(traffic).await;
        assert_eq!((reply.status, reply.code().as_str()), (502, "upstream_failed"), "{own}");
        world.judge(&reply, Status::Failed, 0, Quality::None);
    }
    world.serving.stop();
    for said in [PROMPT, FILE, "8hTz2", TEXT, PROVIDER_KEY] {
        assert_eq!(Needles::of(said).in_folder(world.deploy.root()), Vec::<String>::new(), "{said}");
    }
}
