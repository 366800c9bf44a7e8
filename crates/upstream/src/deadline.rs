use std::time::Duration;

use tokio::time::Instant;

/// How long a host may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// To be connected to, its name resolved and TLS agreed on.
    pub connect: Duration,
    /// From the request until the head of its answer.
    pub first_byte: Duration,
    /// Between two pieces of its answer.
    pub idle: Duration,
    /// For everything, over all routes that are tried.
    pub total: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(5), first_byte: seconds(60), idle: seconds(60), total: seconds(600) }
    }
}

/// What a host was late with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    /// The head of its answer.
    FirstByte,
    /// The next piece of its answer.
    Idle,
    /// The whole.
    Total,
}

/// The deadlines of one request, as points in time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Until {
    pub(crate) first_byte: Instant,
    pub(crate) idle: Duration,
    pub(crate) total: Instant,
}

impl Deadlines {
    /// For a request that begins now and must end by `total`. A host is silent while it writes an answer that it sends
    /// whole, so such an answer may take half of what remains: another route may still be tried after it.
    pub(crate) fn until(&self, total: Instant, whole: bool) -> Until {
        let now = Instant::now();
        let half = total.saturating_duration_since(now) / 2;
        let first_byte = if whole { half.max(self.first_byte) } else { self.first_byte };
        Until { first_byte: (now + first_byte).min(total), idle: self.idle, total }
    }
}

impl Until {
    /// When the next piece is due, where the wait for it begins `now`, and what the host is late with if it does not come.
    pub(crate) fn next_piece(&self, now: Instant) -> (Instant, Late) {
        let idle = now + self.idle;
        if idle < self.total { (idle, Late::Idle) } else { (self.total, Late::Total) }
    }

    /// When the head is due, and what the host is late with if it does not come.
    pub(crate) fn head(&self) -> (Instant, Late) {
        if self.first_byte < self.total { (self.first_byte, Late::FirstByte) } else { (self.total, Late::Total) }
    }
}
