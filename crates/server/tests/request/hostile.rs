//! Bodies and heads that were spoiled at random, by seeds that are always the same: each is refused or answered, and
//! recorded, and none is a bug.

use std::time::Duration;

use serde_json::json;

use crate::ask::{Ask, chat, with};
use crate::stand::{Stand, wait_until};

/// A generator that is good enough to spoil things (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % most
    }

    pub(crate) fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }
}

/// Pieces that parsers stumble over.
const PIECES: &[&[u8]] = &[
    b"",
    b"\0",
    b"\"",
    b"\\",
    b"\\ud800",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"{",
    b"]",
    b"[[[[[[[[",
    b"null",
    b"1e999",
    b"-0.0",
    b"99999999999999999999",
    b",\"model\":\"auto\"",
    b"\"stream\":true,",
    b"\"n\":2,",
    b"\"tools\":[{}],",
    b"\"metadata\":{\"a\":\"b\"},",
    b"\xf0\x9f\x98\x80",
    b"\r\n\r\ndata: [DONE]\n\n",
];

fn spoiled(random: &mut Random, body: &str) -> Vec<u8> {
    let mut bytes = body.as_bytes().to_vec();
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len());
        let end = (at + random.below(4)).min(bytes.len());
        bytes.splice(at..end, random.pick(PIECES).iter().copied());
    }
    bytes
}

/// What is wrong with it is told by the code, whichever way it came in, and so it stands in the ledger.
#[tokio::test]
async fn bad_input_by_every_way_in_is_refused_and_recorded() {
    let stand = Stand::up().await;
    for (path, good) in [
        ("/v1/chat/completions", r#"{"model":"alps/m","messages":[{"role":"user","content":"hi"}]}"#),
        ("/v1/messages", r#"{"model":"alps/m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#),
        ("/v1/responses", r#"{"model":"alps/m","input":[{"role":"user","content":"hi"}]}"#),
    ] {
        let with = |field: &str| format!("{},{field}}}", good.strip_suffix('}').unwrap()).into_bytes();
        let deep = format!(r#""tools":{}{}"#, "[".repeat(1_000), "]".repeat(1_000));
        for (bad, code) in [
            (Vec::new(), "invalid_json"),
            (vec![0], "invalid_json"),
            ([&b"\xef\xbb\xbf"[..], good.as_bytes()].concat(), "invalid_json"),
            (good.encode_utf16().flat_map(u16::to_le_bytes).collect(), "invalid_json"),
            (good.replace("hi", "\\ud83d").into_bytes(), "invalid_json"),
            (with(r#""temperature":NaN"#), "invalid_json"),
            (with(r#""model":"alps/m""#), "duplicate_key"),
            (with(r#""temperature":1e999"#), "invalid_request"),
            (with(&deep), "invalid_request"),
            (good.replace("\"hi\"", "7").into_bytes(), "invalid_request"),
            (with(r#""tools":[{"type":"patient","name":"a"}]"#), "unsupported_parameter"),
            (with(r#""file_id":"patient""#), "unsupported_parameter"),
        ] {
            let shown = String::from_utf8_lossy(&bad).chars().take(120).collect::<String>();
            let reply = stand.ask(Ask::text(path, bad)).await;
            assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (400, Some(code)), "{path} {shown}");
            assert!(!reply.text().contains("patient"), "{}", reply.text());
            // Of each agent so many a second are written, and no more.
            stand.clock.advance(Duration::from_secs(1));
            let refused = stand.refused(reply.id()).await.expect("it stands in the ledger");
            assert_eq!(refused.code.as_str(), code, "{path} {shown}");
        }
    }
    assert!(stand.reached().is_empty());
    assert!(stand.recorder.ledger().verify().is_ok());
}

#[tokio::test]
async fn whatever_is_asked_is_refused_or_answered_and_recorded() {
    let stand = Stand::up().await;
    let whole = with(
        chat("alps/m"),
        json!({"temperature": 0.5, "max_tokens": 9, "stop": ["a"], "response_format": {"type": "json_object"}, "user": "u"}),
    )
    .to_string();
    let embed = json!({"model": "alps/e", "input": ["a", "b"], "encoding_format": "base64"}).to_string();
    let mut random = Random(0x5eed_cafe_f00d);
    let mut answered = 0;
    for number in 0..200 {
        let (path, body) = *random.pick(&[("/v1/chat/completions", &whole), ("/v1/embeddings", &embed)]);
        let mut ask = Ask::text(path, spoiled(&mut random, body));
        for name in ["x-phi", "x-region", "x-model-tier", "x-actor", "content-type"] {
            if random.below(20) == 0 {
                let value = random.pick::<&[u8]>(&[b"true", b"CH", b"", b"\xff", b"fast", b"a b", b"EU"]);
                ask = ask.header(name, value);
            }
        }
        let reply = stand.ask(ask).await;
        assert!(reply.status == 200 || (400..500).contains(&reply.status), "{number}: {reply:?}");
        stand.clock.advance(Duration::from_secs(1));
        if reply.status == 200 {
            answered += 1;
            stand.closed(reply.id()).await;
        } else {
            let (error, refused) = (reply.json()["error"].clone(), stand.refused(reply.id()).await);
            assert_eq!(error["code"].as_str(), refused.map(|refused| refused.code.as_str()), "{number}");
        }
    }
    assert!(answered > 20, "{answered} of them: the rest is not spoiled but broken");
    wait_until("all places are given back", async || stand.gateway.running() == 0).await;
    assert!(stand.recorder.ledger().verify().is_ok());
}
