//! The keys that hosts are shown: leased from the vault each time, or a token that a leased service account has signed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use phi_catalog::Host;
use phi_vault::{Sealed, ServiceAccount, Unleased, Vault};
use phi_words::{Clock, CredentialId, HostName, KeyKind, ProviderKey};
use tokio::task::JoinError;

/// How long before its end a token is not shown any more.
const SPARE: SignedDuration = SignedDuration::from_mins(5);

/// The one who leases keys.
pub(crate) struct Keys {
    vault: Arc<Vault>,
    clock: Clock,
    /// Tokens, for the credential and the host that each was leased for; in memory alone.
    signed: Mutex<HashMap<(CredentialId, HostName), Signed>>,
    /// A signature costs a millisecond of a processor, so there is one at a time, however many wait for it.
    signing: tokio::sync::Mutex<()>,
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
        Self { vault, clock, signed: Mutex::default(), signing: tokio::sync::Mutex::default() }
    }

    /// What a host is shown for a credential; `None` where it wants no key, or there is no credential.
    pub(crate) async fn lease(
        &self,
        host: &Arc<Host>,
        credential: Option<&Arc<Sealed>>,
    ) -> Result<Option<Arc<ProviderKey>>, NoKey> {
        let (Some(kind), Some(sealed)) = (host.auth.wants(), credential) else { return Ok(None) };
        let key = match kind {
            KeyKind::Plain => Arc::new(self.vault.lease(sealed, &host.provider, &host.name)?),
            KeyKind::GoogleServiceAccount => self.token(host, sealed).await?,
        };
        Ok(Some(key))
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
