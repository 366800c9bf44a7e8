use phi_words::{Code, Prompt, Refusal};

use crate::fields;
use crate::json::{Document, Value};

/// A request that is to be explained and not sent: `{"endpoint": "/chat/completions", "request": {…}}`.
#[derive(Debug)]
pub struct Explain {
    /// The path below `/v1` that it would be sent to.
    pub endpoint: String,
    /// The body that would be sent there, byte for byte.
    pub request: Prompt,
}

/// The longest path that is looked at.
const LONGEST: usize = 64;

/// Reads what is to be explained.
///
/// # Errors
/// `invalid_json`, `duplicate_key`, `invalid_request`: a field is missing, or there is another beside the two.
pub fn read_explain(body: Prompt) -> Result<Explain, Refusal> {
    let document = Document::parse(body.expose_into_bytes()).map_err(|error| Refusal::from(&error))?;
    let shape = || {
        let hint = r#"send {"endpoint": "/chat/completions", "request": the body that would be sent there}"#;
        Refusal::new(Code::InvalidRequest, "the body is not an object of `endpoint` and `request` alone", hint)
    };
    let root = document.root();
    if root.members().ok_or_else(shape)?.any(|(key, _)| key != "endpoint" && key != "request") {
        return Err(shape());
    }
    let endpoint = root.member("endpoint").and_then(Value::text).filter(|path| path.len() <= LONGEST);
    let endpoint = endpoint.ok_or_else(|| fields::invalid("endpoint", "must be a path such as `/chat/completions`"))?;
    let request = root.member("request").filter(|request| request.members().is_some());
    let request = request.ok_or_else(|| fields::invalid("request", "must be the body that would be sent"))?;
    Ok(Explain { endpoint: endpoint.into_owned(), request: Prompt::new(document.text().slice_ref(request.raw())) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(String, String), Code> {
        let read = read_explain(Prompt::new(body.to_owned())).map_err(|refusal| refusal.code)?;
        Ok((read.endpoint, String::from_utf8_lossy(read.request.expose_bytes()).into_owned()))
    }

    #[test]
    fn the_request_is_taken_as_it_is_written() {
        let body = r#" {"request": {"model" : "auto","n":1.0}, "endpoint":"/chat\/completions"}"#;
        assert_eq!(read(body), Ok(("/chat/completions".into(), r#"{"model" : "auto","n":1.0}"#.into())));
    }

    #[test]
    fn anything_else_is_refused() {
        for (body, code) in [
            ("", Code::InvalidJson),
            ("[]", Code::InvalidRequest),
            ("{}", Code::InvalidRequest),
            (r#"{"endpoint":"/chat/completions"}"#, Code::InvalidRequest),
            (r#"{"endpoint":"/chat/completions","request":null}"#, Code::InvalidRequest),
            (r#"{"endpoint":"/chat/completions","request":"{}"}"#, Code::InvalidRequest),
            (r#"{"endpoint":7,"request":{}}"#, Code::InvalidRequest),
            (r#"{"endpoint":"/a","request":{},"model":"auto"}"#, Code::InvalidRequest),
            (r#"{"endpoint":"/a","endpoint":"/b","request":{}}"#, Code::DuplicateKey),
        ] {
            assert_eq!(read(body).unwrap_err(), code, "{body}");
        }
    }
}
