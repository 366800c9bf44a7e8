//! How many connections there may be: in all, and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The places of a listener.
#[derive(Debug)]
pub(crate) struct Places {
    in_all: usize,
    from_one: usize,
    taken: Mutex<Taken>,
    empty: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by: HashMap<IpAddr, usize>,
}

/// One of them, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    places: Arc<Places>,
    of: IpAddr,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    InAll,
    FromOne,
}

impl Full {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::InAll => "all",
            Self::FromOne => "address",
        }
    }
}

impl Places {
    pub(crate) fn new(in_all: usize, from_one: usize) -> Arc<Self> {
        Arc::new(Self { in_all, from_one, taken: Mutex::default(), empty: Notify::new() })
    }

    /// Takes a place for who comes from this address.
    pub(crate) fn take(self: &Arc<Self>, peer: IpAddr) -> Result<Seat, Full> {
        let of = network(peer);
        let mut taken = self.taken();
        if taken.in_all >= self.in_all {
            return Err(Full::InAll);
        }
        let from_here = taken.by.entry(of).or_default();
        if *from_here >= self.from_one {
            return Err(Full::FromOne);
        }
        *from_here += 1;
        taken.in_all += 1;
        Ok(Seat { places: Arc::clone(self), of })
    }

    /// Waits until all are given back.
    pub(crate) async fn wait_empty(&self) {
        loop {
            let empty = self.empty.notified();
            if self.taken().in_all == 0 {
                return;
            }
            empty.await;
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.in_all = taken.in_all.saturating_sub(1);
        if taken.in_all == 0 {
            self.places.empty.notify_waiters();
        }
        if let Some(from_here) = taken.by.get_mut(&self.of) {
            *from_here = from_here.saturating_sub(1);
            if *from_here == 0 {
                taken.by.remove(&self.of);
            }
        }
    }
}

/// Whom an address stands for: of IPv6 everybody has a whole /64.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(peer) => IpAddr::V4(peer),
        IpAddr::V6(peer) => IpAddr::V6(Ipv6Addr::from_bits(peer.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn nobody_takes_all_places_and_each_is_given_back() {
        let places = Places::new(3, 2);
        let mine = [places.take(ip("10.0.0.1")).expect("free"), places.take(ip("::ffff:10.0.0.1")).expect("free")];
        assert_eq!(places.take(ip("10.0.0.1")).expect_err("two are taken"), Full::FromOne);
        let other = places.take(ip("10.0.0.2")).expect("free");
        assert_eq!(places.take(ip("10.0.0.3")).expect_err("three are taken"), Full::InAll);
        drop(mine);
        let again = places.take(ip("10.0.0.1")).expect("free again");
        drop((other, again));
        assert!(places.taken().by.is_empty() && places.taken().in_all == 0);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let places = Places::new(9, 1);
        let one = places.take(ip("2001:db8:1:2::1")).expect("free");
        assert_eq!(places.take(ip("2001:db8:1:2:ffff::9")).expect_err("the same /64"), Full::FromOne);
        assert!(places.take(ip("2001:db8:1:3::1")).is_ok());
        drop(one);
        assert!(places.take(ip("2001:db8:1:2:ffff::9")).is_ok());
    }
}
