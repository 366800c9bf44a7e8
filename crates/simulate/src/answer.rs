//! What a host answers, and how a fault spoils it: a request becomes a [`Draft`], and that becomes the [`Script`]
//! to play, by whichever protocol.

mod anthropic;
mod bedrock;
mod documents;
mod fal;
mod gemini;
mod openai;
mod refused;
mod speech;
mod transcription;
mod turn;

pub use speech::spoken;

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::fault::{Ends, Fault};
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
    /// Each event of a stream.
    Frames(Vec<Frame>),
    /// Sound that comes piece by piece.
    Pieces(Vec<Vec<u8>>),
}

/// An event of a stream.
struct Frame {
    /// Its name, in dialects that name events.
    name: Option<&'static str>,
    data: Vec<u8>,
    /// Whether it is what says that the answer is whole.
    is_end: bool,
}

/// How a request is spoken, which its path tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tongue {
    /// OpenAI's, and Mistral's.
    OpenAi,
    /// Anthropic's, at itself or on Vertex AI.
    Anthropic,
    /// Google's `generateContent`.
    Gemini,
    /// Amazon Bedrock's `Converse`.
    Bedrock,
    /// fal's queue.
    Fal,
    /// Azure Document Intelligence.
    AzureDocuments,
    /// Text to speech, of whomever.
    Speech,
    /// Speech to text, of whomever.
    Transcription,
}

impl Tongue {
    fn of(asked: &Asked) -> Self {
        let path = asked.path();
        match path.rsplit_once(':').map_or("", |(_, verb)| verb) {
            _ if documents::is_azure(path) => Self::AzureDocuments,
            "generateContent" | "streamGenerateContent" => Self::Gemini,
            "rawPredict" | "streamRawPredict" => Self::Anthropic,
            _ if path.ends_with("/messages") => Self::Anthropic,
            _ if path.ends_with("/converse") || path.ends_with("/converse-stream") => Self::Bedrock,
            _ if fal::is_of(path) => Self::Fal,
            _ if transcription::is_of(path) => Self::Transcription,
            _ if speech::is_of(path) => Self::Speech,
            _ => Self::OpenAi,
        }
    }

    fn draft(self, asked: &Asked, says: &Says, fault: Option<&Fault>) -> Draft {
        match self {
            Self::OpenAi => openai::draft(asked, says, fault),
            Self::Anthropic => anthropic::draft(asked, says, fault),
            Self::Gemini => gemini::draft(asked, says, fault),
            Self::Bedrock => bedrock::draft(asked, says, fault),
            Self::Fal => fal::draft(asked, says),
            Self::AzureDocuments => documents::azure(asked, says, fault),
            Self::Speech => speech::draft(asked, says),
            Self::Transcription => transcription::draft(asked, says, fault),
        }
    }

    /// The name of an event that is an error.
    fn error_event(self) -> Option<&'static str> {
        match self {
            Self::OpenAi | Self::Gemini | Self::Fal | Self::AzureDocuments | Self::Speech | Self::Transcription => None,
            Self::Anthropic => Some("error"),
            Self::Bedrock => Some("modelStreamErrorException"),
        }
    }
}

/// What to do upon a request.
pub(crate) fn script(asked: &Asked, says: &Says, fault: Option<&Fault>) -> Script {
    let mut steps = Vec::new();
    if !says.think.is_zero() {
        steps.push(Step::Wait(says.think));
    }
    let early = fault.and_then(breaking).filter(|(after, _)| after.is_none()).map(|(_, step)| step);
    if early.as_ref().is_none_or(|step| *step == Step::GoAway(0)) {
        let mut draft = Tongue::of(asked).draft(asked, says, fault);
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
        Fault::Status(status) => *draft = refused::refused(asked, status),
        Fault::Redirect { code, to } => {
            *draft = Draft::json(*code, &json!({"error": {"message": "moved"}}));
            draft.headers.push(("location", to.clone()));
        }
        Fault::NoDone => {
            if let Content::Frames(frames) = &mut draft.content {
                frames.retain(|frame| !frame.is_end);
            }
        }
        Fault::Malformed { after } => match &mut draft.content {
            Content::Whole(body) => body.truncate(body.len() / 2),
            Content::Frames(frames) => {
                let (at, name) = ((*after).min(frames.len()), frames.first().and_then(|frame| frame.name));
                frames.insert(at, Frame { name, data: b"{\"id\":\"chatcmpl-".to_vec(), is_end: false });
            }
            Content::Pieces(pieces) => pieces.insert((*after).min(pieces.len()), b"<html>".to_vec()),
        },
        Fault::ErrorFrame { after } => {
            let error = refused::stated(asked);
            match &mut draft.content {
                Content::Whole(body) => *body = error.to_string().into_bytes(),
                Content::Frames(frames) => {
                    let name = Tongue::of(asked).error_event();
                    frames.truncate(*after);
                    frames.push(Frame { name, ..Frame::new(&error) });
                }
                Content::Pieces(pieces) => {
                    pieces.truncate(*after);
                    pieces.push(error.to_string().into_bytes());
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
        Content::Frames(frames) if draft.is_amazon() => {
            let message = |frame: &Frame| bedrock::message(frame.name.unwrap_or_default(), &frame.data);
            (frames.iter().map(message).collect(), false)
        }
        Content::Frames(frames) => (framed(frames, fault), false),
        Content::Pieces(pieces) => (pieces.clone(), false),
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

fn framed(frames: &[Frame], fault: Option<&Fault>) -> Vec<Vec<u8>> {
    const NOISE: [&str; 4] =
        [": OPENROUTER PROCESSING\n\n", ":\n", "data: : keepalive\n\n", "event: ping\nid: 7\nretry: 10\n\n"];
    let (ends, bom) = match fault {
        Some(Fault::Framing { ends, bom }) => (*ends, *bom),
        _ => (Ends::Lf, false),
    };
    let mut pieces = Vec::new();
    for (number, frame) in frames.iter().enumerate() {
        let mut piece = if bom && number == 0 { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        if fault == Some(&Fault::Keepalives) {
            piece.extend_from_slice(NOISE[number % NOISE.len()].as_bytes());
        }
        if let Some(name) = frame.name {
            piece.extend_from_slice(format!("event: {name}{}", ends.as_str()).as_bytes());
        }
        piece.extend_from_slice(b"data: ");
        piece.extend_from_slice(&frame.data);
        piece.extend_from_slice(ends.as_str().repeat(2).as_bytes());
        pieces.push(piece);
    }
    pieces
}

fn halves(body: &[u8]) -> Vec<Vec<u8>> {
    let (front, back) = body.split_at(body.len() / 2);
    vec![front.to_vec(), back.to_vec()]
}

impl Frame {
    fn new(data: &Value) -> Self {
        Self { name: None, data: data.to_string().into_bytes(), is_end: false }
    }

    /// An event whose name its data repeats, as `type`.
    fn named(name: &'static str, data: &Value) -> Self {
        Self { name: Some(name), ..Self::new(data) }
    }

    /// The one that says that the answer is whole.
    fn end(self) -> Self {
        Self { is_end: true, ..self }
    }
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

    fn stream(frames: Vec<Frame>) -> Self {
        Self::new(200, "text/event-stream", Content::Frames(frames))
    }

    /// Whether its frames are Amazon's.
    fn is_amazon(&self) -> bool {
        self.headers.iter().any(|(name, value)| *name == "content-type" && value == bedrock::STREAM)
    }

    /// Changes the body, or the first frame of a stream.
    fn first(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        match &mut self.content {
            Content::Whole(body) => change(body),
            Content::Frames(frames) => {
                if let Some(first) = frames.first_mut() {
                    change(&mut first.data);
                }
            }
            Content::Pieces(pieces) => {
                if let Some(first) = pieces.first_mut() {
                    change(first);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Shape, UsageLie};
    use crate::http1::{Write, writes};

    fn asked(path: &str, body: &Value) -> Asked {
        Asked { head: format!("POST {path} HTTP/1.1\r\n\r\n").into(), body: body.to_string().into(), before: 0 }
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

    const CLAUDE: &str = "/v1/messages";
    const GEMINI: &str = "/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse";

    fn thinking() -> Says {
        let tool = |name: &str| crate::Tool { name: name.to_owned(), arguments: "{\"city\":\"Bern\"}".to_owned() };
        Says { thought: Some("well well".to_owned()), tools: vec![tool("one"), tool("two")], ..Says::default() }
    }

    /// What is said at a path to a request that names tools.
    fn spoken(path: &str, says: &Says, fault: Option<&Fault>) -> String {
        let body = json!({"model": "m", "stream": path == CLAUDE, "messages": [], "tools": [{}]});
        sent(&steps(&asked(path, &body), says, fault))
    }

    #[test]
    fn a_path_tells_how_it_is_spoken() {
        for (path, sign) in [
            ("/v1/chat/completions", "\"object\":\"chat.completion\""),
            ("/v1/projects/p/endpoints/openapi/chat/completions", "\"object\":\"chat.completion\""),
            ("/v1/projects/p/publishers/anthropic/models/claude@1:rawPredict", "\"model\":\"claude@1\""),
            ("/v1/projects/p/publishers/anthropic/models/claude@1:streamRawPredict", "event: message_start\n"),
            ("/v1beta/models/gemini-3-pro:generateContent", "\"modelVersion\":\"gemini-3-pro\""),
            (GEMINI, "data: {\"candidates\""),
            (CLAUDE, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
        ] {
            let said = spoken(path, &Says::default(), None);
            assert!(said.starts_with("HTTP/1.1 200 ") && said.contains(sign), "{path}: {said}");
            assert!(!path.contains("openapi") || !said.contains("modelVersion"), "{said}");
        }
    }

    #[test]
    fn thoughts_are_sealed_and_calls_come_side_by_side() {
        let claude = spoken(CLAUDE, &thinking(), None);
        let order = ["thinking_delta", "signature_delta", "tool_use", "input_json_delta", "message_delta"];
        let places: Vec<_> = order.iter().map(|word| claude.find(word).unwrap_or_else(|| panic!("{word}"))).collect();
        assert!(places.is_sorted(), "{claude}");
        assert!(claude.contains("toolu_simulated_1") && claude.contains("\"thinking_tokens\":2"), "{claude}");
        let gemini = spoken(GEMINI, &thinking(), None);
        assert_eq!((gemini.matches("functionCall").count(), gemini.matches("thoughtSignature").count()), (2, 1));
        assert!(gemini.contains("\"thoughtsTokenCount\":2") && !gemini.contains("[DONE]"), "{gemini}");
        let mistral = spoken("/v1/chat/completions", &Says { chunks: true, ..thinking() }, None);
        assert!(mistral.contains("\"type\":\"thinking\"") && mistral.contains("\"id\":\"simulate1\""), "{mistral}");
        let result = json!({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}], "tools": [{}]});
        assert!(!sent(&steps(&asked(CLAUDE, &result), &thinking(), None)).contains("tool_use"), "it was answered");
        let result = json!({"contents": [{"parts": [{"functionResponse": {}}]}], "tools": [{}]});
        assert!(!sent(&steps(&asked(GEMINI, &result), &thinking(), None)).contains("functionCall"), "it was answered");
    }

    #[test]
    fn every_dialect_has_its_own_faults() {
        let said = |path, fault: &Fault| spoken(path, &Says::default(), Some(fault));
        let stated = Fault::ErrorFrame { after: 3 };
        assert!(said(CLAUDE, &stated).contains("event: error\ndata: {\"type\":\"error\""));
        assert!(said(GEMINI, &stated).contains("\"status\":\"UNAVAILABLE\""));
        assert!(!said(CLAUDE, &Fault::NoDone).contains("message_stop"));
        assert!(!said(GEMINI, &Fault::NoDone).contains("finishReason"));
        let spent = said(CLAUDE, &Fault::status(429).error("spent", "no"));
        assert!(
            spent.contains("rate_limit_error") && spent.contains("\"details\":{\"error_code\":\"spent\"}"),
            "{spent}"
        );
        let full = said(GEMINI, &Fault::status(429).retry_after("7"));
        assert!(full.contains("RESOURCE_EXHAUSTED") && full.contains("\"retryDelay\":\"7s\""), "{full}");
        assert!(!full.contains("retry-after"), "Google says it in the body alone: {full}");
        for path in [CLAUDE, GEMINI, "/v1/chat/completions"] {
            for (lie, sign) in
                [(UsageLie::Negative, ":-5"), (UsageLie::Absurd, ":1000000000000000"), (UsageLie::Text, ":\"many\"")]
            {
                assert!(said(path, &Fault::Usage { lie }).contains(sign), "{path} {lie:?}");
            }
            let none = said(path, &Fault::Usage { lie: UsageLie::Missing });
            assert!(!none.contains("usage"), "{none}");
            let geo = said(path, &Fault::Geo { name: "mars".to_owned(), early: false });
            assert_eq!(geo.matches("mars").count(), 1, "{geo}");
        }
    }

    #[test]
    fn another_path_is_not_found() {
        assert!(sent(&steps(&asked("/v1/other", &Value::Null), &Says::default(), None)).starts_with("HTTP/1.1 404 "));
    }
}
