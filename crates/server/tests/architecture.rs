//! ARCHITECTURE.md is a drawing that must stay true: what it says of crates, doors, folders and the spine is compared
//! with the workspace, and a difference in either direction fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand};

/// What each name leads to.
type Drawing = BTreeMap<String, BTreeSet<String>>;

const MOST_LINES: usize = 600;
const PAGES: &[&str] = &["README.md", "ARCHITECTURE.md", "STYLE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
/// Words that say nothing of what a place holds.
const EMPTY_WORDS: &[&str] =
    &["common", "core", "handler", "helpers", "manager", "mod", "service", "types", "util", "utils"];

#[test]
fn crates_import_whom_the_drawing_says() {
    let drawn = drawing(&page("ARCHITECTURE.md"), "edges").expect("the drawing of edges");
    let found = edges(&metadata(), false);
    assert_eq!(differences(&drawn, &found), Vec::<String>::new(), "edges");
}

#[test]
fn outside_crates_are_used_behind_their_doors_alone() {
    let drawn = drawing(&page("ARCHITECTURE.md"), "doors").expect("the drawing of doors");
    let found = doors(&metadata());
    assert_eq!(differences(&open_doors(drawn, &found), &found), Vec::<String>::new(), "doors");
}

#[test]
fn every_import_is_used() {
    let mut unused = Vec::new();
    for package in metadata().workspace_packages() {
        let mut files = Vec::new();
        rust_files(package.manifest_path.with_file_name("src").as_std_path(), &mut files);
        let source: String = files.iter().map(|file| fs::read_to_string(file).expect("a source file")).collect();
        let imports = package.dependencies.iter().filter(|it| ships(it));
        let idle = imports.filter(|it| !source.contains(&it.name.replace('-', "_")));
        unused.extend(idle.map(|it| format!("`{}` does not use `{}`", package.name, it.name)));
    }
    assert_eq!(unused, Vec::<String>::new());
}

/// Cargo allows a circle through a crate's tests; we do not.
#[test]
fn no_crates_stand_in_a_circle() {
    assert_eq!(circle(&edges(&metadata(), true)), None);
}

#[test]
fn every_crate_and_folder_is_named() {
    let text = page("ARCHITECTURE.md");
    let lines = block(&text, "folders").expect("the drawing of folders");
    let drawn: BTreeSet<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
    for place in &drawn {
        assert!(root().join(place).exists(), "`{place}` is drawn and does not exist");
    }
    for entry in fs::read_dir(root().join("crates")).expect("the crates") {
        let name = entry.expect("a crate").file_name().to_string_lossy().into_owned();
        assert!(drawn.contains(format!("crates/{name}").as_str()), "`crates/{name}` is not drawn");
    }
}

#[test]
fn the_spine_is_quoted_as_it_stands() {
    let text = page("ARCHITECTURE.md");
    let spine = block(&text, "spine").expect("the spine").concat();
    let source = fs::read_to_string(root().join("crates/gateway/src/request.rs")).expect("the request path");
    assert!(packed(&source).contains(&packed(&spine)), "the spine in ARCHITECTURE.md is not the one in request.rs");
}

#[test]
fn everything_that_a_page_names_exists() {
    for (name, text) in pages() {
        let path = root().join(&name);
        let folder = path.parent().expect("a folder");
        for link in links(&text) {
            assert!(folder.join(&link).exists(), "{name} links to `{link}`, which does not exist");
        }
        for named in code_spans(&text).filter(|span| is_path(span)) {
            assert!(root().join(named).exists(), "{name} names `{named}`, which does not exist");
        }
        for script in scripts(&text) {
            assert!(
                root().join("script").join(&script).is_file(),
                "{name} names script/{script}, which does not exist"
            );
        }
    }
}

#[test]
fn no_source_file_is_long_or_named_for_nothing() {
    let mut files = Vec::new();
    rust_files(&root(), &mut files);
    assert!(files.len() > 50, "only {} files were found", files.len());
    for file in files {
        let lines = fs::read_to_string(&file).expect("a source file").lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines", file.display());
        let stem = file.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(!EMPTY_WORDS.contains(&stem.as_str()), "{} is named for nothing", file.display());
    }
}

/// What `cargo deny` would say, for those who do not have it.
#[test]
fn the_lock_holds_to_deny_toml() {
    let rows: toml::Table = page("deny.toml").parse().expect("deny.toml");
    let lock: toml::Table = page("Cargo.lock").parse().expect("the lock");
    let locked = lock["package"].as_array().expect("packages");
    let named = |name: &str| locked.iter().any(|package| package["name"].as_str() == Some(name));
    for banned in rows["bans"]["deny"].as_array().expect("banned crates") {
        let name = banned["crate"].as_str().expect("a name");
        assert!(!named(name), "`{name}` is in the lock: {}", banned["reason"]);
    }
    for source in locked.iter().filter_map(|package| package.get("source")) {
        assert!(source.as_str().is_some_and(|source| source.starts_with("registry+")), "{source} is no registry");
    }
    let allowed: BTreeSet<&str> =
        rows["licenses"]["allow"].as_array().expect("licences").iter().filter_map(toml::Value::as_str).collect();
    let for_this_machine = ["--locked", "--filter-platform", "host-tuple"].map(str::to_owned);
    let metadata =
        MetadataCommand::new().manifest_path(root().join("Cargo.toml")).other_options(for_this_machine).exec();
    for package in metadata.expect("the metadata of all packages").packages {
        let licence = package.license.as_deref().unwrap_or("none");
        assert!(may_ship(licence, &allowed), "`{}` is under `{licence}`", package.name);
    }
}

#[test]
fn a_licence_is_read_as_spdx() {
    let allowed = BTreeSet::from(["MIT", "Apache-2.0", "ISC"]);
    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "GPL-3.0/MIT",
        "Apache-2.0 AND ISC",
        "(GPL-3.0 OR MIT) AND ISC",
        "(GPL-3.0 AND ISC) OR MIT",
        "Apache-2.0 WITH LLVM-exception OR MIT",
    ] {
        assert!(may_ship(good, &allowed), "{good}");
    }
    for bad in ["GPL-3.0", "none", "", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(!may_ship(bad, &allowed), "{bad}");
    }
}

#[test]
fn a_drawing_is_read_strictly() {
    let text = "intro\n```edges\na:\nb: a\n```\nbetween\n```doors\nsqlx: *\n```\n";
    let edges = drawing(text, "edges").expect("a drawing");
    assert_eq!(edges, [("a".to_owned(), BTreeSet::new()), ("b".to_owned(), set(&["a"]))].into());
    let doors = drawing(text, "doors").expect("a drawing");
    assert_eq!(doors, [("sqlx".to_owned(), set(&["*"]))].into());
    for (bad, why) in [
        ("nothing drawn", "there is no `edges` block"),
        ("```edges\na:\n", "the `edges` block has no end"),
        ("```edges\na:\n```\n```edges\nb:\n```\n", "there are two `edges` blocks"),
        ("```edges\na\n```\n", "`a` is not `name: names`"),
        ("```edges\n: a\n```\n", "`: a` is not `name: names`"),
        ("```edges\na b: c\n```\n", "`a b: c` is not `name: names`"),
        ("```edges\na:\na: b\n```\n", "`a` is drawn twice"),
        ("```edges\na: b b\n```\n", "`b` stands twice in `a`"),
    ] {
        assert_eq!(drawing(bad, "edges"), Err(why.to_owned()), "{bad:?}");
    }
}

#[test]
fn a_difference_is_found_in_either_direction() {
    assert!(differences(&small("a: b\nb:"), &small("b:\na: b")).is_empty());
    assert_eq!(differences(&small("a: b\nb:"), &small("a:\nb:")), ["`a` to `b` is drawn and not there"]);
    assert_eq!(differences(&small("a:\nb:"), &small("a: b\nb:")), ["`a` to `b` is there and not drawn"]);
    assert_eq!(differences(&small("a:"), &small("a:\nb:")), ["`b` is there and not drawn"]);
    assert_eq!(differences(&small("a:\nb:"), &small("a:")), ["`b` is drawn and not there"]);
}

#[test]
fn an_open_door_is_open_to_those_who_use_it() {
    let found = small("serde: a b\nsqlx: b");
    let differ = |drawn| differences(&open_doors(small(drawn), &found), &found);
    assert!(differ("serde: *\nsqlx: b").is_empty());
    assert_eq!(
        differ("serde: *\nsqlx: a"),
        ["`sqlx` to `a` is drawn and not there", "`sqlx` to `b` is there and not drawn"]
    );
    assert_eq!(differ("serde: *\nsqlx: b\ntoml: *"), ["`toml` is drawn and not there"]);
}

#[test]
fn a_circle_is_found() {
    assert_eq!(circle(&small("a:\nb: a\nc: a b")), None);
    assert_eq!(circle(&small("a: c\nb: a\nc: b\nd: a\ne:")), Some(set(&["a", "b", "c", "d"])));
    assert_eq!(circle(&small("a: a")), Some(set(&["a"])));
}

#[test]
fn names_are_found_in_a_page() {
    let text = "See [this](docs/contract.md#9-order) and [that](https://example.org/x), run ./script/demo --check,\n\
                read `crates/words/src/lib.rs`, not `application/json`.\n```sh\n./script/test\n```\n";
    assert_eq!(links(text), ["docs/contract.md"]);
    assert_eq!(code_spans(text).filter(|span| is_path(span)).collect::<Vec<_>>(), ["crates/words/src/lib.rs"]);
    assert_eq!(scripts(text), set(&["demo", "test"]));
}

/// Reads a fenced block of lines `name: names`.
fn drawing(text: &str, kind: &str) -> Result<Drawing, String> {
    let mut drawing = Drawing::new();
    for line in block(text, kind)? {
        let (name, targets) = line.split_once(':').unwrap_or_default();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(format!("`{line}` is not `name: names`"));
        }
        let mut names = BTreeSet::new();
        for target in targets.split_whitespace() {
            if !names.insert(target.to_owned()) {
                return Err(format!("`{target}` stands twice in `{name}`"));
            }
        }
        if drawing.insert(name.to_owned(), names).is_some() {
            return Err(format!("`{name}` is drawn twice"));
        }
    }
    Ok(drawing)
}

/// The lines of the one fenced block of a kind.
fn block<'a>(text: &'a str, kind: &str) -> Result<Vec<&'a str>, String> {
    let fence = format!("```{kind}");
    let mut lines = text.lines();
    if !lines.any(|line| line == fence) {
        return Err(format!("there is no `{kind}` block"));
    }
    let mut found = Vec::new();
    loop {
        match lines.next() {
            Some("```") => break,
            Some(line) => found.push(line),
            None => return Err(format!("the `{kind}` block has no end")),
        }
    }
    if lines.any(|line| line == fence) {
        return Err(format!("there are two `{kind}` blocks"));
    }
    Ok(found)
}

/// Each crate of ours, and those of ours that it imports; with `tests`, those that its tests import too.
fn edges(metadata: &Metadata, tests: bool) -> Drawing {
    let mut edges = Drawing::new();
    for package in metadata.workspace_packages() {
        let imports = edges.entry(short(&package.name).to_owned()).or_default();
        for dependency in &package.dependencies {
            if tests || ships(dependency) {
                imports.extend(dependency.name.strip_prefix("phi-").map(str::to_owned));
            }
        }
    }
    edges
}

/// Each outside crate, and those of ours that use it.
fn doors(metadata: &Metadata) -> Drawing {
    let mut doors = Drawing::new();
    for package in metadata.workspace_packages() {
        for dependency in &package.dependencies {
            if ships(dependency) && !dependency.name.starts_with("phi-") {
                doors.entry(dependency.name.clone()).or_default().insert(short(&package.name).to_owned());
            }
        }
    }
    doors
}

/// Whether it is there in what ships: tests and fuzz targets may use more.
fn ships(dependency: &Dependency) -> bool {
    let fuzzing = dependency.target.as_ref().is_some_and(|target| target.to_string() == "cfg(fuzzing)");
    dependency.kind != DependencyKind::Development && !fuzzing
}

/// A door drawn with `*` is open: whoever uses the crate may.
fn open_doors(mut drawn: Drawing, found: &Drawing) -> Drawing {
    for (name, users) in &mut drawn {
        if users.contains("*")
            && let Some(all) = found.get(name)
        {
            users.clone_from(all);
        }
    }
    drawn
}

fn differences(drawn: &Drawing, found: &Drawing) -> Vec<String> {
    let mut differences = missing(drawn, found, "is drawn and not there");
    differences.extend(missing(found, drawn, "is there and not drawn"));
    differences
}

/// What is in `one` and not in `other`.
fn missing(one: &Drawing, other: &Drawing, what: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for (name, targets) in one {
        match other.get(name) {
            None => missing.push(format!("`{name}` {what}")),
            Some(others) => {
                missing.extend(targets.difference(others).map(|target| format!("`{name}` to `{target}` {what}")));
            }
        }
    }
    missing
}

/// Takes away, again and again, every crate that imports none of those left. What cannot be taken away stands in a
/// circle, or leads into one.
fn circle(edges: &Drawing) -> Option<BTreeSet<String>> {
    let mut left = edges.clone();
    loop {
        let names: BTreeSet<String> = left.keys().cloned().collect();
        left.retain(|_, targets| !targets.is_disjoint(&names));
        if left.len() == names.len() {
            return (!names.is_empty()).then_some(names);
        }
    }
}

/// Whether one of the licences on offer is allowed, and all of those that go together are (SPDX 2.3, annex D).
fn may_ship(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let expression = expression.replace('/', " OR ");
    let words = expression.replace('(', "( ").replace(')', " )");
    let mut words = words.split_whitespace().peekable();
    let shipped = any_of(&mut words, allowed);
    shipped && words.next().is_none()
}

fn any_of<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>, allowed: &BTreeSet<&str>) -> bool {
    let mut any = all_of(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        any |= all_of(words, allowed);
    }
    any
}

fn all_of<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>, allowed: &BTreeSet<&str>) -> bool {
    let mut all = one_of(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        all &= one_of(words, allowed);
    }
    all
}

fn one_of<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>, allowed: &BTreeSet<&str>) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let inside = any_of(words, allowed);
        let closed = words.next() == Some(")");
        return inside && closed;
    }
    let listed = words.next().is_some_and(|name| allowed.contains(name));
    let exception = words.next_if_eq(&"WITH").and_then(|_| words.next());
    listed && exception.is_none() // an exception makes another licence of it
}

/// Targets of the links in a page that lead to files.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let files = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    files.map(|target| target.split('#').next().unwrap_or(target).to_owned()).collect()
}

fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Whether a code span names a file or folder of the repository.
fn is_path(span: &str) -> bool {
    let folders = ["crates/", "catalog/", "conformance/", "docs/", "examples/"];
    folders.iter().any(|folder| span.starts_with(folder)) && !span.contains(['*', '<', ' ', '…'])
}

fn scripts(text: &str) -> BTreeSet<String> {
    let name = |rest: &str| rest.chars().take_while(char::is_ascii_lowercase).collect::<String>();
    text.split("./script/").skip(1).map(name).collect()
}

/// Text without white space and without trailing commas, so that a line may be broken in two.
fn packed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect::<String>().replace(",)", ")")
}

fn short(package: &str) -> &str {
    package.strip_prefix("phi-").unwrap_or(package)
}

fn small(lines: &str) -> Drawing {
    drawing(&format!("```edges\n{lines}\n```\n"), "edges").expect("a drawing")
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Every page of ours: its path and its text.
fn pages() -> Vec<(String, String)> {
    let mut names: Vec<String> = PAGES.iter().map(|name| (*name).to_owned()).collect();
    for folder in ["docs", "docs/adr"] {
        for entry in fs::read_dir(root().join(folder)).expect("a folder of pages") {
            names.push(format!("{folder}/{}", entry.expect("a page").file_name().to_string_lossy()));
        }
    }
    names.retain(|name| name.ends_with(".md"));
    names.into_iter().map(|name| (name.clone(), page(&name))).collect()
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect(name)
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().expect("the workspace's metadata")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace").to_path_buf()
}
