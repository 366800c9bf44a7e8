//! A request that an operator has sent: it goes the way of every other one, from its terms on, and is an entry like it.

use std::net::{IpAddr, Ipv4Addr};

use http::HeaderMap;
use http_body_util::BodyExt;
use phi_dialect::Way;
use phi_identify::Caller;
use phi_upstream::Failure;
use phi_words::{Code, Completion, Modality, Prompt, Refusal, RequestId};

use super::{Call, Gateway, internal};
use crate::tap;

impl Gateway {
    /// Sends a request as this caller with these headers, under an id that stands for no other: a whole chat completion, or
    /// embeddings. Floors, limits, permit, plan and record are those of every request; what came of it counts for the health
    /// of its routes. Dropped meanwhile, the caller left.
    ///
    /// # Errors
    /// What a caller would have been told.
    pub async fn try_for_operator(
        &self,
        id: RequestId,
        caller: Caller,
        headers: &HeaderMap,
        modality: Modality,
        request: Prompt,
    ) -> Result<Completion, Refusal> {
        let mut call = Call::new(IpAddr::V4(Ipv4Addr::LOCALHOST));
        call.told.id = id;
        let tried = Box::pin(self.tried(&mut call, caller, headers, modality, request)).await;
        match tried {
            Ok(answer) => Ok(answer),
            Err(failure) => {
                let refusal = failure.refusal.clone();
                // Written down like every refusal; nobody waits for its response.
                drop(self.refuse(&mut call, failure).await);
                Err(refusal)
            }
        }
    }

    async fn tried(
        &self,
        call: &mut Call,
        caller: Caller,
        headers: &HeaderMap,
        modality: Modality,
        request: Prompt,
    ) -> Result<Completion, Failure> {
        let way = way(modality)?;
        (call.way, call.caller) = (Some(way), Some(caller.clone()));
        call.place = Some(self.place()?);
        let snapshot = self.snapshot();
        let slot = self.admit(call, &caller)?;
        let terms = self.terms(call, &snapshot, caller, headers)?;
        let (asked, reading) = (request.clone(), self.reading(&terms, snapshot.scene.catalogue()));
        let sealer = self.upstream.sealer(terms.caller().org().id, reading.class);
        // The first embeddings load a vocabulary, which takes long.
        let reading = tokio::task::spawn_blocking(move || way.read(asked, reading, &sealer));
        let question = reading.await.unwrap_or_else(|_| Err(internal()))?;
        let permit = self.police.permit(terms.ask(question, request))?;
        let plan = self.plan(call, &snapshot, permit)?;
        let opened = self.recorder.open(call.told.id, None, plan, slot, call.arrived).await?;
        call.opened = true;
        let fetched = self.fetch(call, opened).await?;
        let reply = self.upstream.walk(fetched).await?;
        let response = tap::respond(call, way, reply, self.upstream.ending()).await?;
        let body = response.into_body().collect().await.map_err(|_| internal())?;
        Ok(Completion::new(body.to_bytes()))
    }
}

/// The way in of a kind of work.
fn way(modality: Modality) -> Result<Way, Refusal> {
    match modality {
        Modality::Chat => Ok(Way::Chat),
        Modality::Embeddings => Ok(Way::Embeddings),
        Modality::Ocr
        | Modality::Transcription
        | Modality::Speech
        | Modality::Image
        | Modality::Video
        | Modality::Math => {
            Err(Refusal::new(Code::NotFound, "no endpoint for this kind of work is built", "use chat or embeddings"))
        }
    }
}
