//! The door, against simulated hosts by TLS under the law of real ones.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use phi_catalog::{Auth, Dialect, Evidence, Extent, Host as Row, Template};
use phi_record::Obstacle;
use phi_simulate::{Ca, Ended, Fault, Host, Http, Says};
use phi_vault::AwsKey;
use phi_words::{Prompt, ProviderKey};
use tokio::time::Instant;

use super::{Arrived, Client, ClientError, Sending, Sent, Trouble};
use crate::deadline::{Deadlines, Late};
use crate::hosts::{Target, TargetError};
use crate::keys::Shown;

const SOON: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(30);
const NAME: &str = "api.host.test";
const ASK: &str = r#"{"model":"m","stream":false,"messages":[]}"#;
const STREAM: &str = r#"{"model":"m","stream":true,"messages":[]}"#;

/// Makes each of these a test by HTTP/1.1 and one by HTTP/2.
macro_rules! by_either {
    ($($name:ident),+ $(,)?) => {
        mod by_http1 {
            $(#[tokio::test]
            async fn $name() {
                super::$name(phi_simulate::Http::One).await;
            })+
        }
        mod by_http2 {
            $(#[tokio::test]
            async fn $name() {
                super::$name(phi_simulate::Http::Two).await;
            })+
        }
    };
}

by_either!(
    a_host_is_sent_these_headers_and_no_others,
    a_connection_is_used_again_also_after_a_stream,
    a_connection_that_is_not_used_is_closed,
    a_connection_that_ended_meanwhile_fails_nobody,
    who_drops_an_answer_hangs_up_at_once,
    every_deadline_holds_and_closes_the_connection,
    a_cut_or_mismeasured_answer_says_so,
    broken_connections_and_what_is_not_http,
    an_answer_longer_than_we_hold_is_given_up,
    a_redirect_is_an_answer_and_not_followed,
    a_host_that_cannot_be_connected_to_was_sent_nothing,
    a_host_must_prove_who_it_is,
    an_authority_of_the_operators_own_is_trusted_once_its_file_is_named,
    no_error_shows_what_was_sent_or_answered,
);

mod images;
mod pieces;
mod proxied;
mod shared;

struct Set {
    host: Host,
    client: Client,
    target: Target,
}

fn row(address: &str, premises: bool) -> Row {
    Row {
        name: "host".parse().expect("a name"),
        provider: "provider".parse().expect("a name"),
        dialect: Dialect::OpenAi,
        address: Template::parse(address).expect("an address"),
        auth: Auth::Bearer,
        premises,
        free: false,
        processes_in: Extent::Anywhere,
        evidence: Evidence::Vendor,
        source: String::new(),
        date: "2026-01-01".parse().expect("a date"),
    }
}

fn target(address: &str, premises: bool) -> Target {
    try_target(address, premises).expect("a target")
}

fn try_target(address: &str, premises: bool) -> Result<Target, TargetError> {
    let row = row(address, premises);
    let params = BTreeMap::from([("product".to_owned(), "42".to_owned())]);
    Target::of(&row, &row.address.fill(&params).expect("an address"))
}

fn shown() -> Shown {
    Shown::Key(Arc::new(ProviderKey::new("sk-secret")))
}

fn quick() -> Deadlines {
    let ms = Duration::from_millis;
    Deadlines { connect: ms(1_000), first_byte: ms(500), idle: ms(500), total: ms(2_500) }
}

async fn set(http: Http, deadlines: Deadlines) -> Set {
    let ca = Ca::new().expect("an authority");
    let identity = ca.identity_by(&[NAME], http).expect("an identity");
    let host = Host::start_tls(identity).await.expect("a host");
    let hosts = HashMap::from([(NAME.to_owned(), host.address())]);
    let client = Client::with_hosts(hosts, ca.certificate(), deadlines).expect("a client");
    Set { host, client, target: target("https://api.host.test/2/{product}/v1", false) }
}

impl Set {
    async fn send(&self, body: &'static str) -> Result<Arrived, Trouble> {
        self.send_to(&self.target, body, &Sent::default()).await
    }

    async fn send_to(&self, target: &Target, body: &'static str, sent: &Sent) -> Result<Arrived, Trouble> {
        let key = shown();
        let sending = Sending {
            target,
            path: "/chat/completions",
            key: Some(&key),
            body: Prompt::new(body),
            stream: body == STREAM,
            until: Instant::now() + self.client.deadlines().total,
        };
        self.client.send(sending, sent).await
    }

    async fn whole(&self) -> Result<Vec<u8>, Trouble> {
        Ok(self.send(ASK).await?.whole(1 << 20).await?.expose_bytes().to_vec())
    }

    async fn hung_up(&self) -> bool {
        self.host.wait_for(SOON, |seen| seen.last().is_some_and(|seen| seen.ended == Ended::HungUp)).await.is_some()
    }
}

async fn drain(arrived: &mut Arrived) -> Result<usize, Trouble> {
    let mut bytes = 0;
    while let Some(piece) = arrived.next().await? {
        bytes += piece.len();
    }
    Ok(bytes)
}

async fn a_host_is_sent_these_headers_and_no_others(http: Http) {
    let set = set(http, Deadlines::default()).await;
    let answer = set.whole().await.expect("an answer");
    assert!(answer.starts_with(b"{") && answer.ends_with(b"}"));
    let seen = set.host.seen().remove(0);
    assert_eq!(seen.path(), "/2/42/v1/chat/completions");
    assert_eq!(seen.body, ASK);
    let mut names = seen.header_names();
    names.sort();
    assert_eq!(
        names,
        ["accept", "accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent"]
    );
    let line = String::from_utf8_lossy(&seen.head).lines().next().map(str::to_owned);
    assert!(line.expect("a line").ends_with(if http == Http::Two { " HTTP/2" } else { " HTTP/1.1" }));
    for (name, value) in [
        ("host", NAME),
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("authorization", "Bearer sk-secret"),
        ("content-type", "application/json"),
        ("user-agent", "phi-gateway"),
    ] {
        assert_eq!(seen.header(name).as_deref(), Some(value), "{name}");
    }
}

#[test]
fn each_host_is_shown_the_key_in_its_own_way() {
    let table = [
        (Auth::Bearer, "authorization", "Bearer sk-secret"),
        (Auth::XApiKey, "x-api-key", "sk-secret"),
        (Auth::ApiKey, "api-key", "sk-secret"),
        (Auth::XGoogApiKey, "x-goog-api-key", "sk-secret"),
        (Auth::OcpApimSubscriptionKey, "ocp-apim-subscription-key", "sk-secret"),
        (Auth::Key, "authorization", "Key sk-secret"),
        (Auth::GoogleServiceAccount, "authorization", "Bearer sk-secret"),
    ];
    for (auth, name, value) in table {
        let row = Row { auth, ..row("https://api.host.test", false) };
        let target = Target::of(&row, &row.address.fill(&BTreeMap::new()).expect("an address")).expect("a target");
        let request = target.request("/x", Some(&shown()), false, b"", ()).expect("a request");
        let shown: Vec<_> =
            request.headers().iter().filter(|(_, value)| value.is_sensitive()).map(|(name, _)| name.as_str()).collect();
        assert_eq!(shown, [name], "{auth:?}");
        assert_eq!(request.headers()[name], value, "{auth:?}");
        assert!(target.request("/x", None, false, b"", ()).is_err(), "{auth:?}");
    }
}

#[test]
fn a_host_of_aws_is_shown_signatures_alone() {
    let row = |address| Row { auth: Auth::AwsSigV4, dialect: Dialect::Bedrock, ..row(address, false) };
    let at = |row: &Row| Target::of(row, &row.address.fill(&BTreeMap::new()).expect("an address")).expect("a target");
    let target = at(&row("https://bedrock-runtime.eu-west-1.amazonaws.com/model"));
    let key = r#"{"AccessKeyId":"AKIDEXAMPLEEXAMPLE00","SecretAccessKey":"sk-secret","SessionToken":"session"}"#;
    let signing = Shown::Aws { key: Arc::new(AwsKey::parse(key).expect("a key")), at: Timestamp::UNIX_EPOCH };
    let request = target.request("/m%3A0/converse-stream", Some(&signing), true, b"{}", ()).expect("a request");
    let mut names: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept",
            "accept-encoding",
            "authorization",
            "content-type",
            "user-agent",
            "x-amz-content-sha256",
            "x-amz-date",
            "x-amz-security-token"
        ]
    );
    let signed = request.headers()["authorization"].to_str().expect("text");
    let scope =
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLEEXAMPLE00/19700101/eu-west-1/bedrock/aws4_request, SignedHeaders=";
    assert!(signed.starts_with(scope), "{signed}");
    assert!(request.headers()["authorization"].is_sensitive());
    assert_eq!(request.headers()["accept"], "application/vnd.amazon.eventstream");
    for wrong in [None, Some(&shown())] {
        assert!(target.request("/x", wrong, false, b"", ()).is_err());
    }
    assert!(at(&row("https://api.host.test")).request("/x", Some(&signing), false, b"", ()).is_err(), "no region");
    let bearer = Row { auth: Auth::Bearer, ..row("https://bedrock-runtime.eu-west-1.amazonaws.com/model") };
    assert!(at(&bearer).request("/x", Some(&signing), false, b"", ()).is_err());
}

async fn a_connection_is_used_again_also_after_a_stream(http: Http) {
    let set = set(http, Deadlines::default()).await;
    set.whole().await.expect("an answer");
    let mut arrived = set.send(STREAM).await.expect("a stream");
    assert!(arrived.told().is_stream);
    while !arrived.next().await.expect("a piece").expect("more").ends_with(b"data: [DONE]\n\n") {}
    arrived.finish().await;
    set.whole().await.expect("an answer");
    assert_eq!(set.host.connections(), 1);
}

async fn a_connection_that_is_not_used_is_closed(http: Http) {
    let set = set(http, Deadlines::default()).await;
    set.whole().await.expect("an answer");
    assert!(set.client.public.sweep(), "it was used since the last time");
    set.whole().await.expect("an answer");
    assert!(set.client.public.sweep() && !set.client.public.sweep(), "nothing is left the second time");
    set.whole().await.expect("an answer");
    // What carries an answer stays, however long that takes.
    let arrived = set.send(STREAM).await.expect("a stream");
    set.client.public.sweep();
    set.client.public.sweep();
    arrived.whole(1 << 20).await.expect("the whole stream");
    set.whole().await.expect("an answer");
    assert_eq!(set.host.connections(), 2);
}

async fn a_connection_that_ended_meanwhile_fails_nobody(http: Http) {
    let set = set(http, Deadlines::default()).await;
    for round in 1..=5 {
        set.whole().await.expect("an answer");
        set.host.shut();
        while tokio::net::TcpStream::connect(set.host.address()).await.is_ok() {}
        set.host.open();
        while tokio::net::TcpStream::connect(set.host.address()).await.is_err() {}
        assert_eq!(set.host.seen().len(), round, "nothing is sent twice");
    }
}

async fn who_drops_an_answer_hangs_up_at_once(http: Http) {
    let set = set(http, Deadlines::default()).await;
    // While the host thinks, before it has said a word.
    set.host.next([Fault::Stall { after: None }]);
    let sent = Sent::default();
    tokio::select! {
        answer = set.send_to(&set.target, STREAM, &sent) => panic!("a host that stalls has answered: {answer:?}"),
        seen = set.host.wait_for(LONG, |seen| seen.len() == 1) => assert!(seen.is_some()),
    }
    assert!(sent.has_left());
    assert!(set.hung_up().await, "{:?}", set.host.seen());
    // In the middle of a stream, while the host is silent and nobody reads.
    set.host.next([Fault::Stall { after: Some(3) }]);
    let mut arrived = set.send(STREAM).await.expect("a stream");
    arrived.next().await.expect("a piece");
    drop(arrived);
    assert!(set.hung_up().await, "{:?}", set.host.seen());
    // The same while somebody waits for the next piece.
    set.host.next([Fault::Stall { after: Some(3) }]);
    let mut arrived = set.send(STREAM).await.expect("a stream");
    let _ = tokio::time::timeout(Duration::from_millis(200), drain(&mut arrived)).await;
    drop(arrived);
    assert!(set.hung_up().await, "{:?}", set.host.seen());
}

async fn every_deadline_holds_and_closes_the_connection(http: Http) {
    let set = set(http, quick()).await;
    set.host.next([Fault::Stall { after: None }]);
    assert!(matches!(set.send(STREAM).await, Err(Trouble::Late(Late::FirstByte))));
    assert!(set.hung_up().await);
    set.host.next([Fault::Stall { after: Some(2) }]);
    let mut arrived = set.send(STREAM).await.expect("a stream");
    assert!(matches!(drain(&mut arrived).await, Err(Trouble::Late(Late::Idle))));
    drop(arrived);
    assert!(set.hung_up().await);
    set.host.says(Says { text: "word ".repeat(200), gap: Duration::from_millis(50), ..Says::default() });
    let mut arrived = set.send(STREAM).await.expect("a stream");
    assert!(matches!(drain(&mut arrived).await, Err(Trouble::Late(Late::Total))));
    drop(arrived);
    assert!(set.hung_up().await);
    // What waits already when the time is over is not taken: a slow reader does not outlast it.
    set.host.says(Says { text: "word ".repeat(50), ..Says::default() });
    let mut arrived = set.send(STREAM).await.expect("a stream");
    tokio::time::sleep(quick().total).await;
    assert!(matches!(arrived.next().await, Err(Trouble::Late(Late::Total))));
}

async fn a_cut_or_mismeasured_answer_says_so(http: Http) {
    let set = set(http, Deadlines::default()).await;
    set.host.next([Fault::WrongLength { by: 7 }, Fault::Cut { after: Some(0) }]);
    let mismeasured = set.whole().await;
    match http {
        Http::One => assert!(matches!(mismeasured, Err(Trouble::CutShort)), "{mismeasured:?}"),
        Http::Two => assert!(matches!(mismeasured, Err(Trouble::NotHttp(_))), "{mismeasured:?}"),
    }
    assert!(matches!(set.whole().await, Err(Trouble::CutShort)));
    set.host.next([Fault::Cut { after: Some(2) }]);
    let mut arrived = set.send(STREAM).await.expect("a stream");
    assert!(matches!(drain(&mut arrived).await, Err(Trouble::CutShort)));
    // By HTTP/1.1 a body that goes on past its length cannot be told from one that does not, but never reaches the next
    // request.
    set.host.next([Fault::WrongLength { by: -7 }]);
    match (http, set.whole().await) {
        (Http::One, answer) => assert!(!answer.expect("a shorter answer").ends_with(b"}")),
        (Http::Two, answer) => assert!(matches!(answer, Err(Trouble::NotHttp(_))), "{answer:?}"),
    }
    assert!(set.whole().await.expect("an answer").ends_with(b"}"));
}

async fn broken_connections_and_what_is_not_http(http: Http) {
    let set = set(http, Deadlines::default()).await;
    let sent = Sent::default();
    set.host.next([
        Fault::Reset { after: None },
        Fault::Reset { after: Some(1) },
        Fault::LongHead { bytes: 200_000 },
        Fault::Encoded,
    ]);
    assert!(matches!(set.send_to(&set.target, ASK, &sent).await, Err(Trouble::Broken(_))));
    assert!(sent.has_left(), "a host that resets may have read it all");
    let mut arrived = set.send(STREAM).await.expect("a stream");
    assert!(matches!(drain(&mut arrived).await, Err(Trouble::Broken(_) | Trouble::CutShort)));
    assert!(matches!(set.send(ASK).await, Err(Trouble::NotHttp(_))));
    let mut arrived = set.send(ASK).await.expect("its head is read, for that tells where it was made");
    assert!(matches!(drain(&mut arrived).await, Err(Trouble::Encoded)));
    assert_eq!(set.host.seen().len(), 4, "nothing is sent twice");
}

async fn an_answer_longer_than_we_hold_is_given_up(http: Http) {
    let set = set(http, Deadlines::default()).await;
    set.host.next([Fault::LongLine { bytes: 3 << 20 }]);
    assert!(matches!(set.whole().await, Err(Trouble::TooLong(_))));
}

async fn a_redirect_is_an_answer_and_not_followed(http: Http) {
    let set = set(http, Deadlines::default()).await;
    let other = Host::start().await.expect("a host");
    let to = format!("http://{}/v1/chat/completions", other.address());
    for code in [301, 302, 303, 307, 308] {
        set.host.next([Fault::Redirect { code, to: to.clone() }]);
        assert_eq!(set.send(ASK).await.expect("an answer").status().as_u16(), code);
    }
    assert!(other.seen().is_empty());
}

/// What kept a connection from being made.
fn in_the_way<T>(tried: Result<T, Trouble>) -> Option<Obstacle> {
    match tried {
        Err(Trouble::Connect(error)) => Some(error.obstacle()),
        Ok(_) | Err(_) => None,
    }
}

async fn a_host_that_cannot_be_connected_to_was_sent_nothing(http: Http) {
    let set = set(http, quick()).await;
    let sent = Sent::default();
    set.host.shut();
    while tokio::net::TcpStream::connect(set.host.address()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(in_the_way(set.send_to(&set.target, ASK, &sent).await), Some(Obstacle::Refused));
    let unknown = target("https://other.host.test", false);
    assert_eq!(in_the_way(set.send_to(&unknown, ASK, &sent).await), Some(Obstacle::Name));
    assert!(!sent.has_left());
    assert!(set.host.seen().is_empty());
}

async fn a_host_must_prove_who_it_is(http: Http) {
    let ca = Ca::new().expect("an authority");
    let stranger = Ca::new().expect("an authority");
    for identity in [
        ca.expired(&[NAME]).expect("an identity"),
        ca.identity_by(&["other.host.test"], http).expect("an identity"),
        stranger.identity_by(&[NAME], http).expect("an identity"),
    ] {
        let host = Host::start_tls(identity).await.expect("a host");
        let hosts = HashMap::from([(NAME.to_owned(), host.address())]);
        let client = Client::with_hosts(hosts, ca.certificate(), quick()).expect("a client");
        let set = Set { host, client, target: target("https://api.host.test", false) };
        let sent = Sent::default();
        assert_eq!(in_the_way(set.send_to(&set.target, ASK, &sent).await), Some(Obstacle::Tls));
        assert!(!sent.has_left() && set.host.seen().is_empty());
    }
}

#[tokio::test]
async fn premises_alone_may_be_plain_and_private() {
    let host = Host::start().await.expect("a host");
    let plain = format!("http://127.0.0.1:{}/v1", host.address().port());
    assert_eq!(try_target(&plain, false), Err(TargetError::Plain));
    let client = Client::new(None, None, quick()).expect("a client");
    let set = Set { host, client, target: target(&plain, true) };
    assert!(set.whole().await.expect("an answer").ends_with(b"}"));
    let local = format!("http://localhost:{}/v1", set.host.address().port());
    assert!(set.send_to(&target(&local, true), ASK, &Sent::default()).await.is_ok(), "names are resolved there too");
    // The same places, of a host that does not stand on the premises: by address, and by a name that leads there.
    let before = set.host.connections();
    let sent = Sent::default();
    for private in ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]"] {
        let target = target(&format!("https://{private}:{}", set.host.address().port()), false);
        let error = set.send_to(&target, ASK, &sent).await.expect_err(private);
        let chain = format!("{:?}", chain_of(&error));
        assert!(chain.contains("an address that a host of its kind cannot have"), "{private}: {chain}");
        assert_eq!(in_the_way(Err::<(), _>(error)), Some(Obstacle::Address), "{private}");
    }
    assert!(!sent.has_left());
    assert_eq!(set.host.connections(), before);
}

async fn an_authority_of_the_operators_own_is_trusted_once_its_file_is_named(http: Http) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let ca = Ca::new().expect("an authority");
    let host = Host::start_tls(ca.identity_by(&["127.0.0.1"], http).expect("an identity")).await.expect("a host");
    let target = target(&format!("https://{}/v1", host.address()), true);
    let client = Client::new(None, None, quick()).expect("a client");
    let mut set = Set { host, client, target };
    assert!(matches!(set.whole().await, Err(Trouble::Connect(_))));
    set.client = Client::new(Some(&file("ca.pem", ca.pem())), None, quick()).expect("a client");
    assert!(set.whole().await.is_ok());
    let refused = |path: &std::path::Path| Client::new(Some(path), None, quick()).err();
    assert!(matches!(refused(&file("empty.pem", "")), Some(ClientError::NoCertificate(_))));
    assert!(matches!(refused(&folder.path().join("absent.pem")), Some(ClientError::CaFile { .. })));
    let broken = ca.pem().replace("MII", "!!!");
    assert!(matches!(refused(&file("broken.pem", &broken)), Some(ClientError::CaFile { .. } | ClientError::Tls(_))));
}

async fn no_error_shows_what_was_sent_or_answered(http: Http) {
    let set = set(http, quick()).await;
    set.host.next([Fault::Reset { after: None }, Fault::LongHead { bytes: 200_000 }, Fault::Stall { after: None }]);
    for _ in 0..3 {
        let error = set.send(STREAM).await.expect_err("a failure");
        let shown = format!("{error:?} {:?}", chain_of(&error));
        for secret in ["sk-secret", "messages", "aaaa", "leaked"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

fn chain_of(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect()
}
