//! A world as the planner meets it: a catalogue's text, attestations and sealed keys.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use jiff::Timestamp;
use phi_catalog::{Agreement, Catalogue, Kind};
use phi_vault::Sealed;
use phi_words::{AgreementId, KeyKind};

use super::{
    CAPABILITIES, COUNTRIES, CURRENCIES, EMBEDDINGS, EVIDENCE, FRAMEWORKS, PROVIDERS, REGIONS, SPACES, TIERS,
    WAgreement, WAlias, WAuth, WKey, WORKS, WORLD, WOffer, WPrice, WRow, World, pick,
};
use crate::Standing;

impl World {
    pub(in crate::tests) fn catalogue(&self) -> Arc<Catalogue> {
        let text = self.text().unwrap();
        let files = [("world.toml", text.as_str())];
        let read = if self.rehearsed { Catalogue::rehearsal_of(&files) } else { Catalogue::parse(&files) };
        Arc::new(read.unwrap_or_else(|problems| panic!("{problems}\n{text}")))
    }

    pub(in crate::tests) fn standing(&self, now: Timestamp) -> Standing {
        let keys: Vec<_> = self.keys.iter().map(|key| Arc::new(key.sealed(self, now))).collect();
        let agreements = self.agreements.iter().map(|agreement| agreement.attested(self, &keys, now)).collect();
        Standing::new(agreements, keys)
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        for (at, name) in REGIONS.iter().enumerate() {
            let countries = if at == WORLD { "'anywhere'".to_owned() } else { names(&COUNTRIES, self.inside[at]) };
            let residents: Vec<String> = self.residents[at].iter().map(|provider| format!("'p{provider}'")).collect();
            writeln!(text, "[region.{name}]\ncountries = {countries}\nresidents = [{}]", residents.join(", "))?;
        }
        for (currency, rate) in CURRENCIES.iter().zip(self.rates).skip(1) {
            writeln!(text, "[rate.{currency}]\nusd = '{}'\nsource = 's'\ndate = '2026-01-01'", decimal(rate))?;
        }
        for provider in 0..PROVIDERS {
            writeln!(text, "[provider.p{provider}]\ntitle = 'P'")?;
        }
        for WOffer { provider, countries, frameworks, works } in &self.offers {
            let (countries, frameworks) = (names(&COUNTRIES, *countries), names(&FRAMEWORKS, *frameworks));
            writeln!(
                text,
                "[[provider.p{provider}.offers]]\ncountries = {countries}\nmodalities = {}\n\
                 frameworks = {frameworks}\nsource = 's'\ndate = '2026-01-01'",
                names(&WORKS, *works)
            )?;
        }
        for (at, row) in self.rows.iter().enumerate() {
            row.write_host(at, &mut text)?;
            row.write_route(at, self.rehearsed, &mut text)?;
        }
        for WAlias { name, models } in &self.aliases {
            writeln!(text, "[alias.{name}]")?;
            for (region, models) in models.iter().enumerate() {
                if let Some(models) = models {
                    writeln!(text, "{} = ['{}']", REGIONS[region], models.join("', '"))?;
                }
            }
        }
        Ok(text)
    }
}

impl WRow {
    fn write_host(&self, at: usize, text: &mut String) -> std::fmt::Result {
        let (auth, address) = match self.auth {
            WAuth::Account => {
                ("google-service-account", "https://aiplatform.googleapis.com/v1/GAP/locations/global/x".into())
            }
            WAuth::Plain => ("bearer", format!("https://h{at}.example/GAP/v1")),
            WAuth::Nothing => ("none", format!("https://h{at}.example/GAP/v1")),
        };
        writeln!(
            text,
            "[host.h{at}]\nprovider = 'p{}'\ndialect = 'openai'\naddress = '{}'\nauth = '{auth}'\npremises = {}\n\
             free = {}\nprocesses_in = {}\nevidence = '{}'\nsource = 's'\ndate = '2026-01-01'",
            self.provider,
            address.replace("GAP", if self.gap { "{account}" } else { "account" }),
            self.premises,
            self.free,
            self.places.map_or("'anywhere'".to_owned(), |places| names(&COUNTRIES, places)),
            EVIDENCE[self.evidence].0,
        )
    }

    fn write_route(&self, at: usize, rehearsed: bool, text: &mut String) -> std::fmt::Result {
        // Where routes are rehearsed, those that are staged are live.
        let status = match (self.live, rehearsed) {
            (true, true) => "staged",
            (true, false) => "live",
            (false, false) if at.is_multiple_of(2) => "staged",
            (false, _) => "retired",
        };
        writeln!(
            text,
            "[route.r{at:02}]\nhost = 'h{at}'\nmodel = '{}'\nown = '{}'\nmodality = '{}'\nstatus = '{status}'\n\
             pin_only = {}\nsource = 's'\ndate = '2026-01-01'",
            self.model, self.own, WORKS[self.work], self.pin_only,
        )?;
        if let Some(tier) = self.tier {
            writeln!(text, "tier = '{}'", TIERS[tier])?;
        }
        if let Some(retires) = self.retires {
            let on = day(super::super::law::now(), retires.days);
            let says = if retires.by_vendor { "vendor" } else { "third-party" };
            writeln!(text, "retires = {{ on = '{on}', says = '{says}' }}")?;
        }
        if self.work == EMBEDDINGS {
            let (space, dimension) = SPACES[self.space];
            writeln!(text, "space = '{space}@{dimension}'\ndimension = {dimension}")?;
        } else {
            writeln!(text, "capabilities = {}", names(&CAPABILITIES, self.capabilities))?;
        }
        self.price.map_or(Ok(()), |price| price.write(self.work, text))
    }
}

impl WPrice {
    fn write(&self, work: usize, text: &mut String) -> std::fmt::Result {
        let unit = match WORKS[work] {
            "ocr" => "pages",
            "transcription" => "audio_hour",
            "speech" => "characters",
            "image" => "image",
            _ => "video_second",
        };
        write!(text, "price = {{ currency = '{}'", CURRENCIES[self.currency])?;
        for (of, amount) in [("input", self.input), ("output", self.output), (unit, self.unit)] {
            if let Some(amount) = amount {
                write!(text, ", {of} = '{}'", decimal(amount))?;
            }
        }
        if let Some((input_tokens, times)) = self.above {
            write!(text, ", above = [{{ input_tokens = {input_tokens}")?;
            for (of, amount) in [("input", self.input), ("output", self.output)] {
                if let Some(amount) = amount {
                    write!(text, ", {of} = '{}'", decimal(amount * times))?;
                }
            }
            write!(text, " }}]")?;
        }
        writeln!(text, " }}")
    }
}

impl WAgreement {
    fn attested(&self, world: &World, keys: &[Arc<Sealed>], now: Timestamp) -> Agreement {
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
            modalities: pick(&WORKS, self.works).map(|name| name.parse().unwrap()).collect(),
            frameworks: pick(&FRAMEWORKS, self.frameworks).map(|name| name.parse().unwrap()).collect(),
            verified_by: "V".into(),
            verified_on: day(now, self.from),
            review_by: day(now, self.until),
            revoked: self.revoked.then_some(now),
        }
    }
}

impl WKey {
    fn sealed(&self, world: &World, now: Timestamp) -> Sealed {
        let hosts = self.hosts.map_or_else(BTreeSet::new, |hosts| {
            (0..28).filter(|at| hosts >> at & 1 == 1).map(|at| format!("h{at}").parse().unwrap()).collect()
        });
        Sealed {
            id: self.id,
            org: self.org.map(|org| world.orgs[org]),
            provider: format!("p{}", self.provider).parse().unwrap(),
            name: "key".parse().unwrap(),
            kind: if self.account { KeyKind::GoogleServiceAccount } else { KeyKind::Plain },
            params: if self.fills { BTreeMap::from([("account".into(), "7".into())]) } else { BTreeMap::new() },
            hosts,
            created: now - jiff::Span::new().hours(24 * self.age + 1),
            revoked: self.revoked.then_some(now),
            bytes: Vec::new(),
        }
    }
}

fn day(now: Timestamp, days: i32) -> jiff::civil::Date {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    today.checked_add(jiff::Span::new().days(days)).unwrap()
}

fn decimal(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn names(of: &[&str], bits: u8) -> String {
    format!("[{}]", pick(of, bits).map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", "))
}
