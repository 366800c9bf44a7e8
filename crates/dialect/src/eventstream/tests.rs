use proptest::prelude::*;

use super::writing::{message, named, raw};
use super::*;

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, HostFault> {
    let (mut parser, mut all) = (Parser::with_max(1_024), Vec::new());
    for piece in pieces {
        all.extend(parser.feed(piece)?);
    }
    let text = |event: Event| String::from_utf8_lossy(event.data.expose_bytes()).into_owned();
    Ok(all.into_iter().map(text).collect())
}

fn malformed(bytes: &[u8]) -> bool {
    matches!(read([bytes]), Err(HostFault::Malformed(_)))
}

/// Bytes that botocore's tests of its own reader hold: an empty message, one with a payload alone, one with a header of 64
/// bits and one with a text (<https://github.com/boto/botocore/blob/develop/tests/unit/test_eventstream.py>).
const EMPTY: &[u8] = b"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2H\xeb}\x98\xc8\xff";
const PAYLOAD: &[u8] = b"\x00\x00\x00\x1d\x00\x00\x00\x00\xfdR\x8cZ{'foo':'bar'}\xc3e96";
const INT64: &[u8] =
    b"\x00\x00\x00\x1e\x00\x00\x00\x0e]J\xdb\x8d\x04long\x05\xff\xff\xff\xff\xff\xff\xff\xffK\xc22\xda";
const TEXT: &[u8] =
    b"\x00\x00\x00=\x00\x00\x00 \x07\xfd\x83\x96\x0ccontent-type\x07\x00\x10application/json{'foo':'bar'}\x8d\x9c\x08\xb1";

#[test]
fn the_published_bytes_are_frames_that_do_not_say_what_they_are() {
    for bytes in [EMPTY, PAYLOAD, INT64, TEXT] {
        assert_eq!(
            read([bytes]),
            Err(HostFault::Malformed("a frame does not say what it is")),
            "{}",
            bytes.escape_ascii()
        );
    }
    assert_eq!(raw(b"", b""), EMPTY, "what is written here is what they wrote");
    assert_eq!(raw(b"", b"{'foo':'bar'}"), PAYLOAD);
    assert_eq!(raw(b"\x04long\x05\xff\xff\xff\xff\xff\xff\xff\xff", b""), INT64);
    assert_eq!(message(&[("content-type", "application/json")], b"{'foo':'bar'}"), TEXT);
}

#[test]
fn a_message_is_the_member_that_it_is() {
    let stream = [
        named("messageStart", r#"{"role":"assistant"}"#),
        named("contentBlockDelta", "{\"delta\":\n{}}"),
        named("metadata", ""),
        named("throttlingException", r#"{"message":"later"}"#),
        message(&[(":message-type", "error"), (":error-code", "Internal\"Error"), (":error-message", "x")], b""),
    ];
    let expected = [
        r#"{"messageStart":{"role":"assistant"}}"#,
        "{\"contentBlockDelta\":{\"delta\":\n{}}}",
        r#"{"metadata":{}}"#,
        r#"{"throttlingException":{"message":"later"}}"#,
        r#"{"error":{"__type":"Internal\"Error"}}"#,
    ];
    assert_eq!(read([&stream.concat()[..]]).unwrap(), expected);
    assert_eq!(format!("{:?}", Parser::new()), "Parser(..)");
}

#[test]
fn headers_of_every_kind_are_passed_over() {
    let values: [(u8, &[u8]); 10] = [
        (0, b""),
        (1, b""),
        (2, b"\x01"),
        (3, b"\x01\x02"),
        (4, b"\x01\x02\x03\x04"),
        (5, b"\x01\x02\x03\x04\x05\x06\x07\x08"),
        (6, b"\x00\x03\xff\xfe\xfd"),
        (7, b"\x00\x02hi"),
        (8, b"\x01\x02\x03\x04\x05\x06\x07\x08"),
        (9, b"0123456789abcdef"),
    ];
    let kind = |kind, value: &[u8]| [b"\x01x", &[kind][..], value].concat();
    let others: Vec<u8> = values.iter().flat_map(|(number, value)| kind(*number, value)).collect();
    let own = b"\x0d:message-type\x07\x00\x05event\x0b:event-type\x07\x00\x01a";
    assert_eq!(read([&raw(&[&others[..], own].concat(), b"1")[..]]).unwrap(), [r#"{"a":1}"#]);
    for (number, value) in values.iter().filter(|(_, value)| !value.is_empty()) {
        let cut = kind(*number, &value[..value.len() - 1]);
        assert!(malformed(&raw(&[&own[..], &cut].concat(), b"1")), "{number}");
    }
    for bad in [&b"\x01x\x0a"[..], b"\x00\x00", b"\x01\xff\x00", b"\x01x\x07\x00\x01\xff", b"\x05x", b"\x01x\x07\x00"] {
        assert!(malformed(&raw(&[&own[..], bad].concat(), b"1")), "{}", bad.escape_ascii());
    }
}

#[test]
fn what_does_not_say_what_it_is_is_refused() {
    for headers in [
        &[][..],
        &[(":message-type", "event")],
        &[(":event-type", "a")],
        &[(":message-type", "event"), (":exception-type", "a")],
        &[(":message-type", "exception"), (":event-type", "a")],
        &[(":message-type", "greeting"), (":event-type", "a")],
        &[(":message-type", "event"), (":event-type", "a\"b")],
        &[(":message-type", "event"), (":event-type", "")],
        &[(":message-type", "event"), (":event-type", "a"), (":event-type", "a")],
    ] {
        assert!(malformed(&message(headers, b"{}")), "{headers:?}");
    }
    assert!(malformed(&raw(b"\x0d:message-type\x04\x00\x00\x00\x00", b"{}")), "a number where a text is due");
}

#[test]
fn every_changed_byte_is_found() {
    let whole = named("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"hello"}}"#);
    for at in 0..whole.len() {
        for bit in [1, 128] {
            let mut changed = whole.clone();
            changed[at] ^= bit;
            assert!(read([&changed[..]]).is_err(), "byte {at}");
        }
        assert_eq!(read([&whole[..at]]).unwrap().len(), 0, "what is cut says nothing");
    }
}

#[test]
fn frames_have_an_end_and_lengths_that_fit() {
    let prelude = |length: u32, headers: u32| {
        let said = [length.to_be_bytes(), headers.to_be_bytes()].concat();
        [&said[..], &crc32fast::hash(&said).to_be_bytes()].concat()
    };
    for (length, headers) in [(1_025, 0), (u32::MAX, 0), (1_000, 200_000), (u32::MAX, u32::MAX)] {
        assert_eq!(read([&prelude(length, headers)[..]]), Err(HostFault::TooLong), "before it is there");
    }
    for (length, headers) in [(0, 0), (15, 0), (16, 1), (40, 25)] {
        assert!(malformed(&prelude(length, headers)), "{length} {headers}");
    }
    assert_eq!(read([&prelude(1_024, 1_008)[..]]), Ok(vec![]));
}

fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let good = ("[a-zA-Z]{1,12}", "[ -~]{0,40}").prop_map(|(name, payload)| named(&name, &payload));
    let bad = prop::collection::vec(any::<u8>(), 0..24).prop_map(|headers| raw(&headers, b"{}"));
    let noise = prop::collection::vec(any::<u8>(), 0..24);
    let message = prop_oneof![8 => good, 1 => bad, 1 => noise];
    prop::collection::vec(message, 0..5).prop_map(|messages| messages.concat())
}

proptest! {
    #[test]
    fn a_split_at_any_byte_changes_nothing(stream in any_stream()) {
        let whole = read([&stream[..]]);
        prop_assert_eq!(&read(stream.chunks(1)), &whole);
        for at in 0..stream.len() {
            let (left, right) = stream.split_at(at);
            prop_assert_eq!(&read([left, right]), &whole);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..6)) {
        let _ = read(pieces.iter().map(|piece| &piece[..]));
    }
}
