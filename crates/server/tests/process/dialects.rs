//! The real binary before hosts of every dialect of chat: what is said, what is paid, and that none of it stays.

use std::net::SocketAddr;

use phi_record::entry::Status;
use phi_simulate::{Ended, Fault, Host, Says, Tool};
use serde_json::{Value, json};

use crate::book::Book;
use crate::call::{Ask, Reply};
use crate::deploy::{Deploy, PROVIDER_KEY, rows};
use crate::search::Needles;
use crate::serving::{PATIENCE, Serving};

const PROMPT: &str = "prompt canary 7vXq2";
const THOUGHT: &str = "thought canary 9kLm4";
const TEXT: &str = "answer canary 3pWz8 in nine words, no less, truly";
const ARGUMENT: &str = "argument canary 5tRn6";
/// Dialect, what its address ends with, how it is shown a key, and where it is then asked whole and for a stream.
const DIALECTS: [(&str, &str, &str, [&str; 2]); 4] = [
    ("mistral", "/v1", "bearer", ["/v1/chat/completions"; 2]),
    ("anthropic", "/v1", "x-api-key", ["/v1/messages"; 2]),
    (
        "anthropic-vertex",
        "/v1/anthropic",
        "bearer",
        [
            "/v1/anthropic/models/own-anthropic-vertex:rawPredict",
            "/v1/anthropic/models/own-anthropic-vertex:streamRawPredict",
        ],
    ),
    (
        "gemini",
        "/v1beta",
        "x-goog-api-key",
        ["/v1beta/models/own-gemini:generateContent", "/v1beta/models/own-gemini:streamGenerateContent?alt=sse"],
    ),
];

/// A host of the dialect at this address, and a model of it.
fn row(at: SocketAddr, (dialect, path, auth, _): (&str, &str, &str, [&str; 2])) -> String {
    format!(
        r#"
[host.of-{dialect}]
provider = "tested"
dialect = "{dialect}"
address = "http://{at}{path}"
auth = "{auth}"
premises = true
processes_in = "anywhere"
evidence = "contract"
source = "a test"
date = "2026-01-01"

[route.of-{dialect}]
host = "of-{dialect}"
model = "{dialect}"
own = "own-{dialect}"
modality = "chat"
capabilities = ["tools", "json_schema", "vision", "reasoning"]
status = "live"
max_output = 4096
price = {{ currency = "USD", input = "1000.00", output = "2000.00" }}
source = "a test"
date = "2026-01-01"
"#
    )
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
        let all: String = DIALECTS.iter().map(|dialect| row(host.address(), *dialect)).collect();
        deploy.catalogue("tested.toml", &(rows(host.address()) + &all));
        for (dialect, ..) in DIALECTS {
            let put = deploy.run_with(&["vault", "put", &format!("of-{dialect}"), "--name", dialect], PROVIDER_KEY);
            assert_eq!(put.code, Some(0), "{put:?}");
        }
        let (token, _) = deploy.token(&[]);
        let serving = Serving::start(&deploy);
        Self { host, deploy, token, serving }
    }

    fn ask(&self, dialect: &str, stream: bool) -> Ask {
        let function = json!({"name": "look", "parameters": {"type": "object", "properties": {}}});
        let body = json!({
            "model": format!("tested/{dialect}"), "stream": stream,
            "messages": [{"role": "user", "content": PROMPT}], "tools": [{"type": "function", "function": function}],
        });
        Ask::chat(&self.token, &body).with("x-region", "WORLD")
    }

    fn closed(&self, reply: &Reply) -> Status {
        let id = reply.header("x-request-id").expect("an id").parse().expect("an id");
        let calls = Book::read(&self.deploy).calls();
        let closed = &calls[&id].closed;
        assert_eq!(closed.len(), 1, "{closed:?}");
        closed[0].status
    }

    /// Stops it, and looks for everything that was said in all that it has written.
    fn forgets(self) {
        self.serving.stop();
        for said in [PROMPT, THOUGHT, TEXT, ARGUMENT, PROVIDER_KEY] {
            assert_eq!(Needles::of(said).in_folder(self.deploy.root()), Vec::<String>::new(), "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_of_every_dialect_answer_through_the_binary_and_nothing_said_stays() {
    let world = World::up().await;
    let tool = Tool { name: "look".to_owned(), arguments: json!({"at": ARGUMENT}).to_string() };
    for (dialect, _, auth, paths) in DIALECTS {
        let mut costs = Vec::new();
        for (stream, path) in [false, true].into_iter().zip(paths) {
            for tools in [vec![], vec![tool.clone()]] {
                let chunks = dialect == "mistral";
                let is_call = !tools.is_empty();
                let thought = Some(THOUGHT.to_owned());
                world.host.says(Says { text: TEXT.to_owned(), thought, tools, chunks, ..Says::default() });
                let reply = world.ask(dialect, stream).send(world.serving.traffic).await;
                let said = reply.text();
                assert_eq!((reply.status, reply.whole), (200, true), "{dialect}: {said}");
                assert!(said.contains("9kLm4") && said.contains("reasoning_content"), "{dialect}: {said}");
                assert!(said.contains(if is_call { "5tRn6" } else { "3pWz8" }), "{dialect}: {said}");
                assert!(said.contains(if is_call { "\"tool_calls\"" } else { "\"stop\"" }), "{dialect}: {said}");
                assert_eq!(said.contains("[DONE]"), stream, "{dialect}: {said}");
                let seen = world.host.seen().pop().expect("it was asked");
                assert_eq!(seen.path(), path);
                let (name, key) = match auth {
                    "bearer" => ("authorization", format!("Bearer {PROVIDER_KEY}")),
                    name => (name, PROVIDER_KEY.to_owned()),
                };
                assert_eq!(seen.header(name), Some(key), "{dialect}");
                assert_eq!(seen.header("anthropic-version").is_some(), dialect == "anthropic");
                assert_eq!(world.closed(&reply), Status::Answered, "{dialect}");
                costs.push(reply.cost().expect("a cost"));
            }
        }
        assert!(costs.iter().all(|cost| *cost > 0), "{dialect}: {costs:?}");
    }
    world.forgets();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_every_dialect_end_the_call_in_our_words_through_the_binary() {
    let world = World::up().await;
    for (dialect, ..) in DIALECTS {
        let says = Says { text: TEXT.to_owned(), chunks: dialect == "mistral", ..Says::default() };
        world.host.says(says);
        // Who leaves is followed. Of a host that fails three times nobody hears for a while, so this comes first.
        world.host.forget();
        world.host.next([Fault::Stall { after: Some(4) }]);
        let mut call = world.ask(dialect, true).open(world.serving.traffic).await.expect("sent");
        assert!(call.until("\"answer ").await, "{dialect}");
        drop(call);
        let left = world.host.wait_for(PATIENCE, |seen| seen.iter().any(|seen| seen.ended == Ended::HungUp)).await;
        assert!(left.is_some(), "{dialect}: the host still works");
        for (fault, stream, code, status) in [
            (Fault::status(400), false, "upstream_rejected", Status::Failed),
            (Fault::status(400), true, "upstream_rejected", Status::Failed),
            (Fault::ErrorFrame { after: 5 }, true, "upstream_truncated", Status::Truncated),
            (Fault::NoDone, true, "upstream_truncated", Status::Truncated),
            (Fault::Cut { after: Some(5) }, true, "upstream_truncated", Status::Truncated),
        ] {
            world.host.next([fault.clone()]);
            let reply = world.ask(dialect, stream).send(world.serving.traffic).await;
            let said = reply.text();
            let last = said.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap_or(&said);
            let last: Value = serde_json::from_str(last).expect("JSON");
            assert_eq!(last["error"]["code"], code, "{dialect} {fault:?}: {said}");
            assert!(!said.contains("[DONE]") && !said.contains(PROMPT), "{dialect} {fault:?}: {said}");
            assert_eq!(world.closed(&reply), status, "{dialect} {fault:?}");
        }
    }
    world.forgets();
}
