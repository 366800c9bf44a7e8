//! Streams: what may come in which state, how many there are, and whose windows are open.

use super::peer::*;
use crate::ask::chat;
use crate::stand::Stand;

/// What became of stream 1 once it was answered, and these bytes came.
async fn after_the_answer(stand: &Stand, bytes: &[u8]) -> Became {
    let mut peer = Peer::open(stand).await;
    peer.send(&health(1)).await;
    assert_eq!(peer.became(1).await, answered());
    peer.send(bytes).await;
    peer.send(&health(101)).await;
    loop {
        match peer.next().await {
            None => return Became::Gone(NO_ERROR),
            Some(frame) if frame.kind == GOAWAY => return Became::Gone(word(&frame.payload[4..])),
            Some(frame) if frame.kind == RST_STREAM => return Became::Reset(word(&frame.payload)),
            Some(frame) if frame.stream == 101 && frame.flags & END_STREAM != 0 => return answered(),
            Some(_) => {}
        }
    }
}

#[tokio::test]
async fn a_stream_that_was_answered_takes_nothing_more() {
    let stand = Stand::up().await;
    let get = block(&head("GET", "/health"));
    for (what, bytes, expected) in [
        ("data", frame(DATA, 0, 1, &[0]), Became::Reset(STREAM_CLOSED)),
        // Another code than STREAM_CLOSED: the number was used.
        ("a head", frame(HEADERS, WHOLE, 1, &get), Became::Gone(PROTOCOL_ERROR)),
        ("more of a head", frame(CONTINUATION, END_HEADERS, 1, &get), Became::Gone(PROTOCOL_ERROR)),
        ("a priority", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]), answered()),
        ("a window", number(WINDOW_UPDATE, 1, 1), answered()),
        ("a reset", number(RST_STREAM, 1, CANCEL), answered()),
    ] {
        assert_eq!(after_the_answer(&stand, &bytes).await, expected, "{what}");
    }
}

#[tokio::test]
async fn a_stream_that_is_half_closed_or_reset_takes_no_more_of_a_request() {
    let stand = Stand::up().await;
    let bearer = format!("Bearer {}", stand.token);
    let fields = block(&chat_head(&bearer, &[]));
    let get = block(&head("GET", "/health"));
    let half = frame(HEADERS, WHOLE, 1, &fields);
    let reset = [frame(HEADERS, END_HEADERS, 1, &fields), number(RST_STREAM, 1, CANCEL)].concat();
    for (what, before, bytes) in [
        ("data, half closed", &half, frame(DATA, 0, 1, &[0])),
        ("a head, half closed", &half, frame(HEADERS, WHOLE, 1, &get)),
        ("more of a head, half closed", &half, frame(CONTINUATION, END_HEADERS, 1, &get)),
        ("data, reset", &reset, frame(DATA, 0, 1, &[0])),
        ("a head, reset", &reset, frame(HEADERS, WHOLE, 1, &get)),
        ("more of a head, reset", &reset, frame(CONTINUATION, END_HEADERS, 1, &get)),
    ] {
        let mut peer = Peer::open(&stand).await;
        peer.send(&[&before[..], &bytes].concat()).await;
        let became = peer.became(1).await;
        assert!(
            matches!(
                became,
                Became::Gone(PROTOCOL_ERROR | STREAM_CLOSED) | Became::Reset(PROTOCOL_ERROR | STREAM_CLOSED)
            ),
            "{what}: {became:?}"
        );
    }
    // A second head is the trailers, and those end the stream.
    let mut peer = Peer::open(&stand).await;
    let second = [frame(HEADERS, END_HEADERS, 1, &fields), frame(HEADERS, END_HEADERS, 1, &block(&[("x-a", "b")]))];
    peer.send(&second.concat()).await;
    assert_eq!(peer.became(1).await, Became::Reset(PROTOCOL_ERROR));
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_stream_may_not_depend_on_itself() {
    let stand = Stand::up().await;
    let itself = [&1_u32.to_be_bytes()[..], &[9]].concat();
    let head = [&itself[..], &block(&head("GET", "/health"))].concat();
    for bytes in [frame(PRIORITY, 0, 1, &itself), frame(HEADERS, WHOLE | WITH_PRIORITY, 1, &head)] {
        let mut peer = Peer::open(&stand).await;
        peer.send(&bytes).await;
        assert_eq!(peer.became(1).await, Became::Reset(PROTOCOL_ERROR));
    }
}

#[tokio::test]
async fn one_stream_too_many_is_refused_and_the_others_go_on() {
    let stand = Stand::up().await;
    let bearer = format!("Bearer {}", stand.token);
    let body = chat("alps/m").to_string();
    let mut peer = Peer::open(&stand).await;
    let begun: Vec<u8> = (0..100)
        .flat_map(|number| frame(HEADERS, END_HEADERS, 2 * number + 1, &block(&chat_head(&bearer, &[]))))
        .collect();
    peer.send(&begun).await;
    peer.send(&health(201)).await;
    assert_eq!(peer.became(201).await, Became::Reset(REFUSED_STREAM));
    peer.send(&frame(DATA, END_STREAM, 1, body.as_bytes())).await;
    assert_eq!(peer.became(1).await, answered());
    peer.send(&health(203)).await;
    assert_eq!(peer.became(203).await, answered());
}

#[tokio::test]
async fn answers_keep_to_the_windows_of_their_readers() {
    let stand = Stand::up().await;
    // One byte, and then the rest.
    let mut peer = Peer::open_with(&stand, &[(4, 1)]).await;
    peer.send(&health(1)).await;
    let first = peer.next_of(DATA).await.expect("a byte");
    assert_eq!((first.payload.len(), first.flags & END_STREAM), (1, 0));
    peer.send(&number(WINDOW_UPDATE, 1, 100)).await;
    assert_eq!(peer.became(1).await, answered());
    // A window that opens by settings, after the head came.
    let mut peer = Peer::open_with(&stand, &[(4, 0)]).await;
    peer.send(&health(1)).await;
    let head = peer.next_of(HEADERS).await.expect("a head");
    assert_eq!(head.flags & END_STREAM, 0);
    peer.send(&settings(&[(4, 100)])).await;
    assert_eq!(peer.became(1).await, answered());
    // One that goes below zero, and comes back.
    let mut peer = Peer::open_with(&stand, &[(4, 3)]).await;
    peer.send(&health(1)).await;
    assert_eq!(peer.next_of(DATA).await.expect("three bytes").payload.len(), 3);
    peer.send(&[settings(&[(4, 2)]), number(WINDOW_UPDATE, 1, 2)].concat()).await;
    assert_eq!(peer.next_of(DATA).await.expect("one more").payload.len(), 1);
    // Beyond the largest there is none.
    let mut peer = Peer::open_with(&stand, &[(4, 1)]).await;
    peer.send(&[health(1), number(WINDOW_UPDATE, 1, (1 << 31) - 1)].concat()).await;
    assert_eq!(peer.became(1).await, Became::Reset(FLOW_CONTROL_ERROR));
}

#[tokio::test]
async fn bodies_keep_to_the_windows_of_the_gateway() {
    let stand = Stand::up().await;
    let bearer = format!("Bearer {}", stand.token);
    let mut peer = Peer::open(&stand).await;
    peer.send(&frame(HEADERS, END_HEADERS, 1, &block(&chat_head(&bearer, &[])))).await;
    peer.send(&frame(DATA, 0, 1, &[b' '; 16_384]).repeat(200)).await;
    assert_eq!(peer.became(1).await, Became::Gone(FLOW_CONTROL_ERROR), "3 MiB without asking");
    let mut peer = Peer::open(&stand).await;
    peer.send(&frame(HEADERS, END_HEADERS, 1, &block(&head("POST", "/v1/nothing")))).await;
    peer.send(&frame(DATA, 0, 1, &[b' '; 16_384]).repeat(3)).await;
    assert_eq!(peer.became(1).await, refused("not_found"), "what follows a refusal is thrown away");
    // A body of 1 MiB comes as its reader takes it.
    let body = chat("alps/m").to_string();
    let body = body.clone() + &" ".repeat((1 << 20) - body.len());
    peer.send(&frame(HEADERS, END_HEADERS, 3, &block(&chat_head(&bearer, &[])))).await;
    let (mut stream_left, mut sent) = (65_535, 0);
    while sent < body.len() {
        let piece = 16_384.min(stream_left).min(body.len() - sent);
        if piece > 0 {
            let last = if sent + piece == body.len() { END_STREAM } else { 0 };
            peer.send(&frame(DATA, last, 3, &body.as_bytes()[sent..sent + piece])).await;
            (sent, stream_left) = (sent + piece, stream_left - piece);
            continue;
        }
        let update = peer.next_of(WINDOW_UPDATE).await.expect("room");
        if update.stream == 3 {
            stream_left += word(&update.payload) as usize;
        }
    }
    assert_eq!(peer.became(3).await, answered());
}
