use std::fmt;
use std::sync::Arc;

use phi_words::Prompt;

/// Seals what goes to a caller and is to come back from him unread and unchanged, so that nothing has to be kept for it here.
///
/// It is made for one organization and one class of requests: what was sealed for another does not open. A seal is text of
/// `A-Z a-z 0-9 _ -`, and is not the same twice.
#[derive(Clone)]
pub struct Sealer(Arc<Both>);

struct Both {
    seal: Box<Sealing>,
    open: Box<Opening>,
}

/// Seals bytes of a kind; nothing where the operating system has no random bytes.
type Sealing = dyn Fn(&str, &[u8]) -> Option<String> + Send + Sync;
/// Opens what was sealed as of this kind.
type Opening = dyn Fn(&str, &str) -> Option<Prompt> + Send + Sync;

impl Sealer {
    /// One that seals and opens so. The first thing that either is told is the kind, to which a seal is bound.
    pub fn new(
        seal: impl Fn(&str, &[u8]) -> Option<String> + Send + Sync + 'static,
        open: impl Fn(&str, &str) -> Option<Prompt> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Both { seal: Box::new(seal), open: Box::new(open) }))
    }

    /// A seal of these bytes. Without random bytes it is a word that opens nothing.
    pub(crate) fn seal(&self, kind: &str, plain: &[u8]) -> String {
        (self.0.seal)(kind, plain).unwrap_or_else(|| "unsealed".to_owned())
    }

    /// What was sealed, if it was sealed as of this kind.
    pub(crate) fn open(&self, kind: &str, sealed: &str) -> Option<Prompt> {
        (self.0.open)(kind, sealed)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

/// Seals without secrecy, for tests alone: a number, so that no two are alike, and the bytes in hexadecimal digits.
#[cfg(any(test, fuzzing))]
pub(crate) fn transparent() -> Sealer {
    let next = std::sync::atomic::AtomicU16::new(0);
    let hex = move |kind: &str, plain: &[u8]| {
        let number = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_be_bytes();
        let all = number.into_iter().chain(kind.bytes()).chain([b':']).chain(plain.iter().copied());
        Some(all.map(|byte| format!("{byte:02x}")).collect())
    };
    let unhex = |kind: &str, sealed: &str| {
        let digits = sealed.as_bytes().chunks(2);
        let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let all: Vec<u8> = digits.map(byte).collect::<Option<_>>()?;
        let plain = all.split_at_checked(2)?.1.strip_prefix(kind.as_bytes())?.strip_prefix(b":")?;
        Some(Prompt::new(plain.to_vec()))
    };
    Sealer::new(hex, unhex)
}
