//! The law through real sockets: random requests, hosts that fail in any order, and an operator who gives and takes
//! meanwhile. Whatever reached a host had to be allowed there when it was asked; nothing here shares code with what decides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use phi_simulate::Fault;
use serde_json::{Value, json};

use crate::ask::{Ask, Reply, with};
use crate::setup::{Setup, attest, key_of, put_key};
use crate::stand::Stand;
use crate::vertex::key_file;

/// How many requests are asked.
const REQUESTS: u64 = 800;

/// Regions, and the countries of hosts that lie in them.
const REGIONS: &[(&str, &[&str])] = &[
    ("CH", &["CH"]),
    ("EU", &["FR"]),
    ("US", &["US"]),
    ("UK", &["GB"]),
    ("INDIA", &["IN"]),
    ("ANZ", &["AU"]),
    ("ASIA", &["JP"]),
    ("LATAM", &["BR"]),
    ("MENA", &["IL"]),
    ("WORLD", &["CH", "FR", "US", "GB", "IN", "AU", "JP", "BR", "IL", "anywhere"]),
];

/// Hosts, whose they are, and where they process.
const HOSTS: &[(&str, &str, &str)] = &[
    ("infomaniak", "infomaniak", "CH"),
    ("alps-a", "alps", "CH"),
    ("alps-b", "alps", "CH"),
    ("chalet", "chalet", "CH"),
    ("local", "local", "CH"),
    ("scaleway", "scaleway", "FR"),
    ("together", "together", "US"),
    // At the same address as its routers anywhere.
    ("fireworks", "fireworks", "US"),
    ("openai", "openai", "anywhere"),
    ("london", "google", "GB"),
    ("mumbai", "google", "IN"),
    ("sydney", "google", "AU"),
    ("tokyo", "google", "JP"),
    ("sao-paulo", "google", "BR"),
    ("tel-aviv", "google", "IL"),
    ("vertex", "google", "anywhere"),
];

const MODELS: &[&str] = &[
    "auto",
    "auto",
    "auto",
    "alps/m",
    "alpine",
    "alpine-m",
    "chalet-m",
    "gemma-4",
    "qwen3.5",
    "glm-5.2",
    "local/m",
    "scaleway-gemma-4-26b",
    "google/gemini-2.5-flash",
    "openai/gpt-4o",
];

/// Providers with whom agreements come and go, and the country that they are for.
const AGREED: &[(&str, &str)] = &[("alps", "CH"), ("infomaniak", "CH"), ("scaleway", "FR"), ("chalet", "CH")];

/// What an operator has given, as far as this test knows.
struct Given {
    agreements: BTreeMap<&'static str, Vec<String>>,
    keys: BTreeMap<&'static str, Option<String>>,
    /// How many keys were put since.
    put: u64,
}

/// One request as it was asked, and what was given then.
struct Asked {
    region: &'static str,
    phi: bool,
    agreed: BTreeSet<&'static str>,
    keyed: BTreeSet<&'static str>,
}

/// SplitMix64: the same requests every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn percent(&mut self, p: usize) -> bool {
        self.below(100) < p
    }
}

#[tokio::test]
async fn whatever_reaches_a_host_was_allowed_there() {
    let stand = Setup::default().up().await;
    let token = stand.token_of("many", "", "").await;
    put_key(&stand.deployment, "google", "vertex", &key_file()).await;
    let mut given = Given::of(&stand).await;
    let (mut dice, mut asked) = (Dice(4), Vec::new());
    let (mut codes, mut further, mut phi_answers) = (BTreeMap::<String, u64>::new(), 0, 0);
    for number in 0..REQUESTS {
        stand.clock.advance(Duration::from_secs(1));
        if dice.percent(12) {
            given.change(&stand, &mut dice).await;
        }
        if dice.percent(20) {
            given.restore(&stand).await;
        }
        for _ in 0..dice.below(4) {
            let (host, ..) = dice.one(HOSTS);
            stand.host(host).next([fault(&mut dice)]);
        }
        let one = given.asked(&mut dice);
        let reply = stand.ask(one.ask(number, &mut dice).token(&token)).await;
        let code = code(&reply);
        phi_answers += u64::from(one.phi && code == "answered");
        further +=
            u64::from(reply.header("x-phi-attempts").is_some_and(|attempts| attempts.parse::<u32>().unwrap() > 1));
        *codes.entry(code).or_default() += 1;
        asked.push(one);
        if number % 20 == 19 {
            judge(&stand, &asked);
            stand.afresh();
        }
    }
    assert!(codes["answered"] * 100 >= REQUESTS * 30, "{codes:?}");
    assert!(phi_answers * 100 >= REQUESTS * 5 && further * 100 >= REQUESTS * 5, "{phi_answers} {further} {codes:?}");
    for code in ["no_route", "phi_blocked", "upstream_failed"] {
        assert!(codes.get(code).is_some_and(|count| *count >= 20), "{code}: {codes:?}");
    }
}

/// Every request that any host has seen had to be allowed there.
fn judge(stand: &Stand, asked: &[Asked]) {
    for (host, provider, place) in HOSTS {
        for seen in stand.host(host).seen() {
            if seen.body.is_empty() {
                assert!(seen.path().ends_with("/models"), "{host} was probed by {}", seen.path());
                continue;
            }
            let body = String::from_utf8_lossy(&seen.body);
            let (_, number) = body.split_once("request-").unwrap_or_else(|| panic!("{host} saw {body}"));
            let number: usize = number.split_once('-').unwrap().0.parse().unwrap();
            let one = &asked[number];
            let about = format!("request {number} in {}, PHI {}, reached {host}", one.region, one.phi);
            let (_, inside) = REGIONS.iter().find(|(region, _)| *region == one.region).unwrap();
            assert!(inside.contains(place), "{about}, outside its region");
            assert!(*provider == "local" || one.keyed.contains(provider), "{about}, whose key was revoked");
            if one.phi {
                let agreed = one.agreed.contains(provider) && one.region != "WORLD";
                assert!(agreed, "{about}, without an agreement");
            }
        }
    }
}

/// Faults that need no time, and some that lead astray.
fn fault(dice: &mut Dice) -> Fault {
    match dice.below(12) {
        0 => Fault::Reset { after: None },
        1 => Fault::Cut { after: Some(1) },
        2 => Fault::Malformed { after: 0 },
        3 => Fault::Redirect { code: 307, to: "https://api.together.xyz/v1/chat/completions".to_owned() },
        4 => Fault::Redirect { code: 308, to: "/v1/elsewhere".to_owned() },
        5 => Fault::Region { name: "eastus".to_owned() },
        6 => Fault::Model { name: "another".to_owned() },
        7 => Fault::status(429).retry_after("1"),
        8 => Fault::status(dice.one(&[401, 403, 404, 408])),
        9 => Fault::Empty,
        _ => Fault::status(dice.one(&[500, 502, 503])),
    }
}

fn code(reply: &Reply) -> String {
    match reply.status {
        200 if reply.text().contains("\"error\"") => "broke_off".to_owned(),
        200 => "answered".to_owned(),
        _ => reply.json()["error"]["code"].as_str().unwrap_or("none").to_owned(),
    }
}

impl Given {
    /// What the stand begins with.
    async fn of(stand: &Stand) -> Self {
        let contents = stand.deployment.load().await.unwrap();
        let mut given = Self { agreements: BTreeMap::new(), keys: BTreeMap::new(), put: 0 };
        for agreement in contents.agreements {
            let value = serde_json::to_value(&agreement).unwrap();
            let provider = value["kind"]["provider"]["name"].as_str().unwrap();
            let (provider, _) = AGREED.iter().find(|(known, _)| *known == provider).unwrap();
            given.agreements.entry(provider).or_default().push(agreement.id.to_string());
        }
        for (_, provider, _) in HOSTS {
            let key = contents.credentials.iter().find(|key| key.provider.as_str() == *provider);
            given.keys.insert(provider, key.map(|key| key.id.to_string()));
        }
        given
    }

    /// Something is given, or taken back.
    async fn change(&mut self, stand: &Stand, dice: &mut Dice) {
        let (provider, country) = dice.one(AGREED);
        let standing = self.agreements.entry(provider).or_default();
        match dice.below(4) {
            0 => {
                for id in standing.drain(..) {
                    stand.phi(&format!("agreement revoke {id}")).await;
                }
            }
            1 => {
                let made = attest(&stand.deployment, provider, country, "2027-11-01").await;
                standing.push(made["id"].as_str().unwrap().to_owned());
            }
            // It lapsed before it could be used.
            2 => drop(attest(&stand.deployment, provider, country, "2026-11-19").await),
            // A key is away for a while, and not for long.
            _ => {
                if let Some(id) = self.keys.get_mut(provider).and_then(Option::take) {
                    stand.phi(&format!("vault revoke {id}")).await;
                }
            }
        }
    }

    /// Every key that is away comes back, as another one.
    async fn restore(&mut self, stand: &Stand) {
        for (provider, _) in AGREED {
            let away = self.keys.get_mut(provider).filter(|key| key.is_none());
            if let Some(key) = away {
                self.put += 1;
                let name = format!("{provider}-{}", self.put);
                let made = put_key(&stand.deployment, provider, &name, &key_of(provider)).await;
                *key = made["id"].as_str().map(str::to_owned);
            }
        }
    }

    fn asked(&self, dice: &mut Dice) -> Asked {
        let agreed = self.agreements.iter().filter(|(_, standing)| !standing.is_empty()).map(|(provider, _)| *provider);
        let keyed = self.keys.iter().filter(|(_, key)| key.is_some()).map(|(provider, _)| *provider);
        let region = if dice.percent(40) { "CH" } else { dice.one(REGIONS).0 };
        Asked { region, phi: dice.percent(40), agreed: agreed.collect(), keyed: keyed.collect() }
    }
}

impl Asked {
    fn ask(&self, number: u64, dice: &mut Dice) -> Ask {
        let said = format!("patient 4711, request-{number}-");
        let body = json!({"model": if dice.percent(60) { "auto" } else { dice.one(MODELS) }, "messages": [{"role": "user", "content": said}]});
        let more: Value = match dice.below(6) {
            0 => json!({"max_tokens": 9}),
            1 => json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]}),
            2 | 3 => json!({"stream": true}),
            _ => json!({}),
        };
        let (path, body) = if dice.percent(15) {
            ("/v1/embeddings", json!({"model": dice.one(&["auto", "alps/e", "alpine-e"]), "input": said}))
        } else {
            ("/v1/chat/completions", with(body, more))
        };
        let ask = Ask::json(path, &body).header("x-region", self.region);
        let ask = ask.header("x-phi", if self.phi { "true" } else { "false" });
        if dice.percent(20) { ask.header("x-model-tier", dice.one(&["fast", "baseline", "thinking"])) } else { ask }
    }
}
