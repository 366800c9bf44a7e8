use std::collections::BTreeSet;

use jiff::Timestamp;
use phi_words::{Class, Framework, OrgId, Region, RoleId, Slug};

use crate::Limits;

/// An organization: the unit of tenancy, of billing and of default rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// What people call it; no two organizations of a deployment share a name.
    pub name: Slug,
    /// The region of a request that names none.
    pub region: Region,
    /// The class of a request that names none.
    pub class: Class,
    /// The class that no request may go below.
    pub floor: Class,
    /// The regions that may be used; `None`: any.
    pub regions: Option<BTreeSet<Region>>,
    /// The bodies of law that it works under.
    pub frameworks: BTreeSet<Framework>,
    /// What is added to list prices, in hundredths of a per cent.
    pub margin_bp: u32,
    /// When it was made.
    pub created: Timestamp,
    /// When it was revoked, with everything in it.
    pub revoked: Option<Timestamp>,
}

/// A role of an organization: what its agents may do, unless an agent says otherwise of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// The organization that it belongs to.
    pub org: OrgId,
    /// What people call it; no two roles of an organization share a name.
    pub name: Slug,
    /// How much each of its agents may ask.
    pub limits: Limits,
    /// When it was revoked: from then on it holds for no agent, so its agents can do nothing.
    pub revoked: Option<Timestamp>,
}
