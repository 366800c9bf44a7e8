//! The API over TLS, with a key that others cannot read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, CertifiedKey, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::call::Ask;
use crate::deploy::Deploy;
use crate::serving::Serving;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_served_with_a_key_of_its_owner_alone() {
    let made = rcgen::generate_simple_self_signed(["phi.test".to_owned()]).expect("a certificate");
    let deploy = Deploy::init();
    let (chain, key) = (deploy.root().join("chain.pem"), deploy.root().join("key.pem"));
    fs::write(&chain, made.cert.pem()).expect("written");
    fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    deploy.settings(&format!("[listen]\ncertificate = \"{}\"\nkey = \"{}\"", chain.display(), key.display()));
    for mode in [0o644, 0o640] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).expect("changed");
        let error = deploy.refused(&["serve"]);
        assert!(error.contains("listen.key") && error.contains("chmod 600"), "{error}");
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("changed");

    let serving = Serving::start(&deploy);
    assert_eq!(serving.lines("phi serves https://"), 1);
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(serving.traffic).await.expect("connected");
    let name = ServerName::try_from("phi.test").expect("a name");
    let mut stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await.expect("a handshake");
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: phi.test\r\nconnection: close\r\n\r\n").await.expect("written");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.expect("an answer");
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.contains(r#"{"status":"ok"}"#), "{reply}");
    assert_eq!(Ask::new("GET", "/health").send(serving.traffic).await.status, 0, "nothing is answered without TLS");
    serving.stop();

    deploy.settings(&format!("[listen]\ncertificate = \"{0}\"\nkey = \"{0}\"", chain.display()));
    fs::set_permissions(&chain, fs::Permissions::from_mode(0o600)).expect("changed");
    assert!(deploy.refused(&["serve"]).contains("TLS of the API"));
}

fn made() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["phi.test".to_owned()]).expect("a certificate")
}

/// What a caller hears who trusts this certificate, and shows one of its own where it has one.
async fn heard(
    serving: &Serving,
    trusts: &CertificateDer<'static>,
    shows: Option<&(CertificateDer<'static>, Vec<u8>)>,
) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusts.clone()).expect("a root");
    let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let client = match shows {
        None => client.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.clone()));
            client.with_client_auth_cert(vec![certificate.clone()], key).expect("usable")
        }
    };
    let stream = TcpStream::connect(serving.traffic).await?;
    let name = ServerName::try_from("phi.test").expect("a name");
    let mut stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await?;
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: phi.test\r\nconnection: close\r\n\r\n").await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    Ok(reply)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_changed_while_the_server_runs_and_callers_are_asked_for_theirs() {
    let (first, second) = (made(), made());
    let deploy = Deploy::init();
    let (chain, key) = (deploy.root().join("chain.pem"), deploy.root().join("key.pem"));
    let write = |made: &CertifiedKey<KeyPair>| {
        fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("changed");
        fs::write(&chain, made.cert.pem()).expect("written");
    };
    write(&first);
    let settings = format!("[listen]\ncertificate = \"{}\"\nkey = \"{}\"\n", chain.display(), key.display());
    deploy.settings(&settings);
    let serving = Serving::start(&deploy);
    let (of_first, of_second) = (first.cert.der().clone(), second.cert.der().clone());
    assert!(heard(&serving, &of_first, None).await.is_ok_and(|reply| reply.starts_with("HTTP/1.1 200 ")));

    write(&second);
    serving.wait_line("are in force", 1);
    assert!(heard(&serving, &of_second, None).await.is_ok_and(|reply| reply.starts_with("HTTP/1.1 200 ")));
    assert!(heard(&serving, &of_first, None).await.is_err(), "the one before is shown no more");

    fs::write(&chain, "no certificate").expect("written");
    let error = deploy.refused(&["config", "reload"]);
    assert!(error.contains("TLS of the API"), "{error}");
    assert!(heard(&serving, &of_second, None).await.is_ok(), "what was in force stays so");
    write(&second);

    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let callers = deploy.root().join("callers.pem");
    fs::write(&callers, authority.pem()).expect("written");
    deploy.settings(&format!("{settings}client_ca = \"{}\"\n", callers.display()));
    assert_eq!(deploy.json(&["config", "reload"])["waits_for_restart"], serde_json::json!([]));
    let own = KeyPair::generate().expect("a key");
    let signed = CertificateParams::new(["caller".to_owned()]).expect("a name").signed_by(&own, &authority);
    let caller = (signed.expect("a certificate").der().clone(), own.serialize_der());
    assert!(heard(&serving, &of_second, Some(&caller)).await.is_ok_and(|reply| reply.starts_with("HTTP/1.1 200 ")));
    assert!(heard(&serving, &of_second, None).await.is_err(), "without a certificate");
    serving.stop();
}
