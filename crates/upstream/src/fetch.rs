//! The third door: images that a request names by their address. This gateway fetches them, so that no host is told where
//! they stand, and only once the entry is durable. Nothing of the request goes there but the address that it names.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::try_join_all;
use phi_catalog::{Catalogue, Extent};
use phi_dialect::Question;
use phi_dialect::middle::Media;
use phi_dialect::remote::{ImageAddress, Images, Remote, Sources};
use phi_police::{Ask, Permit};
use phi_record::{Entry, Opened, Outcome};
use phi_route::Planned;
use phi_words::{Class, Code, Country, Refusal, Region};
use tokio::time::{Instant, timeout_at};

use crate::{Ending, Failure, Upstream};

/// How long all images of a request may take.
const WITHIN: Duration = Duration::from_secs(10);
/// How many bytes they may have together.
const MOST: usize = 20 << 20;

/// The operator's leave to fetch images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetching {
    country: Country,
    sources: Arc<Sources>,
}

impl Fetching {
    /// For a gateway that stands in this country, and for requests alone whose region holds it; from these hosts (`HOST` or
    /// `HOST:PORT`), or where none is named from every host of the public internet, at port 443.
    ///
    /// # Errors
    /// The first of the hosts that is none.
    pub fn new(country: Country, hosts: &[String]) -> Result<Self, &str> {
        Sources::parse(hosts).map(|sources| Self { country, sources: Arc::new(sources) })
    }
}

/// What is told how many bytes more a request is about to hold, and may refuse them.
pub type Room<'a> = &'a mut (dyn FnMut(usize) -> Result<(), Refusal> + Send);

/// Proof that whatever a request names is inside it. Only [`Upstream::fetch`] makes it, of an opened entry and nothing less:
///
/// ```compile_fail
/// async fn early(upstream: &phi_upstream::Upstream, plan: phi_route::Plan) -> Result<phi_upstream::Reply, phi_upstream::Failure> {
///     let fetched = upstream.fetch(plan, &mut |_| Ok(())).await?;
///     upstream.walk(fetched).await
/// }
/// ```
/// ```compile_fail
/// async fn unfetched(upstream: &phi_upstream::Upstream, opened: phi_record::Opened) -> Result<phi_upstream::Reply, phi_upstream::Failure> {
///     upstream.walk(opened).await
/// }
/// ```
/// ```
/// async fn in_turn(upstream: &phi_upstream::Upstream, opened: phi_record::Opened) -> Result<phi_upstream::Reply, phi_upstream::Failure> {
///     let fetched = upstream.fetch(opened, &mut |_| Ok(())).await?;
///     upstream.walk(fetched).await
/// }
/// ```
#[derive(Debug)]
pub struct Fetched {
    pub(crate) permit: Permit,
    pub(crate) routes: Vec<Planned>,
    pub(crate) entry: Entry,
    /// What is asked, with its images inside; `None` where they always were.
    pub(crate) question: Option<Question>,
}

/// Why an image was not fetched. It says nothing of the address, nor of what is there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfetched {
    #[error("names an image whose host cannot be connected to, or gives no whole answer")]
    NoAnswer,
    #[error("names an image whose host answers with another status than 200; redirects are not followed")]
    Status,
    #[error("names what is no png, jpeg, gif or webp, by its media type and by its first bytes")]
    Kind,
    #[error("names an image of more than 8 MiB")]
    TooLong,
    #[error("names one of several images that have more than 20 MiB together")]
    TooMuch,
    #[error("names an image that did not come in time, which is 10 seconds for all of them")]
    Late,
    #[error("names an image for which there is no room")]
    Full(Refusal),
}

impl Upstream {
    /// Where the images of a request in this region may stand.
    pub fn images(&self, region: &Region, catalogue: &Catalogue) -> Images {
        let Some(Fetching { country, sources }) = &self.fetching else { return Images::Inside };
        let here = Extent::Countries([*country].into());
        match catalogue.region(region) {
            Some(territory) if here.is_within(&territory.extent) => Images::At(Arc::clone(sources)),
            Some(_) | None => Images::Abroad,
        }
    }

    /// Fetches the images that an opened request names by their address, each once, and puts them in their place. `room` is
    /// asked before they are held.
    ///
    /// # Errors
    /// `invalid_request` with the path of the image that could not be had, `overloaded` where there is no room, `draining`
    /// at the end; the entry is closed.
    pub async fn fetch(&self, opened: Opened, room: Room<'_>) -> Result<Fetched, Failure> {
        let (plan, mut entry) = opened.into_parts();
        let count = plan.permit().ask().question().remotes().len();
        if count == 0 {
            let (permit, routes) = plan.into_parts();
            return Ok(Fetched { permit, routes, entry, question: None });
        }
        let catalogue = Arc::clone(plan.catalogue());
        let (permit, mut routes) = plan.into_parts();
        // Said before anything leaves, so that it is said of those who leave too.
        entry.intervention(&format!("image_fetched:{count}"));
        let mut ending = self.ending();
        let furnished = tokio::select! {
            biased;
            furnished = self.furnish(permit.ask(), &catalogue, room) => furnished,
            () = ending.wait() => Err(Ending::refusal()),
        };
        let carried = furnished.and_then(|question| {
            // What kind of image it is nobody knew when the routes were planned.
            routes.retain(|planned| question.fits(planned.carry()).is_ok());
            if routes.is_empty() { Err(beyond()) } else { Ok(question) }
        });
        match carried {
            Ok(question) => Ok(Fetched { permit, routes, entry, question: Some(question) }),
            Err(refusal) => {
                tracing::warn!(id = %entry.id(), code = ?refusal.code, "the images of a request were not fetched");
                let receipt = entry.close(Outcome::Failed(refusal.code)).await;
                Err(Failure { refusal, receipt: Some(Box::new(receipt)) })
            }
        }
    }

    async fn furnish(&self, ask: &Ask, catalogue: &Catalogue, room: Room<'_>) -> Result<Question, Refusal> {
        let (terms, question) = (ask.terms(), ask.question());
        // The law is asked here once more, whoever read the request.
        match (terms.class(), self.images(terms.region(), catalogue)) {
            (Class::General, Images::At(_)) => {}
            (Class::Phi, _) | (Class::General, Images::Inside | Images::Abroad) => return Err(lawless()),
        }
        let images = self.images_of(question.remotes(), room).await?;
        let (asked, class) = (question.clone(), terms.class());
        let sealer = self.sealer(terms.caller().org().id, class);
        // What is megabytes long is nobody else's wait.
        let read = tokio::task::spawn_blocking(move || asked.furnish(&images, class, &sealer)).await;
        read.unwrap_or_else(|_| Err(lawless()))
    }

    async fn images_of(&self, remotes: &[Remote], room: Room<'_>) -> Result<Vec<Media>, Refusal> {
        let quota = &Quota { held: AtomicUsize::new(0), room: Mutex::new(room) };
        let by = Instant::now() + WITHIN.min(self.client.deadlines().total);
        let mut once: BTreeMap<&ImageAddress, &str> = BTreeMap::new();
        for remote in remotes {
            once.entry(remote.address()).or_insert_with(|| remote.path());
        }
        let fetching = once.into_iter().map(|(address, path)| async move {
            let image = self.client.image(address, |bytes| quota.take(bytes));
            let fetched = timeout_at(by, image).await.unwrap_or(Err(Unfetched::Late));
            fetched.map(|image| (address, image)).map_err(|why| refusal(path, why))
        });
        let found: BTreeMap<_, _> = try_join_all(fetching).await?.into_iter().collect();
        Ok(remotes.iter().filter_map(|remote| found.get(remote.address()).cloned()).collect())
    }
}

/// What the images of one request may come to.
struct Quota<'a> {
    held: AtomicUsize,
    room: Mutex<Room<'a>>,
}

impl Quota<'_> {
    /// Room for so many bytes more, which are held in base64.
    fn take(&self, bytes: usize) -> Result<(), Unfetched> {
        if self.held.fetch_add(bytes, Ordering::Relaxed) + bytes > MOST {
            return Err(Unfetched::TooMuch);
        }
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        room(bytes.div_ceil(3) * 4).map_err(Unfetched::Full)
    }
}

fn refusal(path: &str, why: Unfetched) -> Refusal {
    let message = format!("`{path}` {why}");
    match why {
        Unfetched::Full(refusal) => refusal,
        Unfetched::NoAnswer
        | Unfetched::Status
        | Unfetched::Kind
        | Unfetched::TooLong
        | Unfetched::TooMuch
        | Unfetched::Late => {
            let hint = "send the image itself, or the https address of one that anybody may fetch";
            Refusal::new(Code::InvalidRequest, message, hint).at(path.to_owned())
        }
    }
}

fn beyond() -> Refusal {
    let hint = "send a png, jpeg or webp";
    Refusal::new(Code::UnsupportedParameter, "no route of the model takes images of this kind", hint).at("messages")
}

fn lawless() -> Refusal {
    Refusal::new(Code::Internal, "something went wrong on our side", "report the `x-request-id` to the operator")
}
