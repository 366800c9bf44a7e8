//! Rates, tokens, places at once; and revocations, which the very next request obeys.

use std::time::Duration;

use phi_simulate::{Fault, Says};
use serde_json::{Value, json};

use crate::ask::{Ask, Reply};
use crate::stand::{Stand, text, wait_until};

fn rate(reply: &Reply, of: &str) -> [Option<String>; 3] {
    ["limit", "remaining", "reset"].map(|what| reply.header(&format!("x-ratelimit-{what}-{of}")).map(str::to_owned))
}

fn is(figures: [&str; 3]) -> [Option<String>; 3] {
    figures.map(|figure| Some(figure.to_owned()))
}

#[tokio::test]
async fn requests_a_minute_run_out_and_come_back() {
    let stand = Stand::up().await;
    let token = stand.token_of("busy", "--requests 2", "").await;
    let ask = async || stand.ask(Ask::chat("alps/m").token(&token)).await;
    assert_eq!(rate(&ask().await, "requests"), is(["2", "1", "30s"]));
    let second = ask().await;
    assert_eq!((second.status, rate(&second, "requests")), (200, is(["2", "0", "1m0s"])));
    let third = ask().await;
    assert_eq!((third.refusal(), rate(&third, "requests")), ((429, "rate_limited".to_owned()), is(["2", "0", "1m0s"])));
    assert_eq!((third.header("retry-after"), third.header("x-should-retry")), (Some("31"), None));
    assert_eq!(rate(&third, "tokens"), [None, None, None], "there is no such limit");
    assert!(stand.refused(third.id()).await.is_some());
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 200, "another agent has its own");
    stand.clock.advance(Duration::from_secs(30));
    assert_eq!((ask().await.status, ask().await.status), (200, 429));
    assert_eq!(stand.ask(Ask::get("/v1/models").token(&token)).await.status, 429, "what is looked up counts too");
}

#[tokio::test]
async fn tokens_a_minute_are_settled_after_the_answer() {
    let stand = Stand::up().await;
    let token = stand.token_of("wordy", "--tokens 1000", "").await;
    let usage = json!({"prompt_tokens": 1200, "completion_tokens": 300, "total_tokens": 1500});
    stand.host("alps-a").says(Says { usage: Some(usage), ..Says::default() });
    for ask in [Ask::chat("alps/m"), Ask::stream("alps/m")] {
        let first = stand.ask(ask.clone().token(&token)).await;
        assert_eq!((first.status, rate(&first, "tokens")), (200, is(["1000", "1000", "0ms"])));
        stand.closed(first.id()).await;
        let second = stand.ask(ask.clone().token(&token)).await;
        assert_eq!(second.refusal(), (429, "rate_limited".to_owned()), "500 tokens too many");
        assert_eq!(rate(&second, "tokens"), is(["1000", "0", "1m30s"]));
        assert_eq!(second.header("retry-after"), Some("31"));
        stand.clock.advance(Duration::from_secs(29));
        assert_eq!(stand.ask(ask.clone().token(&token)).await.status, 429);
        stand.clock.advance(Duration::from_secs(61));
    }
    // What failed consumed nothing.
    stand.host("alps-a").next([Fault::status(400)]);
    assert_eq!(stand.ask(Ask::chat("alps-a-m").token(&token)).await.status, 400);
    assert_eq!(rate(&stand.ask(Ask::chat("alps/m").token(&token)).await, "tokens"), is(["1000", "1000", "0ms"]));
}

#[tokio::test]
async fn a_place_is_held_to_the_last_byte_and_given_back_on_every_path() {
    let stand = Stand::up().await;
    let token = stand.token_of("single", "--at-once 1", "").await;
    let is_free = async || stand.ask(Ask::chat("nobody/m").token(&token)).await.status == 404;
    for fault in [Fault::Stall { after: Some(3) }, Fault::Stall { after: Some(8) }] {
        stand.host("alps-a").next([fault]);
        let mut coming = stand.begin(Ask::stream("alps/m").token(&token)).await;
        coming.until("every ").await;
        let second = stand.ask(Ask::chat("alps/m").token(&token)).await;
        assert_eq!(second.refusal(), (429, "rate_limited".to_owned()));
        assert_eq!(second.header("retry-after"), Some("1"));
        drop(coming);
        wait_until("its place is free", is_free).await;
    }
    for fault in [Fault::status(500), Fault::status(400), Fault::Cut { after: Some(3) }, Fault::Malformed { after: 4 }]
    {
        for ask in [Ask::chat("alps-a-m"), Ask::stream("alps-a-m")] {
            stand.afresh();
            stand.host("alps-a").next([fault.clone()]);
            let reply = stand.ask(ask.token(&token)).await;
            assert_ne!(reply.status, 429, "{fault:?}");
            stand.closed(reply.id()).await;
        }
    }
    assert_eq!(stand.ask(Ask::chat("alps/m").token(&token)).await.status, 200);
}

#[tokio::test]
async fn a_role_limits_its_agents_unless_they_have_limits_of_their_own() {
    let stand = Stand::up().await;
    stand.phi("role create reader --org clinic --requests 1").await;
    let plain = stand.token_of("plain", "--role reader", "").await;
    let own = stand.token_of("own", "--role reader --requests 5", "").await;
    let limit = async |token: &str| rate(&stand.ask(Ask::chat("alps/m").token(token)).await, "requests");
    assert_eq!(limit(&plain).await, is(["1", "0", "1m0s"]));
    assert_eq!(limit(&own).await, is(["5", "4", "12s"]));
}

#[tokio::test]
async fn a_revocation_holds_on_the_next_request() {
    let stand = Stand::up().await;
    let refused = (401, "invalid_api_key".to_owned());
    let issue = async |words: &str| -> Value { stand.phi(words).await };
    let token = issue("token create --org clinic --agent writer").await;
    let shown = text(&token["token"]);
    stand.host("alps-a").next([Fault::Stall { after: Some(3) }]);
    let mut running = stand.begin(Ask::stream("alps/m").token(&shown)).await;
    running.until("every ").await;
    stand.phi(&format!("token revoke {}", text(&token["id"]))).await;
    assert_eq!(stand.ask(Ask::chat("alps/m").token(&shown)).await.refusal(), refused);
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 200, "the agent's other token holds");
    stand.phi("agent revoke writer --org clinic").await;
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.refusal(), refused);
    let other = stand.token_of("other", "", "").await;
    assert_eq!(stand.ask(Ask::chat("alps/m").token(&other)).await.status, 200);
    stand.phi("org revoke clinic").await;
    assert_eq!(stand.ask(Ask::chat("alps/m").token(&other)).await.refusal(), refused);
}

#[tokio::test]
async fn a_token_is_rotated_with_an_overlap() {
    let stand = Stand::up().await;
    let old = stand.phi("token create --org clinic --agent writer").await;
    let new = stand.phi(&format!("token rotate {} --overlap 1h", text(&old["id"]))).await;
    let (old, new) = (text(&old["token"]), text(&new["token"]));
    let status = async |token: &str| stand.ask(Ask::chat("alps/m").token(token)).await.status;
    assert_eq!((status(&old).await, status(&new).await), (200, 200));
    stand.clock.advance(Duration::from_secs(3_600));
    assert_eq!((status(&old).await, status(&new).await), (401, 200));
}
