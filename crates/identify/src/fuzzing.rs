//! What must hold of any bytes: the body of this crate's fuzz target (`script/fuzz`), which a test asks about all that was
//! found so far. It is not part of what ships.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::bearer;
use crate::text::Presented;

/// A credential is read where exactly one was sent, and a token is formed where another reader finds that it is. The
/// bytes are lines `name: value`.
pub fn credential(bytes: &[u8]) {
    let headers = headers(bytes);
    let all = |name: &str| headers.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
    let (authorization, key) = (all("authorization"), all("x-api-key"));
    let bearer: Vec<_> = authorization.iter().filter_map(|value| after_scheme(value)).collect();
    let clear = authorization.len() < 2 && key.len() < 2 && bearer.len() == authorization.len();
    let read = bearer::credential(&headers);
    match (clear && all("x_api_key").is_empty(), bearer.first(), key.first()) {
        (true, Some(one), Some(other)) => assert_eq!(read.ok(), (one == other).then_some(*one)),
        (true, Some(one), None) | (true, None, Some(one)) => assert_eq!(read.ok(), Some(*one)),
        (true, None, None) | (false, ..) => assert!(read.is_err()),
    }
    for text in read.into_iter().chain([bytes]) {
        assert_eq!(Presented::read(text).formed, is_token(text), "{}", text.escape_ascii());
    }
}

fn headers(bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        let value = HeaderValue::from_bytes(value.strip_prefix(b" ").unwrap_or(value));
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), value) {
            headers.append(name, value);
        }
    }
    headers
}

fn after_scheme(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at(value.iter().position(|byte| *byte == b' ')?);
    scheme.eq_ignore_ascii_case(b"bearer").then(|| &token[1..])
}

/// The same by the letter of the format, with a checksum that is computed bit by bit.
fn is_token(text: &[u8]) -> bool {
    let Some(text) = std::str::from_utf8(text).ok().filter(|text| text.is_ascii()) else { return false };
    let (head, tail) = text.split_at(text.len().saturating_sub(66));
    let known = match head.strip_suffix(':') {
        Some(id) => id.parse::<phi_words::AgentId>().is_ok(),
        None => head == "phi_live_" || head == "phi_test_",
    };
    let Some((public, rest)) = tail.split_once('_') else { return false };
    let plain =
        public.len() == 16 && rest.len() == 49 && (public.to_owned() + rest).bytes().all(|b| b.is_ascii_alphanumeric());
    if !known || !plain {
        return false;
    }
    let (signed, check) = tail.split_at(60);
    let check = check.bytes().fold(0, |sum, letter| sum * 62 + u64::from(digit(letter)));
    check == u64::from(crc(signed.as_bytes()))
}

/// The place of a letter in base62: digits, then capitals, then small ones.
fn digit(letter: u8) -> u8 {
    match letter {
        b'0'..=b'9' => letter - b'0',
        b'A'..=b'Z' => letter - b'A' + 10,
        _ => letter - b'a' + 36,
    }
}

/// CRC-32/ISO-HDLC.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    #[test]
    fn what_fuzzing_found_of_credentials_holds() {
        super::replay::replay("credential", super::credential);
    }
}
