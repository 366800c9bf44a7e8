//! The only place with primitives. Everybody else speaks of a [`Root`], of [`Key`]s derived from it for one purpose,
//! and of hashes.
//!
//! ```text
//! Root ── derive(Purpose) ──▶ Key ── tag(parts)       keyed hash: HMAC-SHA256 (RFC 2104, FIPS 180-4)
//!        HKDF-SHA256 (RFC 5869)   ├─ seal(aad, plain)  XChaCha20-Poly1305 (RFC 8439, draft-irtf-cfrg-xchacha-03)
//!                                 └─ open(aad, sealed)
//!
//! a provider's PKCS#8 key ── sign_rs256(message)      RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017)
//! an access key of AWS    ── sign_aws(request)        Signature Version 4, of HMAC-SHA256
//! ```
//!
//! What is secret here has no Display and an empty Debug. It is wiped when dropped, but for the half of a [`Key`] that
//! hashes.

mod aws;
mod digest;
mod key;
mod random;
mod root;
mod rsa;

pub use aws::{AwsRequest, sign_aws};
pub use digest::{equal, hex, sha256, unhex};
pub use key::{Key, Unsealable};
pub use random::{NoRandomness, random};
pub use root::{KEY_VERSION, Purpose, Root};
pub use rsa::{Unsignable, base64url, sign_rs256, unbase64url, unpem};
