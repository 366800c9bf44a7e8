//! What a host is about to say, in no dialect yet.

use serde_json::{Value, json};

use crate::fault::{Fault, UsageLie};
use crate::says::{Says, Tool};
use crate::wire::Asked;

/// One answer.
pub(super) struct Turn<'a> {
    /// The model that says it.
    pub(super) model: String,
    pub(super) says: &'a Says,
    /// The tools that it calls; where there are none it speaks.
    pub(super) calls: &'a [Tool],
    pub(super) lie: Option<UsageLie>,
    /// What it consumed; nothing where it does not tell.
    pub(super) figures: Option<Figures>,
    /// The place that a fault tells.
    pub(super) place: Option<&'a str>,
    /// Whether a stream tells it with its first frame.
    pub(super) is_early: bool,
}

impl<'a> Turn<'a> {
    /// Of the model that was `named`, where the request `has_tools` and does not end with a result of one.
    pub(super) fn new(
        asked: &Asked,
        named: &str,
        has_tools: bool,
        has_result: bool,
        says: &'a Says,
        fault: Option<&'a Fault>,
    ) -> Self {
        let lie = if let Some(Fault::Usage { lie }) = fault { Some(*lie) } else { None };
        let (place, is_early) =
            if let Some(Fault::Geo { name, early }) = fault { (Some(name.as_str()), *early) } else { (None, false) };
        let words = |text: &str| text.split(' ').count();
        let thought = says.thought.as_deref().map_or(0, words);
        Self {
            model: model(named, says, fault),
            says,
            calls: if has_tools && !has_result { &says.tools } else { &[] },
            lie,
            figures: Figures::new(asked.body.len(), words(&says.text), thought, lie),
            place,
            is_early,
        }
    }

    /// Why it ends, in the host's word for having spoken or for having called.
    pub(super) fn finish(&self, spoke: &'a str, called: &'a str) -> &'a str {
        self.says.finish.as_deref().unwrap_or(if self.calls.is_empty() { spoke } else { called })
    }

    /// The figures as the host words them: those that it was told to say, unless it lies.
    pub(super) fn usage(&self, word: impl FnOnce(&Figures) -> Value) -> Option<Value> {
        let figures = self.figures.as_ref()?;
        Some(self.says.usage.clone().filter(|_| !figures.is_lie).unwrap_or_else(|| word(figures)))
    }
}

/// Pieces of a text: one a word.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// The two pieces in which the arguments of a call come.
pub(super) fn halves(arguments: &str) -> [&str; 2] {
    let middle = (0..=arguments.len() / 2).rev().find(|at| arguments.is_char_boundary(*at)).unwrap_or(0);
    let (front, back) = arguments.split_at(middle);
    [front, back]
}

/// Who says that it answers.
pub(super) fn model(named: &str, says: &Says, fault: Option<&Fault>) -> String {
    match (fault, &says.model) {
        (Some(Fault::Model { name }), _) | (_, Some(name)) => name.clone(),
        _ => named.to_owned(),
    }
}

/// Figures of consumption; lies are not even numbers.
pub(super) struct Figures {
    pub(super) input: Value,
    /// All of the output.
    pub(super) output: Value,
    pub(super) total: Value,
    /// Of the output, what was thought; zero where nothing was.
    pub(super) thought: u64,
    is_lie: bool,
}

impl Figures {
    pub(super) fn new(body_len: usize, words: usize, thought: usize, lie: Option<UsageLie>) -> Option<Self> {
        let of = |input: Value, output: Value, total: Value| Self { input, output, total, thought: 0, is_lie: true };
        Some(match lie {
            Some(UsageLie::Missing) => return None,
            Some(UsageLie::Negative) => of(json!(-5), json!(-1), json!(-6)),
            Some(UsageLie::Absurd) => of(json!(1_000_000_000_000_000_u64), json!(1), json!(1_000_000_000_000_001_u64)),
            Some(UsageLie::Text) => of(json!("many"), json!("1"), Value::Null),
            Some(UsageLie::Twice | UsageLie::EveryFrame) | None => {
                let (input, output) = (body_len.div_ceil(4), words + thought);
                let figures = of(json!(input), json!(output), json!(input + output));
                Self { thought: thought as u64, is_lie: false, ..figures }
            }
        })
    }

    /// Figures that come too soon.
    pub(super) fn early(input: usize, output: usize) -> Self {
        Self { input: json!(input), output: json!(output), total: json!(input + output), thought: 0, is_lie: true }
    }
}
