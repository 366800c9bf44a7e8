//! Who is identified, and who is not.

use std::collections::BTreeSet;
use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use phi_crypto::Key;
use phi_identify::{Agent, Directory, Grant, Kind, Limits, Org, Role, Roster, ShownToken, StoredToken};
use phi_words::{AgentId, Class, Code, OrgId, Refusal, Region, RoleId};

const HERE: &str = "192.0.2.1";

struct World {
    roster: Roster,
    shown: ShownToken,
}

fn pepper() -> Key {
    Key::from_bytes(&[7; 32])
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("a time near 1970")
}

fn grant(agent: AgentId) -> Grant {
    Grant {
        agent,
        kind: Kind::Live,
        region: None,
        class: None,
        floor: Class::General,
        regions: None,
        from: Vec::new(),
        lifetime: Some(SignedDuration::from_secs(100)),
        label: None,
    }
}

/// One organization with one role, one agent and one token, made at 0 and expiring at 100.
fn world(change: impl FnOnce(&mut Grant)) -> World {
    let org = Org {
        id: OrgId::new(),
        name: "clinic".parse().expect("a name"),
        region: Region::world(),
        class: Class::General,
        floor: Class::General,
        regions: None,
        frameworks: BTreeSet::new(),
        margin_bp: 1_000,
        created: at(0),
        revoked: None,
    };
    let limits = |requests| Limits { requests_per_minute: Some(requests), ..Limits::default() };
    let role = Role {
        id: RoleId::new(),
        org: org.id,
        name: "ward".parse().expect("a name"),
        limits: limits(5),
        revoked: None,
    };
    let agent = Agent {
        id: AgentId::new(),
        org: org.id,
        role: Some(role.id),
        name: "scribe".parse().expect("a name"),
        limits: Limits::default(),
        revoked: None,
    };
    let mut grant = grant(agent.id);
    change(&mut grant);
    let (shown, token) = StoredToken::issue(grant, &pepper(), at(0)).expect("randomness");
    World { roster: Roster { orgs: vec![org], roles: vec![role], agents: vec![agent], tokens: vec![token] }, shown }
}

fn headers(text: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {text}")).expect("visible ASCII");
    HeaderMap::from_iter([(http::header::AUTHORIZATION, value)])
}

/// The reason why `text` identifies nobody, or `ok`.
fn outcome(roster: Roster, text: &str, peer: &str, now: i64) -> &'static str {
    let peer: IpAddr = peer.parse().expect("an address");
    match Directory::new(roster, pepper()).caller(peer, &headers(text), at(now)) {
        Ok(_) => "ok",
        Err(error) => error.reason(),
    }
}

#[test]
fn both_forms_of_a_token_identify_its_agent() {
    let World { roster, shown } = world(|_| {});
    let (org, role, agent, token) = (roster.orgs[0].id, roster.roles[0].id, roster.agents[0].id, roster.tokens[0].id);
    let directory = Directory::new(roster, pepper());
    for text in [shown.expose_text(), shown.expose_agent_text()] {
        let caller = directory.caller(HERE.parse().expect("an address"), &headers(&text), at(99)).expect("it holds");
        assert_eq!((caller.org().id, caller.agent().id, caller.token().id), (org, agent, token));
        assert_eq!(caller.role().map(|role| role.id), Some(role));
        assert_eq!(caller.limits().requests_per_minute, Some(5), "the role's, as the agent has none");
        assert!(!caller.is_test());
    }
}

#[test]
fn a_test_token_is_one_and_cannot_be_presented_as_live() {
    let World { roster, shown } = world(|grant| grant.kind = Kind::Test);
    let text = shown.expose_text();
    let directory = Directory::new(roster.clone(), pepper());
    let caller = directory.caller(HERE.parse().expect("an address"), &headers(&text), at(1)).expect("it holds");
    assert!(caller.is_test());
    assert_eq!(outcome(roster, &text.replace("phi_test_", "phi_live_"), HERE, 1), "wrong");
}

#[test]
fn whatever_is_wrong_looks_alike_to_the_outside() {
    let World { roster, shown } = world(|grant| grant.from = vec!["192.0.2.0/24".parse().expect("a network")]);
    let (other, text) = (world(|_| {}), shown.expose_text());
    let secret = |change: fn(&mut Roster)| {
        let mut roster = roster.clone();
        change(&mut roster);
        roster
    };
    let cases = [
        (roster.clone(), text.to_string(), HERE, 1, "ok"),
        (roster.clone(), "phi_live_".into(), HERE, 1, "malformed"),
        (roster.clone(), text.replace("phi_", "PHI_"), HERE, 1, "malformed"),
        (roster.clone(), format!(" {}", *text), HERE, 1, "malformed"),
        (roster.clone(), other.shown.expose_text().to_string(), HERE, 1, "unknown"),
        (Roster::default(), text.to_string(), HERE, 1, "unknown"),
        (secret(|roster| roster.tokens[0].tag[31] ^= 1), text.to_string(), HERE, 1, "wrong"),
        (secret(|roster| roster.tokens[0].kind = Kind::Test), text.to_string(), HERE, 1, "wrong"),
        (secret(|roster| roster.tokens[0].revoked = Some(at(1))), text.to_string(), HERE, 1, "revoked"),
        (secret(|roster| roster.agents[0].revoked = Some(at(1))), text.to_string(), HERE, 1, "revoked"),
        (secret(|roster| roster.roles[0].revoked = Some(at(1))), text.to_string(), HERE, 1, "revoked"),
        (secret(|roster| roster.orgs[0].revoked = Some(at(1))), text.to_string(), HERE, 1, "revoked"),
        (roster.clone(), text.to_string(), HERE, 100, "expired"),
        (roster.clone(), text.to_string(), "192.0.3.1", 1, "network"),
        // What cannot be looked up whole identifies nobody.
        (secret(|roster| roster.orgs.clear()), text.to_string(), HERE, 1, "unknown"),
        (secret(|roster| roster.roles.clear()), text.to_string(), HERE, 1, "unknown"),
        (secret(|roster| roster.agents.clear()), text.to_string(), HERE, 1, "unknown"),
        (secret(|roster| roster.tokens[0].key_version += 1), text.to_string(), HERE, 1, "unknown"),
    ];
    for (at, (roster, text, peer, now, expected)) in cases.into_iter().enumerate() {
        assert_eq!(outcome(roster, &text, peer, now), expected, "case {at}");
    }
    let errors = [headers("phi_live_"), HeaderMap::new(), headers(&text)].map(|headers| {
        let directory = Directory::new(Roster::default(), pepper());
        directory.caller(HERE.parse().expect("an address"), &headers, at(1)).expect_err("nobody is known")
    });
    for error in errors {
        let refusal = Refusal::from(&error);
        assert_eq!((&refusal, refusal.code), (&Refusal::from(&errors[0]), Code::InvalidApiKey));
    }
}

#[test]
fn an_agents_id_must_be_that_of_the_tokens_agent() {
    let (one, other) = (world(|_| {}), world(|_| {}));
    let text = one.shown.expose_text();
    let tail = text.strip_prefix("phi_live_").expect("the first form");
    assert_eq!(outcome(one.roster.clone(), &format!("{}:{tail}", one.roster.agents[0].id), HERE, 1), "ok");
    assert_eq!(outcome(one.roster.clone(), &format!("{}:{tail}", other.roster.agents[0].id), HERE, 1), "wrong");
    assert_eq!(outcome(one.roster, &format!("scribe:{tail}"), HERE, 1), "malformed");
}

#[test]
fn a_row_of_the_store_cannot_be_turned_into_anothers() {
    let World { mut roster, shown } = world(|_| {});
    let mut boss = roster.agents[0].clone();
    boss.id = AgentId::new();
    roster.tokens[0].agent = boss.id;
    roster.agents.push(boss);
    assert_eq!(outcome(roster, &shown.expose_text(), HERE, 1), "wrong");
}

#[test]
fn networks_hold_for_both_families() {
    let from = ["10.0.0.0/8", "2001:db8::/32", "203.0.113.7/32"].map(|net| net.parse().expect("a network"));
    let World { mut roster, shown } = world(|grant| grant.from = from.to_vec());
    // Another token with fewer networks must not gain any from those beside it.
    let (free, stored) = StoredToken::issue(grant(roster.agents[0].id), &pepper(), at(0)).expect("randomness");
    roster.tokens.push(stored);
    for (peer, expected) in [
        ("10.255.0.1", "ok"),
        ("::ffff:10.1.2.3", "ok"),
        ("203.0.113.7", "ok"),
        ("2001:db8:1::1", "ok"),
        ("11.0.0.1", "network"),
        ("203.0.113.8", "network"),
        ("2001:db9::1", "network"),
        ("::a00:1", "network"),
    ] {
        assert_eq!(outcome(roster.clone(), &shown.expose_text(), peer, 1), expected, "{peer}");
        assert_eq!(outcome(roster.clone(), &free.expose_text(), peer, 1), "ok", "{peer}");
    }
}

#[test]
fn after_a_rotation_both_tokens_hold_until_the_overlap_is_over() {
    let World { mut roster, shown: old } = world(|_| {});
    let overlap = SignedDuration::from_secs(20);
    let (new, stored) = roster.tokens[0].rotate(overlap, &pepper(), at(50)).expect("it holds");
    roster.tokens.push(stored);
    for (now, old_expected, new_expected) in [(69, "ok", "ok"), (70, "expired", "ok"), (150, "expired", "expired")] {
        assert_eq!(outcome(roster.clone(), &old.expose_text(), HERE, now), old_expected, "old at {now}");
        assert_eq!(outcome(roster.clone(), &new.expose_text(), HERE, now), new_expected, "new at {now}");
    }
}

#[test]
fn each_of_many_tokens_finds_its_own_agent() {
    let World { mut roster, .. } = world(|_| {});
    let shown: Vec<_> = (0..200)
        .map(|_| {
            let agent = Agent { id: AgentId::new(), ..roster.agents[0].clone() };
            let (shown, stored) = StoredToken::issue(grant(agent.id), &pepper(), at(0)).expect("randomness");
            roster.tokens.push(stored);
            let id = agent.id;
            roster.agents.push(agent);
            (shown, id)
        })
        .collect();
    let directory = Directory::new(roster, pepper());
    for (shown, id) in shown {
        let headers = headers(&shown.expose_text());
        let caller = directory.caller(HERE.parse().expect("an address"), &headers, at(1)).expect("it holds");
        assert_eq!(caller.agent().id, id);
    }
}
