//! What a caller is told where no route is left: the refusal of the last step that any of them reached.

use std::time::Duration;

use phi_catalog::{AUTO, Row};
use phi_dialect::Misfit;
use phi_words::{Class, Code, Refusal, Wait};

use crate::moment::{Moment, Order, Wish};
use crate::residency::is_general_work;
use crate::{Dropped, Lack};

/// The name means nothing here.
pub(crate) fn unknown() -> Refusal {
    Refusal::new(
        Code::ModelNotFound,
        "no model of that name is known here",
        "`GET /v1/models` lists them; `auto` chooses one",
    )
    .at("model")
}

/// Whatever is asked, this kind of work is never done with PHI.
pub(crate) fn work(wish: &Wish<'_>) -> Option<Refusal> {
    let blocked = wish.class == Class::Phi && is_general_work(wish.modality);
    blocked.then(|| phi(wish, Lack::GeneralWork))
}

/// Of all routes that were dropped, the one that came furthest: it says why no route is left. Of those that came equally
/// far it is the one that would have been tried first.
#[derive(Debug, Default)]
pub(crate) struct Furthest<'a> {
    dropped: Option<(Dropped, Order<'a>)>,
    /// When the first of those that rest may be asked again.
    wait: Option<Duration>,
}

impl<'a> Furthest<'a> {
    pub(crate) fn hear(&mut self, moment: &Moment<'a>, wish: &Wish<'_>, row: &'a Row, rank: usize, dropped: &Dropped) {
        if let Dropped::Unfit(unfit) = dropped {
            self.wait = self.wait.into_iter().chain(unfit.wait).min();
        }
        let (step, before) = (dropped.step(), self.dropped.as_ref().map_or(0, |(dropped, _)| dropped.step()));
        // Those of the first step are all alike to the caller, and so are those with the same reason.
        let alike = self.dropped.as_ref().is_some_and(|(first, _)| first == dropped);
        if step == 0 || step < before || alike {
            return;
        }
        let order = moment.order(row, rank, wish);
        if step > before || self.dropped.as_ref().is_some_and(|(_, first)| order < *first) {
            self.dropped = Some((dropped.clone(), order));
        }
    }

    /// What the caller is told.
    pub(crate) fn refusal(&self, wish: &Wish<'_>) -> Refusal {
        match self.dropped.as_ref().map(|(dropped, _)| dropped) {
            Some(Dropped::Misfit(misfit)) => unsupported(misfit),
            Some(Dropped::NotEligible(lack)) => phi(wish, *lack),
            Some(Dropped::Denied) => denied(wish),
            Some(Dropped::Unfit(_)) => resting(self.wait),
            Some(
                Dropped::OtherWork
                | Dropped::NotLive
                | Dropped::LeftOut
                | Dropped::PinOnly
                | Dropped::OutsideRegion
                | Dropped::WeakEvidence
                | Dropped::NoCredential
                | Dropped::NoPrice
                | Dropped::OtherSpace
                | Dropped::TooMany,
            )
            | None => no_route(wish),
        }
    }
}

fn resting(wait: Option<Duration>) -> Refusal {
    Refusal::new(
        Code::UpstreamUnavailable,
        "every host that could answer rests, because it failed or has no room",
        "try again when `Retry-After` says",
    )
    .wait(Wait::new(wait.unwrap_or(Duration::from_secs(1))))
}

fn unsupported(misfit: &Misfit) -> Refusal {
    Refusal::from(misfit)
}

fn no_route(wish: &Wish<'_>) -> Refusal {
    let what = if wish.model.as_str() == AUTO { wish.modality.to_string() } else { "this model".to_owned() };
    Refusal::new(
        Code::NoRoute,
        format!("nobody serves {what} in the region {}", wish.region),
        "name another model or region; `GET /v1/models` with `X-Region` lists what a region serves",
    )
    .at("model")
}

fn phi(wish: &Wish<'_>, lack: Lack) -> Refusal {
    let region = wish.region;
    let (message, hint) = match lack {
        Lack::TestKey => ("a test key carries no PHI".to_owned(), "use a live key for requests with PHI"),
        Lack::GeneralWork => (
            format!("{} is for general traffic alone", wish.modality),
            "send nothing with PHI here; without any, send `X-PHI: false`",
        ),
        Lack::Durability => (
            "PHI needs entries that survive a power cut, and these do not".to_owned(),
            "the operator sets `record.durability = \"disk\"`",
        ),
        Lack::World => (
            "PHI is not sent into the region WORLD, where no place is promised".to_owned(),
            "name the region in which it may be processed in `X-Region`",
        ),
        Lack::Framework => (
            "this organization names no body of law, so no agreement can cover its PHI".to_owned(),
            "an operator names one with `--framework` when the organization is made",
        ),
        Lack::Evidence | Lack::Offer | Lack::Agreement | Lack::Customer => (
            format!("nobody serves this in the region {region} under an agreement for PHI"),
            "name another model or region; an operator attests agreements with `phi agreement add`",
        ),
    };
    Refusal::new(Code::PhiBlocked, message, hint).at("X-PHI")
}

fn denied(wish: &Wish<'_>) -> Refusal {
    if wish.test {
        let message =
            format!("a test key reaches free hosts alone, and none serves this in the region {}", wish.region);
        return Refusal::new(Code::PolicyDenied, message, "use a live key, or a model that is free");
    }
    let message = "the operator's rules allow none of the routes that could answer";
    Refusal::new(Code::PolicyDenied, message, "ask the operator which rule it was, or name another model")
}
