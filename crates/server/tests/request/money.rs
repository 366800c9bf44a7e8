//! What a call costs: the same in every class, by the margin and the rate that stand, and nowhere where no price is known.

use phi_record::By;
use phi_server::orders::Order;
use phi_server::say::Said;
use serde_json::{Value, json};

use crate::ask::{Ask, Reply, chat, with};
use crate::setup::Setup;
use crate::stand::Stand;

/// A model at a host on the premises that is not free: once with a price in francs, once without.
const ROWS: &str = r#"
[rate.CHF]
usd = "1.25"
source = "a test"
date = "2026-11-20"

[route.alps-a-franc]
host = "alps-a"
model = "franc"
own = "alpine-franc"
modality = "chat"
status = "live"
price = { currency = "CHF", input = "4.00", output = "8.00" }
source = "a contract"
date = "2026-11-01"

[route.alps-a-gift]
host = "alps-a"
model = "gift"
own = "alpine-gift"
modality = "chat"
status = "live"
source = "a contract"
date = "2026-11-01"
"#;

fn cost(reply: &Reply) -> i64 {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.header("x-phi-cost-micro").unwrap().parse().unwrap()
}

/// The cost that a stream tells at its end.
fn streamed(reply: &Reply) -> i64 {
    assert_eq!(reply.status, 200, "{reply:?}");
    let text = reply.text();
    let told = text.split("x-phi-cost-micro=").nth(1).unwrap();
    told.split_whitespace().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_class_changes_no_price() {
    let stand = Stand::up().await;
    for model in ["alps/m", "infomaniak/gemma-4-31b", "alps-b-m"] {
        let general = stand.ask(Ask::chat(model)).await;
        let phi = stand.ask(Ask::chat(model).phi()).await;
        assert_eq!((general.header("x-phi-tier"), phi.header("x-phi-tier")), (Some("non_phi"), Some("phi")), "{model}");
        assert!(cost(&general) > 0, "{model}");
        assert_eq!(cost(&general), cost(&phi), "{model}");
        let (general, phi) = (stand.ask(Ask::stream(model)).await, stand.ask(Ask::stream(model).phi()).await);
        assert!(streamed(&general) > 0, "{model}");
        assert_eq!(streamed(&general), streamed(&phi), "{model}, streamed");
    }
    let embed = || Ask::json("/v1/embeddings", &json!({"model": "alps/e", "input": "fever"}));
    assert_eq!(cost(&stand.ask(embed()).await), cost(&stand.ask(embed().phi()).await));
}

#[tokio::test]
async fn the_charge_is_the_list_at_the_rate_with_the_margin_and_the_entry_says_all_three() {
    let stand = Setup { catalogue: ROWS, ..Setup::default() }.up().await;
    let reply = stand.ask(Ask::chat("alps/franc")).await;
    let closed = stand.closed(reply.id()).await;
    let usage = closed.usage;
    assert_eq!(usage.tokens(), usage.input + usage.output, "of these two kinds alone");
    // Micro-francs a token are francs a million tokens. A margin of 10 %, and everything in tens of thousandths.
    let exact = (usage.input * 4 + usage.output * 8) * 12_500 * 11_000;
    let expected = i64::try_from(exact.div_ceil(100_000_000)).unwrap();
    assert_eq!((cost(&reply), closed.margin_bp), (expected, Some(1_000)));
    assert_eq!(closed.charge[0].micro_usd.micros(), expected);
    assert_eq!(closed.prices, stand.deployment.catalogue().version());
}

/// Sets the rate of CHF, as `phi catalog rates set` does; says why it was not done.
async fn set_rate(stand: &Stand, usd: &str) -> Result<Said, String> {
    let set = json!({"currency": "CHF", "usd": usd, "date": "2026-11-21", "source": "a test", "yes": false});
    let order: Order = serde_json::from_value(json!({"Catalogue": {"SetRate": set}})).unwrap();
    order.run(&stand.deployment, By::Operator(0)).await.map_err(|error| format!("{error:#}"))
}

#[tokio::test]
async fn a_rate_that_the_disk_or_the_ledger_does_not_take_is_not_in_force() {
    let stand = Stand::up().await;
    let in_force = || stand.deployment.catalogue().rates()[&phi_words::Currency::Chf].usd.to_string();
    let before = in_force();
    let file = stand.folder().join("data/catalog.d/rates.toml");
    // Where the new file is to be written lies something else.
    let new = stand.folder().join("data/catalog.d/.rates.toml.new");
    std::fs::create_dir(&new).unwrap();
    let error = set_rate(&stand, "1.2").await.unwrap_err();
    assert!(error.contains("recorded, and was not done") && error.contains("rates.toml"), "{error}");
    assert_eq!((in_force(), file.exists()), (before.clone(), false));
    std::fs::remove_dir(&new).unwrap();
    set_rate(&stand, "1.2").await.unwrap();
    assert_eq!((in_force().as_str(), file.exists()), ("1.20", true));
    let kept = std::fs::read_to_string(&file).unwrap();

    let ledger = stand.recorder.ledger().clone();
    tokio::task::spawn_blocking(move || ledger.shutdown()).await.unwrap().unwrap();
    let error = set_rate(&stand, "1.3").await.unwrap_err();
    assert!(error.contains("could not be recorded, so it was not done"), "{error}");
    assert_eq!((in_force().as_str(), std::fs::read_to_string(&file).unwrap()), ("1.20", kept));
}

#[tokio::test]
async fn where_no_price_is_known_no_paid_traffic_goes_until_there_is_one() {
    let stand = Setup { catalogue: ROWS, ..Setup::default() }.up().await;
    for ask in
        [Ask::chat("alps/gift"), Ask::chat("alps/gift").phi(), Ask::chat("alps-a-gift"), Ask::stream("alpine-gift")]
    {
        assert_eq!(stand.ask(ask).await.refusal(), (422, "no_route".to_owned()));
    }
    let chosen = stand.ask(Ask::json("/v1/chat/completions", &with(chat("auto"), json!({"max_tokens": 1})))).await;
    let planned = stand.opened(chosen.id()).await.routes;
    assert!(planned.iter().any(|route| route.as_str() == "alps-a-franc"), "{planned:?}");
    assert!(planned.iter().all(|route| route.as_str() != "alps-a-gift"), "{planned:?}");
    let seen = stand.host("alps-a").seen();
    let asked = seen.iter().filter_map(|seen| serde_json::from_slice::<Value>(&seen.body).ok());
    assert!(asked.into_iter().all(|body| body["model"] != "alpine-gift"));
}
