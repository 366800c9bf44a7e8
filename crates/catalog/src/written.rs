//! The entries of a file as they are written; what is missing here is an error, and so is what is too much.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use phi_words::{Capability, HostName, Modality, ModelName, ProviderName, Region, SpaceName, Tier};
use serde::Deserialize;

use crate::{
    Auth, Dialect, Evidence, Extent, JsonObject, LimitName, Offer, Price, Retirement, Sound, Status, Template,
    Tokenizer,
};

/// `[region.NAME]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenRegion {
    pub(crate) countries: Extent,
    #[serde(default)]
    pub(crate) residents: Vec<ProviderName>,
}

/// `[provider.NAME]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenProvider {
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) offers: Vec<Offer>,
}

/// `[host.NAME]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenHost {
    pub(crate) provider: ProviderName,
    pub(crate) dialect: Dialect,
    pub(crate) address: Template,
    pub(crate) auth: Auth,
    #[serde(default)]
    pub(crate) premises: bool,
    #[serde(default)]
    pub(crate) free: bool,
    pub(crate) processes_in: Extent,
    pub(crate) evidence: Evidence,
    pub(crate) source: String,
    pub(crate) date: Date,
    #[serde(default)]
    pub(crate) lacks: BTreeSet<String>,
    #[serde(default)]
    pub(crate) limit_name: LimitName,
    #[serde(default = "yes")]
    pub(crate) include_usage: bool,
    #[serde(default)]
    pub(crate) json_object: JsonObject,
    #[serde(default)]
    pub(crate) base64: bool,
    #[serde(default)]
    pub(crate) tokenizer: Tokenizer,
}

/// `[route.ID]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenRoute {
    pub(crate) host: HostName,
    pub(crate) model: ModelName,
    pub(crate) own: ModelName,
    pub(crate) modality: Modality,
    #[serde(default)]
    pub(crate) capabilities: BTreeSet<Capability>,
    pub(crate) tier: Option<Tier>,
    pub(crate) status: Status,
    pub(crate) retires: Option<Retirement>,
    #[serde(default)]
    pub(crate) pin_only: bool,
    pub(crate) public: Option<bool>,
    #[serde(default)]
    pub(crate) open_body: bool,
    #[serde(default)]
    pub(crate) seals: bool,
    pub(crate) space: Option<SpaceName>,
    pub(crate) dimension: Option<u32>,
    pub(crate) context: Option<u64>,
    pub(crate) max_output: Option<u64>,
    pub(crate) replies_as: Option<BTreeSet<ModelName>>,
    #[serde(default)]
    pub(crate) lacks: BTreeSet<String>,
    pub(crate) sounds: Option<BTreeSet<Sound>>,
    #[serde(default)]
    pub(crate) voices: BTreeMap<String, String>,
    pub(crate) price: Option<Price>,
    pub(crate) source: Option<String>,
    pub(crate) date: Option<Date>,
}

/// `[alias.NAME]`: catalogue names in order, for each region.
pub(crate) type WrittenAlias = BTreeMap<Region, Vec<ModelName>>;

/// The same as it is written: the names of regions may differ in case alone, and then two of them are one.
#[derive(Debug, Deserialize)]
#[serde(try_from = "BTreeMap<String, Vec<ModelName>>")]
pub(crate) struct EachRegionOnce(pub(crate) WrittenAlias);

impl TryFrom<BTreeMap<String, Vec<ModelName>>> for EachRegionOnce {
    type Error = String;

    fn try_from(written: BTreeMap<String, Vec<ModelName>>) -> Result<Self, String> {
        let mut regions = WrittenAlias::new();
        for (name, models) in written {
            let region: Region = name.parse().map_err(|error| format!("`{name}` is {error}"))?;
            if regions.insert(region, models).is_some() {
                return Err(format!("names the region `{name}` twice, for case does not matter"));
            }
        }
        Ok(Self(regions))
    }
}

fn yes() -> bool {
    true
}
