//! A new process takes the place of one that serves: no request is lost, the ledger stays one chain, and each call is
//! opened and closed once.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use phi_record::entry::Status;
use phi_simulate::{Fault, Host, Says};
use phi_words::RequestId;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::book::{Book, Written};
use crate::call::{Ask, has};
use crate::deploy::{Deploy, MODEL};
use crate::gated::{AFTER, BEFORE, Gated};
use crate::kept::Kept;
use crate::serving::{PATIENCE, Serving};

/// What an heir says, as it is written in `handover.rs`.
const ASKS: &str = "{\"take_over\":1}\n";
/// With the feature `soak`, fifty.
const TIMES: usize = if cfg!(feature = "soak") { 50 } else { 3 };
const CALLERS: usize = 16;
const TAKEN: &str = "another process has taken over";

fn chat(stream: bool) -> Value {
    json!({"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": "hello"}]})
}

/// How the calls were closed, each of them once.
fn statuses(deploy: &Deploy) -> BTreeMap<RequestId, Status> {
    assert_eq!(deploy.json(&["ledger", "verify"])["verified"], true);
    let once = |(id, call): (RequestId, Written)| {
        assert_eq!(call.closed.len(), 1, "{id}: {call:?}");
        (id, call.closed[0].status)
    };
    Book::read(deploy).calls().into_iter().map(once).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_over_restarts_under_load() {
    let host = Host::start().await.expect("started");
    host.says(Says { think: Duration::from_millis(2), gap: Duration::from_millis(1), ..Says::default() });
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let mut serving = Serving::start(&deploy);
    let address = serving.traffic;
    let (answered, over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (token, answered, over) = (token.clone(), Arc::clone(&answered), Arc::clone(&over));
        callers.spawn(async move {
            match caller % 4 {
                0 => ask_on_http2(&token, address, &answered, &over).await,
                n => ask_on(n == 1, &token, address, &answered, &over).await,
            }
        });
    }
    for _ in 0..TIMES {
        let before = answered.load(Ordering::SeqCst);
        let more = async {
            while answered.load(Ordering::SeqCst) < before + 4 * CALLERS {
                tokio::task::yield_now().await
            }
        };
        tokio::time::timeout(PATIENCE, more).await.expect("calls are answered");
        let heir = tokio::task::spawn_blocking({
            let deploy = deploy.clone();
            move || Serving::take_over(&deploy)
        });
        let heir = heir.await.expect("it serves");
        assert_eq!(heir.traffic, address);
        let elder = std::mem::replace(&mut serving, heir);
        let ended = tokio::task::spawn_blocking(move || elder.ended());
        assert_eq!(ended.await.expect("ended").code(), Some(0));
    }
    over.store(true, Ordering::SeqCst);
    let mut told = Vec::new();
    while let Some(ids) = callers.join_next().await {
        told.extend(ids.expect("no call fails"));
    }
    serving.stop();
    let statuses = statuses(&deploy);
    assert_eq!(statuses.len(), told.len(), "nothing was called that was not answered");
    assert!(told.iter().all(|id| statuses.get(id) == Some(&Status::Answered)));
}

/// One caller, who keeps his connection as long as he may, and has every request answered.
async fn ask_on(
    stream: bool,
    token: &str,
    to: SocketAddr,
    answered: &AtomicUsize,
    over: &AtomicBool,
) -> Vec<RequestId> {
    let (ask, mut ids) = (Ask::chat(token, &chat(stream)), Vec::new());
    while !over.load(Ordering::SeqCst) {
        let mut kept = Kept::connect(to).await;
        loop {
            let reply = kept.ask(&ask).await;
            assert!(reply.status == 200 && reply.whole, "{reply:?}");
            assert!(!stream || reply.text().contains("[DONE]"), "{reply:?}");
            ids.push(reply.header("x-request-id").and_then(|id| id.parse().ok()).expect("an id"));
            answered.fetch_add(1, Ordering::SeqCst);
            if reply.is_last() || over.load(Ordering::SeqCst) {
                break;
            }
        }
    }
    ids
}

/// The same by HTTP/2, which says itself which requests were not taken; then they are sent again.
async fn ask_on_http2(token: &str, to: SocketAddr, answered: &AtomicUsize, over: &AtomicBool) -> Vec<RequestId> {
    let mut ids = Vec::new();
    while !over.load(Ordering::SeqCst) {
        let stream = TcpStream::connect(to).await.expect("connected");
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("by HTTP/2");
        let mut driving = JoinSet::new();
        driving.spawn(connection);
        while !over.load(Ordering::SeqCst) && sender.ready().await.is_ok() {
            let request = Request::post("http://phi/v1/chat/completions")
                .header("authorization", format!("Bearer {token}"))
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from(chat(true).to_string())));
            let response = match sender.send_request(request.expect("a request")).await {
                Ok(response) => response,
                Err(error) if error.is_canceled() || error.is_closed() => break,
                Err(error) => unreachable!("{error:?}"),
            };
            assert_eq!(response.status(), 200);
            ids.push(response.headers()["x-request-id"].to_str().expect("text").parse().expect("an id"));
            let body = response.into_body().collect().await.expect("whole").to_bytes();
            assert!(has(&body, b"[DONE]"), "{body:?}");
            answered.fetch_add(1, Ordering::SeqCst);
        }
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_on_in_the_old_process_and_is_written_down_by_the_new_one() {
    let mut host = Gated::start().await;
    let deploy = Deploy::ready(host.address);
    let (token, _) = deploy.token(&[]);
    let elder = Serving::start(&deploy);
    let mut streamed = Kept::connect(elder.traffic).await;
    streamed.send(&Ask::chat(&token, &chat(true))).await;
    assert!(streamed.until(BEFORE).await);
    let mut idle = Kept::connect(elder.traffic).await;
    let ping = Ask::new("GET", "/v1/ping").by(&token);
    assert!(!idle.ask(&ping).await.is_last());

    let heir = Serving::take_over(&deploy);
    elder.wait_line(TAKEN, 1);
    assert_eq!((heir.traffic, heir.console), (elder.traffic, elder.console));
    assert_eq!(Ask::new("GET", "/readyz").send(heir.console).await.status, 200);
    let (another, _) = deploy.token(&[]);
    let reply = idle.ask(&Ask::new("GET", "/v1/ping").by(&another)).await;
    assert!(reply.status == 200 && reply.is_last(), "the old process knows the new token: {reply:?}");
    assert!(deploy.run(&["--json", "ledger", "tail"]).code == Some(0), "the new process takes orders");
    host.go();
    let reply = streamed.rest().await;
    assert!(reply.whole && reply.text().contains(AFTER) && reply.text().contains("[DONE]"), "{reply:?}");
    assert!(streamed.ask(&ping).await.is_last());
    assert_eq!(elder.ended().code(), Some(0));
    assert_eq!(statuses(&deploy).into_values().collect::<Vec<_>>(), [Status::Answered]);
    heir.stop();
    assert!(!deploy.data().join("control.sock").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_revoked_after_the_switch_is_revoked_in_the_old_process_too() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let (token, id) = deploy.token(&[]);
    let elder = Serving::start(&deploy);
    let mut kept = Kept::connect(elder.traffic).await;
    assert_eq!(kept.ask(&Ask::chat(&token, &chat(false))).await.status, 200);
    let mut streamed = Kept::connect(elder.traffic).await;
    assert_eq!(streamed.ask(&Ask::chat(&token, &chat(true))).await.status, 200);
    let heir = Serving::take_over(&deploy);
    // As it would be of settings that the old version does not know.
    deploy.settings("[listen]\ntrafic = 'x'");
    deploy.json(&["token", "revoke", &id]);
    for mut kept in [kept, streamed] {
        let reply = kept.ask(&Ask::chat(&token, &chat(false))).await;
        assert!(reply.status == 401 && reply.is_last(), "{reply:?}");
    }
    assert_eq!(elder.ended().code(), Some(0));
    heir.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_change_after_the_switch_hold_in_the_old_process_too() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let elder = Serving::start(&deploy);
    let mut kept = Kept::connect(elder.traffic).await;
    let ask = Ask::chat(&token, &chat(false));
    assert_eq!(kept.ask(&ask).await.status, 200);
    let heir = Serving::take_over(&deploy);
    deploy.catalogue("tested.toml", "# nothing");
    deploy.json(&["config", "reload"]);
    let reply = kept.ask(&ask).await;
    assert_eq!((reply.code().as_str(), reply.is_last()), ("model_not_found", true), "{reply:?}");
    assert_eq!(elder.ended().code(), Some(0));
    heir.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_may_follow_each_other_before_the_first_has_ended() {
    let mut host = Gated::start().await;
    let deploy = Deploy::ready(host.address);
    let (token, id) = deploy.token(&[]);
    let first = Serving::start(&deploy);
    let mut streamed = Kept::connect(first.traffic).await;
    streamed.send(&Ask::chat(&token, &chat(true))).await;
    assert!(streamed.until(BEFORE).await);
    let mut kept = Kept::connect(first.traffic).await;
    let ping = Ask::new("GET", "/v1/ping").by(&token);
    assert_eq!(kept.ask(&ping).await.status, 200);
    let second = Serving::take_over(&deploy);
    let third = Serving::take_over(&deploy);
    second.wait_line(TAKEN, 1);
    let calls = Book::read(&deploy).calls();
    assert!(calls.len() == 1 && calls.values().all(|call| call.closed.is_empty()), "{calls:?}");
    deploy.json(&["token", "revoke", &id]);
    let reply = kept.ask(&ping).await;
    assert!(reply.status == 401 && reply.is_last(), "{reply:?}");
    host.go();
    let reply = streamed.rest().await;
    assert!(reply.whole && reply.text().contains("[DONE]"), "{reply:?}");
    drop(streamed);
    assert_eq!((first.ended().code(), second.ended().code()), (Some(0), Some(0)));
    third.stop();
    assert_eq!(statuses(&deploy).into_values().collect::<Vec<_>>(), [Status::Answered]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_process_that_is_told_to_end_ends_the_old_one_too() {
    let host = Host::start().await.expect("started");
    host.always(Some(Fault::Stall { after: Some(3) }));
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let elder = Serving::start(&deploy);
    let mut call = Ask::chat(&token, &chat(true)).open(elder.traffic).await.expect("connected");
    assert!(call.until("every ").await);
    let heir = Serving::take_over(&deploy);
    elder.wait_line(TAKEN, 1);
    heir.signal(Signal::INT);
    heir.wait_line("stopping: ", 1);
    heir.signal(Signal::INT);
    let reply = call.rest().await;
    assert!(reply.whole && reply.text().contains("\"code\":\"draining\""), "{reply:?}");
    assert_eq!((elder.ended().code(), heir.ended().code()), (Some(0), Some(0)));
    assert_eq!(statuses(&deploy).into_values().collect::<Vec<_>>(), [Status::Truncated]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_an_old_process_that_dies_are_closed_as_unknown_by_the_new_one() {
    let host = Host::start().await.expect("started");
    host.always(Some(Fault::Stall { after: Some(3) }));
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let elder = Serving::start(&deploy);
    let mut call = Ask::chat(&token, &chat(true)).open(elder.traffic).await.expect("connected");
    assert!(call.until("every ").await);
    let heir = Serving::take_over(&deploy);
    elder.wait_line(TAKEN, 1);
    assert!(Book::read(&deploy).calls().values().all(|call| call.closed.is_empty()), "it is the old one's to close");
    elder.kill();
    heir.wait_line("died in mid-call", 1);
    assert_eq!(statuses(&deploy).into_values().collect::<Vec<_>>(), [Status::Unknown]);
    heir.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_process_ends_its_streams_once_the_new_one_is_gone() {
    let host = Host::start().await.expect("started");
    host.always(Some(Fault::Stall { after: Some(3) }));
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let elder = Serving::start(&deploy);
    let mut call = Ask::chat(&token, &chat(true)).open(elder.traffic).await.expect("connected");
    assert!(call.until("every ").await);
    let heir = Serving::take_over(&deploy);
    elder.wait_line(TAKEN, 1);
    heir.kill();
    assert!(!call.rest().await.text().contains("[DONE]"));
    elder.ended();
    let next = Serving::start(&deploy);
    next.stop();
    assert_eq!(statuses(&deploy).into_values().collect::<Vec<_>>(), [Status::Unknown]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_process_whose_settings_do_not_hold_leaves_the_old_one_unharmed() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let mut kept = Kept::connect(serving.traffic).await;
    let ask = Ask::chat(&token, &chat(false));
    for (settings, problem) in [
        ("[listen]\ntrafic = 'x'", "trafic"),
        ("[record]\ndurability = 'process'", "record.durability"),
        ("[deployment]\nreplica = 'b'", "phi/b"),
    ] {
        deploy.settings(settings);
        let error = deploy.refused(&["serve", "--takeover"]);
        assert!(error.contains(problem), "{error}");
        let reply = kept.ask(&ask).await;
        assert!(reply.status == 200 && !reply.is_last(), "{reply:?}");
    }
    deploy.settings("");
    let mut command = deploy.command();
    let elsewhere =
        command.env("PHI_LISTEN_TRAFFIC", "127.0.0.2:0").args(["serve", "--takeover"]).output().expect("ends");
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("listen.traffic"), "{elsewhere:?}");
    assert_eq!(kept.ask(&ask).await.status, 200);
    serving.stop();
    assert!(statuses(&deploy).into_values().all(|status| status == Status::Answered));
}

/// One who asks for a server as an heir does, word by word.
struct Heir(UnixStream);

impl Heir {
    fn ask(deploy: &Deploy, words: &str) -> Self {
        let mut heir = Self(UnixStream::connect(deploy.data().join("control.sock")).expect("connected"));
        heir.0.set_read_timeout(Some(PATIENCE)).expect("a time");
        heir.says(words);
        heir
    }

    fn says(&mut self, words: &str) {
        self.0.write_all(words.as_bytes()).expect("written");
    }

    /// Reads on until what came holds `text`; whether it ever did. Descriptors that come along are dropped. Who hangs
    /// up with words of ours unread resets the connection.
    fn hears(&mut self, text: &str) -> bool {
        let (mut heard, mut piece) = (Vec::new(), [0; 1_024]);
        while !has(&heard, text.as_bytes()) {
            let read = match self.0.read(&mut piece) {
                Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
                read => read.expect("a word in time"),
            };
            if read == 0 {
                return false;
            }
            heard.extend_from_slice(&piece[..read]);
        }
        true
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_ledger_stands_still_nothing_leaves_and_where_it_is_not_taken_it_goes_on() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let ask = Ask::chat(&token, &chat(false));
    for word in [None, Some("\"Follow\"\n")] {
        let mut heir = Heir::ask(&deploy, ASKS);
        assert!(heir.hears("Offer"));
        heir.says("\"Prepared\"\n");
        assert!(heir.hears("Held"));
        let waiting = ask.open(serving.traffic).await.expect("connected");
        let (before, metrics) = (host.seen().len(), Ask::new("GET", "/metrics"));
        let runs = async { while !metrics.send(serving.console).await.text().contains("phi_running_requests 1") {} };
        tokio::time::timeout(PATIENCE, runs).await.expect("it waits");
        assert_eq!(host.seen().len(), before, "nothing leaves before its entry is durable");
        if let Some(word) = word {
            heir.says(word);
            assert!(heir.hears("No"), "it said what it must not");
        }
        drop(heir);
        assert_eq!(waiting.rest().await.status, 200);
    }
    let heir = Serving::take_over(&deploy);
    assert_eq!(serving.ended().code(), Some(0));
    heir.stop();
    assert!(statuses(&deploy).into_values().all(|status| status == Status::Answered));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_in_other_words_is_handed_nothing() {
    let deploy = Deploy::init();
    let serving = Serving::start(&deploy);
    for (words, answer) in [("{\"take_over\":2}\n", "cannot hand over to this version"), (ASKS, "Offer")] {
        let mut heir = Heir::ask(&deploy, words);
        assert!(heir.hears(answer), "{words}");
        // Whoever was refused may find nobody there to hear it.
        let _ = heir.0.write_all(b"\"Ready\"\n");
        assert!(!heir.hears("Held"), "{words}");
    }
    deploy.json(&["org", "list"]);
    serving.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_process_that_dies_before_it_is_ready_leaves_the_old_one_unharmed() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let ask = Ask::chat(&token, &chat(false));
    for _ in 0..TIMES {
        let mut heir = deploy.command();
        let mut heir = heir.args(["serve", "--takeover"]).stderr(Stdio::null()).spawn().expect("started");
        // Somewhere on its way: whoever got all comes to serve, and then the old one is the one that ends.
        tokio::task::yield_now().await;
        heir.kill().expect("it runs");
        heir.wait().expect("ended");
        assert_eq!(ask.send(serving.traffic).await.status, 200);
    }
    assert_eq!(serving.lines(TAKEN), 0);
    serving.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_runs_it_just_starts_and_a_signal_has_it_replace_itself() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let place = deploy.root().join("tmp/notify");
    let manager = UnixDatagram::bind(&place).expect("a socket");
    manager.set_read_timeout(Some(PATIENCE)).expect("a time");
    let told = || {
        let mut bytes = [0; 64];
        let count = manager.recv(&mut bytes).expect("the service manager is told");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    };
    let mut command = deploy.command();
    command.env("NOTIFY_SOCKET", &place).args(["serve", "--takeover"]);
    let serving = Serving::start_command(&deploy, command);
    let ask = Ask::chat(&token, &chat(false));
    assert_eq!(ask.send(serving.traffic).await.status, 200);
    assert_eq!(told(), "READY=1");
    serving.signal(Signal::USR2);
    let mut more = [told(), told()];
    more.sort();
    let heir = more[0].strip_prefix("MAINPID=").and_then(|pid| Pid::from_raw(pid.parse().ok()?)).expect("a process");
    assert_eq!(more[1], "READY=1");
    // Its child says so where it says all.
    serving.wait_line("phi serves", 2);
    serving.wait_line("stopped", 1);
    assert_eq!(ask.send(serving.traffic).await.status, 200);
    kill_process(heir, Signal::INT).expect("it runs");
    assert_eq!(told(), "STOPPING=1");
    serving.wait_line("stopped", 2);
    assert_eq!(serving.ended().code(), Some(0));
}
