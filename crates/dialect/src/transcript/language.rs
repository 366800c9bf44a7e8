//! Languages: as a caller writes one, as OpenAI's hosts name it, as Azure's want it.

use std::fmt;

use phi_words::Country;

/// A language, or a locale: `de`, `de-CH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Language {
    /// The code of ISO 639, in small letters.
    code: String,
    /// The country that was named with it, in capitals.
    country: Option<String>,
}

impl Language {
    /// Reads a code of two or three letters, alone or with a country of two.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (code, country) = text.split_once('-').map_or((text, None), |(code, country)| (code, Some(country)));
        let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic());
        let fits = (2..=3).contains(&code.len()) && letters(code);
        let country_fits = country.is_none_or(|country| country.len() == 2 && letters(country));
        let country = country.map(str::to_ascii_uppercase);
        (fits && country_fits).then(|| Self { code: code.to_ascii_lowercase(), country })
    }

    /// As a host names it: by its code, a locale, or its English name. What is none of these is nothing.
    pub(crate) fn named(text: &str) -> Option<Self> {
        let name = text.trim().to_ascii_lowercase();
        let known = LANGUAGES.iter().find(|(_, known, _)| *known == name);
        known.map(|(code, ..)| Self { code: (*code).to_owned(), country: None }).or_else(|| Self::parse(text))
    }

    /// The code alone.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// Its English name, as OpenAI's `verbose_json` has it; its code where it has none here.
    pub(crate) fn english(&self) -> &str {
        self.row().map_or(&self.code, |(_, name, _)| name)
    }

    /// The locale that Azure is asked for: the one that was named; else that of the language where the host processes, else
    /// the usual one. Where no locale of the language is known there is none.
    pub(crate) fn locale(&self, place: Option<Country>) -> Option<String> {
        let (_, _, usual) = self.row().filter(|(.., usual)| !usual.is_empty())?;
        if let Some(country) = &self.country {
            return Some(format!("{}-{country}", usual.split_once('-')?.0));
        }
        let place = place.map(|place| place.to_string()).unwrap_or_default();
        let there = LOCAL.iter().find(|(country, code, _)| *country == place && *code == self.code);
        Some(there.map_or(*usual, |(.., locale)| locale).to_owned())
    }

    fn row(&self) -> Option<&'static (&'static str, &'static str, &'static str)> {
        LANGUAGES.iter().find(|(code, ..)| *code == self.code)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)
    }
}

/// Where another locale than the usual one is meant.
const LOCAL: &[(&str, &str, &str)] = &[
    ("CH", "de", "de-CH"),
    ("CH", "fr", "fr-CH"),
    ("CH", "it", "it-CH"),
    ("CA", "en", "en-CA"),
    ("CA", "fr", "fr-CA"),
    ("GB", "en", "en-GB"),
    ("US", "es", "es-US"),
];

/// Codes and English names are those of Whisper
/// (<https://github.com/openai/whisper/blob/main/whisper/tokenizer.py>); the usual locale of each that Azure has
/// (<https://learn.microsoft.com/en-us/azure/ai-services/speech-service/language-support?tabs=stt>).
const LANGUAGES: &[(&str, &str, &str)] = &[
    ("af", "afrikaans", "af-ZA"),
    ("am", "amharic", "am-ET"),
    ("ar", "arabic", "ar-SA"),
    ("as", "assamese", "as-IN"),
    ("az", "azerbaijani", "az-AZ"),
    ("ba", "bashkir", ""),
    ("be", "belarusian", ""),
    ("bg", "bulgarian", "bg-BG"),
    ("bn", "bengali", "bn-IN"),
    ("bo", "tibetan", ""),
    ("br", "breton", ""),
    ("bs", "bosnian", "bs-BA"),
    ("ca", "catalan", "ca-ES"),
    ("cs", "czech", "cs-CZ"),
    ("cy", "welsh", "cy-GB"),
    ("da", "danish", "da-DK"),
    ("de", "german", "de-DE"),
    ("el", "greek", "el-GR"),
    ("en", "english", "en-US"),
    ("es", "spanish", "es-ES"),
    ("et", "estonian", "et-EE"),
    ("eu", "basque", "eu-ES"),
    ("fa", "persian", "fa-IR"),
    ("fi", "finnish", "fi-FI"),
    ("fo", "faroese", ""),
    ("fr", "french", "fr-FR"),
    ("gl", "galician", "gl-ES"),
    ("gu", "gujarati", "gu-IN"),
    ("ha", "hausa", ""),
    ("haw", "hawaiian", ""),
    ("he", "hebrew", "he-IL"),
    ("hi", "hindi", "hi-IN"),
    ("hr", "croatian", "hr-HR"),
    ("ht", "haitian creole", ""),
    ("hu", "hungarian", "hu-HU"),
    ("hy", "armenian", "hy-AM"),
    ("id", "indonesian", "id-ID"),
    ("is", "icelandic", "is-IS"),
    ("it", "italian", "it-IT"),
    ("ja", "japanese", "ja-JP"),
    ("jw", "javanese", "jv-ID"),
    ("ka", "georgian", "ka-GE"),
    ("kk", "kazakh", "kk-KZ"),
    ("km", "khmer", "km-KH"),
    ("kn", "kannada", "kn-IN"),
    ("ko", "korean", "ko-KR"),
    ("la", "latin", ""),
    ("lb", "luxembourgish", ""),
    ("ln", "lingala", ""),
    ("lo", "lao", "lo-LA"),
    ("lt", "lithuanian", "lt-LT"),
    ("lv", "latvian", "lv-LV"),
    ("mg", "malagasy", ""),
    ("mi", "maori", ""),
    ("mk", "macedonian", "mk-MK"),
    ("ml", "malayalam", "ml-IN"),
    ("mn", "mongolian", "mn-MN"),
    ("mr", "marathi", "mr-IN"),
    ("ms", "malay", "ms-MY"),
    ("mt", "maltese", "mt-MT"),
    ("my", "myanmar", "my-MM"),
    ("ne", "nepali", "ne-NP"),
    ("nl", "dutch", "nl-NL"),
    ("nn", "nynorsk", ""),
    ("no", "norwegian", "nb-NO"),
    ("oc", "occitan", ""),
    ("pa", "punjabi", "pa-IN"),
    ("pl", "polish", "pl-PL"),
    ("ps", "pashto", "ps-AF"),
    ("pt", "portuguese", "pt-PT"),
    ("ro", "romanian", "ro-RO"),
    ("ru", "russian", "ru-RU"),
    ("sa", "sanskrit", ""),
    ("sd", "sindhi", ""),
    ("si", "sinhala", "si-LK"),
    ("sk", "slovak", "sk-SK"),
    ("sl", "slovenian", "sl-SI"),
    ("sn", "shona", ""),
    ("so", "somali", "so-SO"),
    ("sq", "albanian", "sq-AL"),
    ("sr", "serbian", "sr-RS"),
    ("su", "sundanese", ""),
    ("sv", "swedish", "sv-SE"),
    ("sw", "swahili", "sw-KE"),
    ("ta", "tamil", "ta-IN"),
    ("te", "telugu", "te-IN"),
    ("tg", "tajik", ""),
    ("th", "thai", "th-TH"),
    ("tk", "turkmen", ""),
    ("tl", "tagalog", "fil-PH"),
    ("tr", "turkish", "tr-TR"),
    ("tt", "tatar", ""),
    ("uk", "ukrainian", "uk-UA"),
    ("ur", "urdu", "ur-IN"),
    ("uz", "uzbek", "uz-UZ"),
    ("vi", "vietnamese", "vi-VN"),
    ("yi", "yiddish", ""),
    ("yo", "yoruba", ""),
    ("yue", "cantonese", "yue-CN"),
    ("zh", "chinese", "zh-CN"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(text: &str, place: Option<&str>) -> Option<String> {
        Language::parse(text).unwrap().locale(place.map(|place| place.parse().unwrap()))
    }

    #[test]
    fn a_locale_is_the_named_one_or_that_of_the_place_or_the_usual_one() {
        for (text, place, expected) in [
            ("de", None, Some("de-DE")),
            ("de", Some("NL"), Some("de-DE")),
            ("de", Some("CH"), Some("de-CH")),
            ("de-AT", Some("CH"), Some("de-AT")),
            ("EN-gb", Some("US"), Some("en-GB")),
            ("en", Some("CH"), Some("en-US")),
            ("no", None, Some("nb-NO")),
            ("la", None, None),
            ("xx", None, None),
        ] {
            assert_eq!(locale(text, place).as_deref(), expected, "{text} {place:?}");
        }
    }

    #[test]
    fn a_language_has_one_name_however_a_host_names_it() {
        for (text, name) in [
            ("de", "german"),
            ("de-CH", "german"),
            ("German", "german"),
            ("nb-NO", "nb"),
            ("haitian creole", "haitian creole"),
            ("xyz", "xyz"),
        ] {
            assert_eq!(Language::named(text).unwrap().english(), name, "{text}");
        }
        for text in ["", "d", "deutsch", "de_CH", "de-CHE", "de-C1", "d\u{e9}", "the patient's name"] {
            assert_eq!(Language::named(text), None, "{text}");
        }
    }

    #[test]
    fn codes_and_names_stand_there_once() {
        for (code, name, locale) in LANGUAGES {
            assert_eq!(
                LANGUAGES.iter().filter(|(other, named, _)| other == code || named == name).count(),
                1,
                "{code}"
            );
            assert!(locale.is_empty() || Language::parse(locale).is_some(), "{locale}");
        }
    }
}
