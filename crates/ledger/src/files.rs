use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Everything that the writer asks of the machine, so that tests can put a failing disk in its place, or a clock that is
/// set back. Each does the real thing unless it is replaced.
pub trait Files: fmt::Debug + Send + Sync {
    /// Creates a file, or empties it, that only its owner can read.
    ///
    /// # Errors
    /// What the operating system says; so with all of these.
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
    }

    /// Writes all of `bytes` at an offset. Where it fails, some of them may have been written.
    ///
    /// # Errors
    /// See [`Files::create`].
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    /// Brings what was written to stable storage (`fdatasync`). Where it fails, what was written may be gone although
    /// it can still be read, and a second call may succeed all the same: so there is none.
    ///
    /// # Errors
    /// See [`Files::create`].
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Cuts a file to `bytes`.
    ///
    /// # Errors
    /// See [`Files::create`].
    fn cut(&self, file: &File, bytes: u64) -> io::Result<()> {
        file.set_len(bytes)
    }

    /// Gives a file its name, in place of what had it.
    ///
    /// # Errors
    /// See [`Files::create`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// The time, in milliseconds since 1970.
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Brings the names in a folder to stable storage.
    ///
    /// # Errors
    /// See [`Files::create`].
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

/// The real disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Files for Disk {}
