//! Answers that are passed on as they are made: sound, or events that a dialect has written whole.

use std::io;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderValue, Response, header};
use phi_dialect::{Way, sse};
use phi_police::Judge;
use phi_record::{Entry, Outcome};
use phi_upstream::{Ending, Flow};
use phi_words::{Completion, Refusal};

use crate::body::Body;
use crate::headers::Told;
use crate::surface;

/// Makes the response of an answer that comes as it is made.
pub(super) fn flowing(
    told: &mut Told,
    way: Way,
    judge: Judge,
    entry: Entry,
    flow: Box<Flow>,
    mut ending: Ending,
) -> Response<Body> {
    told.attempts = entry.attempts();
    let media_type = flow.media_type();
    let end = Box::pin(async move { ending.wait().await });
    let events = super::is_of_events(media_type).then_some(way);
    let tap = Box::new(FlowTap { events, judge, entry: Some(entry), flow, end });
    let pieces = stream::unfold(tap, async |mut tap| tap.next().await.map(|piece| (piece, tap)));
    let mut response = Response::new(Body::breakable(pieces));
    told.write(response.headers_mut());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

struct FlowTap {
    /// By which way in events are told, where it is these that come.
    events: Option<Way>,
    judge: Judge,
    entry: Option<Entry>,
    flow: Box<Flow>,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl FlowTap {
    /// The next bytes for the caller; `None` once the entry is closed. Events that were cut end with one that says so. Sound has
    /// no way to say that it is not whole: there the connection is broken off, by an error.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        self.entry.as_ref()?;
        let next = tokio::select! {
            biased;
            next = self.flow.next() => next,
            () = self.end.as_mut() => Err(Ending::refusal()),
        };
        let mut bytes = BytesMut::new();
        let stopped = match &next {
            Ok(Some(piece)) => self.judge_all(piece.clone(), &mut bytes),
            Ok(None) => {
                let held = self.judge.finish();
                held.frames.iter().for_each(|frame| bytes.extend_from_slice(frame.expose_bytes()));
                held.end
            }
            Err(_) => false,
        };
        if let Some(entry) = &mut self.entry {
            self.flow.measure(&mut entry.meter);
        }
        match next {
            _ if stopped => self.close(Outcome::Stopped, &super::stopped(), bytes).await,
            Ok(Some(_)) => Some(Ok(bytes.freeze())),
            Ok(None) => {
                let entry = self.entry.take()?;
                let receipt = entry.close(Outcome::Answered).await;
                if self.events.is_some() {
                    bytes.extend_from_slice(&sse::cost_comment(receipt.cost));
                }
                (!bytes.is_empty()).then(|| Ok(bytes.freeze()))
            }
            Err(refusal) => self.close(Outcome::Truncated(refusal.code), &refusal, bytes).await,
        }
    }

    fn judge_all(&mut self, piece: Completion, bytes: &mut BytesMut) -> bool {
        let mut next = Some(piece);
        while let Some(piece) = next {
            let verdict = self.judge.push(piece);
            verdict.frames.iter().for_each(|frame| bytes.extend_from_slice(frame.expose_bytes()));
            if verdict.end {
                return true;
            }
            next = self.flow.ready();
        }
        false
    }

    /// Closes the entry of an answer that is not whole, and says why after what was still to be said.
    async fn close(&mut self, outcome: Outcome, why: &Refusal, mut bytes: BytesMut) -> Option<io::Result<Bytes>> {
        let mut entry = self.entry.take()?;
        let id = entry.id();
        self.flow.incident().into_iter().for_each(|incident| entry.incident(incident));
        if outcome == Outcome::Stopped {
            entry.intervention("answer_stopped");
        }
        let receipt = entry.close(outcome).await;
        let Some(way) = self.events else {
            return Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer is not whole")));
        };
        bytes.extend_from_slice(&surface::error_event(way, why, id));
        bytes.extend_from_slice(&sse::cost_comment(receipt.cost));
        Some(Ok(bytes.freeze()))
    }
}
