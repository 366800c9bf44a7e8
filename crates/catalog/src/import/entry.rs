use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use phi_words::{Capability, Currency, Modality};

use crate::import::exact::Exact;
use crate::import::rule::Rule;
use crate::{Micros, Price, Row};

/// What a table says of one model.
#[derive(Debug)]
pub(crate) struct Entry {
    /// As the table names it.
    pub(crate) key: String,
    /// Which of our rows it speaks of.
    pub(crate) spot: Spot,
    /// What kind of work it does, where the table says so in a way that we know.
    pub(crate) modality: Option<Modality>,
    /// The currency that its prices are in, whatever the table calls them.
    pub(crate) currency: Currency,
    /// Its prices in our units.
    pub(crate) prices: BTreeMap<At, Exact>,
    /// The most tokens that it takes.
    pub(crate) context: Option<u64>,
    /// The most tokens that it gives.
    pub(crate) max_output: Option<u64>,
    /// How long its vectors are.
    pub(crate) dimension: Option<u32>,
    /// What it is said to be able to do, and not to.
    pub(crate) can: BTreeMap<Capability, bool>,
    /// From when on it is said to be gone.
    pub(crate) retires: Option<Date>,
    /// What a person has to know of it.
    pub(crate) remarks: Vec<String>,
}

/// Which of our rows an entry speaks of, and at which of our hosts its prices hold.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    /// Our name of the company.
    pub(crate) provider: &'static str,
    /// The model there.
    pub(crate) model: Model,
    /// The host whose prices the table tells, where that is known: new rows are staged there.
    pub(crate) home: Option<&'static str>,
    /// Other hosts, and by what the prices are multiplied there, where that is known.
    pub(crate) like: Vec<(&'static str, Option<Exact>)>,
    /// The same for every other host of the company; `None`: prices are not compared there.
    pub(crate) rest: Option<Exact>,
    /// Whether it speaks of the named hosts alone.
    pub(crate) narrow: bool,
}

/// A model, as a table names it.
#[derive(Debug, Clone)]
pub(crate) enum Model {
    /// By the id that its host is sent.
    Own(String),
    /// By a rule that an id fits.
    Fits(Rule),
}

impl Spot {
    /// A model at one host.
    pub(crate) fn at(provider: &'static str, home: &'static str, own: impl Into<String>) -> Self {
        let model = Model::Own(own.into());
        Self { provider, model, home: Some(home), like: Vec::new(), rest: None, narrow: false }
    }

    /// Whether it speaks of this row.
    pub(crate) fn covers(&self, row: &Row) -> bool {
        let named = |host: &str| self.home == Some(host) || self.like.iter().any(|(like, _)| *like == host);
        row.provider.as_str() == self.provider
            && (!self.narrow || named(row.host.name.as_str()))
            && match &self.model {
                Model::Own(own) => row.own.as_str() == own,
                Model::Fits(rule) => rule.fits(row.own.as_str()),
            }
    }

    /// By what the prices are multiplied at a host; `None` where that is not known.
    pub(crate) fn factor(&self, host: &str) -> Option<Exact> {
        if self.home == Some(host) {
            return Some(Exact::ONE);
        }
        self.like.iter().find(|(like, _)| *like == host).map_or(self.rest, |(_, factor)| *factor)
    }
}

/// What is charged for, each in the unit of our prices: see [`Price`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    Input,
    Output,
    CacheRead,
    CacheWrite5m,
    CacheWrite1h,
    InputAudio,
    OutputAudio,
    Reasoning,
    AudioHour,
    Characters,
    Pages,
    Image,
    VideoSecond,
}

/// A price of a unit where a request has more than so many input tokens; 0 where it need not.
pub(crate) type At = (u64, Unit);

/// A field of a price, as it is told: `input`, or `above.200000.input`.
pub(crate) fn spelled((above, unit): At) -> String {
    if above == 0 { unit.as_str().to_owned() } else { format!("above.{above}.{}", unit.as_str()) }
}

/// Completes the prices of long input: what has no price of its own there costs what it does in the next shorter request.
/// Those of what has no price in a short one are returned, and gone.
pub(crate) fn complete<T: Copy>(prices: &mut BTreeMap<At, T>) -> Vec<At> {
    let lost: Vec<At> =
        prices.keys().copied().filter(|(above, unit)| *above > 0 && !prices.contains_key(&(0, *unit))).collect();
    prices.retain(|at, _| !lost.contains(at));
    let steps: BTreeSet<u64> = prices.keys().map(|(above, _)| *above).filter(|above| *above > 0).collect();
    let mut known: BTreeMap<Unit, T> = prices
        .iter()
        .filter(|((above, unit), _)| *above == 0 && unit.is_token())
        .map(|((_, unit), price)| (*unit, *price))
        .collect();
    for above in steps {
        for (unit, price) in &mut known {
            *price = *prices.entry((above, *unit)).or_insert(*price);
        }
    }
    lost
}

impl Unit {
    /// Whether it is a kind of token, which may cost something else in a long request.
    pub(crate) const fn is_token(self) -> bool {
        match self {
            Self::Input
            | Self::Output
            | Self::CacheRead
            | Self::CacheWrite5m
            | Self::CacheWrite1h
            | Self::InputAudio
            | Self::OutputAudio
            | Self::Reasoning => true,
            Self::AudioHour | Self::Characters | Self::Pages | Self::Image | Self::VideoSecond => false,
        }
    }

    /// As `[price.ROUTE]` spells it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::CacheRead => "cache_read",
            Self::CacheWrite5m => "cache_write_5m",
            Self::CacheWrite1h => "cache_write_1h",
            Self::InputAudio => "input_audio",
            Self::OutputAudio => "output_audio",
            Self::Reasoning => "reasoning",
            Self::AudioHour => "audio_hour",
            Self::Characters => "characters",
            Self::Pages => "pages",
            Self::Image => "image",
            Self::VideoSecond => "video_second",
        }
    }

    /// What it costs by one of our lists above so many input tokens, where the list has a price for those: where it has no
    /// price of its own for it, as what it is part of.
    pub(crate) fn of(self, price: &Price, above: u64) -> Option<Micros> {
        if above == 0 {
            return self.short(price);
        }
        let price = price.above.iter().find(|long| long.input_tokens == above)?;
        match self {
            Self::Input => price.input,
            Self::Output => price.output,
            Self::CacheRead => price.cache_read.or(price.input),
            Self::CacheWrite5m => price.cache_write_5m.or(price.input),
            Self::CacheWrite1h => price.cache_write_1h.or(price.input),
            Self::InputAudio => price.input_audio.or(price.input),
            Self::OutputAudio => price.output_audio.or(price.output),
            Self::Reasoning => price.reasoning.or(price.output),
            Self::AudioHour | Self::Characters | Self::Pages | Self::Image | Self::VideoSecond => None,
        }
    }

    fn short(self, price: &Price) -> Option<Micros> {
        match self {
            Self::Input => price.input,
            Self::Output => price.output,
            Self::CacheRead => price.cache_read.or(price.input),
            Self::CacheWrite5m => price.cache_write_5m.or(price.input),
            Self::CacheWrite1h => price.cache_write_1h.or(price.input),
            Self::InputAudio => price.input_audio.or(price.input),
            Self::OutputAudio => price.output_audio.or(price.output),
            Self::Reasoning => price.reasoning.or(price.output),
            Self::AudioHour => price.audio_hour,
            Self::Characters => price.characters,
            Self::Pages => price.pages,
            Self::Image => price.image,
            Self::VideoSecond => price.video_second,
        }
    }

    /// More than this of any currency is no price of the unit but an error by a power of ten.
    pub(crate) const fn absurd_above(self) -> u64 {
        match self {
            Self::Input
            | Self::Output
            | Self::CacheRead
            | Self::CacheWrite5m
            | Self::CacheWrite1h
            | Self::InputAudio
            | Self::OutputAudio
            | Self::Reasoning
            | Self::Characters
            | Self::Pages => 1_000,
            Self::AudioHour => 100,
            Self::Image | Self::VideoSecond => 10,
        }
    }
}

/// Whether prices are all that a model of a kind is charged by; what is not, the check of the catalogue refuses.
pub(crate) fn is_whole(modality: Modality, has: impl Fn(Unit) -> bool) -> bool {
    match modality {
        Modality::Chat | Modality::Math => has(Unit::Input) && has(Unit::Output),
        Modality::Embeddings => has(Unit::Input),
        Modality::Ocr => has(Unit::Pages),
        Modality::Transcription => has(Unit::AudioHour) || has(Unit::Input),
        Modality::Speech => has(Unit::Characters) || has(Unit::Output),
        Modality::Image => has(Unit::Image) || has(Unit::Output),
        Modality::Video => has(Unit::VideoSecond),
    }
}
