//! Large uploads: they go on as they are, they share what there is room for, and who leaves is followed.

use phi_record::entry::{Reach, Status};
use phi_simulate::{Ended, Fault};
use phi_words::Quality;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{PATH, form, hear, up, up_with, upload, wav};
use crate::stand::{SOON, wait_until};

/// 13.8 minutes: 26.5 MB.
const LONG: u32 = 830_000;

#[tokio::test]
async fn p28_twenty_five_megabytes_are_heard_and_more_is_refused_with_its_length() {
    let stand = up().await;
    let sound = wav(LONG);
    assert!(sound.len() > 25 << 20);
    let reply = stand.ask(upload(form(&sound, &[("model", "ears/later")]))).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = stand.host("alps-a").seen().pop().unwrap();
    let at = memchr(&seen.body, b"RIFF");
    assert!(seen.body[at..at + sound.len()] == sound[..], "not a byte is another");
    assert_eq!(stand.closed(reply.id()).await.status, Status::Answered);
    let longer = stand.ask(upload(vec![0; (26 << 20) + 1])).await;
    assert_eq!(longer.refusal(), (413, "request_too_large".to_owned()));
    assert!(longer.text().contains("27262976") && longer.text().contains("gateway.audio_bytes"), "{}", longer.text());
}

fn memchr(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|window| window == what).unwrap()
}

#[tokio::test]
async fn p28_fifty_at_once_share_what_there_is_room_for() {
    let stand = up_with("[gateway]\nbody_bytes = 65536\nembeddings_bytes = 65536\nbodies_bytes = 1048576\n").await;
    stand.host("alps-a").always(Some(Fault::Stall { after: None }));
    let mut asked = JoinSet::new();
    for _ in 0..50 {
        let (ask, address) = (hear("ears-a-w", &[]).token(&stand.token), stand.address());
        asked.spawn(async move { ask.send(address).await.whole().await });
    }
    // 64 kB each: those for which there is room wait for their host, the others are told so.
    let mut shed = 0;
    while shed < 30 {
        let reply = asked.join_next().await.unwrap().unwrap();
        assert_eq!(reply.refusal(), (503, "overloaded".to_owned()), "{reply:?}");
        assert!(reply.text().contains("gateway.bodies_bytes"), "{}", reply.text());
        shed += 1;
    }
    let running = stand.gateway.running();
    assert!((1..=16).contains(&running), "{running}");
    drop(asked);
    wait_until("all have left", async || stand.gateway.running() == 0).await;
    stand.afresh();
    assert_eq!(stand.ask(hear("ears/w", &[])).await.status, 200, "the room is given back");
}

#[tokio::test]
async fn a_caller_who_leaves_in_mid_upload_reaches_nobody() {
    let stand = up().await;
    let body = form(&wav(2_000), &[("model", "ears/w")]);
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: phi.example\r\nauthorization: Bearer {}\r\ncontent-type: multipart/form-data; boundary=b\r\n\
         content-length: {}\r\n\r\n",
        stand.token,
        body.len()
    );
    let mut tcp = TcpStream::connect(stand.address()).await.unwrap();
    tcp.write_all(head.as_bytes()).await.unwrap();
    tcp.write_all(&body[..body.len() / 2]).await.unwrap();
    wait_until("it is being read", async || stand.gateway.running() == 1).await;
    drop(tcp);
    wait_until("its place is given back", async || stand.gateway.running() == 0).await;
    assert!(stand.reached().is_empty());
    assert!(!stand.ledger_text().await.contains("\"opened\""), "nothing was opened");
}

#[tokio::test]
async fn a_caller_who_leaves_while_a_host_works_is_followed_at_once() {
    let stand = up().await;
    for (model, host, fault, reach) in [
        ("ears-a-w", "alps-a", Fault::Stall { after: None }, Reach::Sent),
        ("ears/later", "alps-a", Fault::Stall { after: Some(3) }, Reach::Answered),
    ] {
        stand.afresh();
        stand.host(host).always(Some(fault));
        let stream = if model == "ears/later" { "true" } else { "false" };
        let ask = hear(model, &[("stream", stream)]);
        let (asking, arrived) = (stand.begin(ask), stand.host(host).wait_for(SOON, |seen| !seen.is_empty()));
        if reach == Reach::Answered {
            let mut coming = asking.await;
            coming.until("of ").await;
            drop(coming);
        } else {
            tokio::select! {
                _ = asking => panic!("it was answered"),
                seen = arrived => assert!(seen.is_some()),
            }
        }
        let id = stand.newest_opened().await;
        let closed = stand.closed(id).await;
        assert_eq!((closed.status, closed.attempts[0].reach), (Status::CallerLeft, reach), "{model}");
        assert_eq!((closed.usage.audio_ms, closed.quality), (2_000, Quality::Estimated), "the host had it: {model}");
        let left = stand.host(host).wait_for(SOON, |seen| seen.iter().all(|seen| seen.ended == Ended::HungUp)).await;
        assert!(left.is_some(), "{model}");
    }
}
