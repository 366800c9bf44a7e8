use std::collections::BTreeMap;

use crate::litellm::reasons::{Part, reason};
use crate::litellm::yaml::Node;

/// What a file says that has a meaning here, and what it says beside that.
pub(super) struct Written {
    pub(super) deployments: Vec<Deployment>,
    /// Another name, and the name that it stands for.
    pub(super) aliases: Vec<(String, String)>,
    /// A name, and those that are asked where it fails.
    pub(super) fallbacks: Vec<(String, Vec<String>)>,
    pub(super) left: Vec<Left>,
}

/// A model at some host, by the name that callers know.
pub(super) struct Deployment {
    /// Where it stands in the file.
    pub(super) place: String,
    pub(super) name: String,
    /// The company, as LiteLLM names it.
    pub(super) company: String,
    /// The model there.
    pub(super) model: String,
    pub(super) base: Given,
    pub(super) location: Option<String>,
    pub(super) project: Option<String>,
    pub(super) aws_region: Option<String>,
    pub(super) key: Given,
    /// What kind of work it does.
    pub(super) mode: Option<String>,
}

/// A value that may be kept elsewhere. It may be a key: it has no `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Given {
    Nowhere,
    /// In a variable of the environment.
    Environment(String),
    /// In the file itself.
    Literal(String),
    /// It is not seen which of these.
    Unclear,
}

/// Something that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) what: String,
    pub(super) why: String,
    /// What the operator has to state for it to be taken.
    pub(super) state: Option<String>,
}

impl Left {
    pub(super) fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), state: None }
    }

    pub(super) fn stating(self, state: impl Into<String>) -> Self {
        Self { state: Some(state.into()), ..self }
    }
}

impl Given {
    fn read(node: Option<&Node>) -> Self {
        let Some(node) = node.filter(|node| !node.is_nothing()) else { return Self::Nowhere };
        match node.text() {
            Some(text) => match text.strip_prefix("os.environ/") {
                Some(name) if is_variable(name) => Self::Environment(name.to_owned()),
                Some(_) => Self::Unclear,
                None if text.starts_with('$') || text.contains("os.environ") => Self::Unclear,
                None => Self::Literal(text.to_owned()),
            },
            None => Self::Unclear,
        }
    }

    /// Likewise a key: what is no key by its look is not taken for one. That of an account is a whole object of JSON; what
    /// else stands there is the path of a file.
    fn key(node: Option<&Node>, is_account: bool) -> Self {
        const SHORTEST: usize = 16;
        let read = Self::read(node);
        let Self::Literal(text) = &read else { return read };
        let is_key = text.len() >= SHORTEST && text.bytes().all(|b| b.is_ascii_graphic());
        if text.starts_with('{') == is_account && (is_account || is_key) { read } else { Self::Unclear }
    }
}

impl Written {
    /// Reads the fields that are known, and names all others.
    pub(super) fn read(root: &Node) -> Self {
        let mut all = Self { deployments: Vec::new(), aliases: Vec::new(), fallbacks: Vec::new(), left: Vec::new() };
        let mut other = BTreeMap::new();
        let Some(fields) = root.fields() else {
            all.left.push(Left::new("the file", "it holds no fields").stating("a `model_list`"));
            return all;
        };
        for (name, node) in fields {
            match (name.as_str(), node.items(), node.fields()) {
                ("model_list", Some(items), _) => {
                    for (at, item) in items.iter().enumerate() {
                        all.entry(at, item, &mut other);
                    }
                }
                ("router_settings", _, Some(fields)) => all.settings(Part::Router, fields, &mut other),
                ("litellm_settings", _, Some(fields)) => all.settings(Part::Library, fields, &mut other),
                ("general_settings", _, Some(fields)) => all.settings(Part::General, fields, &mut other),
                (name, _, _) => note(&mut other, Part::File, name, node),
            }
        }
        for ((part, name), times) in other {
            let times = if times == 1 { String::new() } else { format!(" ({times} times)") };
            all.left.push(Left::new(format!("`{}{name}`{times}", part.as_str()), reason(part, &name)));
        }
        all
    }

    fn entry(&mut self, at: usize, item: &Node, other: &mut Other) {
        let fields = item.fields().unwrap_or_default();
        let of = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, node)| node);
        let name = of("model_name").and_then(Node::text).and_then(word);
        let place = match &name {
            Some(name) => format!("`{name}` (`model_list[{at}]`, line {})", item.line),
            None => format!("`model_list[{at}]` (line {})", item.line),
        };
        for (name, node) in fields {
            if !matches!(name.as_str(), "model_name" | "litellm_params" | "model_info") {
                note(other, Part::Entry, name, node);
            }
        }
        let params = of("litellm_params").and_then(Node::fields).unwrap_or_default();
        let info = of("model_info").and_then(Node::fields).unwrap_or_default();
        let param = |name: &str| params.iter().find(|(known, _)| known == name).map(|(_, node)| node);
        const KNOWN: &[&str] = &[
            "model",
            "custom_llm_provider",
            "api_key",
            "api_base",
            "base_url",
            "vertex_location",
            "vertex_project",
            "vertex_credentials",
            "aws_region_name",
        ];
        for (name, node) in params.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())) {
            note(other, Part::Params, name, node);
        }
        for (name, node) in info.iter().filter(|(name, _)| name != "mode" && name != "id") {
            note(other, Part::Info, name, node);
        }
        let model = param("model").and_then(Node::text).and_then(word);
        let (Some(name), Some(model)) = (name, model) else {
            let left = Left::new(place, "it lacks `model_name` or `litellm_params.model`, or one of them is no name");
            return self.left.push(left);
        };
        let company = param("custom_llm_provider").and_then(Node::text).and_then(word);
        let (company, model) = match (company, model.split_once('/')) {
            (Some(company), Some((head, rest))) if head == company => (company, rest.to_owned()),
            (Some(company), _) => (company, model),
            (None, Some((company, model))) => (company.to_owned(), model.to_owned()),
            (None, None) => (String::new(), model),
        };
        let text = |name: &str| param(name).and_then(Node::text).and_then(word);
        let is_account = company.starts_with("vertex_ai");
        let key = param(if is_account { "vertex_credentials" } else { "api_key" });
        self.deployments.push(Deployment {
            place,
            name,
            company,
            model,
            base: Given::read(param("api_base").or(param("base_url"))),
            location: text("vertex_location"),
            project: text("vertex_project"),
            aws_region: text("aws_region_name"),
            key: Given::key(key, is_account),
            mode: info.iter().find(|(name, _)| name == "mode").and_then(|(_, node)| node.text()).map(str::to_owned),
        });
    }

    fn settings(&mut self, part: Part, fields: &[(String, Node)], other: &mut Other) {
        for (name, node) in fields {
            let taken = match name.as_str() {
                "model_group_alias" => self.group_aliases(node),
                "fallbacks" => self.fallbacks(node),
                _ => false,
            };
            if !taken {
                note(other, part, name, node);
            }
        }
    }

    /// `{name: group}`, or `{name: {model: group}}`. Whether it could be read.
    fn group_aliases(&mut self, node: &Node) -> bool {
        let Some(fields) = node.fields() else { return false };
        let pair = |(name, node): &(String, Node)| {
            let inner = || node.fields()?.iter().find(|(name, _)| name == "model").and_then(|(_, node)| node.text());
            Some((word(name)?, word(node.text().or_else(inner)?)?))
        };
        let pairs: Option<Vec<_>> = fields.iter().map(pair).collect();
        let read = pairs.is_some();
        self.aliases.extend(pairs.into_iter().flatten());
        read
    }

    /// `[{name: [other, …]}, …]`. Whether it could be read.
    fn fallbacks(&mut self, node: &Node) -> bool {
        let Some(items) = node.items() else { return false };
        let pairs = items.iter().flat_map(|item| item.fields().unwrap_or_default());
        let pair = |(name, node): &(String, Node)| {
            let others = node.items()?.iter().map(|other| word(other.text()?)).collect::<Option<Vec<_>>>()?;
            Some((word(name)?, others))
        };
        let pairs: Option<Vec<_>> = pairs.map(pair).collect();
        let read = pairs.is_some();
        self.fallbacks.extend(pairs.into_iter().flatten());
        read
    }
}

/// Fields that are not taken, and how often they stand there.
type Other = BTreeMap<(Part, String), usize>;

/// A field is named, and never what stands in it. What is no name of a field may be something else, such as a key.
fn note(other: &mut Other, part: Part, name: &str, node: &Node) {
    let is_name = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let name = if is_name { name.to_owned() } else { format!("a field on line {}", node.line) };
    *other.entry((part, name)).or_default() += 1;
}

/// A name of a model or a place: what looks like a key is none.
fn word(text: &str) -> Option<String> {
    let fits = (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'`');
    (fits && !text.starts_with("sk-") && !text.starts_with("os.environ")).then(|| text.to_owned())
}

fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    let head = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    head && name.len() <= 128 && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
