//! The one thread that writes: it takes all that waits, writes it as one batch with its mark, syncs once, and answers.
//! Where the disk fails it answers everybody at once, holds what is kept, and goes on in a new segment when it can.

pub(crate) mod recover;
mod ship;
mod waiting;

pub(crate) use waiting::Waiting;

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::format::{MARK, Mark, Position, batch_start, head, leaf, push_record};
use crate::handover::Held;
use crate::segment::{Segment, create};
use crate::shared::{Shared, Status};
use crate::window::Cursor;
use crate::{Durability, Options};

/// A batch is closed once it has grown to this: whoever waits for its first record waits for its last one.
const BATCH_BYTES: usize = 1 << 20;
/// How many commands are taken before the first of them is written.
const GATHER: usize = 4_096;
/// How long the first and the longest wait are before a failed disk is tried again.
const WAIT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

#[derive(Debug)]
pub(crate) enum Command {
    Write(Waiting),
    /// Write nothing until it is decided who writes.
    Hold(Sender<Result<Held, Fault>>),
    Stop,
}

/// The segment that is written to, and how far it is acknowledged.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) file: File,
    pub(crate) start: Cursor,
    pub(crate) at: Cursor,
    /// The latest time seen so far: a clock that was set back must not hide what was written before.
    pub(crate) latest_ms: u64,
}

#[derive(Debug)]
pub(crate) struct Writer {
    folder: PathBuf,
    options: Options,
    shared: Arc<Shared>,
    commands: Receiver<Command>,
    tail: Tail,
    waiting: VecDeque<Waiting>,
    outage: Option<Outage>,
    wait: Duration,
    /// Held for as long as the log is ours.
    lock: Option<File>,
    hold: Option<Sender<Result<Held, Fault>>>,
}

/// The disk failed, and nothing more is written to the same file.
#[derive(Debug)]
struct Outage {
    fault: Fault,
    retry_at: Instant,
    /// Whether the acknowledged part of the last segment was read again and verified since.
    verified: bool,
}

impl Writer {
    pub(crate) fn new(
        folder: &Path,
        options: Options,
        tail: Tail,
        shared: Arc<Shared>,
        commands: Receiver<Command>,
        lock: File,
    ) -> Self {
        let folder = folder.to_path_buf();
        Self {
            folder,
            options,
            shared,
            commands,
            tail,
            waiting: VecDeque::new(),
            outage: None,
            wait: WAIT.0,
            lock: Some(lock),
            hold: None,
        }
    }

    /// Works until it is stopped or nobody can send any more.
    pub(crate) fn run(mut self) {
        let _stopped = Stopped(Arc::clone(&self.shared));
        loop {
            let last = self.gather();
            if let Err(fault) = self.work(last) {
                self.fail(fault);
            }
            if last {
                break;
            }
            if let Some(asks) = self.hold.take()
                && let Some(heir) = self.hold(&asks)
            {
                return self.ship(heir);
            }
        }
    }

    /// Waits for work, or until the disk is to be tried again, and takes all there is. True where there will be no more.
    fn gather(&mut self) -> bool {
        let mut next = match &self.outage {
            None => {
                let first = self.commands.recv().map_err(|_| RecvTimeoutError::Disconnected);
                // Who sent it may be about to send more: where he runs on the same core, he gets the time to. One write
                // and two changes of threads for all of them cost less than one each for each.
                std::thread::yield_now();
                first
            }
            Some(outage) => self.commands.recv_timeout(outage.retry_at.saturating_duration_since(Instant::now())),
        };
        let mut last = false;
        loop {
            match next {
                Ok(Command::Write(waiting)) => self.waiting.push_back(waiting),
                Ok(Command::Hold(asks)) => {
                    self.hold = Some(asks);
                    return last;
                }
                Ok(Command::Stop) => last = true,
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return last,
            }
            // After a stop all that was sent before it is taken, however much it is.
            if self.waiting.len() >= GATHER && !last {
                return false;
            }
            next = self.commands.try_recv().map_err(|_| RecvTimeoutError::Timeout);
        }
    }

    fn work(&mut self, last: bool) -> Result<(), Fault> {
        if let Some(outage) = &self.outage {
            let (fault, due) = (outage.fault.clone(), outage.retry_at <= Instant::now());
            self.refuse(&fault);
            if !due && !last {
                return Ok(());
            }
            self.mend()?;
        }
        if let Some(fault @ Fault::Damaged(_)) = self.shared.fault() {
            self.waiting.retain_mut(|waiting| waiting.kept.is_some() || waiting.refuse(&fault));
        }
        while !self.waiting.is_empty() {
            self.write_batch()?;
        }
        if last && self.options.durability == Durability::Process {
            self.options.files.sync(&self.tail.file).map_err(Fault::disk("syncing the last segment"))?;
        }
        if self.outage.take().is_some() {
            self.wait = WAIT.0;
            self.shared.set(Status::Healthy);
        }
        Ok(())
    }

    /// Writes one batch of those who wait. Where it fails, they wait still.
    fn write_batch(&mut self) -> Result<(), Fault> {
        let shared = Arc::clone(&self.shared);
        let _busy = shared.busy();
        self.tail.latest_ms = self.options.files.now_ms().max(self.tail.latest_ms);
        if self.tail.at.offset >= self.options.segment_bytes {
            self.next_segment()?;
        }
        let (mut batch, mut to, mut positions) = (Vec::new(), self.tail.at, Vec::new());
        for waiting in &self.waiting {
            if batch.len() >= BATCH_BYTES {
                break;
            }
            let leaf = leaf(&waiting.record);
            push_record(&mut batch, &waiting.record);
            positions.push(Position { index: to.index, leaf });
            to = Cursor { index: to.index + 1, head: head(&to.head, &leaf), ..to };
        }
        let end = self.tail.at.offset + (batch.len() + MARK) as u64;
        let count = u32::try_from(positions.len()).unwrap_or(u32::MAX);
        batch.extend(Mark { end, size: to.index, count, head: to.head }.to_bytes());
        let files = &self.options.files;
        files.write(&self.tail.file, &batch, self.tail.at.offset).map_err(Fault::disk("writing a batch"))?;
        if self.options.durability == Durability::Disk {
            files.sync(&self.tail.file).map_err(Fault::disk("syncing a batch"))?;
        }
        self.tail.at = Cursor { offset: batch_start(end), ..to };
        self.shared.progress().acknowledge(self.tail.start.index, self.tail.at);
        for (waiting, position) in self.waiting.drain(..positions.len()).zip(positions) {
            waiting.written(position);
        }
        Ok(())
    }

    fn next_segment(&mut self) -> Result<(), Fault> {
        if self.options.durability == Durability::Process {
            self.options.files.sync(&self.tail.file).map_err(Fault::disk("syncing a full segment"))?;
        }
        self.begin_segment()
    }

    fn begin_segment(&mut self) -> Result<(), Fault> {
        let Options { origin, durability, files, .. } = &self.options;
        let latest_ms = files.now_ms().max(self.tail.latest_ms);
        let (file, start) = create(&**files, &self.folder, origin, *durability, self.tail.at, latest_ms)?;
        self.tail = Tail { file, start, at: start, latest_ms };
        self.shared.progress().begin_segment();
        Ok(())
    }

    /// After an outage: reads the acknowledged part again, and goes on in a new segment.
    fn mend(&mut self) -> Result<(), Fault> {
        let Some(outage) = &mut self.outage else { return Ok(()) };
        let shared = Arc::clone(&self.shared);
        let _busy = shared.busy();
        if !outage.verified {
            if self.options.durability == Durability::Disk {
                from_disk(&self.tail.file);
            }
            Segment::open(&self.folder, self.tail.start.index)?.leads_to(self.tail.at)?;
            outage.verified = true;
        }
        self.begin_segment()?;
        self.outage.iter_mut().for_each(|outage| outage.verified = false);
        Ok(())
    }

    /// The disk failed, for the first time or again.
    fn fail(&mut self, fault: Fault) {
        self.shared.set(Status::Unavailable(fault.clone()));
        self.refuse(&fault);
        let verified = self.outage.as_ref().is_some_and(|outage| outage.verified);
        self.outage = Some(Outage { fault, retry_at: Instant::now() + self.wait, verified });
        self.wait = (self.wait * 2).min(WAIT.1);
    }

    /// Tells everybody who waits, and holds what is kept.
    fn refuse(&mut self, fault: &Fault) {
        self.waiting.retain_mut(|waiting| waiting.refuse(fault));
    }
}

/// Says that there is no writer any more, however it ended.
struct Stopped(Arc<Shared>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.set(Status::Unavailable(Fault::Stopped));
    }
}

/// Drops what the operating system holds of a file in memory, as far as it is written, so that the next read is of the
/// disk. It is a request, and there is nothing to be done where it is not granted.
pub(crate) fn from_disk(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}
