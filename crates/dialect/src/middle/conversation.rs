use super::hidden;

/// A conversation that a model is to continue, and how.
#[derive(Clone, Default, PartialEq)]
pub struct Conversation {
    /// What was said, in order. Neighbours may be of the same side.
    pub turns: Vec<Turn>,
    /// The functions that the model may call.
    pub tools: Vec<Tool>,
    /// Whether it may, or must.
    pub choice: Option<Choice>,
    /// Whether it may call several at once; `None` where that was not said.
    pub parallel: Option<bool>,
    /// What the answer has to be.
    pub format: Format,
    /// The most tokens of output.
    pub limit: Option<u64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// How the next token is drawn.
    pub sampling: Sampling,
    /// Whether the model thinks first, and how much.
    pub thinking: Option<Thinking>,
    /// How long the answer should be: `low`, `medium` or `high`.
    pub verbosity: Option<String>,
    /// Who asks, as the caller names him: hosts are told a pseudonym, and nothing with PHI.
    pub user: Option<String>,
    /// Whether the answer comes as a stream.
    pub stream: bool,
}

/// What one side said at once.
#[derive(Clone, PartialEq)]
pub struct Turn {
    /// Who said it.
    pub who: Who,
    /// The name of a participant, where one was given.
    pub name: Option<String>,
    /// What, in order.
    pub parts: Vec<Part>,
}

/// A side of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Whoever runs the application. Hosts that know no difference between `system` and `developer` are told this.
    System,
    /// The same, by OpenAI's newer name.
    Developer,
    /// The user; results of functions are said by this side too.
    User,
    /// The model.
    Assistant,
}

/// One part of a turn.
#[derive(Clone, PartialEq)]
pub struct Part {
    /// What it is.
    pub content: Content,
    /// Whether everything up to here is worth keeping by the host for the next request.
    pub cache: Option<Cache>,
}

/// What a part is.
#[derive(Clone, PartialEq)]
pub enum Content {
    /// Words.
    Text(String),
    /// Words with which a model refused.
    Refusal(String),
    /// An image; `detail` is OpenAI's word for how closely to look.
    Image {
        /// The image.
        media: Media,
        /// `auto`, `low` or `high`.
        detail: Option<String>,
    },
    /// A recording.
    Audio(Media),
    /// A document, such as a PDF.
    Document {
        /// The document.
        media: Media,
        /// Its name.
        name: Option<String>,
    },
    /// What a model thought, to be given back to the same host as it was.
    Thought {
        /// In words; empty where the host tells none.
        text: String,
        /// The host's own seal of it.
        signature: Option<String>,
    },
    /// What a model thought, in the host's own cipher.
    Redacted(String),
    /// A function that a model called.
    Call {
        /// The id of the call.
        id: String,
        /// The name of the function.
        name: String,
        /// The arguments, as the model wrote them: a JSON object, if it was careful.
        arguments: String,
        /// The host's own seal of the thought behind it.
        signature: Option<String>,
    },
    /// What the function gave.
    Result {
        /// The id of the call.
        id: String,
        /// The name of the function, found by the id among the calls before it.
        name: Option<String>,
        /// Texts and images.
        parts: Vec<Part>,
        /// Whether it failed.
        failed: bool,
    },
}

/// How long a host should keep what was said so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// Five minutes.
    Short,
    /// An hour.
    Long,
}

/// Bytes of a kind.
#[derive(Clone, PartialEq)]
pub struct Media {
    /// Their media type (RFC 6838), such as `image/png`.
    pub kind: String,
    /// The bytes in base64 (RFC 4648, section 4).
    pub data: String,
}

/// A function that a model may call.
#[derive(Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// Its arguments as JSON Schema; absent where it has none.
    pub parameters: Option<Json>,
    /// Whether arguments have to fit the schema.
    pub strict: Option<bool>,
    /// As of a part.
    pub cache: Option<Cache>,
}

/// Whether a model calls functions.
#[derive(Clone, PartialEq)]
pub enum Choice {
    /// It decides.
    Auto,
    /// It does not.
    Never,
    /// It calls one at least.
    Any,
    /// It calls this one.
    Named(String),
}

/// What an answer has to be.
#[derive(Clone, Default, PartialEq)]
pub enum Format {
    /// Words.
    #[default]
    Text,
    /// Any JSON object.
    Object,
    /// JSON of a schema.
    Schema {
        /// The schema's name.
        name: String,
        /// What it is.
        description: Option<String>,
        /// The schema.
        schema: Json,
        /// Whether the answer has to fit it.
        strict: Option<bool>,
    },
}

/// How the next token is drawn. Numbers are kept as they were written; absent means the model's own.
#[derive(Clone, Default, PartialEq)]
pub struct Sampling {
    /// 0 to 2; of some hosts 0 to 1.
    pub temperature: Option<Json>,
    /// 0 to 1.
    pub top_p: Option<Json>,
    /// How many tokens are drawn from.
    pub top_k: Option<Json>,
    /// -2 to 2.
    pub frequency_penalty: Option<Json>,
    /// -2 to 2.
    pub presence_penalty: Option<Json>,
    /// A whole number.
    pub seed: Option<Json>,
}

/// Whether a model thinks first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    /// Not at all.
    Off,
    /// As much as it finds right.
    Adaptive,
    /// So much.
    Effort(Effort),
    /// At most so many tokens.
    Budget(u64),
}

/// How much a model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Hardly.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// Very much.
    XHigh,
    /// As much as it can.
    Max,
}

/// A value as it was written, on one line.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(pub Box<str>);

impl Json {
    /// A number, rounded to the nearest that a float can hold.
    pub fn number(&self) -> Option<f64> {
        self.0.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

hidden!(Conversation, Turn, Part, Content, Media, Tool, Choice, Format, Sampling, Json);
