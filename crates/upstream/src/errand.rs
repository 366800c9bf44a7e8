//! What leaves for a host beside requests: errands, which carry no payload.

use std::time::Duration;

use http::StatusCode;
use phi_catalog::Dialect;
use phi_route::Site;
use phi_route::health::Probed;
use tokio::time::Instant;

use crate::Upstream;
use crate::client::{Arrived, Trouble};
use crate::hosts::Target;

/// How long a host may take to answer an errand, and how long a body is read that nobody needs.
const WITHIN: Duration = Duration::from_secs(10);
const LONGEST: usize = 1 << 20;

/// A request without payload to a host of the catalogue. It cannot carry anything:
///
/// ```compile_fail
/// fn smuggle(site: phi_route::Site, prompt: phi_words::Prompt) -> phi_upstream::Errand {
///     phi_upstream::Errand::probe(site, prompt)
/// }
/// ```
/// ```
/// fn ask(site: phi_route::Site) -> phi_upstream::Errand {
///     phi_upstream::Errand::probe(site)
/// }
/// ```
#[derive(Debug)]
pub struct Errand {
    site: Site,
}

impl Errand {
    /// Asks a host whether it lives and takes our key, by the cheapest path that its dialect documents.
    pub fn probe(site: Site) -> Self {
        Self { site }
    }
}

impl Upstream {
    /// Runs an errand. Of the answer nothing is kept but what it shows.
    pub async fn errand(&self, errand: Errand) -> Probed {
        let Errand { site } = errand;
        let Some(path) = path(site.host().dialect) else { return Probed::Gone };
        let until = Instant::now() + WITHIN;
        let Ok(key) = self.keys.lease(site.host(), site.credential()).await else { return Probed::Refused };
        let looked = match Target::of(site.host(), site.address()) {
            Ok(target) => self.client.look(&target, path, key.as_ref(), until).await,
            Err(error) => Err(error.into()),
        };
        let probed = judge(&looked);
        let status = looked.as_ref().ok().map(|arrived| arrived.status().as_u16());
        tracing::info!(host = %site.host().name, status, ?probed, "a host was probed");
        if let Ok(arrived) = looked {
            // Read to its end, the connection is kept; whatever it says is dropped.
            drop(arrived.whole(LONGEST).await);
        }
        probed
    }
}

/// Where a host of a dialect tells its models, or of itself.
const fn path(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::OpenAi | Dialect::AzureOpenAi | Dialect::Mistral | Dialect::Anthropic | Dialect::Gemini => {
            Some("/models")
        }
        // <https://learn.microsoft.com/en-us/rest/api/aiservices/miscellaneous-operations/get-resource-details>
        Dialect::AzureDocuments => Some("/info?api-version=2024-11-30"),
        Dialect::AzureSpeech
        | Dialect::AnthropicVertex
        | Dialect::Bedrock
        | Dialect::Fal
        | Dialect::InfomaniakBatch => None,
    }
}

fn judge(looked: &Result<Arrived, Trouble>) -> Probed {
    match looked {
        Ok(arrived) => of_status(arrived.status(), arrived.told().retry_after),
        Err(Trouble::Target(_)) => Probed::Refused,
        Err(
            Trouble::Connect(_)
            | Trouble::Late(_)
            | Trouble::Broken(_)
            | Trouble::NotHttp(_)
            | Trouble::CutShort
            | Trouble::TooLong(_)
            | Trouble::Encoded,
        ) => Probed::Fault,
    }
}

/// Whatever is no failure is an answer: a host may not have this path, or not let this key look at it, and lives.
fn of_status(status: StatusCode, retry_after: Option<Duration>) -> Probed {
    match status.as_u16() {
        401 | 402 | 412 => Probed::Refused,
        429 => Probed::RateLimited(retry_after),
        500.. => Probed::Fault,
        _ => Probed::Lives,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_meaning() {
        let of = |code| of_status(StatusCode::from_u16(code).expect("a status"), Some(WITHIN));
        for lives in [200, 204, 301, 400, 403, 404, 405, 408] {
            assert_eq!(of(lives), Probed::Lives, "{lives}");
        }
        for refused in [401, 402, 412] {
            assert_eq!(of(refused), Probed::Refused, "{refused}");
        }
        for fault in [500, 502, 503, 529] {
            assert_eq!(of(fault), Probed::Fault, "{fault}");
        }
        assert_eq!(of(429), Probed::RateLimited(Some(WITHIN)));
    }
}
