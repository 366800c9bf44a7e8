//! What would become of a request: the way of a real one up to its plan, with the fate of every route that its model's
//! name may mean. Nothing reaches a host, and nothing of the request is kept.

use std::sync::Arc;

use http::{HeaderMap, Response};
use hyper::body::Incoming;
use jiff::{Timestamp, Unit};
use phi_catalog::{Host, Row};
use phi_dialect::remote::Reading;
use phi_dialect::{Explain, Question, Sealer, Way, read_explain};
use phi_identify::Caller;
use phi_police::Permit;
use phi_route::health::Unfit;
use phi_route::{Candidate, Dropped, Health, Scene, Weighed, weigh};
use phi_upstream::Failure;
use phi_words::{Code, MicroUsd, Prompt, Refusal, Wait};
use serde_json::{Map, Value, json};

use super::{Endpoint, json as reply, named};
use crate::body::Body;
use crate::headers;
use crate::request::{Call, Gateway, internal};
use crate::surface;

/// What a request is weighed against: what is in force, or what might be.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    /// Catalogue, agreements, credentials and settings.
    pub scene: &'a Scene,
    /// Who is fit; without it, every route counts as fit.
    pub health: Option<&'a Health>,
    /// The time.
    pub now: Timestamp,
}

impl Gateway {
    /// Answers `POST /route/explain`.
    pub(crate) async fn explain(
        &self,
        call: &mut Call,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Response<Body>, Failure> {
        let snapshot = self.snapshot();
        let caller = self.identify(call, &snapshot, headers)?;
        let _slot = self.admit(call, &caller)?;
        let terms = self.terms(call, &snapshot, caller, headers)?;
        let (body, _) = self.body(call, Way::Chat, headers, body).await?;
        let reading = self.reading(&terms, snapshot.scene.catalogue());
        let sealer = self.upstream.sealer(terms.caller().org().id, reading.class);
        let reading = move || read_explain(body).and_then(|asked| read(asked, reading, &sealer));
        let reading = tokio::task::spawn_blocking(reading);
        let (question, body) = reading.await.unwrap_or_else(|_| Err(internal()))?;
        let permit = self.police.permit(terms.ask(question, body))?;
        let (health, now) = (Arc::clone(self.health()), self.clock.now());
        let weighing = move || {
            let stage = Stage { scene: &snapshot.scene, health: Some(&health), now };
            format!("{}\n", explained(&permit, &stage, &|_| Map::new()))
        };
        // A long catalogue is nobody else's wait.
        let text = tokio::task::spawn_blocking(weighing).await.map_err(|_| internal())?;
        let mut response = reply(text);
        call.told.write(response.headers_mut());
        Ok(response)
    }

    /// Explains a request to an operator, as if this caller had sent it with these headers: more is told of each host.
    ///
    /// # Errors
    /// What the caller would be refused with before anything is weighed.
    pub fn explain_to_operator(
        &self,
        caller: Caller,
        headers: &HeaderMap,
        endpoint: &str,
        request: Prompt,
        stage: &Stage<'_>,
    ) -> Result<Value, Refusal> {
        let wishes = headers::wishes(headers, stage.scene.catalogue())?;
        let terms = self.police.terms(caller, wishes)?;
        let asked = Explain { endpoint: endpoint.to_owned(), request };
        let sealer = self.upstream.sealer(terms.caller().org().id, terms.class());
        let reading = self.reading(&terms, stage.scene.catalogue());
        let (question, body) = read(asked, reading, &sealer)?;
        let permit = self.police.permit(terms.ask(question, body))?;
        Ok(explained(&permit, stage, &|row| of_host(&row.host)))
    }
}

/// The request that is to be explained.
fn read(asked: Explain, reading: Reading, sealer: &Sealer) -> Result<(Question, Prompt), Refusal> {
    let question = way(&asked.endpoint)?.read(asked.request.clone(), reading, sealer)?;
    Ok((question, asked.request))
}

fn explained(permit: &Permit, stage: &Stage<'_>, more: &dyn Fn(&Row) -> Map<String, Value>) -> Value {
    let Weighed { candidates, refusal } = weigh(permit, stage.scene, stage.health, stage.now);
    let (others, told): (Vec<_>, Vec<_>) =
        candidates.iter().partition(|candidate| candidate.dropped == Some(Dropped::OtherWork));
    let told = told.iter().enumerate();
    let told: Vec<_> = told.map(|(at, candidate)| shown(at + 1, candidate, more(candidate.row))).collect();
    json!({
        "object": "route.explanation",
        "modality": permit.ask().question().modality(),
        "model": known(permit, stage.scene),
        "region": permit.ask().terms().region(),
        "class": permit.ask().terms().class(),
        "at": stage.now.round(Unit::Second).unwrap_or(stage.now),
        "catalogue": stage.scene.catalogue().version(),
        "billing_active": false,
        "refusal": refusal.as_ref().map(refused),
        "candidates": told,
        "routes_of_other_work": others.len(),
    })
}

/// The way in by a path, if it is one that may reach a host.
fn way(endpoint: &str) -> Result<Way, Refusal> {
    let found = named(&format!("/v1{endpoint}")).map(|(endpoint, _)| endpoint);
    if let Some(Endpoint::Ask(way)) = found {
        return Ok(way);
    }
    let hint = "name the path below `/v1` of a request that reaches hosts, such as `/chat/completions`";
    Err(Refusal::new(Code::InvalidRequest, "`endpoint` is no path that can be explained", hint).at("endpoint"))
}

/// The name that was asked for, where it is one: a caller's own words are not repeated.
fn known<'a>(permit: &'a Permit, scene: &Scene) -> Option<&'a str> {
    let model = permit.ask().question().model();
    scene.catalogue().knows(model).then_some(model.as_str())
}

fn shown(place: usize, candidate: &Candidate<'_>, more: Map<String, Value>) -> Value {
    let Candidate { row, cost, worst, dropped } = candidate;
    let wait = match dropped {
        Some(Dropped::Unfit(Unfit { wait, .. })) => wait.map(|wait| Wait::new(wait).seconds()),
        Some(_) | None => None,
    };
    let mut told = json!({
        "place": dropped.is_none().then_some(place),
        "route": row.route,
        "model": row.model,
        "provider": row.provider,
        "list_micro": cost.map(|cost| cost.list.micros()),
        "charge_micro": cost.map(|cost| cost.charge.micros()),
        "hold_micro": worst.map(MicroUsd::micros),
        "reason": dropped.as_ref().map(Dropped::code),
        "says": dropped.as_ref().map(Dropped::sentence),
        "retry_after": wait,
    });
    if let Value::Object(fields) = &mut told {
        fields.extend(more);
    }
    told
}

/// What an operator is told of a host beside the rest.
fn of_host(host: &Host) -> Map<String, Value> {
    let places = host.processes_in.countries().map_or_else(|| json!("anywhere"), |countries| json!(countries));
    let fields = [("host", json!(host.name)), ("processes_in", places), ("evidence", json!(host.evidence))];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn refused(refusal: &Refusal) -> Value {
    json!({
        "status": surface::status(None, refusal.code).as_u16(),
        "code": refusal.code,
        "message": refusal.message,
        "hint": refusal.hint,
        "param": refusal.param,
        "retry_after": refusal.wait.map(Wait::seconds),
    })
}
