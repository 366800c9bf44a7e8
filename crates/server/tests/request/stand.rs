//! A whole gateway in this process, between callers and simulated hosts: everything is the real thing but the hosts, the
//! names that lead to them, and the clock.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use jiff::Timestamp;
use phi_crypto::{Purpose, Root};
use phi_gateway::{Gateway, Serve, Snapshot, Stop, Stopper};
use phi_identify::Directory;
use phi_ledger::{Durability, Files, Ledger};
use phi_police::Police;
use phi_record::entry::{ClosedRecord, OpenedRecord, Record, RefusedRecord};
use phi_record::{By, Recorder};
use phi_route::{Settings, Standing};
use phi_server::Data;
use phi_server::cli::{Cli, Command};
use phi_server::config::{Config, Written};
use phi_server::deployment::Deployment;
use phi_server::orders::Order;
use phi_server::say::Said;
use phi_simulate::{Ca, Host};
use phi_store::{Defaults, Store};
use phi_upstream::{Client, Deadlines, Upstream};
use phi_vault::Vault;
use phi_words::{Class, Clock, RequestId};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::ask::{Ask, Coming, Reply};

/// When every test begins: rows of the catalogue retire, and agreements are due for review.
const START: &str = "2026-11-21T12:00:00Z";

/// How long a condition is waited for that must come true.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// The simulated hosts and the names that lead to them: those of the built-in catalogue, and those of [`CATALOGUE`].
const HOSTS: &[(&str, &str)] = &[
    ("infomaniak", "api.infomaniak.com"),
    ("scaleway", "api.scaleway.ai"),
    ("together", "api.together.xyz"),
    ("fireworks", "api.fireworks.ai"),
    ("openai", "api.openai.com"),
    ("alps-a", "a.alps.example"),
    ("alps-b", "b.alps.example"),
    ("chalet", "chalet.example"),
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
    pub(crate) police: Box<dyn FnOnce(Clock) -> Police>,
    /// The disk below the ledger.
    pub(crate) disk: Option<Arc<dyn Files>>,
    /// Where names lead, if not to their hosts.
    pub(crate) leads: Vec<(&'static str, SocketAddr)>,
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
            leads: Vec::new(),
        }
    }
}

/// A gateway at work.
pub(crate) struct Stand {
    pub(crate) deployment: Deployment,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) clock: Clock,
    /// A live token of the agent `writer` of the organization `clinic` in CH, under GDPR.
    pub(crate) token: String,
    hosts: BTreeMap<&'static str, Host>,
    address: SocketAddr,
    _tasks: JoinSet<()>,
    _stopper: Stopper,
    folder: TempDir,
}

impl Stand {
    pub(crate) async fn up() -> Self {
        Setup::default().up().await
    }

    /// A host by its name in [`HOSTS`], or `local`.
    pub(crate) fn host(&self, name: &str) -> &Host {
        &self.hosts[name]
    }

    /// Every host that has seen a request.
    pub(crate) fn reached(&self) -> Vec<&str> {
        self.hosts.iter().filter(|(_, host)| !host.seen().is_empty()).map(|(name, _)| *name).collect()
    }

    /// Every host forgets what it has seen, and behaves.
    pub(crate) fn afresh(&self) {
        self.hosts.values().for_each(|host| {
            host.forget();
            host.behave();
        });
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Asks with the stand's token, and reads the whole reply.
    pub(crate) async fn ask(&self, ask: Ask) -> Reply {
        self.begin(ask).await.whole().await
    }

    /// Asks with the stand's token unless the ask has one; dropping what comes leaves.
    pub(crate) async fn begin(&self, ask: Ask) -> Coming {
        ask.token_or(&self.token).send(self.address).await
    }

    /// Carries out an operator's command, in the words that are typed.
    pub(crate) async fn phi(&self, words: &str) -> Value {
        phi(&self.deployment, words).await
    }

    /// A live token of a new agent of the organization `clinic`, with `more` of its grant.
    pub(crate) async fn token_of(&self, agent: &str, limits: &str, more: &str) -> String {
        self.phi(format!("agent create {agent} --org clinic {limits}").trim()).await;
        text(&self.phi(format!("token create --org clinic --agent {agent} {more}").trim()).await["token"])
    }

    /// Every record of a call, as they stand now.
    pub(crate) async fn records(&self, id: RequestId) -> Vec<Record> {
        self.recorder.call(id).await.unwrap().into_iter().map(|found| found.line.record).collect()
    }

    /// The opened record of a call.
    pub(crate) async fn opened(&self, id: RequestId) -> OpenedRecord {
        let records = self.records(id).await;
        let opened = records.into_iter().find_map(|record| match record {
            Record::Opened(opened) => Some(*opened),
            Record::Closed(_) | Record::Refused(_) | Record::Act(_) => None,
        });
        opened.expect("an opened record")
    }

    /// The refused record of a call, if there is one; then there is no other.
    pub(crate) async fn refused(&self, id: RequestId) -> Option<RefusedRecord> {
        let mut records = self.records(id).await;
        assert!(records.len() <= 1, "{records:?}");
        match records.pop() {
            Some(Record::Refused(refused)) => Some(*refused),
            Some(other) => panic!("{other:?}"),
            None => None,
        }
    }

    /// The closed record of a call, once it is there; there is exactly one opened record before it.
    pub(crate) async fn closed(&self, id: RequestId) -> ClosedRecord {
        let mut closed = None;
        wait_until("the entry is closed", async || {
            let records = self.records(id).await;
            let [Record::Opened(_), Record::Closed(found)] = &records[..] else { return false };
            closed = Some(ClosedRecord::clone(found));
            true
        })
        .await;
        closed.expect("waited for")
    }

    /// The newest call that was opened, by whomever.
    pub(crate) async fn newest_opened(&self) -> RequestId {
        let found = self.recorder.newest(10_000).await.unwrap();
        let newest = found.iter().rev().find_map(|found| match &found.line.record {
            Record::Opened(opened) => Some(opened.id),
            Record::Closed(_) | Record::Refused(_) | Record::Act(_) => None,
        });
        newest.expect("a call was opened")
    }

    /// Everything that the ledger holds, as text.
    pub(crate) async fn ledger_text(&self) -> String {
        let found = self.recorder.newest(10_000).await.unwrap();
        found.iter().map(|found| String::from_utf8(found.line.to_bytes().unwrap()).unwrap() + "\n").collect()
    }
}

impl Setup {
    pub(crate) async fn up(self) -> Stand {
        let folder = tempfile::tempdir().unwrap();
        let hosts = hosts().await;
        let data = data(&folder, &hosts.1, self.catalogue).await;
        let config: Config = toml::from_str::<Written>(self.settings).unwrap().check().unwrap();
        let mut names: HashMap<String, SocketAddr> =
            HOSTS.iter().map(|(name, address)| ((*address).to_owned(), hosts.1[name].address())).collect();
        names.extend(self.leads.into_iter().map(|(name, address)| (name.to_owned(), address)));
        let client = Client::with_hosts(names, hosts.0.certificate(), self.deadlines).unwrap();
        let clock = Clock::manual(START.parse::<Timestamp>().unwrap());
        let police = (self.police)(clock.clone());
        let config = Arc::new(config);
        let opened = match self.disk {
            None => {
                let deployment = Deployment::open_with(data, Arc::clone(&config), client, police, clock.clone()).await;
                let deployment = deployment.unwrap();
                let token = populate(&deployment).await;
                let (gateway, recorder) = (Arc::clone(deployment.gateway()), Arc::clone(deployment.recorder()));
                (deployment, gateway, recorder, token)
            }
            Some(disk) => {
                let root = phi_vault::load_key(&data.key()).unwrap();
                let other = Police::new(clock.clone());
                let deployment =
                    Deployment::open_with(data, Arc::clone(&config), client.clone(), other, clock.clone()).await;
                let deployment = deployment.unwrap();
                let token = populate(&deployment).await;
                let (gateway, recorder) =
                    on_disk(disk, folder.path(), &deployment, &config, client, police, &clock, &root).await;
                (deployment, gateway, recorder, token)
            }
        };
        let (deployment, gateway, recorder, token) = opened;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stopper, stop) = Stop::pair();
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&gateway).serve(listener, Serve::Traffic(None), stop));
        Stand {
            deployment,
            gateway,
            recorder,
            clock,
            token,
            hosts: hosts.1,
            address,
            _tasks: tasks,
            _stopper: stopper,
            folder,
        }
    }
}

/// The same deployment's gateway once more, with a ledger of its own, in short segments on another disk.
#[expect(clippy::too_many_arguments, reason = "it is made of everything that a deployment is made of")]
async fn on_disk(
    disk: Arc<dyn Files>,
    folder: &std::path::Path,
    deployment: &Deployment,
    config: &Config,
    client: Client,
    police: Police,
    clock: &Clock,
    root: &Root,
) -> (Arc<Gateway>, Arc<Recorder>) {
    let mut options = phi_ledger::Options::new("stand/disk", Durability::Disk);
    (options.files, options.segment_bytes) = (disk, 64 << 10);
    let (ledger, _) = Ledger::open(&folder.join("other-ledger"), options).unwrap();
    let root = || Root::from_bytes(root.expose_bytes());
    let recorder = Arc::new(Recorder::new(ledger, root(), clock.clone()));
    let contents = deployment.load().await.unwrap();
    let snapshot = Snapshot {
        version: contents.version,
        directory: Directory::new(contents.roster, root().derive(Purpose::Token)),
        catalogue: deployment.catalogue(),
        standing: Standing::new(contents.agreements, contents.credentials.into_iter().map(Arc::new)),
        settings: Settings {
            embeddings: config.embeddings.clone(),
            hosted: false,
            durable: true,
            evidence: config.evidence,
        },
    };
    let upstream = Upstream::new(client, Arc::new(Vault::Open(root())), root());
    let gateway = Gateway::new(snapshot, police, Arc::clone(&recorder), upstream, clock.clone(), config.bounds);
    (Arc::new(gateway), recorder)
}

async fn hosts() -> (Ca, BTreeMap<&'static str, Host>) {
    let ca = Ca::new().unwrap();
    let names: Vec<&str> = HOSTS.iter().map(|(_, address)| *address).collect();
    let identity = ca.identity(&names).unwrap();
    let mut hosts = BTreeMap::from([("local", Host::start().await.unwrap())]);
    for (name, _) in HOSTS {
        hosts.insert(*name, Host::start_tls(Arc::clone(&identity)).await.unwrap());
    }
    (ca, hosts)
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
    let params = if opens == "infomaniak" { json!([["product_id", "12345"]]) } else { json!([]) };
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

async fn phi(deployment: &Deployment, words: &str) -> Value {
    let typed = ["phi"].into_iter().chain(words.split_whitespace());
    let order = match Cli::try_parse_from(typed).unwrap().command {
        Command::Org(orders) => Order::Org(orders),
        Command::Role(orders) => Order::Role(orders),
        Command::Agent(orders) => Order::Agent(orders),
        Command::Token(orders) => Order::Token(orders),
        Command::Agreement(orders) => Order::Agreement(orders),
        Command::Vault(orders) => Order::Vault(orders),
        other => panic!("{other:?} is no order"),
    };
    run(deployment, order).await
}

async fn run(deployment: &Deployment, order: Order) -> Value {
    match order.run(deployment, By::Operator(0)).await.unwrap() {
        Said::One(one) => one,
        said => panic!("{said:?}"),
    }
}

/// The text of a JSON string.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Waits for what must come true; fails where it does not, and says what it was.
pub(crate) async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waited = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(SOON, waited).await.is_ok(), "waited in vain: {what}");
}
