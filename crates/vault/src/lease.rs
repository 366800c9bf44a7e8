use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use phi_crypto::{Key, NoRandomness, Purpose, Root, Unsealable};
use phi_words::{CredentialId, HostName, KeyKind, OrgId, ProviderKey, ProviderName, Slug};
use zeroize::Zeroizing;

use crate::{AwsKey, ServiceAccount, envelope};

/// Seals provider keys, and leases them.
#[derive(Debug)]
pub enum Vault {
    /// It has its master key.
    Open(Root),
    /// It has none, so nothing can be sealed or leased.
    Sealed,
}

/// A provider key as it is stored, with what it is bound to: who changes any of the fields that are not `revoked` makes
/// the key unreadable.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its id.
    pub id: CredentialId,
    /// The organization that it belongs to; `None` for the deployment's own, which all may use.
    pub org: Option<OrgId>,
    /// Whose key it is.
    pub provider: ProviderName,
    /// What people call it.
    pub name: Slug,
    /// What kind of key it is. It opens those hosts alone that want this kind.
    pub kind: KeyKind,
    /// What the addresses of the provider's hosts need, such as a product's number.
    pub params: BTreeMap<String, String>,
    /// The hosts that it may be shown to; empty: all of the provider's that want its kind of key.
    pub hosts: BTreeSet<HostName>,
    /// When it was sealed.
    pub created: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// The key, sealed.
    pub bytes: Vec<u8>,
}

/// What a provider key is to be bound to.
#[derive(Debug, Clone)]
pub struct Deposit {
    /// The organization that it belongs to; `None` for the deployment's own, which all may use.
    pub org: Option<OrgId>,
    /// Whose key it is.
    pub provider: ProviderName,
    /// What people call it.
    pub name: Slug,
    /// What the addresses of the provider's hosts need.
    pub params: BTreeMap<String, String>,
    /// The hosts that it may be shown to; empty: all of the provider's that want its kind of key.
    pub hosts: BTreeSet<HostName>,
}

/// Why a provider key was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsealed {
    /// The vault has no master key.
    #[error("the vault has no master key")]
    NoRoot,
    /// It is nothing that can be sent in a header.
    #[error("a provider's key is 1 to 16,384 visible ASCII characters in one line")]
    NotAKey,
    /// The operating system gave no random bytes.
    #[error("the key cannot be sealed")]
    NoRandomness(#[from] NoRandomness),
}

/// Why a provider key was not leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unleased {
    /// The vault has no master key.
    #[error("the vault has no master key")]
    NoRoot,
    /// The credential was revoked.
    #[error("the credential is revoked")]
    Revoked,
    /// The credential is another provider's, or was not given for this host.
    #[error("the credential is not for this host")]
    OtherHost,
    /// The credential holds another kind of key than the host wants.
    #[error(
        "the credential holds a key of the kind `{0}`, and the host wants another; put the right one into the vault"
    )]
    OtherKind(KeyKind),
    /// The credential was not sealed by this vault as it stands here.
    #[error("the credential was sealed by another master key, or its row was changed since")]
    Damaged(#[from] Unsealable),
}

impl Vault {
    /// Whether it has its master key.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Open(_) => true,
            Self::Sealed => false,
        }
    }

    /// Seals a provider's key that is shown as it is.
    ///
    /// # Errors
    /// Where the vault is sealed, the key is none, or there is no randomness.
    pub fn seal(&self, deposit: Deposit, key: &ProviderKey, now: Timestamp) -> Result<Sealed, Unsealed> {
        let key = key.expose_key().as_bytes();
        if !(1..=envelope::LONGEST).contains(&key.len()) || !key.iter().all(u8::is_ascii_graphic) {
            return Err(Unsealed::NotAKey);
        }
        self.sealed(deposit, KeyKind::Plain, key, now)
    }

    /// Seals a service account.
    ///
    /// # Errors
    /// Where the vault is sealed, or there is no randomness.
    pub fn seal_account(&self, deposit: Deposit, account: &ServiceAccount, now: Timestamp) -> Result<Sealed, Unsealed> {
        self.sealed(deposit, KeyKind::GoogleServiceAccount, &account.to_bytes(), now)
    }

    /// Seals an access key of Amazon Web Services.
    ///
    /// # Errors
    /// Where the vault is sealed, or there is no randomness.
    pub fn seal_aws(&self, deposit: Deposit, key: &AwsKey, now: Timestamp) -> Result<Sealed, Unsealed> {
        self.sealed(deposit, KeyKind::AwsAccessKey, &key.to_bytes(), now)
    }

    /// The plain key of a credential, to be shown to `host`, which is `provider`'s, and to nobody else.
    ///
    /// # Errors
    /// Where the vault is sealed, or the credential is revoked, not for this host, of another kind, or not as it was
    /// sealed.
    pub fn lease(&self, sealed: &Sealed, provider: &ProviderName, host: &HostName) -> Result<ProviderKey, Unleased> {
        let key = self.opened(sealed, KeyKind::Plain, provider, host)?;
        let key = std::str::from_utf8(&key).map_err(|_| Unsealable)?;
        Ok(ProviderKey::new(key))
    }

    /// The service account of a credential, whose tokens are to be shown to `host`, which is `provider`'s, and to nobody
    /// else.
    ///
    /// # Errors
    /// As [`Vault::lease`].
    pub fn lease_account(
        &self,
        sealed: &Sealed,
        provider: &ProviderName,
        host: &HostName,
    ) -> Result<ServiceAccount, Unleased> {
        let account = self.opened(sealed, KeyKind::GoogleServiceAccount, provider, host)?;
        Ok(ServiceAccount::from_bytes(&account)?)
    }

    /// The access key of a credential, which is to sign requests to `host`, which is `provider`'s, and to nobody else.
    ///
    /// # Errors
    /// As [`Vault::lease`].
    pub fn lease_aws(&self, sealed: &Sealed, provider: &ProviderName, host: &HostName) -> Result<AwsKey, Unleased> {
        let key = self.opened(sealed, KeyKind::AwsAccessKey, provider, host)?;
        Ok(AwsKey::from_bytes(&key)?)
    }

    fn sealed(&self, deposit: Deposit, kind: KeyKind, secret: &[u8], now: Timestamp) -> Result<Sealed, Unsealed> {
        let Deposit { org, provider, name, params, hosts } = deposit;
        let id = CredentialId::new();
        let mut sealed =
            Sealed { id, org, provider, name, kind, params, hosts, created: now, revoked: None, bytes: Vec::new() };
        let outer = self.key(org).ok_or(Unsealed::NoRoot)?;
        sealed.bytes = bound(&sealed, |about| envelope::seal(&outer, about, secret))?;
        Ok(sealed)
    }

    fn opened(
        &self,
        sealed: &Sealed,
        kind: KeyKind,
        provider: &ProviderName,
        host: &HostName,
    ) -> Result<Zeroizing<Vec<u8>>, Unleased> {
        let outer = self.key(sealed.org).ok_or(Unleased::NoRoot)?;
        if sealed.revoked.is_some() {
            return Err(Unleased::Revoked);
        }
        if sealed.provider != *provider || !(sealed.hosts.is_empty() || sealed.hosts.contains(host)) {
            return Err(Unleased::OtherHost);
        }
        if sealed.kind != kind {
            return Err(Unleased::OtherKind(sealed.kind));
        }
        Ok(bound(sealed, |about| envelope::open(&outer, about, &sealed.bytes))?)
    }

    fn key(&self, org: Option<OrgId>) -> Option<Arc<Key>> {
        match self {
            Self::Open(root) => Some(root.derive(Purpose::Envelope(org))),
            Self::Sealed => None,
        }
    }
}

/// Everything that a key is bound to, as parts that differ wherever any of it differs.
fn bound<T>(sealed: &Sealed, with: impl FnOnce(&[&[u8]]) -> T) -> T {
    let created = sealed.created.to_string();
    let count = (sealed.params.len() as u64).to_be_bytes();
    let org = sealed.org.as_ref().map_or(&[][..], |org| org.as_bytes());
    // A plain key is bound as it was before there were others. Another kind's word is longer than an organization's id,
    // so that no two kinds are bound alike.
    let mut about: Vec<&[u8]> = match sealed.kind {
        KeyKind::Plain => Vec::new(),
        KeyKind::GoogleServiceAccount | KeyKind::AwsAccessKey => vec![sealed.kind.as_str().as_bytes()],
    };
    about.extend([
        org,
        sealed.id.as_bytes(),
        sealed.provider.as_str().as_bytes(),
        sealed.name.as_str().as_bytes(),
        created.as_bytes(),
        &count,
    ]);
    about.extend(sealed.params.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]));
    about.extend(sealed.hosts.iter().map(|host| host.as_str().as_bytes()));
    with(&about)
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({}, {:?} of {:?}, ..)", self.id, self.name, self.provider)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-1234567890";

    fn vault() -> Vault {
        Vault::Open(Root::from_bytes(&[7; 32]))
    }

    fn provider() -> ProviderName {
        "infomaniak".parse().unwrap()
    }

    fn host() -> HostName {
        "infomaniak-ch".parse().unwrap()
    }

    fn deposit(org: Option<OrgId>) -> Deposit {
        Deposit {
            org,
            provider: provider(),
            name: "main".parse().unwrap(),
            params: BTreeMap::from([("product_id".into(), "4711".into())]),
            hosts: BTreeSet::new(),
        }
    }

    fn sealed(org: Option<OrgId>) -> Sealed {
        vault().seal(deposit(org), &ProviderKey::new(KEY), Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_key_is_leased_to_a_host_of_its_provider() {
        for org in [None, Some(OrgId::new())] {
            let key = vault().lease(&sealed(org), &provider(), &host()).unwrap();
            assert_eq!(key.expose_key(), KEY);
        }
        let narrow = Deposit { hosts: BTreeSet::from([host()]), ..deposit(None) };
        let narrow = vault().seal(narrow, &ProviderKey::new(KEY), Timestamp::UNIX_EPOCH).unwrap();
        assert!(vault().lease(&narrow, &provider(), &host()).is_ok());
        let other = "infomaniak-other".parse().unwrap();
        assert_eq!(vault().lease(&narrow, &provider(), &other).err(), Some(Unleased::OtherHost));
        assert!(vault().lease(&sealed(None), &provider(), &other).is_ok());
    }

    #[test]
    fn another_provider_never_sees_it() {
        let other = "together".parse().unwrap();
        assert_eq!(vault().lease(&sealed(None), &other, &host()).err(), Some(Unleased::OtherHost));
    }

    #[test]
    fn a_row_that_was_changed_gives_no_key() {
        let one = sealed(Some(OrgId::new()));
        let changes: [fn(&mut Sealed); 9] = [
            |row| row.id = CredentialId::new(),
            |row| row.org = Some(OrgId::new()),
            |row| row.org = None,
            |row| row.provider = "together".parse().unwrap(),
            |row| row.name = "other".parse().unwrap(),
            |row| row.params = BTreeMap::from([("product_id".into(), "4712".into())]),
            |row| row.params.clear(),
            |row| row.hosts = BTreeSet::from(["infomaniak-ch".parse().unwrap()]),
            |row| row.bytes = sealed(row.org).bytes,
        ];
        for (at, change) in changes.iter().enumerate() {
            let mut row = one.clone();
            change(&mut row);
            let leased = vault().lease(&row, &row.provider, &host());
            assert_eq!(leased.err(), Some(Unleased::Damaged(Unsealable)), "change {at}");
        }
        let other = Vault::Open(Root::from_bytes(&[8; 32]));
        assert_eq!(other.lease(&one, &provider(), &host()).err(), Some(Unleased::Damaged(Unsealable)));
    }

    #[test]
    fn a_revoked_credential_and_a_sealed_vault_give_no_key() {
        let mut row = sealed(None);
        assert_eq!(Vault::Sealed.lease(&row, &provider(), &host()).err(), Some(Unleased::NoRoot));
        let refused = Vault::Sealed.seal(deposit(None), &ProviderKey::new(KEY), Timestamp::UNIX_EPOCH);
        assert_eq!(refused.err(), Some(Unsealed::NoRoot));
        row.revoked = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(vault().lease(&row, &provider(), &host()).err(), Some(Unleased::Revoked));
    }

    /// Rows that were written before there was more than one kind of key.
    #[test]
    fn what_was_sealed_by_the_first_version_still_opens() {
        let root = "671949219ef9674eec890800b91e8b5f860c330b4fb1273f4cb90d7aeadf86ae";
        let vault = Vault::Open(Root::from_bytes(&phi_crypto::unhex(root).unwrap()));
        let row = |id: &str, org: Option<&str>, created: &str, bytes: &[u8]| Sealed {
            id: id.parse().unwrap(),
            org: org.map(|org| org.parse().unwrap()),
            provider: provider(),
            name: "default".parse().unwrap(),
            kind: KeyKind::Plain,
            params: BTreeMap::from([("product_id".into(), "4711".into())]),
            hosts: BTreeSet::from(["infomaniak".parse().unwrap()]),
            created: created.parse().unwrap(),
            revoked: None,
            bytes: bytes.to_vec(),
        };
        let (id, created) = ("01a1fea9-fbdd-7185-a102-884815c4a700", "2026-11-21T15:11:55.35791627Z");
        let of_all = row(id, None, created, include_bytes!("../golden/plain-of-the-deployment.bin"));
        let (id, created) = ("01a1fea9-fc8f-7165-adb2-4f492e109300", "2026-11-21T15:11:55.535865817Z");
        let org = Some("01a1fea9-fb33-7493-9d50-720a18b59854");
        let of_one = row(id, org, created, include_bytes!("../golden/plain-of-an-organization.bin"));
        for (row, key) in [(of_all, "sk-put-before-kinds"), (of_one, "sk-of-a-clinic")] {
            let leased = vault.lease(&row, &provider(), &"infomaniak".parse().unwrap()).unwrap();
            assert_eq!(leased.expose_key(), key);
        }
    }

    fn account() -> ServiceAccount {
        let file = serde_json::json!({
            "type": "service_account",
            "private_key_id": "0123456789abcdef0123456789abcdef01234567",
            "private_key": include_str!("../../crypto/golden/test-only-rsa-2048.pem"),
            "client_email": "gateway@clinic-eu.iam.gserviceaccount.com",
        });
        ServiceAccount::parse(&file.to_string()).unwrap()
    }

    #[test]
    fn a_service_account_is_leased_as_one_and_never_as_a_key() {
        let row = vault().seal_account(deposit(None), &account(), Timestamp::UNIX_EPOCH).unwrap();
        let leased = vault().lease_account(&row, &provider(), &host()).unwrap();
        let token = |account: ServiceAccount| account.token(Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(token(leased).expose_key(), token(account()).expose_key());
        let other = Unleased::OtherKind(KeyKind::GoogleServiceAccount);
        assert_eq!(vault().lease(&row, &provider(), &host()).err(), Some(other));
        let plain = vault().lease_account(&sealed(None), &provider(), &host());
        assert_eq!(plain.err(), Some(Unleased::OtherKind(KeyKind::Plain)));
        let revoked = Sealed { revoked: Some(Timestamp::UNIX_EPOCH), ..row };
        assert_eq!(vault().lease_account(&revoked, &provider(), &host()).err(), Some(Unleased::Revoked));
    }

    #[test]
    fn an_access_key_is_leased_as_one_and_never_as_a_key() {
        let key = AwsKey::parse(r#"{"AccessKeyId":"AKIDEXAMPLEEXAMPLE00","SecretAccessKey":"wJalrXUtnFEMI"}"#).unwrap();
        let row = vault().seal_aws(deposit(None), &key, Timestamp::UNIX_EPOCH).unwrap();
        assert!(!row.bytes.windows(13).any(|window| window == b"wJalrXUtnFEMI"));
        let signed = |key: &AwsKey| {
            let headers = key.sign("h", "/", "us-east-1", b"", Timestamp::UNIX_EPOCH);
            headers.last().map(|(_, value)| value.expose_key().to_owned())
        };
        let leased = vault().lease_aws(&row, &provider(), &host()).unwrap();
        assert_eq!(signed(&leased), signed(&key));
        let other = Some(Unleased::OtherKind(KeyKind::AwsAccessKey));
        assert_eq!(vault().lease(&row, &provider(), &host()).err(), other);
        assert_eq!(vault().lease_account(&row, &provider(), &host()).err(), other);
        for kind in [KeyKind::Plain, KeyKind::GoogleServiceAccount] {
            let row = Sealed { kind, ..row.clone() };
            let leased = match kind {
                KeyKind::Plain => vault().lease(&row, &provider(), &host()).err(),
                KeyKind::GoogleServiceAccount | KeyKind::AwsAccessKey => {
                    vault().lease_account(&row, &provider(), &host()).err()
                }
            };
            assert_eq!(leased, Some(Unleased::Damaged(Unsealable)), "{kind}");
        }
    }

    #[test]
    fn a_row_that_was_given_another_kind_gives_nothing() {
        for org in [None, Some(OrgId::new())] {
            let row = vault().seal_account(deposit(org), &account(), Timestamp::UNIX_EPOCH).unwrap();
            // A host's name cannot take the place of the kind's word either.
            for hosts in [[].into(), [KeyKind::GoogleServiceAccount.as_str().parse().unwrap()].into()] {
                let row = Sealed { kind: KeyKind::Plain, hosts, ..row.clone() };
                let named = KeyKind::GoogleServiceAccount.as_str().parse().unwrap();
                let leased = vault().lease(&row, &provider(), &named);
                assert_eq!(leased.err(), Some(Unleased::Damaged(Unsealable)));
            }
            let row = Sealed { kind: KeyKind::GoogleServiceAccount, ..sealed(org) };
            let leased = vault().lease_account(&row, &provider(), &host());
            assert_eq!(leased.err(), Some(Unleased::Damaged(Unsealable)));
        }
    }

    #[test]
    fn what_is_no_key_is_not_sealed() {
        let seal = |key: String| vault().seal(deposit(None), &ProviderKey::new(key), Timestamp::UNIX_EPOCH);
        for bad in ["".into(), "a b".into(), "key\n".into(), "clé".into(), "k".repeat(envelope::LONGEST + 1)] {
            assert_eq!(seal(bad).err(), Some(Unsealed::NotAKey));
        }
        assert!(seal("k".repeat(envelope::LONGEST)).is_ok());
    }

    #[test]
    fn nothing_of_the_key_is_shown_or_stored() {
        let row = sealed(None);
        assert!(!format!("{row:?}").contains(KEY) && !format!("{:?}", vault()).contains('7'));
        assert!(!row.bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()));
        let row = vault().seal_account(deposit(None), &account(), Timestamp::UNIX_EPOCH).unwrap();
        let plain = account().to_bytes();
        for part in plain.chunks(32) {
            assert!(!row.bytes.windows(part.len()).any(|window| window == part));
        }
    }
}
