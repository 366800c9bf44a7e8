//! The sealed form of a secret: `version | data key, sealed | secret with its length and padding, sealed`.

use phi_crypto::{Key, NoRandomness, Unsealable, random};
use zeroize::Zeroizing;

/// The version of this form.
const FORM: u8 = 1;
/// Header and tag of a sealed text are 42 bytes.
const DATA_KEY: usize = 32 + 42;
/// The length of a secret is hidden up to this many bytes.
const PADDING: usize = 256;
/// No provider's key is longer; its length must fit in two bytes.
pub(crate) const LONGEST: usize = 16 * 1024;

/// Seals a secret of at most [`LONGEST`] bytes with a data key of its own, and that with `key`; both are bound to
/// `about`.
pub(crate) fn seal(key: &Key, about: &[&[u8]], secret: &[u8]) -> Result<Vec<u8>, NoRandomness> {
    let data = Zeroizing::new(random::<32>()?);
    let mut sealed = vec![FORM];
    sealed.extend(key.seal(&aad("phi/data-key", about), data.as_slice())?);
    sealed.extend(Key::from_bytes(&data).seal(&aad("phi/secret", about), &padded(secret))?);
    Ok(sealed)
}

/// What was given to [`seal`] with the same `key` and the same `about`.
pub(crate) fn open(key: &Key, about: &[&[u8]], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
    let Some((&FORM, sealed)) = sealed.split_first() else { return Err(Unsealable) };
    let (data, secret) = sealed.split_at_checked(DATA_KEY).ok_or(Unsealable)?;
    let data = key.open(&aad("phi/data-key", about), data)?;
    let data: &[u8; 32] = data.as_slice().try_into().map_err(|_| Unsealable)?;
    let padded = Key::from_bytes(data).open(&aad("phi/secret", about), secret)?;
    let (length, rest) = padded.split_first_chunk().ok_or(Unsealable)?;
    let secret = rest.get(..usize::from(u16::from_be_bytes(*length))).ok_or(Unsealable)?;
    Ok(Zeroizing::new(secret.to_vec()))
}

/// The parts with their lengths, so that none can shift into another.
fn aad(purpose: &str, about: &[&[u8]]) -> Vec<u8> {
    let mut aad = Vec::new();
    for part in [purpose.as_bytes()].iter().chain(about) {
        aad.extend((part.len() as u64).to_be_bytes());
        aad.extend_from_slice(part);
    }
    aad
}

fn padded(secret: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = (2 + secret.len()).next_multiple_of(PADDING);
    let mut padded = Zeroizing::new(Vec::with_capacity(length));
    padded.extend(u16::try_from(secret.len()).unwrap_or(u16::MAX).to_be_bytes());
    padded.extend_from_slice(secret);
    padded.resize(length, 0);
    padded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(n: u8) -> Key {
        Key::from_bytes(&[n; 32])
    }

    proptest! {
        #[test]
        fn a_secret_of_any_length_opens_again(length in 0..=LONGEST) {
            let secret = vec![b'k'; length];
            let sealed = seal(&key(1), &[b"a", b"b"], &secret).unwrap();
            let opened = open(&key(1), &[b"a", b"b"], &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), secret.as_slice());
        }
    }

    #[test]
    fn it_opens_with_its_key_and_for_its_place_alone() {
        let sealed = seal(&key(1), &[b"a", b"b"], b"secret").unwrap();
        assert!(open(&key(1), &[b"a", b"b"], &sealed).is_ok());
        assert!(open(&key(2), &[b"a", b"b"], &sealed).is_err());
        for other in [&[b"ab".as_slice()][..], &[b"a"], &[b"a", b"b", b""], &[b"b", b"a"], &[b"", b"ab"]] {
            assert!(open(&key(1), other, &sealed).is_err(), "{other:?}");
        }
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let sealed = seal(&key(1), &[b"a"], b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&key(1), &[b"a"], &changed).is_err(), "byte {at}");
            assert!(open(&key(1), &[b"a"], &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_length_of_a_key_is_hidden() {
        let length = |secret: &[u8]| seal(&key(1), &[], secret).unwrap().len();
        assert_eq!(length(b""), length(&[b'k'; 254]));
        assert_eq!(length(b"") + PADDING, length(&[b'k'; 255]));
    }

    #[test]
    fn halves_of_two_envelopes_do_not_fit_together() {
        let [one, two] = [b"one", b"two"].map(|secret| seal(&key(1), &[b"a"], secret).unwrap());
        let mixed = [&one[..=DATA_KEY], &two[1 + DATA_KEY..]].concat();
        assert!(open(&key(1), &[b"a"], &mixed).is_err());
    }
}
