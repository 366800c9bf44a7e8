//! Vertex AI, which is shown tokens that a service account signs, at a location inside the region that was asked for.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use phi_crypto::unpem;
use phi_simulate::Host;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::setup::put_key;
use crate::stand::{Stand, text};

const PEM: &str = include_str!("../../../crypto/golden/test-only-rsa-2048.pem");
const EMAIL: &str = "gateway@clinic-eu.iam.gserviceaccount.com";
const KEY_ID: &str = "0123456789abcdef0123456789abcdef01234567";
const HOUR: i64 = 3_600;
/// A second before the end of the time for which a token is kept.
const ALMOST: Duration = Duration::from_secs(55 * 60 - 1);

pub(crate) fn key_file() -> String {
    let file = json!({
        "type": "service_account", "project_id": "clinic-eu", "private_key_id": KEY_ID, "private_key": PEM,
        "client_email": EMAIL, "token_uri": "https://oauth2.googleapis.com/token", "universe_domain": "googleapis.com",
    });
    serde_json::to_string_pretty(&file).unwrap()
}

fn in_region(region: &str) -> Ask {
    Ask::chat("auto").header("x-region", region)
}

/// The one token that every request to a host has shown.
fn token(host: &Host) -> String {
    let shown: Vec<_> = host.seen().iter().map(|seen| seen.header("authorization").unwrap()).collect();
    assert!(shown.iter().all(|one| *one == shown[0]), "{} tokens", shown.len());
    shown[0].strip_prefix("Bearer ").unwrap().to_owned()
}

/// The claims of a token, if the account has signed them.
fn claims(token: &str) -> Value {
    let (said, signature) = token.rsplit_once('.').unwrap();
    let public = RsaKeyPair::from_pkcs8(&unpem(PEM).unwrap()).unwrap().public_key().as_ref().to_vec();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).verify(said.as_bytes(), &signature).unwrap();
    let (header, claims) = said.split_once('.').unwrap();
    let read = |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    assert_eq!(read(header), json!({"alg": "RS256", "typ": "JWT", "kid": KEY_ID}));
    read(claims)
}

#[tokio::test]
async fn a_service_account_is_shown_by_a_token_that_it_signed_itself() {
    let stand = Stand::up().await;
    let put = put_key(&stand.deployment, "google", "vertex", &key_file()).await;
    assert_eq!((&put["kind"], &put["params"]), (&json!("google-service-account"), &json!({"project": "clinic-eu"})));
    for ask in [in_region("UK"), Ask::stream("google/gemini-2.5-flash").header("x-region", "UK")] {
        let reply = stand.ask(ask).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("x-phi-routed"), Some("google-gemini-2.5-flash-europe-west2/UK/general"));
        assert!(reply.text().contains(r#""model":"google/gemini-2.5-flash""#), "{}", reply.text());
    }
    assert_eq!(stand.reached(), ["london"]);
    let host = stand.host("london");
    for seen in host.seen() {
        let path = "/v1/projects/clinic-eu/locations/europe-west2/endpoints/openapi/chat/completions";
        assert_eq!((seen.path().as_str(), &seen.json()["model"]), (path, &json!("google/gemini-2.5-flash")));
    }
    let issued = stand.clock.now().as_second();
    let expected = json!({
        "iss": EMAIL, "sub": EMAIL, "aud": "https://aiplatform.googleapis.com/", "iat": issued, "exp": issued + HOUR,
    });
    assert_eq!(claims(&token(host)), expected);
}

#[tokio::test]
async fn each_region_of_google_is_answered_from_inside_it() {
    let stand = Stand::up().await;
    assert_eq!(stand.ask(in_region("UK")).await.refusal(), (422, "no_route".to_owned()), "without a key");
    put_key(&stand.deployment, "google", "vertex", &key_file()).await;
    for (region, name, location) in [
        ("UK", "london", "europe-west2"),
        ("INDIA", "mumbai", "asia-south1"),
        ("ANZ", "sydney", "australia-southeast1"),
        ("ASIA", "tokyo", "asia-northeast1"),
        ("LATAM", "sao-paulo", "southamerica-east1"),
        ("MENA", "tel-aviv", "me-west1"),
        ("WORLD", "vertex", "global"),
    ] {
        stand.afresh();
        let reply = stand.ask(in_region(region)).await;
        assert_eq!((reply.status, stand.reached()), (200, vec![name]), "{region}: {}", reply.text());
        let path = stand.host(name).seen()[0].path();
        assert!(path.contains(&format!("/locations/{location}/")), "{region}: {path}");
        assert_eq!(stand.ask(in_region(region).phi()).await.refusal(), (403, "phi_blocked".to_owned()), "{region}");
        assert_eq!(stand.host(name).seen().len(), 1, "PHI came to a host without an agreement");
    }
}

#[tokio::test]
async fn a_token_is_kept_until_five_minutes_before_its_end() {
    let stand = Stand::up().await;
    put_key(&stand.deployment, "google-europe-west2", "vertex", &key_file()).await;
    let host = stand.host("london");
    assert_eq!(stand.ask(in_region("UK")).await.status, 200);
    stand.clock.advance(ALMOST);
    assert_eq!(stand.ask(in_region("UK")).await.status, 200);
    let first = token(host);
    host.forget();
    stand.clock.advance(Duration::from_secs(1));
    assert_eq!(stand.ask(in_region("UK")).await.status, 200);
    let (first, second) = (claims(&first), claims(&token(host)));
    assert_eq!(second["iat"].as_i64(), first["iat"].as_i64().map(|iat| iat + 55 * 60));
}

#[tokio::test]
async fn a_revoked_account_is_shown_to_nobody_and_its_successor_signs_anew() {
    let stand = Stand::up().await;
    let first = put_key(&stand.deployment, "google", "vertex", &key_file()).await;
    let host = stand.host("london");
    assert_eq!(stand.ask(in_region("UK")).await.status, 200);
    let old = token(host);
    stand.phi(&format!("vault revoke {}", text(&first["id"]))).await;
    host.forget();
    assert_eq!(stand.ask(in_region("UK")).await.refusal(), (422, "no_route".to_owned()));
    assert_eq!(host.seen().len(), 0);
    stand.clock.advance(Duration::from_secs(60));
    put_key(&stand.deployment, "google", "vertex", &key_file()).await;
    assert_eq!(stand.ask(in_region("UK")).await.status, 200);
    let (old, new) = (claims(&old), claims(&token(host)));
    assert_eq!(new["iat"].as_i64(), old["iat"].as_i64().map(|iat| iat + 60), "the old token is not shown again");
}

#[tokio::test]
async fn a_plain_key_of_google_is_never_shown_to_vertex() {
    let stand = Stand::up().await;
    put_key(&stand.deployment, "google", "developer", "sk-of-the-developer-api").await;
    // In WORLD the model is the developer API's too, so the route is named.
    for (region, model) in [("UK", "google/gemini-2.5-flash"), ("WORLD", "google-gemini-2.5-flash-europe-west2")] {
        let reply = stand.ask(Ask::chat(model).header("x-region", region)).await;
        assert_eq!(reply.refusal(), (422, "no_route".to_owned()), "{region}");
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
    // The two kinds stand side by side under one provider.
    put_key(&stand.deployment, "google", "vertex", &key_file()).await;
    assert_eq!(stand.ask(in_region("UK")).await.status, 200);
    assert_eq!(claims(&token(stand.host("london")))["iss"], EMAIL);
}

#[tokio::test]
async fn neither_key_nor_token_is_written_down_anywhere() {
    let stand = Stand::up().await;
    put_key(&stand.deployment, "google", "vertex", &key_file()).await;
    stand.ask(in_region("UK")).await;
    let shown = token(stand.host("london"));
    let signature = shown.rsplit('.').next().unwrap();
    let (der, line) = (unpem(PEM).unwrap(), PEM.lines().nth(7).unwrap());
    let needles = [signature.as_bytes(), line.as_bytes(), &der[200..264]];
    assert_eq!(holding(stand.folder(), &needles), Vec::<String>::new());
    std::fs::write(stand.folder().join("planted"), &der[100..400]).unwrap();
    assert_eq!(holding(stand.folder(), &needles).len(), 1, "what is there is found");
}

/// The files below a folder that hold any of these.
fn holding(folder: &Path, needles: &[&[u8]]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, needles));
        } else if let Ok(bytes) = std::fs::read(&path) {
            let holds = |needle: &&[u8]| bytes.windows(needle.len()).any(|window| window == *needle);
            found.extend(needles.iter().any(holds).then(|| path.display().to_string()));
        }
    }
    found
}
