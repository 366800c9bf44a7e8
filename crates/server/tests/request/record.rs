//! The record: durable before a host sees a byte, closed on every path, true in what it says of usage and money.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use phi_ledger::{Disk, Files, Status as Ledgers};
use phi_police::{Heard, Police, Verdict};
use phi_record::entry::{ActBy, Ended, Reach, Record, Status};
use phi_simulate::{Fault, Says, UsageLie};
use phi_words::{Class, Quality};
use serde_json::{Value, json};

use crate::ask::{Ask, SECRET, chat, with};
use crate::operations::probe;
use crate::setup::{Setup, key_of};
use crate::stand::{SOON, Stand, text, wait_until};

const CHAT: &str = "/v1/chat/completions";

/// A disk whose syncs wait at a gate, or fail.
#[derive(Debug, Default)]
pub(crate) struct Gated {
    shut: Mutex<bool>,
    opened: Condvar,
    waiting: AtomicUsize,
    pub(crate) failing: AtomicBool,
}

impl Gated {
    fn shut(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.opened.notify_all();
    }
}

impl Files for Gated {
    fn create(&self, path: &std::path::Path) -> io::Result<File> {
        if self.failing.load(Ordering::SeqCst) { Err(io::Error::other("no disk")) } else { Disk.create(path) }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let open = self.opened.wait_while(self.shut.lock().unwrap(), |shut| *shut).unwrap();
        drop(open);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if self.failing.load(Ordering::SeqCst) { Err(io::Error::other("no disk")) } else { Disk.sync(file) }
    }
}

async fn on(disk: &Arc<Gated>) -> Stand {
    Setup { disk: Some(Arc::clone(disk) as _), ..Setup::default() }.up().await
}

#[tokio::test]
async fn no_host_sees_a_byte_before_the_entry_is_on_disk() {
    let disk = Arc::new(Gated::default());
    let stand = on(&disk).await;
    for ask in [Ask::chat("alps/m").phi(), Ask::stream("alps/m")] {
        stand.host("alps-a").forget();
        let connections = stand.host("alps-a").connections();
        disk.shut(true);
        let asked = stand.ask(ask);
        let watched = async {
            wait_until("the record waits for the disk", async || disk.waiting.load(Ordering::SeqCst) == 1).await;
            // Whatever could run runs: connecting takes a few turns of the loop, not one that a disk is waited for.
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
            assert_eq!(stand.reached(), Vec::<&str>::new(), "a host had the request before its record was durable");
            assert_eq!(stand.host("alps-a").connections(), connections, "a host was connected to before that");
            disk.shut(false);
        };
        let (reply, ()) = tokio::join!(asked, watched);
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(stand.reached(), ["alps-a"]);
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_written_keeps_the_request_here() {
    let disk = Arc::new(Gated::default());
    let stand = on(&disk).await;
    let before = stand.ask(Ask::chat("alps/m")).await;
    assert_eq!(before.status, 200);
    stand.host("alps-a").forget();
    disk.failing.store(true, Ordering::SeqCst);
    for ask in [Ask::chat("alps/m"), Ask::chat("alps/m").phi(), Ask::stream("alps/m")] {
        let reply = stand.ask(ask).await;
        assert_eq!(reply.refusal(), (503, "ledger_unavailable".to_owned()));
        assert_eq!((reply.header("retry-after"), reply.header("x-should-retry")), (Some("1"), None));
        assert_eq!(reply.header("x-phi-attempts"), Some("0"));
    }
    let read = stand.ask(Ask::get(&format!("/v1/requests/{}", before.id()))).await;
    assert_eq!(read.refusal(), (503, "ledger_unavailable".to_owned()), "an act that cannot be recorded is not done");
    let unknown = stand.ask(Ask::chat("nobody/m")).await;
    assert_eq!(unknown.refusal(), (404, "model_not_found".to_owned()), "a refusal stands all the same");
    assert_eq!(stand.reached(), Vec::<&str>::new());
    disk.failing.store(false, Ordering::SeqCst);
    wait_until("the ledger goes on", async || stand.ask(Ask::chat("alps/m")).await.status == 200).await;
    assert!(phi_ledger::read::verify(stand.recorder.ledger().folder()).is_ok());
}

#[tokio::test]
async fn a_disk_that_hangs_or_fails_is_named_to_operators_and_waited_for() {
    let disk = Arc::new(Gated::default());
    let patience = std::time::Duration::from_millis(20);
    let stand = Setup { disk: Some(Arc::clone(&disk) as _), patience, ..Setup::default() }.up().await;
    let served = async || stand.ask(Ask::chat("alps/m")).await.status == 200;
    wait_until("it serves", served).await;
    stand.host("alps-a").forget();
    disk.shut(true);
    let hanging = stand.ask(Ask::chat("alps/m")).await;
    assert_eq!(hanging.refusal(), (503, "ledger_unavailable".to_owned()), "nobody waits for it longer than that");
    assert_eq!(stand.ask(Ask::stream("alps/m").phi()).await.refusal(), (503, "ledger_unavailable".to_owned()));
    let told = probe(&stand, "/readyz").await;
    assert!(told.status == 503 && told.text().contains("the disk is behind"), "{}", told.text());
    assert_eq!(stand.reached(), Vec::<&str>::new());
    disk.shut(false);
    wait_until("it serves again", served).await;
    let closed = stand.closed(hanging.id()).await;
    assert_eq!((closed.status, closed.attempts.len(), closed.charge.len()), (Status::Failed, 0, 0));
    disk.failing.store(true, Ordering::SeqCst);
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 503);
    let told = probe(&stand, "/readyz").await;
    assert!(told.status == 503 && told.text().contains("no disk"), "{}", told.text());
    disk.failing.store(false, Ordering::SeqCst);
    wait_until("it serves once more", served).await;
    wait_until("it says so", async || probe(&stand, "/readyz").await.status == 200).await;
}

#[tokio::test]
async fn an_entry_whose_end_the_disk_did_not_take_is_closed_once_it_does() {
    let disk = Arc::new(Gated::default());
    let stand = on(&disk).await;
    stand.host("alps-a").next([Fault::Stall { after: Some(3) }]);
    let mut coming = stand.begin(Ask::stream("alps/m")).await;
    let id = coming.id();
    coming.until("every ").await;
    disk.failing.store(true, Ordering::SeqCst);
    drop(coming);
    wait_until("the end is kept", async || stand.recorder.ledger().kept() == 1).await;
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 503);
    disk.failing.store(false, Ordering::SeqCst);
    assert_eq!(stand.closed(id).await.status, Status::CallerLeft);
}

#[tokio::test]
async fn a_caller_who_leaves_while_the_entry_waits_for_the_disk_leaves_no_open_entry() {
    let disk = Arc::new(Gated::default());
    let stand = on(&disk).await;
    disk.shut(true);
    let asked = tokio::time::timeout(SOON, async {
        let mut left = std::pin::pin!(stand.ask(Ask::chat("alps/m")));
        tokio::select! {
            reply = &mut left => panic!("{reply:?}"),
            () = wait_until("the record waits", async || disk.waiting.load(Ordering::SeqCst) == 1) => {}
        }
    });
    asked.await.unwrap();
    wait_until("the caller's leaving is noticed", async || stand.gateway.running() == 0).await;
    disk.shut(false);
    let mut id = None;
    wait_until("the entry is there", async || {
        let found = stand.recorder.newest(10).await.unwrap();
        id = found.first().and_then(|found| found.line.record.call());
        id.is_some()
    })
    .await;
    let closed = stand.closed(id.unwrap()).await;
    assert_eq!((closed.status, closed.attempts.len(), closed.charge.len()), (Status::CallerLeft, 0, 0));
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_flood_of_refusals_is_counted_and_does_not_fill_the_disk() {
    let stand = Stand::up().await;
    let mut written = 0;
    for _ in 0..15 {
        let reply = stand.ask(Ask::chat("nobody/m")).await;
        assert_eq!(reply.status, 404);
        written += usize::from(stand.refused(reply.id()).await.is_some());
    }
    let unwritten = || stand.recorder.counters().unwritten.load(Ordering::SeqCst);
    assert_eq!((written, unwritten()), (10, 5));
    stand.clock.advance(std::time::Duration::from_secs(1));
    let reply = stand.ask(Ask::chat("nobody/m")).await;
    assert_eq!(stand.refused(reply.id()).await.unwrap().unwritten, 5, "the next record tells of them");
    // Strangers: one a second from an address, and nobody waits for the disk.
    for _ in 0..3 {
        assert_eq!(stand.ask(Ask::chat("alps/m").bare()).await.status, 401);
    }
    assert_eq!(unwritten(), 7);
    stand.clock.advance(std::time::Duration::from_secs(1));
    let stranger = stand.ask(Ask::chat("alps/m").bare()).await.id();
    let mut record = None;
    wait_until("it is written", async || {
        record = stand.refused(stranger).await;
        record.is_some()
    })
    .await;
    let record = record.unwrap();
    assert_eq!((record.unwritten, record.who.is_none()), (2, true));
    assert_eq!(record.peer, Some(std::net::Ipv4Addr::LOCALHOST.into()));
}

#[tokio::test]
async fn an_answer_is_delivered_although_the_disk_fails_at_its_end() {
    let disk = Arc::new(Gated::default());
    let below = Arc::clone(&disk);
    // The rule hears the answer when its entry is open and not closed.
    let police = Box::new(move |clock| {
        let below = Arc::clone(&below);
        Police::new(clock).with_answer_rule(move || {
            let below = Arc::clone(&below);
            move |heard| match heard {
                Heard::Frame(frame) => {
                    below.failing.store(true, Ordering::SeqCst);
                    Verdict::pass(frame)
                }
                Heard::Finish => Verdict::hold(),
            }
        })
    });
    let stand = Setup { disk: Some(Arc::clone(&disk) as _), police, ..Setup::default() }.up().await;
    for (ask, end) in [(Ask::chat("alps/m"), "}"), (Ask::stream("alps/m"), "\n")] {
        let reply = stand.ask(ask).await;
        assert!(reply.status == 200 && reply.text().ends_with(end), "{reply:?}");
        assert_eq!(stand.recorder.ledger().kept(), 1);
        disk.failing.store(false, Ordering::SeqCst);
        let closed = stand.closed(reply.id()).await;
        assert_eq!((closed.status, closed.quality), (Status::Answered, Quality::Verified));
        wait_until("the ledger goes on", async || matches!(stand.recorder.ledger().status(), Ledgers::Healthy)).await;
    }
}

#[tokio::test]
async fn damage_that_is_found_later_stops_everything_at_once() {
    let stand = Setup { disk: Some(Arc::new(Disk)), ..Setup::default() }.up().await;
    let folder = stand.recorder.ledger().folder().to_path_buf();
    let segments = || {
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let mut segments: Vec<_> = entries.filter(|path| path.file_name().unwrap() != "lock").collect();
        segments.sort();
        segments
    };
    let mut asked = 0;
    while segments().len() < 2 {
        assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 200);
        asked += 1;
        assert!(asked < 500, "no second segment");
    }
    stand.host("alps-a").forget();
    let first = segments().remove(0);
    let mut bytes = std::fs::read(&first).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&first, bytes).unwrap();
    assert!(stand.recorder.ledger().verify().is_err(), "one bit of it is another");
    for ask in [Ask::chat("alps/m"), Ask::chat("alps/m").phi()] {
        assert_eq!(stand.ask(ask).await.refusal(), (503, "ledger_unavailable".to_owned()));
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn the_records_of_a_call_say_what_happened_and_no_more() {
    let stand = Stand::up().await;
    stand.host("alps-a").next([Fault::status(503)]);
    let body = with(chat("alps/m"), json!({"user": "kowalski"})).to_string();
    let reply = stand.ask(Ask::text(CHAT, body.clone()).phi()).await;
    assert_eq!(reply.status, 200);
    let opened = stand.opened(reply.id()).await;
    let closed = stand.closed(reply.id()).await;
    assert_eq!((opened.model.as_str(), opened.region.as_str(), opened.class), ("alps/m", "CH", Class::Phi));
    assert_eq!(
        (opened.body_bytes, opened.durability.as_str(), opened.policy.as_str()),
        (body.len() as u64, "disk", "none")
    );
    assert_eq!(opened.routes.iter().map(|route| route.as_str()).collect::<Vec<_>>(), ["alps-a-m", "alps-b-m"]);
    assert_eq!((opened.catalogue, opened.stream), (stand.deployment.catalogue().version().to_owned(), false));
    let reached: Vec<_> = closed.attempts.iter().map(|attempt| (attempt.reach, attempt.ended)).collect();
    assert_eq!(reached, [(Reach::Answered, Ended::HostError), (Reach::Answered, Ended::Ok)]);
    assert_eq!((closed.status, closed.code, closed.quality), (Status::Answered, None, Quality::Verified));
    assert!(closed.first_byte_ms.is_some_and(|first| first <= closed.latency_ms));
    assert_eq!(reply.header("x-phi-cost-micro"), Some(closed.charge[0].micro_usd.to_string().as_str()));
    assert_eq!(closed.charge[0].account, opened.who.org);
    // The same payload is the same commitment, and another is another.
    let again = stand.opened(stand.ask(Ask::text(CHAT, body.clone()).phi()).await.id()).await;
    let other = stand.opened(stand.ask(Ask::text(CHAT, body + " ").phi()).await.id()).await;
    assert_eq!(again.commitment, opened.commitment);
    assert_ne!(other.commitment, opened.commitment);
    let ledger = stand.ledger_text().await;
    for secret in [SECRET, "kowalski", "every word", &stand.token, &key_of("alps"), "alpine-m"] {
        assert!(!ledger.contains(secret), "`{secret}` in the ledger");
    }
    assert!(stand.recorder.ledger().verify().is_ok());
}

#[tokio::test]
async fn an_entry_is_shown_to_the_agent_whose_call_it_was() {
    let stand = Stand::up().await;
    let other = stand.token_of("other", "", "").await;
    let mine = text(&stand.phi("token create --org clinic --agent writer").await["token"]);
    stand.phi("org create ward --region CH --class general").await;
    stand.phi("agent create writer --org ward").await;
    let ward = text(&stand.phi("token create --org ward --agent writer").await["token"]);
    let id = stand.ask(Ask::chat("alps/m")).await.id();
    let refused = stand.ask(Ask::chat("nobody/m")).await.id();
    for token in [&stand.token, &mine] {
        for base in ["/v1", "/api/v1"] {
            let reply = stand.ask(Ask::get(&format!("{base}/requests/{id}")).token(token)).await;
            let shown = reply.json();
            assert_eq!((reply.status, &shown["id"]), (200, &json!(id.to_string())));
            let kinds: Vec<_> = shown["records"].as_array().unwrap().iter().map(|record| &record["record"]).collect();
            assert_eq!(kinds, ["opened", "closed"]);
            assert_eq!(shown["records"][1]["attempts"][0]["route"], "alps-a-m");
        }
    }
    let reply = stand.ask(Ask::get(&format!("/v1/requests/{refused}"))).await;
    assert_eq!(reply.json()["records"][0]["code"], "model_not_found");
    let nobody = phi_words::RequestId::new();
    let hidden = [(id, &other), (id, &ward), (refused, &other), (nobody, &stand.token)];
    let mut shown = Vec::new();
    for (id, token) in hidden {
        let reply = stand.ask(Ask::get(&format!("/v1/requests/{id}")).token(token)).await;
        assert_eq!(reply.refusal(), (404, "not_found".to_owned()));
        shown.push(reply.body);
    }
    assert!(shown.windows(2).all(|two| two[0] == two[1]), "what is not theirs is as what is not");
    let acts = stand.recorder.newest(100).await.unwrap();
    let reads = acts.iter().filter(|found| match &found.line.record {
        Record::Act(act) => act.act == "entry.read" && matches!(act.by, ActBy::Caller(_)),
        Record::Opened(_) | Record::Closed(_) | Record::Refused(_) => false,
    });
    assert_eq!(reads.count(), 9, "each reading is an act");
}

#[tokio::test]
async fn figures_that_cannot_be_are_not_believed() {
    let stand = Stand::up().await;
    let output = "every word of this answer is simulated".len().div_ceil(4) as u64;
    for lie in [UsageLie::Negative, UsageLie::Absurd, UsageLie::Text, UsageLie::Missing] {
        for ask in [Ask::chat("alps/m"), Ask::stream("alps/m")] {
            let stream = ask.clone();
            stand.host("alps-a").next([Fault::Usage { lie }]);
            let reply = stand.ask(stream).await;
            let closed = stand.closed(reply.id()).await;
            let input = stand.opened(reply.id()).await.body_bytes.div_ceil(4);
            assert_eq!((closed.quality, closed.status), (Quality::Estimated, Status::Answered), "{lie:?}");
            assert_eq!((closed.usage.input, closed.usage.output), (input, output), "{lie:?}");
            let exact = (input * 3 + output * 15) * 110;
            assert_eq!(closed.charge[0].micro_usd.micros(), i64::try_from(exact.div_ceil(100)).unwrap());
            let is_stream = reply.header("x-phi-usage").is_none();
            assert!(is_stream || reply.header("x-phi-usage") == Some("estimated"), "{lie:?}");
        }
    }
}

fn says(usage: Value) -> Says {
    Says { usage: Some(usage), ..Says::default() }
}

#[tokio::test]
async fn what_is_charged_is_the_list_price_and_the_margin_rounded_up_once() {
    let stand = Stand::up().await;
    let million = json!({"prompt_tokens": 1_000_000, "completion_tokens": 1, "total_tokens": 1_000_001});
    let output = json!({"prompt_tokens": 0, "completion_tokens": 1_000_000, "total_tokens": 1_000_000});
    let both = json!({"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000, "total_tokens": 2_000_000});
    let one = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2});
    let cached = json!({"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
        "prompt_tokens_details": {"cached_tokens": 600}, "completion_tokens_details": {"reasoning_tokens": 40}});
    for (region, model, host, usage, list, charge) in [
        // 3.00 USD a million of input, 3.30 with the margin; 15.00 and 16.50 of output.
        ("CH", "alps/m", "alps-a", &output, 15_000_000, 16_500_000),
        ("CH", "alps/m", "alps-a", &million, 3_000_015, 3_300_017),
        ("CH", "alps/m", "alps-a", &both, 18_000_000, 19_800_000),
        ("CH", "alps/m", "alps-a", &one, 18, 20),
        // CHF 0.20 and 0.40, at 1.10 USD.
        ("CH", "infomaniak/gemma-4-31b", "infomaniak", &million, 220_001, 242_001),
        ("CH", "infomaniak/gemma-4-31b", "infomaniak", &one, 1, 1),
        // EUR 0.25 and 0.50, at 1.08 USD.
        ("EU", "scaleway/gemma-4-26b", "scaleway", &both, 810_000, 891_000),
        // 400 at 1.75, 600 from the cache at 0.325, 100 at 5.50: 1,445 and 1,589.5.
        ("US", "together/glm-5.2", "together", &cached, 1_445, 1_590),
    ] {
        stand.host(host).says(says(usage.clone()));
        for ask in [Ask::chat(model), Ask::stream(model)] {
            let reply = stand.ask(ask.header("x-region", region)).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            let closed = stand.closed(reply.id()).await;
            assert_eq!(closed.list_cost.micros(), list, "{model} {usage}");
            assert_eq!(closed.charge[0].micro_usd.micros(), charge, "{model} {usage}");
            assert_eq!(closed.usage.tokens(), usage["total_tokens"].as_u64().unwrap(), "buckets are disjoint");
            let whole = reply.header("x-phi-cost-micro").map(str::to_owned);
            let told = whole.unwrap_or_else(|| {
                let text = reply.text();
                let (_, cost) = text.rsplit_once(": x-phi-cost-micro=").unwrap();
                cost.trim().to_owned()
            });
            assert_eq!(told, charge.to_string(), "{model} {usage}");
        }
    }
}

#[tokio::test]
async fn a_ledger_that_has_ended_takes_nothing() {
    let stand = Stand::up().await;
    let ledger = stand.recorder.ledger().clone();
    tokio::task::spawn_blocking(move || ledger.shutdown()).await.unwrap().unwrap();
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.refusal(), (503, "ledger_unavailable".to_owned()));
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn entries_that_do_not_survive_a_power_cut_are_no_entries_for_phi() {
    let stand = Setup { settings: "[record]\ndurability = \"process\"\n", ..Setup::default() }.up().await;
    let general = stand.ask(Ask::chat("alps/m")).await;
    assert_eq!((general.status, stand.opened(general.id()).await.durability.as_str()), (200, "process"));
    stand.host("alps-a").forget();
    assert_eq!(stand.ask(Ask::chat("alps/m").phi()).await.refusal(), (403, "phi_blocked".to_owned()));
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn many_at_once_are_each_recorded_and_the_chain_holds() {
    let stand = Arc::new(Stand::up().await);
    stand.host("alps-a").next((0..20).map(|at| Fault::status(if at % 2 == 0 { 503 } else { 429 })));
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..100 {
        let (stand, ask) =
            (Arc::clone(&stand), if number % 2 == 0 { Ask::chat("alps/m") } else { Ask::stream("alps/m") });
        asked.spawn(async move {
            let reply = stand.ask(ask).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            reply.id()
        });
    }
    let ids = asked.join_all().await;
    let mut attempts = 0;
    for id in ids {
        let closed = stand.closed(id).await;
        assert_eq!(closed.status, Status::Answered);
        attempts += closed.attempts.len();
    }
    assert_eq!(attempts, 120);
    assert_eq!(stand.host("alps-a").seen().len() + stand.host("alps-b").seen().len(), 120);
    assert!(stand.recorder.ledger().verify().is_ok());
}
