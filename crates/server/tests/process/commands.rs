//! Every command: how it goes well, what it refuses, and that it does the same whether a server runs or not.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use phi_simulate::Host;
use serde_json::{Value, json};

use crate::book::Book;
use crate::call::Ask;
use crate::deploy::{Deploy, MODEL, rows, text};
use crate::serving::Serving;

const NOBODY: &str = "019abcde-0000-7000-8000-000000000000";

/// The words of a command line.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn json_of(deploy: &Deploy, line: &str) -> Value {
    deploy.json(&words(line))
}

async fn status(serving: &Serving, token: &str) -> u16 {
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hello"}]});
    Ask::chat(token, &body).send(serving.traffic).await.status
}

#[test]
fn init_needs_to_be_told_where_nobody_can_be_asked_and_happens_once() {
    let deploy = Deploy::bare();
    for (line, hint) in [
        ("init --class phi", "--region"),
        ("init --region CH", "--class"),
        ("init --region ATLANTIS --class phi", "`ATLANTIS` is no region"),
        ("serve", "init"),
        ("org list", "init"),
        ("config reload", "no server runs"),
    ] {
        let error = deploy.refused(&words(line));
        assert!(error.contains(hint), "{line}: {error}");
        assert!(!deploy.data().join("master.key").exists(), "{line}");
    }
    let made = json_of(&deploy, "init --region eu --class phi --framework GDPR --framework HIPAA");
    assert_eq!(
        (&made["region"], &made["class"], &made["frameworks"]),
        (&json!("EU"), &json!("phi"), &json!(["GDPR", "HIPAA"]))
    );
    let key = fs::read(deploy.data().join("master.key")).expect("a key");
    for (path, mode) in [("", 0o700), ("master.key", 0o600), ("phi.db", 0o600)] {
        let about = fs::metadata(deploy.data().join(path)).expect("made");
        assert_eq!(about.permissions().mode() & 0o777, mode, "`{path}`");
    }
    let error = deploy.refused(&words("init --region CH --class phi"));
    assert!(error.contains("holds a deployment already") && error.contains("--data"), "{error}");
    assert_eq!(fs::read(deploy.data().join("master.key")).expect("a key"), key, "the key is the same one");
}

#[test]
fn every_subcommand_has_help_with_an_example() {
    let deploy = Deploy::bare();
    let groups =
        ["init", "serve", "org", "role", "agent", "token", "agreement", "vault", "ledger", "catalog", "config"];
    let all = deploy.run(&["--help"]);
    for group in groups {
        assert!(all.out.contains(&format!("  {group} ")), "{group}");
        let help = deploy.run(&[group, "--help"]);
        assert_eq!(help.code, Some(0), "{group}");
        assert!(help.out.contains("example: phi "), "`phi {group} --help` has no example: {}", help.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_do_the_same_with_and_without_a_server() {
    let host = Host::start().await.expect("started");
    let mut acts = Vec::new();
    for served in [false, true] {
        let deploy = Deploy::init();
        deploy.catalogue("tested.toml", &rows(host.address()));
        let serving = served.then(|| Serving::start(&deploy));
        orgs_and_roles(&deploy);
        agents_and_tokens(&deploy);
        agreements(&deploy);
        vault(&deploy);
        entries(&deploy);
        if let Some(serving) = serving {
            serving.stop();
        }
        let book = Book::read(&deploy);
        acts.push(book.acts().into_iter().filter(|act| *act != "vault.lease").map(str::to_owned).collect::<Vec<_>>());
    }
    assert_eq!(acts[0], acts[1]);
    assert!(acts[0].len() > 15, "{acts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_leased_when_the_server_starts_and_by_no_other_command() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let leases = || Book::read(&deploy).acts().into_iter().filter(|act| *act == "vault.lease").count();
    json_of(&deploy, "org list");
    assert_eq!(leases(), 0);
    Serving::start(&deploy).stop();
    assert_eq!(leases(), 1);
}

fn orgs_and_roles(deploy: &Deploy) {
    let line = "org create st-mary --region CH --class phi --floor phi --regions CH,EU --framework nFADP";
    let made = json_of(deploy, line);
    assert_eq!(made["regions"], json!(["CH", "EU"]));
    assert_eq!(json_of(deploy, "org show st-mary"), made);
    assert_eq!(json_of(deploy, "org list"), json!([made]));
    json_of(deploy, "org create gone --region EU --class general");
    assert!(json_of(deploy, "org revoke gone")["revoked"].is_string());
    refuses(deploy, "org create st-mary --region CH --class phi", "`st-mary` was not made");
    refuses(deploy, "org create other --class phi", "--region");
    refuses(deploy, "org create other --region CH", "--class");
    refuses(deploy, "org create other --region ATLANTIS --class phi", "ATLANTIS");
    refuses(deploy, "org create other --region CH --class phi --regions EU", "add it to --regions");
    refuses(deploy, "org show other", "phi org list");
    mistyped(deploy, "org create St_Mary --region CH --class phi", "St_Mary");
    mistyped(deploy, "org create other --region CH --class secret", "secret");

    let made = json_of(deploy, "role create radiology --org st-mary --requests 600 --at-once 20");
    assert_eq!((&made["requests_per_minute"], &made["at_once"]), (&json!(600), &json!(20)));
    assert_eq!(json_of(deploy, "role show radiology --org st-mary"), made);
    assert_eq!(json_of(deploy, "role list --org st-mary"), json!([made]));
    json_of(deploy, "role create gone --org st-mary");
    json_of(deploy, "role revoke gone --org st-mary");
    refuses(deploy, "role create radiology --org st-mary", "`radiology` was not made");
    refuses(deploy, "role create radiology --org other", "no organization `other`");
    refuses(deploy, "role show other --org st-mary", "phi role list");
    mistyped(deploy, "role create more --org st-mary --requests -1", "-1");
}

fn agents_and_tokens(deploy: &Deploy) {
    let made = json_of(deploy, "agent create reporter --org st-mary --role radiology --tokens 9000");
    assert_eq!(made["tokens_per_minute"], 9000);
    assert_eq!(json_of(deploy, "agent show reporter --org st-mary"), made);
    assert_eq!(json_of(deploy, "agent list --org st-mary"), json!([made]));
    json_of(deploy, "agent create gone --org st-mary");
    json_of(deploy, "agent revoke gone --org st-mary");
    refuses(deploy, "agent create reporter --org st-mary", "`reporter` was not made");
    refuses(deploy, "agent create more --org st-mary --role surgery", "phi role list");
    refuses(deploy, "agent show more --org st-mary", "phi agent list");

    let line =
        "token create --org st-mary --agent reporter --regions CH --from 10.0.0.0/8 --expires 90d --label ward-3";
    let once = json_of(deploy, line);
    let (id, secret) = (text(&once["id"]), text(&once["token"]));
    assert!(secret.starts_with("phi_live_"), "{secret}");
    let shown = json_of(deploy, &format!("token show {id}"));
    assert_eq!(shown["label"], "ward-3");
    assert_eq!(json_of(deploy, "token list --org st-mary"), json!([shown]));
    let tail = &secret[secret.len() - 40..];
    for line in [format!("token show {id}"), "token list --org st-mary".to_owned(), "ledger tail --count 99".to_owned()]
    {
        for json in [&[][..], &["--json"][..]] {
            let said = deploy.run(&[json, &words(&line)].concat());
            assert!(!said.out.contains(tail) && !said.out.is_empty(), "`{line}` shows the token again");
        }
    }
    let next = json_of(deploy, &format!("token rotate {id} --overlap 1h"));
    assert_ne!(next["token"], once["token"]);
    assert_eq!((&next["label"], &next["regions"], &next["from"]), (&shown["label"], &shown["regions"], &shown["from"]));
    assert!(json_of(deploy, &format!("token show {id}"))["expires"].as_str() < shown["expires"].as_str());
    assert!(json_of(deploy, &format!("token revoke {id}"))["revoked"].is_string());
    let test = json_of(deploy, "token create --org st-mary --agent reporter --test");
    assert!(text(&test["token"]).starts_with("phi_test_"));
    refuses(deploy, "token create --org st-mary --agent nobody", "phi agent list");
    refuses(deploy, "token create --org st-mary --agent gone", "revoked");
    refuses(deploy, "token create --org st-mary --agent reporter --expires soon", "`soon`");
    refuses(deploy, "token create --org st-mary --agent reporter --expires=-1d", "past");
    refuses(deploy, "token create --org st-mary --agent reporter --regions EU", "--regions");
    refuses(deploy, &format!("token show {NOBODY}"), "phi token list");
    refuses(deploy, &format!("token rotate {NOBODY}"), "phi token list");
    mistyped(deploy, "token create --org st-mary --agent reporter --from 10.0.0.0/99", "10.0.0.0/99");
    mistyped(deploy, "token show 1", "1");
}

fn agreements(deploy: &Deploy) {
    let document = deploy.root().join("dpa.pdf");
    fs::write(&document, "the signed pages").expect("written");
    let line = |document: &str, more: &str| {
        format!(
            "agreement add --counterparty Tested --document {document} --country CH --modality chat --framework nFADP \
             --verified-by Keller --verified-on 2026-01-01 {more}"
        )
    };
    let path = document.display().to_string();
    let made = json_of(deploy, &line(&path, "--provider tested --review-by 2999-01-01"));
    let hash = phi_crypto::hex(&phi_crypto::sha256(&[b"the signed pages"]));
    assert_eq!((&made["stands"], &made["document"]), (&json!(true), &json!(hash)));
    assert_eq!(json_of(deploy, &format!("agreement show {}", text(&made["id"]))), made);
    assert_eq!(json_of(deploy, "agreement list")[0]["id"], made["id"]);
    let old = json_of(deploy, &line(&hash, "--provider tested --review-by 2026-01-02"));
    assert_eq!((&old["stands"], &old["document"]), (&json!(false), &json!(hash)), "its review is overdue");
    let customer = json_of(deploy, &line(&hash, "--kind customer --org st-mary --review-by 2999-01-01"));
    assert_eq!(customer["kind"], "customer");
    let revoked = json_of(deploy, &format!("agreement revoke {}", text(&made["id"])));
    assert_eq!(revoked["stands"], false);
    for (document, more, problem) in [
        (path.as_str(), "--provider nobody --review-by 2999-01-01", "no provider"),
        (&path, "--review-by 2999-01-01", "--provider"),
        (&path, "--provider tested --review-by 2025-12-31", "before the verification"),
        (&path, "--kind customer --provider tested --review-by 2999-01-01", "--org"),
        ("nothing.pdf", "--provider tested --review-by 2999-01-01", "`nothing.pdf`"),
    ] {
        refuses(deploy, &line(document, more), problem);
    }
    refuses(deploy, &format!("agreement revoke {NOBODY}"), "phi agreement list");
    mistyped(deploy, &line(&path, "--provider tested --review-by tomorrow"), "tomorrow");
    mistyped(deploy, &line(&path, "--provider tested"), "--review-by");
}

fn vault(deploy: &Deploy) {
    let file = deploy.root().join("key.txt");
    fs::write(&file, "sk-from-a-file\n").expect("written");
    let made = json_of(deploy, &format!("vault put tested --name first --file {}", file.display()));
    let put = deploy.run_with(&words("--json vault put tested --org st-mary"), "sk-from-standard-input\n");
    let second: Value = serde_json::from_str(&put.out).expect("JSON");
    assert_eq!(json_of(deploy, "vault list"), json!([made, second]));
    assert!(json_of(deploy, &format!("vault revoke {}", text(&made["id"])))["revoked"].is_string());
    for (line, input, problem) in [
        ("vault put nobody", "sk-x", "phi catalog list"),
        ("vault put tested", "", "no key"),
        ("vault put tested", "two words", "no key"),
        ("vault put infomaniak", "sk-x", "--set product_id"),
        ("vault put infomaniak --set product_id=1 --set project=2", "sk-x", "there is product_id"),
        ("vault put tested --set product_id=1", "sk-x", "leave --set out"),
        ("vault put tested --file /nowhere", "", "/nowhere"),
    ] {
        let ran = deploy.run_with(&words(line), input);
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{line}");
        assert!(ran.err.contains(problem), "{line}: {}", ran.err);
        assert!(input.is_empty() || !ran.err.contains(input), "{line} shows the key");
    }
    refuses(deploy, &format!("vault revoke {NOBODY}"), "phi vault list");
    mistyped(deploy, "vault put infomaniak --set product_id=UPPER", "product_id");
}

fn entries(deploy: &Deploy) {
    let tail = json_of(deploy, "ledger tail --count 3");
    let indices: Vec<u64> = tail.as_array().expect("rows").iter().filter_map(|row| row["index"].as_u64()).collect();
    assert_eq!(indices.len(), 3);
    assert!(indices.is_sorted(), "{indices:?}");
    refuses(deploy, &format!("ledger show {NOBODY}"), "x-request-id");
    assert_eq!(json_of(deploy, "ledger verify")["verified"], true);
    let routes = json_of(deploy, "catalog list");
    assert!(routes.as_array().is_some_and(|routes| routes.iter().any(|row| row["route"] == "tested-plain")));
    assert_eq!(json_of(deploy, "catalog check")["valid"], true);
    assert_eq!(json_of(deploy, "config check")["valid"], true);
    let schema = deploy.run(&words("config schema"));
    assert!(serde_json::from_str::<Value>(&schema.out).is_ok());
}

/// A command that fails, and says so with these words.
fn refuses(deploy: &Deploy, line: &str, problem: &str) {
    let error = deploy.refused(&words(line));
    assert!(error.contains(problem), "{line}: {error}");
}

/// A command line that cannot be read.
fn mistyped(deploy: &Deploy, line: &str, problem: &str) {
    let ran = deploy.run(&words(line));
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{line}");
    assert!(ran.err.contains(problem), "{line}: {}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_revoked_holds_no_more_and_what_is_rotated_overlaps() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let serving = Serving::start(&deploy);
    let (old, id) = deploy.token(&[]);
    let next = json_of(&deploy, &format!("token rotate {id} --overlap 1h"));
    let new = text(&next["token"]);
    assert_eq!((status(&serving, &old).await, status(&serving, &new).await), (200, 200), "both hold");
    let agent = text(&next["agent_token"]);
    assert_eq!(status(&serving, &agent).await, 200, "the agent's spelling of it holds too");
    let last = json_of(&deploy, &format!("token rotate {} --overlap 0s", text(&next["id"])));
    assert_eq!((status(&serving, &new).await, status(&serving, &text(&last["token"])).await), (401, 200));
    json_of(&deploy, &format!("token revoke {}", text(&last["id"])));
    assert_eq!(status(&serving, &text(&last["token"])).await, 401);

    json_of(&deploy, "role create role --org org");
    json_of(&deploy, "agent create other --org org --role role");
    let other = text(&json_of(&deploy, "token create --org org --agent other")["token"]);
    assert_eq!(status(&serving, &other).await, 200);
    json_of(&deploy, "role revoke role --org org");
    assert_eq!(status(&serving, &other).await, 401);
    assert_eq!(status(&serving, &old).await, 200);

    let attested = text(&deploy.attest()["id"]);
    let (phi, _) = deploy.token(&["--class", "phi"]);
    assert_eq!(status(&serving, &phi).await, 200);
    json_of(&deploy, &format!("agreement revoke {attested}"));
    assert_eq!(status(&serving, &phi).await, 403);

    let key = text(&json_of(&deploy, "vault list")[0]["id"]);
    json_of(&deploy, &format!("vault revoke {key}"));
    assert_eq!(status(&serving, &old).await, 422, "no key, no route");
    assert_eq!(deploy.run_with(&words("vault put tested"), "sk-another").code, Some(0));
    assert_eq!(status(&serving, &old).await, 200);

    json_of(&deploy, "agent revoke agent --org org");
    assert_eq!(status(&serving, &old).await, 401);
    json_of(&deploy, "agent create third --org org");
    let third = text(&json_of(&deploy, "token create --org org --agent third")["token"]);
    assert_eq!(status(&serving, &third).await, 200);
    json_of(&deploy, "org revoke org");
    assert_eq!(status(&serving, &third).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_shown_by_its_id_and_that_is_an_act() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hello"}]});
    let reply = Ask::chat(&token, &body).send(serving.traffic).await;
    let line = format!("ledger show {}", reply.header("x-request-id").expect("an id"));
    let shown = json_of(&deploy, &line);
    let records: Vec<&Value> = shown.as_array().expect("rows").iter().map(|row| &row["record"]).collect();
    assert_eq!(records, [&json!("opened"), &json!("closed")]);
    assert_eq!(shown[1]["charge"][0]["micro_usd"].as_i64(), reply.cost());
    serving.stop();
    assert_eq!(json_of(&deploy, &line), shown, "the same without a server");
    let reads = Book::read(&deploy).acts().into_iter().filter(|act| *act == "entry.read").count();
    assert_eq!(reads, 2);
}

#[test]
fn a_folder_has_one_server_and_its_socket_one_owner() {
    let deploy = Deploy::init();
    let serving = Serving::start(&deploy);
    let socket = fs::metadata(deploy.data().join("control.sock")).expect("the socket");
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    let error = deploy.refused(&["serve"]);
    assert!(error.contains("another process works in") && error.contains("hint: "), "{error}");
    json_of(&deploy, "org list");
    serving.kill();
    assert!(deploy.data().join("control.sock").exists(), "a killed server leaves its socket");
    json_of(&deploy, "org create after --region CH --class general");
    Serving::start(&deploy).stop();
    assert_eq!(json_of(&deploy, "org list")[0]["name"], "after");
}

#[test]
fn a_flipped_byte_is_found_and_said_where() {
    let deploy = Deploy::init();
    for name in ["one", "two", "three"] {
        json_of(&deploy, &format!("org create {name} --region CH --class general"));
    }
    let ledger = deploy.data().join("ledger");
    let files = fs::read_dir(&ledger).expect("the ledger").map(|file| file.expect("a file").path());
    let segment = files.filter(|path| fs::metadata(path).is_ok_and(|about| about.len() > 0)).max().expect("a segment");
    let whole = fs::read(&segment).expect("read");
    let name = segment.file_name().expect("a name").to_string_lossy().into_owned();
    for at in [0, whole.len() / 4, whole.len() / 3, whole.len() / 2] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&segment, &bytes).expect("written");
        let error = deploy.refused(&words("ledger verify"));
        assert!(error.contains(&name) && error.contains(" at byte "), "{at}: {error}");
        for line in ["serve", "org list"] {
            let error = deploy.refused(&[line.split(' ').collect::<Vec<_>>()].concat());
            assert!(error.contains(&name), "`{line}` {at}: {error}");
        }
        assert_eq!(fs::read(&segment).expect("read"), bytes, "nothing is mended in silence");
    }
    fs::write(&segment, &whole).expect("written");
    assert_eq!(json_of(&deploy, "ledger verify")["verified"], true);
}

#[test]
fn a_master_key_that_others_could_read_is_refused_with_a_remedy() {
    let deploy = Deploy::init();
    let key = deploy.data().join("master.key");
    for mode in [0o644, 0o640, 0o604] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).expect("changed");
        for line in ["serve", "org list"] {
            let error = deploy.refused(&words(line));
            assert!(error.contains(&format!("{mode:04o}")) && error.contains("chmod 600"), "{line}: {error}");
        }
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("changed");
    json_of(&deploy, "org list");
    let aside = deploy.root().join("aside.key");
    fs::rename(&key, &aside).expect("moved");
    let error = deploy.refused(&["serve"]);
    assert!(error.contains("master key"), "{error}");
    symlink(&aside, &key).expect("linked");
    let error = deploy.refused(&["serve"]);
    assert!(error.contains("not a link"), "{error}");
    fs::remove_file(&key).expect("removed");
    fs::write(&key, "phi-master-key-v1 abc\n").expect("written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("changed");
    let error = deploy.refused(&["serve"]);
    assert!(error.contains("64 hexadecimal digits"), "{error}");
}

#[test]
fn a_bad_file_of_settings_or_catalogue_is_told_with_its_remedy() {
    let deploy = Deploy::init();
    deploy.settings("[record]\ndurability = \"memory\"");
    for line in ["config check", "serve", "org list"] {
        refuses(&deploy, line, "record.durability");
    }
    deploy.settings("[route]\nembeddings = \"no-such-model\"");
    for line in ["config check", "serve", "org list"] {
        refuses(&deploy, line, "route.embeddings");
    }
    for line in
        ["--config nowhere.toml config check", "--config nowhere.toml config show", "--config nowhere.toml serve"]
    {
        refuses(&deploy, line, "nowhere.toml");
    }
    deploy.settings("");
    assert_eq!(json_of(&deploy, "config show")["record"]["durability"], "disk");
    refuses(&Deploy::bare(), "ledger verify", "holds no ledger");
    deploy.catalogue("bad.toml", "[host.x]\nprovider = \"nobody\"\n\n[route.\"UPPER\"]\nmodel = 3\n");
    for line in ["catalog check", "catalog list", "serve"] {
        refuses(&deploy, line, "bad.toml");
    }
}
