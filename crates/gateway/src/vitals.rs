//! How routes fare, for operators. Labels are ids of the catalogue and words of closed sets.

use std::fmt::Write;

use phi_catalog::Catalogue;
use phi_upstream::Upstream;
use phi_words::RouteId;
use serde_json::{Value, json};

/// Which routes of the catalogue are out of service, for `/readyz`.
pub(crate) fn routes(upstream: &Upstream, catalogue: &Catalogue) -> Value {
    json!({ "ejected": known(upstream.health().ejected(), catalogue), "withdrawn": upstream.health().withdrawn() })
}

/// The same, and what was attempted, as figures in the text format of metrics.
pub(crate) fn figures(upstream: &Upstream, catalogue: &Catalogue) -> String {
    let mut text = String::new();
    let ejected = known(upstream.health().ejected(), catalogue);
    let gauges = [("ejected", ejected), ("withdrawn", upstream.health().withdrawn())];
    for (name, routes) in gauges {
        line(&mut text, format_args!("# TYPE phi_route_{name} gauge"));
        for route in routes {
            line(&mut text, format_args!("phi_route_{name}{{route=\"{route}\"}} 1"));
        }
    }
    line(&mut text, format_args!("# TYPE phi_attempts counter"));
    for (route, ended, count) in upstream.attempts() {
        line(&mut text, format_args!("phi_attempts_total{{route=\"{route}\",ended=\"{}\"}} {count}", ended.as_str()));
    }
    let refused = upstream.retries_refused();
    line(&mut text, format_args!("# TYPE phi_retries_refused counter\nphi_retries_refused_total {refused}"));
    text
}

/// Without those that were in the catalogue once: nobody tries them, so they stay ejected.
fn known(mut routes: Vec<RouteId>, catalogue: &Catalogue) -> Vec<RouteId> {
    routes.retain(|route| catalogue.rows().iter().any(|row| row.route == *route));
    routes
}

/// Writing to a string does not fail.
fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    let written = writeln!(text, "{line}");
    debug_assert!(written.is_ok(), "writing to a string does not fail");
}
