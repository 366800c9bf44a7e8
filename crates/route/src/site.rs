use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use phi_catalog::{Address, Host};
use phi_vault::Sealed;
use phi_words::{CredentialId, RouteId};

use crate::Scene;
use crate::scene::Link;

/// Where a live route of the catalogue is, and by which key: all that an errand needs, which carries no payload. Only a
/// scene has one:
///
/// ```compile_fail
/// fn forge(site: &phi_route::Site) -> phi_route::Site {
///     phi_route::Site { ..site.clone() }
/// }
/// ```
/// ```
/// fn find(scene: &phi_route::Scene, route: &phi_words::RouteId, now: jiff::Timestamp) -> Option<phi_route::Site> {
///     scene.site(route, None, now)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Site {
    host: Arc<Host>,
    link: Arc<Link>,
}

impl Site {
    /// The host.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.link.address
    }

    /// The credential whose key the host is to be shown; `None` where it wants none.
    pub fn credential(&self) -> Option<&Arc<Sealed>> {
        self.link.credential.as_ref()
    }
}

impl Scene {
    /// Where a route is for this credential; `None` where it is not live any more, or the credential does not open it.
    pub fn site(&self, route: &RouteId, credential: Option<CredentialId>, now: Timestamp) -> Option<Site> {
        let (row, spot) = self.one(route)?;
        let serves = row.is_live(now.to_zoned(TimeZone::UTC).date()) && !self.leaves_out(&row.host);
        let link = spot.link_by(credential).filter(|_| serves)?;
        Some(Site { host: Arc::clone(&row.host), link: Arc::clone(link) })
    }
}
