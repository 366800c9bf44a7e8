use std::sync::Arc;

use phi_crypto::{Key, Purpose, Root, base64url, unbase64url};
use phi_dialect::Sealer;
use phi_words::{Class, OrgId, Prompt};

use crate::Upstream;

impl Upstream {
    /// Seals items of answers for an organization, under its key for this purpose, and opens what comes back. What was sealed
    /// of a request with PHI opens for requests with PHI alone: nobody can see what is in it.
    pub fn sealer(&self, org: OrgId, class: Class) -> Sealer {
        let (seal, open) = both(&self.root, org, class);
        Sealer::new(seal, open)
    }
}

/// Seals bytes of a kind.
type Seal = Box<dyn Fn(&str, &[u8]) -> Option<String> + Send + Sync>;
/// Opens what was sealed.
type Open = Box<dyn Fn(&str, &str) -> Option<Prompt> + Send + Sync>;

fn both(root: &Root, org: OrgId, class: Class) -> (Seal, Open) {
    let sealing = root.derive(Purpose::Item(org));
    let opening = Arc::clone(&sealing);
    let seal =
        move |kind: &str, plain: &[u8]| sealing.seal(&place(kind, class), plain).ok().map(|sealed| base64url(&sealed));
    let open = move |kind: &str, sealed: &str| opened(&opening, kind, class, &unbase64url(sealed)?);
    (Box::new(seal), Box::new(open))
}

fn opened(key: &Key, kind: &str, class: Class, sealed: &[u8]) -> Option<Prompt> {
    let of = |class| key.open(&place(kind, class), sealed).ok();
    let plain = match class {
        Class::General => of(Class::General),
        Class::Phi => of(Class::Phi).or_else(|| of(Class::General)),
    };
    plain.map(|plain| Prompt::new(plain.to_vec()))
}

/// What a seal is bound to beside its organization: the kind of the item, and the class.
fn place(kind: &str, class: Class) -> Vec<u8> {
    format!("responses item/{kind}/{class}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_for_its_organization_its_kind_and_its_class_alone() {
        let (root, ours, theirs) = (Root::generate().expect("random bytes"), OrgId::new(), OrgId::new());
        let seal = |class| both(&root, ours, class).0("msg", b"secret").expect("random bytes");
        let open = |org, class, kind: &str, sealed: &str| {
            both(&root, org, class).1(kind, sealed).map(|plain| plain.expose_into_bytes())
        };
        let (general, phi) = (seal(Class::General), seal(Class::Phi));
        let plain = Some("secret".into());
        assert_eq!(open(ours, Class::General, "msg", &general), plain);
        assert_eq!(open(ours, Class::Phi, "msg", &general), plain, "what is general may join what is not");
        assert_eq!(open(ours, Class::Phi, "msg", &phi), plain);
        assert_eq!(open(ours, Class::General, "msg", &phi), None, "PHI stays among PHI");
        assert_eq!(open(theirs, Class::Phi, "msg", &phi), None);
        assert_eq!(open(ours, Class::Phi, "rs", &phi), None);
        let other = Root::generate().expect("random bytes");
        assert!(both(&other, ours, Class::Phi).1("msg", &phi).is_none());
        for end in 0..phi.len() {
            assert_eq!(open(ours, Class::Phi, "msg", &phi[..end]), None, "{end}");
        }
        for at in 0..phi.len() {
            let mut forged = phi.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(open(ours, Class::Phi, "msg", &String::from_utf8_lossy(&forged)), None, "{at}");
        }
    }

    #[test]
    fn a_seal_can_stand_in_an_address_is_not_the_same_twice_and_has_a_known_length() {
        let (root, org) = (Root::generate().expect("random bytes"), OrgId::new());
        let seal = |plain: &[u8]| both(&root, org, Class::Phi).0("msg", plain).expect("random bytes");
        let sealed = seal(b"secret");
        assert!(sealed.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        assert_ne!(sealed, seal(b"secret"));
        for length in [0, 1, 2, 3, 1_000] {
            assert_eq!(seal(&vec![7; length]).len(), ((length + 42) * 4).div_ceil(3), "{length}");
        }
    }
}
