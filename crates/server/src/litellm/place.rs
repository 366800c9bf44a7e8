use std::collections::BTreeMap;
use std::sync::Arc;

use phi_catalog::{Catalogue, Host, Row};
use phi_words::ModelName;

use crate::litellm::taken::promises_nothing;
use crate::litellm::written::{Deployment, Given, Left};

/// Where a model of the file is, among our hosts.
pub(super) struct Place<'a> {
    pub(super) host: &'a Arc<Host>,
    /// What fills the gaps of its address, as far as the file tells.
    pub(super) params: BTreeMap<String, String>,
    /// The id that the host is sent.
    pub(super) own: ModelName,
    /// The row of it, where there is one.
    pub(super) row: Option<&'a Arc<Row>>,
}

/// The host that LiteLLM asks where no address is written, by its name for the company.
const USUAL: &[(&str, &str)] = &[
    ("openai", "openai"),
    ("text-completion-openai", "openai"),
    ("anthropic", "anthropic"),
    ("together_ai", "together-global"),
    ("fireworks_ai", "fireworks"),
    ("scaleway", "scaleway"),
    ("mistral", "mistral"),
    ("nebius", "nebius"),
    ("openrouter", "openrouter"),
    ("gemini", "google-gemini"),
    ("fal_ai", "fal"),
];

type Found<'a> = Vec<(&'a Arc<Host>, BTreeMap<String, String>)>;

/// The host and row that an entry means. Of hosts that share an address the one counts that has a row of the model, and of
/// several the one that promises no place; which region is meant is never guessed.
pub(super) fn place<'a>(deployment: &Deployment, catalogue: &'a Catalogue) -> Result<Place<'a>, Left> {
    let left = |why: String| Left::new(&*deployment.place, why);
    if deployment.model.contains('*') {
        return Err(left("every model of a company is meant: the catalogue names each".to_owned())
            .stating("each model by itself"));
    }
    let found = hosts(deployment, catalogue)?;
    // By one address, written in several ways, lie hosts of several places: which is meant, their credential tells.
    if found.windows(2).any(|two| matches!(two, [(a, _), (b, _)] if a.address != b.address)) {
        return Err(ambiguous(deployment, found.iter().map(|(host, _)| host.name.as_str())));
    }
    let own = own(deployment);
    let own: ModelName = own.parse().map_err(|_| left("its model is no name".to_owned()))?;
    let is_there = |row: &&Arc<Row>| row.own == own && found.iter().any(|(host, _)| host.name == row.host.name);
    let rows: Vec<&Arc<Row>> = catalogue.rows().iter().filter(is_there).collect();
    let free: Vec<&Arc<Row>> = rows.iter().copied().filter(|row| promises_nothing(&row.host)).collect();
    let row = match (rows.as_slice(), free.as_slice()) {
        ([one], _) | (_, [one]) => Some(*one),
        ([], _) => None,
        (_, _) => return Err(ambiguous(deployment, rows.iter().map(|row| row.host.name.as_str()))),
    };
    let at = |name: &str| found.iter().find(|(host, _)| host.name.as_str() == name);
    let open: Found<'_> = found.iter().filter(|(host, _)| promises_nothing(host)).cloned().collect();
    let chosen = match (row, found.as_slice(), open.as_slice()) {
        (Some(row), _, _) => at(row.host.name.as_str()),
        (None, [one], _) | (None, _, [one]) => Some(one),
        (None, _, _) => None,
    };
    let Some((host, params)) = chosen else {
        return Err(ambiguous(deployment, found.iter().map(|(host, _)| host.name.as_str())));
    };
    let mut params = params.clone();
    if let Some(project) = deployment.project.clone().filter(|_| host.params().contains("project")) {
        params.insert("project".to_owned(), project);
    }
    Ok(Place { host, params, own, row })
}

fn ambiguous<'a>(deployment: &Deployment, hosts: impl Iterator<Item = &'a str>) -> Left {
    let hosts: Vec<String> = hosts.map(|host| format!("`{host}`")).collect();
    let why = format!("its address may be that of {}, which lie in different places", hosts.join(", "));
    let state = "which of them it is: `phi vault put HOST`, then call it by its name in `phi catalog list`";
    Left::new(&*deployment.place, why).stating(state)
}

fn hosts<'a>(deployment: &Deployment, catalogue: &'a Catalogue) -> Result<Found<'a>, Left> {
    let left = |why: &str, state: &str| Err(Left::new(&*deployment.place, why).stating(state));
    let named = |name: &str| catalogue.hosts().iter().find(|host| host.name.as_str() == name);
    let found = match (&deployment.base, deployment.company.as_str()) {
        (Given::Environment(_) | Given::Unclear, _) => {
            return left("its address is not in the file", "the address in the place of the variable's name");
        }
        (Given::Literal(base), company) => by_address(catalogue, base, company),
        (Given::Nowhere, "") => {
            return left("its company is not written", "the company before the model, such as `openai/gpt-4o`");
        }
        (Given::Nowhere, "bedrock" | "bedrock_converse") => {
            let Some(region) = &deployment.aws_region else {
                return left("its region is not written", "`aws_region_name`");
            };
            by_address(catalogue, &format!("https://bedrock-runtime.{region}.amazonaws.com/model"), "bedrock")
        }
        (Given::Nowhere, "vertex_ai" | "vertex_ai_beta") => {
            let Some(location) = &deployment.location else {
                return left("its location is not written", "`vertex_location`");
            };
            let claude = deployment.model.starts_with("claude") && location == "global";
            let name = if claude { "google-claude".to_owned() } else { format!("google-{location}") };
            named(&name).map(|host| vec![(host, BTreeMap::new())]).unwrap_or_default()
        }
        (Given::Nowhere, company) => {
            match USUAL.iter().find(|(known, _)| *known == company).and_then(|(_, name)| named(name)) {
                // Others may share its address.
                Some(usual) => {
                    let same = catalogue.hosts().iter().filter(|host| host.address == usual.address);
                    same.map(|host| (host, BTreeMap::new())).collect()
                }
                None => return left("no host of the catalogue is its company's usual one", UNKNOWN),
            }
        }
    };
    if found.is_empty() { left("no host of the catalogue has its address", UNKNOWN) } else { Ok(found) }
}

const UNKNOWN: &str = "a `[host.NAME]` in `catalog.d` with its address, and `processes_in`, `evidence` and `source`: where it \
                       processes, and how that is known";

fn by_address<'a>(catalogue: &'a Catalogue, base: &str, company: &str) -> Found<'a> {
    // LiteLLM adds the path itself there.
    let azure = format!("{}/openai/v1", base.trim_end_matches('/'));
    let written = [Some(base), company.starts_with("azure").then_some(azure.as_str())];
    let fits = |host: &'a Arc<Host>| {
        let params = written.into_iter().flatten().find_map(|base| host.address.params_of(base))?;
        Some((host, params))
    };
    catalogue.hosts().iter().filter_map(fits).collect()
}

/// The id that the host is sent.
fn own(deployment: &Deployment) -> String {
    let model = deployment.model.as_str();
    match deployment.company.as_str() {
        "fireworks_ai" if !model.contains('/') => format!("accounts/fireworks/models/{model}"),
        "vertex_ai" | "vertex_ai_beta" if model.starts_with("gemini") => format!("google/{model}"),
        "bedrock" => model.strip_prefix("converse/").or(model.strip_prefix("invoke/")).unwrap_or(model).to_owned(),
        _ => model.to_owned(),
    }
}
