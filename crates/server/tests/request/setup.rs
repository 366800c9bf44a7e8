//! What a stand is made of, and how it is put together as `phi init`, `phi serve` and an operator's commands do it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use phi_crypto::{Purpose, Root};
use phi_gateway::{Gateway, Snapshot};
use phi_identify::Directory;
use phi_ledger::{Durability, Files, Ledger};
use phi_police::Police;
use phi_record::{By, Recorder};
use phi_route::{Scene, Settings, Standing};
use phi_server::Data;
use phi_server::cli::{Cli, Command};
use phi_server::config::Written;
use phi_server::deployment::Deployment;
use phi_server::orders::Order;
use phi_server::say::Said;
use phi_simulate::{Ca, Host};
use phi_store::{Defaults, Store};
use phi_upstream::{Client, Deadlines, Upstream};
use phi_vault::Vault;
use phi_words::{Class, Clock};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stand::{Stand, text};

/// When every test begins: rows of the catalogue retire, and agreements are due for review.
const START: &str = "2026-11-21T12:00:00Z";

/// The simulated hosts and the names that lead to them: those of the built-in catalogue, those of [`CATALOGUE`], and those
/// of the dialects.
const HOSTS: &[(&str, &str)] = &[
    ("infomaniak", "api.infomaniak.com"),
    ("scaleway", "api.scaleway.ai"),
    ("together", "us-api.together.ai"),
    ("fireworks", "api.fireworks.ai"),
    ("openai", "api.openai.com"),
    ("london", "europe-west2-aiplatform.googleapis.com"),
    ("mumbai", "asia-south1-aiplatform.googleapis.com"),
    ("sydney", "australia-southeast1-aiplatform.googleapis.com"),
    ("tokyo", "asia-northeast1-aiplatform.googleapis.com"),
    ("sao-paulo", "southamerica-east1-aiplatform.googleapis.com"),
    ("tel-aviv", "me-west1-aiplatform.googleapis.com"),
    ("vertex", "aiplatform.googleapis.com"),
    ("alps-a", "a.alps.example"),
    ("alps-b", "b.alps.example"),
    ("chalet", "chalet.example"),
    ("gpt", "gpt.example"),
    ("minstrel", "minstrel.example"),
    ("claude", "claude.example"),
    ("claude-us", "us.claude.example"),
    ("vertex-claude", "vertex.claude.example"),
    ("gemini", "gemini.example"),
    ("fal", "queue.fal.run"),
    ("papers", "papers.example"),
    ("papers-us", "us.papers.example"),
    ("mistrals", "mistrals.example"),
    ("azure-ch", "switzerlandnorth.stt.speech.microsoft.com"),
    ("azure-eu", "westeurope.api.cognitive.microsoft.com"),
    ("azure-us", "eastus.api.cognitive.microsoft.com"),
    ("rock", "bedrock-runtime.eu-central-2.amazonaws.com"),
];

/// An operator's own: `alps` at two hosts and `chalet` at a third, all in CH, and engines on the premises. `alps` is under
/// an agreement, `chalet` is not.
const CATALOGUE: &str = include_str!("stand.toml");

/// What there is a key for: hosts, or providers with all their hosts.
const OPENED: &[&str] =
    &["infomaniak", "scaleway", "together", "fireworks", "fireworks-us", "openai", "alps", "chalet"];

/// Agreements that stand when a test begins.
const AGREEMENTS: &[(&str, &str)] = &[("alps", "CH"), ("infomaniak", "CH"), ("scaleway", "FR")];

/// What a stand is made of, where it is not as usual.
pub(crate) struct Setup {
    /// Settings, as `phi.toml`.
    pub(crate) settings: &'static str,
    /// More of the catalogue.
    pub(crate) catalogue: &'static str,
    /// How long hosts are waited for.
    pub(crate) deadlines: Deadlines,
    /// Who judges.
    pub(crate) police: Box<dyn Fn(Clock) -> Police>,
    /// The disk below the ledger.
    pub(crate) disk: Option<Arc<dyn Files>>,
    /// How long that disk may take for one batch.
    pub(crate) patience: Duration,
    /// Where names lead, if not to their hosts.
    pub(crate) leads: Vec<(&'static str, SocketAddr)>,
    /// Who says which hosts are who they are.
    pub(crate) ca: Option<Ca>,
}

impl Default for Setup {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            settings: "",
            catalogue: "",
            deadlines: Deadlines {
                connect: seconds(5),
                first_byte: seconds(10),
                idle: seconds(10),
                total: seconds(30),
            },
            police: Box::new(Police::new),
            disk: None,
            patience: Duration::from_secs(60),
            leads: Vec::new(),
            ca: None,
        }
    }
}

impl Setup {
    pub(crate) async fn up(self) -> Stand {
        let folder = tempfile::tempdir().unwrap();
        let ca = self.ca.unwrap_or_else(|| Ca::new().unwrap());
        let hosts = hosts(&ca).await;
        let data = data(&folder, &hosts, self.catalogue).await;
        let config = Arc::new(toml::from_str::<Written>(self.settings).unwrap().check().unwrap());
        let named = HOSTS.iter().map(|(name, address)| (*address, hosts[name].address())).chain(self.leads);
        let names = named.map(|(name, address)| (name.to_owned(), address)).collect();
        let client = Client::with_hosts(names, ca.certificate(), self.deadlines).unwrap();
        let clock = Clock::manual(START.parse().unwrap());
        let police = || (self.police)(clock.clone());
        let opened = Deployment::open_with(data.clone(), config, client.clone(), police(), clock.clone()).await;
        let deployment = opened.unwrap();
        let token = populate(&deployment).await;
        let (gateway, recorder) = match self.disk {
            None => (Arc::clone(deployment.gateway()), Arc::clone(deployment.recorder())),
            Some(disk) => on((disk, self.patience), &deployment, &data, client, police(), &clock).await,
        };
        Stand::serve(folder, deployment, gateway, recorder, clock, token, hosts).await
    }
}

/// The deployment's gateway once more, with a ledger of its own, in short segments on another disk.
async fn on(
    (disk, patience): (Arc<dyn Files>, Duration),
    deployment: &Deployment,
    data: &Data,
    client: Client,
    police: Police,
    clock: &Clock,
) -> (Arc<Gateway>, Arc<Recorder>) {
    let mut options = phi_ledger::Options::new("stand/disk", Durability::Disk);
    (options.files, options.patience, options.segment_bytes) = (disk, patience, 64 << 10);
    let (ledger, _) = Ledger::open(&data.folder().join("other-ledger"), options).unwrap();
    let root = || phi_vault::load_key(&data.key()).unwrap();
    let recorder = Arc::new(Recorder::new(ledger, root(), clock.clone()));
    let (contents, config) = (deployment.load().await.unwrap(), deployment.config());
    let standing = Standing::new(contents.agreements, contents.credentials.into_iter().map(Arc::new));
    let settings =
        Settings { embeddings: config.embeddings.clone(), hosted: false, durable: true, evidence: config.evidence };
    let snapshot = Snapshot {
        version: contents.version,
        directory: Directory::new(contents.roster, root().derive(Purpose::Token)),
        scene: Arc::new(Scene::new(deployment.catalogue(), standing, settings)),
    };
    let scene = Arc::clone(&snapshot.scene);
    let vault = Arc::new(Vault::Open(root()));
    let upstream =
        Upstream::new(client, vault, root(), clock.clone(), config.restraint, scene).fetching(config.fetching.clone());
    let gateway = Gateway::new(snapshot, police, Arc::clone(&recorder), upstream, clock.clone(), config.bounds);
    (Arc::new(gateway), recorder)
}

async fn hosts(ca: &Ca) -> BTreeMap<&'static str, Host> {
    let names: Vec<&str> = HOSTS.iter().map(|(_, address)| *address).collect();
    let identity = ca.identity(&names).unwrap();
    let mut hosts = BTreeMap::from([("local", Host::start().await.unwrap())]);
    for (name, _) in HOSTS {
        hosts.insert(*name, Host::start_tls(Arc::clone(&identity)).await.unwrap());
    }
    hosts
}

/// A data folder as `phi init` makes it, with the operator's catalogue.
async fn data(folder: &TempDir, hosts: &BTreeMap<&'static str, Host>, more: &str) -> Data {
    let data = Data::new(folder.path().join("data"), None);
    data.make().unwrap();
    phi_vault::create_key(&data.key(), &Root::generate().unwrap()).unwrap();
    let defaults = Defaults { region: "CH".parse().unwrap(), class: Class::General, frameworks: [].into() };
    Store::create(&data.store(), defaults).await.unwrap().close().await;
    let overrides = data.folder().join("catalog.d");
    std::fs::create_dir(&overrides).unwrap();
    let local = hosts["local"].address().to_string();
    std::fs::write(overrides.join("stand.toml"), CATALOGUE.replace("{{local}}", &local)).unwrap();
    if !more.is_empty() {
        std::fs::write(overrides.join("more.toml"), more).unwrap();
    }
    data
}

async fn populate(deployment: &Deployment) -> String {
    for opens in OPENED {
        put_key(deployment, opens, opens, &key_of(opens)).await;
    }
    for (provider, country) in AGREEMENTS {
        attest(deployment, provider, country, "2027-11-01").await;
    }
    phi(deployment, "org create clinic --region CH --class general --framework GDPR").await;
    phi(deployment, "agent create writer --org clinic").await;
    text(&phi(deployment, "token create --org clinic --agent writer").await["token"])
}

/// The key that opens a host, or all hosts of a provider.
pub(crate) fn key_of(opens: &str) -> String {
    format!("sk-{opens}-0123456789")
}

/// Puts a key into the vault, as `phi vault put` does with what it reads from a file.
pub(crate) async fn put_key(deployment: &Deployment, opens: &str, name: &str, key: &str) -> Value {
    let params = if opens.starts_with("infomaniak") { json!([["product_id", "12345"]]) } else { json!([]) };
    let put = json!({"Vault": {"Put": {"opens": opens, "name": name, "params": params, "key": key}}});
    run(deployment, serde_json::from_value(put).unwrap()).await
}

/// Attests an agreement for chat and embeddings under GDPR, due for review after `review_by`.
pub(crate) async fn attest(deployment: &Deployment, provider: &str, country: &str, review_by: &str) -> Value {
    let document = "0".repeat(64);
    let words = format!(
        "agreement add --provider {provider} --counterparty Acme --document {document} --country {country} \
         --modality chat --modality embeddings --framework GDPR --verified-by Keller --verified-on 2026-11-01 \
         --review-by {review_by}"
    );
    phi(deployment, &words).await
}

/// Carries out an operator's command, in the words that are typed.
pub(crate) async fn phi(deployment: &Deployment, words: &str) -> Value {
    let typed = ["phi"].into_iter().chain(words.split_whitespace());
    let order = match Cli::try_parse_from(typed).unwrap().command {
        Command::Org(orders) => Order::Org(orders),
        Command::Role(orders) => Order::Role(orders),
        Command::Agent(orders) => Order::Agent(orders),
        Command::Token(orders) => Order::Token(orders),
        Command::Agreement(orders) => Order::Agreement(orders),
        Command::Vault(orders) => Order::Vault(orders),
        other @ (Command::Init(_)
        | Command::Serve(_)
        | Command::Ledger(_)
        | Command::Catalog(_)
        | Command::Config(_)
        | Command::Explain(_)
        | Command::Doctor(_)) => panic!("{other:?} is not done to a deployment"),
    };
    run(deployment, order).await
}

/// What an operator's look shows, in the words that are typed, as programs read it.
pub(crate) async fn page(deployment: &Deployment, words: &str) -> Value {
    let typed = ["phi"].into_iter().chain(words.split_whitespace());
    let order = match Cli::try_parse_from(typed).unwrap().command {
        Command::Explain(explain) => Order::Explain(explain),
        Command::Doctor(orders) => Order::Doctor(orders),
        other @ (Command::Init(_)
        | Command::Serve(_)
        | Command::Org(_)
        | Command::Role(_)
        | Command::Agent(_)
        | Command::Token(_)
        | Command::Agreement(_)
        | Command::Vault(_)
        | Command::Ledger(_)
        | Command::Catalog(_)
        | Command::Config(_)) => panic!("{other:?} shows no page"),
    };
    match order.run(deployment, By::Operator(0)).await.unwrap() {
        Said::Page { text, data } => {
            assert!(!text.is_empty());
            data
        }
        said @ (Said::One(_) | Said::Rows(_) | Said::Text(_) | Said::Looked { .. }) => panic!("{said:?} is no page"),
    }
}

pub(crate) async fn run(deployment: &Deployment, order: Order) -> Value {
    match order.run(deployment, By::Operator(0)).await.unwrap() {
        Said::One(one) => one,
        said @ (Said::Rows(_) | Said::Text(_) | Said::Page { .. } | Said::Looked { .. }) => panic!("{said:?}"),
    }
}
