//! The table of genai-prices: <https://github.com/pydantic/genai-prices/blob/main/prices/data.json>. It names models by
//! rules that an id fits, the first of a company's that does, and its prices may begin on a day.

use jiff::civil::Date;
use phi_words::Currency;

use crate::import::TableError;
use crate::import::entry::{Entry, Model, Spot, Unit};
use crate::import::exact::Exact;
use crate::import::json::{Fields, items};
use crate::import::reading::{Reading, Scale};
use crate::import::rule::Rule;

const RULES: &str = "the table names models by rules that ids fit, not by ids: a rule may fit a model that came after it, and \
                     none is staged";
const TOGETHER: &str =
    "prices of Together are those of its usual address: its addresses in one country cost a quarter more";

pub(super) fn read(text: &str, today: Date, reading: &mut Reading<'_>) -> Result<(), TableError> {
    reading.odd(RULES);
    let shape = |what: &str| TableError::Shape("genai-prices", what.to_owned());
    for (at, provider) in items("the table", text)?.into_iter().enumerate() {
        let provider = Fields::read(&format!("[{at}]"), provider)?;
        let company = provider.text("id").ok().flatten().ok_or_else(|| shape("a company without `id`"))?;
        let models = provider.raw("models").ok_or_else(|| shape(&format!("`{company}` has no `models`")))?;
        let models = items(&company, models)?;
        if spot(&company, &Rule::Or(Vec::new())).is_none() {
            reading.elsewhere(&company, models.len());
            continue;
        }
        for model in models {
            let fields = Fields::read(&company, model)?;
            let id = fields.text("id").ok().flatten();
            let id = id.ok_or_else(|| shape(&format!("a model of `{company}` without `id`")))?;
            entry(&company, &id, &fields, today, reading)?;
        }
    }
    Ok(())
}

fn entry(
    company: &str,
    id: &str,
    fields: &Fields<'_>,
    today: Date,
    reading: &mut Reading<'_>,
) -> Result<(), TableError> {
    let key = format!("{company}/{id}");
    if reading.leaves_out(&key) {
        return Ok(());
    }
    let rule = fields.raw("match").map(|text| Rule::read(&key, text)).transpose()?.flatten();
    let Some(spot) = rule.and_then(|rule| spot(company, &rule)) else {
        reading.unread(&key, "its rule is of a kind that is not known");
        return Ok(());
    };
    if spot.provider == "together" {
        reading.odd(TOGETHER);
    }
    let mut entry = Entry {
        spot,
        modality: None,
        currency: Currency::Usd,
        prices: Default::default(),
        context: reading.noting(&key, fields.whole("context_window")).filter(|tokens| *tokens > 0),
        max_output: None,
        dimension: None,
        can: Default::default(),
        retires: None,
        remarks: Vec::new(),
        key,
    };
    match in_force(&entry.key, fields.raw("prices"), today)? {
        Some(prices) => read_prices(&prices, &mut entry, reading)?,
        None => reading.unread(&entry.key, "has no prices that hold all day today"),
    }
    reading.take(entry);
    Ok(())
}

/// The prices themselves, or of those with a first day the last that has begun.
fn in_force<'a>(key: &str, prices: Option<&'a str>, today: Date) -> Result<Option<Fields<'a>>, TableError> {
    let Some(text) = prices else { return Ok(None) };
    if text.starts_with('{') {
        return Fields::read(key, text).map(Some);
    }
    let mut last: Option<(Option<Date>, Fields<'a>)> = None;
    for dated in items(key, text)? {
        let dated = Fields::read(key, dated)?;
        let begins = match dated.object("constraint")? {
            None => None,
            // Of a time of day, or of another kind.
            Some(constraint) => match constraint.text("start_date").ok().flatten().and_then(|day| day.parse().ok()) {
                Some(day) if constraint.iter().count() == 1 => Some(day),
                Some(_) | None => return Ok(None),
            },
        };
        let later =
            begins.is_none_or(|day: Date| day <= today) && last.as_ref().is_none_or(|(before, _)| *before <= begins);
        if let Some(prices) = dated.object("prices")?.filter(|_| later) {
            last = Some((begins, prices));
        }
    }
    Ok(last.map(|(_, prices)| prices))
}

fn read_prices(prices: &Fields<'_>, entry: &mut Entry, reading: &mut Reading<'_>) -> Result<(), TableError> {
    for (field, raw) in prices.iter() {
        let of = match field {
            "input_mtok" => Unit::Input,
            "output_mtok" => Unit::Output,
            "cache_read_mtok" => Unit::CacheRead,
            "cache_write_mtok" => Unit::CacheWrite5m,
            "input_audio_mtok" => Unit::InputAudio,
            "output_audio_mtok" => Unit::OutputAudio,
            _ => {
                reading.wordless(entry, field);
                continue;
            }
        };
        let base = if raw.starts_with('{') { prices.object(field)? } else { None };
        match base.as_ref().map_or(Some(raw), |base| base.raw("base")) {
            Some(raw) => reading.price(entry, field, raw, Scale { of, times: 1, above: 0 }),
            None => reading.unread(&entry.key, format!("its `{field}` has no `base`")),
        }
        // A price of all tokens of a request whose input, all kinds together, is more than `start`.
        for tier in
            base.as_ref().and_then(|base| base.raw("tiers")).map_or_else(|| Ok(Vec::new()), |raw| items(field, raw))?
        {
            let tier = Fields::read(&entry.key, tier)?;
            let start = reading.noting(&entry.key, tier.whole("start")).filter(|start| *start > 0);
            match (start, tier.raw("price")) {
                (Some(above), Some(raw)) => reading.price(entry, field, raw, Scale { of, times: 1, above }),
                (_, _) => reading.wordless(entry, &format!("{field}.tiers")),
            }
        }
    }
    Ok(())
}

fn spot(company: &str, rule: &Rule) -> Option<Spot> {
    let quarter = Some(Exact::of(125, 2));
    let at = |provider, home| Spot { model: Model::Fits(rule.clone()), ..Spot::at(provider, home, "") };
    Some(match company {
        "anthropic" => at("anthropic", "anthropic"),
        "openai" => at("openai", "openai"),
        "mistral" => at("mistral", "mistral"),
        "openrouter" => at("openrouter", "openrouter"),
        "azure" => Spot { narrow: true, ..at("azure", "azure-openai-global") },
        "together" => Spot {
            like: vec![("together", quarter), ("together-canada", quarter)],
            ..at("together", "together-global")
        },
        "fireworks" => Spot { narrow: true, ..at("fireworks", "fireworks") },
        "google" => Spot { rest: Some(Exact::ONE), ..at("google", "google-gemini") },
        "aws" => Spot { home: None, rest: Some(Exact::ONE), ..at("bedrock", "bedrock-us") },
        _ => return None,
    })
}
