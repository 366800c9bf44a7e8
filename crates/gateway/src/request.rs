//! START READING HERE: [`Gateway::phases`] names the phases of a request in order and does nothing else. Each hands
//! the next a proof that cannot be made anywhere else.

mod tried;

use std::net::IpAddr;
use std::num::NonZero;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use phi_catalog::Catalogue;
use phi_dialect::Way;
use phi_dialect::multipart::Wrapping;
use phi_dialect::remote::Reading;
use phi_identify::Caller;
use phi_police::{Ask, Police, Terms};
use phi_record::{Opened, Recorder, Refused};
use phi_route::Plan;
use phi_upstream::{Ending, Failure, Fetched, Reply, Upstream};
use phi_words::{Class, Clock, Code, Modality, Refusal, Region, RequestId, Wait};
use tokio::sync::Semaphore;

use crate::body::{self, Body, read_body};
use crate::endpoints::{self, Endpoint, Shelf};
use crate::headers::{self, Told};
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::serve::Edge;
use crate::shares::{Scarce, Share, Shares};
use crate::snapshot::Snapshot;
use crate::surface::{self, Surface};
use crate::tap;

/// The request path, from a parsed head to the last byte of the answer.
#[derive(Debug)]
pub struct Gateway {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    pub(crate) leaving: AtomicBool,
    pub(crate) police: Police,
    pub(crate) shelf: Shelf,
    pub(crate) upstream: Upstream,
    pub(crate) bounds: Bounds,
    running: Arc<Shares>,
    bodies: Arc<Shares>,
    /// Images that are being fetched: each may hold a thread that waits for a name.
    images: Arc<Shares>,
    pace: Pace,
    /// Threads on which long bodies are read: as many as there are processors, so that the others are not kept from them.
    readers: Semaphore,
}

/// How much the gateway takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The longest body, in bytes.
    pub body_bytes: usize,
    /// The longest body of embeddings, in bytes.
    pub embeddings_bytes: usize,
    /// The longest body of a transcription, in bytes.
    pub audio_bytes: usize,
    /// The longest body with a document, in bytes.
    pub document_bytes: usize,
    /// Bytes of bodies that are held at once, until their answers begin; one more is refused as `overloaded`, and one more
    /// of an organization that holds most of them before.
    pub bodies_bytes: usize,
    /// The longest pause between two pieces of a body.
    pub body_idle: Duration,
    /// Requests that run at once; one more is refused as `overloaded`, and one more of an organization that has most of
    /// them before.
    pub running: usize,
    /// What each listener bears.
    pub edge: Edge,
}

impl Bounds {
    /// The longest body of a kind of work, in bytes, and the setting that says so.
    pub(crate) const fn longest(&self, modality: Modality) -> (usize, &'static str) {
        match modality {
            Modality::Embeddings => (self.embeddings_bytes, "gateway.embeddings_bytes"),
            Modality::Transcription => (self.audio_bytes, "gateway.audio_bytes"),
            Modality::Ocr => (self.document_bytes, "gateway.document_bytes"),
            Modality::Chat | Modality::Speech | Modality::Image | Modality::Video | Modality::Math => {
                (self.body_bytes, "gateway.body_bytes")
            }
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            body_bytes: 20 << 20,
            embeddings_bytes: 8 << 20,
            audio_bytes: 26 << 20,
            document_bytes: 70 << 20,
            bodies_bytes: 1 << 30,
            body_idle: Duration::from_secs(30),
            running: 4_096,
            edge: Edge::default(),
        }
    }
}

/// What is known of a call while it runs, for its reply's headers and for the record of its refusal.
pub(crate) struct Call {
    pub(crate) told: Told,
    peer: IpAddr,
    arrived: Instant,
    caller: Option<Caller>,
    way: Option<Way>,
    model: Option<String>,
    region: Option<Region>,
    class: Option<Class>,
    /// From the opened entry on, the entry records how it went; until then, a refusal is recorded as such.
    opened: bool,
    /// Its body is held until its answer begins.
    hold: Option<Share>,
    /// Its part of the images that are fetched at once, until it has them.
    images: Option<Share>,
    /// Its place among the requests that run, until the answer has it.
    place: Option<Share>,
}

impl Gateway {
    /// A gateway that judges by `snapshot` until another is put in its place.
    pub fn new(
        snapshot: Snapshot,
        police: Police,
        recorder: Arc<Recorder>,
        upstream: Upstream,
        clock: Clock,
        bounds: Bounds,
    ) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            recorder,
            metrics: Metrics::new(),
            clock,
            leaving: AtomicBool::new(false),
            police,
            shelf: Shelf::default(),
            upstream,
            bounds,
            running: Shares::new(bounds.running),
            bodies: Shares::new(bounds.bodies_bytes),
            images: Shares::new(IMAGES_AT_ONCE),
            pace: Pace::new(tokio::time::Instant::now()),
            readers: Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get)),
        }
    }

    /// What requests are judged by now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Puts another snapshot in the place of the one before: the next request is judged by it, and so is the next attempt
    /// of every request that is on its way.
    pub fn replace(&self, snapshot: Snapshot) {
        self.upstream.judge_by(Arc::clone(&snapshot.scene));
        self.health().forget(|route, credential| snapshot.scene.opens(route, credential));
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Which routes are fit to be tried.
    pub fn health(&self) -> &Arc<phi_route::Health> {
        self.upstream.health()
    }

    /// From now on `/readyz` says that this server is about to go; requests are still taken.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::SeqCst);
    }

    /// From now on nobody is let in, and what runs ends: requests are refused as `draining`, and streams end with that.
    pub fn end(&self) {
        self.upstream.end();
    }

    /// Waits a little until hosts are told to delete what they keep of what was asked of them.
    pub async fn part(&self) {
        self.upstream.farewells(LAST_WORDS).await;
    }

    /// Answers one request. A panic is a bug: it is caught here, recorded by the entry's drop, and never shown.
    pub async fn answer(&self, peer: IpAddr, request: Request<Incoming>) -> Response<Body> {
        let mut call = Call::new(peer);
        let answered = AssertUnwindSafe(self.run(&mut call, request)).catch_unwind().await;
        let answered = answered.unwrap_or_else(|_| Err(Failure::before(internal())));
        let response = match answered {
            Ok(response) => response,
            Err(failure) => self.refuse(&mut call, failure).await,
        };
        self.metrics.replied(call.modality(), response.status(), call.arrived.elapsed());
        response
    }

    /// Answers in the place of a request that could not be read, on a connection that ends with it.
    pub(crate) async fn turn_away(&self, peer: IpAddr, refusal: Refusal) -> Response<Body> {
        let mut call = Call::new(peer);
        let refusal = self.place().err().unwrap_or(refusal);
        let mut response = self.refuse(&mut call, Failure::before(refusal)).await;
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        self.metrics.replied(None, response.status(), call.arrived.elapsed());
        response
    }

    async fn run(&self, call: &mut Call, request: Request<Incoming>) -> Result<Response<Body>, Failure> {
        call.told.surface = Surface::of(&request);
        call.place = Some(self.place()?);
        let endpoint = endpoints::find(&request)?;
        let response = match endpoint {
            // What strangers are given is there already. It holds no place, so that they keep nobody out by reading slowly.
            Endpoint::Health => return Ok(endpoints::health()),
            Endpoint::Pricing(filter) => return Ok(self.pricing(call, &filter, request.headers())?),
            Endpoint::Ask(way) => {
                call.way = Some(way);
                let (parts, body) = request.into_parts();
                // In a place of its own: what is awaited by value is moved as often as there are callers around it.
                let reply = Box::pin(self.phases(call, way, &parts.headers, body)).await?;
                tap::respond(call, way, reply, self.upstream.ending()).await?
            }
            Endpoint::Explain => {
                let (parts, body) = request.into_parts();
                self.explain(call, &parts.headers, body).await?
            }
            Endpoint::Count => {
                let (parts, body) = request.into_parts();
                self.count(call, &parts.headers, body).await?
            }
            Endpoint::Look(look) => self.look(call, &look, request.headers()).await?,
        };
        let place = call.place.take();
        Ok(response.map(|body| body.holding(place, &self.bodies)))
    }

    /// The phases of a request that may reach a host.
    async fn phases(
        &self,
        call: &mut Call,
        way: Way,
        headers: &http::HeaderMap,
        body: Incoming,
    ) -> Result<Reply, Failure> {
        let snapshot = self.snapshot.load_full();
        let caller = self.identify(call, &snapshot, headers)?; // who
        let slot = self.admit(call, &caller)?; // rate and concurrency; ends with the answer's last byte
        let terms = self.terms(call, &snapshot, caller, headers)?; // region, class, floors
        let ask = self.read(call, &snapshot, terms, way, headers, body).await?; // the body is read only now
        let permit = self.police.permit(ask)?; // may they: judges the request, and then every route
        let plan = self.plan(call, &snapshot, permit)?; // who answers: what residency law and permit allow
        let opened = self.recorder.open(call.told.id, None, plan, slot, call.arrived).await?; // durable
        call.opened = true;
        let fetched = self.fetch(call, opened).await?; // images at an address, where the operator allows that
        self.upstream.walk(fetched).await
    }

    pub(crate) fn identify(
        &self,
        call: &mut Call,
        snapshot: &Snapshot,
        headers: &http::HeaderMap,
    ) -> Result<Caller, Failure> {
        let caller = snapshot.directory.caller(call.peer, headers, self.clock.now()).map_err(|error| {
            self.metrics.unidentified(&error);
            Failure::before(Refusal::from(&error))
        })?;
        call.caller = Some(caller.clone());
        Ok(caller)
    }

    pub(crate) fn admit(&self, call: &mut Call, caller: &Caller) -> Result<phi_police::Slot, Failure> {
        if let Some(place) = &mut call.place {
            place.for_one(caller.org().id).map_err(full)?;
        }
        let slot = self.police.admit(caller).map_err(|admission| {
            call.told.rate = admission.rate;
            Failure::before(admission.refusal)
        })?;
        call.told.rate = slot.rate();
        Ok(slot)
    }

    pub(crate) fn terms(
        &self,
        call: &mut Call,
        snapshot: &Snapshot,
        caller: Caller,
        headers: &http::HeaderMap,
    ) -> Result<Terms, Failure> {
        let wishes = headers::wishes(headers, snapshot.scene.catalogue())?;
        let terms = self.police.terms(caller, wishes)?;
        call.region = Some(terms.region().clone());
        call.class = Some(terms.class());
        (call.told.region, call.told.class) = (call.region.clone(), call.class);
        Ok(terms)
    }

    async fn read(
        &self,
        call: &mut Call,
        snapshot: &Snapshot,
        terms: Terms,
        way: Way,
        headers: &http::HeaderMap,
        body: Incoming,
    ) -> Result<Ask, Refusal> {
        let (body, wrapping) = self.body(call, way, headers, body).await?;
        let (asked, reading) = (body.clone(), self.reading(&terms, snapshot.scene.catalogue()));
        let sealer = self.upstream.sealer(terms.caller().org().id, reading.class);
        let mut question = if way.modality() == Modality::Chat && asked.len() <= READ_AT_ONCE {
            way.read(asked, reading, &sealer)?
        } else {
            let _turn = self.readers.acquire().await;
            let reading = move || way.read_wrapped(&wrapping, asked, reading, &sealer);
            let reading = tokio::task::spawn_blocking(reading);
            reading.await.unwrap_or_else(|_| Err(internal()))?
        };
        if headers::names_betas(headers) {
            question.leave_out("anthropic-beta");
        }
        if !question.remotes().is_empty() {
            let images = call.images.insert(self.images.share());
            images
                .for_one(terms.caller().org().id)
                .and_then(|()| images.grow(question.remotes().len()))
                .map_err(crowded)?;
        }
        call.model = Some("unknown".to_owned());
        Ok(terms.ask(question, body))
    }

    /// How a body is read under these terms.
    pub(crate) fn reading(&self, terms: &Terms, catalogue: &Catalogue) -> Reading {
        Reading { class: terms.class(), images: self.upstream.images(terms.region(), catalogue) }
    }

    /// Images that are fetched are bytes of the body.
    async fn fetch(&self, call: &mut Call, opened: Opened) -> Result<Fetched, Failure> {
        let mut room = |bytes| call.hold.as_mut().map_or(Ok(()), |hold| hold.grow(bytes).map_err(body::scarce));
        let fetched = self.upstream.fetch(opened, &mut room).await;
        call.images = None;
        fetched
    }

    /// Reads a body within the bounds of its kind of work, and of all.
    pub(crate) async fn body(
        &self,
        call: &mut Call,
        way: Way,
        headers: &http::HeaderMap,
        body: Incoming,
    ) -> Result<(phi_words::Prompt, Wrapping), Refusal> {
        let hold = call.hold.insert(self.bodies.share());
        if let Some(caller) = &call.caller {
            hold.for_one(caller.org().id).map_err(body::scarce)?;
        }
        let mut ending = self.upstream.ending();
        tokio::select! {
            biased;
            read = read_body(headers, body, way, self.bounds.longest(way.modality()), self.bounds.body_idle, hold) => read,
            () = ending.wait() => Err(Ending::refusal()),
        }
    }

    fn plan(&self, call: &mut Call, snapshot: &Snapshot, permit: phi_police::Permit) -> Result<Plan, Refusal> {
        let question = permit.ask().question();
        if snapshot.scene.catalogue().knows(question.model()) {
            call.model = Some(question.model().to_string());
        }
        phi_route::plan(permit, &snapshot.scene, self.health(), snapshot.version, self.clock.now())
    }

    /// A place among the requests that run, given back with the answer's last byte.
    fn place(&self) -> Result<Share, Refusal> {
        if self.upstream.is_ending() {
            return Err(Ending::refusal());
        }
        let mut place = self.running.share();
        place.grow(1).map_err(full)?;
        Ok(place)
    }

    async fn refuse(&self, call: &mut Call, failure: Failure) -> Response<Body> {
        let Failure { refusal, receipt } = failure;
        if let Some(receipt) = &receipt {
            call.told.attempts = receipt.attempts;
            call.told.cost = Some(receipt.cost);
            call.told.usage = Some(receipt.quality);
        } else if !call.opened && (call.way.is_some() || call.caller.is_none()) {
            self.recorder.refuse(call.refused(refusal.code)).await;
        }
        if matches!(refusal.code, Code::Overloaded | Code::RateLimited) {
            (call.place, call.hold, call.images) = (None, None, None);
            self.pace().await;
        }
        call.told.wait = refusal.wait;
        call.told.retry = may_retry(refusal.code, receipt.as_deref());
        self.metrics.refused(refusal.code);
        let mut response = Response::new(Body::from(surface::error_body(call.told.surface, &refusal, call.told.id)));
        *response.status_mut() = surface::status(call.way, refusal.code);
        call.told.write(response.headers_mut());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if refusal.code == Code::RequestTooLarge || refusal.code == Code::UnsupportedMediaType {
            // What is left of the body is not read, so the connection cannot be used again.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Waits before there is said once more that there is no room; not beyond the end.
    async fn pace(&self) {
        let pause = self.pace.pause(tokio::time::Instant::now());
        if !pause.is_zero() {
            let mut ending = self.upstream.ending();
            drop(tokio::time::timeout(pause, ending.wait()).await);
        }
    }

    /// What was refused for want of room, as figures in the text format of metrics.
    pub(crate) fn shed(&self) -> String {
        let mut text = "# TYPE phi_shed counter\n".to_owned();
        for (name, shares) in [("running", &self.running), ("bodies", &self.bodies), ("images", &self.images)] {
            let [in_all, for_one] = shares.refused();
            text += &format!("phi_shed_total{{bound=\"{name}\"}} {in_all}\n");
            text += &format!("phi_shed_total{{bound=\"{name}_organization\"}} {for_one}\n");
        }
        text
    }

    /// How many requests run now.
    pub fn running(&self) -> usize {
        self.running.in_all()
    }
}

/// A longer body is read on a thread of its own, and so are embeddings, whose first tokens load a vocabulary: others wait
/// for nobody's megabytes.
const READ_AT_ONCE: usize = 64 << 10;
/// How many images are fetched at once.
const IMAGES_AT_ONCE: usize = 64;
/// How long the last words to hosts may take when all else is over.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Whether the same request may be sent again as it is: not where that cannot help, nor where a host had it already,
/// which would pay or disclose twice.
fn may_retry(code: Code, receipt: Option<&phi_record::Receipt>) -> bool {
    match code {
        Code::UpstreamFailed | Code::UpstreamTruncated | Code::UpstreamTimeout | Code::Draining => {
            receipt.is_none_or(|receipt| receipt.reach == phi_record::Reach::NotSent)
        }
        Code::Overloaded
        | Code::VaultSealed
        | Code::RateLimited
        | Code::LedgerUnavailable
        | Code::UpstreamUnavailable => true,
        Code::InvalidRequest
        | Code::NotFound
        | Code::MethodNotAllowed
        | Code::InvalidApiKey
        | Code::InvalidHeader
        | Code::AmbiguousHeader
        | Code::UnsupportedParameter
        | Code::ClassFloor
        | Code::RegionFloor
        | Code::RequestTooLarge
        | Code::UnsupportedMediaType
        | Code::InvalidJson
        | Code::DuplicateKey
        | Code::PolicyDenied
        | Code::ModelNotFound
        | Code::NoRoute
        | Code::PhiBlocked
        | Code::ContextLengthExceeded
        | Code::ContentFiltered
        | Code::UpstreamRejected
        | Code::Internal => false,
    }
}

fn full(scarce: Scarce) -> Refusal {
    let message = match scarce {
        Scarce::InAll => "this server has more requests than it takes on",
        Scarce::ForOne => "this server has many requests, and most of them are of your organization",
    };
    Refusal::new(Code::Overloaded, message, "try again shortly").wait(Wait::new(Duration::from_secs(1)))
}

fn crowded(scarce: Scarce) -> Refusal {
    let message = match scarce {
        Scarce::InAll => "this server is fetching as many images as it takes on",
        Scarce::ForOne => "this server is fetching many images, and most of them are for your organization",
    };
    let hint = "try again shortly, or send the images themselves";
    Refusal::new(Code::Overloaded, message, hint).wait(Wait::new(Duration::from_secs(1)))
}

pub(crate) fn internal() -> Refusal {
    Refusal::new(Code::Internal, "something went wrong on our side", "report the `x-request-id` to the operator")
}

impl Call {
    fn new(peer: IpAddr) -> Self {
        Self {
            told: Told::new(RequestId::new()),
            peer,
            arrived: Instant::now(),
            caller: None,
            way: None,
            model: None,
            region: None,
            class: None,
            opened: false,
            hold: None,
            images: None,
            place: None,
        }
    }

    /// What kind of work it asks for.
    fn modality(&self) -> Option<Modality> {
        self.way.map(Way::modality)
    }

    fn refused(&self, code: Code) -> Refused {
        Refused {
            id: self.told.id,
            code,
            who: self.caller.as_ref().map(Into::into).ok_or(self.peer),
            modality: self.modality(),
            model: self.model.clone(),
            region: self.region.clone(),
            class: self.class,
        }
    }
}
