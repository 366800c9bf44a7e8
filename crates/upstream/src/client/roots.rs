use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of more roots cannot be read.
    #[error("`{path}` cannot be read as certificates in PEM")]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The file of more roots holds none.
    #[error("`{0}` holds no certificate")]
    NoCertificate(PathBuf),
    /// The file of the proxy's login cannot be read.
    #[error("`{path}`, the file of the proxy's login, cannot be read")]
    LoginFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Somebody else can read it.
    #[error("others can open `{0}`, the file of the proxy's login\n  hint: `chmod 600 {0}`")]
    LoginOpen(PathBuf),
    /// It holds no login.
    #[error("`{0}` holds no login of a proxy\n  hint: write `NAME:PASSWORD`, on one line")]
    NoLogin(PathBuf),
    /// TLS does not take them.
    #[error("a certificate cannot be trusted, or TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// The roots that the system trusts. Where it has none, only hosts without TLS or of the operator's own authority can be
/// reached; a host that cannot says so when it is tried.
pub(super) fn system() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!("the system trusts no certificate authority; install its package of CA certificates");
    }
    roots
}

pub(super) fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), ClientError> {
    let unread = |source| ClientError::CaFile { path: path.to_owned(), source };
    let before = roots.len();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unread)? {
        roots.add(certificate.map_err(unread)?)?;
    }
    if roots.len() == before { Err(ClientError::NoCertificate(path.to_owned())) } else { Ok(()) }
}

/// TLS 1.2 and 1.3, with no certificate of our own. The host chooses among these protocols.
pub(super) fn tls(roots: Arc<RootCertStore>, protocols: &[&str]) -> Result<TlsConnector, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(TlsConnector::from(Arc::new(config)))
}
