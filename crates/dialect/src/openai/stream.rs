use std::fmt;

use phi_words::{Completion, MicroUsd, ModelName, Usage};

use crate::HostFault;
use crate::sse::Event;

/// What one event of a host's stream comes to.
#[derive(Debug, Clone)]
pub enum Step {
    /// A frame for the caller: the JSON that follows `data: `, on one line.
    Frame(Completion),
    /// The terminal event: the answer is whole.
    Done,
    /// Nothing for the caller: a keep-alive, or the host's usage, which is kept.
    Skip,
}

/// Follows one chat stream of a host. Every frame it gives is complete, names the model as the catalogue does, and holds
/// no usage: that is [`ChatStream::usage_frame`]'s, for those who asked.
pub struct ChatStream {
    name: ModelName,
}

impl ChatStream {
    /// A stream that has not begun, of the model of this catalogue name.
    pub fn new(name: ModelName) -> Self {
        Self { name }
    }

    /// Takes the next event. After a fault, and after [`Step::Done`], the stream is over.
    pub fn feed(&mut self, _event: &Event) -> Result<Step, HostFault> {
        Ok(Step::Skip)
    }

    /// To be asked when the host closes: a stream without its terminal event is [`HostFault::Truncated`].
    pub fn finish(&self) -> Result<(), HostFault> {
        Err(HostFault::Truncated)
    }

    /// Whether a frame with content was among those given; until then the walk may still try another route.
    pub fn has_content(&self) -> bool {
        false
    }

    /// Characters of output in the frames given so far: the ground of an estimate.
    pub fn output_chars(&self) -> u64 {
        0
    }

    /// What the host last said it consumed, if it is sound.
    pub fn usage(&self) -> Option<Usage> {
        None
    }

    /// The model that the host says is answering.
    pub fn host_model(&self) -> Option<&str> {
        None
    }

    /// The last chunk for those who asked for usage: no choices, the figures, and what was charged.
    pub fn usage_frame(&self, _usage: &Usage, _charged: Option<MicroUsd>) -> Completion {
        Completion::default()
    }
}

impl fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStream").field("name", &self.name).finish_non_exhaustive()
    }
}
