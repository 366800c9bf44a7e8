//! fal's queue: a job is taken, is asked about as often as [`Says::polls`] says, and is fetched
//! (<https://docs.fal.ai/model-endpoints/queue>).

use serde_json::{Value, json};

use super::Draft;
use crate::says::Says;
use crate::wire::Asked;

/// A picture of one pixel.
pub(super) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Whether a path is one of the queue's.
pub(super) fn is_of(path: &str) -> bool {
    path.contains("/requests/") || path.ends_with("/text-to-image") || path.starts_with("/fal-ai/")
}

pub(super) fn draft(asked: &Asked, says: &Says) -> Draft {
    let Some((_, rest)) = asked.path().split_once("/requests/") else {
        let app: Vec<_> = asked.path().splitn(4, '/').take(3).collect();
        let id = id(asked);
        let base = format!("https://queue.fal.run{}/requests/{id}", app.join("/"));
        let urls = (format!("{base}/status"), format!("{base}/cancel"));
        let taken = json!({"status": "IN_QUEUE", "request_id": id, "response_url": base, "status_url": urls.0,
            "cancel_url": urls.1, "queue_position": 0});
        return Draft::json(200, &taken);
    };
    if !rest.ends_with("/status") {
        // Whoever wants the picture in the answer has said so when he handed the job in, and so it is called.
        let url = if rest.starts_with("sync") {
            format!("data:image/png;base64,{PNG}")
        } else {
            "https://v3.fal.media/files/elephant/simulated_0.png".to_owned()
        };
        let image = json!({"url": url, "width": 1, "height": 1, "content_type": "image/png"});
        return Draft::json(200, &json!({"images": [image], "seed": 42, "prompt": says.text}));
    }
    match asked.before {
        before if before >= says.polls => {
            Draft::json(200, &json!({"status": "COMPLETED", "metrics": {"inference_time": 1.5}}))
        }
        0 => Draft::json(202, &json!({"status": "IN_QUEUE", "queue_position": 0})),
        _ => Draft::json(202, &json!({"status": "IN_PROGRESS", "logs": null})),
    }
}

/// Jobs are told apart by their bodies.
fn id(asked: &Asked) -> String {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let kind = if body["sync_mode"] == true { "sync" } else { "async" };
    format!("{kind}-{:08x}-{}", crc32fast::hash(&asked.body), asked.before)
}

/// An error, which repeats what was sent.
pub(super) fn refused(message: &str, code: Option<&str>) -> Value {
    match code {
        Some(code) => json!({"detail": [{"loc": ["body", "prompt"], "msg": message, "type": code}]}),
        None => json!({"detail": message}),
    }
}
