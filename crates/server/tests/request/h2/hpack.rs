//! Blocks of headers, in every representation of RFC 7541 and in none.

use super::peer::*;
use crate::stand::Stand;

/// `GET`, `http`, and a path as it is; then these.
fn get(more: &[u8]) -> Vec<u8> {
    [&[0x82, 0x86][..], &block(&[(":path", "/health"), (":authority", "phi.example")]), more].concat()
}

#[tokio::test]
async fn each_representation_is_read() {
    let stand = Stand::up().await;
    let mut peer = Peer::open(&stand).await;
    let literal = |first: u8| get(&[&[first][..], b"\x03x-a\x01b"].concat());
    for (number, (what, block)) in [
        ("indexed", get(&[])),
        ("a literal that is indexed", literal(0x40)),
        ("the same by its index", get(&[0x80 | 62])),
        ("a literal with a name of the table", get(b"\x7a\x04text")),
        ("a literal that is not indexed", literal(0x00)),
        ("a literal that never is", literal(0x10)),
        ("Huffman's code", get(b"\x40\x03x-c\x81\x1f")),
        ("a smaller table, and the first again", [&[0x20, 0x3f, 0xe1, 0x1f][..], &get(&[])].concat()),
        ("what was indexed before is gone, and can be again", literal(0x40)),
    ]
    .into_iter()
    .enumerate()
    {
        let stream = 2 * u32::try_from(number).unwrap() + 1;
        peer.send(&frame(HEADERS, WHOLE, stream, &block)).await;
        assert_eq!(peer.became(stream).await, answered(), "{what}");
    }
}

/// All are errors of the connection, since nobody could read the next head. Another code than COMPRESSION_ERROR, which
/// the library does not send.
#[tokio::test]
async fn what_cannot_be_read_ends_the_connection() {
    let stand = Stand::up().await;
    for (what, block) in [
        ("index zero", get(&[0x80])),
        ("an index beyond the tables", get(&[0x80 | 62])),
        ("a far index", get(&[0xff, 0xff, 0xff, 0xff, 0x07])),
        ("an integer without end", get(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])),
        ("a literal with a name beyond the tables", get(b"\x7f\x0a\x01a")),
        ("a string that goes beyond the block", get(b"\x00\x03x-a\x7eb")),
        ("a name without a value", get(b"\x00\x03x-a")),
        ("an empty name", get(b"\x00\x00\x01a")),
        ("a padding of more than 7 bits", get(b"\x00\x03x-a\x82\x1f\xff")),
        ("a padding of zeros", get(b"\x00\x03x-a\x81\x18")),
        ("the end of strings inside one", get(b"\x00\x03x-a\x84\xff\xff\xff\xff")),
        ("a table larger than may be", [&[0x3f, 0xe2, 0x1f][..], &get(&[])].concat()),
        ("a table that changes too late", get(&[0x20])),
        ("a name in capitals", get(b"\x00\x03X-A\x01b")),
        ("a name with a space", get(b"\x00\x03x a\x01b")),
        ("a line feed in a value", get(b"\x00\x03x-a\x03b\nc")),
        ("a zero in a value", get(b"\x00\x03x-a\x03b\0c")),
        ("a pseudo-header that nobody knows", get(&block(&[(":test", "a")]))),
    ] {
        let mut peer = Peer::open(&stand).await;
        peer.send(&frame(HEADERS, WHOLE, 1, &block)).await;
        assert_eq!(peer.became(1).await, Became::Gone(PROTOCOL_ERROR), "{what}");
    }
}

#[tokio::test]
async fn long_heads_are_refused_in_our_words_and_longer_ones_without() {
    let stand = Stand::up().await;
    let mut peer = Peer::open(&stand).await;
    let long = |bytes: usize| {
        let more: Vec<Vec<u8>> = (0..bytes / 1_024).map(|_| block(&[("x-long", &"a".repeat(1_000))])).collect();
        get(&more.concat())
    };
    let mut ask = async |stream, bytes: Vec<u8>| {
        let mut pieces = bytes.chunks(16_384).peekable();
        peer.send(&frame(HEADERS, END_STREAM, stream, pieces.next().unwrap())).await;
        while let Some(piece) = pieces.next() {
            let end = if pieces.peek().is_none() { END_HEADERS } else { 0 };
            peer.send(&frame(CONTINUATION, end, stream, piece)).await;
        }
        if bytes.len() <= 16_384 {
            peer.send(&frame(CONTINUATION, END_HEADERS, stream, &[])).await;
        }
        peer.became(stream).await
    };
    assert_eq!(ask(1, long(30 << 10)).await, answered());
    assert_eq!(ask(3, long(40 << 10)).await, refused("invalid_request"));
    assert_eq!(ask(5, get(&block(&[("x-a", "b"); 101]))).await, refused("invalid_request"));
    // 431 without a word, since it was not read.
    assert_eq!(ask(7, long(70 << 10)).await, answered());
    assert_eq!(ask(9, long(1 << 10)).await, answered(), "the tables are as they should be");
}
