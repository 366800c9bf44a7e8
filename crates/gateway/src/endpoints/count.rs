//! How long an input is, estimated here: no host is asked, so that nothing leaves and nothing is charged.

use http::{HeaderMap, Response};
use hyper::body::Incoming;
use phi_dialect::{Way, read_counted};
use phi_upstream::Failure;
use phi_words::{Code, Modality, Quality, Refusal};
use serde_json::json;

use crate::body::Body;
use crate::endpoints::json as reply;
use crate::request::{Call, Gateway, internal};

impl Gateway {
    /// Answers `POST /messages/count_tokens`.
    pub(crate) async fn count(
        &self,
        call: &mut Call,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Response<Body>, Failure> {
        let snapshot = self.snapshot();
        let caller = self.identify(call, &snapshot, headers)?;
        let _slot = self.admit(call, &caller)?;
        let terms = self.terms(call, &snapshot, caller, headers)?;
        let (body, _) = self.body(call, Way::Messages, headers, body).await?;
        let as_asked = self.reading(&terms, snapshot.scene.catalogue());
        // A long body is nobody else's wait.
        let reading = move || read_counted(body, as_asked).map(|asked| (asked.model().clone(), asked.count()));
        let (model, tokens) = tokio::task::spawn_blocking(reading).await.unwrap_or_else(|_| Err(internal()))?;
        let now = self.clock.now();
        if phi_route::offered(&terms, &model, Modality::Chat, &snapshot.scene, now).is_empty() {
            let hint = "`GET /v1/models` lists those that are";
            let message = "this model does not chat for you in this region and class";
            return Err(Refusal::new(Code::ModelNotFound, message, hint).at("model").into());
        }
        call.told.usage = Some(Quality::Estimated);
        let mut response = reply(format!("{}\n", json!({ "input_tokens": tokens })).into_bytes());
        call.told.write(response.headers_mut());
        Ok(response)
    }
}
