use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// What was to sign is no RSA key of 2,048 to 4,096 bits in the form of PKCS#8. It does not say what it is instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RSA key of 2,048 to 4,096 bits in the form of PKCS#8")]
pub struct Unsignable;

/// Signs by RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2), which JOSE calls `RS256` (RFC 7518, 3.3). The key is one of
/// PKCS#8 (RFC 5958). It takes about a millisecond: not for an asynchronous thread.
///
/// # Errors
/// Where it is no such key, or the numbers in it do not belong together.
pub fn sign_rs256(pkcs8: &[u8], message: &[u8]) -> Result<Vec<u8>, Unsignable> {
    // The pair lives no longer than this call: it is not wiped when dropped.
    let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| Unsignable)?;
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(|_| Unsignable)?;
    Ok(signature)
}

/// What stands between the lines of a private key in PEM (RFC 7468, 10): one of PKCS#8, and nothing beside it.
pub fn unpem(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let body = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let mut digits = Zeroizing::new(String::with_capacity(body.len()));
    digits.extend(body.chars().filter(|c| !c.is_ascii_whitespace()));
    STANDARD.decode(digits.as_bytes()).ok().map(Zeroizing::new)
}

/// Base64 for addresses and file names, without padding (RFC 4648, 5), as JOSE writes it (RFC 7515, 2).
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads what [`base64url`] wrote: nothing that it would have written otherwise.
pub fn unbase64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    const KEY: &str = include_str!("../golden/test-only-rsa-2048.pem");
    const SHORT: &str = include_str!("../golden/test-only-rsa-1024.pem");

    #[test]
    fn a_signature_is_the_one_that_openssl_makes_and_its_public_side_accepts() {
        let der = unpem(KEY).unwrap();
        let signature = sign_rs256(&der, b"header.claims").unwrap();
        // printf header.claims | openssl dgst -sha256 -sign test-only-rsa-2048.pem
        assert_eq!(signature, include_bytes!("../golden/rs256.bin"));
        let public = RsaKeyPair::from_pkcs8(&der).unwrap().public_key().as_ref().to_vec();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
        assert!(public.verify(b"header.claims", &signature).is_ok());
        assert!(public.verify(b"header.claim", &signature).is_err());
    }

    #[test]
    fn only_a_sound_and_long_enough_key_signs() {
        let der = unpem(KEY).unwrap();
        assert_eq!(sign_rs256(&unpem(SHORT).unwrap(), b""), Err(Unsignable));
        assert_eq!(sign_rs256(b"", b""), Err(Unsignable));
        assert_eq!(sign_rs256(&der[..der.len() - 1], b""), Err(Unsignable));
        let mut spoiled = der.to_vec();
        spoiled[600] ^= 1;
        assert_eq!(sign_rs256(&spoiled, b""), Err(Unsignable), "the numbers do not belong together");
    }

    #[test]
    fn pem_is_one_private_key_and_nothing_else() {
        let body = KEY.trim().strip_prefix(BEGIN).unwrap().strip_suffix(END).unwrap();
        let crlf = KEY.replace('\n', "\r\n");
        assert_eq!(unpem(&crlf), unpem(KEY), "the ends of lines do not matter");
        let traditional = KEY.replace("PRIVATE KEY", "RSA PRIVATE KEY");
        let (twice, bare, open) = (KEY.repeat(2), body.to_owned(), format!("{BEGIN}{body}"));
        for bad in [traditional, twice, bare, open, format!("{BEGIN}!{body}{END}"), format!("x{KEY}"), String::new()] {
            assert!(unpem(&bad).is_none());
        }
    }

    #[test]
    fn base64url_has_neither_padding_nor_signs_that_an_address_reads() {
        assert_eq!(base64url(&[0xFB, 0xFF, 0xFE]), "-__-");
        assert_eq!(base64url(b"a"), "YQ");
        assert_eq!(unbase64url("-__-"), Some(vec![0xFB, 0xFF, 0xFE]));
        for other in ["YQ==", "YR", "Y", "+//+", " YQ"] {
            assert_eq!(unbase64url(other), None, "{other}");
        }
    }
}
