//! What is put is what is loaded, by us and by others, and what is not committed is nothing.

#![expect(clippy::unwrap_used, reason = "a test fails where there is nothing to unwrap")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{SignedDuration, Timestamp, civil::date};
use phi_catalog::Agreement;
use phi_crypto::{Key, Root};
use phi_identify::{Agent, Grant, Kind, Limits, Org, Role, StoredToken};
use phi_store::{Contents, Defaults, Store, StoreError};
use phi_vault::{Deposit, Sealed, Vault};
use phi_words::{AgentId, AgreementId, Class, Framework, Modality, OrgId, ProviderKey, Region, RoleId, RouteId};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tempfile::TempDir;

const SECRET: &str = "sk-a-providers-real-key";

struct Place {
    folder: TempDir,
    store: Store,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&path(&folder), defaults()).await.unwrap();
        Self { folder, store }
    }

    async fn reopened(self) -> Self {
        self.store.close().await;
        Self { store: Store::open(&path(&self.folder)).await.unwrap(), folder: self.folder }
    }
}

fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("phi.db")
}

fn defaults() -> Defaults {
    Defaults { region: "CH".parse().unwrap(), class: Class::Phi, frameworks: BTreeSet::from([Framework::Nfadp]) }
}

fn org(name: &str) -> Org {
    Org {
        id: OrgId::new(),
        name: name.parse().unwrap(),
        region: "CH".parse().unwrap(),
        class: Class::Phi,
        floor: Class::General,
        regions: Some(BTreeSet::from(["CH".parse().unwrap(), Region::world()])),
        frameworks: BTreeSet::from([Framework::Gdpr, Framework::Nfadp]),
        margin_bp: 1_000,
        created: Timestamp::now(),
        revoked: None,
    }
}

fn role(org: &Org, name: &str) -> Role {
    let limits = Limits { requests_per_minute: Some(u32::MAX), tokens_per_minute: Some(0), concurrency: None };
    Role { id: RoleId::new(), org: org.id, name: name.parse().unwrap(), limits, revoked: None }
}

fn agent(org: &Org, role: Option<&Role>, name: &str) -> Agent {
    let limits = Limits { concurrency: Some(3), ..Limits::default() };
    let role = role.map(|role| role.id);
    Agent { id: AgentId::new(), org: org.id, role, name: name.parse().unwrap(), limits, revoked: None }
}

fn token(agent: &Agent) -> StoredToken {
    let grant = Grant {
        agent: agent.id,
        kind: Kind::Test,
        region: Some(Region::world()),
        class: Some(Class::General),
        floor: Class::General,
        regions: Some(BTreeSet::from([Region::world()])),
        from: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        lifetime: Some(SignedDuration::from_hours(1)),
        label: Some("laptop".parse().unwrap()),
    };
    StoredToken::issue(grant, &Key::from_bytes(&[1; 32]), Timestamp::now()).unwrap().1
}

fn agreement(org: Option<&Org>) -> Agreement {
    Agreement {
        id: AgreementId::new(),
        kind: phi_catalog::Kind::Provider { name: "local".parse().unwrap(), credential: None },
        org: org.map(|org| org.id),
        counterparty: "The Clinic's own \"premises\"".into(),
        document: "0".repeat(64),
        countries: BTreeSet::from(["CH".parse().unwrap()]),
        modalities: BTreeSet::from([Modality::Chat]),
        frameworks: BTreeSet::from([Framework::Nfadp]),
        verified_by: "an operator".into(),
        verified_on: date(2026, 1, 1),
        review_by: date(2027, 1, 1),
        revoked: None,
    }
}

fn sealed(org: Option<&Org>, name: &str) -> Sealed {
    let deposit = Deposit {
        org: org.map(|org| org.id),
        provider: "infomaniak".parse().unwrap(),
        name: name.parse().unwrap(),
        params: BTreeMap::from([("product_id".into(), "4711".into())]),
        hosts: BTreeSet::from(["infomaniak-ch".parse().unwrap()]),
    };
    Vault::Open(Root::from_bytes(&[2; 32])).seal(deposit, &ProviderKey::new(SECRET), Timestamp::now()).unwrap()
}

async fn raw(path: &Path, sql: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn counts(contents: &Contents) -> [usize; 6] {
    let roster = &contents.roster;
    let known = [roster.orgs.len(), roster.roles.len(), roster.agents.len(), roster.tokens.len()];
    let [orgs, roles, agents, tokens] = known;
    [orgs, roles, agents, tokens, contents.agreements.len(), contents.credentials.len()]
}

#[tokio::test]
async fn everything_that_is_put_is_loaded_as_it_was() {
    let place = Place::new().await;
    let org = org("clinic");
    let role = role(&org, "ward");
    let agents = [agent(&org, Some(&role), "scribe"), agent(&org, None, "porter")];
    let tokens = agents.each_ref().map(token);
    let agreements = [agreement(None), agreement(Some(&org))];
    let credentials = [sealed(None, "main"), sealed(Some(&org), "main")];

    let mut change = place.store.change().await.unwrap();
    change.put_org(&org).await.unwrap();
    change.put_role(&role).await.unwrap();
    for agent in &agents {
        change.put_agent(agent).await.unwrap();
    }
    for token in &tokens {
        change.put_token(token).await.unwrap();
    }
    for agreement in &agreements {
        change.put_agreement(agreement).await.unwrap();
    }
    for credential in &credentials {
        change.put_credential(credential).await.unwrap();
    }
    let inside = change.load_all().await.unwrap();
    assert_eq!(counts(&inside), [1, 1, 2, 2, 2, 2], "a change sees itself");
    let version = change.commit().await.unwrap();

    let place = place.reopened().await;
    let contents = place.store.load_all().await.unwrap();
    assert_eq!((contents.version, contents.defaults), (version, defaults()));
    assert_eq!((contents.roster.orgs, contents.roster.roles), (vec![org], vec![role]));
    assert_eq!((contents.roster.agents, contents.roster.tokens), (agents.to_vec(), tokens.to_vec()));
    assert_eq!((contents.agreements, contents.credentials), (agreements.to_vec(), credentials.to_vec()));
}

#[tokio::test]
async fn a_change_that_is_dropped_leaves_nothing() {
    let place = Place::new().await;
    let before = place.store.load_all().await.unwrap();
    let mut change = place.store.change().await.unwrap();
    change.put_org(&org("clinic")).await.unwrap();
    drop(change);
    let after = place.store.load_all().await.unwrap();
    assert_eq!((counts(&after), after.version), ([0; 6], before.version));
    // The place is free again, for the same name too.
    let mut change = place.store.change().await.unwrap();
    change.put_org(&org("clinic")).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), before.version + 1);
}

#[tokio::test]
async fn nobody_sees_what_is_not_committed() {
    let place = Place::new().await;
    let mut change = place.store.change().await.unwrap();
    change.put_org(&org("clinic")).await.unwrap();
    assert_eq!(counts(&place.store.load_all().await.unwrap()), [0; 6]);
    change.commit().await.unwrap();
    assert_eq!(counts(&place.store.load_all().await.unwrap()), [1, 0, 0, 0, 0, 0]);
}

/// In the folder of a store this test is the second process, which the first one starts.
#[tokio::test]
async fn a_second_process_sees_what_is_committed_at_once() {
    if Path::new("phi.db").exists() {
        let store = Store::open(Path::new("phi.db")).await.unwrap();
        assert_eq!(store.load_all().await.unwrap().roster.orgs[0].name.as_str(), "clinic");
        let mut change = store.change().await.unwrap();
        change.put_org(&org("from-the-second")).await.unwrap();
        change.commit().await.unwrap();
        return;
    }
    let place = Place::new().await;
    let mut change = place.store.change().await.unwrap();
    change.put_org(&org("clinic")).await.unwrap();
    change.commit().await.unwrap();
    let second = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_second_process_sees_what_is_committed_at_once"])
        .current_dir(place.folder.path())
        .output()
        .unwrap();
    assert!(second.status.success(), "{}", String::from_utf8_lossy(&second.stdout));
    let orgs = place.store.load_all().await.unwrap().roster.orgs;
    assert_eq!(orgs.iter().map(|org| org.name.as_str()).collect::<Vec<_>>(), ["clinic", "from-the-second"]);
}

#[tokio::test]
async fn names_are_unique_where_they_must_be() {
    let place = Place::new().await;
    let (one, two) = (org("one"), org("two"));
    let mut change = place.store.change().await.unwrap();
    change.put_org(&one).await.unwrap();
    change.put_org(&two).await.unwrap();
    assert!(matches!(change.put_org(&org("one")).await, Err(StoreError::Taken("organization"))));
    for org in [&one, &two] {
        change.put_role(&role(org, "ward")).await.unwrap();
        change.put_agent(&agent(org, None, "scribe")).await.unwrap();
        change.put_credential(&sealed(Some(org), "main")).await.unwrap();
    }
    assert!(matches!(change.put_role(&role(&one, "ward")).await, Err(StoreError::Taken("role"))));
    assert!(matches!(change.put_agent(&agent(&one, None, "scribe")).await, Err(StoreError::Taken("agent"))));
    let mut first = sealed(None, "main");
    change.put_credential(&first).await.unwrap();
    assert!(matches!(change.put_credential(&sealed(None, "main")).await, Err(StoreError::Taken("credential"))));
    first.revoked = Some(Timestamp::now());
    change.put_credential(&first).await.unwrap();
    change.put_credential(&sealed(None, "main")).await.unwrap();
    // A refused row leaves the rest of the change as it was.
    change.commit().await.unwrap();
    assert_eq!(counts(&place.store.load_all().await.unwrap()), [2, 2, 2, 0, 0, 4]);
}

#[tokio::test]
async fn nothing_belongs_to_what_is_not_there_or_is_anothers() {
    let place = Place::new().await;
    let (one, two) = (org("one"), org("two"));
    let mut change = place.store.change().await.unwrap();
    change.put_org(&one).await.unwrap();
    assert!(matches!(change.put_role(&role(&two, "ward")).await, Err(StoreError::Dangling("role"))));
    assert!(matches!(change.put_agreement(&agreement(Some(&two))).await, Err(StoreError::Dangling("agreement"))));
    let stranger = agent(&two, None, "scribe");
    assert!(matches!(change.put_token(&token(&stranger)).await, Err(StoreError::Dangling("token"))));
    change.put_org(&two).await.unwrap();
    let ward = role(&two, "ward");
    change.put_role(&ward).await.unwrap();
    let agent = agent(&one, Some(&ward), "scribe");
    assert!(
        matches!(change.put_agent(&agent).await, Err(StoreError::Dangling("agent"))),
        "a role of another organization"
    );
}

#[tokio::test]
async fn a_row_that_is_there_changes_in_what_may_change_alone() {
    let place = Place::new().await;
    let org = org("clinic");
    let agent = agent(&org, None, "scribe");
    let (first, key) = (token(&agent), sealed(None, "main"));
    let mut change = place.store.change().await.unwrap();
    change.put_org(&org).await.unwrap();
    change.put_agent(&agent).await.unwrap();
    change.put_token(&first).await.unwrap();
    change.put_credential(&key).await.unwrap();
    change.commit().await.unwrap();

    let now = Some(Timestamp::now());
    let renamed =
        Org { name: "hospital".parse().unwrap(), created: Timestamp::UNIX_EPOCH, revoked: now, ..org.clone() };
    let limited = Agent { limits: Limits::default(), revoked: now, ..agent.clone() };
    let stronger = StoredToken { kind: Kind::Live, floor: Class::Phi, tag: [0; 32], revoked: now, ..first.clone() };
    let elsewhere = Sealed { provider: "together".parse().unwrap(), bytes: vec![0], revoked: now, ..key.clone() };
    let mut change = place.store.change().await.unwrap();
    change.put_org(&renamed).await.unwrap();
    change.put_agent(&limited).await.unwrap();
    change.put_token(&stronger).await.unwrap();
    change.put_credential(&elsewhere).await.unwrap();
    change.commit().await.unwrap();

    let contents = place.store.load_all().await.unwrap();
    assert_eq!(contents.roster.orgs, [Org { created: org.created, ..renamed }]);
    assert_eq!(contents.roster.agents, [limited]);
    assert_eq!(contents.roster.tokens, [StoredToken { revoked: now, ..first }]);
    assert_eq!(contents.credentials, [Sealed { revoked: now, ..key }]);
}

#[tokio::test]
async fn a_store_of_a_newer_form_or_of_somebody_else_is_refused() {
    let Place { folder, store } = Place::new().await;
    store.close().await;
    raw(&path(&folder), "PRAGMA user_version = 99").await;
    assert!(matches!(Store::open(&path(&folder)).await, Err(StoreError::Newer { found: 99, known: 3 })));
    raw(&path(&folder), "PRAGMA user_version = 1; PRAGMA application_id = 7").await;
    assert!(matches!(Store::open(&path(&folder)).await, Err(StoreError::NotOurs)));
    let other = folder.path().join("other");
    fs::write(&other, "no database, but long enough to be looked at".repeat(99)).unwrap();
    fs::set_permissions(&other, Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(Store::open(&other).await, Err(StoreError::NotOurs)));
    fs::write(&other, "").unwrap();
    assert!(matches!(Store::open(&other).await, Err(StoreError::NotOurs)), "an empty file is nobody's store");
    assert!(matches!(Store::open(&folder.path().join("none")).await, Err(StoreError::File("opened", _))));
}

#[tokio::test]
async fn keys_of_the_first_form_are_plain_ones_in_the_second() {
    let Place { folder, store } = Place::new().await;
    let key = sealed(None, "main");
    let mut change = store.change().await.unwrap();
    change.put_credential(&key).await.unwrap();
    change.commit().await.unwrap();
    store.close().await;
    raw(&path(&folder), "ALTER TABLE credentials DROP COLUMN kind; DROP TABLE withdrawn; PRAGMA user_version = 1")
        .await;
    let store = Store::open(&path(&folder)).await.unwrap();
    assert_eq!(store.load_all().await.unwrap().credentials, [key]);
}

#[tokio::test]
async fn a_withdrawn_route_stays_so_until_it_is_accepted() {
    let Place { folder, store } = Place::new().await;
    let (near, far): (RouteId, RouteId) = ("near".parse().unwrap(), "far".parse().unwrap());
    let mut change = store.change().await.unwrap();
    for route in [&near, &far, &near] {
        change.withdraw(route, Timestamp::UNIX_EPOCH).await.unwrap();
    }
    change.commit().await.unwrap();
    let mut dropped = store.change().await.unwrap();
    dropped.accept(&near).await.unwrap();
    drop(dropped);
    store.close().await;
    let store = Store::open(&path(&folder)).await.unwrap();
    assert_eq!(store.load_all().await.unwrap().withdrawn, [far.clone(), near.clone()]);
    let mut change = store.change().await.unwrap();
    change.accept(&near).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(store.load_all().await.unwrap().withdrawn, [far]);
}

#[tokio::test]
async fn only_the_owner_can_open_any_of_its_files() {
    let place = Place::new().await;
    let mut change = place.store.change().await.unwrap();
    change.put_org(&org("clinic")).await.unwrap();
    change.commit().await.unwrap();
    let mut files = 0;
    for file in fs::read_dir(place.folder.path()).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
        files += 1;
    }
    assert!(files > 1, "the write-ahead log lies beside the store");
    let again = Store::create(&path(&place.folder), defaults()).await;
    assert!(matches!(again, Err(StoreError::File("made", _))), "a store is never overwritten");
    fs::set_permissions(path(&place.folder), Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(Store::open(&path(&place.folder)).await, Err(StoreError::Exposed(0o640))));
}

#[tokio::test]
async fn what_makes_no_sense_is_named_and_never_guessed() {
    for (sql, table, column) in [
        ("UPDATE organizations SET class = 'secret'", "organizations", "class"),
        ("UPDATE organizations SET regions = '[\"C H\"]'", "organizations", "regions"),
        ("UPDATE organizations SET margin_bp = 4294967296", "organizations", "margin_bp"),
        ("UPDATE agreements SET org = NULL", "agreements", "org"),
        ("UPDATE deployment SET region = ''", "deployment", "region"),
        ("DELETE FROM deployment", "deployment", "one"),
    ] {
        let place = Place::new().await;
        let org = org("clinic");
        let mut change = place.store.change().await.unwrap();
        change.put_org(&org).await.unwrap();
        change.put_agreement(&agreement(Some(&org))).await.unwrap();
        change.commit().await.unwrap();
        raw(&path(&place.folder), sql).await;
        let error = place.store.load_all().await.expect_err(sql);
        assert!(
            matches!(error, StoreError::Nonsense { table: t, column: c } if (t, c) == (table, column)),
            "{sql}: {error:?}"
        );
    }
}

#[tokio::test]
async fn no_secret_is_in_any_file() {
    let place = Place::new().await;
    let mut change = place.store.change().await.unwrap();
    change.put_credential(&sealed(None, "main")).await.unwrap();
    change.commit().await.unwrap();
    for file in fs::read_dir(place.folder.path()).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
    }
}
