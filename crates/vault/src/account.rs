use std::fmt;

use jiff::{SignedDuration, Timestamp};
use phi_crypto::{Unsealable, base64url, sign_rs256, unpem};
use phi_words::ProviderKey;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::written::Zeroized;

/// The version of the form in which an account is sealed: this line, the account, the key's id, and the key as DER.
const FORM: &str = "google-service-account-v1";
/// The one service that a token is good for. Every location of Vertex AI takes it: it is the service's name, not the
/// host's (<https://google.aip.dev/auth/4111>, "Scope vs. Audience").
const AUDIENCE: &str = "https://aiplatform.googleapis.com/";
/// Where Google's accounts live; other universes have other hosts.
const UNIVERSE: &str = "googleapis.com";

/// A Google service account, which speaks for itself: it signs tokens, and no server is asked for one.
pub struct ServiceAccount {
    email: String,
    key_id: String,
    key: Zeroizing<Vec<u8>>,
    project: Option<String>,
}

/// Why a text is no key file of a service account. None of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAccount {
    /// It is no JSON object of such fields.
    #[error("the key file is not the JSON file that Google gives for a key of a service account")]
    NotJson,
    /// It is of another type, such as a person's credentials.
    #[error("the key file is not of the type `service_account`")]
    OtherType,
    /// A field is missing, or makes no sense.
    #[error("the key file has no `{0}`, or none that makes sense")]
    Field(&'static str),
    /// It is of another cloud than Google's public one.
    #[error("the key file is of another `universe_domain` than `googleapis.com`")]
    Universe,
    /// The key cannot sign.
    #[error("the key file's `private_key` is not an RSA key of 2,048 to 4,096 bits in a PEM of PKCS#8")]
    Key,
}

/// The fields of a key file that say anything here; `token_uri` and all others do not.
#[derive(Deserialize)]
struct Written {
    r#type: Option<String>,
    project_id: Option<String>,
    private_key_id: Option<String>,
    private_key: Option<Zeroized>,
    client_email: Option<String>,
    universe_domain: Option<String>,
}

impl ServiceAccount {
    /// How long a token holds, which is the longest that Google takes.
    pub const TOKEN: SignedDuration = SignedDuration::from_hours(1);

    /// Reads a key file as Google gives it (<https://cloud.google.com/iam/docs/keys-create-delete>).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NotAnAccount> {
        // What the reader of JSON would say may repeat a part of the key.
        let written: Written = serde_json::from_str(text).map_err(|_| NotAnAccount::NotJson)?;
        if written.r#type.as_deref() != Some("service_account") {
            return Err(NotAnAccount::OtherType);
        }
        if written.universe_domain.is_some_and(|domain| domain != UNIVERSE) {
            return Err(NotAnAccount::Universe);
        }
        let field = |value: Option<String>, name, fits: fn(&str) -> bool| {
            value.filter(|value| fits(value)).ok_or(NotAnAccount::Field(name))
        };
        let email = field(written.client_email, "client_email", is_account)?;
        let key_id = field(written.private_key_id, "private_key_id", is_key_id)?;
        let key = unpem(&written.private_key.ok_or(NotAnAccount::Field("private_key"))?.0).ok_or(NotAnAccount::Key)?;
        sign_rs256(&key, b"").map_err(|_| NotAnAccount::Key)?;
        Ok(Self { email, key_id, key, project: written.project_id })
    }

    /// The project that the key file names, if it does.
    pub fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// A token that shows the account to Vertex AI for an hour: a JWT (RFC 7519) that it signs itself, with an audience
    /// and so without a scope (<https://google.aip.dev/auth/4111>). It takes about a millisecond: not for an asynchronous
    /// thread.
    ///
    /// # Errors
    /// Where the key is none; then it is not what was sealed.
    pub fn token(&self, now: Timestamp) -> Result<ProviderKey, Unsealable> {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.key_id});
        let issued = now.as_second();
        let expires = issued.saturating_add(Self::TOKEN.as_secs());
        let claims = json!({"iss": self.email, "sub": self.email, "aud": AUDIENCE, "iat": issued, "exp": expires});
        let said = [header, claims].map(|part| base64url(part.to_string().as_bytes())).join(".");
        let signature = sign_rs256(&self.key, said.as_bytes()).map_err(|_| Unsealable)?;
        Ok(ProviderKey::new(format!("{said}.{}", base64url(&signature))))
    }

    /// The form in which it is sealed. The project is no part of it: it is a parameter of the credential.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(512 + self.key.len()));
        for line in [FORM, &self.email, &self.key_id] {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(&self.key);
        bytes
    }

    /// What [`ServiceAccount::to_bytes`] gave.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Unsealable> {
        let mut parts = bytes.splitn(4, |byte| *byte == b'\n');
        let mut line = || parts.next().and_then(|part| std::str::from_utf8(part).ok()).ok_or(Unsealable);
        let (form, email, key_id) = (line()?, line()?.to_owned(), line()?.to_owned());
        let key = Zeroizing::new(parts.next().ok_or(Unsealable)?.to_vec());
        if form != FORM {
            return Err(Unsealable);
        }
        Ok(Self { email, key_id, key, project: None })
    }
}

/// `NAME@PROJECT.iam.gserviceaccount.com`, or one of the accounts that Google makes itself.
fn is_account(text: &str) -> bool {
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b));
    text.len() <= 254
        && text.split_once('@').is_some_and(|(name, domain)| {
            !name.is_empty() && plain(name) && plain(domain) && domain.ends_with(".gserviceaccount.com")
        })
}

fn is_key_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceAccount(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const PEM: &str = include_str!("../../crypto/golden/test-only-rsa-2048.pem");
    const SHORT: &str = include_str!("../../crypto/golden/test-only-rsa-1024.pem");

    fn file() -> Value {
        json!({
            "type": "service_account",
            "project_id": "clinic-eu",
            "private_key_id": "0123456789abcdef0123456789abcdef01234567",
            "private_key": PEM,
            "client_email": "gateway@clinic-eu.iam.gserviceaccount.com",
            "client_id": "123456789012345678901",
            "token_uri": "https://tokens.example/steal",
            "universe_domain": "googleapis.com",
        })
    }

    /// The file with a field set to a value, or without it.
    fn with(name: &str, value: Value) -> Result<ServiceAccount, NotAnAccount> {
        let mut file = file();
        file[name] = value;
        ServiceAccount::parse(&file.to_string())
    }

    #[test]
    fn a_key_file_is_read_and_survives_its_sealed_form() {
        let account = ServiceAccount::parse(&file().to_string()).unwrap();
        assert_eq!(account.project(), Some("clinic-eu"));
        let again = ServiceAccount::from_bytes(&account.to_bytes()).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(account.token(now).unwrap().expose_key(), again.token(now).unwrap().expose_key());
        assert_eq!(again.project(), None);
        assert!(with("universe_domain", Value::Null).is_ok() && with("project_id", Value::Null).is_ok());
        assert_eq!(format!("{account:?}"), "ServiceAccount(..)");
    }

    #[test]
    fn a_token_says_what_google_asks_for_and_nothing_else() {
        let token = ServiceAccount::parse(&file().to_string()).unwrap();
        let token = token.token("2026-11-21T12:00:00.9Z".parse().unwrap()).unwrap();
        let parts: Vec<&str> = token.expose_key().split('.').collect();
        // printf '%s' PART | base64 -d
        let header = r#"{"alg":"RS256","typ":"JWT","kid":"0123456789abcdef0123456789abcdef01234567"}"#;
        let claims = r#"{"iss":"gateway@clinic-eu.iam.gserviceaccount.com","sub":"gateway@clinic-eu.iam.gserviceaccount.com","aud":"https://aiplatform.googleapis.com/","iat":1795262400,"exp":1795266000}"#;
        assert_eq!(parts[..2], [base64url(header.as_bytes()), base64url(claims.as_bytes())]);
        let signature = sign_rs256(&unpem(PEM).unwrap(), format!("{}.{}", parts[0], parts[1]).as_bytes()).unwrap();
        assert_eq!(parts[2..], [base64url(&signature)]);
    }

    #[test]
    fn what_is_no_key_file_is_refused_and_none_of_it_repeated() {
        let table: &[(&str, Value, NotAnAccount)] = &[
            ("type", json!("authorized_user"), NotAnAccount::OtherType),
            ("type", json!("external_account"), NotAnAccount::OtherType),
            ("type", Value::Null, NotAnAccount::OtherType),
            ("type", json!(7), NotAnAccount::NotJson),
            ("universe_domain", json!("evil.example"), NotAnAccount::Universe),
            ("client_email", json!("nobody"), NotAnAccount::Field("client_email")),
            ("client_email", json!("a@evil.example"), NotAnAccount::Field("client_email")),
            ("client_email", json!("a@b@x.iam.gserviceaccount.com"), NotAnAccount::Field("client_email")),
            ("client_email", json!("a\n@x.iam.gserviceaccount.com"), NotAnAccount::Field("client_email")),
            ("client_email", Value::Null, NotAnAccount::Field("client_email")),
            ("private_key_id", json!("a\nb"), NotAnAccount::Field("private_key_id")),
            ("private_key_id", json!(""), NotAnAccount::Field("private_key_id")),
            ("private_key_id", Value::Null, NotAnAccount::Field("private_key_id")),
            ("private_key", Value::Null, NotAnAccount::Field("private_key")),
            ("private_key", json!(["secret"]), NotAnAccount::NotJson),
            ("private_key", json!("secret"), NotAnAccount::Key),
            ("private_key", json!(SHORT), NotAnAccount::Key),
            ("private_key", json!(PEM.replace("PRIVATE", "RSA PRIVATE")), NotAnAccount::Key),
            ("private_key", json!(PEM.repeat(2)), NotAnAccount::Key),
        ];
        for (name, value, expected) in table {
            let error = with(name, value.clone()).expect_err(name);
            assert_eq!(error, *expected, "{name}");
            assert!(!error.to_string().contains("secret") && !error.to_string().contains("evil"), "{error}");
        }
        for text in ["", "{", "[]", "null", PEM, "sk-one-line"] {
            assert_eq!(ServiceAccount::parse(text).err(), Some(NotAnAccount::NotJson));
        }
        let twice = file().to_string().replacen('{', r#"{"type":"service_account","#, 1);
        assert_eq!(ServiceAccount::parse(&twice).err(), Some(NotAnAccount::NotJson), "a field stands once");
    }

    proptest! {
        #[test]
        fn a_cut_or_spoiled_file_is_an_error_and_never_another_account(at in 0..2_000_usize, byte in 0..=127_u8) {
            let text = file().to_string();
            let at = at % text.len();
            prop_assert!(ServiceAccount::parse(&text[..at]).is_err());
            let mut spoiled = text.into_bytes();
            spoiled[at] = byte;
            let Ok(spoiled) = String::from_utf8(spoiled) else { return Ok(()) };
            if let Ok(account) = ServiceAccount::parse(&spoiled) {
                let own = unpem(PEM).unwrap();
                prop_assert_eq!(sign_rs256(&account.key, b"x"), sign_rs256(&own, b"x"));
            }
        }

        #[test]
        fn bytes_that_were_not_sealed_here_are_no_account(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let account = ServiceAccount::from_bytes(&bytes);
            prop_assert!(account.is_err());
        }
    }
}
