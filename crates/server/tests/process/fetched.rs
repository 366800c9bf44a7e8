//! The real binary, where its operator lets it fetch images. It asks the system's resolver and reaches the public internet
//! alone, so that no simulated host can keep an image for it: what a host is given is tested before a gateway whose names
//! lead elsewhere (`request/edge/images.rs`).

use phi_record::entry::Status;
use phi_simulate::Host;
use phi_words::Code;
use serde_json::{Value, json};

use crate::book::Book;
use crate::call::{Ask, Reply};
use crate::deploy::{Deploy, MODEL};
use crate::search::Needles;
use crate::serving::Serving;

/// A name that leads nowhere (RFC 6761, section 6.4).
const ELSEWHERE: &str = "https://pictures-4711.invalid/scan.png?token=sesame-88";
const INSIDE: &str = "data:image/png;base64,iVBORw0KGgo=";

async fn ask(deploy: &Deploy, serving: &Serving, token: &str, url: &str, is_phi: bool) -> (Reply, Value, Vec<String>) {
    let before = Book::read(deploy).calls().len();
    let content = json!([{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]);
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": content}]});
    let ask = Ask::chat(token, &body);
    let ask = if is_phi { ask.with("x-phi", "true") } else { ask };
    let reply = ask.send(serving.traffic).await;
    let error = serde_json::from_slice::<Value>(&reply.body).expect("JSON")["error"].take();
    let calls = Book::read(deploy).calls();
    let closed = calls.into_values().skip(before).flat_map(|call| call.closed);
    let fetched = closed.flat_map(|closed| {
        assert_eq!(
            (closed.status, closed.code, closed.attempts.len()),
            (Status::Failed, Some(Code::InvalidRequest), 0)
        );
        closed.interventions
    });
    let fetched = if reply.status == 200 { Vec::new() } else { fetched.collect() };
    (reply, error, fetched)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_elsewhere_is_looked_for_where_the_settings_say_so_and_its_address_stays_nowhere() {
    let host = Host::start().await.expect("a host");
    let deploy = Deploy::ready(host.address());
    deploy.attest();
    let (token, _) = deploy.token(&[]);
    let param = json!("messages[0].content[1].image_url.url");
    let none = Vec::<String>::new();
    let unsupported = |(reply, error, fetched): (Reply, Value, Vec<String>)| {
        assert_eq!((reply.status, &error["code"], &error["param"]), (400, &json!("unsupported_parameter"), &param));
        assert_eq!(fetched, none, "no entry was opened");
    };

    let serving = Serving::start(&deploy);
    unsupported(ask(&deploy, &serving, &token, ELSEWHERE, false).await);
    serving.stop();

    deploy.settings("[upstream]\nfetch = true\n[deployment]\ncountry = \"CH\"\n");
    let serving = Serving::start(&deploy);
    let (reply, error, fetched) = ask(&deploy, &serving, &token, ELSEWHERE, false).await;
    assert_eq!((reply.status, &error["code"], &error["param"]), (400, &json!("invalid_request"), &param), "{error}");
    assert_eq!(fetched, ["image_fetched:1"]);
    // With PHI nobody is told that there is a request, and what stands inside may go.
    unsupported(ask(&deploy, &serving, &token, ELSEWHERE, true).await);
    assert_eq!(host.connections(), 0);
    // The host itself is no place for images: it is not on the public internet.
    let private = format!("https://{}/scan.png", host.address());
    let (reply, _, fetched) = ask(&deploy, &serving, &token, &private, false).await;
    assert_eq!((reply.status, fetched, host.connections()), (400, none.clone(), 0));
    for is_phi in [false, true] {
        assert_eq!(ask(&deploy, &serving, &token, INSIDE, is_phi).await.0.status, 200);
    }
    assert_eq!(host.seen().len(), 2);

    serving.stop();
    for said in ["pictures-4711", "sesame-88"] {
        assert_eq!(Needles::of(said).in_folder(deploy.root()), none, "{said}");
    }
}
