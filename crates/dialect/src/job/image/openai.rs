use phi_words::{Completion, Usage};

use crate::job::{Begin, Heard, Job, Made, Message, Step, Steps};
use crate::json::{Document, Object, Value};
use crate::question::{Image, Wanted};
use crate::{Carry, HostFault};

struct Drawing {
    message: Option<Message>,
    made: Option<Made>,
}

pub(super) fn begin(image: &Image, carry: &Carry) -> Begin {
    let mut body = Object::new();
    body.text("model", carry.own.as_str()).text("prompt", &image.prompt).whole("n", image.count.into());
    if let Some((width, height)) = image.size {
        body.text("size", &format!("{width}x{height}"));
    }
    body.text(
        "response_format",
        match image.wanted(carry) {
            Wanted::Bytes => "b64_json",
            Wanted::Address => "url",
        },
    );
    let message = Message::json("/images/generations", body.finish());
    Begin { job: Job::new(Drawing { message: Some(message), made: None }, ""), left_out: Vec::new() }
}

impl Steps for Drawing {
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
        let mut body = Object::new();
        body.whole("created", root.member("created").and_then(Value::whole).unwrap_or_default());
        let mut images = 0;
        body.list("data", |data| {
            for one in root.member("data").and_then(Value::items).into_iter().flatten() {
                data.object(|image| {
                    for name in ["b64_json", "url", "revised_prompt"] {
                        if let Some(text) = one.member(name).and_then(Value::text) {
                            image.text(name, &text);
                        }
                    }
                });
                images += 1;
            }
        });
        if images == 0 {
            return Err(malformed("there is no image"));
        }
        let usage = Some(Usage { images, ..Usage::default() });
        let body = Completion::new(body.finish());
        self.made = Some(Made { body, media_type: "application/json", usage, host_model: None });
        Ok(())
    }
}
