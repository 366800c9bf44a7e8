use crate::json::Value;

/// More cells than a table of a page has.
const MOST: u64 = 1 << 16;

/// A table as markdown writes it, made of its cells. What spans several places stands in the first of them. `None` where the
/// cells do not make a table.
pub(super) fn markdown(table: Value<'_>) -> Option<String> {
    let whole = |value: Value<'_>, name: &str| value.member(name).and_then(Value::whole);
    let (rows, columns) = (whole(table, "rowCount")?, whole(table, "columnCount")?);
    let places = rows.checked_mul(columns).filter(|places| (1..=MOST).contains(places))?;
    let (columns, places) = (usize::try_from(columns).ok()?, usize::try_from(places).ok()?);
    let mut grid = vec![String::new(); places];
    for cell in table.member("cells")?.items()? {
        let (row, column) = (whole(cell, "rowIndex")?, whole(cell, "columnIndex")?);
        if row >= rows || column >= columns as u64 {
            return None;
        }
        let place = usize::try_from(row).ok()? * columns + usize::try_from(column).ok()?;
        *grid.get_mut(place)? = written(&cell.member("content").and_then(Value::text)?);
    }
    let mut text = String::new();
    let caption = table.member("caption").and_then(|caption| caption.member("content")?.text());
    if let Some(caption) = caption {
        text.push_str(&caption);
        text.push_str("\n\n");
    }
    for (number, row) in grid.chunks(columns).enumerate() {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
        if number == 0 {
            text.push_str(&format!("|{}\n", " --- |".repeat(columns)));
        }
    }
    text.truncate(text.trim_end().len());
    Some(text)
}

/// A cell on one line, without what would end it.
fn written(cell: &str) -> String {
    cell.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
