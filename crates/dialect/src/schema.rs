//! JSON Schema, as far as hosts do not take it as it is (<https://json-schema.org/draft/2020-12>).

use std::collections::{BTreeMap, BTreeSet};

use crate::json::{Kind, Object, Value};

/// Keywords under which schemas stand by names.
const BY_NAME: &[&str] = &["properties", "$defs", "definitions", "patternProperties", "dependentSchemas"];
/// Keywords under which schemas stand in a list.
const LISTED: &[&str] = &["anyOf", "oneOf", "allOf", "prefixItems"];
/// Keywords under which one schema stands.
const ALONE: &[&str] = &["items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"];

/// What Anthropic refuses in a schema that binds (<https://platform.claude.com/docs/en/build-with-claude/structured-outputs>).
const NOT_ANTHROPIC: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];
/// What Google's own list does not have (<https://ai.google.dev/gemini-api/docs/structured-output>): it is not looked at.
const NOT_GOOGLE: &[&str] = &[
    "allOf",
    "not",
    "if",
    "patternProperties",
    "dependentSchemas",
    "contains",
    "propertyNames",
    "uniqueItems",
    "multipleOf",
    "minProperties",
    "maxProperties",
];

/// A schema and all below it, in which `$ref` is not followed.
fn all<'d>(root: Value<'d>) -> Vec<Value<'d>> {
    let mut all = vec![root];
    let mut at = 0;
    while let Some(schema) = all.get(at).copied() {
        at += 1;
        for (key, value) in schema.members().into_iter().flatten() {
            if BY_NAME.contains(&&*key) {
                all.extend(value.values().into_iter().flatten());
            } else if LISTED.contains(&&*key) {
                all.extend(value.items().into_iter().flatten());
            } else if ALONE.contains(&&*key) {
                all.push(value);
            }
        }
    }
    all
}

/// Whether Anthropic takes a schema as one that binds: without bounds of numbers and lengths, not referring to itself, and with
/// objects that name their keys. That they have no others is added by [`close`] where it is not said.
pub(crate) fn binds_anthropic(root: Value<'_>) -> bool {
    let fits = |schema: Value<'_>| {
        let is_open = schema.member("additionalProperties").is_some_and(|more| more.kind() != Kind::False);
        let is_any = is_object(schema)
            && schema.pairs().all(|(key, _)| !key.is_text("properties") && !key.is_text("additionalProperties"));
        let least = schema.member("minItems").is_none_or(|least| matches!(least.whole(), Some(0 | 1)));
        !is_open && !is_any && least && !NOT_ANTHROPIC.iter().any(|keyword| schema.member(keyword).is_some())
    };
    all(root).into_iter().all(fits) && !is_circular(root)
}

/// Whether Google looks at all that a schema demands.
pub(crate) fn binds_google(root: Value<'_>) -> bool {
    all(root).into_iter().all(|schema| !NOT_GOOGLE.iter().any(|keyword| schema.member(keyword).is_some()))
}

/// Whether a schema is of objects.
fn is_object(schema: Value<'_>) -> bool {
    schema.member("type").is_some_and(|kind| kind.is_text("object"))
}

/// Whether a definition refers to itself, or the whole to the whole.
fn is_circular(root: Value<'_>) -> bool {
    let mut refers = BTreeMap::<String, BTreeSet<String>>::new();
    for (place, name) in [("$defs", "#/$defs/"), ("definitions", "#/definitions/")] {
        for (key, definition) in root.member(place).and_then(Value::members).into_iter().flatten() {
            refers.insert(format!("{name}{key}"), references(definition));
        }
    }
    // What is referred to, from each definition on, as far as it goes: a walk that comes back to where it began.
    refers.iter().any(|(name, first)| {
        let mut reached = first.clone();
        let mut waiting: Vec<String> = first.iter().cloned().collect();
        while let Some(next) = waiting.pop() {
            for further in refers.get(&next).into_iter().flatten() {
                if reached.insert(further.clone()) {
                    waiting.push(further.clone());
                }
            }
        }
        reached.contains(name)
    }) || references(root).contains("#")
}

fn references(schema: Value<'_>) -> BTreeSet<String> {
    let of = |schema: Value<'_>| schema.member("$ref").and_then(Value::text).map(String::from);
    all(schema).into_iter().filter_map(of).collect()
}

/// A schema with which nothing else fits than with this, but that every object has the keys alone that it names, where it says
/// nothing of others: Anthropic wants that to be said. Whatever answers it answers the schema as it was.
pub(crate) fn close(root: Value<'_>) -> Vec<u8> {
    let mut out = Object::with_room(root.raw().len() + 64);
    write(&mut out, root);
    out.finish()
}

fn write(out: &mut Object, schema: Value<'_>) {
    for (key, value) in schema.members().into_iter().flatten() {
        match value.kind() {
            // It counts as absent.
            Kind::Null if key == "additionalProperties" => {}
            Kind::Object if BY_NAME.contains(&&*key) => out.object(&key, |out| {
                for (name, value) in value.members().into_iter().flatten() {
                    write_one(out, &name, value);
                }
            }),
            Kind::List if LISTED.contains(&&*key) => out.list(&key, |list| {
                for value in value.items().into_iter().flatten() {
                    match value.kind() {
                        Kind::Object => list.object(|out| write(out, value)),
                        Kind::Null | Kind::True | Kind::False | Kind::Number | Kind::Text | Kind::List => {
                            list.raw(value.raw());
                        }
                    }
                }
            }),
            Kind::Object if ALONE.contains(&&*key) => write_one(out, &key, value),
            Kind::Null | Kind::True | Kind::False | Kind::Number | Kind::Text | Kind::List | Kind::Object => {
                out.raw(&key, value.raw());
            }
        }
    }
    if is_object(schema) && schema.member("additionalProperties").is_none() {
        out.raw("additionalProperties", b"false");
    }
}

fn write_one(out: &mut Object, key: &str, schema: Value<'_>) {
    match schema.kind() {
        Kind::Object => out.object(key, |out| write(out, schema)),
        Kind::Null | Kind::True | Kind::False | Kind::Number | Kind::Text | Kind::List => {
            out.raw(key, schema.raw());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    fn document(json: &str) -> Document {
        Document::parse(json.to_owned().into()).unwrap()
    }

    #[test]
    fn what_anthropic_refuses_is_found_wherever_a_schema_stands_and_nowhere_else() {
        for schema in [
            r#"{"type":"integer","minimum":0}"#,
            r#"{"anyOf":[{"type":"string"},{"items":{"properties":{"a":{"maxLength":1}}}}]}"#,
            r##"{"$defs":{"a":{"multipleOf":2}},"$ref":"#/$defs/a"}"##,
            r#"{"type":"array","minItems":2}"#,
            r#"{"type":"object"}"#,
            r#"{"type":"object","properties":{},"additionalProperties":true}"#,
            r#"{"type":"object","properties":{"a":{"type":"object","additionalProperties":{"type":"string"}}}}"#,
            r##"{"type":"object","properties":{"a":{"$ref":"#"}}}"##,
            r##"{"$ref":"#/$defs/a","$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"items":{"$ref":"#/$defs/a"}}}}"##,
        ] {
            assert!(!binds_anthropic(document(schema).root()), "{schema}");
        }
        for schema in [
            r#"{"type":"object","properties":{"minimum":{"type":"integer"},"$ref":{"type":"string"}},"required":["minimum"]}"#,
            r#"{"type":"array","minItems":1,"items":{"enum":["a",{"maximum":1}]}}"#,
            r##"{"$ref":"#/$defs/a","$defs":{"a":{"items":{"$ref":"#/$defs/b"}},"b":{"type":"string","pattern":"^a$"}}}"##,
            r#"{"type":"object","properties":{},"additionalProperties":false,"default":{"maxLength":1}}"#,
        ] {
            assert!(binds_anthropic(document(schema).root()), "{schema}");
        }
    }

    #[test]
    fn objects_are_closed_wherever_they_stand_and_all_else_stays() {
        let open = r#"{"type":"object","title":"T","properties":{"type":{"type":"object","properties":{"a":{"const":1.50}}},
            "b":{"anyOf":[{"type":"object","properties":{}},true]},"c":{"items":{"type":"object","properties":{},"additionalProperties":false}}},
            "$defs":{"d":{"type":"object","properties":{},"additionalProperties":null}},"default":{"type":"object"}}"#;
        let closed = r#"{"type":"object","title":"T","properties":{"type":{"type":"object","properties":{"a":{"const":1.50}},"additionalProperties":false},"b":{"anyOf":[{"type":"object","properties":{},"additionalProperties":false},true]},"c":{"items":{"type":"object","properties":{},"additionalProperties":false}}},"$defs":{"d":{"type":"object","properties":{},"additionalProperties":false}},"default":{"type":"object"},"additionalProperties":false}"#;
        assert_eq!(String::from_utf8(close(document(open).root())).unwrap(), closed);
        assert_eq!(close(document(closed).root()), closed.as_bytes());
    }

    #[test]
    fn what_google_does_not_look_at_is_found() {
        assert!(!binds_google(document(r#"{"properties":{"a":{"allOf":[{}]}}}"#).root()));
        assert!(!binds_google(document(r#"{"items":{"not":{}}}"#).root()));
        assert!(binds_google(document(r#"{"properties":{"not":{"type":"string"}},"required":["not"]}"#).root()));
    }
}
