use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, Error, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate authority that only tests trust.
#[derive(Debug)]
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// What a host by TLS speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Http {
    /// HTTP/1.1 alone.
    One,
    /// HTTP/2 as well, which it prefers.
    Two,
}

impl Ca {
    /// A fresh authority with a key of its own.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn new() -> Result<Self, Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let own = params.self_signed(&key)?;
        Ok(Self { certificate: own.der().clone(), pem: own.pem(), issuer: Issuer::new(params, key) })
    }

    /// Its certificate, to be trusted by the client under test.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// The same in PEM, for a file.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// What a host needs to prove that it is one of `names`; it speaks HTTP/1.1.
    ///
    /// # Errors
    /// Where a name is none, or no key can be made.
    pub fn identity(&self, names: &[&str]) -> Result<Arc<ServerConfig>, Error> {
        self.identity_by(names, Http::One)
    }

    /// The same for a host that speaks this HTTP.
    ///
    /// # Errors
    /// As [`Ca::identity`].
    pub fn identity_by(&self, names: &[&str], http: Http) -> Result<Arc<ServerConfig>, Error> {
        self.sign(&CertificateParams::new(own(names))?, http)
    }

    /// The same, expired long ago.
    ///
    /// # Errors
    /// As [`Ca::identity`].
    pub fn expired(&self, names: &[&str]) -> Result<Arc<ServerConfig>, Error> {
        let mut params = CertificateParams::new(own(names))?;
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2020, 1, 2));
        self.sign(&params, Http::One)
    }

    fn sign(&self, params: &CertificateParams, http: Http) -> Result<Arc<ServerConfig>, Error> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let secret = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], secret))
            .map_err(|_| Error::CouldNotParseKeyPair)?;
        config.alpn_protocols = match http {
            Http::One => vec![b"http/1.1".to_vec()],
            Http::Two => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        Ok(Arc::new(config))
    }
}

fn own(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
