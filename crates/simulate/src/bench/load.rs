//! Callers, each on a connection of its own, that ask again once they were answered.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::body::Body;
use super::head::Head;
use super::tally::Tally;

const READ_BYTES: usize = 32 << 10;
/// How long a caller waits after nobody took its connection.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// What is asked, of whom, and by how many.
#[derive(Debug)]
pub struct Plan {
    /// Whom to ask.
    pub address: SocketAddr,
    /// So many callers.
    pub connections: u32,
    /// Asked one after the other, round and round.
    pub asks: Vec<Ask>,
    /// The callers come evenly over this time.
    pub arrival: Duration,
    /// How long a caller waits between an answer and its next request.
    pub pause: Duration,
    /// So many in a hundred calls are left midway: by every other caller after the request, by the others after the
    /// first byte of content.
    pub abort_percent: u32,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Head and body, as they are sent.
    pub bytes: Bytes,
    /// The status that its answer has; any other is an error.
    pub status: u16,
}

/// Callers at work. They stop once this is dropped.
#[derive(Debug)]
pub struct Load {
    _callers: JoinSet<()>,
    tally: Arc<Mutex<Tally>>,
}

impl Load {
    /// Sends the callers off.
    pub fn start(plan: Plan) -> Self {
        let plan = Arc::new(plan);
        let tally = Arc::new(Mutex::new(Tally::default()));
        let callers = (0..plan.connections).map(|number| Caller {
            plan: Arc::clone(&plan),
            number,
            calls: 0,
            tally: Arc::clone(&tally),
            read: vec![0; READ_BYTES],
        });
        Self { _callers: callers.map(Caller::run).collect(), tally }
    }

    /// What was measured since this was last asked.
    pub fn take(&self) -> Tally {
        std::mem::take(&mut *self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Caller {
    plan: Arc<Plan>,
    number: u32,
    calls: u32,
    tally: Arc<Mutex<Tally>>,
    read: Vec<u8>,
}

/// How an exchange ended.
enum Ended {
    /// The connection serves another.
    Kept,
    Closed,
}

impl Caller {
    async fn run(mut self) {
        tokio::time::sleep(self.plan.arrival * self.number / self.plan.connections.max(1)).await;
        loop {
            if let Err(error) = self.connection().await {
                self.tally(|tally| *tally.errors.entry(error.kind().to_string()).or_default() += 1);
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }

    async fn connection(&mut self) -> io::Result<()> {
        let mut stream = TcpStream::connect(self.plan.address).await?;
        stream.set_nodelay(true)?;
        loop {
            let ended = self.exchange(&mut stream).await?;
            if !self.plan.pause.is_zero() {
                tokio::time::sleep(self.plan.pause).await;
            }
            match ended {
                Ended::Kept => {}
                Ended::Closed => return Ok(()),
            }
        }
    }

    async fn exchange(&mut self, stream: &mut TcpStream) -> io::Result<Ended> {
        let plan = Arc::clone(&self.plan);
        // Callers begin at different asks, so that all asks run at all times.
        let turn = self.number.wrapping_add(self.calls) as usize % plan.asks.len();
        let leaves = self.leaves();
        self.calls = self.calls.wrapping_add(1);
        let ask = &plan.asks[turn];

        let began = Instant::now();
        stream.write_all(&ask.bytes).await?;
        if leaves && self.number.is_multiple_of(2) {
            return Ok(self.left());
        }
        let (head, rest) = self.head(stream).await?;
        let mut body = Body::new(&head);
        let mut first = None;
        let mut latest = began;
        let mut filled = rest;
        let mut gaps = Vec::new();
        let wait = loop {
            let content = body.take(&self.read[..filled]);
            let now = Instant::now();
            if content > 0 {
                match first {
                    None => first = Some(now - began),
                    Some(_) => gaps.push(now - latest),
                }
                latest = now;
                if leaves {
                    return Ok(self.left());
                }
            }
            if body.is_done() {
                break now - began;
            }
            filled = self.more(stream, 0).await?;
        };
        self.tally(|tally| {
            if head.status != ask.status {
                *tally.errors.entry(format!("status {}", head.status)).or_default() += 1;
                return;
            }
            tally.waits.push(wait);
            tally.firsts.extend(first);
            tally.gaps.append(&mut gaps);
            tally.frames += body.frames;
        });
        Ok(if head.closes { Ended::Closed } else { Ended::Kept })
    }

    /// Reads a head. What was read behind it stands at the front then; returns how much that is.
    async fn head(&mut self, stream: &mut TcpStream) -> io::Result<(Head, usize)> {
        let mut filled = 0;
        loop {
            filled += self.more(stream, filled).await?;
            if let Some(head) = Head::parse(&self.read[..filled]) {
                self.read.copy_within(head.bytes..filled, 0);
                return Ok((head, filled - head.bytes));
            }
        }
    }

    async fn more(&mut self, stream: &mut TcpStream, filled: usize) -> io::Result<usize> {
        match stream.read(&mut self.read[filled..]).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            more => Ok(more),
        }
    }

    fn left(&self) -> Ended {
        self.tally(|tally| tally.aborted += 1);
        Ended::Closed
    }

    /// Whether this call is one of those that are left midway: evenly spread over the calls.
    fn leaves(&self) -> bool {
        let share = |calls: u32| u64::from(calls) * u64::from(self.plan.abort_percent) / 100;
        share(self.calls.wrapping_add(1)) > share(self.calls)
    }

    fn tally(&self, note: impl FnOnce(&mut Tally)) {
        note(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::bench::{Answer, serve};

    const EVENTS: &[u8] = b"data: 1\n\ndata: 2\n\ndata: 3\n\ndata: [DONE]\n\n";
    const POST: &[u8] = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}";

    /// What is measured of an answer, once so many calls were answered, left or failed.
    async fn measured(answer: Answer, status: u16, abort_percent: u32, calls: u64) -> Tally {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let mut host = JoinSet::new();
        host.spawn(serve(listener, Arc::new(answer)));
        let asks = vec![Ask { bytes: Bytes::from_static(POST), status }];
        let (arrival, pause) = (Duration::ZERO, Duration::ZERO);
        let load = Load::start(Plan { address, connections: 4, asks, arrival, pause, abort_percent });
        loop {
            tokio::task::yield_now().await;
            let tally = load.tally.lock().expect("nobody panicked");
            if tally.requests() as u64 + tally.aborted + tally.errors.values().sum::<u64>() >= calls {
                drop(tally);
                return load.take();
            }
        }
    }

    #[tokio::test]
    async fn every_answer_is_timed_and_its_frames_counted() {
        let tally = measured(Answer::stream(EVENTS, Duration::ZERO), 200, 0, 100).await;
        assert_eq!(tally.frames, 4 * tally.requests() as u64);
        assert_eq!(tally.firsts.len(), tally.requests());
        assert!(tally.waits.iter().zip(&tally.firsts).all(|(wait, first)| wait >= first));
        assert!(tally.errors.is_empty() && tally.aborted == 0, "{tally:?}");
    }

    #[tokio::test]
    async fn a_pace_shows_in_the_gaps() {
        let pace = Duration::from_millis(5);
        let tally = measured(Answer::stream(EVENTS, pace), 200, 0, 4).await;
        assert!(tally.firsts.iter().all(|first| *first >= pace), "{tally:?}");
        assert!(tally.waits.iter().all(|wait| *wait >= pace * 2), "{tally:?}");
    }

    #[tokio::test]
    async fn an_unexpected_status_is_an_error() {
        let tally = measured(Answer::whole(b"{}"), 404, 0, 100).await;
        assert_eq!(tally.requests(), 0);
        assert_eq!(tally.errors.keys().collect::<Vec<_>>(), ["status 200"]);
    }

    #[tokio::test]
    async fn so_many_calls_in_a_hundred_are_left_midway() {
        let tally = measured(Answer::whole(b"{}"), 200, 10, 1_000).await;
        assert!(tally.errors.is_empty(), "{tally:?}");
        // each of four callers may stand between its ninth call and its tenth
        assert!(tally.aborted.abs_diff(tally.requests() as u64 / 9) <= 4, "{} of {}", tally.aborted, tally.requests());
    }

    #[tokio::test]
    async fn nobody_who_answers_is_an_error_too() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        let asks = vec![Ask { bytes: Bytes::from_static(POST), status: 200 }];
        let (arrival, pause) = (Duration::ZERO, Duration::ZERO);
        let load = Load::start(Plan { address, connections: 1, asks, arrival, pause, abort_percent: 0 });
        let errors = loop {
            tokio::task::yield_now().await;
            let errors = load.take().errors;
            if !errors.is_empty() {
                break errors;
            }
        };
        assert_eq!(errors.keys().collect::<Vec<_>>(), ["connection refused"]);
    }
}
