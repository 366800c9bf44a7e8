//! Small random worlds as plain numbers: sets are bits, so that the oracle needs none of the types that it judges.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use jiff::Timestamp;
use phi_catalog::{Agreement, Catalogue, Evidence, Kind};
use phi_vault::Sealed;
use phi_words::{AgreementId, CredentialId, Framework, KeyKind, Modality, OrgId};

use crate::{Settings, Standing};

pub(super) const COUNTRIES: [&str; 5] = ["CH", "DE", "FR", "US", "GB"];
pub(super) const REGIONS: [(&str, u8); 5] =
    [("CH", 0b1), ("EU", 0b110), ("US", 0b1000), ("UK", 0b10000), ("WORLD", 0b11111)];
pub(super) const WORLD: usize = 4;
pub(super) const FRAMEWORKS: [&str; 3] = ["HIPAA", "GDPR", "nFADP"];
pub(super) const CAPABILITIES: [&str; 2] = ["tools", "vision"];
pub(super) const PROVIDERS: usize = 3;
pub(super) const ORGS: usize = 2;
const CHAT: u8 = 0b01;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct World {
    pub(super) rows: Vec<WRow>,
    pub(super) offers: Vec<WOffer>,
    pub(super) agreements: Vec<WAgreement>,
    pub(super) keys: Vec<WKey>,
    /// For each region, one resident provider.
    pub(super) residents: [usize; 5],
    pub(super) orgs: [OrgId; ORGS],
}

/// A route with a host of its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WRow {
    pub(super) provider: usize,
    /// Bits of countries; `None` for anywhere.
    pub(super) places: Option<u8>,
    pub(super) unverified: bool,
    pub(super) premises: bool,
    pub(super) free: bool,
    pub(super) keyless: bool,
    pub(super) live: bool,
    pub(super) chat: bool,
    pub(super) pin_only: bool,
    pub(super) doubtful: bool,
    pub(super) capabilities: u8,
    pub(super) thinking: bool,
    /// Micro-USD a million tokens, in and out.
    pub(super) price: Option<(u64, u64)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct WOffer {
    pub(super) provider: usize,
    pub(super) countries: u8,
    pub(super) frameworks: u8,
    /// Bits: chat, embeddings.
    pub(super) work: u8,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct WAgreement {
    /// `None`: with the customer.
    pub(super) provider: Option<usize>,
    pub(super) org: Option<usize>,
    pub(super) key: Option<usize>,
    pub(super) countries: u8,
    pub(super) frameworks: u8,
    pub(super) work: u8,
    /// Days from today: verified, due for review.
    pub(super) from: i32,
    pub(super) until: i32,
    pub(super) revoked: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct WKey {
    pub(super) provider: usize,
    pub(super) org: Option<usize>,
    pub(super) revoked: bool,
    pub(super) id: CredentialId,
}

#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) name: Name,
    pub(super) region: usize,
    pub(super) phi: bool,
    pub(super) thinking: Option<bool>,
    pub(super) org: usize,
    pub(super) frameworks: u8,
    pub(super) test: bool,
    pub(super) hosted: bool,
    pub(super) durable: bool,
    pub(super) strict: bool,
    pub(super) needs: u8,
    pub(super) input: u64,
    pub(super) output: Option<u64>,
    /// Bits of rows that a rule forbids.
    pub(super) denied: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Name {
    Auto,
    Route(usize),
    Nonsense,
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

impl World {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let many = if dice.percent(10) { 24 } else { 4 + dice.below(7) };
        Self {
            rows: (0..many).map(|_| WRow::draw(dice)).collect(),
            offers: (0..PROVIDERS).map(|provider| WOffer::draw(dice, provider)).collect(),
            agreements: (0..6 + dice.below(8)).map(|_| WAgreement::draw(dice)).collect(),
            keys: (0..5 + dice.below(4)).map(|_| WKey::draw(dice)).collect(),
            residents: std::array::from_fn(|_| dice.below(PROVIDERS)),
            orgs: std::array::from_fn(|_| OrgId::new()),
        }
    }

    pub(super) fn catalogue(&self) -> Arc<Catalogue> {
        let mut text = String::new();
        for (at, (name, countries)) in REGIONS.iter().enumerate() {
            let countries = if at == WORLD { "'anywhere'".to_owned() } else { names(&COUNTRIES, *countries) };
            writeln!(text, "[region.{name}]\ncountries = {countries}\nresidents = ['p{}']", self.residents[at])
                .unwrap();
        }
        for provider in 0..PROVIDERS {
            writeln!(text, "[provider.p{provider}]\ntitle = 'P'").unwrap();
        }
        for WOffer { provider, countries, frameworks, work } in &self.offers {
            let (countries, frameworks) = (names(&COUNTRIES, *countries), names(&FRAMEWORKS, *frameworks));
            let work = names(&["chat", "embeddings"], *work);
            writeln!(
                text,
                "[[provider.p{provider}.offers]]\ncountries = {countries}\nmodalities = {work}\nframeworks = {frameworks}\n\
                 source = 's'\ndate = '2026-01-01'"
            )
            .unwrap();
        }
        for (at, row) in self.rows.iter().enumerate() {
            row.write(at, &mut text);
        }
        Arc::new(Catalogue::parse(&[("world.toml", &text)]).unwrap_or_else(|problems| panic!("{problems}\n{text}")))
    }

    pub(super) fn standing(&self, now: Timestamp) -> Standing {
        let keys: Vec<_> = self.keys.iter().map(|key| Arc::new(key.sealed(self, now))).collect();
        let agreements = self.agreements.iter().map(|agreement| agreement.attested(self, &keys, now)).collect();
        Standing::new(agreements, keys)
    }
}

impl Asked {
    pub(super) fn draw(dice: &mut Dice, world: &World) -> Self {
        let name = match dice.below(20) {
            0 => Name::Nonsense,
            1..=7 => Name::Route(dice.below(world.rows.len())),
            _ => Name::Auto,
        };
        Self {
            name,
            region: region(dice, world, name),
            phi: dice.percent(55),
            thinking: dice.percent(40).then(|| dice.percent(50)),
            org: dice.below(ORGS),
            frameworks: if dice.percent(90) { 1 << dice.below(3) } else { dice.bits(3, 40) },
            test: dice.percent(5),
            hosted: dice.percent(15),
            durable: dice.percent(97),
            strict: dice.percent(15),
            needs: if dice.percent(40) { dice.bits(2, 60) } else { 0 },
            input: dice.below(50_000) as u64,
            output: dice.percent(70).then(|| dice.below(5_000) as u64),
            denied: if dice.percent(25) { u32::try_from(dice.below(1 << 24)).unwrap() } else { 0 },
        }
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            embeddings: "none".parse().unwrap(),
            hosted: self.hosted,
            durable: self.durable,
            evidence: if self.strict { Evidence::Vendor } else { Evidence::Unverified },
        }
    }

    pub(super) fn frameworks(&self) -> BTreeSet<Framework> {
        pick(&FRAMEWORKS, self.frameworks).map(|name| name.parse().unwrap()).collect()
    }
}

/// Any region, or more often one in which the named row, or some row, could serve.
fn region(dice: &mut Dice, world: &World, name: Name) -> usize {
    let row = match name {
        Name::Route(row) => row,
        Name::Auto | Name::Nonsense => dice.below(world.rows.len()),
    };
    let any = dice.below(REGIONS.len());
    let fitting =
        world.rows[row].places.and_then(|places| REGIONS.iter().position(|(_, inside)| places & !inside == 0));
    fitting.filter(|_| dice.percent(75)).unwrap_or(any)
}

impl WRow {
    fn draw(dice: &mut Dice) -> Self {
        let places = match dice.below(10) {
            0 => None,
            1 => Some(dice.some_bits(5, 40)),
            2..=3 => Some(REGIONS[dice.below(4)].1),
            _ => Some(1 << dice.below(5)),
        };
        let (premises, free) = (dice.percent(30), dice.percent(30));
        Self {
            provider: dice.below(PROVIDERS),
            places,
            unverified: dice.percent(15),
            premises,
            free,
            keyless: premises && dice.percent(50),
            live: dice.percent(93),
            chat: dice.percent(93),
            pin_only: dice.percent(8),
            doubtful: dice.percent(15),
            capabilities: dice.bits(2, 75),
            thinking: dice.percent(40),
            price: (!free && dice.percent(92)).then(|| (dice.below(3_000_000) as u64, dice.below(9_000_000) as u64)),
        }
    }

    fn write(&self, at: usize, text: &mut String) {
        let places = self.places.map_or("'anywhere'".to_owned(), |places| names(&COUNTRIES, places));
        writeln!(
            text,
            "[host.h{at}]\nprovider = 'p{}'\ndialect = 'openai'\naddress = 'https://h{at}.example/v1'\nauth = '{}'\n\
             premises = {}\nfree = {}\nprocesses_in = {places}\nevidence = '{}'\nsource = 's'\ndate = '2026-01-01'",
            self.provider,
            if self.keyless { "none" } else { "bearer" },
            self.premises,
            self.free,
            if self.unverified { "unverified" } else { "vendor" },
        )
        .unwrap();
        writeln!(
            text,
            "[route.r{at:02}]\nhost = 'h{at}'\nmodel = 'm{at}'\nown = 'own-{at}'\nstatus = '{}'\npin_only = {}\n\
             tier = '{}'\nsource = 's'\ndate = '2026-01-01'",
            if self.live { "live" } else { "staged" },
            self.pin_only,
            if self.thinking { "thinking" } else { "baseline" },
        )
        .unwrap();
        if self.doubtful {
            text.push_str("retires = { on = '2026-02-01', says = 'third-party' }\n");
        }
        if self.chat {
            writeln!(text, "modality = 'chat'\ncapabilities = {}", names(&CAPABILITIES, self.capabilities)).unwrap();
        } else {
            text.push_str("modality = 'embeddings'\nspace = 's@3'\ndimension = 3\n");
        }
        if let Some((input, output)) = self.price {
            let dollars = |micros: u64| format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
            let (input, output) = (dollars(input), dollars(output));
            writeln!(text, "price = {{ currency = 'USD', input = '{input}', output = '{output}' }}").unwrap();
        }
    }
}

impl WOffer {
    fn draw(dice: &mut Dice, provider: usize) -> Self {
        let (countries, frameworks) = (dice.some_bits(5, 85), dice.some_bits(3, 85));
        Self { provider, countries, frameworks, work: if dice.percent(90) { 0b11 } else { dice.some_bits(2, 30) } }
    }
}

impl WAgreement {
    fn draw(dice: &mut Dice) -> Self {
        let provider = dice.percent(75).then(|| dice.below(PROVIDERS));
        let with_customer = provider.is_none();
        Self {
            provider,
            org: (with_customer || dice.percent(30)).then(|| dice.below(ORGS)).filter(|_| dice.percent(95)),
            key: dice.percent(15).then(|| dice.below(4)),
            countries: dice.some_bits(5, 75),
            frameworks: dice.some_bits(3, 75),
            work: if dice.percent(93) { 0b11 } else { 0b10 },
            from: if dice.percent(93) { -30 } else { 1 },
            until: if dice.percent(93) { 30 } else { -1 },
            revoked: dice.percent(7),
        }
    }

    fn attested(&self, world: &World, keys: &[Arc<Sealed>], now: Timestamp) -> Agreement {
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let day = |days: i32| today.checked_add(jiff::Span::new().days(days)).unwrap();
        Agreement {
            id: AgreementId::new(),
            kind: match self.provider {
                Some(provider) => Kind::Provider {
                    name: format!("p{provider}").parse().unwrap(),
                    credential: self.key.map(|key| keys[key].id),
                },
                None => Kind::Customer,
            },
            org: self.org.map(|org| world.orgs[org]),
            counterparty: "P".into(),
            document: "0".repeat(64),
            countries: pick(&COUNTRIES, self.countries).map(|code| code.parse().unwrap()).collect(),
            modalities: work(self.work),
            frameworks: pick(&FRAMEWORKS, self.frameworks).map(|name| name.parse().unwrap()).collect(),
            verified_by: "V".into(),
            verified_on: day(self.from),
            review_by: day(self.until),
            revoked: self.revoked.then_some(now),
        }
    }
}

impl WKey {
    fn draw(dice: &mut Dice) -> Self {
        let org = dice.percent(35).then(|| dice.below(ORGS));
        Self { provider: dice.below(PROVIDERS), org, revoked: dice.percent(8), id: CredentialId::new() }
    }

    fn sealed(&self, world: &World, now: Timestamp) -> Sealed {
        Sealed {
            id: self.id,
            org: self.org.map(|org| world.orgs[org]),
            provider: format!("p{}", self.provider).parse().unwrap(),
            name: "key".parse().unwrap(),
            kind: KeyKind::Plain,
            params: BTreeMap::new(),
            hosts: BTreeSet::new(),
            created: now,
            revoked: self.revoked.then_some(now),
            bytes: Vec::new(),
        }
    }
}

fn work(bits: u8) -> BTreeSet<Modality> {
    let chat = (bits & CHAT != 0).then_some(Modality::Chat);
    chat.into_iter().chain((bits & !CHAT != 0).then_some(Modality::Embeddings)).collect()
}

fn pick<'a>(of: &'a [&'a str], bits: u8) -> impl Iterator<Item = &'a str> {
    of.iter().enumerate().filter(move |(bit, _)| bits >> bit & 1 == 1).map(|(_, name)| *name)
}

fn names(of: &[&str], bits: u8) -> String {
    format!("[{}]", pick(of, bits).map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", "))
}
