use std::fmt;
use std::sync::Arc;

use phi_words::Completion;

/// What a rule on answers is given.
#[derive(Debug)]
pub enum Heard {
    /// A whole answer, or one frame of a streamed one.
    Frame(Completion),
    /// The answer is over: whatever was held back must come now.
    Finish,
}

/// What a rule on answers says.
#[derive(Debug)]
pub struct Verdict {
    /// What may go on, in order; empty to hold back.
    pub frames: Vec<Completion>,
    /// Whether the answer ends here.
    pub end: bool,
}

impl Verdict {
    /// Lets one frame pass.
    pub fn pass(frame: Completion) -> Self {
        Self { frames: vec![frame], end: false }
    }

    /// Holds everything back for now.
    pub fn hold() -> Self {
        Self { frames: Vec::new(), end: false }
    }

    /// Ends the answer.
    pub fn end() -> Self {
        Self { frames: Vec::new(), end: true }
    }
}

type Rule = Box<dyn FnMut(Heard) -> Verdict + Send>;

/// Judges the way back: every frame and every whole answer passes it. Without a rule all of them pass as they are.
pub struct Judge {
    rule: Option<Rule>,
    ended: bool,
}

impl Judge {
    /// A judge without a rule.
    pub fn passing() -> Self {
        Self { rule: None, ended: false }
    }

    /// Judges one frame. After the end nothing passes any more.
    pub fn push(&mut self, frame: Completion) -> Verdict {
        self.hear(Heard::Frame(frame), Verdict::pass)
    }

    /// Says that the answer is over, and gives what was held back.
    pub fn finish(&mut self) -> Verdict {
        match self.rule {
            None => Verdict::hold(),
            Some(_) => self.hear(Heard::Finish, Verdict::pass),
        }
    }

    fn hear(&mut self, heard: Heard, pass: fn(Completion) -> Verdict) -> Verdict {
        if self.ended {
            return Verdict::end();
        }
        let verdict = match (&mut self.rule, heard) {
            (Some(rule), heard) => rule(heard),
            (None, Heard::Frame(frame)) => pass(frame),
            (None, Heard::Finish) => Verdict::hold(),
        };
        self.ended = verdict.end;
        verdict
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").field("rule", &self.rule.is_some()).field("ended", &self.ended).finish()
    }
}

/// Where the rule for each answer comes from.
#[derive(Clone)]
pub(crate) struct Source(Option<Arc<dyn Fn() -> Rule + Send + Sync>>);

impl Source {
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(crate) fn new<R>(make: impl Fn() -> R + Send + Sync + 'static) -> Self
    where
        R: FnMut(Heard) -> Verdict + Send + 'static,
    {
        Self(Some(Arc::new(move || Box::new(make()))))
    }

    pub(crate) fn judge(&self) -> Judge {
        Judge { rule: self.0.as_ref().map(|make| make()), ended: false }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.0.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(verdict: &Verdict) -> Vec<&[u8]> {
        verdict.frames.iter().map(|f| f.expose_bytes().as_ref()).collect()
    }

    #[test]
    fn without_a_rule_frames_pass_as_they_are() {
        let mut judge = Judge::passing();
        assert_eq!(text(&judge.push(Completion::new("a"))), [b"a"]);
        assert!(judge.finish().frames.is_empty());
    }

    #[test]
    fn a_rule_may_rewrite_hold_back_and_end() {
        let source = Source::new(|| {
            let mut held: Option<Completion> = None;
            move |heard| match heard {
                Heard::Frame(frame) if frame.expose_bytes().as_ref() == b"stop" => Verdict::end(),
                Heard::Frame(frame) => match held.replace(frame) {
                    Some(before) => Verdict::pass(before),
                    None => Verdict::hold(),
                },
                Heard::Finish => held.take().map_or_else(Verdict::hold, Verdict::pass),
            }
        });
        let mut judge = source.judge();
        assert!(judge.push(Completion::new("a")).frames.is_empty());
        assert_eq!(text(&judge.push(Completion::new("b"))), [b"a"]);
        assert_eq!(text(&judge.finish()), [b"b"]);

        let mut judge = source.judge();
        assert!(judge.push(Completion::new("stop")).end);
        let after = judge.push(Completion::new("late"));
        assert!(after.end && after.frames.is_empty(), "nothing passes after the end");
    }
}
