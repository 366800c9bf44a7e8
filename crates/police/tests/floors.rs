//! The law of floors, with real callers: every class and region a caller can wish, under every floor.

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use phi_crypto::Key;
use phi_identify::{Agent, Caller, Directory, Grant, Kind, Limits, Org, Roster, StoredToken};
use phi_police::{Police, Wishes};
use phi_words::{AgentId, Class, Clock, Code, OrgId, Region};

#[derive(Default)]
struct Rules {
    org_class: Option<Class>,
    org_floor: Option<Class>,
    org_regions: Option<&'static [&'static str]>,
    token_class: Option<Class>,
    token_floor: Option<Class>,
    token_region: Option<&'static str>,
    token_regions: Option<&'static [&'static str]>,
}

fn region(name: &str) -> Region {
    name.parse().expect("a region")
}

fn regions(names: Option<&[&str]>) -> Option<BTreeSet<Region>> {
    names.map(|names| names.iter().map(|name| region(name)).collect())
}

fn caller(rules: &Rules) -> Caller {
    let pepper = || Key::from_bytes(&[7; 32]);
    let org = Org {
        id: OrgId::new(),
        name: "clinic".parse().expect("a name"),
        region: region("CH"),
        class: rules.org_class.unwrap_or(Class::General),
        floor: rules.org_floor.unwrap_or(Class::General),
        regions: regions(rules.org_regions),
        frameworks: BTreeSet::new(),
        margin_bp: 0,
        created: Timestamp::UNIX_EPOCH,
        revoked: None,
    };
    let agent = Agent {
        id: AgentId::new(),
        org: org.id,
        role: None,
        name: "scribe".parse().expect("a name"),
        limits: Limits::default(),
        revoked: None,
    };
    let grant = Grant {
        agent: agent.id,
        kind: Kind::Live,
        region: rules.token_region.map(region),
        class: rules.token_class,
        floor: rules.token_floor.unwrap_or(Class::General),
        regions: regions(rules.token_regions),
        from: Vec::new(),
        lifetime: None,
        label: None,
    };
    let (shown, token) = StoredToken::issue(grant, &pepper(), Timestamp::UNIX_EPOCH).expect("random bytes");
    let roster = Roster { orgs: vec![org], roles: Vec::new(), agents: vec![agent], tokens: vec![token] };
    let value = HeaderValue::from_str(&format!("Bearer {}", *shown.expose_text())).expect("a value");
    let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]);
    let here = std::net::Ipv4Addr::LOCALHOST.into();
    Directory::new(roster, pepper()).caller(here, &headers, Timestamp::UNIX_EPOCH).expect("known")
}

fn settled(rules: &Rules, class: Option<Class>, wish: Option<&str>) -> Result<(Class, String), Code> {
    let wishes = Wishes { class, region: wish.map(region), ..Wishes::default() };
    let terms = Police::new(Clock::System).terms(caller(rules), wishes).map_err(|refusal| refusal.code)?;
    Ok((terms.class(), terms.region().to_string()))
}

#[test]
fn no_request_goes_below_either_floor_and_none_is_kept_from_rising() {
    let classes = [Class::General, Class::Phi];
    for org_floor in classes {
        for token_floor in classes {
            for (org_class, token_class) in
                [(Class::General, None), (Class::Phi, None), (Class::General, Some(Class::Phi))]
            {
                let rules = Rules {
                    org_class: Some(org_class),
                    org_floor: Some(org_floor),
                    token_floor: Some(token_floor),
                    token_class,
                    ..Rules::default()
                };
                let floor = org_floor.max(token_floor);
                let default = token_class.unwrap_or(org_class);
                for (wish, expected) in [
                    (None, Ok(default.max(floor))),
                    (Some(Class::Phi), Ok(Class::Phi)),
                    (
                        Some(Class::General),
                        if floor == Class::Phi { Err(Code::ClassFloor) } else { Ok(Class::General) },
                    ),
                ] {
                    let got = settled(&rules, wish, None).map(|(class, _)| class);
                    assert_eq!(got, expected, "floors {org_floor} {token_floor}, default {default}, wish {wish:?}");
                }
            }
        }
    }
}

#[test]
fn the_region_is_the_wish_or_the_tokens_or_the_organizations() {
    let rules = Rules::default();
    assert_eq!(settled(&rules, None, None), Ok((Class::General, "CH".into())));
    assert_eq!(settled(&rules, None, Some("us")), Ok((Class::General, "US".into())));
    let rules = Rules { token_region: Some("EU"), ..Rules::default() };
    assert_eq!(settled(&rules, None, None), Ok((Class::General, "EU".into())));
}

#[test]
fn a_region_outside_either_set_is_refused_wherever_it_comes_from() {
    let org = Rules { org_regions: Some(&["CH", "EU"]), ..Rules::default() };
    assert!(settled(&org, None, Some("EU")).is_ok());
    assert_eq!(settled(&org, None, Some("US")), Err(Code::RegionFloor));
    let token = Rules { token_regions: Some(&["EU"]), ..Rules::default() };
    assert_eq!(
        settled(&token, None, None),
        Err(Code::RegionFloor),
        "the organization's default is outside the token's set"
    );
    assert!(settled(&token, None, Some("EU")).is_ok());
    let both = Rules { org_regions: Some(&["CH", "EU"]), token_regions: Some(&["EU", "US"]), ..Rules::default() };
    assert_eq!(settled(&both, None, Some("US")), Err(Code::RegionFloor));
    assert!(settled(&both, None, Some("EU")).is_ok());
}
