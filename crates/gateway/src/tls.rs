use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Why the API cannot be served over TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is no PEM of what it should hold.
    #[error("a file is not the PEM that it should be")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// The key does not go with the certificate, or neither can be used.
    #[error("certificate and key cannot be used together")]
    Unusable(#[from] rustls::Error),
}

/// What takes TLS connections with this certificate chain and private key, both PEM.
///
/// # Errors
/// Where either is not what it should be, or they do not go together.
pub fn acceptor(chain: &[u8], key: &[u8]) -> Result<TlsAcceptor, TlsError> {
    let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn pair() -> (Vec<u8>, Vec<u8>) {
        let made = rcgen::generate_simple_self_signed(["phi.test".to_owned()]).expect("a certificate");
        (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes())
    }

    #[tokio::test]
    async fn a_caller_who_trusts_the_certificate_is_served() {
        let (chain, key) = pair();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&chain).expect("PEM")).expect("a root");
        let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (near, far) = tokio::io::duplex(4_096);
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
        let name = ServerName::try_from("phi.test").expect("a name");
        let (served, called) =
            tokio::join!(acceptor(&chain, &key).expect("usable").accept(far), connector.connect(name, near));
        let (mut served, mut called) = (served.expect("a handshake"), called.expect("a handshake"));
        called.write_all(b"hello").await.expect("written");
        called.flush().await.expect("flushed");
        let mut heard = [0; 5];
        served.read_exact(&mut heard).await.expect("read");
        assert_eq!(&heard, b"hello");
    }

    #[test]
    fn files_that_do_not_go_together_are_refused() {
        let ((chain, key), (_, other)) = (pair(), pair());
        assert!(matches!(acceptor(&chain, &other), Err(TlsError::Unusable(_))));
        assert!(matches!(acceptor(&chain, b"no key"), Err(TlsError::Pem(_))));
        assert!(acceptor(b"no certificate", &key).is_err());
        assert!(acceptor(&key, &chain).is_err());
    }
}
