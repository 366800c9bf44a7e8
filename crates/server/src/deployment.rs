//! One deployment at work: its folder, and everything that the folder holds, opened and tied together. Every change goes
//! through [`Deployment::change`]: recorded first, then committed, then in force.

mod open;
mod succession;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Context, bail};
use jiff::Timestamp;
use phi_catalog::Catalogue;
use phi_crypto::{Key, Purpose, Root, hex, sha256};
use phi_gateway::{Gateway, Snapshot, Tls};
use phi_identify::Directory;
use phi_ledger::Durability;
use phi_record::{ACCEPT, Act, By, Recorder};
use phi_route::{Scene, Settings, Standing};
use phi_store::{Change, Contents, Defaults, Store, StoreError};
use phi_vault::{AwsKey, Deposit, Sealed, ServiceAccount, Vault};
use phi_words::{Clock, ProviderKey, Region, RouteId};
use serde_json::json;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::data::{Data, Lock, OVERRIDES};
use crate::handover::Changed;
use crate::say::Said;
use crate::tls;

pub(crate) use open::Succession;

/// One deployment at work. It holds its folder's lock: there is never a second one, but for the one that follows it and
/// changes nothing.
#[derive(Debug)]
pub struct Deployment {
    data: Data,
    store: Store,
    vault: Arc<Vault>,
    pepper: Arc<Key>,
    root: Root,
    clock: Clock,
    recorder: Arc<Recorder>,
    gateway: Arc<Gateway>,
    inforce: Mutex<Inforce>,
    /// From when the API is served by TLS.
    tls: OnceLock<Arc<Tls>>,
    /// One change at a time, from its record to its snapshot.
    changing: tokio::sync::Mutex<()>,
    /// The folder's lock; `None` once it is another process's.
    lock: Mutex<Option<Lock>>,
    /// Tells the processes before of each change.
    elders: tokio::sync::Mutex<Vec<mpsc::Sender<Changed>>>,
}

/// What files say, as it is in force.
#[derive(Debug, Clone)]
struct Inforce {
    config: Arc<Config>,
    /// The settings that the process started with: some of them hold until it ends, whatever the file says now.
    started: Arc<Config>,
    catalogue: Arc<Catalogue>,
    /// Counts up with every reload, so that a snapshot's version tells of it too.
    reloads: u64,
}

impl Deployment {
    /// Makes a change: recorded before it is committed, and in force before this returns.
    ///
    /// # Errors
    /// Where the ledger does not take the record, or the store not the change: then nothing has changed.
    pub async fn change(
        &self,
        act: Act,
        make: impl AsyncFnOnce(&mut Change) -> Result<(), StoreError>,
    ) -> anyhow::Result<()> {
        let _one = self.changing.lock().await;
        self.make(act, make).await
    }

    /// The same for who holds the lock already.
    async fn make(
        &self,
        act: Act,
        make: impl AsyncFnOnce(&mut Change) -> Result<(), StoreError>,
    ) -> anyhow::Result<()> {
        self.is_ours()?;
        let mut change = self.store.change().await?;
        make(&mut change).await?;
        self.recorder.act(act).await.context("the act could not be recorded, so it was not done")?;
        change.commit().await.context("the act is recorded, and was not done: the store failed")?;
        self.refresh(false).await
    }

    /// Sees to it that a route that is withdrawn in memory stays so over a restart.
    ///
    /// # Errors
    /// As [`Deployment::change`].
    pub async fn keep_withdrawn(&self, route: &RouteId) -> anyhow::Result<()> {
        let _one = self.changing.lock().await;
        let stands = self.gateway.health().withdrawn().contains(route);
        if !stands || self.store.load_all().await?.withdrawn.contains(route) {
            return Ok(());
        }
        let (act, since) = (Act::new(By::Server, "route.withdraw").about("route", route), self.now());
        self.make(act, async |change| change.withdraw(route, since).await).await
    }

    /// Puts a route back into service, and says whether it was withdrawn.
    ///
    /// # Errors
    /// As [`Deployment::change`]: then it stays as it is.
    pub async fn accept(&self, by: By, route: &RouteId) -> anyhow::Result<bool> {
        let _one = self.changing.lock().await;
        let act = Act::new(by, ACCEPT).about("route", route);
        self.make(act, async |change| change.accept(route).await).await?;
        Ok(self.gateway.health().accept(route))
    }

    /// The TLS of the API, read when it is first asked for and with every reload from then on; `None` where the settings
    /// have none.
    ///
    /// # Errors
    /// Where a file of it does not hold.
    pub fn tls(&self) -> anyhow::Result<Option<Arc<Tls>>> {
        let Some(files) = &self.config().tls else { return Ok(None) };
        if self.tls.get().is_none() {
            let _ = self.tls.set(Arc::new(Tls::new(tls::load(files)?)));
        }
        Ok(self.tls.get().cloned())
    }

    /// Reads settings, catalogue and certificates anew. Listen addresses, the ledger's settings and deadlines wait for a
    /// restart.
    ///
    /// # Errors
    /// Where a file does not hold: then everything stays as it was.
    pub async fn reload(&self, by: By) -> anyhow::Result<Said> {
        let _one = self.changing.lock().await;
        self.is_ours()?;
        let config = Arc::new(self.data.written()?.check()?);
        let catalogue = Arc::new(Catalogue::load(self.data.overrides().as_deref())?);
        config.fits(&catalogue)?;
        // Whoever serves by TLS goes on doing so, whatever the settings say now.
        let served = self.tls.get().zip(config.tls.as_ref());
        let certified =
            served.map(|(tls, files)| tls::load(files).map(|certificate| (tls, certificate))).transpose()?;
        let before = self.inforce().clone();
        let waits = restart_needed(&before.started, &config);
        let hash =
            std::fs::read(self.data.settings()).map_or_else(|_| "none".to_owned(), |bytes| hex(&sha256(&[&bytes])));
        let act = Act::new(by, "config.reload").about("settings", hash).about("catalogue", catalogue.version());
        self.recorder.act(act).await.context("the act could not be recorded, so it was not done")?;
        self.enforce(Inforce { config, started: before.started, catalogue, reloads: before.reloads + 1 }).await?;
        if let Some((tls, certificate)) = certified {
            tls.replace(certificate);
        }
        let snapshot = self.gateway.snapshot();
        Ok(Said::One(json!({
            "snapshot": snapshot.version,
            "catalogue": snapshot.scene.catalogue().version(),
            "waits_for_restart": waits,
        })))
    }

    /// Writes one of the operator's files of the catalogue anew, and puts the catalogue in force that comes of it. `make`
    /// is told the catalogue in force and all files, and gives the act and the new text.
    ///
    /// # Errors
    /// What `make` says, a catalogue that would not hold, or a ledger that does not take the act: then nothing is done. A
    /// disk that fails after that is said so.
    pub async fn rewrite(
        &self,
        name: &str,
        make: impl FnOnce(&Catalogue, &[(String, String)]) -> anyhow::Result<(Act, String)>,
    ) -> anyhow::Result<()> {
        let _one = self.changing.lock().await;
        self.is_ours()?;
        let (before, mut files) = (self.inforce().clone(), self.overrides()?);
        let (act, text) = make(&before.catalogue, &files)?;
        let file = format!("{OVERRIDES}/{name}");
        files.retain(|(name, _)| *name != file);
        files.push((file, text.clone()));
        files.sort();
        let catalogue = Arc::new(Catalogue::over(&[files])?);
        before.config.fits(&catalogue)?;
        let act = act.about("catalogue", catalogue.version());
        self.recorder.act(act).await.context("the act could not be recorded, so it was not done")?;
        self.data.write_override(name, &text).context("the act is recorded, and was not done")?;
        self.enforce(Inforce { catalogue, reloads: before.reloads + 1, ..before }).await
    }

    /// The names and texts of the operator's files of the catalogue, as they lie on the disk.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub fn overrides(&self) -> anyhow::Result<Vec<(String, String)>> {
        Ok(self.data.overrides().map_or_else(|| Ok(Vec::new()), |folder| phi_catalog::files(&folder))?)
    }

    /// Puts other settings and another catalogue in force, and records the leases of keys before.
    async fn enforce(&self, inforce: Inforce) -> anyhow::Result<()> {
        self.lease(&snapshot(self.store.load_all().await?, &inforce, self.root.derive(Purpose::Token))).await?;
        *self.inforce() = inforce;
        self.refresh(true).await
    }

    /// Puts what store and files hold now in force. `files` says whether it is not the store alone that has changed.
    async fn refresh(&self, files: bool) -> anyhow::Result<()> {
        let contents = self.store.load_all().await?;
        let snapshot = snapshot(contents, &self.inforce(), self.root.derive(Purpose::Token));
        self.gateway.replace(snapshot);
        self.lead_elders(files).await;
        Ok(())
    }

    /// Records which keys are leased to which hosts: to be called before anybody is served.
    ///
    /// # Errors
    /// Where the ledger does not take it: then nobody may be served.
    pub async fn lease_keys(&self) -> anyhow::Result<()> {
        self.lease(&self.gateway.snapshot()).await
    }

    /// Records which keys are leased to which hosts, before a snapshot that leases them is in force. A key that is put
    /// into the vault later is leased by the act of putting it there.
    async fn lease(&self, snapshot: &Snapshot) -> anyhow::Result<()> {
        for host in snapshot.scene.catalogue().hosts() {
            for sealed in snapshot.scene.standing().keys(host) {
                let act = Act::new(By::Server, "vault.lease").about("credential", sealed.id).about("host", &host.name);
                self.recorder.act(act).await.context("the lease of a key could not be recorded")?;
            }
        }
        Ok(())
    }

    /// Seals a provider's key.
    ///
    /// # Errors
    /// Where it is no key, or the operating system has no random bytes.
    pub fn seal(&self, deposit: Deposit, key: &ProviderKey) -> anyhow::Result<Sealed> {
        Ok(self.vault.seal(deposit, key, self.now())?)
    }

    /// Seals a service account.
    ///
    /// # Errors
    /// Where the operating system has no random bytes.
    pub fn seal_account(&self, deposit: Deposit, account: &ServiceAccount) -> anyhow::Result<Sealed> {
        Ok(self.vault.seal_account(deposit, account, self.now())?)
    }

    /// Seals an access key of Amazon Web Services.
    ///
    /// # Errors
    /// Where the operating system has no random bytes.
    pub fn seal_aws(&self, deposit: Deposit, key: &AwsKey) -> anyhow::Result<Sealed> {
        Ok(self.vault.seal_aws(deposit, key, self.now())?)
    }

    /// Everything that the store holds.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn load(&self) -> anyhow::Result<Contents> {
        Ok(self.store.load_all().await?)
    }

    /// What organizations take over unless they say otherwise.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn defaults(&self) -> anyhow::Result<Defaults> {
        Ok(self.store.load_all().await?.defaults)
    }

    /// Whether the catalogue knows these regions.
    ///
    /// # Errors
    /// The first that it does not know.
    pub fn known<'a>(&self, regions: impl IntoIterator<Item = &'a Region>) -> anyhow::Result<()> {
        let catalogue = self.catalogue();
        match regions.into_iter().find(|region| catalogue.region(region).is_none()) {
            None => Ok(()),
            Some(region) => {
                bail!("`{region}` is no region of the catalogue\n  hint: use one of {}", catalogue.region_names())
            }
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The key that tokens' tags are made with.
    pub fn pepper(&self) -> &Key {
        &self.pepper
    }

    /// The settings in force.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.inforce().config)
    }

    /// The catalogue in force.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.inforce().catalogue)
    }

    /// What writes everything down.
    pub fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    /// The request path.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Writes out what is still to be written, and lets go of the folder.
    pub async fn close(&self) {
        let ledger = self.recorder.ledger().clone();
        let written = tokio::task::spawn_blocking(move || ledger.shutdown()).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::error!("the ledger did not take all that it was to keep");
        }
        self.store.clone().close().await;
    }

    fn inforce(&self) -> MutexGuard<'_, Inforce> {
        self.inforce.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn snapshot(contents: Contents, inforce: &Inforce, pepper: Arc<Key>) -> Snapshot {
    let Contents { version, roster, agreements, credentials, .. } = contents;
    let standing = Standing::new(agreements, credentials.into_iter().map(Arc::new));
    let settings = Settings {
        embeddings: inforce.config.embeddings.clone(),
        hosted: inforce.config.hosted,
        durable: inforce.started.durability == Durability::Disk,
        evidence: inforce.config.evidence,
    };
    Snapshot {
        version: version + inforce.reloads,
        directory: Directory::new(roster, pepper),
        scene: Arc::new(Scene::new(Arc::clone(&inforce.catalogue), standing, settings)),
    }
}

/// The settings that a running server cannot change.
fn restart_needed(before: &Config, after: &Config) -> Vec<&'static str> {
    let mut names = Vec::new();
    let mut differs = |name, differs: bool| {
        if differs {
            names.push(name)
        }
    };
    differs("deployment", before.origin != after.origin);
    let listen = |config: &Config| (config.traffic, config.console, config.tls.is_some(), config.bounds.edge);
    differs("listen", listen(before) != listen(after));
    differs("record", (before.durability, before.segment_bytes) != (after.durability, after.segment_bytes));
    differs(
        "upstream",
        (&before.ca_file, &before.proxy, &before.fetching, before.deadlines, before.restraint)
            != (&after.ca_file, &after.proxy, &after.fetching, after.deadlines, after.restraint),
    );
    let taken_on = |config: &Config| phi_gateway::Bounds { edge: phi_gateway::Edge::default(), ..config.bounds };
    differs("gateway", taken_on(before) != taken_on(after));
    names
}
