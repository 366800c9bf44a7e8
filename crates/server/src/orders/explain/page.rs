use std::collections::BTreeMap;
use std::fmt::Write;

use phi_words::Slug;
use serde_json::Value;

/// Reasons that many routes share when any model may be chosen: they are counted. `--json` names every route.
const FAR: [&str; 3] = ["outside_region", "not_live", "pin_only"];

/// The explanation, for people.
pub(super) fn page(told: &Value, org: &Slug) -> String {
    let text = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    };
    let field = |name: &str| told.get(name).map(&text).unwrap_or_default();
    let mut page = format!(
        "{} for {} in {}, {} PHI, at {}\n",
        field("modality"),
        if told["model"].is_null() { "a model that is not known".to_owned() } else { field("model") },
        field("region"),
        if told["class"] == "phi" { "with" } else { "without" },
        field("at"),
    );
    match told.get("refusal").filter(|refusal| !refusal.is_null()) {
        Some(refusal) => {
            let part = |name: &str| refusal.get(name).map(&text).unwrap_or_default();
            let _ = writeln!(page, "refused: {} {}: {}", part("status"), part("code"), part("message"));
            let _ = writeln!(page, "  hint: {}", part("hint"));
        }
        None => page.push_str("asked in this order, until one answers:\n"),
    }
    let candidates = told.get("candidates").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let width = candidates.iter().filter_map(|c| c.get("route")?.as_str()).map(str::len).max().unwrap_or(0);
    let (mut dropped, mut far) = (String::new(), BTreeMap::new());
    for candidate in candidates {
        let part = |name: &str| candidate.get(name).map(&text).unwrap_or_default();
        if candidate.get("place").is_some_and(|place| !place.is_null()) {
            let _ = writeln!(
                page,
                "  {:>2}  {:width$}  in {}, about {} USD",
                part("place"),
                part("route"),
                part("processes_in"),
                candidate["charge_micro"].as_u64().map_or_else(|| "-".to_owned(), dollars),
            );
            continue;
        }
        if field("model") == "auto" && FAR.contains(&part("reason").as_str()) {
            let count = far.entry(part("reason")).or_insert((part("says"), 0_usize));
            count.1 += 1;
            continue;
        }
        let _ = writeln!(dropped, "      {:width$}  {}: {}", part("route"), part("reason"), part("says"));
    }
    for (reason, (says, count)) in far {
        let _ = writeln!(dropped, "      {:width$}  {reason}: {says}", format!("{count} more"));
    }
    if !dropped.is_empty() {
        page.push_str("not asked:\n");
        page.push_str(&dropped);
    }
    if ["no_route", "phi_blocked"].iter().any(|code| told["refusal"]["code"] == *code) {
        let _ = writeln!(page, "how to mend it: phi doctor routes --org {org} --region {}", field("region"));
    }
    page
}

/// Millionths of a dollar, as dollars.
fn dollars(micro: u64) -> String {
    format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
}
