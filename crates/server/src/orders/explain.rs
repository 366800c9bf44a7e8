mod page;
mod supposed;

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use phi_gateway::Stage;
use phi_identify::Kind;
use phi_words::{Class, HostName, Modality, ModelName, Prompt, Region, Slug, Tier};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::page::page;
use crate::deployment::Deployment;
use crate::orders::caller;
use crate::say::Said;

/// The request that is to be explained, and what might be otherwise.
#[derive(Debug, Args, Serialize, Deserialize)]
pub struct Explain {
    /// The organization that would send it.
    #[arg(long)]
    org: Slug,
    /// Where it is to be processed; the organization's own region where this is not said.
    #[arg(long)]
    region: Option<Region>,
    /// `phi`: with PHI, or `general`: without; the organization's own class where this is not said.
    #[arg(long)]
    class: Option<Class>,
    /// The name of a model: of its own, an alias, or a route.
    #[arg(long, default_value = "auto")]
    model: ModelName,
    /// The kind of work: `chat` or `embeddings`.
    #[arg(long, default_value = "chat")]
    modality: Modality,
    /// What the model that `auto` chooses should be: `fast`, `baseline` or `thinking`.
    #[arg(long)]
    tier: Option<Tier>,
    /// As if it came with a test key.
    #[arg(long)]
    test: bool,
    /// A file with the body of the request, or `-` for standard input; a short one is made up where this is not said. Its
    /// own model is the one that is asked for.
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// As of a day (at its beginning, in UTC) or a time, and not now. Who is fit then is not known, so everybody counts
    /// as fit.
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<Timestamp>,
    /// As if an agreement stood with this provider, for all that it offers; or with the organization, for `customer`. May
    /// be given again.
    #[arg(long = "with", value_name = "PROVIDER")]
    with: Vec<String>,
    /// As if the catalogue did not have this host. May be given again.
    #[arg(long = "without", value_name = "HOST")]
    without: Vec<HostName>,
    /// The text of `body`.
    #[arg(skip)]
    text: Option<String>,
}

/// The longest body that is explained here, in bytes: it has to pass the control socket.
const LONGEST: u64 = 512 << 10;

impl Explain {
    /// Reads the body's file, where the command was typed.
    pub(crate) fn read(mut self) -> anyhow::Result<Self> {
        let Some(path) = &self.body else { return Ok(self) };
        let mut text = String::new();
        if path.as_os_str() == "-" {
            std::io::stdin().take(LONGEST + 1).read_to_string(&mut text)?;
        } else {
            let file = std::fs::File::open(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
            file.take(LONGEST + 1).read_to_string(&mut text)?;
        }
        if text.len() as u64 > LONGEST {
            bail!("the body is longer than {LONGEST} bytes\n  hint: `POST /v1/route/explain` takes longer ones");
        }
        self.text = Some(text);
        Ok(self)
    }

    pub(crate) async fn run(self, deployment: &Deployment) -> anyhow::Result<Said> {
        let contents = deployment.load().await?;
        let org = contents.roster.orgs.iter().find(|org| org.name == self.org && org.revoked.is_none());
        let org = org
            .ok_or_else(|| anyhow!("there is no organization `{}`\n  hint: `phi org list` names them", self.org))?
            .clone();
        deployment.known(&self.region)?;
        if self.class == Some(Class::General) && org.floor == Class::Phi {
            bail!("no request of `{}` may go below the class `phi`, its floor\n  hint: leave --class out", org.name);
        }
        let now = self.as_of.unwrap_or_else(|| deployment.now());
        let kind = if self.test { Kind::Test } else { Kind::Live };
        let (caller, org) = (caller::made_up(org.clone(), &self.org, kind, now)?, org.id);
        let gateway = deployment.gateway();
        let (snapshot, health) = (gateway.snapshot(), gateway.health());
        let supposed = supposed::scene(&self.with, &self.without, contents, &snapshot.scene, org, now)?;
        let stage = Stage {
            scene: supposed.as_ref().unwrap_or(&snapshot.scene),
            health: self.as_of.is_none().then_some(health),
            now,
        };
        let (endpoint, request) = self.request()?;
        let told = gateway
            .explain_to_operator(caller, &self.headers()?, endpoint, Prompt::new(request), &stage)
            .map_err(|refusal| anyhow!("{}\n  hint: {}", refusal.message, refusal.hint))?;
        Ok(Said::Page { text: page(&told, &self.org), data: told })
    }

    fn headers(&self) -> anyhow::Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        if let Some(region) = &self.region {
            headers.insert("x-region", HeaderValue::from_str(region.as_str())?);
        }
        if let Some(class) = self.class {
            headers.insert("x-phi", HeaderValue::from_static(if class == Class::Phi { "true" } else { "false" }));
        }
        if let Some(tier) = self.tier {
            headers.insert("x-model-tier", HeaderValue::from_str(tier.as_str())?);
        }
        Ok(headers)
    }

    /// The path and the body that would be sent there.
    fn request(&self) -> anyhow::Result<(&'static str, String)> {
        let (path, made_up) = match self.modality {
            Modality::Chat => (
                "/chat/completions",
                json!({ "model": self.model, "messages": [{ "role": "user", "content": "Hello" }] }),
            ),
            Modality::Embeddings => ("/embeddings", json!({ "model": self.model, "input": "Hello" })),
            Modality::Ocr
            | Modality::Transcription
            | Modality::Speech
            | Modality::Image
            | Modality::Video
            | Modality::Math => bail!(
                "no endpoint for {} is built, so there is no request to explain\n  hint: use chat or embeddings; `phi \
                 doctor routes` shows every kind of work",
                self.modality
            ),
        };
        Ok((path, self.text.clone().unwrap_or_else(|| made_up.to_string())))
    }
}

/// A day, at its beginning in UTC, or a time.
fn time(text: &str) -> anyhow::Result<Timestamp> {
    if let Ok(day) = text.parse::<Date>() {
        return Ok(day.to_zoned(TimeZone::UTC)?.timestamp());
    }
    text.parse().with_context(|| {
        format!("`{text}` is neither a day such as 2027-01-31 nor a time such as 2027-01-31T08:00:00Z")
    })
}
