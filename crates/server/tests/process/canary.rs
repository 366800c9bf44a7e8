//! A marker in everything that a caller or a host can say, through every way that a call can go. Afterwards it is looked
//! for in all that the gateway has written, printed and told to others.

mod faults;
mod parrot;
mod process;
mod tables;
mod walk;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use phi_simulate::{Ended, Fault, Host, Says, Tool};
use serde_json::{Value, json};

use crate::call::{Ask, Call, Reply};
use crate::deploy::{Deploy, MODEL, PEM, PROVIDER_KEY, Ran, key_file, text};
use crate::search::Needles;
use crate::serving::{PATIENCE, Serving};
use faults::faults;
use tables::KEY;

/// Where letters and digits alone may stand.
const PLAIN: &str = "qZ7vXk2mWp4tLs9";
/// Where any text may stand: every spelling of it differs from the text itself.
const ODD: &str = "Jörg \"Kn4r\"/\\é";
/// The longest body that is taken.
const BODY_BYTES: usize = 20_000;

/// Both markers, with the name of the place where they stand.
fn marked(place: &str) -> String {
    format!("{place} {PLAIN} {ODD}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_said_is_anywhere_afterwards() {
    let mut world = World::new().await;
    let serving = Serving::start(&world.deploy);
    let put = world.deploy.run_with(&["vault", "put", "google"], &key_file());
    assert_eq!(put.code, Some(0), "{put:?}");
    world.successes(&serving).await;
    world.refusals(&serving).await;
    world.host_faults(&serving).await;
    world.leavers(&serving).await;
    world.bystander.look(&serving).await;
    // In the middle of two answers.
    let mut streamed = world.stalled(&serving, true, Some(3)).await;
    assert!(streamed.until(PLAIN).await);
    let _whole = world.stalled(&serving, false, None).await;
    serving.kill();
    assert_eq!(world.on_disk(), Vec::<String>::new());

    let serving = Serving::start(&world.deploy);
    world.host.behave();
    world.successes(&serving).await;
    world.bystander.look(&serving).await;
    serving.stop();
    world.nowhere();
    world.planted();
}

struct World {
    host: Host,
    deploy: Deploy,
    general: String,
    phi: String,
    bystander: Bystander,
}

/// Another caller, and an operator: all that they are told is kept.
struct Bystander {
    token: String,
    told: Vec<u8>,
}

impl World {
    async fn new() -> Self {
        let host = Host::start().await.expect("started");
        host.says(Says { text: marked("answer"), gap: Duration::from_millis(1), ..Says::default() });
        let deploy = Deploy::ready(host.address());
        deploy.settings(&format!("[gateway]\nbody_bytes = {BODY_BYTES}"));
        deploy.attest();
        let (general, _) = deploy.token(&["--label", "first"]);
        let (phi, _) = deploy.token(&["--class", "phi"]);
        deploy.json(&["agent", "create", "other", "--org", "org"]);
        let other = deploy.json(&["token", "create", "--org", "org", "--agent", "other"]);
        let bystander = Bystander { token: text(&other["token"]), told: Vec::new() };
        Self { host, deploy, general, phi, bystander }
    }

    async fn successes(&mut self, serving: &Serving) {
        let seen = self.host.seen().len();
        for (token, class) in [(&self.general, "general"), (&self.phi, "phi")] {
            for stream in [false, true] {
                for tool in [false, true] {
                    let tool =
                        tool.then(|| Tool { name: PLAIN.into(), arguments: json!({"a": marked("tool")}).to_string() });
                    let tools = tool.into_iter().collect();
                    self.host.says(Says { text: marked("answer"), tools, ..Says::default() });
                    let mut body = full(stream);
                    if class == "general" {
                        body[PLAIN] = json!({"unknown": marked("unknown")});
                    }
                    let ask = Ask::chat(token, &body);
                    let reply = headers(ask).send(serving.traffic).await;
                    assert!(reply.status == 200 && reply.whole && reply.text().contains(PLAIN), "{}", reply.text());
                }
            }
        }
        let came = &self.host.seen()[seen..];
        let key = format!("Bearer {PROVIDER_KEY}");
        assert!(came.iter().all(|one| one.header("authorization").as_ref() == Some(&key)), "the key is used");
        assert!(came.len() == 8 && came.iter().all(|one| Needles::of(PLAIN).in_bytes("", &one.body).len() > 1));
        self.bystander.look(serving).await;
    }

    async fn refusals(&mut self, serving: &Serving) {
        let asks = [bad_bodies(&self.general), bad_heads(&self.general), bad_credentials()].concat();
        for (code, ask) in asks {
            let reply = ask.send(serving.traffic).await;
            assert_eq!(reply.code(), code, "{ask:?} {reply:?}");
            assert_silent(&reply);
        }
        let mut body = full(false);
        body[PLAIN] = json!(marked("unknown"));
        let reply = headers(Ask::chat(&self.phi, &body)).send(serving.traffic).await;
        assert_eq!(reply.code(), "unsupported_parameter", "{reply:?}");
        // The name of a field that is not known is all that is ever repeated, to the one who sent it.
        assert_eq!(reply.json()["error"]["param"], PLAIN);
        assert!(Needles::of(ODD).in_bytes("", &reply.body).is_empty());
        for line in [format!("{PLAIN} {PLAIN}"), format!("GET /{ODD}")] {
            let reply = Ask::line(&line).send(serving.traffic).await;
            assert!(reply.status == 400, "{reply:?}");
        }
        self.bystander.look(serving).await;
    }

    async fn host_faults(&mut self, serving: &Serving) {
        for fault in faults() {
            for (token, stream) in
                [(&self.general, false), (&self.general, true), (&self.phi, false), (&self.phi, true)]
            {
                self.host.behave();
                self.host.next([fault.clone()]);
                // A route that the fault before has ejected or withdrawn would be asked nothing.
                self.deploy.run(&["catalog", "accept", "tested-plain"]);
                let before = self.host.seen().len();
                let reply = headers(Ask::chat(token, &full(stream))).send(serving.traffic).await;
                assert_ne!(reply.status, 0, "{fault:?}");
                assert!(self.host.seen().len() > before, "{fault:?}: {reply:?}");
                if reply.status != 200 {
                    assert_silent(&reply);
                }
            }
        }
        self.bystander.look(serving).await;
    }

    /// Callers who leave before the answer, and in the middle of it.
    async fn leavers(&mut self, serving: &Serving) {
        for (stream, after) in [(false, None), (true, None), (true, Some(4))] {
            let before = self.hung_up();
            let mut call = self.stalled(serving, stream, after).await;
            let has = after.is_none() || call.until(PLAIN).await;
            assert!(has, "{}", call.rest().await.text());
            drop(call);
            let gone = self.host.wait_for(PATIENCE, |seen| hung_up(seen) > before).await;
            assert!(gone.is_some(), "the host is let go of");
        }
        // One who never sends the whole body.
        let body = full(false).to_string();
        let ask = Ask::new("POST", "/v1/chat/completions").by(&self.general).with("content-type", "application/json");
        let half = ask.with("transfer-encoding", "chunked").bytes(format!("{:x}\r\n{body}", body.len() + 9));
        drop(half.open(serving.traffic).await.expect("connected"));
        self.host.behave();
        self.bystander.look(serving).await;
    }

    fn hung_up(&self) -> usize {
        hung_up(&self.host.seen())
    }

    /// A request that the host has, and does not answer to its end.
    async fn stalled(&self, serving: &Serving, stream: bool, after: Option<usize>) -> Call {
        self.host.behave();
        self.host.next([Fault::Stall { after }]);
        let seen = self.host.seen().len();
        let call = headers(Ask::chat(&self.general, &full(stream))).open(serving.traffic).await.expect("connected");
        self.host.wait_for(PATIENCE, |now| now.len() > seen).await.expect("it reaches the host");
        call
    }

    /// Looks everywhere.
    fn nowhere(&self) {
        for line in [
            &["ledger", "tail", "--count", "10000"][..],
            &["--json", "ledger", "tail", "--count", "10000"],
            &["--json", "ledger", "verify"],
            &["--json", "token", "list", "--org", "org"],
            &["--json", "vault", "list"],
            &["agent", "list", "--org", "org"],
        ] {
            let Ran { out, err, .. } = self.deploy.run(line);
            assert!(out.len() > 10, "{line:?} {err}");
            assert_eq!(self.secrets_in("what a command says", &[out, err].concat().into_bytes()), Vec::<String>::new());
        }
        assert!(self.bystander.told.len() > 10_000, "the bystander was told something");
        assert_eq!(self.secrets_in("what another caller was told", &self.bystander.told), Vec::<String>::new());
        assert_eq!(self.on_disk(), Vec::<String>::new());
    }

    /// The same search, of the same folder, finds what is put there.
    fn planted(&self) {
        let spelled = [
            (PLAIN, format!("x{PLAIN}")),
            (ODD, json!(ODD).to_string()),
            (PLAIN, STANDARD.encode(format!("xy{PLAIN}"))),
            (ODD, phi_crypto::hex(ODD.as_bytes())),
            (PROVIDER_KEY, format!("authorization: Bearer {PROVIDER_KEY}")),
            (line_of_key(), PEM.to_owned()),
            (secret_part(&self.phi), STANDARD.encode(self.phi.as_bytes())),
        ];
        let place = self.deploy.data().join("planted");
        for (secret, spelling) in spelled {
            std::fs::write(&place, spelling).expect("written");
            assert!(self.on_disk().iter().any(|hit| hit.contains("planted")), "{secret}");
        }
    }

    /// What of all that lies in the folders of the deployment's processes: data, temporary files, what they printed.
    fn on_disk(&self) -> Vec<String> {
        self.secrets().iter().flat_map(|needles| needles.in_folder(self.deploy.root())).collect()
    }

    /// All that may be nowhere.
    fn secrets(&self) -> Vec<Needles> {
        [self.untold(), vec![Needles::of(KEY)]].concat()
    }

    /// What is told to nobody, not even to the one who sent it: the markers, the providers' keys, and what of the tokens is
    /// secret.
    fn untold(&self) -> Vec<Needles> {
        let tokens = [&self.general, &self.phi, &self.bystander.token].map(|token| secret_part(token));
        [&[PLAIN, ODD, PROVIDER_KEY, line_of_key()][..], &tokens].concat().into_iter().map(Needles::of).collect()
    }

    fn secrets_in(&self, place: &str, bytes: &[u8]) -> Vec<String> {
        self.secrets().iter().flat_map(|needles| needles.in_bytes(place, bytes)).collect()
    }
}

impl Bystander {
    /// Asks for everything that can be seen by somebody else.
    async fn look(&mut self, serving: &Serving) {
        for path in ["/metrics", "/readyz", "/healthz", "/nothing"] {
            let reply = Ask::new("GET", path).send(serving.console).await;
            assert!(reply.whole, "{path}");
            self.keep(&reply);
        }
        let ask = |method, path| Ask::new(method, path).by(&self.token);
        let body = json!({"model": MODEL, "messages": [], "nonsense": 1}).to_string();
        let mut replies = Vec::new();
        for ask in [
            ask("GET", "/v1/models"),
            ask("GET", "/v1/models/auto"),
            Ask::new("GET", "/v1/pricing"),
            ask("GET", "/v1/ping"),
            ask("GET", "/v1/nothing"),
            ask("GET", "/v1/requests/019abcde-0000-7000-8000-000000000000"),
            ask("POST", "/v1/chat/completions").json(body),
            ask("POST", "/v1/chat/completions").json("{"),
            ask("GET", "/v1/ping").with("x-region", "nowhere"),
            Ask::new("GET", "/v1/ping").by("nobody"),
            Ask::line("NONSENSE"),
        ] {
            replies.push(ask.send(serving.traffic).await);
        }
        replies.iter().for_each(|reply| self.keep(reply));
    }

    fn keep(&mut self, reply: &Reply) {
        self.told.extend_from_slice(reply.head.as_bytes());
        self.told.extend_from_slice(&reply.body);
    }
}

/// A refusal repeats neither what the caller nor what the host said.
fn assert_silent(reply: &Reply) {
    let bytes = [reply.head.as_bytes(), &reply.body].concat();
    let found = [PLAIN, ODD].map(|marker| Needles::of(marker).in_bytes("a refusal", &bytes));
    assert_eq!(found.concat(), Vec::<String>::new());
}

fn hung_up(seen: &[phi_simulate::Seen]) -> usize {
    seen.iter().filter(|one| one.ended == Ended::HungUp).count()
}

/// A line from the middle of the service account's key.
fn line_of_key() -> &'static str {
    PEM.lines().nth(9).expect("a line")
}

/// A token without its kind and its public part.
fn secret_part(token: &str) -> &str {
    token.rsplit('_').next().expect("a part")
}

/// A chat request with a marker in every field that can hold text.
fn full(stream: bool) -> Value {
    let image = format!("data:image/png;base64,{}", STANDARD.encode(marked("image")));
    let call = json!({"id": PLAIN, "type": "function", "function": {"name": PLAIN, "arguments": json!({"a": marked("arguments")}).to_string()}});
    let schema = json!({"type": "object", "description": marked("schema"), "properties": {PLAIN: {"type": "string"}}});
    let mut body = json!({
        "model": MODEL, "stream": stream,
        "messages": [
            {"role": "system", "content": marked("system"), "name": PLAIN},
            {"role": "developer", "content": marked("developer")},
            {"role": "user", "name": PLAIN, "content": [
                {"type": "text", "text": marked("user")},
                {"type": "image_url", "image_url": {"url": image}},
            ]},
            {"role": "assistant", "content": marked("assistant"), "tool_calls": [call]},
            {"role": "tool", "tool_call_id": PLAIN, "content": marked("result")},
            {"role": "user", "content": format!("report {PLAIN}.pdf of {ODD}")},
        ],
        "tools": [{"type": "function", "function": {"name": PLAIN, "description": marked("tool"), "parameters": schema}}],
        "tool_choice": {"type": "function", "function": {"name": PLAIN}},
        "response_format": {"type": "json_schema", "json_schema": {"name": PLAIN, "description": marked("format"), "schema": schema}},
        "user": marked("user"), "safety_identifier": marked("safety"), "prompt_cache_key": marked("cache"),
        "metadata": {PLAIN: marked("metadata")}, "stop": [PLAIN.to_lowercase() + "!"],
    });
    if stream {
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

/// A marker in every header that can hold text and does not get the request refused.
fn headers(ask: Ask) -> Ask {
    let names =
        ["x-actor", "x-subject", "x-purpose", "user-agent", "traceparent", "cookie", "referer", "x-stainless-lang"];
    names.iter().fold(ask, |ask, name| ask.with(name, PLAIN)).with(PLAIN, "1").with("x-forwarded-for", PLAIN)
}

type Refused = (&'static str, Ask);

fn bad_bodies(token: &str) -> Vec<Refused> {
    let raw = |body: &str| headers(Ask::new("POST", "/v1/chat/completions").by(token)).json(body);
    let with = |field: &str, value: Value| {
        let mut body = full(false);
        body[field] = value;
        raw(&body.to_string())
    };
    let part = |part: Value| with("messages", json!([{"role": "user", "content": [part]}]));
    let chunked = |body: &str, trailer: &str| {
        let ask = Ask::new("POST", "/v1/chat/completions").by(token).with("content-type", "application/json");
        ask.with("transfer-encoding", "chunked").bytes(format!("{:x}\r\n{body}\r\n0\r\n{trailer}\r\n", body.len()))
    };
    let long = marked("long").repeat(BODY_BYTES / 20);
    vec![
        ("invalid_json", raw(&format!("{{\"model\": \"{PLAIN}"))),
        ("invalid_json", raw(&marked("no JSON"))),
        ("invalid_json", raw(&format!("[\"{PLAIN}\", \u{1}]"))),
        ("duplicate_key", raw(&format!("{{\"{PLAIN}\": 1, \"{PLAIN}\": 2}}"))),
        (
            "request_too_large",
            raw(&json!({"model": MODEL, "messages": [{"role": "user", "content": long}]}).to_string()),
        ),
        ("request_too_large", chunked(&long, "")),
        ("ambiguous_header", chunked(&full(false).to_string(), &format!("x-actor: {PLAIN}\r\n"))),
        ("model_not_found", with("model", json!(PLAIN))),
        ("model_not_found", with("model", json!(format!("tested/{PLAIN}")))),
        ("invalid_request", with("messages", json!([{"role": PLAIN, "content": ODD}]))),
        ("invalid_request", with("messages", json!(marked("messages")))),
        ("invalid_request", with("max_tokens", json!(marked("number")))),
        (
            "unsupported_parameter",
            part(json!({"type": "file", "file": {"filename": format!("{PLAIN}.pdf"), "file_data": ODD}})),
        ),
        ("unsupported_parameter", part(json!({"type": "file", "file": {"file_id": PLAIN}}))),
        (
            "unsupported_parameter",
            part(json!({"type": "image_url", "image_url": {"url": format!("https://{PLAIN}.example/{ODD}")}})),
        ),
        ("unsupported_parameter", with("tools", json!([{"type": "web_search", "query": marked("search")}]))),
        ("unsupported_parameter", with("previous_response_id", json!(PLAIN))),
        ("unsupported_parameter", with("extra_body", json!({PLAIN: ODD}))),
    ]
}

fn bad_heads(token: &str) -> Vec<Refused> {
    let chat = || Ask::chat(token, &full(false));
    let look = |path: &str| Ask::new("GET", path).by(token);
    let typed = |kind: &str| {
        Ask::new("POST", "/v1/chat/completions").by(token).with("content-type", kind).bytes(marked("body"))
    };
    let unidentified = Ask::new("POST", &format!("/v1/chat/completions?key={PLAIN}")).json(marked("body"));
    vec![
        ("invalid_header", chat().with("x-region", PLAIN)),
        ("invalid_header", chat().with("x-phi", PLAIN)),
        ("invalid_header", chat().with("x-model-tier", PLAIN)),
        ("invalid_header", chat().with("x-actor", &marked("not ASCII"))),
        ("invalid_header", chat().with("x-subject", &PLAIN.repeat(20))),
        ("unsupported_parameter", chat().with("idempotency-key", PLAIN)),
        ("unsupported_parameter", chat().with("x-data-class", PLAIN)),
        ("ambiguous_header", chat().with("x-actor", PLAIN).with("x-actor", PLAIN)),
        ("ambiguous_header", chat().with("x_actor", PLAIN)),
        ("invalid_request", chat().with("host", PLAIN)),
        ("unsupported_media_type", typed(&format!("text/{PLAIN}"))),
        ("unsupported_media_type", typed(&format!("application/json; charset={PLAIN}"))),
        ("unsupported_media_type", chat().with("content-encoding", PLAIN)),
        ("not_found", look(&format!("/v1/{PLAIN}"))),
        ("not_found", look(&format!("/v1/files/{PLAIN}.pdf"))),
        ("not_found", look(&format!("/v1/requests/{PLAIN}"))),
        ("model_not_found", look(&format!("/v1/models/{PLAIN}"))),
        ("invalid_request", look(&format!("/v1/models?name={PLAIN}"))),
        ("invalid_request", look(&format!("/v1/pricing?region={PLAIN}"))),
        ("invalid_request", look(&format!("/v1/pricing?{PLAIN}=1"))),
        ("invalid_request", unidentified),
        ("method_not_allowed", Ask::new(PLAIN, "/v1/models").by(token)),
    ]
}

fn bad_credentials() -> Vec<Refused> {
    let chat = || headers(Ask::new("POST", "/v1/chat/completions")).json(full(false).to_string());
    let live = format!("phi_live_{PLAIN}a_{PLAIN}");
    [
        chat().by(PLAIN),
        chat().by(&live),
        chat().by(&format!("019abcde-0000-7000-8000-000000000000:{PLAIN}")),
        chat().with("x-api-key", PLAIN),
        chat().with("x-api-key", &live).by(PLAIN),
        chat().with("authorization", &format!("Basic {}", STANDARD.encode(PLAIN))),
        chat().with("authorization", &marked("not ASCII")),
    ]
    .map(|ask| ("invalid_api_key", ask))
    .into()
}
