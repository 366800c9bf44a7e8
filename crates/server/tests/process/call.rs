//! A caller that writes its requests byte by byte, and reads whatever comes.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::header::HeaderValue;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::serving::PATIENCE;

/// A request, as it is to stand on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A request that is being answered. Dropping it leaves.
#[derive(Debug)]
pub(crate) struct Call {
    stream: TcpStream,
    got: Vec<u8>,
}

/// A connection by HTTP/2, in clear.
#[derive(Debug)]
pub(crate) struct Http2 {
    sender: SendRequest<Full<Bytes>>,
    _task: JoinSet<()>,
}

/// All that came in answer to a request.
#[derive(Debug)]
pub(crate) struct Reply {
    /// 0 where no head came.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Whether the answer came to its end.
    pub(crate) whole: bool,
}

impl Ask {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self::line(&format!("{method} {target} HTTP/1.1"))
    }

    /// A request whose first line is this.
    pub(crate) fn line(line: &str) -> Self {
        Self { line: line.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// A chat request in JSON.
    pub(crate) fn chat(token: &str, body: &Value) -> Self {
        Self::new("POST", "/v1/chat/completions").by(token).json(body.to_string())
    }

    pub(crate) fn by(self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.with("content-type", "application/json").bytes(body)
    }

    pub(crate) fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends the request, and reads nothing yet.
    pub(crate) async fn open(&self, to: SocketAddr) -> io::Result<Call> {
        let mut stream = TcpStream::connect(to).await?;
        let bytes = self.clone().with("connection", "close").to_bytes();
        // A server may answer and close before it has read everything.
        let _ = stream.write_all(&bytes).await;
        Ok(Call { stream, got: Vec::new() })
    }

    /// What stands on the wire.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("{}\r\nhost: phi\r\n", self.line);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let chunked = self.headers.iter().any(|(name, _)| name == "transfer-encoding");
        if !self.body.is_empty() && !chunked {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), self.body.as_slice()].concat()
    }

    /// The request as HTTP/2 has it, where it can be said so: its host is the authority.
    pub(crate) fn to_http2(&self) -> Option<Request<Full<Bytes>>> {
        let mut words = self.line.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let mut request = Request::builder().method(method).uri(format!("http://phi{target}"));
        for (name, value) in &self.headers {
            request = request.header(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
        }
        request.body(Full::new(self.body.clone().into())).ok()
    }

    /// Sends the request, and reads the answer to its end.
    pub(crate) async fn send(&self, to: SocketAddr) -> Reply {
        match self.open(to).await {
            Ok(call) => call.rest().await,
            Err(_) => Reply::read(&[]),
        }
    }
}

impl Call {
    /// Reads on until the answer holds `text`; whether it ever did.
    pub(crate) async fn until(&mut self, text: &str) -> bool {
        while !has(&self.got, text.as_bytes()) {
            if !self.more().await {
                return false;
            }
        }
        true
    }

    /// Reads the answer to its end, or to where it breaks off.
    pub(crate) async fn rest(mut self) -> Reply {
        while self.more().await {}
        Reply::read(&self.got)
    }

    async fn more(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.got)).await.expect("an answer in time");
        read.is_ok_and(|read| read > 0)
    }
}

impl Http2 {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.expect("connected");
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
        let mut task = JoinSet::new();
        task.spawn(async move { drop(connection.await) });
        Self { sender, _task: task }
    }

    /// Asks, and reads the answer to its end, or to where it breaks off. `None` where the connection takes no more.
    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Option<Reply> {
        self.sender.ready().await.ok()?;
        let (head, mut body) = self.sender.send_request(request).await.ok()?.into_parts();
        let fields = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            format!("{name}: {value}")
        });
        let lines = [format!("HTTP/2 {}", head.status.as_u16())].into_iter().chain(fields).collect::<Vec<_>>();
        let mut reply = Reply { status: head.status.as_u16(), head: lines.join("\r\n"), body: Vec::new(), whole: true };
        while let Some(frame) = timeout(PATIENCE, body.frame()).await.expect("an answer in time") {
            match frame {
                Ok(frame) => reply.body.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
                Err(_) => {
                    reply.whole = false;
                    break;
                }
            }
        }
        Some(reply)
    }
}

impl Reply {
    pub(crate) fn read(got: &[u8]) -> Self {
        let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Self { status: 0, head: String::new(), body: Vec::new(), whole: false };
        };
        let head = String::from_utf8_lossy(&got[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let mut reply = Self { status, head, body: got[end + 4..].to_vec(), whole: false };
        if let Some(length) = reply.header("content-length") {
            reply.whole = length.parse() == Ok(reply.body.len());
        } else {
            (reply.body, reply.whole) = unchunked(&reply.body);
        }
        reply
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The code of a refusal.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// What the caller was told that it costs, in a header or at the end of a stream.
    pub(crate) fn cost(&self) -> Option<i64> {
        if let Some(cost) = self.header("x-phi-cost-micro") {
            return cost.parse().ok();
        }
        self.text().lines().find_map(|line| line.strip_prefix(": x-phi-cost-micro=")?.parse().ok())
    }
}

fn unchunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(size) = size else { break };
        if size == 0 {
            return (body, true);
        }
        rest = &rest[end + 2..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        if rest.len() < size + 2 {
            break;
        }
        rest = &rest[size + 2..];
    }
    (body, false)
}

/// Whether `bytes` hold `part`, by Horspool's way of leaping over what cannot fit: data folders are long.
pub(crate) fn has(bytes: &[u8], part: &[u8]) -> bool {
    let Some(last) = part.len().checked_sub(1) else { return true };
    let mut leaps = [part.len(); 256];
    for (at, byte) in part[..last].iter().enumerate() {
        leaps[usize::from(*byte)] = last - at;
    }
    let mut at = 0;
    while let Some(window) = bytes.get(at..=at + last) {
        if window == part {
            return true;
        }
        at += leaps[usize::from(window[last])];
    }
    false
}
