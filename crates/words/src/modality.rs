macro_rules! closed {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every one of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as it is written in headers, files and records.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::NotAWord;

            fn from_str(text: &str) -> Result<Self, $crate::NotAWord> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err($crate::NotAWord { what: $what, rule: $rule }) }
            }
        }
    };
}
pub(crate) use closed;

closed!(/// Whether a request carries protected health information. `Phi` is the higher class.
Class, "class", "`general` or `phi`", {
    /// No protected health information.
    General = "general",
    /// Protected health information: only hosts under a standing agreement.
    Phi = "phi",
});

closed!(/// What kind of work a request asks for.
Modality, "modality", "`chat`, `embeddings`, `ocr`, `transcription`, `speech`, `image`, `video` or `math`", {
    /// Text (and images) in, text out.
    Chat = "chat",
    /// Text in, vectors out.
    Embeddings = "embeddings",
    /// Documents in, text out.
    Ocr = "ocr",
    /// Audio in, text out.
    Transcription = "transcription",
    /// Text in, audio out.
    Speech = "speech",
    /// Text in, image out.
    Image = "image",
    /// Text or image in, video out.
    Video = "video",
    /// The math agent.
    Math = "math",
});

closed!(/// What a chat request needs of a model beyond text.
Capability, "capability", "`tools`, `json_object`, `json_schema`, `vision`, `audio`, `reasoning` or `logprobs`", {
    /// Function tools.
    Tools = "tools",
    /// `response_format: json_object`.
    JsonObject = "json_object",
    /// `response_format: json_schema`.
    JsonSchema = "json_schema",
    /// Images in messages.
    Vision = "vision",
    /// Audio in messages.
    Audio = "audio",
    /// `reasoning_effort`.
    Reasoning = "reasoning",
    /// `logprobs`.
    Logprobs = "logprobs",
});

closed!(/// How much thinking a model does for its price: a soft wish of `auto`.
Tier, "tier", "`fast`, `baseline` or `thinking`", {
    /// Small and quick.
    Fast = "fast",
    /// The middle.
    Baseline = "baseline",
    /// Thinks before it answers.
    Thinking = "thinking",
});
