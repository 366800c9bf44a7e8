use phi_words::Usage;

use super::{Json, hidden};

/// A host's answer, whole: what a stream of it would have said, in order.
#[derive(Clone)]
pub struct Answer {
    /// What was said; each block begins, goes on and ends, and [`Said::Finish`] is the last.
    pub said: Vec<Said>,
    /// What the host tells beside it.
    pub facts: Facts,
}

/// What a host tells of an answer beside what it says; of a stream, so far.
#[derive(Clone, Default)]
pub struct Facts {
    /// Its id.
    pub id: Option<String>,
    /// The model that the host says is answering, to be compared with the row's `replies_as`.
    pub host_model: Option<Box<str>>,
    /// Where the host says that it is made.
    pub place: Option<Box<str>>,
    /// What the host says it consumed, if it is sound.
    pub usage: Option<Usage>,
}

/// One thing that a host says. Blocks have numbers from 0, in the order in which they begin; several may be open at once.
#[derive(Clone, PartialEq)]
pub enum Said {
    /// A block begins.
    Begin(u32, Block),
    /// A text, a thought, a refusal or the arguments of a call go on.
    More(u32, String),
    /// The host's seal of a thought, or of the thought behind a call.
    Signature(u32, String),
    /// Where a text is from: an address of the web in OpenAI's form (`url_citation`), its figures characters of this block and
    /// absent where the host tells none; or as the host says it.
    Citation(u32, Json),
    /// A block is whole.
    End(u32),
    /// The answer is whole, and why.
    Finish(Finish),
}

/// What a block is.
#[derive(Clone, PartialEq)]
pub enum Block {
    /// Words.
    Text,
    /// What the model thought, as far as the host tells.
    Thought,
    /// What the model thought, in the host's own cipher.
    Redacted(String),
    /// Words with which the model refused.
    Refusal,
    /// A function that the caller is to call; its arguments follow as text that is JSON.
    Call {
        /// The id of the call; made by us where the host gives none.
        id: String,
        /// The name of the function.
        name: String,
    },
}

/// Why an answer ended.
#[derive(Clone, PartialEq, Eq)]
pub enum Finish {
    /// It was said all.
    Stop,
    /// The caller's text was met.
    StopText(Option<String>),
    /// The limit of output was met.
    Length,
    /// The model's context was full.
    Context,
    /// Functions are to be called.
    Calls,
    /// The model, or the host's filter, refused.
    Refused,
    /// The host paused a long turn; it goes on where it is asked to.
    Pause,
    /// In the host's own word, which we do not know. Of a few letters alone, so that it cannot be an answer.
    Other(String),
}

impl Said {
    /// Characters of output in it: what the model said, thought, refused or called. The ground of an estimate.
    pub fn chars(&self) -> u64 {
        match self {
            Self::More(_, text) | Self::Begin(_, Block::Call { name: text, .. }) => text.chars().count() as u64,
            Self::Begin(_, Block::Text | Block::Thought | Block::Redacted(_) | Block::Refusal)
            | Self::Signature(..)
            | Self::Citation(..)
            | Self::End(_)
            | Self::Finish(_) => 0,
        }
    }
}

impl Finish {
    /// A host's own word, as far as it is a word.
    pub fn other(word: &str) -> Self {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_word = (1..=64).contains(&word.len()) && word.bytes().all(is_letter);
        Self::Other(if is_word { word } else { "unknown" }.to_owned())
    }
}

hidden!(Answer, Facts, Said, Block, Finish);

/// The same block by block, each with its text in one: in how many pieces something comes, and in which turns, means nothing.
#[cfg(any(test, fuzzing))]
pub(crate) fn joined(said: Vec<Said>) -> Vec<Said> {
    let (mut blocks, mut end) = (std::collections::BTreeMap::<u32, (Vec<Said>, String, Option<Said>)>::new(), None);
    for said in said {
        match said {
            Said::More(number, text) => blocks.entry(number).or_default().1.push_str(&text),
            Said::End(number) => blocks.entry(number).or_default().2 = Some(said),
            Said::Begin(number, _) | Said::Signature(number, _) | Said::Citation(number, _) => {
                blocks.entry(number).or_default().0.push(said);
            }
            Said::Finish(_) => end = Some(said),
        }
    }
    let all = blocks.into_iter().flat_map(|(number, (mut all, text, end))| {
        all.extend((!text.is_empty()).then_some(Said::More(number, text)));
        all.extend(end);
        all
    });
    all.chain(end).collect()
}
