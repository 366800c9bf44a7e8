use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::NotAWord;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id: UUID version 7, so that ids sort by the time they were made.
            #[expect(clippy::new_without_default, reason = "each call makes another id; a default would hide that")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The sixteen bytes of the id.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The millisecond since 1970 in which the id was made (RFC 9562, section 5.7).
            pub fn unix_ms(&self) -> u64 {
                let b = self.0.as_bytes();
                u64::from_be_bytes([0, 0, b[0], b[1], b[2], b[3], b[4], b[5]])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($what, " {}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotAWord;

            fn from_str(text: &str) -> Result<Self, NotAWord> {
                let refused = NotAWord { what: concat!($what, " id"), rule: "a version 7 UUID, lower-case with hyphens" };
                match Uuid::try_parse(text) {
                    Ok(id) if id.get_version_num() == 7 && text.len() == 36 => Ok(Self(id)),
                    Ok(_) | Err(_) => Err(refused),
                }
            }
        }
    };
}

id!(/// One organization: the unit of tenancy, billing and default rules.
    OrgId, "organization");
id!(/// One role: what its agents may do.
    RoleId, "role");
id!(/// One agent: an identity that holds tokens.
    AgentId, "agent");
id!(/// One token of an agent.
    TokenId, "token");
id!(/// One attested agreement.
    AgreementId, "agreement");
id!(/// One provider key in the vault.
    CredentialId, "credential");
id!(/// One call, in the reply's `x-request-id` and in every record of its entry.
    RequestId, "request");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_and_nothing_else_parses() {
        let id = OrgId::new();
        assert_eq!(id.to_string().parse::<OrgId>(), Ok(id));
        for bad in ["", "abc", "936da01f-9abd-4d9d-80c7-02af85c822a8", &id.to_string().replace('-', "")] {
            assert!(bad.parse::<OrgId>().is_err(), "{bad}");
        }
    }
}
