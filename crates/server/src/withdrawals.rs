//! Routes that answered from elsewhere than planned. They are out of service at once; here it is seen to that they stay so
//! over a restart, until an operator accepts them.

use std::sync::Arc;
use std::time::Duration;

use phi_gateway::Stop;

use crate::deployment::Deployment;

/// How soon to try again what ledger or store did not take.
const AGAIN: Duration = Duration::from_secs(1);

/// Keeps every withdrawal until told to stop, and then those that came meanwhile.
pub(crate) async fn keep(deployment: Arc<Deployment>, mut stop: Stop) {
    let mut news = deployment.gateway().health().news();
    loop {
        let kept = keep_all(&deployment).await;
        tokio::select! {
            () = stop.wait() => break,
            Ok(()) = news.changed(), if kept => {}
            () = tokio::time::sleep(AGAIN), if !kept => {}
        }
    }
    keep_all(&deployment).await;
}

/// Whether ledger and store took every withdrawal.
async fn keep_all(deployment: &Deployment) -> bool {
    if deployment.is_given_up() {
        return true;
    }
    let mut kept = true;
    for route in deployment.gateway().health().withdrawn() {
        if let Err(error) = deployment.keep_withdrawn(&route).await {
            let error = format!("{error:#}");
            tracing::error!(%route, error, "that a route is withdrawn may be forgotten with a restart");
            kept = false;
        }
    }
    kept
}
