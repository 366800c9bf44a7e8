use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use phi_catalog::{Agreement, Catalogue, Kind, Offer};
use phi_route::{Scene, Standing};
use phi_store::Contents;
use phi_words::{AgreementId, Framework, HostName, Modality, OrgId, ProviderName};

use crate::catalogue::describe;

/// What might be in force, if it differs from what is.
pub(super) fn scene(
    with: &[String],
    without: &[HostName],
    contents: Contents,
    now_in_force: &Scene,
    org: OrgId,
    now: Timestamp,
) -> anyhow::Result<Option<Scene>> {
    if with.is_empty() && without.is_empty() {
        return Ok(None);
    }
    let catalogue = now_in_force.catalogue();
    if let Some(host) = without.iter().find(|name| !catalogue.hosts().iter().any(|host| host.name == **name)) {
        bail!("the catalogue has no host `{host}`\n  hint: `phi catalog list --json` names the hosts");
    }
    let mut agreements = contents.agreements;
    for name in with {
        agreements.extend(supposed_agreements(name, catalogue, org, now)?);
    }
    let standing = Standing::new(agreements, contents.credentials.into_iter().map(Arc::new));
    let without: BTreeSet<_> = without.iter().cloned().collect();
    Ok(Some(Scene::new(Arc::clone(catalogue), standing, now_in_force.settings().clone()).without(without)))
}

/// Agreements as they might stand: with a provider for each of its offers, or with a customer for everything.
fn supposed_agreements(
    with: &str,
    catalogue: &Catalogue,
    org: OrgId,
    now: Timestamp,
) -> anyhow::Result<Vec<Agreement>> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let agreement = |kind, org| Agreement {
        id: AgreementId::new(),
        kind,
        org,
        counterparty: "supposed".into(),
        document: "0".repeat(64),
        countries: BTreeSet::new(),
        modalities: Modality::ALL.iter().copied().collect(),
        frameworks: Framework::ALL.iter().copied().collect(),
        verified_by: "supposed".into(),
        verified_on: today,
        review_by: today.saturating_add(1.year()),
        revoked: None,
    };
    if with == "customer" {
        let places = catalogue.hosts().iter().filter_map(|host| host.processes_in.countries());
        let countries = places.flatten().copied().collect();
        return Ok(vec![Agreement { countries, ..agreement(Kind::Customer, Some(org)) }]);
    }
    let name: ProviderName = with.parse().with_context(|| format!("`{with}` is no name of a provider"))?;
    let provider = catalogue.provider(&name).ok_or_else(|| {
        anyhow!(
            "there is no provider `{with}`\n  hint: use one of {}, or `customer` for the organization",
            describe::provider_names(catalogue)
        )
    })?;
    if provider.offers.is_empty() {
        bail!("{} offers no agreement that is known, so none can be supposed", provider.title);
    }
    let kind = || Kind::Provider { name: name.clone(), credential: None };
    let of_offer = |offer: &Offer| Agreement {
        countries: offer.countries.clone(),
        modalities: offer.modalities.clone(),
        frameworks: offer.frameworks.clone(),
        ..agreement(kind(), None)
    };
    Ok(provider.offers.iter().map(of_offer).collect())
}
