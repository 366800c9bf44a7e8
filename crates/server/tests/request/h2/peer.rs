//! A caller who writes frames by hand.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stand::{SOON, Stand};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Kinds of frames, flags and reasons, by their names in RFC 9113.
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const WHOLE: u8 = END_STREAM | END_HEADERS;
pub(crate) const PADDED: u8 = 8;
pub(crate) const WITH_PRIORITY: u8 = 32;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const FLOW_CONTROL_ERROR: u32 = 3;
pub(crate) const STREAM_CLOSED: u32 = 5;
pub(crate) const FRAME_SIZE_ERROR: u32 = 6;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// What became of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Became {
    /// The stream was answered, with this code, or none for an answer that is no refusal.
    Answered(String),
    /// The stream was reset, for this reason.
    Reset(u32),
    /// The connection ended, for this reason; `NO_ERROR` where none was given.
    Gone(u32),
}

pub(crate) fn answered() -> Became {
    Became::Answered(String::new())
}

pub(crate) fn refused(code: &str) -> Became {
    Became::Answered(code.to_owned())
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

pub(crate) fn number(kind: u8, stream: u32, value: u32) -> Vec<u8> {
    frame(kind, 0, stream, &value.to_be_bytes())
}

pub(crate) fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let values = values.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
    frame(SETTINGS, 0, 0, &values.collect::<Vec<u8>>())
}

/// Fields as literals that are not indexed.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| [&[0][..], &string(name), &string(value)].concat()).collect()
}

fn string(text: &str) -> Vec<u8> {
    let mut length = text.len();
    if length < 127 {
        return [&[length as u8], text.as_bytes()].concat();
    }
    let mut bytes = vec![127];
    length -= 127;
    while length >= 128 {
        bytes.push((length % 128) as u8 | 128);
        length /= 128;
    }
    bytes.push(length as u8);
    [&bytes, text.as_bytes()].concat()
}

/// The pseudo-headers of a request.
pub(crate) fn head<'a>(method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", method), (":scheme", "http"), (":path", path), (":authority", "phi.example")]
}

/// A request for `/health`, whole.
pub(crate) fn health(stream: u32) -> Vec<u8> {
    frame(HEADERS, WHOLE, stream, &block(&head("GET", "/health")))
}

/// The head of a chat, with the stand's token.
pub(crate) fn chat_head<'a>(bearer: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = [("authorization", bearer), ("content-type", "application/json")];
    [&head("POST", "/v1/chat/completions")[..], &own, more].concat()
}

/// A connection.
pub(crate) struct Peer {
    tcp: TcpStream,
    got: Vec<u8>,
    broken: bool,
    /// Whether pings are left without an answer.
    pub(crate) deaf: bool,
}

impl Peer {
    pub(crate) async fn bare(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        Self { tcp, got: Vec::new(), broken: false, deaf: false }
    }

    /// With preface and settings, those of the gateway acknowledged.
    pub(crate) async fn open(stand: &Stand) -> Self {
        Self::open_with(stand, &[]).await
    }

    pub(crate) async fn open_with(stand: &Stand, values: &[(u16, u32)]) -> Self {
        let mut peer = Self::bare(stand.address()).await;
        peer.send(&[PREFACE, &settings(values), &frame(SETTINGS, ACK, 0, &[])].concat()).await;
        peer
    }

    /// Sends; who is closed while he still sends hears why, if he can.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.broken |= self.tcp.write_all(bytes).await.is_err();
    }

    /// Whether bytes could be sent so far.
    pub(crate) const fn is_broken(&self) -> bool {
        self.broken
    }

    /// A request with a body of JSON.
    pub(crate) async fn ask(&mut self, stream: u32, fields: &[(&str, &str)], body: &[u8]) {
        self.send(&frame(HEADERS, END_HEADERS, stream, &block(fields))).await;
        self.send(&frame(DATA, END_STREAM, stream, body)).await;
    }

    /// The next frame; `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(received) = self.first() {
                if received.kind == PING && received.flags & ACK == 0 && !self.deaf {
                    self.send(&frame(PING, ACK, 0, &received.payload)).await;
                }
                return Some(received);
            }
            match tokio::time::timeout(SOON, self.tcp.read_buf(&mut self.got)).await.expect("a frame, or the end") {
                Ok(1..) => {}
                Ok(_) | Err(_) => return None,
            }
        }
    }

    fn first(&mut self) -> Option<Frame> {
        let (head, rest) = self.got.split_first_chunk::<9>()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let payload = rest.get(..length)?.to_vec();
        let frame = Frame { kind: head[3], flags: head[4], stream: word(&head[5..]), payload };
        self.got.drain(..9 + length);
        Some(frame)
    }

    /// The next frame of a kind.
    pub(crate) async fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// What becomes of a stream, or of the connection before.
    pub(crate) async fn became(&mut self, stream: u32) -> Became {
        let mut body = Vec::new();
        loop {
            match self.next().await {
                None => return Became::Gone(NO_ERROR),
                Some(frame) if frame.kind == GOAWAY && word(&frame.payload[4..]) != NO_ERROR => {
                    return Became::Gone(word(&frame.payload[4..]));
                }
                Some(frame) if frame.kind == RST_STREAM && frame.stream == stream => {
                    return Became::Reset(word(&frame.payload));
                }
                Some(frame) if frame.stream == stream && matches!(frame.kind, DATA | HEADERS) => {
                    if frame.kind == DATA {
                        body.extend_from_slice(&frame.payload);
                    }
                    if frame.flags & END_STREAM != 0 {
                        return Became::Answered(code(&body));
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// Why the connection ends.
    pub(crate) async fn end(&mut self) -> u32 {
        let mut why = NO_ERROR;
        while let Some(frame) = self.next().await {
            if frame.kind == GOAWAY {
                why = word(&frame.payload[4..]);
            }
        }
        why
    }
}

fn code(body: &[u8]) -> String {
    let text = std::str::from_utf8(body).unwrap();
    let code = text.split_once("\"code\":\"").and_then(|(_, rest)| rest.split_once('"'));
    code.map_or_else(String::new, |(code, _)| code.to_owned())
}

pub(crate) fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap()) & (u32::MAX >> 1)
}
