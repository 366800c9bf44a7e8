use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Options;
use crate::fault::Fault;
use crate::landmarks::Landmarks;
use crate::window::Cursor;

/// Whether the log takes records now.
#[derive(Debug, Clone)]
pub enum Status {
    /// It does.
    Healthy,
    /// It does not; it is tried again and again, but for [`Fault::Damaged`] and [`Fault::Stopped`], which stay.
    Unavailable(Fault),
}

/// What the writer, the reader and those who append know of each other.
#[derive(Debug)]
pub(crate) struct Shared {
    status: Mutex<Status>,
    progress: Arc<Progress>,
    kept: Arc<AtomicUsize>,
    queue: Arc<Queue>,
    waiting_bytes: usize,
    patience: Duration,
    /// Since when the disk is at work on one batch.
    busy: Mutex<Option<Instant>>,
    stopping: AtomicBool,
    left: AtomicBool,
}

/// How far the log is written; what a reader beside the writer may see.
#[derive(Debug)]
pub(crate) struct Progress {
    records: AtomicU64,
    segments: AtomicU64,
    landmarks: Mutex<Landmarks>,
    passed: AtomicU64,
}

/// Counts one kept record for as long as it is not written.
#[derive(Debug)]
pub(crate) struct Kept(Arc<AtomicUsize>);

/// What is sent to the writer and not written.
#[derive(Debug, Default)]
struct Queue {
    records: AtomicUsize,
    bytes: AtomicUsize,
}

/// Counts one record for as long as it waits.
#[derive(Debug)]
pub(crate) struct Queued {
    queue: Arc<Queue>,
    bytes: usize,
}

/// The disk is at work for as long as this lives.
#[derive(Debug)]
pub(crate) struct Busy<'a>(&'a Shared);

impl Shared {
    pub(crate) fn new(records: u64, landmarks: Landmarks, options: &Options) -> Self {
        Self {
            status: Mutex::new(Status::Healthy),
            progress: Arc::new(Progress {
                records: AtomicU64::new(records),
                segments: AtomicU64::new(0),
                landmarks: Mutex::new(landmarks),
                passed: AtomicU64::new(0),
            }),
            kept: Arc::default(),
            queue: Arc::default(),
            waiting_bytes: options.waiting_bytes,
            patience: options.patience,
            busy: Mutex::default(),
            stopping: AtomicBool::new(false),
            left: AtomicBool::new(false),
        }
    }

    pub(crate) fn status(&self) -> Status {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match status {
            Status::Healthy if self.is_behind() => {
                Status::Unavailable(Fault::Behind { records: self.queue.records.load(Ordering::SeqCst) })
            }
            Status::Healthy | Status::Unavailable(_) => status,
        }
    }

    /// The disk is at work until what this returns is dropped.
    pub(crate) fn busy(&self) -> Busy<'_> {
        *self.since() = Some(Instant::now());
        Busy(self)
    }

    /// A record of so many bytes waits until what this returns is dropped.
    pub(crate) fn queue(&self, bytes: usize) -> Queued {
        self.queue.records.fetch_add(1, Ordering::SeqCst);
        self.queue.bytes.fetch_add(bytes, Ordering::SeqCst);
        Queued { queue: Arc::clone(&self.queue), bytes }
    }

    fn is_behind(&self) -> bool {
        let since = *self.since();
        self.queue.bytes.load(Ordering::SeqCst) > self.waiting_bytes
            || since.is_some_and(|since| since.elapsed() > self.patience)
    }

    fn since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why no record is taken now.
    pub(crate) fn fault(&self) -> Option<Fault> {
        match self.status() {
            Status::Healthy => None,
            Status::Unavailable(fault) => Some(fault),
        }
    }

    /// Sets the status; what was found damaged, or was shut down, stays so.
    pub(crate) fn set(&self, status: Status) {
        let mut now = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        match *now {
            Status::Healthy | Status::Unavailable(Fault::Disk { .. } | Fault::Behind { .. }) => *now = status,
            Status::Unavailable(Fault::Damaged(_) | Fault::Stopped) => {}
        }
    }

    /// Makes the log unavailable for good where damage was found.
    pub(crate) fn condemn(&self, fault: &Fault) {
        if let Fault::Damaged(_) = fault {
            self.set(Status::Unavailable(fault.clone()));
        }
    }

    /// How many kept records are not written.
    pub(crate) fn kept(&self) -> usize {
        self.kept.load(Ordering::SeqCst)
    }

    pub(crate) fn count_kept(&self) -> Kept {
        self.kept.fetch_add(1, Ordering::SeqCst);
        Kept(Arc::clone(&self.kept))
    }

    pub(crate) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Another process writes the log from now on.
    pub(crate) fn leave(&self) {
        self.left.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_left(&self) -> bool {
        self.left.load(Ordering::SeqCst)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

impl Progress {
    /// The log is acknowledged up to here, in the segment of this first index.
    pub(crate) fn acknowledge(&self, segment: u64, at: Cursor) {
        self.records.store(at.index, Ordering::SeqCst);
        if self.landmarks().note(segment, at) {
            self.passed.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(crate) fn landmarks(&self) -> MutexGuard<'_, Landmarks> {
        self.landmarks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A segment was begun; nothing in it is acknowledged yet.
    pub(crate) fn begin_segment(&self) {
        self.segments.fetch_add(1, Ordering::SeqCst);
        self.passed.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn records(&self) -> u64 {
        self.records.load(Ordering::SeqCst)
    }

    /// How many segments and landmarks were begun since the log was opened.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }

    /// How many segments were begun since the log was opened.
    pub(crate) fn segments(&self) -> u64 {
        self.segments.load(Ordering::SeqCst)
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.queue.records.fetch_sub(1, Ordering::SeqCst);
        self.queue.bytes.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        *self.0.since() = None;
    }
}

impl Kept {
    /// It is written.
    pub(crate) fn written(self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
