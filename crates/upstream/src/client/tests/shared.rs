//! What HTTP/2 alone brings: requests that share a connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::*;

/// Reasons of RFC 9113, section 7.
const NO_ERROR: u32 = 0;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;

fn thinking(ms: u64) -> Says {
    Says { think: Duration::from_millis(ms), ..Says::default() }
}

/// Connections that answered, by the number of requests that each carried.
fn loads(set: &Set) -> Vec<usize> {
    let mut loads = BTreeMap::<u64, usize>::new();
    for seen in set.host.seen() {
        *loads.entry(seen.connection).or_default() += 1;
    }
    loads.into_values().collect()
}

#[tokio::test]
async fn requests_share_a_connection_and_fail_alone() {
    let set = set(Http::Two, Deadlines::default()).await;
    set.whole().await.expect("an answer");
    // One is dropped, one is reset by the host, and the rest is answered, all by the one connection.
    set.host.next([Fault::Stall { after: Some(2) }, Fault::ResetStream { after: Some(1), code: INTERNAL_ERROR }]);
    let mut stalled = set.send(STREAM).await.expect("a stream");
    stalled.next().await.expect("a piece");
    let mut reset = set.send(STREAM).await.expect("a stream");
    assert!(matches!(drain(&mut reset).await, Err(Trouble::Broken(_))));
    let mut other = set.send(STREAM).await.expect("a stream");
    drop(stalled);
    let hung_up = |seen: &[phi_simulate::Seen]| seen.iter().any(|seen| seen.ended == Ended::HungUp);
    assert!(set.host.wait_for(SOON, hung_up).await.is_some(), "the host hears of it: {:?}", set.host.seen());
    drain(&mut other).await.expect("the whole stream");
    set.whole().await.expect("an answer");
    assert_eq!((set.host.connections(), loads(&set)), (1, vec![5]));
}

#[tokio::test]
async fn who_does_not_read_holds_up_nobody() {
    let set = set(Http::Two, Deadlines::default()).await;
    set.whole().await.expect("an answer");
    // More than a stream's window, for as many as share a connection but one.
    set.host.next(vec![Fault::LongLine { bytes: 1 << 20 }; 15]);
    let mut unread = Vec::new();
    for _ in 0..15 {
        unread.push(set.send(ASK).await.expect("a head"));
    }
    assert!(set.whole().await.expect("an answer").ends_with(b"}"));
    assert_eq!(set.host.connections(), 1);
    for arrived in unread {
        assert_eq!(arrived.whole(2 << 20).await.expect("the whole").expose_bytes().len(), 1 << 20);
    }
}

#[tokio::test]
async fn no_more_than_sixteen_share_a_connection() {
    let set = set(Http::Two, Deadlines::default()).await;
    set.whole().await.expect("an answer");
    set.host.next(vec![Fault::Stall { after: Some(1) }; 17]);
    let mut held = Vec::new();
    for _ in 0..17 {
        held.push(set.send(STREAM).await.expect("a stream"));
    }
    assert_eq!(loads(&set), [17, 1]);
}

#[tokio::test]
async fn a_host_that_takes_few_at_once_is_given_more_connections() {
    let set = set(Http::Two, quick()).await;
    set.host.says(Says { streams: 2, ..thinking(200) });
    // The first tells how many it takes.
    set.whole().await.expect("an answer");
    let all = (0..6).map(|_| set.whole());
    for answer in futures_util::future::join_all(all).await {
        answer.expect("an answer, in time");
    }
    assert!(loads(&set).iter().all(|load| *load <= 3), "{:?}", loads(&set));
    assert_eq!(set.host.seen().len(), 7, "none was refused and sent again");
}

#[tokio::test]
async fn a_connection_that_ends_gently_lets_its_answers_end_and_takes_no_more() {
    let set = set(Http::Two, Deadlines::default()).await;
    set.host.next([Fault::GoAway { after: Some(2), code: NO_ERROR }]);
    let mut arrived = set.send(STREAM).await.expect("a stream");
    drain(&mut arrived).await.expect("the whole stream");
    for _ in 0..3 {
        set.whole().await.expect("an answer");
    }
    assert_eq!((set.host.connections(), set.host.seen().len()), (2, 4));
}

#[tokio::test]
async fn what_breaks_off_says_so_and_is_sent_once() {
    let set = set(Http::Two, Deadlines::default()).await;
    // In mid-answer, by connection and by stream, also where the host calls it no error.
    for fault in [
        Fault::GoAway { after: Some(2), code: INTERNAL_ERROR },
        Fault::ResetStream { after: Some(2), code: CANCEL },
        Fault::ResetStream { after: Some(2), code: NO_ERROR },
    ] {
        set.host.next([fault.clone()]);
        let mut arrived = set.send(STREAM).await.expect("a stream");
        let ended = drain(&mut arrived).await;
        assert!(matches!(ended, Err(Trouble::Broken(_) | Trouble::CutShort)), "{fault:?}: {ended:?}");
    }
    // Before the first byte; even what a host refuses to look at has left us.
    let before = set.host.seen().len();
    for code in [REFUSED_STREAM, CANCEL, NO_ERROR] {
        set.host.next([Fault::ResetStream { after: None, code }]);
        let sent = Sent::default();
        let ended = set.send_to(&set.target, ASK, &sent).await;
        assert!(matches!(ended, Err(Trouble::Broken(_))), "{code}: {ended:?}");
        assert!(sent.has_left());
    }
    set.host.next([Fault::GoAway { after: None, code: INTERNAL_ERROR }]);
    assert!(matches!(set.send(ASK).await, Err(Trouble::Broken(_))));
    assert_eq!(set.host.seen().len() - before, 4, "nothing is sent twice");
    set.whole().await.expect("an answer");
}

#[tokio::test]
async fn a_connection_that_went_silent_is_found_out_and_left() {
    // A ping is due after a second's silence, and its reply a second later; the head only after a minute.
    let deadlines = Deadlines { idle: Duration::from_secs(4), connect: Duration::from_secs(1), ..Deadlines::default() };
    let set = set(Http::Two, deadlines).await;
    set.whole().await.expect("an answer");
    set.host.next([Fault::Mute { after: None }]);
    let ended = tokio::time::timeout(LONG, set.send(ASK)).await.expect("found out");
    assert!(matches!(ended, Err(Trouble::Broken(_))), "{ended:?}");
    set.whole().await.expect("an answer, by another connection");
    assert_eq!(set.host.connections(), 2);
}

#[tokio::test]
async fn a_connection_on_which_an_answer_is_late_is_given_nothing_more() {
    let deadlines = Deadlines { idle: Duration::from_secs(60), ..quick() };
    let set = set(Http::Two, deadlines).await;
    set.whole().await.expect("an answer");
    set.host.next([Fault::Mute { after: None }]);
    assert!(matches!(set.send(STREAM).await, Err(Trouble::Late(Late::FirstByte))));
    set.whole().await.expect("an answer, by another connection");
    assert_eq!(set.host.connections(), 2);
}

#[tokio::test]
async fn a_host_that_agrees_on_http2_and_acknowledges_nothing_is_late() {
    let (set, _host) = odd(b"").await;
    let sent = Sent::default();
    let ended = set.send_to(&set.target, STREAM, &sent).await;
    assert!(matches!(ended, Err(Trouble::Late(Late::FirstByte) | Trouble::Broken(_))), "{ended:?}");
    assert!(sent.has_left());
}

#[tokio::test]
async fn what_a_host_says_at_the_end_of_a_connection_is_not_repeated() {
    // SETTINGS, and GOAWAY with an error and words of the host's own (RFC 9113, section 6.8).
    let goaway = b"\0\0\0\x04\0\0\0\0\0\0\0\x0e\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0bleaked";
    let (set, _host) = odd(goaway).await;
    let error = set.send(ASK).await.expect_err("a failure");
    let shown = format!("{error:?} {:?}", chain_of(&error));
    assert!(!shown.contains("leaked") && matches!(error, Trouble::Broken(_) | Trouble::Connect(_)), "{shown}");
}

#[tokio::test]
async fn an_answer_as_long_as_it_said_is_whole_also_where_the_stream_is_reset_behind_it() {
    // HEADERS with status 200 and the length, DATA, and RST_STREAM that calls it no error, as a host does that has read
    // enough of a request (RFC 9113, section 8.1).
    let reset = b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\0";
    let head = |length: u8| [b"\0\0\x05\x01\x04\0\0\0\x01\x88\x0f\x0d\x01".as_slice(), &[length]].concat();
    for (length, is_whole) in [(b'2', true), (b'3', false)] {
        let answer = [SETTINGS, &head(length), b"\0\0\x02\0\0\0\0\0\x01{}", reset].concat();
        let (set, _host) = odd(answer.leak()).await;
        let answer = set.whole().await;
        match answer {
            Ok(answer) => assert!(is_whole && answer == b"{}"),
            Err(error) => assert!(!is_whole && matches!(error, Trouble::CutShort), "{error:?}"),
        }
    }
}

/// Empty SETTINGS.
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";

/// A host that agrees on HTTP/2, says these bytes to the first request, and reads on for ever.
async fn odd(says: &'static [u8]) -> (Set, JoinSet<()>) {
    let ca = Ca::new().expect("an authority");
    let identity = ca.identity_by(&[NAME], Http::Two).expect("an identity");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let hosts = HashMap::from([(NAME.to_owned(), listener.local_addr().expect("an address"))]);
    let mut task = JoinSet::new();
    task.spawn(async move {
        let (tcp, _) = listener.accept().await.expect("a connection");
        let mut tls = TlsAcceptor::from(identity).accept(tcp).await.expect("TLS");
        let mut came = Vec::new();
        while !has_request(&came) {
            tls.read_buf(&mut came).await.expect("read");
        }
        tls.write_all(says).await.expect("written");
        let _ = tokio::io::copy(&mut tls, &mut tokio::io::sink()).await;
    });
    let client = Client::with_hosts(hosts, ca.certificate(), quick()).expect("a client");
    let host = Host::start().await.expect("a host");
    (Set { host, client, target: target("https://api.host.test", false) }, task)
}

/// Whether there is a frame HEADERS after the client's preface.
fn has_request(came: &[u8]) -> bool {
    let mut rest = came.get(24..).unwrap_or_default();
    while let [a, b, c, kind, ..] = rest {
        if *kind == 1 {
            return true;
        }
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        rest = rest.get(9 + length..).unwrap_or_default();
    }
    false
}
