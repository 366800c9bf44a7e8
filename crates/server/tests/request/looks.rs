//! What can be looked up: it tells what the same caller could ask for, and nothing else.

use serde_json::{Value, json};

use crate::ask::{Ask, chat};
use crate::setup::{Setup, attest};
use crate::stand::{Stand, text, wait_until};

async fn models(stand: &Stand, ask: Ask) -> Vec<String> {
    let reply = stand.ask(ask).await;
    assert_eq!((reply.status, &reply.json()["object"]), (200, &json!("list")), "{reply:?}");
    reply.json()["data"].as_array().unwrap().iter().map(|model| text(&model["id"])).collect()
}

#[tokio::test]
async fn models_are_listed_where_they_would_answer() {
    let stand = Setup::default().up().await;
    let list = || Ask::get("/v1/models");
    let general = models(&stand, list()).await;
    let phi = models(&stand, list().phi()).await;
    for (model, is_general, is_phi) in [
        ("alps/m", true, true),
        ("alps/e", true, true),
        ("infomaniak/gemma-4-31b", true, true),
        ("chalet/m", true, false),
        ("local/m", true, false),
        ("chalet/unpriced", false, false),
        ("scaleway/gemma-4-26b", false, false),
        ("infomaniak/whisper", false, false),
    ] {
        assert_eq!(general.contains(&model.to_owned()), is_general, "{model}: {general:?}");
        assert_eq!(phi.contains(&model.to_owned()), is_phi, "{model} with PHI: {phi:?}");
    }
    assert_eq!(models(&stand, list().phi().header("x-region", "WORLD")).await, Vec::<String>::new());
    let abroad = stand.ask(list().header("x-region", "EU")).await.json();
    let owners: Vec<_> = rows(&abroad).iter().map(|model| text(&model["owned_by"])).collect();
    assert!(!owners.is_empty() && owners.iter().all(|owner| owner == "scaleway"), "{owners:?}");
    attest(&stand.deployment, "chalet", "CH", "2026-12-01").await;
    assert!(models(&stand, list().phi()).await.contains(&"chalet/m".to_owned()), "from the next request on");
    let test = stand.token_of("tester", "", "--test").await;
    assert_eq!(models(&stand, list().token(&test)).await, ["local/m"]);
    // Each chat that is listed answers, as it says.
    let class = |ask: Ask, class: &str| if class == "phi" { ask.phi() } else { ask };
    for under in ["general", "phi"] {
        let listed = stand.ask(class(list(), under)).await.json();
        for model in rows(&listed).iter().filter(|model| model["modality"] == "chat") {
            let reply = stand.ask(class(Ask::chat(&text(&model["id"])), under)).await;
            assert_eq!((reply.status, &reply.json()["model"]), (200, &model["model"]), "{model}");
            let first = format!("{}/CH/{under}", text(&model["routes"][0]));
            assert_eq!(reply.header("x-phi-routed"), Some(first.as_str()), "{model}");
        }
    }
}

/// The entries of a list.
fn rows(list: &Value) -> &[Value] {
    list["data"].as_array().unwrap()
}

#[tokio::test]
async fn the_list_names_auto_then_aliases_then_models() {
    let stand = Stand::up().await;
    let listed = stand.ask(Ask::get("/v1/models")).await.json();
    let of = |wanted: &str| -> Vec<String> {
        rows(&listed).iter().filter(|row| row["kind"] == wanted).map(|row| text(&row["id"])).collect()
    };
    let (aliases, models) = (of("alias"), of("model"));
    assert!(aliases.is_sorted() && models.is_sorted() && aliases.contains(&"alpine".to_owned()), "{aliases:?}");
    assert!(!aliases.contains(&"glm-5.2".to_owned()), "an alias that means nothing here");
    let ids: Vec<_> = rows(&listed).iter().map(|row| text(&row["id"])).collect();
    assert_eq!(ids, [of("auto"), aliases, models].concat());
    assert_eq!(listed, stand.ask(Ask::get("/api/v1/models")).await.json(), "it is the same every time");
    let auto = &rows(&listed)[0];
    assert_eq!((&auto["id"], &auto["modalities"]), (&json!("auto"), &json!(["chat", "embeddings"])));
    assert_eq!((&auto["routes"][0], &auto["owned_by"]), (&json!("infomaniak-gemma-4-31b"), &json!("infomaniak")));
    assert!(!auto["routes"].as_array().unwrap().contains(&json!("chalet-open")), "only those who name it");
}

#[tokio::test]
async fn every_kind_of_name_can_be_looked_up() {
    let stand = Stand::up().await;
    for (name, kind, model, routes) in [
        ("alps/m", "model", "alps/m", json!(["alps-a-m", "alps-b-m"])),
        ("alpine", "alias", "alps/m", json!(["alps-a-m", "alps-b-m"])),
        ("alps-b-m", "route", "alps/m", json!(["alps-b-m"])),
        ("alpine-m", "own", "alps/m", json!(["alps-a-m", "alps-b-m", "chalet-m"])),
        ("chalet/alpine-m", "own", "chalet/m", json!(["chalet-m"])),
        ("chalet%2Fopen", "model", "chalet/open", json!(["chalet-open"])),
        ("infomaniak/google/gemma-4-31B-it", "own", "infomaniak/gemma-4-31b", json!(["infomaniak-gemma-4-31b"])),
        ("gemma-4", "alias", "infomaniak/gemma-4-31b", json!(["infomaniak-gemma-4-31b"])),
        ("alps/e", "model", "alps/e", json!(["alps-a-e", "alps-b-e"])),
    ] {
        let shown = stand.ask(Ask::get(&format!("/v1/models/{name}"))).await.json();
        let told = (&shown["id"], &shown["kind"], &shown["model"], &shown["routes"]);
        assert_eq!(told, (&json!(name.replace("%2F", "/")), &json!(kind), &json!(model), &routes), "{name}");
    }
    let own = stand.ask(Ask::get("/v1/models/alpine-m")).await.json();
    assert_eq!(own["models"], json!(["alps/m", "chalet/m"]));
    for name in ["nobody", "alps", "alps/nobody", "auto/m", "glm-5.2", "whisper", "scaleway-gemma-4-26b"] {
        let reply = stand.ask(Ask::get(&format!("/v1/models/{name}"))).await;
        assert_eq!(reply.refusal(), (404, "model_not_found".to_owned()), "{name}");
    }
    assert_eq!(stand.ask(Ask::get("/v1/models?limit=1")).await.refusal(), (400, "invalid_request".to_owned()));
    assert_eq!(stand.ask(Ask::get("/v1/models/auto?a")).await.refusal(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_model_tells_where_and_for_what_it_may_be_used() {
    let stand = Stand::up().await;
    let shown =
        async |name: &str, ask: fn(Ask) -> Ask| stand.ask(ask(Ask::get(&format!("/v1/models/{name}")))).await.json();
    let told = |shown: &Value| (shown["region"].clone(), shown["regions"].clone(), shown["classes"].clone());
    let (ch, both, general) = (json!("CH"), json!(["general", "phi"]), json!(["general"]));
    assert_eq!(told(&shown("alps/m", |ask| ask).await), (ch.clone(), json!(["CH", "WORLD"]), both.clone()));
    assert_eq!(told(&shown("alps/m", Ask::phi).await), (ch.clone(), json!(["CH"]), both.clone()), "no PHI in WORLD");
    assert_eq!(told(&shown("chalet/m", |ask| ask).await), (ch.clone(), json!(["CH", "WORLD"]), general));
    let gemma = shown("gemma-4", |ask| ask).await;
    assert_eq!(gemma["regions"], json!(["CH", "EU", "WORLD"]), "wherever somebody serves what the alias means");
    let narrow = stand.token_of("narrow", "", "--regions CH,EU --floor phi").await;
    let narrowed = stand.ask(Ask::get("/v1/models/gemma-4").token(&narrow)).await.json();
    assert_eq!((&narrowed["regions"], &narrowed["classes"]), (&json!(["CH", "EU"]), &json!(["phi"])));
    attest(&stand.deployment, "chalet", "CH", "2026-12-01").await;
    assert_eq!(told(&shown("chalet/m", |ask| ask).await), (ch, json!(["CH", "WORLD"]), both));
}

#[tokio::test]
async fn a_model_tells_what_is_charged_and_the_class_changes_no_price() {
    let stand = Stand::up().await;
    let m = stand.ask(Ask::get("/v1/models/alps/m")).await.json();
    let line = |list: &str, usd: &str, credits: &str| json!({"per": 1_000_000, "unit": "token", "list": list, "usd": usd, "credits": credits});
    let sonnet = json!({"input": line("3.00", "3.30", "990.00"), "output": line("15.00", "16.50", "4950.00")});
    assert_eq!(
        m["price"],
        json!({"margin_bp": 1_000, "list_currency": "USD", "rate": null, "units": sonnet, "above": []})
    );
    let gemma = stand.ask(Ask::get("/v1/models/gemma-4")).await.json();
    assert_eq!(gemma["price"]["rate"], json!({"usd": "1.10", "date": "2026-06-30"}));
    assert_eq!(gemma["price"]["units"]["input"], line("0.20", "0.242", "72.60"));
    let local = stand.ask(Ask::get("/v1/models/local/m")).await.json();
    assert_eq!((&local["free"], &local["price"]["units"]), (&json!(true), &json!({})));
    // The day of the row: 2026-11-01.
    assert_eq!((&m["created"], &m["free"]), (&json!(1_793_491_200), &json!(false)));
    let general = stand.ask(Ask::get("/v1/models")).await.json();
    let phi = stand.ask(Ask::get("/v1/models").phi()).await.json();
    assert!(!rows(&phi).is_empty());
    let prices = |list: &Value| -> Vec<(Value, Value)> {
        rows(list).iter().map(|row| (row["routes"][0].clone(), row["price"].clone())).collect()
    };
    assert!(prices(&phi).iter().all(|price| prices(&general).contains(price)), "{phi}");
    assert!(only_whole_numbers(&general), "{general}");
}

/// Whether no number is one with a point.
pub(crate) fn only_whole_numbers(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_i64(),
        Value::Array(all) => all.iter().all(only_whole_numbers),
        Value::Object(all) => all.values().all(only_whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

#[tokio::test]
async fn a_name_of_several_routes_promises_what_all_of_them_keep() {
    let more = "[route.chalet-alpine]\nhost = 'chalet'\nmodel = 'wide'\nown = 'wide'\nmodality = 'chat'\nstatus = 'live'\n\
                pin_only = true\ncontext = 2000\nlacks = ['seed']\ncapabilities = ['tools', 'vision']\nsource = 'a test'\n\
                date = '2026-11-02'\nprice = { currency = 'USD', input = '1', output = '1' }\n\
                [route.alps-a-wide]\nhost = 'alps-a'\nmodel = 'wide'\nown = 'wide'\nmodality = 'chat'\nstatus = 'live'\n\
                pin_only = true\ncontext = 1000\nsource = 'a test'\ndate = '2026-11-01'\n\
                price = { currency = 'USD', input = '2', output = '2' }\n";
    let stand = Setup { catalogue: more, ..Setup::default() }.up().await;
    let shown = stand.ask(Ask::get("/v1/models/wide")).await.json();
    assert_eq!(shown["routes"], json!(["chalet-alpine", "alps-a-wide"]), "the cheaper one first");
    assert_eq!((&shown["context"], &shown["supports_tools"]), (&json!(1_000), &json!(true)));
    assert_eq!(shown["capabilities"], json!(["tools", "vision"]));
    assert_eq!(shown["price"]["units"]["input"]["list"], json!("1.00"), "of the one that is taken first");
    let has = |kind: &str, name: &str| shown["parameters"][kind].as_array().unwrap().contains(&json!(name));
    assert!(has("native", "temperature") && has("left_out", "user") && has("refused", "logprobs"), "{shown}");
    assert!(has("native", "seed"), "the route that lacks it is not taken: {shown}");
}

#[tokio::test]
async fn one_model_tells_what_it_can_be_given() {
    let stand = Stand::up().await;
    let shown = stand.ask(Ask::get("/v1/models/infomaniak/gemma-4-31b")).await.json();
    assert_eq!((&shown["id"], &shown["supports_tools"]), (&json!("infomaniak/gemma-4-31b"), &json!(true)));
    assert_eq!((&shown["region"], &shown["owned_by"]), (&json!("CH"), &json!("infomaniak")));
    let has = |kind: &str, name: &str| shown["parameters"][kind].as_array().unwrap().contains(&json!(name));
    assert!(has("native", "temperature") && has("translated", "max_tokens") && has("left_out", "prompt_cache_key"));
    assert!(!has("native", "provider") && !has("translated", "provider"), "{shown}");
    for (path, status) in [
        ("/v1/models/alps/m", 200),
        ("/v1/models/nobody/m", 404),
        ("/v1/models/scaleway/gemma-4-26b", 404),
        ("/v1/models/chalet/unpriced", 404),
    ] {
        assert_eq!(stand.ask(Ask::get(path)).await.status, status, "{path}");
    }
    let phi = stand.ask(Ask::get("/v1/models/chalet/m").phi()).await;
    assert_eq!(phi.refusal(), (404, "model_not_found".to_owned()));
}

#[tokio::test]
async fn ping_tells_the_key_and_its_defaults() {
    let stand = Stand::up().await;
    let token = stand.token_of("narrow", "", "--regions CH,EU --region EU --floor phi").await;
    let shown: Value = stand.ask(Ask::get("/v1/ping").token(&token)).await.json();
    for (name, value) in [
        ("object", json!("ping")),
        ("organization", json!("clinic")),
        ("agent", json!("narrow")),
        ("region", json!("EU")),
        ("class", json!("phi")),
        ("class_floor", json!("phi")),
        ("regions", json!(["CH", "EU"])),
        ("billing_active", json!(false)),
    ] {
        assert_eq!(shown[name], value, "{name}: {shown}");
    }
    assert!(!shown.to_string().contains(&token));
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

/// On one thread: whoever held it would keep everybody else waiting.
#[tokio::test]
async fn a_long_list_is_nobody_elses_wait() {
    let row = |number| {
        format!(
            "[route.alps-{number}]\nhost = 'alps-a'\nmodel = 'm{number}'\nown = 'm{number}'\nmodality = 'chat'\n\
             status = 'live'\nprice = {{ currency = 'USD', input = '3.00', output = '15.00' }}\nsource = 'a contract'\n\
             date = '2026-11-01'\n\n"
        )
    };
    let catalogue: &'static str = Box::leak((0..2_000).map(row).collect::<String>().into_boxed_str());
    let stand = Setup { catalogue, ..Setup::default() }.up().await;
    let explain = json!({"endpoint": "/chat/completions", "request": chat("auto")});
    for ask in [Ask::get("/v1/models"), Ask::json("/v1/route/explain", &explain)] {
        let mut long = std::pin::pin!(stand.begin(ask));
        let mut others = 0;
        let both = async {
            wait_until("it runs", async || stand.gateway.running() == 1).await;
            loop {
                assert_eq!(stand.ask(Ask::get("/v1/ping")).await.status, 200);
                others += 1;
            }
        };
        let coming = tokio::select! { biased; coming = &mut long => coming, () = both => return };
        assert_eq!(coming.status, 200);
        assert!(coming.whole().await.text().contains("alps-1999"));
        assert!(others > 0, "nobody was answered meanwhile");
    }
}
