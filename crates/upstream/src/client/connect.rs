use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use phi_record::Obstacle;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::pipe::Pipe;
use super::proxy::{Tunnel, TunnelError};
use super::public;
use super::trouble::Why;

/// Makes connections, to addresses that the law allows.
#[derive(Clone)]
pub(super) struct Connector {
    names: Names,
    law: Law,
    tls: TlsConnector,
    /// Hosts on the operator's premises are never reached through it.
    tunnel: Option<Tunnel>,
    within: Duration,
}

/// Who says where a name leads.
#[derive(Debug, Clone)]
pub(super) enum Names {
    /// The system's resolver.
    System,
    /// These and no others: where they lead is taken as it is.
    Given(Arc<HashMap<String, SocketAddr>>),
    /// One address after the other, as somebody who rebinds a name tells them; the last of the list is told first.
    #[cfg(test)]
    Rebound(Arc<std::sync::Mutex<Vec<SocketAddr>>>),
}

/// Which addresses may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Law {
    /// By TLS, to the public internet.
    PublicOnly,
    /// Also by plain HTTP, and to private addresses.
    Premises,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("the host's name leads nowhere")]
    Unresolved(#[source] io::Error),
    #[error("the host's name leads to an address that a host of its kind cannot have")]
    Address,
    #[error("the host is reached by plain HTTP, which is for premises alone")]
    Plain,
    #[error("the host cannot be connected to")]
    Tcp(#[source] io::Error),
    #[error("the host could not prove who it is")]
    Tls(#[source] io::Error),
    #[error("the host did not take the connection in time")]
    Late,
    #[error("no way to the host through the proxy")]
    Proxy(#[source] TunnelError),
    #[error("the host's address is none")]
    NoAddress,
    #[error("the host took the connection and speaks no HTTP on it")]
    Http(#[source] Why),
    #[error("the host closed the connection before a request was sent")]
    Closed,
}

/// What the system calls the obstacles that it knows.
const KINDS: [(io::ErrorKind, Obstacle); 4] = [
    (io::ErrorKind::ConnectionRefused, Obstacle::Refused),
    (io::ErrorKind::TimedOut, Obstacle::Timeout),
    (io::ErrorKind::ConnectionReset, Obstacle::Silent),
    (io::ErrorKind::ConnectionAborted, Obstacle::Silent),
];

impl ConnectError {
    /// The same in the one word that is written down.
    pub(crate) fn obstacle(&self) -> Obstacle {
        match self {
            Self::Unresolved(_) | Self::NoAddress => Obstacle::Name,
            Self::Address => Obstacle::Address,
            Self::Plain => Obstacle::Plain,
            Self::Tcp(error) => KINDS
                .iter()
                .find_map(|(kind, obstacle)| (error.kind() == *kind).then_some(*obstacle))
                .unwrap_or(Obstacle::Network),
            Self::Tls(_) => Obstacle::Tls,
            Self::Late => Obstacle::Timeout,
            Self::Proxy(_) => Obstacle::Proxy,
            Self::Http(_) | Self::Closed => Obstacle::Silent,
        }
    }
}

impl Connector {
    pub(super) fn new(names: Names, law: Law, tls: TlsConnector, within: Duration) -> Self {
        Self { names, law, tls, tunnel: None, within }
    }

    /// The same, but every host is reached through a proxy.
    pub(super) fn through(self, tunnel: Option<Tunnel>) -> Self {
        Self { tunnel, ..self }
    }

    /// A connection to the host of an address, TLS agreed on.
    pub(super) async fn connect(&self, uri: &Uri) -> Result<Pipe, ConnectError> {
        let by = Instant::now() + self.within;
        timeout_at(by, self.connect_by(uri, by)).await.unwrap_or(Err(ConnectError::Late))
    }

    async fn connect_by(&self, uri: &Uri, by: Instant) -> Result<Pipe, ConnectError> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let tls = uri.scheme() == Some(&Scheme::HTTPS);
        if !tls && self.law == Law::PublicOnly {
            return Err(ConnectError::Plain);
        }
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let tcp = match &self.tunnel {
            Some(tunnel) => self.tunnelled(tunnel, (host, port), by).await?,
            None => dial(&self.names.addresses(self.law, host, port).await?, by).await?,
        };
        tcp.set_nodelay(true).map_err(ConnectError::Tcp)?;
        if !tls {
            return Ok(Pipe::Plain(tcp));
        }
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| ConnectError::Unresolved(io::ErrorKind::InvalidInput.into()))?;
        let tls = self.tls.connect(name, tcp).await.map_err(ConnectError::Tls)?;
        Ok(Pipe::Tls(Box::new(tls)))
    }

    /// Where a host's name leads, the proxy alone knows. An address in the place of a name is judged here.
    async fn tunnelled(
        &self,
        tunnel: &Tunnel,
        (host, port): (&str, u16),
        by: Instant,
    ) -> Result<TcpStream, ConnectError> {
        if host.parse().is_ok_and(|ip: IpAddr| !self.law.allows(ip)) {
            return Err(ConnectError::Address);
        }
        tunnel.open(&self.names, (host, port), by).await.map_err(ConnectError::Proxy)
    }
}

impl Names {
    /// Where a name leads. One address that the law forbids condemns all: a name that leads to the public internet and
    /// to a private place at once is somebody's trick.
    pub(super) async fn addresses(&self, law: Law, host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
        let found: Vec<SocketAddr> = match (host.parse::<IpAddr>(), self) {
            (Ok(ip), _) => vec![SocketAddr::new(ip, port)],
            (Err(_), Self::System) => {
                tokio::net::lookup_host((host, port)).await.map_err(ConnectError::Unresolved)?.collect()
            }
            (Err(_), Self::Given(hosts)) => {
                let unknown = || ConnectError::Unresolved(io::ErrorKind::NotFound.into());
                return Ok(vec![*hosts.get(host).ok_or_else(unknown)?]);
            }
            #[cfg(test)]
            (Err(_), Self::Rebound(addresses)) => {
                return Ok(addresses.lock().expect("addresses").pop().into_iter().collect());
            }
        };
        if found.is_empty() {
            return Err(ConnectError::Unresolved(io::ErrorKind::NotFound.into()));
        }
        if found.iter().all(|address| law.allows(address.ip())) { Ok(found) } else { Err(ConnectError::Address) }
    }
}

impl Law {
    fn allows(self, ip: IpAddr) -> bool {
        match self {
            Self::PublicOnly => public::is_public(ip),
            Self::Premises => public::is_premises(ip),
        }
    }
}

/// Tries the addresses in turn, each for its share of the time that is left, so that a dead one does not eat it all.
pub(super) async fn dial(addresses: &[SocketAddr], by: Instant) -> Result<TcpStream, ConnectError> {
    let mut last = ConnectError::Late;
    for (tried, address) in addresses.iter().enumerate() {
        let remaining = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = by.saturating_duration_since(Instant::now()) / remaining;
        match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => last = ConnectError::Tcp(error),
            Err(_) => last = ConnectError::Late,
        }
    }
    Err(last)
}
