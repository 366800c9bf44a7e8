//! A deployment that is another process's from some moment on, or was another's until then.

use std::fs::File;
use std::sync::{Arc, PoisonError};

use anyhow::{Context, bail};
use phi_catalog::Catalogue;
use tokio::sync::{MutexGuard, mpsc, oneshot};

use super::{Deployment, Inforce};
use crate::handover::Changed;

impl Deployment {
    /// Keeps anything from being changed until what this returns is dropped.
    pub(crate) async fn hold_changes(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// The folder's lock, for an heir.
    ///
    /// # Errors
    /// Where it is ours no more.
    pub(crate) fn share_lock(&self) -> anyhow::Result<File> {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(lock.as_ref().context("the data folder is another process's")?.share()?)
    }

    /// From now on the folder is an heir's: here nothing is changed any more.
    pub(crate) fn give_up(&self) {
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the folder is an heir's.
    pub(crate) fn is_given_up(&self) -> bool {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Fails where the folder is an heir's.
    pub(super) fn is_ours(&self) -> anyhow::Result<()> {
        if self.is_given_up() {
            bail!("another process has taken over just now\n  hint: say it again");
        }
        Ok(())
    }

    /// Judges by what the store holds now, and where they have changed by what files do: an heir has changed something, and
    /// has written that down.
    ///
    /// # Errors
    /// Where they do not hold for this version.
    pub(crate) async fn follow(&self, files: bool) -> anyhow::Result<()> {
        let _one = self.changing.lock().await;
        if !files {
            return self.refresh(false).await;
        }
        let config = Arc::new(self.data.written()?.check()?);
        let catalogue = Arc::new(Catalogue::load(self.data.overrides().as_deref())?);
        config.fits(&catalogue)?;
        let before = self.inforce().clone();
        *self.inforce() = Inforce { config, catalogue, reloads: before.reloads + 1, started: before.started };
        self.refresh(true).await
    }

    /// From now on whoever listens to `elder` is told of each change, and is waited for.
    pub(crate) async fn add_elder(&self, elder: mpsc::Sender<Changed>) {
        self.elders.lock().await.push(elder);
    }

    /// Waits until those before judge by what is in force here, or have ended.
    pub(super) async fn lead_elders(&self, files: bool) {
        let mut elders = self.elders.lock().await;
        elders.retain(|elder| !elder.is_closed());
        for elder in elders.iter() {
            let (waits, followed) = oneshot::channel();
            if elder.send(Changed { files, waits }).await.is_ok() {
                let _ = followed.await;
            }
        }
    }
}
