use ring::digest::{Context, SHA256};
use subtle::ConstantTimeEq;

/// SHA-256 (FIPS 180-4) of the parts as if they were one text. The borders between them are not hashed: where parts
/// can shift into each other, hash their lengths too, or use [`Key::tag`](crate::Key::tag).
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Context::new(&SHA256);
    for part in parts {
        hasher.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(hasher.finish().as_ref());
    hash
}

/// Whether two secrets are equal, in a time that tells nothing but whether their lengths are.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Reads what [`hex`] wrote: exactly `2 * N` lower-case digits, or nothing.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let pairs: &[[u8; 2]; N] = pairs.try_into().ok().filter(|_| rest.is_empty())?;
    let mut bytes = [0; N];
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_is_the_published_one_and_ignores_borders() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&sha256(&[b"abc"])), abc);
        assert_eq!(sha256(&[b"a", b"", b"bc"]), sha256(&[b"abc"]));
        assert_ne!(sha256(&[b"abd"]), sha256(&[b"abc"]));
    }

    #[test]
    fn equal_compares_all_of_both() {
        assert!(equal(b"", b"") && equal(b"secret", b"secret"));
        assert!(!equal(b"secret", b"secres") && !equal(b"secret", b"secre") && !equal(b"", b"s"));
    }

    #[test]
    fn hex_reads_back_and_nothing_else_does() {
        let all: [u8; 256] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        assert_eq!(unhex(&hex(&all)), Some(all));
        for bad in ["", "0", "0g", "0G", "0A", "000", " 0", "é"] {
            assert_eq!(unhex::<1>(bad), None, "{bad:?}");
        }
    }
}
