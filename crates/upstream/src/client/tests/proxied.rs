//! Hosts that are reached through a proxy.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use phi_simulate::ProxyFault;

use super::super::connect::Names;
use super::*;
use crate::Proxy;

/// A host whose name the proxy alone can resolve.
struct Behind {
    set: Set,
    proxy: phi_simulate::Proxy,
    _folder: tempfile::TempDir,
}

fn login_file(folder: &tempfile::TempDir, text: &str, mode: u32) -> PathBuf {
    let path = folder.path().join("login");
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
    path
}

async fn behind(http: Http, login: Option<&str>, deadlines: Deadlines) -> Behind {
    let ca = Ca::new().expect("an authority");
    signed_by(&ca, &ca, http, login, deadlines).await
}

/// The host's certificate is of the one authority, and the client trusts the other.
async fn signed_by(signs: &Ca, trusted: &Ca, http: Http, login: Option<&str>, deadlines: Deadlines) -> Behind {
    let identity = signs.identity_by(&[NAME], http).expect("an identity");
    let host = Host::start_tls(identity).await.expect("a host");
    let ways = HashMap::from([(format!("{NAME}:443"), host.address())]);
    let proxy = phi_simulate::Proxy::start(ways).await.expect("a proxy");
    let folder = tempfile::tempdir().expect("a folder");
    let file = login.map(|login| login_file(&folder, login, 0o600));
    let named = Proxy::parse(&format!("http://{}", proxy.address()), file).expect("an address");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.certificate()).expect("a root");
    let names = Names::Given(std::sync::Arc::default());
    let client = Client::build(roots, &names, Some(&named), deadlines).expect("a client");
    let set = Set { host, client, target: target("https://api.host.test/v1", false) };
    Behind { set, proxy, _folder: folder }
}

by_either!(
    a_host_is_reached_by_name_and_tls_goes_from_end_to_end,
    a_proxy_that_fails_is_a_host_that_cannot_be_connected_to,
);

async fn a_host_is_reached_by_name_and_tls_goes_from_end_to_end(http: Http) {
    let Behind { set, proxy, .. } = behind(http, Some("clinic:open sesame\n"), Deadlines::default()).await;
    assert!(set.whole().await.expect("an answer").ends_with(b"}"));
    let mut arrived = set.send(STREAM).await.expect("a stream");
    drain(&mut arrived).await.expect("the whole stream");
    drop(arrived);
    assert_eq!((set.host.seen().len(), set.host.connections()), (2, 1));
    // `clinic:open sesame`, as RFC 7617 writes it.
    let ask = "CONNECT api.host.test:443 HTTP/1.1\r\nhost: api.host.test:443\r\nproxy-authorization: Basic Y2xpbmljOm9wZW4gc2VzYW1l\r\n\r\n";
    assert_eq!(proxy.asked(), [ask], "the proxy sees nothing else");
    assert_eq!(set.host.seen()[0].header("proxy-authorization"), None);
}

async fn a_proxy_that_fails_is_a_host_that_cannot_be_connected_to(http: Http) {
    let Behind { set, proxy, .. } = behind(http, None, quick()).await;
    let sent = Sent::default();
    for (fault, says) in [
        (ProxyFault::Status(407), "upstream.proxy_login_file"),
        (ProxyFault::Status(403), "status 403"),
        (ProxyFault::Status(502), "status 502"),
        (ProxyFault::Status(302), "status 302"),
        (ProxyFault::Hang, "did not answer in time"),
        (ProxyFault::Cut, "broke off"),
        (ProxyFault::Garbage, "no HTTP proxy"),
        (ProxyFault::LongHead, "no HTTP proxy"),
        (ProxyFault::Meddle, "no HTTP proxy"),
    ] {
        proxy.next([fault]);
        let error = set.send_to(&set.target, ASK, &sent).await.expect_err("no way");
        let shown = format!("{:?}", chain_of(&error));
        assert!(shown.contains(says), "{fault:?}: {shown}");
        assert!(!shown.contains("leaked") && !format!("{error:?}").contains("leaked"), "{shown}");
        assert_eq!(in_the_way(Err::<(), _>(error)), Some(Obstacle::Proxy), "{fault:?}");
    }
    // A name that the proxy does not know, and a proxy that is gone.
    let unknown = target("https://other.host.test", false);
    assert!(matches!(set.send_to(&unknown, ASK, &sent).await, Err(Trouble::Connect(_))));
    drop(proxy);
    let error = set.send_to(&set.target, ASK, &sent).await.expect_err("no way");
    assert!(format!("{:?}", chain_of(&error)).contains("cannot be reached"), "{error:?}");
    assert!(!sent.has_left() && set.host.seen().is_empty(), "nothing has left");
}

#[tokio::test]
async fn a_login_that_is_not_taken_is_called_so() {
    let Behind { set, proxy, .. } = behind(Http::Two, Some("clinic:sesame"), quick()).await;
    proxy.next([ProxyFault::Status(407)]);
    let error = set.send(ASK).await.expect_err("no way");
    let shown = format!("{error:?} {:?}", chain_of(&error));
    assert!(shown.contains("does not take the login"), "{shown}");
    assert!(!shown.contains("sesame") && !format!("{:?}", set.client).contains("sesame"));
}

#[tokio::test]
async fn premises_are_never_reached_through_it_nor_private_addresses_by_it() {
    let Behind { set, proxy, .. } = behind(Http::One, None, quick()).await;
    let near = Host::start().await.expect("a host");
    let premises = target(&format!("http://{}/v1", near.address()), true);
    assert!(set.send_to(&premises, ASK, &Sent::default()).await.is_ok());
    for private in ["127.0.0.1", "10.0.0.1", "[::1]", "169.254.169.254"] {
        let target = target(&format!("https://{private}:{}", near.address().port()), false);
        let tried = set.send_to(&target, ASK, &Sent::default()).await;
        assert_eq!(in_the_way(tried), Some(Obstacle::Address), "{private}");
    }
    assert_eq!((near.seen().len(), proxy.asked().len()), (1, 0));
}

#[tokio::test]
async fn a_proxy_that_leads_elsewhere_is_found_out() {
    let (ca, other) = (Ca::new().expect("an authority"), Ca::new().expect("an authority"));
    let Behind { set, proxy, .. } = signed_by(&other, &ca, Http::Two, None, quick()).await;
    let sent = Sent::default();
    assert!(matches!(set.send_to(&set.target, ASK, &sent).await, Err(Trouble::Connect(_))));
    assert!(!sent.has_left() && set.host.seen().is_empty());
    assert_eq!(proxy.asked().len(), 1);
}

#[test]
fn a_file_of_a_login_is_private_and_holds_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let client = |file: PathBuf| {
        let proxy = Proxy::parse("http://127.0.0.1:3128", Some(file)).expect("an address");
        Client::new(None, Some(&proxy), quick()).map(drop)
    };
    assert!(client(login_file(&folder, "clinic:sesame\r\n", 0o600)).is_ok());
    assert!(matches!(client(login_file(&folder, "clinic:sesame", 0o640)), Err(ClientError::LoginOpen(_))));
    for nothing in ["", "sesame\n", ":sesame", "clinic:sesame\nother:sesame\n"] {
        let refused = client(login_file(&folder, nothing, 0o600));
        assert!(matches!(refused, Err(ClientError::NoLogin(_))), "{nothing:?}");
    }
    assert!(matches!(client(folder.path().join("absent")), Err(ClientError::LoginFile { .. })));
}
