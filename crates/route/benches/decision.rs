//! How long a decision takes, with the whole catalogue as if every staged route served, a key for every provider and
//! every offer an agreement that stands: `cargo bench -p phi-route`. Allocations are counted beside the time; those for
//! what is refused must not grow with the number of routes.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use divan::{AllocProfiler, Bencher};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use phi_catalog::{Agreement, Catalogue, Evidence, Kind};
use phi_crypto::{Purpose, Root};
use phi_dialect::{Question, read_chat};
use phi_identify::{Agent, Caller, Directory, Grant, Kind as KeyKind, Limits, Org, Roster, StoredToken};
use phi_police::{Permit, Police, Wishes};
use phi_route::{Health, Scene, Settings, Standing, plan};
use phi_vault::Sealed;
use phi_words::{AgentId, AgreementId, Class, Clock, CredentialId, Framework, OrgId, Prompt};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const NOW: &str = "2026-11-21T12:00:00Z";

/// What the addresses of all hosts need together.
const PARAMS: &[&str] =
    &["product_id", "project", "resource_ch", "resource_eu", "resource_global", "resource_nl", "resource_us"];

fn main() {
    divan::main();
}

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

/// Region, class and model; the last ones are refused.
const ASKED: [(&str, Class, &str); 8] = [
    ("EU", Class::General, "auto"),
    ("EU", Class::Phi, "auto"),
    ("CH", Class::Phi, "gemma-4"),
    ("US", Class::General, "auto"),
    ("WORLD", Class::General, "auto"),
    ("CH", Class::General, "infomaniak-gemma-4-31b"),
    ("US", Class::Phi, "auto"),
    ("MENA", Class::Phi, "auto"),
];

#[divan::bench(args = ASKED)]
fn whole_catalogue(bencher: Bencher<'_, '_>, (region, class, model): (&str, Class, &str)) {
    let scene = Arc::new(whole());
    decide(bencher, &scene, region, class, model);
}

/// So many routes of which each is refused, and one that is not.
#[divan::bench(args = [10, 100, 1_000])]
fn refused(bencher: Bencher<'_, '_>, routes: usize) {
    let scene = Arc::new(wide(routes));
    decide(bencher, &scene, "CH", Class::Phi, "auto");
}

fn decide(bencher: Bencher<'_, '_>, scene: &Arc<Scene>, region: &str, class: Class, model: &str) {
    let (health, caller, now) = (Health::default(), caller(), now());
    bencher
        .with_inputs(|| permit(&caller, region, class, model))
        .bench_values(|permit| black_box(plan(permit, scene, &health, 0, now)));
}

fn whole() -> Scene {
    let catalogue = Catalogue::rehearsal().expect("the catalogue");
    let agreements = catalogue.providers().flat_map(|provider| {
        provider.offers.iter().map(|offer| Agreement {
            kind: Kind::Provider { name: provider.name.clone(), credential: None },
            countries: offer.countries.clone(),
            modalities: offer.modalities.clone(),
            frameworks: offer.frameworks.clone(),
            ..agreement()
        })
    });
    let agreements = agreements.collect();
    scene(catalogue, agreements)
}

/// Routes that PHI may not take for want of an agreement, and one that it may.
fn wide(routes: usize) -> Scene {
    let mut text = String::from("[region.CH]\ncountries = ['CH']\n[region.WORLD]\ncountries = 'anywhere'\n");
    for provider in ["good", "bad"] {
        let _ = write!(
            text,
            "[provider.{provider}]\ntitle = 'P'\n[[provider.{provider}.offers]]\ncountries = ['CH']\nmodalities = \
             ['chat']\nframeworks = ['GDPR']\nsource = 's'\ndate = '2026-01-01'\n[host.{provider}]\nprovider = \
             '{provider}'\ndialect = 'openai'\naddress = 'https://{provider}.example.org/v1'\nauth = 'bearer'\n\
             processes_in = ['CH']\nevidence = 'vendor'\nsource = 's'\ndate = '2026-01-01'\n"
        );
    }
    for route in 0..=routes {
        let host = if route == 0 { "good" } else { "bad" };
        let _ = write!(
            text,
            "[route.r{route}]\nhost = '{host}'\nmodel = 'm{route}'\nown = 'm{route}'\nmodality = 'chat'\nstatus = \
             'live'\nprice = {{ currency = 'USD', input = '1', output = '1' }}\nsource = 's'\ndate = '2026-01-01'\n"
        );
    }
    let catalogue = Catalogue::parse(&[("wide.toml", &text)]).expect("a catalogue");
    let with_good = Agreement {
        kind: Kind::Provider { name: "good".parse().expect("a name"), credential: None },
        countries: ["CH".parse().expect("a country")].into(),
        modalities: [phi_words::Modality::Chat].into(),
        frameworks: [Framework::Gdpr].into(),
        ..agreement()
    };
    scene(catalogue, vec![with_good])
}

fn scene(catalogue: Catalogue, agreements: Vec<Agreement>) -> Scene {
    let key = |provider: &phi_catalog::Provider| Sealed {
        id: CredentialId::new(),
        org: None,
        provider: provider.name.clone(),
        name: "main".parse().expect("a name"),
        kind: phi_words::KeyKind::Plain,
        params: PARAMS.iter().map(|param| ((*param).to_owned(), "x1".to_owned())).collect(),
        hosts: BTreeSet::new(),
        created: now(),
        revoked: None,
        bytes: Vec::new(),
    };
    let keys: Vec<_> = catalogue.providers().map(|provider| Arc::new(key(provider))).collect();
    let settings = Settings {
        embeddings: "qwen3-embedding-8b".parse().expect("a name"),
        hosted: false,
        durable: true,
        evidence: Evidence::Unverified,
    };
    Scene::new(Arc::new(catalogue), Standing::new(agreements, keys), settings)
}

fn agreement() -> Agreement {
    Agreement {
        id: AgreementId::new(),
        kind: Kind::Customer,
        org: None,
        counterparty: "Acme".into(),
        document: "0".repeat(64),
        countries: BTreeSet::new(),
        modalities: BTreeSet::new(),
        frameworks: BTreeSet::new(),
        verified_by: "V".into(),
        verified_on: "2026-11-01".parse().expect("a day"),
        review_by: "2027-11-01".parse().expect("a day"),
        revoked: None,
    }
}

fn caller() -> Caller {
    let pepper = || Root::from_bytes(&[7; 32]).derive(Purpose::Token);
    let org = Org {
        id: OrgId::new(),
        name: "clinic".parse().expect("a name"),
        region: "CH".parse().expect("a region"),
        class: Class::General,
        floor: Class::General,
        regions: None,
        frameworks: [Framework::Gdpr].into(),
        margin_bp: 1_000,
        created: now(),
        revoked: None,
    };
    let agent = Agent {
        id: AgentId::new(),
        org: org.id,
        role: None,
        name: "agent".parse().expect("a name"),
        limits: Limits::default(),
        revoked: None,
    };
    let grant = Grant {
        agent: agent.id,
        kind: KeyKind::Live,
        region: None,
        class: None,
        floor: Class::General,
        regions: None,
        from: Vec::new(),
        lifetime: None,
        label: None,
    };
    let (shown, token) = StoredToken::issue(grant, &pepper(), now()).expect("a token");
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {}", *shown.expose_text()).parse().expect("a header"));
    let roster = Roster { orgs: vec![org], agents: vec![agent], tokens: vec![token], ..Roster::default() };
    Directory::new(roster, pepper()).caller(IpAddr::V4(Ipv4Addr::LOCALHOST), &headers, now()).expect("a caller")
}

fn permit(caller: &Caller, region: &str, class: Class, model: &str) -> Permit {
    let police = Police::new(Clock::System);
    let wishes = Wishes { class: Some(class), region: Some(region.parse().expect("a region")), ..Wishes::default() };
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"Hello"}}],"temperature":0.2}}"#);
    let body = Prompt::new(body);
    let question = Question::Chat(read_chat(body.clone(), class).expect("a question"));
    let terms = police.terms(caller.clone(), wishes).expect("terms");
    police.permit(terms.ask(question, body)).expect("a permit")
}
