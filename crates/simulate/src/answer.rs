//! What a host answers, and how a fault spoils it: a request becomes a [`Draft`], and that becomes the [`Step`]s to play.

mod openai;

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::fault::{Ends, Fault, Shape, StatusFault};
use crate::says::Says;
use crate::wire::Asked;

/// One thing that a host does on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Send(Bytes),
    Wait(Duration),
    /// Until the peer hangs up.
    Stall,
    Close,
    Reset,
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
pub(crate) fn steps(asked: &Asked, says: &Says, fault: Option<&Fault>) -> Vec<Step> {
    let mut steps = Vec::new();
    if !says.think.is_zero() {
        steps.push(Step::Wait(says.think));
    }
    match fault {
        Some(Fault::Reset { after: None }) => steps.push(Step::Reset),
        Some(Fault::Stall { after: None }) => steps.push(Step::Stall),
        Some(Fault::Cut { after: None }) => steps.push(Step::Close),
        _ => {
            let mut draft = openai::draft(asked, says, fault);
            if let Some(fault) = fault {
                spoil(&mut draft, asked, fault);
            }
            steps.extend(played(&draft, says, fault));
        }
    }
    steps
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
        | Fault::Slow { .. }
        | Fault::Drip
        | Fault::WrongLength { .. }
        | Fault::Usage { .. }
        | Fault::Model { .. }
        | Fault::Framing { .. }
        | Fault::Keepalives
        | Fault::Vectors { .. } => {}
    }
}

/// Puts an answer on the wire, in the way that the fault says.
fn played(draft: &Draft, says: &Says, fault: Option<&Fault>) -> Vec<Step> {
    let (mut pieces, chunked) = match &draft.content {
        Content::Whole(body) => (halves(body), false),
        Content::Frames(frames) => (framed(frames, fault), true),
    };
    let mut head = format!("HTTP/1.1 {} Simulated\r\n", draft.status);
    for (name, value) in &draft.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let by = if let Some(Fault::WrongLength { by }) = fault { *by } else { 0 };
    let length = i64::try_from(pieces.iter().map(Vec::len).sum::<usize>()).unwrap_or(i64::MAX);
    if chunked && by == 0 {
        head.push_str("transfer-encoding: chunked\r\n\r\n");
        pieces.iter_mut().for_each(|piece| *piece = chunk(piece));
    } else {
        head.push_str(&format!("content-length: {}\r\n\r\n", (length + by).max(0)));
    }
    let cut = match fault {
        Some(Fault::Reset { after: Some(after) }) => Some((*after, Step::Reset)),
        Some(Fault::Stall { after: Some(after) }) => Some((*after, Step::Stall)),
        Some(Fault::Cut { after: Some(after) }) => Some((*after, Step::Close)),
        _ => None,
    };
    if let Some((after, _)) = &cut {
        pieces.truncate(if chunked { *after } else { 1 });
    } else if chunked && by == 0 {
        pieces.push(b"0\r\n\r\n".to_vec());
    }
    let gap = if let Some(Fault::Slow { gap_ms }) = fault { Duration::from_millis(*gap_ms) } else { says.gap };
    let mut steps = timed(head.into_bytes(), pieces, gap, fault == Some(&Fault::Drip));
    match cut {
        Some((_, step)) => steps.push(step),
        None if by != 0 => steps.push(Step::Close),
        None => {}
    }
    steps
}

/// Head and pieces in as few writes as the pauses allow, or in one write a byte.
fn timed(head: Vec<u8>, pieces: Vec<Vec<u8>>, gap: Duration, drip: bool) -> Vec<Step> {
    if drip {
        let whole = Bytes::from([head, pieces.concat()].concat());
        return (0..whole.len()).map(|at| Step::Send(whole.slice(at..=at))).collect();
    }
    if gap.is_zero() {
        return vec![Step::Send([head, pieces.concat()].concat().into())];
    }
    let mut steps = vec![Step::Send(head.into())];
    for piece in pieces {
        steps.extend([Step::Wait(gap), Step::Send(piece.into())]);
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

fn chunk(piece: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
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

    fn asked(path: &str, body: &Value) -> Asked {
        Asked { head: format!("POST {path} HTTP/1.1\r\n\r\n").into(), body: body.to_string().into() }
    }

    fn sent(steps: &[Step]) -> String {
        let sent =
            steps.iter().filter_map(|step| if let Step::Send(bytes) = step { Some(bytes.as_ref()) } else { None });
        String::from_utf8_lossy(&sent.collect::<Vec<_>>().concat()).into_owned()
    }

    fn chat(stream: bool, fault: Option<&Fault>) -> Vec<Step> {
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
        assert_eq!(chat(true, Some(&Fault::Reset { after: None })), [Step::Reset]);
        let cut = chat(true, Some(&Fault::Cut { after: Some(2) }));
        assert_eq!(cut.last(), Some(&Step::Close));
        assert_eq!(sent(&cut).matches("data: ").count(), 2);
        let stalled = chat(false, Some(&Fault::Stall { after: Some(0) }));
        assert_eq!(stalled.last(), Some(&Step::Stall));
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
        assert!(dripped.iter().all(|step| matches!(step, Step::Send(bytes) if bytes.len() == 1)));
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
