//! More than there is room for: what is too much is refused early, one organization leaves room for the others, and a host
//! that misbehaves is nobody's matter but of those who need it.

use std::time::Duration;

use phi_simulate::{Fault, Host, Says};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::ask::{Ask, Coming, Reply, chat};
use crate::operations::probe;
use crate::setup::Setup;
use crate::stand::{SOON, Stand, text, wait_until};

/// A live token of another organization, in CH.
pub(crate) async fn hospital(stand: &Stand) -> String {
    stand.phi("org create hospital --region CH --class general --framework GDPR").await;
    stand.phi("agent create reader --org hospital").await;
    text(&stand.phi("token create --org hospital --agent reader").await["token"])
}

/// Asks, all at once and without waiting for an answer.
fn all_at_once(stand: &Stand, asks: impl IntoIterator<Item = Ask>) -> JoinSet<Reply> {
    let mut asked = JoinSet::new();
    for ask in asks {
        let (ask, address) = (ask.token_or(&stand.token), stand.address());
        asked.spawn(async move { ask.send(address).await.whole().await });
    }
    asked
}

/// How many requests have reached a host; waits until those are so many.
async fn have_reached(host: &Host, count: usize) {
    assert!(host.wait_for(SOON, |seen| seen.len() >= count).await.is_some(), "{} of {count}", host.seen().len());
}

fn is_shed(reply: &Reply) -> bool {
    reply.refusal() == (503, "overloaded".to_owned()) && reply.header("retry-after") == Some("1")
}

#[tokio::test]
async fn one_organization_leaves_places_to_run_for_others() {
    let stand = Setup { settings: "[gateway]\nrunning = 10\n", ..Setup::default() }.up().await;
    let hospital = hospital(&stand).await;
    stand.host("alps-a").next(vec![Fault::Stall { after: Some(3) }; 8]);
    let mut running: Vec<Coming> = Vec::new();
    for _ in 0..8 {
        let mut coming = stand.begin(Ask::stream("alps/m")).await;
        coming.until("every ").await;
        running.push(coming);
    }
    for ask in [Ask::chat("alps/m"), Ask::get("/v1/models"), Ask::stream("nobody/m").header("x-region", "MARS")] {
        let refused = stand.ask(ask).await;
        assert!(is_shed(&refused) && refused.text().contains("of your organization"), "{refused:?}");
        assert_eq!(refused.header("x-should-retry"), None);
    }
    assert!(probe(&stand, "/metrics").await.text().contains("phi_shed_total{bound=\"running_organization\"} 3"));
    for _ in 0..20 {
        assert_eq!(stand.ask(Ask::chat("alps/m").token(&hospital)).await.status, 200);
    }
    drop(running.pop());
    wait_until("its place is given back", async || stand.ask(Ask::chat("alps/m")).await.status == 200).await;
}

#[tokio::test]
async fn one_organization_leaves_places_to_wait_for_others() {
    let stand = Setup { settings: "[upstream]\nwaiting = 10\n", ..Setup::default() }.up().await;
    let hospital = hospital(&stand).await;
    let (slow, other) = (stand.host("alps-a"), stand.host("alps-b"));
    slow.next(vec![Fault::Stall { after: None }; 8]);
    let waiting = all_at_once(&stand, (0..8).map(|_| Ask::chat("alps-a-m")));
    have_reached(slow, 8).await;
    let busy = stand.ask(Ask::chat("alps-a-m")).await;
    assert_eq!(busy.refusal(), (503, "upstream_unavailable".to_owned()));
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.header("x-phi-routed"), Some("alps-b-m/CH/general"));
    assert_eq!((slow.seen().len(), other.seen().len()), (8, 1));
    for _ in 0..20 {
        let theirs = stand.ask(Ask::chat("alps/m").token(&hospital)).await;
        assert_eq!(theirs.header("x-phi-routed"), Some("alps-a-m/CH/general"));
    }
    drop(waiting);
    let is_free = async || stand.ask(Ask::chat("alps-a-m")).await.status == 200;
    wait_until("places are given back", is_free).await;
}

#[tokio::test]
async fn what_one_organization_asks_does_not_take_a_route_from_others() {
    let stand = Stand::up().await;
    let hospital = hospital(&stand).await;
    let host = stand.host("alps-a");
    for fault in [Fault::status(500), Fault::status(403), Fault::Reset { after: None }, Fault::Cut { after: Some(2) }] {
        stand.afresh();
        for rounds in 1..4 {
            host.next(vec![fault.clone(); if rounds == 1 { 3 } else { 1 }]);
            while stand.ask(Ask::stream("alps-a-m")).await.status != 503 {}
            for _ in 0..5 {
                let theirs = stand.ask(Ask::chat("alps/m").token(&hospital)).await;
                assert_eq!(theirs.header("x-phi-routed"), Some("alps-a-m/CH/general"), "{fault:?}");
            }
            stand.clock.advance(Duration::from_secs(70));
            assert_eq!(stand.gateway.probe_due().await, 1);
        }
        assert_eq!(stand.ask(Ask::chat("alps-a-m")).await.status, 200, "{fault:?}");
    }
    // Where requests of two fail, everybody is kept from it at once.
    stand.afresh();
    host.always(Some(Fault::status(500)));
    for token in [&stand.token, &hospital, &stand.token] {
        assert_eq!(stand.ask(Ask::chat("alps/m").token(token)).await.header("x-phi-attempts"), Some("2"));
    }
    for token in [&stand.token, &hospital] {
        assert_eq!(stand.ask(Ask::chat("alps/m").token(token)).await.header("x-phi-attempts"), Some("1"));
    }
    assert_eq!(host.seen().len(), 3);
    // And where it was one's alone, the probe that fails keeps everybody from it.
    stand.afresh();
    host.always(Some(Fault::status(500)));
    for _ in 0..3 {
        assert_eq!(stand.ask(Ask::chat("alps/m")).await.header("x-phi-attempts"), Some("2"));
    }
    stand.clock.advance(Duration::from_secs(2));
    assert_eq!(stand.gateway.probe_due().await, 1);
    assert_eq!(stand.ask(Ask::chat("alps/m").token(&hospital)).await.header("x-phi-attempts"), Some("1"));
}

#[tokio::test]
async fn hosts_that_stall_reset_or_refuse_leave_the_others_alone() {
    const EACH: usize = 40;
    let stand = Setup { settings: "[upstream]\nwaiting = 20\nretry_reserve = 1\n", ..Setup::default() }.up().await;
    let hospital = hospital(&stand).await;
    let (slow, broken) = (stand.host("alps-a"), stand.host("alps-b"));
    let full = stand.host("chalet");
    slow.always(Some(Fault::Stall { after: None }));
    broken.always(Some(Fault::Reset { after: None }));
    full.always(Some(Fault::status(429).retry_after("600")));
    let pinned = |model: &'static str| (0..EACH).map(move |_| Ask::chat(model));
    let mut hanging = all_at_once(&stand, pinned("alps-a-m"));
    // As many as may wait do; the others hear at once that there is no room.
    for _ in 0..EACH - 16 {
        let refused = tokio::time::timeout(SOON, hanging.join_next()).await.expect("nobody queues").unwrap().unwrap();
        assert_eq!(refused.refusal(), (503, "upstream_unavailable".to_owned()));
    }
    have_reached(slow, 16).await;
    let mut failing = all_at_once(&stand, pinned("alps-b-m").chain(pinned("chalet-m")));
    for _ in 0..EACH / 8 {
        let healthy = (0..8).flat_map(|_| [Ask::chat("gemma-4"), Ask::chat("gemma-4").token(&hospital)]);
        for reply in all_at_once(&stand, healthy).join_all().await {
            assert_eq!(reply.status, 200, "{reply:?}");
        }
    }
    while let Some(reply) = failing.join_next().await {
        assert!(matches!(reply.unwrap().status, 502 | 503));
    }
    assert!(hanging.try_join_next().is_none(), "they wait for their host, and nobody waited for them");
    let seen = [slow, broken, full].map(|host| host.seen().len());
    assert!(seen[0] == 16 && seen[1] <= EACH && seen[2] <= EACH, "at most one attempt each: {seen:?}");
    // What was ejected is asked no more.
    for _ in 0..EACH {
        assert_eq!(stand.ask(Ask::chat("chalet-m")).await.status, 503);
    }
    assert_eq!(full.seen().len(), seen[2]);
    drop(hanging);
    wait_until("all places are given back", async || stand.gateway.running() == 0).await;
}

#[tokio::test]
async fn hosts_that_fail_are_asked_again_no_more_often_than_the_budget_says() {
    const EACH: usize = 60;
    let stand =
        Setup { settings: "[upstream]\nretry_percent = 20\nretry_reserve = 1\n", ..Setup::default() }.up().await;
    let hospital = hospital(&stand).await;
    for name in ["alps-a", "alps-b"] {
        // Content filters are nobody's fault: nothing is ejected, so that the budget alone holds back.
        stand.host(name).always(Some(Fault::status(403).error("content_filter", "no")));
    }
    let asks = (0..EACH).flat_map(|_| [Ask::chat("alps/m"), Ask::chat("alps/m").token(&hospital)]);
    let replies = all_at_once(&stand, asks).join_all().await;
    assert!(replies.iter().all(|reply| matches!(reply.status, 502 | 503)));
    let attempts = stand.host("alps-a").seen().len() + stand.host("alps-b").seen().len();
    let most = 2 * EACH + 2 * EACH / 5 + 10;
    assert!((2 * EACH..=most).contains(&attempts), "{attempts} of at most {most}");
}

#[tokio::test]
async fn check_23_bodies_beyond_what_is_borne_are_shed_before_they_are_read() {
    const BODY: usize = 64 << 10;
    let settings = "[gateway]\nbody_bytes = 65536\nembeddings_bytes = 65536\nbodies_bytes = 655360\n";
    let stand = Setup { settings, ..Setup::default() }.up().await;
    let hospital = hospital(&stand).await;
    let host = stand.host("alps-a");
    host.always(Some(Fault::Stall { after: None }));
    let long = {
        let text = chat("alps-a-m").to_string();
        text.clone() + &" ".repeat(BODY - text.len())
    };
    let ask = || Ask::text("/v1/chat/completions", long.clone());
    let mut held = all_at_once(&stand, (0..8).map(|_| ask()));
    have_reached(host, 8).await;
    for reply in all_at_once(&stand, (0..40).map(|_| ask())).join_all().await {
        assert!(is_shed(&reply), "{reply:?}");
    }
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\nexpect: 100-continue\r\n\
         content-type: application/json\r\ncontent-length: {BODY}\r\n\r\n",
        stand.token
    );
    let mut tcp = TcpStream::connect(stand.address()).await.unwrap();
    tcp.write_all(head.as_bytes()).await.unwrap();
    let mut piece = [0; 4_096];
    let read = tokio::time::timeout(SOON, tcp.read(&mut piece)).await.expect("an answer").unwrap();
    assert!(piece[..read].starts_with(b"HTTP/1.1 503 "), "the body is not asked for");
    host.next_behaves();
    assert_eq!(stand.ask(ask().token(&hospital)).await.status, 200, "there is room for others");
    assert_eq!(host.seen().len(), 9);
    assert!(held.try_join_next().is_none());
    host.behave();
    drop(held);
    wait_until("all is given back", async || stand.ask(ask()).await.status == 200).await;
}

#[tokio::test]
async fn an_answer_that_nobody_reads_holds_its_place_and_its_bytes() {
    let settings = "[gateway]\nbody_bytes = 65536\nembeddings_bytes = 65536\nbodies_bytes = 1048576\n";
    let stand = Setup { settings, ..Setup::default() }.up().await;
    // More than the kernel takes for a socket.
    stand.host("alps-a").says(Says { text: "word ".repeat(2_000_000), ..Says::default() });
    let body = chat("alps-a-m").to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        stand.token,
        body.len()
    );
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut tcp = socket.connect(stand.address()).await.unwrap();
    tcp.write_all(head.as_bytes()).await.unwrap();
    let mut piece = [0; 16];
    tokio::time::timeout(SOON, tcp.read_exact(&mut piece)).await.expect("an answer").unwrap();
    assert!(piece.starts_with(b"HTTP/1.1 200 "));
    stand.host("alps-a").says(Says::default());
    assert_eq!(stand.gateway.running(), 1);
    assert!(is_shed(&stand.ask(Ask::chat("alps/m")).await), "nothing is left of the bytes that all share");
    drop(tcp);
    wait_until("all is given back", async || stand.ask(Ask::chat("alps/m")).await.status == 200).await;
    assert_eq!(stand.gateway.running(), 0);
}
