//! Addresses in what a caller sends: nobody goes there, neither the gateway nor a host.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::ask::{Ask, with};
use crate::dialects::{self, ask};
use crate::stand::Stand;

/// A model of a host of each dialect.
const MODELS: [&str; 5] = ["gpt/c", "minstrel/c", "claude/c", "vertex-claude/c", "gemini/c"];

/// A listener of this machine that nobody may reach.
struct Private(TcpListener);

impl Private {
    async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// Whether the first who knocks at the door is who knocks now.
    async fn is_unreached(&self) -> bool {
        let knocking = TcpStream::connect(self.0.local_addr().unwrap()).await.unwrap();
        self.0.accept().await.unwrap().1 == knocking.local_addr().unwrap()
    }
}

/// The ways to write where a caller would have somebody go.
fn addresses(port: u16) -> Vec<String> {
    let mut addresses: Vec<String> = [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "localhost",
        "localhost.",
        "user:word@127.0.0.1",
        "0.0.0.0",
    ]
    .iter()
    .map(|host| format!("http://{host}:{port}/a.png"))
    .collect();
    addresses.extend(
        [
            "http://169.254.169.254/latest/meta-data/",
            "http://metadata.google.internal/computeMetadata/v1/",
            "https://example.org/a.png",
            "https://claude.example/v1/models",
            "file:///etc/passwd",
            "gopher://127.0.0.1:70/1",
            "//127.0.0.1/a.png",
            "gs://bucket/a.png",
            "s3://bucket/a.png",
        ]
        .map(str::to_owned),
    );
    addresses
}

/// The places of a body that could lead there.
fn places(address: &str) -> Vec<Value> {
    let part = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    vec![
        part(json!({"type": "image_url", "image_url": {"url": address}})),
        part(json!({"type": "image_url", "image_url": {"url": address, "detail": "low"}})),
        part(json!({"type": "file", "file": {"file_data": address, "filename": "a.pdf"}})),
        part(json!({"type": "input_audio", "input_audio": {"data": address, "format": "wav"}})),
        part(json!({"type": "document_url", "document_url": address})),
        part(json!({"type": "video_url", "video_url": {"url": address}})),
        json!({"webhook": address}),
        json!({"callback_url": address}),
        json!({"tools": [{"type": "mcp", "server_label": "a", "server_url": address}]}),
        json!({"tools": [{"type": "web_fetch", "url": address}]}),
    ]
}

async fn refused_by(models: &[&str], stand: &Stand, more: &Value) {
    for model in models {
        let reply = stand.ask(ask(model, more.clone())).await;
        assert_eq!(reply.status, 400, "{model} {more}: {}", reply.text());
        stand.clock.advance(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn check_13_no_address_in_a_body_is_gone_to() {
    let (stand, private) = (dialects::up().await, Private::new().await);
    for (number, address) in addresses(private.port()).iter().enumerate() {
        for (place, more) in places(address).iter().enumerate() {
            // The first at every host, and the others at one after the other.
            let models = if number == 0 { &MODELS[..] } else { std::slice::from_ref(&MODELS[(number + place) % 5]) };
            refused_by(models, &stand, more).await;
        }
    }
    // A data address is what it says; what is too long of it is too long.
    let long = format!("data:image/png;base64,{}", "A".repeat(21 << 20));
    let image = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": long}}]}]);
    let body = with(crate::ask::chat("claude/c"), json!({"messages": image}));
    let reply = stand.ask(Ask::json("/v1/chat/completions", &body).header("x-region", "WORLD")).await;
    assert_eq!(reply.refusal(), (413, "request_too_large".to_owned()));
    assert_eq!(stand.reached(), Vec::<&str>::new());
    assert!(private.is_unreached().await, "somebody went where a caller said");
}

#[tokio::test]
async fn check_14_no_name_of_a_caller_is_resolved() {
    let private = Private::new().await;
    let stand = dialects::up().await;
    // Names that would lead here the second time, and one that leads to a host of ours.
    for name in ["rebind.example", "127.0.0.1.nip.example", "a.alps.example", "localhost"] {
        for scheme in ["http", "https"] {
            for more in places(&format!("{scheme}://{name}:{}/a.png", private.port())) {
                refused_by(&MODELS, &stand, &more).await;
            }
        }
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
    assert!(private.is_unreached().await, "a name led somewhere");
}

#[tokio::test]
async fn check_16_an_address_in_a_prompt_stays_words() {
    let (stand, private) = (dialects::up().await, Private::new().await);
    let words = format!("read http://127.0.0.1:{}/a.png and ![a](https://example.org/a.png)", private.port());
    for model in MODELS {
        let asked = json!({"messages": [{"role": "system", "content": words}, {"role": "user", "content": words}]});
        for more in [json!({}), json!({"stream": true})] {
            let reply = stand.ask(ask(model, with(asked.clone(), more))).await;
            assert_eq!(reply.status, 200, "{model}: {}", reply.text());
        }
        let host = model.split('/').next().unwrap();
        for seen in stand.host(host).seen() {
            let body = seen.json().to_string();
            assert_eq!(body.matches("example.org").count(), 2, "{body}");
            // In texts alone, and no tool with which the host would go there.
            for name in ["url\":", "uri\":", "Uri\":", "fileData", "urlContext", "googleSearch", "tools", "mcp_servers"]
            {
                assert!(!body.contains(name), "{model} {name}: {body}");
            }
        }
    }
    assert!(private.is_unreached().await, "somebody went there");
}
