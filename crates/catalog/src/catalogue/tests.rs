mod rows;

use std::collections::BTreeSet;
use std::path::Path;

use phi_words::{MicroUsd, Modality};

use super::*;
use crate::{Auth, Evidence, Extent};

const BASE: &str = r#"
[provider.acme]
title = "Acme"

[region.CH]
countries = ["CH"]
residents = ["acme"]

[region.WORLD]
countries = "anywhere"

[host.acme-ch]
provider = "acme"
dialect = "openai"
address = "https://api.acme.example/v1"
auth = "bearer"
processes_in = ["CH"]
evidence = "vendor"
source = "https://acme.example/places"
date = "2026-11-01"

[route.acme-small]
host = "acme-ch"
model = "small"
own = "acme/Small-7B"
modality = "chat"
status = "live"
price = { currency = "USD", input = "0.10", output = "0.20" }
source = "https://acme.example/prices"
date = "2026-11-01"
"#;

fn built_in() -> Catalogue {
    Catalogue::load(None).unwrap()
}

fn named<'a>(catalogue: &'a Catalogue, name: &str, region: &str) -> Vec<&'a str> {
    let mut routes = Vec::new();
    if let Some(named) = catalogue.resolve(&name.parse().unwrap()) {
        named.choices(&region.parse().unwrap(), &mut |row, _| routes.push(row.route.as_str()));
    }
    routes
}

/// The base with more text; what is wrong with it, as `path: what`.
fn problems(more: &str) -> Vec<String> {
    match Catalogue::parse(&[("a.toml", BASE), ("b.toml", more)]) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.list().iter().map(|p| format!("{}: {}", p.path, p.what)).collect(),
    }
}

/// The base with `from` replaced by `to`; what is wrong with it, as `path: what`.
fn spoiled(from: &str, to: &str) -> Vec<String> {
    assert!(BASE.contains(from), "{from}");
    let text = BASE.replacen(from, to, 1);
    let problems = Catalogue::parse(&[("a.toml", &text)]).err();
    problems.map(|p| p.list().iter().map(|p| format!("{}: {}", p.path, p.what)).collect()).unwrap_or_default()
}

#[test]
fn the_binary_holds_the_whole_folder() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalog"));
    let on_disk: BTreeSet<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| format!("catalog/{}", entry.unwrap().file_name().into_string().unwrap()))
        .collect();
    assert_eq!(on_disk, BUILT_IN.iter().map(|(file, _)| (*file).to_owned()).collect());
}

#[test]
fn the_built_in_regions_and_residents_are_those_of_the_contract() {
    let catalogue = built_in();
    assert_eq!(catalogue.region_names(), "ANZ, ASIA, CH, EU, INDIA, LATAM, MENA, UK, US, WORLD");
    let counts = [
        ("ANZ", 2),
        ("ASIA", 10),
        ("CH", 1),
        ("EU", 27),
        ("INDIA", 1),
        ("LATAM", 12),
        ("MENA", 11),
        ("UK", 1),
        ("US", 1),
    ];
    for (region, count) in counts {
        let territory = catalogue.region(&region.parse().unwrap()).unwrap();
        assert_eq!(territory.extent.countries().map(BTreeSet::len), Some(count), "{region}");
        let residents: Vec<_> = territory.residents.iter().map(ProviderName::as_str).collect();
        let expected: &[&str] = match region {
            "CH" => &["infomaniak"],
            "EU" => &["scaleway"],
            "US" => &["together", "fireworks"],
            _ => &["google"],
        };
        assert_eq!(residents, expected, "{region}");
    }
    assert_eq!(catalogue.region(&Region::world()).map(|world| &world.extent), Some(&Extent::Anywhere));
    // No country lies in two regions.
    let all: Vec<_> = catalogue.regions().iter().filter_map(|t| t.extent.countries()).flatten().collect();
    assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len());
}

#[test]
fn every_built_in_row_and_host_says_where_it_is_known_from() {
    let catalogue = built_in();
    assert!(catalogue.rows().len() > 15);
    for row in catalogue.rows() {
        assert!(row.source.as_ref().is_some_and(|source| source.starts_with("https://")), "{}", row.route);
        assert!(row.price.is_some() || row.status == Status::Staged, "{}", row.route);
        assert!(row.date.is_some(), "{}", row.route);
        assert!(row.route.as_str().starts_with(row.provider.as_str()), "{}", row.route);
        assert!(row.replies_as(row.own.as_str()), "{}", row.route);
    }
    for host in catalogue.hosts() {
        assert!(host.source.starts_with("https://") && !host.premises && !host.free, "{}", host.name);
    }
}

#[test]
fn hosts_lie_where_their_sources_say() {
    let catalogue = built_in();
    // The regions that each lies inside; beside them WORLD, as everything does.
    let table: &[(&str, &[&str])] = &[
        ("anthropic", &[]),
        ("anthropic-us", &["US"]),
        ("azure-documents-switzerlandnorth", &["CH"]),
        ("azure-documents-westeurope", &["EU"]),
        ("azure-openai-eu", &["EU"]),
        ("azure-speech-eastus", &["US"]),
        ("fal", &[]),
        ("google-gemini", &[]),
        ("google-global", &[]),
        ("google-europe-west2", &["UK"]),
        ("google-europe-west4", &["EU"]),
        ("google-me-west1", &["MENA"]),
        ("google-eu", &["EU"]),
        ("google-us", &["US"]),
        ("infomaniak", &["CH"]),
        ("mistral", &[]),
        ("mistral-eu", &[]), // the EU and EFTA
        ("openai", &[]),
        ("openai-eu", &[]), // the European Economic Area and Switzerland
        ("openrouter", &[]),
        ("scaleway", &["EU"]),
        ("together", &["US"]),
        ("together-canada", &[]), // in no region, until an operator declares one
        ("together-global", &[]),
    ];
    for (name, regions) in table {
        let host = catalogue.hosts().iter().find(|host| host.name.as_str() == *name).unwrap();
        let inside = catalogue.regions().iter().filter(|t| host.processes_in.is_within(&t.extent));
        let inside: Vec<_> = inside.map(|t| t.name.as_str()).filter(|region| *region != Region::WORLD).collect();
        assert_eq!(inside, *regions, "{name}");
    }
    let weak = catalogue.hosts().iter().filter(|host| host.evidence == Evidence::Unverified);
    let weak: BTreeSet<_> = weak.map(|host| host.provider.as_str()).collect();
    assert_eq!(weak, ["bedrock", "fireworks", "google", "nebius", "openai"].into());
    let of_azure = catalogue.hosts().iter().filter(|host| host.provider.as_str() == "azure");
    let gaps = of_azure.flat_map(|host| host.params().into_iter().map(|gap| (gap, host.processes_in.clone())));
    let mut places = BTreeMap::new();
    for (gap, place) in gaps {
        assert_eq!(*places.entry(gap.to_owned()).or_insert_with(|| place.clone()), place, "`{gap}` says one place");
    }
}

/// <https://cloud.google.com/about/locations>
#[test]
fn each_location_of_vertex_lies_in_its_country() {
    const MANY: [&str; 4] = ["google-claude", "google-eu", "google-global", "google-us"];
    let places = [
        ("asia-east1", "TW"),
        ("asia-east2", "HK"),
        ("asia-northeast1", "JP"),
        ("asia-northeast3", "KR"),
        ("asia-south1", "IN"),
        ("asia-southeast1", "SG"),
        ("australia-southeast1", "AU"),
        ("europe-west2", "GB"),
        ("europe-west3", "DE"),
        ("europe-west4", "NL"),
        ("europe-west6", "CH"),
        ("europe-west9", "FR"),
        ("me-central1", "QA"),
        ("me-central2", "SA"),
        ("me-west1", "IL"),
        ("northamerica-northeast1", "CA"),
        ("southamerica-east1", "BR"),
    ];
    let catalogue = built_in();
    let of_vertex = catalogue.hosts().iter().filter(|host| host.auth == Auth::GoogleServiceAccount);
    let known: BTreeSet<_> = of_vertex.map(|host| host.name.as_str()).collect();
    let expected: BTreeSet<_> = places.iter().map(|(location, _)| format!("google-{location}")).collect();
    assert_eq!(known, expected.iter().map(String::as_str).chain(MANY).collect());
    for (location, country) in places {
        let host = catalogue.hosts().iter().find(|host| host.name.as_str() == format!("google-{location}")).unwrap();
        let address = format!(
            "https://{location}-aiplatform.googleapis.com/v1/projects/{{project}}/locations/{location}/endpoints/openapi"
        );
        assert_eq!(host.address.to_string(), address);
        assert_eq!(host.processes_in, Extent::Countries([country.parse().unwrap()].into()), "{location}");
    }
}

#[test]
fn every_region_has_a_live_route_for_chat_inside_it() {
    let (catalogue, today) = (built_in(), "2026-11-21".parse().unwrap());
    for territory in catalogue.regions() {
        let serves = |row: &Arc<Row>| {
            row.modality == Modality::Chat
                && row.is_live(today)
                && row.is_priced()
                && !row.pin_only
                && row.host.processes_in.is_within(&territory.extent)
        };
        assert!(catalogue.rows().iter().any(serves), "{}", territory.name);
    }
}

#[test]
fn an_alias_means_one_model_a_region_and_the_cheapest_in_the_world() {
    let catalogue = built_in();
    let table = [
        ("gemma-4", "CH", "infomaniak-gemma-4-31b"),
        ("gemma-4", "EU", "scaleway-gemma-4-26b"),
        ("gemma-4", "US", "together-gemma-4-31b"),
        ("gemma-4", "WORLD", "infomaniak-gemma-4-31b"),
        ("qwen3.5", "CH", "infomaniak-qwen3.5-397b"),
        ("qwen3.5", "EU", "scaleway-qwen3.5-397b"),
        ("qwen3.5", "US", "together-qwen3.5-397b"),
        ("qwen3.5", "WORLD", "scaleway-qwen3.5-397b"), // Together's is cheaper, and said to be gone
        ("qwen3-embedding-8b", "CH", "infomaniak-qwen3-embedding-8b"),
        ("qwen3-embedding-8b", "EU", "scaleway-qwen3-embedding-8b"),
        ("qwen3-embedding-8b", "US", "fireworks-qwen3-embedding-8b"),
        ("qwen3-embedding-8b", "WORLD", "infomaniak-qwen3-embedding-8b"),
    ];
    for (alias, region, route) in table {
        assert_eq!(named(&catalogue, alias, region), [route], "{alias} in {region}");
    }
    let hosts = ["together-canada-glm-5.2", "together-glm-5.2", "together-global-glm-5.2"];
    for region in ["US", "WORLD"] {
        assert_eq!(named(&catalogue, "glm-5.2", region), hosts, "one model, at three hosts");
    }
    for (alias, region) in [("gemma-4", "UK"), ("glm-5.2", "CH"), ("glm-5.2", "EU")] {
        assert!(named(&catalogue, alias, region).is_empty(), "{alias} in {region}");
        assert!(catalogue.knows(&alias.parse().unwrap()));
    }
}

#[test]
fn names_are_looked_up_in_order() {
    let catalogue = built_in();
    let ch = |name| named(&catalogue, name, "CH");
    assert_eq!(ch("infomaniak-gemma-4-31b"), ["infomaniak-gemma-4-31b"], "a route");
    assert_eq!(ch("infomaniak/gemma-4-31b"), ["infomaniak-gemma-4-31b"], "a catalogue name");
    assert_eq!(ch("gemma-4"), ["infomaniak-gemma-4-31b"], "an alias");
    assert_eq!(ch("qwen3.6-35b-a3b"), ["scaleway-qwen3.6-35b"], "an own id; whether it serves is not asked here");
    assert_eq!(ch("accounts/fireworks/models/glm-5p2"), ["fireworks-glm-5.2"], "an own id whose head is no provider");
    assert_eq!(ch("infomaniak/google/gemma-4-31B-it"), ["infomaniak-gemma-4-31b"], "an own id written whole");
    assert!(ch("google/gemma-4-31B-it").is_empty(), "its head is a provider that has no such model");
    assert_eq!(ch("together/google/gemma-4-31B-it"), ["together-gemma-4-31b"]);
    assert!(ch("glm-5.2").is_empty(), "an own id that is an alias means the alias");
    for unknown in ["gpt-99", "infomaniak/", "infomaniak/gpt-99", "GEMMA-4", "infomaniak/gemma-4", "/gemma-4", "auto"] {
        assert!(catalogue.resolve(&unknown.parse().unwrap()).is_none(), "{unknown}");
    }
    assert!(catalogue.knows(&"auto".parse().unwrap()));
}

#[test]
fn an_own_id_that_providers_share_means_the_model_at_any_of_them() {
    let other = BASE
        .replace("acme", "bolt")
        .replace(
            "[region.CH]\ncountries = [\"CH\"]\nresidents = [\"bolt\"]\n\n[region.WORLD]\ncountries = \"anywhere\"\n",
            "",
        )
        .replace("bolt/Small-7B", "Small-7B");
    let base = BASE.replace("acme/Small-7B", "Small-7B");
    let catalogue = Catalogue::parse(&[("a.toml", &base), ("b.toml", &other)]).unwrap();
    assert_eq!(named(&catalogue, "Small-7B", "CH"), ["acme-small", "bolt-small"]);
    assert_eq!(named(&catalogue, "bolt/Small-7B", "CH"), ["bolt-small"]);
}

#[test]
fn an_operators_files_add_and_replace() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("local.toml", include_str!("../../sample.toml"));
    write("notes.txt", "not TOML at all");
    write(
        "prices.toml",
        "[price.infomaniak-gemma-4-31b]\ncurrency = 'USD'\ninput = '1'\noutput = '2'\n[region.CA]\ncountries = ['CA']\n",
    );
    let catalogue = Catalogue::load(Some(folder.path())).unwrap();
    assert_ne!(catalogue.version(), built_in().version());
    assert_eq!(named(&catalogue, "local/smollm2-135m", "CH"), ["local-smollm2-135m"]);
    assert!(catalogue.region(&"CA".parse().unwrap()).is_some());
    let usage = Usage { input: 1_000_000, output: 1_000_000, ..Usage::default() };
    let cost =
        |route: &str| catalogue.cost(catalogue.row(&route.parse().unwrap()).unwrap(), &usage, 1_000).unwrap().charge;
    assert_eq!(cost("infomaniak-gemma-4-31b"), MicroUsd::new(3_300_000));
    assert_eq!(cost("local-smollm2-135m"), MicroUsd::ZERO);
    let local = catalogue.row(&"local-smollm2-135m".parse().unwrap()).unwrap();
    assert!(local.host.premises && local.host.free && !local.host.needs_credential());
    assert!(catalogue.row(&"infomaniak-gemma-4-31b".parse().unwrap()).unwrap().host.params().contains("product_id"));

    write("engines.toml", include_str!("../../engines.toml"));
    let catalogue = Catalogue::load(Some(folder.path())).unwrap();
    assert_eq!(catalogue.hosts().iter().filter(|host| host.provider.as_str() == "own" && host.premises).count(), 3);
    assert_eq!(named(&catalogue, "own/qwen3-8b", "CH"), ["own-qwen3-8b"]);

    assert!(Catalogue::load(Some(&folder.path().join("missing"))).is_err(), "a folder that is named has to be there");
}

#[test]
fn what_an_operator_adds_is_not_public() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let host = |name: &str, premises: bool| {
        format!(
            "[host.{name}]\nprovider = 'scaleway'\ndialect = 'openai'\naddress = 'https://example.org/v1'\nauth = 'bearer'\n\
             premises = {premises}\nprocesses_in = ['DE']\nevidence = 'contract'\nsource = 'ours'\ndate = '2026-11-01'\n"
        )
    };
    let route = |name: &str, host: &str, more: &str| {
        format!(
            "[route.{name}]\nhost = '{host}'\nmodel = '{name}'\nown = '{name}'\nmodality = 'chat'\nstatus = 'live'\n\
             price = {{ currency = 'USD', input = '1', output = '1' }}\nsource = 'ours'\ndate = '2026-11-01'\n{more}"
        )
    };
    write("hosts.toml", &(host("scaleway", false) + &host("ours", true)));
    let hidden = route("own-a", "infomaniak", "") + &route("own-b", "ours", "public = false\n");
    write("routes.toml", &(hidden + &route("own-shown", "scaleway", "public = true\n")));
    write("prices.toml", "[price.infomaniak-gemma-4-31b]\ncurrency = 'USD'\ninput = '1'\noutput = '2'\n");
    let catalogue = Catalogue::load(Some(folder.path())).unwrap();
    for (route, public) in [
        ("infomaniak-gemma-4-31b", true),
        ("own-a", false),
        ("own-b", false),
        ("own-shown", true),
        ("scaleway-gemma-4-26b", false),
    ] {
        assert_eq!(catalogue.row(&route.parse().unwrap()).unwrap().public, public, "{route}");
    }
    assert!(built_in().rows().iter().all(|row| row.public), "nothing that is built in is hidden");
    assert_eq!(built_in().version(), Catalogue::built_in_version());
    write("more.toml", &route("own-c", "ours", "public = true\n"));
    let problems = Catalogue::load(Some(folder.path())).unwrap_err();
    let whats: Vec<_> = problems.list().iter().map(|p| format!("{}: {}", p.path, p.what)).collect();
    assert_eq!(whats, ["route.own-c.public: a route on the operator's premises is not shown to strangers"]);
}

#[test]
fn a_replaced_host_takes_its_routes_along() {
    let folder = tempfile::tempdir().unwrap();
    let host = "[host.scaleway]\nprovider = 'scaleway'\ndialect = 'openai'\naddress = 'https://{project_id}.example.org/v1'\n\
                auth = 'bearer'\nprocesses_in = ['DE']\nevidence = 'contract'\nsource = 'ours'\ndate = '2026-11-01'\n";
    std::fs::write(folder.path().join("scaleway.toml"), host).unwrap();
    let catalogue = Catalogue::load(Some(folder.path())).unwrap();
    let row = catalogue.row(&"scaleway-gemma-4-26b".parse().unwrap()).unwrap();
    assert_eq!(row.host.processes_in, Extent::Countries(["DE".parse().unwrap()].into()));
    assert!(row.carries.lacks.is_empty(), "what the old host lacked is forgotten");
}

#[test]
fn a_row_serves_until_its_vendor_retires_it() {
    let day = |text: &str| text.parse::<Date>().unwrap();
    let retires = |says: &str| {
        let to = format!("status = \"live\"\nretires = {{ on = \"2026-12-01\", says = \"{says}\" }}");
        let text = BASE.replacen("status = \"live\"", &to, 1);
        Arc::clone(&Catalogue::parse(&[("a.toml", &text)]).unwrap().rows()[0])
    };
    let (vendor, other) = (retires("vendor"), retires("third-party"));
    assert!(
        vendor.is_live(day("2026-11-30"))
            && !vendor.is_live(day("2026-12-01"))
            && !vendor.is_doubtful(day("2027-01-01"))
    );
    assert!(
        !other.is_doubtful(day("2026-11-30"))
            && other.is_doubtful(day("2026-12-01"))
            && other.is_live(day("2027-01-01"))
    );
}

/// The worked examples of `docs/contract.md`, 12, at a margin of 10 %.
#[test]
fn the_built_in_rows_cost_what_the_contract_says() {
    let catalogue = built_in();
    let charge = |route: &str, usage: Usage| {
        let row = catalogue.row(&route.parse().unwrap()).unwrap_or_else(|| panic!("{route}"));
        catalogue.cost(row, &usage, 1_000).unwrap().charge.micros()
    };
    let of = Usage::default();
    let (input, output) = (Usage { input: 1_000_000, ..of }, Usage { output: 1_000_000, ..of });
    assert_eq!(charge("anthropic-claude-sonnet-4-6", input), 3_300_000);
    assert_eq!(charge("anthropic-claude-sonnet-4-6", output), 16_500_000);
    assert_eq!(charge("anthropic-us-claude-sonnet-4-6", input), 3_630_000, "a tenth more in the US, and the margin");
    assert_eq!(charge("anthropic-us-claude-sonnet-4-6", output), 18_150_000);
    assert_eq!(charge("google-gemini-2.5-flash", input), 330_000);
    assert_eq!(charge("google-gemini-2.5-flash", output), 2_750_000);
    for place in ["switzerlandnorth", "westeurope", "eastus"] {
        let route = format!("azure-speech-to-text-{place}");
        assert_eq!(charge(&route, Usage { audio_ms: 3_600_000, ..of }), 1_100_000, "an hour");
        assert_eq!(charge(&route, Usage { audio_ms: 60_000, ..of }), 18_334, "0.0183 USD a minute, rounded up");
    }
    assert_eq!(charge("fal-krea-2-medium", Usage { images: 1, ..of }), 33_000);
}

#[test]
fn a_later_layer_replaces_an_earlier_one() {
    let file = |usd: &str| {
        let text = format!("[rate.CHF]\nusd = '{usd}'\nsource = 'a test'\ndate = '2026-11-01'");
        vec![("rates.toml".to_owned(), text)]
    };
    let usd = |layers: &[Vec<(String, String)>]| {
        let catalogue = Catalogue::over(layers).unwrap();
        (catalogue.rates()[&Currency::Chf].usd.to_string(), catalogue.version().to_owned())
    };
    let (one, other) = (usd(&[file("1.20")]), usd(&[file("1.20"), file("1.30")]));
    assert_eq!((one.0.as_str(), other.0.as_str()), ("1.20", "1.30"));
    assert_ne!(one.1, other.1);
    assert!(Catalogue::over(&[[file("1.20"), file("1.30")].concat()]).is_err(), "two files of one layer");
}

#[test]
fn rates_grow_stale() {
    let catalogue = built_in();
    assert!(catalogue.stale_rates("2026-08-04".parse().unwrap()).is_empty());
    assert_eq!(catalogue.stale_rates("2026-08-05".parse().unwrap()), [Currency::Eur, Currency::Chf]);
}

/// What a place costs more is in the price of its rows, so nothing is added to it: a tenth more in the US at Anthropic
/// (<https://platform.claude.com/docs/en/manage-claude/data-residency>), in a zone of Azure's and by a profile of Bedrock's
/// that keeps to a part of the world; a quarter more at an address of Together's in one country.
#[test]
fn what_a_place_costs_more_is_in_its_rows() {
    let catalogue = built_in();
    let pairs = [
        ("anthropic-us", "anthropic", 11, 10),
        ("azure-openai-eu", "azure-openai-global", 11, 10),
        ("azure-openai-us", "azure-openai-global", 11, 10),
        ("bedrock-us", "bedrock-global", 11, 10),
        ("bedrock-jp", "bedrock-global", 11, 10),
        ("bedrock-au", "bedrock-global", 11, 10),
        ("together", "together-global", 5, 4),
        ("together-canada", "together-global", 5, 4),
    ];
    for (dearer, usual, more, than) in pairs {
        let at = |host| catalogue.rows().iter().filter(|row| row.host.name.as_str() == host).collect::<Vec<_>>();
        let (here, there) = (at(dearer), at(usual));
        let mut seen = 0;
        let pairs = here.iter().flat_map(|here| there.iter().map(move |there| (here, there)));
        for (here, there) in pairs.filter(|(here, there)| here.model == there.model) {
            let units = |row: &Row| catalogue.units(row, 0).unwrap();
            for (a, b) in units(here).into_iter().zip(units(there)) {
                assert_eq!(
                    (a.of, a.list.micros() * than),
                    (b.of, b.list.micros() * more),
                    "{} {}",
                    here.route,
                    there.route
                );
                seen += 1;
            }
        }
        assert!(seen > 1, "{dearer} has no model that {usual} has");
    }
}

const OUTPUT: &str = ", output = \"0.20\"";
const LONG_OF_NONE: &str = ", output = \"0.20\", above = [{ input_tokens = 0, input = \"1\", output = \"1\" }]";
const LONG_TWICE: &str = ", output = \"0.20\", above = [{ input_tokens = 9, input = \"1\", output = \"1\" }, \
                          { input_tokens = 9, input = \"1\", output = \"1\" }]";
const LONG_WITHOUT: &str = ", output = \"0.20\", above = [{ input_tokens = 9, input = \"1\" }]";
const LONG_BEYOND: &str =
    ", output = \"0.20\", above = [{ input_tokens = 9, input = \"1\", output = \"1\", reasoning = \"1\" }]";
const LONG_OF_PAGES: &str =
    ", output = \"0.20\", above = [{ input_tokens = 9, input = \"1\", output = \"1\", pages = \"1\" }]";

#[test]
fn each_rule_is_held() {
    let table = [
        ("https://api", "http://api", "host.acme-ch.address"),
        ("https://api.acme.example", "https://192.168.1.1", "host.acme-ch.address"),
        ("https://api.acme.example", "https://gpu.internal", "host.acme-ch.address"),
        ("https://api.acme.example/v1", "https://{x}.example", "host.acme-ch"),
        ("\"bearer\"", "\"none\"", "host.acme-ch.auth"),
        ("\"bearer\"", "\"google-service-account\"", "host.acme-ch.auth"),
        ("processes_in = [\"CH\"]", "processes_in = []", "host.acme-ch"),
        ("processes_in = [\"CH\"]", "processes_in = [\"Switzerland\"]", "host.acme-ch"),
        ("processes_in = [\"CH\"]", "processes_in = \"everywhere\"", "host.acme-ch"),
        ("processes_in = [\"CH\"]", "", "host.acme-ch"),
        ("\"vendor\"", "\"hearsay\"", "host.acme-ch"),
        ("countries = [\"CH\"]", "countries = []", "region.CH"),
        ("countries = [\"CH\"]", "countries = \"anywhere\"", "region.CH.countries"),
        ("countries = \"anywhere\"", "countries = [\"CH\"]", "region.WORLD.countries"),
        ("[region.WORLD]", "[region.UK]", "region.UK.countries"),
        ("residents = [\"acme\"]", "residents = [\"bolt\"]", "region.CH.residents"),
        ("[region.CH]", "[region.\"C H\"]", "region.C H"),
        ("[route.acme-small]", "[route.Acme]", "route.Acme"),
        ("[route.acme-small]", "[route.auto]", "route.auto"),
        ("model = \"small\"", "model = \"a/small\"", "route.acme-small.model"),
        ("dialect = \"openai\"", "dialect = \"fal\"", "route.acme-small.status"),
        ("dialect = \"openai\"", "dialect = \"esperanto\"", "host.acme-ch"),
        ("\"live\"", "\"alive\"", "route.acme-small"),
        ("\"chat\"", "\"ocr\"", "route.acme-small.price"),
        ("\"chat\"", "\"embeddings\"", "route.acme-small.space"),
        ("\"chat\"", "\"chat\"\nspace = \"a@3\"", "route.acme-small.space"),
        ("\"chat\"", "\"embeddings\"\nspace = \"a@3\"\ndimension = 4", "route.acme-small.space"),
        ("\"chat\"", "\"chat\"\nsounds = [\"mp3\"]", "route.acme-small.voices"),
        ("\"chat\"", "\"speech\"\nsounds = []", "route.acme-small.sounds"),
        ("\"chat\"", "\"speech\"\nsounds = [\"ogg\"]", "route.acme-small"),
        ("\"chat\"", "\"speech\"\nvoices = { alloy = \"a b\" }", "route.acme-small.voices"),
        ("\"USD\"", "\"EUR\"", "route.acme-small.price.currency"),
        ("\"0.10\"", "0.10", "route.acme-small"),
        (", output = \"0.20\"", "", "route.acme-small.price"),
        (OUTPUT, LONG_OF_NONE, "route.acme-small.price.above"),
        (OUTPUT, LONG_TWICE, "route.acme-small.price.above"),
        (OUTPUT, LONG_WITHOUT, "route.acme-small.price.above"),
        (OUTPUT, LONG_BEYOND, "route.acme-small.price.above"),
        (OUTPUT, LONG_OF_PAGES, "route.acme-small"),
        ("source = \"https://acme.example/prices\"", "", "route.acme-small.source"),
        ("auth = \"bearer\"", "auth = \"bearer\"\nfree = true", "route.acme-small.price"),
    ];
    for (from, to, path) in table {
        let all = spoiled(from, to);
        assert!(all.iter().any(|p| p.starts_with(&format!("{path}: "))), "{from} -> {to}: {all:#?}");
    }
    for (more, path) in [
        ("[price.nothing]\ncurrency = 'USD'", "price.nothing"),
        ("[rate.EUR]\nusd = '0'\nsource = 's'\ndate = '2026-01-01'", "rate.EUR.usd"),
        ("[rate.USD]\nusd = '2'\nsource = 's'\ndate = '2026-01-01'", "rate.USD.usd"),
        ("[alias.auto]\nCH = ['acme/small']", "alias.auto"),
        ("[alias.a]\nCH = ['acme/large']", "alias.a.CH"),
        ("[alias.a]\nCH = []", "alias.a.CH"),
        ("[alias.a]\nUK = ['acme/small']", "alias.a.UK"),
        ("[alias.a]\nCH = ['acme/small']\nch = ['acme/small']", "alias.a"),
        ("[region.ch]\ncountries = ['CH']", "region.ch"),
        ("[provider.acme]\ntitle = 'again'", "provider.acme"),
        ("host = 3", "host"),
        ("[host", "line 1"),
        (
            "[[provider.bolt.offers]]\ncountries = []\nmodalities = ['chat']\nframeworks = ['GDPR']\nsource = 's'\ndate = '2026-01-01'\n[provider.bolt]\ntitle = 'b'",
            "provider.bolt",
        ),
    ] {
        let all = problems(more);
        assert!(all.iter().any(|p| p.starts_with(path)), "{more}: {all:#?}");
    }
    assert_eq!(problems(""), [""; 0], "the base itself holds");
}

#[test]
fn what_is_not_built_is_not_live() {
    for row in built_in().rows() {
        let built = row.host.dialect.is_built(row.modality);
        assert!(built || !row.is_live("2026-11-21".parse().unwrap()), "{}", row.route);
    }
}
