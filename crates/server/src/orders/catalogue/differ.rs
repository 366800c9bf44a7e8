//! What differs between two catalogues, thing by thing and field by field, and which of it lets a request go where it
//! could not go before.

use std::collections::{BTreeMap, BTreeSet};

use phi_catalog::{Catalogue, Extent, Host, Provider};
use phi_words::{Country, Framework, Modality};
use serde_json::{Value, json};

use crate::catalogue::describe;

/// Every difference: what it is about, its name, and the field with both values. Of what is new or gone, the gist.
pub(super) fn changes(old: &Catalogue, new: &Catalogue) -> Vec<Value> {
    let (before, after) = (described(old), described(new));
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let line = |(what, name): &(&str, String), change, field: Option<&str>, before: &Value, after: &Value| json!({ "what": what, "name": name, "change": change, "field": field, "before": before, "after": after });
    let mut lines = Vec::new();
    for key in keys {
        match (before.get(key), after.get(key)) {
            (Some(one), Some(other)) => {
                let (one, other) = (flat(one), flat(other));
                let fields: BTreeSet<_> = one.keys().chain(other.keys()).collect();
                let value =
                    |fields: &BTreeMap<String, Value>, field: &str| fields.get(field).cloned().unwrap_or_default();
                let both = fields.into_iter().map(|field| (field, value(&one, field), value(&other, field)));
                let differing = both.filter(|(_, before, after)| before != after);
                lines
                    .extend(differing.map(|(field, before, after)| line(key, "changed", Some(field), &before, &after)));
            }
            (Some(one), None) => lines.push(line(key, "removed", None, &gist(one), &Value::Null)),
            (None, Some(other)) => lines.push(line(key, "added", None, &Value::Null, &gist(other))),
            (None, None) => {}
        }
    }
    lines
}

/// Everything by which a request may go where it could not go before, or is sent elsewhere, in words.
pub(super) fn weakens(old: &Catalogue, new: &Catalogue) -> Vec<String> {
    let regions = new.regions().iter().filter_map(|after| {
        let before = old.region(&after.name)?;
        let more = widened(&before.extent, &after.extent)?;
        Some(format!("the region {} holds {more}: requests of this region may be processed there", after.name))
    });
    let hosts = new.hosts().iter().flat_map(|after| {
        let before = old.hosts().iter().find(|before| before.name == after.name);
        before.map(|before| host(before, after)).unwrap_or_default()
    });
    let offers = new.providers().filter_map(|after| {
        let more = offered(old.provider(&after.name)?, after)?;
        Some(format!("the provider `{}` offers agreements for {more}: PHI may reach it there", after.name))
    });
    let routes = new.rows().iter().filter_map(|after| {
        let before = old.row(&after.route).filter(|before| before.host.name != after.host.name)?;
        let more = widened(&before.host.processes_in, &after.host.processes_in)?;
        Some(format!("the route `{}` is moved to the host `{}`, which processes {more}", after.route, after.host.name))
    });
    regions.chain(hosts).chain(offers).chain(routes).collect()
}

fn host(before: &Host, after: &Host) -> Vec<String> {
    let name = &after.name;
    let more = widened(&before.processes_in, &after.processes_in);
    let lines = [
        more.map(|more| format!("the host `{name}` processes {more}")),
        (before.evidence != after.evidence).then(|| {
            let (was, is) = (json!(before.evidence), json!(after.evidence));
            format!("the place of the host `{name}` is known from other evidence: {is}, and was {was}")
        }),
        (before.address != after.address)
            .then(|| format!("the host `{name}` is at another address: {}, and was {}", after.address, before.address)),
        (before.provider != after.provider).then(|| {
            format!("the host `{name}` is of another provider: `{}`, and was `{}`", after.provider, before.provider)
        }),
        (after.premises && !before.premises)
            .then(|| format!("the host `{name}` counts as on the premises: plain HTTP is allowed, and PHI in WORLD")),
        (after.free && !before.free).then(|| format!("the host `{name}` is free: test keys reach it")),
    ];
    lines.into_iter().flatten().collect()
}

/// What a set of countries holds that it did not hold, in words.
fn widened(before: &Extent, after: &Extent) -> Option<String> {
    match (before, after) {
        (Extent::Anywhere, _) => None,
        (Extent::Countries(_), Extent::Anywhere) => Some("anywhere".to_owned()),
        (Extent::Countries(before), Extent::Countries(after)) => {
            let more = words(after.difference(before));
            (!more.is_empty()).then(|| format!("{more} as well"))
        }
    }
}

/// What a provider offers that it did not offer, in words.
fn offered(before: &Provider, after: &Provider) -> Option<String> {
    type Reach = BTreeSet<(Country, Modality, Framework)>;
    let reach = |provider: &Provider| -> Reach {
        let each = |offer: &phi_catalog::Offer| {
            let mut reach = Reach::new();
            for country in &offer.countries {
                for modality in &offer.modalities {
                    reach.extend(offer.frameworks.iter().map(|framework| (*country, *modality, *framework)));
                }
            }
            reach
        };
        provider.offers.iter().flat_map(each).collect()
    };
    let more: Reach = reach(after).difference(&reach(before)).copied().collect();
    let countries: BTreeSet<_> = more.iter().map(|(country, _, _)| country).collect();
    let modalities: BTreeSet<_> = more.iter().map(|(_, modality, _)| modality).collect();
    let frameworks: BTreeSet<_> = more.iter().map(|(_, _, framework)| framework).collect();
    let told = format!("{} in {} under {}", words(modalities), words(countries), words(frameworks));
    (!more.is_empty()).then_some(told)
}

fn words(of: impl IntoIterator<Item = impl ToString>) -> String {
    of.into_iter().map(|word| word.to_string()).collect::<Vec<_>>().join(" ")
}

/// Everything that a catalogue holds, by kind and name.
fn described(catalogue: &Catalogue) -> BTreeMap<(&'static str, String), Value> {
    let rows = catalogue.rows().iter().map(|row| (("route", row.route.to_string()), describe::route(row)));
    let hosts = catalogue.hosts().iter().map(|host| (("host", host.name.to_string()), describe::host(host)));
    let providers = catalogue.providers().map(|one| (("provider", one.name.to_string()), describe::provider(one)));
    let regions = catalogue.regions().iter().map(|one| (("region", one.name.to_string()), describe::region(one)));
    let aliases = catalogue.aliases().map(|alias| (("alias", alias.name.to_string()), describe::alias(alias)));
    let rates = catalogue.rates().iter().map(|(name, rate)| (("rate", name.to_string()), describe::rate(rate)));
    rows.chain(hosts).chain(providers).chain(regions).chain(aliases).chain(rates).collect()
}

/// The fields of a description, those within fields too: `price.input`. Things in a list are told in words.
fn flat(value: &Value) -> BTreeMap<String, Value> {
    let mut fields = BTreeMap::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::Object(_) => {
                fields.extend(flat(value).into_iter().map(|(inner, value)| (format!("{name}.{inner}"), value)));
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                fields.insert(name.clone(), items.iter().map(in_words).collect());
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
    fields
}

/// What matters most of something that is new or gone, in words.
fn gist(value: &Value) -> Value {
    const GIST: [&str; 9] =
        ["model", "modality", "status", "processes_in", "evidence", "title", "countries", "models", "usd"];
    let known = GIST.iter().filter_map(|field| value.get(*field)).map(in_words);
    known.collect::<Vec<_>>().join(", ").into()
}

fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join(" "),
        Value::Object(fields) => {
            let each = fields.iter().map(|(name, value)| format!("{name} {}", in_words(value)));
            each.collect::<Vec<_>>().join(", ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = r#"
[provider.acme]
title = "Acme"
[[provider.acme.offers]]
countries = ["CH"]
modalities = ["chat"]
frameworks = ["GDPR"]
source = "a test"
date = "2026-11-01"
[region.CH]
countries = ["CH"]
[region.WORLD]
countries = "anywhere"
[host.acme]
provider = "acme"
dialect = "openai"
address = "https://api.acme.example/v1"
auth = "bearer"
processes_in = ["CH"]
evidence = "vendor"
source = "a test"
date = "2026-11-01"
[route.acme-m]
host = "acme"
model = "m"
own = "m"
modality = "chat"
status = "live"
price = { currency = "USD", input = "1", output = "2" }
source = "a test"
date = "2026-11-01"
"#;

    fn catalogue(from: &str, to: &str) -> Catalogue {
        assert!(BASE.contains(from), "{from}");
        Catalogue::parse(&[("a.toml", &BASE.replacen(from, to, 1))]).unwrap()
    }

    fn weaker(from: &str, to: &str) -> Vec<String> {
        weakens(&catalogue("", ""), &catalogue(from, to))
    }

    #[test]
    fn what_differs_is_told_by_field_and_the_same_is_not_told() {
        let base = catalogue("", "");
        assert_eq!(changes(&base, &base), Vec::<Value>::new());
        let told = changes(&base, &catalogue("input = \"1\"", "input = \"1.5\""));
        let expected = json!({
            "what": "route", "name": "acme-m", "change": "changed", "field": "price.input", "before": "1.00", "after": "1.50",
        });
        assert_eq!(told, [expected]);
        let more = catalogue("[region.CH]", "[alias.a]\nCH = [\"acme/m\"]\n[region.CH]");
        let line = |told: &[Value]| {
            told.iter().map(|t| format!("{} {} {}", t["what"], t["change"], t["name"])).collect::<Vec<_>>()
        };
        assert_eq!(line(&changes(&base, &more)), ["\"alias\" \"added\" \"a\""]);
        assert_eq!(line(&changes(&more, &base)), ["\"alias\" \"removed\" \"a\""]);
        assert_eq!(changes(&base, &more)[0]["after"], "CH acme/m, WORLD acme/m");
        let offered = changes(&base, &catalogue("frameworks = [\"GDPR\"]", "frameworks = [\"HIPAA\"]"));
        let offer = "countries CH, modalities chat, frameworks HIPAA, source a test, date 2026-11-01";
        assert_eq!((&offered[0]["field"], &offered[0]["after"]), (&json!("offers"), &json!([offer])));
        let unpriced = catalogue("price = { currency = \"USD\", input = \"1\", output = \"2\" }", "");
        let fields: Vec<_> = changes(&base, &unpriced).iter().map(|told| told["field"].clone()).collect();
        assert_eq!(fields, ["price.currency", "price.input", "price.output"]);
    }

    #[test]
    fn what_lets_a_request_go_further_is_flagged() {
        for (from, to, told) in [
            (
                "[region.CH]\ncountries = [\"CH\"]",
                "[region.CH]\ncountries = [\"CH\", \"FR\"]",
                "region CH holds FR as well",
            ),
            ("processes_in = [\"CH\"]", "processes_in = [\"CH\", \"US\"]", "`acme` processes US as well"),
            ("processes_in = [\"CH\"]", "processes_in = \"anywhere\"", "`acme` processes anywhere"),
            ("processes_in = [\"CH\"]", "processes_in = [\"US\"]", "`acme` processes US as well"),
            ("evidence = \"vendor\"", "evidence = \"unverified\"", "\"unverified\", and was \"vendor\""),
            ("evidence = \"vendor\"", "evidence = \"contract\"", "\"contract\", and was \"vendor\""),
            ("api.acme.example", "api.other.example", "https://api.other.example/v1"),
            ("auth = ", "premises = true\nauth = ", "on the premises"),
            ("countries = [\"CH\"]\nmodalities", "countries = [\"CH\", \"DE\"]\nmodalities", "chat in DE under GDPR"),
            ("frameworks = [\"GDPR\"]", "frameworks = [\"GDPR\", \"HIPAA\"]", "chat in CH under HIPAA"),
        ] {
            let lines = weaker(from, to);
            assert!(lines.len() == 1 && lines[0].contains(told), "{to}: {lines:?}");
        }
        let moved = format!(
            "[host.other]{}",
            &BASE[BASE.find("\nprovider = \"acme\"").unwrap()..BASE.find("[route.").unwrap()]
        );
        let moved = moved.replace("\"CH\"", "\"US\"") + "[route.acme-m]\nhost = \"other\"";
        let lines = weaker("[route.acme-m]\nhost = \"acme\"", &moved);
        assert!(lines.len() == 1 && lines[0].contains("moved to the host `other`, which processes US"), "{lines:?}");
    }

    #[test]
    fn what_lets_no_request_go_further_is_not_flagged() {
        for (from, to) in [
            ("input = \"1\"", "input = \"9\""),
            ("frameworks = [\"GDPR\"]", "frameworks = [\"nFADP\"]"),
            ("own = \"m\"", "own = \"n\""),
        ] {
            let lines = weaker(from, to);
            assert!(lines.iter().all(|line| line.contains("nFADP")), "{to}: {lines:?}");
        }
        let wider = catalogue("processes_in = [\"CH\"]", "processes_in = [\"CH\", \"US\"]");
        assert_eq!(weakens(&wider, &catalogue("", "")), Vec::<String>::new(), "narrower");
        let without = catalogue("status = \"live\"", "status = \"retired\"");
        assert_eq!(weakens(&catalogue("", ""), &without), Vec::<String>::new());
    }
}
