//! A result of Azure's, as Mistral would write it. Its text is one markdown of all pages, in which tables and figures stand as
//! HTML, and headers, footers and the ends of pages as comments
//! (<https://learn.microsoft.com/en-us/azure/ai-services/document-intelligence/concept/markdown-elements>).

use std::ops::Range;

use phi_words::{Completion, Usage};

use super::text::Text;
use super::{TableFormat, Wanted, table};
use crate::HostFault;
use crate::job::Made;
use crate::json::{List, Object, Value};

/// More pages than it takes.
const MOST: usize = 10_000;
/// How many dots an inch of a page has: lengths in inches become pixels by it, as they do at Mistral.
const DPI: f64 = 200.0;

/// Reads a result that succeeded.
pub(super) fn read(root: Value<'_>, wanted: &Wanted) -> Result<Made, HostFault> {
    let malformed = HostFault::Malformed;
    let result = root.member("analyzeResult").ok_or(malformed("it has no result"))?;
    if !result.member("stringIndexType").is_some_and(|kind| kind.is_text("unicodeCodePoint")) {
        return Err(malformed("its spans do not count characters"));
    }
    let content = result.member("content").and_then(Value::text).unwrap_or_default();
    let text = Text::new(&content);
    let mut writer = Writer {
        wanted,
        tables: placed(result, "tables", &text)?,
        figures: placed(result, "figures", &text)?,
        text,
        written: 0,
        images: 0,
        apart: 0,
    };
    let pages: Vec<_> = result.member("pages").and_then(Value::items).into_iter().flatten().take(MOST + 1).collect();
    if pages.is_empty() || pages.len() > MOST {
        return Err(malformed("it has no pages, or too many"));
    }
    let mut body = Object::with_room(content.len() + 256 * pages.len());
    let mut last = 0;
    body.list("pages", |list| -> Result<(), HostFault> {
        for page in &pages {
            let number = page.member("pageNumber").and_then(Value::whole).filter(|number| *number > last);
            let number = number.ok_or(malformed("a page has no number, or not one above the last"))?;
            if wanted.selection.as_ref().is_some_and(|selection| !selection.has(number - 1)) {
                return Err(malformed("a page came that nobody asked for"));
            }
            last = number;
            writer.page(list, *page, number)?;
        }
        Ok(())
    })?;
    let count = pages.len() as u64;
    body.text("model", &wanted.model).raw("document_annotation", b"null");
    body.object("usage_info", |usage| {
        usage.whole("pages_processed", count).whole("doc_size_bytes", wanted.size);
    });
    Ok(Made {
        body: Completion::new(body.finish()),
        media_type: "application/json",
        usage: Some(Usage { pages: count, ..Usage::default() }),
        host_model: result.member("modelId").and_then(Value::text).map(Into::into),
    })
}

/// What stands at one place of the text.
type Placed<'v> = Vec<(Range<usize>, Value<'v>)>;

/// The tables or figures that stand in the text, in its order.
fn placed<'v>(result: Value<'v>, name: &str, text: &Text<'_>) -> Result<Placed<'v>, HostFault> {
    let mut all = Vec::new();
    for value in result.member(name).and_then(Value::items).into_iter().flatten() {
        if let Some(span) = value.member("spans").and_then(|spans| spans.items()?.next()) {
            all.push((text.range(span)?, value));
        }
    }
    all.sort_by_key(|(range, _)| range.start);
    Ok(all)
}

/// Writes page after page.
struct Writer<'w> {
    wanted: &'w Wanted,
    text: Text<'w>,
    tables: Placed<'w>,
    figures: Placed<'w>,
    /// How many bytes of the text were written: no part of it belongs to two pages.
    written: usize,
    images: u64,
    apart: u64,
}

/// What one page comes to.
#[derive(Default)]
struct Page {
    markdown: String,
    header: Vec<String>,
    footer: Vec<String>,
    images: Vec<(String, Option<[u64; 4]>)>,
    tables: Vec<(String, String, TableFormat)>,
}

impl<'w> Writer<'w> {
    fn page(&mut self, list: &mut List, value: Value<'_>, number: u64) -> Result<(), HostFault> {
        let mut page = Page::default();
        let scale = match value.member("unit").and_then(Value::text).as_deref() {
            Some("inch") => DPI,
            Some(_) | None => 1.0,
        };
        for span in value.member("spans").and_then(Value::items).into_iter().flatten() {
            let range = self.text.range(span)?;
            self.written += range.len();
            if self.written > self.text.all().len() {
                return Err(HostFault::Malformed("its pages have more text than there is"));
            }
            if self.wanted.markdown {
                self.markdown(range, number, scale, &mut page);
            } else {
                page.markdown.push_str(self.text.all().get(range).unwrap_or_default());
            }
        }
        let side = |name: &str| value.member(name).and_then(Value::number).and_then(|side| pixels(side * scale));
        let sides = (side("width"), side("height"));
        list.object(|object| page.write(object, number - 1, sides, self.wanted));
        Ok(())
    }

    /// Goes through a part of the text from one `<` to the next.
    fn markdown(&mut self, range: Range<usize>, number: u64, scale: f64, page: &mut Page) {
        let base = range.start;
        let all: &'w str = self.text.all().get(range).unwrap_or_default();
        let (mut at, mut closers) = (0, Closers::default());
        while let Some(rest) = all.get(at..) {
            let next = memchr::memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
            page.markdown.push_str(rest.get(..next).unwrap_or_default());
            at += next;
            let Some(rest) = all.get(at..).filter(|rest| !rest.is_empty()) else { break };
            let here = base + at;
            let taken = if rest.starts_with("<table") {
                closers.find(all, at, Closer::Table).and_then(|end| {
                    let html = all.get(at..end)?;
                    self.table(here..base + end, html, page).then_some(end - at)
                })
            } else if rest.starts_with("<figure>") {
                let end = closers.find(all, at, Closer::Figure).unwrap_or(all.len());
                self.figure(here..base + end, number, scale, page);
                Some("<figure>".len())
            } else if let Some(tag) =
                ["</figure>", "<figcaption>", "</figcaption>"].iter().find(|tag| rest.starts_with(**tag))
            {
                Some(tag.len())
            } else {
                self.comment(all, at, &mut closers, page)
            };
            match taken {
                Some(taken) => at += taken,
                None => {
                    page.markdown.push('<');
                    at += 1;
                }
            }
        }
    }

    /// Writes a table; whether the result tells of one here.
    fn table(&mut self, range: Range<usize>, html: &str, page: &mut Page) -> bool {
        let Some(table) = overlapping(&self.tables, &range) else { return false };
        let made = if self.wanted.tables == Some(TableFormat::Html) { None } else { table::markdown(table) };
        let (content, format) =
            made.map_or_else(|| (html.to_owned(), TableFormat::Html), |markdown| (markdown, TableFormat::Markdown));
        if self.wanted.tables.is_none() {
            page.markdown.push_str(&content);
            return true;
        }
        let ending = if format == TableFormat::Html { "html" } else { "md" };
        let id = format!("tbl-{}.{ending}", self.apart);
        self.apart += 1;
        page.markdown.push_str(&format!("[{id}]({id})"));
        page.tables.push((id, content, format));
        true
    }

    fn figure(&mut self, range: Range<usize>, number: u64, scale: f64, page: &mut Page) {
        let Some(figure) = overlapping(&self.figures, &range) else { return };
        let corners = corners(figure, number, scale);
        let side = |from: usize, to: usize| corners.and_then(|all| all.get(to)?.checked_sub(*all.get(from)?));
        let is_large = |side: Option<u64>| side.unwrap_or(u64::MAX) >= self.wanted.image_min_size;
        if self.images >= self.wanted.image_limit || !is_large(side(0, 2)) || !is_large(side(1, 3)) {
            return;
        }
        let id = format!("img-{}.jpeg", self.images);
        self.images += 1;
        page.markdown.push_str(&format!("![{id}]({id})\n"));
        page.images.push((id, corners));
    }

    /// Takes a comment of Azure's own; how long it is, with the line's end.
    fn comment(&self, all: &str, at: usize, closers: &mut Closers, page: &mut Page) -> Option<usize> {
        let rest = all.get(at..)?;
        let lines = |taken: usize| taken + rest.get(taken..).map_or(0, |rest| usize::from(rest.starts_with('\n')));
        if rest.starts_with("<!-- PageBreak -->") {
            return Some(lines("<!-- PageBreak -->".len()));
        }
        let kinds = [("<!-- PageHeader=\"", true), ("<!-- PageFooter=\"", false), ("<!-- PageNumber=\"", false)];
        let (opener, is_header) = kinds.iter().find(|(opener, _)| rest.starts_with(opener))?;
        let end = closers.find(all, at, Closer::Comment)? - at;
        let said = rest.get(opener.len()..end - Closer::Comment.as_str().len())?;
        let (apart, into) = match is_header {
            true => (self.wanted.header, &mut page.header),
            false => (self.wanted.footer, &mut page.footer),
        };
        if apart {
            into.push(said.to_owned());
            return Some(lines(end));
        }
        page.markdown.push_str(said);
        Some(end)
    }
}

impl Page {
    fn write(self, object: &mut Object, index: u64, sides: (Option<u64>, Option<u64>), wanted: &Wanted) {
        object.whole("index", index).text("markdown", self.markdown.trim_matches(['\n', ' ']));
        object.list("images", |list| {
            for (id, corners) in &self.images {
                list.object(|image| {
                    image.text("id", id);
                    let names = ["top_left_x", "top_left_y", "bottom_right_x", "bottom_right_y"];
                    for (place, name) in names.into_iter().enumerate() {
                        match corners.and_then(|all| all.get(place).copied()) {
                            Some(corner) => image.whole(name, corner),
                            None => image.raw(name, b"null"),
                        };
                    }
                    image.raw("image_base64", b"null");
                });
            }
        });
        object.list("tables", |list| {
            for (id, content, format) in &self.tables {
                let format = if *format == TableFormat::Html { "html" } else { "markdown" };
                list.object(|table| _ = table.text("id", id).text("content", content).text("format", format));
            }
        });
        object.raw("hyperlinks", b"[]");
        for (name, apart, said) in [("header", wanted.header, &self.header), ("footer", wanted.footer, &self.footer)] {
            if apart && !said.is_empty() {
                object.text(name, &said.join("\n"));
            } else {
                object.raw(name, b"null");
            }
        }
        match sides {
            (Some(width), Some(height)) => object.object("dimensions", |dimensions| {
                _ = dimensions.whole("dpi", 200).whole("height", height).whole("width", width);
            }),
            _ => _ = object.raw("dimensions", b"null"),
        }
    }
}

/// What begins before the end of a range and ends after its start.
fn overlapping<'v>(all: &Placed<'v>, range: &Range<usize>) -> Option<Value<'v>> {
    let (found, value) = all.get(all.partition_point(|(found, _)| found.end <= range.start))?;
    (found.start < range.end).then_some(*value)
}

/// The corners of a figure on a page: the least and the greatest of its outline.
fn corners(figure: Value<'_>, number: u64, scale: f64) -> Option<[u64; 4]> {
    let mut regions = figure.member("boundingRegions")?.items()?;
    let region = regions.find(|region| region.member("pageNumber").and_then(Value::whole) == Some(number))?;
    let outline: Vec<f64> = region.member("polygon")?.items()?.take(64).filter_map(Value::number).collect();
    let of = |from: usize, least: bool| {
        let all = outline.iter().skip(from).step_by(2).copied();
        let one = if least { all.reduce(f64::min) } else { all.reduce(f64::max) };
        one.and_then(|one| pixels(one * scale))
    };
    Some([of(0, true)?, of(1, true)?, of(0, false)?, of(1, false)?])
}

/// A length in whole pixels; `None` for one that no page has.
fn pixels(length: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is held between zero and a million"
    )]
    (0.0..=1_000_000.0).contains(&length).then(|| length.round() as u64)
}

/// What ends something that was begun.
#[derive(Clone, Copy)]
enum Closer {
    Table,
    Figure,
    Comment,
}

impl Closer {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "</table>",
            Self::Figure => "</figure>",
            Self::Comment => "\" -->",
        }
    }
}

/// Where the next of each is, as far as it is known: what is begun a million times and ended once is looked for once.
#[derive(Default)]
struct Closers([Option<Found>; 3]);

#[derive(Clone, Copy)]
enum Found {
    At(usize),
    Nowhere,
}

impl Closers {
    /// The end of the next one after `at`, which never falls.
    fn find(&mut self, all: &str, at: usize, closer: Closer) -> Option<usize> {
        let known = self.0.get_mut(closer as usize)?;
        let found = match *known {
            Some(Found::Nowhere) => None,
            Some(Found::At(found)) if found >= at => Some(found),
            Some(Found::At(_)) | None => {
                memchr::memmem::find(all.as_bytes().get(at..)?, closer.as_str().as_bytes()).map(|found| at + found)
            }
        };
        *known = Some(found.map_or(Found::Nowhere, Found::At));
        found.map(|found| found + closer.as_str().len())
    }
}
