use std::fmt;

use zeroize::Zeroizing;

use crate::modality::closed;

closed!(/// What kind of key a credential holds, and a host wants.
KeyKind, "kind of key", "`plain`, `google-service-account` or `aws-access-key-pair`", {
    /// One line, which is shown as it is.
    Plain = "plain",
    /// The key of a Google service account, which is never shown: it signs tokens, and they are.
    GoogleServiceAccount = "google-service-account",
    /// An access key of Amazon Web Services, which is never shown: it signs each request.
    AwsAccessKey = "aws-access-key-pair",
});

/// A provider's real key. It has no Display and no Serialize, and is wiped when dropped.
pub struct ProviderKey(Zeroizing<String>);

impl ProviderKey {
    /// Takes a key; the caller's copy is the caller's to wipe.
    pub fn new(key: impl Into<String>) -> Self {
        Self(Zeroizing::new(key.into()))
    }

    /// The key itself: for the header of a request to a catalogue host, and for sealing it in the vault.
    pub fn expose_key(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderKey(..)")
    }
}
