use phi_words::Completion;

use super::{block, errors, usage};
use crate::HostFault;
use crate::json::{Document, Value};
use crate::middle::{Answer, Facts, Said};

/// Reads a whole answer (`ConverseResponse` in AWS's model). It has neither an id nor the name of a model.
pub fn read_reply(body: &Completion) -> Result<Answer, HostFault> {
    let malformed = HostFault::Malformed;
    let document = Document::parse(body.expose_bytes().clone()).map_err(|_| malformed("the body is not JSON"))?;
    let root = document.root();
    let Some(output) = root.member("output") else {
        let is_error = ["__type", "message", "Message"].iter().any(|name| root.member(name).is_some());
        return Err(if is_error {
            HostFault::Stated(errors::read_error_value(root, None))
        } else {
            malformed("there is no output")
        });
    };
    let message = output.member("message").ok_or(malformed("there is no message"))?;
    let blocks = message.member("content").and_then(Value::items).ok_or(malformed("there is no content"))?;
    let (mut said, mut at) = (Vec::new(), 0);
    for item in blocks {
        let whole = block::whole(at, item)?;
        at += u32::from(!whole.is_empty());
        said.extend(whole);
    }
    said.push(Said::Finish(block::finish(root)?));
    Ok(Answer { said, facts: Facts { usage: root.member("usage").and_then(usage::read), ..Facts::default() } })
}
