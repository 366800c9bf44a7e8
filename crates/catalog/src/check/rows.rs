use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use phi_words::{AliasName, Modality, ModelName, RouteId, SpaceName, Tier};

use super::{Aliases, Hosts, Rates, Territories};
use crate::file::{Entries, Found, Section};
use crate::name::AUTO;
use crate::written::{EachRegionOnce, WrittenHost, WrittenRoute};
use crate::{Carries, Host, Price, Problem, Row, Sound, Status};

/// All routes. Those that are staged get the status `staged`.
pub(super) fn rows(entries: &mut Entries, hosts: &Hosts, rates: &Rates, staged: Status) -> Vec<Arc<Row>> {
    let mut prices = prices(entries);
    let (mut rows, mut spaces) = (Vec::new(), BTreeMap::<ModelName, SpaceName>::new());
    for mut found in entries.take::<RouteId, WrittenRoute>(Section::Route) {
        if let Some(price) = prices.remove(&found.name) {
            found.value.price = Some(price);
        }
        let Some((host, on_host)) = hosts.get(&found.value.host) else {
            if !entries.has(Section::Host, found.value.host.as_str()) {
                let what = format!("no host is named `{}`", found.value.host);
                entries.problems.push(found.problem("host", what, "add it, or name one that there is"));
            }
            continue;
        };
        entries.problems.append(&mut problems(&found, host, rates));
        let Some(model) = catalogue_name(host, &found, &mut entries.problems) else { continue };
        if let Some(space) = &found.value.space
            && *spaces.entry(model.clone()).or_insert_with(|| space.clone()) != *space
        {
            let what = format!("another route of `{model}` is in another space");
            entries.problems.push(found.problem("space", what, "a model has one space: give this one another name"));
        }
        if found.value.status == Status::Staged {
            found.value.status = staged;
        }
        let lowest = entries.is_lowest(Section::Route, found.name.as_str())
            && entries.is_lowest(Section::Host, host.name.as_str());
        let public = found.value.public.unwrap_or(lowest && !host.premises);
        rows.push(Arc::new(row(found, host, on_host, model, public)));
    }
    rows
}

/// Prices that replace those of routes.
fn prices(entries: &mut Entries) -> BTreeMap<RouteId, Price> {
    let mut prices = BTreeMap::new();
    for found in entries.take::<RouteId, Price>(Section::Price) {
        if entries.has(Section::Route, found.name.as_str()) {
            prices.insert(found.name, found.value);
        } else {
            entries.problems.push(found.problem("", "there is no such route", "name a route's id"));
        }
    }
    prices
}

fn catalogue_name(host: &Host, found: &Found<RouteId, WrittenRoute>, problems: &mut Vec<Problem>) -> Option<ModelName> {
    let short = found.value.model.as_str();
    match format!("{}/{short}", host.provider).parse() {
        Ok(name) if !short.contains('/') => Some(name),
        Ok(_) | Err(_) => {
            let hint = "the provider's own id goes into `own`";
            problems.push(found.problem("model", "a model's name is short and has no `/`", hint));
            None
        }
    }
}

fn problems(found: &Found<RouteId, WrittenRoute>, host: &Host, rates: &Rates) -> Vec<Problem> {
    let (row, mut problems) = (&found.value, Vec::new());
    if found.name.as_str() == AUTO {
        problems.push(found.problem("", "`auto` is no id", "name the route for its provider and model"));
    }
    let sourced = row.source.as_ref().is_some_and(|source| !source.trim().is_empty()) && row.date.is_some();
    if row.status == Status::Live && !sourced {
        let hint = "give `source` and `date`, or set `status = \"staged\"`";
        problems.push(found.problem("source", "a live route says where it is known from, and since when", hint));
    }
    if row.status == Status::Live && !host.dialect.is_built(row.modality) {
        let what = format!("the dialect of the host `{}` is not built yet", host.name);
        problems.push(found.problem("status", what, "set `status = \"staged\"`"));
    }
    if row.public == Some(true) && host.premises {
        let what = "a route on the operator's premises is not shown to strangers";
        problems.push(found.problem("public", what, "leave `public` out"));
    }
    problems.extend(space_problem(found));
    problems.extend(sound_problem(found));
    problems.extend(price_problem(found, host, rates));
    problems
}

fn space_problem(found: &Found<RouteId, WrittenRoute>) -> Option<Problem> {
    let row = &found.value;
    match (row.modality == Modality::Embeddings, &row.space, row.dimension) {
        (true, Some(space), Some(dimension)) => {
            let fits = space
                .as_str()
                .rsplit_once('@')
                .is_some_and(|(model, n)| !model.is_empty() && n.parse() == Ok(dimension) && dimension > 0);
            let hint = "such as `qwen3-embedding-8b@4096` with `dimension = 4096`";
            (!fits).then(|| found.problem("space", "is not `model@dimension` with this route's dimension", hint))
        }
        (true, _, _) => Some(found.problem(
            "space",
            "an embeddings route has `space` and `dimension`",
            "failover stays inside one space",
        )),
        (false, None, None) => None,
        (false, _, _) => Some(found.problem("space", "is for embeddings alone", "leave `space` and `dimension` out")),
    }
}

fn sound_problem(found: &Found<RouteId, WrittenRoute>) -> Option<Problem> {
    let row = &found.value;
    let plain = |name: &str| {
        (1..=128).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:.".contains(&byte))
    };
    match row.modality == Modality::Speech {
        true if row.sounds.as_ref().is_some_and(BTreeSet::is_empty) => {
            Some(found.problem("sounds", "names no form of sound", "leave it out if the host writes all of them"))
        }
        true if !row.voices.iter().flat_map(|(name, own)| [name, own]).all(|name| plain(name)) => {
            let hint = "names of voices have letters, digits, and `-` `_` `:` `.`";
            Some(found.problem("voices", "names what is no voice", hint))
        }
        false if row.sounds.is_some() || !row.voices.is_empty() => {
            Some(found.problem("voices", "are for speech alone", "leave `sounds` and `voices` out"))
        }
        true | false => None,
    }
}

fn price_problem(found: &Found<RouteId, WrittenRoute>, host: &Host, rates: &Rates) -> Option<Problem> {
    let price = found.value.price.as_ref()?;
    if host.free {
        return Some(found.problem("price", "this route's host is free", "leave the price out"));
    }
    if price.currency != phi_words::Currency::Usd && !rates.contains_key(&price.currency) {
        let hint = format!("add `[rate.{}]`", price.currency);
        return Some(found.problem("price.currency", format!("no rate of {} is known", price.currency), hint));
    }
    if let Some(what) = price.unclear_above() {
        let hint = "each of `above` has more `input_tokens` than the one before, and prices the same kinds of tokens as the list";
        return Some(found.problem("price.above", what, hint));
    }
    let whole = match found.value.modality {
        Modality::Chat | Modality::Math => price.input.is_some() && price.output.is_some(),
        Modality::Embeddings => price.input.is_some(),
        Modality::Ocr => price.pages.is_some(),
        Modality::Transcription => price.audio_hour.is_some() || price.input.is_some(),
        Modality::Speech => price.characters.is_some() || price.output.is_some(),
        Modality::Image => price.image.is_some() || price.output.is_some(),
        Modality::Video => price.video_second.is_some(),
    };
    let what = format!("lacks what {} is charged by", found.value.modality);
    (!whole).then(|| {
        found.problem("price", what, "leave the price out if it is not known: the route then takes no paid traffic")
    })
}

fn row(
    found: Found<RouteId, WrittenRoute>,
    host: &Arc<Host>,
    on_host: &WrittenHost,
    model: ModelName,
    public: bool,
) -> Row {
    let written = found.value;
    let carries = Carries {
        lacks: on_host.lacks.union(&written.lacks).cloned().collect(),
        open_body: written.open_body,
        seals: written.seals,
        limit_name: on_host.limit_name,
        include_usage: on_host.include_usage,
        json_object: on_host.json_object,
        base64: on_host.base64,
        tokenizer: on_host.tokenizer,
        sounds: written.sounds.unwrap_or_else(|| Sound::ALL.into()),
        voices: written.voices,
    };
    Row {
        route: found.name,
        provider: host.provider.clone(),
        host: Arc::clone(host),
        model,
        replies_as: written.replies_as.unwrap_or_else(|| [written.own.clone()].into()),
        own: written.own,
        modality: written.modality,
        capabilities: written.capabilities,
        tier: written.tier.unwrap_or(Tier::Baseline),
        price: written.price,
        status: written.status,
        retires: written.retires,
        pin_only: written.pin_only,
        public,
        space: written.space,
        dimension: written.dimension,
        context: written.context,
        max_output: written.max_output,
        carries,
        source: written.source,
        date: written.date,
    }
}

pub(super) fn aliases(entries: &mut Entries, territories: &Territories, rows: &[Arc<Row>]) -> Aliases {
    let mut aliases = BTreeMap::new();
    for found in entries.take::<AliasName, EachRegionOnce>(Section::Alias) {
        let (mut problems, EachRegionOnce(regions)) = (Vec::new(), &found.value);
        if found.name.as_str() == AUTO {
            problems.push(found.problem("", "`auto` is no alias", "choose another name"));
        }
        for (region, models) in regions {
            if !territories.contains_key(region) {
                problems.push(found.problem(region.as_str(), "there is no such region", "name one that there is"));
            }
            if models.is_empty() {
                problems.push(found.problem(region.as_str(), "names no model", "leave the region out"));
            }
            for model in models.iter().filter(|model| rows.iter().all(|row| row.model != **model)) {
                let hint = "write the catalogue name: provider, `/`, model";
                problems.push(found.problem(region.as_str(), format!("no route has the model `{model}`"), hint));
            }
        }
        entries.problems.append(&mut problems);
        aliases.insert(found.name, found.value.0);
    }
    aliases
}
