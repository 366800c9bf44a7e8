use std::fmt;

/// One thing that is wrong with a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, such as `catalog.d/local.toml`.
    pub file: String,
    /// Where in it, such as `host.local-chat.address`; empty for the file as a whole.
    pub path: String,
    /// What is wrong: lower-case, no full stop.
    pub what: String,
    /// How to mend it.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Plain(&self.file))?;
        if !self.path.is_empty() {
            write!(f, ": {}", Plain(&self.path))?;
        }
        write!(f, ": {}", Plain(&self.what))?;
        if !self.hint.is_empty() {
            write!(f, " ({})", Plain(&self.hint))?;
        }
        Ok(())
    }
}

/// Text on a terminal: a key of TOML, or the name of a file, may have characters in it that do something there.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter.is_control() {
            true => write!(f, "{}", letter.escape_default()),
            false => write!(f, "{letter}"),
        })
    }
}

/// Everything that is wrong with a catalogue, all of it at once; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    /// The problems, sorted by file and place.
    pub fn list(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the catalogue does not hold")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_does_nothing_to_a_terminal() {
        let text = |text: &str| text.to_owned();
        let (file, what) = (text("catalog.d/a\n.toml"), text("`\u{9b}2J` is a field that does not exist"));
        let problem = Problem { file, path: text("host.\u{1b}[31mé"), what, hint: String::new() };
        let expected = "catalog.d/a\\n.toml: host.\\u{1b}[31mé: `\\u{9b}2J` is a field that does not exist";
        assert_eq!(problem.to_string(), expected);
    }
}
