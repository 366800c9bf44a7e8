//! Images that a body names by an address, where the operator lets the gateway fetch them: what reaches whom.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use phi_record::entry::{Record, Status};
use phi_simulate::{AWS_KEY, Ca, Fault, Pictures};
use phi_upstream::Deadlines;
use phi_words::{Code, MicroUsd};
use serde_json::{Value, json};

use crate::ask::{Ask, Reply};
use crate::bedrock::key_file;
use crate::record::Gated;
use crate::setup::{Setup, key_of, put_key};
use crate::stand::{Stand, wait_until};

const NAME: &str = "pictures-4711.example";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n a picture of a picture";
const ALLOWED: &str = "deployment = { country = 'CH' }\nupstream = { fetch = true }";
/// Two hosts of one model that sees, beside those of every dialect.
const SEES: &str = r#"
[route.alps-a-v]
host = "alps-a"
model = "v"
own = "alpine-v"
modality = "chat"
capabilities = ["vision"]
status = "live"
price = { currency = "USD", input = "3.00", output = "15.00" }
source = "a contract"
date = "2026-11-01"

[route.alps-b-v]
host = "alps-b"
model = "v"
own = "alpine-v"
modality = "chat"
capabilities = ["vision"]
status = "live"
price = { currency = "USD", input = "3.00", output = "15.00" }
source = "a contract"
date = "2026-11-01"
"#;

/// A stand, and who keeps pictures: a name that leads there, and another that nobody can prove to be.
async fn up(settings: &'static str, disk: Option<Arc<Gated>>) -> (Stand, Pictures) {
    up_with(Setup { settings, disk: disk.map(|disk| disk as _), ..Setup::default() }).await
}

async fn up_with(setup: Setup) -> (Stand, Pictures) {
    let ca = Ca::new().unwrap();
    let pictures = Pictures::start(ca.identity(&[NAME]).unwrap()).await.unwrap();
    pictures.keeps("/scan.png?token=sesame", "image/png", PNG);
    let leads = vec![(NAME, pictures.address()), ("impostor.example", pictures.address())];
    let all = [include_str!("../dialects.toml"), include_str!("../bedrock.toml"), SEES].concat();
    let catalogue: &'static str = Box::leak(all.into_boxed_str());
    let stand = Setup { catalogue, leads, ca: Some(ca), ..setup }.up().await;
    for host in ["gpt", "minstrel", "claude", "vertex-claude", "gemini"] {
        put_key(&stand.deployment, host, host, &key_of(host)).await;
    }
    put_key(&stand.deployment, "rock", "rock", &key_file(AWS_KEY.1)).await;
    (stand, pictures)
}

fn url() -> String {
    format!("https://{NAME}/scan.png?token=sesame")
}

/// A body of each way in, with images at these addresses.
fn asks(model: &str, urls: &[&str]) -> [(Ask, &'static str); 3] {
    let parts = |part: &dyn Fn(&str) -> Value| urls.iter().map(|url| part(url)).collect::<Value>();
    let chat = parts(&|url| json!({"type": "image_url", "image_url": {"url": url}}));
    let responses = parts(&|url| json!({"type": "input_image", "image_url": url}));
    let messages = parts(&|url| json!({"type": "image", "source": {"type": "url", "url": url}}));
    let said = |content: Value| json!([{"role": "user", "content": content}]);
    [
        (
            Ask::json("/v1/chat/completions", &json!({"model": model, "messages": said(chat)})),
            "messages[0].content[0].image_url.url",
        ),
        (
            Ask::json("/v1/responses", &json!({"model": model, "input": said(responses)})),
            "input[0].content[0].image_url",
        ),
        (
            Ask::json("/v1/messages", &json!({"model": model, "max_tokens": 9, "messages": said(messages)})),
            "messages[0].content[0].source",
        ),
    ]
}

/// By the first of the ways in.
fn chat(model: &str, urls: &[&str]) -> Ask {
    let [(ask, _), ..] = asks(model, urls);
    ask
}

/// A refusal that names the place and nothing else, of a call that cost nothing and that no host was asked in.
async fn refused(stand: &Stand, reply: &Reply, path: &str) -> Code {
    assert_eq!(reply.status, 400, "{}", reply.text());
    let error = &reply.json()["error"];
    assert_eq!(error["param"], path, "{error}");
    assert!(!reply.text().contains("4711") && !reply.text().contains("example"), "{}", reply.text());
    assert_eq!(stand.reached(), Vec::<&str>::new());
    let closed = stand.closed(reply.id()).await;
    assert_eq!((closed.status, closed.attempts.len(), closed.list_cost), (Status::Failed, 0, MicroUsd::ZERO));
    closed.code.unwrap()
}

/// Everything that is written down anywhere.
fn written(folder: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { written(&path) } else { std::fs::read(&path).unwrap_or_default() });
    }
    all
}

#[tokio::test]
async fn check_16_a_host_is_given_the_image_and_nobody_is_told_its_address() {
    let (stand, pictures) = up(ALLOWED, None).await;
    let models = ["gpt/c", "minstrel/c", "claude/c", "vertex-claude/c", "gemini/c", "rock/r", "alps/v"];
    for model in models {
        let kind = if model == "rock/r" { r#""format":"png""# } else { "image/png" };
        for (number, (ask, _)) in asks(model, &[&url()]).into_iter().enumerate() {
            let reply = stand.ask(ask.header("x-region", "WORLD")).await;
            assert_eq!(reply.status, 200, "{model} {number}: {}", reply.text());
            let [host] = stand.reached()[..] else { panic!("{model}: {:?}", stand.reached()) };
            let seen = stand.host(host).seen().remove(0);
            let (body, head) = (seen.json().to_string(), String::from_utf8_lossy(&seen.head).into_owned());
            assert!(body.contains(&STANDARD.encode(PNG)) && body.contains(kind), "{model}: {body}");
            for told in [&body, &head, &reply.text()] {
                assert!(!told.contains("4711") && !told.contains("sesame"), "{model}: {told}");
            }
            assert_eq!(stand.closed(reply.id()).await.interventions, ["image_fetched:1"]);
            stand.host(host).forget();
        }
    }
    let asked = pictures.asked();
    assert_eq!(asked.len(), 3 * models.len());
    for head in asked {
        let mut lines: Vec<_> = head.trim_end().split("\r\n").map(str::to_ascii_lowercase).collect();
        lines[1..].sort();
        let host = format!("host: {NAME}");
        let told = ["get /scan.png?token=sesame http/1.1", "accept-encoding: identity", "accept: image/*", &host];
        assert_eq!(lines, [&told[..], &["user-agent: phi-gateway"]].concat(), "nothing else is told there");
    }
    let written = written(stand.folder());
    assert!(written.windows(13).any(|bytes| bytes == b"image_fetched"));
    for secret in ["pictures-4711", "sesame", "scan.png"] {
        assert!(!written.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret} was written down");
    }
}

#[tokio::test]
async fn an_image_is_fetched_once_whoever_fails_and_however_often_it_is_named() {
    let (stand, pictures) = up(ALLOWED, None).await;
    for host in ["alps-a", "alps-b"] {
        stand.host(host).next([Fault::status(500)]);
    }
    let url = url();
    let reply = stand.ask(chat("alps/v", &[&url, &url])).await;
    assert_eq!((reply.status, stand.closed(reply.id()).await.attempts.len()), (502, 2));
    assert_eq!((pictures.asked().len(), pictures.connections()), (1, 1));
    let body = stand.host("alps-b").seen().remove(0).json().to_string();
    assert_eq!(body.matches(&STANDARD.encode(PNG)).count(), 2);
    assert_eq!(stand.closed(reply.id()).await.interventions, ["image_fetched:2"]);
}

#[tokio::test]
async fn check_13_nothing_is_fetched_that_the_operator_or_the_law_does_not_allow() {
    let unsupported = (400, "unsupported_parameter".to_owned());
    let (stand, pictures) = up("deployment = { country = 'CH' }", None).await;
    let abroad = up("deployment = { country = 'DE' }\nupstream = { fetch = true }", None).await;
    let listed = "deployment = { country = 'CH' }\nupstream = { fetch = true, fetch_hosts = ['other.example'] }";
    let elsewhere = up(listed, None).await;
    for (stand, pictures) in [(&stand, &pictures), (&abroad.0, &abroad.1), (&elsewhere.0, &elsewhere.1)] {
        for (ask, path) in asks("alps/v", &[&url()]) {
            let reply = stand.ask(ask).await;
            assert_eq!((reply.refusal(), &reply.json()["error"]["param"]), (unsupported.clone(), &json!(path)));
        }
        assert_eq!(pictures.connections(), 0);
    }
    let (stand, pictures) = up(ALLOWED, None).await;
    for (ask, _) in asks("alps/v", &[&url()]) {
        assert_eq!(stand.ask(ask.phi()).await.refusal(), unsupported, "PHI tells nobody that there is a request");
    }
    let private = pictures.address().port();
    for bad in [
        format!("http://{NAME}/scan.png"),
        format!("https://{NAME}:{private}/scan.png"),
        format!("https://user@{NAME}/scan.png"),
        format!("https://127.0.0.1:{private}/scan.png"),
        "https://127.0.0.1/".to_owned(),
        "https://[::1]/".to_owned(),
        "https://2130706433/".to_owned(),
        "https://localhost./".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        for (ask, path) in asks("alps/v", &[&bad]) {
            let reply = stand.ask(ask).await;
            assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!(path)), "{bad}");
            let records = stand.records(reply.id()).await;
            assert!(!matches!(records.first(), Some(Record::Opened(_))), "{bad} has an entry");
        }
    }
    let explained = json!({"endpoint": "/chat/completions", "request": {"model": "alps/v", "messages": [{"role": "user",
        "content": [{"type": "image_url", "image_url": {"url": url()}}]}]}});
    let explained = stand.ask(Ask::json("/v1/route/explain", &explained)).await.json();
    assert_eq!(explained["refusal"], Value::Null, "{explained}");
    let [.., (count, _)] = asks("alps/v", &[&url()]);
    let counted = stand.ask(count.at("/v1/messages/count_tokens")).await.json();
    assert!(counted["input_tokens"].as_u64() > Some(1_000), "{counted}");
    assert_eq!((pictures.connections(), stand.reached()), (0, Vec::new()));
}

#[tokio::test]
async fn check_15_no_redirect_is_followed_and_only_a_whole_image_is_taken() {
    let (stand, pictures) = up(ALLOWED, None).await;
    let reply = |status: &str, more: &str| format!("HTTP/1.1 {status}\r\n{more}\r\n\r\n").into_bytes();
    let to = format!("location: {}\r\ncontent-length: 0", url());
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent", "300 Choices"] {
        pictures.says(&format!("/{}", &status[..3]), reply(status, &to));
    }
    pictures.says("/404", reply("404 Not Found", "content-length: 0"));
    pictures.says("/206", [&reply("206 Partial", "content-type: image/png")[..], PNG].concat());
    pictures.keeps("/html", "text/html", PNG);
    pictures.keeps("/not", "image/png", b"<html>");
    pictures.keeps("/svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>");
    pictures.keeps("/empty", "image/png", b"");
    pictures.says("/none", [&reply("200 OK", "content-length: 40")[..], PNG].concat());
    let packed = "content-type: image/png\r\ncontent-encoding: gzip";
    pictures.says("/packed", [&reply("200 OK", packed)[..], PNG].concat());
    let twice = "content-type: image/png\r\ncontent-type: text/html";
    pictures.says("/twice", [&reply("200 OK", twice)[..], PNG].concat());
    pictures.says("/cut", [&reply("200 OK", "content-type: image/png\r\ncontent-length: 4000")[..], PNG].concat());
    pictures.says("/long", reply("200 OK", "content-type: image/png\r\ncontent-length: 8388609"));
    let endless = [&reply("200 OK", "content-type: image/png")[..], PNG, &vec![0; 8 << 20]].concat();
    pictures.says("/endless", endless);
    pictures.says("/nonsense", *b"what is this\r\n\r\n");
    let targets = ["301", "302", "303", "307", "308", "300", "404", "206", "html", "not", "svg", "empty", "none"];
    let more = ["packed", "twice", "cut", "long", "endless", "nonsense"];
    let addresses = targets.iter().chain(&more).map(|target| format!("https://{NAME}/{target}"));
    for address in addresses.chain(["https://impostor.example/".to_owned(), "https://nobody.example/".to_owned()]) {
        let asked = pictures.asked().len();
        let reply = stand.ask(chat("alps/v", &[&address])).await;
        let code = refused(&stand, &reply, "messages[0].content[0].image_url.url").await;
        assert_eq!((code, reply.header("x-should-retry")), (Code::InvalidRequest, Some("false")), "{address}");
        assert!(pictures.asked().len() <= asked + 1, "{address} led further");
    }
    assert!(pictures.asked().iter().all(|head| !head.contains("scan.png")), "a redirect was followed");
    for (ask, path) in asks("alps/v", &[&url(), &format!("https://{NAME}/404")]) {
        let reply = stand.ask(ask).await;
        let path = path.replace("content[0]", "content[1]");
        assert_eq!(refused(&stand, &reply, &path).await, Code::InvalidRequest);
    }
}

#[tokio::test]
async fn images_have_a_bound_together_and_are_bytes_of_bodies() {
    let (stand, pictures) = up(ALLOWED, None).await;
    let large = [PNG, &vec![0; 7 << 20]].concat();
    let addresses: Vec<_> = (0..3).map(|number| format!("https://{NAME}/{number}")).collect();
    (0..3).for_each(|number| pictures.keeps(&format!("/{number}"), "image/png", &large));
    let urls: Vec<_> = addresses.iter().map(String::as_str).collect();
    let reply = stand.ask(chat("alps/v", &urls)).await;
    assert_eq!(reply.refusal(), (400, "invalid_request".to_owned()));
    let reply = stand.ask(chat("alps/v", &urls[..2])).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let bounded = "deployment = { country = 'CH' }\nupstream = { fetch = true }\n\
                   gateway = { body_bytes = 65536, embeddings_bytes = 65536, bodies_bytes = 1048576 }";
    let (stand, pictures) = up(bounded, None).await;
    pictures.keeps("/0", "image/png", &large);
    let reply = stand.ask(chat("alps/v", &urls[..1])).await;
    assert_eq!(reply.refusal(), (503, "overloaded".to_owned()));
    assert_eq!((reply.header("retry-after"), stand.reached()), (Some("1"), Vec::new()));
    let small = stand.ask(chat("alps/v", &[&url()])).await;
    assert_eq!(small.status, 200, "what was held is given back: {}", small.text());
}

#[tokio::test]
async fn an_image_that_no_route_takes_ends_the_call_before_a_host_is_asked() {
    let (stand, pictures) = up(ALLOWED, None).await;
    pictures.keeps("/a.gif", "image/gif", b"GIF89a and so on");
    let gif = format!("https://{NAME}/a.gif");
    let reply = stand.ask(chat("gemini/c", &[&gif]).header("x-region", "WORLD")).await;
    assert_eq!(refused(&stand, &reply, "messages").await, Code::UnsupportedParameter);
    let reply = stand.ask(chat("claude/c", &[&gif]).header("x-region", "WORLD")).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn nothing_is_fetched_before_the_entry_is_durable() {
    let disk = Arc::new(Gated::default());
    let (stand, pictures) = up(ALLOWED, Some(Arc::clone(&disk))).await;
    disk.failing.store(true, Ordering::SeqCst);
    for (ask, _) in asks("alps/v", &[&url()]) {
        assert_eq!(stand.ask(ask).await.refusal(), (503, "ledger_unavailable".to_owned()));
    }
    assert_eq!((pictures.connections(), stand.reached()), (0, Vec::new()));
    disk.failing.store(false, Ordering::SeqCst);
    wait_until("it serves again", async || stand.ask(chat("alps/v", &[&url()])).await.status == 200).await;
}

#[tokio::test]
async fn a_caller_who_leaves_while_an_image_comes_is_followed() {
    let (stand, pictures) = up(ALLOWED, None).await;
    let silent = format!("https://{NAME}/silent");
    let asked = async {
        let mut asking = std::pin::pin!(stand.ask(chat("alps/v", &[&silent])));
        tokio::select! {
            reply = &mut asking => panic!("{reply:?}"),
            () = wait_until("it is asked for", async || pictures.asked().len() == 1) => {}
        }
    };
    asked.await;
    let id = stand.newest_opened().await;
    let closed = stand.closed(id).await;
    assert_eq!((closed.status, closed.interventions), (Status::CallerLeft, vec!["image_fetched:1".to_owned()]));
    assert_eq!((closed.attempts.len(), closed.list_cost, stand.reached()), (0, MicroUsd::ZERO, Vec::new()));
}

#[tokio::test]
async fn an_image_that_does_not_come_ends_the_call_in_time() {
    let ms = Duration::from_millis;
    let deadlines = Deadlines { connect: ms(200), first_byte: ms(200), idle: ms(200), total: ms(400) };
    let (stand, pictures) = up_with(Setup { settings: ALLOWED, deadlines, ..Setup::default() }).await;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 9\r\n\r\n";
    pictures.hangs("/begun", head);
    for target in ["silent", "begun"] {
        let reply = stand.ask(chat("alps/v", &[&url(), &format!("https://{NAME}/{target}")])).await;
        let code = refused(&stand, &reply, "messages[0].content[1].image_url.url").await;
        assert_eq!(code, Code::InvalidRequest);
        assert!(reply.text().contains("in time"), "{}", reply.text());
    }
}

#[tokio::test]
async fn nobody_fetches_so_many_images_that_others_cannot() {
    let (stand, pictures) = up(ALLOWED, None).await;
    let silent: Vec<_> = (0..8).map(|number| format!("https://{NAME}/silent/{number}")).collect();
    let urls: Vec<_> = silent.iter().map(String::as_str).collect();
    let ask = || stand.ask(chat("alps/v", &urls));
    let asking = async { tokio::join!(ask(), ask(), ask(), ask(), ask(), ask(), ask()) };
    let meanwhile = async {
        wait_until("all are asked for", async || pictures.connections() == 56).await;
        let reply = stand.ask(chat("alps/v", &[&url()])).await;
        assert_eq!((reply.refusal(), reply.header("retry-after")), ((503, "overloaded".to_owned()), Some("1")));
        assert!(stand.refused(reply.id()).await.is_some(), "it has no entry");
        let inside = "data:image/png;base64,AAAA";
        assert_eq!(stand.ask(chat("alps/v", &[inside])).await.status, 200, "who fetches nothing is not kept waiting");
    };
    tokio::select! {
        replies = asking => panic!("{replies:?}"),
        () = meanwhile => {}
    }
    wait_until("there is room again", async || stand.ask(chat("alps/v", &[&url()])).await.status == 200).await;
}

#[tokio::test]
async fn no_log_tells_an_address_whatever_becomes_of_it() {
    let paper = tempfile::NamedTempFile::new().unwrap();
    // Where there is one listener alone, the first thread that comes to a line says for all whether it is heard.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    let _logging = tracing::subscriber::set_default(lines.with_writer(Arc::new(paper.reopen().unwrap())).finish());
    let (stand, pictures) = up(ALLOWED, None).await;
    pictures.keeps("/html-4711", "text/html", b"<html>");
    let impostor = "https://impostor.example/4711";
    for address in [&url(), impostor, "https://nobody.example/4711", &format!("https://{NAME}/html-4711")] {
        for (ask, _) in asks("alps/v", &[address]) {
            stand.ask(ask).await;
        }
    }
    let logged = std::fs::read_to_string(paper.path()).unwrap();
    assert_eq!(logged.matches("were not fetched").count(), 9, "{logged}");
    for secret in ["4711", "sesame", "impostor", "nobody.example", "scan.png"] {
        assert!(!logged.contains(secret), "{secret}: {logged}");
    }
}
