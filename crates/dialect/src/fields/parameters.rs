use phi_words::Modality;

use super::{Kind, Row, chat, embeddings, work};
use crate::job::{ocr, transcription};
use crate::{Carry, LimitName, Speaks, bedrock};

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
    if modality == Modality::Transcription {
        let told = work::transcription::TABLE.iter();
        return told.map(|row| (row.name, transcription::treatment(row.name, carry))).collect();
    }
    if modality == Modality::Ocr {
        return work::ocr::TABLE.iter().map(|row| (row.name, ocr::treatment(row.name, carry))).collect();
    }
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
    if carry.speaks != Speaks::OpenAi {
        return otherwise(row, carry, carried);
    }
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

/// What becomes of a field of a chat where the host speaks otherwise than the caller.
fn otherwise(row: &Row, carry: &Carry, carried: bool) -> Treatment {
    let is_mistral = carry.speaks == Speaks::Mistral;
    let is_anthropic = matches!(carry.speaks, Speaks::Anthropic(_));
    let is_bedrock = carry.speaks == Speaks::Bedrock;
    match (row.kind, row.name) {
        (Kind::Refused | Kind::Moot, _) => Treatment::Refused,
        (Kind::Known { .. }, "n" | "logit_bias" | "logprobs" | "top_logprobs" | "prediction" | "verbosity") => {
            Treatment::Refused
        }
        (Kind::Known { .. }, "seed" | "frequency_penalty" | "presence_penalty") if is_anthropic || is_bedrock => {
            Treatment::Refused
        }
        (Kind::Known { .. }, "parallel_tool_calls") if is_bedrock || carry.speaks == Speaks::Gemini => {
            Treatment::Refused
        }
        (Kind::Known { .. }, "reasoning_effort") if is_bedrock && !bedrock::is_claude(&carry.own) => Treatment::Refused,
        (Kind::Known { .. }, _) if !carried => Treatment::Refused,
        (Kind::Rewritten, "user" | "safety_identifier") if is_anthropic && carried => Treatment::Translated,
        (Kind::Rewritten, _) => Treatment::LeftOut,
        (Kind::Known { .. }, "seed") => Treatment::Translated,
        (Kind::Translated, "max_tokens" | "response_format") | (Kind::Known { .. } | Kind::Ours, _) if is_mistral => {
            Treatment::Native
        }
        (Kind::Ours | Kind::Translated | Kind::Known { .. }, _) => Treatment::Translated,
    }
}

#[cfg(test)]
mod tests {
    use phi_words::{Class, Prompt};

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

    /// Of each field a value that asks for something, and which of its kind all dialects carry that carry it at all.
    const ASKED: &[(&str, &str)] = &[
        ("max_tokens", "100"),
        ("max_completion_tokens", "100"),
        ("temperature", "0.5"),
        ("top_p", "0.5"),
        ("frequency_penalty", "1"),
        ("presence_penalty", "1"),
        ("seed", "7"),
        ("stop", "\"x\""),
        ("n", "2"),
        ("logit_bias", "{\"1\":1}"),
        ("logprobs", "true"),
        ("top_logprobs", "2,\"logprobs\":true"),
        (
            "response_format",
            "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"additionalProperties\":false}}}",
        ),
        ("tools", "[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"),
        ("tool_choice", "\"none\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"),
        ("parallel_tool_calls", "false,\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"),
        ("reasoning_effort", "\"high\""),
        ("verbosity", "\"low\""),
        ("prediction", "{\"type\":\"content\",\"content\":\"x\"}"),
        ("user", "\"u\""),
        ("safety_identifier", "\"u\""),
        ("prompt_cache_key", "\"k\""),
        ("metadata", "{\"a\":\"b\"}"),
    ];

    #[test]
    fn what_is_listed_is_what_becomes_of_it() {
        let at = crate::anthropic::At::FirstParty { geo: None };
        for speaks in [Speaks::OpenAi, Speaks::Mistral, Speaks::Anthropic(at), Speaks::Gemini, Speaks::Bedrock] {
            let capabilities = phi_words::Capability::ALL.iter().copied().collect();
            let carry = Carry { speaks, capabilities, ..Carry::plain("gemini-3.5-flash".parse().unwrap()) };
            for (name, treatment) in parameters(Modality::Chat, &carry) {
                let Some((_, value)) = ASKED.iter().find(|(asked, _)| *asked == name) else { continue };
                let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],"{name}":{value}}}"#);
                let question = crate::read_chat(Prompt::new(body), Class::General).unwrap();
                let fits = question.fits(&carry);
                assert_eq!(fits.is_err(), treatment == Treatment::Refused, "{speaks:?} {name}: {fits:?}");
                if fits.is_ok() {
                    let left_out = question.render(&carry, &str::to_owned, Class::General).left_out;
                    let is_left_out =
                        left_out.iter().any(|left| *left == name || *left == "user" && name == "safety_identifier");
                    assert_eq!(is_left_out, treatment == Treatment::LeftOut, "{speaks:?} {name}: {left_out:?}");
                }
            }
        }
    }
}
