mod phi;

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use phi_catalog::{Agreement, Catalogue, Host, Provider, Row, Says, Status, Territory};
use phi_route::{Settings, Standing};
use phi_vault::Sealed;
use phi_words::{OrgId, Region, Slug};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::catalogue::describe;
use crate::deployment::Deployment;
use crate::orders::orgs;
use crate::say::Said;

/// What to show, and for whom.
#[derive(Debug, Args, Serialize, Deserialize)]
pub struct Show {
    /// A route, model, host, provider, alias or region.
    name: String,
    /// The organization whose margin, keys and agreements count; where this is not said, what all of them share.
    #[arg(long)]
    org: Option<Slug>,
}

impl Show {
    pub(crate) async fn run(self, deployment: &Deployment) -> anyhow::Result<Said> {
        let org = match &self.org {
            Some(name) => Some(orgs::find(deployment, name).await?),
            None => None,
        };
        if self.name == "auto" {
            bail!("`auto` means a model for each request\n  hint: `phi explain` shows which one it would be");
        }
        let (snapshot, now) = (deployment.gateway().snapshot(), deployment.now());
        let view = View {
            catalogue: snapshot.scene.catalogue(),
            standing: snapshot.scene.standing(),
            settings: snapshot.scene.settings(),
            margin_bp: org.as_ref().map_or(phi_catalog::MARGIN_BP, |org| org.margin_bp),
            org: org.map(|org| org.id),
            now,
            today: now.to_zoned(TimeZone::UTC).date(),
        };
        let meanings = view.meanings(&self.name);
        if meanings.is_empty() {
            bail!("`{}` names nothing of the catalogue\n  hint: `phi catalog list` shows every route", self.name);
        }
        Ok(Said::Rows(meanings))
    }
}

/// The catalogue, and what there is for it now.
struct View<'a> {
    catalogue: &'a Catalogue,
    standing: &'a Standing,
    settings: &'a Settings,
    org: Option<OrgId>,
    margin_bp: u32,
    now: Timestamp,
    today: Date,
}

impl View<'_> {
    /// Everything that a name means.
    fn meanings(&self, name: &str) -> Vec<Value> {
        let catalogue = self.catalogue;
        let region = name.parse().ok().and_then(|name| catalogue.region(&name));
        let provider = name.parse().ok().and_then(|name| catalogue.provider(&name));
        let host = catalogue.hosts().iter().find(|host| host.name.as_str() == name);
        let alias = catalogue.aliases().find(|alias| alias.name.as_str() == name);
        let mut routes = Vec::new();
        if let Some(named) = name.parse().ok().filter(|_| alias.is_none()).and_then(|name| catalogue.resolve(&name)) {
            named.choices(&Region::world(), &mut |row, _| routes.push(self.route(row)));
        }
        let places = [
            region.map(|territory| self.region(territory)),
            provider.map(|provider| self.provider(provider)),
            host.map(|host| self.host(host)),
            alias.map(|alias| self.alias(alias)),
        ];
        places.into_iter().flatten().chain(routes).collect()
    }

    fn region(&self, territory: &Territory) -> Value {
        let inside = |host: &&Arc<Host>| host.processes_in.is_within(&territory.extent);
        let hosts = self.catalogue.hosts().iter().filter(inside).map(|host| {
            json!({
                "host": host.name,
                "processes_in": describe::extent(&host.processes_in),
                "evidence": host.evidence,
                "key": self.keys(host).next().is_some(),
            })
        });
        let rows = self.catalogue.rows().iter().filter(|row| row.host.processes_in.is_within(&territory.extent));
        with(
            describe::region(territory),
            json!({ "hosts": hosts.collect::<Vec<_>>(), "routes": rows.map(|row| self.line(row)).collect::<Vec<_>>() }),
        )
    }

    fn provider(&self, provider: &Provider) -> Value {
        let hosts = self.catalogue.hosts().iter().filter(|host| host.provider == provider.name).map(|host| {
            json!({
                "host": host.name,
                "processes_in": describe::extent(&host.processes_in),
                "evidence": host.evidence,
                "source": host.source,
                "date": host.date,
                "key": self.keys(host).next().is_some(),
            })
        });
        let agreements = self.standing.with_provider(&provider.name).iter().filter(|agreement| self.counts(agreement));
        let rows = self.catalogue.rows().iter().filter(|row| row.provider == provider.name);
        with(
            describe::provider(provider),
            json!({
                "agreements": agreements.map(attested).collect::<Vec<_>>(),
                "hosts": hosts.collect::<Vec<_>>(),
                "routes": rows.map(|row| self.line(row)).collect::<Vec<_>>(),
            }),
        )
    }

    fn host(&self, host: &Host) -> Value {
        let rows = self.catalogue.rows().iter().filter(|row| row.host.name == host.name);
        with(self.place(host), json!({ "routes": rows.map(|row| self.line(row)).collect::<Vec<_>>() }))
    }

    fn alias(&self, alias: &phi_catalog::Alias) -> Value {
        let models: BTreeSet<_> = alias.regions.values().flatten().collect();
        let rows = self.catalogue.rows().iter().filter(|row| models.contains(&row.model));
        with(describe::alias(alias), json!({ "routes": rows.map(|row| self.line(row)).collect::<Vec<_>>() }))
    }

    fn route(&self, row: &Row) -> Value {
        let lacks = self.general_lacks(row);
        let first = json!({
            "route": row.route,
            "model": row.model,
            "status": row.status,
            "serves": lacks.is_empty(),
            "serves_not_for": lacks,
            "phi_under": self.phi_under(row),
            "phi_not_for": self.phi_lacks(row),
        });
        with(
            with(first, describe::route(row)),
            json!({
                "price": self.price(row),
                "place": self.place(&row.host),
                "offers": self.offers(row).map(describe::offer).collect::<Vec<_>>(),
                "agreements": self.agreements(row).map(attested).collect::<Vec<_>>(),
            }),
        )
    }

    /// A route among others.
    fn line(&self, row: &Row) -> Value {
        json!({
            "route": row.route,
            "model": row.model,
            "modality": row.modality,
            "status": row.status,
            "serves": self.general_lacks(row).is_empty(),
            "phi_under": self.phi_under(row),
        })
    }

    /// A host, the regions that it serves, and its keys.
    fn place(&self, host: &Host) -> Value {
        let regions = self.catalogue.regions().iter().filter(|region| host.processes_in.is_within(&region.extent));
        let keys = self.keys(host).map(|key| json!({ "key": key.name, "id": key.id, "org": key.org }));
        with(
            describe::host(host),
            json!({
                "regions": regions.map(|region| &region.name).collect::<Vec<_>>(),
                "keys": if host.needs_credential() { json!(keys.collect::<Vec<_>>()) } else { json!("needs none") },
            }),
        )
    }

    /// Each price as listed, in dollars by the rate, and with the margin. Nothing is rounded.
    fn price(&self, row: &Row) -> Value {
        if row.host.free {
            return json!("free");
        }
        let Some(price) = &row.price else { return json!("not known: takes no paid traffic") };
        let rate = self.catalogue.rates().get(&price.currency);
        let units = |margin_bp| self.catalogue.units(row, margin_bp).unwrap_or_default();
        let lines = units(0).into_iter().zip(units(self.margin_bp)).map(|(plain, charged)| {
            json!({
                "of": plain.above.map_or_else(|| plain.of.to_owned(), |above| format!("{} above {above} tokens of input", plain.of)),
                "per": if plain.per == 1 { plain.unit.to_owned() } else { format!("{} {}s", plain.per, plain.unit) },
                "list": format!("{} {}", plain.list, price.currency),
                "usd": plain.charge.to_string(),
                "charged_usd": charged.charge.to_string(),
            })
        });
        json!({
            "currency": price.currency,
            "rate": rate.map_or_else(|| json!("1.00"), describe::rate),
            "rate_is_fresh": rate.is_none_or(|rate| !rate.is_stale(self.today)),
            "margin_bp": self.margin_bp,
            "units": lines.collect::<Vec<_>>(),
        })
    }

    /// The keys that may be shown to a host, and bring what its address needs.
    fn keys<'a>(&'a self, host: &'a Host) -> impl Iterator<Item = &'a Arc<Sealed>> {
        let ours = |key: &&Arc<Sealed>| key.org.is_none() || key.org == self.org;
        self.standing.keys(host).filter(ours).filter(|key| host.address.fill(&key.params).is_ok())
    }

    /// Whether an agreement stands, for the organization or for all.
    fn counts(&self, agreement: &Agreement) -> bool {
        agreement.stands(self.now) && (agreement.org.is_none() || agreement.org == self.org)
    }

    /// Why nobody is routed here today, in words.
    fn general_lacks(&self, row: &Row) -> Vec<String> {
        let mut lacks = Vec::new();
        match row.status {
            Status::Live => {}
            Status::Staged => lacks.push("it is staged".to_owned()),
            Status::Retired => lacks.push("it is retired".to_owned()),
        }
        let retired = row.retires.filter(|retires| retires.says == Says::Vendor && retires.on <= self.today);
        lacks.extend(retired.map(|retires| format!("its vendor retired it on {}", retires.on)));
        if row.host.needs_credential() && self.keys(&row.host).next().is_none() {
            lacks.push("there is no key: `phi vault put`".to_owned());
        }
        if !row.is_priced() {
            lacks.push("its price is not known".to_owned());
        }
        if row.host.evidence > self.settings.evidence {
            lacks.push("the evidence of its place is weaker than `route.evidence` takes".to_owned());
        }
        lacks
    }
}

/// A standing agreement, in short.
fn attested(agreement: &Agreement) -> Value {
    json!({
        "agreement": agreement.id,
        "org": agreement.org,
        "countries": agreement.countries,
        "modalities": agreement.modalities,
        "frameworks": agreement.frameworks,
        "review_by": agreement.review_by,
    })
}

/// One description with the fields of another, in its place where both have one.
fn with(mut one: Value, more: Value) -> Value {
    if let (Value::Object(fields), Value::Object(more)) = (&mut one, more) {
        fields.extend(more);
    }
    one
}
