//! The one who looks after ejected routes: when the rest of one is over, a probe decides whether it is tried again. So a
//! gateway whose routes are all ejected heals by itself, whether anybody calls or not.

use std::sync::Arc;
use std::time::Duration;

use phi_route::health::{Due, Probe, Probed};
use phi_upstream::Errand;
use tokio::task::JoinSet;

use crate::request::Gateway;
use crate::serve::Stop;

/// How many routes are probed at once.
const AT_ONCE: usize = 8;
/// How soon to look again, where a route is due and cannot be probed yet.
const SHORTLY: Duration = Duration::from_millis(100);

impl Gateway {
    /// Probes every route that is due, until told to stop.
    pub async fn look_after(self: Arc<Self>, mut stop: Stop) {
        let mut news = self.health().news();
        let mut probes = JoinSet::new();
        loop {
            for (probe, due) in self.due(AT_ONCE - probes.len()) {
                let gateway = Arc::clone(&self);
                probes.spawn(async move { gateway.probe(probe, &due).await });
            }
            let next = self.health().next_due(self.clock.now()).map(|next| next.max(SHORTLY));
            tokio::select! {
                () = stop.wait() => return,
                Some(_) = probes.join_next() => {}
                Ok(()) = news.changed() => {}
                () = tokio::time::sleep(next.unwrap_or_default()), if next.is_some() => {}
            }
        }
    }

    /// Probes every route that is due now, and says how many those were.
    pub async fn probe_due(&self) -> usize {
        let due = self.due(usize::MAX);
        let count = due.len();
        for (probe, due) in due {
            self.probe(probe, &due).await;
        }
        count
    }

    fn due(&self, at_most: usize) -> Vec<(Probe, Due)> {
        let now = self.clock.now();
        let due = self.health().due(now).into_iter();
        due.filter_map(|due| Some((self.health().probe(&due, now)?, due))).take(at_most).collect()
    }

    async fn probe(&self, probe: Probe, due: &Due) {
        let site = self.snapshot().scene.site(&due.route, due.credential, self.clock.now());
        let probed = match site {
            Some(site) => self.upstream.errand(Errand::probe(site)).await,
            None => Probed::Gone,
        };
        tracing::info!(route = %due.route, ?probed, "a route that was ejected was probed");
        probe.end(probed, self.clock.now());
    }
}
