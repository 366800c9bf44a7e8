//! A token as text. Two forms show the same token:
//!
//! ```text
//! phi_live_<16 public>_<43 secret><6 checksum>      also phi_test_
//! <agent id>:<16 public>_<43 secret><6 checksum>
//! ```
//!
//! All but the head is base62. The checksum is the CRC-32 of `<public>_<secret>` as in GitHub's tokens
//! (<https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/>), so that a scanner of leaked
//! secrets can tell a token from a look-alike without asking us.

use std::fmt;
use std::str::FromStr;

use phi_crypto::{NoRandomness, random};
use phi_words::{AgentId, NotAWord};
use zeroize::Zeroizing;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PUBLIC: usize = 16;
/// 62^43 is a little more than 2^256.
const SECRET: usize = 43;
const CHECKSUM: usize = 6;
/// What both forms end with.
const TAIL: usize = PUBLIC + 1 + SECRET + CHECKSUM;

/// What a token may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Every host that its organization may use.
    Live,
    /// Free hosts alone, with the class general alone.
    Test,
}

impl Kind {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// The word in the token and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

impl FromStr for Kind {
    type Err = NotAWord;

    fn from_str(text: &str) -> Result<Self, NotAWord> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or(NotAWord { what: "kind of token", rule: "`live` or `test`" })
    }
}

/// The part of a token that names it and is no secret: 16 characters of base62.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicId([u8; PUBLIC]);

impl PublicId {
    /// The sixteen characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8; PUBLIC] {
        &self.0
    }

    /// The same as a number that sorts like the text.
    pub(crate) fn number(&self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

impl FromStr for PublicId {
    type Err = NotAWord;

    fn from_str(text: &str) -> Result<Self, NotAWord> {
        let refused = NotAWord { what: "public id of a token", rule: "16 of `0-9 A-Z a-z`" };
        match text.as_bytes().try_into() {
            Ok(bytes) if all_base62(text.as_bytes()) => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(refused),
        }
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// A token as it is shown to its owner, once. Nothing can be stored of it but what [`crate::StoredToken`] holds.
pub struct ShownToken {
    kind: Kind,
    agent: AgentId,
    tail: Zeroizing<String>,
}

impl ShownToken {
    /// A fresh one of 256 random bits, with its public part and its secret.
    pub(crate) fn generate(kind: Kind, agent: AgentId) -> Result<(Self, PublicId, Secret), NoRandomness> {
        let (public, secret) = (PublicId(*base62()?), Secret(base62()?));
        let mut tail = Zeroizing::new(String::with_capacity(TAIL));
        let signed = [public.0.as_slice(), b"_", secret.0.as_slice()];
        let checksum = checksum(crc32(signed));
        for part in signed.into_iter().chain([checksum.as_slice()]) {
            tail.extend(part.iter().copied().map(char::from));
        }
        Ok((Self { kind, agent, tail }, public, secret))
    }

    /// The text that goes after `Bearer`, or into `x-api-key`.
    pub fn expose_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("phi_{}_{}", self.kind.as_str(), *self.tail))
    }

    /// The same token in the form `<agent id>:<secret>`, for agents whose credential has that form.
    pub fn expose_agent_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}:{}", self.agent, *self.tail))
    }
}

impl fmt::Debug for ShownToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShownToken(..)")
    }
}

/// The secret part of a token.
pub(crate) struct Secret(Zeroizing<[u8; SECRET]>);

impl Secret {
    pub(crate) fn expose_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// A text that was presented as a token, taken apart.
pub(crate) struct Presented {
    pub(crate) head: Head,
    pub(crate) public: PublicId,
    pub(crate) secret: Secret,
    /// Whether it has the form of a token.
    pub(crate) formed: bool,
}

/// What stands before the public part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    Kind(Kind),
    Agent(AgentId),
    Unknown,
}

impl Presented {
    /// Takes a text apart. What is no token at all is taken apart as well, and takes the same time, so that a clock
    /// does not tell a guesser how close the form of his guess was.
    pub(crate) fn read(text: &[u8]) -> Self {
        let (head, tail) = text.split_last_chunk::<TAIL>().unwrap_or((b"", &[b'0'; TAIL]));
        let mut public = PublicId([0; PUBLIC]);
        let mut secret = Secret(Zeroizing::new([0; SECRET]));
        let (signed, check) = tail.split_at(TAIL - CHECKSUM);
        let (public_bytes, rest) = signed.split_at(PUBLIC);
        let (line, secret_bytes) = rest.split_at(1);
        public.0.copy_from_slice(public_bytes);
        secret.0.copy_from_slice(secret_bytes);
        let head = Head::read(head);
        let formed = (head != Head::Unknown)
            & (line == b"_")
            & all_base62(public_bytes)
            & all_base62(secret_bytes)
            & phi_crypto::equal(check, &checksum(crc32([signed])));
        Self { head, public, secret, formed }
    }
}

impl Head {
    fn read(text: &[u8]) -> Self {
        match text {
            b"phi_live_" => Self::Kind(Kind::Live),
            b"phi_test_" => Self::Kind(Kind::Test),
            [id @ .., b':'] => {
                let id = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok());
                id.map_or(Self::Unknown, Self::Agent)
            }
            _ => Self::Unknown,
        }
    }
}

/// Characters of base62, each as likely as any other: of the 256 values of a byte, 8 are drawn again.
fn base62<const N: usize>() -> Result<Zeroizing<[u8; N]>, NoRandomness> {
    let mut text = Zeroizing::new([0; N]);
    let mut filled = 0;
    while filled < N {
        for byte in *Zeroizing::new(random::<32>()?) {
            if byte < 248 && filled < N {
                text[filled] = ALPHABET[usize::from(byte % 62)];
                filled += 1;
            }
        }
    }
    Ok(text)
}

/// Looks at every byte, whatever the first ones are.
fn all_base62(text: &[u8]) -> bool {
    text.iter()
        .fold(true, |all, byte| all & (byte.is_ascii_digit() | byte.is_ascii_uppercase() | byte.is_ascii_lowercase()))
}

fn crc32<const N: usize>(parts: [&[u8]; N]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// The checksum as six characters, most significant first.
fn checksum(mut crc: u32) -> [u8; CHECKSUM] {
    let mut text = [0; CHECKSUM];
    for digit in text.iter_mut().rev() {
        *digit = ALPHABET[(crc % 62) as usize];
        crc /= 62;
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(kind: Kind) -> (ShownToken, PublicId, Secret) {
        ShownToken::generate(kind, AgentId::new()).unwrap()
    }

    #[test]
    fn both_forms_read_back() {
        for kind in Kind::ALL {
            let (shown, public, secret) = shown(kind);
            let heads = [Head::Kind(kind), Head::Agent(shown.agent)];
            for (text, head) in [shown.expose_text(), shown.expose_agent_text()].into_iter().zip(heads) {
                let read = Presented::read(text.as_bytes());
                assert!(read.formed && read.head == head && read.public == public, "{kind:?}");
                assert_eq!(read.secret.expose_bytes(), secret.expose_bytes());
            }
            assert_eq!(shown.expose_text().len(), "phi_live_".len() + 16 + 1 + 43 + 6);
        }
    }

    #[test]
    fn the_checksum_is_the_published_crc() {
        // The check value of CRC-32/ISO-HDLC is 0xCBF43926 for `123456789`.
        assert_eq!(crc32([b"1234", b"56789"]), 0xCBF4_3926);
        assert_eq!(&checksum(0), b"000000");
        assert_eq!(&checksum(61), b"00000z");
        assert_eq!(&checksum(62), b"000010");
        assert_eq!(&checksum(u32::MAX), b"4gfFC3");
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let (shown, public, _) = shown(Kind::Live);
        assert_eq!(format!("{shown:?}"), "ShownToken(..)");
        assert_eq!(public.to_string().parse::<PublicId>(), Ok(public));
        assert!("0123456789abcde-".parse::<PublicId>().is_err() && "0".parse::<PublicId>().is_err());
    }

    #[test]
    fn no_two_tokens_are_alike() {
        let (a, b) = (shown(Kind::Live), shown(Kind::Live));
        assert_ne!(a.1, b.1);
        assert_ne!(a.2.expose_bytes(), b.2.expose_bytes());
    }

    proptest! {
        #[test]
        fn a_token_with_one_other_byte_is_no_token(at in 0_usize..103, byte: u8, agent_form: bool) {
            let (shown, ..) = shown(Kind::Live);
            let text = if agent_form { shown.expose_agent_text() } else { shown.expose_text() };
            let mut bytes = text.as_bytes().to_vec();
            let at = at % bytes.len();
            // Another digit in an agent's id is the id of another agent; in all else one byte makes the text no token.
            prop_assume!(bytes[at] != byte && !(agent_form && at < 36));
            bytes[at] = byte;
            prop_assert!(!Presented::read(&bytes).formed);
        }

        #[test]
        fn any_text_can_be_read(text: Vec<u8>) {
            prop_assert!(!Presented::read(&text).formed);
        }
    }
}
