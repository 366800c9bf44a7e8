use crate::Sealer;
use crate::fields::responses::spaces;
use crate::json::Value;

/// What has to be known of a question to answer it in this format.
pub(crate) struct Setting {
    /// What an answer repeats of its question, as JSON.
    echo: Vec<(&'static str, Vec<u8>)>,
    /// Whether the caller said `store: false`: he sends items back as they are, and refers to none.
    pub(super) keeps: bool,
    /// Whether thoughts are given sealed too.
    pub(super) encrypted: bool,
    pub(super) sealer: Sealer,
    /// Functions that stand in a space: the name that hosts are told, the space, and the name in it.
    spaced: Vec<(String, [String; 2])>,
}

/// What an answer repeats, and what it says where the question said nothing.
const ECHO: &[(&str, &[u8])] = &[
    ("instructions", b"null"),
    ("max_output_tokens", b"null"),
    ("max_tool_calls", b"null"),
    ("metadata", b"{}"),
    ("parallel_tool_calls", b"true"),
    ("prompt_cache_key", b"null"),
    ("reasoning", br#"{"effort":null,"summary":null}"#),
    ("safety_identifier", b"null"),
    ("temperature", b"null"),
    ("text", br#"{"format":{"type":"text"}}"#),
    ("tool_choice", br#""auto""#),
    ("tools", b"[]"),
    ("top_p", b"null"),
    ("user", b"null"),
    // What is the same for all: nothing is stored, and nothing comes from elsewhere.
    ("background", b"false"),
    ("previous_response_id", b"null"),
    ("store", b"false"),
    ("top_logprobs", b"0"),
    ("truncation", br#""disabled""#),
];

impl Setting {
    /// Of a body that has passed the table.
    pub(crate) fn new(body: Value<'_>, sealer: Sealer) -> Self {
        let told = |(name, default): &(&'static str, &[u8])| {
            let said = body.member(name).map(Value::raw);
            (*name, said.unwrap_or(default).to_vec())
        };
        let asks = |item: Value<'_>| item.text().is_some_and(|item| item == ENCRYPTED);
        let keeps = body.member("store").is_some();
        let includes = body.member("include").and_then(Value::items).is_some_and(|mut items| items.any(asks));
        let functions = body.member("tools").into_iter().flat_map(spaces::functions);
        let spaced = functions.filter_map(|function| {
            let name = function.tool.member("name").and_then(Value::text)?.into_owned();
            Some((function.flat, [function.space?, name]))
        });
        let (echo, spaced) = (ECHO.iter().map(told).collect(), spaced.collect());
        Self { echo, keeps, encrypted: keeps || includes, sealer, spaced }
    }

    /// The space and the name in it of a function that a host calls, if it stands in one.
    pub(super) fn spaced(&self, flat: &str) -> Option<&[String; 2]> {
        self.spaced.iter().find(|(name, _)| name == flat).map(|(_, names)| names)
    }

    pub(super) fn echo(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.echo.iter().map(|(name, json)| (*name, json.as_slice()))
    }
}

/// What `include` may ask for.
pub(crate) const ENCRYPTED: &str = "reasoning.encrypted_content";

crate::middle::hidden!(Setting);
