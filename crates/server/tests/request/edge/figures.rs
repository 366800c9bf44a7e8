//! Checks 44 and 46: figures that overflow or cannot be, and attempts that are told and paid once.

use phi_record::entry::{Ended, Status};
use phi_simulate::{Fault, Says};
use phi_words::Quality;
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::operations::probe;
use crate::setup::Setup;
use crate::stand::Stand;

/// A route at the highest price that a catalogue can hold.
const DEAR: &str = "
[route.alps-a-dear]
host = 'alps-a'
model = 'dear'
own = 'alpine-dear'
modality = 'chat'
status = 'live'
pin_only = true
price = { currency = 'USD', input = '999999999.00', output = '999999999.00' }
source = 'a contract'
date = '2026-11-01'
";

#[tokio::test]
async fn check_44_no_figure_of_a_host_makes_a_sum_overflow() {
    let stand = Setup { catalogue: DEAR, ..Setup::default() }.up().await;
    let usage = |input: Value, output: Value| json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": null});
    let most = 100_000_000_u64;
    let host = stand.host("alps-a");
    let price = 999_999_999_i128;
    for (input, output, believed) in [
        (json!(most), json!(most), true),
        (json!(1), json!(0), false),
        (json!(most + 1), json!(1), false),
        (json!(1_000_000_000_000_000_u64), json!(1), false),
        (json!(i64::MAX), json!(i64::MAX), false),
        (json!(u64::MAX), json!(u64::MAX), false),
        (json!(1e300), json!(1), false),
        (json!(-5), json!(-1), false),
        (json!(i64::MIN), json!(1), false),
        (json!(1.5), json!(1), false),
        (json!("7"), json!("9"), false),
        (json!(true), json!([]), false),
        (Value::Null, Value::Null, false),
    ] {
        let mut said = usage(input.clone(), output.clone());
        said.as_object_mut().unwrap().remove("total_tokens");
        host.says(Says { usage: Some(said.clone()), ..Says::default() });
        for ask in [Ask::chat("alps-a-dear"), Ask::stream("alps-a-dear")] {
            let reply = stand.ask(ask).await;
            assert_eq!(reply.status, 200, "{said}");
            let closed = stand.closed(reply.id()).await;
            let quality = if believed { Quality::Verified } else { Quality::Estimated };
            assert_eq!((closed.status, closed.quality), (Status::Answered, quality), "{said}");
            let (input, output) = if believed {
                (most, most)
            } else {
                let opened = stand.opened(reply.id()).await;
                (opened.body_bytes.div_ceil(4), "every word of this answer is simulated".len().div_ceil(4) as u64)
            };
            assert_eq!((closed.usage.input, closed.usage.output), (input, output), "{said}");
            let list = i128::from(input + output) * price;
            assert_eq!(i128::from(closed.list_cost.micros()), list, "{said}");
            assert_eq!(i128::from(closed.charge[0].micro_usd.micros()), (list * 110 + 99) / 100, "{said}");
        }
    }
}

#[tokio::test]
async fn check_46_each_attempt_is_told_once_and_the_call_is_paid_once() {
    let stand = Stand::up().await;
    let usage = json!({"prompt_tokens": 1_000_000, "completion_tokens": 1, "total_tokens": 1_000_001});
    for name in ["alps-a", "alps-b"] {
        stand.host(name).says(Says { usage: Some(usage.clone()), ..Says::default() });
    }
    for (number, ask) in [Ask::chat("alps/m"), Ask::stream("alps/m")].into_iter().enumerate() {
        stand.host("alps-a").next([Fault::status(500)]);
        let reply = stand.ask(ask).await;
        assert_eq!((reply.status, reply.header("x-phi-attempts")), (200, Some("2")));
        let closed = stand.closed(reply.id()).await;
        let told: Vec<_> = closed.attempts.iter().map(|attempt| (attempt.route.as_str(), attempt.ended)).collect();
        assert_eq!(told, [("alps-a-m", Ended::HostError), ("alps-b-m", Ended::Ok)]);
        assert_eq!(closed.charge.iter().map(|share| share.micro_usd.micros()).collect::<Vec<_>>(), [3_300_017]);
        let metrics = probe(&stand, "/metrics").await.text();
        for line in [("alps-a-m", "host_error"), ("alps-b-m", "ok")] {
            let line = format!("phi_attempts_total{{route=\"{}\",ended=\"{}\"}} {}\n", line.0, line.1, number + 1);
            assert!(metrics.contains(&line), "{line}: {metrics}");
        }
    }
    assert_eq!((stand.host("alps-a").seen().len(), stand.host("alps-b").seen().len()), (2, 2));
}
