use phi_dialect::Question;
use phi_identify::Caller;
use phi_words::{Class, Prompt, Region, Tier};

use crate::Ask;

/// What the caller wished in the headers of one request; `None` where a header was absent.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// `X-Region`.
    pub region: Option<Region>,
    /// `X-PHI`.
    pub class: Option<Class>,
    /// `X-Model-Tier`.
    pub tier: Option<Tier>,
    /// `X-Actor`, `X-Subject`, `X-Purpose`.
    pub marks: Marks,
}

/// Who acts, about whom, and why, as the caller wrote it. Only keyed hashes of these are ever stored.
#[derive(Clone, Default)]
pub struct Marks {
    /// `X-Actor`.
    pub actor: Option<Mark>,
    /// `X-Subject`.
    pub subject: Option<Mark>,
    /// `X-Purpose`.
    pub purpose: Option<Mark>,
}

impl std::fmt::Debug for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Marks(..)")
    }
}

/// One such mark: 1 to 128 visible ASCII characters. It may name a patient, so its Debug is empty.
#[derive(Clone)]
pub struct Mark(Box<str>);

impl Mark {
    /// Reads a mark; `None` where the text is not 1 to 128 visible ASCII characters.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.into()))
    }

    /// The text itself, to be hashed.
    pub fn expose_text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mark(..)")
    }
}

/// Proof that region and class of a request are settled within the floors. Only [`crate::Police::terms`] makes it:
///
/// ```compile_fail
/// fn forge(caller: phi_identify::Caller) -> phi_police::Terms {
///     phi_police::Terms { caller, region: phi_words::Region::world(), class: phi_words::Class::General, tier: None, marks: Default::default() }
/// }
/// ```
/// ```
/// fn settle(police: &phi_police::Police, caller: phi_identify::Caller) -> Result<phi_police::Terms, phi_words::Refusal> {
///     police.terms(caller, phi_police::Wishes::default())
/// }
/// ```
#[derive(Debug)]
pub struct Terms {
    pub(crate) caller: Caller,
    pub(crate) region: Region,
    pub(crate) class: Class,
    pub(crate) tier: Option<Tier>,
    pub(crate) marks: Marks,
}

impl Terms {
    /// Who is asking.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Where it must be processed.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Whether it carries protected health information.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The tier that `auto` is to prefer.
    pub fn tier(&self) -> Option<Tier> {
        self.tier
    }

    /// Who acts, about whom, and why.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// What is asked under these terms, as it was read and as it came.
    pub fn ask(self, question: Question, body: Prompt) -> Ask {
        Ask::new(self, question, body)
    }
}
