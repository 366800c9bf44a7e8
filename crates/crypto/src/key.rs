use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::hmac;
use zeroize::Zeroizing;

use crate::{NoRandomness, random};

/// The first byte of everything sealed: the version of its form.
const FORM: u8 = 1;
/// The second byte: XChaCha20-Poly1305.
const XCHACHA20_POLY1305: u8 = 1;
const NONCE_BYTES: usize = 24;
const HEADER_BYTES: usize = 2 + NONCE_BYTES;

/// A key for one purpose. It hashes and it seals, with two halves that have nothing in common. The half that seals is
/// wiped when dropped; the half that hashes is held as the state that HMAC begins from.
pub struct Key {
    hashing: hmac::Key,
    sealing: Zeroizing<[u8; 32]>,
}

/// What was to be opened was not sealed by this key with this associated data, or was changed since. It does not say
/// which: that would help nobody but a forger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not sealed with this key for this place, or damaged since")]
pub struct Unsealable;

impl Key {
    /// A key made of 32 random bytes that the caller keeps (sealed), such as the data key of an envelope.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self::expand(bytes, "phi/data/v1")
    }

    /// HKDF-SHA256 (RFC 5869) without salt: `secret` is uniformly random.
    pub(crate) fn expand(secret: &[u8; 32], info: &str) -> Self {
        let mut both = Zeroizing::new([0_u8; 64]);
        Salt::new(HKDF_SHA256, &[])
            .extract(secret)
            .expand(&[info.as_bytes()], Both)
            .and_then(|okm| okm.fill(both.as_mut()))
            .expect("64 bytes are fewer than the 8,160 that HKDF-SHA256 can give");
        let (hashing, sealing) = both.split_at(32);
        let mut key = Self { hashing: hmac::Key::new(hmac::HMAC_SHA256, hashing), sealing: Zeroizing::default() };
        key.sealing.copy_from_slice(sealing);
        key
    }

    /// The keyed hash (HMAC-SHA256) of the parts, each with its length before it, so that no two lists of parts are
    /// hashed alike.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = hmac::Context::with_key(&self.hashing);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(mac.sign().as_ref());
        tag
    }

    /// Encrypts and authenticates `plain`, bound to `aad`: who opens it must name the same `aad`. The result is the
    /// version of its form, the algorithm, a random nonce of 24 bytes, the ciphertext and a tag of 16 bytes; all of it
    /// is authenticated.
    ///
    /// # Errors
    /// Where the operating system has no random bytes.
    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let nonce: [u8; NONCE_BYTES] = random()?;
        let mut sealed = vec![FORM, XCHACHA20_POLY1305];
        sealed.extend_from_slice(&nonce);
        let aad = [&sealed, aad].concat();
        let payload = Payload { msg: plain, aad: &aad };
        let secret = self.cipher().encrypt(&XNonce::from(nonce), payload);
        sealed.extend(secret.expect("a text in memory is shorter than the 256 GiB that ChaCha20 can encrypt"));
        Ok(sealed)
    }

    /// What [`Key::seal`] was given.
    ///
    /// # Errors
    /// Where it was not sealed by this key with this `aad`, or is of a form that is not known here.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let (header, secret) = sealed.split_first_chunk::<HEADER_BYTES>().ok_or(Unsealable)?;
        let [FORM, XCHACHA20_POLY1305, nonce @ ..] = header else {
            return Err(Unsealable);
        };
        let aad = [header, aad].concat();
        let payload = Payload { msg: secret, aad: &aad };
        let plain = self.cipher().decrypt(&XNonce::from(*nonce), payload);
        plain.map(Zeroizing::new).map_err(|_| Unsealable)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.sealing).into())
    }
}

/// The length of a key's two halves together.
struct Both;

impl KeyType for Both {
    fn len(&self) -> usize {
        64
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Key {
        Key::from_bytes(&[n; 32])
    }

    #[test]
    fn what_is_sealed_opens_again_and_never_looks_alike() {
        let (a, b) = (key(1).seal(b"place", b"secret").unwrap(), key(1).seal(b"place", b"secret").unwrap());
        assert_ne!(a, b);
        for sealed in [a, b] {
            assert_eq!(key(1).open(b"place", &sealed).unwrap().as_slice(), b"secret");
            assert_eq!(sealed.len(), HEADER_BYTES + b"secret".len() + 16);
        }
        let empty = key(1).seal(b"", b"").unwrap();
        assert!(key(1).open(b"", &empty).unwrap().is_empty());
    }

    #[test]
    fn every_changed_byte_other_key_and_other_place_is_refused() {
        let sealed = key(1).seal(b"place", b"secret").unwrap();
        assert_eq!(key(2).open(b"place", &sealed), Err(Unsealable));
        assert_eq!(key(1).open(b"palce", &sealed), Err(Unsealable));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key(1).open(b"place", &changed), Err(Unsealable), "byte {at}");
            assert_eq!(key(1).open(b"place", &sealed[..at]), Err(Unsealable), "cut at {at}");
        }
    }

    #[test]
    fn no_two_lists_of_parts_are_hashed_alike() {
        let key = key(1);
        let lists: [&[&[u8]]; 6] = [&[], &[b""], &[b"ab"], &[b"a", b"b"], &[b"", b"ab"], &[b"ab", b""]];
        for (i, a) in lists.iter().enumerate() {
            for (j, b) in lists.iter().enumerate() {
                assert_eq!(key.tag(a) == key.tag(b), i == j, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn tags_and_seals_are_pinned_because_stored_ones_depend_on_them() {
        let hex = crate::hex(&key(1).tag(&[b"a", b"bc"]));
        assert_eq!(hex, "29fa9fb67943042bf3279ac4936c89395103ab526f0ce389354a8312a84b9194");
        let sealed = include_bytes!("../golden/sealed.bin");
        assert_eq!(key(1).open(b"place", sealed).unwrap().as_slice(), b"secret");
    }
}
