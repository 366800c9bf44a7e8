use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use phi_catalog::{Address, Catalogue, Host, Row};
use phi_dialect::Carry;
use phi_vault::Sealed;
use phi_words::{CredentialId, HostName, OrgId, RouteId};

use crate::carry::carry;
use crate::residency::Residence;
use crate::{Settings, Standing};

/// Everything that requests are routed by, beside themselves: the catalogue, what stands, and the settings. Made once and
/// never changed, so that what is the same for all requests is worked out once: what each route can carry, and with which
/// credentials its host is reached where.
pub struct Scene {
    catalogue: Arc<Catalogue>,
    standing: Standing,
    settings: Settings,
    /// For each row of the catalogue, in its order.
    spots: Vec<Spot>,
    without: BTreeSet<HostName>,
}

/// What is worked out of a route.
pub(crate) struct Spot {
    pub(crate) carry: Arc<Carry>,
    pub(crate) residence: Residence,
    links: Arc<Links>,
}

/// Every way to a host: by an organization's own credentials, and by those of the deployment.
#[derive(Default)]
struct Links {
    own: HashMap<OrgId, Vec<Arc<Link>>>,
    shared: Vec<Arc<Link>>,
}

/// A way to a host: a credential, and the address that it leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Whose key the host is shown; `None` where it wants none.
    pub(crate) credential: Option<Arc<Sealed>>,
    /// Where the host is.
    pub(crate) address: Address,
}

impl Scene {
    /// What requests are routed by from now on.
    pub fn new(catalogue: Arc<Catalogue>, standing: Standing, settings: Settings) -> Self {
        let links: HashMap<&HostName, Arc<Links>> =
            catalogue.hosts().iter().map(|host| (&host.name, Arc::new(Links::of(host, &standing)))).collect();
        let spot = |row: &Arc<Row>| Spot {
            carry: Arc::new(carry(row)),
            residence: Residence::of(row, catalogue.regions()),
            links: links.get(&row.host.name).cloned().unwrap_or_default(),
        };
        let spots = catalogue.rows().iter().map(spot).collect();
        Self { catalogue, standing, settings, spots, without: BTreeSet::new() }
    }

    /// The same, as if these hosts were not in the catalogue.
    pub fn without(self, hosts: BTreeSet<HostName>) -> Self {
        Self { without: hosts, ..self }
    }

    /// Who could answer.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// Which agreements and credentials stand.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The deployment's settings of routing.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All routes, with what is worked out of each.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Arc<Row>, &Spot)> {
        self.catalogue.rows().iter().zip(&self.spots)
    }

    /// One route, with what is worked out of it.
    pub(crate) fn one(&self, route: &RouteId) -> Option<(&Arc<Row>, &Spot)> {
        let at = self.catalogue.rows().binary_search_by(|row| row.route.cmp(route)).ok()?;
        Some((self.catalogue.rows().get(at)?, self.spots.get(at)?))
    }

    /// Whether a credential, or none, opens a route.
    pub fn opens(&self, route: &RouteId, credential: Option<CredentialId>) -> bool {
        self.one(route).is_some_and(|(_, spot)| spot.link_by(credential).is_some())
    }

    pub(crate) fn leaves_out(&self, host: &Host) -> bool {
        !self.without.is_empty() && self.without.contains(&host.name)
    }
}

impl Spot {
    /// The ways that an organization has to the host, the ones to prefer first.
    pub(crate) fn links(&self, org: OrgId) -> impl Iterator<Item = &Arc<Link>> + Clone {
        self.links.own.get(&org).into_iter().flatten().chain(&self.links.shared)
    }

    /// The way by one credential, whosever it is.
    pub(crate) fn link_by(&self, key: Option<CredentialId>) -> Option<&Arc<Link>> {
        self.links.own.values().flatten().chain(&self.links.shared).find(|link| link.key() == key)
    }
}

impl Links {
    fn of(host: &Host, standing: &Standing) -> Self {
        let mut links = Self::default();
        if !host.needs_credential() {
            links.shared.extend(Link::to(host, None).map(Arc::new));
            return links;
        }
        for credential in standing.keys(host) {
            let Some(link) = Link::to(host, Some(credential)) else { continue };
            match credential.org {
                Some(org) => links.own.entry(org).or_default().push(Arc::new(link)),
                None => links.shared.push(Arc::new(link)),
            }
        }
        links
    }
}

impl Link {
    /// `None` where the credential does not bring what the address needs.
    fn to(host: &Host, credential: Option<&Arc<Sealed>>) -> Option<Self> {
        let params = credential.map(|credential| credential.params.clone()).unwrap_or_default();
        Some(Self { credential: credential.cloned(), address: host.address.fill(&params).ok()? })
    }

    pub(crate) fn key(&self) -> Option<CredentialId> {
        self.credential.as_ref().map(|credential| credential.id)
    }
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scene({})", self.catalogue.version())
    }
}
