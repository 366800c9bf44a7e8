//! The control path of the binary: HTTP on a port of its own, through which a test switches faults while a real gateway
//! runs.
//!
//! | request | effect |
//! |---|---|
//! | `POST /<host>/next` | a JSON array of faults, one for each of the next answers; `null` behaves |
//! | `POST /<host>/always` | a fault for all answers, or `null` |
//! | `POST /<host>/behave` | forgets every fault |
//! | `POST /<host>/says` | what it says from now on ([`crate::Says`] in JSON) |
//! | `POST /<host>/shut`, `POST /<host>/open` | closes and opens the port |
//! | `GET /<host>/seen` | what reached it, as a JSON array |
//! | `POST /<host>/forget` | forgets what it has seen |

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::fault::Fault;
use crate::host::Host;
use crate::http1;
use crate::wire::Asked;

/// Hosts by name.
pub type Hosts = Arc<BTreeMap<String, Host>>;

/// Answers control requests until dropped.
///
/// # Errors
/// Where connections can no longer be accepted.
pub async fn serve(listener: TcpListener, hosts: Hosts) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                connections.spawn(connection(accepted?.0, Arc::clone(&hosts)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(mut tcp: TcpStream, hosts: Hosts) {
    let mut held = BytesMut::new();
    while let Ok(Some(asked)) = http1::read(&mut tcp, &mut held).await {
        let (status, body) = match obey(&asked, &hosts) {
            Ok(body) => (200, body),
            Err((status, why)) => (status, json!({"error": why})),
        };
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status} Control\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if tcp.write_all([head, body].concat().as_bytes()).await.is_err() {
            return;
        }
    }
}

fn obey(asked: &Asked, hosts: &BTreeMap<String, Host>) -> Result<Value, (u16, String)> {
    let mut words = asked.path().trim_start_matches('/').split('/');
    let (name, act) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let host = hosts.get(name).ok_or((404, format!("no host `{name}`")))?;
    let bad = |error: serde_json::Error| (400, error.to_string());
    match (asked.method(), act) {
        ("GET", "seen") => return Ok(host.seen().iter().map(crate::Seen::to_json).collect()),
        ("POST", "next") => {
            for fault in serde_json::from_slice::<Vec<Option<Fault>>>(&asked.body).map_err(bad)? {
                match fault {
                    Some(fault) => host.next([fault]),
                    None => host.next_behaves(),
                }
            }
        }
        ("POST", "always") => host.always(serde_json::from_slice(&asked.body).map_err(bad)?),
        ("POST", "behave") => host.behave(),
        ("POST", "says") => host.says(serde_json::from_slice(&asked.body).map_err(bad)?),
        ("POST", "shut") => host.shut(),
        ("POST", "open") => host.open(),
        ("POST", "forget") => host.forget(),
        (method, act) => return Err((404, format!("no such control `{method} {act}`"))),
    }
    Ok(json!({"ok": true}))
}
