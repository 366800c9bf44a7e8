use anyhow::bail;
use phi_catalog::Kind;
use phi_crypto::{hex, sha256};
use phi_record::{Act, By};
use phi_store::Contents;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::data::OVERRIDES;
use crate::deployment::Deployment;
use crate::orders::secrets::Put;
use crate::say::Said;

/// What was taken of another gateway's settings.
#[derive(Debug, Serialize, Deserialize)]
pub struct Take {
    /// A file of `catalog.d`: aliases and staged rows.
    pub(crate) rows: Option<String>,
    /// Keys that are to be sealed.
    pub(crate) keys: Vec<Put>,
}

/// The file of `catalog.d` that is written.
pub(crate) const FILE: &str = "litellm.toml";

impl Take {
    /// Writes the file, then seals the keys. A key that an agreement would cover unseen is left to the operator: PHI goes
    /// nowhere by what is done here.
    pub(super) async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        let contents = deployment.load().await?;
        let catalogue = deployment.catalogue();
        let (mut keys, mut not_sealed) = (Vec::new(), Vec::new());
        for put in self.keys {
            let Some(provider) =
                catalogue.hosts().iter().find(|host| host.name == *put.opens()).map(|host| &host.provider)
            else {
                bail!("the catalogue in force has no host `{}`\n  hint: `phi config reload`, and again", put.opens());
            };
            let stands = |sealed: &phi_vault::Sealed| {
                sealed.revoked.is_none()
                    && sealed.org.is_none()
                    && sealed.provider == *provider
                    && sealed.name == *put.name()
            };
            if contents.credentials.iter().any(stands) {
                bail!("a key of `{provider}` is called `{}` already\n  hint: `phi vault revoke` it first", put.name());
            }
            if covers_every_key(&contents, provider) {
                let why = "an agreement covers every key of its provider: put it into the vault yourself if it covers this one";
                not_sealed.push(json!({ "host": put.opens(), "name": put.name(), "why": why }));
            } else {
                keys.push(put);
            }
        }
        let file = format!("{OVERRIDES}/{FILE}");
        let written = self.rows.as_ref().map(|_| file.clone());
        if let Some(rows) = self.rows {
            let digest = hex(&sha256(&[rows.as_bytes()]));
            let act = Act::new(by.clone(), "config.import").about("format", "litellm").about("file", digest);
            let make = |_: &_, files: &[(String, String)]| {
                if files.iter().any(|(name, _)| *name == file) {
                    bail!(
                        "`{file}` is there already\n  hint: look at it, and move what you keep of it elsewhere first"
                    );
                }
                Ok((act, rows))
            };
            deployment.rewrite(FILE, make).await?;
        }
        let mut sealed = Vec::new();
        for put in keys {
            if let Said::One(one) = put.run(deployment, by.clone()).await? {
                sealed.push(one);
            }
        }
        Ok(Said::One(json!({ "written": written, "sealed": sealed, "not_sealed": not_sealed })))
    }
}

/// Whether an agreement with a provider covers whatever key there is, now or later.
fn covers_every_key(contents: &Contents, provider: &phi_words::ProviderName) -> bool {
    contents.agreements.iter().any(|agreement| {
        let every = matches!(&agreement.kind, Kind::Provider { name, credential: None } if name == provider);
        every && agreement.revoked.is_none()
    })
}
