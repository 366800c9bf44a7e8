//! Service accounts in the vault: the key file that is taken, what is said of it, and what is refused.

use std::fs;

use serde_json::{Value, json};

use crate::deploy::{Deploy, PEM, key_file};

const SHORT: &str = include_str!("../../../crypto/golden/test-only-rsa-1024.pem");

/// What `vault put` says to a key on standard input: JSON where it was taken, an error where it was not.
fn put(deploy: &Deploy, opens: &str, more: &[&str], key: &str) -> Result<Value, String> {
    let ran = deploy.run_with(&[&["--json", "vault", "put", opens], more].concat(), key);
    if ran.code == Some(0) {
        return Ok(serde_json::from_str(&ran.out).expect("JSON"));
    }
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    Err(ran.err)
}

#[test]
fn a_service_account_is_taken_as_its_key_file() {
    let deploy = Deploy::init();
    let all = put(&deploy, "google", &[], &key_file()).expect("taken");
    assert_eq!((&all["kind"], &all["hosts"]), (&json!("google-service-account"), &json!([])));
    assert_eq!(all["params"], json!({"project": "clinic-eu"}), "the project is the key file's");
    let file = deploy.root().join("account.json");
    fs::write(&file, key_file()).expect("written");
    let path = file.display().to_string();
    let one = ["--name", "london", "--set", "project=another", "--file", &path];
    let one = put(&deploy, "google-europe-west2", &one, "").expect("taken");
    assert_eq!((&one["params"], &one["hosts"]), (&json!({"project": "another"}), &json!(["google-europe-west2"])));
    // A key of the developer API stands beside it, needs no project, and is of another kind.
    let plain = put(&deploy, "google", &["--name", "developer"], "AIza-one-line").expect("taken");
    assert_eq!((&plain["kind"], &plain["params"]), (&json!("plain"), &json!({})));
    assert_eq!(deploy.json(&["vault", "list"]), json!([all, one, plain]));
    let shown = deploy.run(&["vault", "list"]).out;
    assert!(shown.contains("google-service-account") && shown.contains("plain"), "{shown}");
}

#[test]
fn the_wrong_kind_of_key_is_refused_before_it_is_kept() {
    let deploy = Deploy::init();
    let account = key_file();
    let with = |field: &str, value: Value| {
        let mut file: Value = serde_json::from_str(&account).expect("JSON");
        file[field] = value;
        file.to_string()
    };
    let table = [
        ("google-europe-west2", "AIza-one-line".to_owned(), "give it the account's JSON key file"),
        ("together", account.clone(), "by a key on one line"),
        ("google-gemini", account.clone(), "by a key on one line"),
        ("google", with("type", json!("authorized_user")), "type `service_account`"),
        ("google", with("client_email", Value::Null), "no `client_email`"),
        ("google", with("private_key", json!(SHORT)), "2,048 to 4,096 bits"),
        ("google", with("private_key", json!(PEM.replace("PRIVATE KEY", "RSA PRIVATE KEY"))), "PKCS#8"),
        ("google", with("universe_domain", json!("evil.example")), "universe_domain"),
        ("google", with("project_id", json!("Example.com:old")), "--set project=VALUE"),
        ("google", with("project_id", Value::Null), "--set project=VALUE"),
        ("google", account[..account.len() - 9].to_owned(), "JSON file that Google gives"),
        ("google", PEM.to_owned(), "no key"),
    ];
    for (opens, key, problem) in table {
        let error = put(&deploy, opens, &[], &key).expect_err(problem);
        assert!(error.contains(problem), "{opens}: {error}");
        for secret in [PEM.lines().nth(3).expect("a line"), "AIza-one-line", "evil.example", "Example.com"] {
            assert!(!error.contains(secret), "{opens} shows what it was given: {error}");
        }
    }
    assert_eq!(deploy.json(&["vault", "list"]), json!([]));
}
