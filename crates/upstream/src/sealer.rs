use std::sync::Arc;

use phi_crypto::{Key, Purpose, base64url, unbase64url};
use phi_dialect::Sealer;
use phi_words::{Class, OrgId, Prompt};

use crate::Upstream;

impl Upstream {
    /// Seals items of answers for an organization, under its key for this purpose, and opens what comes back. What was sealed
    /// of a request with PHI opens for requests with PHI alone: it cannot be seen what is in it.
    pub fn sealer(&self, org: OrgId, class: Class) -> Sealer {
        let sealing = self.root.derive(Purpose::Item(org));
        let opening = Arc::clone(&sealing);
        Sealer::new(
            move |kind, plain| sealing.seal(&place(kind, class), plain).ok().map(|sealed| base64url(&sealed)),
            move |kind, sealed| {
                let sealed = unbase64url(sealed)?;
                open(&opening, kind, class, &sealed).map(Prompt::new)
            },
        )
    }
}

fn open(key: &Key, kind: &str, class: Class, sealed: &[u8]) -> Option<Vec<u8>> {
    let of = |class| key.open(&place(kind, class), sealed).ok().map(|plain| plain.to_vec());
    match class {
        Class::General => of(Class::General),
        Class::Phi => of(Class::Phi).or_else(|| of(Class::General)),
    }
}

/// What a seal is bound to beside its organization: the kind of the item, and the class.
fn place(kind: &str, class: Class) -> Vec<u8> {
    format!("responses item/{kind}/{class}").into_bytes()
}
