//! What an operator sees and changes of the catalogue, with the real binary, whether a server runs or not.

use std::fs;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use phi_simulate::Host;
use serde_json::{Value, json};

use crate::book::Book;
use crate::call::Ask;
use crate::deploy::{Deploy, MODEL, route, text};
use crate::serving::Serving;

/// A day so many days before today, in UTC.
fn days_ago(days: i32) -> String {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    today.checked_sub(days.days()).expect("a date").to_string()
}

fn json_of(deploy: &Deploy, line: &str) -> Value {
    deploy.json(&line.split_whitespace().collect::<Vec<_>>())
}

fn refuses(deploy: &Deploy, line: &str, problem: &str) {
    let error = deploy.refused(&line.split_whitespace().collect::<Vec<_>>());
    assert!(error.contains(problem) && error.contains("hint: "), "{line}: {error}");
}

fn set(currency: &str, usd: &str, date: &str) -> String {
    format!("catalog rates set {currency} {usd} --date {date} --source https://rates.example")
}

async fn chat(serving: &Serving, token: &str) -> i64 {
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hello"}]});
    let reply = Ask::chat(token, &body).send(serving.traffic).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.cost().expect("a cost")
}

/// The model of the tests, at twice its price in dollars, listed in francs.
fn in_francs(deploy: &Deploy) {
    let file = deploy.data().join("catalog.d/tested.toml");
    let listed = fs::read_to_string(&file).expect("read");
    let changed = listed.replace("currency = \"USD\"", "currency = \"CHF\"");
    assert_ne!(listed, changed);
    fs::write(file, changed).expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_that_is_set_prices_the_next_call_of_the_running_server() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    in_francs(&deploy);
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let ready = async || Ask::new("GET", "/readyz").send(serving.console).await.json();
    let (yesterday, today) = (days_ago(1), days_ago(0));
    let first = json_of(&deploy, &set("CHF", "1.25", &yesterday));
    assert_eq!((&first["usd"], &first["fresh"], &first["days_old"]), (&json!("1.25"), &json!(true), &json!(1)));
    let (at_first, before) = (chat(&serving, &token).await, ready().await);
    let second = json_of(&deploy, &set("CHF", "1.00", &today));
    let after = ready().await;
    assert_eq!(chat(&serving, &token).await * 5, at_first * 4, "1.00 is four fifths of 1.25");
    assert_eq!((&before["catalogue"], &after["catalogue"]), (&first["catalogue"], &second["catalogue"]));
    assert_ne!(before["catalogue"], after["catalogue"]);
    assert!(before["snapshot"].as_u64() < after["snapshot"].as_u64());

    let listed = json_of(&deploy, "catalog rates");
    let francs = listed.as_array().expect("rows").iter().find(|rate| rate["currency"] == "CHF").expect("francs");
    assert_eq!(
        (&francs["usd"], &francs["date"], &francs["source"]),
        (&json!("1.00"), &json!(today), &json!("https://rates.example"))
    );
    let entries = Book::read(&deploy).lines;
    let act = entries.iter().rev().find_map(|line| match &line.record {
        phi_record::entry::Record::Act(act) if act.act == "catalog.rates.set" => Some(&act.about),
        phi_record::entry::Record::Act(_)
        | phi_record::entry::Record::Opened(_)
        | phi_record::entry::Record::Closed(_)
        | phi_record::entry::Record::Refused(_) => None,
    });
    let about = act.expect("an act");
    for (what, value) in [("currency", "CHF"), ("usd", "1.00"), ("before", "1.25"), ("date", today.as_str())] {
        assert_eq!(about.get(what).map(String::as_str), Some(value), "{what}");
    }
    serving.stop();
    let offline = json_of(&deploy, &set("CHF", "1.10", &today));
    assert_eq!(json_of(&deploy, "catalog check")["version"], offline["catalogue"], "the same without a server");
}

#[test]
fn a_rate_that_cannot_be_meant_is_refused_and_nothing_is_written() {
    let deploy = Deploy::init();
    let file = deploy.data().join("catalog.d/rates.toml");
    let (today, tomorrow) = (days_ago(0), days_ago(-1));
    for (currency, usd, date, problem) in [
        ("USD", "1", today.as_str(), "a dollar is worth a dollar"),
        ("CHF", "0", &today, "zero"),
        ("CHF", "0.0000001", &today, "up to 9 digits"),
        ("CHF", "1,12", &today, "up to 9 digits"),
        ("CHF", "1e1", &today, "up to 9 digits"),
        ("CHF", "1.66", &today, "--yes"),
        ("CHF", "0.54", &today, "--yes"),
        ("CHF", "1.12", &tomorrow, "yet to come"),
        ("CHF", "1.12", "2020-01-01", "--yes"),
    ] {
        refuses(&deploy, &set(currency, usd, date), problem);
        assert!(!file.exists(), "{currency} {usd} {date}");
    }
    let empty = deploy.refused(&["catalog", "rates", "set", "CHF", "1.12", "--date", &today, "--source", " "]);
    assert!(empty.contains("--source"), "{empty}");
    let ran = deploy.run(&["catalog", "rates", "set", "XXX", "1.12", "--date", &today, "--source", "x"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(Book::read(&deploy).acts().iter().all(|act| *act != "catalog.rates.set"), "nothing was done");

    json_of(&deploy, &set("CHF", "1.65", &today));
    assert_eq!(json_of(&deploy, &format!("{} --yes", set("CHF", "9.00", &today)))["usd"], "9.00");
    json_of(&deploy, &set("EUR", "1.17", &today));
    let rates = json_of(&deploy, "catalog rates");
    let told: Vec<String> = rates.as_array().expect("rows").iter().map(|rate| text(&rate["usd"])).collect();
    assert_eq!(told, ["1.17", "9.00"], "one stays while another is set");
    assert!(fs::read_to_string(&file).expect("read").starts_with("# Written by `phi catalog rates set`"));
}

#[test]
fn what_a_hand_has_written_of_a_currency_is_left_to_that_hand() {
    let deploy = Deploy::init();
    let today = days_ago(0);
    let mine = format!("# Keep this remark.\n[rate.CHF]\nusd = \"1.11\"\nsource = \"mine\"\ndate = \"{today}\"\n");
    deploy.catalogue("mine.toml", &mine);
    refuses(&deploy, &set("CHF", "1.12", &today), "`catalog.d/mine.toml` sets the rate of CHF already");
    json_of(&deploy, &set("EUR", "1.17", &today));
    let read = |name: &str| fs::read_to_string(deploy.data().join("catalog.d").join(name)).expect("read");
    assert_eq!(read("mine.toml"), mine, "another file is not touched");
    assert!(!read("rates.toml").contains("CHF"));
    fs::rename(deploy.data().join("catalog.d/mine.toml"), deploy.data().join("catalog.d/rates.toml")).expect("renamed");
    refuses(&deploy, &set("EUR", "1.18", &today), "`catalog.d/rates.toml` was written by hand");
    assert_eq!(read("rates.toml"), mine);
    deploy.catalogue("bad.toml", "[host");
    let error = deploy.refused(&["catalog", "rates"]);
    assert!(error.contains("bad.toml"), "{error}");
}

#[test]
fn a_check_of_freshness_fails_by_old_rates_alone() {
    let deploy = Deploy::bare();
    let of_rates = "catalog check --fresh --on 2026-07-01";
    assert_eq!(json_of(&deploy, of_rates)["valid"], true, "the day after the built-in rates");
    refuses(&deploy, "catalog check --fresh --on 2027-01-01", "the rate of CHF is of ");
    assert_eq!(json_of(&deploy, "catalog check")["warnings"], json!([]), "without --fresh no day is asked");
    let rates: String = ["CHF", "EUR"]
        .iter()
        .map(|currency| format!("[rate.{currency}]\nusd = \"1.1\"\nsource = \"a test\"\ndate = \"2027-12-20\"\n"))
        .collect();
    deploy.catalogue("fresh.toml", &rates);
    let checked = json_of(&deploy, "catalog check --fresh --on 2028-01-01");
    let warnings = checked["warnings"].as_array().expect("a list");
    assert!(warnings.iter().any(|line| text(line).contains("days ago")), "rows that were read long ago: {warnings:?}");
    let ran = deploy.run(&["catalog", "check", "--on", "2028-01-01"]);
    assert_eq!(ran.code, Some(2), "a day without --fresh means nothing: {ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_shown_with_everything_that_is_known_of_it() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    in_francs(&deploy);
    let one = |name: &str| json_of(&deploy, &format!("catalog show {name}"))[0].clone();
    let before = one("tested-plain");
    assert_eq!((&before["serves"], &before["phi_under"]), (&json!(true), &json!([])));
    assert!(text(&before["phi_not_for"][0]).contains("no agreement stands for chat in CH"), "{before}");
    deploy.attest();
    for name in ["tested-plain", "tested/plain", "own-plain"] {
        let shown = one(name);
        assert_eq!((&shown["route"], &shown["phi_under"]), (&json!("tested-plain"), &json!(["nFADP"])), "{name}");
        assert_eq!(shown["replies_as"], json!(["own-plain"]));
        assert_eq!(
            (&shown["place"]["processes_in"], &shown["place"]["evidence"]),
            (&json!(["CH"]), &json!("contract"))
        );
        assert_eq!(shown["place"]["keys"].as_array().map(Vec::len), Some(1));
        assert_eq!(shown["place"]["regions"], json!(["CH", "WORLD"]));
        assert_eq!(shown["price"]["rate"]["usd"], "1.10");
        let input = &shown["price"]["units"][0];
        assert_eq!(
            (&input["list"], &input["usd"], &input["charged_usd"]),
            (&json!("1000.00 CHF"), &json!("1100.00"), &json!("1210.00"))
        );
        assert_eq!(shown["agreements"].as_array().map(Vec::len), Some(1));
        assert_eq!(shown["offers"][0]["frameworks"], json!(["nFADP"]));
    }
    // A provider and a host share this name: both are shown.
    let both = json_of(&deploy, "catalog show tested");
    assert_eq!(
        (&both[0]["title"], &both[1]["address"]),
        (&json!("Hosts of a test"), &json!(format!("http://{}/v1", host.address())))
    );
    assert_eq!(both[0]["routes"][0]["route"], "tested-plain");
    assert!(
        one("ch")["hosts"]
            .as_array()
            .expect("hosts")
            .iter()
            .any(|host| host["host"] == "tested" && host["key"] == true)
    );
    assert!(one("whisper")["models"]["CH"].is_array());
    let staged = one("anthropic-claude-sonnet-4-6");
    assert_eq!(staged["serves"], false);
    assert!(text(&staged["phi_not_for"][0]).contains("promises no place"), "{staged}");
    refuses(&deploy, "catalog show nothing", "names nothing");
    refuses(&deploy, "catalog show auto", "phi explain");
    refuses(&deploy, "catalog show tested --org nobody", "no organization `nobody`");

    let human = deploy.run(&["catalog", "show", "tested-plain"]);
    for line in [
        "  processes in  CH\n",
        "    input   1000000 tokens  1000.00 CHF  1100.00  1210.00\n",
        "phi under       nFADP\n",
    ] {
        assert!(human.out.contains(line), "{line}: {}", human.out);
    }
}

/// Everything that PHI lacks, with the commands in the order in which they are to be typed, and until somebody answers.
#[test]
fn the_doctor_leads_from_nothing_to_an_answer() {
    let deploy = Deploy::init();
    json_of(&deploy, "org create paris --region EU --class phi --framework GDPR");
    json_of(&deploy, "org create zurich --region EU --class phi --framework GDPR --framework nFADP");
    let chat = |org: &str| {
        let cells = json_of(&deploy, &format!("doctor routes --org {org} --region EU"));
        let mut cells = cells.as_array().expect("cells").clone().into_iter();
        cells.find(|cell| cell["class"] == "phi" && cell["work"] == "chat").expect("a cell")
    };
    let add = "phi agreement add --provider scaleway --country FR --modality chat --framework GDPR ";
    let paris = chat("paris")["missing"].clone();
    assert_eq!(paris["mend"], "phi vault put scaleway < key.txt");
    assert!(text(&paris["then"]).starts_with(add), "{paris}");
    let zurich = chat("zurich")["missing"].clone();
    let alone = "under GDPR and nFADP; scaleway offers one to those that work under GDPR alone";
    assert!(zurich["mend"].is_null() && text(&zurich["says"]).contains(alone), "{zurich}");

    for page in ["doctor routes --org paris", "doctor routes", "catalog list"] {
        let page = deploy.run(&page.split(' ').collect::<Vec<_>>()).out;
        let wide = page.lines().find(|line| line.chars().count() > 120);
        assert_eq!(wide, None, "wider than a terminal");
    }
    let explained = || deploy.run(&["explain", "--org", "paris"]).out;
    let refused = explained();
    assert!(refused.starts_with("chat for auto in EU, with PHI, at "), "{refused}");
    assert!(refused.ends_with("how to mend it: phi doctor routes --org paris --region EU\n"), "{refused}");
    refuses(&deploy, "explain --org paris --region ATLANTIS", "`ATLANTIS` is no region");

    assert_eq!(deploy.run_with(&["vault", "put", "scaleway"], "sk-x").code, Some(0));
    let keyed = chat("paris")["missing"].clone();
    assert!(text(&keyed["mend"]).starts_with(add) && keyed["then"].is_null(), "{keyed}");
    let reach =
        "agreement add --provider scaleway --country FR --modality chat --framework GDPR --counterparty Scaleway";
    let rest = format!("--document {} --verified-by Keller --verified-on {}", "0".repeat(64), days_ago(1));
    json_of(&deploy, &format!("{reach} {rest} --review-by {}", days_ago(-30)));
    assert_eq!(chat("paris")["routes"][0], "scaleway-gemma-4-26b");
    let answered = explained();
    assert!(answered.contains("asked in this order") && !answered.contains("how to mend it"), "{answered}");
}

#[test]
fn a_list_is_narrowed_by_region_work_status_and_provider() {
    let deploy = Deploy::bare();
    let routes = |more: &str| {
        let listed = json_of(&deploy, &format!("catalog list {more}"));
        listed.as_array().expect("rows").clone()
    };
    let all = routes("");
    for (more, field, value) in [
        ("--status live", "status", "live"),
        ("--modality embeddings", "modality", "embeddings"),
        ("--provider scaleway", "host", "scaleway"),
    ] {
        let some = routes(more);
        assert!(!some.is_empty() && some.len() < all.len(), "{more}");
        assert!(some.iter().all(|row| row[field] == value), "{more}");
        assert_eq!(some.len(), all.iter().filter(|row| row[field] == value).count(), "{more}");
    }
    let swiss = routes("--region CH --modality chat --status live");
    assert!(swiss.iter().all(|row| row["processes_in"] == json!(["CH"])) && !swiss.is_empty());
    assert_eq!(routes("--region WORLD").len(), all.len());
    refuses(&deploy, "catalog list --region ATLANTIS", "ATLANTIS");
    refuses(&deploy, "catalog list --provider nobody", "`nobody`");
    assert_eq!(deploy.run(&["catalog", "list", "--status", "gone"]).code, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_catalogue_is_compared_and_the_last_days_are_repriced() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    deploy.catalogue("second.toml", &route("second"));
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let mut charged = 0;
    for _ in 0..3 {
        charged += chat(&serving, &token).await;
    }
    let same = json_of(&deploy, "catalog diff");
    assert_eq!((&same["changes"], &same["weakens"]), (&json!([]), &json!([])));
    assert_eq!(same["in_force"], same["candidate"]);
    assert_eq!(same["refused_by_settings"], Value::Null);
    let total =
        |diff: &Value| diff["repriced"]["routes"].as_array().and_then(|rows| rows.last().cloned()).expect("a total");
    let unchanged = total(&same);
    assert_eq!(
        (&unchanged["calls"], &unchanged["before_micro_usd"], &unchanged["difference_micro_usd"]),
        (&json!(3), &json!(charged), &json!(0))
    );

    // Twice the price, laid over; and the host processes elsewhere too.
    let candidate = deploy.root().join("home/dear.toml");
    let kept = fs::read_to_string(deploy.data().join("catalog.d/tested.toml")).expect("read");
    let dear = kept.replace("\"1000.00\"", "\"2000.00\"").replace("output = \"2000.00\"", "output = \"4000.00\"");
    let wide = dear.replacen("processes_in = [\"CH\"]", "processes_in = [\"CH\", \"US\"]", 1);
    fs::write(&candidate, &wide).expect("written");
    let diff = json_of(&deploy, "catalog diff --file dear.toml");
    let changes = diff["changes"].as_array().expect("a list");
    let fields: Vec<String> =
        changes.iter().map(|change| format!("{} {}", text(&change["name"]), text(&change["field"]))).collect();
    assert_eq!(fields, ["tested processes_in", "tested-plain price.input", "tested-plain price.output"]);
    assert!(diff["weakens"][0].as_str().is_some_and(|line| line.contains("`tested` processes US as well")), "{diff}");
    let doubled = total(&diff);
    assert_eq!(
        (&doubled["calls"], &doubled["after_micro_usd"], &doubled["difference_micro_usd"]),
        (&json!(3), &json!(charged * 2), &json!(charged))
    );
    let usd = format!("{}.{:06}", charged / 1_000_000, charged % 1_000_000);
    assert_eq!(doubled["difference_usd"], json!(usd));

    // Without a price, and without the route: named as such, and nothing is guessed.
    let unpriced = kept.replace("price = { currency = \"USD\", input = \"1000.00\", output = \"2000.00\" }", "");
    fs::write(&candidate, unpriced).expect("written");
    let diff = json_of(&deploy, "catalog diff --file dear.toml");
    assert_eq!((&total(&diff)["calls"], &diff["repriced"]["could_not_be_repriced"]), (&json!(0), &json!(3)));
    let not = &diff["repriced"]["not_repriced"][0];
    assert_eq!(
        (&not["route"], &not["calls"], &not["charged_micro_usd"]),
        (&json!("tested-plain"), &json!(3), &json!(charged))
    );
    assert!(text(&not["why"]).contains("no price is known"), "{not}");
    let folder = deploy.root().join("home/other.d");
    fs::create_dir(&folder).expect("made");
    let diff = json_of(&deploy, "catalog diff --file other.d");
    assert!(text(&diff["repriced"]["not_repriced"][0]["why"]).contains("not in the candidate"), "{diff}");
    let removed = diff["changes"].as_array().expect("a list").iter().filter(|change| change["change"] == "removed");
    assert!(removed.map(|change| text(&change["name"])).any(|name| name == "tested-second"));

    fs::write(&candidate, "[host").expect("written");
    for (line, problem) in [
        ("catalog diff --file dear.toml", "dear.toml"),
        ("catalog diff --file nowhere.toml", "nowhere.toml"),
        ("catalog diff --file other.d --file other.d", "two folders"),
    ] {
        let error = deploy.refused(&line.split(' ').collect::<Vec<_>>());
        assert!(error.contains(problem), "{line}: {error}");
    }
    assert_eq!(deploy.run(&["catalog", "diff", "--days", "0"]).code, Some(2));
    serving.stop();
    fs::write(&candidate, &wide).expect("written");
    assert_eq!(total(&json_of(&deploy, "catalog diff --file dear.toml")), doubled, "the same without a server");
    assert!(Book::read(&deploy).acts().contains(&"catalog.diff"), "entries are read: that is an act");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agreements_that_lapse_soon_are_listed_and_one_is_shown_whole() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let document = "b".repeat(64);
    let add = |review: &str| {
        let line = format!(
            "agreement add --provider tested --counterparty T --document {document} --country CH --modality chat \
             --framework nFADP --verified-by K --verified-on 2026-01-01 --review-by {review}"
        );
        json_of(&deploy, &line)
    };
    let late = deploy.attest();
    let (gone, today, soon, far) = (add(&days_ago(1)), add(&days_ago(0)), add(&days_ago(-20)), add(&days_ago(-40)));
    let ids = |line: &str| {
        let rows = json_of(&deploy, line);
        rows.as_array().expect("rows").iter().map(|row| text(&row["id"])).collect::<Vec<_>>()
    };
    let id = |agreement: &Value| text(&agreement["id"]);
    assert_eq!(ids("agreement list --expiring 30d"), [id(&today), id(&soon)]);
    assert_eq!(ids("agreement list --expiring 60d"), [id(&today), id(&soon), id(&far)]);
    assert_eq!(ids("agreement list --expiring 0s"), Vec::<String>::new());
    assert_eq!(ids("agreement list").len(), 5);
    let state = |agreement: &Value| text(&json_of(&deploy, &format!("agreement show {}", id(agreement)))["state"]);
    assert_eq!(state(&gone), format!("lapsed after {}", days_ago(1)));
    assert_eq!(state(&soon), format!("lapses in 20 days, after {}", days_ago(-20)));
    assert_eq!((state(&far), state(&late)), ("stands".to_owned(), "stands".to_owned()));
    let shown = json_of(&deploy, &format!("agreement show {}", id(&soon)));
    assert_eq!((&shown["opens"], &shown["warnings"]), (&json!(["tested-plain"]), &json!([])));
    json_of(&deploy, &format!("agreement revoke {}", id(&soon)));
    assert_eq!(state(&soon), "revoked");
    assert_eq!(ids("agreement list --expiring 30d"), [id(&today)]);
    refuses(&deploy, "agreement list --expiring soon", "`soon`");
    refuses(&deploy, "agreement show 019abcde-0000-7000-8000-000000000000", "phi agreement list");
}

#[test]
fn every_command_of_catalogue_and_agreements_has_help_with_an_example() {
    let deploy = Deploy::bare();
    for line in [
        "catalog check",
        "catalog list",
        "catalog show",
        "catalog rates",
        "catalog rates set",
        "catalog diff",
        "agreement add",
        "agreement list",
        "agreement show",
        "agreement revoke",
    ] {
        let help = deploy.run(&[line.split(' ').collect::<Vec<_>>(), vec!["--help"]].concat());
        assert_eq!(help.code, Some(0), "{line}");
        assert!(help.out.contains(&format!("example: phi {line}")), "`phi {line} --help` has no example: {}", help.out);
    }
}
