use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use serde_json::{Value, json};

/// One request that reached a host, to the byte.
#[derive(Clone)]
pub struct Seen {
    /// Counts the requests of this host, from 0.
    pub number: u64,
    /// Counts the connections of this host, from 0: two requests of one number came by one connection.
    pub connection: u64,
    /// When its head was whole.
    pub at: SystemTime,
    /// The request line and the headers, up to and with the empty line. By HTTP/2 they are written as HTTP/1.1 writes
    /// them, the authority as `host`.
    pub head: Bytes,
    /// The body.
    pub body: Bytes,
    /// How it ended.
    pub ended: Ended,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It is being answered.
    Running,
    /// The whole answer was sent, misbehaved or not.
    Answered,
    /// The peer closed the connection, or by HTTP/2 reset the stream, before that.
    HungUp,
    /// We broke off, as the fault said.
    BrokenOff,
}

impl Seen {
    /// The path with its query.
    pub fn path(&self) -> String {
        String::from_utf8_lossy(&self.head).split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// Every value of a header, its name in any case.
    pub fn headers(&self, name: &str) -> Vec<String> {
        String::from_utf8_lossy(&self.head)
            .split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers(name).into_iter().next()
    }

    /// The names of all headers, lower-case, in the order in which they came.
    pub fn header_names(&self) -> Vec<String> {
        String::from_utf8_lossy(&self.head)
            .split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(key, _)| key.to_ascii_lowercase())
            .collect()
    }

    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The whole record as JSON, for the log and the control path. Bytes that are not UTF-8 are replaced.
    pub fn to_json(&self) -> Value {
        let at = self.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        json!({
            "number": self.number,
            "connection": self.connection,
            "unix_ms": u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            "head": String::from_utf8_lossy(&self.head),
            "body": String::from_utf8_lossy(&self.body),
            "body_bytes": self.body.len(),
            "ended": self.ended.as_str(),
        })
    }
}

impl Ended {
    /// The word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Answered => "answered",
            Self::HungUp => "hung_up",
            Self::BrokenOff => "broken_off",
        }
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json())
    }
}
