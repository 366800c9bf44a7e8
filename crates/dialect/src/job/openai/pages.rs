use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phi_words::{Completion, Usage};

use crate::job::{Begin, Heard, Job, Made, Message, Step, Steps};
use crate::json::{Document, Object, Value};
use crate::question::{DocumentKind, Fields, Pages};
use crate::{Carry, HostFault};

/// Mistral's request and response, which hosts of OpenAI's format speak at `/ocr`.
struct Reading {
    message: Option<Message>,
    made: Option<Made>,
}

pub(super) fn begin(fields: &Fields, pages: &Pages, carry: &Carry) -> Begin {
    let mut body = Object::new();
    body.text("model", carry.own.as_str());
    let data = STANDARD.encode(&pages.data);
    body.object("document", |document| match pages.kind {
        DocumentKind::Pdf => {
            document.text("type", "document_url");
            document.text("document_url", &format!("data:application/pdf;base64,{data}"));
        }
        DocumentKind::Image => {
            document.text("type", "image_url");
            document.text("image_url", &format!("data:image/png;base64,{data}"));
        }
    });
    for name in ["pages", "include_image_base64", "image_limit", "image_min_size", "table_format"] {
        if let Some(value) = fields.field(name) {
            body.raw(name, value.raw());
        }
    }
    let message = Message::json("/ocr", body.finish());
    Begin { job: Job::new(Reading { message: Some(message), made: None }, ""), left_out: Vec::new() }
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
        let malformed = HostFault::Malformed;
        let document =
            Document::parse(heard.body.expose_into_bytes()).map_err(|_| malformed("the body is not JSON"))?;
        let root = document.root();
        let pages =
            root.member("pages").filter(|pages| pages.items().is_some()).ok_or(malformed("there is no page"))?;
        let processed = root.member("usage_info").and_then(|usage| usage.member("pages_processed")?.whole());
        let usage = processed.map(|pages| Usage { pages, ..Usage::default() });
        let mut body = Object::new();
        body.raw("pages", pages.raw());
        if let Some(usage) = root.member("usage_info") {
            body.raw("usage_info", usage.raw());
        }
        let host_model = root.member("model").and_then(Value::text).map(Into::into);
        let body = Completion::new(body.finish());
        self.made = Some(Made { body, media_type: "application/json", usage, host_model });
        Ok(())
    }
}
