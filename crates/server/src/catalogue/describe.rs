//! Everything that the catalogue says of one thing, field by field. What changes with the day, the vault or the
//! agreements is not part of it.

use std::collections::BTreeSet;

use phi_catalog::{Above, Alias, Catalogue, Extent, Host, Micros, Offer, Price, Provider, Rate, Row, Territory};
use phi_words::Country;
use serde_json::{Map, Value, json};

/// The names of all providers, for a hint.
pub(crate) fn provider_names(catalogue: &Catalogue) -> String {
    catalogue.providers().map(|provider| provider.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// A route, without its host.
pub(crate) fn route(row: &Row) -> Value {
    let carries = &row.carries;
    json!({
        "route": row.route,
        "model": row.model,
        "own": row.own,
        "provider": row.provider,
        "host": row.host.name,
        "modality": row.modality,
        "capabilities": row.capabilities,
        "tier": row.tier,
        "status": row.status,
        "retires_on": row.retires.map(|retires| retires.on),
        "retires_says": row.retires.map(|retires| retires.says),
        "pin_only": row.pin_only,
        "context": row.context,
        "max_output": row.max_output,
        "space": row.space,
        "dimension": row.dimension,
        "replies_as": row.replies_as,
        "lacks": carries.lacks,
        "open_body": carries.open_body,
        "seals": carries.seals,
        "limit_name": carries.limit_name,
        "include_usage": carries.include_usage,
        "json_object": carries.json_object,
        "base64": carries.base64,
        "tokenizer": carries.tokenizer,
        "price": row.price.as_ref().map(price),
        "source": row.source,
        "date": row.date,
    })
}

/// A price list: its currency, and each price as it is written.
fn price(price: &Price) -> Value {
    let listed = [
        ("input", price.input),
        ("input_audio", price.input_audio),
        ("cache_read", price.cache_read),
        ("cache_write_5m", price.cache_write_5m),
        ("cache_write_1h", price.cache_write_1h),
        ("output", price.output),
        ("output_audio", price.output_audio),
        ("reasoning", price.reasoning),
        ("audio_hour", price.audio_hour),
        ("characters", price.characters),
        ("pages", price.pages),
        ("image", price.image),
        ("video_second", price.video_second),
    ];
    let mut fields = Map::from_iter([("currency".to_owned(), json!(price.currency))]);
    fields.extend(known(&listed));
    if !price.above.is_empty() {
        fields.insert("above".to_owned(), price.above.iter().map(above).collect());
    }
    Value::Object(fields)
}

/// What tokens cost in a request with more input than so many.
fn above(above: &Above) -> Value {
    let listed = [
        ("input", above.input),
        ("input_audio", above.input_audio),
        ("cache_read", above.cache_read),
        ("cache_write_5m", above.cache_write_5m),
        ("cache_write_1h", above.cache_write_1h),
        ("output", above.output),
        ("output_audio", above.output_audio),
        ("reasoning", above.reasoning),
    ];
    let mut fields = Map::from_iter([("input_tokens".to_owned(), json!(above.input_tokens))]);
    fields.extend(known(&listed));
    Value::Object(fields)
}

fn known(listed: &[(&str, Option<Micros>)]) -> impl Iterator<Item = (String, Value)> {
    listed.iter().filter_map(|(name, price)| Some(((*name).to_owned(), json!(price.as_ref()?.to_string()))))
}

/// A host, without its routes.
pub(crate) fn host(host: &Host) -> Value {
    json!({
        "host": host.name,
        "provider": host.provider,
        "processes_in": extent(&host.processes_in),
        "evidence": host.evidence,
        "source": host.source,
        "date": host.date,
        "address": host.address.to_string(),
        "dialect": host.dialect,
        "auth": host.auth,
        "premises": host.premises,
        "free": host.free,
    })
}

/// A provider and the agreements that it offers.
pub(crate) fn provider(provider: &Provider) -> Value {
    json!({
        "provider": provider.name,
        "title": provider.title,
        "offers": provider.offers.iter().map(offer).collect::<Vec<_>>(),
    })
}

/// An agreement that a provider offers to make.
pub(crate) fn offer(offer: &Offer) -> Value {
    json!({
        "countries": offer.countries,
        "modalities": offer.modalities,
        "frameworks": offer.frameworks,
        "source": offer.source,
        "date": offer.date,
    })
}

/// A region.
pub(crate) fn region(territory: &Territory) -> Value {
    json!({
        "region": territory.name,
        "countries": extent(&territory.extent),
        "residents": territory.residents,
    })
}

/// An alias: the models that it means, by region.
pub(crate) fn alias(alias: &Alias) -> Value {
    let regions = alias.regions.iter().map(|(region, models)| (region.to_string(), json!(models)));
    json!({ "alias": alias.name, "models": regions.collect::<Map<_, _>>() })
}

/// A rate of exchange.
pub(crate) fn rate(rate: &Rate) -> Value {
    json!({ "usd": rate.usd.to_string(), "date": rate.date, "source": rate.source })
}

/// A set of countries.
pub(crate) fn extent(extent: &Extent) -> Value {
    extent.countries().map_or_else(|| json!("anywhere"), |countries: &BTreeSet<Country>| json!(countries))
}
