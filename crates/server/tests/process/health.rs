//! Routes that are out of service, in a whole process: those that failed come back by themselves, and one that answered
//! from elsewhere stays away, whatever kills the process.

use phi_simulate::{Fault, Host};
use serde_json::{Value, json};

use crate::call::Ask;
use crate::deploy::{Deploy, MODEL};
use crate::serving::{PATIENCE, Serving};

fn body() -> Value {
    json!({"model": MODEL, "messages": [{"role": "user", "content": "Grüezi"}]})
}

async fn ready(serving: &Serving) -> Value {
    Ask::new("GET", "/readyz").send(serving.console).await.json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_is_ejected_is_probed_while_nobody_calls() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let ask = || Ask::chat(&token, &body());
    host.next([Fault::status(401)]);
    assert_eq!(ask().send(serving.traffic).await.status, 502);
    let refused = ask().send(serving.traffic).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "upstream_unavailable"));
    assert_eq!(ready(&serving).await["routes"]["ejected"], json!(["tested-plain"]));
    let probed = host.wait_for(PATIENCE, |seen| seen.iter().any(|seen| seen.head.starts_with(b"GET ")));
    let probe = probed.await.expect("a probe").pop().expect("the last one");
    assert_eq!((probe.path(), probe.body.len()), ("/v1/models".to_owned(), 0));
    // What the probe showed is known once it was read to its end; the next request is the first since the ejection.
    let answered = async {
        while ask().send(serving.traffic).await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.expect("it heals");
    assert_eq!(ready(&serving).await["routes"]["ejected"], json!([]));
    serving.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawn_route_stays_away_over_kill_9_until_it_is_accepted() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let ask = || Ask::chat(&token, &body());
    let serving = Serving::start(&deploy);
    host.next([Fault::Region { name: "westeurope".to_owned() }]);
    assert_eq!(ask().send(serving.traffic).await.status, 502);
    // Whether it came to keep that or not.
    serving.kill();
    host.forget();

    let serving = Serving::start(&deploy);
    assert_eq!(ready(&serving).await["routes"]["withdrawn"], json!(["tested-plain"]));
    let refused = ask().send(serving.traffic).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "upstream_unavailable"));
    assert!(host.seen().is_empty(), "{:?}", host.seen());
    serving.stop();

    let serving = Serving::start(&deploy);
    assert_eq!(ready(&serving).await["routes"]["withdrawn"], json!(["tested-plain"]), "an orderly end keeps it too");
    assert!(deploy.refused(&["catalog", "accept", "nobody"]).contains("`nobody`"));
    assert_eq!(deploy.json(&["catalog", "accept", "tested-plain"])["was"], "withdrawn");
    assert_eq!(ask().send(serving.traffic).await.status, 200);
    serving.kill();

    let serving = Serving::start(&deploy);
    assert_eq!(ready(&serving).await["routes"]["withdrawn"], json!([]));
    assert_eq!(ask().send(serving.traffic).await.status, 200);
    serving.stop();
    assert!(deploy.refused(&["catalog", "accept", "tested-plain"]).contains("neither withdrawn nor ejected"));
    assert_eq!(deploy.json(&["ledger", "verify"])["verified"], true);
}
