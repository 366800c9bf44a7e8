//! Who may ask a simulated host of Amazon Web Services: whoever signs by Signature Version 4 with the one key that there is
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use std::collections::BTreeMap;

use ring::{digest, hmac};

use crate::wire::Asked;

/// The id and the secret of the one key, which AWS has published for examples.
pub const AWS_KEY: (&str, &str) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");

/// Whether a request is signed with the key, for this host and this body.
///
/// # Errors
/// The type of error that AWS answers with.
pub(crate) fn verify(asked: &Asked) -> Result<(), &'static str> {
    let head = String::from_utf8_lossy(&asked.head);
    let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    let headers: BTreeMap<String, &str> =
        lines.map(|(name, value)| (name.to_ascii_lowercase(), value.trim())).collect();
    let header = |name: &str| headers.get(name).copied().unwrap_or_default();
    let authorization = header("authorization");
    let said = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("MissingAuthenticationTokenException")?;
    let parts: BTreeMap<&str, &str> = said.split(", ").filter_map(|part| part.split_once('=')).collect();
    let part = |name: &str| parts.get(name).copied().unwrap_or_default();
    let (id, scope) = part("Credential").split_once('/').unwrap_or_default();
    if id != AWS_KEY.0 {
        return Err("UnrecognizedClientException");
    }
    let wrong = "InvalidSignatureException";
    let signed: Vec<&str> = part("SignedHeaders").split(';').collect();
    // Others may be signed as well, and the hash of the body need not be told.
    let mut due = headers.keys().map(String::as_str).filter(|name| *name == "host" || name.starts_with("x-amz-"));
    let is_signed = signed.is_sorted() && due.all(|name| signed.contains(&name));
    let [day, region, "bedrock", "aws4_request"] = scope.split('/').collect::<Vec<_>>()[..] else { return Err(wrong) };
    let is_here = header("host").starts_with(&format!("bedrock-runtime.{region}."));
    let body = hex(digest::digest(&digest::SHA256, &asked.body).as_ref());
    let is_told = headers.get("x-amz-content-sha256").is_none_or(|told| *told == body);
    if !is_here || !header("x-amz-date").starts_with(day) || !is_told || !is_signed {
        return Err(wrong);
    }
    let lines: String = signed.iter().map(|name| format!("{name}:{}\n", header(name))).collect();
    // Nothing but letters, digits and these is left as it is: what is encoded already is encoded again.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let path: String = asked
        .path()
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    let canonical = format!("POST\n{path}\n\n{lines}\n{}\n{body}", signed.join(";"));
    let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hash}", header("x-amz-date"));
    let mut key = format!("AWS4{}", AWS_KEY.1).into_bytes();
    for word in [day, region, "bedrock", "aws4_request"] {
        key = mac(&key, word);
    }
    if hex(&mac(&key, &text)) == part("Signature") { Ok(()) } else { Err(wrong) }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As botocore's `SigV4Auth` signs it.
    const SIGNED: &str = "cd9c96c3e37ddcc5579c341c1f2adcded281a485865dcce7b9202f906bfaf4e2";

    fn asked(change: impl Fn(String) -> String, body: &'static str) -> Asked {
        let head = format!(
            "POST /model/m%3A0/converse HTTP/1.1\r\nhost: bedrock-runtime.us-east-1.amazonaws.com\r\n\
             x-amz-date: 20261121T120000Z\r\n\
             x-amz-content-sha256: 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261121/us-east-1/bedrock/aws4_request, \
             SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={SIGNED}\r\n\r\n"
        );
        Asked { head: change(head).into(), body: body.into(), before: 0 }
    }

    #[test]
    fn a_signature_is_for_one_request_alone() {
        assert_eq!(verify(&asked(|head| head, "{}")), Ok(()));
        let wrong = Err("InvalidSignatureException");
        assert_eq!(verify(&asked(|head| head, "{ }")), wrong);
        for (from, to) in [
            ("m%3A0", "m:0"),
            ("T120000Z", "T120001Z"),
            ("bedrock-runtime.us-east-1", "bedrock-runtime.us-east-2"),
            ("/bedrock/", "/s3/"),
            ("host;", ""),
            (SIGNED, "00"),
        ] {
            assert_eq!(verify(&asked(|head| head.replacen(from, to, 1), "{}")), wrong, "{from}");
        }
        let other = asked(|head| head.replace("AKIAIOSFODNN7", "AKIAIOSFODNN8"), "{}");
        assert_eq!(verify(&other), Err("UnrecognizedClientException"));
        let bearer = asked(|head| head.replace("AWS4-HMAC-SHA256 Cred", "Bearer Cred"), "{}");
        assert_eq!(verify(&bearer), Err("MissingAuthenticationTokenException"));
    }
}
