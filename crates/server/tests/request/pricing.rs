//! The public rate card: what strangers may know of prices, and nothing else.

use std::time::Duration;

use phi_simulate::Says;
use serde_json::{Value, json};

use crate::ask::{Ask, Reply};
use crate::looks::only_whole_numbers;
use crate::setup::{Setup, attest, put_key};
use crate::stand::{Stand, text};

const PRICING: &str = "/v1/pricing";

/// Two routes that an operator publishes: the worked example, and one that its vendor retires.
const PUBLISHED: &str = "
[route.openai-shown]
host = 'openai'
model = 'shown'
own = 'shown'
modality = 'chat'
status = 'live'
public = true
price = { currency = 'USD', input = '3', output = '15.00', cache_read = '0.30' }
source = 'a test'
date = '2026-11-01'

[route.openai-going]
host = 'openai'
model = 'going'
own = 'going'
modality = 'chat'
status = 'live'
public = true
retires = { on = '2026-12-01', says = 'vendor' }
price = { currency = 'USD', input = '0.30', output = '2.50' }
source = 'a test'
date = '2026-11-01'
";

async fn card(stand: &Stand, query: &str) -> Value {
    let reply = stand.ask(Ask::get(&format!("{PRICING}{query}")).bare()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

fn ids(card: &Value) -> Vec<String> {
    card["data"].as_array().unwrap().iter().map(|item| text(&item["id"])).collect()
}

fn item(card: &Value, id: &str) -> Value {
    let found = card["data"].as_array().unwrap().iter().find(|item| item["id"] == id);
    found.unwrap_or_else(|| panic!("no {id} in {card}")).clone()
}

fn shown(reply: &Reply) -> (u16, String) {
    (reply.status, reply.text())
}

#[tokio::test]
async fn everybody_is_answered_alike() {
    let stand = Stand::up().await;
    let good = stand.token.clone();
    let first = stand.ask(Ask::get(PRICING).bare()).await;
    assert_eq!(
        (first.header("content-type"), first.header("cache-control")),
        (Some("application/json"), Some("no-store"))
    );
    for name in ["x-phi-tier", "x-phi-routed", "x-ratelimit-limit-requests", "set-cookie", "etag"] {
        assert_eq!(first.header(name), None, "{name}");
    }
    assert!(first.header("x-request-id").is_some());
    let first = shown(&first);
    assert_eq!(first.0, 200);
    let idle = stand.token_of("idle", "--requests 0", "").await;
    let narrow = stand.token_of("narrow", "", "--regions EU --region EU --floor phi").await;
    for (what, ask) in [
        ("good", Ask::get(PRICING)),
        ("wrong", Ask::get(PRICING).token("phi_live_nobody")),
        ("two", Ask::get(PRICING).header("x-api-key", "another").token(&good)),
        ("twice", Ask::get(PRICING).bare().header("x-api-key", "a").header("x-api-key", "b")),
        ("not ASCII", Ask::get(PRICING).bare().header("x-api-key", b"\xe9")),
        ("underscored", Ask::get(PRICING).bare().header("x_api_key", "a")),
        ("without any request left", Ask::get(PRICING).token(&idle)),
        ("of another region and class", Ask::get(PRICING).token(&narrow)),
        ("the other base", Ask::get("/api/v1/pricing").bare()),
        ("an empty query", Ask::get("/v1/pricing?").bare()),
    ] {
        assert!(shown(&stand.ask(ask).await) == first, "{what}");
    }
    assert_eq!(stand.ask(Ask::new("POST", PRICING, "").bare()).await.refusal(), (405, "method_not_allowed".to_owned()));
    assert_eq!(stand.reached(), Vec::<&str>::new());
    assert_eq!(stand.gateway.running(), 0);
}

#[tokio::test]
async fn what_an_operator_added_is_not_shown_unless_the_operator_says_so() {
    let stand = Setup { catalogue: PUBLISHED, ..Setup::default() }.up().await;
    let whole = card(&stand, "").await;
    assert!(ids(&whole).contains(&"infomaniak-gemma-4-31b".to_owned()));
    assert!(ids(&whole).contains(&"openai-shown".to_owned()));
    let said = whole.to_string();
    let version = stand.deployment.catalogue().version().to_owned();
    for hidden in ["alps", "alpine", "chalet", "local", "127.0.0.1", "contract", "example", version.as_str()] {
        assert!(!said.contains(hidden), "{hidden}: {said}");
    }
    assert!(ids(&whole).contains(&"scaleway-whisper-v3".to_owned()));
    assert!(!ids(&whole).contains(&"together-whisper-large-v3".to_owned()), "what is staged is not shown");
}

#[tokio::test]
async fn the_card_tells_nothing_of_keys_and_agreements() {
    let stand = Stand::up().await;
    let pages = async || {
        let mut pages = Vec::new();
        for query in ["", "?class=phi", "?class=general", "?region=US&class=phi", "?region=EU"] {
            pages.push(card(&stand, query).await);
        }
        pages
    };
    let before = pages().await;
    assert!(ids(&before[4]).contains(&"scaleway-gemma-4-26b".to_owned()));
    attest(&stand.deployment, "chalet", "CH", "2027-11-01").await;
    for agreement in stand.deployment.load().await.unwrap().agreements {
        stand.phi(&format!("agreement revoke {}", agreement.id)).await;
    }
    put_key(&stand.deployment, "infomaniak", "another", "sk-another-0123456789").await;
    assert_eq!(stand.ask(Ask::chat("infomaniak/gemma-4-31b").phi()).await.refusal().0, 403, "the agreement is gone");
    assert_eq!(pages().await, before);
}

#[tokio::test]
async fn prices_are_exact_and_have_no_point_outside_quotes() {
    let stand = Setup { catalogue: PUBLISHED, ..Setup::default() }.up().await;
    let whole = card(&stand, "").await;
    assert_eq!((&whole["object"], &whole["currency"]), (&json!("pricing"), &json!("USD")));
    assert_eq!((&whole["margin_bp"], &whole["credits_per_usd"]), (&json!(1_000), &json!(300)));
    assert_eq!((&whole["region"], &whole["class"]), (&Value::Null, &Value::Null));
    let chf = json!({"currency": "CHF", "usd": "1.10", "date": "2026-06-30"});
    assert!(whole["rates"].as_array().unwrap().contains(&chf), "{whole}");
    let line = |list: &str, usd: &str, credits: &str| json!({"per": 1_000_000, "unit": "token", "list": list, "usd": usd, "credits": credits});
    for (id, of, expected) in [
        ("openai-shown", "input", line("3.00", "3.30", "990.00")),
        ("openai-shown", "output", line("15.00", "16.50", "4950.00")),
        ("openai-shown", "cache_read", line("0.30", "0.33", "99.00")),
        ("openai-going", "input", line("0.30", "0.33", "99.00")),
        ("openai-going", "output", line("2.50", "2.75", "825.00")),
        ("infomaniak-gemma-4-31b", "input", line("0.20", "0.242", "72.60")),
        ("infomaniak-gemma-4-31b", "output", line("0.40", "0.484", "145.20")),
        ("infomaniak-qwen3-embedding-8b", "input", line("0.07", "0.0847", "25.41")),
    ] {
        assert_eq!(item(&whole, id)["price"]["units"][of], expected, "{id} {of}");
    }
    let gemma = item(&whole, "infomaniak-gemma-4-31b");
    assert_eq!((&gemma["model"], &gemma["provider"]), (&json!("infomaniak/gemma-4-31b"), &json!("infomaniak")));
    assert_eq!((&gemma["modality"], &gemma["free"]), (&json!("chat"), &json!(false)));
    assert_eq!((&gemma["regions"], &gemma["retires"]), (&json!(["CH", "WORLD"]), &Value::Null));
    assert_eq!(gemma["phi"], json!({"regions": ["CH"], "frameworks": ["GDPR", "nFADP"]}));
    assert_eq!(item(&whole, "openai-shown")["phi"], Value::Null);
    assert!(only_whole_numbers(&whole), "{whole}");
}

#[tokio::test]
async fn a_price_that_an_operator_replaces_is_the_one_that_is_charged_and_shown() {
    let more = "[price.infomaniak-gemma-4-31b]\ncurrency = 'USD'\ninput = '1'\noutput = '2'\n";
    let stand = Setup { catalogue: more, ..Setup::default() }.up().await;
    let gemma = item(&card(&stand, "").await, "infomaniak-gemma-4-31b");
    assert_eq!(gemma["price"]["units"]["input"]["usd"], json!("1.10"));
    assert_eq!(gemma["price"]["rate"], Value::Null);
}

#[tokio::test]
async fn a_long_request_is_shown_and_charged_at_its_own_price() {
    let more = "[price.infomaniak-gemma-4-31b]\ncurrency = 'USD'\ninput = '1'\noutput = '2'\ncache_read = '0.10'\n\
                above = [{ input_tokens = 200000, input = '3', output = '5', cache_read = '0.30' }]\n";
    let stand = Setup { catalogue: more, ..Setup::default() }.up().await;
    let price = item(&card(&stand, "").await, "infomaniak-gemma-4-31b")["price"].clone();
    assert_eq!((&price["units"]["input"]["usd"], &price["above"].as_array().unwrap().len()), (&json!("1.10"), &1));
    let long = &price["above"][0];
    assert_eq!((&long["input_tokens"], &long["units"]["cache_read"]["usd"]), (&json!(200_000), &json!("0.33")));
    assert_eq!((&long["units"]["output"]["list"], &long["units"]["pages"]), (&json!("5.00"), &Value::Null));
    let models = stand.ask(Ask::get("/v1/models")).await.json();
    let listed = models["data"].as_array().unwrap().iter().find(|one| one["id"] == "infomaniak/gemma-4-31b").unwrap();
    assert_eq!(listed["price"], price);
    // What was read from the cache counts for the length, and the whole request is charged alike.
    for (cached, list, charge) in [(100_000, 112_000, 123_200), (100_001, 335_001, 368_501)] {
        let usage = json!({
            "prompt_tokens": 100_000 + cached, "completion_tokens": 1_000, "total_tokens": 101_000 + cached,
            "prompt_tokens_details": {"cached_tokens": cached},
        });
        stand.host("infomaniak").says(Says { usage: Some(usage), ..Says::default() });
        let reply = stand.ask(Ask::chat("infomaniak/gemma-4-31b")).await;
        let closed = stand.closed(reply.id()).await;
        assert_eq!((closed.list_cost.micros(), closed.charge[0].micro_usd.micros()), (list, charge), "{cached}");
    }
}

#[tokio::test]
async fn a_call_is_charged_what_the_card_says() {
    let stand = Stand::up().await;
    let units = item(&card(&stand, "").await, "infomaniak-gemma-4-31b")["price"]["units"].clone();
    // In 10^-16 USD a million tokens, so in 10^-16 micro-USD a token.
    let exact = |unit: &str| {
        let usd = text(&units[unit]["usd"]);
        let (whole, part) = usd.split_once('.').unwrap();
        format!("{whole}{part:0<16}").parse::<u128>().unwrap()
    };
    let reply = stand.ask(Ask::chat("infomaniak/gemma-4-31b")).await;
    let usage = &reply.json()["usage"];
    let count = |field: &str| u128::from(usage[field].as_u64().unwrap());
    let (input, output) = (count("prompt_tokens"), count("completion_tokens"));
    assert!(input > 0 && output > 0, "{usage}");
    let charge = (input * exact("input") + output * exact("output")).div_ceil(10_u128.pow(16));
    assert_eq!(reply.header("x-phi-cost-micro"), Some(charge.to_string().as_str()), "{usage}");
}

#[tokio::test]
async fn region_and_class_choose_what_is_shown_and_change_no_price() {
    let stand = Setup { catalogue: PUBLISHED, ..Setup::default() }.up().await;
    let whole = card(&stand, "").await;
    for region in ["CH", "EU", "US", "UK", "WORLD"] {
        let here = card(&stand, &format!("?region={region}")).await;
        assert_eq!(here["region"], json!(region));
        let expected = whole["data"].as_array().unwrap().iter();
        let expected: Vec<_> =
            expected.filter(|item| item["regions"].as_array().unwrap().contains(&json!(region))).collect();
        assert_eq!(here["data"].as_array().unwrap().iter().collect::<Vec<_>>(), expected, "{region}");
    }
    // Everything lies in the world but what is served by the hosts of a place alone.
    let is_tied = |item: &Value| ["ocr", "transcription", "speech"].contains(&item["modality"].as_str().unwrap());
    let mut open = whole.clone();
    open["data"].as_array_mut().unwrap().retain(|item| !is_tied(item));
    assert_eq!(ids(&card(&stand, "?region=WORLD").await), ids(&open));
    assert_eq!(ids(&card(&stand, "?region=WORLD&class=phi").await), Vec::<String>::new());
    let phi = card(&stand, "?class=phi").await;
    assert!(ids(&phi).contains(&"scaleway-gemma-4-26b".to_owned()) && !ids(&phi).contains(&"openai-shown".to_owned()));
    for item in phi["data"].as_array().unwrap() {
        assert!(whole["data"].as_array().unwrap().contains(item), "another price with PHI: {item}");
    }
    assert_eq!(ids(&card(&stand, "?class=general").await), ids(&whole));
    let swiss = card(&stand, "?region=CH&class=phi").await;
    let swiss_too = |id: &String| id.starts_with("infomaniak-") || id.ends_with("-switzerlandnorth");
    assert!(ids(&swiss).iter().all(swiss_too) && !ids(&swiss).is_empty(), "{swiss}");
    // The same filter in another writing.
    for (query, header) in [
        ("?class=PHI&region=ch", None),
        ("?class=phi", Some(("x-region", "ch"))),
        ("?region=Ch", Some(("x-phi", "TRUE"))),
        ("?region=CH&class=phi", Some(("x-phi", "true"))),
    ] {
        let ask = Ask::get(&format!("{PRICING}{query}")).bare();
        let ask = header.into_iter().fold(ask, |ask, (name, value)| ask.header(name, value));
        assert_eq!(stand.ask(ask).await.json(), swiss, "{query} {header:?}");
    }
}

#[tokio::test]
async fn an_unclear_filter_is_refused() {
    let stand = Stand::up().await;
    for (query, at) in [
        ("?region=MARS", Some("region")),
        ("?region=", Some("region")),
        ("?region", Some("region")),
        ("?region=%43H", Some("region")),
        ("?region=CH,EU", Some("region")),
        ("?region=CH&region=CH", Some("region")),
        ("?class=both", Some("class")),
        ("?class=true", Some("class")),
        ("?class=phi&class=phi", Some("class")),
        ("?region=CH&", None),
        ("?Region=CH", None),
        ("?provider=infomaniak", None),
        ("?x-region=CH", None),
    ] {
        let reply = stand.ask(Ask::get(&format!("{PRICING}{query}")).bare()).await;
        assert_eq!(reply.refusal(), (400, "invalid_request".to_owned()), "{query}");
        let error = &reply.json()["error"];
        assert_eq!(error["param"], at.map_or(Value::Null, Value::from), "{query}");
        assert!(!reply.text().contains("MARS") && !reply.text().contains("provider"), "{}", reply.text());
    }
    let refused = async |ask: Ask| stand.ask(ask.bare()).await.refusal();
    let two = (400, "ambiguous_header".to_owned());
    assert_eq!(refused(Ask::get("/v1/pricing?region=CH").header("x-region", "EU")).await, two);
    assert_eq!(refused(Ask::get("/v1/pricing?class=general").phi()).await, two);
    assert_eq!(refused(Ask::get(PRICING).header("x-region", "CH").header("x-region", "CH")).await, two);
    assert_eq!(refused(Ask::get(PRICING).header("x-region", "MARS")).await, (400, "invalid_header".to_owned()));
}

#[tokio::test]
async fn a_route_goes_from_the_card_on_the_day_on_which_it_goes() {
    let stand = Setup { catalogue: PUBLISHED, ..Setup::default() }.up().await;
    let whole = card(&stand, "").await;
    assert_eq!(item(&whole, "openai-going")["retires"], json!({"on": "2026-12-01", "says": "vendor"}));
    // From noon of 21 November to the last second of the month, and then to the next one.
    stand.clock.advance(Duration::from_secs(9 * 86_400 + 43_199));
    assert!(ids(&card(&stand, "").await).contains(&"openai-going".to_owned()));
    stand.clock.advance(Duration::from_secs(1));
    let later = ids(&card(&stand, "").await);
    assert!(!later.contains(&"openai-going".to_owned()) && later.contains(&"openai-shown".to_owned()), "{later:?}");
}

#[tokio::test]
async fn a_server_that_stops_gives_no_card() {
    let stand = Stand::up().await;
    stand.gateway.end();
    assert_eq!(stand.ask(Ask::get(PRICING).bare()).await.refusal(), (503, "draining".to_owned()));
}
