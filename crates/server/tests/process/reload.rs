//! Settings and catalogue are read anew, or stay as they were.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use phi_simulate::{Host, Says};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::book::Book;
use crate::call::{Ask, Reply};
use crate::deploy::{Deploy, MODEL, route, rows, text};
use crate::gated::{AFTER, BEFORE, Gated};
use crate::kept::Kept;
use crate::serving::{PATIENCE, Serving};

const IN_FORCE: &str = "are in force";
const AS_BEFORE: &str = "stay as they were";

async fn chat(serving: &Serving, token: &str, model: &str) -> Reply {
    let body = json!({"model": format!("tested/{model}"), "messages": [{"role": "user", "content": "hello"}]});
    Ask::chat(token, &body).send(serving.traffic).await
}

async fn version(serving: &Serving) -> u64 {
    let ready: Value = Ask::new("GET", "/readyz").send(serving.console).await.json();
    ready["snapshot"].as_u64().expect("a version")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_file_serves_and_a_bad_one_changes_nothing() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    assert_eq!(chat(&serving, &token, "plain").await.status, 200);
    assert_eq!(chat(&serving, &token, "second").await.code(), "model_not_found");

    deploy.catalogue("second.toml", &route("second"));
    serving.wait_line(IN_FORCE, 1);
    assert_eq!(chat(&serving, &token, "second").await.status, 200);

    let bad = format!("{}\n{}", route("third"), route("fourth").replace("host = \"tested\"", "host = \"nowhere\""));
    deploy.catalogue("third.toml", &bad);
    let line = serving.wait_line(AS_BEFORE, 1);
    assert!(line.contains("third.toml") && line.contains("nowhere"), "{line}");
    let before = version(&serving).await;
    let error = deploy.refused(&["config", "reload"]);
    assert!(error.contains("third.toml") && error.contains("nowhere"), "{error}");
    assert_eq!(version(&serving).await, before);
    assert_eq!(chat(&serving, &token, "third").await.code(), "model_not_found");
    for model in ["plain", "second"] {
        assert_eq!(chat(&serving, &token, model).await.status, 200, "{model}");
    }

    fs::remove_file(deploy.data().join("catalog.d/third.toml")).expect("removed");
    serving.wait_line(IN_FORCE, 2);
    let reloaded = deploy.json(&["config", "reload"]);
    assert_eq!(reloaded["waits_for_restart"], json!([]));
    assert!(reloaded["snapshot"].as_u64().is_some_and(|told| told > before), "{reloaded}");
    assert_eq!(chat(&serving, &token, "third").await.code(), "model_not_found");
    serving.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_a_folder_that_is_made_later_serves_too() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let kept = fs::read_to_string(deploy.data().join("catalog.d/tested.toml")).expect("the file");
    fs::remove_dir_all(deploy.data().join("catalog.d")).expect("removed");
    let serving = Serving::start(&deploy);
    assert_eq!(chat(&serving, &token, "plain").await.code(), "model_not_found");

    deploy.catalogue("tested.toml", &kept);
    serving.wait_line(IN_FORCE, 1);
    assert_eq!(chat(&serving, &token, "plain").await.status, 200);
    let known = serving.lines(IN_FORCE);
    deploy.catalogue("second.toml", &route("second"));
    serving.wait_line(IN_FORCE, known + 1);
    assert_eq!(chat(&serving, &token, "second").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_reads_settings_anew_and_bad_ones_are_not_taken() {
    let deploy = Deploy::init();
    let serving = Serving::start(&deploy);
    let before = version(&serving).await;
    serving.signal(Signal::HUP);
    serving.wait_line(IN_FORCE, 1);
    assert!(version(&serving).await > before, "it runs without any settings");

    deploy.settings("");
    serving.wait_line(IN_FORCE, 2);
    deploy.settings("[listen]\ntrafic = 'x'");
    let line = serving.wait_line(AS_BEFORE, 1);
    assert!(line.contains("phi.toml") && line.contains("trafic"), "{line}");
    let before = version(&serving).await;
    let error = deploy.refused(&["config", "reload"]);
    assert!(error.contains("phi.toml") && error.contains("trafic") && error.contains("hint: "), "{error}");
    serving.signal(Signal::HUP);
    serving.wait_line(AS_BEFORE, 2);
    assert_eq!(version(&serving).await, before);

    deploy.settings("[gateway]\nrunning = 7\n[upstream]\nidle_seconds = 5");
    serving.wait_line(IN_FORCE, 3);
    let reloaded = deploy.json(&["config", "reload"]);
    assert_eq!(reloaded["waits_for_restart"], json!(["upstream", "gateway"]));
    serving.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_beside_the_data_folder_are_watched_by_a_bare_name_too() {
    let deploy = Deploy::init();
    let file = deploy.root().join("home/other.toml");
    fs::write(&file, "").expect("written");
    let serving = Serving::start_arguments(&deploy, &["--config", "other.toml"]);
    fs::write(&file, "[listen]\ntrafic = 'x'").expect("written");
    serving.wait_line(AS_BEFORE, 1);
    deploy.catalogue("second.toml", "# nothing");
    serving.wait_line(AS_BEFORE, 2);
}

#[test]
fn listen_addresses_are_taken_from_the_environment_and_plaintext_from_outside_is_refused() {
    let deploy = Deploy::init();
    deploy.settings("[listen]\ntraffic = \"192.0.2.1:1\"\nplaintext = true");
    let serving = Serving::start(&deploy);
    assert!(serving.traffic.ip().is_loopback(), "the variable counts, not the file");
    serving.stop();

    deploy.settings("");
    for (address, problem) in
        [("0.0.0.0:0", "listen.plaintext = true"), ("192.0.2.1:80", "without TLS"), ("localhost:1", "no address")]
    {
        let output = deploy.command().env("PHI_LISTEN_TRAFFIC", address).arg("serve").output().expect("it ends");
        let error = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("listen.traffic") && error.contains(problem) && error.contains("hint: "), "{error}");
    }
    let shown = deploy.run(&["config", "show"]);
    assert!(shown.out.contains("traffic = \"127.0.0.1:0\""), "{shown:?}");
    let checked = deploy.json(&["config", "check"]);
    assert_eq!((checked["valid"].as_bool(), text(&checked["origin"])), (Some(true), "phi/a".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phi_is_not_let_in_by_a_durability_that_waits_for_a_restart() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    deploy.attest();
    deploy.settings("[record]\ndurability = \"process\"");
    let (token, _) = deploy.token(&["--class", "phi"]);
    let serving = Serving::start(&deploy);
    assert_eq!(chat(&serving, &token, "plain").await.code(), "phi_blocked");
    let ready = Ask::new("GET", "/readyz").send(serving.console).await.json();
    assert_eq!(ready["ledger"]["durability"], "process");
    deploy.settings("");
    serving.wait_line(IN_FORCE, 1);
    assert_eq!(deploy.json(&["config", "reload"])["waits_for_restart"], json!(["record"]));
    assert_eq!(chat(&serving, &token, "plain").await.code(), "phi_blocked");
    serving.stop();
    let serving = Serving::start(&deploy);
    assert_eq!(chat(&serving, &token, "plain").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_is_charged_by_the_prices_under_which_it_was_opened() {
    let mut host = Gated::start().await;
    let deploy = Deploy::ready(host.address);
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let body = json!({"model": MODEL, "stream": true, "messages": [{"role": "user", "content": "hello"}]});
    let mut call = Ask::chat(&token, &body).open(serving.traffic).await.expect("connected");
    assert!(call.until(BEFORE).await);
    let before = version(&serving).await;
    deploy.catalogue("tested.toml", &dearer(host.address, 9));
    deploy.settings("[gateway]\nbody_bytes = 4096");
    serving.wait_line(IN_FORCE, 1);
    assert!(version(&serving).await > before);
    host.go();
    let reply = call.rest().await;
    assert!(reply.whole && reply.text().contains(AFTER) && reply.text().contains("[DONE]"), "{reply:?}");
    serving.stop();
    let calls = Book::read(&deploy).calls();
    let call = calls.values().next().expect("one");
    // Seven tokens of input and two of output, as the host said.
    assert_eq!(call.closed[0].list_cost.micros(), 7 * 1_000 + 2 * 2_000);
    assert_eq!(call.closed[0].prices, call.opened.catalogue);
}

/// The catalogue of [`rows`], where output costs so much more.
fn dearer(host: std::net::SocketAddr, times: u32) -> String {
    rows(host).replace("output = \"2000.00\"", &format!("output = \"{}.00\"", 2_000 * times))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_under_load_lose_nothing_and_each_call_is_judged_by_one_snapshot() {
    const CALLERS: usize = 8;
    let host = Host::start().await.expect("started");
    host.says(Says { think: Duration::from_millis(2), gap: Duration::from_millis(2), ..Says::default() });
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let (answered, over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (token, to) = (token.clone(), serving.traffic);
        let (answered, over) = (Arc::clone(&answered), Arc::clone(&over));
        callers.spawn(async move {
            let stream = caller % 2 == 0;
            let body = json!({"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": "hello"}]});
            let (ask, mut kept) = (Ask::chat(&token, &body), Kept::connect(to).await);
            while !over.load(Ordering::SeqCst) {
                let reply = kept.ask(&ask).await;
                assert!(reply.status == 200 && reply.whole && !reply.is_last(), "{reply:?}");
                answered.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    for times in 2..8 {
        let before = answered.load(Ordering::SeqCst);
        let more = async {
            while answered.load(Ordering::SeqCst) < before + CALLERS {
                tokio::task::yield_now().await
            }
        };
        timeout(PATIENCE, more).await.expect("calls are answered");
        // At once: half of a file may be a whole one of fewer rows.
        let new = deploy.root().join("tmp/tested.toml");
        fs::write(&new, dearer(host.address(), times)).expect("written");
        fs::rename(&new, deploy.data().join("catalog.d/tested.toml")).expect("in its place");
        deploy.settings(&format!("[route]\nevidence = '{}'", if times % 2 == 0 { "vendor" } else { "unverified" }));
        let deploy = deploy.clone();
        tokio::task::spawn_blocking(move || deploy.json(&["config", "reload"])).await.expect("reloaded");
    }
    over.store(true, Ordering::SeqCst);
    while let Some(ended) = callers.join_next().await {
        ended.expect("no call fails");
    }
    serving.stop();
    let calls = Book::read(&deploy).calls();
    assert_eq!(calls.len(), answered.load(Ordering::SeqCst));
    assert!(calls.values().all(|call| call.closed.len() == 1 && call.closed[0].prices == call.opened.catalogue));
    let catalogues: BTreeSet<&str> = calls.values().map(|call| call.opened.catalogue.as_str()).collect();
    assert!(catalogues.len() > 3, "the reloads hit nothing: {catalogues:?}");
}
