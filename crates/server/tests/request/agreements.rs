//! Agreements over time: when they let PHI through and when not, what together covers a host, and what an operator is
//! told before one lapses.

use std::time::Duration;

use phi_record::By;
use phi_server::orders::Order;
use phi_server::say::Said;
use phi_simulate::Fault;
use serde_json::{Value, json};

use crate::ask::{Ask, Reply};
use crate::operations::probe;
use crate::setup::{Setup, attest, key_of, put_key};
use crate::stand::{Stand, text};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A host of `chalet` that processes in two countries, of a region that holds both; and a kind of work more at it.
const BORDER: &str = r#"
[region.LAKE]
countries = ["CH", "FR"]

[provider.border]
title = "At the border"
[[provider.border.offers]]
countries = ["CH", "FR"]
modalities = ["chat", "embeddings"]
frameworks = ["GDPR", "nFADP", "HIPAA"]
source = "a contract"
date = "2026-11-01"

[host.border]
provider = "border"
dialect = "openai"
address = "https://chalet.example/v1"
auth = "x-api-key"
processes_in = ["CH", "FR"]
evidence = "contract"
source = "a contract"
date = "2026-11-01"

[route.border-m]
host = "border"
model = "m"
own = "border-m"
modality = "chat"
status = "live"
price = { currency = "USD", input = "4.00", output = "20.00" }
source = "a contract"
date = "2026-11-01"

[route.border-e]
host = "border"
model = "e"
own = "border-e"
modality = "embeddings"
space = "e@8"
dimension = 8
status = "live"
price = { currency = "USD", input = "0.10" }
source = "a contract"
date = "2026-11-01"
"#;

/// Attests an agreement, in the words that are typed after those that every one needs.
async fn add(stand: &Stand, words: &str) -> Value {
    let document = "0".repeat(64);
    let line = format!(
        "agreement add --counterparty Acme --document {document} --verified-by Keller --verified-on 2026-11-01 {words}"
    );
    stand.phi(&line).await
}

/// A token of a new organization under these frameworks, that may go anywhere.
async fn token_under(stand: &Stand, org: &str, frameworks: &str) -> String {
    stand.phi(&format!("org create {org} --region CH --class general {frameworks}")).await;
    stand.phi(&format!("agent create a --org {org}")).await;
    text(&stand.phi(&format!("token create --org {org} --agent a")).await["token"])
}

fn lake(model: &str) -> Ask {
    Ask::chat(model).phi().header("x-region", "LAKE")
}

fn embed(model: &str) -> Ask {
    Ask::json("/v1/embeddings", &json!({"model": model, "input": "fever"})).phi().header("x-region", "LAKE")
}

const BLOCKED: (u16, &str) = (403, "phi_blocked");

fn told(reply: &Reply) -> (u16, String) {
    reply.refusal()
}

fn is_blocked(reply: &Reply) -> bool {
    told(reply) == (BLOCKED.0, BLOCKED.1.to_owned())
}

#[tokio::test]
async fn several_agreements_together_cover_every_country_kind_of_work_and_framework() {
    let stand = Setup { catalogue: BORDER, ..Setup::default() }.up().await;
    put_key(&stand.deployment, "border", "border", &key_of("border")).await;
    let both = token_under(&stand, "both", "--framework GDPR --framework nFADP").await;
    let chat = || lake("border/m").token(&both);
    let steps = [
        "--country CH --modality chat --framework GDPR --framework nFADP",
        "--country FR --modality embeddings --framework GDPR --framework nFADP",
        "--country FR --modality chat --framework GDPR",
    ];
    for words in steps {
        assert!(is_blocked(&stand.ask(chat()).await), "before {words}");
        add(&stand, &format!("--provider border --review-by 2027-11-01 {words}")).await;
    }
    assert!(is_blocked(&stand.ask(chat()).await), "nobody covers France under nFADP");
    assert!(stand.host("chalet").seen().is_empty(), "PHI came to a host that is covered in part");
    let last =
        add(&stand, "--provider border --review-by 2026-12-01 --country FR --modality chat --framework nFADP").await;
    assert_eq!(stand.ask(chat()).await.status, 200);
    assert!(is_blocked(&stand.ask(embed("border/e").token(&both)).await), "embeddings are not covered in Switzerland");
    // One of them lapses, and what they covered together is covered no more.
    stand.clock.advance(DAY * 10 + DAY / 2 - Duration::from_secs(1));
    assert_eq!(stand.ask(chat()).await.status, 200, "to the end of the day of the review");
    stand.clock.advance(Duration::from_secs(1));
    assert!(is_blocked(&stand.ask(chat()).await), "the first request after it");
    let shown = stand.phi(&format!("agreement show {}", text(&last["id"]))).await;
    assert_eq!((&shown["stands"], &shown["state"]), (&json!(false), &json!("lapsed after 2026-12-01")));
}

#[tokio::test]
async fn an_agreement_stands_from_its_day_on_and_not_before() {
    let stand = Stand::up().await;
    let document = "0".repeat(64);
    let words = format!(
        "agreement add --provider chalet --counterparty C --document {document} --country CH --modality chat \
         --framework GDPR --verified-by K --verified-on 2026-11-23 --review-by 2027-01-01"
    );
    let added = stand.phi(&words).await;
    assert_eq!((&added["stands"], &added["state"]), (&json!(false), &json!("stands from 2026-11-23")));
    stand.clock.advance(DAY + DAY / 2 - Duration::from_secs(1));
    assert!(is_blocked(&stand.ask(Ask::chat("chalet/m").phi()).await));
    stand.clock.advance(Duration::from_secs(1));
    assert_eq!(stand.ask(Ask::chat("chalet/m").phi()).await.status, 200);
}

#[tokio::test]
async fn a_hosted_deployment_needs_the_customers_agreement_as_well() {
    let settings = "[deployment]\nhosted = true\n";
    let stand = Setup { settings, ..Setup::default() }.up().await;
    let ask = || Ask::chat("alps/m").phi();
    assert!(is_blocked(&stand.ask(ask()).await), "the provider's agreement alone");
    let customer = "--kind customer --country CH --review-by 2027-11-01";
    stand.phi("org create other --region CH --class general --framework GDPR").await;
    add(&stand, &format!("{customer} --org other --modality chat --framework GDPR")).await;
    assert!(is_blocked(&stand.ask(ask()).await), "another customer's");
    add(&stand, &format!("{customer} --org clinic --modality chat --framework HIPAA")).await;
    assert!(is_blocked(&stand.ask(ask()).await), "another framework");
    add(&stand, &format!("{customer} --org clinic --modality embeddings --framework GDPR")).await;
    assert!(is_blocked(&stand.ask(ask()).await), "another kind of work");
    let ours = add(&stand, &format!("{customer} --org clinic --modality chat --framework GDPR")).await;
    assert_eq!(stand.ask(ask()).await.status, 200);
    assert!(is_blocked(&stand.ask(Ask::chat("chalet/m").phi()).await), "the customer's agreement alone");
    stand.phi(&format!("agreement revoke {}", text(&ours["id"]))).await;
    assert!(is_blocked(&stand.ask(ask()).await), "revoked");
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 200, "general traffic needs none");
}

#[tokio::test]
async fn a_key_that_is_swapped_in_mid_traffic_serves_the_next_request_and_takes_no_agreement_along() {
    let stand = Stand::up().await;
    let first = put_key(&stand.deployment, "chalet", "first", "sk-first").await;
    let words = "--provider chalet --country CH --modality chat --framework GDPR --review-by 2027-11-01";
    add(&stand, &format!("{words} --credential {}", text(&first["id"]))).await;
    let ask = || Ask::chat("chalet/m").phi();
    stand.host("chalet").next([Fault::Stall { after: Some(3) }]);
    let mut running = stand.begin(Ask::stream("chalet/m").phi()).await;
    running.until("every ").await;
    let second = put_key(&stand.deployment, "chalet", "second", "sk-second").await;
    stand.phi(&format!("vault revoke {}", text(&first["id"]))).await;
    assert!(is_blocked(&stand.ask(ask()).await), "the agreement covers the first key alone");
    add(&stand, &format!("{words} --credential {}", text(&second["id"]))).await;
    assert_eq!(stand.ask(ask()).await.status, 200);
    let keys: Vec<_> = stand.host("chalet").seen().iter().flat_map(|seen| seen.headers("x-api-key")).collect();
    assert_eq!(keys, ["sk-first", "sk-second"], "with PHI, a key without an agreement is never shown");
}

#[tokio::test]
async fn what_is_attested_is_told_with_what_it_opens_and_what_is_doubtful_about_it() {
    let stand = Stand::up().await;
    let whole = "--provider chalet --country CH --modality chat --framework GDPR";
    let good = add(&stand, &format!("{whole} --review-by 2027-11-01")).await;
    assert_eq!(good["warnings"], json!([]));
    assert_eq!(good["opens"], json!(["chalet-m", "chalet-open", "chalet-unpriced"]));
    for (words, warning) in [
        (format!("{whole} --country FR --review-by 2027-11-01"), "does not offer all of this: chat in FR under GDPR"),
        (format!("{whole} --framework HIPAA --review-by 2027-11-01"), "chat in CH under HIPAA"),
        (format!("{whole} --modality ocr --review-by 2027-11-01"), "ocr in CH under GDPR"),
        (format!("{whole} --modality image --review-by 2027-11-01"), "no PHI is carried for image"),
        (format!("{whole} --review-by 2026-11-20"), "its review was due by 2026-11-20"),
        (format!("{whole} --review-by 2029-11-22"), "more than 3 years away"),
    ] {
        let warned = add(&stand, &words).await;
        let warnings = warned["warnings"].as_array().unwrap();
        assert!(warnings.len() == 1 && text(&warnings[0]).contains(warning), "{words}: {warnings:?}");
    }
    let edge = add(&stand, &format!("{whole} --review-by 2029-11-21")).await;
    assert_eq!(edge["warnings"], json!([]));
    let nothing = add(&stand, "--provider chalet --country FR --modality chat --framework GDPR --review-by 2027-11-01");
    assert_eq!(nothing.await["opens"], json!([]));
}

/// What `phi catalog show` tells of a route, for the organization `clinic`.
async fn shown(stand: &Stand, route: &str) -> Value {
    let order = json!({"Catalogue": {"Show": {"name": route, "org": "clinic"}}});
    let order: Order = serde_json::from_value(order).unwrap();
    match order.run(&stand.deployment, By::Operator(0)).await.unwrap() {
        Said::Rows(mut rows) if rows.len() == 1 => rows.remove(0),
        said @ (Said::Rows(_) | Said::One(_) | Said::Text(_) | Said::Page { .. } | Said::Looked { .. }) => {
            panic!("{said:?}")
        }
    }
}

#[tokio::test]
async fn what_is_shown_of_a_route_is_what_becomes_of_a_request() {
    for settings in ["", "[deployment]\nhosted = true\n[route]\nevidence = \"vendor\"\n"] {
        let stand = Setup { catalogue: BORDER, settings, ..Setup::default() }.up().await;
        if !settings.is_empty() {
            add(
                &stand,
                "--kind customer --org clinic --country CH --modality chat --framework GDPR --review-by 2027-01-01",
            )
            .await;
        }
        let catalogue = stand.deployment.catalogue();
        let (mut served, mut with_phi) = (0, 0);
        for row in catalogue.rows().iter().filter(|row| row.modality == phi_words::Modality::Chat) {
            let shown = shown(&stand, row.route.as_str()).await;
            for region in shown["place"]["regions"].as_array().unwrap().iter().map(text) {
                let ask = || Ask::chat(row.route.as_str()).header("x-region", &region);
                let reply = stand.ask(ask()).await;
                assert_eq!(reply.status == 200, shown["serves"] == true, "{} in {region}: {shown}", row.route);
                if region != "WORLD" {
                    let phi = stand.ask(ask().phi()).await;
                    let under = shown["phi_under"].as_array().unwrap().contains(&json!("GDPR"));
                    let goes = under && shown["serves"] == true;
                    assert_eq!(phi.status == 200, goes, "{} with PHI in {region}: {shown}", row.route);
                    assert_eq!(shown["phi_under"] == json!([]), shown["phi_not_for"] != json!([]), "{shown}");
                    with_phi += usize::from(goes);
                }
                served += usize::from(reply.status == 200);
                stand.clock.advance(Duration::from_secs(1));
            }
        }
        assert!(served > 20 && with_phi > 5, "{served} {with_phi}");
    }
}

#[tokio::test]
async fn what_lapses_soon_and_rates_that_grow_old_are_told_and_counted() {
    let fresh = "[rate.CHF]\nusd = '1.10'\nsource = 'a test'\ndate = '2026-11-01'\n\
                 [rate.EUR]\nusd = '1.08'\nsource = 'a test'\ndate = '2026-11-11'\n";
    let stand = Setup { catalogue: fresh, ..Setup::default() }.up().await;
    let warnings = async || {
        let ready = probe(&stand, "/readyz").await;
        assert_eq!((ready.status, &ready.json()["ready"]), (200, &json!(true)), "old rates make nobody less ready");
        ready.json()["warnings"].as_array().unwrap().clone()
    };
    let counts = async |lines: &[&str]| {
        let metrics = probe(&stand, "/metrics").await.text();
        for line in lines {
            assert!(metrics.contains(&format!("{line}\n")), "{line}: {metrics}");
        }
        assert!(metrics.ends_with("# EOF\n"));
        metrics
    };
    assert_eq!(warnings().await, Vec::<Value>::new());
    counts(&[
        "phi_agreements_standing 3",
        "phi_agreements_lapsing{days=\"30\"} 0",
        "phi_rate_age_days{currency=\"CHF\"} 20",
    ])
    .await;

    // To the end of 21 December: thirty and a half days from now.
    let soon = attest(&stand.deployment, "chalet", "CH", "2026-12-21").await;
    assert_eq!(warnings().await, Vec::<Value>::new());
    stand.clock.advance(DAY / 2);
    let told = warnings().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["warning"], &told[0]["agreement"], &told[0]["provider"], &told[0]["review_by"]),
        (&json!("agreement_lapses"), &soon["id"], &json!("chalet"), &json!("2026-12-21"))
    );
    let thirty = DAY.as_secs() * 30;
    let lapses = format!("phi_agreement_lapses_seconds{{provider=\"chalet\"}} {thirty}");
    counts(&["phi_agreements_standing 4", "phi_agreements_lapsing{days=\"30\"} 1", &lapses]).await;

    // The rate of CHF is 35 days old, then 36.
    stand.clock.advance(DAY * 14);
    assert_eq!(warnings().await.len(), 1);
    stand.clock.advance(DAY);
    let told = warnings().await;
    assert_eq!(
        (&told[0]["warning"], &told[0]["currency"], &told[0]["days_old"]),
        (&json!("old_rate"), &json!("CHF"), &json!(36))
    );
    assert!(text(&told[0]["hint"]).contains("phi catalog rates set CHF"));
    assert_eq!(told.len(), 2, "{told:?}");
    counts(&["phi_rate_age_days{currency=\"CHF\"} 36", "phi_rate_age_days{currency=\"EUR\"} 26"]).await;

    stand.phi(&format!("agreement revoke {}", text(&soon["id"]))).await;
    assert_eq!(warnings().await.len(), 1, "what is revoked does not lapse");
    let metrics = counts(&["phi_agreements_standing 3", "phi_agreements_lapsing{days=\"30\"} 0"]).await;
    assert!(!metrics.contains("provider=\"chalet\""), "{metrics}");
}
