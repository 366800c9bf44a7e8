//! A plain caller.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use phi_words::RequestId;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What the tests ask; it must never be seen but by the host that is to answer.
pub(crate) const SECRET: &str = "patient 4711 has a fever";

/// One request.
#[derive(Clone)]
pub(crate) struct Ask {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    /// `None`: the stand's; empty: none.
    token: Option<String>,
}

/// A body of a chat with this model.
pub(crate) fn chat(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": SECRET}]})
}

/// `value` with more fields, or others.
pub(crate) fn with(mut value: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("{more} is no object") };
    more.into_iter().for_each(|(name, field)| value[name] = field);
    value
}

impl Ask {
    pub(crate) fn new(method: &str, path: &str, body: impl Into<Bytes>) -> Self {
        let (method, body) = (method.parse().unwrap(), body.into());
        Self { method, path: path.to_owned(), headers: HeaderMap::new(), body, token: None }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path, "")
    }

    pub(crate) fn json(path: &str, body: &Value) -> Self {
        Self::text(path, body.to_string())
    }

    pub(crate) fn text(path: &str, body: impl Into<Bytes>) -> Self {
        Self::new("POST", path, body).header("content-type", "application/json")
    }

    /// A buffered chat with this model.
    pub(crate) fn chat(model: &str) -> Self {
        Self::json("/v1/chat/completions", &chat(model))
    }

    /// A streamed chat with this model.
    pub(crate) fn stream(model: &str) -> Self {
        Self::json("/v1/chat/completions", &with(chat(model), json!({"stream": true})))
    }

    /// The same at another path.
    pub(crate) fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Adds a header; one that is there stays.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers.append(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    /// Takes a header away.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub(crate) fn phi(self) -> Self {
        self.header("x-phi", "true")
    }

    pub(crate) fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// Without a credential, unless one is added as a header.
    pub(crate) fn bare(self) -> Self {
        self.token("")
    }

    pub(crate) fn token_or(mut self, token: &str) -> Self {
        self.token.get_or_insert_with(|| token.to_owned());
        self
    }

    /// The request as HTTP/2 has it: its host is the authority.
    pub(crate) fn to_http2(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = format!("http://phi.example{}", self.path).parse().unwrap();
        *request.headers_mut() = self.headers.clone();
        if let Some(token) = self.token.as_ref().filter(|token| !token.is_empty()) {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        request
    }

    /// Sends it on a connection of its own, and waits for the head of the reply.
    pub(crate) async fn send(self, address: SocketAddr) -> Coming {
        let mut request = Request::new(Full::new(self.body));
        (*request.method_mut(), *request.uri_mut()) = (self.method, self.path.parse().unwrap());
        *request.headers_mut() = self.headers;
        request.headers_mut().insert("host", HeaderValue::from_static("phi.example"));
        if let Some(token) = self.token.filter(|token| !token.is_empty()) {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        let tcp = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await.unwrap();
        let mut task = JoinSet::new();
        task.spawn(async move { drop(connection.await) });
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        Coming { status: head.status.as_u16(), headers: head.headers, body, _connection: task }
    }
}

/// A reply whose head has come. Dropping it closes the connection.
pub(crate) struct Coming {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    _connection: JoinSet<()>,
}

impl Coming {
    /// The next piece of the body.
    pub(crate) async fn piece(&mut self) -> Option<Bytes> {
        self.body.frame().await.map(|frame| frame.unwrap().into_data().unwrap())
    }

    /// Reads on until the text holds `what`; gives all that was read.
    pub(crate) async fn until(&mut self, what: &str) -> String {
        let mut text = String::new();
        while !text.contains(what) {
            let piece = self.piece().await.unwrap_or_else(|| panic!("no `{what}` in {text}"));
            text.push_str(std::str::from_utf8(&piece).unwrap());
        }
        text
    }

    /// Reads on until the connection breaks off in the middle of the body; gives what came before.
    pub(crate) async fn broken_off(mut self) -> String {
        let mut text = String::new();
        while let Ok(frame) = self.body.frame().await.expect("no end") {
            text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
        text
    }

    pub(crate) fn id(&self) -> RequestId {
        self.headers["x-request-id"].to_str().unwrap().parse().unwrap()
    }

    pub(crate) async fn whole(mut self) -> Reply {
        let mut body = BytesMut::new();
        while let Some(piece) = self.piece().await {
            body.extend_from_slice(&piece);
        }
        Reply { status: self.status, headers: self.headers, body: body.freeze() }
    }
}

/// A whole reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// A header that stands once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter().map(|value| value.to_str().unwrap());
        let value = values.next();
        assert_eq!(values.next(), None, "{name}");
        value
    }

    pub(crate) fn id(&self) -> RequestId {
        self.header("x-request-id").unwrap().parse().unwrap()
    }

    /// Status and code of a refusal; the code of an answer is empty.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let code = if self.status == 200 { String::new() } else { crate::stand::text(&self.json()["error"]["code"]) };
        (self.status, code)
    }

    /// The text of a whole chat answer.
    pub(crate) fn content(&self) -> String {
        crate::stand::text(&self.json()["choices"][0]["message"]["content"])
    }

    /// The data of every event of a stream.
    pub(crate) fn events(&self) -> Vec<String> {
        events(&self.text())
    }
}

/// The data of every whole event.
pub(crate) fn events(text: &str) -> Vec<String> {
    text.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).map(str::to_owned).collect()
}

/// The text that a stream's chunks make together.
pub(crate) fn streamed(events: &[String]) -> String {
    let chunks = events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
    chunks.filter_map(|chunk| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned())).collect()
}

/// Sends bytes as they are, and reads until the peer closes.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(bytes).await.unwrap();
    let mut got = Vec::new();
    tcp.read_to_end(&mut got).await.unwrap();
    String::from_utf8(got).unwrap()
}
