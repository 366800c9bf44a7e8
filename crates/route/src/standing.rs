use std::collections::HashMap;
use std::sync::Arc;

use phi_catalog::{Agreement, Evidence, Host};
use phi_vault::Sealed;
use phi_words::{ModelName, OrgId, ProviderName};

/// Which agreements and credentials an operator has given this deployment.
#[derive(Debug, Default)]
pub struct Standing {
    agreements: Vec<Agreement>,
    credentials: HashMap<ProviderName, Vec<Arc<Sealed>>>,
}

impl Standing {
    /// All agreements, whether they stand now or not, and all credentials. Revoked credentials are left out here.
    pub fn new(agreements: Vec<Agreement>, credentials: impl IntoIterator<Item = Arc<Sealed>>) -> Self {
        let mut by_provider = HashMap::<ProviderName, Vec<Arc<Sealed>>>::new();
        for credential in credentials {
            if credential.revoked.is_none() {
                by_provider.entry(credential.provider.clone()).or_default().push(credential);
            }
        }
        for credentials in by_provider.values_mut() {
            // An organization's own key comes before the deployment's, an older one before a newer one.
            credentials.sort_by_key(|credential| (credential.org.is_none(), credential.created, credential.id));
        }
        Self { agreements, credentials: by_provider }
    }

    /// All agreements.
    pub fn agreements(&self) -> &[Agreement] {
        &self.agreements
    }

    /// The credentials that may be shown to a host, whosever they are.
    pub fn keys(&self, host: &Host) -> impl Iterator<Item = &Arc<Sealed>> {
        let all = self.credentials.get(&host.provider).map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(|credential| credential.hosts.is_empty() || credential.hosts.contains(&host.name))
    }

    /// The credentials that an organization may use at a host, the ones to prefer first.
    pub fn credentials(&self, org: OrgId, host: &Host) -> impl Iterator<Item = &Arc<Sealed>> {
        self.keys(host).filter(move |credential| credential.org.is_none_or(|owner| owner == org))
    }
}

/// The deployment's settings of routing.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What `auto` means for embeddings: a name of the catalogue.
    pub embeddings: ModelName,
    /// Whether it serves organizations other than its operator's own: PHI then needs an agreement with the customer too.
    pub hosted: bool,
    /// Whether an entry survives a power cut. Where it does not, PHI is refused.
    pub durable: bool,
    /// The weakest evidence of a host's place that is taken, for traffic of any kind.
    pub evidence: Evidence,
}
