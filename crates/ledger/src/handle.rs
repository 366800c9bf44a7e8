use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::fault::{AppendError, Damage, Fault, OpenError, Unwritten};
use crate::format::{MAX_RECORD, Position};
use crate::handover::{Held, Reached};
use crate::landmarks::Landmarks;
use crate::read::{Records, Report, Start, verify, verify_older};
use crate::segment::list;
use crate::shared::{Shared, Status};
use crate::writer::recover::{find, recover};
use crate::writer::{Command, Tail, Waiting, Writer};
use crate::{Disk, Durability, Files, Options, Pending};

/// The log's one writer in this process. Clones write the same log.
#[derive(Debug, Clone)]
pub struct Ledger {
    folder: PathBuf,
    durability: Durability,
    patience: Duration,
    commands: Sender<Command>,
    shared: Arc<Shared>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

/// What was found when the log was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// How many records the log holds.
    pub records: u64,
    /// Its head.
    pub head: [u8; 32],
    /// The first index of the last segment.
    pub segment: u64,
    /// Where the last batch in that segment ends, in bytes from its start.
    pub offset: u64,
    /// How many bytes after it were cut off: a batch that was never written to its end, nor acknowledged.
    pub cut_bytes: u64,
}

impl Ledger {
    /// Opens the log in a folder, or begins one, and takes its lock until [`Ledger::shutdown`]. What a power cut or a
    /// kill left after the last whole mark of the last segment is cut off. Older segments are verified in the
    /// background; damage in them makes the log unavailable as soon as it is found.
    ///
    /// # Errors
    /// Where another process writes the log, where the last segment does not verify, where it is another's log, and
    /// where the disk fails.
    pub fn open(folder: &Path, options: Options) -> Result<(Self, Recovered), OpenError> {
        if !(1..=255).contains(&options.origin.len()) {
            return Err(OpenError::OriginLength { bytes: options.origin.len() });
        }
        let lock = lock(folder, &*options.files)?;
        let found = recover(folder, &options)?;
        Self::start(folder, options, found, lock)
    }

    /// Opens a log whose writer in another process holds still, where that one left it. Nothing is written by this, and
    /// nothing must be before that one has given the log up. `lock` is the log's lock.
    ///
    /// # Errors
    /// Where the log does not end where its writer says, or is not written as `options` say; else as [`Ledger::open`].
    pub fn take_over(folder: &Path, options: Options, reached: Reached, lock: File) -> Result<Self, OpenError> {
        let found = find(folder, &options)?.ok_or(OpenError::OtherEnd)?;
        let (tail, landmarks, recovered) = found.untouched(&options).ok_or(OpenError::OtherEnd)?;
        if (Reached { records: recovered.records, head: recovered.head }) != reached {
            return Err(OpenError::OtherEnd);
        }
        Ok(Self::start(folder, options, (tail, landmarks, recovered), lock)?.0)
    }

    fn start(
        folder: &Path,
        options: Options,
        (tail, landmarks, recovered): (Tail, Landmarks, Recovered),
        lock: File,
    ) -> Result<(Self, Recovered), OpenError> {
        let shared = Arc::new(Shared::new(recovered.records, landmarks, &options));
        let (commands, waiting) = channel();
        let ledger = Self {
            folder: folder.to_path_buf(),
            durability: options.durability,
            patience: options.patience,
            commands,
            shared: Arc::clone(&shared),
            threads: Arc::default(),
        };
        let writer = Writer::new(folder, options, tail, Arc::clone(&shared), waiting, lock);
        ledger.spawn("ledger-write", move || writer.run())?;
        if recovered.segment > 0 {
            let (folder, last) = (folder.to_path_buf(), recovered.segment);
            ledger.spawn("ledger-verify", move || {
                if let Err(fault) = verify_older(&folder, last, || shared.is_stopping()) {
                    shared.condemn(&fault);
                }
            })?;
        }
        Ok((ledger, recovered))
    }

    /// Appends a record. It is on its way once this returns; what it resolves to says whether it was written. Where
    /// the log cannot be written now it fails at once.
    pub fn append(&self, record: Vec<u8>) -> Pending {
        match self.shared.fault() {
            None => self.send(record, false),
            Some(fault) => Pending::failed(AppendError::Unavailable(fault)),
        }
    }

    /// Appends a record that must not get lost: where the log cannot be written now it is held in memory, and written
    /// in order with all others kept as soon as that is possible. What it resolves to may say `unavailable` before.
    ///
    /// It is never refused for want of room. What bounds it is that records are written in the order in which they come:
    /// who keeps one record for each record that was appended and acknowledged cannot have more of them waiting than
    /// there were without theirs at the last acknowledgement.
    pub fn keep(&self, record: Vec<u8>) -> Pending {
        self.send(record, true)
    }

    /// Has the writer finish what it is at, and write nothing from then on until it is decided who writes. It blocks for
    /// as long as the disk does.
    ///
    /// # Errors
    /// Where the log cannot be written now: so it cannot change hands.
    pub fn hold(&self) -> Result<Held, Fault> {
        let (asks, held) = channel();
        self.commands.send(Command::Hold(asks)).map_err(|_| Fault::Stopped)?;
        held.recv().unwrap_or(Err(Fault::Stopped))
    }

    /// Whether the log takes records now.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// How many kept records are not written yet.
    pub fn kept(&self) -> usize {
        self.shared.kept()
    }

    /// When a record counts as written.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// [`Options::patience`]: who waits for a record longer than this may give up, though it may yet be written.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// The indexes at which reading begins at once, in order: of the first record of each segment, and in the last one of
    /// some more, 4 MiB apart.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn landmarks(&self) -> Result<Vec<u64>, Fault> {
        let mut landmarks = list(&self.folder)?;
        let last = landmarks.last().copied().unwrap_or(0);
        landmarks.extend(self.shared.progress().landmarks().indexes().filter(|&index| index > last));
        Ok(landmarks)
    }

    /// Counts the landmarks that were passed since the log was opened.
    pub fn landmarks_passed(&self) -> u64 {
        self.shared.progress().passed()
    }

    /// The folder that the log is in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The records that were acknowledged, from `start` on; of a log that was given up, those that lie on the disk. Where it
    /// comes upon damage the log becomes unavailable.
    pub fn records(&self, start: Start) -> impl Iterator<Item = Result<(Position, Vec<u8>), Fault>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        let mut records = Records::new(&self.folder, start);
        if !shared.has_left() {
            records = records.acknowledged(Arc::clone(shared.progress()));
        }
        records.inspect(move |record| {
            if let Err(fault) = record {
                shared.condemn(fault);
            }
        })
    }

    /// Verifies the whole log. Where it comes upon damage the log becomes unavailable.
    ///
    /// # Errors
    /// See [`verify`].
    pub fn verify(&self) -> Result<Report, Fault> {
        verify(&self.folder).inspect_err(|fault| self.shared.condemn(fault))
    }

    /// Makes the log unavailable, because damage was found in it by other means.
    pub fn condemn(&self, damage: Damage) {
        self.shared.condemn(&Fault::Damaged(damage));
    }

    /// Writes all that waits, waits for the writer to end and gives the lock back. It blocks for as long as the disk
    /// does. Records that come later are not written.
    ///
    /// # Errors
    /// Where kept records are lost: the disk did not take them, or they came too late.
    pub fn shutdown(&self) -> Result<(), Unwritten> {
        self.shared.stop();
        // Where the writer is gone already there is nobody to tell.
        let _ = self.commands.send(Command::Stop);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A thread that panicked has said so in the status, and what it kept is counted below.
            let _ = thread.join();
        }
        match self.shared.kept() {
            0 => Ok(()),
            records => Err(Unwritten { records }),
        }
    }

    fn send(&self, record: Vec<u8>, kept: bool) -> Pending {
        let bytes = record.len();
        if bytes > MAX_RECORD {
            return Pending::failed(AppendError::TooLong { bytes });
        }
        let (answer, pending) = Pending::new();
        let queued = self.shared.queue(bytes);
        let waiting = Waiting::new(record, answer, kept.then(|| self.shared.count_kept()), queued);
        match self.commands.send(Command::Write(waiting)) {
            Ok(()) => pending,
            Err(_) => Pending::failed(AppendError::Unavailable(Fault::Stopped)),
        }
    }

    fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
        let thread = thread::Builder::new().name(name.into()).spawn(work).map_err(Fault::disk("starting a thread"))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }
}

/// The lock goes with the file: it is given back when the file is closed, also by the end of the process.
fn lock(folder: &Path, files: &dyn Files) -> Result<File, OpenError> {
    let file = make_folder(folder, files)
        .and_then(|()| Disk.create(&folder.join("lock")))
        .map_err(Fault::disk("making the log's folder"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked),
        Err(TryLockError::Error(error)) => Err(Fault::disk("locking the log")(error).into()),
    }
}

/// Makes the folder and those above it, for the owner alone, and brings their names to stable storage.
fn make_folder(folder: &Path, files: &dyn Files) -> io::Result<()> {
    let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let made: Vec<&Path> = folder.ancestors().take_while(missing).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    made.into_iter()
        .filter_map(Path::parent)
        .try_for_each(|above| files.sync_folder(if above.as_os_str().is_empty() { Path::new(".") } else { above }))
}
