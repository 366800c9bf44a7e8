//! What the built-in catalogue answers, cell by cell, where every provider has a key and those who offer agreements
//! have made them.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use phi_catalog::{Agreement, Catalogue, Evidence, Kind, Provider};
use phi_dialect::{Carry, Misfit};
use phi_vault::Sealed;
use phi_words::{
    AgreementId, Capability, Class, Country, CredentialId, Framework, KeyKind, Modality, OrgId, ProviderName, Tier,
};

use crate::moment::{Moment, Wish};
use crate::plan::routes;
use crate::{Dropped, Scene, Settings, Standing};

pub(super) const NOW: &str = "2026-11-21T12:00:00Z";

/// What the addresses of all hosts need together.
const PARAMS: &[&str] =
    &["product_id", "project", "resource_ch", "resource_eu", "resource_global", "resource_nl", "resource_us"];

pub(super) struct Deployment {
    scene: Scene,
    org: OrgId,
}

pub(super) struct Cell<'a> {
    pub(super) model: &'a str,
    pub(super) modality: Modality,
    pub(super) region: &'a str,
    pub(super) class: Class,
    pub(super) tier: Option<Tier>,
    pub(super) needs: &'a [Capability],
    pub(super) frameworks: &'a [Framework],
    pub(super) test: bool,
}

pub(super) const CHAT: Cell<'_> = Cell {
    model: "auto",
    modality: Modality::Chat,
    region: "CH",
    class: Class::General,
    tier: None,
    needs: &[],
    frameworks: &[Framework::Gdpr],
    test: false,
};

impl Deployment {
    fn new() -> Self {
        Self::of(Catalogue::load(None).unwrap())
    }

    /// Every offer is an agreement.
    pub(super) fn of(catalogue: Catalogue) -> Self {
        let agreements = catalogue.providers().flat_map(|provider| {
            provider.offers.iter().map(|offer| Agreement {
                modalities: offer.modalities.clone(),
                ..agreement(&provider.name, &offer.countries, &offer.frameworks)
            })
        });
        let agreements = agreements.collect();
        Self::under(catalogue, agreements)
    }

    pub(super) fn under(catalogue: Catalogue, agreements: Vec<Agreement>) -> Self {
        let standing = Standing::new(agreements, keys(&catalogue));
        let settings = Settings {
            embeddings: "qwen3-embedding-8b".parse().unwrap(),
            hosted: false,
            durable: true,
            evidence: Evidence::Unverified,
        };
        Self { scene: Scene::new(Arc::new(catalogue), standing, settings), org: OrgId::new() }
    }

    pub(super) fn scene(&self) -> &Scene {
        &self.scene
    }

    fn wish<T>(&self, cell: &Cell<'_>, act: impl FnOnce(&Moment<'_>, &Wish<'_>) -> T) -> T {
        let now: Timestamp = NOW.parse().unwrap();
        let fits = |carry: &Carry| {
            let lacking = cell.needs.iter().find(|needed| !carry.capabilities.contains(needed));
            lacking.map_or(Ok(()), |needed| Err(Misfit { field: needed.as_str().into() }))
        };
        let wish = Wish {
            modality: cell.modality,
            model: &cell.model.parse().unwrap(),
            region: &cell.region.parse().unwrap(),
            class: cell.class,
            tier: cell.tier,
            org: self.org,
            frameworks: &cell.frameworks.iter().copied().collect(),
            test: cell.test,
            input: 100,
            output: None,
            fits: &fits,
            allows: &|_| true,
        };
        act(&Moment::new(&self.scene, None, now), &wish)
    }

    /// The first route, or the code.
    pub(super) fn answer(&self, cell: &Cell<'_>) -> String {
        self.wish(cell, |moment, wish| match routes(moment, wish) {
            Ok(planned) => planned[0].row().route.to_string(),
            Err(refusal) => refusal.code.to_string(),
        })
    }

    /// All routes of the plan.
    pub(super) fn plan(&self, cell: &Cell<'_>) -> Vec<String> {
        self.wish(cell, |moment, wish| {
            routes(moment, wish).unwrap().iter().map(|planned| planned.row().route.to_string()).collect()
        })
    }
}

/// A key of each kind for every provider.
fn keys(catalogue: &Catalogue) -> Vec<Arc<Sealed>> {
    KeyKind::ALL.iter().flat_map(|kind| keys_of(*kind, catalogue)).collect()
}

fn keys_of(kind: KeyKind, catalogue: &Catalogue) -> Vec<Arc<Sealed>> {
    let key = |provider: &Provider| Sealed {
        id: CredentialId::new(),
        org: None,
        provider: provider.name.clone(),
        name: "main".parse().unwrap(),
        kind,
        params: PARAMS.iter().map(|param| ((*param).to_owned(), "x1".to_owned())).collect(),
        hosts: BTreeSet::new(),
        created: NOW.parse().unwrap(),
        revoked: None,
        bytes: Vec::new(),
    };
    catalogue.providers().map(|provider| Arc::new(key(provider))).collect()
}

/// An agreement with a provider that stands, for no modality yet.
pub(super) fn agreement(
    provider: &ProviderName,
    countries: &BTreeSet<Country>,
    frameworks: &BTreeSet<Framework>,
) -> Agreement {
    Agreement {
        id: AgreementId::new(),
        kind: Kind::Provider { name: provider.clone(), credential: None },
        org: None,
        counterparty: "Acme".into(),
        document: "0".repeat(64),
        countries: countries.clone(),
        modalities: BTreeSet::new(),
        frameworks: frameworks.clone(),
        verified_by: "V".into(),
        verified_on: "2026-11-01".parse().unwrap(),
        review_by: "2027-11-01".parse().unwrap(),
        revoked: None,
    }
}

#[test]
fn what_answers_today() {
    let deployment = Deployment::new();
    let (chat, embeddings, phi, general) = (Modality::Chat, Modality::Embeddings, Class::Phi, Class::General);
    let table = [
        ("auto", chat, "CH", general, "infomaniak-gemma-4-31b"),
        ("auto", chat, "EU", general, "scaleway-gemma-4-26b"),
        ("auto", chat, "US", general, "together-glm-5.2"),
        ("auto", chat, "UK", general, "google-gemini-2.5-flash-europe-west2"),
        ("auto", chat, "INDIA", general, "google-gemini-2.5-flash-asia-south1"),
        ("auto", chat, "ANZ", general, "google-gemini-2.5-flash-australia-southeast1"),
        ("auto", chat, "ASIA", general, "google-gemini-2.5-flash-asia-northeast1"),
        ("auto", chat, "LATAM", general, "google-gemini-2.5-flash-southamerica-east1"),
        ("auto", chat, "MENA", general, "google-gemini-2.5-flash-me-west1"),
        ("auto", chat, "WORLD", general, "google-gemini-3.5-flash-lite-global"),
        ("auto", chat, "CH", phi, "infomaniak-gemma-4-31b"),
        ("auto", chat, "EU", phi, "scaleway-gemma-4-26b"),
        ("auto", chat, "US", phi, "phi_blocked"),
        ("auto", chat, "UK", phi, "phi_blocked"),
        ("auto", chat, "INDIA", phi, "phi_blocked"),
        ("auto", chat, "MENA", phi, "phi_blocked"),
        ("auto", chat, "WORLD", phi, "phi_blocked"),
        ("auto", embeddings, "CH", general, "infomaniak-qwen3-embedding-8b"),
        ("auto", embeddings, "EU", general, "scaleway-qwen3-embedding-8b"),
        ("auto", embeddings, "US", general, "fireworks-qwen3-embedding-8b"),
        ("auto", embeddings, "WORLD", general, "infomaniak-qwen3-embedding-8b"),
        ("auto", embeddings, "UK", general, "no_route"),
        ("auto", embeddings, "CH", phi, "infomaniak-qwen3-embedding-8b"),
        ("auto", embeddings, "EU", phi, "scaleway-qwen3-embedding-8b"),
        ("auto", embeddings, "US", phi, "phi_blocked"),
        ("qwen3.5", chat, "CH", phi, "infomaniak-qwen3.5-397b"),
        ("qwen3.5", chat, "EU", general, "scaleway-qwen3.5-397b"),
        ("qwen3.5", chat, "US", general, "no_route"),
        ("glm-5.2", chat, "US", general, "together-glm-5.2"),
        ("glm-5.2", chat, "CH", general, "no_route"),
        ("glm-5.2", chat, "EU", general, "no_route"),
        ("scaleway-gemma-4-26b", chat, "CH", general, "no_route"),
        ("scaleway-gemma-4-26b", chat, "CH", phi, "no_route"),
        ("infomaniak/gemma-4-31b", chat, "CH", general, "infomaniak-gemma-4-31b"),
        ("openai/gpt-4o", chat, "WORLD", general, "openai-gpt-4o"),
        ("openai/gpt-4o", chat, "US", general, "no_route"),
        ("anthropic/claude-sonnet-5", chat, "US", general, "anthropic-us-claude-sonnet-5"),
        ("anthropic/claude-sonnet-5", chat, "WORLD", general, "anthropic-claude-sonnet-5"),
        ("anthropic/claude-sonnet-5", chat, "EU", general, "no_route"),
        ("mistral/mistral-large-3", chat, "WORLD", general, "mistral-large-3"),
        ("mistral/mistral-large-3", chat, "EU", general, "no_route"),
        ("google/gemini-3.8-flash", chat, "WORLD", general, "google-gemini-3.8-flash"),
        ("openai/gpt-4o", chat, "WORLD", phi, "phi_blocked"),
        ("qwen3-embedding-8b", chat, "CH", general, "no_route"),
        ("gemma-4", embeddings, "CH", general, "no_route"),
        ("bge_multilingual_gemma2", embeddings, "CH", general, "infomaniak-bge-multilingual-gemma2"),
        ("infomaniak-whisper", chat, "CH", general, "no_route"),
        ("google/gemini-2.5-flash", chat, "UK", general, "google-gemini-2.5-flash-europe-west2"),
        ("google/gemini-2.5-flash", chat, "EU", general, "google-gemini-2.5-flash-europe-west3"),
        ("google/gemini-2.5-flash", chat, "CH", general, "no_route"),
        ("gpt-99", chat, "CH", phi, "model_not_found"),
    ];
    for (model, modality, region, class, answer) in table {
        let cell = Cell { model, modality, region, class, ..CHAT };
        assert_eq!(deployment.answer(&cell), answer, "{model} for {modality} in {region}, {class}");
    }
}

#[test]
fn who_hears_reads_speaks_and_draws_today() {
    let deployment = Deployment::new();
    let (phi, general, chat) = (Class::Phi, Class::General, Modality::Chat);
    let (read, heard, drawn) = (Modality::Ocr, Modality::Transcription, Modality::Image);
    let table = [
        ("auto", read, "CH", general, "azure-layout-switzerlandnorth"),
        ("auto", read, "EU", general, "azure-layout-westeurope"),
        ("auto", read, "US", general, "azure-layout-eastus"),
        ("auto", read, "CH", phi, "azure-layout-switzerlandnorth"),
        ("auto", read, "EU", phi, "azure-layout-westeurope"),
        ("auto", read, "US", phi, "azure-layout-eastus"),
        ("auto", read, "UK", general, "no_route"),
        ("auto", read, "WORLD", general, "no_route"),
        ("azure/read", read, "CH", phi, "azure-read-switzerlandnorth"),
        ("mistral/ocr-4", read, "EU", general, "no_route"),
        ("mistral/ocr-4", read, "WORLD", general, "no_route"),
        ("scaleway/ocr-3", read, "EU", general, "no_route"),
        ("whisper", heard, "CH", general, "azure-speech-to-text-switzerlandnorth"),
        ("whisper", heard, "EU", general, "azure-speech-to-text-westeurope"),
        ("whisper", heard, "US", general, "azure-speech-to-text-eastus"),
        ("whisper", heard, "CH", phi, "azure-speech-to-text-switzerlandnorth"),
        ("whisper", heard, "EU", phi, "azure-speech-to-text-westeurope"),
        ("whisper", heard, "US", phi, "azure-speech-to-text-eastus"),
        ("whisper", heard, "UK", general, "no_route"),
        ("whisper", heard, "WORLD", general, "no_route"),
        ("whisper", chat, "CH", general, "no_route"),
        ("scaleway/whisper-large-v3", heard, "EU", phi, "scaleway-whisper-v3"),
        ("scaleway/whisper-large-v3", heard, "CH", phi, "no_route"),
        ("infomaniak/whisper", heard, "CH", general, "infomaniak-whisper"),
        ("infomaniak/whisper", heard, "CH", phi, "phi_blocked"),
        ("mistral/voxtral-mini-transcribe", heard, "EU", general, "no_route"),
        ("openai/whisper-1", heard, "WORLD", general, "no_route"),
        ("krea-2", drawn, "WORLD", general, "fal-krea-2-medium"),
        ("fal/krea-2-large", drawn, "WORLD", general, "fal-krea-2-large"),
        ("krea-2", drawn, "CH", general, "no_route"),
        ("auto", drawn, "WORLD", phi, "phi_blocked"),
        ("auto", drawn, "CH", phi, "phi_blocked"),
    ];
    for (model, modality, region, class, answer) in table {
        let cell = Cell { model, modality, region, class, ..CHAT };
        assert_eq!(deployment.answer(&cell), answer, "{model} for {modality} in {region}, {class}");
    }
}

#[test]
fn a_plan_goes_on_in_the_order_of_auto() {
    let deployment = Deployment::new();
    assert_eq!(
        deployment.plan(&Cell { region: "US", ..CHAT }),
        [
            "together-glm-5.2",
            "together-glm-5.3",
            "fireworks-us-glm-5.3",
            "fireworks-us-kimi-k3",
            "azure-us-gpt-4o",
            "anthropic-us-claude-sonnet-4-6",
            "fireworks-us-glm-5.2"
        ],
        "residents in their order, the cheaper first, those said to be gone last"
    );
    let thinking = Cell { region: "EU", tier: Some(Tier::Thinking), ..CHAT };
    assert_eq!(deployment.answer(&thinking), "scaleway-qwen3.6-35b");
    let named = Cell { model: "gemma-4", ..thinking };
    assert_eq!(deployment.plan(&named), ["scaleway-gemma-4-26b"], "a named model never becomes another");
    let vision = Cell { region: "CH", needs: &[Capability::Vision], class: Class::Phi, ..CHAT };
    assert_eq!(deployment.plan(&vision), ["infomaniak-gemma-4-31b"]);
    let nobody = Cell { needs: &[Capability::Audio], ..CHAT };
    assert_eq!(deployment.answer(&nobody), "unsupported_parameter");
    let abroad = Cell { model: "gemma-4", region: "UK", ..nobody };
    assert_eq!(deployment.answer(&abroad), "no_route", "the earlier step speaks");
}

#[test]
fn phi_needs_every_framework_of_the_organization() {
    let deployment = Deployment::new();
    let answer = |region, frameworks| deployment.answer(&Cell { region, frameworks, class: Class::Phi, ..CHAT });
    assert_eq!(answer("CH", &[Framework::Nfadp, Framework::Gdpr]), "infomaniak-gemma-4-31b");
    assert_eq!(answer("CH", &[Framework::Nfadp, Framework::Hipaa]), "phi_blocked");
    assert_eq!(answer("EU", &[Framework::Nfadp]), "phi_blocked");
    assert_eq!(answer("CH", &[]), "phi_blocked");
}

#[test]
fn only_unverified_evidence_is_refused_by_the_setting() {
    let Deployment { scene, org } = Deployment::new();
    let settings = Settings { evidence: Evidence::Vendor, ..scene.settings().clone() };
    let standing = Standing::new(Vec::new(), keys(scene.catalogue()));
    let deployment = Deployment { scene: Scene::new(Arc::clone(scene.catalogue()), standing, settings), org };
    assert_eq!(deployment.plan(&Cell { region: "US", ..CHAT }).last().unwrap(), "anthropic-us-claude-sonnet-4-6");
    assert_eq!(deployment.answer(&Cell { region: "LATAM", ..CHAT }), "no_route");
    assert_eq!(deployment.answer(&Cell { region: "UK", ..CHAT }), "google-gemini-2.5-flash-europe-west2");
    assert_eq!(deployment.answer(&CHAT), "infomaniak-gemma-4-31b");
}

#[test]
fn a_key_of_another_kind_opens_no_host() {
    let Deployment { scene, org } = Deployment::new();
    let answer = |kind, region| {
        let standing = Standing::new(Vec::new(), keys_of(kind, scene.catalogue()));
        let scene = Scene::new(Arc::clone(scene.catalogue()), standing, scene.settings().clone());
        Deployment { scene, org }.answer(&Cell { region, ..CHAT })
    };
    assert_eq!(answer(KeyKind::Plain, "UK"), "no_route");
    assert_eq!(answer(KeyKind::Plain, "CH"), "infomaniak-gemma-4-31b");
    assert_eq!(answer(KeyKind::GoogleServiceAccount, "UK"), "google-gemini-2.5-flash-europe-west2");
    assert_eq!(answer(KeyKind::GoogleServiceAccount, "CH"), "no_route");
}

#[test]
fn no_phi_reaches_a_place_that_is_only_claimed() {
    let everywhere = |region, frameworks| {
        let catalogue = Catalogue::load(None).unwrap();
        let countries = catalogue.hosts().iter().filter_map(|host| host.processes_in.countries()).flatten();
        let countries: BTreeSet<Country> = countries.copied().collect();
        let made = Agreement {
            modalities: [Modality::Chat].into(),
            ..agreement(&"google".parse().unwrap(), &countries, &Framework::ALL.iter().copied().collect())
        };
        Deployment::under(catalogue, vec![made]).answer(&Cell {
            model: "google/gemini-2.5-flash",
            region,
            frameworks,
            class: Class::Phi,
            ..CHAT
        })
    };
    assert_eq!(everywhere("UK", &[Framework::Hipaa]), "google-gemini-2.5-flash-europe-west2");
    assert_eq!(everywhere("UK", &[Framework::Gdpr]), "phi_blocked", "attested, and not offered");
    for region in ["INDIA", "ANZ", "ASIA", "LATAM", "MENA", "WORLD"] {
        assert_eq!(everywhere(region, &[Framework::Hipaa]), "phi_blocked", "{region}");
    }
}

#[test]
fn media_and_math_never_carry_phi() {
    let deployment = Deployment::new();
    for modality in [Modality::Image, Modality::Video, Modality::Math] {
        let cell = |class, region| Cell { modality, class, region, ..CHAT };
        assert_eq!(deployment.answer(&cell(Class::Phi, "UK")), "phi_blocked", "{modality}, though nobody serves it");
        assert_eq!(deployment.answer(&cell(Class::General, "UK")), "no_route", "{modality}");
    }
}

#[test]
fn a_test_key_reaches_free_hosts_with_general_traffic() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("local.toml"), include_str!("../../../catalog/sample.toml")).unwrap();
    let deployment = Deployment::of(Catalogue::load(Some(folder.path())).unwrap());
    let test = Cell { test: true, ..CHAT };
    assert_eq!(deployment.plan(&test), ["local-smollm2-135m"]);
    assert_eq!(deployment.answer(&Cell { class: Class::Phi, ..test }), "phi_blocked");
    assert_eq!(deployment.answer(&Cell { model: "gemma-4", ..test }), "policy_denied");
    let live = Cell { model: "local/smollm2-135m", class: Class::Phi, frameworks: Framework::ALL, ..CHAT };
    assert_eq!(deployment.answer(&live), "local-smollm2-135m");
    let world = Cell { region: "WORLD", ..live };
    assert_eq!(deployment.answer(&world), "local-smollm2-135m", "PHI stays on the premises, in WORLD too");
    assert_eq!(deployment.answer(&Cell { region: "EU", ..live }), "no_route");
}

#[test]
fn a_credential_without_the_address_s_parameters_is_none() {
    let Deployment { scene, org } = Deployment::new();
    let key = |params: &[(&str, &str)], hosts: &[&str]| {
        Arc::new(Sealed {
            id: CredentialId::new(),
            org: None,
            provider: "infomaniak".parse().unwrap(),
            name: "main".parse().unwrap(),
            kind: KeyKind::Plain,
            params: params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
            created: NOW.parse().unwrap(),
            revoked: None,
            bytes: Vec::new(),
        })
    };
    let answer = |key| {
        let standing = Standing::new(Vec::new(), [key]);
        let scene = Scene::new(Arc::clone(scene.catalogue()), standing, scene.settings().clone());
        Deployment { scene, org }.answer(&CHAT)
    };
    assert_eq!(answer(key(&[("product_id", "1")], &[])), "infomaniak-gemma-4-31b");
    assert_eq!(answer(key(&[("product_id", "1")], &["infomaniak"])), "infomaniak-gemma-4-31b");
    for (params, hosts) in
        [(&[][..], &[][..]), (&[("product_id", "../1")], &[]), (&[("product_id", "1")], &["another"])]
    {
        assert_eq!(answer(key(params, hosts)), "no_route");
    }
}

#[test]
fn embeddings_stay_in_one_space() {
    const HOST: &str = "dialect = 'openai'\nauth = 'none'\npremises = true\nfree = true\nprocesses_in = ['CH']\n\
                        evidence = 'contract'\nsource = 's'\ndate = '2026-01-01'\n";
    let mut text = String::from(
        "[region.CH]\ncountries = ['CH']\nresidents = ['b']\n[region.WORLD]\ncountries = 'anywhere'\n\
         [provider.a]\ntitle = 'A'\n[provider.b]\ntitle = 'B'\n[provider.c]\ntitle = 'C'\n",
    );
    for (provider, space) in [("a", "x@3"), ("b", "y@3"), ("c", "y@3")] {
        text.push_str(&format!(
            "[host.{provider}]\nprovider = '{provider}'\naddress = 'https://{provider}.example'\n{HOST}\
             [route.{provider}-e]\nhost = '{provider}'\nmodel = 'e'\nown = 'shared'\nmodality = 'embeddings'\n\
             space = '{space}'\ndimension = 3\nstatus = 'live'\nsource = 's'\ndate = '2026-01-01'\n"
        ));
    }
    let deployment = Deployment::of(Catalogue::parse(&[("a.toml", &text)]).unwrap());
    let cell = Cell { model: "shared", modality: Modality::Embeddings, ..CHAT };
    assert_eq!(deployment.plan(&cell), ["b-e", "c-e"], "the first route's space is the plan's");
    deployment.wish(&cell, |moment, wish| {
        let mut others = Vec::new();
        moment.sift(wish, &mut |row, _, why| others.push((row.route.to_string(), why))).unwrap();
        assert_eq!(others, [("a-e".to_owned(), Dropped::OtherSpace)]);
    });
}

#[test]
fn work_tied_to_its_place_is_done_in_three_regions_or_on_the_premises() {
    let row = |premises: bool, code: &str, region: &str| {
        let text = format!(
            "[region.UK]\ncountries = ['GB']\n[region.US]\ncountries = ['US']\n[region.WORLD]\ncountries = 'anywhere'\n\
             [provider.a]\ntitle = 'A'\n[host.a]\nprovider = 'a'\ndialect = 'openai'\naddress = 'https://a.example'\n\
             auth = 'bearer'\npremises = {premises}\nprocesses_in = ['{code}']\nevidence = 'vendor'\nsource = 's'\n\
             date = '2026-01-01'\n[route.a]\nhost = 'a'\nmodel = 'a'\nown = 'a'\nmodality = 'ocr'\nstatus = 'staged'\n"
        );
        let catalogue = Catalogue::parse(&[("a.toml", &text)]).unwrap();
        let territory = catalogue.region(&region.parse().unwrap()).unwrap();
        crate::Resident::of(&catalogue.rows()[0], territory).is_some()
    };
    assert!(row(false, "US", "US") && row(true, "GB", "UK") && row(true, "GB", "WORLD"));
    assert!(!row(false, "GB", "UK") && !row(false, "US", "WORLD") && !row(true, "GB", "US"));
}
