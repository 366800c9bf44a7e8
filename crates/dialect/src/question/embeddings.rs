use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use phi_words::{Capability, Class, ModelName, Prompt, Refusal};

use super::Fields;
use crate::fields::{self, invalid};
use crate::json::{Kind, List, Object, Value};
use crate::{Carry, Field, Misfit, Rendered, Tokenizer};

/// How many inputs a request may have (OpenAI's limit).
const MAX_INPUTS: usize = 2_048;

/// A body of `POST /embeddings`, parsed.
#[derive(Debug, Clone)]
pub struct EmbeddingsQuestion {
    fields: Fields,
    input: Input,
    base64: bool,
    dimensions: Option<u32>,
}

/// Reads a body of `POST /embeddings`. Refuses with `invalid_json`, `duplicate_key`, `invalid_request` or
/// `unsupported_parameter`; with PHI, every field that we do not know.
pub fn read_embeddings(body: Prompt, class: Class) -> Result<EmbeddingsQuestion, Refusal> {
    let fields = Fields::read(fields::embeddings::TABLE, body, class.into())?;
    let input = fields.field("input").ok_or_else(|| invalid("input", "is missing"))?;
    let input = Input::read(input).ok_or_else(|| invalid("input", Input::RULE))?;
    let encoding = fields.field("encoding_format").and_then(Value::text);
    let base64 = encoding.is_some_and(|encoding| encoding == "base64");
    let dimensions = fields.field("dimensions").and_then(Value::whole);
    Ok(EmbeddingsQuestion {
        dimensions: dimensions.and_then(|dimensions| u32::try_from(dimensions).ok()),
        fields,
        input,
        base64,
    })
}

impl EmbeddingsQuestion {
    /// The model as the caller wrote it.
    pub const fn model(&self) -> &ModelName {
        &self.fields.model
    }

    /// What the request needs of a model beyond vectors: nothing so far.
    pub const fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.fields.capabilities
    }

    /// The fields that we do not know, by path.
    pub fn unknown(&self) -> &[Arc<str>] {
        &self.fields.unknown
    }

    /// How many inputs, and so vectors, there are.
    pub const fn inputs(&self) -> usize {
        self.input.count
    }

    /// How long the caller wants the vectors; `None` is as long as the model makes them.
    pub const fn dimensions(&self) -> Option<u32> {
        self.dimensions
    }

    /// Whether the caller wants vectors as base64 of little-endian floats of 32 bits.
    pub const fn base64(&self) -> bool {
        self.base64
    }

    /// How many bytes the caller's body has.
    pub fn body_len(&self) -> usize {
        self.fields.document.text().len()
    }

    /// Whether a route can carry every field; if not, the first that it cannot.
    pub fn fits(&self, carry: &Carry) -> Result<(), Misfit> {
        self.fields.fits(carry)?;
        let misfit = |field| Err(Misfit { field: Field::Ours(field) });
        if self.sent_dimensions(carry).is_some() && carry.lacks.contains("dimensions") {
            return misfit("dimensions");
        }
        match (carry.tokenizer, &self.input.form) {
            (Tokenizer::Other, Form::Tokens { texts: None }) => misfit("input"),
            (Tokenizer::Other | Tokenizer::OpenAi, Form::Texts | Form::Tokens { .. }) => Ok(()),
        }
    }

    /// Writes the body for a route that it fits. See [`crate::Question::begin`].
    pub fn render(&self, carry: &Carry, pseudonym: &dyn Fn(&str) -> String, class: Class) -> Rendered {
        let mut left_out = Vec::new();
        let mut body = Object::new();
        body.text("model", carry.own.as_str());
        match (carry.tokenizer, &self.input.form) {
            (Tokenizer::Other, Form::Tokens { texts: Some(texts) }) => {
                let mut list = List::new();
                for text in texts {
                    list.text(text);
                }
                body.raw("input", &list.finish());
            }
            (Tokenizer::Other | Tokenizer::OpenAi, Form::Texts | Form::Tokens { .. }) => {
                let input = self.fields.field("input");
                body.raw("input", input.map(Value::raw).unwrap_or_default());
            }
        }
        if !carry.lacks.contains("encoding_format") {
            let base64 = self.base64 && carry.base64;
            body.text("encoding_format", if base64 { "base64" } else { "float" });
        }
        if let Some(dimensions) = self.sent_dimensions(carry) {
            body.whole("dimensions", dimensions.into());
        }
        self.fields.render(&mut body, &mut left_out, &[], carry, pseudonym, class);
        Rendered { body: Prompt::new(body.finish()), left_out }
    }

    /// How long the vectors of a route must be, if anybody says.
    pub fn due_dimension(&self, carry: &Carry) -> Option<u32> {
        self.dimensions.or(carry.dimension)
    }

    /// A dimension that is the model's own asks for nothing: hosts that cannot change it are not told.
    fn sent_dimensions(&self, carry: &Carry) -> Option<u32> {
        self.dimensions.filter(|_| self.dimensions != carry.dimension)
    }
}

/// How many tokens a request may have over all inputs (OpenAI's limit).
const MAX_TOKENS: usize = 300_000;

/// What is to become vectors.
#[derive(Clone)]
struct Input {
    count: usize,
    form: Form,
}

#[derive(Clone)]
enum Form {
    /// One text or several, passed as they were written.
    Texts,
    /// Token numbers, and what they spell in OpenAI's `cl100k` if they spell anything.
    Tokens { texts: Option<Vec<String>> },
}

impl Input {
    const RULE: &str = "must be a text, 1 to 2048 texts, or tokens likewise (300,000 at the most), none of them empty";

    fn read(value: Value<'_>) -> Option<Self> {
        let is_text = |value: Value<'_>| value.text().is_some_and(|text| !text.is_empty());
        let Some(items) = value.items() else {
            let form = Form::Texts;
            return is_text(value).then_some(Self { count: 1, form });
        };
        let items: Vec<_> = items.collect();
        let lists = match items.first()?.kind() {
            Kind::Text => {
                let fits = items.len() <= MAX_INPUTS && items.iter().copied().all(is_text);
                let form = Form::Texts;
                return fits.then_some(Self { count: items.len(), form });
            }
            Kind::Number => vec![tokens(items.into_iter())?],
            Kind::List if items.len() <= MAX_INPUTS => {
                let lists = items.into_iter().map(|list| tokens(list.items()?));
                lists.collect::<Option<Vec<_>>>()?
            }
            Kind::List | Kind::Null | Kind::True | Kind::False | Kind::Object => return None,
        };
        let count = lists.len();
        if lists.iter().map(Vec::len).sum::<usize>() > MAX_TOKENS {
            return None;
        }
        let texts = lists.iter().map(|tokens| spelled(tokens)).collect();
        let form = Form::Tokens { texts };
        Some(Self { count, form })
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("count", &self.count).finish_non_exhaustive()
    }
}

fn tokens<'d>(items: impl Iterator<Item = Value<'d>>) -> Option<Vec<u32>> {
    let tokens: Option<Vec<u32>> = items.map(|item| u32::try_from(item.whole()?).ok()).collect();
    tokens.filter(|tokens| !tokens.is_empty())
}

/// What tokens of `cl100k` spell, if it is text. Clients that count tokens themselves send these to any model.
fn spelled(tokens: &[u32]) -> Option<String> {
    let bytes = tiktoken_rs::cl100k_base_singleton().decode_bytes(tokens).ok()?;
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use phi_words::Code;

    use super::*;

    fn read(fields: &str) -> Result<EmbeddingsQuestion, Refusal> {
        read_embeddings(Prompt::new(format!(r#"{{"model":"m",{fields}}}"#)), Class::Phi)
    }

    fn carry() -> Carry {
        Carry { dimension: Some(4096), ..Carry::plain("own".parse().unwrap()) }
    }

    fn rendered(fields: &str, carry: &Carry) -> String {
        let question = read(fields).unwrap();
        assert_eq!(question.fits(carry), Ok(()));
        let body = question.render(carry, &str::to_owned, Class::General).body;
        String::from_utf8(body.expose_bytes().to_vec()).unwrap()
    }

    #[test]
    fn inputs_of_every_form_are_counted_and_the_rest_refused() {
        for (input, count) in [(r#""a""#, 1), (r#"["a","b"]"#, 2), ("[1,2,3]", 1), ("[[1],[2,3]]", 2)] {
            assert_eq!(read(&format!("\"input\":{input}")).unwrap().inputs(), count, "{input}");
        }
        let many = format!("[{}\"a\"]", "\"a\",".repeat(MAX_INPUTS));
        for bad in [
            "null",
            "\"\"",
            "[]",
            "[\"\"]",
            "[\"a\",1]",
            "[1,\"a\"]",
            "[[]]",
            "[[1],2]",
            "[-1]",
            "[1.0]",
            "[{}]",
            "{}",
            "5",
            &many,
            &format!("[{}1]", "1,".repeat(MAX_TOKENS)),
        ] {
            assert_eq!(read(&format!("\"input\":{bad}")).unwrap_err().code, Code::InvalidRequest, "{bad:.40}");
        }
        for bad in [r#""encoding_format":"int8""#, r#""dimensions":0"#, r#""dimensions":"4""#] {
            assert_eq!(read(&format!("\"input\":\"a\",{bad}")).unwrap_err().code, Code::InvalidRequest, "{bad}");
        }
        assert_eq!(read(r#""input":"a","input_type":"query""#).unwrap_err().code, Code::UnsupportedParameter);
        assert_eq!(read(r#""input":"a","provider":{}"#).unwrap_err().code, Code::UnsupportedParameter);
    }

    #[test]
    fn tokens_become_text_for_all_but_openai() {
        // `cl100k` spells "hello world" with 15339 1917.
        let tokens = r#""input":[[15339,1917],[15339]]"#;
        assert!(rendered(tokens, &carry()).contains(r#""input":["hello world","hello"]"#));
        let openai = Carry { tokenizer: Tokenizer::OpenAi, ..carry() };
        assert!(rendered(tokens, &openai).contains(r#""input":[[15339,1917],[15339]]"#));
        for undecodable in ["[100256]", "[4294967295]", "[99999999]", "[160]"] {
            let question = read(&format!("\"input\":{undecodable}")).unwrap();
            assert_eq!(question.fits(&carry()).unwrap_err().field, "input".into(), "{undecodable}");
            assert_eq!(question.fits(&openai), Ok(()));
        }
        assert!(!format!("{:?}", read(tokens)).contains("hello"));
    }

    #[test]
    fn the_host_is_asked_for_floats_unless_base64_is_its_own() {
        let ask = r#""input":"a","encoding_format":"base64","user":"u""#;
        assert_eq!(rendered(ask, &carry()), r#"{"model":"own","input":"a","encoding_format":"float","user":"u"}"#);
        let native = Carry { base64: true, lacks: ["user".to_owned()].into(), ..carry() };
        assert_eq!(rendered(ask, &native), r#"{"model":"own","input":"a","encoding_format":"base64"}"#);
        let bare = Carry { lacks: ["encoding_format".to_owned()].into(), ..carry() };
        assert_eq!(rendered(r#""input":"a""#, &bare), r#"{"model":"own","input":"a"}"#);
    }

    #[test]
    fn the_models_own_dimension_asks_for_nothing() {
        let fixed = Carry { lacks: ["dimensions".to_owned()].into(), ..carry() };
        assert!(!rendered(r#""input":"a","dimensions":4096"#, &fixed).contains("dimensions"));
        assert!(rendered(r#""input":"a","dimensions":32"#, &carry()).contains(r#""dimensions":32"#));
        let misfit = read(r#""input":"a","dimensions":32"#).unwrap().fits(&fixed);
        assert_eq!(misfit.unwrap_err().field, "dimensions".into());
    }
}
