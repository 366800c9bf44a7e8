//! `kill -9` in the middle of work, twenty times on the same folder (500 times with the feature `soak`): what left was
//! written down before, what was told is written down, and what a dead process left open is closed by the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use phi_crypto::{Key, Purpose, hex};
use phi_record::entry::Status;
use phi_simulate::{Host, Says, Seen};
use phi_words::{OrgId, RequestId};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::book::{Book, Written};
use crate::call::Ask;
use crate::deploy::{Deploy, MODEL, text};
use crate::serving::{PATIENCE, Serving};

const RUNS: usize = if cfg!(feature = "soak") { 500 } else { 20 };
/// The least that is allowed, so that segments end between the kills.
const SETTINGS: &str = "[record]\nsegment_bytes = 1048576\n";
const CALLERS: usize = 10;

/// What callers saw, over all runs.
#[derive(Debug, Default)]
struct Told {
    /// The bodies that were sent, by the marker in them.
    sent: Mutex<BTreeMap<String, Vec<u8>>>,
    /// The answers that came whole: what they cost.
    whole: Mutex<BTreeMap<RequestId, i64>>,
    answers: AtomicUsize,
    streams: AtomicUsize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_by_kill_9() {
    let host = Host::start().await.expect("started");
    host.says(Says { think: Duration::from_millis(2), gap: Duration::from_millis(1), ..Says::default() });
    let deploy = Deploy::ready(host.address());
    deploy.settings(SETTINGS);
    let (token, _) = deploy.token(&[]);
    let payload = payload_key(&deploy);
    let told = Arc::<Told>::default();
    let (mut left_open, mut seen, mut issued) = (BTreeSet::new(), Vec::new(), Vec::new());
    let mut book = Book::default();
    for run in 0..RUNS {
        let serving = Serving::start(&deploy);
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            callers.spawn(call(format!("run{run}caller{caller}"), token.clone(), serving.traffic, Arc::clone(&told)));
        }
        issued.push(deploy.token(&[]).0);
        moment(run, &host, &told).await;
        serving.kill();
        while callers.join_next().await.is_some() {}
        assert_eq!(deploy.json(&["ledger", "verify"])["verified"], true, "run {run}");

        seen.extend(host.seen());
        host.forget();
        book.read_on(&deploy);
        let calls = book.calls();
        assert_told(&calls, &told);
        assert_unknown(&calls, &left_open);
        left_open = calls.iter().filter(|(_, call)| call.closed.is_empty()).map(|(id, _)| *id).collect();
    }
    let serving = Serving::start(&deploy);
    for token in issued {
        assert_eq!(Ask::new("GET", "/v1/ping").by(&token).send(serving.traffic).await.status, 200, "it was shown");
    }
    serving.stop();
    seen.extend(host.seen());
    book.read_on(&deploy);
    let calls = book.calls();
    assert_unknown(&calls, &left_open);
    assert_seen(&calls, &seen, &told, &payload);
    assert!(calls.values().all(|call| call.closed.len() == 1), "nothing stays open");
    assert_eq!(deploy.json(&["ledger", "verify"])["verified"], true);

    let unknown = calls.values().filter(|call| call.closed[0].status == Status::Unknown).count();
    let whole = told.whole.lock().expect("whole").len();
    assert!(unknown >= RUNS && whole >= RUNS * CALLERS, "the kills hit nothing: {unknown} of {whole}");
}

/// The moment to kill: when so many requests have reached the host, answers have come whole, or streams have begun.
async fn moment(run: usize, host: &Host, told: &Told) {
    let many = 10 + run * 7 % 30;
    let count = match run % 3 {
        0 => {
            host.wait_for(PATIENCE, |seen| seen.len() >= many).await.expect("requests reach the host");
            return;
        }
        1 => &told.answers,
        _ => &told.streams,
    };
    let until = count.load(Ordering::SeqCst) + many / (run % 3);
    let reached = async {
        while count.load(Ordering::SeqCst) < until {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("answers come");
}

/// One caller, asking until nobody answers. Each third request is streamed, and each seventh caller leaves early.
async fn call(name: String, token: String, to: SocketAddr, told: Arc<Told>) {
    for number in 0.. {
        let marker = format!("{name}number{number}end");
        let stream = number % 3 == 0;
        let body = json!({"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": marker}]});
        let ask = Ask::chat(&token, &body);
        told.sent.lock().expect("whole").insert(marker, body.to_string().into_bytes());
        let Ok(mut call) = ask.open(to).await else { return };
        if stream && call.until("data: ").await {
            told.streams.fetch_add(1, Ordering::SeqCst);
            if number % 7 == 6 {
                continue;
            }
        }
        let reply = call.rest().await;
        if !reply.whole {
            return;
        }
        assert_eq!(reply.status, 200, "{reply:?}");
        let id = reply.header("x-request-id").and_then(|id| id.parse().ok()).expect("an id");
        told.whole.lock().expect("whole").insert(id, reply.cost().expect("a cost"));
        told.answers.fetch_add(1, Ordering::SeqCst);
    }
}

/// Every answer that came whole was closed before, at the cost that was told.
fn assert_told(calls: &BTreeMap<RequestId, Written>, told: &Told) {
    for (id, cost) in told.whole.lock().expect("whole").iter() {
        let closed = &calls.get(id).expect("opened").closed;
        assert_eq!(closed.len(), 1, "{id}");
        assert_eq!(closed[0].status, Status::Answered, "{id}");
        let charged: i64 = closed[0].charge.iter().map(|share| share.micro_usd.micros()).sum();
        assert_eq!(charged, *cost, "{id}");
        assert!(*cost > 0, "{id}");
    }
}

/// What a dead process left open is closed as unknown, and nothing is closed twice.
fn assert_unknown(calls: &BTreeMap<RequestId, Written>, left_open: &BTreeSet<RequestId>) {
    assert!(calls.values().all(|call| call.closed.len() <= 1));
    for id in left_open {
        let closed = &calls.get(id).expect("opened").closed;
        assert_eq!(closed.iter().map(|closed| closed.status).collect::<Vec<_>>(), [Status::Unknown], "{id}");
    }
}

/// Every request that reached the host has its own entry, opened before it came.
fn assert_seen(calls: &BTreeMap<RequestId, Written>, seen: &[Seen], told: &Told, payload: &Key) {
    let mut opened: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for call in calls.values() {
        assert!(opened.insert(&call.opened.commitment.hash, call.time).is_none(), "two entries of one payload");
    }
    let sent = told.sent.lock().expect("whole");
    assert!(seen.len() >= RUNS * CALLERS, "{}", seen.len());
    for one in seen {
        let marker = text(&one.json()["messages"][0]["content"]);
        let commitment = hex(&payload.tag(&[sent.get(&marker).expect("sent")]));
        let time = opened.remove(commitment.as_str());
        assert!(time.is_some(), "`{marker}` reached the host and has no entry, or reached it twice");
        let came = Timestamp::try_from(one.at).expect("a time");
        assert!(time.is_some_and(|time| time <= came), "`{marker}` reached the host before its entry was written");
    }
}

/// The key that the deployment commits to payloads with.
fn payload_key(deploy: &Deploy) -> Arc<Key> {
    let root = phi_vault::load_key(&deploy.data().join("master.key")).expect("a key");
    let orgs: Value = deploy.json(&["org", "list"]);
    let org: OrgId = text(&orgs[0]["id"]).parse().expect("an id");
    root.derive(Purpose::Payload(org))
}
