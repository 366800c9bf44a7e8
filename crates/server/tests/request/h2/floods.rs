//! Check 20: floods. A connection that floods is ended, and the others are served.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::peer::*;
use crate::ask::{Ask, chat};
use crate::hostile::Random;
use crate::operations::probe;
use crate::setup::Setup;
use crate::stand::{SOON, Stand, wait_until};

const MANY: u32 = 10_000;

/// Sends one of these after the other until the gateway ends the connection, or all are sent.
async fn flooded(stand: &Stand, before: &[u8], one: impl Fn(u32) -> Vec<u8>) -> Option<u32> {
    let mut peer = Peer::open(stand).await;
    peer.send(before).await;
    for number in 0..MANY / 100 {
        let hundred: Vec<u8> = (number * 100..number * 100 + 100).flat_map(&one).collect();
        // Whoever reads nothing while it floods would not be written to.
        if tokio::time::timeout(SOON, peer.send(&hundred)).await.is_err() || peer.is_broken() {
            break;
        }
    }
    tokio::time::timeout(SOON, peer.end()).await.ok()
}

#[tokio::test]
async fn check_20_frames_that_carry_no_work_end_their_connection() {
    let stand = Stand::up().await;
    let bearer = format!("Bearer {}", stand.token);
    let open = frame(HEADERS, END_HEADERS, 1, &block(&chat_head(&bearer, &[])));
    let begun = frame(HEADERS, END_STREAM, 1, &block(&head("GET", "/health")));
    let get = block(&head("GET", "/v1/models"));
    type One<'a> = Box<dyn Fn(u32) -> Vec<u8> + 'a>;
    let rows: Vec<(&str, &[u8], One<'_>)> = vec![
        (
            "rapid reset",
            &[],
            Box::new(|number| [frame(HEADERS, WHOLE, 2 * number + 1, &get), number_reset(2 * number + 1)].concat()),
        ),
        (
            "resets by our own hand",
            &[],
            Box::new(|number| [health(2 * number + 1), number_window(2 * number + 1)].concat()),
        ),
        ("pings", &[], Box::new(|_| frame(PING, 0, 0, &[0; 8]))),
        ("answers to pings", &[], Box::new(|_| frame(PING, ACK, 0, &[0; 8]))),
        ("settings", &[], Box::new(|_| settings(&[]))),
        ("settings of the table", &[], Box::new(|number| settings(&[(1, number % 4_096)]))),
        ("priorities", &[], Box::new(|number| frame(PRIORITY, 0, 2 * number + 1, &[0; 5]))),
        ("windows", &[], Box::new(|_| number(WINDOW_UPDATE, 0, 1))),
        ("windows of a stream", &open, Box::new(|_| number(WINDOW_UPDATE, 1, 1))),
        ("empty data", &open, Box::new(|_| frame(DATA, 0, 1, &[]))),
        ("data that is padding", &open, Box::new(|_| frame(DATA, PADDED, 1, &[0]))),
        ("data that is long padding", &open, Box::new(|_| frame(DATA, PADDED, 1, &[&[255][..], &[0; 255]].concat()))),
        ("a byte at a time", &open, Box::new(|_| frame(DATA, 0, 1, b" "))),
        ("empty pieces of a head", &begun, Box::new(|_| frame(CONTINUATION, 0, 1, &[]))),
        ("pieces of a head", &begun, Box::new(|_| frame(CONTINUATION, 0, 1, &block(&[("x-a", "b")])))),
        ("what nobody knows", &[], Box::new(|_| frame(99, 0, 0, &[0; 64]))),
    ];
    for (what, before, one) in rows {
        let why = flooded(&stand, before, one).await;
        assert!(matches!(why, Some(NO_ERROR | PROTOCOL_ERROR | ENHANCE_YOUR_CALM)), "{what}: {why:?}");
        assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 200, "{what}: others are served");
        stand.clock.advance(Duration::from_secs(60));
    }
    let metrics = probe(&stand, "/metrics").await.text();
    assert!(metrics.contains("phi_connections_refused_total{limit=\"frames\"} "), "{metrics}");
}

fn number_reset(stream: u32) -> Vec<u8> {
    number(RST_STREAM, stream, CANCEL)
}

fn number_window(stream: u32) -> Vec<u8> {
    number(WINDOW_UPDATE, stream, (1 << 31) - 1)
}

#[tokio::test]
async fn check_20_a_head_that_grows_when_it_is_unpacked_is_not_kept() {
    let stand = Stand::up().await;
    let mut peer = Peer::open(&stand).await;
    // 4 KiB in the table, and 16,000 times the same again, a byte each.
    let get = block(&head("GET", "/health"));
    let bomb = [&get[..], &[0x40], &block(&[("x-bomb", &"a".repeat(4_000))])[1..], &[0x80 | 62; 12_000][..]].concat();
    peer.send(&frame(HEADERS, WHOLE, 1, &bomb[..16_384.min(bomb.len())])).await;
    let became = peer.became(1).await;
    assert_eq!(became, Became::Gone(ENHANCE_YOUR_CALM));
    assert_eq!(stand.ask(Ask::get("/health").bare()).await.status, 200);
}

#[tokio::test]
async fn check_20_a_flood_is_told_why_it_is_ended() {
    let stand = Stand::up().await;
    let mut peer = Peer::open(&stand).await;
    peer.send(&health(7)).await;
    assert_eq!(peer.became(7).await, answered());
    // A few more than the purse holds, so that nothing is left to be sent when the end comes.
    peer.send(&frame(PING, 0, 0, &[0; 8]).repeat(1_400)).await;
    let farewell = peer.next_of(GOAWAY).await.expect("a farewell");
    assert_eq!((word(&farewell.payload), word(&farewell.payload[4..])), (7, ENHANCE_YOUR_CALM));
}

/// Frames of which conversations are made, and spoiled.
fn pieces(bearer: &str) -> Vec<Vec<u8>> {
    let body = chat("alps/m").to_string();
    let (get, post) = (block(&head("GET", "/v1/models")), block(&chat_head(bearer, &[])));
    vec![
        health(1),
        frame(HEADERS, WHOLE, 3, &get),
        [frame(HEADERS, END_HEADERS, 5, &post), frame(DATA, END_STREAM, 5, body.as_bytes())].concat(),
        [frame(HEADERS, 0, 7, &post[..9]), frame(CONTINUATION, END_HEADERS, 7, &post[9..])].concat(),
        frame(DATA, PADDED, 5, &[3, b'{', 0, 0, 0]),
        frame(HEADERS, WHOLE, 5, &block(&[("x-trailer", "a")])),
        number(RST_STREAM, 5, CANCEL),
        number(WINDOW_UPDATE, 0, 1 << 20),
        number(WINDOW_UPDATE, 5, 1 << 30),
        settings(&[(1, 0), (4, 1)]),
        settings(&[(4, 70_000)]),
        frame(PING, 0, 0, &[7; 8]),
        frame(GOAWAY, 0, 0, &[0; 8]),
        frame(PRIORITY, 0, 9, &[0, 0, 0, 1, 0]),
        frame(99, 1, 1, b"what is this"),
    ]
}

#[tokio::test]
async fn whatever_frames_come_every_answer_is_ours_and_nothing_breaks() {
    let settings =
        "[listen]\nhead_seconds = 1\nidle_seconds = 1\nwrite_seconds = 1\n[gateway]\nbody_idle_seconds = 1\n";
    let stand = Arc::new(Setup { settings, ..Setup::default() }.up().await);
    let pieces = pieces(&format!("Bearer {}", stand.token));
    let mut random = Random(0x0f4a_3e5d_5eed);
    let mut asked = JoinSet::new();
    for _ in 0..300 {
        let mut bytes: Vec<u8> = (0..1 + random.below(8)).flat_map(|_| random.pick(&pieces).clone()).collect();
        for _ in 0..random.below(3) {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => drop(bytes.drain(at..(at + 1 + random.below(9)).min(bytes.len()))),
                _ => drop(bytes.splice(at..at, random.pick(&pieces).clone()).collect::<Vec<u8>>()),
            }
            bytes.push(0);
        }
        let stand = Arc::clone(&stand);
        asked.spawn(async move {
            let mut peer = Peer::open(&stand).await;
            peer.send(&bytes).await;
            let mut said = Vec::new();
            while let Some(frame) = peer.next().await {
                if frame.kind == DATA {
                    said.extend_from_slice(&frame.payload);
                }
            }
            String::from_utf8(said).expect("text")
        });
    }
    let said = asked.join_all().await.concat();
    assert!(said.contains("\"status\":\"ok\"") && said.contains("\"code\":\"invalid_api_key\""), "{said}");
    assert!(!said.contains("\"code\":\"internal\""), "{said}");
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 200);
    wait_until("nothing runs any more", async || stand.gateway.running() == 0).await;
}
