use bytes::Bytes;
use serde_json::Value as Theirs;

use crate::json::{Document, JsonError, Kind, MAX_DEPTH, Value};

/// The scan takes what `serde_json` takes and reads the same, or says why it is stricter.
pub fn json(bytes: &[u8]) {
    let theirs = serde_json::from_slice::<Theirs>(bytes);
    let ours = Document::parse(Bytes::copy_from_slice(bytes));
    match (&ours, &theirs) {
        (Ok(document), Ok(theirs)) => {
            assert_eq!(document.text(), bytes);
            same(document.root(), theirs);
            assert_eq!(keys(theirs), colons(bytes), "a key stands twice");
        }
        // It has no number beyond a float's; ours may stand as it was written.
        (Ok(document), Err(error)) => {
            assert!(error.to_string().starts_with("number out of range") && is_huge(document.root()), "{error}");
        }
        (Err(JsonError::TooDeep), Ok(theirs)) => assert!(depth(theirs) > MAX_DEPTH),
        (Err(JsonError::DuplicateKey { at }), Ok(theirs)) => {
            assert!(bytes[*at] == b'{' && keys(theirs) < colons(bytes));
        }
        (Err(JsonError::NumberTooLong | JsonError::TooMany), Ok(_)) | (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => unreachable!("it is JSON: {error}"),
    }
    if let Ok(document) = ours {
        stands(document.root());
        for child in children(document.root()) {
            let alone = Document::parse(Bytes::copy_from_slice(child.raw())).expect("a value is a text of its own");
            assert_eq!((alone.root().kind(), alone.root().raw()), (child.kind(), child.raw()));
        }
    }
}

/// Each value has the kind and content that the other reader sees, and members are found by name.
fn same(ours: Value<'_>, theirs: &Theirs) {
    match theirs {
        Theirs::Null => assert!(ours.is_null()),
        Theirs::Bool(truth) => assert_eq!(ours.truth(), Some(*truth)),
        Theirs::String(text) => assert_eq!(ours.text().as_deref(), Some(text.as_str())),
        Theirs::Number(number) => {
            assert_eq!(ours.whole(), number.as_u64());
            let (one, other) = (ours.number().expect("a number"), number.as_f64().expect("a number"));
            // The other reader rounds the last digits in another way.
            assert!((one - other).abs() <= one.abs() * 1e-14 + f64::MIN_POSITIVE, "{one} is not {other}");
        }
        Theirs::Array(items) => {
            let ours: Vec<_> = ours.items().expect("a list").collect();
            assert_eq!(ours.len(), items.len());
            ours.into_iter().zip(items).for_each(|(ours, theirs)| same(ours, theirs));
        }
        Theirs::Object(map) => {
            let members: Vec<_> = ours.members().expect("an object").collect();
            assert_eq!(members.len(), map.len());
            for ((key, value), (name, theirs)) in members.into_iter().zip(map) {
                assert_eq!(key, name.as_str());
                let found = ours.member(name).map(|found| found.raw().as_ptr());
                assert_eq!(found, (!value.is_null()).then(|| value.raw().as_ptr()));
                same(value, theirs);
            }
        }
    }
}

/// Values stand within what holds them, one after the other.
fn stands(value: Value<'_>) {
    let outer = value.raw().as_ptr_range();
    let mut from = outer.start;
    for child in children(value) {
        let inner = child.raw().as_ptr_range();
        assert!(from < inner.start && inner.start < inner.end && inner.end < outer.end);
        from = inner.end;
        stands(child);
    }
}

fn children<'d>(value: Value<'d>) -> Vec<Value<'d>> {
    value.items().into_iter().flatten().chain(value.values().into_iter().flatten()).collect()
}

fn is_huge(value: Value<'_>) -> bool {
    let huge = value.kind() == Kind::Number && value.number().is_none_or(|number| number.abs() > 1e307);
    huge || children(value).into_iter().any(is_huge)
}

fn inner(theirs: &Theirs) -> Vec<&Theirs> {
    match theirs {
        Theirs::Array(items) => items.iter().collect(),
        Theirs::Object(map) => map.values().collect(),
        Theirs::Null | Theirs::Bool(_) | Theirs::Number(_) | Theirs::String(_) => Vec::new(),
    }
}

fn depth(theirs: &Theirs) -> usize {
    let holds = theirs.is_array() || theirs.is_object();
    usize::from(holds) + inner(theirs).into_iter().map(depth).max().unwrap_or(0)
}

fn keys(theirs: &Theirs) -> usize {
    theirs.as_object().map_or(0, serde_json::Map::len) + inner(theirs).into_iter().map(keys).sum::<usize>()
}

/// How many colons stand outside strings: one for each key that was written.
fn colons(bytes: &[u8]) -> usize {
    let (mut count, mut inside, mut escaped) = (0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => inside = !inside,
            b':' if !inside => count += 1,
            _ => {}
        }
    }
    count
}
