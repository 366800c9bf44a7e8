//! The good way: a client of the library's, over TLS as it is offered, and in clear.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use phi_gateway::{Certificate, Serve, Stop, Tls};
use phi_record::entry::Status;
use phi_simulate::{Ended, Fault};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::ask::{Ask, Reply, streamed};
use crate::stand::Stand;

/// A connection of HTTP/2.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    _task: JoinSet<()>,
}

/// One in clear, by prior knowledge.
pub(crate) async fn client(stand: &Stand) -> Client {
    Client::over(TcpStream::connect(stand.address()).await.unwrap()).await
}

impl Client {
    pub(crate) async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let mut task = JoinSet::new();
        task.spawn(async move { drop(connection.await) });
        Self { sender, _task: task }
    }

    /// Asks, and waits for the head of the reply.
    pub(crate) async fn begin(&mut self, ask: Ask) -> http::Response<hyper::body::Incoming> {
        self.sender.send_request(ask.to_http2()).await.unwrap()
    }

    /// Asks, and reads the whole reply.
    pub(crate) async fn ask(&mut self, ask: Ask) -> Reply {
        let (head, body) = self.begin(ask).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: head.status.as_u16(), headers: head.headers, body }
    }
}

#[tokio::test]
async fn chats_are_answered_whole_and_streamed_over_tls_by_what_is_offered() {
    let stand = Stand::up().await;
    let made = rcgen::generate_simple_self_signed(["phi.test".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = Arc::new(Tls::new(Certificate::parse(chain.as_bytes(), key.as_bytes(), None).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_stopper, stop) = Stop::pair();
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::clone(&stand.gateway).serve(listener, Serve::Traffic(Some(tls)), stop));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    for (offers, chosen) in [
        (vec!["h2", "http/1.1"], Some("h2")),
        (vec!["http/1.1", "h2"], Some("h2")),
        (vec!["h2"], Some("h2")),
        (vec!["http/1.1"], Some("http/1.1")),
        (vec![], None),
    ] {
        let mut config = config.clone();
        config.alpn_protocols = offers.iter().map(|name| name.as_bytes().to_vec()).collect();
        let tcp = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("phi.test").unwrap();
        let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen.map(str::as_bytes), "{offers:?}");
        if chosen != Some("h2") {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.unwrap();
            tasks.spawn(async move { drop(connection.await) });
            let request = http::Request::get("/health").header("host", "phi.test").body(Full::default()).unwrap();
            assert_eq!(sender.send_request(request).await.unwrap().status(), 200, "{offers:?}");
            continue;
        }
        let mut client = Client::over(stream).await;
        let whole = client.ask(Ask::chat("alps/m").token(&stand.token)).await;
        let usual = stand.ask(Ask::chat("alps/m")).await;
        assert_eq!((whole.status, whole.content()), (200, usual.content()));
        assert_eq!(stand.closed(whole.id()).await.status, Status::Answered);
        let flow = client.ask(Ask::stream("alps/m").token(&stand.token)).await;
        assert_eq!((flow.status, streamed(&flow.events())), (200, usual.content()));
        assert_eq!(flow.events().last().map(String::as_str), Some("[DONE]"));
        assert_eq!(stand.closed(flow.id()).await.status, Status::Answered);
    }
}

#[tokio::test]
async fn streams_of_one_connection_run_beside_each_other() {
    let stand = Stand::up().await;
    let client = client(&stand).await;
    stand.host("alps-a").next([Fault::Stall { after: Some(3) }]);
    let mut slow = client.sender.clone();
    let slow = slow.send_request(Ask::stream("alps/m").token(&stand.token).to_http2()).await.unwrap();
    let mut asked = JoinSet::new();
    for _ in 0..50 {
        let (mut sender, token) = (client.sender.clone(), stand.token.clone());
        asked.spawn(async move { sender.send_request(Ask::chat("alps/m").token(&token).to_http2()).await.unwrap() });
    }
    let ids: std::collections::BTreeSet<String> = asked
        .join_all()
        .await
        .iter()
        .map(|reply| {
            assert_eq!(reply.status(), 200);
            reply.headers()["x-request-id"].to_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 50, "each has an id of its own");
    // Who takes back one stream is followed at once, and the connection goes on.
    let id = slow.headers()["x-request-id"].to_str().unwrap().parse().unwrap();
    drop(slow);
    let host = stand.host("alps-a");
    let seen = host.wait_for(Duration::from_secs(1), |seen| seen.iter().any(|seen| seen.ended == Ended::HungUp)).await;
    assert!(seen.is_some(), "the host still works: {:?}", host.seen());
    assert_eq!(stand.closed(id).await.status, Status::CallerLeft);
}

#[tokio::test]
async fn an_agents_limit_of_requests_at_once_counts_streams() {
    let stand = Stand::up().await;
    let token = stand.token_of("single", "--at-once 1", "").await;
    let mut client = client(&stand).await;
    stand.host("alps-a").next([Fault::Stall { after: Some(3) }]);
    let first = client.sender.send_request(Ask::stream("alps/m").token(&token).to_http2()).await.unwrap();
    assert_eq!(first.status(), 200);
    assert_eq!(client.ask(Ask::chat("alps/m").token(&token)).await.refusal(), (429, "rate_limited".to_owned()));
}
