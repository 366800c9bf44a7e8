//! Connections that are kept for the next request, and the one rule of sending again: only what certainly never left.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::uri::{Authority, Scheme, Uri};
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::connect::{ConnectError, Connector};
use super::link::{Link, Piece, Ping, Place, Refused, Shared, poll_piece, run};
use super::single::Single;
use super::{Outgoing, Trouble};
use crate::deadline::Late;

/// Connections to one host that are kept for the next request.
const MOST_KEPT: usize = 256;
/// A connection that was not used between two sweeps is closed. Providers close theirs after a minute or more; a short
/// time keeps the chance small that one is closed just as it is used again.
const SWEEP: Duration = Duration::from_secs(10);

/// The connections to the hosts that one connector may reach.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    connector: Connector,
    ping: Ping,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    hosts: HashMap<Door, Vec<Entry>>,
    is_swept: bool,
}

/// Whom a connection leads to.
type Door = (Scheme, Authority);

struct Entry {
    link: Link,
    /// Whether it was used since the last sweep.
    used: bool,
}

/// A connection that was found.
enum Found {
    Single(Single),
    Shared(Shared, Place),
}

/// What an answer holds of its connection, until it was read to its end or is dropped.
pub(super) enum Hold {
    /// Nothing yet.
    None,
    /// All of it; then it is kept, if it can be used again.
    Single(Option<(Single, Pool, Door)>),
    /// A place on it.
    Shared(Place),
}

impl Pool {
    pub(super) fn new(connector: Connector, ping: Ping) -> Self {
        Self(Arc::new(Inner { connector, ping, kept: Mutex::default() }))
    }

    /// Sends a request on a connection that is kept, or on a new one, and waits for the head of the answer.
    pub(super) async fn send(
        &self,
        request: Request<Outgoing>,
        (due, late): (Instant, Late),
    ) -> Result<(Response<Incoming>, Hold), Trouble> {
        let mut hold = Hold::None;
        match timeout_at(due, self.send_somewhere(request, &mut hold)).await {
            Ok(answer) => Ok((answer?, hold)),
            Err(_) => {
                hold.retire();
                Err(Trouble::Late(late))
            }
        }
    }

    /// A request that a kept connection gives back untouched is sent on another; one of which anything may have left
    /// never is, for a second sending is a second purchase.
    async fn send_somewhere(
        &self,
        mut request: Request<Outgoing>,
        hold: &mut Hold,
    ) -> Result<Response<Incoming>, Trouble> {
        let uri = request.uri().clone();
        let door = door(&uri).ok_or(Trouble::Connect(ConnectError::NoAddress))?;
        while let Some(found) = self.0.find(&door) {
            match self.send_on(found, request, &uri, &door, hold).await {
                Ok(answer) => return Ok(answer),
                Err(mut refused) => {
                    let untouched = refused.take_message().filter(|request| !request.body().has_left());
                    request = untouched.ok_or_else(|| Trouble::from_sending(refused.into_error()))?;
                }
            }
        }
        let found = self.connect(&uri, &door).await?;
        let answer = self.send_on(found, request, &uri, &door, hold).await;
        answer.map_err(|refused| Trouble::from_sending(refused.into_error()))
    }

    async fn connect(&self, uri: &Uri, door: &Door) -> Result<Found, Trouble> {
        let pipe = self.0.connector.connect(uri).await.map_err(Trouble::Connect)?;
        let link = Link::open(pipe, self.0.ping).await;
        match link.map_err(|error| Trouble::Connect(ConnectError::Http(error.into())))? {
            Link::Single(single) => Ok(Found::Single(single)),
            Link::Shared(shared) => {
                let place = shared.place().ok_or(Trouble::Connect(ConnectError::Closed))?;
                self.keep(door.clone(), Link::Shared(shared.clone()));
                Ok(Found::Shared(shared, place))
            }
        }
    }

    async fn send_on(
        &self,
        found: Found,
        request: Request<Outgoing>,
        uri: &Uri,
        door: &Door,
        hold: &mut Hold,
    ) -> Result<Response<Incoming>, Box<Refused>> {
        match found {
            Found::Shared(mut shared, place) => {
                *hold = Hold::Shared(place);
                shared.send(request, uri).await
            }
            Found::Single(mut single) => {
                *hold = Hold::None;
                let response = single.send(request, uri).await?;
                *hold = Hold::Single(Some((single, self.clone(), door.clone())));
                Ok(response)
            }
        }
    }

    fn keep(&self, door: Door, link: Link) {
        let mut kept = self.0.kept();
        let entries = kept.hosts.entry(door).or_default();
        if entries.len() < MOST_KEPT {
            entries.push(Entry { link, used: true });
        }
        if !std::mem::replace(&mut kept.is_swept, true) {
            run(sweep(Arc::downgrade(&self.0)));
        }
    }

    /// Closes what was not used since the last time, and what its host has closed. Whether anything is left.
    pub(super) fn sweep(&self) -> bool {
        let mut kept = self.0.kept();
        kept.hosts.retain(|_, entries| {
            entries.retain_mut(|entry| {
                let is_used = std::mem::replace(&mut entry.used, false);
                entry.is_good() && (is_used || !entry.is_idle())
            });
            !entries.is_empty()
        });
        kept.is_swept = !kept.hosts.is_empty();
        kept.is_swept
    }
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection with a place for a request: the one used last by HTTP/1.1, the first with room by HTTP/2, so that
    /// those that are not needed fall idle.
    fn find(&self, door: &Door) -> Option<Found> {
        let mut kept = self.kept();
        let entries = kept.hosts.get_mut(door)?;
        entries.retain(|entry| match &entry.link {
            Link::Single(_) => true,
            Link::Shared(shared) => shared.is_good(),
        });
        let shared = entries.iter_mut().find_map(|entry| {
            let Link::Shared(shared) = &entry.link else { return None };
            let place = shared.place()?;
            entry.used = true;
            Some(Found::Shared(shared.clone(), place))
        });
        shared.or_else(|| {
            while let Some(at) = entries.iter().rposition(|entry| matches!(entry.link, Link::Single(_))) {
                if let Link::Single(mut single) = entries.remove(at).link
                    && single.is_ready()
                {
                    return Some(Found::Single(single));
                }
            }
            None
        })
    }
}

impl Hold {
    /// Whether others hold the connection too.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// The next piece of the answer that holds it.
    pub(super) fn poll_piece(&mut self, cx: &mut Context<'_>, body: &mut Incoming) -> Poll<Piece> {
        match self {
            Self::Single(Some((single, ..))) => single.poll_piece(cx, body),
            Self::None | Self::Single(None) | Self::Shared(_) => poll_piece(cx, body),
        }
    }

    /// The same, and nobody is woken for it.
    pub(super) fn look(&mut self, body: &mut Incoming) -> Poll<Piece> {
        match self {
            Self::Single(Some((single, ..))) => single.look(body),
            Self::None | Self::Single(None) | Self::Shared(_) => {
                poll_piece(&mut Context::from_waker(Waker::noop()), body)
            }
        }
    }

    /// Gives the connection no further requests: its host has left one without a word. One by HTTP/1.1 closes anyway.
    pub(super) fn retire(&self) {
        if let Self::Shared(place) = self {
            place.retire();
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Self::Single(held) = self else { return };
        if let Some((mut single, pool, door)) = held.take()
            && single.is_ready()
        {
            pool.keep(door, Link::Single(single));
        }
    }
}

async fn sweep(pool: Weak<Inner>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if !pool.upgrade().is_some_and(|inner| Pool(inner).sweep()) {
            return;
        }
    }
}

impl Entry {
    fn is_good(&mut self) -> bool {
        match &mut self.link {
            Link::Single(single) => single.is_ready(),
            Link::Shared(shared) => shared.is_good(),
        }
    }

    fn is_idle(&self) -> bool {
        match &self.link {
            Link::Single(_) => true,
            Link::Shared(shared) => shared.is_idle(),
        }
    }
}

fn door(uri: &Uri) -> Option<Door> {
    Some((uri.scheme()?.clone(), uri.authority()?.clone()))
}
