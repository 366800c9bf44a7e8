//! Settings, catalogue and certificates are read anew on SIGHUP, on an order, and when their files change. A file that does not hold
//! changes nothing, and says why.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use notify::{RecursiveMode, Watcher};
use phi_gateway::Stop;
use phi_record::By;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::data::{Data, OVERRIDES};
use crate::deployment::Deployment;

/// An editor writes a file in several steps; this long after the last of them it is read.
const SETTLED: Duration = Duration::from_millis(200);
const REMEDY: &str = "use SIGHUP or `phi config reload`";

/// Hears of every reason to reload from the moment it is made.
pub(crate) struct Watch {
    data: Data,
    hangup: Signal,
    watcher: Option<notify::RecommendedWatcher>,
    changes: mpsc::Receiver<()>,
}

impl Watch {
    /// Begins to listen.
    ///
    /// # Errors
    /// Where signals cannot be heard. Files that cannot be watched are a warning.
    pub(crate) fn new(data: Data) -> anyhow::Result<Self> {
        let hangup = signal(SignalKind::hangup()).context("signals cannot be heard")?;
        let (changed, changes) = mpsc::channel(1);
        let watcher = watcher(&data, changed);
        let warn = |error: &notify::Error| tracing::warn!(error = %error, "changed files are not noticed; {REMEDY}");
        let watcher = watcher.inspect_err(warn).ok();
        Ok(Self { data, hangup, watcher, changes })
    }

    /// Reloads whenever there is reason to, until told to stop.
    pub(crate) async fn run(mut self, deployment: Arc<Deployment>, mut stop: Stop) {
        loop {
            tokio::select! {
                () = stop.wait() => return,
                _ = self.hangup.recv() => {}
                Some(()) = self.changes.recv() => {
                    tokio::time::sleep(SETTLED).await;
                    let _ = self.changes.try_recv();
                }
            }
            if let Some(watcher) = &mut self.watcher {
                watch_overrides(watcher, &self.data);
            }
            match deployment.reload(By::Server).await {
                Ok(_) => tracing::info!("settings and catalogue are in force"),
                Err(error) => tracing::error!(error = format!("{error:#}"), "settings and catalogue stay as they were"),
            }
        }
    }
}

fn watcher(data: &Data, changed: mpsc::Sender<()>) -> notify::Result<notify::RecommendedWatcher> {
    // What is told of are whole paths, whatever the folder was called by.
    let settings = std::path::absolute(data.settings())?;
    let folder = std::path::absolute(data.folder())?;
    let watched = (settings.clone(), folder.join(OVERRIDES));
    let certificates = certificates(data);
    let certified = certificates.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let ours = |path: &PathBuf| *path == watched.0 || path.starts_with(&watched.1) || certified.contains(path);
        if !event.kind.is_access() && event.paths.iter().any(ours) {
            // A full channel holds the news already.
            let _ = changed.try_send(());
        }
    })?;
    watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    if let Some(beside) = settings.parent().filter(|beside| *beside != folder) {
        watcher.watch(beside, RecursiveMode::NonRecursive)?;
    }
    let folders: BTreeSet<&Path> = certificates.iter().filter_map(|file| file.parent()).collect();
    for beside in folders.into_iter().filter(|beside| *beside != folder) {
        watcher.watch(beside, RecursiveMode::NonRecursive)?;
    }
    watch_overrides(&mut watcher, data);
    Ok(watcher)
}

/// The files of TLS that the settings name when the server starts, and the link beside each that orchestrators swap in
/// their place.
fn certificates(data: &Data) -> Vec<PathBuf> {
    let files = data.written().ok().and_then(|written| written.check().ok()).and_then(|config| config.tls);
    let files = files.map(|files| [Some(files.certificate), Some(files.key), files.client_ca]);
    let files = files.into_iter().flatten().flatten().filter_map(|file| std::path::absolute(file).ok());
    files.flat_map(|file| [file.with_file_name("..data"), file]).collect()
}

/// Watches the folder of overrides, which may be made, or made anew, while the server runs.
fn watch_overrides(watcher: &mut notify::RecommendedWatcher, data: &Data) {
    let Some(folder) = data.overrides().and_then(|folder| std::path::absolute(folder).ok()) else { return };
    if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
        tracing::warn!(error = %error, "changed files of `{OVERRIDES}` are not noticed; {REMEDY}");
    }
}
