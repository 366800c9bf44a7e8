use bytes::Bytes;
use memchr::memmem;

use super::Part;

/// How many parts a form may have, and how long the head of one may be, in bytes.
const MOST_PARTS: usize = 64;
const LONGEST_HEAD: usize = 4 << 10;
const LONGEST_NAME: usize = 64;

/// The parts, or what is wrong, in our words.
pub(super) fn read(body: &Bytes, boundary: &[u8]) -> Result<Vec<Part>, &'static str> {
    let first = [b"--", boundary].concat();
    let between = [b"\r\n--", boundary].concat();
    let finder = memmem::Finder::new(&between);
    let mut parts = Vec::new();
    let mut at = body.starts_with(&first).then_some(first.len()).ok_or("it does not begin with its boundary")?;
    loop {
        let rest = body.get(at..).unwrap_or_default();
        if rest.starts_with(b"--") {
            let after = rest.get(2..).unwrap_or_default();
            return match (after, parts.is_empty()) {
                (b"" | b"\r\n", false) => Ok(parts),
                (_, true) => Err("it has no part"),
                (_, false) => Err("something follows its end"),
            };
        }
        if !rest.starts_with(b"\r\n") {
            return Err("a boundary is not on a line of its own");
        }
        if parts.len() == MOST_PARTS {
            return Err("it has more than 64 parts");
        }
        // Of a part without headers the line after the boundary is empty; the search begins at the end of the boundary's.
        let head_end = memmem::find(rest.get(..LONGEST_HEAD.min(rest.len())).unwrap_or_default(), b"\r\n\r\n");
        let head_end = head_end.ok_or("a part has no head, or a longer one than 4 KiB")?;
        let head = rest.get(2..head_end.max(2)).unwrap_or_default();
        let data_at = at + head_end + 4;
        let data_len = finder.find(body.get(data_at..).unwrap_or_default()).ok_or("a part has no end")?;
        let (name, is_file) = read_head(head)?;
        parts.push(Part { name, is_file, data: body.slice(data_at..data_at + data_len) });
        at = data_at + data_len + between.len();
    }
}

/// The name of a part, and whether it is a file.
fn read_head(head: &[u8]) -> Result<(String, bool), &'static str> {
    let head = std::str::from_utf8(head).map_err(|_| "a part's head is not UTF-8")?;
    if head.bytes().any(|byte| byte == 0) {
        return Err("a part's head has a zero byte");
    }
    let (mut named, mut kind, mut encoding) = (None, None, None);
    for line in head.split("\r\n") {
        if line.contains(['\r', '\n']) {
            return Err("a part's head has a line that ends in half of CR LF");
        }
        let (header, value) = line.split_once(':').ok_or("a part's head has a line that is no header")?;
        let value = value.trim_matches([' ', '\t']);
        let place = match header.to_ascii_lowercase().as_str() {
            "content-disposition" => &mut named,
            "content-type" => &mut kind,
            "content-transfer-encoding" => &mut encoding,
            // Some clients state it; the boundary says where the part ends.
            "content-length" => continue,
            _ => return Err("a part has a header that parts of forms do not have"),
        };
        if place.replace(value).is_some() {
            return Err("a part has a header twice");
        }
    }
    if encoding.is_some_and(|encoding: &str| !["binary", "8bit", "7bit"].contains(&encoding)) {
        return Err("a part is encoded");
    }
    let (name, has_file_name) = disposition(named.ok_or("a part has no name")?)?;
    Ok((name, has_file_name || kind.is_some_and(|kind| !kind.to_ascii_lowercase().starts_with("text/plain"))))
}

/// `form-data; name="model"`, with a name of a file or without.
fn disposition(value: &str) -> Result<(String, bool), &'static str> {
    let (kind, mut rest) = value.split_once(';').ok_or("a part has no name")?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err("a part is not of a form");
    }
    let (mut name, mut has_file_name) = (None, false);
    loop {
        let (key, after) = rest.split_once('=').ok_or("a part's name is not written as one")?;
        let (text, after) = value_of(after)?;
        match key.trim().to_ascii_lowercase().as_str() {
            "name" if name.replace(text).is_some() => return Err("a part has two names"),
            "name" => {}
            "filename" | "filename*" => has_file_name = true,
            _ => return Err("a part's name has a parameter that nobody knows"),
        }
        match after.trim_start().strip_prefix(';') {
            Some(more) => rest = more,
            None if after.trim().is_empty() => break,
            None => return Err("a part's name is not written as one"),
        }
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
    let name = name.filter(|name| (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(plain));
    Ok((name.ok_or("a part has no plain name")?.to_owned(), has_file_name))
}

/// A parameter's value, quoted or not, and what follows it.
fn value_of(text: &str) -> Result<(&str, &str), &'static str> {
    let Some(quoted) = text.strip_prefix('"') else {
        return Ok(text.split_at(text.find(';').unwrap_or(text.len())));
    };
    let mut escaped = false;
    for (at, byte) in quoted.bytes().enumerate() {
        match byte {
            b'"' if !escaped => {
                return Ok((quoted.get(..at).unwrap_or_default(), quoted.get(at + 1..).unwrap_or_default()));
            }
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    Err("a part's name is not written as one")
}
