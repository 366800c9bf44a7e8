use jiff::Timestamp;
use phi_words::{AgentId, OrgId, RoleId, Slug};

/// An agent: an identity of an organization that holds tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its id; in an agent's token it stands before the colon.
    pub id: AgentId,
    /// The organization that it belongs to.
    pub org: OrgId,
    /// Its role, where it has one.
    pub role: Option<RoleId>,
    /// What people call it; no two agents of an organization share a name.
    pub name: Slug,
    /// How much it may ask; where nothing is said, its role's limits hold.
    pub limits: Limits,
    /// When it was revoked, with all its tokens.
    pub revoked: Option<Timestamp>,
}

/// How much an agent may ask. `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens of input and output a minute.
    pub tokens_per_minute: Option<u32>,
    /// Requests at once.
    pub concurrency: Option<u32>,
}

impl Limits {
    /// These limits, and those of `other` where nothing is said here.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            requests_per_minute: self.requests_per_minute.or(other.requests_per_minute),
            tokens_per_minute: self.tokens_per_minute.or(other.tokens_per_minute),
            concurrency: self.concurrency.or(other.concurrency),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agents_own_limits_come_before_its_roles() {
        let own = Limits { requests_per_minute: Some(0), ..Limits::default() };
        let role = Limits { requests_per_minute: Some(9), tokens_per_minute: Some(8), concurrency: None };
        let both = Limits { requests_per_minute: Some(0), tokens_per_minute: Some(8), concurrency: None };
        assert_eq!(own.or(role), both);
    }
}
