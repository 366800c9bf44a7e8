//! What a host answers, and how a fault spoils it: a request becomes a [`Draft`], and that becomes the [`Script`]
//! to play, by whichever protocol.

mod openai;

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::fault::{Ends, Fault, Shape, StatusFault};
use crate::says::Says;
use crate::wire::Asked;

/// What a host does upon a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) steps: Vec<Step>,
    /// Whether every byte comes in a write, or a frame, of its own.
    pub(crate) drip: bool,
}

/// One thing that a host does, in no protocol yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Head(Head),
    Data(Bytes),
    End,
    Wait(Duration),
    /// Until the peer hangs up.
    Stall,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
    /// Ends the connection by HTTP/2, for this reason; for none this answer still comes to its end.
    GoAway(u32),
    /// Resets the stream by HTTP/2, for this reason.
    ResetStream(u32),
    /// Says nothing more on the whole connection, not even that it is there.
    Mute,
}

/// The head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The length that it states; none where the end shows itself.
    pub(crate) length: Option<u64>,
}

/// An answer before it is put on the wire.
struct Draft {
    status: u16,
    headers: Vec<(&'static str, String)>,
    content: Content,
}

enum Content {
    Whole(Vec<u8>),
    /// The data of each event of a stream.
    Frames(Vec<Vec<u8>>),
}

/// What to do upon a request.
pub(crate) fn script(asked: &Asked, says: &Says, fault: Option<&Fault>) -> Script {
    let mut steps = Vec::new();
    if !says.think.is_zero() {
        steps.push(Step::Wait(says.think));
    }
    let early = fault.and_then(breaking).filter(|(after, _)| after.is_none()).map(|(_, step)| step);
    if early.as_ref().is_none_or(|step| *step == Step::GoAway(0)) {
        let mut draft = openai::draft(asked, says, fault);
        if let Some(fault) = fault {
            spoil(&mut draft, asked, fault);
        }
        steps.extend(early);
        steps.extend(played(&draft, says, fault));
    } else {
        steps.extend(early);
    }
    Script { steps, drip: fault == Some(&Fault::Drip) }
}

/// After how many frames a fault breaks an answer off, and how; before the first byte where there is no number.
fn breaking(fault: &Fault) -> Option<(Option<usize>, Step)> {
    match fault {
        Fault::Reset { after } => Some((*after, Step::Reset)),
        Fault::Stall { after } => Some((*after, Step::Stall)),
        Fault::Cut { after } => Some((*after, Step::Close)),
        Fault::GoAway { after, code } => Some((*after, Step::GoAway(*code))),
        Fault::ResetStream { after, code } => Some((*after, Step::ResetStream(*code))),
        Fault::Mute { after } => Some((*after, Step::Mute)),
        Fault::Status(_)
        | Fault::Redirect { .. }
        | Fault::Slow { .. }
        | Fault::Drip
        | Fault::NoDone
        | Fault::Malformed { .. }
        | Fault::ErrorFrame { .. }
        | Fault::Empty
        | Fault::NotUtf8
        | Fault::WrongLength { .. }
        | Fault::Usage { .. }
        | Fault::Model { .. }
        | Fault::Region { .. }
        | Fault::Geo { .. }
        | Fault::LongLine { .. }
        | Fault::LongHead { .. }
        | Fault::Framing { .. }
        | Fault::Keepalives
        | Fault::Encoded
        | Fault::Vectors { .. } => None,
    }
}

/// Applies the faults that change what is said; the others change how it is sent.
fn spoil(draft: &mut Draft, asked: &Asked, fault: &Fault) {
    match fault {
        Fault::Status(status) => *draft = refused(asked, status),
        Fault::Redirect { code, to } => {
            *draft = Draft::json(*code, &json!({"error": {"message": "moved"}}));
            draft.headers.push(("location", to.clone()));
        }
        Fault::NoDone => {
            if let Content::Frames(frames) = &mut draft.content {
                frames.retain(|frame| frame != b"[DONE]");
            }
        }
        Fault::Malformed { after } => match &mut draft.content {
            Content::Whole(body) => body.truncate(body.len() / 2),
            Content::Frames(frames) => frames.insert((*after).min(frames.len()), b"{\"id\":\"chatcmpl-".to_vec()),
        },
        Fault::ErrorFrame { after } => {
            let error = error_object(asked, "server_error").to_string().into_bytes();
            match &mut draft.content {
                Content::Whole(body) => *body = error,
                Content::Frames(frames) => {
                    frames.truncate(*after);
                    frames.push(error);
                }
            }
        }
        Fault::Empty => draft.content = Content::Whole(Vec::new()),
        Fault::NotUtf8 => draft.first(|frame| {
            let at = frame.iter().position(|b| *b == b':').unwrap_or(0);
            frame.insert(at.saturating_sub(2), 0xff);
        }),
        Fault::LongLine { bytes } => draft.first(|frame| *frame = vec![b'a'; *bytes]),
        Fault::LongHead { bytes } => draft.headers.push(("x-long", "a".repeat(*bytes))),
        Fault::Encoded => draft.headers.push(("content-encoding", "gzip".to_owned())),
        Fault::Region { name } => draft.headers.push(("x-ms-region", name.clone())),
        Fault::Reset { .. }
        | Fault::Stall { .. }
        | Fault::Cut { .. }
        | Fault::GoAway { .. }
        | Fault::ResetStream { .. }
        | Fault::Mute { .. }
        | Fault::Slow { .. }
        | Fault::Drip
        | Fault::WrongLength { .. }
        | Fault::Usage { .. }
        | Fault::Model { .. }
        | Fault::Geo { .. }
        | Fault::Framing { .. }
        | Fault::Keepalives
        | Fault::Vectors { .. } => {}
    }
}

/// The steps of an answer, in the way that the fault says.
fn played(draft: &Draft, says: &Says, fault: Option<&Fault>) -> Vec<Step> {
    let (pieces, is_whole) = match &draft.content {
        Content::Whole(body) => (halves(body), true),
        Content::Frames(frames) => (framed(frames, fault), false),
    };
    let by = if let Some(Fault::WrongLength { by }) = fault { *by } else { 0 };
    let length = pieces.iter().map(Vec::len).sum::<usize>() as u64;
    let length = (is_whole || by != 0).then(|| length.saturating_add_signed(by));
    let head = Head { status: draft.status, headers: draft.headers.clone(), length };
    let mut rest: Vec<Step> = pieces.into_iter().map(|piece| Step::Data(piece.into())).chain([Step::End]).collect();
    if let Some((Some(after), step)) = fault.and_then(breaking) {
        let at = if is_whole { 1 } else { after.min(rest.len() - 1) };
        if step != Step::GoAway(0) {
            rest.truncate(at);
        }
        rest.insert(at, step);
    }
    let gap = if let Some(Fault::Slow { gap_ms }) = fault { Duration::from_millis(*gap_ms) } else { says.gap };
    let mut steps = vec![Step::Head(head)];
    for step in rest {
        let waits = matches!(step, Step::Data(_)) || (step == Step::End && !is_whole);
        steps.extend((waits && !gap.is_zero()).then_some(Step::Wait(gap)));
        steps.push(step);
    }
    steps
}

fn framed(frames: &[Vec<u8>], fault: Option<&Fault>) -> Vec<Vec<u8>> {
    const NOISE: [&str; 4] =
        [": OPENROUTER PROCESSING\n\n", ":\n", "data: : keepalive\n\n", "event: ping\nid: 7\nretry: 10\n\n"];
    let (ends, bom) = match fault {
        Some(Fault::Framing { ends, bom }) => (*ends, *bom),
        _ => (Ends::Lf, false),
    };
    let mut pieces = Vec::new();
    for (number, data) in frames.iter().enumerate() {
        let mut piece = if bom && number == 0 { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        if fault == Some(&Fault::Keepalives) {
            piece.extend_from_slice(NOISE[number % NOISE.len()].as_bytes());
        }
        piece.extend_from_slice(b"data: ");
        piece.extend_from_slice(data);
        piece.extend_from_slice(ends.as_str().repeat(2).as_bytes());
        pieces.push(piece);
    }
    pieces
}

fn halves(body: &[u8]) -> Vec<Vec<u8>> {
    let (front, back) = body.split_at(body.len() / 2);
    vec![front.to_vec(), back.to_vec()]
}

fn refused(asked: &Asked, fault: &StatusFault) -> Draft {
    let echo = String::from_utf8_lossy(&asked.body);
    let message = fault.message.as_deref().unwrap_or(&echo);
    let code = fault.error.as_deref();
    let body = match fault.shape {
        Shape::OpenAi => {
            json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": code}})
        }
        Shape::Flat => {
            json!({"object": "error", "message": message, "type": "BadRequestError", "param": null, "code": fault.code})
        }
        Shape::Infomaniak => json!({"result": "error", "error": {
            "code": code, "description": message,
            "errors": [{"code": "validation_rule_in", "description": message, "context": {"attribute": "model"}}],
        }}),
        Shape::Html | Shape::Empty => Value::Null,
    };
    let mut draft = Draft::json(fault.code, &body);
    match fault.shape {
        Shape::OpenAi | Shape::Flat | Shape::Infomaniak => {}
        Shape::Html => {
            draft.content =
                Content::Whole(format!("<html><body><h1>{}</h1>{message}</body></html>", fault.code).into());
            draft.headers.retain(|(name, _)| *name != "content-type");
            draft.headers.push(("content-type", "text/html".to_owned()));
        }
        Shape::Empty => draft.content = Content::Whole(Vec::new()),
    }
    if let Some(after) = &fault.retry_after {
        draft.headers.push(("retry-after", after.clone()));
    }
    draft
}

fn error_object(asked: &Asked, kind: &str) -> Value {
    let echo = String::from_utf8_lossy(&asked.body);
    json!({"error": {"message": echo, "type": kind, "param": null, "code": null}})
}

impl Draft {
    fn new(status: u16, kind: &str, content: Content) -> Self {
        // What real hosts send and no caller may see.
        let headers = vec![
            ("content-type", kind.to_owned()),
            ("server", "simulated/1".to_owned()),
            ("set-cookie", "host-session=leaked".to_owned()),
            ("x-request-id", "host-request-leaked".to_owned()),
            ("openai-organization", "host-organization-leaked".to_owned()),
        ];
        Self { status, headers, content }
    }

    fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", Content::Whole(body.to_string().into_bytes()))
    }

    /// Changes the body, or the first frame of a stream.
    fn first(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        match &mut self.content {
            Content::Whole(body) => change(body),
            Content::Frames(frames) => {
                if let Some(first) = frames.first_mut() {
                    change(first);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::{Write, writes};

    fn asked(path: &str, body: &Value) -> Asked {
        Asked { head: format!("POST {path} HTTP/1.1\r\n\r\n").into(), body: body.to_string().into() }
    }

    fn sent(writes: &[Write]) -> String {
        let sent =
            writes.iter().filter_map(|write| if let Write::Send(bytes) = write { Some(bytes.as_ref()) } else { None });
        String::from_utf8_lossy(&sent.collect::<Vec<_>>().concat()).into_owned()
    }

    fn steps(asked: &Asked, says: &Says, fault: Option<&Fault>) -> Vec<Write> {
        writes(&script(asked, says, fault))
    }

    fn chat(stream: bool, fault: Option<&Fault>) -> Vec<Write> {
        let body = json!({"model": "m", "stream": stream, "stream_options": {"include_usage": true}, "messages": []});
        steps(&asked("/v1/chat/completions", &body), &Says::default(), fault)
    }

    #[test]
    fn an_answer_is_whole_and_a_stream_ends() {
        let whole = sent(&chat(false, None));
        let (head, body) = whole.split_once("\r\n\r\n").expect("head and body");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert_eq!(serde_json::from_str::<Value>(body).expect("json")["object"], "chat.completion");
        let stream = sent(&chat(true, None));
        assert!(stream.contains("data: [DONE]\n\n") && stream.ends_with("0\r\n\r\n"), "{stream}");
        assert!(stream.contains("\"usage\":{"), "{stream}");
    }

    #[test]
    fn faults_of_transport_stop_where_they_say() {
        assert_eq!(chat(true, Some(&Fault::Reset { after: None })), [Write::Reset]);
        let cut = chat(true, Some(&Fault::Cut { after: Some(2) }));
        assert_eq!(cut.last(), Some(&Write::Close));
        assert_eq!(sent(&cut).matches("data: ").count(), 2);
        let stalled = chat(false, Some(&Fault::Stall { after: Some(0) }));
        assert_eq!(stalled.last(), Some(&Write::Stall));
        assert!(sent(&stalled).contains("\r\n\r\n{"), "half of the body has come");
        let short = sent(&chat(false, Some(&Fault::WrongLength { by: 5 })));
        let (head, body) = short.split_once("\r\n\r\n").expect("head and body");
        assert!(head.contains(&format!("content-length: {}", body.len() + 5)));
    }

    #[test]
    fn faults_of_content_say_what_they_should() {
        assert!(!sent(&chat(true, Some(&Fault::NoDone))).contains("[DONE]"));
        assert!(sent(&chat(false, Some(&Fault::status(400)))).contains("\\\"messages\\\""), "the prompt is echoed");
        let limited = sent(&chat(false, Some(&Fault::status(429).retry_after("7").shape(Shape::Flat))));
        assert!(limited.starts_with("HTTP/1.1 429 ") && limited.contains("retry-after: 7\r\n"), "{limited}");
        let crlf = sent(&chat(true, Some(&Fault::Framing { ends: Ends::CrLf, bom: true })));
        assert!(crlf.contains("\u{feff}data: ") && crlf.contains("[DONE]\r\n\r\n"), "{crlf}");
        assert!(sent(&chat(true, Some(&Fault::Model { name: "other".into() }))).contains("\"model\":\"other\""));
        let dripped = chat(true, Some(&Fault::Drip));
        assert!(dripped.iter().all(|step| matches!(step, Write::Send(bytes) if bytes.len() == 1)));
    }

    #[test]
    fn embeddings_are_one_vector_an_input() {
        let ask = asked("/v1/embeddings", &json!({"model": "e", "input": ["a", "b", "c"], "dimensions": 4}));
        let vectors = |fault: Option<Fault>| {
            let text = sent(&steps(&ask, &Says::default(), fault.as_ref()));
            let body: Value = serde_json::from_str(text.split_once("\r\n\r\n").expect("a body").1).expect("json");
            body["data"]
                .as_array()
                .expect("vectors")
                .iter()
                .map(|v| v["embedding"].as_array().map(Vec::len))
                .collect::<Vec<_>>()
        };
        assert_eq!(vectors(None), [Some(4); 3]);
        assert_eq!(vectors(Some(Fault::Vectors { lie: crate::VectorLie::TooFew })).len(), 2);
        assert_eq!(vectors(Some(Fault::Vectors { lie: crate::VectorLie::TooShort })), [Some(3); 3]);
    }

    #[test]
    fn another_path_is_not_found() {
        assert!(sent(&steps(&asked("/v1/other", &Value::Null), &Says::default(), None)).starts_with("HTTP/1.1 404 "));
    }
}
