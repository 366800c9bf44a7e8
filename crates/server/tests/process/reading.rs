//! Documents through the binary: read by every dialect that does, and nothing of them stays, here or there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phi_record::entry::Status;
use phi_simulate::{Host, Says, Seen};
use phi_words::Quality;
use serde_json::json;

use crate::book::Book;
use crate::call::Ask;
use crate::deploy::{Deploy, PROVIDER_KEY, rows};
use crate::search::Needles;
use crate::serving::{PATIENCE, Serving};

const SECRET: &str = "patient kX3qV7 has a fever";
const FILE: &str = "Keller 8hTz2.pdf";
const TEXT: &str = "every word of the answer 9kLm4 is simulated";

/// A dialect, what `own` says there, where below the host's address it is, and how a key is shown.
const DIALECTS: [(&str, &str, &str, &str); 3] = [
    ("openai", "ocr", "/v1", "bearer"),
    ("mistral", "mistral-ocr-2512", "/v1", "bearer"),
    ("azure-documents", "prebuilt-layout", "/documentintelligence", "ocp-apim-subscription-key"),
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
        let all: String = DIALECTS.iter().map(|dialect| row(&host, *dialect)).collect();
        deploy.catalogue("tested.toml", &(rows(host.address()) + &all));
        for (dialect, ..) in DIALECTS {
            let put = deploy.run_with(&["vault", "put", &format!("reader-{dialect}"), "--name", dialect], PROVIDER_KEY);
            assert_eq!(put.code, Some(0), "{put:?}");
        }
        let (token, _) = deploy.token(&[]);
        let serving = Serving::start(&deploy);
        Self { host, deploy, token, serving }
    }

    fn ask(&self, dialect: &str) -> Ask {
        let url = format!("data:application/pdf;base64,{}", STANDARD.encode(pdf()));
        let document = json!({"type": "document_url", "document_url": url, "document_name": FILE});
        let body = json!({"model": format!("tested/{dialect}"), "document": document});
        Ask::new("POST", "/v1/ocr").by(&self.token).json(body.to_string()).with("x-region", "CH")
    }
}

fn pdf() -> Vec<u8> {
    format!("%PDF-1.4\n% {SECRET}\n2 0 obj\n<</Type/Pages/Kids[]/Count 1>>\nendobj\n").into_bytes()
}

fn row(host: &Host, (dialect, own, below, auth): (&str, &str, &str, &str)) -> String {
    let address = host.address();
    format!(
        r#"
[host.reader-{dialect}]
provider = "tested"
dialect = "{dialect}"
address = "http://{address}{below}"
auth = "{auth}"
premises = true
processes_in = ["CH"]
evidence = "contract"
source = "a test"
date = "2026-01-01"

[route.reader-{dialect}]
host = "reader-{dialect}"
model = "{dialect}"
own = "{own}"
modality = "ocr"
status = "live"
price = {{ currency = "USD", pages = "10.00" }}
source = "a test"
date = "2026-01-01"
"#
    )
}

fn is_deletion(seen: &Seen) -> bool {
    seen.head.starts_with(b"DELETE /documentintelligence/documentModels/prebuilt-layout/analyzeResults/")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_read_through_the_binary_and_stays_nowhere() {
    let world = World::up().await;
    let traffic = world.serving.traffic;
    for (dialect, ..) in DIALECTS {
        let reply = world.ask(dialect).send(traffic).await;
        assert_eq!((reply.status, reply.whole, reply.cost()), (200, true, Some(11_000)), "{dialect}: {}", reply.text());
        let answer = reply.json();
        assert_eq!(answer["usage_info"], json!({"pages_processed": 1, "doc_size_bytes": pdf().len()}), "{dialect}");
        assert!(answer["pages"][0]["markdown"].as_str().expect("a text").contains(TEXT), "{dialect}");
        let id = reply.header("x-request-id").expect("an id").parse().expect("an id");
        let calls = Book::read(&world.deploy).calls();
        let [closed] = &calls[&id].closed[..] else { panic!("{:?}", calls[&id].closed) };
        assert_eq!((closed.status, closed.quality, closed.usage.pages), (Status::Answered, Quality::Verified, 1));
    }
    assert!(world.host.wait_for(PATIENCE, |seen| seen.iter().any(is_deletion)).await.is_some());
    assert!(world.host.seen().iter().all(|seen| !String::from_utf8_lossy(&seen.body).contains(FILE)));
    // Who leaves in the middle is followed, and the end of the server waits for the last word.
    world.host.forget();
    world.host.says(Says { text: TEXT.to_owned(), polls: usize::MAX, ..Says::default() });
    let call = world.ask("azure-documents").open(traffic).await.expect("sent");
    assert!(world.host.wait_for(PATIENCE, |seen| seen.len() >= 2).await.is_some());
    drop(call);
    assert!(world.host.wait_for(PATIENCE, |seen| seen.iter().any(is_deletion)).await.is_some());
    world.serving.stop();
    let encoded = STANDARD.encode(pdf());
    for said in [SECRET, FILE, TEXT, PROVIDER_KEY, &encoded[..24]] {
        assert_eq!(Needles::of(said).in_folder(world.deploy.root()), Vec::<String>::new(), "{said}");
    }
}
