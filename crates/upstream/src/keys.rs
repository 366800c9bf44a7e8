//! The keys that hosts are shown: leased from the vault and kept until anything changes, or a token that a leased service
//! account has signed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use phi_catalog::Host;
use phi_vault::{AwsKey, Sealed, ServiceAccount, Unleased, Vault};
use phi_words::{Clock, CredentialId, HostName, KeyKind, ProviderKey};
use tokio::task::JoinError;

/// How long before its end a token is not shown any more.
const SPARE: SignedDuration = SignedDuration::from_mins(5);

/// The one who leases keys.
pub(crate) struct Keys {
    vault: Arc<Vault>,
    clock: Clock,
    /// Keys as they were leased; in memory alone, as the master key is.
    leased: Mutex<HashMap<(CredentialId, HostName), Leased>>,
    /// Tokens, for the credential and the host that each was leased for; in memory alone.
    signed: Mutex<HashMap<(CredentialId, HostName), Signed>>,
    /// A signature costs a millisecond of a processor, so there is one at a time, however many wait for it.
    signing: tokio::sync::Mutex<()>,
}

/// A key, and what it was leased of.
struct Leased {
    of: Arc<Sealed>,
    key: Shown,
}

/// What a host is shown.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    /// A key or a token, as it is.
    Key(Arc<ProviderKey>),
    /// What a key of AWS has signed.
    Aws {
        /// The key, which stays here.
        key: Arc<AwsKey>,
        /// When it signs.
        at: Timestamp,
    },
}

/// A token, and what it stands for.
struct Signed {
    by: Arc<Sealed>,
    at: Timestamp,
    token: Arc<ProviderKey>,
}

/// Why there is no key to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoKey {
    /// The vault does not give it.
    #[error(transparent)]
    Unleased(#[from] Unleased),
    /// The thread that signs came to an end.
    #[error("the token was not signed")]
    Unsigned(#[source] JoinError),
}

impl Keys {
    pub(crate) fn new(vault: Arc<Vault>, clock: Clock) -> Self {
        Self {
            vault,
            clock,
            leased: Mutex::default(),
            signed: Mutex::default(),
            signing: tokio::sync::Mutex::default(),
        }
    }

    /// Forgets every key, because a credential may have changed: the next one is leased anew.
    pub(crate) fn forget(&self) {
        self.leased.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What a host is shown for a credential; `None` where it wants no key, or there is no credential.
    pub(crate) async fn lease(
        &self,
        host: &Arc<Host>,
        credential: Option<&Arc<Sealed>>,
    ) -> Result<Option<Shown>, NoKey> {
        let (Some(kind), Some(sealed)) = (host.auth.wants(), credential) else { return Ok(None) };
        let key = match kind {
            KeyKind::Plain | KeyKind::AwsAccessKey => self.kept(kind, host, sealed)?,
            KeyKind::GoogleServiceAccount => Shown::Key(self.token(host, sealed).await?),
        };
        Ok(Some(key))
    }

    /// The key that was leased of this very credential, or a new lease.
    fn kept(&self, kind: KeyKind, host: &Host, sealed: &Arc<Sealed>) -> Result<Shown, NoKey> {
        let place = (sealed.id, host.name.clone());
        let now = self.clock.now();
        let mut all = self.leased.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leased) = all.get(&place).filter(|leased| Arc::ptr_eq(&leased.of, sealed)) {
            return Ok(leased.key.clone().now(now));
        }
        let key = if kind == KeyKind::AwsAccessKey {
            let key = Arc::new(self.vault.lease_aws(sealed, &host.provider, &host.name)?);
            Shown::Aws { key, at: now }
        } else {
            Shown::Key(Arc::new(self.vault.lease(sealed, &host.provider, &host.name)?))
        };
        all.insert(place, Leased { of: Arc::clone(sealed), key: key.clone() });
        Ok(key)
    }

    /// A token that still holds for a while: the one that there is, or a new one.
    async fn token(&self, host: &Arc<Host>, sealed: &Arc<Sealed>) -> Result<Arc<ProviderKey>, NoKey> {
        if let Some(token) = self.held(host, sealed) {
            return Ok(token);
        }
        let _one = self.signing.lock().await;
        if let Some(token) = self.held(host, sealed) {
            return Ok(token);
        }
        let now = self.clock.now();
        let (vault, leased, to) = (Arc::clone(&self.vault), Arc::clone(sealed), Arc::clone(host));
        let sign = move || -> Result<ProviderKey, Unleased> {
            Ok(vault.lease_account(&leased, &to.provider, &to.name)?.token(now)?)
        };
        let token = Arc::new(tokio::task::spawn_blocking(sign).await.map_err(NoKey::Unsigned)??);
        let signed = Signed { by: Arc::clone(sealed), at: now, token: Arc::clone(&token) };
        let mut all = self.all();
        all.retain(|_, signed| signed.holds(now));
        all.insert((sealed.id, host.name.clone()), signed);
        Ok(token)
    }

    /// The token that there is: signed by this very credential as it stands now, so that none outlives a revocation.
    fn held(&self, host: &Host, sealed: &Sealed) -> Option<Arc<ProviderKey>> {
        let now = self.clock.now();
        let all = self.all();
        let signed = all.get(&(sealed.id, host.name.clone()))?;
        (*signed.by == *sealed && signed.holds(now)).then(|| Arc::clone(&signed.token))
    }

    fn all(&self) -> MutexGuard<'_, HashMap<(CredentialId, HostName), Signed>> {
        self.signed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    /// The same, to be shown now.
    fn now(self, now: Timestamp) -> Self {
        match self {
            Self::Key(_) => self,
            Self::Aws { key, .. } => Self::Aws { key, at: now },
        }
    }
}

impl Signed {
    /// Whether it may still be shown. A clock that was set back makes it one of the future, which nobody takes.
    fn holds(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.at);
        !age.is_negative() && age < ServiceAccount::TOKEN - SPARE
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use futures_util::future::join_all;
    use phi_catalog::Catalogue;
    use phi_crypto::Root;
    use phi_vault::Deposit;

    use super::*;

    const PEM: &str = include_str!("../../crypto/golden/test-only-rsa-2048.pem");

    fn vault() -> Vault {
        Vault::Open(Root::from_bytes(&[7; 32]))
    }

    /// London, Frankfurt and the developer API.
    fn hosts() -> [Arc<Host>; 3] {
        let catalogue = Catalogue::load(None).expect("the built-in one");
        ["google-europe-west2", "google-europe-west3", "google-gemini"].map(|name| {
            let found = catalogue.hosts().iter().find(|host| host.name.as_str() == name);
            Arc::clone(found.expect("it is built in"))
        })
    }

    fn deposit(hosts: &[&Arc<Host>]) -> Deposit {
        Deposit {
            org: None,
            provider: "google".parse().expect("a name"),
            name: "main".parse().expect("a name"),
            params: [("project".to_owned(), "b".to_owned())].into(),
            hosts: hosts.iter().map(|host| host.name.clone()).collect::<BTreeSet<_>>(),
        }
    }

    fn account(hosts: &[&Arc<Host>]) -> Arc<Sealed> {
        let file = format!(
            r#"{{"type": "service_account", "private_key_id": "0123", "client_email": "a@b.iam.gserviceaccount.com",
                "private_key": "{}"}}"#,
            PEM.replace('\n', "\\n")
        );
        let account = ServiceAccount::parse(&file).expect("an account");
        Arc::new(vault().seal_account(deposit(hosts), &account, Timestamp::UNIX_EPOCH).expect("sealed"))
    }

    fn keys(clock: &Clock) -> Keys {
        Keys::new(Arc::new(vault()), clock.clone())
    }

    async fn shown(keys: &Keys, host: &Arc<Host>, sealed: &Arc<Sealed>) -> Arc<ProviderKey> {
        let shown = keys.lease(host, Some(sealed)).await.expect("leased").expect("a key");
        let Shown::Key(key) = shown else { panic!("it signs") };
        key
    }

    #[tokio::test]
    async fn a_token_is_signed_once_for_all_who_wait_for_it() {
        let ([london, frankfurt, _], clock) = (hosts(), Clock::manual(Timestamp::UNIX_EPOCH));
        let (keys, sealed) = (keys(&clock), account(&[]));
        let all = join_all((0..16).map(|_| shown(&keys, &london, &sealed))).await;
        assert!(all.iter().all(|token| Arc::ptr_eq(token, &all[0])));
        let elsewhere = shown(&keys, &frankfurt, &sealed).await;
        assert!(!Arc::ptr_eq(&elsewhere, &all[0]), "each host's is leased for it");
        assert_eq!(format!("{keys:?}"), "Keys(..)");
    }

    #[tokio::test]
    async fn a_token_is_kept_while_the_clock_says_that_it_holds() {
        let ([london, ..], clock) = (hosts(), Clock::manual("2026-11-21T12:00:00Z".parse().expect("a time")));
        let (keys, sealed) = (keys(&clock), account(&[]));
        let first = shown(&keys, &london, &sealed).await;
        clock.advance(Duration::from_secs(55 * 60 - 1));
        assert!(Arc::ptr_eq(&first, &shown(&keys, &london, &sealed).await));
        clock.advance(Duration::from_secs(1));
        let second = shown(&keys, &london, &sealed).await;
        assert_ne!(first.expose_key(), second.expose_key());
        assert_eq!(keys.all().len(), 1, "the old one is wiped");
        let Clock::Manual(micros) = &clock else { return };
        micros.fetch_sub(1_000_000, Ordering::SeqCst);
        assert!(!Arc::ptr_eq(&second, &shown(&keys, &london, &sealed).await), "none of the future is shown");
    }

    #[tokio::test]
    async fn a_key_is_leased_once_and_ends_with_its_credential_or_its_host() {
        let [london, _, developer] = hosts();
        let keys = keys(&Clock::System);
        let bound = Deposit { hosts: BTreeSet::from([developer.name.clone()]), ..deposit(&[]) };
        let sealed =
            Arc::new(vault().seal(bound, &ProviderKey::new("sk-plain"), Timestamp::UNIX_EPOCH).expect("sealed"));
        let first = shown(&keys, &developer, &sealed).await;
        assert!(Arc::ptr_eq(&first, &shown(&keys, &developer, &sealed).await), "it is kept");
        keys.forget();
        assert!(!Arc::ptr_eq(&first, &shown(&keys, &developer, &sealed).await), "it is leased anew after a change");
        let revoked = Arc::new(Sealed { revoked: Some(Timestamp::UNIX_EPOCH), ..(*sealed).clone() });
        assert!(keys.lease(&developer, Some(&revoked)).await.is_err(), "a revoked one is not what was kept");
        assert!(keys.lease(&london, Some(&sealed)).await.is_err(), "another host is not shown it");
    }

    #[tokio::test]
    async fn a_token_ends_with_its_credential_and_stays_with_its_hosts() {
        let ([london, frankfurt, _], clock) = (hosts(), Clock::manual(Timestamp::UNIX_EPOCH));
        let (keys, sealed) = (keys(&clock), account(&[&london]));
        shown(&keys, &london, &sealed).await;
        let refused = async |host, sealed: Sealed| {
            let error = keys.lease(host, Some(&Arc::new(sealed))).await.expect_err("no key");
            let NoKey::Unleased(error) = error else { return None };
            Some(error)
        };
        assert_eq!(refused(&frankfurt, (*sealed).clone()).await, Some(Unleased::OtherHost));
        let revoked = Sealed { revoked: Some(Timestamp::UNIX_EPOCH), ..(*sealed).clone() };
        assert_eq!(refused(&london, revoked).await, Some(Unleased::Revoked));
        let moved = Sealed { params: [("project".to_owned(), "other".to_owned())].into(), ..(*sealed).clone() };
        assert!(matches!(refused(&london, moved).await, Some(Unleased::Damaged(_))), "a changed row has no token");
    }

    #[tokio::test]
    async fn a_key_of_aws_is_leased_once_and_signs_at_the_time_of_each_lease() {
        let catalogue = Catalogue::load(None).expect("the built-in one");
        let bedrock = catalogue.hosts().iter().find(|host| host.auth == phi_catalog::Auth::AwsSigV4);
        let (bedrock, clock) = (Arc::clone(bedrock.expect("Bedrock")), Clock::manual(Timestamp::UNIX_EPOCH));
        let key = AwsKey::parse(r#"{"AccessKeyId":"AKIDEXAMPLEEXAMPLE00","SecretAccessKey":"secret"}"#).expect("a key");
        let deposit = Deposit { provider: bedrock.provider.clone(), params: [].into(), ..deposit(&[]) };
        let sealed = Arc::new(vault().seal_aws(deposit, &key, Timestamp::UNIX_EPOCH).expect("sealed"));
        let keys = keys(&clock);
        let lease = async || match keys.lease(&bedrock, Some(&sealed)).await.expect("leased").expect("a key") {
            Shown::Aws { key, at } => (key, at),
            Shown::Key(_) => panic!("it is shown"),
        };
        let (first, at) = lease().await;
        clock.advance(Duration::from_secs(7));
        let (second, later) = lease().await;
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(later.duration_since(at).as_secs(), 7);
        let revoked = Sealed { revoked: Some(Timestamp::UNIX_EPOCH), ..(*sealed).clone() };
        assert!(keys.lease(&bedrock, Some(&Arc::new(revoked))).await.is_err());
        assert!(keys.lease(&hosts()[2], Some(&sealed)).await.is_err(), "another provider's host");
    }

    #[tokio::test]
    async fn each_host_gets_the_kind_of_key_that_it_wants_or_none() {
        let [london, _, developer] = hosts();
        let keys = keys(&Clock::System);
        let plain = vault().seal(deposit(&[]), &ProviderKey::new("sk-plain"), Timestamp::UNIX_EPOCH).expect("sealed");
        let (plain, account) = (Arc::new(plain), account(&[]));
        assert_eq!(shown(&keys, &developer, &plain).await.expose_key(), "sk-plain");
        for (host, sealed) in [(&london, &plain), (&developer, &account)] {
            let error = keys.lease(host, Some(sealed)).await.expect_err("the other kind");
            assert!(matches!(error, NoKey::Unleased(Unleased::OtherKind(kind)) if kind == sealed.kind), "{error}");
        }
        assert!(keys.lease(&london, None).await.expect("nothing to lease").is_none());
    }
}
