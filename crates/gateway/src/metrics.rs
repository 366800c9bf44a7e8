//! What is counted. Labels come from closed sets and the catalogue: no text of a caller can become one.

use std::time::Duration;

use http::StatusCode;
use phi_identify::Unidentified;
use phi_words::{Code, Modality};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::places::Full;

#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Reply, Counter>,
    refusals: Family<Refused, Counter>,
    unidentified: Family<Reason, Counter>,
    seconds: Family<Kind, Histogram>,
    turned_away: Family<Limit, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reply {
    modality: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limit {
    limit: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    modality: &'static str,
}

/// What the scrape adds of the moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) running: usize,
    pub(crate) snapshot: u64,
    pub(crate) ledger_healthy: bool,
    pub(crate) alarms: u64,
    pub(crate) unwritten: u64,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("phi");
        let requests = Family::<Reply, Counter>::default();
        registry.register("requests", "Requests that were replied to", requests.clone());
        let refusals = Family::<Refused, Counter>::default();
        registry.register("refusals", "Requests that were refused, by the code of the refusal", refusals.clone());
        let unidentified = Family::<Reason, Counter>::default();
        registry.register("unidentified", "Requests whose credential did not hold", unidentified.clone());
        let seconds =
            Family::<Kind, Histogram>::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 18)));
        registry.register_with_unit("reply", "Time to the head of the reply", Unit::Seconds, seconds.clone());
        let turned_away = Family::<Limit, Counter>::default();
        registry.register(
            "connections_refused",
            "Connections that were closed at once, or in the middle, by the limit that was reached",
            turned_away.clone(),
        );
        Self { registry, requests, refusals, unidentified, seconds, turned_away }
    }

    pub(crate) fn replied(&self, modality: Option<Modality>, status: StatusCode, took: Duration) {
        let modality = modality.map_or("none", Modality::as_str);
        self.requests.get_or_create(&Reply { modality, status: status.as_u16() }).inc();
        self.seconds.get_or_create(&Kind { modality }).observe(took.as_secs_f64());
    }

    pub(crate) fn refused(&self, code: Code) {
        self.refusals.get_or_create(&Refused { code: code.as_str() }).inc();
    }

    pub(crate) fn unidentified(&self, error: &Unidentified) {
        self.unidentified.get_or_create(&Reason { reason: error.reason() }).inc();
    }

    pub(crate) fn turned_away(&self, full: Full) {
        self.turned_away.get_or_create(&Limit { limit: full.as_str() }).inc();
    }

    /// A connection of HTTP/2 sent too many frames that carry no work.
    pub(crate) fn flooded(&self) {
        self.turned_away.get_or_create(&Limit { limit: "frames" }).inc();
    }

    /// The text of a scrape, in the OpenMetrics format, with `more` of it.
    pub(crate) fn text(&self, now: Now, more: &str) -> String {
        let mut text = String::new();
        let counted = encode(&mut text, &self.registry);
        debug_assert!(counted.is_ok(), "writing to a string does not fail");
        let gauges = [
            ("phi_running_requests", now.running as u64),
            ("phi_snapshot_version", now.snapshot),
            ("phi_ledger_healthy", u64::from(now.ledger_healthy)),
            ("phi_alarms", now.alarms),
            ("phi_unwritten_refusals", now.unwritten),
        ];
        let end = text.rfind("# EOF").unwrap_or(text.len());
        text.truncate(end);
        for (name, value) in gauges {
            text.push_str(&format!("# TYPE {name} gauge\n{name} {value}\n"));
        }
        text.push_str(more);
        text.push_str("# EOF\n");
        text
    }
}
