//! LiteLLM's table: <https://github.com/BerriAI/litellm/blob/main/model_prices_and_context_window.json>.

use phi_words::{Capability, Currency, Modality};

use crate::import::TableError;
use crate::import::entry::{Entry, Model, Spot, Unit};
use crate::import::exact::Exact;
use crate::import::json::Fields;
use crate::import::reading::{Reading, Scale};

const EUROS: &str = "prices of Scaleway are in EUR: the table writes the same figures as US dollars";
const VENDORS: &str = "the table writes a vendor before the names of some of Scaleway's models; Scaleway knows none";
const TOGETHER: &str =
    "prices of Together are those of its usual address: its addresses in one country cost a quarter more";
const MISTRAL: &str = "prices of Mistral are those of its usual address: its regional ones cost a tenth more";
const TWICE: &str = "what transcription costs a second stands in two fields, for what is heard and for what is written: it is \
                     charged once";

/// Where the explanation of the fields stands, as if it were a model.
const SAMPLE: &str = "sample_spec";

pub(super) fn read(text: &str, reading: &mut Reading<'_>) -> Result<(), TableError> {
    let all = Fields::read("", text)?;
    for (key, fields) in all.objects() {
        if key == SAMPLE || reading.leaves_out(key) {
            continue;
        }
        let fields = fields?;
        let Some(company) = reading.noting(key, fields.text("litellm_provider")) else {
            reading.unread(key, "does not say whose it is");
            continue;
        };
        match spot(&company, key, &fields) {
            Ok(Some(spot)) => entry(key, &fields, spot, reading)?,
            Ok(None) => reading.elsewhere(&company, 1),
            Err(what) => reading.unread(key, what),
        }
    }
    Ok(())
}

fn entry(key: &str, fields: &Fields<'_>, spot: Spot, reading: &mut Reading<'_>) -> Result<(), TableError> {
    let mode = reading.noting(key, fields.text("mode"));
    let euros = spot.provider == "scaleway";
    for (holds, oddity) in [
        (euros, EUROS),
        (euros && key.matches('/').count() > 1, VENDORS),
        (spot.provider == "together", TOGETHER),
        (spot.provider == "mistral", MISTRAL),
    ] {
        if holds {
            reading.odd(oddity);
        }
    }
    let retires = reading.noting(key, fields.text("deprecation_date")).and_then(|day| {
        let read = day.parse().map_err(|_: jiff::Error| "its `deprecation_date` is no day".to_owned());
        reading.noting(key, read.map(Some))
    });
    let dimension = reading.noting(key, fields.whole("output_vector_size"));
    let mut entry = Entry {
        key: key.to_owned(),
        spot,
        modality: mode.as_deref().and_then(modality),
        currency: if euros { Currency::Eur } else { Currency::Usd },
        prices: Default::default(),
        context: reading.noting(key, fields.whole("max_input_tokens")).filter(|tokens| *tokens > 0),
        max_output: reading.noting(key, fields.whole("max_output_tokens")).filter(|tokens| *tokens > 0),
        dimension: dimension.and_then(|length| u32::try_from(length).ok()),
        can: CAN
            .iter()
            .filter_map(|(field, capability)| Some((*capability, reading.noting(key, fields.flag(field))?)))
            .collect(),
        retires,
        remarks: Vec::new(),
    };
    reading.window(&mut entry);
    for (field, raw) in fields.iter() {
        match scale(field, entry.modality) {
            Some(scale) => reading.price(&mut entry, field, raw, scale),
            None if field == "output_cost_per_second" && entry.modality == Some(Modality::Transcription) => {
                reading.odd(TWICE)
            }
            None if field.contains("cost") || field.contains("pricing") => reading.wordless(&mut entry, field),
            None => {}
        }
    }
    reading.take(entry);
    Ok(())
}

const CAN: &[(&str, Capability)] = &[
    ("supports_function_calling", Capability::Tools),
    ("supports_response_schema", Capability::JsonSchema),
    ("supports_vision", Capability::Vision),
    ("supports_audio_input", Capability::Audio),
    ("supports_reasoning", Capability::Reasoning),
];

fn modality(mode: &str) -> Option<Modality> {
    Some(match mode {
        "chat" => Modality::Chat,
        "embedding" => Modality::Embeddings,
        "ocr" => Modality::Ocr,
        "audio_transcription" => Modality::Transcription,
        "audio_speech" => Modality::Speech,
        "image_generation" => Modality::Image,
        "video_generation" => Modality::Video,
        _ => return None,
    })
}

fn scale(field: &str, modality: Option<Modality>) -> Option<Scale> {
    if let Some((field, above)) = long(field) {
        let scale = scale(field, modality).filter(|scale| scale.above == 0 && scale.of.is_token())?;
        return Some(Scale { above, ..scale });
    }
    let million = |of| Scale { of, times: 1_000_000, above: 0 };
    let one = |of| Scale { of, times: 1, above: 0 };
    Some(match (field, modality) {
        ("input_cost_per_token", _) => million(Unit::Input),
        ("output_cost_per_token", _) => million(Unit::Output),
        ("cache_read_input_token_cost", _) => million(Unit::CacheRead),
        ("cache_creation_input_token_cost", _) => million(Unit::CacheWrite5m),
        ("cache_creation_input_token_cost_above_1hr", _) => million(Unit::CacheWrite1h),
        ("input_cost_per_audio_token", _) => million(Unit::InputAudio),
        ("output_cost_per_audio_token", _) => million(Unit::OutputAudio),
        ("output_cost_per_reasoning_token", _) => million(Unit::Reasoning),
        ("input_cost_per_second", Some(Modality::Transcription)) => {
            Scale { of: Unit::AudioHour, times: 3_600, above: 0 }
        }
        ("input_cost_per_character", Some(Modality::Speech)) => million(Unit::Characters),
        ("ocr_cost_per_page", Some(Modality::Ocr)) => Scale { of: Unit::Pages, times: 1_000, above: 0 },
        ("output_cost_per_image", Some(Modality::Image)) => one(Unit::Image),
        ("output_cost_per_video_per_second", Some(Modality::Video)) => one(Unit::VideoSecond),
        (_, _) => return None,
    })
}

/// A field of a price above so many thousand input tokens: `input_cost_per_token_above_200k_tokens`.
fn long(field: &str) -> Option<(&str, u64)> {
    let (field, thousands) = field.strip_suffix("k_tokens")?.rsplit_once("_above_")?;
    let is_count = (1..=5).contains(&thousands.len()) && thousands.bytes().all(|byte| byte.is_ascii_digit());
    let thousands: u64 = thousands.parse().ok().filter(|thousands| is_count && *thousands > 0)?;
    Some((field, thousands * 1_000))
}

/// Which of our rows an entry speaks of; nothing where its company is not in our catalogue.
fn spot(company: &str, key: &str, fields: &Fields<'_>) -> Result<Option<Spot>, String> {
    // Prices of all models of a size stand there too, by names without the company.
    let own = |prefix: &str| match key.strip_prefix(prefix) {
        Some(own) if !own.is_empty() => Ok(own),
        Some(_) | None => Err("its name is that of a class of models, not of a model".to_owned()),
    };
    let maybe = |prefix: &str| key.strip_prefix(prefix).unwrap_or(key);
    // A size, a quality, a commitment or a place before the model's id.
    let alone = |own: &str| {
        if own.contains('/') { Err("its name is not that of a model alone".to_owned()) } else { Ok(()) }
    };
    let quarter = Some(Exact::of(125, 2));
    let tenth = Some(Exact::of(11, 1));
    Ok(Some(match company {
        "scaleway" => Spot::at("scaleway", "scaleway", own("scaleway/")?.rsplit('/').next().unwrap_or_default()),
        "together_ai" => Spot {
            like: vec![("together", quarter), ("together-canada", quarter)],
            ..Spot::at("together", "together-global", own("together_ai/")?)
        },
        "fireworks_ai" | "fireworks_ai-embedding-models" => {
            let own = own("fireworks_ai/")?;
            // A router is at a host of its own, which its name does not tell for certain.
            let home = own.starts_with("accounts/fireworks/models/").then_some("fireworks");
            Spot { home, rest: Some(Exact::ONE), ..Spot::at("fireworks", "fireworks", own) }
        }
        "mistral" => Spot {
            like: vec![("mistral-eu", tenth), ("mistral-us", tenth)],
            ..Spot::at("mistral", "mistral", own("mistral/")?)
        },
        "nebius" => Spot::at("nebius", "nebius", own("nebius/")?),
        "openrouter" => Spot::at("openrouter", "openrouter", own("openrouter/")?),
        "fal_ai" => Spot::at("fal", "fal", own("fal_ai/")?),
        "gemini" => Spot { narrow: true, ..Spot::at("google", "google-gemini", own("gemini/")?) },
        "anthropic" => {
            alone(key)?;
            let us = fields.object("provider_specific_entry").ok().flatten().and_then(|entry| factor(&entry, "us"));
            Spot { like: vec![("anthropic-us", us)], ..Spot::at("anthropic", "anthropic", key) }
        }
        "openai" => {
            let own = maybe("openai/");
            alone(own)?;
            let dearer = |field| Some(factor(fields, field).unwrap_or(Exact::ONE));
            let eu = dearer("regional_processing_uplift_multiplier_eu");
            let us = dearer("regional_processing_uplift_multiplier_us");
            Spot { like: vec![("openai-eu", eu), ("openai-us", us)], ..Spot::at("openai", "openai", own) }
        }
        "azure" | "azure_ai" => azure(key)?,
        "bedrock" | "bedrock_converse" => {
            alone(key)?;
            bedrock(key)
        }
        "vertex_ai" | "vertex_ai-language-models" => {
            let own = maybe("vertex_ai/");
            alone(own)?;
            let dearer = factor(fields, "regional_endpoint_uplift_multiplier");
            // Its multi-regions cost more for some models, and the table does not tell of which.
            let like = vec![("google-us", dearer), ("google-eu", dearer)];
            Spot {
                like,
                rest: dearer.or(Some(Exact::ONE)),
                ..Spot::at("google", "google-global", format!("google/{own}"))
            }
        }
        "vertex_ai-anthropic_models" => {
            Spot { narrow: true, ..Spot::at("google", "google-claude", own("vertex_ai/")?) }
        }
        "vertex_ai-zai_models" | "vertex_ai-openai_models" => {
            Spot { rest: Some(Exact::ONE), ..Spot::at("google", "google-global", own("vertex_ai/")?) }
        }
        _ => return Ok(None),
    }))
}

fn factor(fields: &Fields<'_>, name: &str) -> Option<Exact> {
    Exact::parse(fields.raw(name)?).ok().filter(|factor| !factor.is_zero() && !factor.exceeds(10))
}

/// Azure's data zones are hosts of ours; what has no zone before its name is global.
fn azure(key: &str) -> Result<Spot, String> {
    let narrow = |home, own: &str| Spot { narrow: true, ..Spot::at("azure", home, own) };
    let everywhere = |hosts: [&'static str; 3], own: &str| Spot {
        provider: "azure",
        model: Model::Own(own.to_owned()),
        home: None,
        like: hosts.map(|host| (host, Some(Exact::ONE))).into(),
        rest: None,
        narrow: true,
    };
    let documents = ["azure-documents-switzerlandnorth", "azure-documents-westeurope", "azure-documents-eastus"];
    let heard =
        ["azure-transcription-switzerlandnorth", "azure-transcription-westeurope", "azure-transcription-eastus"];
    let spoken = ["azure-speech-switzerlandnorth", "azure-speech-westeurope", "azure-speech-eastus"];
    let parts: Vec<&str> = key.split('/').collect();
    Ok(match parts.as_slice() {
        ["azure_ai", "doc-intelligence", own] => everywhere(documents, own),
        ["azure_ai", own] => narrow("azure-foundry-global", own),
        ["azure", "speech", "azure-stt"] => everywhere(heard, "speech-to-text"),
        ["azure", "speech", "azure-tts"] => everywhere(spoken, "neural"),
        ["azure", "speech", "azure-tts-hd"] => everywhere(spoken, "neural-hd"),
        ["azure", "eu", own] => narrow("azure-openai-eu", own),
        ["azure", "us", own] => narrow("azure-openai-us", own),
        ["azure", "global", own] | ["azure", own] => narrow("azure-openai-global", own),
        _ => return Err("its name is not that of a model alone".to_owned()),
    })
}

/// The head of a profile of Bedrock says where it processes; an id without one is of the region that is asked.
pub(super) fn bedrock(own: &str) -> Spot {
    let profiles = [("us.", "bedrock-us"), ("jp.", "bedrock-jp"), ("au.", "bedrock-au"), ("global.", "bedrock-global")];
    let home = profiles.iter().find(|(head, _)| own.starts_with(head)).map(|(_, host)| *host);
    Spot { home, rest: Some(Exact::ONE), ..Spot::at("bedrock", "bedrock-us", own) }
}
