use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use jiff::civil::Date;
use phi_catalog::{Catalogue, Extent, Host, Named, Row};
use phi_words::{AliasName, HostName, Modality, ModelName, ProviderName, Region, RouteId, Slug};

use crate::litellm::place::{Place, place};
use crate::litellm::written::{Deployment, Given, Left, Written};

/// What a file comes to here.
pub(super) struct Taken {
    pub(super) aliases: BTreeMap<AliasName, Models>,
    pub(super) rows: BTreeMap<RouteId, New>,
    pub(super) keys: Vec<Key>,
    pub(super) left: Vec<Left>,
    today: Date,
}

/// Models in order, for each region that their hosts lie in.
pub(super) type Models = BTreeMap<Region, Vec<ModelName>>;

/// A row that the catalogue does not have: staged, as whoever adds it has to look it up first.
pub(super) struct New {
    pub(super) host: HostName,
    pub(super) own: ModelName,
    pub(super) modality: Modality,
    model: String,
}

/// A key that has to come into the vault.
pub(super) struct Key {
    pub(super) host: HostName,
    pub(super) provider: ProviderName,
    /// Its name in the vault.
    pub(super) name: Slug,
    pub(super) params: BTreeMap<String, String>,
    /// Those parameters of the address that the file does not tell.
    pub(super) missing: BTreeSet<String>,
    pub(super) source: Given,
    pub(super) is_account: bool,
    /// Whose calls it is for.
    pub(super) used_by: BTreeSet<String>,
}

/// The first line of what is written.
const HEAD: &str = "# Written by `phi config import litellm`: names of a LiteLLM proxy, and what they mean here.\n";

impl Taken {
    pub(super) fn of(written: Written, catalogue: &Catalogue, today: Date) -> Self {
        let Written { deployments, aliases, fallbacks, left } = written;
        let mut all = Self { aliases: BTreeMap::new(), rows: BTreeMap::new(), keys: Vec::new(), left, today };
        for deployment in deployments {
            if let Err(left) = all.deployment(&deployment, catalogue) {
                all.left.push(left);
            }
        }
        for (name, group) in aliases {
            if let Err(left) = all.group_alias(&name, &group, catalogue) {
                all.left.push(left);
            }
        }
        for (name, others) in fallbacks {
            for other in others {
                if let Err(left) = all.fallback(&name, &other) {
                    all.left.push(left);
                }
            }
        }
        all
    }

    fn deployment(&mut self, deployment: &Deployment, catalogue: &Catalogue) -> Result<(), Left> {
        let alias = alias_name(&deployment.name, catalogue, &deployment.place)?;
        let place = place(deployment, catalogue)?;
        let model = match place.row {
            Some(row) => row.model.clone(),
            None => self.new_row(deployment, &place, catalogue)?,
        };
        let regions = self.aliases.entry(alias).or_default();
        for territory in catalogue.regions().iter().filter(|it| place.host.processes_in.is_within(&it.extent)) {
            let models = regions.entry(territory.name.clone()).or_default();
            if !models.contains(&model) {
                models.push(model.clone());
            }
        }
        self.key(deployment, &place);
        Ok(())
    }

    fn new_row(
        &mut self,
        deployment: &Deployment,
        place: &Place<'_>,
        catalogue: &Catalogue,
    ) -> Result<ModelName, Left> {
        let left = |why: &str| Left::new(&*deployment.place, why);
        let modality = match deployment.mode.as_deref() {
            Some("chat") => Modality::Chat,
            Some("embedding") => {
                let why = "the catalogue has no row of its vectors, and the file does not say how long they are";
                return Err(left(why).stating("a row of `catalog.d` with `space` and `dimension`"));
            }
            Some(_) => {
                return Err(left("the catalogue has no row of it, and its mode is none of those that are taken"));
            }
            None => {
                let why = "the catalogue has no row of it, and the file does not say what kind of work it does";
                return Err(left(why).stating("`model_info: {mode: chat}`, or a row of `catalog.d`"));
            }
        };
        let last = place.own.as_str().rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let parts = last.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '.'));
        let short = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
        let named = || {
            Some((
                format!("{}-{short}", place.host.name).parse().ok()?,
                format!("{}/{short}", place.host.provider).parse().ok()?,
            ))
        };
        let Some((route, model)): Option<(RouteId, ModelName)> = named() else {
            return Err(left("its name makes no id of a row").stating("a row of `catalog.d`"));
        };
        let is_other = |row: &Arc<Row>| row.route == route || (row.model == model && row.own != place.own);
        let new = New { host: place.host.name.clone(), own: place.own.clone(), modality, model: short };
        if catalogue.rows().iter().any(is_other) || self.rows.get(&route).is_some_and(|other| other.own != new.own) {
            return Err(left("another row has the name that it would have").stating("a row of `catalog.d`"));
        }
        self.rows.insert(route, new);
        Ok(model)
    }

    /// Remembers that a key is needed; the same key for the same host is one.
    fn key(&mut self, deployment: &Deployment, place: &Place<'_>) {
        if !place.host.needs_credential() {
            return;
        }
        let known = self
            .keys
            .iter_mut()
            .find(|key| key.host == place.host.name && key.params == place.params && key.source == deployment.key);
        if let Some(known) = known {
            known.used_by.insert(deployment.name.clone());
            return;
        }
        let same = self.keys.iter().filter(|key| key.provider == place.host.provider).count();
        let name = if same == 0 { "litellm".to_owned() } else { format!("litellm-{}", same + 1) };
        let Ok(name) = name.parse() else { return };
        let needed = place.host.params().into_iter().map(str::to_owned);
        self.keys.push(Key {
            host: place.host.name.clone(),
            provider: place.host.provider.clone(),
            name,
            params: place.params.clone(),
            missing: needed.filter(|param| !place.params.contains_key(param)).collect(),
            source: deployment.key.clone(),
            is_account: place.host.is_opened_by(phi_words::KeyKind::GoogleServiceAccount),
            used_by: [deployment.name.clone()].into(),
        });
    }

    fn group_alias(&mut self, name: &str, group: &str, catalogue: &Catalogue) -> Result<(), Left> {
        let place = format!("`{name}` (`model_group_alias`)");
        let alias = alias_name(name, catalogue, &place)?;
        if self.aliases.contains_key(&alias) {
            return Err(Left::new(place, "a model of the file has that name already"));
        }
        let Some(models) = self.aliases.get(group) else {
            return Err(Left::new(place, format!("`{group}`, which it stands for, was not taken")));
        };
        self.aliases.insert(alias, models.clone());
        Ok(())
    }

    /// The models of another name come after those of its own: an alias names models in order.
    fn fallback(&mut self, name: &str, other: &str) -> Result<(), Left> {
        let place = format!("`{name}` to `{other}` (`fallbacks`)");
        let Some(others) = self.aliases.get(other).cloned() else {
            return Err(Left::new(place, format!("`{other}` was not taken as a name of models")));
        };
        let Some(models) = self.aliases.get_mut(name) else {
            return Err(Left::new(place, format!("`{name}` was not taken as a name of models")));
        };
        for (region, others) in others {
            let models = models.entry(region).or_default();
            let new: Vec<_> = others.into_iter().filter(|other| !models.contains(other)).collect();
            models.extend(new);
        }
        Ok(())
    }

    /// A file of `catalog.d`: new rows, all staged, and aliases; nothing where there are none.
    pub(super) fn file(&self) -> Option<String> {
        if self.aliases.is_empty() && self.rows.is_empty() {
            return None;
        }
        let mut text = HEAD.to_owned();
        for (route, new) in &self.rows {
            let New { host, own, modality, model } = new;
            let own = quoted(own.as_str());
            let _ = write!(
                text,
                "\n[route.\"{route}\"]\nhost = \"{host}\"\nmodel = \"{model}\"\nown = {own}\nmodality = \"{modality}\"\n\
                 pin_only = true\nstatus = \"staged\"\nsource = \"the settings of a LiteLLM proxy\"\ndate = \"{}\"\n",
                self.today
            );
        }
        for (alias, regions) in &self.aliases {
            let _ = write!(text, "\n[alias.\"{alias}\"]\n");
            for (region, models) in regions {
                let models: Vec<String> = models.iter().map(|model| quoted(model.as_str())).collect();
                let _ = writeln!(text, "\"{region}\" = [{}]", models.join(", "));
            }
        }
        Some(text)
    }
}

/// Text in quotes; names are visible ASCII, so that these two alone have to be told apart.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A name that callers know, as an alias that means nothing else yet.
fn alias_name(name: &str, catalogue: &Catalogue, place: &str) -> Result<AliasName, Left> {
    let left = |why: &str| Left::new(place, why);
    if name.contains('*') {
        return Err(left("every model of a company is meant: the catalogue names each").stating("each name by itself"));
    }
    let Ok(alias) = name.parse::<AliasName>() else {
        return Err(left("its name is none of `a-z 0-9 . _ -`").stating("another name, which callers then send"));
    };
    if name == phi_catalog::AUTO {
        return Err(left("`auto` means what the gateway chooses").stating("another name"));
    }
    let known = name.parse::<ModelName>().ok().and_then(|name| {
        catalogue.resolve(&name).map(|named| match named {
            Named::Route(_) => "a route",
            Named::Model(_) => "a model",
            Named::Alias(_) => "an alias",
            // Less than an alias: from then on the name means what the file says.
            Named::Own { .. } => "",
        })
    });
    match known {
        None | Some("") => Ok(alias),
        Some(kind) => Err(left(&format!("`{name}` is {kind} of the catalogue already: `phi catalog show {name}`"))),
    }
}

/// Whether a host promises no place.
pub(super) fn promises_nothing(host: &Host) -> bool {
    match host.processes_in {
        Extent::Anywhere => true,
        Extent::Countries(_) => false,
    }
}
