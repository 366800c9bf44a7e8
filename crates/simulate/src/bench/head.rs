//! The head of an HTTP/1.1 message, read as far as a bench needs it.

/// What a head says of what follows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// How long the head is, its empty line included.
    pub(super) bytes: usize,
    /// Of an answer; 0 of a request.
    pub(super) status: u16,
    /// `content-length`; 0 where there is none.
    pub(super) length: usize,
    pub(super) chunked: bool,
    /// Whether the connection ends behind this message.
    pub(super) closes: bool,
}

impl Head {
    /// Nothing until the head is whole.
    pub(super) fn parse(read: &[u8]) -> Option<Self> {
        let mut head = Self::default();
        loop {
            let rest = read.get(head.bytes..)?;
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let line = rest.get(..end)?.trim_ascii_end();
            let is_first = head.bytes == 0;
            head.bytes += end + 1;
            match line.iter().position(|byte| *byte == b':') {
                _ if line.is_empty() => return Some(head),
                _ if is_first => head.status = line.strip_prefix(b"HTTP/1.1 ").map_or(0, number) as u16,
                Some(colon) => head.note(&line[..colon], line[colon + 1..].trim_ascii()),
                None => {}
            }
        }
    }

    fn note(&mut self, name: &[u8], value: &[u8]) {
        if name.eq_ignore_ascii_case(b"content-length") {
            self.length = number(value);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.chunked = value.eq_ignore_ascii_case(b"chunked");
        } else if name.eq_ignore_ascii_case(b"connection") {
            self.closes = value.eq_ignore_ascii_case(b"close");
        }
    }
}

/// The digits that a text begins with.
fn number(text: &[u8]) -> usize {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |sum: usize, digit| sum.saturating_mul(10).saturating_add(usize::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 429 Too Many\r\nContent-Length: 12\r\nConnection: close\r\n\r\n";

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        for end in 0..ANSWER.len() {
            assert_eq!(Head::parse(&ANSWER[..end]), None, "{end}");
        }
        let whole = Head { bytes: ANSWER.len(), status: 429, length: 12, chunked: false, closes: true };
        assert_eq!(Head::parse(ANSWER), Some(whole));
        assert_eq!(Head::parse(&[ANSWER, b"and: a body\r\n\r\n"].concat()), Some(whole));
    }

    #[test]
    fn a_request_has_no_status_and_may_have_no_body() {
        let head = Head::parse(b"GET /1 HTTP/1.1\r\ntransfer-ENCODING: Chunked\r\n\r\n").expect("whole");
        assert_eq!((head.status, head.length, head.chunked, head.closes), (0, 0, true, false));
    }
}
