//! What can be looked up: models, the caller's own key, and the caller's own entries. None of it reaches a host.

use http::{HeaderMap, Response};
use phi_identify::Caller;
use phi_police::Terms;
use phi_record::entry::{Record, Who};
use phi_record::{Act, By, Found};
use phi_upstream::Failure;
use phi_words::{Code, Refusal, RequestId};
use serde_json::{Value, json};

use crate::body::Body;
use crate::endpoints::{Look, json as reply};
use crate::request::{Call, Gateway};

impl Gateway {
    /// Answers what can be answered without a host.
    pub(crate) async fn look(
        &self,
        call: &mut Call,
        look: &Look,
        headers: &HeaderMap,
    ) -> Result<Response<Body>, Failure> {
        let snapshot = self.snapshot();
        let caller = self.identify(call, &snapshot, headers)?;
        let _slot = self.admit(call, &caller)?;
        let terms = self.terms(call, &snapshot, caller.clone(), headers)?;
        let value = match look {
            Look::Models(page) => self.models(&snapshot.scene, terms, call.told.surface, page.clone()).await?,
            Look::Model(name) => self.model(&snapshot.scene, terms, call.told.surface, name)?,
            Look::Ping => ping(&terms),
            Look::Request(id) => self.entry(&caller, *id).await?,
        };
        let mut response = reply(format!("{value}\n").into_bytes());
        call.told.write(response.headers_mut());
        Ok(response)
    }

    /// One of the caller's own entries. Reading it is an act, recorded before anything is shown.
    async fn entry(&self, caller: &Caller, id: RequestId) -> Result<Value, Refusal> {
        let who = Who::from(caller);
        let act = Act::new(By::Caller(who.clone()), "entry.read").about("call", id);
        self.recorder.act(act).await.map_err(|error| Refusal::from(&error))?;
        let records = self.recorder.call(id).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "an entry could not be read");
            Refusal::new(Code::LedgerUnavailable, "the ledger cannot be read now", "try again shortly")
        })?;
        if !records.iter().any(|found| is_of(found, &who)) {
            return Err(Refusal::new(
                Code::NotFound,
                "there is no such entry of yours",
                "the id is the `x-request-id` of the reply, and an entry is shown to the agent whose call it was",
            ));
        }
        Ok(
            json!({ "id": id, "object": "entry", "records": records.iter().map(|found| &found.line).collect::<Vec<_>>() }),
        )
    }
}

fn is_of(found: &Found, who: &Who) -> bool {
    let whose = match &found.line.record {
        Record::Opened(opened) => Some(&opened.who),
        Record::Refused(refused) => refused.who.as_ref(),
        Record::Closed(_) | Record::Act(_) => None,
    };
    whose.is_some_and(|theirs| (theirs.org, theirs.agent) == (who.org, who.agent))
}

fn ping(terms: &Terms) -> Value {
    let (caller, org) = (terms.caller(), terms.caller().org());
    json!({
        "object": "ping",
        "organization": org.name,
        "agent": caller.agent().name,
        "key": { "id": caller.token().id, "kind": caller.token().kind.as_str(), "expires": caller.token().expires },
        "region": terms.region(),
        "class": terms.class(),
        "class_floor": org.floor.max(caller.token().floor),
        "regions": allowed(caller),
        "billing_active": false,
    })
}

/// The regions that both token and organization allow; `null` where neither limits them.
fn allowed(caller: &Caller) -> Value {
    match (&caller.org().regions, &caller.token().regions) {
        (Some(org), Some(token)) => json!(org.intersection(token).collect::<Vec<_>>()),
        (Some(one), None) | (None, Some(one)) => json!(one),
        (None, None) => Value::Null,
    }
}
