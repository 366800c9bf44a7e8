//! The store as its users meet it: what is written is read back, a dropped change leaves nothing, foreign files are
//! refused.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use jiff::Timestamp;
use phi_catalog::{Agreement, Kind as With};
use phi_crypto::Root;
use phi_identify::{Agent, Grant, Kind, Limits, Org, Role, StoredToken};
use phi_store::{Defaults, Store, StoreError};
use phi_vault::{Deposit, Vault};
use phi_words::{AgentId, AgreementId, Class, Framework, Modality, OrgId, ProviderKey, RoleId};

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("phi.db");
    Place { _folder: folder, path }
}

fn defaults() -> Defaults {
    Defaults {
        region: "CH".parse().expect("a region"),
        class: Class::Phi,
        frameworks: BTreeSet::from([Framework::Nfadp]),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn org(name: &str) -> Org {
    Org {
        id: OrgId::new(),
        name: name.parse().expect("a name"),
        region: "EU".parse().expect("a region"),
        class: Class::General,
        floor: Class::General,
        regions: Some(["EU", "CH"].into_iter().map(|name| name.parse().expect("a region")).collect()),
        frameworks: BTreeSet::from([Framework::Gdpr]),
        margin_bp: 1_000,
        created: at(7),
        revoked: None,
    }
}

#[tokio::test]
async fn what_is_written_is_read_back_by_another_process() {
    let place = place();
    let store = Store::create(&place.path, defaults()).await.expect("made");
    let root = Root::from_bytes(&[7; 32]);
    let org = org("ward");
    let limits = Limits { requests_per_minute: Some(0), tokens_per_minute: None, concurrency: Some(u32::MAX) };
    let role = Role { id: RoleId::new(), org: org.id, name: "r".parse().expect("a name"), limits };
    let agent = Agent {
        id: AgentId::new(),
        org: org.id,
        role: Some(role.id),
        name: "a".parse().expect("a name"),
        limits,
        revoked: None,
    };
    let grant = Grant {
        agent: agent.id,
        kind: Kind::Test,
        region: Some("CH".parse().expect("a region")),
        class: Some(Class::Phi),
        floor: Class::Phi,
        regions: org.regions.clone(),
        from: vec!["10.0.0.0/8".parse().expect("a network"), "2001:db8::/32".parse().expect("a network")],
        lifetime: Some(jiff::SignedDuration::from_hours(1)),
        label: Some("label".parse().expect("a name")),
    };
    let (_, token) = StoredToken::issue(grant, &root.derive(phi_crypto::Purpose::Token), at(9)).expect("random bytes");
    let deposit = Deposit {
        org: None,
        provider: "infomaniak".parse().expect("a provider"),
        name: "default".parse().expect("a name"),
        params: [("product_id".to_owned(), "12".to_owned())].into(),
        hosts: BTreeSet::new(),
    };
    let sealed = Vault::Open(root).seal(deposit, &ProviderKey::new("sk-1"), at(11)).expect("sealed");
    let agreement = agreement();

    let mut change = store.change().await.expect("begun");
    change.add_org(&org).await.expect("added");
    change.add_role(&role).await.expect("added");
    change.add_agent(&agent).await.expect("added");
    change.add_token(&token).await.expect("added");
    change.add_credential(&sealed).await.expect("added");
    change.add_agreement(&agreement).await.expect("added");
    change.commit().await.expect("committed");

    let other = Store::open(&place.path).await.expect("opened by another");
    let everything = other.load().await.expect("loaded");
    assert_eq!(everything.roster.orgs, [org]);
    assert_eq!(everything.roster.roles, [role]);
    assert_eq!(everything.roster.agents, [agent]);
    assert_eq!(everything.roster.tokens, [token]);
    assert_eq!(everything.credentials, [sealed]);
    assert_eq!(everything.agreements, [agreement]);
    assert_eq!(other.defaults().await.expect("loaded"), defaults());
    let mode = std::fs::metadata(&place.path).expect("there").permissions().mode();
    assert_eq!(mode & 0o077, 0, "only its owner reads the store");
}

fn agreement() -> Agreement {
    Agreement {
        id: AgreementId::new(),
        kind: With::Provider { name: "infomaniak".parse().expect("a provider"), credential: None },
        org: None,
        counterparty: "Infomaniak".into(),
        document: "0".repeat(64),
        countries: BTreeSet::from(["CH".parse().expect("a country")]),
        modalities: BTreeSet::from([Modality::Chat]),
        frameworks: BTreeSet::from([Framework::Nfadp]),
        verified_by: "somebody".into(),
        verified_on: jiff::civil::date(2026, 1, 1),
        review_by: jiff::civil::date(2027, 1, 1),
        revoked: None,
    }
}

#[tokio::test]
async fn a_dropped_change_leaves_nothing_and_a_committed_one_counts() {
    let place = place();
    let store = Store::create(&place.path, defaults()).await.expect("made");
    let before = store.load().await.expect("loaded").version;
    let mut change = store.change().await.expect("begun");
    change.add_org(&org("gone")).await.expect("added");
    drop(change);
    let after = store.load().await.expect("loaded");
    assert!(after.roster.orgs.is_empty() && after.version == before);

    let ward = org("ward");
    let mut change = store.change().await.expect("begun");
    change.add_org(&ward).await.expect("added");
    change.revoke_org(ward.id, at(100)).await.expect("revoked");
    change.revoke_org(ward.id, at(200)).await.expect("revoked again");
    change.commit().await.expect("committed");
    let after = store.load().await.expect("loaded");
    assert_eq!(after.version, before + 1);
    assert_eq!(after.roster.orgs.first().and_then(|org| org.revoked), Some(at(100)), "the first revocation stands");
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let place = place();
    let store = Store::create(&place.path, defaults()).await.expect("made");
    let mut change = store.change().await.expect("begun");
    change.add_org(&org("ward")).await.expect("added");
    assert!(matches!(change.add_org(&org("ward")).await, Err(StoreError::Taken)));
}

#[tokio::test]
async fn a_file_that_is_no_store_of_ours_is_refused() {
    let place = place();
    assert!(matches!(Store::open(&place.path).await, Err(StoreError::Empty)));
    let store = Store::create(&place.path, defaults()).await.expect("made");
    assert!(Store::create(&place.path, defaults()).await.is_err(), "a deployment is not made over another");
    store.close().await;

    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&place.path);
    let pool = sqlx::SqlitePool::connect_with(options).await.expect("opened");
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&pool).await.expect("written");
    pool.close().await;
    assert!(matches!(Store::open(&place.path).await, Err(StoreError::Newer { found: 99, .. })));

    std::fs::write(&place.path, "this is no database, and it is long enough to be looked at").expect("written");
    assert!(matches!(Store::open(&place.path).await, Err(StoreError::Sql(_))));
}
