//! What is brought from elsewhere, with the real binary: public tables of models and prices.

use std::fs;

use serde_json::{Value, json};

use crate::deploy::{Deploy, text};

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
