//! What must hold of any bytes: the bodies of this crate's fuzz targets (`script/fuzz`), which tests ask about all that
//! was found so far. It is not part of what ships.

mod headers;

pub use headers::headers;

pub use crate::framing::fuzzing::framing;
pub use crate::http2::fuzzing::{head, http2};

/// Headers out of lines `name: value`; what is none is passed over.
pub(crate) fn read_headers(text: &[u8]) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        let name = http::HeaderName::from_bytes(name);
        let value = http::HeaderValue::from_bytes(value.strip_prefix(b" ").unwrap_or(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::replay::replay;

    #[test]
    fn what_fuzzing_found_of_framing_holds() {
        replay("framing", super::framing);
    }

    #[test]
    fn what_fuzzing_found_of_frames_holds() {
        replay("http2", super::http2);
    }

    #[test]
    fn what_fuzzing_found_of_heads_holds() {
        replay("head", super::head);
    }

    #[test]
    fn what_fuzzing_found_of_headers_holds() {
        replay("headers", super::headers);
    }
}
