use std::collections::BTreeMap;
use std::fmt::Display;

use crate::entry::{ActBy, ActRecord, Who};

/// Something that is done beside calls, to be recorded before it takes effect.
#[derive(Debug, Clone)]
pub struct Act {
    by: By,
    name: &'static str,
    about: BTreeMap<String, String>,
}

/// Who does it.
#[derive(Debug, Clone)]
pub enum By {
    /// Somebody at the machine, by the user id of the process.
    Operator(u32),
    /// A caller, by the API.
    Caller(Who),
    /// The server itself.
    Server,
}

impl Act {
    /// An act such as `token.create`.
    pub fn new(by: By, name: &'static str) -> Self {
        Self { by, name, about: BTreeMap::new() }
    }

    /// The same, saying one thing more of it: an id, a name or a hash, never a secret.
    #[must_use]
    pub fn about(mut self, what: &'static str, value: impl Display) -> Self {
        self.about.insert(what.to_owned(), value.to_string());
        self
    }

    pub(crate) fn into_record(self) -> ActRecord {
        let by = match self.by {
            By::Operator(uid) => ActBy::Operator { uid },
            By::Caller(who) => ActBy::Caller(who),
            By::Server => ActBy::Server,
        };
        ActRecord { by, act: self.name.to_owned(), about: self.about }
    }
}
