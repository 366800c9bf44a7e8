use phi_catalog::{Dialect, Extent, Host, JsonObject, Row};
use phi_dialect::anthropic::At;
use phi_dialect::{Carry, Service, Speaks};
use phi_words::Country;

/// What a row's route can carry, in the words of the dialect.
pub fn carry(row: &Row) -> Carry {
    let carries = &row.carries;
    Carry {
        speaks: speaks(&row.host),
        own: row.own.clone(),
        model: row.model.clone(),
        capabilities: row.capabilities.clone(),
        lacks: carries.lacks.clone(),
        open_body: carries.open_body,
        seals: carries.seals,
        max_output: row.max_output,
        limit_name: match carries.limit_name {
            phi_catalog::LimitName::MaxTokens => phi_dialect::LimitName::MaxTokens,
            phi_catalog::LimitName::MaxCompletionTokens => phi_dialect::LimitName::MaxCompletionTokens,
        },
        include_usage: carries.include_usage,
        json_object_as_schema: carries.json_object == JsonObject::Schema,
        base64: carries.base64,
        tokenizer: match carries.tokenizer {
            phi_catalog::Tokenizer::OpenAi => phi_dialect::Tokenizer::OpenAi,
            phi_catalog::Tokenizer::Other => phi_dialect::Tokenizer::Other,
        },
        dimension: row.dimension,
        sounds: carries.sounds.iter().copied().map(sound).collect(),
        country: only_country(&row.host),
        voices: carries.voices.clone(),
    }
}

fn sound(sound: phi_catalog::Sound) -> phi_dialect::Sound {
    match sound {
        phi_catalog::Sound::Mp3 => phi_dialect::Sound::Mp3,
        phi_catalog::Sound::Opus => phi_dialect::Sound::Opus,
        phi_catalog::Sound::Aac => phi_dialect::Sound::Aac,
        phi_catalog::Sound::Flac => phi_dialect::Sound::Flac,
        phi_catalog::Sound::Wav => phi_dialect::Sound::Wav,
        phi_catalog::Sound::Pcm => phi_dialect::Sound::Pcm,
    }
}

/// What a host speaks.
fn speaks(host: &Host) -> Speaks {
    match host.dialect {
        Dialect::OpenAi | Dialect::AzureOpenAi => Speaks::OpenAi,
        Dialect::AzureSpeech => Speaks::Service(Service::AzureSpeech),
        Dialect::AzureDocuments => Speaks::Service(Service::AzureDocuments),
        Dialect::Fal => Speaks::Service(Service::Fal),
        Dialect::InfomaniakBatch => Speaks::Service(Service::InfomaniakBatch),
        Dialect::Mistral => Speaks::Mistral,
        Dialect::Bedrock => Speaks::Bedrock,
        Dialect::Gemini => Speaks::Gemini,
        Dialect::AnthropicVertex => Speaks::Anthropic(At::Vertex),
        // One address for the whole world: where it processes in the US alone, that is what it is asked for.
        Dialect::Anthropic => Speaks::Anthropic(At::FirstParty { geo: is_american(host).then_some("us") }),
    }
}

fn only_country(host: &Host) -> Option<Country> {
    match &host.processes_in {
        Extent::Countries(all) if all.len() == 1 => all.first().copied(),
        Extent::Countries(_) | Extent::Anywhere => None,
    }
}

fn is_american(host: &Host) -> bool {
    matches!(&host.processes_in, Extent::Countries(all) if all.iter().map(Country::to_string).eq(["US"]))
}
