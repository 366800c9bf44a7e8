use bytes::{Bytes, BytesMut};
use memchr::memmem;

/// A part to be written.
pub(crate) enum Piece<'a> {
    /// A field.
    Text(&'a str, &'a str),
    /// A file, under a name that is ours, and its media type.
    File { name: &'a str, called: &'a str, media: &'a str, data: Bytes },
}

/// A form, in pieces: files are not copied.
pub(crate) struct Written {
    /// Its `Content-Type`.
    pub(crate) content_type: String,
    /// What follows what.
    pub(crate) pieces: Vec<Bytes>,
}

/// Writes a form. Its boundary stands in none of the parts.
pub(crate) fn written(parts: &[Piece<'_>]) -> Written {
    let mut boundary = String::new();
    for number in 0_u64.. {
        boundary = format!("phi-gateway-{number}");
        let finder = memmem::Finder::new(boundary.as_bytes());
        let stands_in = |data: &[u8]| finder.find(data).is_some();
        let taken = parts.iter().any(|part| match part {
            Piece::Text(_, text) => stands_in(text.as_bytes()),
            Piece::File { data, .. } => stands_in(data),
        });
        if !taken {
            break;
        }
    }
    let mut pieces = Vec::new();
    let mut open = BytesMut::new();
    for part in parts {
        open.extend_from_slice(format!("--{boundary}\r\nContent-Disposition: form-data; ").as_bytes());
        match part {
            Piece::Text(name, text) => {
                open.extend_from_slice(format!("name=\"{name}\"\r\n\r\n{text}\r\n").as_bytes());
            }
            Piece::File { name, called, media, data } => {
                let head = format!("name=\"{name}\"; filename=\"{called}\"\r\nContent-Type: {media}\r\n\r\n");
                open.extend_from_slice(head.as_bytes());
                pieces.push(open.split().freeze());
                pieces.push(data.clone());
                open.extend_from_slice(b"\r\n");
            }
        }
    }
    open.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    pieces.push(open.freeze());
    Written { content_type: format!("multipart/form-data; boundary={boundary}"), pieces }
}
