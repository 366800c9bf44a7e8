use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use phi_crypto::{Purpose, Root};
use phi_identify::{Agent, Caller, Directory, Grant, Kind, Limits, Org, Roster, StoredToken};
use phi_words::{AgentId, Class, Slug};

/// A caller of an organization as the directory makes one, from a key that is made up for this and told to nobody. `name` is
/// what the agent is called.
pub(super) fn made_up(org: Org, name: &Slug, kind: Kind, now: Timestamp) -> anyhow::Result<Caller> {
    let root = Root::generate().context("a key cannot be made up")?;
    let key = root.derive(Purpose::Token);
    let agent = Agent {
        id: AgentId::new(),
        org: org.id,
        role: None,
        name: name.clone(),
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
    let (shown, token) = StoredToken::issue(grant, &key, now)?;
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {}", *shown.expose_text()))?);
    let roster = Roster { orgs: vec![org], roles: Vec::new(), agents: vec![agent], tokens: vec![token] };
    Ok(Directory::new(roster, key).caller(IpAddr::V4(Ipv4Addr::LOCALHOST), &headers, now)?)
}
