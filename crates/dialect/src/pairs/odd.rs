use phi_words::{Class, Code, Prompt, Refusal};
use serde_json::{Value, json};

use super::{WAYS, cases, hosts, read, render};
use crate::json::Document;
use crate::sealer::transparent;
use crate::{Question, Way};

/// What a body becomes: a clean refusal, or for every host a body that is JSON as strict as ours, or the name of what it cannot
/// be told.
fn judged(way: Way, body: &str) -> Result<(), Code> {
    let question = match read(way, body) {
        Ok(question) => question,
        Err(refusal) => {
            let Refusal { code, message, param, .. } = refusal;
            let clean = [Code::InvalidRequest, Code::UnsupportedParameter, Code::InvalidJson, Code::DuplicateKey];
            assert!(clean.contains(&code), "{code:?}: {body}");
            assert!(!message.is_empty() && !message.contains("patient"), "{message}");
            let has_place = matches!(code, Code::InvalidJson | Code::DuplicateKey) || param.is_some();
            assert!(has_place || message.contains("the body") || message.contains("a number"), "{message}: {body}");
            return Err(code);
        }
    };
    for (host, carry) in hosts() {
        match fits(&question, &carry) {
            Err(misfit) => assert!(!misfit.field.as_str().is_empty(), "{host}: {body}"),
            Ok(()) => {
                let told = render(&question, &carry).body.expose_into_bytes();
                let told = Document::parse(told).unwrap_or_else(|error| panic!("{host}: {error}: {body}"));
                assert!(told.root().members().is_some(), "{host}: {body}");
            }
        }
    }
    Ok(())
}

fn fits(question: &Question, carry: &crate::Carry) -> Result<(), crate::Misfit> {
    question.fits(carry)
}

/// Places of everything in a value, from the outside in.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, &format!("{at}/{index}"), all));
        }
        Value::Object(members) => {
            members.iter().for_each(|(key, member)| {
                places(member, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), all);
            });
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Everything in every case of every way in is something else once or twice, and the fields of each body are everything else.
#[test]
fn whatever_stands_anywhere_is_refused_cleanly_or_told_soundly() {
    let instead = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(""),
        json!("patient"),
        json!([]),
        json!({}),
        json!([null]),
        json!([[]]),
        json!({"type": "text"}),
        json!({"type": "patient", "text": 1}),
    ];
    let (mut taken, mut refused) = (0, 0);
    for (way, text) in WAYS {
        for (_, body) in cases(text) {
            let size = body.len();
            let body: Value = serde_json::from_str(body).unwrap();
            let mut all = Vec::new();
            places(&body, "", &mut all);
            for (at, place) in all.into_iter().enumerate() {
                let is_field = place.matches('/').count() < 2 && cases(text)[0].1.len() == size;
                let is_due = |(turn, _): &(usize, &Value)| is_field || (turn + at) % 6 == 0;
                for (_, other) in instead.iter().enumerate().filter(is_due) {
                    let mut body = body.clone();
                    *body.pointer_mut(&place).unwrap() = other.clone();
                    match judged(way, &body.to_string()) {
                        Ok(()) => taken += 1,
                        Err(_) => refused += 1,
                    }
                }
            }
        }
    }
    assert!(taken > 300 && refused > 1_000, "{taken} {refused}");
}

/// A member that stands twice, or is of another name, wherever there are members.
#[test]
fn a_key_that_stands_twice_is_refused_wherever_it_stands() {
    for (way, text) in WAYS {
        let (_, body) = cases(text)[0];
        let body: Value = serde_json::from_str(body).unwrap();
        let mut all = Vec::new();
        places(&body, "", &mut all);
        for place in all {
            let Some(Value::Object(members)) = body.pointer(&place) else { continue };
            let Some((key, member)) = members.iter().next() else { continue };
            let mut marked = body.clone();
            *marked.pointer_mut(&place).unwrap() = json!("MARK");
            let twice = Value::Object(members.clone()).to_string();
            let twice = format!("{},{}:{member}}}", twice.strip_suffix('}').unwrap(), json!(key));
            let twice = marked.to_string().replace("\"MARK\"", &twice);
            assert_eq!(judged(way, &twice), Err(Code::DuplicateKey), "{place}");
            let escaped = format!("\"\\u{:04x}{}\":", key.as_bytes()[0], &key[1..]);
            let twice = twice.replacen(&format!("{}:", json!(key)), &escaped, 1);
            assert_eq!(judged(way, &twice), Err(Code::DuplicateKey), "{place}: {escaped}");
        }
    }
}

/// A body of one message, with this in the place of its content, and these members more.
fn saying(way: Way, content: &str, more: &str) -> String {
    match way {
        Way::Messages => {
            format!(r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":{content}}}]{more}}}"#)
        }
        Way::Responses => format!(r#"{{"model":"m","input":[{{"role":"user","content":{content}}}]{more}}}"#),
        Way::Chat | Way::Embeddings | Way::Work(_) => {
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":{content}}}]{more}}}"#)
        }
    }
}

fn code(way: Way, body: &[u8]) -> Option<Code> {
    way.read(Prompt::new(body.to_vec()), Class::General, &transparent()).err().map(|refusal| refusal.code)
}

#[test]
fn what_is_no_text_of_json_is_refused_by_its_kind() {
    for (way, _) in WAYS {
        let good = saying(way, "\"hi\"", "");
        assert_eq!(code(way, good.as_bytes()), None);
        let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [&b"\xef\xbb\xbf"[..], good.as_bytes()].concat();
        let latin = saying(way, "\"Gr?\"", "").replace('?', "\u{0}").into_bytes();
        let latin: Vec<u8> = latin.into_iter().map(|byte| if byte == 0 { 0xfc } else { byte }).collect();
        let surrogate = [&b"\xed\xa0\x80"[..]].concat();
        let cesu: Vec<u8> = saying(way, "\"?\"", "")
            .bytes()
            .flat_map(|b| if b == b'?' { surrogate.clone() } else { vec![b] })
            .collect();
        for (what, body, expected) in [
            ("nothing", vec![], Code::InvalidJson),
            ("space", b" \n".to_vec(), Code::InvalidJson),
            ("a zero", vec![0], Code::InvalidJson),
            ("a zero behind", [good.as_bytes(), &[0]].concat(), Code::InvalidJson),
            ("a zero within", saying(way, "\"a\u{0}b\"", "").into_bytes(), Code::InvalidJson),
            ("UTF-16", utf16, Code::InvalidJson),
            ("a mark of its order", marked, Code::InvalidJson),
            ("Latin-1", latin, Code::InvalidJson),
            ("a surrogate as bytes", cesu, Code::InvalidJson),
            ("a surrogate alone", saying(way, r#""\ud83d""#, "").into_bytes(), Code::InvalidJson),
            ("surrogates the wrong way round", saying(way, r#""\ude00\ud83d""#, "").into_bytes(), Code::InvalidJson),
            ("two", [good.as_bytes(), good.as_bytes()].concat(), Code::InvalidJson),
            ("no number", saying(way, "\"hi\"", r#","temperature":NaN"#).into_bytes(), Code::InvalidJson),
            ("no end", saying(way, "\"hi\"", r#","temperature":Infinity"#).into_bytes(), Code::InvalidJson),
            ("too large a number", saying(way, "\"hi\"", r#","temperature":1e999"#).into_bytes(), Code::InvalidRequest),
            (
                "a long number",
                saying(way, "\"hi\"", &format!(",\"temperature\":0.{}", "1".repeat(600))).into_bytes(),
                Code::InvalidRequest,
            ),
            ("a comment", saying(way, "\"hi\"", ",/**/\"stream\":true").into_bytes(), Code::InvalidJson),
            ("a comma too many", saying(way, "\"hi\"", ",").into_bytes(), Code::InvalidJson),
            ("a list", b"[]".to_vec(), Code::InvalidRequest),
            ("a word", b"\"patient\"".to_vec(), Code::InvalidRequest),
            ("null", b"null".to_vec(), Code::InvalidRequest),
            ("an empty object", b"{}".to_vec(), Code::InvalidRequest),
            ("no model", good.replace("\"model\":\"m\",", "").into_bytes(), Code::InvalidRequest),
        ] {
            assert_eq!(code(way, &body), Some(expected), "{way:?}: {what}");
        }
        // What is a text, however odd.
        for good in [
            r#""\u2028\u0000\ud83d\ude00\uffff""#,
            "\"\u{2029}\u{feff}\u{7f}\u{10ffff}\"",
            &format!("\"{}\"", "x".repeat(1 << 20)),
        ] {
            assert_eq!(judged(way, &saying(way, good, "")), Ok(()), "{way:?}");
        }
    }
}

#[test]
fn too_much_of_anything_is_refused_or_taken() {
    for (way, _) in WAYS {
        let deep = format!("{}1{}", "{\"not\":".repeat(1_000), "}".repeat(1_000));
        let within = format!("{}{{}}{}", "{\"not\":".repeat(50), "}".repeat(50));
        let tool = |at: usize, schema: &str| match way {
            Way::Messages => format!(r#"{{"name":"f{at}","input_schema":{schema}}}"#),
            Way::Responses => format!(r#"{{"type":"function","name":"f{at}","parameters":{schema}}}"#),
            Way::Chat | Way::Embeddings | Way::Work(_) => {
                format!(r#"{{"type":"function","function":{{"name":"f{at}","parameters":{schema}}}}}"#)
            }
        };
        let with = |tools: &[String]| saying(way, "\"hi\"", &format!(",\"tools\":[{}]", tools.join(",")));
        assert_eq!(judged(way, &with(&[tool(0, &deep)])), Err(Code::InvalidRequest), "{way:?}");
        assert_eq!(judged(way, &with(&[tool(0, &within)])), Ok(()), "{way:?}");
        let many: Vec<_> = (0..10_000).map(|at| tool(at, "{}")).collect();
        assert_eq!(judged(way, &with(&many)), Err(Code::InvalidRequest), "{way:?}");
        assert_eq!(judged(way, &with(&many[..128])), Ok(()), "{way:?}");
        assert_eq!(judged(way, &with(&[tool(0, "{}").replace("f0", &"f".repeat(129))])), Err(Code::InvalidRequest));
        let messages = |count: usize| {
            let one = r#"{"role":"user","content":"a"}"#;
            saying(way, "\"a\"", "").replace(one, &vec![one; count].join(","))
        };
        assert_eq!(judged(way, &messages(5_000)), Ok(()), "{way:?}");
        assert_eq!(code(way, messages(100_000).as_bytes()), None, "{way:?}");
        assert_eq!(code(way, messages(220_000).as_bytes()), Some(Code::InvalidRequest), "{way:?}: too many values");
        let parts = |count: usize| {
            let kind = if way == Way::Responses { "input_text" } else { "text" };
            let part = format!(r#"{{"type":"{kind}","text":"a"}}"#);
            saying(way, &format!("[{}]", vec![part; count].join(",")), "")
        };
        assert_eq!(judged(way, &parts(5_000)), Ok(()), "{way:?}");
    }
}
