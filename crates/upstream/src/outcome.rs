//! What a host's failure means: the paragraph below the table of `docs/contract.md`, section 9.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::StatusCode;
use phi_dialect::{HostError, HostErrorKind, HostFault};
use phi_record::{Ended, Obstacle};
use phi_route::health::{Sign, Unfit};
use phi_words::{Code, Refusal, Wait};

use crate::client::Trouble;
use crate::deadline::Late;

/// What one attempt's failure means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// How the attempt ended.
    pub(crate) ended: Ended,
    /// What kept a connection from being made, where it ended so.
    pub(crate) obstacle: Option<Obstacle>,
    /// What that shows of the route.
    pub(crate) sign: Sign,
    /// Whether another route may be tried.
    pub(crate) goes_on: bool,
    /// When the host wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
    /// What the caller is told if this was the last attempt. It holds none of the host's words.
    pub(crate) refusal: Refusal,
}

impl Verdict {
    /// Of an answer with another status than 200, and what its body says.
    pub(crate) fn of_status(status: StatusCode, stated: &HostError, retry_after: Option<Duration>) -> Self {
        let asked = Sign::RateLimited(retry_after);
        let verdict = match status.as_u16() {
            401 | 402 | 412 => Self::of(Ended::Account, Sign::Account),
            // Some hosts refuse content so, and firewalls before them; then it is one caller's matter.
            403 if stated.kind == HostErrorKind::ContentFiltered => Self::of(Ended::Account, Sign::Nothing),
            403 => Self::of(Ended::Account, Sign::Forbidden),
            404 => Self::of(Ended::Row, Sign::Row),
            408 => Self::late(true),
            // Its money is spent, which no waiting mends.
            429 if stated.kind == HostErrorKind::RowFault => Self::of(Ended::Account, Sign::Account),
            429 => Self::of(Ended::RateLimited, asked),
            300..=399 => Self::host(Ended::Redirect),
            // Bedrock's word for a model that failed behind it.
            424 => Self::host(Ended::HostError),
            400..=499 => Self::of_refusal(stated),
            _ if retry_after.is_some() => Self::of(Ended::HostError, asked),
            _ => Self::host(Ended::HostError),
        };
        Self { retry_after, ..verdict }
    }

    /// Of an answer that makes no sense, or is an error where an answer was due.
    pub(crate) fn of_fault(fault: &HostFault) -> Self {
        match fault {
            HostFault::Stated(stated) => match stated.kind {
                HostErrorKind::Other => Self::host(Ended::HostError),
                HostErrorKind::ContextLength { .. }
                | HostErrorKind::ContentFiltered
                | HostErrorKind::Rejected
                | HostErrorKind::RowFault => Self::of_refusal(stated),
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
            Trouble::Target(_) => Self::no_key(),
            Trouble::Connect(error) if is_ours(error) => Self::no_way(Obstacle::Ours, Sign::Nothing),
            Trouble::Connect(error) => Self::no_way(error.obstacle(), Sign::Unreachable),
            Trouble::Late(Late::FirstByte | Late::Idle) => Self::late(true),
            Trouble::Late(Late::Total) => Self::late(false),
            Trouble::Broken(_) => Self::host(Ended::Broken),
            Trouble::CutShort => Self::cut(),
            Trouble::NotHttp(_) | Trouble::TooLong(_) | Trouble::Encoded => Self::host(Ended::Malformed),
        }
    }

    /// Of a key that the vault did not give.
    pub(crate) fn no_key() -> Self {
        Self::of(Ended::NoKey, Sign::Account)
    }

    /// Of an answer that was made elsewhere than planned: what it says must not reach the caller, and no other route is
    /// tried, for the request has left its region once already.
    pub(crate) fn elsewhere() -> Self {
        Self { goes_on: false, ..Self::of(Ended::Mismatch, Sign::Elsewhere) }
    }

    /// Whether the host may have done the work, although nobody has its answer.
    fn may_be_paid(&self) -> bool {
        match self.ended {
            Ended::Timeout | Ended::Broken | Ended::Malformed | Ended::Truncated | Ended::Mismatch => true,
            Ended::Running
            | Ended::Ok
            | Ended::Connect
            | Ended::Account
            | Ended::Row
            | Ended::RateLimited
            | Ended::HostError
            | Ended::Redirect
            | Ended::Rejected
            | Ended::CallerLeft
            | Ended::NoKey => false,
        }
    }

    fn of_refusal(stated: &HostError) -> Self {
        let refusal = Refusal::from(stated);
        match stated.kind {
            HostErrorKind::RowFault => Self::of(Ended::Row, Sign::Row),
            HostErrorKind::ContextLength { .. }
            | HostErrorKind::ContentFiltered
            | HostErrorKind::Rejected
            | HostErrorKind::Other => Self { goes_on: false, refusal, ..Self::of(Ended::Rejected, Sign::Good) },
        }
    }

    fn no_way(obstacle: Obstacle, sign: Sign) -> Self {
        Self { obstacle: Some(obstacle), ..Self::of(Ended::Connect, sign) }
    }

    fn host(ended: Ended) -> Self {
        Self::of(ended, Sign::Fault)
    }

    fn of(ended: Ended, sign: Sign) -> Self {
        Self { ended, obstacle: None, sign, goes_on: true, retry_after: None, refusal: failed() }
    }

    fn late(goes_on: bool) -> Self {
        let refusal = Refusal::new(
            Code::UpstreamTimeout,
            "the host did not answer in time",
            "ask for less output, or for a stream",
        );
        // Where our own time was over, that shows nothing: those before it may have taken most of it.
        let sign = if goes_on { Sign::Fault } else { Sign::Nothing };
        Self { goes_on, refusal, ..Self::of(Ended::Timeout, sign) }
    }

    fn cut() -> Self {
        Self { refusal: Refusal::from(&HostFault::Truncated), ..Self::host(Ended::Truncated) }
    }
}

/// Whether there is no connection because this machine has no more files, ports or memory for one: that shows nothing of
/// the host, and under too much load it would eject all of them.
fn is_ours(error: &(dyn Error + 'static)) -> bool {
    /// By number, for most have no kind: ENOMEM, ENFILE, EMFILE, EADDRNOTAVAIL, ENOBUFS (Linux, `errno.h`).
    const OURS: [i32; 5] = [12, 23, 24, 99, 105];
    std::iter::successors(Some(error), |error| (*error).source())
        .filter_map(|error| error.downcast_ref::<io::Error>()?.raw_os_error())
        .any(|number| OURS.contains(&number))
}

/// What the caller is told when no route is left: the last attempt's word, unless no host had room for the request or
/// was fit to be asked. Then it is the soonest that one may be, of all routes of the plan. Where there was neither an
/// attempt nor a route that rests, none of them was allowed any more.
pub(crate) fn after_all(verdicts: &[Verdict], unfit: &[Unfit]) -> Refusal {
    if verdicts.is_empty() && unfit.is_empty() {
        return unavailable("the routes of this request were taken back while it was on its way", SOON);
    }
    if verdicts.iter().all(|verdict| verdict.ended == Ended::RateLimited) {
        let asked = verdicts.iter().map(|verdict| verdict.retry_after.unwrap_or(SOON));
        let soonest = asked.chain(unfit.iter().filter_map(|unfit| unfit.wait)).min();
        return unavailable("no host has room for this request now", soonest.unwrap_or(LATER));
    }
    verdicts.last().map_or_else(failed, |verdict| verdict.refusal.clone())
}

/// What the caller is told where another route could be tried, and hosts are in too much trouble for more attempts. Where
/// a host may have done the work, its attempt's own word stands: whoever sends the request again may pay twice.
pub(crate) fn spent(verdicts: &[Verdict]) -> Refusal {
    let paid = verdicts.iter().rev().find(|verdict| verdict.may_be_paid());
    let otherwise = || unavailable("a host failed, and too many requests are sent again for this one to be", SOON);
    paid.map_or_else(otherwise, |verdict| verdict.refusal.clone())
}

fn unavailable(message: &'static str, wait: Duration) -> Refusal {
    Refusal::new(Code::UpstreamUnavailable, message, "try again when `Retry-After` says").wait(Wait::new(wait))
}

/// When to come again where nobody said so, and where it takes an operator.
const SOON: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(60);

fn failed() -> Refusal {
    Refusal::new(
        Code::UpstreamFailed,
        "every host that could answer failed",
        "send the request again later, unless `x-should-retry` says no",
    )
}

#[cfg(test)]
mod tests {
    use phi_route::health::Why;

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
        type Line<'a> = (&'a [u16], HostErrorKind, Ended, Sign, bool, Code);
        let (failed, rejected) = (Code::UpstreamFailed, Code::UpstreamRejected);
        let limited = Sign::RateLimited(None);
        let table: &[Line<'_>] = &[
            (&[401, 402, 412], Other, Ended::Account, Sign::Account, true, failed),
            (&[403], Other, Ended::Account, Sign::Forbidden, true, failed),
            (&[403], ContentFiltered, Ended::Account, Sign::Nothing, true, failed),
            (&[404], Other, Ended::Row, Sign::Row, true, failed),
            (&[400, 422], RowFault, Ended::Row, Sign::Row, true, failed),
            (&[408], Other, Ended::Timeout, Sign::Fault, true, Code::UpstreamTimeout),
            (&[429], Other, Ended::RateLimited, limited, true, failed),
            (&[429], RowFault, Ended::Account, Sign::Account, true, failed),
            (&[424, 500, 502, 503, 504, 529, 599], Other, Ended::HostError, Sign::Fault, true, failed),
            (&[301, 302, 303, 304, 307, 308], Other, Ended::Redirect, Sign::Fault, true, failed),
            (&[201, 204, 206], Other, Ended::HostError, Sign::Fault, true, failed),
            (&[400, 405, 409, 413, 415, 422, 451], Other, Ended::Rejected, Sign::Good, false, rejected),
            (&[400, 413, 422], length, Ended::Rejected, Sign::Good, false, Code::ContextLengthExceeded),
            (&[400], ContentFiltered, Ended::Rejected, Sign::Good, false, Code::ContentFiltered),
        ];
        for (codes, kind, ended, sign, goes_on, code) in table {
            for number in *codes {
                let verdict = status(*number, *kind);
                let got = (verdict.ended, verdict.sign, verdict.goes_on, verdict.refusal.code);
                assert_eq!(got, (*ended, *sign, *goes_on, *code), "{number} {kind:?}");
            }
        }
    }

    #[test]
    fn a_machine_without_files_says_nothing_of_hosts() {
        #[derive(Debug, thiserror::Error)]
        #[error("no connection")]
        struct Wrapped(#[source] io::Error);
        let error = |number| Wrapped(io::Error::from_raw_os_error(number));
        assert!([12, 23, 24, 99, 105].iter().all(|ours| is_ours(&error(*ours))));
        assert!(![104, 110, 111, 113].iter().any(|theirs| is_ours(&error(*theirs))), "reset, late, refused, no way");
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
    fn a_host_in_trouble_that_asks_for_a_rest_gets_it() {
        let wait = Some(Duration::from_secs(9));
        let verdict = Verdict::of_status(StatusCode::SERVICE_UNAVAILABLE, &stated(HostErrorKind::Other), wait);
        assert_eq!((verdict.ended, verdict.sign), (Ended::HostError, Sign::RateLimited(wait)));
    }

    #[test]
    fn nothing_goes_on_once_the_time_is_over() {
        assert!(Verdict::of_trouble(&Trouble::Late(Late::FirstByte)).goes_on);
        assert!(!Verdict::of_trouble(&Trouble::Late(Late::Total)).goes_on);
        assert_eq!(Verdict::of_trouble(&Trouble::Late(Late::Total)).sign, Sign::Nothing);
        assert!(!Verdict::elsewhere().goes_on);
    }

    #[test]
    fn hosts_without_room_are_no_failure() {
        let full = |seconds: Option<u64>| {
            let after = seconds.map(Duration::from_secs);
            Verdict::of_status(StatusCode::TOO_MANY_REQUESTS, &stated(HostErrorKind::Other), after)
        };
        let told = |verdicts: &[Verdict], unfit: &[Unfit]| {
            let refusal = after_all(verdicts, unfit);
            (refusal.code, refusal.wait.map(Wait::seconds))
        };
        let rests = |seconds| Unfit { why: Why::Ejected, wait: Some(Duration::from_secs(seconds)) };
        let withdrawn = Unfit { why: Why::Withdrawn, wait: None };
        let unavailable = |seconds| (Code::UpstreamUnavailable, Some(seconds));
        assert_eq!(told(&[full(Some(30)), full(Some(9)), full(Some(7))], &[]), unavailable(7));
        assert_eq!(told(&[full(Some(30)), full(None)], &[]), unavailable(1));
        assert_eq!(told(&[full(Some(30))], &[rests(60), rests(4), withdrawn]), unavailable(4));
        assert_eq!(told(&[], &[rests(60), rests(5)]), unavailable(5));
        assert_eq!(told(&[], &[withdrawn]), unavailable(60));
        assert_eq!(told(&[full(Some(30)), status(500, HostErrorKind::Other)], &[]), (Code::UpstreamFailed, None));
        assert_eq!(told(&[status(500, HostErrorKind::Other)], &[rests(5)]), (Code::UpstreamFailed, None));
    }
}
