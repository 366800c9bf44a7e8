use phi_words::Modality;

use super::{Kind, Row, chat, embeddings};
use crate::{Carry, LimitName};

/// What becomes of a field on one route, as `GET /models` lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Passed as it is.
    Native,
    /// Said to the host in another way, or under a pseudonym.
    Translated,
    /// Taken, and the host is not told of it.
    LeftOut,
    /// Refused, unless it asks for what happens anyway.
    Refused,
}

impl Treatment {
    /// The word in the list.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Translated => "translated",
            Self::LeftOut => "left_out",
            Self::Refused => "refused",
        }
    }
}

/// What becomes on one route of each field that we know, for general traffic. Modalities without a table have none.
pub fn parameters(modality: Modality, carry: &Carry) -> Vec<(&'static str, Treatment)> {
    let table = match modality {
        Modality::Chat => chat::TABLE,
        Modality::Embeddings => embeddings::TABLE,
        Modality::Ocr
        | Modality::Transcription
        | Modality::Speech
        | Modality::Image
        | Modality::Video
        | Modality::Math => &[],
    };
    table.iter().map(|row| (row.name, treatment(row, carry))).collect()
}

fn treatment(row: &Row, carry: &Carry) -> Treatment {
    let carried = row.is_carried(carry);
    match (row.kind, row.name) {
        (Kind::Refused | Kind::Moot, _) => Treatment::Refused,
        (Kind::Ours, "model" | "stream_options") => Treatment::Translated,
        (Kind::Ours, "encoding_format") if !carry.base64 => Treatment::Translated,
        (Kind::Translated, "max_tokens") if carry.limit_name != LimitName::MaxTokens => Treatment::Translated,
        (Kind::Translated, "max_completion_tokens") if carry.limit_name != LimitName::MaxCompletionTokens => {
            Treatment::Translated
        }
        (Kind::Translated, "response_format") if carry.json_object_as_schema => Treatment::Translated,
        (Kind::Translated, "dimensions") if !carried => Treatment::Refused,
        (Kind::Ours | Kind::Translated, _) => Treatment::Native,
        (Kind::Known { .. }, _) if carried => Treatment::Native,
        (Kind::Known { .. }, _) => Treatment::Refused,
        (Kind::Rewritten, _) if carried => Treatment::Translated,
        (Kind::Rewritten, _) => Treatment::LeftOut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_route_has_its_treatment() {
        let carry = Carry {
            lacks: ["n", "user"].map(str::to_owned).into(),
            limit_name: LimitName::MaxCompletionTokens,
            ..Carry::plain("m".parse().unwrap())
        };
        let all = parameters(Modality::Chat, &carry);
        assert_eq!(all.len(), chat::TABLE.len());
        for (name, treatment) in [
            ("messages", Treatment::Native),
            ("temperature", Treatment::Native),
            ("max_tokens", Treatment::Translated),
            ("max_completion_tokens", Treatment::Native),
            ("metadata", Treatment::Translated),
            ("user", Treatment::LeftOut),
            ("n", Treatment::Refused),
            ("tools", Treatment::Refused),
            ("store", Treatment::Refused),
        ] {
            assert!(all.contains(&(name, treatment)), "{name}");
        }
        assert_eq!(parameters(Modality::Video, &carry), []);
    }
}
