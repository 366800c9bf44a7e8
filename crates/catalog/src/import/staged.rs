use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use jiff::civil::Date;
use phi_words::{Modality, ModelName, RouteId};

use crate::import::Comparison;
use crate::import::entry::{At, Entry, Model, is_whole};
use crate::{Catalogue, Micros, Row};

/// A row of a model that is new, as it is written for a person to look at: staged, so it serves nobody, and named by
/// nobody but who asks for it, so that `auto` does not mean it either on the day that it is set live.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) route: RouteId,
    remarks: Vec<String>,
    lines: Vec<String>,
}

/// The row of an entry of which there is none; nothing where another entry of the same model made one already.
pub(super) fn staged(
    entry: &Entry,
    catalogue: &Catalogue,
    today: Date,
    taken: &mut BTreeMap<RouteId, ModelName>,
) -> Result<Option<Staged>, &'static str> {
    let Model::Own(own) = &entry.spot.model else { return Err("the table gives no id that a host could be sent") };
    let own: ModelName = own.parse().map_err(|_| "its name is not one that a model can have")?;
    if entry.retires.is_some_and(|retires| retires <= today) {
        return Err("is gone already by the table's own date");
    }
    let modality =
        entry.modality.ok_or("the table does not say what kind of work it does, or in words that are not known")?;
    let home = entry.spot.home.ok_or("the table does not say at which of our hosts it is: state the host")?;
    let host = catalogue.hosts().iter().find(|host| host.name.as_str() == home);
    let host = host.ok_or("the catalogue has no longer the host that the table speaks of")?;
    let short = slug(own.as_str());
    let route: RouteId = format!("{home}-{short}").parse().map_err(|_| "its name is too long for a route")?;
    if let Some(other) = taken.get(&route) {
        return if *other == own { Ok(None) } else { Err(TAKEN) };
    }
    let model = format!("{}/{short}", host.provider);
    let is_other = |row: &Row| row.route == route || (row.model.as_str() == model && row.own != own);
    if catalogue.rows().iter().any(|row| is_other(row)) {
        return Err(TAKEN);
    }
    let mut lines = vec![
        format!("[route.{}]", quoted(route.as_str())),
        format!("host = {}", quoted(home)),
        format!("model = {}", quoted(&short)),
        format!("own = {}", quoted(own.as_str())),
        format!("modality = {}", quoted(modality.as_str())),
    ];
    if modality == Modality::Embeddings {
        let dimension = entry.dimension.filter(|length| *length > 0);
        let dimension = dimension.ok_or("the table does not say how long its vectors are: state `dimension`")?;
        lines.push(format!("space = {}", quoted(&format!("{short}@{dimension}"))));
        lines.push(format!("dimension = {dimension}"));
    } else {
        let can = entry.can.iter().filter(|(_, can)| **can).map(|(capability, _)| quoted(capability.as_str()));
        lines.push(format!("capabilities = [{}]", can.collect::<Vec<_>>().join(", ")));
    }
    lines.extend(["pin_only = true".to_owned(), "status = \"staged\"".to_owned()]);
    if let Some(on) = entry.retires {
        lines.push(format!("retires = {{ on = \"{on}\", says = \"third-party\" }}"));
    }
    lines.extend(entry.context.map(|tokens| format!("context = {tokens}")));
    if modality == Modality::Chat {
        lines.extend(entry.max_output.map(|tokens| format!("max_output = {tokens}")));
    }
    let mut remarks = vec![format!("`{}` there.", entry.key)];
    remarks.extend(entry.remarks.iter().map(|remark| format!("It {remark}.")));
    let prices: BTreeMap<At, Micros> =
        entry.prices.iter().filter_map(|(at, price)| Some((*at, price.micros()?))).collect();
    if is_whole(modality, |unit| prices.contains_key(&(0, unit))) {
        lines.push(format!("price = {}", price(entry.currency.as_str(), &prices)));
    } else {
        remarks.push("Its price was not found.".to_owned());
    }
    taken.insert(route.clone(), own);
    Ok(Some(Staged { route, remarks, lines }))
}

const TAKEN: &str = "another row has the name that it would have: state one";

impl Comparison {
    /// A file of `catalog.d` with all rows that can be staged, and with the prices that differ, as remarks: what is there
    /// is changed by nobody but whoever takes the sign before the line away.
    pub fn file(&self, source: &str, date: Date) -> String {
        let mut text = format!(
            "# What a table has and the catalogue does not: {source}, read on {date}.\n\
             # Every row is staged: it serves nobody until a person has looked at it and set it live.\n"
        );
        for staged in self.candidates.iter().filter_map(|candidate| candidate.staged.as_ref().ok()) {
            text.push('\n');
            for remark in &staged.remarks {
                let _ = writeln!(text, "# {remark}");
            }
            for line in &staged.lines {
                let _ = writeln!(text, "{line}");
            }
            let _ = writeln!(text, "source = {}\ndate = \"{date}\"", quoted(source));
        }
        if !self.prices.is_empty() {
            text.push_str("\n# Prices that the table tells differently. A price that is taken over has to be whole.\n");
        }
        for (route, (currency, prices)) in &self.prices {
            let _ = writeln!(text, "# price.{} = {}", quoted(route.as_str()), price(currency.as_str(), prices));
        }
        text
    }
}

fn price(currency: &str, prices: &BTreeMap<At, Micros>) -> String {
    let units = |above: u64| {
        let of = prices.iter().filter(move |((known, _), _)| *known == above);
        of.map(|((_, unit), price)| format!(", {} = \"{price}\"", unit.as_str())).collect::<String>()
    };
    let long: BTreeSet<u64> = prices.keys().map(|(above, _)| *above).filter(|above| *above > 0).collect();
    let long: Vec<String> =
        long.into_iter().map(|above| format!("{{ input_tokens = {above}{} }}", units(above))).collect();
    let above = if long.is_empty() { String::new() } else { format!(", above = [{}]", long.join(", ")) };
    format!("{{ currency = \"{currency}\"{}{above} }}", units(0))
}

/// Text in quotes; of what stands here, ids and words, nothing but these two has to be told apart.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The last part of an id, of `a-z 0-9 . -` alone.
fn slug(own: &str) -> String {
    let last = own.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let parts = last.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '.'));
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}
