//! `phi init`: a new deployment.

use anyhow::{Context, bail};
use phi_crypto::Root;
use phi_store::{Defaults, Store};
use phi_words::{Class, Region};
use serde_json::json;

use crate::cli::Init;
use crate::data::Data;
use crate::say::{Said, asked, frameworks};

/// Makes a deployment in the data folder.
///
/// # Errors
/// Where something is not said that must be, or the folder holds a deployment already.
pub(crate) async fn run(data: &Data, init: Init) -> anyhow::Result<Said> {
    let catalogue = phi_catalog::Catalogue::load(data.overrides().as_deref())?;
    let region: Region = match init.region {
        Some(region) => region,
        None => asked(&format!("the default region, one of {}", catalogue.region_names()), "--region", "WORLD")?,
    };
    if catalogue.region(&region).is_none() {
        bail!("`{region}` is no region of the catalogue\n  hint: use one of {}", catalogue.region_names());
    }
    let class: Class = match init.class {
        Some(class) => class,
        None => asked("the default class, `general` or `phi`", "--class", "general")?,
    };
    let frameworks = frameworks(init.frameworks)?;
    data.make()?;
    phi_vault::create_key(&data.key(), &Root::generate()?).context("the master key cannot be written")?;
    let store = Store::create(
        &data.store(),
        Defaults { region: region.clone(), class, frameworks: frameworks.iter().copied().collect() },
    )
    .await?;
    store.close().await;
    Ok(Said::One(json!({
        "data": data.folder(),
        "region": region,
        "class": class,
        "frameworks": frameworks,
        "next": format!("phi --data {} org create NAME", data.folder().display()),
    })))
}
