use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};

use crate::config::Written;

/// The name of the folder of the operator's own hosts, models and prices.
pub(crate) const OVERRIDES: &str = "catalog.d";

/// The data folder of a deployment, and where everything lies in it. The folder is its owner's alone.
#[derive(Debug, Clone)]
pub struct Data {
    folder: PathBuf,
    settings: PathBuf,
    /// Whether somebody named the settings file: then it must be there.
    named: bool,
}

/// Holds the data folder: as long as it lives, no other process changes anything in it.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// One that another process has shared.
    pub(crate) const fn inherited(file: File) -> Self {
        Self(file)
    }

    /// For another process: both hold it from now on, and neither can be kept from doing so by the other.
    ///
    /// # Errors
    /// Where there are no more file descriptors.
    pub(crate) fn share(&self) -> std::io::Result<File> {
        self.0.try_clone()
    }
}

impl Data {
    /// The folder, with its settings in `phi.toml` unless another file is named.
    pub fn new(folder: PathBuf, settings: Option<PathBuf>) -> Self {
        let named = settings.is_some();
        let settings = settings.unwrap_or_else(|| folder.join("phi.toml"));
        Self { folder, settings, named }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The settings.
    pub fn settings(&self) -> PathBuf {
        self.settings.clone()
    }

    /// What the settings say; where nobody named a file and there is none, the defaults.
    ///
    /// # Errors
    /// Where a named file is not there, or a file is not as it should be.
    pub fn written(&self) -> anyhow::Result<Written> {
        if self.named && !self.settings.exists() {
            bail!(
                "there are no settings at `{}`\n  hint: leave --config out for the defaults",
                self.settings.display()
            );
        }
        Ok(Written::load(&self.settings)?.with_environment())
    }

    /// Identities, agreements, sealed keys.
    pub fn store(&self) -> PathBuf {
        self.folder.join("phi.db")
    }

    /// The master key.
    pub fn key(&self) -> PathBuf {
        self.folder.join("master.key")
    }

    /// The ledger's segments.
    pub fn ledger(&self) -> PathBuf {
        self.folder.join("ledger")
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("control.sock")
    }

    /// The operator's own hosts, models and prices, where the folder exists.
    pub fn overrides(&self) -> Option<PathBuf> {
        let folder = self.folder.join(OVERRIDES);
        folder.is_dir().then_some(folder)
    }

    /// Writes one of the files of hosts, models and prices: all of it is on the disk, or what was there before.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn write_override(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let folder = self.folder.join(OVERRIDES);
        let path = folder.join(name);
        // Nobody reads a file of this name as a part of the catalogue.
        let new = folder.join(format!(".{name}.new"));
        let write = || {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
            File::open(&folder)?.sync_all()?;
            File::open(&self.folder)?.sync_all()
        };
        write().with_context(|| format!("`{}` cannot be written", path.display()))
    }

    /// Makes the folder.
    ///
    /// # Errors
    /// Where it cannot be made, or holds a deployment already.
    pub fn make(&self) -> anyhow::Result<()> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.with_context(|| format!("the folder `{}` cannot be made", self.folder.display()))?;
        if self.key().exists() || self.store().exists() {
            bail!("`{}` holds a deployment already; name another folder with --data", self.folder.display());
        }
        // A folder that was there before may be open to others.
        let mode = std::fs::set_permissions(&self.folder, std::fs::Permissions::from_mode(0o700));
        mode.with_context(|| format!("the folder `{}` cannot be closed to others", self.folder.display()))
    }

    /// Takes the folder.
    ///
    /// # Errors
    /// Where `phi init` was not run, or another process has the folder.
    pub fn lock(&self) -> anyhow::Result<Lock> {
        if !self.store().exists() {
            bail!("`{}` holds no deployment\n  hint: make one with `phi --data {0} init`", self.folder.display());
        }
        let path = self.folder.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.with_context(|| format!("`{}` cannot be opened", path.display()))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock(file)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                bail!(
                    "another process works in `{}`\n  hint: wait for it to end, stop the server there, or take its place with `phi serve --takeover`",
                    self.folder.display()
                )
            }
            Err(error) => Err(error).with_context(|| format!("`{}` cannot be locked", path.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_anew_as_a_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = Data::new(folder.path().to_path_buf(), None);
        for text in ["one", "another"] {
            data.write_override("rates.toml", text).expect("written");
            let files = phi_catalog::files(&data.overrides().expect("made")).expect("read");
            assert_eq!(files, [("catalog.d/rates.toml".to_owned(), text.to_owned())]);
        }
        assert_eq!(std::fs::read_dir(folder.path().join(OVERRIDES)).expect("there").count(), 1, "nothing else is left");
        std::fs::remove_dir_all(folder.path().join(OVERRIDES)).expect("removed");
        std::fs::write(folder.path().join(OVERRIDES), "in the way").expect("written");
        let error = data.write_override("rates.toml", "one").expect_err("no folder");
        assert!(error.to_string().contains("rates.toml` cannot be written"), "{error}");
    }

    #[test]
    fn a_folder_is_closed_to_others_when_a_deployment_moves_in() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("ours");
        let data = Data::new(folder.path().to_path_buf(), None);
        data.make().expect("an empty folder");
        let mode = std::fs::metadata(folder.path()).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        std::fs::write(data.store(), "").expect("written");
        assert!(data.make().is_err(), "it holds a deployment now");
    }
}
