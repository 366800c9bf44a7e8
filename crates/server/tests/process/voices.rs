//! Text to speech through the binary, by every dialect that has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phi_record::entry::Status;
use phi_simulate::{Ended, Fault, Host, Says, spoken};
use serde_json::{Value, json};

use crate::book::Book;
use crate::call::{Ask, Reply};
use crate::deploy::{Deploy, PROVIDER_KEY, rows};
use crate::search::Needles;
use crate::serving::{PATIENCE, Serving};

const PROMPT: &str = "patient kX3qV7 has a fever";
const TEXT: &str = "every word of the answer 9kLm4 is simulated";

/// A dialect, where below the host's address it is, how a key is shown, and the path that is asked.
const DIALECTS: [(&str, &str, &str, &str); 3] = [
    ("openai", "/v1", "bearer", "/v1/audio/speech"),
    ("mistral", "/v1", "bearer", "/v1/audio/speech"),
    ("azure-speech", "/cognitiveservices", "ocp-apim-subscription-key", "/cognitiveservices/v1"),
];

struct World {
    host: Host,
    deploy: Deploy,
    token: String,
    serving: Serving,
}

impl World {
    async fn up() -> Self {
        let host = Host::start().await.expect("a host");
        host.says(Says { text: TEXT.to_owned(), ..Says::default() });
        let deploy = Deploy::ready(host.address());
        let all: String = DIALECTS.iter().map(|(dialect, below, auth, _)| row(&host, dialect, below, auth)).collect();
        deploy.catalogue("tested.toml", &(rows(host.address()) + &all));
        for (dialect, ..) in DIALECTS {
            let put = deploy.run_with(&["vault", "put", &format!("voice-{dialect}"), "--name", dialect], PROVIDER_KEY);
            assert_eq!(put.code, Some(0), "{put:?}");
        }
        let (token, _) = deploy.token(&[]);
        let serving = Serving::start(&deploy);
        Self { host, deploy, token, serving }
    }

    fn ask(&self, dialect: &str, more: &Value) -> Ask {
        let mut body = json!({"model": format!("tested/{dialect}"), "input": PROMPT, "voice": "alloy"});
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        Ask::new("POST", "/v1/audio/speech").by(&self.token).json(body.to_string()).with("x-region", "CH")
    }

    fn status(&self, reply: &Reply) -> Status {
        let id = reply.header("x-request-id").expect("an id").parse().expect("an id");
        let calls = Book::read(&self.deploy).calls();
        let closed = calls[&id].closed.first().expect("it is closed");
        assert_eq!(calls[&id].closed.len(), 1, "it is closed once");
        assert_eq!(closed.usage.characters, PROMPT.len() as u64);
        closed.status
    }
}

fn row(host: &Host, dialect: &str, below: &str, auth: &str) -> String {
    let address = host.address();
    format!(
        r#"
[host.voice-{dialect}]
provider = "tested"
dialect = "{dialect}"
address = "http://{address}{below}"
auth = "{auth}"
premises = true
processes_in = ["CH"]
evidence = "contract"
source = "a test"
date = "2026-01-01"

[route.voice-{dialect}]
host = "voice-{dialect}"
model = "{dialect}"
own = "neural"
modality = "speech"
sounds = ["mp3", "pcm"]
voices = {{ alloy = "de-CH-LeniNeural" }}
status = "live"
price = {{ currency = "USD", characters = "1000.00" }}
source = "a test"
date = "2026-01-01"
"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_comes_through_the_binary_as_it_is_made_and_nothing_said_stays() {
    let world = World::up().await;
    let traffic = world.serving.traffic;
    for (dialect, _, auth, path) in DIALECTS {
        let reply = world.ask(dialect, &json!({})).send(traffic).await;
        assert_eq!((reply.status, reply.whole), (200, true), "{dialect}: {reply:?}");
        assert_eq!(reply.body, spoken("mp3", TEXT).concat(), "{dialect}");
        let seen = world.host.seen().pop().expect("it was asked");
        let (name, key) = match auth {
            "bearer" => ("authorization", format!("Bearer {PROVIDER_KEY}")),
            name => (name, PROVIDER_KEY.to_owned()),
        };
        assert_eq!((seen.path().as_str(), seen.header(name)), (path, Some(key)), "{dialect}");
        assert_eq!(world.status(&reply), Status::Answered, "{dialect}");
        let reply = world.ask(dialect, &json!({"stream_format": "sse", "response_format": "wav"})).send(traffic).await;
        let events = reply.text();
        let events = events.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
        let events = events.map(|event| serde_json::from_str::<Value>(event).expect("JSON"));
        let sound = events.filter_map(|event| Some(STANDARD.decode(event["audio"].as_str()?).expect("base64")));
        let sound = sound.collect::<Vec<_>>().concat();
        assert_eq!((&sound[..4], &sound[44..]), (&b"RIFF"[..], &spoken("pcm", TEXT).concat()[..]), "{dialect}");
        // The first sound is here while the host still speaks; who leaves is followed.
        world.host.forget();
        world.host.next([Fault::Stall { after: Some(4) }]);
        let ask = world.ask(dialect, &json!({"response_format": "pcm"}));
        let mut call = ask.open(traffic).await.expect("sent");
        assert!(call.until("every ").await, "{dialect}");
        assert_eq!(world.host.seen()[0].ended, Ended::Running, "{dialect}");
        drop(call);
        let left = world.host.wait_for(PATIENCE, |seen| seen.iter().any(|seen| seen.ended == Ended::HungUp)).await;
        assert!(left.is_some(), "{dialect}: the host still works");
        // Sound that was cut is not whole.
        world.host.next([Fault::Cut { after: Some(4) }]);
        let reply = world.ask(dialect, &json!({})).send(traffic).await;
        assert_eq!((reply.status, reply.whole), (200, false), "{dialect}");
        assert_eq!(world.status(&reply), Status::Truncated, "{dialect}");
    }
    world.serving.stop();
    let encoded = STANDARD.encode(spoken("pcm", TEXT).concat());
    for said in [PROMPT, TEXT, PROVIDER_KEY, &encoded[..24]] {
        assert_eq!(Needles::of(said).in_folder(world.deploy.root()), Vec::<String>::new(), "{said}");
    }
}
