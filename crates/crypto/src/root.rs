use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use phi_words::OrgId;
use zeroize::Zeroizing;

use crate::{Key, NoRandomness, random};

/// The version of every key that [`Root::derive`] makes; it is part of the derivation, and stands beside each hash that
/// is stored, so that keys can be changed one day without making old hashes unreadable.
pub const KEY_VERSION: u16 = 1;

/// The master key: 32 random bytes that every other key is derived from. Clones share what was derived.
#[derive(Clone)]
pub struct Root(Arc<Inner>);

struct Inner {
    secret: Zeroizing<[u8; 32]>,
    /// What was derived before: a derivation costs more than most of what its key is used for.
    derived: Mutex<HashMap<Purpose, Arc<Key>>>,
}

/// How many derived keys are kept: those of a thousand organizations.
const KEPT: usize = 4_096;

/// What a derived key is for. Each has a key of its own, so that a hash or a ciphertext made for one purpose, or for
/// one organization, means nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Tags of tokens.
    Token,
    /// Envelopes of provider keys: an organization's, or the deployment's own.
    Envelope(Option<OrgId>),
    /// Commitments to payloads in the ledger.
    Payload(OrgId),
    /// Keyed hashes in the ledger of who acted, about whom, why.
    Person(OrgId),
    /// Pseudonyms that go to a host in place of a caller's own user names.
    Pseudonym(OrgId),
    /// Items of answers that a caller is to send back as they are.
    Item(OrgId),
}

impl Root {
    /// A fresh master key.
    ///
    /// # Errors
    /// Where the operating system has no random bytes.
    pub fn generate() -> Result<Self, NoRandomness> {
        random().map(|bytes| Self::new(Zeroizing::new(bytes)))
    }

    /// The master key that [`Root::expose_bytes`] gave; the caller's copy is the caller's to wipe.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self::new(Zeroizing::new(*bytes))
    }

    fn new(secret: Zeroizing<[u8; 32]>) -> Self {
        Self(Arc::new(Inner { secret, derived: Mutex::default() }))
    }

    /// The key itself: for the key file alone.
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0.secret
    }

    /// The key for one purpose: always the same one, and it tells nothing of any other.
    pub fn derive(&self, purpose: Purpose) -> Arc<Key> {
        let mut derived = self.0.derived.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = derived.get(&purpose) {
            return Arc::clone(key);
        }
        if derived.len() >= KEPT {
            derived.clear();
        }
        let key = Arc::new(Key::expand(&self.0.secret, &purpose.info()));
        derived.insert(purpose, Arc::clone(&key));
        key
    }
}

impl Purpose {
    /// What HKDF is told: `phi/<purpose>/v<version>[/<organization>]`.
    fn info(self) -> String {
        let (name, org) = match self {
            Self::Token => ("token", None),
            Self::Envelope(org) => ("envelope", org),
            Self::Payload(org) => ("payload", Some(org)),
            Self::Person(org) => ("person", Some(org)),
            Self::Pseudonym(org) => ("pseudonym", Some(org)),
            Self::Item(org) => ("item", Some(org)),
        };
        let org = org.map(|org| format!("/{org}")).unwrap_or_default();
        format!("phi/{name}/v{KEY_VERSION}{org}")
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Root(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_purpose_and_organization_has_a_key_of_its_own() {
        let root = Root::generate().unwrap();
        let (a, b) = (OrgId::new(), OrgId::new());
        let each_org = [a, b].into_iter().flat_map(|org| {
            let theirs = [Purpose::Payload(org), Purpose::Person(org), Purpose::Pseudonym(org), Purpose::Item(org)];
            [Purpose::Envelope(Some(org))].into_iter().chain(theirs)
        });
        let purposes: Vec<_> = [Purpose::Token, Purpose::Envelope(None)].into_iter().chain(each_org).collect();
        let tags: HashSet<_> = purposes.iter().map(|purpose| root.derive(*purpose).tag(&[b"x"])).collect();
        assert_eq!(tags.len(), purposes.len());
    }

    #[test]
    fn a_root_survives_its_bytes_and_does_not_show_them() {
        let root = Root::from_bytes(&[7; 32]);
        let again = Root::from_bytes(root.expose_bytes());
        let other = Root::from_bytes(&[8; 32]);
        let tag = |root: &Root| root.derive(Purpose::Token).tag(&[b"x"]);
        assert_eq!(tag(&root), tag(&again));
        assert_ne!(tag(&root), tag(&other));
        assert_eq!(format!("{root:?} {:?}", root.derive(Purpose::Token)), "Root(..) Key(..)");
    }

    #[test]
    fn the_derivation_is_pinned_because_stored_hashes_depend_on_it() {
        let org: OrgId = "0197f2a0-0000-7000-8000-000000000001".parse().unwrap();
        assert_eq!(Purpose::Token.info(), "phi/token/v1");
        assert_eq!(Purpose::Envelope(None).info(), "phi/envelope/v1");
        assert_eq!(Purpose::Payload(org).info(), "phi/payload/v1/0197f2a0-0000-7000-8000-000000000001");
    }
}
