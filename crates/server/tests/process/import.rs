//! What is brought from elsewhere, with the real binary: public tables of models and prices, settings of another gateway.

use std::fs;

use serde_json::{Value, json};

use crate::book::Book;
use crate::deploy::{Deploy, text};
use crate::serving::Serving;

const TABLE: &str = include_str!("../../../catalog/golden/litellm.json");

/// A file beside the deployment.
fn file(deploy: &Deploy, name: &str, text: &str) -> String {
    let path = deploy.root().join(name);
    fs::write(&path, text).expect("written");
    path.display().to_string()
}

fn entries(told: &Value, name: &str) -> Vec<String> {
    told[name].as_array().expect("a list").iter().map(|one| text(&one["entry"])).collect()
}

#[test]
fn a_table_is_compared_and_what_is_new_is_written_for_a_person_to_look_at() {
    let deploy = Deploy::bare();
    let table = file(&deploy, "prices.json", TABLE);
    let told = deploy.json(&["catalog", "import", &table]);
    assert_eq!((&told["format"], &told["written"]), (&json!("litellm"), &Value::Null));
    assert!(entries(&told, "new").contains(&"scaleway/vendor/large-it".to_owned()), "{told}");
    let read = told["how_it_was_read"].as_array().expect("lines");
    assert!(read.iter().any(|line| text(line).contains("Scaleway are in EUR")), "{told}");
    let page = deploy.run(&["catalog", "import", &table]);
    for part in [
        "as staged rows",
        "state the host",
        "how it was read",
        "zero is read as one that is not known",
        "nothing was written",
    ] {
        assert!(page.out.contains(part), "{part}: {}", page.out);
    }

    let out = deploy.root().join("new.toml").display().to_string();
    let args = ["catalog", "import", &table, "--date", "2026-11-20", "--provider", "scaleway", "--out", &out];
    let told = deploy.json(&args);
    assert_eq!(told["written"], json!(out));
    assert!(entries(&told, "new").iter().all(|entry| entry.starts_with("scaleway/")), "{told}");
    let written = fs::read_to_string(&out).expect("written");
    assert!(written.contains("status = \"staged\"") && written.contains("date = \"2026-11-20\""), "{written}");
    assert!(!written.contains("\"live\"") && !written.contains("offers"), "{written}");
    let again = deploy.refused(&args);
    assert!(again.contains("is not written over"), "{again}");
    assert_eq!(fs::read_to_string(&out).expect("there"), written);
    assert!(!deploy.data().exists(), "the deployment is not touched, nor made");
    deploy.catalogue("new.toml", &written);
    assert_eq!(deploy.json(&["catalog", "check"])["valid"], true);
    let shown = deploy.json(&["catalog", "list", "--provider", "scaleway", "--status", "staged"]);
    let row = shown.as_array().expect("rows").iter().find(|row| row["route"] == "scaleway-large-it").expect("the row");
    assert_eq!(row["status"], "staged");
}

#[test]
fn a_table_that_is_not_fit_is_refused_and_nothing_is_written() {
    let deploy = Deploy::bare();
    deploy.catalogue("mine.toml", "");
    let out = deploy.root().join("new.toml").display().to_string();
    let entry = |price: &str| {
        format!(
            "{{\"scaleway/x\": {{\"litellm_provider\": \"scaleway\", \"mode\": \"chat\", \"input_cost_per_token\": {price}}}}}"
        )
    };
    for (text, problem) in [
        (entry("-3e-07"), "it is negative"),
        (entry("0.3"), "--without ENTRY"),
        ("{\"a\": {}, \"a\": {}}".to_owned(), "stands in it twice"),
        ("{\"a\": {}}".to_owned(), "--format"),
        ("model,price".to_owned(), "not JSON"),
    ] {
        let table = file(&deploy, "prices.json", &text);
        let error = deploy.refused(&["catalog", "import", &table, "--out", &out]);
        assert!(error.contains(problem) && error.contains("hint: "), "{text}: {error}");
        assert!(!fs::exists(&out).expect("asked"), "{text}");
    }
    let bad = file(&deploy, "prices.json", &entry("0.3"));
    assert_eq!(deploy.json(&["catalog", "import", &bad, "--without", "scaleway/x"])["new"], json!([]));
    let table = file(&deploy, "prices.json", TABLE);
    let inside = deploy.data().join("catalog.d/new.toml").display().to_string();
    let error = deploy.refused(&["catalog", "import", &table, "--out", &inside]);
    assert!(error.contains("would be in force at once") && !fs::exists(&inside).expect("asked"), "{error}");
    for (args, problem) in [
        (vec!["--provider", "nobody"], "`nobody` is no provider"),
        (vec!["--without", "nobody/x"], "no entry `nobody/x`"),
        (vec!["--format", "models-dev"], "has no `models`"),
    ] {
        let error = deploy.refused(&[&["catalog", "import", &table], args.as_slice()].concat());
        assert!(error.contains(problem), "{args:?}: {error}");
    }
    assert!(deploy.refused(&["catalog", "import", "/nowhere.json"]).contains("cannot be read"));
}

const PROXY: &str = include_str!("../../golden/litellm.yaml");
/// What stands in it and may be seen by nobody.
const SECRETS: &[&str] = &["2aG7cQx9LmTz41Wb", "Kp8vR3nYd6Hs0JqE", "Az5uRe7kEyXw2Pq9", "Master1Key8Tt", "Db4Pass"];

/// Every file below a folder, as one text.
fn all_of(folder: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        all.extend(if entry.is_dir() { all_of(&entry) } else { fs::read(&entry).unwrap_or_default() });
    }
    all
}

fn is_nowhere(secret: &str, deploy: &Deploy, said: &str) {
    let written = all_of(&deploy.data());
    assert!(!written.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret}");
    assert!(!said.contains(secret), "{secret}: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_of_another_gateway_are_shown_and_then_taken_over() {
    for served in [false, true] {
        let deploy = Deploy::init();
        let serving = served.then(|| Serving::start(&deploy));
        let config = file(&deploy, "config.yaml", PROXY);
        let shown = deploy.run(&["config", "import", "litellm", &config]);
        assert_eq!(shown.code, Some(0), "{shown:?}");
        for part in ["nothing was done: --apply does it", "printenv SCW_SECRET_KEY | phi vault put scaleway", "state: "]
        {
            assert!(shown.out.contains(part), "{part}: {}", shown.out);
        }
        assert_eq!(deploy.json(&["vault", "list"]), json!([]));
        assert!(!deploy.data().join("catalog.d").exists(), "it was shown, and not done");

        let done = deploy.run(&["--json", "config", "import", "litellm", &config, "--apply"]);
        assert_eq!(done.code, Some(0), "{done:?}");
        let told: Value = serde_json::from_str(&done.out).expect("JSON");
        assert_eq!((&told["applied"], &told["written"]), (&json!(true), &json!("catalog.d/litellm.toml")));
        let vault = deploy.json(&["vault", "list"]);
        let hosts: Vec<&Value> = vault.as_array().expect("keys").iter().map(|key| &key["hosts"]).collect();
        assert_eq!(hosts, [&json!(["infomaniak"]), &json!(["together-global"])]);
        assert_eq!(vault[0]["params"], json!({"product_id": "12345"}));
        let fast = deploy.json(&["catalog", "show", "fast"]);
        assert!(fast.to_string().contains("infomaniak/gemma-4-31b"), "{fast}");
        let again = deploy.run(&["config", "import", "litellm", &config, "--apply"]);
        assert!(
            again.out.contains("an alias of the catalogue already") && again.out.contains("no file was written"),
            "{again:?}"
        );
        assert_eq!(deploy.json(&["vault", "list"]), vault, "what is there already is not taken again");
        for secret in SECRETS {
            is_nowhere(
                secret,
                &deploy,
                &[shown.out.as_str(), &shown.err, &done.out, &done.err, &again.out, &again.err].join("\n"),
            );
        }
        if let Some(serving) = serving {
            serving.stop();
        }
        let acts = Book::read(&deploy);
        // A server sees the new file by itself too, sooner or later.
        let ours = |act: &&str| matches!(*act, "config.import" | "vault.put");
        let acts: Vec<&str> = acts.acts().into_iter().filter(ours).collect();
        assert_eq!(acts, ["config.import", "vault.put", "vault.put"]);
    }
}

#[test]
fn nothing_is_taken_over_that_would_open_the_way_for_phi_or_cannot_be_read() {
    let deploy = Deploy::init();
    let document = "a".repeat(64);
    deploy.json(
        &[
            &[
                "agreement",
                "add",
                "--provider",
                "infomaniak",
                "--counterparty",
                "Infomaniak SA",
                "--document",
                &document,
            ],
            &["--country", "CH", "--modality", "chat", "--framework", "nFADP", "--verified-by", "A. Keller"][..],
            &["--verified-on", "2026-01-01", "--review-by", "2999-01-01"],
        ]
        .concat(),
    );
    let config = file(&deploy, "config.yaml", PROXY);
    let told = deploy.json(&["config", "import", "litellm", &config, "--apply"]);
    assert_eq!(told["not_sealed"][0]["host"], "infomaniak", "{told}");
    assert!(text(&told["not_sealed"][0]["why"]).contains("agreement"), "{told}");
    let vault = deploy.json(&["vault", "list"]);
    assert_eq!(vault.as_array().map(Vec::len), Some(1), "that of Together alone: {vault}");

    let other = Deploy::init();
    for (text, problem) in [
        ("model_list: &all [s3cret-value-here]", "line 1 has an anchor"),
        ("model_list:\n  - model_name: a\n    model_name: s3cret", "line 3 names a field again"),
        ("model_list: [s3cret", "cannot be read as YAML"),
    ] {
        let config = file(&other, "config.yaml", text);
        let error = other.refused(&["config", "import", "litellm", &config, "--apply"]);
        assert!(error.contains(problem) && error.contains("hint: ") && !error.contains("s3cret"), "{error}");
    }
    let config = file(&other, "config.yaml", PROXY);
    other.catalogue("litellm.toml", "# by hand\n");
    let error = other.refused(&["config", "import", "litellm", &config, "--apply"]);
    assert!(error.contains("is there already"), "{error}");
    assert_eq!(other.json(&["vault", "list"]), json!([]), "nothing was sealed either");
    assert!(other.refused(&["config", "import", "litellm", "/nowhere.yaml"]).contains("cannot be read"));
}
