//! Small random worlds as plain numbers and words: sets are bits, so that the oracle needs none of the types that it
//! judges.

mod draw;
mod write;

use std::collections::BTreeSet;

use phi_catalog::Evidence;
use phi_words::{CredentialId, Framework, OrgId};

use crate::Settings;

pub(super) const COUNTRIES: [&str; 5] = ["CH", "DE", "FR", "US", "GB"];
/// The last three before `WORLD` are an operator's own.
pub(super) const REGIONS: [&str; 8] = ["CH", "EU", "US", "UK", "DACH", "GAUL", "WIDE", "WORLD"];
pub(super) const WORLD: usize = 7;
pub(super) const FRAMEWORKS: [&str; 3] = ["HIPAA", "GDPR", "nFADP"];
pub(super) const CAPABILITIES: [&str; 2] = ["tools", "vision"];
pub(super) const WORKS: [&str; 8] = ["chat", "embeddings", "ocr", "transcription", "speech", "image", "video", "math"];
pub(super) const EMBEDDINGS: usize = 1;
pub(super) const TIERS: [&str; 3] = ["fast", "baseline", "thinking"];
pub(super) const BASELINE: usize = 1;
pub(super) const CURRENCIES: [&str; 3] = ["USD", "EUR", "CHF"];
/// The first two have vectors of one length.
pub(super) const SPACES: [(&str, u32); 3] = [("s", 3), ("t", 3), ("u", 5)];
pub(super) const EVIDENCE: [(&str, Evidence); 3] =
    [("contract", Evidence::Contract), ("vendor", Evidence::Vendor), ("unverified", Evidence::Unverified)];
pub(super) const UNVERIFIED: usize = 2;
pub(super) const PROVIDERS: usize = 3;
pub(super) const ORGS: usize = 2;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct World {
    /// Whether routes of work that is not built yet are live all the same.
    pub(super) rehearsed: bool,
    pub(super) rows: Vec<WRow>,
    pub(super) aliases: Vec<WAlias>,
    pub(super) offers: Vec<WOffer>,
    pub(super) agreements: Vec<WAgreement>,
    pub(super) keys: Vec<WKey>,
    /// Bits of countries of each region.
    pub(super) inside: [u8; 8],
    /// For each region, the resident providers in order.
    pub(super) residents: [Vec<usize>; 8],
    /// What a unit of each currency is worth, in micro-USD.
    pub(super) rates: [u64; 3],
    /// What `auto` means for embeddings.
    pub(super) embeddings: String,
    pub(super) orgs: [OrgId; ORGS],
}

/// A route with a host of its own. Its id is its place among the rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WRow {
    pub(super) provider: usize,
    /// The model's name in the catalogue, without the provider in front.
    pub(super) model: String,
    /// The provider's own id of it.
    pub(super) own: String,
    pub(super) work: usize,
    pub(super) space: usize,
    /// Bits of countries; `None` for anywhere.
    pub(super) places: Option<u8>,
    pub(super) evidence: usize,
    pub(super) premises: bool,
    pub(super) free: bool,
    pub(super) auth: WAuth,
    /// Whether the address has a gap that a key fills.
    pub(super) gap: bool,
    pub(super) live: bool,
    pub(super) pin_only: bool,
    pub(super) retires: Option<WRetires>,
    pub(super) capabilities: u8,
    pub(super) tier: Option<usize>,
    pub(super) price: Option<WPrice>,
}

/// How a host is opened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum WAuth {
    Nothing,
    Plain,
    Account,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WRetires {
    /// Days from today to the first without it.
    pub(super) days: i32,
    pub(super) by_vendor: bool,
}

/// Micros of the currency: for a million tokens in and out, and for what the work is counted in besides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WPrice {
    pub(super) currency: usize,
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) unit: Option<u64>,
    /// Tokens of input above which tokens cost so many times as much.
    pub(super) above: Option<(u64, u64)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct WAlias {
    pub(super) name: String,
    /// Catalogue names in order for each region; `None` where the region is left out.
    pub(super) models: [Option<Vec<String>>; 8],
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct WOffer {
    pub(super) provider: usize,
    pub(super) countries: u8,
    pub(super) frameworks: u8,
    /// Bits of works.
    pub(super) works: u8,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct WAgreement {
    /// `None`: with the customer.
    pub(super) provider: Option<usize>,
    pub(super) org: Option<usize>,
    pub(super) key: Option<usize>,
    pub(super) countries: u8,
    pub(super) frameworks: u8,
    pub(super) works: u8,
    /// Days from today: verified, due for review.
    pub(super) from: i32,
    pub(super) until: i32,
    pub(super) revoked: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct WKey {
    pub(super) provider: usize,
    pub(super) org: Option<usize>,
    /// Whether it is a service account's.
    pub(super) account: bool,
    /// Bits of the rows whose hosts it is limited to.
    pub(super) hosts: Option<u32>,
    /// Whether it brings what fills the gap of an address.
    pub(super) fills: bool,
    /// Days since it was sealed; no two are of one day.
    pub(super) age: i32,
    pub(super) revoked: bool,
    pub(super) id: CredentialId,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) work: usize,
    pub(super) region: usize,
    pub(super) phi: bool,
    pub(super) tier: Option<usize>,
    pub(super) org: usize,
    pub(super) frameworks: u8,
    pub(super) test: bool,
    pub(super) hosted: bool,
    pub(super) durable: bool,
    /// The weakest evidence that the setting lets pass.
    pub(super) evidence: usize,
    pub(super) needs: u8,
    pub(super) dimension: Option<u32>,
    pub(super) input: u64,
    pub(super) output: Option<u64>,
    /// Bits of rows that a rule forbids.
    pub(super) denied: u32,
}

impl World {
    pub(super) fn settings(&self, asked: &Asked) -> Settings {
        Settings {
            embeddings: self.embeddings.parse().unwrap(),
            hosted: asked.hosted,
            durable: asked.durable,
            evidence: EVIDENCE[asked.evidence].1,
        }
    }
}

impl WRow {
    /// Its catalogue name.
    pub(super) fn name(&self) -> String {
        format!("p{}/{}", self.provider, self.model)
    }
}

impl Asked {
    pub(super) fn frameworks(&self) -> BTreeSet<Framework> {
        pick(&FRAMEWORKS, self.frameworks).map(|name| name.parse().unwrap()).collect()
    }
}

/// SplitMix64: a hundred thousand worlds must be cheap to draw, and the same ones every time.
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }

    pub(super) fn percent(&mut self, p: usize) -> bool {
        self.below(100) < p
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Each of `n` bits with a chance of `p` percent.
    fn bits(&mut self, n: usize, p: usize) -> u8 {
        (0..n).fold(0, |bits, bit| bits | (u8::from(self.percent(p)) << bit))
    }

    /// The same, and never none of them.
    fn some_bits(&mut self, n: usize, p: usize) -> u8 {
        let always = 1 << self.below(n);
        self.bits(n, p) | always
    }
}

fn pick<'a>(of: &'a [&'a str], bits: u8) -> impl Iterator<Item = &'a str> {
    of.iter().enumerate().filter(move |(bit, _)| bits >> bit & 1 == 1).map(|(_, name)| *name)
}
