//! Frames: each alone, as RFC 9113 has it and as it has it not.

use super::peer::*;
use crate::ask::raw;
use crate::stand::{SOON, Stand};

/// Each row on a connection of its own; after what is borne, another request is answered.
async fn judged(stand: &Stand, rows: &[(&str, Vec<u8>, Became)]) {
    for (what, bytes, expected) in rows {
        let mut peer = Peer::open(stand).await;
        peer.send(bytes).await;
        peer.send(&health(101)).await;
        assert_eq!(&peer.became(101).await, expected, "{what}");
    }
}

fn gone(why: u32) -> Became {
    Became::Gone(why)
}

#[tokio::test]
async fn a_connection_begins_with_preface_and_settings() {
    let stand = Stand::up().await;
    let wrong = tokio::time::timeout(SOON, raw(stand.address(), b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")).await;
    assert!(wrong.expect("an end").starts_with("HTTP/1.1 400 "), "what is no preface is a bad head of HTTP/1.1");
    let mut peer = Peer::bare(stand.address()).await;
    peer.send(PREFACE).await;
    let first = peer.next().await.expect("the gateway's settings");
    assert_eq!((first.kind, first.flags, first.stream), (SETTINGS, 0, 0));
    let values: Vec<(u16, u32)> = first
        .payload
        .chunks(6)
        .map(|pair| (u16::from_be_bytes([pair[0], pair[1]]), u32::from_be_bytes(pair[2..].try_into().unwrap())))
        .collect();
    for value in [(3, 100), (4, 65_535), (5, 16_384), (6, 65_536)] {
        assert!(values.contains(&value), "{value:?}: {values:?}");
    }
    for (what, first) in [
        ("a request", health(1)),
        ("an acknowledgement", frame(SETTINGS, ACK, 0, &[])),
        ("a ping", frame(PING, 0, 0, &[0; 8])),
    ] {
        let mut peer = Peer::bare(stand.address()).await;
        peer.send(&[PREFACE, &first].concat()).await;
        assert!(matches!(peer.became(1).await, Became::Gone(_)), "{what} before settings");
    }
}

#[tokio::test]
async fn frames_that_may_come_are_borne() {
    let stand = Stand::up().await;
    let padded = |length: u8, flags, block: &[u8]| {
        frame(HEADERS, flags | PADDED | WHOLE, 1, &[&[length], block, &vec![0; length.into()]].concat())
    };
    let get = block(&head("GET", "/health"));
    let depends = |on: u32, weight| [&on.to_be_bytes()[..], &[weight]].concat();
    let split: Vec<u8> = [
        frame(HEADERS, END_STREAM, 1, &get[..3]),
        frame(CONTINUATION, 0, 1, &get[3..9]),
        frame(CONTINUATION, 0, 1, &[]),
        frame(CONTINUATION, END_HEADERS, 1, &get[9..]),
    ]
    .concat();
    judged(
        &stand,
        &[
            ("a frame that nobody knows", frame(99, 255, 0, &[1; 8]), answered()),
            ("one of a stream", frame(99, 255, 77, &[1; 8]), answered()),
            ("flags without a meaning", frame(PING, 0b1111_0110, 0, &[0; 8]), answered()),
            ("the reserved bit of a stream", frame(HEADERS, WHOLE, 1 | 1 << 31, &get), answered()),
            ("a padded head", padded(9, 0, &get), answered()),
            ("a padding of nothing", padded(0, 0, &get), answered()),
            ("a head in pieces", split, answered()),
            ("a priority", frame(PRIORITY, 0, 1, &depends(0, 0)), answered()),
            ("a priority of an idle stream", frame(PRIORITY, 0, 7, &depends(3, 255)), answered()),
            ("an exclusive priority", frame(PRIORITY, 0, 7, &depends(3 | 1 << 31, 255)), answered()),
            (
                "a head with a priority",
                frame(HEADERS, WHOLE | WITH_PRIORITY, 1, &[&depends(0, 15)[..], &get].concat()),
                answered(),
            ),
            ("a setting that nobody knows", settings(&[(0xfe, 1)]), answered()),
            ("a setting twice", settings(&[(4, 1), (4, 65_535)]), answered()),
            ("an answer to no ping", frame(PING, ACK, 0, &[1; 8]), answered()),
            ("a window", number(WINDOW_UPDATE, 0, 1), answered()),
            ("a farewell for a reason that nobody knows", frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 255]), answered()),
        ],
    )
    .await;
}

#[tokio::test]
async fn frames_that_may_not_come_end_the_connection() {
    let stand = Stand::up().await;
    let get = block(&head("GET", "/health"));
    let begun = frame(HEADERS, END_STREAM, 1, &get);
    let after = |more: Vec<u8>| [begun.clone(), more].concat();
    let whole = health(1);
    let itself = [&1_u32.to_be_bytes()[..], &[9]].concat();
    judged(
        &stand,
        &[
            ("a frame of 16 KiB and one", frame(99, 0, 0, &vec![0; 16_385]), gone(FRAME_SIZE_ERROR)),
            ("a head of 16 KiB and one", frame(HEADERS, WHOLE, 1, &vec![0; 16_385]), gone(FRAME_SIZE_ERROR)),
            ("data of no stream", frame(DATA, 0, 0, &[0]), gone(PROTOCOL_ERROR)),
            ("data of an idle stream", frame(DATA, 0, 1, &[0]), gone(PROTOCOL_ERROR)),
            ("data that is all padding and more", frame(DATA, PADDED, 1, &[9, 0]), gone(PROTOCOL_ERROR)),
            ("a head of no stream", frame(HEADERS, WHOLE, 0, &get), gone(PROTOCOL_ERROR)),
            ("a head of an even stream", frame(HEADERS, WHOLE, 2, &get), gone(PROTOCOL_ERROR)),
            ("a head of a lower stream", [health(5), health(3)].concat(), gone(PROTOCOL_ERROR)),
            (
                "a head that is all padding",
                frame(HEADERS, WHOLE | PADDED, 1, &[&[200][..], &get[..20]].concat()),
                gone(PROTOCOL_ERROR),
            ),
            ("another head inside a head", after(health(3)), gone(PROTOCOL_ERROR)),
            ("data inside a head", after(frame(DATA, 0, 1, &[0])), gone(PROTOCOL_ERROR)),
            ("a priority inside a head", after(frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 9])), gone(PROTOCOL_ERROR)),
            ("a ping inside a head", after(frame(PING, 0, 0, &[0; 8])), gone(PROTOCOL_ERROR)),
            ("what nobody knows inside a head", after(frame(99, 0, 0, &[])), gone(PROTOCOL_ERROR)),
            ("more of another head", after(frame(CONTINUATION, END_HEADERS, 3, &[])), gone(PROTOCOL_ERROR)),
            ("more of no head", frame(CONTINUATION, END_HEADERS, 1, &get), gone(PROTOCOL_ERROR)),
            ("more of no stream", after(frame(CONTINUATION, END_HEADERS, 0, &[])), gone(PROTOCOL_ERROR)),
            (
                "more of a head that was whole",
                [whole, frame(CONTINUATION, END_HEADERS, 1, &[])].concat(),
                gone(PROTOCOL_ERROR),
            ),
            ("a priority of no stream", frame(PRIORITY, 0, 0, &[0; 5]), gone(PROTOCOL_ERROR)),
            // Gone for reset, and another code than FRAME_SIZE_ERROR.
            ("a short priority", frame(PRIORITY, 0, 1, &[0; 4]), gone(PROTOCOL_ERROR)),
            ("a reset of no stream", number(RST_STREAM, 0, CANCEL), gone(PROTOCOL_ERROR)),
            ("a reset of an idle stream", number(RST_STREAM, 1, CANCEL), gone(PROTOCOL_ERROR)),
            // Another code than FRAME_SIZE_ERROR, here and wherever a length is wrong.
            ("a short reset", [health(1), frame(RST_STREAM, 0, 1, &[0; 3])].concat(), gone(PROTOCOL_ERROR)),
            ("settings of a stream", frame(SETTINGS, 0, 1, &[]), gone(PROTOCOL_ERROR)),
            ("settings of 3 bytes", frame(SETTINGS, 0, 0, &[0; 3]), gone(PROTOCOL_ERROR)),
            ("an acknowledgement that says something", frame(SETTINGS, ACK, 0, &[0; 6]), gone(PROTOCOL_ERROR)),
            ("an acknowledgement of nothing", frame(SETTINGS, ACK, 0, &[]), gone(PROTOCOL_ERROR)),
            ("a push that is 2", settings(&[(2, 2)]), gone(PROTOCOL_ERROR)),
            // Another code than FLOW_CONTROL_ERROR.
            ("a window too large", settings(&[(4, 1 << 31)]), gone(PROTOCOL_ERROR)),
            ("frames too small", settings(&[(5, 16_383)]), gone(PROTOCOL_ERROR)),
            ("frames too large", settings(&[(5, 1 << 24)]), gone(PROTOCOL_ERROR)),
            ("a promise of a caller", frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]), gone(PROTOCOL_ERROR)),
            ("a ping of a stream", frame(PING, 0, 1, &[0; 8]), gone(PROTOCOL_ERROR)),
            ("a short ping", frame(PING, 0, 0, &[0; 6]), gone(PROTOCOL_ERROR)),
            ("a farewell of a stream", frame(GOAWAY, 0, 1, &[0; 8]), gone(PROTOCOL_ERROR)),
            ("a window of nothing", number(WINDOW_UPDATE, 0, 0), gone(PROTOCOL_ERROR)),
            // Gone for reset.
            ("a stream's window of nothing", [health(1), number(WINDOW_UPDATE, 1, 0)].concat(), gone(PROTOCOL_ERROR)),
            ("a short window", frame(WINDOW_UPDATE, 0, 0, &[0; 3]), gone(PROTOCOL_ERROR)),
            ("a window of an idle stream", number(WINDOW_UPDATE, 1, 1), gone(PROTOCOL_ERROR)),
            ("a window beyond the largest", number(WINDOW_UPDATE, 0, (1 << 31) - 1), gone(FLOW_CONTROL_ERROR)),
            (
                "a head that depends on itself, on another stream",
                {
                    let bytes = [&itself[..], &get].concat();
                    frame(HEADERS, WHOLE | WITH_PRIORITY, 1, &bytes)
                },
                answered(),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn pings_and_settings_are_answered() {
    let stand = Stand::up().await;
    let mut peer = Peer::open(&stand).await;
    peer.send(&frame(PING, 0, 0, b"12345678")).await;
    let pong = peer.next_of(PING).await.expect("an answer");
    assert_eq!((pong.flags, pong.stream, pong.payload.as_slice()), (ACK, 0, &b"12345678"[..]));
    peer.send(&settings(&[(4, 100), (3, 7)])).await;
    let acknowledged = peer.next_of(SETTINGS).await.expect("an answer");
    assert_eq!((acknowledged.flags, acknowledged.payload.len()), (ACK, 0));
}
