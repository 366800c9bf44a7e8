use crate::sse::Event;
use crate::{HostFault, Speaks, eventstream, sse};

/// Takes the body of a host's stream apart, in the way in which those who speak so put it together.
#[derive(Debug)]
pub enum Framing {
    /// Server-sent events.
    Sse(sse::Parser),
    /// Amazon's binary frames.
    EventStream(eventstream::Parser),
}

impl Framing {
    /// At the beginning of a stream.
    pub fn of(speaks: Speaks) -> Self {
        match speaks {
            Speaks::OpenAi | Speaks::Mistral | Speaks::Anthropic(_) | Speaks::Gemini | Speaks::Service(_) => {
                Self::Sse(sse::Parser::new())
            }
            Speaks::Bedrock => Self::EventStream(eventstream::Parser::new()),
        }
    }

    /// Takes the next bytes and gives the events that they complete.
    ///
    /// # Errors
    /// Where an event is too long, or none.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Event>, HostFault> {
        match self {
            Self::Sse(parser) => parser.feed(bytes).map_err(|sse::TooLong| HostFault::TooLong),
            Self::EventStream(parser) => parser.feed(bytes),
        }
    }
}
