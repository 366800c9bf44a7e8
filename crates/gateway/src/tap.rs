//! The way back: every frame passes the judge, the end of the answer closes the entry, and only then does the last
//! byte leave. A caller that leaves drops the [`Tap`], and with it the entry, which closes itself.

mod flow;

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderValue, Response, header};
use phi_dialect::{Way, sse};
use phi_police::Judge;
use phi_record::{Entry, Outcome, Receipt};
use phi_upstream::{Answer, Ending, Failure, Frames, Reply};
use phi_words::{Code, Completion, Refusal, RequestId};

use crate::body::Body;
use crate::headers::Told;
use crate::request::Call;
use crate::surface;

/// Makes the response of a host's reply.
pub(crate) async fn respond(
    call: &mut Call,
    way: Way,
    reply: Reply,
    ending: Ending,
) -> Result<Response<Body>, Failure> {
    let Reply { route, tools, left_out, judge, entry, answer } = reply;
    call.told.routed = Some(route);
    call.told.tools = tools;
    call.told.left_out = left_out;
    match answer {
        Answer::Whole { body, media_type } => whole(&mut call.told, judge, entry, (body, media_type)).await,
        Answer::Flow(flow) => Ok(flow::flowing(&mut call.told, way, judge, entry, flow, ending)),
        Answer::Stream(frames) => Ok(streamed(&mut call.told, way, judge, entry, frames, ending)),
    }
}

async fn whole(
    told: &mut Told,
    mut judge: Judge,
    mut entry: Entry,
    (body, media_type): (Completion, &'static str),
) -> Result<Response<Body>, Failure> {
    let mut verdict = judge.push(body);
    let mut frames = std::mem::take(&mut verdict.frames);
    if !verdict.end {
        let held = judge.finish();
        verdict.end = held.end;
        frames.extend(held.frames);
    }
    if verdict.end || frames.is_empty() {
        entry.intervention("answer_stopped");
        let receipt = entry.close(Outcome::Stopped).await;
        return Err(Failure { refusal: stopped(), receipt: Some(Box::new(receipt)) });
    }
    let receipt = entry.close(Outcome::Answered).await;
    tell(told, &receipt);
    let mut bytes = BytesMut::new();
    frames.iter().for_each(|frame| bytes.extend_from_slice(frame.expose_bytes()));
    if is_of_events(media_type) {
        bytes.extend_from_slice(&sse::cost_comment(receipt.cost));
    }
    let mut response = Response::new(Body::from(bytes.freeze()));
    told.write(response.headers_mut());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    Ok(response)
}

fn streamed(
    told: &mut Told,
    way: Way,
    judge: Judge,
    entry: Entry,
    frames: Box<Frames>,
    mut ending: Ending,
) -> Response<Body> {
    told.attempts = entry.attempts();
    let end = Box::pin(async move { ending.wait().await });
    let tap = Box::new(Tap { way, judge, entry: Some(entry), frames, end });
    let pieces = stream::unfold(tap, async |mut tap| tap.next().await.map(|bytes| (bytes, tap)));
    let mut response = Response::new(Body::streaming(pieces));
    told.write(response.headers_mut());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    // nginx and its like would hold a stream back to fill their buffers.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn tell(told: &mut Told, receipt: &Receipt) {
    told.attempts = receipt.attempts;
    told.cost = Some(receipt.cost);
    told.usage = Some(receipt.quality);
}

/// Whether an answer is a stream of events: then the cost follows the last of them.
fn is_of_events(media_type: &str) -> bool {
    media_type.starts_with("text/event-stream")
}

fn stopped() -> Refusal {
    Refusal::new(Code::PolicyDenied, "a rule of the operator ended the answer", "ask the operator which rule it was")
}

/// One streamed answer on its way to the caller.
struct Tap {
    way: Way,
    judge: Judge,
    entry: Option<Entry>,
    frames: Box<Frames>,
    /// Resolves when every answer has to end. It is made once: frames are many.
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Tap {
    /// The next bytes for the caller, all frames that were read together; `None` once the entry is closed and all was said.
    async fn next(&mut self) -> Option<Bytes> {
        self.entry.as_ref()?;
        let mut bytes = BytesMut::new();
        while bytes.is_empty() {
            let next = tokio::select! {
                biased;
                next = self.frames.next() => next,
                () = self.end.as_mut() => Err(Ending::refusal()),
            };
            let end = match next {
                Ok(Some(frame)) => self.judge_all(frame, &mut bytes),
                Ok(None) => Some(End::Whole),
                Err(refusal) => Some(End::Cut(refusal)),
            };
            if let Some(entry) = &mut self.entry {
                self.frames.measure(&mut entry.meter);
            }
            if let Some(end) = end {
                self.end(end, &mut bytes).await;
                break;
            }
        }
        Some(bytes.freeze())
    }

    /// Has a frame judged, and those that came with it.
    fn judge_all(&mut self, frame: Completion, bytes: &mut BytesMut) -> Option<End> {
        let mut next = Some(frame);
        while let Some(frame) = next {
            let verdict = self.judge.push(frame);
            self.frame_all(&verdict.frames, bytes);
            if verdict.end {
                return Some(End::Stopped);
            }
            next = self.frames.ready();
        }
        None
    }

    /// Closes the entry, and adds what the caller hears at the end to the bytes of the same write.
    async fn end(&mut self, end: End, bytes: &mut BytesMut) {
        let Some(mut entry) = self.entry.take() else { return };
        let end = match end {
            End::Whole => {
                let held = self.judge.finish();
                self.frame_all(&held.frames, bytes);
                if held.end { End::Stopped } else { End::Whole }
            }
            End::Cut(_) | End::Stopped => end,
        };
        match end {
            End::Whole => {
                let receipt = entry.close(Outcome::Answered).await;
                self.frame_all(&self.frames.closing(&receipt.usage, receipt.cost), bytes);
                bytes.extend_from_slice(&surface::terminal(self.way));
                bytes.extend_from_slice(&sse::cost_comment(receipt.cost));
            }
            End::Cut(refusal) => {
                let id = entry.id();
                self.frames.incident().into_iter().for_each(|incident| entry.incident(incident));
                let receipt = entry.close(Outcome::Truncated(refusal.code)).await;
                self.fail(&refusal, id, bytes);
                bytes.extend_from_slice(&sse::cost_comment(receipt.cost));
            }
            End::Stopped => {
                let id = entry.id();
                entry.intervention("answer_stopped");
                let receipt = entry.close(Outcome::Stopped).await;
                self.fail(&stopped(), id, bytes);
                bytes.extend_from_slice(&sse::cost_comment(receipt.cost));
            }
        }
    }

    /// Says why the answer ends before its end.
    fn fail(&self, refusal: &Refusal, id: RequestId, bytes: &mut BytesMut) {
        self.frame_all(&self.frames.failing(refusal), bytes);
        bytes.extend_from_slice(&surface::error_event(self.way, refusal, id));
    }

    fn frame_all(&self, frames: &[Completion], bytes: &mut BytesMut) {
        frames.iter().for_each(|frame| surface::push_frame(self.way, bytes, frame));
    }
}

enum End {
    Whole,
    Cut(Refusal),
    Stopped,
}
