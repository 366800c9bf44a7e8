//! Mistral's OCR (<https://docs.mistral.ai/api/endpoint/ocr>), which the station and Scaleway speak as well.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use phi_words::{Capability, Completion, Usage};

use super::copied::{Member, Need, Shape, copied};
use super::{BLOCKS, WISHES, asks};
use crate::job::{Begin, Heard, Job, Made, Message, Step, Steps};
use crate::json::{Document, Object, Value};
use crate::question::{DocumentKind, Fields, Pages, Selection};
use crate::{Carry, HostFault, Misfit};

/// More pages than a document can have.
const MOST: u64 = 10_000;
const ANNOTATIONS: [&str; 3] = ["bbox_annotation_format", "document_annotation_format", "document_annotation_prompt"];

/// One question and its answer.
struct Reading {
    message: Option<Message>,
    wanted: Wanted,
    made: Option<Made>,
}

/// What the answer is held against.
struct Wanted {
    model: String,
    selection: Option<Selection>,
    counted: u64,
    size: u64,
}

/// An annotated page has a price of its own, so a row says whether it is to be asked for any.
pub(super) fn fits(fields: &Fields, carry: &Carry) -> Result<(), Misfit> {
    let refused = WISHES.iter().find(|name| is_refused(name, carry) && asks(fields, name));
    refused.map_or(Ok(()), |name| Err(Misfit { field: (*name).into() }))
}

/// Whether it is not to be asked for this.
pub(super) fn is_refused(name: &str, carry: &Carry) -> bool {
    ANNOTATIONS.contains(&name) && !carry.capabilities.contains(&Capability::JsonSchema)
}

pub(super) fn begin(fields: &Fields, pages: &Pages, carry: &Carry) -> Begin {
    let mut left_out = pages.left_out.clone();
    let mut body = Object::new();
    body.text("model", carry.own.as_str());
    for name in WISHES {
        if let Some(value) = fields.field(name).filter(|_| !carry.lacks.contains(*name)) {
            body.raw(name, value.raw());
        }
    }
    match fields.field(BLOCKS) {
        Some(value) if !carry.lacks.contains(BLOCKS) => _ = body.raw(BLOCKS, value.raw()),
        Some(value) if value.truth() == Some(true) => left_out.push(BLOCKS),
        Some(_) | None => {}
    }
    let mut message = Message::json("/ocr", Vec::new());
    message.body = with_document(body.finish(), pages);
    let wanted = Wanted {
        model: carry.model.as_str().to_owned(),
        selection: pages.selection.clone(),
        counted: pages.count(),
        size: pages.data.len() as u64,
    };
    Begin { job: Job::new(Reading { message: Some(message), wanted, made: None }, "application/json"), left_out }
}

/// The body with the document at its end, which is not copied where it came in base64.
fn with_document(mut body: Vec<u8>, pages: &Pages) -> Vec<Bytes> {
    let kind = if pages.kind == DocumentKind::Pdf { "document_url" } else { "image_url" };
    let media = pages.kind.media_type();
    body.pop();
    body.extend_from_slice(format!(r#","document":{{"type":"{kind}","{kind}":"data:{media};base64,"#).as_bytes());
    let data = pages.base64.clone().unwrap_or_else(|| STANDARD.encode(&pages.data).into());
    vec![body.into(), data, Bytes::from_static(br#""}}"#)]
}

impl Steps for Reading {
    fn next(&mut self) -> Step {
        match (self.message.take(), self.made.take()) {
            (Some(message), _) => Step::Ask(message),
            (None, Some(made)) => Step::Done(made),
            (None, None) => Step::Said,
        }
    }

    fn hear(&mut self, heard: Heard) -> Result<(), HostFault> {
        self.made = Some(read(heard.body, &self.wanted)?);
        Ok(())
    }
}

/// Reads an answer, and writes all of it that we know anew.
fn read(body: Completion, wanted: &Wanted) -> Result<Made, HostFault> {
    let malformed = HostFault::Malformed;
    let document = Document::parse(body.expose_into_bytes()).map_err(|_| malformed("the body is not JSON"))?;
    let root = document.root();
    if root.member("error").is_some() {
        return Err(HostFault::Stated(crate::openai::errors::read_error_value(root)));
    }
    let pages = root.member("pages").and_then(Value::items).ok_or(malformed("it has no pages"))?;
    let mut body = Object::with_room(document.text().len());
    let mut last = None;
    let mut count = 0;
    body.list("pages", |list| -> Result<(), HostFault> {
        for page in pages {
            let index = page.member("index").and_then(Value::whole);
            let index = index.filter(|index| *index < MOST && last.is_none_or(|last| last < *index));
            let index = index.ok_or(malformed("a page has no number, or not one above the last"))?;
            if wanted.selection.as_ref().is_some_and(|selection| !selection.has(index)) {
                return Err(malformed("a page came that nobody asked for"));
            }
            (last, count) = (Some(index), count + 1);
            list.object(|object| copied(object, page, PAGE))?;
        }
        Ok(())
    })?;
    if count == 0 {
        return Err(malformed("it has no pages"));
    }
    body.text("model", &wanted.model);
    match root.member("document_annotation").filter(|annotation| annotation.text().is_some()) {
        Some(annotation) => body.raw("document_annotation", annotation.raw()),
        None => body.raw("document_annotation", b"null"),
    };
    let stated = root.member("usage_info").and_then(|usage| usage.member("pages_processed")?.whole());
    let most = wanted.selection.as_ref().map_or(MOST, Selection::len);
    let stated = stated.filter(|stated| (count..=most.max(count)).contains(stated));
    body.object("usage_info", |usage| {
        usage.whole("pages_processed", stated.unwrap_or(wanted.counted)).whole("doc_size_bytes", wanted.size);
    });
    Ok(Made {
        body: Completion::new(body.finish()),
        media_type: "application/json",
        usage: stated.map(|pages| Usage { pages, ..Usage::default() }),
        host_model: root.member("model").and_then(Value::text).map(Into::into),
    })
}

/// What a page may have.
const PAGE: &[Member] = &[
    Member { name: "index", need: Need::Must, shape: Shape::Whole },
    Member { name: "markdown", need: Need::Must, shape: Shape::Text },
    Member { name: "images", need: Need::List, shape: Shape::List(&Shape::Object(IMAGE)) },
    Member { name: "tables", need: Need::List, shape: Shape::List(&Shape::Object(TABLE)) },
    Member { name: "hyperlinks", need: Need::List, shape: Shape::List(&Shape::Text) },
    Member { name: "header", need: Need::Null, shape: Shape::Text },
    Member { name: "footer", need: Need::Null, shape: Shape::Text },
    Member { name: "dimensions", need: Need::Null, shape: Shape::Object(DIMENSIONS) },
    Member { name: "confidence_scores", need: Need::May, shape: Shape::Object(PAGE_SCORES) },
    Member { name: "blocks", need: Need::May, shape: Shape::List(&Shape::Object(BLOCK)) },
];
const IMAGE: &[Member] = &[
    Member { name: "id", need: Need::Must, shape: Shape::Text },
    Member { name: "top_left_x", need: Need::Null, shape: Shape::Whole },
    Member { name: "top_left_y", need: Need::Null, shape: Shape::Whole },
    Member { name: "bottom_right_x", need: Need::Null, shape: Shape::Whole },
    Member { name: "bottom_right_y", need: Need::Null, shape: Shape::Whole },
    Member { name: "image_base64", need: Need::Null, shape: Shape::Text },
    Member { name: "image_annotation", need: Need::May, shape: Shape::Text },
];
const TABLE: &[Member] = &[
    Member { name: "id", need: Need::Must, shape: Shape::Text },
    Member { name: "content", need: Need::Must, shape: Shape::Text },
    Member { name: "format", need: Need::Must, shape: Shape::Among(&["markdown", "html"]) },
    Member { name: "word_confidence_scores", need: Need::May, shape: WORDS },
];
const DIMENSIONS: &[Member] = &[
    Member { name: "dpi", need: Need::Must, shape: Shape::Whole },
    Member { name: "height", need: Need::Must, shape: Shape::Whole },
    Member { name: "width", need: Need::Must, shape: Shape::Whole },
];
const PAGE_SCORES: &[Member] = &[
    Member { name: "average_page_confidence_score", need: Need::Must, shape: Shape::Number },
    Member { name: "minimum_page_confidence_score", need: Need::Must, shape: Shape::Number },
    Member { name: "word_confidence_scores", need: Need::May, shape: WORDS },
];
const WORDS: Shape = Shape::List(&Shape::Object(&[
    Member { name: "text", need: Need::Must, shape: Shape::Text },
    Member { name: "confidence", need: Need::Must, shape: Shape::Number },
    Member { name: "start_index", need: Need::Must, shape: Shape::Whole },
]));
const BLOCK: &[Member] = &[
    Member { name: "type", need: Need::Must, shape: Shape::Text },
    Member { name: "top_left_x", need: Need::Must, shape: Shape::Whole },
    Member { name: "top_left_y", need: Need::Must, shape: Shape::Whole },
    Member { name: "bottom_right_x", need: Need::Must, shape: Shape::Whole },
    Member { name: "bottom_right_y", need: Need::Must, shape: Shape::Whole },
    Member { name: "content", need: Need::Must, shape: Shape::Text },
    Member { name: "image_id", need: Need::May, shape: Shape::Text },
    Member { name: "table_id", need: Need::May, shape: Shape::Text },
    Member { name: "confidence_scores", need: Need::May, shape: Shape::Object(BLOCK_SCORES) },
];
const BLOCK_SCORES: &[Member] = &[
    Member { name: "average_content_confidence_score", need: Need::May, shape: Shape::Number },
    Member { name: "minimum_content_confidence_score", need: Need::May, shape: Shape::Number },
    Member { name: "block_type_confidence_score", need: Need::May, shape: Shape::Number },
];
