use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use phi_crypto::{AwsRequest, Unsealable, hex, sha256, sign_aws};
use phi_words::ProviderKey;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::written::Zeroized;

/// The version of the form in which a key is sealed: this line, the key's id, its secret, and the token of its session.
const FORM: &str = "aws-access-key-v1";
/// The one service that requests are signed for.
const SERVICE: &str = "bedrock";

/// An access key of Amazon Web Services, which is never shown: it signs each request.
pub struct AwsKey {
    id: String,
    secret: Zeroizing<String>,
    session: Option<Zeroizing<String>>,
}

/// Why a text is no access key. None of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAwsKey {
    /// It says nothing of an access key.
    #[error("it is no access key of AWS")]
    Other,
    /// A field is missing, or makes no sense.
    #[error("the access key has no `{0}`, or none that makes sense")]
    Field(&'static str),
}

/// What `aws iam create-access-key` and `aws configure export-credentials` write; all other fields say nothing here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    access_key: Option<Fields>,
    #[serde(flatten)]
    fields: Fields,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fields {
    access_key_id: Option<String>,
    secret_access_key: Option<Zeroized>,
    session_token: Option<Zeroized>,
}

impl AwsKey {
    /// Reads an access key as AWS's own command gives it: `aws iam create-access-key`, or `aws configure
    /// export-credentials` (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NotAnAwsKey> {
        // What the reader of JSON would say may repeat a part of the key.
        let written: Written = serde_json::from_str(text).map_err(|_| NotAnAwsKey::Other)?;
        let Fields { access_key_id, secret_access_key, session_token } = written.access_key.unwrap_or(written.fields);
        if access_key_id.is_none() && secret_access_key.is_none() {
            return Err(NotAnAwsKey::Other);
        }
        let id = access_key_id.filter(|id| is_id(id)).ok_or(NotAnAwsKey::Field("AccessKeyId"))?;
        let secret = secret_access_key.map(|secret| secret.0).filter(|secret| is_line(secret, 128));
        let secret = secret.ok_or(NotAnAwsKey::Field("SecretAccessKey"))?;
        let session = session_token.map(|token| token.0);
        if session.as_ref().is_some_and(|token| !is_line(token, 8_192)) {
            return Err(NotAnAwsKey::Field("SessionToken"));
        }
        Ok(Self { id, secret, session })
    }

    /// The headers that sign a `POST` of this body to Bedrock in this region, at this host and path as they stand in the
    /// request: names and values. All of them but the first two are secret.
    pub fn sign(
        &self,
        host: &str,
        path: &str,
        region: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Vec<(&'static str, ProviderKey)> {
        let at = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let body = hex(&sha256(&[body]));
        let mut headers = vec![("host", host), ("x-amz-content-sha256", &body), ("x-amz-date", &at)];
        headers.extend(self.session.as_ref().map(|token| ("x-amz-security-token", token.as_str())));
        let request =
            AwsRequest { method: "POST", path, headers: &headers, body: &body, at: &at, region, service: SERVICE };
        let authorization = sign_aws(&self.id, &self.secret, &request);
        let told = headers.into_iter().skip(1).map(|(name, value)| (name, ProviderKey::new(value)));
        told.chain([("authorization", ProviderKey::new(authorization))]).collect()
    }

    /// The form in which it is sealed.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let session = self.session.as_ref().map_or("", |token| token.as_str());
        let mut bytes = Zeroizing::new(Vec::with_capacity(256 + session.len()));
        for line in [FORM, "\n", &self.id, "\n", self.secret.as_str(), "\n", session] {
            bytes.extend_from_slice(line.as_bytes());
        }
        bytes
    }

    /// What [`AwsKey::to_bytes`] gave.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Unsealable> {
        let text = std::str::from_utf8(bytes).map_err(|_| Unsealable)?;
        let lines: Vec<&str> = text.split('\n').collect();
        let [FORM, id, secret, session] = lines[..] else { return Err(Unsealable) };
        let secret = Zeroizing::new(secret.to_owned());
        let session = (!session.is_empty()).then(|| Zeroizing::new(session.to_owned()));
        Ok(Self { id: id.to_owned(), secret, session })
    }
}

/// AWS's ids are words of 16 to 128 characters (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html>).
fn is_id(text: &str) -> bool {
    (16..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_line(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl fmt::Debug for AwsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn exported() -> Value {
        json!({
            "Version": 1, "AccessKeyId": "AKIDEXAMPLEEXAMPLE00", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCY",
            "SessionToken": "session//+==", "Expiration": "2026-11-22T00:00:00Z",
        })
    }

    fn signed(key: &AwsKey, body: &[u8]) -> Vec<(&'static str, String)> {
        let now = "2026-11-21T12:00:00.9Z".parse().unwrap();
        let host = "bedrock-runtime.us-east-1.amazonaws.com";
        let headers = key.sign(host, "/model/m%3A0/converse", "us-east-1", body, now);
        headers.into_iter().map(|(name, value)| (name, value.expose_key().to_owned())).collect()
    }

    #[test]
    fn both_forms_of_awss_own_command_are_read_and_survive_the_sealed_form() {
        let mut plain = exported();
        plain["SessionToken"] = Value::Null;
        let created = json!({"AccessKey": {
            "UserName": "phi", "AccessKeyId": plain["AccessKeyId"], "Status": "Active",
            "SecretAccessKey": plain["SecretAccessKey"], "CreateDate": "2026-11-21T00:00:00Z",
        }});
        let [with, without, created] =
            [exported(), plain, created].map(|file| AwsKey::parse(&file.to_string()).unwrap());
        for key in [&with, &without] {
            let again = AwsKey::from_bytes(&key.to_bytes()).unwrap();
            assert_eq!(signed(&again, b"{}"), signed(key, b"{}"));
        }
        assert_eq!(signed(&created, b"{}"), signed(&without, b"{}"));
        assert_eq!(format!("{with:?}"), "AwsKey(..)");
    }

    #[test]
    fn a_request_is_signed_with_its_body_its_time_and_its_session() {
        let key = AwsKey::parse(&exported().to_string()).unwrap();
        let headers = signed(&key, b"{}");
        let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "authorization"]);
        // printf '{}' | sha256sum
        assert_eq!(headers[0].1, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
        assert_eq!(headers[1].1, "20261121T120000Z");
        let said = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLEEXAMPLE00/20261121/us-east-1/bedrock/aws4_request, \
                    SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=";
        assert!(headers[3].1.starts_with(said), "{}", headers[3].1);
        assert!(headers.iter().all(|(_, value)| !value.contains("wJalr")));
        assert_ne!(headers[3], signed(&key, b"{ }")[3]);
    }

    #[test]
    fn what_is_no_access_key_is_refused_and_none_of_it_repeated() {
        for (name, value) in [
            ("AccessKeyId", json!("short")),
            ("AccessKeyId", json!("AKIDEXAMPLE\nEXAMPLE")),
            ("AccessKeyId", Value::Null),
            ("SecretAccessKey", json!("")),
            ("SecretAccessKey", json!("sec ret")),
            ("SecretAccessKey", Value::Null),
            ("SessionToken", json!("to\nken")),
            ("SessionToken", json!("")),
        ] {
            let mut file = exported();
            file[name] = value;
            assert_eq!(AwsKey::parse(&file.to_string()).err(), Some(NotAnAwsKey::Field(name)), "{name}");
        }
        for other in ["", "{}", "[]", "null", "{", r#"{"type":"service_account"}"#, r#"{"AccessKeyId":7}"#] {
            assert_eq!(AwsKey::parse(other).err(), Some(NotAnAwsKey::Other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn bytes_that_were_not_sealed_here_are_no_key(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(AwsKey::from_bytes(&bytes).is_err());
        }
    }
}
