//! The names that a caller may ask for, and what each of them means to that caller. What is listed is what the planner
//! would keep: no rule is applied here a second time.

mod anthropic;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use phi_catalog::{AUTO, Catalogue, Named, Row, Status};
use phi_dialect::{Treatment, parameters};
use phi_police::{Terms, Wishes};
use phi_route::Scene;
use phi_words::{Capability, Class, Code, Modality, ModelName, Refusal, Region};
use serde_json::{Value, json};

use crate::endpoints::pricing::{price, retires};
use crate::request::{Gateway, internal};
use crate::surface::Surface;

pub(crate) use anthropic::Page;

impl Gateway {
    /// Every name that works under these terms: `auto`, then aliases, then models, each sorted. They are looked up on a
    /// thread of their own: a long catalogue is nobody else's wait.
    pub(super) async fn models(
        &self,
        scene: &Arc<Scene>,
        terms: Terms,
        surface: Surface,
        page: Page,
    ) -> Result<Value, Refusal> {
        let view = self.view(scene, terms);
        let list = move || match surface {
            Surface::OpenAi => json!({ "object": "list", "data": view.list() }),
            Surface::Anthropic => page.of(&view.list()),
        };
        tokio::task::spawn_blocking(list).await.map_err(|_| internal())
    }

    /// One name, of any kind that a request takes.
    pub(super) fn model(
        &self,
        scene: &Arc<Scene>,
        terms: Terms,
        surface: Surface,
        name: &ModelName,
    ) -> Result<Value, Refusal> {
        let shown = self.view(scene, terms).shown(name);
        let shown = match surface {
            Surface::OpenAi => shown,
            Surface::Anthropic => shown.and_then(|model| anthropic::model(&model)),
        };
        shown.ok_or_else(|| {
            Refusal::new(
                Code::ModelNotFound,
                "this model is not served to you in this region and class",
                "`GET /v1/models` lists those that are",
            )
            .at("model")
        })
    }

    fn view(&self, scene: &Arc<Scene>, terms: Terms) -> View {
        let under = |region: &Region, class| {
            let wishes =
                Wishes { region: Some(region.clone()), class: Some(class), tier: terms.tier(), ..Wishes::default() };
            self.police.terms(terms.caller().clone(), wishes).ok()
        };
        let regions = scene.catalogue().regions().iter();
        let regions = regions.filter_map(|territory| under(&territory.name, terms.class())).collect();
        let classes = Class::ALL.iter().filter_map(|class| under(terms.region(), *class)).collect();
        let live = scene.catalogue().rows().iter().filter(|row| row.status == Status::Live);
        let works = live.map(|row| row.modality).collect();
        View { scene: Arc::clone(scene), terms, works, regions, classes, now: self.clock.now() }
    }
}

/// What a caller sees from where they stand: these terms, and those with another region or class that they may choose.
struct View {
    scene: Arc<Scene>,
    terms: Terms,
    /// The kinds of work that anybody does.
    works: BTreeSet<Modality>,
    regions: Vec<Terms>,
    classes: Vec<Terms>,
    now: Timestamp,
}

impl View {
    fn list(&self) -> Vec<Value> {
        let catalogue = self.scene.catalogue();
        let aliases = catalogue.aliases().filter_map(|alias| alias.name.as_str().parse::<ModelName>().ok());
        let models: BTreeSet<&ModelName> = catalogue.rows().iter().map(|row| &row.model).collect();
        let names = AUTO.parse().into_iter().chain(aliases).chain(models.into_iter().cloned());
        names.filter_map(|name| self.shown(&name)).collect()
    }

    fn offered(&self, terms: &Terms, name: &ModelName, modality: Modality) -> Vec<&Arc<Row>> {
        phi_route::offered(terms, name, modality, &self.scene, self.now)
    }

    /// A name, if it works under these terms. Where it does several kinds of work, the facts are those of the first.
    fn shown(&self, name: &ModelName) -> Option<Value> {
        let catalogue = self.scene.catalogue();
        let kind = kind(catalogue, name)?;
        let works = self.works.iter().map(|modality| (*modality, self.offered(&self.terms, name, *modality)));
        let works: Vec<_> = works.filter(|(_, routes)| !routes.is_empty()).collect();
        let (modality, routes) = works.first()?;
        let first = routes.first()?;
        let serves = |terms: &&Terms| !self.offered(terms, name, *modality).is_empty();
        let capabilities: BTreeSet<Capability> = routes.iter().flat_map(|row| &row.capabilities).copied().collect();
        Some(json!({
            "id": name,
            "object": "model",
            "created": created(first),
            "owned_by": first.provider,
            "kind": kind,
            "model": first.model,
            "models": distinct(routes.iter().map(|row| &row.model)),
            "routes": routes.iter().map(|row| &row.route).collect::<Vec<_>>(),
            "modality": modality,
            "modalities": works.iter().map(|(modality, _)| modality).collect::<Vec<_>>(),
            "supports_tools": *modality == Modality::Chat && capabilities.contains(&Capability::Tools),
            "capabilities": capabilities,
            "tier": first.tier,
            "region": self.terms.region(),
            "regions": self.regions.iter().filter(serves).map(Terms::region).collect::<Vec<_>>(),
            "class": self.terms.class(),
            "classes": self.classes.iter().filter(serves).map(Terms::class).collect::<Vec<_>>(),
            "context": routes.iter().filter_map(|row| row.context).min(),
            "max_output": routes.iter().filter_map(|row| row.max_output).min(),
            "dimension": first.dimension,
            "free": first.host.free,
            "price": price(catalogue, first, self.terms.caller().org().margin_bp),
            "retires": retires(first),
            "parameters": merged(*modality, routes),
        }))
    }
}

/// Which kind of name it is; `None` where it means nothing.
fn kind(catalogue: &Catalogue, name: &ModelName) -> Option<&'static str> {
    if name.as_str() == AUTO {
        return Some(AUTO);
    }
    Some(match catalogue.resolve(name)? {
        Named::Route(_) => "route",
        Named::Model(_) => "model",
        Named::Alias(_) => "alias",
        Named::Own { .. } => "own",
    })
}

/// The day on which its row was read, as Unix time; 0 where that is not known.
fn created(row: &Row) -> i64 {
    let midnight = row.date.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    midnight.map_or(0, |midnight| midnight.timestamp().as_second())
}

/// Each of them once, where it first stood.
fn distinct<'a>(all: impl Iterator<Item = &'a ModelName>) -> Vec<&'a ModelName> {
    let mut seen = BTreeSet::new();
    all.filter(|one| seen.insert(*one)).collect()
}

/// What becomes of each field, whichever of the routes is taken. A route that refuses a field is not taken when it is
/// sent, so a field is refused where all refuse it; otherwise the least that any of the others does is told.
fn merged(modality: Modality, routes: &[&Arc<Row>]) -> Value {
    let each: Vec<_> = routes.iter().map(|row| parameters(modality, &phi_route::carry(row))).collect();
    let fields = each.first().map(Vec::as_slice).unwrap_or_default().iter().enumerate();
    let fields = fields.map(|(at, (name, _))| {
        let treatments = each.iter().filter_map(|fields| fields.get(at)).map(|(_, treatment)| *treatment);
        (*name, treatments.reduce(least).unwrap_or(Treatment::Refused))
    });
    let fields: Vec<_> = fields.collect();
    let of = |wanted: Treatment| -> Vec<&str> {
        fields.iter().filter(|(_, treatment)| *treatment == wanted).map(|(name, _)| *name).collect()
    };
    json!({
        "native": of(Treatment::Native),
        "translated": of(Treatment::Translated),
        "left_out": of(Treatment::LeftOut),
        "refused": of(Treatment::Refused),
    })
}

fn least(a: Treatment, b: Treatment) -> Treatment {
    match (a, b) {
        (Treatment::Refused, other) | (other, Treatment::Refused) => other,
        (Treatment::LeftOut, _) | (_, Treatment::LeftOut) => Treatment::LeftOut,
        (Treatment::Translated, _) | (_, Treatment::Translated) => Treatment::Translated,
        (Treatment::Native, Treatment::Native) => Treatment::Native,
    }
}
