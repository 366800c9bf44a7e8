//! The only reader of `Authorization` and `x-api-key`.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};

use crate::caller::Reason;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Some proxies turn underscores into hyphens; a request that counts on that is not clear.
const UNDERSCORED: HeaderName = HeaderName::from_static("x_api_key");

/// The one credential of a request. The same one in both headers counts once; one header twice does not.
pub(crate) fn credential(headers: &HeaderMap) -> Result<&[u8], Reason> {
    if headers.contains_key(UNDERSCORED) {
        return Err(Reason::Malformed);
    }
    let bearer = single(headers, AUTHORIZATION)?.map(token).transpose()?;
    let bare = single(headers, X_API_KEY)?;
    match (bearer, bare) {
        (None, None) => Err(Reason::Missing),
        (Some(one), None) | (None, Some(one)) => Ok(one),
        (Some(one), Some(other)) if phi_crypto::equal(one, other) => Ok(one),
        (Some(_), Some(_)) => Err(Reason::Several),
    }
}

fn single(headers: &HeaderMap, name: HeaderName) -> Result<Option<&[u8]>, Reason> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next().map(http::HeaderValue::as_bytes);
    if values.next().is_some() { Err(Reason::Several) } else { Ok(value) }
}

/// What stands after `Bearer` and one space (RFC 6750, section 2.1); the case of the scheme does not matter.
fn token(value: &[u8]) -> Result<&[u8], Reason> {
    match value.split_first_chunk::<7>() {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => Ok(token),
        Some(_) | None => Err(Reason::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn read(pairs: &[(&'static str, &'static str)]) -> Result<String, Reason> {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        credential(&headers).map(|text| String::from_utf8_lossy(text).into_owned())
    }

    #[test]
    fn one_credential_is_read_from_either_header() {
        for pairs in [
            &[("authorization", "Bearer abc")][..],
            &[("authorization", "bearer abc")],
            &[("x-api-key", "abc")],
            &[("authorization", "BEARER abc"), ("x-api-key", "abc")],
        ] {
            assert_eq!(read(pairs), Ok("abc".into()), "{pairs:?}");
        }
    }

    #[test]
    fn more_than_one_is_none() {
        for pairs in [
            &[("authorization", "Bearer abc"), ("x-api-key", "abd")][..],
            &[("authorization", "Bearer abc"), ("x-api-key", "Bearer abc")],
            &[("authorization", "Bearer abc"), ("authorization", "Bearer abc")],
            &[("x-api-key", "abc"), ("x-api-key", "abc")],
        ] {
            assert_eq!(read(pairs), Err(Reason::Several), "{pairs:?}");
        }
    }

    #[test]
    fn other_schemes_and_spellings_are_refused() {
        for pairs in [
            &[("authorization", "Basic abc")][..],
            &[("authorization", "abc")],
            &[("authorization", "Bearer")],
            &[("authorization", "")],
            &[("authorization", "Bearer\tabc")],
            &[("authorization", ""), ("x-api-key", "abc")],
            &[("authorization", "Bearer abc"), ("x_api_key", "abc")],
        ] {
            assert_eq!(read(pairs), Err(Reason::Malformed), "{pairs:?}");
        }
        assert_eq!(read(&[]), Err(Reason::Missing));
        assert_eq!(read(&[("cookie", "key=abc")]), Err(Reason::Missing));
        // A second space is part of the text, which is then no token.
        assert_eq!(read(&[("authorization", "Bearer  abc")]), Ok(" abc".into()));
    }
}
