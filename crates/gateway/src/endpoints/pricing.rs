//! The public rate card: what everybody may know of prices. It needs no credential and reads none, so it is made once for
//! each state of the catalogue and each day, and then handed out as it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Response};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use phi_catalog::{CREDITS, Catalogue, Evidence, MARGIN_BP, Row};
use phi_route::{Published, published};
use phi_words::{Class, Code, Refusal, Region};
use serde_json::{Map, Value, json};

use crate::body::Body;
use crate::endpoints::json as reply;
use crate::headers;
use crate::request::{Call, Gateway};

/// What is to be seen of the card, as it is written in the query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    region: Option<String>,
    class: Option<String>,
}

/// The card that is handed out until another takes its place.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Mutex<Option<Arc<Card>>>);

/// A page for each region and class, and for all of them; and what they were made from.
#[derive(Debug)]
struct Card {
    catalogue: Arc<Catalogue>,
    evidence: Evidence,
    day: Date,
    pages: BTreeMap<(Option<Region>, Option<Class>), Bytes>,
}

impl Gateway {
    /// The rate card. Region and class may stand in the query, or in the headers that other endpoints take them from.
    pub(crate) fn pricing(&self, call: &Call, filter: &Filter, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
        let snapshot = self.snapshot();
        let (catalogue, evidence) = (snapshot.scene.catalogue(), snapshot.scene.settings().evidence);
        let wishes = headers::wishes(headers, catalogue)?;
        let region = one("region", filter.region(catalogue)?, wishes.region)?;
        let class = one("class", filter.class()?, wishes.class)?;
        let card = self.shelf.card(catalogue, evidence, self.clock.now().to_zoned(TimeZone::UTC).date());
        let page = card.pages.get(&(region, class)).cloned().ok_or_else(crate::request::internal)?;
        let mut response = reply(page);
        call.told.write(response.headers_mut());
        Ok(response)
    }
}

impl Filter {
    /// Reads a query. Nothing in it is decoded: no region and no class is written in a way that needs it.
    ///
    /// # Errors
    /// `invalid_request` for another parameter, and for one that is given twice.
    pub(crate) fn parse(query: &str) -> Result<Self, Refusal> {
        let mut filter = Self::default();
        for part in query.split('&') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, place) = match name {
                "region" => ("region", &mut filter.region),
                "class" => ("class", &mut filter.class),
                _ => {
                    return Err(refused(
                        "the query has a parameter that is not known here",
                        "send `region`, `class` or both",
                    ));
                }
            };
            if place.replace(value.to_owned()).is_some() {
                return Err(
                    refused(format!("`{name}` was sent more than once"), format!("send `{name}` once")).at(name)
                );
            }
        }
        Ok(filter)
    }

    fn region(&self, catalogue: &Catalogue) -> Result<Option<Region>, Refusal> {
        let Some(text) = &self.region else { return Ok(None) };
        let region = text.parse::<Region>().ok().filter(|region| catalogue.region(region).is_some());
        let hint = || format!("send one of {}, or leave it out for all", catalogue.region_names());
        region.map(Some).ok_or_else(|| refused("the value of `region` is not one it can have", hint()).at("region"))
    }

    fn class(&self) -> Result<Option<Class>, Refusal> {
        let Some(text) = &self.class else { return Ok(None) };
        let class = text.to_ascii_lowercase().parse();
        let hint = "send `general` or `phi`, or leave it out for both";
        class.map(Some).map_err(|_| refused("the value of `class` is not one it can have", hint).at("class"))
    }
}

/// What is said in one place or in both alike.
fn one<T: PartialEq>(name: &'static str, query: Option<T>, header: Option<T>) -> Result<Option<T>, Refusal> {
    match (query, header) {
        (Some(query), Some(header)) if query != header => {
            let message = format!("query and headers give `{name}` two values");
            Err(Refusal::new(Code::AmbiguousHeader, message, format!("send `{name}` once")).at(name))
        }
        (Some(one), _) | (None, Some(one)) => Ok(Some(one)),
        (None, None) => Ok(None),
    }
}

fn refused(message: impl Into<String>, hint: impl Into<String>) -> Refusal {
    Refusal::new(Code::InvalidRequest, message.into(), hint.into())
}

impl Shelf {
    /// The card of this state and day. It is made while others wait, so that however many ask it is made once.
    fn card(&self, catalogue: &Arc<Catalogue>, evidence: Evidence, day: Date) -> Arc<Card> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(card) = kept.as_ref().filter(|card| card.is_of(catalogue, evidence, day)) {
            return Arc::clone(card);
        }
        let card = Arc::new(Card::new(catalogue, evidence, day));
        *kept = Some(Arc::clone(&card));
        card
    }
}

impl Card {
    fn new(catalogue: &Arc<Catalogue>, evidence: Evidence, day: Date) -> Self {
        let published = published(catalogue, evidence, day).into_iter();
        let items: Vec<_> = published.filter_map(|of| Some((item(catalogue, &of)?, of))).collect();
        let version = Catalogue::built_in_version();
        let regions = catalogue.regions().iter().map(|territory| Some(&territory.name)).chain([None]);
        let classes = || Class::ALL.iter().copied().map(Some).chain([None]);
        let filters = regions.flat_map(|region| classes().map(move |class| (region, class)));
        let page = |(region, class): (Option<&Region>, Option<Class>)| {
            let shown = items.iter().filter(|(_, of)| is_shown(of, region, class)).map(|(item, _)| item.as_str());
            let items = shown.collect::<Vec<_>>().join(",\n");
            let page = format!("{},\"data\":[\n{items}\n]}}\n", head(catalogue, &version, region, class));
            ((region.cloned(), class), Bytes::from(page))
        };
        Self { catalogue: Arc::clone(catalogue), evidence, day, pages: filters.map(page).collect() }
    }

    fn is_of(&self, catalogue: &Arc<Catalogue>, evidence: Evidence, day: Date) -> bool {
        Arc::ptr_eq(&self.catalogue, catalogue) && (self.evidence, self.day) == (evidence, day)
    }
}

fn is_shown(of: &Published<'_>, region: Option<&Region>, class: Option<Class>) -> bool {
    let regions = match class {
        Some(Class::Phi) => &of.phi_regions,
        Some(Class::General) | None => &of.regions,
    };
    region.map_or(!regions.is_empty(), |region| regions.contains(&region))
}

/// Everything of a page before its items, without the closing brace. The version is that of the built-in files: that of an
/// operator's would be a fingerprint of what strangers are not shown.
fn head(catalogue: &Catalogue, version: &str, region: Option<&Region>, class: Option<Class>) -> String {
    let rates = catalogue.rates().iter();
    let rates =
        rates.map(|(currency, rate)| json!({ "currency": currency, "usd": rate.usd.to_string(), "date": rate.date }));
    let mut head = json!({
        "object": "pricing",
        "catalogue": version,
        "currency": "USD",
        "margin_bp": MARGIN_BP,
        "credits_per_usd": CREDITS,
        "region": region,
        "class": class,
        "rates": rates.collect::<Vec<_>>(),
    })
    .to_string();
    head.pop();
    head
}

/// `None` where its price is more than can be counted.
fn item(catalogue: &Catalogue, of: &Published<'_>) -> Option<String> {
    let row = of.row;
    let phi = json!({ "regions": of.phi_regions, "frameworks": of.frameworks });
    let item = json!({
        "object": "price",
        "id": row.route,
        "model": row.model,
        "provider": row.provider,
        "modality": row.modality,
        "regions": of.regions,
        "phi": if of.phi_regions.is_empty() { Value::Null } else { phi },
        "free": row.host.free,
        "price": price(catalogue, row, MARGIN_BP)?,
        "retires": retires(row),
        "date": row.date,
    });
    Some(item.to_string())
}

/// What a route costs by the list and with a margin, for each unit, and for each of long input; amounts are decimals in
/// quotes, and exact. Empty for a free host, and `None` where it is more than can be counted.
pub(super) fn price(catalogue: &Catalogue, row: &Row, margin_bp: u32) -> Option<Value> {
    let (mut units, mut above) = (Map::new(), BTreeMap::<u64, Map<String, Value>>::new());
    for unit in catalogue.units(row, margin_bp).ok()? {
        let shown = json!({
            "per": unit.per,
            "unit": unit.unit,
            "list": unit.list.to_string(),
            "usd": unit.charge.to_string(),
            "credits": unit.charge.credits(),
        });
        let units = unit.above.map_or(&mut units, |input_tokens| above.entry(input_tokens).or_default());
        units.insert(unit.of.to_owned(), shown);
    }
    let above = above.into_iter().map(|(input_tokens, units)| json!({ "input_tokens": input_tokens, "units": units }));
    let currency = row.price.as_ref().map(|price| price.currency);
    let rate = currency.and_then(|currency| catalogue.rates().get(&currency));
    Some(json!({
        "margin_bp": margin_bp,
        "list_currency": currency,
        "rate": rate.map(|rate| json!({ "usd": rate.usd.to_string(), "date": rate.date })),
        "units": units,
        "above": above.collect::<Vec<_>>(),
    }))
}

/// When a route is said to go, and by whom.
pub(super) fn retires(row: &Row) -> Option<Value> {
    row.retires.map(|retirement| json!({ "on": retirement.on, "says": retirement.says }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_or_refused() {
        let read = |query: &str| {
            let filter = Filter::parse(query)?;
            Ok((filter.region, filter.class))
        };
        let text = |text: &str| Some(text.to_owned());
        for (query, region, class) in [
            ("region=CH", text("CH"), None),
            ("class=phi&region=eu", text("eu"), text("phi")),
            ("region=%43H", text("%43H"), None),
            ("region", text(""), None),
        ] {
            assert_eq!(read(query), Ok((region, class)), "{query}");
        }
        for query in
            ["x=1", "region=CH&region=CH", "class=phi&class=general", "Region=CH", "&", "region=CH&", "%72egion=CH"]
        {
            assert_eq!(read(query).map_err(|refusal: Refusal| refusal.code), Err(Code::InvalidRequest), "{query}");
        }
    }
}
