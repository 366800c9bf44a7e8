//! A whole gateway in this process, between callers and simulated hosts: everything is the real thing but the hosts, the
//! names that lead to them, and the clock.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use phi_gateway::{Gateway, Serve, Stop, Stopper};
use phi_record::Recorder;
use phi_record::entry::{ClosedRecord, OpenedRecord, Record, RefusedRecord};
use phi_server::deployment::Deployment;
use phi_simulate::Host;
use phi_words::{Clock, RequestId};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::ask::{Ask, Coming, Reply};
use crate::setup::{Setup, page, phi};

/// How long a condition is waited for that must come true.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A gateway at work.
pub(crate) struct Stand {
    pub(crate) deployment: Deployment,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) clock: Clock,
    /// A live token of the agent `writer` of the organization `clinic` in CH, under GDPR.
    pub(crate) token: String,
    hosts: BTreeMap<&'static str, Host>,
    address: SocketAddr,
    _tasks: JoinSet<()>,
    _stopper: Stopper,
    folder: TempDir,
}

impl Stand {
    pub(crate) async fn up() -> Self {
        Setup::default().up().await
    }

    /// Serves on a free port.
    pub(crate) async fn serve(
        folder: TempDir,
        deployment: Deployment,
        gateway: Arc<Gateway>,
        recorder: Arc<Recorder>,
        clock: Clock,
        token: String,
        hosts: BTreeMap<&'static str, Host>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_stopper, stop) = Stop::pair();
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&gateway).serve(listener, Serve::Traffic(None), stop));
        Self { deployment, gateway, recorder, clock, token, hosts, address, _tasks: tasks, _stopper, folder }
    }

    /// A host by its name in the setup, or `local`.
    pub(crate) fn host(&self, name: &str) -> &Host {
        &self.hosts[name]
    }

    /// Every host that has seen a request.
    pub(crate) fn reached(&self) -> Vec<&str> {
        self.hosts.iter().filter(|(_, host)| !host.seen().is_empty()).map(|(name, _)| *name).collect()
    }

    /// Every host forgets what it has seen, and behaves, and every route is well.
    pub(crate) fn afresh(&self) {
        self.hosts.values().for_each(|host| {
            host.forget();
            host.behave();
        });
        let snapshot = self.gateway.snapshot();
        for row in snapshot.scene.catalogue().rows() {
            self.gateway.health().accept(&row.route);
        }
    }

    /// The folder of everything that it writes.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks with the stand's token, and reads the whole reply.
    pub(crate) async fn ask(&self, ask: Ask) -> Reply {
        self.begin(ask).await.whole().await
    }

    /// Asks with the stand's token unless the ask has one; dropping what comes leaves.
    pub(crate) async fn begin(&self, ask: Ask) -> Coming {
        ask.token_or(&self.token).send(self.address).await
    }

    /// Carries out an operator's command, in the words that are typed.
    pub(crate) async fn phi(&self, words: &str) -> Value {
        phi(&self.deployment, words).await
    }

    /// What an operator's look shows, as programs read it.
    pub(crate) async fn page(&self, words: &str) -> Value {
        page(&self.deployment, words).await
    }

    /// A live token of a new agent of the organization `clinic`, with `more` of its grant.
    pub(crate) async fn token_of(&self, agent: &str, limits: &str, more: &str) -> String {
        self.phi(format!("agent create {agent} --org clinic {limits}").trim()).await;
        text(&self.phi(format!("token create --org clinic --agent {agent} {more}").trim()).await["token"])
    }

    /// Every record of a call, as they stand now.
    pub(crate) async fn records(&self, id: RequestId) -> Vec<Record> {
        self.recorder.call(id).await.unwrap().into_iter().map(|found| found.line.record).collect()
    }

    /// The opened record of a call.
    pub(crate) async fn opened(&self, id: RequestId) -> OpenedRecord {
        let records = self.records(id).await;
        let opened = records.into_iter().find_map(|record| match record {
            Record::Opened(opened) => Some(*opened),
            Record::Closed(_) | Record::Refused(_) | Record::Act(_) => None,
        });
        opened.expect("an opened record")
    }

    /// The refused record of a call, if there is one; then there is no other.
    pub(crate) async fn refused(&self, id: RequestId) -> Option<RefusedRecord> {
        let mut records = self.records(id).await;
        assert!(records.len() <= 1, "{records:?}");
        match records.pop() {
            Some(Record::Refused(refused)) => Some(*refused),
            Some(other @ (Record::Opened(_) | Record::Closed(_) | Record::Act(_))) => panic!("{other:?}"),
            None => None,
        }
    }

    /// The closed record of a call, once it is there; there is exactly one opened record before it.
    pub(crate) async fn closed(&self, id: RequestId) -> ClosedRecord {
        let mut closed = None;
        wait_until("the entry is closed", async || {
            let records = self.records(id).await;
            let [Record::Opened(_), Record::Closed(found)] = &records[..] else { return false };
            closed = Some(ClosedRecord::clone(found));
            true
        })
        .await;
        closed.expect("waited for")
    }

    /// The newest call that was opened, by whomever.
    pub(crate) async fn newest_opened(&self) -> RequestId {
        let found = self.recorder.newest(10_000).await.unwrap();
        let newest = found.iter().rev().find_map(|found| match &found.line.record {
            Record::Opened(opened) => Some(opened.id),
            Record::Closed(_) | Record::Refused(_) | Record::Act(_) => None,
        });
        newest.expect("a call was opened")
    }

    /// Everything that the ledger holds, as text.
    pub(crate) async fn ledger_text(&self) -> String {
        let found = self.recorder.newest(10_000).await.unwrap();
        found.iter().map(|found| String::from_utf8(found.line.to_bytes().unwrap()).unwrap() + "\n").collect()
    }
}

/// The text of a JSON string.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Waits for what must come true; fails where it does not, and says what it was.
pub(crate) async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waited = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(SOON, waited).await.is_ok(), "waited in vain: {what}");
}
