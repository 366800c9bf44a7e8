//! How long a connection lasts, whoever holds it: heads, silence, shut windows, age, and a gateway that stops.

use std::sync::Arc;
use std::time::Duration;

use phi_gateway::{Serve, Stop};
use phi_record::entry::Status;
use phi_simulate::{Ended, Fault, Says};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::peer::*;
use super::words::Client;
use crate::ask::{Ask, chat, with};
use crate::setup::Setup;
use crate::stand::{Stand, wait_until};

const SHORT: &str = "[listen]\nhead_seconds = 1\nidle_seconds = 1\nwrite_seconds = 1\n";

async fn short() -> Stand {
    Setup { settings: SHORT, ..Setup::default() }.up().await
}

#[tokio::test]
async fn check_21_what_must_come_soon_does_or_the_connection_ends() {
    let stand = short().await;
    let block = block(&head("GET", "/health"));
    let begun = [PREFACE, &settings(&[])].concat();
    let mut waiting = JoinSet::new();
    for (what, bytes) in [
        ("nothing", Vec::new()),
        ("half a preface", PREFACE[..9].to_vec()),
        ("a preface alone", PREFACE.to_vec()),
        ("a head without end", [&begun[..], &frame(HEADERS, END_STREAM, 1, &block)].concat()),
        ("half a frame", [&begun[..], &health(1)[..15]].concat()),
        ("no stream", begun.clone()),
    ] {
        let mut peer = Peer::bare(stand.address()).await;
        peer.send(&bytes).await;
        waiting.spawn(async move { (what, peer.end().await) });
    }
    for (what, why) in waiting.join_all().await {
        assert_eq!(why, NO_ERROR, "{what}");
    }
}

#[tokio::test]
async fn an_idle_connection_is_ended_and_one_with_a_stream_is_not() {
    let stand = short().await;
    stand.host("alps-a").always(Some(Fault::Slow { gap_ms: 300 }));
    let mut peer = Peer::open(&stand).await;
    let body = with(chat("alps/m"), serde_json::json!({"stream": true})).to_string();
    let bearer = format!("Bearer {}", stand.token);
    peer.ask(1, &chat_head(&bearer, &[]), body.as_bytes()).await;
    assert_eq!(peer.became(1).await, answered(), "seven words in more than two seconds");
    assert_eq!(peer.end().await, NO_ERROR, "once there is none");
}

#[tokio::test]
async fn check_21_who_gives_no_sign_of_life_has_left() {
    let stand = short().await;
    stand.host("alps-a").next([Fault::Stall { after: Some(3) }]);
    let mut peer = Peer::open(&stand).await;
    peer.deaf = true;
    let body = with(chat("alps/m"), serde_json::json!({"stream": true})).to_string();
    let bearer = format!("Bearer {}", stand.token);
    peer.ask(1, &chat_head(&bearer, &[]), body.as_bytes()).await;
    peer.next_of(DATA).await.expect("some words");
    let id = stand.newest_opened().await;
    peer.next_of(PING).await.expect("a question");
    assert_eq!(peer.end().await, NO_ERROR);
    assert_eq!(stand.closed(id).await.status, Status::CallerLeft);
    hung_up(&stand).await;
}

#[tokio::test]
async fn an_idle_connection_that_says_no_farewell_is_closed() {
    let stand = short().await;
    let mut peer = Peer::open(&stand).await;
    peer.deaf = true;
    let mut kinds = Vec::new();
    while let Some(frame) = peer.next().await {
        kinds.push(frame.kind);
    }
    assert!(kinds.contains(&GOAWAY) && kinds.contains(&PING), "{kinds:?}");
}

#[tokio::test]
async fn check_27_a_connection_counts_as_one_whatever_runs_on_it_and_until_nothing_does() {
    let settings = "[listen]\nconnections_per_address = 2\n";
    let stand = Setup { settings, ..Setup::default() }.up().await;
    let (mut one, mut two) = (Peer::open(&stand).await, Peer::open(&stand).await);
    for stream in [1, 3, 5] {
        one.send(&health(stream)).await;
        assert_eq!(one.became(stream).await, answered());
    }
    two.send(&health(1)).await;
    assert_eq!(two.became(1).await, answered());
    let mut three = Peer::open(&stand).await;
    three.send(&health(1)).await;
    assert_eq!(three.became(1).await, Became::Gone(NO_ERROR), "closed at once");
    drop(two);
    wait_until("a place is given back", async || {
        let mut three = Peer::open(&stand).await;
        three.send(&health(1)).await;
        three.became(1).await == answered()
    })
    .await;
}

/// 16 MB of text, in long words.
fn long() -> Says {
    Says { text: format!("{} ", "w".repeat(16_000)).repeat(1_000), ..Says::default() }
}

#[tokio::test]
async fn check_21_who_never_opens_its_window_loses_the_stream_and_nothing_else() {
    let stand = short().await;
    stand.host("alps-a").says(Says { text: "word ".repeat(10_000), gap: Duration::from_millis(10), ..Says::default() });
    let mut peer = Peer::open_with(&stand, &[(4, 100)]).await;
    let bearer = format!("Bearer {}", stand.token);
    let body = with(chat("alps/m"), serde_json::json!({"stream": true})).to_string();
    peer.ask(1, &chat_head(&bearer, &[]), body.as_bytes()).await;
    peer.next_of(DATA).await.expect("as much as there is room for");
    let id = stand.newest_opened().await;
    assert_eq!(peer.became(1).await, Became::Reset(CANCEL));
    assert_eq!(stand.closed(id).await.status, Status::CallerLeft);
    hung_up(&stand).await;
    peer.send(&health(3)).await;
    assert_eq!(peer.became(3).await, answered(), "the connection goes on");
    // A whole answer too: it is sent as it is read, and dropped when it is not.
    stand.afresh();
    stand.host("alps-a").says(long());
    peer.ask(5, &chat_head(&bearer, &[]), chat("alps/m").to_string().as_bytes()).await;
    assert_eq!(peer.became(5).await, Became::Reset(CANCEL));
}

async fn hung_up(stand: &Stand) {
    let host = stand.host("alps-a");
    let seen = host.wait_for(Duration::from_secs(1), |seen| seen.iter().any(|seen| seen.ended == Ended::HungUp)).await;
    assert!(seen.is_some(), "the host still works: {:?}", host.seen());
}

#[tokio::test]
async fn check_21_who_reads_no_stream_is_closed_and_its_host_is_left() {
    let stand = short().await;
    stand.host("alps-a").says(long());
    let body = with(chat("alps/m"), serde_json::json!({"stream": true})).to_string();
    let mut peer = Peer::open_with(&stand, &[(4, (1 << 31) - 1)]).await;
    let bearer = format!("Bearer {}", stand.token);
    peer.send(&number(WINDOW_UPDATE, 0, (1 << 31) - 1 - 65_535)).await;
    peer.ask(1, &chat_head(&bearer, &[]), body.as_bytes()).await;
    stand.host("alps-a").wait_for(crate::stand::SOON, |seen| !seen.is_empty()).await.expect("the host has it");
    let id = stand.newest_opened().await;
    // By HTTP/1.1 as well.
    let coming = stand.begin(Ask::stream("alps/m")).await;
    for id in [id, coming.id()] {
        assert_eq!(stand.closed(id).await.status, Status::CallerLeft);
    }
    wait_until("both hosts are left", async || {
        stand.host("alps-a").seen().iter().filter(|seen| seen.ended == Ended::HungUp).count() == 2
    })
    .await;
    drop((peer, coming));
}

/// A listener of the stand's that can be told.
async fn listens(stand: &Stand) -> (std::net::SocketAddr, phi_gateway::Stopper, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stopper, stop) = Stop::pair();
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::clone(&stand.gateway).serve(listener, Serve::Traffic(None), stop));
    (address, stopper, tasks)
}

#[tokio::test]
async fn a_gateway_that_stops_says_so_and_ends_what_runs() {
    let stand = Stand::up().await;
    let (address, stopper, mut tasks) = listens(&stand).await;
    stand.host("alps-a").next([Fault::Slow { gap_ms: 100 }]);
    let mut client = Client::over(tokio::net::TcpStream::connect(address).await.unwrap()).await;
    let asked = client.ask(Ask::stream("alps/m").token(&stand.token));
    let host = stand.host("alps-a");
    let told = async {
        host.wait_for(crate::stand::SOON, |seen| !seen.is_empty()).await.expect("the host has it");
        stopper.stop();
    };
    let (reply, ()) = tokio::join!(asked, told);
    assert_eq!(reply.events().last().map(String::as_str), Some("[DONE]"), "to its end");
    tasks.join_next().await.expect("it ends").unwrap();

    // What does not end in time is ended, and written down before the listener is gone.
    let (address, stopper, mut tasks) = listens(&stand).await;
    stand.host("alps-a").next([Fault::Stall { after: Some(3) }]);
    let mut client = Client::over(tokio::net::TcpStream::connect(address).await.unwrap()).await;
    let coming = client.begin(Ask::stream("alps/m").token(&stand.token)).await;
    stopper.stop();
    stopper.end();
    tasks.join_next().await.expect("it ends").unwrap();
    let id = coming.headers()["x-request-id"].to_str().unwrap().parse().unwrap();
    assert_eq!(stand.closed(id).await.status, Status::CallerLeft);
}

#[tokio::test]
async fn a_connection_becomes_so_old_and_no_older_and_nothing_is_cut() {
    let settings = "[listen]\nlifetime_seconds = 1\n";
    let stand = Setup { settings, ..Setup::default() }.up().await;
    stand.host("alps-a").always(Some(Fault::Slow { gap_ms: 200 }));
    let mut peer = Peer::open(&stand).await;
    let bearer = format!("Bearer {}", stand.token);
    let body = with(chat("alps/m"), serde_json::json!({"stream": true})).to_string();
    peer.ask(1, &chat_head(&bearer, &[]), body.as_bytes()).await;
    let farewell = peer.next_of(GOAWAY).await.expect("a farewell");
    assert_eq!(word(&farewell.payload[4..]), NO_ERROR);
    assert_eq!(peer.became(1).await, answered(), "what runs is answered");
    // By HTTP/1.1 the next answer is the last.
    let mut old = tokio::net::TcpStream::connect(stand.address()).await.unwrap();
    let ask = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut answers = Vec::new();
    wait_until("the connection is old", async || {
        answers.push(crate::edge::slow::answer(&mut old, ask).await);
        answers.last().is_some_and(|answer: &String| answer.contains("connection: close"))
    })
    .await;
    assert!(answers.len() > 1 && !answers[0].contains("connection: close"));
}
