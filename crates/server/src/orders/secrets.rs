use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use phi_record::{Act, By};
use phi_vault::{AwsKey, Deposit, NotAnAwsKey, Sealed, ServiceAccount};
use phi_words::{CredentialId, HostName, KeyKind, ProviderKey, ProviderName, Slug};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::catalogue::describe;
use crate::deployment::Deployment;
use crate::orders::orgs;
use crate::say::Said;

/// What can be done with provider keys.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub enum Orders {
    /// Put a provider's key into the vault, from a file or from standard input; never from the command line.
    #[command(after_help = "\
examples: phi vault put infomaniak --set product_id=12345 < key.txt
          phi vault put google < service-account.json
          aws iam create-access-key --user-name phi | phi vault put bedrock")]
    Put(Put),
    /// List the keys, without the keys.
    List,
    /// Revoke a key at once: nothing is sent with it any more.
    Revoke {
        /// Its id.
        id: CredentialId,
    },
}

/// A provider's key.
#[derive(Debug, Args, Serialize, Deserialize)]
pub struct Put {
    /// The host that it opens, or a provider, all of whose hosts it opens.
    #[arg(value_name = "HOST|PROVIDER")]
    opens: HostName,
    /// The organization that it is for; all of them where this is not said.
    #[arg(long)]
    org: Option<Slug>,
    /// What people call it; no two standing keys of a provider share it.
    #[arg(long, default_value = "default")]
    name: Slug,
    /// A parameter of the host's address, such as `product_id=12345`. May be given again.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parameter)]
    params: Vec<(String, String)>,
    /// The file that holds the key: on one line, as Google's JSON file of a service account, or as AWS's JSON of an access
    /// key. Standard input where this is not said.
    #[arg(long)]
    file: Option<PathBuf>,
    #[arg(skip)]
    key: Option<Key>,
}

/// A key on its way to the vault through the control socket, which only its owner may open.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// A key that was read elsewhere.
    pub(crate) fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// What was given as a key.
enum Given {
    Plain(ProviderKey),
    Account(ServiceAccount),
    Aws(AwsKey),
}

impl Orders {
    /// Reads the key here, where its file or its pipe is.
    pub(crate) fn read(mut self) -> anyhow::Result<Self> {
        if let Self::Put(put) = &mut self {
            put.key = Some(key(put.file.take())?);
        }
        Ok(self)
    }

    pub(crate) async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        match self {
            Self::Put(put) => put.run(deployment, by).await,
            Self::List => Ok(Said::Rows(deployment.load().await?.credentials.iter().map(shown).collect())),
            Self::Revoke { id } => {
                let mut sealed = find(deployment, id).await?;
                sealed.revoked.get_or_insert(deployment.now());
                let act = Act::new(by, "vault.revoke").about("credential", id);
                deployment.change(act, async |change| change.put_credential(&sealed).await).await?;
                Ok(Said::One(shown(&sealed)))
            }
        }
    }
}

impl Put {
    /// A key for a host and every organization.
    pub(crate) fn of(host: &HostName, name: &Slug, params: Vec<(String, String)>, key: Key) -> Self {
        Self { opens: host.clone(), org: None, name: name.clone(), params, file: None, key: Some(key) }
    }

    /// What it opens.
    pub(crate) fn opens(&self) -> &HostName {
        &self.opens
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &Slug {
        &self.name
    }

    pub(super) async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        let org = match &self.org {
            Some(name) => Some(orgs::find(deployment, name).await?.id),
            None => None,
        };
        let catalogue = deployment.catalogue();
        let opens = self.opens.as_str();
        let one: Vec<_> = catalogue.hosts().iter().filter(|host| host.name == self.opens).collect();
        let all: Vec<_> = catalogue.hosts().iter().filter(|host| host.provider.as_str() == opens).collect();
        let (mut hosts, only) =
            if one.is_empty() { (all, BTreeSet::new()) } else { (one, BTreeSet::from([self.opens.clone()])) };
        let Some(provider) = hosts.first().map(|host| host.provider.clone()) else {
            let names = describe::provider_names(&catalogue);
            bail!(
                "`{opens}` is neither a host nor a provider of the catalogue\n  hint: use one of {names}; `phi catalog list \
                 --json` names the hosts"
            );
        };
        let given = self.key.context("no key was read")?.read()?;
        let wanted = hosts.first().and_then(|host| host.auth.wants()).unwrap_or(KeyKind::Plain);
        hosts.retain(|host| host.is_opened_by(given.kind()));
        if hosts.is_empty() {
            bail!("{}", misfit(opens, wanted, given.kind()));
        }
        let theirs = catalogue.hosts().iter().filter(|host| host.provider == provider);
        known(&self.params, &provider, theirs.flat_map(|host| host.params()).collect())?;
        let needed: BTreeSet<&str> = hosts.iter().flat_map(|host| host.params()).collect();
        let mut params: BTreeMap<String, String> = self.params.into_iter().collect();
        if let Some(project) = given.project().filter(|_| needed.contains("project") && !params.contains_key("project"))
        {
            let (name, value) = parameter(&format!("project={project}")).map_err(|_| {
                anyhow::anyhow!("the key file's `project_id` fits no address\n  hint: add --set project=VALUE")
            })?;
            params.insert(name, value);
        }
        if let Some(missing) = needed.iter().find(|needed| !params.contains_key(**needed)) {
            bail!("the address of `{opens}` needs `{missing}`\n  hint: add --set {missing}=VALUE");
        }
        let deposit = Deposit { org, provider, name: self.name, params, hosts: only };
        let sealed = match given {
            Given::Plain(key) => deployment.seal(deposit, &key)?,
            Given::Account(account) => deployment.seal_account(deposit, &account)?,
            Given::Aws(key) => deployment.seal_aws(deposit, &key)?,
        };
        let act = Act::new(by, "vault.put")
            .about("credential", sealed.id)
            .about("provider", &sealed.provider)
            .about("name", &sealed.name)
            .about("kind", sealed.kind)
            .about("hosts", hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>().join(" "));
        deployment.change(act, async |change| change.put_credential(&sealed).await).await?;
        Ok(Said::One(shown(&sealed)))
    }
}

/// Whether the provider's hosts have all these parameters: a mistyped one would be kept, and fill nothing.
fn known(params: &[(String, String)], provider: &ProviderName, names: BTreeSet<&str>) -> anyhow::Result<()> {
    let Some((name, _)) = params.iter().find(|(name, _)| !names.contains(name.as_str())) else { return Ok(()) };
    if names.is_empty() {
        bail!("no address of `{provider}` has the parameter `{name}`\n  hint: its hosts need none: leave --set out");
    }
    let names: Vec<&str> = names.into_iter().collect();
    bail!("no address of `{provider}` has the parameter `{name}`\n  hint: there is {}", names.join(", "))
}

impl Key {
    /// A JSON object is an access key of AWS or the key file of a service account; no provider's key begins like one.
    fn read(self) -> anyhow::Result<Given> {
        if !self.0.starts_with('{') {
            return Ok(Given::Plain(ProviderKey::new(self.0)));
        }
        match AwsKey::parse(&self.0) {
            Ok(key) => return Ok(Given::Aws(key)),
            Err(error @ NotAnAwsKey::Field(_)) => {
                bail!("{error}\n  hint: `aws iam create-access-key --user-name NAME` writes a new one as JSON")
            }
            Err(NotAnAwsKey::Other) => {}
        }
        let hint = "hint: Google's console makes one under `IAM & Admin`, `Service accounts`, `Keys`, as JSON";
        match ServiceAccount::parse(&self.0) {
            Ok(account) => Ok(Given::Account(account)),
            Err(error) => bail!("{error}\n  {hint}"),
        }
    }
}

impl Given {
    fn kind(&self) -> KeyKind {
        match self {
            Self::Plain(_) => KeyKind::Plain,
            Self::Account(_) => KeyKind::GoogleServiceAccount,
            Self::Aws(_) => KeyKind::AwsAccessKey,
        }
    }

    fn project(&self) -> Option<&str> {
        match self {
            Self::Plain(_) | Self::Aws(_) => None,
            Self::Account(account) => account.project(),
        }
    }
}

/// What is said where a key opens none of the hosts.
fn misfit(opens: &str, wanted: KeyKind, given: KeyKind) -> String {
    let called = |kind| match kind {
        KeyKind::Plain => "a key on one line",
        KeyKind::GoogleServiceAccount => "a service account",
        KeyKind::AwsAccessKey => "an access key of AWS",
    };
    let hint = match wanted {
        KeyKind::Plain => "the file holds the key alone",
        KeyKind::GoogleServiceAccount => "give it the account's JSON key file",
        KeyKind::AwsAccessKey => "give it what `aws iam create-access-key --user-name NAME` writes",
    };
    format!("`{opens}` is opened by {}, not by {}\n  hint: {hint}", called(wanted), called(given))
}

async fn find(deployment: &Deployment, id: CredentialId) -> anyhow::Result<Sealed> {
    let found = deployment.load().await?.credentials.into_iter().find(|sealed| sealed.id == id);
    found.with_context(|| format!("there is no key `{id}` in the vault\n  hint: `phi vault list` shows them"))
}

fn key(file: Option<PathBuf>) -> anyhow::Result<Key> {
    let text = match file {
        Some(file) => std::fs::read_to_string(&file).with_context(|| format!("`{}` cannot be read", file.display()))?,
        None => {
            let mut text = String::new();
            std::io::stdin().take(16 << 10).read_to_string(&mut text).context("standard input is no text")?;
            text
        }
    };
    let key = text.trim();
    if !key.starts_with('{') && (key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic())) {
        bail!(
            "that is no key: it has no character, or one that a header cannot hold\n  hint: the file holds the key alone, on one line, or is the JSON of a service account or of an AWS access key"
        );
    }
    Ok(Key(key.to_owned()))
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let fits = |text: &str| (1..=63).contains(&text.len());
    match text.split_once('=') {
        Some((name, value))
            if fits(name)
                && fits(value)
                && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') =>
        {
            Ok((name.to_owned(), value.to_owned()))
        }
        Some(_) | None => Err("write it as NAME=VALUE, the value 1 to 63 of `a-z 0-9 -`".to_owned()),
    }
}

fn shown(sealed: &Sealed) -> Value {
    json!({
        "id": sealed.id,
        "provider": sealed.provider,
        "name": sealed.name,
        "kind": sealed.kind,
        "hosts": sealed.hosts,
        "org": sealed.org,
        "params": sealed.params,
        "created": sealed.created,
        "revoked": sealed.revoked,
    })
}
