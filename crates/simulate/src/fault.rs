use serde::{Deserialize, Serialize};

/// One way to misbehave. In JSON: `{"fault": "stall", "after": 2}`.
///
/// `after` counts frames of a stream; a whole answer is cut in its middle. Without it the fault comes before the first
/// byte of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Another status than 200, with an error body.
    Status(StatusFault),
    /// A redirect.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        code: u16,
        /// The `location`.
        to: String,
    },
    /// The connection is reset (RST).
    Reset {
        /// After so many frames.
        after: Option<usize>,
    },
    /// Nothing more comes, and the connection stays open.
    Stall {
        /// After so many frames.
        after: Option<usize>,
    },
    /// The connection is closed in the middle of the answer.
    Cut {
        /// After so many frames.
        after: Option<usize>,
    },
    /// By HTTP/2, the connection is ended with GOAWAY, for a reason (RFC 9113, section 7): for `0`, which is none, this
    /// answer still comes to its end, and no other; for another everything on the connection breaks off. By HTTP/1.1,
    /// such a reason closes the connection.
    GoAway {
        /// After so many frames.
        after: Option<usize>,
        /// The reason.
        #[serde(default)]
        code: u32,
    },
    /// By HTTP/2, the stream is reset, for a reason: `7` is a refused stream. By HTTP/1.1, the connection is closed.
    ResetStream {
        /// After so many frames.
        after: Option<usize>,
        /// The reason.
        code: u32,
    },
    /// Nothing more comes on the whole connection, not even the reply to a ping, and it stays open. By HTTP/1.1 that is
    /// what a stall is.
    Mute {
        /// After so many frames.
        after: Option<usize>,
    },
    /// The head comes at once, and frames with pauses between them.
    Slow {
        /// The pause before each frame, in milliseconds.
        gap_ms: u64,
    },
    /// Every byte comes in a write of its own.
    Drip,
    /// The stream ends as HTTP says, but without what tells that it is whole: `[DONE]`, `message_stop`, or the frame with
    /// Google's `finishReason`.
    NoDone,
    /// A frame, or the body, is not JSON.
    Malformed {
        /// After so many frames.
        after: usize,
    },
    /// A frame, or the body, is an error in the shape of whoever was asked, with status 200.
    ErrorFrame {
        /// After so many frames.
        after: usize,
    },
    /// The body is empty, with status 200.
    Empty,
    /// The text of the answer is not UTF-8.
    NotUtf8,
    /// `content-length` states so many bytes more than come.
    WrongLength {
        /// How many bytes too many; negative: too few.
        by: i64,
    },
    /// Figures of usage that cannot be.
    Usage {
        /// Which.
        lie: UsageLie,
    },
    /// Another model answers than was asked.
    Model {
        /// Its name.
        name: String,
    },
    /// The answer says where it was made, in `x-ms-region`.
    Region {
        /// The place.
        name: String,
    },
    /// The answer says where it was made, in `usage.inference_geo`; Google's, which has no such field, in its figures.
    Geo {
        /// The place.
        name: String,
        /// Whether a stream says so with its first frame, and not with its last.
        #[serde(default)]
        early: bool,
    },
    /// One line of so many bytes, in the place of the first frame or of the body.
    LongLine {
        /// Its length.
        bytes: usize,
    },
    /// A response head of so many bytes.
    LongHead {
        /// Its length.
        bytes: usize,
    },
    /// The frames of the stream end in another way, or begin with a byte order mark.
    Framing {
        /// The line ends.
        ends: Ends,
        /// Whether a byte order mark comes first.
        #[serde(default)]
        bom: bool,
    },
    /// Comments, foreign keep-alives and fields that nobody asked for between the frames.
    Keepalives,
    /// A `content-encoding` that nobody asked for.
    Encoded,
    /// Vectors that are not those that were asked for.
    Vectors {
        /// In which way.
        lie: VectorLie,
    },
}

/// A status, and the error body that comes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusFault {
    /// The status.
    pub code: u16,
    /// `retry-after`, as it is.
    #[serde(default)]
    pub retry_after: Option<String>,
    /// The shape of the error body.
    #[serde(default)]
    pub shape: Shape,
    /// The error's own code, such as `context_length_exceeded`.
    #[serde(default)]
    pub error: Option<String>,
    /// The error's sentence. Where there is none the body of the request is repeated: real hosts do that.
    #[serde(default)]
    pub message: Option<String>,
}

impl StatusFault {
    /// This status, in the shape of whoever was asked, that repeats the request's body.
    pub const fn new(code: u16) -> Self {
        Self { code, retry_after: None, shape: Shape::Own, error: None, message: None }
    }
}

/// How an error body looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// That of whoever was asked: OpenAI's, Anthropic's or Google's.
    #[default]
    Own,
    /// `{"error":{"message","type","param","code"}}`.
    OpenAi,
    /// `{"object":"error","message","type","param","code"}`: Mistral, Scaleway's older models, and older vLLM.
    Flat,
    /// `{"result":"error","error":{"code","description","errors":[…]}}`.
    Infomaniak,
    /// A page in HTML, as gateways before a host send it.
    Html,
    /// Nothing.
    Empty,
}

/// Figures of usage that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageLie {
    /// Below zero.
    Negative,
    /// 10^15 tokens.
    Absurd,
    /// Text in the place of numbers.
    Text,
    /// No figures at all.
    Missing,
    /// Two usage chunks with different figures.
    Twice,
    /// A growing figure in every frame, which Scaleway's dedicated deployments do.
    EveryFrame,
}

/// How the lines of a stream end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// Line feed.
    Lf,
    /// Carriage return.
    Cr,
    /// Both.
    CrLf,
}

impl Ends {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::Cr => "\r",
            Self::CrLf => "\r\n",
        }
    }
}

/// Vectors that are not those that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VectorLie {
    /// One vector too few.
    TooFew,
    /// One vector too many.
    TooMany,
    /// The vectors are one number short.
    TooShort,
    /// Text in the place of numbers.
    Text,
    /// As many and as long as they should be, and of another model.
    Other,
    /// Those that were asked for, and twice as long in space.
    Longer,
}

impl Fault {
    /// An answer of this status, in the shape of whoever was asked, that repeats the request's body.
    pub const fn status(code: u16) -> Self {
        Self::Status(StatusFault::new(code))
    }

    /// The same with `retry-after`; other faults stay as they are.
    #[must_use]
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        if let Self::Status(status) = &mut self {
            status.retry_after = Some(value.into());
        }
        self
    }

    /// The same in another shape; other faults stay as they are.
    #[must_use]
    pub const fn shape(mut self, shape: Shape) -> Self {
        if let Self::Status(status) = &mut self {
            status.shape = shape;
        }
        self
    }

    /// The same with an error code and a sentence; other faults stay as they are.
    #[must_use]
    pub fn error(mut self, error: impl Into<String>, message: impl Into<String>) -> Self {
        if let Self::Status(status) = &mut self {
            (status.error, status.message) = (Some(error.into()), Some(message.into()));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_survives_its_json_and_nonsense_is_refused() {
        for fault in [
            Fault::status(429).retry_after("7"),
            Fault::Reset { after: Some(2) },
            Fault::Usage { lie: UsageLie::EveryFrame },
            Fault::Framing { ends: Ends::Cr, bom: true },
        ] {
            let json = serde_json::to_string(&fault).expect("json");
            assert_eq!(serde_json::from_str::<Fault>(&json).expect(&json), fault);
        }
        let short = r#"{"fault":"status","code":503}"#;
        assert_eq!(serde_json::from_str::<Fault>(short).expect(short), Fault::status(503));
        for bad in [r#"{"fault":"explode"}"#, r#"{"fault":"stall","afer":1}"#, "{}"] {
            assert!(serde_json::from_str::<Fault>(bad).is_err(), "{bad}");
        }
    }
}
