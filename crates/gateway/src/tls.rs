//! TLS towards callers: a certificate that can be changed while the server runs, 1.2 or later, and which protocol is spoken.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Why the API cannot be served over TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is no PEM of what it should hold.
    #[error("a file is not the PEM that it should be")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// The key does not go with the certificate, or neither can be used.
    #[error("certificate and key cannot be used together")]
    Unusable(#[from] rustls::Error),
    /// The authorities of callers hold none that can be used.
    #[error("the authorities of callers' certificates cannot be used")]
    Authorities(#[from] VerifierBuilderError),
}

/// As it is offered and chosen (RFC 9113, section 3.2); who chooses nothing speaks HTTP/1.1.
const HTTP2: &[u8] = b"h2";

/// A certificate chain with its key, and whose certificates callers must show, if any.
#[derive(Debug, Clone)]
pub struct Certificate(Arc<ServerConfig>);

/// What connections are taken with now; those that are there stay as they are.
#[derive(Debug)]
pub struct Tls(ArcSwap<ServerConfig>);

impl Certificate {
    /// Reads chain, private key, and the authorities of callers' certificates where callers must show one, all PEM.
    ///
    /// # Errors
    /// Where one is not what it should be, or they do not go together.
    pub fn parse(chain: &[u8], key: &[u8], callers: Option<&[u8]>) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(key)?;
        let config =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&[&TLS13, &TLS12])?;
        let config = match callers {
            None => config.with_no_client_auth(),
            Some(authorities) => {
                let mut roots = RootCertStore::empty();
                for authority in CertificateDer::pem_slice_iter(authorities) {
                    roots.add(authority?)?;
                }
                config.with_client_cert_verifier(
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?,
                )
            }
        };
        let mut config = config.with_single_cert(chain, key)?;
        config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

impl Tls {
    /// TLS with this certificate, until another is put in its place.
    pub fn new(certificate: Certificate) -> Self {
        Self(ArcSwap::new(certificate.0))
    }

    /// From now on connections are taken with another.
    pub fn replace(&self, certificate: Certificate) {
        self.0.store(certificate.0);
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load_full())
    }
}

/// Whether HTTP/2 was chosen.
pub(crate) fn speaks_http2<S>(stream: &TlsStream<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::ClientConfig;
    use rustls::pki_types::ServerName;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn pair() -> (Vec<u8>, Vec<u8>) {
        let made = rcgen::generate_simple_self_signed(["phi.test".to_owned()]).expect("a certificate");
        (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes())
    }

    fn client(trusts: &[u8], shows: Option<&(Vec<u8>, Vec<u8>)>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(trusts).expect("PEM")).expect("a root");
        let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let mut client = match shows {
            None => client.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(chain).expect("PEM")];
                client.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key).expect("PEM")).expect("usable")
            }
        };
        client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(client)
    }

    /// Whether one word comes through.
    async fn speaks(tls: &Tls, client: Arc<ClientConfig>) -> bool {
        let (near, far) = tokio::io::duplex(4_096);
        let name = ServerName::try_from("phi.test").expect("a name");
        let serve = async {
            let mut served = tls.acceptor().accept(far).await.ok()?;
            assert_eq!(served.get_ref().1.alpn_protocol(), Some(HTTP2));
            let mut heard = [0; 5];
            served.read_exact(&mut heard).await.ok().filter(|_| &heard == b"hello")
        };
        let call = async {
            let mut called = tokio_rustls::TlsConnector::from(client).connect(name, near).await.ok()?;
            called.write_all(b"hello").await.ok()?;
            called.flush().await.ok()?;
            // Held until both are done: what the server has yet to say would have nowhere to go.
            Some(called)
        };
        let (heard, _called) = tokio::join!(serve, call);
        heard.is_some()
    }

    #[tokio::test]
    async fn a_caller_who_trusts_the_certificate_is_served_also_by_the_next_one() {
        let ((chain, key), (next, next_key)) = (pair(), pair());
        let tls = Tls::new(Certificate::parse(&chain, &key, None).expect("usable"));
        assert!(speaks(&tls, client(&chain, None)).await);
        tls.replace(Certificate::parse(&next, &next_key, None).expect("usable"));
        assert!(speaks(&tls, client(&next, None)).await);
        assert!(!speaks(&tls, client(&chain, None)).await, "the certificate before is shown no more");
    }

    #[tokio::test]
    async fn where_callers_must_show_a_certificate_no_other_is_served() {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let theirs = KeyPair::generate().expect("a key");
        let signed = CertificateParams::new(["caller".to_owned()]).expect("a name").signed_by(&theirs, &issuer);
        let theirs = (signed.expect("a certificate").pem().into_bytes(), theirs.serialize_pem().into_bytes());
        let (chain, key) = pair();
        let authority = issuer.pem().into_bytes();
        let tls = Tls::new(Certificate::parse(&chain, &key, Some(&authority)).expect("usable"));
        assert!(speaks(&tls, client(&chain, Some(&theirs))).await);
        assert!(!speaks(&tls, client(&chain, None)).await);
        assert!(!speaks(&tls, client(&chain, Some(&pair()))).await, "of another authority");
    }

    #[test]
    fn files_that_do_not_go_together_are_refused() {
        let ((chain, key), (_, other)) = (pair(), pair());
        let parse = |chain: &[u8], key: &[u8], callers: Option<&[u8]>| Certificate::parse(chain, key, callers);
        assert!(matches!(parse(&chain, &other, None), Err(TlsError::Unusable(_))));
        assert!(matches!(parse(&chain, b"no key", None), Err(TlsError::Pem(_))));
        assert!(parse(b"no certificate", &key, None).is_err());
        assert!(parse(&key, &chain, None).is_err());
        assert!(matches!(parse(&chain, &key, Some(b"no authority")), Err(TlsError::Authorities(_))));
    }
}
