//! Bodies and answers against files that are written by hand from Google's documentation.

mod answered;
mod asked;

/// Without the white space between values.
fn compact(json: &[u8]) -> String {
    let (mut out, mut inside, mut escaped) = (Vec::new(), false, false);
    for &byte in json {
        if inside || !byte.is_ascii_whitespace() {
            out.push(byte);
        }
        inside ^= byte == b'"' && !escaped;
        escaped = inside && byte == b'\\' && !escaped;
    }
    String::from_utf8(out).unwrap()
}
