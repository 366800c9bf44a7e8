use phi_words::Code;
use serde_json::{Value as Json, json};

use super::*;
use crate::middle::Thinking;
use crate::middle::{Cache, Who};

const AGENT: &str = include_str!("testdata/agent.json");

fn read(body: &str, class: Class) -> Result<MessagesQuestion, Refusal> {
    read_messages(Prompt::new(body.to_owned()), class)
}

/// A body with one more field.
fn with(field: &str) -> String {
    format!(r#"{{"model":"m","max_tokens":2000,"messages":[{{"role":"user","content":"hi"}}],{field}}}"#)
}

/// A body with these messages.
fn saying(messages: &str) -> String {
    format!(r#"{{"model":"m","max_tokens":10,"messages":{messages}}}"#)
}

fn carry() -> Carry {
    Carry { capabilities: Capability::ALL.iter().copied().collect(), ..Carry::plain("own".parse().unwrap()) }
}

/// A route whose model has all capabilities but this one.
fn without(capability: Capability) -> Carry {
    let mut carry = carry();
    carry.capabilities.remove(&capability);
    carry
}

fn rendered(question: &MessagesQuestion, carry: &Carry, class: Class) -> (Json, Vec<&'static str>) {
    let Rendered { body, left_out } = question.render(carry, &|name| format!("hidden-{}", name.len()), class);
    (serde_json::from_slice(body.expose_bytes()).unwrap(), left_out)
}

/// Every row of the table: what it takes, and what it refuses with which code.
const ROWS: &[(&str, &[&str], &[&str], Code)] = &[
    ("model", &["\"m\""], &["\"\"", "\"a b\"", "1", "null"], Code::InvalidRequest),
    ("stream", &["true", "false", "null"], &["\"true\"", "1"], Code::InvalidRequest),
    ("service_tier", &["\"auto\"", "\"standard_only\""], &["\"priority\""], Code::UnsupportedParameter),
    ("speed", &["\"standard\"", "null"], &["\"fast\""], Code::UnsupportedParameter),
    ("mcp_servers", &["[]"], &["[{\"type\":\"url\",\"url\":\"https://a.example\"}]"], Code::UnsupportedParameter),
    ("thread", &["null"], &["{\"type\":\"create\"}", "false"], Code::UnsupportedParameter),
    ("max_tokens", &["1", "10000000"], &["0", "-1", "1.5", "\"1\"", "10000001"], Code::InvalidRequest),
    (
        "messages",
        &["[{\"role\":\"user\",\"content\":[]}]"],
        &["null", "[]", "\"hi\"", "[1]", "[{}]", "[{\"role\":\"tool\",\"content\":\"a\"}]", "[{\"role\":\"user\"}]"],
        Code::InvalidRequest,
    ),
    (
        "system",
        &["\"a\"", "[]", "[{\"type\":\"text\",\"text\":\"a\"}]"],
        &["1", "[1]", "[{\"type\":\"text\"}]", "[{\"text\":\"a\"}]"],
        Code::InvalidRequest,
    ),
    ("stop_sequences", &["[]", "[\"a\"]"], &["\"a\"", "[\"\"]", "[1]"], Code::InvalidRequest),
    ("temperature", &["0", "1", "0.70"], &["1.1", "-0.1", "\"1\""], Code::InvalidRequest),
    ("top_p", &["0", "1"], &["1.01"], Code::InvalidRequest),
    ("top_k", &["1", "40"], &["0", "1.5", "-1"], Code::InvalidRequest),
    (
        "thinking",
        &[
            "{\"type\":\"disabled\"}",
            "{\"type\":\"between_tools\"}",
            "{\"type\":\"adaptive\",\"display\":\"omitted\"}",
            "{\"type\":\"enabled\",\"budget_tokens\":1024,\"display\":null}",
        ],
        &[
            "true",
            "{}",
            "{\"type\":\"enabled\"}",
            "{\"type\":\"enabled\",\"budget_tokens\":1023}",
            "{\"type\":\"enabled\",\"budget_tokens\":2000}",
            "{\"type\":\"adaptive\",\"display\":\"all\"}",
        ],
        Code::InvalidRequest,
    ),
    (
        "output_config",
        &["{}", "{\"effort\":\"xhigh\"}", "{\"format\":{\"type\":\"json_schema\",\"schema\":{}}}"],
        &["[]", "{\"effort\":\"huge\"}", "{\"format\":{}}", "{\"format\":{\"type\":\"json_schema\"}}"],
        Code::InvalidRequest,
    ),
    (
        "output_format",
        &["null", "{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}"],
        &["\"json\"", "{\"type\":\"json_schema\",\"schema\":1}"],
        Code::InvalidRequest,
    ),
    (
        "tools",
        &[
            "[]",
            "[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]",
            "[{\"name\":\"f\",\"input_schema\":{},\"type\":null}]",
        ],
        &[
            "{}",
            "[1]",
            "[{\"name\":\"f\"}]",
            "[{\"input_schema\":{}}]",
            "[{\"name\":\"a b\",\"input_schema\":{}}]",
            "[{\"name\":\"f\",\"input_schema\":{\"type\":\"array\"}}]",
            "[{\"name\":\"f\",\"input_schema\":{},\"strict\":1}]",
        ],
        Code::InvalidRequest,
    ),
    (
        "tool_choice",
        &["{\"type\":\"auto\"}", "{\"type\":\"none\"}", "{\"type\":\"auto\",\"disable_parallel_tool_use\":true}"],
        &["\"auto\"", "{\"type\":\"any\"}", "{\"type\":\"tool\"}", "{\"type\":\"tool\",\"name\":\"f\"}"],
        Code::InvalidRequest,
    ),
    (
        "cache_control",
        &["{\"type\":\"ephemeral\"}", "{\"type\":\"ephemeral\",\"ttl\":\"1h\"}"],
        &["{}", "true", "{\"type\":\"ephemeral\",\"ttl\":\"1d\"}", "{\"type\":\"forever\"}"],
        Code::InvalidRequest,
    ),
    (
        "context_management",
        &[
            "{}",
            "{\"edits\":[]}",
            "{\"edits\":[{\"type\":\"clear_tool_uses_20250919\",\"keep\":{\"type\":\"tool_uses\",\"value\":3}}]}",
        ],
        &["[]", "{\"edits\":1}", "{\"edits\":[{}]}"],
        Code::InvalidRequest,
    ),
    (
        "diagnostics",
        &["{}", "{\"previous_message_id\":\"msg_1\"}"],
        &["1", "{\"previous_message_id\":1}"],
        Code::InvalidRequest,
    ),
    (
        "metadata",
        &["{}", "{\"user_id\":\"u\"}", "{\"user_id\":null}"],
        &["\"u\"", "{\"user_id\":1}"],
        Code::InvalidRequest,
    ),
];

#[test]
fn every_row_of_the_table_takes_and_refuses() {
    let names: Vec<_> = fields::anthropic::TABLE.iter().map(|row| row.name).collect();
    assert_eq!(names, ROWS.iter().map(|row| row.0).collect::<Vec<_>>());
    for (name, good, bad, code) in ROWS {
        let body = |value: &str| {
            let mut body: serde_json::Map<_, Json> = serde_json::from_str(&with("\"stop_sequences\":null")).unwrap();
            body.insert((*name).to_owned(), serde_json::from_str(value).unwrap());
            Json::Object(body).to_string()
        };
        for value in *good {
            let read = read(&body(value), Class::Phi);
            assert!(read.is_ok(), "{name}: {value}: {read:?}");
        }
        for value in *bad {
            let refusal = read(&body(value), Class::General).unwrap_err();
            assert_eq!(refusal.code, *code, "{name}: {value}");
            assert!(refusal.param.as_deref().unwrap().starts_with(name), "{name}: {value}: {refusal:?}");
        }
    }
}

#[test]
fn what_would_steer_a_host_is_refused_whatever_it_says() {
    let known = |name: &&&str| !["speed", "mcp_servers", "context_management"].contains(*name);
    for name in fields::STEERING.iter().filter(known) {
        for value in ["true", "\"x\"", "{}", "[]", "0"] {
            let refusal = read(&with(&format!("\"{name}\":{value}")), Class::General).unwrap_err();
            assert_eq!(refusal.code, Code::UnsupportedParameter, "{name}: {value}");
        }
    }
}

#[test]
fn max_tokens_is_needed_but_not_to_count() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(read(body, Class::General).unwrap_err().param.as_deref(), Some("max_tokens"));
    assert!(read_counted(Prompt::new(body.to_owned()), Class::Phi).is_ok());
}

#[test]
fn blocks_of_hosts_own_tools_addresses_and_files_are_refused() {
    for block in [
        r#"{"type":"image","source":{"type":"url","url":"https://a.example/a.png"}}"#,
        r#"{"type":"image","source":{"type":"file","file_id":"file_1"}}"#,
        r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="},"transformations":{"oversized_image":"error"}}"#,
        r#"{"type":"tool_result","tool_use_id":"a","content":"a","toolset_name":"browser"}"#,
        r#"{"type":"document","source":{"type":"url","url":"https://a.example/a.pdf"}}"#,
        r#"{"type":"document","source":{"type":"content","content":"a"}}"#,
        r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a"},"context":"a"}"#,
        r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a"},"citations":{"enabled":true}}"#,
        r#"{"type":"search_result","source":"a","title":"a","content":[]}"#,
        r#"{"type":"container_upload","file_id":"file_1"}"#,
        r#"{"type":"tool_use","id":"a","name":"f","input":{}}"#,
        r#"{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_reference","tool_name":"f"}]}"#,
    ] {
        let refusal =
            read(&saying(&format!(r#"[{{"role":"user","content":[{block}]}}]"#)), Class::General).unwrap_err();
        assert_eq!(refusal.code, Code::UnsupportedParameter, "{block}");
    }
    for tool in [
        r#"{"type":"web_search_20250305","name":"web_search"}"#,
        r#"{"type":"bash_20250124","name":"bash"}"#,
        r#"{"name":"f","input_schema":{"$ref":"https://a.example/s"}}"#,
        r#"{"name":"f","input_schema":{},"allowed_callers":["code_execution_20250825"]}"#,
    ] {
        let refusal = read(&with(&format!("\"tools\":[{tool}]")), Class::General).unwrap_err();
        assert_eq!(refusal.code, Code::UnsupportedParameter, "{tool}");
    }
    for block in [
        r#"{"type":"server_tool_use","id":"a","name":"web_search","input":{}}"#,
        r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}"#,
    ] {
        let body = saying(&format!(r#"[{{"role":"assistant","content":[{block}]}}]"#));
        assert_eq!(read(&body, Class::General).unwrap_err().code, Code::UnsupportedParameter, "{block}");
    }
}

#[test]
fn a_block_has_what_its_type_needs() {
    for block in [
        r#"{"type":"text"}"#,
        r#"{"type":"text","text":1}"#,
        r#"{"type":"image"}"#,
        r#"{"type":"image","source":{"type":"base64","media_type":"image/tiff","data":"AA=="}}"#,
        r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"a b"}}"#,
        r#"{"type":"document","source":{"type":"base64","media_type":"text/plain","data":"AA=="}}"#,
        r#"{"type":"tool_result"}"#,
        r#"{"type":"tool_result","tool_use_id":""}"#,
        r#"{"type":"tool_result","tool_use_id":"a","is_error":"no"}"#,
    ] {
        let refusal =
            read(&saying(&format!(r#"[{{"role":"user","content":[{block}]}}]"#)), Class::General).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidRequest, "{block}");
        assert!(refusal.param.as_deref().unwrap().starts_with("messages[0].content[0]"), "{block}: {refusal:?}");
    }
    for block in [
        r#"{"type":"tool_use","id":"a","name":"f","input":"{}"}"#,
        r#"{"type":"tool_use","id":"a","name":"f"}"#,
        r#"{"type":"redacted_thinking"}"#,
        r#"{"type":"tool_use","id":"a","name":"f","input":{},"caller":{"type":"code_execution_20250825","tool_id":"b"}}"#,
    ] {
        let body = saying(&format!(r#"[{{"role":"assistant","content":[{block}]}}]"#));
        assert_eq!(read(&body, Class::General).unwrap_err().code, Code::InvalidRequest, "{block}");
    }
}

#[test]
fn unknown_fields_go_with_no_route_and_never_with_phi() {
    for body in [
        with(r#""seed":1"#),
        with(r#""thinking":{"type":"adaptive","depth":1}"#),
        with(r#""system":[{"type":"text","text":"a","lang":"de"}]"#),
        with(r#""tools":[{"name":"f","input_schema":{},"x":1}]"#),
        with(r#""cache_control":{"type":"ephemeral","reach":"global"}"#),
        saying(r#"[{"role":"user","content":"a","id":"x"}]"#),
    ] {
        assert_eq!(read(&body, Class::Phi).unwrap_err().code, Code::UnsupportedParameter, "{body}");
        let question = read(&body, Class::General).unwrap();
        let open = Carry { open_body: true, ..carry() };
        let misfit = question.fits(&open).unwrap_err().field;
        assert_eq!(question.unknown().first().map(|name| &**name), Some(misfit.as_str()), "{body}");
    }
}

#[test]
fn an_agents_request_is_asked_of_a_host_of_openais() {
    let question = read(AGENT, Class::General).unwrap();
    assert_eq!(question.fits(&carry()), Ok(()));
    let (body, left_out) = rendered(&question, &carry(), Class::General);
    assert_eq!(
        body,
        json!({
            "model": "own",
            "messages": [
                {"role": "system", "content": [
                    {"type": "text", "text": "You are an agent for Claude."}, {"type": "text", "text": "Work in /tmp."}]},
                {"role": "user", "content": [
                    {"type": "text", "text": "<system-reminder>none</system-reminder>"},
                    {"type": "text", "text": "What is on the picture?"}]},
                {"role": "assistant", "content": "I look at it.", "tool_calls": [
                    {"id": "toolu_01", "type": "function", "function": {"name": "Read",
                        "arguments": "{\"path\": \"a.png\",        \"limit\": 9007199254740993}"}},
                    {"id": "toolu_02", "type": "function", "function": {"name": "mcp__list__all", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "toolu_02", "content": "nothing"},
                {"role": "tool", "tool_call_id": "toolu_01", "content": "read"},
                {"role": "user", "content": "And now?"},
            ],
            "max_tokens": 32000,
            "temperature": 1.0,
            "top_p": 0.9,
            "stop": ["END"],
            "tools": [
                {"type": "function", "function": {"name": "Read", "description": "Reads a file.", "parameters": {
                    "$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
                    "properties": {"path": {"type": "string"}}, "required": ["path"], "additionalProperties": false}}},
                {"type": "function", "function": {"name": "mcp__list__all", "parameters": {"type": "object"}, "strict": false}},
            ],
            "parallel_tool_calls": false,
            "reasoning_effort": "high",
            "stream": true,
            "stream_options": {"include_usage": true},
            "user": "hidden-32",
        })
    );
    assert_eq!(
        left_out,
        [
            "tools.input_examples",
            "tools.eager_input_streaming",
            "thinking.display",
            "messages.thinking",
            "messages.is_error",
            "cache_control"
        ]
    );
    let (body, left_out) = rendered(&read(AGENT, Class::Phi).unwrap(), &carry(), Class::Phi);
    assert!(body.get("user").is_none() && left_out.contains(&"metadata.user_id"));
}

#[test]
fn the_middle_has_what_was_said_and_where_it_is_worth_keeping() {
    let question = read(AGENT, Class::General).unwrap();
    let asked = question.conversation();
    let sides: Vec<_> = asked.turns.iter().map(|turn| turn.who).collect();
    assert!(sides == [Who::System, Who::User, Who::Assistant, Who::User]);
    assert_eq!(asked.turns[0].parts[1].cache, Some(Cache::Long));
    assert_eq!(asked.turns[1].parts[1].cache, Some(Cache::Short));
    assert_eq!(asked.tools[1].cache, Some(Cache::Short));
    let said = &asked.turns[2].parts;
    let sealed = Content::Thought { text: "I look.".to_owned(), signature: Some("EuYBCkQ=".to_owned()) };
    assert!(said[0].content == sealed && said[1].content == Content::Redacted("EmwKAhgB".to_owned()));
    assert!(matches!(&asked.turns[3].parts[0].content,
        Content::Result { name: Some(name), failed: true, .. } if name == "mcp__list__all"));
    assert!(asked.thinking == Some(Thinking::Budget(31_999)) && asked.limit == Some(32_000) && asked.stream);
}

#[test]
fn who_cannot_think_is_not_asked_to() {
    for (field, names) in [
        (r#""thinking":{"type":"adaptive"}"#, &["thinking"][..]),
        (r#""thinking":{"type":"enabled","budget_tokens":1500}"#, &["thinking"]),
        (r#""output_config":{"effort":"low"}"#, &["output_config.effort"]),
        (r#""thinking":{"type":"adaptive"},"output_config":{"effort":"low"}"#, &["thinking", "output_config.effort"]),
        (r#""thinking":{"type":"disabled"}"#, &[]),
        (r#""stream":false"#, &[]),
    ] {
        let question = read(&with(field), Class::Phi).unwrap();
        let (body, left_out) = rendered(&question, &without(Capability::Reasoning), Class::Phi);
        assert_eq!(question.fits(&without(Capability::Reasoning)), Ok(()), "{field}");
        assert_eq!((body.get("reasoning_effort"), &*left_out), (None, names), "{field}");
    }
    let able = |field| rendered(&read(&with(field), Class::General).unwrap(), &carry(), Class::General);
    assert_eq!(able(r#""output_config":{"effort":"max"}"#).0["reasoning_effort"], "max");
    let (body, left_out) =
        able(r#""thinking":{"type":"enabled","budget_tokens":1024},"output_config":{"effort":"max"}"#);
    assert_eq!((&body["reasoning_effort"], &*left_out), (&json!("low"), &["output_config.effort"][..]));
}

#[test]
fn a_misfit_has_the_name_that_the_caller_knows() {
    let lacks = |field: &str| Carry { lacks: [field.to_owned()].into(), ..carry() };
    for (field, carry, misfit) in [
        (r#""stop_sequences":["a"]"#, lacks("stop"), "stop_sequences"),
        (r#""top_k":4"#, carry(), "top_k"),
        (
            r#""output_config":{"format":{"type":"json_schema","schema":{}}}"#,
            without(Capability::JsonSchema),
            "output_config.format",
        ),
        (r#""tools":[{"name":"f","input_schema":{}}]"#, without(Capability::Tools), "tools"),
        (
            r#""tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true}"#,
            lacks("parallel_tool_calls"),
            "tool_choice.disable_parallel_tool_use",
        ),
    ] {
        let question = read(&with(field), Class::General).unwrap();
        assert_eq!(question.fits(&carry), Err(Misfit { field: misfit.into() }), "{field}");
    }
    let image = r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}"#;
    let question = read(&saying(&format!(r#"[{{"role":"user","content":[{image}]}}]"#)), Class::General).unwrap();
    assert_eq!(question.fits(&without(Capability::Vision)), Err(Misfit { field: "messages".into() }));
    let (body, _) = rendered(&question, &carry(), Class::General);
    assert_eq!(body["messages"][0]["content"][0]["image_url"]["url"], "data:image/png;base64,AA==");
}

#[test]
fn a_schema_binds_the_answer_by_either_name() {
    for field in [
        r#""output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}"#,
        r#""output_format":{"type":"json_schema","schema":{"type":"object"}}"#,
    ] {
        let (body, _) = rendered(&read(&with(field), Class::General).unwrap(), &carry(), Class::General);
        let schema = json!({"name": "answer", "schema": {"type": "object"}, "strict": true});
        assert_eq!(body["response_format"], json!({"type": "json_schema", "json_schema": schema}));
    }
    let both = r#""output_format":{"type":"json_schema","schema":{}},"output_config":{"format":{"type":"json_schema","schema":{}}}"#;
    assert_eq!(read(&with(both), Class::General).unwrap_err().param.as_deref(), Some("output_format"));
}

#[test]
fn a_choice_is_among_the_tools() {
    let tools = r#""tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":"#;
    for (choice, said) in [
        (r#"{"type":"any"}"#, json!("required")),
        (r#"{"type":"none"}"#, json!("none")),
        (r#"{"type":"tool","name":"f"}"#, json!({"type": "function", "function": {"name": "f"}})),
    ] {
        let question = read(&with(&format!("{tools}{choice}")), Class::Phi).unwrap();
        assert_eq!(rendered(&question, &carry(), Class::Phi).0["tool_choice"], said);
    }
    let refusal = read(&with(&format!(r#"{tools}{{"type":"tool","name":"g"}}"#)), Class::General).unwrap_err();
    assert_eq!(refusal.param.as_deref(), Some("tool_choice"));
}

#[test]
fn what_is_said_to_the_model_between_turns_stays_where_it_is() {
    let body = saying(
        r#"[{"role":"user","content":[{"type":"text","text":"a"},
            {"type":"mid_conv_system","content":[{"type":"text","text":"b"}],"cache_control":{"type":"ephemeral"}},
            {"type":"text","text":"c"}]},
            {"role":"system","content":"d"}]"#,
    );
    let question = read(&body, Class::Phi).unwrap();
    let (body, _) = rendered(&question, &carry(), Class::Phi);
    let message = |role: &str, text: &str| json!({"role": role, "content": text});
    let expected = [message("user", "a"), message("system", "b"), message("user", "c"), message("system", "d")];
    assert_eq!(body["messages"], json!(expected));
    assert_eq!(question.conversation().turns[1].parts[0].cache, Some(Cache::Short));
}

/// P14: what a host seals a call with comes back to it.
#[test]
fn the_seal_of_a_call_comes_home_as_a_thought_in_cipher() {
    let data = crate::messages::seal::write("toolu_1", "sea:l 1==");
    let body = saying(&format!(
        r#"[{{"role":"assistant","content":[{{"type":"tool_use","id":"toolu_1","name":"f","input":{{}}}},
            {{"type":"redacted_thinking","data":"{data}"}}]}}]"#
    ));
    let question = read(&body, Class::Phi).unwrap();
    let [part] = &*question.conversation().turns[0].parts else { panic!("one part") };
    assert!(matches!(&part.content, Content::Call { signature: Some(seal), .. } if seal == "sea:l 1=="));
}

#[test]
fn a_mark_on_the_whole_is_on_its_last_block() {
    let question = read(&with(r#""cache_control":{"type":"ephemeral","ttl":"1h"}"#), Class::Phi).unwrap();
    assert_eq!(question.conversation().turns[0].parts[0].cache, Some(Cache::Long));
}

#[test]
fn images_and_documents_count_otherwise_than_words() {
    let count = |content: &str| {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":{content}}}]}}"#);
        (read_counted(Prompt::new(body.clone()), Class::Phi).unwrap().count(), body.len() as u64)
    };
    let (tokens, length) = count("\"hello\"");
    assert_eq!(tokens, length.div_ceil(4));
    let data = "A".repeat(64_000);
    let image = format!(r#"{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}}"#);
    let (tokens, length) = count(&format!("[{image}]"));
    assert_eq!(tokens, (length - 64_000).div_ceil(4) + 1_600);
    let result = format!(r#"{{"type":"tool_result","tool_use_id":"a","content":[{image}]}}"#);
    let (tokens, length) = count(&format!("[{result}]"));
    assert_eq!(tokens, (length - 64_000).div_ceil(4) + 1_600);
    let pdf =
        format!(r#"{{"type":"document","source":{{"type":"base64","media_type":"application/pdf","data":"{data}"}}}}"#);
    let (tokens, length) = count(&format!("[{pdf}]"));
    assert_eq!(tokens, (length - 64_000).div_ceil(4) + 2_000);
}

#[test]
fn nothing_of_it_shows_itself() {
    let shown = format!("{:?}", read(AGENT, Class::General).unwrap());
    assert!(!shown.contains("picture") && !shown.contains("4711"), "{shown}");
}
