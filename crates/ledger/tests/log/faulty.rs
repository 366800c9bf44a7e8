use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard};

use phi_ledger::{Disk, Files};

const SECTOR: usize = 512;

/// A disk that fails when it is told to, and remembers what a power cut would leave. What is written goes to real files,
/// which stand for what the operating system holds in memory; what was synced is copied aside.
#[derive(Debug, Default)]
pub(crate) struct Faulty {
    state: Mutex<State>,
    gate: (Mutex<bool>, Condvar),
}

#[derive(Debug, Default)]
struct State {
    /// Open files by inode, so that none is used again.
    files: HashMap<u64, Written>,
    names: BTreeMap<OsString, u64>,
    synced_names: BTreeMap<OsString, u64>,
    /// Writes fail with this error of the operating system, after half of them.
    refusing: Option<i32>,
    /// What the clock shows, where it is not the real one.
    now_ms: Option<u64>,
    /// So many syncs of files fail.
    failing_syncs: usize,
    /// The power goes at this operation.
    cut_at: Option<usize>,
    operations: usize,
    syncs: usize,
}

#[derive(Debug)]
struct Written {
    file: File,
    synced: Vec<u8>,
    /// Ranges written since.
    dirty: Vec<(usize, usize)>,
    /// A sync of it failed.
    failed: bool,
}

impl Faulty {
    pub(crate) fn power_cut_at(operation: usize) -> Self {
        let faulty = Self::default();
        faulty.state().cut_at = Some(operation);
        faulty
    }

    pub(crate) fn fill(&self, full: bool) {
        self.refuse_writes(full.then_some(28));
    }

    /// Fails writes with an error of the operating system.
    pub(crate) fn refuse_writes(&self, error: Option<i32>) {
        self.state().refusing = error;
    }

    pub(crate) fn set_clock(&self, ms: u64) {
        self.state().now_ms = Some(ms);
    }

    pub(crate) fn fail_syncs(&self, count: usize) {
        self.state().failing_syncs = count;
    }

    pub(crate) fn syncs(&self) -> usize {
        self.state().syncs
    }

    /// How much was asked of it.
    pub(crate) fn operations(&self) -> usize {
        self.state().operations
    }

    /// Syncs of files wait while the gate is shut.
    pub(crate) fn shut_gate(&self, shut: bool) {
        *self.gate.0.lock().unwrap() = shut;
        self.gate.1.notify_all();
    }

    /// Writes into `folder` what the disk holds after a power cut: all that was synced, and of the rest any sectors,
    /// as `random` will have it.
    pub(crate) fn after_power_cut(&self, folder: &Path, mut random: u64) {
        let mut toss = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random & 0x10 != 0
        };
        let state = self.state();
        let names = if toss() { &state.names } else { &state.synced_names };
        for (name, inode) in names {
            let written = &state.files[inode];
            let mut bytes = written.synced.clone();
            for &(start, end) in &written.dirty {
                if toss() {
                    bytes.resize(bytes.len().max(end), 0);
                }
                let mut at = start;
                while at < end {
                    let until = ((at / SECTOR + 1) * SECTOR).min(end);
                    if toss() {
                        bytes.resize(bytes.len().max(until), 0);
                        written.file.read_exact_at(&mut bytes[at..until], at as u64).unwrap();
                    }
                    at = until;
                }
            }
            fs::write(folder.join(name), bytes).unwrap();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Counts an operation; fails where the power is off.
    fn powered(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        state.operations += 1;
        match state.cut_at {
            Some(cut_at) if state.operations > cut_at => Err(io::Error::other("the power is off")),
            _ => Ok(state),
        }
    }
}

impl State {
    fn written(&mut self, file: &File) -> &mut Written {
        let inode = file.metadata().unwrap().ino();
        self.files.entry(inode).or_insert_with(|| {
            // A file from before this disk was put in place: all of it is on it.
            let mut synced = vec![0; file.metadata().unwrap().len() as usize];
            file.read_exact_at(&mut synced, 0).unwrap();
            Written { file: file.try_clone().unwrap(), synced, dirty: Vec::new(), failed: false }
        })
    }
}

impl Files for Faulty {
    fn create(&self, path: &Path) -> io::Result<File> {
        let mut state = self.powered()?;
        let _ = fs::remove_file(path).ok();
        let file = Disk.create(path)?;
        state.written(&file);
        state.names.insert(path.file_name().unwrap().into(), file.metadata()?.ino());
        Ok(file)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.powered()?;
        let refusing = state.refusing;
        let written = state.written(file);
        assert!(!written.failed, "a file whose sync failed is written again");
        let bytes = if refusing.is_some() { &bytes[..bytes.len() / 2] } else { bytes };
        written.dirty.push((offset as usize, offset as usize + bytes.len()));
        Disk.write(file, bytes, offset)?;
        refusing.map_or(Ok(()), |error| Err(io::Error::from_raw_os_error(error)))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let mut shut = self.gate.0.lock().unwrap();
        while *shut {
            shut = self.gate.1.wait(shut).unwrap();
        }
        let mut state = self.powered()?;
        state.syncs += 1;
        if state.failing_syncs > 0 {
            state.failing_syncs -= 1;
            let written = state.written(file);
            // The kernel forgets that they were not written.
            written.dirty.clear();
            written.failed = true;
            return Err(io::Error::from_raw_os_error(5));
        }
        let written = state.written(file);
        assert!(!written.failed, "a failed sync is tried again on the same file");
        for (start, end) in std::mem::take(&mut written.dirty) {
            let len = written.synced.len().max(end);
            written.synced.resize(len, 0);
            file.read_exact_at(&mut written.synced[start..end], start as u64)?;
        }
        Ok(())
    }

    fn cut(&self, file: &File, bytes: u64) -> io::Result<()> {
        let mut state = self.powered()?;
        state.written(file).synced.truncate(bytes as usize);
        Disk.cut(file, bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.powered()?;
        let inode = state.names.remove(from.file_name().unwrap()).unwrap();
        state.names.insert(to.file_name().unwrap().into(), inode);
        Disk.rename(from, to)
    }

    fn now_ms(&self) -> u64 {
        let shown = self.state().now_ms;
        shown.unwrap_or_else(|| Disk.now_ms())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        let mut state = self.powered()?;
        state.synced_names = state.names.clone();
        Ok(())
    }
}
