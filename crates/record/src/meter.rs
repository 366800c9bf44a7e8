use phi_words::{Quality, Usage};

use crate::entry::{Reach, Status};

/// What one call consumed, as it becomes known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meter {
    /// What the body tells, counted by ourselves: of tokens of input a quarter of its bytes.
    pub counted: Usage,
    /// Characters of content that went on to the caller; of sound, bytes.
    pub delivered: u64,
    /// Whether what was delivered counts as tokens.
    pub by_tokens: bool,
    /// What the host stated.
    pub stated: Option<Usage>,
}

impl Meter {
    /// What is to be charged for, by how the call ended. This is the published table of `docs/contract.md`, 12.
    ///
    /// | how it ended | the host stated usage | it did not |
    /// |---|---|---|
    /// | answered, stopped by a rule | what it stated | input and delivered output, estimated |
    /// | truncated by the host, caller left in mid-answer | what it stated | input and delivered output, estimated |
    /// | caller left before the answer, host had the request | what it stated | input, estimated |
    /// | failed, or nothing was delivered | nothing | nothing |
    pub fn settle(&self, status: Status, reach: Reach) -> (Usage, Quality) {
        let owed = match status {
            Status::Answered | Status::Stopped => true,
            Status::Truncated => self.delivered > 0,
            Status::CallerLeft | Status::Panicked => self.delivered > 0 || reach >= Reach::Sent,
            Status::Failed | Status::Unknown => false,
        };
        match self.stated {
            _ if !owed => (Usage::default(), Quality::None),
            Some(stated) => (stated, Quality::Verified),
            None => (self.estimate(), Quality::Estimated),
        }
    }

    /// Four characters a token: the rule of thumb that providers publish for English text.
    fn estimate(&self) -> Usage {
        let output = if self.by_tokens { self.delivered.div_ceil(4) } else { 0 };
        Usage { output, ..self.counted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_table_holds() {
        let stated = Usage { input: 7, output: 3, ..Usage::default() };
        let estimate = |output| Usage { input: 10, output, ..Usage::default() };
        let none = (Usage::default(), Quality::None);
        let verified = (stated, Quality::Verified);
        let rows = [
            (Status::Answered, Reach::Answered, 9, verified, (estimate(3), Quality::Estimated)),
            (Status::Stopped, Reach::Answered, 9, verified, (estimate(3), Quality::Estimated)),
            (Status::Truncated, Reach::Answered, 9, verified, (estimate(3), Quality::Estimated)),
            (Status::Truncated, Reach::Answered, 0, none, none),
            (Status::CallerLeft, Reach::Answered, 9, verified, (estimate(3), Quality::Estimated)),
            (Status::CallerLeft, Reach::Sent, 0, verified, (estimate(0), Quality::Estimated)),
            (Status::CallerLeft, Reach::NotSent, 0, none, none),
            (Status::Failed, Reach::Sent, 0, none, none),
            (Status::Unknown, Reach::Sent, 0, none, none),
        ];
        for (status, reach, delivered, with, without) in rows {
            let counted = Usage { input: 10, ..Usage::default() };
            let meter = |stated| Meter { counted, delivered, by_tokens: true, stated };
            assert_eq!(meter(Some(stated)).settle(status, reach), with, "{status:?} {reach:?} stated");
            assert_eq!(meter(None).settle(status, reach), without, "{status:?} {reach:?} not stated");
        }
    }

    #[test]
    fn sound_that_was_delivered_counts_as_no_tokens() {
        let counted = Usage { characters: 12, ..Usage::default() };
        let meter = Meter { counted, delivered: 9_000, ..Meter::default() };
        assert_eq!(meter.settle(Status::Answered, Reach::Answered), (counted, Quality::Estimated));
    }
}
