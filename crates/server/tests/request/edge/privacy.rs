//! Checks 50 and 53: what tracers, proxies and browsers put beside a request, and who sent it.

use crate::ask::{Ask, chat, with};
use crate::operations::probe;
use crate::stand::Stand;

const SAID: &str = "kowalski4711";

/// Asks whole and streamed with this header, and looks for what it said: at the host, in the reply, in the record and in
/// the metrics.
async fn goes_no_further(stand: &Stand, name: &str, value: &str) {
    for stream in [false, true] {
        let before = stand.host("alps-a").seen().len();
        let body = with(chat("alps/m"), serde_json::json!({"stream": stream}));
        let reply = stand.ask(Ask::json("/v1/chat/completions", &body).header(name, value)).await;
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
        let seen = stand.host("alps-a").seen();
        assert_eq!(seen.len(), before + 1);
        let sent = [&seen[before].head[..], &seen[before].body].concat();
        let sent = String::from_utf8_lossy(&sent).to_lowercase();
        assert!(!sent.contains(SAID) && seen[before].headers(name).iter().all(|own| own != value), "{name}: {sent}");
        assert!(!sent.contains("127.0.0.1"), "nobody is told where the caller is: {sent}");
        assert!(!format!("{:?} {}", reply.headers, reply.text()).contains(SAID), "{name}: {reply:?}");
    }
}

async fn is_nowhere(stand: &Stand) {
    let kept = [stand.ledger_text().await, probe(stand, "/metrics").await.text()].concat();
    assert!(kept.len() > 1_000 && !kept.contains(SAID) && !kept.contains("4bf92f3577b34da6"));
}

#[tokio::test]
async fn check_50_no_trace_and_no_baggage_of_a_caller_is_taken_over() {
    let stand = Stand::up().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (name, value) in [
        ("traceparent", trace.to_owned()),
        ("traceparent", format!("{trace}-{SAID}")),
        ("traceparent", SAID.repeat(300)),
        ("tracestate", format!("vendor={SAID}")),
        ("baggage", format!("patient={SAID};ward=3,other=1")),
        ("baggage", format!("patient={SAID},").repeat(200)),
        ("b3", format!("4bf92f3577b34da6-{SAID}-1")),
        ("x-b3-traceid", "4bf92f3577b34da6".to_owned()),
        ("x-cloud-trace-context", format!("4bf92f3577b34da6/{SAID}")),
        ("x-request-id", SAID.to_owned()),
    ] {
        goes_no_further(&stand, name, &value).await;
    }
    is_nowhere(&stand).await;
}

#[tokio::test]
async fn check_53_no_host_is_told_who_asks_with_what_or_from_where() {
    let stand = Stand::up().await;
    for (name, value) in [
        ("referer", format!("https://ward.example/{SAID}")),
        ("origin", format!("https://{SAID}.example")),
        ("user-agent", format!("{SAID}/1.0")),
        ("from", format!("{SAID}@ward.example")),
        ("cookie", format!("session={SAID}")),
        ("forwarded", format!("for=192.0.2.7;by={SAID}")),
        ("x-forwarded-for", "192.0.2.7".to_owned()),
        ("x-real-ip", "192.0.2.7".to_owned()),
        ("via", format!("1.1 {SAID}")),
        ("accept-language", format!("de-{SAID}")),
    ] {
        goes_no_further(&stand, name, &value).await;
    }
    is_nowhere(&stand).await;
}
