//! The operators' listener: whether the process lives, whether it can serve, and what it counted.

use std::sync::atomic::Ordering;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use phi_ledger::Status;
use phi_words::Refusal;
use serde_json::json;

use crate::body::Body;
use crate::framing::Fault;
use crate::metrics::Now;
use crate::request::Gateway;
use crate::{upkeep, vitals};

impl Gateway {
    /// Answers one request of an operator's probe.
    pub(crate) fn operate<B>(&self, request: &Request<B>) -> Response<Body> {
        if *request.method() != Method::GET {
            return reply(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "use GET\n".to_owned());
        }
        match request.uri().path() {
            "/healthz" => reply(StatusCode::OK, "text/plain", "ok\n".to_owned()),
            "/readyz" => self.ready(),
            "/metrics" => {
                let snapshot = self.snapshot();
                let more = upkeep::gauges(&snapshot.scene, self.clock.now())
                    + &vitals::figures(&self.upstream, snapshot.scene.catalogue())
                    + &self.shed();
                let text = self.metrics.text(self.now(), &more);
                reply(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", text)
            }
            _ => reply(StatusCode::NOT_FOUND, "text/plain", "there is /healthz, /readyz and /metrics\n".to_owned()),
        }
    }

    fn ready(&self) -> Response<Body> {
        let snapshot = self.snapshot();
        let ledger = self.recorder.ledger();
        let (healthy, reason) = match ledger.status() {
            Status::Healthy => (true, None),
            Status::Unavailable(fault) => (false, Some(chain(&fault))),
        };
        let draining = self.leaving.load(Ordering::SeqCst);
        let ready = healthy && !draining;
        let body = json!({
            "ready": ready,
            "draining": draining,
            "ledger": { "healthy": healthy, "reason": reason, "durability": ledger.durability().to_string() },
            "snapshot": snapshot.version,
            "catalogue": snapshot.scene.catalogue().version(),
            "policy": "none",
            "routes": vitals::routes(&self.upstream, snapshot.scene.catalogue()),
            "warnings": upkeep::warnings(&snapshot.scene, self.clock.now()),
        });
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        reply(status, "application/json", format!("{body}\n"))
    }

    fn now(&self) -> Now {
        let counters = self.recorder.counters();
        Now {
            running: self.running(),
            snapshot: self.snapshot().version,
            ledger_healthy: matches!(self.recorder.ledger().status(), Status::Healthy),
            alarms: counters.alarms.load(Ordering::Relaxed),
            unwritten: counters.unwritten.load(Ordering::Relaxed),
        }
    }
}

/// Answers in the place of a request that could not be read.
pub(crate) fn turn_away(fault: Fault) -> Response<Body> {
    let refusal = Refusal::from(fault);
    reply(StatusCode::BAD_REQUEST, "text/plain", format!("{}; {}\n", refusal.message, refusal.hint))
}

/// What went wrong, and what caused it: the operator needs both.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn reply(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes::Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
