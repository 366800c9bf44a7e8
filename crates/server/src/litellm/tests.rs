use phi_catalog::Status;

use super::*;

const GOLDEN: &str = include_str!("../../golden/litellm.yaml");

/// Everything that the file has of keys and of what else nobody may see.
const SECRETS: &[&str] = &[
    "2aG7cQx9LmTz41Wb",
    "Kp8vR3nYd6Hs0JqE",
    "Az5uRe7kEyXw2Pq9",
    "Redis3Pass9Zz",
    "Master1Key8Tt",
    "Db4Pass",
    "Langfuse7Yy",
    "made-up-account",
];

fn reading(text: &str) -> Reading {
    let catalogue = Catalogue::load(None).expect("the built-in catalogue");
    Reading::of(text, &catalogue, "2026-11-21".parse().expect("a day")).expect("YAML")
}

fn told(text: &str) -> Value {
    match reading(text).told(None) {
        Said::Page { data, .. } => data,
        Said::Rows(_) | Said::One(_) | Said::Text(_) | Said::Looked { .. } => Value::Null,
    }
}

fn left(told: &Value, what: &str) -> (String, String) {
    let all = told["not_taken"].as_array().expect("a list");
    let one = all.iter().find(|left| left["what"].as_str().is_some_and(|text| text.starts_with(what)));
    let one = one.unwrap_or_else(|| panic!("`{what}` is not among {all:#?}"));
    let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
    (text("why"), text("state"))
}

#[test]
fn names_become_aliases_in_the_regions_that_their_hosts_lie_in() {
    let told = told(GOLDEN);
    let models = |alias: &str, region: &str| {
        let aliases = told["aliases"].as_array().expect("a list");
        let one = aliases.iter().find(|one| one["alias"] == alias).expect("the alias");
        one["models"][region].clone()
    };
    assert_eq!(models("fast", "EU"), json!(["scaleway/gemma-4-26b"]));
    assert_eq!(models("fast", "CH"), json!(["infomaniak/gemma-4-31b"]), "found by its address");
    assert_eq!(models("fast", "WORLD"), json!(["scaleway/gemma-4-26b", "infomaniak/gemma-4-31b"]), "in their order");
    assert_eq!(models("fast", "US"), Value::Null);
    assert_eq!(
        models("deep", "US"),
        Value::Null,
        "its usual address promises no place, and the fallback lies in Europe"
    );
    assert_eq!(models("deep", "WORLD"), json!(["together/glm-5.2", "scaleway/gemma-4-26b", "infomaniak/gemma-4-31b"]));
    assert_eq!(models("quick", "CH"), models("fast", "CH"));
    assert_eq!(models("seen", "UK"), json!(["google/gemini-2.5-flash"]));
    assert_eq!(models("new-model", "EU"), json!(["scaleway/nova-1"]));
}

#[test]
fn what_is_written_is_staged_and_makes_no_host_agreement_or_price() {
    let rows = reading(GOLDEN).rows.expect("a file");
    let table: toml::Table = rows.parse().expect("TOML");
    assert_eq!(table.keys().collect::<Vec<_>>(), ["alias", "route"]);
    let catalogue = Catalogue::over(&[vec![("catalog.d/litellm.toml".to_owned(), rows)]]).expect("it holds");
    let built_in = Catalogue::load(None).expect("the built-in catalogue");
    assert_eq!(catalogue.rows().len(), built_in.rows().len() + 1);
    assert_eq!(catalogue.hosts(), built_in.hosts());
    let row = catalogue.row(&"scaleway-nova-1".parse().expect("an id")).expect("the row");
    assert_eq!(row.status, Status::Staged);
    assert!(row.pin_only && row.price.is_none() && !row.public);
}

#[test]
fn what_is_not_taken_is_told_with_its_reason_and_what_is_to_be_stated() {
    let told = told(GOLDEN);
    for (what, why, state) in [
        ("`unplaced`", "lie in different places", "which of them"),
        ("`at-home`", "no host of the catalogue has its address", "processes_in"),
        ("`from-elsewhere`", "its address is not in the file", "the address"),
        ("`openai/*`", "every model of a company", "each name"),
        ("`unsaid` ", "its company is not written", "openai/gpt-4o"),
        ("`unsaid-kind`", "what kind of work", "model_info"),
        ("`Shouted`", "a-z 0-9", "another name"),
        ("`whisper`", "an alias of the catalogue already", ""),
        ("`gone`", "was not taken", ""),
        ("`fast` to `at-home`", "was not taken", ""),
        ("`litellm_params.rpm`", "phi role create", ""),
        ("`litellm_params.input_cost_per_token`", "[price.ROUTE]", ""),
        ("`model_info.supports_vision`", "phi catalog show", ""),
        ("`router_settings.routing_strategy`", "section 6", ""),
        ("`router_settings.redis_password`", "nothing like it", ""),
        ("`litellm_settings.drop_params`", "section 5", ""),
        ("`litellm_settings.success_callback`", "anybody but its host", ""),
        ("`litellm_settings.context_window_fallbacks`", "never becomes another", ""),
        ("`general_settings.master_key`", "phi token create", ""),
        ("`general_settings.database_url`", "data folder", ""),
        ("`environment_variables`", "vault", ""),
    ] {
        let found = left(&told, what);
        assert!(found.0.contains(why) && found.1.contains(state), "{what}: {found:?}");
    }
}

#[test]
fn keys_are_told_by_where_they_are_and_no_secret_is_in_anything_that_is_told() {
    let reading = reading(GOLDEN);
    let Said::Page { text, data } = reading.told(None) else { panic!("no page") };
    let keys = data["keys"].as_array().expect("a list");
    let run = |host: &str| {
        let key = keys.iter().find(|key| key["host"] == host).expect("the key");
        (key["from"].as_str().unwrap_or_default().to_owned(), key["run"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(run("scaleway").1, "printenv SCW_SECRET_KEY | phi vault put scaleway --name litellm");
    let scaleway = keys.iter().find(|key| key["host"] == "scaleway").expect("the key");
    assert_eq!(scaleway["used_by"], json!(["fast", "new-model"]), "the same key is one");
    assert!(run("infomaniak").0.contains("sealed on --apply") && run("infomaniak").1.is_empty());
    let seen = run("google-europe-west2");
    assert!(seen.0.contains("not taken for a key"), "{seen:?}");
    assert_eq!(seen.1, "phi vault put google-europe-west2 --name litellm --set project=VALUE < service-account.json");
    assert!(run("openai").0.contains("not taken for a key"), "`none` is no key");
    let order = reading.order().expect("an order");
    assert_eq!(order.keys.len(), 2, "of Infomaniak and Together; that of Azure has no host");
    let everything = [text, data.to_string(), reading.rows.unwrap_or_default(), format!("{order:?}")].join("\n");
    for secret in SECRETS {
        assert!(GOLDEN.contains(secret) && !everything.contains(secret), "{secret}");
    }
}

#[test]
fn a_file_of_another_shape_comes_to_nothing_and_says_so() {
    for text in ["", "[]", "just text", "model_list: 7", "model_list: [7, {}]", "model_list: [{model_name: a}]"] {
        let told = told(text);
        assert_eq!((&told["aliases"], &told["staged"], &told["keys"]), (&json!([]), &json!([]), &json!([])), "{text}");
        assert!(text.is_empty() || told["not_taken"].as_array().is_some_and(|left| !left.is_empty()), "{text}");
    }
    let odd = told(
        "sk-made-up-2aG7cQx9LmTz41Wb: 1\nmodel_list:\n- model_name: sk-made-up-2aG7cQx9LmTz41Wb\n  litellm_params: {model: openai/gpt-4o}\n",
    );
    assert!(!odd.to_string().contains("2aG7"), "a key where a name should stand is not told: {odd}");
    for key in [
        "${OPENAI_API_KEY}",
        "os.environ/",
        "os.environ/A B",
        "'os.environ/A;reboot'",
        "[a]",
        "short",
        "a space in it, and long",
    ] {
        let told = told(&format!(
            "model_list:\n- model_name: a\n  litellm_params:\n    model: openai/gpt-4o\n    api_key: {key}\n"
        ));
        let from = told["keys"][0]["from"].as_str();
        assert!(from.is_some_and(|from| from.contains("not taken for a key")), "{key}: {told}");
    }
    let shared = "model_list:\n- model_name: a\n  litellm_params: {model: anthropic/claude-sonnet-4-6}\n";
    let told = told(shared);
    assert_eq!(told["aliases"][0]["models"], json!({"WORLD": ["anthropic/claude-sonnet-4-6"]}));
    assert_eq!(told["keys"][0]["host"], "anthropic", "of two hosts at an address the one that promises no place");
}
