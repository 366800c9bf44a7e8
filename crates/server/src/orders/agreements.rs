mod reach;

use std::path::Path;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use phi_catalog::{Agreement, Kind};
use phi_crypto::{hex, sha256, unhex};
use phi_record::{Act, By};
use phi_words::{AgreementId, Country, CredentialId, Framework, Modality, ProviderName, Slug};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::catalogue::describe;
use crate::day::day;
use crate::deployment::Deployment;
use crate::orders::{orgs, tokens};
use crate::say::{Said, table};

/// What can be done with agreements.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub enum Orders {
    /// Attest that an agreement stands. PHI reaches a provider by standing agreements alone.
    #[command(
        after_help = "example: phi agreement add --provider infomaniak --counterparty 'Infomaniak Network SA' --document dpa.pdf \\\n           --country CH --modality chat --framework nFADP --verified-by 'A. Keller' --verified-on 2026-11-01 --review-by 2027-11-01"
    )]
    Add(Add),
    /// List the agreements: all of them, or those that stand and are due for review soon.
    #[command(after_help = "example: phi agreement list --expiring 30d")]
    List {
        /// Only those that stand now and lapse, unless they are reviewed, within this time, such as `30d`.
        #[arg(long, value_name = "TIME")]
        expiring: Option<String>,
    },
    /// Show one agreement, what of it its provider offers, and the routes that PHI may take under it.
    #[command(after_help = "example: phi agreement show 019abcde-0000-7000-8000-000000000000")]
    Show {
        /// Its id.
        id: AgreementId,
    },
    /// Revoke an agreement: from now on PHI does not go by it.
    #[command(after_help = "example: phi agreement revoke 019abcde-0000-7000-8000-000000000000")]
    Revoke {
        /// Its id.
        id: AgreementId,
    },
}

/// With whom an agreement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum With {
    /// With a provider.
    Provider,
    /// With an organization that is served.
    Customer,
}

/// A new attestation.
#[derive(Debug, Args, Serialize, Deserialize)]
pub struct Add {
    /// With whom it is.
    #[arg(long, value_enum, default_value = "provider")]
    kind: With,
    /// The provider.
    #[arg(long)]
    provider: Option<ProviderName>,
    /// The organization that it holds for; all of them where this is not said.
    #[arg(long)]
    org: Option<Slug>,
    /// Who signed on the other side.
    #[arg(long, value_name = "NAME")]
    counterparty: String,
    /// The signed document, or its SHA-256 in hex. Only the hash is kept.
    #[arg(long, value_name = "FILE|SHA256")]
    document: String,
    /// A country that it covers processing in, such as `CH`. May be given again.
    #[arg(long = "country", value_name = "CODE", required = true)]
    countries: Vec<Country>,
    /// A kind of work that it covers: `chat` (with vision), `embeddings`, `ocr`, `transcription` or `speech`. May be given
    /// again.
    #[arg(long = "modality", value_name = "MODALITY", required = true)]
    modalities: Vec<Modality>,
    /// A body of law that it is made under: `HIPAA`, `GDPR`, `nFADP` or `PHIPA`. May be given again.
    #[arg(long = "framework", value_name = "FRAMEWORK", required = true)]
    frameworks: Vec<Framework>,
    /// The credential that it covers; every one of the provider where this is not said.
    #[arg(long)]
    credential: Option<CredentialId>,
    /// Who looked at the document.
    #[arg(long, value_name = "NAME")]
    verified_by: String,
    /// When: the agreement stands from that day on.
    #[arg(long, value_name = "DATE", value_parser = day)]
    verified_on: Date,
    /// When somebody must look again: it stands to the end of that day.
    #[arg(long, value_name = "DATE", value_parser = day)]
    review_by: Date,
}

impl Orders {
    /// Reads the document here, where its file is, so that the server is told its hash.
    pub(crate) fn read(mut self) -> anyhow::Result<Self> {
        if let Self::Add(add) = &mut self {
            add.document = hash(&add.document)?;
        }
        Ok(self)
    }

    pub(crate) async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        match self {
            Self::Add(add) => add.run(deployment, by).await,
            Self::List { expiring } => {
                let (now, within) = (deployment.now(), expiring.as_deref().map(tokens::span).transpose()?);
                let asked_for = |agreement: &&Agreement| within.is_none_or(|span| agreement.lapses_within(span, now));
                let agreements = deployment.load().await?.agreements;
                let rows: Vec<Value> = agreements.iter().filter(asked_for).map(|one| listed(one, now)).collect();
                Ok(Said::Page { text: table(&rows.iter().map(brief).collect::<Vec<_>>()), data: Value::Array(rows) })
            }
            Self::Show { id } => Ok(Said::One(whole(&find(deployment, id).await?, deployment))),
            Self::Revoke { id } => {
                let mut agreement = find(deployment, id).await?;
                agreement.revoked.get_or_insert(deployment.now());
                let act = Act::new(by, "agreement.revoke").about("agreement", id);
                deployment.change(act, async |change| change.put_agreement(&agreement).await).await?;
                Ok(Said::One(whole(&agreement, deployment)))
            }
        }
    }
}

impl Add {
    async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        let org = match &self.org {
            Some(name) => Some(orgs::find(deployment, name).await?.id),
            None => None,
        };
        let kind = match (self.kind, self.provider) {
            (With::Provider, Some(name)) => {
                if !deployment.catalogue().providers().any(|provider| provider.name == name) {
                    let names = describe::provider_names(&deployment.catalogue());
                    bail!("`{name}` is no provider of the catalogue\n  hint: use one of {names}");
                }
                Kind::Provider { name, credential: self.credential }
            }
            (With::Provider, None) => bail!("an agreement with a provider names it\n  hint: add --provider NAME"),
            (With::Customer, None) if org.is_some() => Kind::Customer,
            (With::Customer, _) => bail!(
                "an agreement with a customer names the organization alone\n  hint: add --org NAME, and no --provider"
            ),
        };
        if self.review_by < self.verified_on {
            bail!("the review lies before the verification\n  hint: --review-by must not be before --verified-on");
        }
        let agreement = Agreement {
            id: AgreementId::new(),
            kind,
            org,
            counterparty: self.counterparty,
            document: self.document,
            countries: self.countries.into_iter().collect(),
            modalities: self.modalities.into_iter().collect(),
            frameworks: self.frameworks.into_iter().collect(),
            verified_by: self.verified_by,
            verified_on: self.verified_on,
            review_by: self.review_by,
            revoked: None,
        };
        let act = Act::new(by, "agreement.add")
            .about("agreement", agreement.id)
            .about("document", &agreement.document)
            .about("terms", serde_json::to_string(&agreement)?);
        deployment.change(act, async |change| change.put_agreement(&agreement).await).await?;
        Ok(Said::One(whole(&agreement, deployment)))
    }
}

async fn find(deployment: &Deployment, id: AgreementId) -> anyhow::Result<Agreement> {
    let found = deployment.load().await?.agreements.into_iter().find(|agreement| agreement.id == id);
    found.with_context(|| format!("there is no agreement `{id}`\n  hint: `phi agreement list` shows them"))
}

fn hash(document: &str) -> anyhow::Result<String> {
    if unhex::<32>(document).is_some() {
        return Ok(document.to_ascii_lowercase());
    }
    let bytes = std::fs::read(Path::new(document))
        .with_context(|| format!("`{document}` is neither a readable file nor a SHA-256 in hex"))?;
    Ok(hex(&sha256(&[&bytes])))
}

/// An agreement with everything that was attested, and what it comes to: what is doubtful about it, and which routes it opens.
fn whole(agreement: &Agreement, deployment: &Deployment) -> Value {
    let (catalogue, now) = (deployment.catalogue(), deployment.now());
    let mut one = listed(agreement, now);
    if let Value::Object(fields) = &mut one {
        fields.insert("counterparty".into(), json!(agreement.counterparty));
        fields.insert("verified_by".into(), json!(agreement.verified_by));
        fields.insert("verified_on".into(), json!(agreement.verified_on));
        fields.insert("document".into(), json!(agreement.document));
        fields.insert("opens".into(), json!(reach::opens(agreement, &catalogue, now)));
        fields.insert("warnings".into(), json!(reach::warnings(agreement, &catalogue, now)));
    }
    one
}

/// What of an agreement among others has room in a terminal.
fn brief(listed: &Value) -> Value {
    let whom = if listed["provider"].is_null() { &listed["kind"] } else { &listed["provider"] };
    json!({
        "id": listed["id"],
        "with": whom,
        "org": listed["org"],
        "countries": listed["countries"],
        "modalities": listed["modalities"],
        "frameworks": listed["frameworks"],
        "review_by": listed["review_by"],
        "state": listed["state"],
    })
}

/// An agreement among others.
fn listed(agreement: &Agreement, now: jiff::Timestamp) -> Value {
    let (provider, credential) = match &agreement.kind {
        Kind::Provider { name, credential } => (Some(name), credential.as_ref()),
        Kind::Customer => (None, None),
    };
    json!({
        "id": agreement.id,
        "kind": if provider.is_some() { "provider" } else { "customer" },
        "provider": provider,
        "org": agreement.org,
        "stands": agreement.stands(now),
        "state": reach::state(agreement, now),
        "countries": agreement.countries,
        "modalities": agreement.modalities,
        "frameworks": agreement.frameworks,
        "credential": credential,
        "review_by": agreement.review_by,
        "revoked": agreement.revoked,
    })
}
