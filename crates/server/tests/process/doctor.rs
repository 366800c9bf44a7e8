//! `phi doctor hosts` and `phi doctor spaces`: hosts that behave and hosts that do not, and what is written down of asking
//! them.

use std::net::SocketAddr;

use phi_simulate::{Fault, Host, UsageLie, VectorLie};
use serde_json::{Value, json};

use crate::book::Book;
use crate::deploy::{Deploy, PROVIDER_KEY, rows};
use crate::search::Needles;
use crate::serving::Serving;

const QUESTION: &str = "Answer with the one word: yes";
const SENTENCE: &str = "The quick brown fox jumps over the lazy dog.";

/// A host of the provider `tested` in Switzerland, and a route at it.
fn also(name: &str, host: SocketAddr, route: &str) -> String {
    format!(
        r#"
[host.{name}]
provider = "tested"
dialect = "openai"
address = "http://{host}/v1"
auth = "bearer"
premises = true
processes_in = ["CH"]
evidence = "contract"
source = "a test"
date = "2026-01-01"

[route.{name}]
host = "{name}"
status = "live"
source = "a test"
date = "2026-01-01"
{route}
"#
    )
}

fn chat(name: &str, host: SocketAddr) -> String {
    let route = format!(
        "model = \"{name}\"\nown = \"own-{name}\"\nmodality = \"chat\"\n\
         price = {{ currency = \"USD\", input = \"1000.00\", output = \"2000.00\" }}"
    );
    also(name, host, &route)
}

fn vectors(name: &str, host: SocketAddr) -> String {
    let route = "model = \"vectors\"\nown = \"own-vectors\"\nmodality = \"embeddings\"\nspace = \"tested@8\"\n\
                 dimension = 8\nprice = { currency = \"USD\", input = \"1.00\" }";
    also(name, host, route)
}

/// The codes of what was found, by the name of what was asked.
fn codes(told: &Value, name: &str) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let found = |row: &Value| row["found"].as_array().expect("a list").iter().map(|one| text(&one["what"])).collect();
    told.as_array().expect("rows").iter().map(|row| (text(&row[name]), found(row))).collect()
}

/// Vectors of the host `both`.
const VECTORS_TOO: &str = r#"
[route.both-vectors]
host = "both"
model = "vectors"
own = "own-vectors"
modality = "embeddings"
space = "tested@8"
dimension = 8
status = "live"
price = { currency = "USD", input = "1.00" }
source = "a test"
date = "2026-01-01"
"#;

/// What a command says that found something to mend, and so ends with status 1.
fn found_to_mend(deploy: &Deploy, args: &[&str]) -> Value {
    let ran = deploy.run(&[&["--json"], args].concat());
    assert_eq!(ran.code, Some(1), "{args:?} {ran:?}");
    serde_json::from_str(&ran.out).expect("JSON")
}

/// Puts the key of the provider into the vault for one of its hosts more.
fn put(deploy: &Deploy, host: &str) {
    let put = deploy.run_with(&["vault", "put", host, "--name", host], PROVIDER_KEY);
    assert_eq!(put.code, Some(0), "{put:?}");
}

async fn host() -> Host {
    Host::start().await.expect("a host")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_host_is_asked_once_and_what_differs_is_told() {
    let good = host().await;
    let faults = [
        ("elsewhere", Some(Fault::Region { name: "westeurope".to_owned() }), "elsewhere"),
        ("field", Some(Fault::status(400)), "field_refused"),
        ("key", Some(Fault::status(401)), "key_refused"),
        ("model", Some(Fault::Model { name: "own-cheaper".to_owned() }), "other_model"),
        ("row", Some(Fault::status(404)), "model_unknown"),
        ("shut", None, "unreachable"),
        ("usage", Some(Fault::Usage { lie: UsageLie::Absurd }), "no_usage"),
    ];
    let deploy = Deploy::ready(good.address());
    let mut hosts = Vec::new();
    let mut catalogue = rows(good.address());
    for (name, fault, _) in &faults {
        let host = host().await;
        catalogue += &chat(name, host.address());
        host.always(fault.clone());
        if fault.is_none() {
            host.shut();
        }
        hosts.push(host);
    }
    deploy.catalogue("tested.toml", &catalogue);
    faults.iter().for_each(|(name, ..)| put(&deploy, name));
    let serving = Serving::start(&deploy);

    let told = found_to_mend(&deploy, &["doctor", "hosts", "--org", "org", "--yes"]);
    let mut wanted: Vec<_> =
        faults.iter().map(|(name, _, what)| ((*name).to_owned(), vec![(*what).to_owned()])).collect();
    wanted.push(("tested".to_owned(), vec![]));
    let mut found = codes(&told, "host");
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted, "{told}");
    for row in told.as_array().expect("rows") {
        assert_eq!((&row["region"], &row["modality"]), (&json!("CH"), &json!("chat")), "{row}");
        assert_eq!(row["first_byte_ms"].is_u64(), row["host"] != "shut", "{row}");
        let obstacle = if row["host"] == "shut" { json!("refused") } else { Value::Null };
        assert_eq!(row["found"][0]["obstacle"], obstacle, "{row}");
    }
    for (host, (name, ..)) in hosts.iter().zip(&faults) {
        assert_eq!(host.seen().len(), usize::from(*name != "shut"), "{name}");
    }
    let [asked] = good.seen().try_into().expect("one request");
    let body: Value = serde_json::from_slice(&asked.body).expect("JSON");
    assert_eq!((&body["max_tokens"], &body["messages"][0]["content"]), (&json!(16), &json!(QUESTION)));

    // One host alone, for people; the one that answered from elsewhere is withdrawn, and not asked again.
    let page = deploy.run(&["doctor", "hosts", "--org", "org", "--host", "elsewhere", "--yes"]);
    assert_eq!(page.code, Some(1), "it has to be accepted again");
    assert!(page.out.contains("not_asked") && page.out.contains("phi ledger show"), "{page:?}");
    assert_eq!((hosts[0].seen().len(), good.seen().len()), (1, 1));
    let page = deploy.run(&["doctor", "hosts", "--org", "org", "--host", "tested", "--yes"]);
    assert!(page.out.contains("as the catalogue says") && page.code == Some(0), "{page:?}");
    assert_eq!(good.seen().len(), 2);
    serving.stop();

    // An entry each, and an act for each command; of what was said and of the key there is nothing.
    let book = Book::read(&deploy);
    let calls = book.calls();
    let ids: Vec<_> =
        told.as_array().expect("rows").iter().map(|row| row["request"].as_str().expect("an id")).collect();
    for id in ids {
        let call = &calls[&id.parse().expect("an id")];
        assert_eq!(call.closed.len(), 1, "{id}");
    }
    assert_eq!(book.acts().iter().filter(|act| **act == "doctor.hosts").count(), 3, "{:?}", book.acts());
    for said in [QUESTION, PROVIDER_KEY, "own-cheaper"] {
        let written: Vec<String> = Needles::of(said)
            .in_folder(deploy.root())
            .into_iter()
            .filter(|place| !place.contains("catalog.d"))
            .collect();
        assert_eq!(written, Vec::<String>::new(), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_is_asked_for_each_kind_of_work_and_what_passes_is_nobodys_to_mend() {
    let host = host().await;
    let deploy = Deploy::ready(host.address());
    deploy.catalogue("tested.toml", &(rows(host.address()) + &chat("both", host.address()) + VECTORS_TOO));
    put(&deploy, "both");
    let serving = Serving::start(&deploy);
    let ask = ["doctor", "hosts", "--org", "org", "--host", "both", "--yes"];

    let told = deploy.json(&ask);
    let kinds: Vec<_> = told.as_array().expect("rows").iter().map(|row| (&row["modality"], &row["found"])).collect();
    assert_eq!(kinds, [(&json!("chat"), &json!([])), (&json!("embeddings"), &json!([]))], "{told}");
    let paths: Vec<_> = host.seen().iter().map(phi_simulate::Seen::path).collect();
    assert_eq!(paths, ["/v1/chat/completions", "/v1/embeddings"]);

    host.always(Some(Fault::status(503)));
    let told = deploy.json(&ask);
    let found = json!([{"what": "host_error", "to_mend": false, "says": "answers with an error of its own"}]);
    assert!(told.as_array().expect("rows").iter().all(|row| row["found"] == found), "{told}");
    host.always(Some(Fault::status(401)));
    assert_eq!(codes(&found_to_mend(&deploy, &ask), "host")[0].1, ["key_refused"]);
    serving.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_of_one_space_are_compared() {
    let (first, second, third) = (host().await, host().await, host().await);
    let deploy = Deploy::ready(first.address());
    let catalogue = rows(first.address())
        + &vectors("a", first.address())
        + &vectors("b", second.address())
        + &vectors("c", third.address());
    deploy.catalogue("tested.toml", &catalogue);
    ["a", "b", "c"].iter().for_each(|name| put(&deploy, name));
    let serving = Serving::start(&deploy);
    let ask = || deploy.json(&["doctor", "spaces", "--org", "org", "--space", "tested@8", "--yes"]);
    let as_found = |told: &Value| codes(told, "route").into_iter().map(|(_, codes)| codes).collect::<Vec<_>>();

    let told = ask();
    assert_eq!(as_found(&told), [vec![""; 0], vec![], vec![]], "{told}");
    assert_eq!((&told[0]["cosine"], &told[1]["cosine"]), (&Value::Null, &json!(1.0)), "{told}");
    assert_eq!((&told[0]["dimension"], &told[0]["is_first"]), (&json!(8), &json!(true)), "{told}");

    second.always(Some(Fault::Vectors { lie: VectorLie::Other }));
    third.always(Some(Fault::Vectors { lie: VectorLie::Longer }));
    let to_mend = || found_to_mend(&deploy, &["doctor", "spaces", "--org", "org", "--space", "tested@8", "--yes"]);
    let told = to_mend();
    assert_eq!(as_found(&told), [vec![""; 0], vec!["other_vectors"], vec!["other_norm"]], "{told}");
    let page = deploy.run(&["doctor", "spaces", "--org", "org", "--yes"]);
    assert!(page.out.contains("least cosine") && page.out.contains("the first"), "{page:?}");

    // Whoever gives no vectors is not the first.
    first.always(Some(Fault::status(503)));
    third.behave();
    let told = to_mend();
    assert_eq!(as_found(&told), [vec!["host_error"], vec![], vec!["other_vectors"]], "{told}");
    let asked: Value = serde_json::from_slice(&first.seen()[0].body).expect("JSON");
    assert_eq!(asked["input"][0], json!(SENTENCE));
    serving.stop();
    let book = Book::read(&deploy);
    assert_eq!(book.acts().iter().filter(|act| **act == "doctor.spaces").count(), 4, "{:?}", book.acts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_asked_who_should_not_be() {
    let host = host().await;
    let deploy = Deploy::ready(host.address());
    for sub in ["hosts", "spaces"] {
        let refused = |more: &[&str]| deploy.refused(&[&["doctor", sub], more].concat());
        assert!(refused(&["--org", "org"]).contains("--yes"), "{sub}");
        let error = refused(&["--org", "org", "--yes"]);
        assert!(error.contains("no server runs") && error.contains("phi serve"), "{error}");
    }
    deploy.json(&["org", "create", "ward", "--region", "CH", "--class", "phi", "--floor", "phi"]);
    let serving = Serving::start(&deploy);
    for (line, hint) in [
        ("doctor hosts --org nobody --yes", "no organization `nobody`"),
        ("doctor hosts --org ward --yes", "its floor"),
        ("doctor spaces --org ward --yes", "its floor"),
        ("doctor hosts --org org --host atlantis --yes", "`atlantis` is no host"),
        ("doctor hosts --org org --host infomaniak --yes", "has no key here"),
        ("doctor spaces --org org --space atlantis --yes", "the space `atlantis`"),
    ] {
        let error = deploy.refused(&line.split_whitespace().collect::<Vec<_>>());
        assert!(error.contains(hint), "{line}: {error}");
    }
    let page = deploy.run(&["doctor", "spaces", "--org", "org", "--yes"]);
    assert!(page.out.contains("nobody was asked"), "{page:?}");
    assert!(host.seen().is_empty());
    serving.stop();
}
