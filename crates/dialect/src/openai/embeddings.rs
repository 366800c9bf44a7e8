//! Answers of `POST /embeddings`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phi_words::{Completion, ModelName};

use super::choice::Top;
use super::usage;
use super::{WholeReply, errors};
use crate::json::{self, Document, Kind, List, Object, Value};
use crate::told::Told;
use crate::{Carry, EmbeddingsQuestion, HostFault};

/// Reads a host's answer to a question that was rendered for `carry`: checks that there is one vector an input, each as
/// long as it should be, and writes them in the format that the caller asked for, in the order of the inputs.
pub fn read_reply(
    body: &Completion,
    question: &EmbeddingsQuestion,
    carry: &Carry,
    name: &ModelName,
) -> Result<WholeReply, HostFault> {
    let parsed = Document::parse(body.expose_bytes().clone());
    let document = parsed.map_err(|_| HostFault::Malformed("the body is not JSON"))?;
    let root = document.root();
    let top = Top::read(root);
    if top.is_error {
        return Err(HostFault::Stated(errors::read_error_value(root)));
    }
    let vectors = in_order(root, question.inputs())?;
    let due = question.due_dimension(carry);
    let mut data = List::new();
    for (index, vector) in vectors.into_iter().enumerate() {
        let mut item = Object::new();
        item.text("object", "embedding").whole("index", index as u64);
        item.raw("embedding", &written(vector, question.base64(), due)?);
        data.raw(&item.finish());
    }
    let mut told = Told::default();
    usage::hear(&mut told, root.member("usage"));
    // No text comes out: figures that say otherwise are another call's.
    let figures = told.figures(0).filter(|usage| usage.output_tokens() == 0);

    let mut out = Object::new();
    out.text("object", "list").raw("data", &data.finish()).text("model", name.as_str());
    if let Some(figures) = &figures {
        let mut usage = Object::new();
        usage.whole("prompt_tokens", figures.input_tokens()).whole("total_tokens", figures.tokens());
        out.raw("usage", &usage.finish());
    }
    Ok(WholeReply {
        body: Completion::new(out.finish()),
        host_model: top.model.and_then(Value::text).map(Into::into),
        place: top.place(),
        usage: figures,
        output_chars: 0,
    })
}

/// The vectors by their index, each of which must be there once.
fn in_order(root: Value<'_>, asked: usize) -> Result<Vec<Value<'_>>, HostFault> {
    let items = root.member("data").and_then(Value::items);
    let items: Vec<_> = items.ok_or(HostFault::Malformed("there is no data"))?.collect();
    let got = items.len();
    if got != asked {
        return Err(HostFault::WrongCount { asked, got });
    }
    let mut vectors = vec![None; asked];
    for item in items {
        let index = item.member("index").and_then(Value::whole);
        let place = index.and_then(|index| vectors.get_mut(usize::try_from(index).ok()?));
        let place = place.ok_or(HostFault::Malformed("a vector has no index"))?;
        let vector = item.member("embedding").ok_or(HostFault::Malformed("a vector is missing"))?;
        if place.replace(vector).is_some() {
            return Err(HostFault::Malformed("an index stands twice"));
        }
    }
    let vectors: Option<Vec<_>> = vectors.into_iter().collect();
    vectors.ok_or(HostFault::Malformed("a vector is missing"))
}

/// A vector in the caller's format: a list as it was written, or base64 of little-endian floats of 32 bits. Hosts answer in
/// either, whatever they were asked for.
fn written(vector: Value<'_>, base64: bool, due: Option<u32>) -> Result<Vec<u8>, HostFault> {
    let floats = match vector.kind() {
        Kind::List => vector.items().into_iter().flatten().map(float).collect::<Option<Vec<f32>>>(),
        Kind::Text => vector.text().and_then(|text| from_base64(&text)),
        Kind::Null | Kind::True | Kind::False | Kind::Number | Kind::Object => None,
    };
    let floats = floats.ok_or(HostFault::Malformed("a vector is not made of numbers"))?;
    match due {
        Some(asked) if asked as usize != floats.len() => {
            let got = floats.len();
            return Err(HostFault::WrongDimension { asked, got });
        }
        Some(_) => {}
        None if floats.is_empty() => return Err(HostFault::Malformed("a vector is empty")),
        None => {}
    }
    if base64 {
        let bytes: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
        return Ok(json::text(&STANDARD.encode(bytes)));
    }
    if vector.kind() == Kind::List {
        return Ok(vector.raw().to_vec());
    }
    let mut list = List::new();
    for float in floats {
        list.raw(float.to_string().as_bytes());
    }
    Ok(list.finish())
}

fn float(value: Value<'_>) -> Option<f32> {
    match value.kind() {
        Kind::Number => {
            let float: f32 = std::str::from_utf8(value.raw()).ok()?.parse().ok()?;
            float.is_finite().then_some(float)
        }
        Kind::Null | Kind::True | Kind::False | Kind::Text | Kind::List | Kind::Object => None,
    }
}

fn from_base64(text: &str) -> Option<Vec<f32>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (floats, rest) = bytes.as_chunks::<4>();
    let floats: Vec<_> = floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    (rest.is_empty() && floats.iter().all(|float| float.is_finite())).then_some(floats)
}

#[cfg(test)]
mod tests {
    use phi_words::{Class, Prompt};
    use proptest::prelude::*;

    use super::*;
    use crate::read_embeddings;

    fn read(ask: &str, body: &str) -> Result<WholeReply, HostFault> {
        let ask = Prompt::new(format!(r#"{{"model":"m",{ask}}}"#));
        let question = read_embeddings(ask, Class::Phi).unwrap();
        let carry = Carry { dimension: Some(2), ..Carry::plain("own".parse().unwrap()) };
        read_reply(&Completion::new(body.to_owned()), &question, &carry, &"house/e".parse().unwrap())
    }

    fn shown(ask: &str, body: &str) -> String {
        String::from_utf8(read(ask, body).unwrap().body.expose_bytes().to_vec()).unwrap()
    }

    const TWO: &str = r#"{"model":"Own","data":[{"index":1,"embedding":[0.50,-1e-1]},{"index":0,"embedding":"AACAPwAAAMA="}],
        "usage":{"prompt_tokens":7,"total_tokens":7},"object":"list","extra":1}"#;

    #[test]
    fn vectors_come_in_the_callers_format_and_order() {
        let reply = read(r#""input":["a","b"]"#, TWO).unwrap();
        assert_eq!((reply.host_model.as_deref(), reply.usage.unwrap().input), (Some("Own"), 7));
        assert_eq!(
            shown(r#""input":["a","b"]"#, TWO),
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,-2]},{"object":"embedding","index":1,"embedding":[0.50,-1e-1]}],"model":"house/e","usage":{"prompt_tokens":7,"total_tokens":7}}"#
        );
        assert!(
            shown(r#""input":["a","b"],"encoding_format":"base64""#, TWO)
                .contains(r#""index":1,"embedding":"AAAAP83MzL0="}"#)
        );
    }

    #[test]
    fn another_count_or_dimension_is_a_fault() {
        let one = r#"{"data":[{"index":0,"embedding":[1,2]}]}"#;
        assert_eq!(read(r#""input":["a","b"]"#, one).unwrap_err(), HostFault::WrongCount { asked: 2, got: 1 });
        assert_eq!(
            read(r#""input":"a","dimensions":3"#, one).unwrap_err(),
            HostFault::WrongDimension { asked: 3, got: 2 }
        );
        for bad in [
            "{}",
            "x",
            r#"{"data":[{"index":1,"embedding":[1,2]}]}"#,
            r#"{"data":[{"embedding":[1,2]}]}"#,
            r#"{"data":[{"index":0}]}"#,
            r#"{"data":[{"index":0,"embedding":[1,"2"]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1,1e99]}]}"#,
            r#"{"data":[{"index":0,"embedding":"!!!!"}]}"#,
            r#"{"data":[{"index":0,"embedding":"AACAPwAAwH8="}]}"#,
            r#"{"data":[{"index":0,"embedding":"AACAPw=="}],"x":}"#,
        ] {
            assert!(matches!(read(r#""input":"a""#, bad), Err(HostFault::Malformed(_))), "{bad}");
        }
        let twice = r#"{"data":[{"index":0,"embedding":[1,2]},{"index":0,"embedding":[1,2]}]}"#;
        assert_eq!(read(r#""input":["a","b"]"#, twice).unwrap_err(), HostFault::Malformed("an index stands twice"));
        let stated = read(r#""input":"a""#, r#"{"error":{"code":404}}"#).unwrap_err();
        assert!(matches!(stated, HostFault::Stated(_)));
    }

    proptest! {
        #[test]
        fn floats_survive_both_ways(floats in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::ZERO, 2)) {
            let list = serde_json::to_string(&floats).unwrap();
            let body = format!(r#"{{"data":[{{"index":0,"embedding":{list}}}]}}"#);
            let coded = shown(r#""input":"a","encoding_format":"base64""#, &body);
            let back = shown(r#""input":"a""#, &coded.replace("\"model\"", "\"x\""));
            let back: serde_json::Value = serde_json::from_str(&back).unwrap();
            let back: Vec<f32> = back["data"][0]["embedding"].as_array().unwrap().iter().map(|f| f.to_string().parse().unwrap()).collect();
            prop_assert_eq!(back, floats);
        }
    }
}
