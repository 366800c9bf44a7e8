//! The API over TLS, with a key that others cannot read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
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
