//! What operators' probes are told.

use std::net::SocketAddr;
use std::sync::Arc;

use phi_gateway::{Serve, Stop, Stopper};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::ask::{Ask, Reply, SECRET};
use crate::stand::Stand;

/// The operators' listener of a stand; it ends with what comes beside it.
pub(crate) async fn console(stand: &Stand) -> (SocketAddr, (Stopper, JoinSet<()>)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stopper, stop) = Stop::pair();
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::clone(&stand.gateway).serve(listener, Serve::Operations, stop));
    (address, (stopper, tasks))
}

pub(crate) async fn probe(stand: &Stand, path: &str) -> Reply {
    let (address, _serving) = console(stand).await;
    Ask::get(path).bare().send(address).await.whole().await
}

#[tokio::test]
async fn readiness_is_that_of_ledger_and_server() {
    let stand = Stand::up().await;
    assert_eq!(probe(&stand, "/healthz").await.status, 200);
    let ready = probe(&stand, "/readyz").await;
    let shown = ready.json();
    assert_eq!((ready.status, &shown["ready"], &shown["ledger"]["durability"]), (200, &true.into(), &"disk".into()));
    assert_eq!(shown["catalogue"], stand.deployment.catalogue().version());
    stand.gateway.leave();
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 200, "within its grace it still serves");
    let leaving = probe(&stand, "/readyz").await;
    assert_eq!((leaving.status, &leaving.json()["draining"]), (503, &true.into()));
    assert_eq!(probe(&stand, "/v1/models").await.status, 404);

    let stand = Stand::up().await;
    let ledger = stand.recorder.ledger().clone();
    tokio::task::spawn_blocking(move || ledger.shutdown()).await.unwrap().unwrap();
    let broken = probe(&stand, "/readyz").await;
    assert_eq!((broken.status, &broken.json()["ledger"]["healthy"]), (503, &false.into()));
    assert!(broken.json()["ledger"]["reason"].is_string());
    assert_eq!(probe(&stand, "/healthz").await.status, 200, "it lives all the same");
}

#[tokio::test]
async fn metrics_count_and_hold_no_text_of_a_caller() {
    let stand = Stand::up().await;
    for _ in 0..3 {
        assert_eq!(stand.ask(Ask::chat("alps/m").header("x-actor", "kowalski")).await.status, 200);
    }
    assert_eq!(stand.ask(Ask::chat("made-up-model/patient")).await.status, 404);
    assert_eq!(stand.ask(Ask::chat("alps/m").bare()).await.status, 401);
    let text = probe(&stand, "/metrics").await.text();
    for line in [
        "phi_requests_total{modality=\"chat\",status=\"200\"} 3",
        "phi_refusals_total{code=\"model_not_found\"} 1",
        "phi_unidentified_total{reason=\"missing\"} 1",
        "phi_running_requests 0",
        "phi_ledger_healthy 1",
        "phi_alarms 0",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(text.ends_with("# EOF\n"));
    for said in [SECRET, "kowalski", "made-up", "patient", stand.token.as_str(), "writer"] {
        assert!(!text.contains(said), "{said}");
    }
}
