//! Connections, and the little HTTP/1.1 that a host needs. Written by hand, so that a test sees what came to the byte and
//! an answer can be wrong to the byte.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The longest head and body that are read.
const MOST: usize = 64 << 20;

/// An accepted connection.
#[derive(Debug)]
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    pub(crate) async fn accept(tcp: TcpStream, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        match tls {
            None => Ok(Self::Plain(tcp)),
            Some(config) => Ok(Self::Tls(Box::new(TlsAcceptor::from(config).accept(tcp).await?))),
        }
    }

    /// Makes the close that follows a reset.
    pub(crate) fn will_reset(&self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.set_zero_linger(),
            Self::Tls(tls) => tls.get_ref().0.set_zero_linger(),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) head: Bytes,
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn method(&self) -> &str {
        self.line(0)
    }

    pub(crate) fn path(&self) -> &str {
        self.line(1).split('?').next().unwrap_or_default()
    }

    fn line(&self, word: usize) -> &str {
        let line = self.head.split(|b| *b == b'\r').next().unwrap_or_default();
        std::str::from_utf8(line).unwrap_or_default().split(' ').nth(word).unwrap_or_default()
    }
}

/// Reads the next request; `None` where the peer has closed, or sends what we do not read.
pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin), held: &mut BytesMut) -> io::Result<Option<Asked>> {
    let end = loop {
        if let Some(at) = held.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if held.len() > MOST || from.read_buf(held).await? == 0 {
            return Ok(None);
        }
    };
    let head = held.split_to(end).freeze();
    let Some(length) = body_length(&head) else { return Ok(None) };
    while held.len() < length {
        if from.read_buf(held).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(Asked { head, body: held.split_to(length).freeze() }))
}

/// The body's length; `None` where it is chunked or too long.
fn body_length(head: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = |name: &str| {
        text.split("\r\n").filter_map(|line| line.split_once(':')).find(|(key, _)| *key == name).map(|(_, v)| v.trim())
    };
    if value("transfer-encoding").is_some() {
        return None;
    }
    value("content-length").map_or(Some(0), |length| length.parse().ok().filter(|n| *n <= MOST))
}
