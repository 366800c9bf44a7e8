//! How a server ends: what runs is drained, a second signal ends it at once, and nothing stays open in the ledger.

use phi_record::entry::Status;
use phi_simulate::{Fault, Host};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};

use crate::book::Book;
use crate::call::Ask;
use crate::deploy::{Deploy, MODEL};
use crate::gated::{AFTER, BEFORE, Gated};
use crate::kept::Kept;
use crate::serving::{PATIENCE, Serving};

const STOPPING: &str = "stopping: ";
const NO_GRACE: &str = "[listen]\ngrace_seconds = 0";
const LONG_GRACE: &str = "[listen]\ngrace_seconds = 3600";

fn chat(stream: bool) -> Value {
    json!({"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": "hello"}]})
}

/// The status of the only call.
fn only(deploy: &Deploy) -> Status {
    let calls = Book::read(deploy).calls();
    let closed: Vec<Status> = calls.values().flat_map(|call| &call.closed).map(|closed| closed.status).collect();
    assert_eq!((calls.len(), closed.len()), (1, 1), "{calls:?}");
    closed[0]
}

async fn ready(serving: &Serving) -> u16 {
    Ask::new("GET", "/readyz").send(serving.console).await.status
}

/// Tells it to stop, and waits until it says so to those who probe it.
async fn told_to_stop(serving: &Serving) {
    serving.signal(Signal::TERM);
    serving.wait_line(STOPPING, 1);
    let leaving = async { while ready(serving).await != 503 {} };
    tokio::time::timeout(PATIENCE, leaving).await.expect("`/readyz` says that it goes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_stream_is_drained_to_its_end() {
    let mut host = Gated::start().await;
    let deploy = Deploy::ready(host.address);
    deploy.settings(NO_GRACE);
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    assert_eq!(ready(&serving).await, 200);
    let mut call = Ask::chat(&token, &chat(true)).open(serving.traffic).await.expect("connected");
    assert!(call.until(BEFORE).await);

    told_to_stop(&serving).await;
    host.go();
    let reply = call.rest().await;
    assert!(reply.whole && reply.text().contains(AFTER) && reply.text().contains("data: [DONE]"), "{reply:?}");
    assert_eq!(serving.ended().code(), Some(0));

    assert_eq!(only(&deploy), Status::Answered);
    let calls = Book::read(&deploy).calls();
    let closed = calls.values().flat_map(|call| &call.closed).next().expect("closed");
    assert_eq!(closed.charge.iter().map(|share| Some(share.micro_usd.micros())).collect::<Vec<_>>(), [reply.cost()]);
    assert!(!deploy.data().join("control.sock").exists(), "no socket is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_streams_at_once_with_an_error_and_the_entry_closed() {
    let host = Host::start().await.expect("started");
    host.always(Some(Fault::Stall { after: Some(3) }));
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let mut call = Ask::chat(&token, &chat(true)).open(serving.traffic).await.expect("connected");
    assert!(call.until("every ").await);

    told_to_stop(&serving).await;
    serving.signal(Signal::INT);
    assert_eq!(serving.ended().code(), Some(0));
    let reply = call.rest().await;
    assert!(reply.whole && reply.text().contains("\"code\":\"draining\""), "{reply:?}");
    assert!(!reply.text().contains("[DONE]"), "{reply:?}");
    assert_eq!(only(&deploy), Status::Truncated);
    assert_eq!(deploy.json(&["ledger", "verify"])["verified"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_taken_during_the_grace_while_readyz_says_that_it_goes() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    deploy.settings(LONG_GRACE);
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    told_to_stop(&serving).await;
    assert_eq!(Ask::chat(&token, &chat(false)).send(serving.traffic).await.status, 200);
    serving.signal(Signal::TERM);
    assert_eq!(serving.ended().code(), Some(0));
    assert_eq!(only(&deploy), Status::Answered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_does_not_end_is_ended_when_its_time_is_up() {
    let host = Host::start().await.expect("started");
    host.always(Some(Fault::Stall { after: None }));
    let deploy = Deploy::ready(host.address());
    deploy.settings(&format!("{NO_GRACE}\ndrain_seconds = 1"));
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let call = Ask::chat(&token, &chat(false)).open(serving.traffic).await.expect("connected");
    host.wait_for(PATIENCE, |seen| !seen.is_empty()).await.expect("it reached the host");
    serving.signal(Signal::TERM);
    serving.wait_line("time is up", 1);
    assert_eq!(serving.ended().code(), Some(0));
    let reply = call.rest().await;
    assert_eq!((reply.status, reply.code(), reply.whole), (503, "draining".to_owned(), true), "{reply:?}");
    assert_eq!(reply.header("x-should-retry"), Some("false"), "the host has it");
    assert_eq!(only(&deploy), Status::Failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_gets_one_more_answer_that_says_it_is_the_last() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    deploy.settings(LONG_GRACE);
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let (plain, streamed) = (Ask::chat(&token, &chat(false)), Ask::chat(&token, &chat(true)));
    let mut kept = Vec::new();
    for ask in [&plain, &streamed, &plain] {
        let mut one = Kept::connect(serving.traffic).await;
        let reply = one.ask(ask).await;
        assert!(reply.whole && !reply.is_last(), "{reply:?}");
        kept.push((one, ask));
    }
    let (idle, _) = kept.pop().expect("three");
    told_to_stop(&serving).await;
    kept.push((Kept::connect(serving.traffic).await, &plain));
    for (mut one, ask) in kept {
        let reply = one.ask(ask).await;
        assert!(reply.status == 200 && reply.whole && reply.is_last(), "{reply:?}");
        one.closed().await;
    }
    serving.signal(Signal::TERM);
    idle.closed().await;
    assert_eq!(serving.ended().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_not_told_in_time_is_answered_once_more_after_the_grace() {
    let mut host = Gated::start().await;
    let deploy = Deploy::ready(host.address);
    deploy.settings(NO_GRACE);
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let mut kept = Kept::connect(serving.traffic).await;
    kept.send(&Ask::chat(&token, &chat(true))).await;
    assert!(kept.until(BEFORE).await);
    serving.signal(Signal::TERM);
    serving.wait_line(STOPPING, 1);
    let refused = async { while TcpStream::connect(serving.traffic).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, refused).await.expect("it listens no more");
    host.go();
    let reply = kept.rest().await;
    assert!(reply.whole && !reply.is_last() && reply.text().contains("[DONE]"), "{reply:?}");
    let reply = kept.ask(&Ask::new("GET", "/v1/ping").by(&token)).await;
    assert!(reply.status == 200 && reply.is_last(), "{reply:?}");
    assert_eq!(serving.ended().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_who_do_not_finish_what_they_say_hold_nothing_up() {
    let deploy = Deploy::init();
    let serving = Serving::start(&deploy);
    let mut prober = TcpStream::connect(serving.console).await.expect("connected");
    prober.write_all(b"GET /rea").await.expect("written");
    let mut order = UnixStream::connect(deploy.data().join("control.sock")).await.expect("connected");
    order.write_all(b"{\"Org\"").await.expect("written");
    assert_eq!(deploy.json(&["org", "list"]), json!([]), "others are heard meanwhile");
    serving.stop();
}
