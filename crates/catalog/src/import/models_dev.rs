//! The table of models.dev: <https://models.dev/api.json>, which its TOML files are put together to.

use phi_words::{Capability, Currency, Modality};

use crate::import::TableError;
use crate::import::entry::{Entry, Spot, Unit};
use crate::import::exact::Exact;
use crate::import::json::{Fields, items};
use crate::import::litellm::bedrock;
use crate::import::reading::{Reading, Scale};

const EUROS: &str = "prices of Scaleway are in EUR: the table writes the same figures as US dollars";
const MINUTES: &str =
    "the price of a minute of Scaleway's transcription stands in a field of tokens: it is read as one of a minute";
const TOGETHER: &str =
    "prices of Together are those of its usual address: its addresses in one country cost a quarter more";
const NOT_TOKENS: &str =
    "the table knows prices of tokens alone: those of work that is not charged by tokens are not taken";

pub(super) fn read(text: &str, reading: &mut Reading<'_>) -> Result<(), TableError> {
    let shape = |what: &str| TableError::Shape("models.dev", what.to_owned());
    for (company, provider) in Fields::read("", text)?.objects() {
        let models = provider?.object("models")?.ok_or_else(|| shape(&format!("`{company}` has no `models`")))?;
        if spot(company, "").is_none() {
            reading.elsewhere(company, models.iter().count());
            continue;
        }
        for (id, fields) in models.objects() {
            let key = format!("{company}/{id}");
            if reading.leaves_out(&key) {
                continue;
            }
            if let Some(spot) = spot(company, id) {
                entry(&key, id, &fields?, spot, reading)?;
            }
        }
    }
    Ok(())
}

fn entry(key: &str, id: &str, fields: &Fields<'_>, spot: Spot, reading: &mut Reading<'_>) -> Result<(), TableError> {
    let limit = fields.object("limit")?;
    let tokens = |name: &str, reading: &mut Reading<'_>| {
        let limit = limit.as_ref()?;
        reading.noting(key, limit.whole(name)).filter(|tokens| *tokens > 0)
    };
    let modalities = fields.object("modalities")?;
    let list = |name: &str, reading: &mut Reading<'_>| {
        modalities.as_ref().and_then(|of| reading.noting(key, of.texts(name))).unwrap_or_default()
    };
    let (takes, gives) = (list("input", reading), list("output", reading));
    let scaleway = spot.provider == "scaleway";
    let mut entry = Entry {
        key: key.to_owned(),
        modality: modality(id, &takes, &gives),
        currency: if scaleway { Currency::Eur } else { Currency::Usd },
        prices: Default::default(),
        context: tokens("context", reading),
        max_output: tokens("output", reading),
        dimension: None,
        can: Default::default(),
        retires: None,
        remarks: Vec::new(),
        spot,
    };
    if scaleway {
        reading.odd(EUROS);
    }
    if entry.spot.provider == "together" {
        reading.odd(TOGETHER);
    }
    let flags = [
        ("tool_call", Capability::Tools),
        ("reasoning", Capability::Reasoning),
        ("structured_output", Capability::JsonSchema),
    ];
    for (field, capability) in flags {
        if let Some(can) = reading.noting(key, fields.flag(field)) {
            entry.can.insert(capability, can);
        }
    }
    if !takes.is_empty() {
        entry.can.insert(Capability::Vision, takes.iter().any(|kind| kind == "image"));
        entry.can.insert(Capability::Audio, takes.iter().any(|kind| kind == "audio"));
    }
    if reading.noting(key, fields.text("status")).as_deref() == Some("deprecated") {
        entry.remarks.push("is called deprecated, without a day".to_owned());
    }
    reading.window(&mut entry);
    if let Some(cost) = fields.object("cost")? {
        prices(&cost, &mut entry, scaleway, reading)?;
    }
    reading.take(entry);
    Ok(())
}

fn prices(cost: &Fields<'_>, entry: &mut Entry, scaleway: bool, reading: &mut Reading<'_>) -> Result<(), TableError> {
    let by_tokens = matches!(entry.modality, Some(Modality::Chat | Modality::Embeddings));
    for (field, raw) in cost.iter() {
        if by_tokens && (field == "tiers" || field == OVER) {
            long(cost, field, raw, entry, reading)?;
            continue;
        }
        let Some(of) = unit(field) else {
            reading.wordless(entry, field);
            continue;
        };
        if by_tokens {
            reading.price(entry, field, raw, Scale { of, times: 1, above: 0 });
        } else if scaleway && entry.modality == Some(Modality::Transcription) && of == Unit::Input {
            reading.odd(MINUTES);
            reading.price(entry, field, raw, Scale { of: Unit::AudioHour, times: 60, above: 0 });
        } else {
            reading.odd(NOT_TOKENS);
            reading.unread(
                &entry.key,
                format!("its `{field}` is a price of tokens, and its work may be charged otherwise"),
            );
        }
    }
    Ok(())
}

/// What the table calls the first of `tiers` for programs that do not know those.
const OVER: &str = "context_over_200k";

/// The prices of long input: `tiers`, each with the context above which it holds, or the older field, which tells no number
/// but that of its name.
fn long(
    cost: &Fields<'_>,
    field: &str,
    raw: &str,
    entry: &mut Entry,
    reading: &mut Reading<'_>,
) -> Result<(), TableError> {
    if field == OVER {
        // Where `tiers` tells the number as well, that of the name may be another: 272,000 is over 200,000.
        if cost.raw("tiers").is_none()
            && let Some(prices) = cost.object(OVER)?
        {
            tier(&prices, 200_000, entry, reading);
        }
        return Ok(());
    }
    for prices in items(&entry.key, raw)? {
        let prices = Fields::read(&entry.key, prices)?;
        let bound = prices.object("tier")?;
        let is_context =
            bound.as_ref().is_some_and(|bound| bound.text("type").ok().flatten().as_deref() == Some("context"));
        let size = bound.as_ref().and_then(|bound| reading.noting(&entry.key, bound.whole("size")));
        match size.filter(|size| is_context && *size > 0) {
            Some(size) => tier(&prices, size, entry, reading),
            None => reading.wordless(entry, "tiers"),
        }
    }
    Ok(())
}

fn tier(prices: &Fields<'_>, above: u64, entry: &mut Entry, reading: &mut Reading<'_>) {
    for (field, raw) in prices.iter().filter(|(field, _)| *field != "tier") {
        match unit(field) {
            Some(of) => reading.price(entry, field, raw, Scale { of, times: 1, above }),
            None => reading.wordless(entry, field),
        }
    }
}

fn unit(field: &str) -> Option<Unit> {
    Some(match field {
        "input" => Unit::Input,
        "output" => Unit::Output,
        "reasoning" => Unit::Reasoning,
        "cache_read" => Unit::CacheRead,
        "cache_write" => Unit::CacheWrite5m,
        "input_audio" => Unit::InputAudio,
        "output_audio" => Unit::OutputAudio,
        _ => return None,
    })
}

/// What it takes and gives tells the kind of work, but for vectors: those are told by the name.
fn modality(id: &str, takes: &[String], gives: &[String]) -> Option<Modality> {
    let only = |list: &[String], kind: &str| matches!(list, [one] if one == kind);
    let text_in = takes.iter().any(|kind| kind == "text");
    match () {
        () if id.contains("embed") || id.contains("bge-") => Some(Modality::Embeddings),
        () if only(takes, "audio") && only(gives, "text") => Some(Modality::Transcription),
        () if text_in && only(gives, "text") => Some(Modality::Chat),
        () if text_in && only(gives, "audio") => Some(Modality::Speech),
        () if text_in && only(gives, "image") => Some(Modality::Image),
        () if text_in && only(gives, "video") => Some(Modality::Video),
        () => None,
    }
}

fn spot(company: &str, id: &str) -> Option<Spot> {
    let quarter = Some(Exact::of(125, 2));
    Some(match company {
        "scaleway" => Spot::at("scaleway", "scaleway", id),
        "togetherai" => Spot {
            like: vec![("together", quarter), ("together-canada", quarter)],
            ..Spot::at("together", "together-global", id)
        },
        "fireworks-ai" => {
            let home = id.starts_with("accounts/fireworks/models/").then_some("fireworks");
            Spot { home, rest: Some(Exact::ONE), ..Spot::at("fireworks", "fireworks", id) }
        }
        "mistral" => Spot::at("mistral", "mistral", id),
        "nebius" => Spot::at("nebius", "nebius", id),
        "openrouter" => Spot::at("openrouter", "openrouter", id),
        "anthropic" => Spot::at("anthropic", "anthropic", id),
        "openai" => Spot::at("openai", "openai", id),
        "azure" => Spot { narrow: true, ..Spot::at("azure", "azure-openai-global", id) },
        "amazon-bedrock" => bedrock(id),
        "google" => Spot { narrow: true, ..Spot::at("google", "google-gemini", id) },
        "google-vertex" => {
            let own = if id.starts_with("gemini") { format!("google/{id}") } else { id.to_owned() };
            // Its multi-regions cost more for some models, and the table does not tell of which.
            let like = vec![("google-us", None), ("google-eu", None)];
            Spot { like, rest: Some(Exact::ONE), ..Spot::at("google", "google-global", own) }
        }
        "google-vertex-anthropic" => Spot { narrow: true, ..Spot::at("google", "google-claude", id) },
        _ => return None,
    })
}
