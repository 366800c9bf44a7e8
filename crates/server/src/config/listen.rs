//! The settings of what stands in front of the request path: listeners, and how much is taken on.

use std::path::PathBuf;

use phi_gateway::{Bounds, Edge};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, Written, seconds, wrong};

/// Where it listens.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListenSection {
    /// The address of the API. An address that is not loopback needs TLS, or `plaintext = true`. `PHI_LISTEN_TRAFFIC`
    /// overrides it.
    pub traffic: String,
    /// The address of probes and metrics. `PHI_LISTEN_CONSOLE` overrides it.
    pub console: String,
    /// Whether the API may be served without TLS on an address that is not loopback.
    pub plaintext: bool,
    /// The certificate chain of the API, a PEM file.
    pub certificate: Option<PathBuf>,
    /// Its private key, a PEM file that only this user can read.
    pub key: Option<PathBuf>,
    /// Authorities of callers' certificates, a PEM file: who shows none of theirs gets no connection. Tokens are needed as
    /// well.
    pub client_ca: Option<PathBuf>,
    /// Connections in all; one more is closed at once.
    pub connections: usize,
    /// Connections from one address, which of IPv6 is a /64; one more is closed at once. Behind a proxy everybody comes
    /// from one address.
    pub connections_per_address: usize,
    /// Seconds for the head of a request, from its first byte on; a new connection has as long to send that.
    pub head_seconds: u64,
    /// Seconds that a connection is kept between two requests.
    pub idle_seconds: u64,
    /// Seconds that whoever reads nothing of an answer is waited for.
    pub write_seconds: u64,
    /// Requests at once on one connection of HTTP/2; one more waits for its turn with whoever sends it.
    pub streams: u32,
    /// Seconds that a connection becomes old; then what runs on it is answered, and it ends.
    pub lifetime_seconds: u64,
    /// Seconds between SIGTERM and the end of listening, in which `/readyz` says so already and each answer is the last one
    /// of its connection. SIGINT has none.
    pub grace_seconds: u64,
    /// Seconds that running requests are given to end after that.
    pub drain_seconds: u64,
}

impl Default for ListenSection {
    fn default() -> Self {
        let edge = Edge::default();
        Self {
            traffic: "127.0.0.1:8080".into(),
            console: "127.0.0.1:8081".into(),
            plaintext: false,
            certificate: None,
            key: None,
            client_ca: None,
            connections: edge.connections,
            connections_per_address: edge.connections_per_address,
            head_seconds: edge.head.as_secs(),
            idle_seconds: edge.idle.as_secs(),
            write_seconds: edge.write.as_secs(),
            streams: edge.streams,
            lifetime_seconds: edge.lifetime.as_secs(),
            grace_seconds: 5,
            drain_seconds: 120,
        }
    }
}

/// How much it takes on.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GatewaySection {
    /// The longest body of a request, in bytes.
    pub body_bytes: usize,
    /// The longest body of a request for embeddings, in bytes.
    pub embeddings_bytes: usize,
    /// The longest body of a transcription, in bytes; not more than `bodies_bytes`.
    pub audio_bytes: usize,
    /// The longest body with a document, in bytes; not more than `bodies_bytes`.
    pub document_bytes: usize,
    /// Bytes of bodies that are held at once, all requests together, until their answers begin; one more is refused as
    /// `overloaded`.
    pub bodies_bytes: usize,
    /// Seconds that a body may pause.
    pub body_idle_seconds: u64,
    /// Requests that run at once; one more is refused as `overloaded`.
    pub running: usize,
}

impl Default for GatewaySection {
    fn default() -> Self {
        let bounds = Bounds::default();
        Self {
            body_bytes: bounds.body_bytes,
            embeddings_bytes: bounds.embeddings_bytes,
            audio_bytes: bounds.audio_bytes,
            document_bytes: bounds.document_bytes,
            bodies_bytes: bounds.bodies_bytes,
            body_idle_seconds: bounds.body_idle.as_secs(),
            running: bounds.running,
        }
    }
}

/// The files of the API's TLS, all PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities of callers' certificates.
    pub client_ca: Option<PathBuf>,
}

impl Written {
    pub(super) fn tls(&self) -> Result<Option<TlsFiles>, ConfigError> {
        let ListenSection { certificate, key, client_ca, .. } = &self.listen;
        match (certificate.clone(), key.clone(), client_ca.clone()) {
            (Some(certificate), Some(key), client_ca) => Ok(Some(TlsFiles { certificate, key, client_ca })),
            (None, None, None) => Ok(None),
            (None, None, Some(_)) => {
                let hint = "set `listen.certificate` and `listen.key` too";
                Err(wrong("listen.client_ca", "needs TLS".into(), hint))
            }
            (Some(_), None, _) | (None, Some(_), _) => {
                Err(wrong("listen.certificate", "and `listen.key` go together".into(), "set both, or neither"))
            }
        }
    }

    fn edge(&self) -> Result<Edge, ConfigError> {
        let section = &self.listen;
        if section.connections == 0 || section.connections_per_address == 0 || section.streams == 0 {
            return Err(wrong(
                "listen.connections",
                "`listen.connections_per_address` and `listen.streams` must be above zero".into(),
                "leave them out for the defaults",
            ));
        }
        Ok(Edge {
            connections: section.connections,
            connections_per_address: section.connections_per_address,
            head: seconds("listen.head_seconds", section.head_seconds)?,
            idle: seconds("listen.idle_seconds", section.idle_seconds)?,
            write: seconds("listen.write_seconds", section.write_seconds)?,
            streams: section.streams,
            lifetime: seconds("listen.lifetime_seconds", section.lifetime_seconds)?,
        })
    }

    pub(super) fn bounds(&self) -> Result<Bounds, ConfigError> {
        let section = &self.gateway;
        let bodies = [section.body_bytes, section.embeddings_bytes, section.audio_bytes, section.document_bytes];
        if section.running == 0 || bodies.contains(&0) {
            return Err(wrong(
                "gateway.running",
                "it and the lengths of bodies in `gateway` must be above zero".into(),
                "leave them out for the defaults",
            ));
        }
        if section.bodies_bytes < section.body_bytes.max(section.embeddings_bytes) {
            return Err(wrong(
                "gateway.bodies_bytes",
                "is less than one body may have".into(),
                "set it to many times `gateway.body_bytes`",
            ));
        }
        Ok(Bounds {
            body_bytes: section.body_bytes,
            embeddings_bytes: section.embeddings_bytes,
            audio_bytes: section.audio_bytes.min(section.bodies_bytes),
            document_bytes: section.document_bytes.min(section.bodies_bytes),
            bodies_bytes: section.bodies_bytes,
            body_idle: seconds("gateway.body_idle_seconds", section.body_idle_seconds)?,
            running: section.running,
            edge: self.edge()?,
        })
    }
}
