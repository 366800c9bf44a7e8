//! A deployment in small: hosts by TLS, a catalogue of them, keys in a vault, a ledger, and a caller.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use jiff::Timestamp;
use phi_catalog::{Catalogue, Evidence};
use phi_crypto::{Purpose, Root};
use phi_dialect::{Question, read_chat};
use phi_identify::{Agent, Directory, Grant, Kind, Limits, Org, Roster, StoredToken};
use phi_ledger::{Durability, Ledger, Options};
use phi_police::{Police, Wishes};
use phi_record::Recorder;
use phi_record::entry::{ClosedRecord, Record};
use phi_route::{Health, Scene, Settings, Standing};
use phi_simulate::{Ca, Host, Http};
use phi_upstream::{Client, Deadlines, Errand, Failure, Reply, Restraint, Upstream};
use phi_vault::{Deposit, Vault};
use phi_words::{AgentId, Class, Clock, OrgId, Prompt, ProviderKey, RequestId};

/// What no error, refusal or record may show.
pub(crate) const CANARY: &str = "patient-4711-canary";

pub(crate) struct World {
    pub(crate) hosts: Vec<Host>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) upstream: Upstream,
    pub(crate) clock: Clock,
    scene: Arc<Scene>,
    police: Police,
    directory: Directory,
    headers: HeaderMap,
    _folder: tempfile::TempDir,
}

/// Quick deadlines, long enough for a busy machine.
pub(crate) fn deadlines() -> Deadlines {
    let ms = Duration::from_millis;
    Deadlines { connect: ms(5_000), first_byte: ms(800), idle: ms(800), total: ms(20_000) }
}

impl World {
    /// Hosts `h0`, `h1`, … in Switzerland, tried in this order, each with a key of its own. Those in `keyless` have a key
    /// that another vault sealed.
    pub(crate) async fn new(count: usize, keyless: &[usize]) -> Self {
        Self::within(count, keyless, Restraint::default()).await
    }

    /// The same, with hosts that are asked no more than this.
    pub(crate) async fn within(count: usize, keyless: &[usize], restraint: Restraint) -> Self {
        Self::build(Http::One, count, keyless, restraint).await
    }

    /// The same, with hosts that speak this HTTP.
    pub(crate) async fn by(http: Http, count: usize, keyless: &[usize]) -> Self {
        Self::build(http, count, keyless, Restraint::default()).await
    }

    async fn build(http: Http, count: usize, keyless: &[usize], restraint: Restraint) -> Self {
        let ca = Ca::new().expect("an authority");
        let mut hosts = Vec::new();
        let mut names = HashMap::new();
        for number in 0..count {
            let name = format!("h{number}.host.test");
            let identity = ca.identity_by(&[&name], http).expect("an identity");
            let host = Host::start_tls(identity).await.expect("a host");
            names.insert(name, host.address());
            hosts.push(host);
        }
        let text = (0..count).map(rows).collect::<String>();
        let catalogue = Catalogue::parse(&[("test.toml", &format!("{REGION}{text}"))]).expect("a catalogue");
        let root = || Root::from_bytes(&[7; 32]);
        let vault = Arc::new(Vault::Open(root()));
        let other = Vault::Open(Root::from_bytes(&[8; 32]));
        let keys = (0..count).map(|number| {
            let vault = if keyless.contains(&number) { &other } else { &vault };
            let sealed = vault.seal(deposit(number), &ProviderKey::new(format!("sk-h{number}")), now());
            Arc::new(sealed.expect("a sealed key"))
        });
        let standing = Standing::new(Vec::new(), keys);
        let settings = Settings {
            embeddings: "auto".parse().expect("a name"),
            hosted: false,
            durable: true,
            evidence: Evidence::Unverified,
        };
        let scene = Arc::new(Scene::new(Arc::new(catalogue), standing, settings));
        let (directory, headers) = caller(&root());
        let folder = tempfile::tempdir().expect("a folder");
        let (ledger, _) = Ledger::open(folder.path(), Options::new("test", Durability::Process)).expect("a ledger");
        let clock = Clock::manual(now());
        let client = Client::with_hosts(names, ca.certificate(), deadlines()).expect("a client");
        Self {
            hosts,
            recorder: Arc::new(Recorder::new(ledger, root(), Clock::System)),
            upstream: Upstream::new(client, vault, root(), clock.clone(), restraint, Arc::clone(&scene)),
            clock,
            scene,
            police: Police::new(Clock::System),
            directory,
            headers,
            _folder: folder,
        }
    }

    /// Sends a chat request through all phases, up to the reply.
    pub(crate) async fn ask(&self, id: RequestId, stream: bool) -> Result<Reply, Failure> {
        self.ask_for("shared", id, stream).await
    }

    /// The same for a model.
    pub(crate) async fn ask_for(&self, model: &str, id: RequestId, stream: bool) -> Result<Reply, Failure> {
        let body =
            format!(r#"{{"model":"{model}","stream":{stream},"messages":[{{"role":"user","content":"{CANARY}"}}]}}"#);
        let body = Prompt::new(body);
        let caller = self.directory.caller([127, 0, 0, 1].into(), &self.headers, now()).expect("a caller");
        let slot = self.police.admit(&caller).expect("a place");
        let terms = self.police.terms(caller, Wishes::default())?;
        let question = Question::Chat(read_chat(body.clone(), terms.class())?);
        let permit = self.police.permit(terms.ask(question, body))?;
        let plan = phi_route::plan(permit, &self.scene, &Health::default(), 1, now())?;
        let opened = self.recorder.open(id, None, plan, slot, Instant::now()).await?;
        let fetched = self.upstream.fetch(opened, &mut |_| Ok(())).await?;
        self.upstream.walk(fetched).await
    }

    /// How the ledger says that a call ended.
    pub(crate) async fn closed(&self, id: RequestId) -> ClosedRecord {
        // Who leaves does not wait for the record of it.
        let by = Instant::now() + Duration::from_secs(10);
        loop {
            let found = self.recorder.call(id).await.expect("a history");
            let closed = found.into_iter().find_map(|found| match found.line.record {
                Record::Closed(closed) => Some(*closed),
                Record::Refused(_) | Record::Opened(_) | Record::Act(_) => None,
            });
            match closed {
                Some(closed) => return closed,
                None => assert!(Instant::now() < by, "no closed entry"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Every host behaves, and has seen nothing, and every route is well.
    pub(crate) fn afresh(&self) {
        for host in &self.hosts {
            host.forget();
            host.behave();
        }
        for row in self.scene.catalogue().rows() {
            self.upstream.health().accept(&row.route);
        }
    }

    /// Probes every route that is due, and says how many those were.
    pub(crate) async fn probe(&self) -> usize {
        let (health, now) = (self.upstream.health(), self.clock.now());
        let due = health.due(now);
        for due in &due {
            let probe = health.probe(due, now).expect("a probe");
            let site = self.scene.site(&due.route, due.credential, now).expect("a site");
            probe.end(self.upstream.errand(Errand::probe(site)).await, now);
        }
        due.len()
    }

    /// How many requests each host has seen.
    pub(crate) fn seen(&self) -> Vec<usize> {
        self.hosts.iter().map(|host| host.seen().len()).collect()
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn caller(root: &Root) -> (Directory, HeaderMap) {
    let pepper = || root.derive(Purpose::Token);
    let (org, agent) = (OrgId::new(), AgentId::new());
    let orgs = vec![Org {
        id: org,
        name: "clinic".parse().expect("a name"),
        region: "CH".parse().expect("a region"),
        class: Class::General,
        floor: Class::General,
        regions: None,
        frameworks: BTreeSet::new(),
        margin_bp: 1_000,
        created: now(),
        revoked: None,
    }];
    let limits = Limits { requests_per_minute: None, tokens_per_minute: None, concurrency: None };
    let agents =
        vec![Agent { id: agent, org, role: None, name: "bot".parse().expect("a name"), limits, revoked: None }];
    let grant = Grant {
        agent,
        kind: Kind::Live,
        region: None,
        class: None,
        floor: Class::General,
        regions: None,
        from: Vec::new(),
        lifetime: None,
        label: None,
    };
    let (shown, token) = StoredToken::issue(grant, &pepper(), now()).expect("a token");
    let directory = Directory::new(Roster { orgs, roles: Vec::new(), agents, tokens: vec![token] }, pepper());
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {}", *shown.expose_text()).parse().expect("a header"));
    (directory, headers)
}

fn deposit(number: usize) -> Deposit {
    Deposit {
        org: None,
        provider: format!("p{number}").parse().expect("a name"),
        name: "main".parse().expect("a name"),
        params: [("product_id".to_owned(), format!("{number}"))].into(),
        hosts: BTreeSet::new(),
    }
}

const REGION: &str = r#"
[region.CH]
countries = ["CH"]
[region.WORLD]
countries = "anywhere"
[alias.twice]
CH = ["p0/m", "p0/m"]
"#;

/// A provider, its host and its route; each costs more than the one before.
fn rows(number: usize) -> String {
    format!(
        r#"
[provider.p{number}]
title = "P{number}"
[host.h{number}]
provider = "p{number}"
dialect = "openai"
address = "https://h{number}.host.test/{{product_id}}/v1"
auth = "bearer"
processes_in = ["CH"]
evidence = "vendor"
source = "a test"
date = "2026-01-01"
[route.r{number}]
host = "h{number}"
model = "m"
own = "shared"
modality = "chat"
capabilities = ["tools"]
status = "live"
price = {{ currency = "USD", input = "{price}", output = "{price}" }}
source = "a test"
date = "2026-01-01"
"#,
        price = number + 1
    )
}
