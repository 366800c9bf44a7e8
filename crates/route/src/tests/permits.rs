//! The planner behind real permits: callers, terms and questions as the request path makes them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use phi_catalog::{Catalogue, Evidence};
use phi_crypto::{Purpose, Root};
use phi_dialect::{Question, read_chat};
use phi_identify::{Agent, Directory, Grant, Kind, Limits, Org, Roster, StoredToken};
use phi_police::{Permit, Police, Wishes};
use phi_words::{AgentId, Class, Clock, Code, OrgId, Prompt, Region};

use crate::{Dropped, Health, Scene, Settings, Standing, Weighed, plan, weigh};

fn permit(kind: Kind, class: Class, body: &str) -> Permit {
    let now = Timestamp::UNIX_EPOCH;
    let pepper = || Root::from_bytes(&[7; 32]).derive(Purpose::Token);
    let org = Org {
        id: OrgId::new(),
        name: "demo".parse().unwrap(),
        region: "CH".parse().unwrap(),
        class: Class::General,
        floor: Class::General,
        regions: None,
        frameworks: [].into(),
        margin_bp: 1_000,
        created: now,
        revoked: None,
    };
    let agent = Agent {
        id: AgentId::new(),
        org: org.id,
        role: None,
        name: "agent".parse().unwrap(),
        limits: Limits::default(),
        revoked: None,
    };
    let grant = Grant {
        agent: agent.id,
        kind,
        region: None,
        class: None,
        floor: Class::General,
        regions: None,
        from: Vec::new(),
        lifetime: None,
        label: None,
    };
    let (shown, stored) = StoredToken::issue(grant, &pepper(), now).unwrap();
    let roster = Roster { orgs: vec![org], agents: vec![agent], tokens: vec![stored], ..Roster::default() };
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {}", *shown.expose_text()).parse().unwrap());
    let directory = Directory::new(roster, pepper());
    let caller = directory.caller(IpAddr::V4(Ipv4Addr::LOCALHOST), &headers, now).unwrap();
    let police = Police::new(Clock::System);
    let wishes = Wishes { class: Some(class), ..Wishes::default() };
    let body = Prompt::new(body.to_owned());
    let question = Question::Chat(read_chat(body.clone(), class).unwrap());
    police.permit(police.terms(caller, wishes).unwrap().ask(question, body)).unwrap()
}

fn catalogue() -> Arc<Catalogue> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("local.toml"), include_str!("../../../catalog/sample.toml")).unwrap();
    Arc::new(Catalogue::load(Some(folder.path())).unwrap())
}

fn scene() -> Arc<Scene> {
    Arc::new(Scene::new(catalogue(), Standing::default(), settings()))
}

fn settings() -> Settings {
    Settings {
        embeddings: "qwen3-embedding-8b".parse().unwrap(),
        hosted: false,
        durable: true,
        evidence: Evidence::Unverified,
    }
}

const HELLO: &str = r#"{"model":"auto","messages":[{"role":"user","content":"Hello"}]}"#;

#[test]
fn a_permit_becomes_a_plan_that_knows_the_way() {
    let scene = scene();
    for kind in [Kind::Live, Kind::Test] {
        let permit = permit(kind, Class::General, HELLO);
        let plan = plan(permit, &scene, &Health::default(), 7, Timestamp::now()).unwrap();
        let [planned] = plan.routes() else { panic!("{:?}", plan.routes()) };
        assert_eq!(planned.row().route.as_str(), "local-smollm2-135m");
        assert_eq!(planned.address().url("/chat/completions"), "http://127.0.0.1:41001/v1/chat/completions");
        assert_eq!(planned.carry().own.as_str(), "smollm2-135m-instruct");
        assert!(planned.credential().is_none());
        assert_eq!((plan.snapshot(), plan.catalogue().version()), (7, scene.catalogue().version()));
        assert_eq!(plan.permit().ask().terms().region(), &"CH".parse::<Region>().unwrap());
        assert!(!format!("{plan:?}").contains("Hello"));
    }
}

#[test]
fn refusals_come_in_the_order_of_the_contract() {
    let scene = scene();
    let code = |kind, class, body: &str| {
        let permit = permit(kind, class, body);
        plan(permit, &scene, &Health::default(), 0, Timestamp::now()).unwrap_err().code
    };
    let asked = |model: &str, more: &str| {
        format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"Hello"}}]{more}}}"#)
    };
    let (live, general, phi) = (Kind::Live, Class::General, Class::Phi);
    let tools = r#","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]"#;
    assert_eq!(code(live, general, &asked("nothing", "")), Code::ModelNotFound);
    assert_eq!(code(live, general, &asked("gemma-4", "")), Code::NoRoute, "there is no credential");
    assert_eq!(code(live, general, &asked("local/smollm2-135m", tools)), Code::UnsupportedParameter);
    assert_eq!(code(live, phi, &asked("auto", "")), Code::PhiBlocked);
    assert_eq!(code(Kind::Test, phi, &asked("auto", "")), Code::PhiBlocked);
}

#[test]
fn weighing_tells_the_fate_of_every_route() {
    let scene = scene();
    let permit = permit(Kind::Live, Class::General, HELLO);
    let Weighed { candidates, refusal } = weigh(&permit, &scene, None, Timestamp::now());
    assert!(refusal.is_none());
    assert_eq!(candidates.len(), scene.catalogue().rows().len());
    assert_eq!(candidates[0].dropped, None);
    let of = |route: &str| candidates.iter().find(|c| c.row.route.as_str() == route).unwrap().dropped.clone();
    assert_eq!(of("infomaniak-gemma-4-31b"), Some(Dropped::NoCredential));
    assert_eq!(of("scaleway-gemma-4-26b"), Some(Dropped::OutsideRegion));
    assert_eq!(of("local-e5-small"), Some(Dropped::OtherWork));
}
