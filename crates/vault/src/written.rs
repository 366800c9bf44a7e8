use serde::Deserialize;
use zeroize::Zeroizing;

/// A text of a key file that is wiped when dropped.
pub(crate) struct Zeroized(pub(crate) Zeroizing<String>);

impl<'de> Deserialize<'de> for Zeroized {
    fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        String::deserialize(reader).map(|text| Self(Zeroizing::new(text)))
    }
}
