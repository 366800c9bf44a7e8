use phi_catalog::{JsonObject, Row};
use phi_dialect::Carry;

/// What a row's route can carry, in the words of the dialect.
pub fn carry(row: &Row) -> Carry {
    let carries = &row.carries;
    Carry {
        own: row.own.clone(),
        capabilities: row.capabilities.clone(),
        lacks: carries.lacks.clone(),
        open_body: carries.open_body,
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
    }
}
