use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use jiff::SignedDuration;
use phi_catalog::Catalogue;
use phi_record::{Act, By};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::deployment::Deployment;
use crate::orders::Notes;
use crate::orders::catalogue::differ::{changes, weakens};
use crate::orders::catalogue::reprice::reprice;
use crate::say::Said;

/// What to compare the catalogue in force with.
#[derive(Debug, Args, Serialize, Deserialize)]
pub struct Diff {
    /// A folder that takes the place of `catalog.d`, or a TOML file to be laid over it. May be given again. Where
    /// nothing is named: `catalog.d` as it is on the disk now.
    #[arg(long = "file", value_name = "FOLDER|FILE")]
    paths: Vec<PathBuf>,
    /// For how many days back to say what the change of prices would have done.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3_660))]
    days: u16,
    #[arg(skip)]
    folder: Option<Files>,
    #[arg(skip)]
    laid: Files,
}

/// Names and texts.
type Files = Vec<(String, String)>;

/// An order goes through the control socket in one piece.
const LONGEST: usize = 500_000;

impl Diff {
    /// Reads the files here, where they are.
    pub(crate) fn read(mut self) -> anyhow::Result<Self> {
        for path in std::mem::take(&mut self.paths) {
            if path.is_dir() {
                if self.folder.replace(phi_catalog::files(&path)?).is_some() {
                    bail!("two folders cannot both take the place of `catalog.d`\n  hint: name one of them");
                }
            } else {
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("`{}` is neither a folder nor a readable file", path.display()))?;
                self.laid.push((path.display().to_string(), text));
            }
        }
        let length: usize =
            self.folder.iter().flatten().chain(&self.laid).map(|(name, text)| name.len() + text.len()).sum();
        if length > LONGEST {
            bail!("the files are {length} bytes long together\n  hint: {LONGEST} is the most that can be compared");
        }
        Ok(self)
    }

    pub(super) async fn run(self, deployment: &Deployment, by: By, notes: Notes) -> anyhow::Result<Said> {
        let base = match self.folder {
            Some(files) => files,
            None => deployment.overrides()?,
        };
        let old = deployment.catalogue();
        let candidate = Catalogue::over(&[base, self.laid]).context("there is nothing to compare with")?;
        let new = Arc::new(candidate);
        let act = Act::new(by, "catalog.diff")
            .about("catalogue", old.version())
            .about("candidate", new.version())
            .about("days", self.days);
        deployment.recorder().act(act).await?;
        let since = deployment.now() - SignedDuration::from_hours(24 * i64::from(self.days));
        let repriced = reprice(deployment.recorder(), (Arc::clone(&old), Arc::clone(&new)), since, notes).await?;
        Ok(Said::One(json!({
            "in_force": old.version(),
            "candidate": new.version(),
            "refused_by_settings": deployment.config().fits(&new).err().map(|error| error.to_string()),
            "changes": changes(&old, &new),
            "weakens": weakens(&old, &new),
            "since": since,
            "repriced": repriced,
        })))
    }
}
