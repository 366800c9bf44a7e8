//! A writer without files: another process owns the log.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use super::{BATCH_BYTES, Writer};
use crate::fault::Fault;
use crate::format::{Position, leaf};
use crate::handover::{Fate, Held, Reached, Word};
use crate::shared::Status;

impl Writer {
    /// Writes nothing until it is decided who writes. What it returns takes the records from now on.
    pub(super) fn hold(&mut self, asks: &Sender<Result<Held, Fault>>) -> Option<UnixStream> {
        let (decide, decided) = channel();
        let reached = Reached { records: self.tail.at.index, head: self.tail.at.head };
        let held = match self.shared.fault() {
            Some(fault) => Err(fault),
            None => {
                let lock = self.lock.as_ref().map(|lock| lock.try_clone().map_err(Fault::disk("sharing the lock")));
                lock.unwrap_or(Err(Fault::Stopped)).map(|lock| Held { reached, lock, decide })
            }
        };
        asks.send(held).ok()?;
        decided.recv().ok()
    }

    /// Works until it is stopped. Once the heir is gone no record is taken any more.
    pub(super) fn ship(mut self, mut heir: UnixStream) {
        // Whoever has the log now holds the lock as well.
        self.lock = None;
        self.shared.leave();
        let mut gone = None;
        loop {
            let last = self.gather();
            // What is given up cannot be given up again.
            self.hold = None;
            while gone.is_none() && !self.waiting.is_empty() {
                gone =
                    self.ship_batch(&mut heir).err().map(Fault::disk("sending records to the process that took over"));
            }
            if let Some(fault) = &gone {
                self.shared.set(Status::Unavailable(fault.clone()));
                self.refuse(fault);
            }
            if last {
                break;
            }
        }
    }

    /// Sends some of those who wait, and hears what became of each. Where that fails, the others wait still.
    fn ship_batch(&mut self, heir: &mut UnixStream) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let _busy = shared.busy();
        let (mut batch, mut count) = (Vec::new(), 0);
        for waiting in &self.waiting {
            if batch.len() >= BATCH_BYTES {
                break;
            }
            let bytes = u16::try_from(waiting.record.len()).map_err(io::Error::other)?;
            batch.extend_from_slice(&bytes.to_be_bytes());
            batch.extend_from_slice(&waiting.record);
            count += 1;
        }
        heir.write_all(&batch)?;
        for _ in 0..count {
            let mut word = [0; Word::BYTES];
            heir.read_exact(&mut word)?;
            let word = Word::parse(word).ok_or(io::ErrorKind::InvalidData)?;
            let Some(waiting) = self.waiting.pop_front() else { break };
            let fault = || Fault::disk("writing in the process that took over")(io::ErrorKind::Other.into());
            match word.fate {
                Fate::Written => {
                    let leaf = leaf(&waiting.record);
                    waiting.written(Position { index: word.index, leaf });
                }
                Fate::Refused => waiting.given_up(&fault()),
                Fate::Kept => waiting.passed_on(&fault()),
            }
        }
        Ok(())
    }
}
