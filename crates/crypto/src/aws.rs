use std::fmt::{self, Write as _};

use ring::hmac;
use zeroize::Zeroizing;

use crate::{hex, sha256};

/// What is signed of a request to Amazon Web Services.
#[derive(Clone, Copy)]
pub struct AwsRequest<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its path as it stands in the request line. It has no query.
    pub path: &'a str,
    /// The headers that are signed, in any order: names in lower case, values without white space around them.
    pub headers: &'a [(&'a str, &'a str)],
    /// The SHA-256 of its body, in lower-case hexadecimal digits.
    pub body: &'a str,
    /// When it is signed, as in `20150830T123600Z`.
    pub at: &'a str,
    /// The region of the service, as in `us-east-1`.
    pub region: &'a str,
    /// The service, as in `bedrock`.
    pub service: &'a str,
}

/// The value of `authorization` with which the key of this id signs a request by Signature Version 4
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>). As of every service but
/// S3, each segment of the path is encoded once more than it is in the request line.
pub fn sign_aws(id: &str, secret: &str, request: &AwsRequest<'_>) -> String {
    let AwsRequest { method, path, body, at, region, service, .. } = *request;
    let mut headers = request.headers.to_vec();
    headers.sort_unstable();
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let canonical = format!("{method}\n{}\n\n{lines}\n{names}\n{body}", encoded(path));
    let day = at.split('T').next().unwrap_or_default();
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let said = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", hex(&sha256(&[canonical.as_bytes()])));
    let first = Zeroizing::new(format!("AWS4{secret}").into_bytes());
    let key = [day, region, service, "aws4_request"]
        .iter()
        .fold(first, |key, word| Zeroizing::new(mac(&key, word.as_bytes()).as_ref().to_vec()));
    let signature = hex(mac(&key, said.as_bytes()).as_ref());
    format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}")
}

impl fmt::Debug for AwsRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsRequest(..)")
    }
}

fn mac(key: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
}

/// A path with everything encoded that is neither unreserved (RFC 3986, section 2.3) nor the border of a segment.
fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len() + 16);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

    fn signature(method: &str, path: &str, more: &[(&str, &str)], body: &str) -> String {
        let mut headers = vec![("x-amz-date", "20150830T123600Z"), ("host", "example.amazonaws.com")];
        headers.extend(more);
        let request = AwsRequest {
            method,
            path,
            headers: &headers,
            body: &hex(&sha256(&[body.as_bytes()])),
            at: "20150830T123600Z",
            region: "us-east-1",
            service: "service",
        };
        sign_aws("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &request)
    }

    /// The cases of AWS's test suite for Signature Version 4 that have no query, no repeated header and no dots in the path.
    #[test]
    fn signatures_are_those_of_the_published_suite() {
        let unreserved = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let form = ("content-type", "application/x-www-form-urlencoded");
        let token = ("x-amz-security-token", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267");
        type Case<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);
        let suite: &[Case<'_>] = &[
            ("get-vanilla", "GET", "/", &[], "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("post-vanilla", "POST", "/", &[], "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                "get-unreserved",
                "GET",
                unreserved,
                &[],
                "",
                "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
            ),
            (
                "get-utf8",
                "GET",
                "/\u{1234}",
                &[],
                "",
                "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
            ),
            (
                "get-space",
                "GET",
                "/example space/",
                &[],
                "",
                "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
            ),
            (
                "get-vanilla-with-session-token",
                "GET",
                "/",
                &[token],
                "",
                "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
            ),
            (
                "post-sts-header-before",
                "POST",
                "/",
                &[("x-amz-security-token", SESSION)],
                "",
                "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
            ),
            (
                "post-header-key-sort",
                "POST",
                "/",
                &[("my-header1", "value1")],
                "",
                "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
            ),
            (
                "post-header-value-case",
                "POST",
                "/",
                &[("my-header1", "VALUE1")],
                "",
                "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
            ),
            (
                "post-x-www-form-urlencoded",
                "POST",
                "/",
                &[form],
                "Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ];
        for (name, method, path, more, body, expected) in suite {
            let mut names: Vec<_> =
                ["host", "x-amz-date"].into_iter().chain(more.iter().map(|(name, _)| *name)).collect();
            names.sort_unstable();
            let head = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
            let whole = format!("{head}, SignedHeaders={}, Signature={expected}", names.join(";"));
            assert_eq!(signature(method, path, more, body), whole, "{name}");
        }
    }

    #[test]
    fn everything_that_is_signed_counts() {
        let base = signature("POST", "/a%3Ab", &[("x", "1")], "body");
        for other in [
            signature("PUT", "/a%3Ab", &[("x", "1")], "body"),
            signature("POST", "/a:b", &[("x", "1")], "body"),
            signature("POST", "/a%3Ab", &[("x", "2")], "body"),
            signature("POST", "/a%3Ab", &[("x", "1")], "bodY"),
        ] {
            assert_ne!(base, other);
        }
        assert_eq!(encoded("/model/a%3A0/converse"), "/model/a%253A0/converse");
    }
}
