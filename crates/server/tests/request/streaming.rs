//! Streams: frame by frame as they come, whole or marked as cut, and left when the caller leaves.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use phi_police::{Heard, Police, Verdict};
use phi_record::entry::{Ended as AttemptEnded, Reach, Status};
use phi_simulate::{Ended, Ends, Fault, Says, UsageLie};
use phi_upstream::Deadlines;
use phi_words::{Completion, Quality};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::ask::{Ask, SECRET, chat, events, streamed, with};
use crate::operations::probe;
use crate::setup::Setup;
use crate::stand::{SOON, Stand, wait_until};

const TEXT: &str = "every word of this answer is simulated";
const CHAT: &str = "/v1/chat/completions";
const AT_ONCE: Duration = Duration::from_secs(1);

fn with_usage(model: &str) -> Ask {
    Ask::json(CHAT, &with(chat(model), json!({"stream": true, "stream_options": {"include_usage": true}})))
}

/// 1,000 tokens in and 100 out: 4,500 micro-USD by the list of `alps/m`, and 4,950 with the margin.
fn priced() -> Says {
    let usage = json!({"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100});
    Says { usage: Some(usage), ..Says::default() }
}

#[tokio::test]
async fn frames_come_one_by_one_while_the_host_still_writes() {
    let stand = Stand::up().await;
    for after in 3..8 {
        stand.afresh();
        stand.host("alps-a").next([Fault::Stall { after: Some(after) }]);
        let mut coming = stand.begin(Ask::stream("alps/m")).await;
        let mut text = String::new();
        while events(&text).len() < after {
            text.push_str(std::str::from_utf8(&coming.piece().await.unwrap()).unwrap());
        }
        assert_eq!(streamed(&events(&text)).split_whitespace().count(), after - 1);
        assert_eq!(stand.host("alps-a").seen()[0].ended, Ended::Running);
    }
}

/// The chunks of a reply as HTTP frames them: what was written at once stands in one.
async fn chunks(stand: &Stand, body: &Value) -> Vec<String> {
    let body = body.to_string();
    let ask = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        stand.token,
        body.len()
    );
    let reply = crate::ask::raw(stand.address(), ask.as_bytes()).await;
    let (_, mut rest) = reply.split_once("\r\n\r\n").unwrap();
    let mut chunks = Vec::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        chunks.push(after[..size].to_owned());
        rest = &after[size + 2..];
    }
    assert_eq!(chunks.pop().as_deref(), Some(""), "{reply}");
    chunks
}

#[tokio::test]
async fn the_cost_follows_the_terminal_event_in_the_same_write() {
    let stand = Stand::up().await;
    stand.host("alps-a").says(priced());
    let stream = with(chat("alps/m"), json!({"stream": true}));
    let last = chunks(&stand, &stream).await.pop().unwrap();
    assert!(last.ends_with("data: [DONE]\n\n: x-phi-cost-micro=4950\n\n"), "{last}");
    let asked = with(stream, json!({"stream_options": {"include_usage": true}}));
    let last = chunks(&stand, &asked).await.pop().unwrap();
    assert!(last.contains("\"cost_micro\":4950") && last.ends_with("[DONE]\n\n: x-phi-cost-micro=4950\n\n"), "{last}");
}

#[tokio::test]
async fn usage_is_shown_to_those_who_asked_alone() {
    let stand = Stand::up().await;
    stand.host("alps-a").says(priced());
    let plain = stand.ask(Ask::stream("alps/m")).await;
    assert_eq!(streamed(&plain.events()), TEXT);
    assert!(!plain.text().contains("usage") && !plain.text().contains("alpine-m"), "{}", plain.text());
    assert_eq!(plain.events().pop().as_deref(), Some("[DONE]"));
    let asked = stand.ask(with_usage("alps/m")).await;
    let mut events = asked.events();
    assert_eq!(events.pop().as_deref(), Some("[DONE]"));
    let last: Value = serde_json::from_str(&events.pop().unwrap()).unwrap();
    assert_eq!((&last["choices"], &last["model"]), (&json!([]), &json!("alps/m")));
    let usage = &last["usage"];
    let figures = [&usage["prompt_tokens"], &usage["completion_tokens"], &usage["total_tokens"], &usage["cost_micro"]];
    assert_eq!(figures, [&json!(1000), &json!(100), &json!(1100), &json!(4950)]);
    assert!(events.iter().all(|event| !event.contains("usage")), "{events:?}");
    let closed = stand.closed(asked.id()).await;
    assert_eq!(
        (closed.status, closed.quality, closed.charge[0].micro_usd.micros()),
        (Status::Answered, Quality::Verified, 4950)
    );
}

#[tokio::test]
async fn strange_framings_make_no_difference() {
    let stand = Stand::up().await;
    let expected = stand.ask(with_usage("alps/m")).await.text();
    let framing = |ends, bom| Fault::Framing { ends, bom };
    for fault in [
        Fault::Keepalives,
        Fault::Drip,
        framing(Ends::Cr, false),
        framing(Ends::CrLf, true),
        framing(Ends::Lf, true),
        Fault::Slow { gap_ms: 1 },
        Fault::Usage { lie: UsageLie::Twice },
    ] {
        stand.host("alps-a").next([fault.clone()]);
        let reply = stand.ask(with_usage("alps/m")).await;
        assert_eq!((reply.status, reply.text()), (200, expected.clone()), "{fault:?}");
    }
    stand.host("alps-a").next([Fault::Usage { lie: UsageLie::EveryFrame }]);
    let reply = stand.ask(with_usage("alps/m")).await;
    assert_eq!(reply.text().matches("\"usage\"").count(), 1, "{}", reply.text());
    assert_eq!(stand.closed(reply.id()).await.quality, Quality::Verified);
    assert_eq!(stand.reached(), ["alps-a"]);
}

#[tokio::test]
async fn a_stream_that_is_cut_ends_with_an_error_and_no_terminal_event() {
    let stand = Stand::up().await;
    let after = Some(4);
    for (fault, words) in [
        (Fault::Cut { after }, 3),
        (Fault::Reset { after }, 3),
        (Fault::Malformed { after: 4 }, 3),
        (Fault::ErrorFrame { after: 4 }, 3),
        (Fault::NoDone, 7),
        (Fault::WrongLength { by: -200 }, 7),
    ] {
        stand.afresh();
        stand.host("alps-a").next([fault.clone()]);
        let reply = stand.ask(with_usage("alps/m")).await;
        let (text, mut events) = (reply.text(), reply.events());
        let last: Value = serde_json::from_str(&events.pop().unwrap()).unwrap();
        assert_eq!(last["error"]["code"], "upstream_truncated", "{fault:?}: {text}");
        assert!(!text.contains("[DONE]") && !text.contains("patient"), "{fault:?}: {text}");
        let delivered = streamed(&events);
        assert!(TEXT.starts_with(&delivered) && delivered.split_whitespace().count() <= words, "{fault:?}: {text}");
        assert_eq!(stand.reached(), ["alps-a"], "{fault:?}: no second host after the first word");
        let closed = stand.closed(reply.id()).await;
        assert_eq!(
            (closed.status, closed.code.unwrap().as_str()),
            (Status::Truncated, "upstream_truncated"),
            "{fault:?}"
        );
        let estimated = closed.quality == Quality::Estimated;
        if estimated {
            assert_eq!(closed.usage.output, delivered.chars().count().div_ceil(4) as u64, "{fault:?}");
        }
        let charged = closed.charge[0].micro_usd.micros();
        assert!(charged > 0 && text.contains(&format!(": x-phi-cost-micro={charged}\n")), "{fault:?}: {text}");
        assert!(!text.contains("\"usage\""), "{fault:?}: {text}");
    }
}

#[tokio::test]
async fn a_line_without_end_is_not_held() {
    let stand = Stand::up().await;
    stand.host("alps-a").next([Fault::LongLine { bytes: 10 << 20 }]);
    let reply = stand.ask(Ask::stream("alps-a-m")).await;
    assert_eq!(reply.refusal(), (502, "upstream_failed".to_owned()));
    assert_eq!(stand.closed(reply.id()).await.attempts[0].ended, AttemptEnded::Malformed);
}

#[tokio::test]
async fn a_caller_who_leaves_is_followed_at_once() {
    let stand = Stand::up().await;
    let hung_up = async |host: &str| {
        let seen = stand.host(host).wait_for(AT_ONCE, |seen| seen.iter().any(|seen| seen.ended == Ended::HungUp)).await;
        assert!(seen.is_some(), "the host still works: {:?}", stand.host(host).seen());
    };
    // In the middle of a stream: input and what was delivered.
    stand.host("alps-a").next([Fault::Stall { after: Some(3) }]);
    let mut coming = stand.begin(Ask::stream("alps/m")).await;
    let id = coming.id();
    coming.until("word ").await;
    drop(coming);
    hung_up("alps-a").await;
    let closed = stand.closed(id).await;
    let input = stand.opened(id).await.body_bytes.div_ceil(4);
    assert_eq!((closed.status, closed.quality), (Status::CallerLeft, Quality::Estimated));
    assert_eq!((closed.usage.input, closed.usage.output), (input, "every word ".len().div_ceil(4) as u64));
    let exact = (input * 3 + 3 * 15) * 110;
    assert_eq!(closed.charge[0].micro_usd.micros(), i64::try_from(exact.div_ceil(100)).unwrap());
    assert_eq!(closed.attempts[0].ended, AttemptEnded::CallerLeft);

    // Before the first word of a stream: input alone, for the host had it.
    stand.afresh();
    stand.host("alps-a").next([Fault::Stall { after: Some(1) }]);
    let tcp = sent(&stand, &with(chat("alps/m"), json!({"stream": true})).to_string()).await;
    stand.host("alps-a").wait_for(SOON, |seen| !seen.is_empty()).await.expect("the host has the request");
    let id = stand.newest_opened().await;
    drop(tcp);
    hung_up("alps-a").await;
    let closed = stand.closed(id).await;
    assert_eq!((closed.status, closed.quality), (Status::CallerLeft, Quality::Estimated));
    assert!(closed.usage.input > 0 && closed.usage.output == 0 && closed.attempts[0].reach >= Reach::Sent);

    // Before a whole answer: input alone.
    stand.afresh();
    stand.host("alps-a").next([Fault::Stall { after: None }]);
    let id = left_before_the_answer(&stand, "alps-a").await;
    hung_up("alps-a").await;
    let closed = stand.closed(id).await;
    assert_eq!((closed.status, closed.attempts[0].reach), (Status::CallerLeft, Reach::Sent));
    assert_eq!((closed.usage.output, closed.quality), (0, Quality::Estimated));
    let exact = closed.usage.input * 3 * 110;
    assert_eq!(closed.charge[0].micro_usd.micros(), i64::try_from(exact.div_ceil(100)).unwrap());

    // The same where the answer has begun.
    stand.afresh();
    stand.host("alps-a").next([Fault::Stall { after: Some(1) }]);
    let id = left_before_the_answer(&stand, "alps-a").await;
    hung_up("alps-a").await;
    assert_eq!(stand.closed(id).await.status, Status::CallerLeft);
    wait_until("all places are given back", async || stand.gateway.running() == 0).await;
}

#[tokio::test]
async fn what_a_host_has_stated_is_paid_when_the_caller_leaves() {
    let stand = Stand::up().await;
    // Three tokens of input, and in each frame one more of output.
    stand.host("alps-a").always(Some(Fault::Usage { lie: UsageLie::EveryFrame }));
    stand.host("alps-a").says(Says { gap: Duration::from_millis(50), ..Says::default() });
    let mut coming = stand.begin(Ask::stream("alps/m")).await;
    let id = coming.id();
    coming.until("every ").await;
    drop(coming);
    let closed = stand.closed(id).await;
    assert_eq!((closed.status, closed.quality, closed.usage.input), (Status::CallerLeft, Quality::Verified, 3));
    assert!((1..8).contains(&closed.usage.output), "{:?}", closed.usage);
    let exact = (3 * 3 + closed.usage.output * 15) * 110;
    assert_eq!(closed.charge[0].micro_usd.micros(), i64::try_from(exact.div_ceil(100)).unwrap());
}

/// Asks for a whole answer, and leaves once the host has the request.
async fn left_before_the_answer(stand: &Stand, host: &str) -> phi_words::RequestId {
    let tcp = sent(stand, &chat("alps/m").to_string()).await;
    stand.host(host).wait_for(SOON, |seen| !seen.is_empty()).await.expect("the host has the request");
    drop(tcp);
    stand.newest_opened().await
}

async fn sent(stand: &Stand, body: &str) -> TcpStream {
    let mut tcp = TcpStream::connect(stand.address()).await.unwrap();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        stand.token,
        body.len()
    );
    tcp.write_all((head + body).as_bytes()).await.unwrap();
    tcp
}

#[tokio::test]
async fn a_caller_who_leaves_before_any_host_had_the_request_pays_nothing() {
    // A host that takes connections and never says who it is.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let leads = vec![("a.alps.example", mute.local_addr().unwrap())];
    let stand = Setup { leads, ..Setup::default() }.up().await;
    let tcp = sent(&stand, &chat("alps/m").to_string()).await;
    let (mut peer, _) = tokio::time::timeout(SOON, mute.accept()).await.unwrap().unwrap();
    let id = stand.newest_opened().await;
    drop(tcp);
    let closed = stand.closed(id).await;
    assert_eq!((closed.status, closed.attempts[0].reach), (Status::CallerLeft, Reach::NotSent));
    assert_eq!((closed.quality, closed.usage.tokens(), closed.charge.len()), (Quality::None, 0, 0));
    let mut hello = Vec::new();
    tokio::time::timeout(SOON, peer.read_to_end(&mut hello)).await.expect("the connection is given up").unwrap();
    assert!(!hello.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
}

#[tokio::test]
async fn a_caller_who_closes_at_the_terminal_event_has_not_left_early() {
    let stand = Stand::up().await;
    for _ in 0..10 {
        let mut coming = stand.begin(Ask::stream("alps/m")).await;
        let id = coming.id();
        coming.until("[DONE]").await;
        drop(coming);
        assert_eq!(stand.closed(id).await.status, Status::Answered);
    }
}

#[tokio::test]
async fn a_long_answer_comes_whole() {
    let stand = Stand::up().await;
    let text = vec!["w".repeat(500); 2_000].join(" ");
    stand.host("alps-a").says(Says { text: text.clone(), ..Says::default() });
    let reply = stand.ask(Ask::stream("alps/m")).await;
    assert!(streamed(&reply.events()) == text && reply.text().contains("[DONE]"), "{} bytes", reply.body.len());
    assert_eq!(stand.closed(reply.id()).await.status, Status::Answered);
    assert!(stand.ask(Ask::chat("alps/m")).await.content() == text);
}

#[tokio::test]
async fn a_host_that_falls_silent_in_the_middle_is_cut() {
    let second = Duration::from_secs(1);
    let deadlines = Deadlines { connect: second * 5, first_byte: second * 5, idle: second, total: second * 2 };
    let stand = Setup { deadlines, ..Setup::default() }.up().await;
    // Silent for as long as one pause may last; and never silent, but for longer than everything may last.
    for fault in [Fault::Stall { after: Some(3) }, Fault::Slow { gap_ms: 400 }] {
        stand.host("alps-a").next([fault.clone()]);
        let reply = stand.ask(Ask::stream("alps/m")).await;
        let (text, events) = (reply.text(), reply.events());
        assert!(streamed(&events).starts_with("every ") && !text.contains("[DONE]"), "{fault:?}: {text}");
        assert!(events.last().unwrap().contains("upstream_truncated"), "{fault:?}: {text}");
        assert_eq!(stand.closed(reply.id()).await.status, Status::Truncated);
        let seen = stand.host("alps-a").wait_for(SOON, |seen| seen.iter().all(|s| s.ended == Ended::HungUp)).await;
        assert!(seen.is_some(), "the host still works");
    }
    assert_eq!(stand.reached(), ["alps-a"]);
}

/// A stand whose answers are judged by a rule.
async fn judged<R>(make: impl Fn() -> R + Send + Sync + 'static) -> Stand
where
    R: FnMut(Heard) -> Verdict + Send + 'static,
{
    let make = Arc::new(make);
    let police = Box::new(move |clock| {
        let make = Arc::clone(&make);
        Police::new(clock).with_answer_rule(move || make())
    });
    let stand = Setup { police, ..Setup::default() }.up().await;
    stand.host("alps-a").says(priced());
    stand
}

fn said(frame: &Completion) -> String {
    String::from_utf8(frame.expose_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_rule_rewrites_what_goes_to_the_caller() {
    let stand = judged(|| {
        |heard| match heard {
            Heard::Frame(frame) => {
                Verdict::pass(Completion::new(Bytes::from(said(&frame).replace("answer", "[name]"))))
            }
            Heard::Finish => Verdict::hold(),
        }
    })
    .await;
    let expected = TEXT.replace("answer", "[name]");
    let stream = stand.ask(Ask::stream("alps/m")).await;
    assert_eq!((streamed(&stream.events()), stream.events().pop().as_deref()), (expected.clone(), Some("[DONE]")));
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.content(), expected);
}

#[tokio::test]
async fn a_rule_holds_back_until_it_has_heard_enough() {
    let stand = judged(|| {
        let mut held = Vec::new();
        move |heard| match heard {
            Heard::Frame(frame) => {
                held.push(frame);
                Verdict::hold()
            }
            Heard::Finish => Verdict { frames: std::mem::take(&mut held), end: false },
        }
    })
    .await;
    let stream = stand.ask(with_usage("alps/m")).await;
    let (text, events) = (stream.text(), stream.events());
    assert_eq!(streamed(&events), TEXT);
    assert!(text.ends_with("[DONE]\n\n: x-phi-cost-micro=4950\n\n"), "{text}");
    assert!(events[events.len() - 2].contains("cost_micro"), "{events:?}");
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.content(), TEXT);
}

#[tokio::test]
async fn a_rule_ends_an_answer_and_what_was_consumed_is_paid() {
    let stand = judged(|| {
        |heard| match heard {
            Heard::Frame(frame) if said(&frame).contains("answer") => Verdict::end(),
            Heard::Frame(frame) => Verdict::pass(frame),
            Heard::Finish => Verdict::hold(),
        }
    })
    .await;
    let stream = stand.ask(Ask::stream("alps/m")).await;
    let (text, mut events) = (stream.text(), stream.events());
    let last: Value = serde_json::from_str(&events.pop().unwrap()).unwrap();
    assert_eq!((streamed(&events).as_str(), &last["error"]["code"]), ("every word of this ", &json!("policy_denied")));
    assert!(!text.contains("[DONE]") && !text.contains("\"simulated\""), "{text}");
    let closed = stand.closed(stream.id()).await;
    assert_eq!((closed.status, closed.interventions.len()), (Status::Stopped, 1));
    assert!(text.contains(&format!(": x-phi-cost-micro={}\n", closed.charge[0].micro_usd)), "{text}");

    let whole = stand.ask(Ask::chat("alps/m")).await;
    assert_eq!(whole.refusal(), (403, "policy_denied".to_owned()));
    assert!(!whole.text().contains("simulated"));
    assert_eq!((whole.header("x-phi-cost-micro"), whole.header("x-phi-usage")), (Some("4950"), Some("verified")));
    assert_eq!(whole.header("x-should-retry"), Some("false"));
    assert_eq!(stand.closed(whole.id()).await.status, Status::Stopped);
}

#[tokio::test]
async fn a_rule_that_breaks_breaks_one_answer_and_is_an_alarm() {
    let stand = judged(|| {
        |heard| match heard {
            Heard::Frame(frame) if said(&frame).contains("word ") => panic!("a bug in a rule"),
            Heard::Frame(frame) => Verdict::pass(frame),
            Heard::Finish => Verdict::hold(),
        }
    })
    .await;
    let whole = stand.ask(Ask::chat("alps/m")).await;
    assert_eq!(whole.refusal(), (500, "internal".to_owned()));
    assert!(!whole.text().contains("bug"), "{}", whole.text());
    assert_eq!(stand.closed(whole.id()).await.status, Status::Panicked);
    // The head has left before the first word comes.
    stand.host("alps-a").next([Fault::Slow { gap_ms: 100 }]);
    let stream = stand.begin(Ask::stream("alps/m")).await;
    let id = stream.id();
    let got = stream.broken_off().await;
    assert!(!got.contains("word ") && !got.contains("[DONE]"), "{got}");
    assert_eq!(stand.closed(id).await.status, Status::Panicked);
    wait_until("all places are given back", async || stand.gateway.running() == 0).await;
    assert_eq!(stand.recorder.counters().alarms.load(std::sync::atomic::Ordering::SeqCst), 2);
    assert_eq!(stand.ask(Ask::chat("local/m")).await.status, 500, "each answer is judged");
}

#[tokio::test]
async fn check_49_a_panic_with_an_answer_in_it_tells_its_place_alone() {
    let before = std::panic::take_hook();
    phi_server::serve::harden();
    let paper = tempfile::NamedTempFile::new().unwrap();
    let lines = tracing_subscriber::fmt().with_writer(Arc::new(paper.reopen().unwrap())).with_ansi(false).finish();
    tracing::subscriber::set_global_default(lines).unwrap();
    let stand = judged(|| {
        |heard| match heard {
            Heard::Frame(frame) if said(&frame).contains("word ") => panic!("a bug in a rule, upon {}", said(&frame)),
            Heard::Frame(frame) => Verdict::pass(frame),
            Heard::Finish => Verdict::hold(),
        }
    })
    .await;
    let whole = stand.ask(Ask::chat("alps/m")).await;
    // The head has left before the first word comes.
    stand.host("alps-a").next([Fault::Slow { gap_ms: 100 }]);
    let stream = stand.begin(Ask::stream("alps/m")).await;
    let (id, broken) = (stream.id(), stream.broken_off().await);
    std::panic::set_hook(before);
    assert_eq!((whole.refusal(), broken.contains("upon")), ((500, "internal".to_owned()), false));
    assert_eq!(stand.closed(whole.id()).await.status, Status::Panicked);
    assert_eq!(stand.closed(id).await.status, Status::Panicked);
    let told = std::fs::read_to_string(paper.path()).unwrap();
    let told = [told, stand.ledger_text().await, probe(&stand, "/metrics").await.text()].concat();
    assert_eq!(told.matches("a bug: a task panicked").count(), 2, "{told}");
    for secret in ["simulated", "upon", SECRET] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    assert_eq!(stand.ask(Ask::get("/v1/models")).await.status, 200, "it serves on");
}
