//! The head of a stream, held to what the strict reader holds a head of HTTP/1.1 to, and handed on as one.

use http::uri::{Authority, PathAndQuery, Uri};
use http::{HeaderMap, HeaderValue, Request, header};

use crate::framing::{Fault, HEAD_BYTES, LINES, is_host, is_path, length, spells_framing_otherwise};

/// The same request as HTTP/1.1 brings it: one `Host`, and a path as the target.
///
/// # Errors
/// What two readers could read in two ways.
pub(super) fn plain<B>(mut request: Request<B>) -> Result<Request<B>, Fault> {
    let path = path(&request)?;
    fields(request.headers(), path.as_str().len())?;
    let host = host(request.uri().authority(), request.headers())?;
    *request.uri_mut() = Uri::from(path);
    request.headers_mut().insert(header::HOST, host);
    Ok(request)
}

fn path<B>(request: &Request<B>) -> Result<PathAndQuery, Fault> {
    let uri = request.uri();
    let spoken = uri.scheme_str().is_none_or(|scheme| matches!(scheme, "http" | "https"));
    let path = uri.path_and_query().filter(|path| spoken && is_path(path.as_str().as_bytes()));
    path.cloned().ok_or(Fault::Target)
}

fn fields(headers: &HeaderMap, path_bytes: usize) -> Result<(), Fault> {
    if headers.len() > LINES {
        return Err(Fault::TooManyLines);
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if bytes + path_bytes > HEAD_BYTES {
        return Err(Fault::TooLong);
    }
    for (name, value) in headers {
        // Space around a value is no part of it in HTTP/1.1, and may not be there in HTTP/2 (RFC 9113, section 8.2.1).
        if spells_framing_otherwise(name.as_str().as_bytes()) || value.as_bytes().trim_ascii() != value.as_bytes() {
            return Err(Fault::Field);
        }
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    lengths.next().map_or(Ok(0), |value| length(value.as_bytes()))?;
    lengths.next().map_or(Ok(()), |_| Err(Fault::Length))
}

/// `:authority` and `Host` are two names of one thing (RFC 9113, section 8.3.1).
fn host(authority: Option<&Authority>, headers: &HeaderMap) -> Result<HeaderValue, Fault> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (authority, hosts.next(), hosts.next()) {
        (Some(authority), None, None) => HeaderValue::from_str(authority.as_str()).map_err(|_| Fault::Host)?,
        (Some(authority), Some(host), None) if host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => {
            host.clone()
        }
        (None, Some(host), None) => host.clone(),
        (Some(_) | None, Some(_) | None, Some(_) | None) => return Err(Fault::Host),
    };
    if is_host(host.as_bytes()) { Ok(host) } else { Err(Fault::Host) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(uri: &str, headers: &[(&str, &str)]) -> Result<(String, String), Fault> {
        let request = headers.iter().fold(Request::builder().uri(uri), |request, (name, value)| {
            request.header(*name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"))
        });
        let plain = plain(request.body(()).expect("a request"))?;
        assert_eq!(plain.headers().get_all("host").iter().count(), 1);
        let host = plain.headers()["host"].to_str().expect("text").to_owned();
        Ok((plain.uri().to_string(), host))
    }

    #[test]
    fn a_head_is_that_of_http_1_1() {
        for (uri, headers) in [
            ("http://a:1/v1/models?x=1", &[][..]),
            ("https://a:1/v1/models?x=1", &[("host", "A:1")]),
            ("/v1/models?x=1", &[("host", "a:1"), ("content-length", "0"), ("te", "trailers")]),
        ] {
            let (path, host) = judged(uri, headers).expect("clear");
            assert_eq!((path.as_str(), host.to_ascii_lowercase().as_str()), ("/v1/models?x=1", "a:1"));
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let long = "a".repeat(HEAD_BYTES);
        for (uri, headers, fault) in [
            ("/v1/models", &[][..], Fault::Host),
            ("/v1/models", &[("host", "a"), ("host", "a")], Fault::Host),
            ("/v1/models", &[("host", "")], Fault::Host),
            ("http://a/", &[("host", "b")], Fault::Host),
            ("http://a/", &[("host", "a"), ("host", "a")], Fault::Host),
            ("http://me@a/", &[], Fault::Host),
            ("ftp://a/", &[], Fault::Target),
            ("*", &[("host", "a")], Fault::Target),
            ("a:443", &[], Fault::Target),
            ("http://a/%zz", &[], Fault::Target),
            ("http://a/{}", &[], Fault::Target),
            ("http://a/", &[("content-length", "3"), ("content-length", "3")], Fault::Length),
            ("http://a/", &[("content-length", "03")], Fault::Length),
            ("http://a/", &[("content_length", "3")], Fault::Field),
            ("http://a/", &[("x-phi", " true")], Fault::Field),
            ("http://a/", &[("x-phi", "true\t")], Fault::Field),
            ("http://a/", &[("x-long", &long)], Fault::TooLong),
            ("http://a/", &[("x-a", "b"); LINES + 1], Fault::TooManyLines),
        ] {
            assert_eq!(judged(uri, headers), Err(fault), "{uri} {}", headers.len());
        }
        assert!(judged("http://a/", &[("x-a", "b"); LINES]).is_ok());
    }
}
