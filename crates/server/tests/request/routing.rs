//! Who answers: the law of regions and agreements, names, test keys, and what the next request obeys.

use std::time::Duration;

use phi_words::RouteId;
use serde_json::json;

use crate::ask::{Ask, SECRET, chat, with};
use crate::setup::{Setup, attest, key_of, put_key};
use crate::stand::{Stand, text};

use phi_simulate::Fault;

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn ids(routes: &[RouteId]) -> Vec<&str> {
    routes.iter().map(RouteId::as_str).collect()
}

#[tokio::test]
async fn phi_reaches_hosts_under_an_agreement_alone() {
    let stand = Stand::up().await;
    for host in ["alps-a", "alps-b"] {
        stand.host(host).always(Some(Fault::status(503)));
    }
    // The model is at a third host too, of a provider without an agreement.
    let general = stand.ask(Ask::chat("alpine-m")).await;
    assert_eq!(general.header("x-phi-routed"), Some("chalet-m/CH/general"));
    stand.host("chalet").forget();
    for ask in [Ask::chat("alpine-m").phi(), Ask::stream("alpine-m").phi()] {
        let reply = stand.ask(ask).await;
        assert_eq!(reply.refusal(), (502, "upstream_failed".to_owned()));
        assert_eq!(ids(&stand.opened(reply.id()).await.routes), ["alps-a-m", "alps-b-m"]);
    }
    assert!(stand.host("chalet").seen().is_empty(), "PHI came to a host without an agreement");
    stand.afresh();
    for (what, ask) in [
        ("no agreement", Ask::chat("chalet/m").phi()),
        ("none for this host", Ask::chat("local/m").phi()),
        ("unverified", Ask::chat("fireworks/glm-5.3").header("x-region", "US").phi()),
        ("no place", Ask::chat("openai/gpt-4o").header("x-region", "WORLD").phi()),
        ("WORLD", Ask::chat("alps/m").header("x-region", "WORLD").phi()),
        ("auto in WORLD", Ask::chat("auto").header("x-region", "WORLD").phi()),
    ] {
        assert_eq!(stand.ask(ask).await.refusal(), (403, "phi_blocked".to_owned()), "{what}");
    }
    stand.phi("org create bare --region CH --class phi").await;
    stand.phi("agent create a --org bare").await;
    let unbound = text(&stand.phi("token create --org bare --agent a").await["token"]);
    let reply = stand.ask(Ask::chat("alps/m").token(&unbound)).await;
    assert_eq!(reply.refusal(), (403, "phi_blocked".to_owned()), "an organization without a framework");
    stand.phi("org create hospital --region CH --class phi --framework GDPR --framework HIPAA").await;
    stand.phi("agent create a --org hospital").await;
    let hipaa = text(&stand.phi("token create --org hospital --agent a").await["token"]);
    let reply = stand.ask(Ask::chat("alps/m").token(&hipaa)).await;
    assert_eq!(reply.refusal(), (403, "phi_blocked".to_owned()), "a framework that no agreement covers");
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn an_agreement_that_is_due_for_review_ends_with_its_day() {
    let stand = Stand::up().await;
    attest(&stand.deployment, "chalet", "CH", "2026-11-21").await;
    let ask = || Ask::chat("chalet/m").phi();
    assert_eq!(stand.ask(ask()).await.status, 200);
    stand.clock.advance(DAY / 2 - Duration::from_secs(1));
    assert_eq!(stand.ask(ask()).await.status, 200, "to the end of the day");
    stand.host("chalet").forget();
    stand.clock.advance(Duration::from_secs(1));
    assert_eq!(stand.ask(ask()).await.refusal(), (403, "phi_blocked".to_owned()));
    assert_eq!(stand.reached(), Vec::<&str>::new());
    assert_eq!(stand.ask(Ask::chat("chalet/m")).await.status, 200, "general traffic needs none");
}

#[tokio::test]
async fn an_agreement_that_is_revoked_in_mid_traffic_stops_the_very_next_request() {
    let stand = Stand::up().await;
    let agreement = attest(&stand.deployment, "chalet", "CH", "2027-11-01").await;
    let ask = || Ask::chat("chalet/m").phi();
    stand.host("chalet").next([Fault::Stall { after: Some(3) }]);
    let mut running = stand.begin(Ask::stream("chalet/m").phi()).await;
    running.until("every ").await;
    assert_eq!(stand.ask(ask()).await.status, 200);
    stand.phi(&format!("agreement revoke {}", text(&agreement["id"]))).await;
    assert_eq!(stand.ask(ask()).await.refusal(), (403, "phi_blocked".to_owned()));
    assert_eq!(stand.host("chalet").seen().len(), 2);
}

#[tokio::test]
async fn an_agreement_that_covers_one_credential_covers_no_other() {
    let stand = Stand::up().await;
    let second = put_key(&stand.deployment, "chalet", "second", "sk-second").await;
    let document = "0".repeat(64);
    let words = format!(
        "agreement add --provider chalet --counterparty C --document {document} --country CH --modality chat \
         --framework GDPR --credential {} --verified-by K --verified-on 2026-11-01 --review-by 2027-01-01",
        text(&second["id"])
    );
    stand.phi(&words).await;
    assert_eq!(stand.ask(Ask::chat("chalet/m").phi()).await.status, 200);
    assert_eq!(stand.ask(Ask::chat("chalet/m")).await.status, 200);
    let keys: Vec<_> = stand.host("chalet").seen().iter().flat_map(|seen| seen.headers("x-api-key")).collect();
    assert_eq!(keys, ["sk-second".to_owned(), key_of("chalet")]);
    stand.phi(&format!("vault revoke {}", text(&second["id"]))).await;
    assert_eq!(stand.ask(Ask::chat("chalet/m").phi()).await.refusal().1, "phi_blocked");
}

#[tokio::test]
async fn a_credential_is_used_until_it_is_revoked_and_by_its_organization_alone() {
    let stand = Stand::up().await;
    let contents = stand.deployment.load().await.unwrap();
    let old = contents.credentials.iter().find(|sealed| sealed.provider.as_str() == "alps").unwrap().id;
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 200);
    stand.phi(&format!("vault revoke {old}")).await;
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.refusal(), (422, "no_route".to_owned()));
    stand.host("alps-a").forget();
    put_key(&stand.deployment, "alps", "new", "sk-new-key").await;
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 200);
    assert_eq!(stand.host("alps-a").seen()[0].headers("authorization"), ["Bearer sk-new-key"]);
    let ledger = stand.ledger_text().await;
    assert!(!ledger.contains("sk-new-key") && !ledger.contains(&key_of("alps")), "a key in the ledger");
}

/// Hosts by the region that they lie in; WORLD holds all of them.
const PLACES: &[(&str, &[&str])] = &[
    ("CH", &["infomaniak", "alps-a", "alps-b", "chalet", "local"]),
    ("EU", &["scaleway"]),
    ("US", &["together", "fireworks"]),
];

#[tokio::test]
async fn a_request_never_leaves_its_region_whatever_fails() {
    let stand = Stand::up().await;
    let everybody: Vec<&str> = PLACES.iter().flat_map(|(_, hosts)| hosts.iter().copied()).chain(["openai"]).collect();
    for (region, inside) in PLACES {
        for model in ["auto", "gemma-4", "qwen3.5", "glm-5.2", "alps/m", "infomaniak/gemma-4-31b", "openai/gpt-4o"] {
            for (phi, stream) in [("false", false), ("true", false), ("false", true), ("true", true)] {
                stand.afresh();
                for host in &everybody {
                    stand.host(host).always(Some(Fault::status(503)));
                }
                let body = with(chat(model), json!({"stream": stream}));
                let ask = Ask::json("/v1/chat/completions", &body).header("x-phi", phi).header("x-region", region);
                let reply = stand.ask(ask).await;
                assert_ne!(reply.status, 200);
                for host in stand.reached() {
                    assert!(inside.contains(&host), "{model} of {region} came to {host}");
                    assert!(phi == "false" || ["infomaniak", "scaleway", "alps-a", "alps-b"].contains(&host), "{host}");
                }
            }
        }
    }
    stand.afresh();
    for (region, host) in [("CH", "infomaniak"), ("EU", "scaleway"), ("US", "together")] {
        let reply = stand.ask(Ask::chat("auto").header("x-region", region)).await;
        assert_eq!((reply.status, stand.reached()), (200, vec![host]), "{region}: its resident answers");
        stand.afresh();
    }
    for region in ["UK", "INDIA", "ANZ", "ASIA", "LATAM", "MENA"] {
        let reply = stand.ask(Ask::chat("auto").header("x-region", region)).await;
        assert_eq!(reply.refusal(), (422, "no_route".to_owned()), "{region}");
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn names_are_looked_up_in_their_order() {
    let stand = Stand::up().await;
    type Line<'a> = (&'a str, &'a str, Result<(&'a [&'a str], &'a str), &'a str>);
    let lines: &[Line<'_>] = &[
        ("alps-b-m", "CH", Ok((&["alps-b-m"], "alps/m"))),
        ("alps/m", "CH", Ok((&["alps-a-m", "alps-b-m"], "alps/m"))),
        ("alpine", "CH", Ok((&["alps-a-m", "alps-b-m"], "alps/m"))),
        ("alpine-m", "CH", Ok((&["alps-a-m", "alps-b-m", "chalet-m"], "alps/m"))),
        ("alps/alpine-m", "CH", Ok((&["alps-a-m", "alps-b-m"], "alps/m"))),
        ("infomaniak/google/gemma-4-31B-it", "CH", Ok((&["infomaniak-gemma-4-31b"], "infomaniak/gemma-4-31b"))),
        ("gemma-4", "CH", Ok((&["infomaniak-gemma-4-31b"], "infomaniak/gemma-4-31b"))),
        ("gemma-4", "EU", Ok((&["scaleway-gemma-4-26b"], "scaleway/gemma-4-26b"))),
        ("google/gemma-4-31B-it", "CH", Err("model_not_found")),
        ("glm-5.2", "US", Ok((&["together-glm-5.2"], "together/glm-5.2"))),
        ("glm-5.2", "CH", Err("no_route")),
        ("alpine", "EU", Err("no_route")),
        ("scaleway/glm-5.2", "CH", Err("no_route")),
        ("alps/e", "CH", Err("no_route")),
        ("alps/nothing", "CH", Err("model_not_found")),
        ("ALPS/M", "CH", Err("model_not_found")),
        ("alps", "CH", Err("model_not_found")),
        ("Auto", "CH", Err("model_not_found")),
    ];
    for (model, region, expected) in lines {
        let reply = stand.ask(Ask::chat(model).header("x-region", region)).await;
        stand.clock.advance(Duration::from_secs(1));
        match expected {
            Ok((routes, name)) => {
                assert_eq!(reply.status, 200, "{model}: {reply:?}");
                let opened = stand.opened(reply.id()).await;
                assert_eq!(ids(&opened.routes), *routes, "{model}");
                assert_eq!(opened.model, *model, "a name of the catalogue is written down");
                assert_eq!(reply.json()["model"], *name, "{model}");
            }
            Err(code) => {
                assert_eq!(reply.refusal().1, *code, "{model}: {reply:?}");
                let known = if *code == "no_route" { *model } else { "unknown" };
                assert_eq!(stand.refused(reply.id()).await.unwrap().model.as_deref(), Some(known), "{model}");
            }
        }
    }
}

#[tokio::test]
async fn auto_chooses_by_tier_and_capability_and_never_what_is_pinned() {
    let stand = Stand::up().await;
    let first = async |ask: Ask| {
        let reply = stand.ask(ask).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        ids(&stand.opened(reply.id()).await.routes).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let thinking = first(Ask::chat("auto").header("x-model-tier", "thinking")).await;
    assert_eq!(thinking[0], "infomaniak-qwen3.5-122b");
    let baseline = first(Ask::chat("auto").header("x-model-tier", "baseline")).await;
    assert_eq!(baseline[0], "infomaniak-gemma-4-31b");
    assert!(baseline.contains(&"alps-a-m".to_owned()) && baseline.contains(&"chalet-m".to_owned()));
    for pinned in ["local-m", "chalet-open", "chalet-unpriced"] {
        assert!(!baseline.contains(&pinned.to_owned()), "{pinned}");
    }
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let able = first(Ask::json("/v1/chat/completions", &with(chat("auto"), json!({"tools": tools})))).await;
    assert!(!able.contains(&"chalet-m".to_owned()) && able.contains(&"alps-a-m".to_owned()), "{able:?}");
}

#[tokio::test]
async fn a_test_key_reaches_free_hosts_alone_and_never_with_phi() {
    let stand = Stand::up().await;
    let test = stand.token_of("tester", "", "--test").await;
    let reply = stand.ask(Ask::chat("local/m").token(&test)).await;
    assert_eq!((reply.status, reply.header("x-phi-cost-micro")), (200, Some("0")));
    assert_eq!(reply.header("x-phi-routed"), Some("local-m/CH/general"));
    let seen = stand.host("local").seen().pop().unwrap();
    assert!(seen.headers("authorization").is_empty() && seen.headers("x-api-key").is_empty(), "{seen:?}");
    assert!(String::from_utf8(seen.body.to_vec()).unwrap().contains(SECRET));
    let closed = stand.closed(reply.id()).await;
    assert!(closed.charge.is_empty() && closed.usage.tokens() > 0);
    stand.afresh();
    for (ask, status, code) in [
        (Ask::chat("alps/m"), 403, "policy_denied"),
        (Ask::chat("auto"), 403, "policy_denied"),
        (Ask::chat("local/m").phi(), 403, "phi_blocked"),
        (Ask::chat("alps/m").phi(), 403, "phi_blocked"),
        (Ask::chat("local/m").header("x-region", "EU"), 422, "no_route"),
    ] {
        assert_eq!(stand.ask(ask.token(&test)).await.refusal(), (status, code.to_owned()));
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_hosted_deployment_needs_an_agreement_with_the_customer_too() {
    let stand = Setup { settings: "[deployment]\nhosted = true\n", ..Setup::default() }.up().await;
    let ask = || Ask::chat("alps/m").phi();
    assert_eq!(stand.ask(ask()).await.refusal(), (403, "phi_blocked".to_owned()));
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 200, "general traffic needs none");
    stand.host("alps-a").forget();
    let words = |org: &str| {
        format!(
            "agreement add --kind customer --org {org} --counterparty C --document {} --country CH --modality chat \
             --framework GDPR --verified-by K --verified-on 2026-11-01 --review-by 2027-01-01",
            "0".repeat(64)
        )
    };
    stand.phi("org create ward --region CH --class general").await;
    stand.phi(&words("ward")).await;
    assert_eq!(stand.ask(ask()).await.refusal(), (403, "phi_blocked".to_owned()), "another's agreement");
    assert_eq!(stand.reached(), Vec::<&str>::new());
    stand.phi(&words("clinic")).await;
    assert_eq!(stand.ask(ask()).await.status, 200);
}

#[tokio::test]
async fn the_weakest_evidence_that_is_taken_is_a_setting() {
    let us = || Ask::chat("fireworks/glm-5.3").header("x-region", "US");
    let stand = Stand::up().await;
    assert_eq!(stand.ask(us()).await.status, 200, "unverified, for general traffic");
    let stand = Setup { settings: "[route]\nevidence = \"vendor\"\n", ..Setup::default() }.up().await;
    assert_eq!(stand.ask(us()).await.refusal(), (422, "no_route".to_owned()));
    assert_eq!(stand.reached(), Vec::<&str>::new());
    assert_eq!(stand.ask(Ask::chat("infomaniak/gemma-4-31b")).await.status, 200);
    assert_eq!(stand.ask(Ask::chat("glm-5.2").header("x-region", "US")).await.status, 200);
}
