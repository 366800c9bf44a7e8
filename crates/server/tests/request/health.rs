//! Routes that fail are left alone and come back; what is said to one organization's key is nobody else's matter.

use std::time::Duration;

use phi_record::By;
use phi_record::entry::Ended;
use phi_server::orders::Order;
use phi_simulate::Fault;
use serde_json::json;

use crate::ask::Ask;
use crate::operations::probe;
use crate::setup::key_of;
use crate::stand::{Stand, text};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn when_all_are_ejected_the_caller_hears_when_to_come_again_and_they_heal_by_themselves() {
    let stand = Stand::up().await;
    for name in ["alps-a", "alps-b"] {
        stand.host(name).always(Some(Fault::status(503)));
    }
    for _ in 0..3 {
        assert_eq!(stand.ask(Ask::chat("alps/m").phi()).await.refusal(), (502, "upstream_failed".to_owned()));
    }
    let first = stand.ask(Ask::chat("alps/m").phi()).await;
    assert_eq!(stand.refused(first.id()).await.expect("a record").code.as_str(), "upstream_unavailable");
    for _ in 0..20 {
        let reply = stand.ask(Ask::chat("alps/m").phi()).await;
        assert_eq!(reply.refusal(), (503, "upstream_unavailable".to_owned()));
        assert_eq!((reply.header("retry-after"), reply.header("x-phi-attempts")), (Some("3"), Some("0")));
    }
    let sent = |name: &str| stand.host(name).seen().len();
    assert_eq!((sent("alps-a"), sent("alps-b")), (3, 3), "no storm");
    assert_eq!(stand.gateway.probe_due().await, 0, "not yet");

    let ready = probe(&stand, "/readyz").await;
    assert_eq!((ready.status, &ready.json()["routes"]["ejected"]), (200, &json!(["alps-a-m", "alps-b-m"])));
    let metrics = probe(&stand, "/metrics").await.text();
    for line in [
        "phi_route_ejected{route=\"alps-a-m\"} 1",
        "phi_attempts_total{route=\"alps-b-m\",ended=\"host_error\"} 3",
        "phi_retries_refused_total 0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }

    stand.clock.advance(2 * SECOND);
    assert_eq!(stand.gateway.probe_due().await, 2);
    assert_eq!(stand.ask(Ask::chat("alps/m").phi()).await.status, 503, "the probes failed too");
    for name in ["alps-a", "alps-b"] {
        stand.host(name).behave();
    }
    stand.clock.advance(3 * SECOND);
    assert_eq!(stand.gateway.probe_due().await, 2);
    let reply = stand.ask(Ask::stream("alps/m").phi()).await;
    assert_eq!((reply.status, reply.header("x-phi-routed")), (200, Some("alps-a-m/CH/phi")));
    assert_eq!(probe(&stand, "/readyz").await.json()["routes"]["ejected"], json!(["alps-b-m"]), "it was not tried yet");
}

#[tokio::test]
async fn a_key_that_is_refused_is_nobody_elses_matter() {
    let stand = Stand::up().await;
    stand.phi("org create hospital --region CH --class general --framework GDPR").await;
    stand.phi("agent create reader --org hospital").await;
    let hospital = text(&stand.phi("token create --org hospital --agent reader").await["token"]);
    let put = json!({"Vault": {"Put": {
        "opens": "alps-a", "org": "clinic", "name": "own", "params": [], "key": "sk-of-the-clinic-0123456789",
    }}});
    let order: Order = serde_json::from_value(put).expect("an order");
    crate::setup::run(&stand.deployment, order).await;
    for fault in [Fault::status(401), Fault::status(402), Fault::status(429).retry_after("600")] {
        stand.afresh();
        stand.host("alps-a").next([fault]);
        for _ in 0..3 {
            assert_eq!(stand.ask(Ask::chat("alps/m")).await.header("x-phi-routed"), Some("alps-b-m/CH/general"));
        }
        assert_eq!(stand.host("alps-a").seen().len(), 1);
        let others = stand.ask(Ask::chat("alps/m").token(&hospital)).await;
        assert_eq!(others.header("x-phi-routed"), Some("alps-a-m/CH/general"));
        let keys: Vec<_> = stand.host("alps-a").seen().iter().filter_map(|seen| seen.header("authorization")).collect();
        assert_eq!(keys, ["Bearer sk-of-the-clinic-0123456789".to_owned(), format!("Bearer {}", key_of("alps"))]);
    }
}

#[tokio::test]
async fn what_was_said_to_a_key_is_forgotten_with_it() {
    let stand = Stand::up().await;
    let put = json!({"Vault": {"Put": {
        "opens": "alps-a", "org": "clinic", "name": "own", "params": [], "key": "sk-of-the-clinic-0123456789",
    }}});
    let order: Order = serde_json::from_value(put).expect("an order");
    let key = text(&crate::setup::run(&stand.deployment, order).await["id"]);
    stand.host("alps-a").next([Fault::status(429).retry_after("600")]);
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.header("x-phi-routed"), Some("alps-b-m/CH/general"));
    let ejected = async || probe(&stand, "/readyz").await.json()["routes"]["ejected"].clone();
    assert_eq!(ejected().await, json!(["alps-a-m"]));
    stand.phi(&format!("vault revoke {key}")).await;
    assert_eq!(ejected().await, json!([]));
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.header("x-phi-routed"), Some("alps-a-m/CH/general"));
}

#[tokio::test]
async fn what_one_organizations_key_leads_to_is_nobody_elses_matter() {
    let stand = Stand::up().await;
    stand.phi("org create hospital --region CH --class general --framework GDPR").await;
    stand.phi("agent create reader --org hospital").await;
    let hospital = text(&stand.phi("token create --org hospital --agent reader").await["token"]);
    let put = json!({"Vault": {"Put": {
        "opens": "infomaniak", "org": "clinic", "name": "own", "params": [["product_id", "99999"]],
        "key": "sk-of-the-clinic-0123456789",
    }}});
    let order: Order = serde_json::from_value(put).expect("an order");
    crate::setup::run(&stand.deployment, order).await;
    let named = || Ask::chat("gemma-4");
    // It has no such product, or not this model; or what the product stands for fails.
    for (fault, times) in [(Fault::status(404), 1), (Fault::status(500), 3), (Fault::Reset { after: None }, 3)] {
        stand.afresh();
        stand.host("infomaniak").next(vec![fault; times]);
        for _ in 0..times {
            assert_eq!(stand.ask(named()).await.status, 502);
        }
        assert_eq!(stand.ask(named()).await.refusal(), (503, "upstream_unavailable".to_owned()));
        let others = stand.ask(named().token(&hospital)).await;
        assert_eq!(others.status, 200);
        stand.clock.advance(2 * SECOND);
        assert_eq!(stand.gateway.probe_due().await, 1);
        let probed = stand.host("infomaniak").seen().pop().expect("a probe");
        assert_eq!(probed.header("authorization").as_deref(), Some("Bearer sk-of-the-clinic-0123456789"));
        assert_eq!(stand.ask(named()).await.status, 200);
    }
}

#[tokio::test]
async fn a_route_that_answered_from_elsewhere_is_withdrawn_until_an_operator_accepts_it() {
    let stand = Stand::up().await;
    stand.host("alps-a").next([Fault::Region { name: "westeurope".to_owned() }]);
    let reply = stand.ask(Ask::chat("alps/m").phi()).await;
    assert_eq!(reply.refusal(), (502, "upstream_failed".to_owned()));
    assert_eq!(stand.closed(reply.id()).await.attempts[0].ended, Ended::Mismatch);
    assert_eq!(stand.ask(Ask::chat("alps-a-m")).await.refusal(), (503, "upstream_unavailable".to_owned()));
    assert_eq!(stand.ask(Ask::chat("alps/m").phi()).await.header("x-phi-routed"), Some("alps-b-m/CH/phi"));
    let ready = probe(&stand, "/readyz").await;
    assert_eq!((ready.status, &ready.json()["routes"]["withdrawn"]), (200, &json!(["alps-a-m"])));
    assert!(probe(&stand, "/metrics").await.text().contains("phi_route_withdrawn{route=\"alps-a-m\"} 1"));
    // A process that dies now finds it in the ledger.
    let route = "alps-a-m".parse().expect("a route");
    let astray = async || stand.recorder.astray(Duration::from_secs(600)).await.expect("a history");
    assert_eq!(astray().await, [route].into());
    let route = "alps-a-m".parse().expect("a route");
    stand.deployment.keep_withdrawn(&route).await.expect("kept");
    stand.deployment.keep_withdrawn(&route).await.expect("kept once");
    assert_eq!(stand.deployment.load().await.expect("a store").withdrawn, std::slice::from_ref(&route));

    assert!(stand.deployment.accept(By::Operator(0), &route).await.expect("accepted"));
    stand.deployment.keep_withdrawn(&route).await.expect("nothing to keep");
    assert!(stand.deployment.load().await.expect("a store").withdrawn.is_empty());
    assert!(astray().await.is_empty());
    assert_eq!(stand.ask(Ask::chat("alps/m").phi()).await.header("x-phi-routed"), Some("alps-a-m/CH/phi"));
    let ledger = stand.ledger_text().await;
    for act in ["\"route.withdraw\"", "\"catalog.accept\""] {
        assert_eq!(ledger.matches(act).count(), 1, "{act}: {ledger}");
    }
}
