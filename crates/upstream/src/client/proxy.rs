//! The way through a proxy of the operator's (`CONNECT`, RFC 9110, section 9.3.6). TLS goes through it from end to end:
//! it learns the host's name and how much is said, and nothing of what.

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use http::Uri;
use http::uri::Scheme;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::connect::{ConnectError, Law, Names, dial};
use super::roots::ClientError;

/// How long the head of a proxy's answer may be, in bytes.
const LONGEST_HEAD: usize = 8 << 10;

/// A proxy through which every host is reached that does not stand on the operator's premises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    login_file: Option<PathBuf>,
}

/// Why an address is not that of a proxy. It does not repeat the address, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// It is none, or is not written out, or not plain HTTP.
    #[error("is not of the form `http://HOST:PORT`")]
    Address,
    /// Settings are shown; a login has no place in them.
    #[error("holds a login")]
    Login,
}

/// The way through a proxy.
#[derive(Clone)]
pub(super) struct Tunnel {
    host: String,
    port: u16,
    /// The value of `proxy-authorization`.
    login: Option<Zeroizing<String>>,
}

/// Why a proxy opens no way to a host.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TunnelError {
    #[error("the proxy of `upstream.proxy` cannot be reached")]
    Unreachable(#[source] Box<ConnectError>),
    #[error("the proxy did not answer in time")]
    Late,
    #[error("the proxy broke off")]
    Broken(#[source] io::Error),
    #[error("the proxy asks for a login (status 407); name its file in `upstream.proxy_login_file`")]
    NoLogin,
    #[error("the proxy does not take the login of `upstream.proxy_login_file` (status 407)")]
    WrongLogin,
    #[error("the proxy opens no way to the host (status {0}); it must allow `CONNECT` to the host's name and port")]
    Refused(u16),
    #[error("what answers at `upstream.proxy` is no HTTP proxy")]
    NotHttp,
}

impl Proxy {
    /// The proxy at an address `http://HOST:PORT`. The file holds the login that it asks for, if it asks for one:
    /// `NAME:PASSWORD`, on one line. It is read by [`super::Client::new`].
    ///
    /// # Errors
    /// Where the address is not of that form.
    pub fn parse(address: &str, login_file: Option<PathBuf>) -> Result<Self, ProxyError> {
        if address.contains('@') {
            return Err(ProxyError::Login);
        }
        let uri: Uri = address.parse().map_err(|_| ProxyError::Address)?;
        let is_plain = uri.scheme() == Some(&Scheme::HTTP) && uri.path() == "/" && uri.query().is_none();
        match (uri.host(), uri.port_u16()) {
            (Some(host), Some(port)) if is_plain && !host.is_empty() && port != 0 => {
                Ok(Self { host: host.to_owned(), port, login_file })
            }
            _ => Err(ProxyError::Address),
        }
    }

    pub(super) fn tunnel(&self) -> Result<Tunnel, ClientError> {
        let login = self.login_file.as_deref().map(read_login).transpose()?;
        Ok(Tunnel { host: self.host.clone(), port: self.port, login })
    }
}

fn read_login(path: &Path) -> Result<Zeroizing<String>, ClientError> {
    let unread = |source| ClientError::LoginFile { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(unread)?.permissions().mode() & 0o077 != 0 {
        return Err(ClientError::LoginOpen(path.to_owned()));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unread)?);
    let login = text.strip_suffix('\n').unwrap_or(&text);
    let login = login.strip_suffix('\r').unwrap_or(login);
    let (name, _) = login.split_once(':').ok_or_else(|| ClientError::NoLogin(path.to_owned()))?;
    if name.is_empty() || login.chars().any(char::is_control) {
        return Err(ClientError::NoLogin(path.to_owned()));
    }
    Ok(Zeroizing::new(format!("Basic {}", *Zeroizing::new(STANDARD.encode(login)))))
}

impl Tunnel {
    /// A way to a host, which goes to the proxy by name.
    pub(super) async fn open(&self, names: &Names, to: (&str, u16), by: Instant) -> Result<TcpStream, TunnelError> {
        timeout_at(by, self.open_by(names, to, by)).await.unwrap_or(Err(TunnelError::Late))
    }

    async fn open_by(&self, names: &Names, (host, port): (&str, u16), by: Instant) -> Result<TcpStream, TunnelError> {
        let unreachable = |error| TunnelError::Unreachable(Box::new(error));
        let own = self.host.trim_start_matches('[').trim_end_matches(']');
        let addresses = names.addresses(Law::Premises, own, self.port).await.map_err(unreachable)?;
        let mut tcp = dial(&addresses, by).await.map_err(unreachable)?;
        // An IPv6 address stands in brackets.
        let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut ask = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n"));
        if let Some(login) = &self.login {
            ask.push_str(&format!("proxy-authorization: {}\r\n", **login));
        }
        ask.push_str("\r\n");
        tcp.write_all(ask.as_bytes()).await.map_err(TunnelError::Broken)?;
        match status(&mut tcp).await? {
            200..=299 => Ok(tcp),
            407 if self.login.is_none() => Err(TunnelError::NoLogin),
            407 => Err(TunnelError::WrongLogin),
            other => Err(TunnelError::Refused(other)),
        }
    }
}

/// Reads a proxy's answer. Nothing follows its head where it opens the way: in TLS the host speaks second.
async fn status(tcp: &mut TcpStream) -> Result<u16, TunnelError> {
    let mut head = BytesMut::with_capacity(LONGEST_HEAD);
    loop {
        if let Some(at) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            let status = status_of(&head).ok_or(TunnelError::NotHttp)?;
            let is_open = (200..=299).contains(&status);
            return if is_open && head.len() > at + 4 { Err(TunnelError::NotHttp) } else { Ok(status) };
        }
        if head.len() >= LONGEST_HEAD {
            return Err(TunnelError::NotHttp);
        }
        if tcp.read_buf(&mut head).await.map_err(TunnelError::Broken)? == 0 {
            return Err(TunnelError::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

fn status_of(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.1 ").or_else(|| head.strip_prefix(b"HTTP/1.0 "))?;
    let (digits, after) = rest.split_at_checked(3)?;
    let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (matches!(after.first(), Some(b' ' | b'\r')) && status >= 100).then_some(status)
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_out_and_holds_no_login() {
        for fine in ["http://proxy.example:3128", "http://10.0.0.1:8080/", "http://[fd12::1]:3128"] {
            assert!(Proxy::parse(fine, None).is_ok(), "{fine}");
        }
        for bad in [
            "",
            "proxy.example:3128",
            "http://proxy.example",
            "https://proxy.example:3128",
            "socks5://proxy.example:1080",
            "http://proxy.example:3128/path",
            "http://proxy.example:3128?a=b",
            "http://:3128",
            "http://proxy.example:0",
            "http://proxy.example:99999",
        ] {
            assert_eq!(Proxy::parse(bad, None), Err(ProxyError::Address), "{bad}");
        }
        let error = Proxy::parse("http://name:sesame@proxy.example:3128", None).expect_err("a login");
        assert_eq!((error, error.to_string().contains("sesame")), (ProxyError::Login, false));
    }

    #[test]
    fn a_status_is_three_digits_after_the_version() {
        assert_eq!(status_of(b"HTTP/1.1 200 OK\r\n\r\n"), Some(200));
        assert_eq!(status_of(b"HTTP/1.0 407\r\n\r\n"), Some(407));
        for nonsense in ["HTTP/2 200 OK", "HTTP/1.1 20", "HTTP/1.1 2000 OK", "HTTP/1.1 +20 OK", "http/1.1 200 OK", ""] {
            assert_eq!(status_of(nonsense.as_bytes()), None, "{nonsense}");
        }
    }
}
