//! Settings and catalogue are read anew on SIGHUP, on an order, and when their files change. A file that does not hold
//! changes nothing, and says why.

use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use phi_gateway::Stop;
use phi_record::By;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::data::Data;
use crate::deployment::Deployment;

/// An editor writes a file in several steps; this long after the last of them it is read.
const SETTLED: Duration = Duration::from_millis(200);

/// Reloads whenever there is reason to, until told to stop.
pub(crate) async fn watch(data: Data, deployment: Arc<Deployment>, mut stop: Stop) {
    let (changed, mut changes) = mpsc::channel(1);
    let watcher = watcher(&data, changed);
    if let Err(error) = &watcher {
        tracing::warn!(error = %error, "changed files are not noticed; use SIGHUP or `phi config reload`");
    }
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    loop {
        tokio::select! {
            () = stop.wait() => return,
            _ = hangup.recv() => {}
            Some(()) = changes.recv() => {
                tokio::time::sleep(SETTLED).await;
                let _ = changes.try_recv();
            }
        }
        match deployment.reload(By::Server).await {
            Ok(_) => tracing::info!("settings and catalogue are in force"),
            Err(error) => tracing::error!(error = format!("{error:#}"), "settings and catalogue stay as they were"),
        }
    }
}

fn watcher(data: &Data, changed: mpsc::Sender<()>) -> notify::Result<notify::RecommendedWatcher> {
    let settings = data.settings();
    let overrides = data.folder().join("catalog.d");
    let watched = (settings.clone(), overrides.clone());
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let ours = |path: &std::path::PathBuf| *path == watched.0 || path.starts_with(&watched.1);
        if !event.kind.is_access() && event.paths.iter().any(ours) {
            // A full channel holds the news already.
            let _ = changed.try_send(());
        }
    })?;
    if let Some(folder) = settings.parent() {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    if overrides.is_dir() {
        watcher.watch(&overrides, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}
