//! What a host's failure means: the paragraph below the table of `docs/contract.md`, section 9.

use std::time::Duration;

use http::StatusCode;
use phi_dialect::{HostError, HostErrorKind, HostFault};
use phi_record::Ended;
use phi_words::{Code, Refusal, Wait};

use crate::client::Trouble;
use crate::deadline::Late;

/// What one attempt's failure means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// How the attempt ended.
    pub(crate) ended: Ended,
    /// Whose fault that is.
    pub(crate) fault: Fault,
    /// Whether another route may be tried.
    pub(crate) goes_on: bool,
    /// When the host wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
    /// What the caller is told if this was the last attempt. It holds none of the host's words.
    pub(crate) refusal: Refusal,
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The caller's: every other host would refuse it too.
    Caller,
    /// The host's.
    Host,
    /// Ours: our key, our account, our row of the catalogue.
    Us,
}

impl Verdict {
    /// Of an answer with another status than 200, and what its body says.
    pub(crate) fn of_status(status: StatusCode, stated: &HostError, retry_after: Option<Duration>) -> Self {
        let verdict = match status.as_u16() {
            401 | 402 | 403 | 412 => Self::us(Ended::Account),
            404 => Self::us(Ended::Row),
            408 => Self::late(true),
            429 => Self::host(Ended::RateLimited),
            300..=399 => Self::host(Ended::Redirect),
            400..=499 => Self::of_refusal(stated),
            _ => Self::host(Ended::HostError),
        };
        Self { retry_after, ..verdict }
    }

    /// Of an answer that makes no sense, or is an error where an answer was due.
    pub(crate) fn of_fault(fault: &HostFault) -> Self {
        match fault {
            HostFault::Stated(stated) => match stated.kind {
                HostErrorKind::Other => Self::host(Ended::HostError),
                HostErrorKind::ContextLength { .. } | HostErrorKind::ContentFiltered | HostErrorKind::RowFault => {
                    Self::of_refusal(stated)
                }
            },
            HostFault::Truncated => Self::cut(),
            HostFault::Malformed(_)
            | HostFault::TooLong
            | HostFault::WrongCount { .. }
            | HostFault::WrongDimension { .. } => Self::host(Ended::Malformed),
        }
    }

    /// Of no answer, or not the whole of one.
    pub(crate) fn of_trouble(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::Target(_) => Self::us(Ended::NoKey),
            Trouble::Connect(_) => Self::host(Ended::Connect),
            Trouble::Late(Late::FirstByte | Late::Idle) => Self::late(true),
            Trouble::Late(Late::Total) => Self::late(false),
            Trouble::Broken(_) => Self::host(Ended::Broken),
            Trouble::CutShort => Self::cut(),
            Trouble::NotHttp(_) | Trouble::TooLong(_) | Trouble::Encoded => Self::host(Ended::Malformed),
        }
    }

    /// Of a key that the vault did not give.
    pub(crate) fn no_key() -> Self {
        Self::us(Ended::NoKey)
    }

    /// Of an answer that was made elsewhere than planned: what it says must not reach the caller, and no other route is
    /// tried, for the request has left its region once already.
    pub(crate) fn elsewhere() -> Self {
        Self { goes_on: false, ..Self::host(Ended::Mismatch) }
    }

    fn of_refusal(stated: &HostError) -> Self {
        let refusal = Refusal::from(stated);
        match stated.kind {
            HostErrorKind::RowFault => Self::us(Ended::Row),
            HostErrorKind::ContextLength { .. } | HostErrorKind::ContentFiltered | HostErrorKind::Other => {
                Self { ended: Ended::Rejected, fault: Fault::Caller, goes_on: false, retry_after: None, refusal }
            }
        }
    }

    fn host(ended: Ended) -> Self {
        Self { ended, fault: Fault::Host, goes_on: true, retry_after: None, refusal: failed() }
    }

    fn us(ended: Ended) -> Self {
        Self { fault: Fault::Us, ..Self::host(ended) }
    }

    fn late(goes_on: bool) -> Self {
        let refusal = Refusal::new(
            Code::UpstreamTimeout,
            "the host did not answer in time",
            "ask for less output, or for a stream",
        );
        Self { goes_on, refusal, ..Self::host(Ended::Timeout) }
    }

    fn cut() -> Self {
        Self { refusal: Refusal::from(&HostFault::Truncated), ..Self::host(Ended::Truncated) }
    }
}

/// What the caller is told when no route is left: the last attempt's word, unless no host had room for the request.
pub(crate) fn after_all(verdicts: &[Verdict]) -> Refusal {
    if verdicts.iter().all(|verdict| verdict.ended == Ended::RateLimited) {
        let soonest = verdicts.iter().filter_map(|verdict| verdict.retry_after).min();
        return Refusal::new(Code::UpstreamUnavailable, "no host has room for this request now", "try again shortly")
            .wait(Wait::new(soonest.unwrap_or(Duration::from_secs(1))));
    }
    verdicts.last().map_or_else(failed, |verdict| verdict.refusal.clone())
}

fn failed() -> Refusal {
    Refusal::new(
        Code::UpstreamFailed,
        "every host that could answer failed",
        "send the request again later, unless `x-should-retry` says no",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(kind: HostErrorKind) -> HostError {
        HostError { kind, code: None }
    }

    fn status(code: u16, kind: HostErrorKind) -> Verdict {
        Verdict::of_status(StatusCode::from_u16(code).expect("a status"), &stated(kind), None)
    }

    #[test]
    fn every_status_has_its_meaning() {
        use HostErrorKind::{ContentFiltered, Other, RowFault};
        let length = HostErrorKind::ContextLength { limit: Some(8), asked: Some(9) };
        type Line<'a> = (&'a [u16], HostErrorKind, Ended, Fault, bool, Code);
        let table: &[Line<'_>] = &[
            (&[401, 402, 403, 412], Other, Ended::Account, Fault::Us, true, Code::UpstreamFailed),
            (&[403], ContentFiltered, Ended::Account, Fault::Us, true, Code::UpstreamFailed),
            (&[404], Other, Ended::Row, Fault::Us, true, Code::UpstreamFailed),
            (&[400, 422], RowFault, Ended::Row, Fault::Us, true, Code::UpstreamFailed),
            (&[408], Other, Ended::Timeout, Fault::Host, true, Code::UpstreamTimeout),
            (&[429], Other, Ended::RateLimited, Fault::Host, true, Code::UpstreamFailed),
            (&[500, 502, 503, 504, 529, 599], Other, Ended::HostError, Fault::Host, true, Code::UpstreamFailed),
            (&[301, 302, 303, 304, 307, 308], Other, Ended::Redirect, Fault::Host, true, Code::UpstreamFailed),
            (&[201, 204, 206], Other, Ended::HostError, Fault::Host, true, Code::UpstreamFailed),
            (
                &[400, 405, 409, 413, 415, 422, 451],
                Other,
                Ended::Rejected,
                Fault::Caller,
                false,
                Code::UpstreamRejected,
            ),
            (&[400, 413, 422], length, Ended::Rejected, Fault::Caller, false, Code::ContextLengthExceeded),
            (&[400], ContentFiltered, Ended::Rejected, Fault::Caller, false, Code::ContentFiltered),
        ];
        for (codes, kind, ended, fault, goes_on, code) in table {
            for number in *codes {
                let verdict = status(*number, *kind);
                let got = (verdict.ended, verdict.fault, verdict.goes_on, verdict.refusal.code);
                assert_eq!(got, (*ended, *fault, *goes_on, *code), "{number} {kind:?}");
            }
        }
    }

    #[test]
    fn an_error_in_the_place_of_an_answer_is_the_hosts_unless_it_says_otherwise() {
        let fault = |kind| Verdict::of_fault(&HostFault::Stated(stated(kind)));
        assert!(fault(HostErrorKind::Other).goes_on, "an overloaded engine says so after status 200");
        assert!(fault(HostErrorKind::RowFault).goes_on);
        assert!(!fault(HostErrorKind::ContextLength { limit: None, asked: None }).goes_on);
        assert_eq!(Verdict::of_fault(&HostFault::Truncated).refusal.code, Code::UpstreamTruncated);
        assert_eq!(Verdict::of_fault(&HostFault::Malformed("it")).ended, Ended::Malformed);
    }

    #[test]
    fn nothing_goes_on_once_the_time_is_over() {
        assert!(Verdict::of_trouble(&Trouble::Late(Late::FirstByte)).goes_on);
        assert!(!Verdict::of_trouble(&Trouble::Late(Late::Total)).goes_on);
        assert!(!Verdict::elsewhere().goes_on);
    }

    #[test]
    fn hosts_without_room_are_no_failure() {
        let full = |seconds: Option<u64>| {
            let after = seconds.map(Duration::from_secs);
            Verdict::of_status(StatusCode::TOO_MANY_REQUESTS, &stated(HostErrorKind::Other), after)
        };
        let all = after_all(&[full(Some(30)), full(None), full(Some(7))]);
        assert_eq!((all.code, all.wait.map(Wait::seconds)), (Code::UpstreamUnavailable, Some(7)));
        let mixed = after_all(&[full(Some(30)), status(500, HostErrorKind::Other)]);
        assert_eq!((mixed.code, mixed.wait), (Code::UpstreamFailed, None));
        assert_eq!(after_all(&[full(None)]).wait.map(Wait::seconds), Some(1));
    }
}
