use std::collections::HashMap;
use std::sync::Arc;

use phi_catalog::{Agreement, Evidence, Host, Kind};
use phi_vault::Sealed;
use phi_words::{ModelName, OrgId, ProviderName};

/// Which agreements and credentials an operator has given this deployment.
#[derive(Debug, Default)]
pub struct Standing {
    with_providers: HashMap<ProviderName, Vec<Agreement>>,
    with_customers: HashMap<OrgId, Vec<Agreement>>,
    credentials: HashMap<ProviderName, Vec<Arc<Sealed>>>,
}

impl Standing {
    /// All agreements, whether they stand now or not, and all credentials. Revoked credentials are left out here.
    pub fn new(agreements: Vec<Agreement>, credentials: impl IntoIterator<Item = Arc<Sealed>>) -> Self {
        let mut standing = Self::default();
        for agreement in agreements {
            standing.attest(agreement);
        }
        for credential in credentials {
            if credential.revoked.is_none() {
                standing.credentials.entry(credential.provider.clone()).or_default().push(credential);
            }
        }
        for credentials in standing.credentials.values_mut() {
            // An organization's own key comes before the deployment's, an older one before a newer one.
            credentials.sort_by_key(|credential| (credential.org.is_none(), credential.created, credential.id));
        }
        standing
    }

    /// Takes one more agreement in. One with a customer that names no organization covers nobody.
    fn attest(&mut self, agreement: Agreement) {
        match (&agreement.kind, agreement.org) {
            (Kind::Provider { name, .. }, _) => {
                self.with_providers.entry(name.clone()).or_default().push(agreement);
            }
            (Kind::Customer, Some(org)) => self.with_customers.entry(org).or_default().push(agreement),
            (Kind::Customer, None) => {}
        }
    }

    /// All agreements, whether they stand now or not.
    pub fn agreements(&self) -> impl Iterator<Item = &Agreement> {
        self.with_providers.values().chain(self.with_customers.values()).flatten()
    }

    /// The agreements with a provider.
    pub fn with_provider(&self, provider: &ProviderName) -> &[Agreement] {
        self.with_providers.get(provider).map(Vec::as_slice).unwrap_or_default()
    }

    /// The agreements with an organization that is a customer.
    pub fn with_customer(&self, org: OrgId) -> &[Agreement] {
        self.with_customers.get(&org).map(Vec::as_slice).unwrap_or_default()
    }

    /// The credentials that may be shown to a host, whosever they are; an organization's own come first. They hold the
    /// kind of key that it wants.
    pub fn keys(&self, host: &Host) -> impl Iterator<Item = &Arc<Sealed>> {
        let all = self.credentials.get(&host.provider).map(Vec::as_slice).unwrap_or_default();
        let opens = |credential: &&Arc<Sealed>| {
            host.is_opened_by(credential.kind) && (credential.hosts.is_empty() || credential.hosts.contains(&host.name))
        };
        all.iter().filter(opens)
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
