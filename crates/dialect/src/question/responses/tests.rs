use phi_words::Code;

use super::*;
use crate::middle::{Content, Format, Part};
use crate::sealer::transparent;

fn read(body: &str, class: Class) -> Result<ResponsesQuestion, Refusal> {
    read_responses(Prompt::new(body.to_owned()), class, &transparent())
}

/// A body with one more field.
fn with(field: &str) -> String {
    format!(r#"{{"model":"m","input":"hi",{field}}}"#)
}

fn able() -> Carry {
    Carry { capabilities: Capability::ALL.iter().copied().collect(), ..Carry::plain("own/model-1".parse().unwrap()) }
}

const TOOL: &str = r#"[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":true}]"#;

/// Every row of the table: what it takes, and what it refuses with which code.
const ROWS: &[(&str, &[&str], &[&str], Code)] = &[
    ("model", &[], &["\"\"", "1", "null"], Code::InvalidRequest),
    ("stream", &["true", "false", "null"], &["1"], Code::InvalidRequest),
    ("stream_options", &["null"], &["{}", "{\"include_obfuscation\":false}"], Code::InvalidRequest),
    (
        "include",
        &["[]", "[\"reasoning.encrypted_content\"]"],
        &["[\"file_search_call.results\"]", "[\"message.output_text.logprobs\"]"],
        Code::UnsupportedParameter,
    ),
    ("max_tool_calls", &["3"], &["0", "\"3\""], Code::InvalidRequest),
    ("store", &["false", "null"], &["true", "\"false\""], Code::UnsupportedParameter),
    ("background", &["false"], &["true"], Code::UnsupportedParameter),
    ("previous_response_id", &["null"], &["\"resp_1\""], Code::UnsupportedParameter),
    ("conversation", &["null"], &["\"conv_1\"", "{\"id\":\"conv_1\"}"], Code::UnsupportedParameter),
    ("prompt", &["null"], &["{\"id\":\"pmpt_1\"}"], Code::UnsupportedParameter),
    ("service_tier", &["\"auto\"", "\"default\""], &["\"flex\"", "\"priority\""], Code::UnsupportedParameter),
    ("truncation", &["\"disabled\""], &["\"auto\""], Code::UnsupportedParameter),
    ("top_logprobs", &["0"], &["1", "20"], Code::UnsupportedParameter),
    ("input", &["\"\""], &["null", "[]", "{}", "1", "[1]", "[{}]"], Code::InvalidRequest),
    ("instructions", &["\"be brief\""], &["[]", "1"], Code::InvalidRequest),
    ("max_output_tokens", &["16", "10000000"], &["15", "-1", "1e2", "\"100\""], Code::InvalidRequest),
    ("temperature", &["0", "2", "0.70"], &["-0.1", "2.1"], Code::InvalidRequest),
    ("top_p", &["0", "1"], &["1.01"], Code::InvalidRequest),
    (
        "text",
        &["{}", "{\"format\":{\"type\":\"text\"},\"verbosity\":\"low\"}", "{\"format\":null,\"verbosity\":null}"],
        &[
            "1",
            "{\"verbosity\":\"loud\"}",
            "{\"format\":{}}",
            "{\"format\":{\"type\":\"json_schema\",\"name\":\"n\"}}",
            "{\"format\":{\"type\":\"json_schema\",\"name\":\"a b\",\"schema\":{}}}",
        ],
        Code::InvalidRequest,
    ),
    (
        "tools",
        &["[]", TOOL, "[{\"type\":\"function\",\"name\":\"f\",\"parameters\":null}]"],
        &["{}", "[{}]", "[{\"type\":\"function\"}]", "[{\"type\":\"function\",\"name\":\"a b\"}]"],
        Code::InvalidRequest,
    ),
    (
        "tool_choice",
        &["\"auto\"", "\"none\""],
        &["\"required\"", "\"any\"", "{\"type\":\"function\",\"name\":\"f\"}"],
        Code::InvalidRequest,
    ),
    ("parallel_tool_calls", &["true", "false"], &["1"], Code::InvalidRequest),
    (
        "reasoning",
        &["{}", "{\"effort\":null}", "{\"effort\":\"high\",\"summary\":\"auto\"}"],
        &["\"high\"", "{\"effort\":\"huge\"}", "{\"summary\":\"long\"}"],
        Code::InvalidRequest,
    ),
    ("user", &["\"u\""], &["1"], Code::InvalidRequest),
    ("safety_identifier", &["\"u\""], &["{}"], Code::InvalidRequest),
    ("prompt_cache_key", &["\"u\""], &["[]"], Code::InvalidRequest),
    ("metadata", &["{}", "{\"a\":\"b\"}"], &["{\"a\":1}", "\"x\""], Code::InvalidRequest),
    ("client_metadata", &["{}", "{\"a\":\"b\"}"], &["{\"a\":1}", "\"x\""], Code::InvalidRequest),
];

#[test]
fn every_row_of_the_table_takes_and_refuses() {
    let names: Vec<_> = fields::responses::TABLE.iter().map(|row| row.name).collect();
    assert_eq!(names, ROWS.iter().map(|row| row.0).collect::<Vec<_>>());
    for (name, good, bad, code_of_bad) in ROWS {
        let body = |value: &str| match *name {
            "model" => format!(r#"{{"input":"hi","model":{value}}}"#),
            "input" => format!(r#"{{"model":"m","input":{value}}}"#),
            _ => with(&format!("\"{name}\":{value}")),
        };
        for value in *good {
            let read = read(&body(value), Class::Phi);
            assert!(read.is_ok(), "{name}: {value}: {read:?}");
        }
        for value in *bad {
            let refusal = read(&body(value), Class::General).unwrap_err();
            assert_eq!(refusal.code, *code_of_bad, "{name}: {value}");
            assert!(refusal.param.as_deref().unwrap().starts_with(name), "{name}: {value}: {refusal:?}");
        }
    }
}

#[test]
fn what_a_host_would_run_or_fetch_is_refused() {
    let item = |item: &str| format!(r#"{{"model":"m","input":[{item}]}}"#);
    let part = |part: &str| item(&format!(r#"{{"role":"user","content":[{part}]}}"#));
    for (body, path) in [
        (with(r#""tools":[{"type":"web_search"}]"#), "tools[0]"),
        (with(r#""tools":[{"type":"mcp","server_url":"https://a"}]"#), "tools[0]"),
        (with(r#""tool_choice":{"type":"file_search"}"#), "tool_choice"),
        (item(r#"{"type":"web_search_call","id":"ws_1"}"#), "input[0].type"),
        (item(r#"{"type":"compaction","encrypted_content":"x"}"#), "input[0].type"),
        (part(r#"{"type":"input_image","image_url":"https://a/b.png"}"#), "input[0].content[0].image_url"),
        (part(r#"{"type":"input_image","file_id":"file-1"}"#), "input[0].content[0].file_id"),
        (part(r#"{"type":"input_file","file_url":"https://a/b.pdf"}"#), "input[0].content[0].file_url"),
        (part(r#"{"type":"input_file","file_data":"data:text/html;base64,AA=="}"#), "input[0].content[0].file_data"),
        (part(r#"{"type":"refusal","refusal":"no"}"#), "input[0].content[0].type"),
    ] {
        let refusal = read(&body, Class::General).unwrap_err();
        assert_eq!((refusal.code, refusal.param.as_deref()), (Code::UnsupportedParameter, Some(path)), "{body}");
    }
    for name in fields::STEERING.iter().filter(|name| !fields::responses::TABLE.iter().any(|row| row.name == **name)) {
        let refusal = read(&with(&format!("\"{name}\":true")), Class::General).unwrap_err();
        assert_eq!(refusal.code, Code::UnsupportedParameter, "{name}");
    }
}

#[test]
fn unknown_fields_are_carried_by_no_route_and_never_go_with_phi() {
    for body in [
        with(r#""top_k":40"#),
        with(r#""reasoning":{"context":"auto"}"#),
        r#"{"model":"m","input":[{"role":"user","content":"a","prefix":true}]}"#.to_owned(),
    ] {
        assert_eq!(read(&body, Class::Phi).unwrap_err().code, Code::UnsupportedParameter, "{body}");
        let question = read(&body, Class::General).unwrap();
        assert_eq!(question.unknown().len(), 1, "{body}");
        assert!(question.fits(&Carry { open_body: true, ..able() }).is_err(), "{body}");
    }
}

#[test]
fn a_misfit_has_the_name_that_the_caller_knows() {
    let schema = r#""text":{"format":{"type":"json_schema","name":"n","schema":{}}}"#;
    for (field, named) in [
        (schema, "text.format"),
        (r#""text":{"verbosity":"high"}"#, "text.verbosity"),
        (r#""reasoning":{"effort":"high"}"#, "reasoning"),
        (r#""temperature":0.5"#, "temperature"),
    ] {
        let lacks = ["temperature", "verbosity"].map(str::to_owned).into();
        let carry = Carry { lacks, ..Carry::plain("m".parse().unwrap()) };
        let misfit = read(&with(field), Class::Phi).unwrap().fits(&carry).unwrap_err();
        assert_eq!(misfit.field.as_str(), named, "{field}");
        assert_eq!(read(&with(field), Class::Phi).unwrap().fits(&able()), Ok(()), "{field}");
    }
}

#[test]
fn a_body_becomes_the_body_of_a_host() {
    let body = include_str!("testdata/full.json");
    let question = read(body, Class::General).unwrap();
    assert_eq!(question.output_limit(), Some(100));
    assert_eq!(question.fits(&able()), Ok(()));
    let rendered = question.render(&able(), &|name| format!("hidden {name}"), Class::General);
    let written: serde_json::Value = serde_json::from_slice(rendered.body.expose_bytes()).unwrap();
    let expected: serde_json::Value = serde_json::from_str(include_str!("testdata/rendered.json")).unwrap();
    assert_eq!(written, expected, "{written:#}");
    let left_out = ["input.reasoning", "prompt_cache_key", "metadata", "client_metadata", "reasoning.summary"];
    assert_eq!(rendered.left_out, left_out);
    let with_phi = question.render(&able(), &|_| panic!("no name leaves with PHI"), Class::Phi);
    assert!(with_phi.left_out.contains(&"user"));
}

#[test]
fn documents_recordings_and_formats_are_understood() {
    let parts = |part: &str| {
        let body = format!(r#"{{"model":"m","input":[{{"role":"user","content":[{part}]}}]}}"#);
        read(&body, Class::Phi).unwrap().conversation().turns[0].parts.clone()
    };
    let file = r#"{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,AA=="}"#;
    let is_file = |part: &Part| {
        matches!(&part.content, Content::Document { media, name: Some(name) }
            if media.kind == "application/pdf" && media.data == "AA==" && name == "a.pdf")
    };
    assert!(parts(file).iter().all(is_file));
    let audio = r#"{"type":"input_audio","input_audio":{"data":"AA==","format":"mp3"}}"#;
    assert!(matches!(&parts(audio)[0].content, Content::Audio(media) if media.kind == "audio/mpeg"));
    let object = read(&with(r#""text":{"format":{"type":"json_object"}}"#), Class::Phi).unwrap();
    assert!(object.conversation().format == Format::Object);
    assert!(object.capabilities().contains(&Capability::JsonObject));
}

#[test]
fn a_question_does_not_show_itself() {
    let body = r#"{"model":"m","instructions":"patient 4711","input":"patient 4711","user":"patient 4711"}"#;
    assert!(!format!("{:?}", read(body, Class::Phi).unwrap()).contains("4711"));
}
