use phi_words::{Code, Refusal};

/// What is wrong with a host's answer. It never holds the host's words: they may repeat the prompt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// The answer is not what the dialect says it is; `0` is the part that is wrong, in our words.
    #[error("the host's answer is malformed: {0}")]
    Malformed(&'static str),
    /// The stream ended without its terminal event.
    #[error("the host's stream ended before its end")]
    Truncated,
    /// A line or an event of the stream is longer than we hold.
    #[error("the host's stream has an event that is too long")]
    TooLong,
    /// The host said so itself, where an answer was due.
    #[error("the host answered with an error")]
    Stated(#[source] HostError),
    /// Another number of vectors than inputs.
    #[error("the host sent {got} vectors for {asked} inputs")]
    WrongCount {
        /// How many inputs were sent.
        asked: usize,
        /// How many vectors came back.
        got: usize,
    },
    /// A vector of another length than the catalogue row, or the request, says.
    #[error("the host sent a vector of {got} dimensions where {asked} were due")]
    WrongDimension {
        /// How long it should be.
        asked: u32,
        /// How long it is.
        got: usize,
    },
}

/// A host's error, reduced to what may be kept of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the host stated an error of kind {kind:?}")]
pub struct HostError {
    /// Whose fault it is, as far as the host tells.
    pub kind: HostErrorKind,
    /// The host's code, where it is one that we know; never the host's own text.
    pub code: Option<&'static str>,
}

/// Whose fault a host's error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostErrorKind {
    /// The caller's: input and output together are longer than the model's context. The figures are in tokens.
    ContextLength {
        /// How many tokens the model takes.
        limit: Option<u64>,
        /// How many were asked of it.
        asked: Option<u64>,
    },
    /// The caller's: the host refused the content.
    ContentFiltered,
    /// The caller's: the host cannot work on what was sent, such as a damaged document.
    Rejected,
    /// Ours: the host does not serve this model, or our key or account does not reach it. Another route may.
    RowFault,
    /// Anything else.
    Other,
}

impl From<&HostFault> for Refusal {
    fn from(fault: &HostFault) -> Self {
        match fault {
            HostFault::Stated(error) => error.into(),
            HostFault::Truncated => Self::new(
                Code::UpstreamTruncated,
                "the host stopped in the middle of its answer",
                "send the request again",
            ),
            HostFault::Malformed(_)
            | HostFault::TooLong
            | HostFault::WrongCount { .. }
            | HostFault::WrongDimension { .. } => upstream_failed(),
        }
    }
}

impl From<&HostError> for Refusal {
    fn from(error: &HostError) -> Self {
        match error.kind {
            HostErrorKind::ContextLength { limit, asked } => {
                Self::new(Code::ContextLengthExceeded, context_sentence(limit, asked), "").at("messages")
            }
            HostErrorKind::ContentFiltered => Self::new(
                Code::ContentFiltered,
                "the host refused the content of this request",
                "change the content, or name another model",
            ),
            HostErrorKind::RowFault => upstream_failed(),
            HostErrorKind::Rejected | HostErrorKind::Other => Self::new(
                Code::UpstreamRejected,
                "the host refused this request",
                "check the fields of the body against the model's `parameters` in `GET /v1/models`",
            ),
        }
    }
}

fn upstream_failed() -> Refusal {
    Refusal::new(Code::UpstreamFailed, "the host failed to answer", "send the request again")
}

/// The figures of [`context_sentence`], limit and asked, as far as it has them: other ways in say them in another sentence.
pub(crate) fn context_figures(sentence: &str) -> (Option<u64>, Option<u64>) {
    let after = |words: &str| {
        let (_, rest) = sentence.split_once(words)?;
        rest.split(' ').next()?.parse().ok()
    };
    (after("context length is "), after("resulted in "))
}

/// OpenAI's published sentence, which agents match to know that they must shorten their input; numbers only.
fn context_sentence(limit: Option<u64>, asked: Option<u64>) -> String {
    let limit = limit.map_or_else(|| "exceeded".to_owned(), |limit| format!("{limit} tokens"));
    let asked = asked.map_or_else(
        || "your messages are longer".to_owned(),
        |asked| format!("your messages resulted in {asked} tokens"),
    );
    format!(
        "This model's maximum context length is {limit}. However, {asked}. Please reduce the length of the messages."
    )
}
