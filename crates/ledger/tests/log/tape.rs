//! A disk that writes down all that is asked of it, so that the power can be cut afterwards, at any moment of it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use phi_ledger::{Disk, Files};

const SECTOR: usize = 512;

/// What was asked, in order. What is written goes to real files, which stand for what the operating system holds in
/// memory; nothing is ever really synced.
#[derive(Debug, Default)]
pub(crate) struct Tape(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    asked: Vec<Asked>,
    /// Held open, so that no inode is used for a second file.
    held: HashMap<u64, File>,
}

/// One thing that was asked of the disk; files are known by their inodes.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    Create { name: OsString, file: u64 },
    Write { file: u64, offset: usize, bytes: Vec<u8> },
    Sync { file: u64 },
    Cut { file: u64, bytes: usize },
    Rename { from: OsString, to: OsString },
    SyncFolder,
}

impl Tape {
    /// How much was asked so far.
    pub(crate) fn length(&self) -> usize {
        self.state().asked.len()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn file(&mut self, file: &File) -> io::Result<u64> {
        let inode = file.metadata()?.ino();
        self.held.insert(inode, file.try_clone()?);
        Ok(inode)
    }
}

impl Files for Tape {
    fn create(&self, path: &Path) -> io::Result<File> {
        let mut state = self.state();
        if path.exists() {
            fs::remove_file(path)?;
        }
        let made = Disk.create(path)?;
        let file = state.file(&made)?;
        state.asked.push(Asked::Create { name: name(path), file });
        Ok(made)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.state();
        let asked = Asked::Write { file: state.file(file)?, offset: offset as usize, bytes: bytes.to_vec() };
        state.asked.push(asked);
        Disk.write(file, bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let mut state = self.state();
        let file = state.file(file)?;
        state.asked.push(Asked::Sync { file });
        Ok(())
    }

    fn cut(&self, file: &File, bytes: u64) -> io::Result<()> {
        let mut state = self.state();
        let asked = Asked::Cut { file: state.file(file)?, bytes: bytes as usize };
        state.asked.push(asked);
        Disk.cut(file, bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.asked.push(Asked::Rename { from: name(from), to: name(to) });
        Disk.rename(from, to)
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        self.state().asked.push(Asked::SyncFolder);
        Ok(())
    }
}

/// What a disk is sure to hold, and what may have reached it besides.
#[derive(Debug, Clone, Default)]
pub(crate) struct Platter {
    names: BTreeMap<OsString, u64>,
    synced_names: BTreeMap<OsString, u64>,
    files: HashMap<u64, Held>,
}

#[derive(Debug, Clone, Default)]
struct Held {
    synced: Vec<u8>,
    /// What was done since, in order.
    since: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Cut(usize),
}

/// What reached the disk of that which was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    Nothing,
    All,
    /// Any of the sectors, the others being zeros or as they were.
    Sectors,
    /// All but the end of the last write, which stops after some sector.
    Torn,
    /// The same, with noise where the end belongs.
    Noise,
}

impl Platter {
    /// A disk that holds a folder, and has nothing else to write.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let mut platter = Self::default();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let inode = fs::metadata(&path)?.ino();
            platter.names.insert(name(&path), inode);
            platter.files.insert(inode, Held { synced: fs::read(&path)?, since: Vec::new() });
        }
        platter.synced_names = platter.names.clone();
        Ok(platter)
    }

    /// Does what was asked, as far as a disk must.
    pub(crate) fn take(&mut self, asked: &Asked) {
        match asked {
            Asked::Create { name, file } => {
                self.names.insert(name.clone(), *file);
                self.files.insert(*file, Held::default());
            }
            Asked::Write { file, offset, bytes } => self.held(*file).since.push(Change::Write(*offset, bytes.clone())),
            Asked::Sync { file } => {
                let held = self.held(*file);
                held.synced = held.left(Reached::All, &mut Random::new(1));
                held.since.clear();
            }
            Asked::Cut { file, bytes } => self.held(*file).since.push(Change::Cut(*bytes)),
            Asked::Rename { from, to } => {
                if let Some(file) = self.names.remove(from) {
                    self.names.insert(to.clone(), file);
                }
            }
            Asked::SyncFolder => self.synced_names.clone_from(&self.names),
        }
    }

    /// Writes into `folder` what the disk holds once the power has gone.
    pub(crate) fn leave(&self, folder: &Path, reached: Reached, random: &mut Random) -> io::Result<()> {
        let names = match reached {
            Reached::Nothing => &self.synced_names,
            Reached::All => &self.names,
            Reached::Sectors | Reached::Torn | Reached::Noise => {
                if random.toss() {
                    &self.names
                } else {
                    &self.synced_names
                }
            }
        };
        for (name, file) in names {
            let left = self.files.get(file).map(|held| held.left(reached, random)).unwrap_or_default();
            fs::write(folder.join(name), left)?;
        }
        Ok(())
    }

    fn held(&mut self, file: u64) -> &mut Held {
        self.files.entry(file).or_default()
    }
}

impl Held {
    fn left(&self, reached: Reached, random: &mut Random) -> Vec<u8> {
        let mut left = self.synced.clone();
        let last = self.since.len().saturating_sub(1);
        for (n, change) in self.since.iter().enumerate() {
            match change {
                Change::Cut(bytes) => match reached {
                    Reached::Nothing => {}
                    Reached::All | Reached::Torn | Reached::Noise => left.truncate(*bytes),
                    Reached::Sectors => left.truncate(if random.toss() { *bytes } else { usize::MAX }),
                },
                Change::Write(offset, bytes) => {
                    let end = offset + bytes.len();
                    let sectors: Vec<(usize, usize)> = sectors(*offset, end).collect();
                    let torn = random.below(sectors.len());
                    for (nth, (from, to)) in sectors.into_iter().enumerate() {
                        let whole = n < last || nth < torn;
                        let sector = &bytes[from - offset..to - offset];
                        match reached {
                            Reached::Nothing => {}
                            Reached::All => put(&mut left, from, sector),
                            Reached::Sectors if random.toss() => put(&mut left, from, sector),
                            Reached::Sectors if random.toss() => grow(&mut left, to),
                            Reached::Torn | Reached::Noise if whole => put(&mut left, from, sector),
                            Reached::Noise => {
                                let noise: Vec<u8> = sector.iter().map(|_| random.below(256) as u8).collect();
                                put(&mut left, from, &noise);
                            }
                            Reached::Sectors | Reached::Torn => {}
                        }
                    }
                }
            }
        }
        left
    }
}

/// The parts of a range that a disk writes as a whole or not at all.
fn sectors(from: usize, to: usize) -> impl Iterator<Item = (usize, usize)> {
    let starts = std::iter::successors(Some(from), |at| Some((at / SECTOR + 1) * SECTOR));
    starts.take_while(move |at| *at < to).map(move |at| (at, ((at / SECTOR + 1) * SECTOR).min(to)))
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    grow(file, at + bytes.len());
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

fn grow(file: &mut Vec<u8>, bytes: usize) {
    file.resize(file.len().max(bytes), 0);
}

fn name(path: &Path) -> OsString {
    path.file_name().unwrap_or_default().into()
}

/// Xorshift: the same numbers from the same seed.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `bound`; 0 where that is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % bound.max(1)
    }

    pub(crate) fn toss(&mut self) -> bool {
        self.below(2) == 1
    }
}
