//! Azure Document Intelligence, version 2024-11-30
//! (<https://learn.microsoft.com/en-us/rest/api/aiservices/document-models/analyze-document>): a document is handed in as it is,
//! is asked about until it is read, and its result is deleted there whatever became of it.

mod read;
mod table;
mod text;

use std::time::Duration;

use super::{BLOCKS, WISHES, asks, is_true};
use crate::job::{Begin, Farewell, Heard, Job, Made, Message, Step, Steps, Verb};
use crate::json::{Document, Value};
use crate::question::{DocumentKind, Fields, Pages, Selection};
use crate::{Carry, HostError, HostErrorKind, HostFault, Misfit};

const VERSION: &str = "2024-11-30";
/// How long it is left alone where it does not say how long, and at least and at most.
const USUAL: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
/// How often in a row it may fail to say how far it is.
const TROUBLES: u8 = 5;
/// The model that knows lines alone: no tables, headers, figures or markdown.
const LINES: &str = "prebuilt-read";
/// Of the result these are most, and nobody needs them (the words of a page, with four corners each).
const UNREAD: &[&str] =
    &["words", "lines", "paragraphs", "sections", "styles", "languages", "selectionMarks", "formulas"];

/// One document at Azure.
struct Reading {
    at: At,
    own: String,
    wanted: Wanted,
    troubles: u8,
    /// What the result is called there, until its deletion is asked for.
    kept: Option<String>,
}

/// What the result is held against, and how it is written.
struct Wanted {
    model: String,
    selection: Option<Selection>,
    size: u64,
    /// Whether it is markdown.
    markdown: bool,
    /// Apart from the text, in this format.
    tables: Option<TableFormat>,
    header: bool,
    footer: bool,
    image_limit: u64,
    image_min_size: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TableFormat {
    Markdown,
    Html,
}

/// Where the work is.
enum At {
    /// It is to be handed in.
    Due(Message),
    /// It was handed in, or asked about.
    Asked,
    /// It is left alone so long.
    Resting(Duration),
    /// It is to be asked about.
    Rested,
    /// It is done.
    Done(Made),
    /// All is said.
    Over,
}

pub(super) fn fits(fields: &Fields, pages: &Pages, carry: &Carry) -> Result<(), Misfit> {
    let misfit = |name: &'static str| Err(Misfit { field: name.into() });
    if !is_plain(carry.own.as_str()) {
        return misfit("model");
    }
    // GIF and WebP are not among the types that it takes.
    if matches!(pages.kind, DocumentKind::Gif | DocumentKind::WebP) {
        return misfit("document");
    }
    let refused = |name: &&&'static str| is_refused(name, carry) && asks(fields, name);
    WISHES.iter().find(refused).map_or(Ok(()), |name| misfit(name))
}

/// Whether it cannot be asked for this.
pub(super) fn is_refused(name: &str, carry: &Carry) -> bool {
    match name {
        "include_image_base64"
        | "confidence_scores_granularity"
        | "bbox_annotation_format"
        | "document_annotation_format"
        | "document_annotation_prompt" => true,
        "table_format" | "extract_header" | "extract_footer" | "image_limit" | "image_min_size" => {
            carry.own.as_str() == LINES
        }
        _ => false,
    }
}

/// Whether a name can stand in a path as it is.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
    (2..=64).contains(&name.len()) && name.bytes().all(plain)
}

pub(super) fn begin(fields: &Fields, pages: &Pages, carry: &Carry) -> Begin {
    let own = carry.own.as_str().to_owned();
    let markdown = own != LINES;
    let whole = |name: &str, otherwise| fields.field(name).and_then(Value::whole).unwrap_or(otherwise);
    let wanted = Wanted {
        model: carry.model.as_str().to_owned(),
        selection: pages.selection.clone(),
        size: pages.data.len() as u64,
        markdown,
        tables: fields.field("table_format").map(|format| match format.is_text("html") {
            true => TableFormat::Html,
            false => TableFormat::Markdown,
        }),
        header: is_true(fields, "extract_header"),
        footer: is_true(fields, "extract_footer"),
        image_limit: whole("image_limit", u64::MAX),
        image_min_size: whole("image_min_size", 0),
    };
    let mut path = format!("/documentModels/{own}:analyze?api-version={VERSION}&stringIndexType=unicodeCodePoint");
    if markdown {
        path.push_str("&outputContentFormat=markdown");
    }
    if let Some(selection) = &pages.selection {
        path.push_str("&pages=");
        path.push_str(&selection.counted_from_one());
    }
    let message = Message {
        content_type: Some("application/octet-stream".into()),
        body: vec![pages.data.clone()],
        answers: &[202],
        ..Message::json(path, Vec::new())
    };
    let mut left_out = pages.left_out.clone();
    if is_true(fields, BLOCKS) {
        left_out.push(BLOCKS);
    }
    let reading = Reading { at: At::Due(message), own, wanted, troubles: 0, kept: None };
    Begin { job: Job::new(reading, "application/json"), left_out }
}

impl Reading {
    /// Where the result is, below the host's address.
    fn place(&self, id: &str) -> String {
        format!("/documentModels/{}/analyzeResults/{id}?api-version={VERSION}", self.own)
    }

    /// Reads what the result is called: of the address that the host gives nothing else is taken.
    fn read_id(&self, location: Option<&str>) -> Option<String> {
        let before = format!("/documentModels/{}/analyzeResults/", self.own);
        let (_, rest) = location?.split_once(&before)?;
        let id = rest.split('?').next().unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        ((1..=64).contains(&id.len()) && id.bytes().all(plain)).then(|| id.to_owned())
    }

    fn rest(&mut self, stated: Option<Duration>) {
        self.at = At::Resting(stated.unwrap_or(USUAL).clamp(SHORTEST, LONGEST));
    }

    /// Hears how far it is.
    fn hear_state(&mut self, heard: Heard) -> Result<(), HostFault> {
        if heard.status != 200 {
            self.troubles += 1;
            if self.troubles > TROUBLES {
                return Err(HostFault::Stated(HostError { kind: HostErrorKind::Other, code: None }));
            }
            self.rest(heard.retry_after);
            return Ok(());
        }
        self.troubles = 0;
        let malformed = HostFault::Malformed;
        let document = Document::parse_without(heard.body.expose_into_bytes(), UNREAD)
            .map_err(|_| malformed("the body is not JSON, or has too many values"))?;
        let root = document.root();
        match root.member("status").and_then(Value::text).as_deref() {
            Some("notStarted" | "running") => self.rest(heard.retry_after),
            Some("succeeded") => self.at = At::Done(read::read(root, &self.wanted)?),
            Some("failed") => return Err(HostFault::Stated(read_failure(root))),
            Some(_) | None => return Err(malformed("it does not say how far it is")),
        }
        Ok(())
    }
}

/// Codes that mean that the document cannot be read by anybody
/// (<https://learn.microsoft.com/en-us/azure/ai-services/document-intelligence/resolve-errors>).
const CALLERS: &[&str] = &[
    "InvalidRequest",
    "InvalidArgument",
    "InvalidContent",
    "InvalidContentLength",
    "InvalidContentDimensions",
    "InvalidContentSourceFormat",
    "UnsupportedContent",
    "UnsupportedMediaType",
];

fn read_failure(root: Value<'_>) -> HostError {
    let code = root.member("error").and_then(|error| error.member("code"));
    let known = CALLERS.iter().copied().find(|known| code.is_some_and(|code| code.is_text(known)));
    let kind = if known.is_some() { HostErrorKind::Rejected } else { HostErrorKind::Other };
    HostError { kind, code: known }
}

impl Steps for Reading {
    fn next(&mut self) -> Step {
        match std::mem::replace(&mut self.at, At::Over) {
            At::Due(message) => {
                self.at = At::Asked;
                Step::Ask(message)
            }
            At::Resting(wait) => {
                self.at = At::Rested;
                Step::Wait(wait)
            }
            At::Rested => {
                self.at = At::Asked;
                let path = self.place(self.kept.as_deref().unwrap_or_default());
                Step::Ask(Message {
                    verb: Verb::Get,
                    content_type: None,
                    body: Vec::new(),
                    // What is paid for is not given up because the host has no time to say how far it is.
                    answers: &[200, 408, 429, 500, 502, 503, 504],
                    ..Message::json(path, Vec::new())
                })
            }
            At::Done(made) => Step::Done(made),
            At::Asked | At::Over => Step::Said,
        }
    }

    fn hear(&mut self, heard: Heard) -> Result<(), HostFault> {
        if self.kept.is_some() {
            return self.hear_state(heard);
        }
        let id = self.read_id(heard.location.as_deref());
        self.kept = Some(id.ok_or(HostFault::Malformed("it does not say what the result is called"))?);
        self.rest(heard.retry_after);
        Ok(())
    }

    fn farewell(&mut self) -> Option<Farewell> {
        let id = self.kept.take()?;
        Some(Farewell { verb: Verb::Delete, path: self.place(&id) })
    }
}
