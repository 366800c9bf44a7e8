//! What can be said, as the gateway's own tables have it: endpoints, fields of bodies, headers. A later row falls under it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phi_dialect::{Carry, STEERING, parameters};
use phi_gateway::{ENDPOINTS, headers};
use phi_words::Modality;
use serde_json::{Value, json};

use super::{MODEL, ODD, PLAIN, full, marked};
use crate::call::Ask;

/// Where a key may stand that nobody knows. It alone is repeated, to the one who sent it.
pub(super) const KEY: &str = "vB9nQ4zLw7Kt";

/// A row of the table of endpoints.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    method: &'static str,
    pub(super) path: &'static str,
    pub(super) modality: Option<Modality>,
}

/// A request, and where in it the marker stands.
pub(super) type Marked = (String, Ask);

pub(super) fn places() -> Vec<Place> {
    ENDPOINTS.iter().map(|row| Place { method: row.method, path: row.path, modality: row.modality() }).collect()
}

/// A request that is answered, with a marker in every field that can hold text, of a path below `/v1`.
pub(super) fn whole(path: &str, stream: bool) -> Option<Value> {
    match path {
        "/chat/completions" => {
            let mut body = full(stream);
            let said = json!({"role": "assistant", "refusal": marked("refusal"), "annotations": [{KEY: marked("note")}],
                "reasoning": marked("reasoning"), "reasoning_content": marked("reasoning")});
            body["messages"].as_array_mut().expect("messages").insert(3, said);
            body["prediction"] = json!({"type": "content", "content": marked("prediction")});
            Some(body)
        }
        "/messages" => Some(messages(stream)),
        "/responses" => Some(responses(stream)),
        "/embeddings" => Some(json!({
            "model": "tested/vectors", "input": [marked("first"), marked("second")], "user": marked("user"),
            "safety_identifier": marked("safety"), "prompt_cache_key": marked("cache"), "metadata": {KEY: marked("metadata")},
        })),
        "/audio/speech" => Some(json!({
            "model": "tested/voice", "input": marked("text"), "voice": PLAIN, "instructions": marked("instructions"),
            "response_format": "pcm", "stream_format": if stream { "sse" } else { "audio" }, "user": marked("user"),
        })),
        "/ocr" => {
            let pdf = STANDARD.encode(format!("%PDF-1.4\n{}\n", marked("document")));
            let url = format!("data:application/pdf;base64,{pdf}");
            let document = json!({"type": "document_url", "document_url": url, "document_name": marked("file")});
            Some(json!({"model": "tested/pages", "document": document, "id": marked("id"), "pages": "0"}))
        }
        "/images/generations" => {
            Some(json!({"model": "tested/brush", "prompt": marked("prompt"), "user": marked("user")}))
        }
        "/audio/transcriptions" => Some(json!({
            "model": "tested/heard", "prompt": marked("prompt"), "language": "de", "user": marked("user"), "stream": stream,
        })),
        _ => None,
    }
}

/// A body as its endpoint takes it: an upload is a form, with a file that is called by markers and holds one.
pub(super) fn wrapped(ask: Ask, path: &str, body: &str) -> Ask {
    if path != "/audio/transcriptions" {
        return ask.json(body);
    }
    let mut form = Vec::new();
    let mut part = |head: &str, data: &[u8]| {
        form.extend_from_slice(format!("--b\r\ncontent-disposition: form-data; {head}\r\n\r\n").as_bytes());
        form.extend_from_slice(data);
        form.extend_from_slice(b"\r\n");
    };
    match serde_json::from_str::<Value>(body) {
        // A name that no form has: it stands in the place of text.
        Ok(Value::Object(fields)) if !fields.contains_key(PLAIN) => {
            for (name, value) in fields {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                part(&format!("name=\"{name}\""), text.as_bytes());
            }
        }
        _ => part("name=\"prompt\"", body.as_bytes()),
    }
    let called = marked("file").replace('\\', "\\\\").replace('"', "\\\"");
    let data = marked("sound").repeat(64);
    let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\0\0\0\0".to_vec();
    wav.extend_from_slice(data.as_bytes());
    part(&format!("name=\"file\"; filename=\"{called}.wav\"\r\ncontent-type: audio/wav"), &wav);
    form.extend_from_slice(b"--b--\r\n");
    ask.with("content-type", "multipart/form-data; boundary=b").bytes(form)
}

fn responses(stream: bool) -> Value {
    let schema = json!({"type": "object", "description": marked("schema"), "properties": {PLAIN: {"type": "string"}}});
    let image = format!("data:image/png;base64,{}", STANDARD.encode(marked("image")));
    json!({
        "model": MODEL, "stream": stream, "max_output_tokens": 100, "instructions": marked("instructions"),
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": marked("user")},
                {"type": "input_image", "image_url": image}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": marked("thought")}]},
            {"type": "message", "role": "assistant", "id": marked("id"), "status": PLAIN, "content": [
                {"type": "output_text", "text": marked("assistant"), "annotations": [{KEY: marked("note")}]},
                {"type": "refusal", "refusal": marked("refusal")}]},
            {"type": "function_call", "call_id": PLAIN, "name": PLAIN, "arguments": json!({KEY: marked("arguments")}).to_string()},
            {"type": "function_call_output", "call_id": PLAIN, "output": marked("result")},
        ],
        "tools": [{"type": "function", "name": PLAIN, "description": marked("tool"), "parameters": schema}],
        "tool_choice": {"type": "function", "name": PLAIN},
        "text": {"format": {"type": "json_schema", "name": PLAIN, "description": marked("format"), "schema": schema}},
        "user": marked("user"), "safety_identifier": marked("safety"), "prompt_cache_key": marked("cache"),
        "metadata": {KEY: marked("metadata")},
    })
}

fn messages(stream: bool) -> Value {
    let schema = json!({"type": "object", "description": marked("schema"), "properties": {PLAIN: {"type": "string"}}});
    let (cache, data) = (json!({"type": "ephemeral"}), STANDARD.encode(marked("image")));
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}});
    json!({
        "model": MODEL, "stream": stream, "max_tokens": 100,
        "system": [{"type": "text", "text": marked("system"), "cache_control": cache}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": marked("user"), "cache_control": cache}, image]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": marked("thought"), "signature": PLAIN},
                {"type": "redacted_thinking", "data": PLAIN},
                {"type": "text", "text": marked("assistant"), "citations": [{"cited_text": marked("citation")}]},
                {"type": "tool_use", "id": PLAIN, "name": PLAIN, "input": {KEY: marked("arguments")}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": PLAIN, "content": [{"type": "text", "text": marked("result")}]},
                {"type": "mid_conv_system", "content": [{"type": "text", "text": marked("aside")}]}]},
        ],
        "tools": [{"name": PLAIN, "description": marked("tool"), "input_schema": schema, "input_examples": [{KEY: marked("example")}]}],
        "tool_choice": {"type": "tool", "name": PLAIN},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": schema}},
        "stop_sequences": [PLAIN.to_lowercase() + "!"],
        "metadata": {"user_id": marked("user")}, "diagnostics": {"previous_message_id": marked("message")},
    })
}

/// Every field of a modality, and everything within a body that is answered, in the place of which or beside which a marker
/// stands; and JSON that is none.
pub(super) fn bodies(modality: Modality, body: &Value) -> Vec<(String, String)> {
    let carry = Carry::plain("own".parse().expect("a name"));
    let fields = parameters(modality, &carry).into_iter().map(|(name, _)| name).chain(STEERING.iter().copied());
    let mut found: Vec<(String, Value)> = Vec::new();
    for name in fields.chain([KEY]) {
        for value in values() {
            let mut body = body.clone();
            body[name] = value;
            found.push((format!("field {name}"), body));
        }
    }
    for at in pointers("", body) {
        for value in values() {
            let mut body = body.clone();
            *body.pointer_mut(&at).expect("it is there") = value;
            found.push((format!("in place of {at}"), body));
        }
        let mut body = body.clone();
        if let Some(object) = body.pointer_mut(&at).and_then(Value::as_object_mut) {
            object.insert(KEY.to_owned(), json!(marked("beside")));
            found.push((format!("within {at}"), body));
        }
    }
    let mut found: Vec<_> = found.into_iter().map(|(place, body)| (place, body.to_string())).collect();
    let text = body.to_string();
    let cuts = (1..16).map(|part| text.floor_char_boundary(text.len() * part / 16));
    found.extend(cuts.map(|at| (format!("cut at {at}"), text[..at].to_owned())));
    found.push(("twice".to_owned(), format!("{{\"{PLAIN}\": 1, \"{PLAIN}\": 2, {}", &text[1..])));
    found.push(("behind".to_owned(), format!("{text}{PLAIN}")));
    found.push(("before".to_owned(), format!("{PLAIN}{text}")));
    found.push(("a control".to_owned(), text.replacen(PLAIN, &format!("{PLAIN}\u{1}"), 1)));
    found.push(("an escape".to_owned(), text.replacen(PLAIN, &format!("{PLAIN}\\ud800"), 1)));
    found
}

fn values() -> [Value; 3] {
    [json!(marked("value")), json!({KEY: marked("nested")}), json!([marked("listed"), {KEY: [ODD]}])]
}

/// Every place within a body.
fn pointers(at: &str, value: &Value) -> Vec<String> {
    let within: Vec<(String, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(key, value)| (format!("{at}/{key}"), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, value)| (format!("{at}/{index}"), value)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let deeper = within.into_iter().flat_map(|(at, value)| pointers(&at, value));
    [at.to_owned()].into_iter().chain(deeper).collect()
}

impl Place {
    pub(super) fn path(&self) -> String {
        format!("/v1{}", self.path.replace("{id}", PLAIN))
    }

    /// The request that the row is for, with markers in its body. A row that is not built is asked as a chat.
    pub(super) fn ask(&self) -> Ask {
        self.at(&self.path())
    }

    fn at(&self, target: &str) -> Ask {
        let ask = Ask::new(self.method, target);
        let body = whole(self.path, false).unwrap_or_else(|| full(false));
        match self.path {
            _ if self.method == "GET" => ask,
            "/route/explain" => ask.json(explained("/chat/completions", &body.to_string())),
            path => wrapped(ask, path, &body.to_string()),
        }
    }

    /// What stands in its path, its query and its type. With HTTP/2 the targets that are no path are left out.
    pub(super) fn targets(&self, by: &str) -> Vec<Marked> {
        let (path, coded) = (self.path(), "J%C3%B6rg%20%22Kn4r%22%2F%5C%C3%A9");
        let targets = [
            format!("{path}/{PLAIN}"),
            format!("{path}/{coded}"),
            format!("/v1/{PLAIN}{}", self.path),
            format!("/{PLAIN}/v1{}", self.path),
            format!("{path};{PLAIN}={PLAIN}"),
            format!("{path}?{PLAIN}"),
            format!("{path}?prompt={coded}"),
            format!("{path}?key={by}&region={PLAIN}"),
            format!("/api{path}?class={PLAIN}"),
            format!("{path}#{PLAIN}"),
            format!("http://{PLAIN}.example{path}"),
        ];
        let mut asks: Vec<Marked> =
            targets.into_iter().map(|target| (target.clone(), self.at(&target).by(by))).collect();
        asks.push(("the method".to_owned(), Ask::new(PLAIN, &path).by(by)));
        let upload = format!(
            "--{PLAIN}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{PLAIN} {ODD}.pdf\"\r\n\r\n{ODD}\r\n--{PLAIN}--"
        );
        let typed = |kind: &str| Ask::new(self.method, &path).by(by).with("content-type", kind).bytes(upload.clone());
        for kind in [&format!("multipart/form-data; boundary={PLAIN}"), PLAIN, &format!("application/json; a={PLAIN}")]
        {
            asks.push((format!("the type {kind}"), typed(kind)));
        }
        asks
    }

    /// Each header that is read, and each that others read, with a marker as its value; and a marker as its name.
    pub(super) fn heads(&self, by: &str, other: &str) -> Vec<Marked> {
        let shaped = format!("phi_live_{PLAIN}a_{PLAIN}");
        let mut asks = Vec::new();
        for name in headers().chain(OTHERS.iter().copied()) {
            let values = [PLAIN, &marked("header"), other, &shaped, &PLAIN.repeat(40)];
            // What reads no body reads its headers in the same way.
            for value in &values[..if self.modality.is_some() { 5 } else { 2 }] {
                let ask = if name == "authorization" { self.ask() } else { self.ask().by(by) };
                asks.push((format!("{name}: {value}"), ask.with(name, value)));
            }
        }
        for name in headers() {
            let spelled = name.replace('-', "_");
            asks.push((format!("{spelled}, {name}"), self.ask().by(by).with(&spelled, PLAIN).with(name, PLAIN)));
        }
        asks.push(("a name".to_owned(), self.ask().by(by).with(KEY, &marked("header"))));
        asks
    }

    /// Each header among the trailers of a body.
    pub(super) fn trailers(&self, by: &str) -> Vec<Marked> {
        let body = full(false).to_string();
        let ask = Ask::new(self.method, &self.path()).by(by).with("content-type", "application/json");
        let ask = ask.with("transfer-encoding", "chunked");
        let trailed = |name: &str| {
            let chunk = format!("{:x};{PLAIN}={PLAIN}\r\n{body}\r\n0\r\n{name}: {PLAIN}\r\n\r\n", body.len());
            (format!("trailer {name}"), ask.clone().bytes(chunk))
        };
        headers().chain([KEY, "traceparent"]).map(trailed).collect()
    }
}

/// A request to explain another.
pub(super) fn explained(endpoint: &str, body: &str) -> String {
    format!("{{\"endpoint\": \"{endpoint}\", \"request\": {body}}}")
}

/// Headers that servers, proxies and tracers elsewhere read or write down.
const OTHERS: &[&str] = &[
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-cloud-trace-context",
    "x-amzn-trace-id",
    "x-request-id",
    "x-correlation-id",
    "cookie",
    "referer",
    "origin",
    "user-agent",
    "from",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
    "x-http-method-override",
    "accept",
    "accept-encoding",
    "accept-language",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-location",
    "expect",
    "host",
    "if-none-match",
    "range",
    "openai-organization",
    "openai-project",
    "openai-safety-identifier",
    "anthropic-version",
    "x-stainless-lang",
];
