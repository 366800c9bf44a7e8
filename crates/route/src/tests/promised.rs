//! The contract's table of what is served where, cell by cell, as it will be once every dialect is built: with every
//! staged route live, a key for every provider, and the agreements that the table supposes.

use std::collections::BTreeSet;

use phi_catalog::{Agreement, Catalogue};
use phi_words::{Capability, Class, Country, Framework, Modality};

use super::matrix::{CHAT, Cell, Deployment, agreement};

const REGIONS: [&str; 10] = ["CH", "EU", "US", "UK", "INDIA", "ANZ", "ASIA", "LATAM", "MENA", "WORLD"];

/// One kind of work: what is asked for, and the first route or the code for each region of [`REGIONS`].
struct Line<'a> {
    modality: Modality,
    model: &'a str,
    needs: &'a [Capability],
    class: Class,
    answers: [&'a str; 10],
}

fn promised() -> Deployment {
    let catalogue = Catalogue::rehearsal().unwrap();
    let set = |codes: &[&str]| codes.iter().map(|code| code.parse().unwrap()).collect::<BTreeSet<Country>>();
    let frameworks = |frameworks: &[Framework]| frameworks.iter().copied().collect::<BTreeSet<_>>();
    let made = |provider: &str, countries: &[&str], under: &[Framework], modalities: &[Modality]| Agreement {
        modalities: modalities.iter().copied().collect(),
        ..agreement(&provider.parse().unwrap(), &set(countries), &frameworks(under))
    };
    let gdpr = &[Framework::Gdpr];
    let written = [Modality::Chat, Modality::Embeddings];
    let spoken = [Modality::Ocr, Modality::Transcription, Modality::Speech];
    let agreements = vec![
        made("infomaniak", &["CH"], gdpr, &written),
        made("scaleway", &["FR"], gdpr, &[Modality::Chat, Modality::Embeddings, Modality::Transcription]),
        made("azure", &["CH", "NL", "US"], gdpr, &spoken),
    ];
    Deployment::under(catalogue, agreements)
}

#[test]
fn what_the_contract_promises() {
    let deployment = promised();
    for Line { modality, model, needs, class, answers } in lines() {
        for (region, answer) in REGIONS.into_iter().zip(answers) {
            let cell = Cell { modality, model, needs, class, region, ..CHAT };
            assert_eq!(deployment.answer(&cell), answer, "{model} for {modality} {needs:?} in {region}, {class}");
        }
    }
}

const NO: &str = "no_route";
const BLOCKED: &str = "phi_blocked";

/// Google's routes, in UK and the regions after it.
const GOOGLE: [&str; 7] = [
    "google-gemini-2.5-flash-europe-west2",
    "google-gemini-2.5-flash-asia-south1",
    "google-gemini-2.5-flash-australia-southeast1",
    "google-gemini-2.5-flash-asia-east1",
    "google-gemini-2.5-flash-southamerica-east1",
    "google-gemini-2.5-flash-me-west1",
    "google-gemini-3.5-flash-lite-global",
];

fn lines() -> Vec<Line<'static>> {
    [chat(), embeddings(), tied_to_its_place(), for_general_traffic_alone()].into_iter().flatten().collect()
}

/// CH, EU and US, and then the regions from UK on.
fn line(
    modality: Modality,
    model: &'static str,
    class: Class,
    first: [&'static str; 3],
    rest: [&'static str; 7],
) -> Line<'static> {
    let mut answers = [""; 10];
    answers[..3].copy_from_slice(&first);
    answers[3..].copy_from_slice(&rest);
    Line { modality, model, needs: &[], class, answers }
}

fn chat() -> Vec<Line<'static>> {
    let (ch, eu, us) = ("infomaniak-gemma-4-31b", "scaleway-gemma-4-26b", "together-glm-5.2");
    let (general, phi) = (Class::General, Class::Phi);
    let with_images = |line| Line { needs: &[Capability::Vision], ..line };
    let rest_of_glm = [NO, NO, NO, NO, NO, NO, "together-global-glm-5.2"];
    vec![
        line(Modality::Chat, "auto", general, [ch, eu, us], GOOGLE),
        line(Modality::Chat, "auto", phi, [ch, eu, BLOCKED], [BLOCKED; 7]),
        with_images(line(Modality::Chat, "auto", general, [ch, eu, "fireworks-us-kimi-k3"], GOOGLE)),
        with_images(line(Modality::Chat, "auto", phi, [ch, eu, BLOCKED], [BLOCKED; 7])),
        line(Modality::Chat, "glm-5.2", general, [NO, NO, us], rest_of_glm),
    ]
}

fn embeddings() -> Vec<Line<'static>> {
    let (ch, eu) = ("infomaniak-qwen3-embedding-8b", "scaleway-qwen3-embedding-8b");
    let of = |class, us, world| {
        line(Modality::Embeddings, "qwen3-embedding-8b", class, [ch, eu, us], [NO, NO, NO, NO, NO, NO, world])
    };
    vec![of(Class::General, "fireworks-qwen3-embedding-8b", ch), of(Class::Phi, BLOCKED, BLOCKED)]
}

/// By the same hosts in either class, and nowhere else.
fn tied_to_its_place() -> Vec<Line<'static>> {
    let ocr = ["azure-layout-switzerlandnorth", "azure-layout-westeurope", "azure-layout-eastus"];
    let heard =
        ["azure-speech-to-text-switzerlandnorth", "azure-speech-to-text-westeurope", "azure-speech-to-text-eastus"];
    let said =
        ["azure-text-to-speech-switzerlandnorth", "azure-text-to-speech-westeurope", "azure-text-to-speech-eastus"];
    let of = |class| {
        [
            line(Modality::Ocr, "auto", class, ocr, [NO; 7]),
            line(Modality::Transcription, "whisper", class, heard, [NO; 7]),
            line(Modality::Speech, "auto", class, said, [NO; 7]),
        ]
    };
    [of(Class::General), of(Class::Phi)].into_iter().flatten().collect()
}

/// Math has no routes of its own: of it, the table says here that it never carries PHI.
fn for_general_traffic_alone() -> Vec<Line<'static>> {
    let blocked = |modality, model| line(modality, model, Class::Phi, [BLOCKED; 3], [BLOCKED; 7]);
    let world =
        |modality, model, route| line(modality, model, Class::General, [NO; 3], [NO, NO, NO, NO, NO, NO, route]);
    vec![
        world(Modality::Image, "krea-2", "fal-krea-2-medium"),
        world(Modality::Video, "wan", "fal-wan-2.2"),
        world(Modality::Video, "avatar", "fal-infinitalk"),
        blocked(Modality::Image, "krea-2"),
        blocked(Modality::Video, "wan"),
        blocked(Modality::Video, "avatar"),
        blocked(Modality::Math, "auto"),
    ]
}

#[test]
fn speech_to_text_goes_on_in_the_order_of_its_alias() {
    let deployment = promised();
    let plan = |region, class| {
        deployment.plan(&Cell { modality: Modality::Transcription, model: "whisper", region, class, ..CHAT })
    };
    for class in [Class::General, Class::Phi] {
        assert_eq!(plan("CH", class), ["azure-speech-to-text-switzerlandnorth"]);
        assert_eq!(plan("EU", class), ["azure-speech-to-text-westeurope", "scaleway-whisper-v3"], "Voxtral is in EFTA");
        assert_eq!(plan("US", class), ["azure-speech-to-text-eastus"]);
    }
}
