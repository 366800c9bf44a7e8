//! How a deployment is opened: from the ground up, or in the place of a process that still runs.

use std::sync::{Arc, Mutex, OnceLock};

use anyhow::Context;
use phi_catalog::Catalogue;
use phi_crypto::{Purpose, Root};
use phi_gateway::Gateway;
use phi_ledger::{Ledger, Options};
use phi_police::Police;
use phi_record::{Recorder, Relay};
use phi_store::Store;
use phi_upstream::{Client, Upstream};
use phi_vault::Vault;
use phi_words::Clock;

use super::{Deployment, Inforce, snapshot};
use crate::config::Config;
use crate::data::{Data, Lock};
use crate::handover::{Elder, Inheritance};

/// All that is read and checked before anything is taken.
struct Ground {
    data: Data,
    config: Arc<Config>,
    catalogue: Arc<Catalogue>,
    root: Root,
    store: Store,
    clock: Clock,
}

/// A deployment in the place of another process, which is at work until [`Elder::succeed`].
pub(crate) struct Succession {
    pub(crate) deployment: Deployment,
    pub(crate) relay: Relay,
    /// Sockets, and the records to come.
    pub(crate) inheritance: Inheritance,
}

impl Deployment {
    /// Opens the deployment in a folder and closes what a dead process left open.
    ///
    /// # Errors
    /// What kept it from opening, and how to mend that.
    pub async fn open(data: Data) -> anyhow::Result<Self> {
        let (config, client) = read(&data)?;
        Self::open_with(data, config, client, Police::new(Clock::System), Clock::System).await
    }

    /// The same with another way out, other police and another clock.
    ///
    /// # Errors
    /// As [`Deployment::open`].
    pub async fn open_with(
        data: Data,
        config: Arc<Config>,
        client: Client,
        police: Police,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let lock = data.lock()?;
        let ground = Ground::new(data, config, clock).await?;
        let (ledger, recovered) =
            Ledger::open(&ground.data.ledger(), ground.options()).with_context(|| ground.unopened())?;
        if recovered.cut_bytes > 0 {
            tracing::warn!(bytes = recovered.cut_bytes, "the ledger's end was cut: it had never been acknowledged");
        }
        let recorder = ground.recorder(ledger);
        let unknown = recorder.close_unknown(ground.config.deadlines.total).await?;
        if unknown > 0 {
            tracing::warn!(calls = unknown, "the process before died in mid-call; these calls are closed as unknown");
        }
        ground.deployment(recorder, lock, client, police).await
    }

    /// Opens the deployment that another process serves. Nothing of it may be written before [`Elder::succeed`].
    ///
    /// # Errors
    /// As [`Deployment::open`], and where that process does not give it. Then it goes on as before.
    pub(crate) async fn take_over(data: Data, elder: &mut Elder) -> anyhow::Result<Succession> {
        let (config, client) = read(&data)?;
        elder.fits(&config)?;
        let ground = Ground::new(data, config, Clock::System).await?;
        let inheritance = elder.hold().await?;
        let (reached, lock) = (inheritance.reached, inheritance.ledger_lock.try_clone()?);
        let (folder, options) = (ground.data.ledger(), ground.options());
        let opening = tokio::task::spawn_blocking(move || Ledger::take_over(&folder, options, reached, lock));
        let recorder = ground.recorder(opening.await?.with_context(|| ground.unopened())?);
        let relay = recorder.relay(ground.config.deadlines.total).await?;
        let lock = Lock::inherited(inheritance.lock.try_clone()?);
        let deployment = ground.deployment(recorder, lock, client, Police::new(Clock::System)).await?;
        Ok(Succession { deployment, relay, inheritance })
    }
}

/// The settings, and the way out that they make.
fn read(data: &Data) -> anyhow::Result<(Arc<Config>, Client)> {
    let config = Arc::new(data.written()?.check()?);
    config.fits(&Catalogue::load(data.overrides().as_deref())?)?;
    let client = Client::new(config.ca_file.as_deref(), config.proxy.as_ref(), config.deadlines)?;
    Ok((config, client))
}

impl Ground {
    async fn new(data: Data, config: Arc<Config>, clock: Clock) -> anyhow::Result<Self> {
        let catalogue = Arc::new(Catalogue::load(data.overrides().as_deref())?);
        let root = phi_vault::load_key(&data.key()).context("the vault stays sealed without its master key")?;
        let store = Store::open(&data.store()).await?;
        Ok(Self { data, config, catalogue, root, store, clock })
    }

    fn options(&self) -> Options {
        let mut options = Options::new(&self.config.origin, self.config.durability);
        options.segment_bytes = self.config.segment_bytes;
        options
    }

    fn unopened(&self) -> String {
        format!("the ledger of `{}` cannot be opened; nothing is served without it", self.config.origin)
    }

    fn recorder(&self, ledger: Ledger) -> Arc<Recorder> {
        Arc::new(Recorder::new(ledger, self.root.clone(), self.clock.clone()))
    }

    async fn deployment(
        self,
        recorder: Arc<Recorder>,
        lock: Lock,
        client: Client,
        police: Police,
    ) -> anyhow::Result<Deployment> {
        let Self { data, config, catalogue, root, store, clock } = self;
        let vault = Arc::new(Vault::Open(root.clone()));
        let inforce = Inforce { config: Arc::clone(&config), started: Arc::clone(&config), catalogue, reloads: 0 };
        let contents = store.load_all().await?;
        let mut withdrawn = recorder.astray(config.deadlines.total).await?;
        withdrawn.extend(contents.withdrawn.iter().cloned());
        let snapshot = snapshot(contents, &inforce, root.derive(Purpose::Token));
        let upstream = Upstream::new(
            client,
            Arc::clone(&vault),
            root.clone(),
            clock.clone(),
            config.restraint,
            Arc::clone(&snapshot.scene),
        )
        .fetching(config.fetching.clone());
        withdrawn.iter().for_each(|route| upstream.health().withdraw(route));
        let gateway = Gateway::new(snapshot, police, Arc::clone(&recorder), upstream, clock.clone(), config.bounds);
        Ok(Deployment {
            data,
            store,
            vault,
            pepper: root.derive(Purpose::Token),
            root,
            clock,
            recorder,
            gateway: Arc::new(gateway),
            inforce: Mutex::new(inforce),
            tls: OnceLock::new(),
            changing: tokio::sync::Mutex::new(()),
            lock: Mutex::new(Some(lock)),
            elders: tokio::sync::Mutex::default(),
        })
    }
}
