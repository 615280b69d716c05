//! `docs/new-domain.md` says how a domain is added. Every domain that there is keeps to it, and the page tells of every
//! domain.
//!
//! The domains, the kinds and the tables are read from the tree, and compared with what the documents say of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use herald_app::jobs::KINDS;
use herald_ledger::Starter;

use crate::sources;

const PAGE: &str = "docs/new-domain.md";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the repository")
}

/// A file's text; nothing if it is not there.
fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// The names of the files and folders in a folder, in order.
fn entries(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().expect("names are plain")).collect();
    names.sort();
    names
}

/// The crates of this repository that one may know, by the folder of its `Cargo.toml`: those of its own tests left out.
fn knows(folder: &str) -> BTreeSet<String> {
    let manifest = text(&format!("{folder}/Cargo.toml"));
    let dependencies = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let lines = dependencies.lines().take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| Some(line.strip_prefix("herald-")?.split(['.', ' ']).next()?.to_owned())).collect()
}

/// Every crate below `shared/` that works with jobs, except the one that puts all together.
fn domains() -> Vec<String> {
    let crates = entries(&root().join("shared")).into_iter().filter(|name| name != "app");
    crates.filter(|name| knows(&format!("shared/{name}")).contains("ledger")).collect()
}

/// What a kind is, as `every_kind!` lists it.
struct Listed {
    domain: String,
    module: String,
}

fn listed_kinds() -> Vec<Listed> {
    let list = text("shared/app/src/jobs.rs");
    let lines = list.split("$with! {").nth(1).expect("the list of kinds is there").lines();
    let words = lines.map_while(|line| (!line.contains('}')).then(|| line.trim().trim_end_matches(',')));
    let kinds = words.filter_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [_, domain, module] => Some(Listed { domain: domain.to_owned(), module: module.to_owned() }),
        _ => None,
    });
    kinds.collect()
}

/// The cells of the table below a heading, a row each, without its head.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let below = page.split(&format!("\n{heading}\n")).nth(1).unwrap_or_else(|| panic!("there is no {heading:?}"));
    let section = below.split("\n#").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    rows.skip(2).map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// What stands between single backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Where links lead.
fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// The files of the program below a folder, or of that name.
fn program(place: &str) -> Vec<PathBuf> {
    let (file, folder) = (format!("{place}.rs"), format!("{place}/"));
    let found = sources::of_the_program().into_iter();
    found.filter(|(name, _)| *name == file || name.starts_with(&folder)).map(|(_, path)| path).collect()
}

/// What a domain lacks of the checklist.
fn lacks(domain: &str) -> Vec<String> {
    let mut lacks = Vec::new();
    let mut need = |there: bool, what: String| {
        if !there {
            lacks.push(what);
        }
    };
    let manifest = text(&format!("shared/{domain}/Cargo.toml"));
    need(manifest.contains("[lints]\nworkspace = true"), format!("shared/{domain}/Cargo.toml with the lints of all"));
    let line = format!("herald-{domain} = {{ path = \"shared/{domain}\" }}");
    need(text("Cargo.toml").contains(&line), "its line in Cargo.toml".to_owned());
    need(knows("shared/app").contains(domain), "herald-app knows it".to_owned());
    need(text(&format!("shared/{domain}/src/lib.rs")).starts_with("//! "), "a first sentence in lib.rs".to_owned());

    let (front, api) = (text(&format!("api/src/{domain}.rs")), text("api/src/lib.rs"));
    let routes: Vec<_> = front
        .lines()
        .filter_map(|line| line.strip_prefix("pub(crate) fn ")?.split('(').next())
        .filter(|name| name.ends_with("routes"))
        .collect();
    need(routes.contains(&"routes"), format!("routes() in api/src/{domain}.rs"));
    need(api.contains(&format!("\nmod {domain};\n")), format!("mod {domain} in api/src/lib.rs"));
    for name in routes {
        need(api.contains(&format!("{domain}::{name}(")), format!("{name}() merged in api/src/lib.rs"));
    }
    let rights = areas();
    for area in areas_of_routes(domain) {
        need(rights.contains(&area), format!("a line for {area:?} in api/src/front/access.rs"));
    }
    need(!areas_of_routes(domain).is_empty(), "routes with a path".to_owned());

    if listed_kinds().iter().any(|kind| kind.domain == domain) {
        let declared = text("worker/src/lib.rs").contains(&format!("\npub mod {domain};\n"));
        need(declared && exists(&format!("worker/src/{domain}.rs")), format!("worker/src/{domain}.rs"));
    }

    let page = text(PAGE);
    let rows = table(&page, "## The domains");
    let row = rows.iter().find(|row| row[0] == format!("`{domain}`"));
    need(row.is_some(), format!("its row in {PAGE}"));
    let pages = row.map(|row| links(&row[2])).unwrap_or_default();
    need(!pages.is_empty(), "a page in docs/".to_owned());
    let readme = text("README.md");
    for page in pages {
        need(exists(&format!("docs/{page}")), format!("docs/{page}"));
        need(readme.contains(&format!("](docs/{page})")), format!("a link to docs/{page} in README.md"));
    }
    need(is_tested_on_both_engines(domain), "a test on both engines in tests/tests/it".to_owned());
    lacks
}

/// The areas of the table of rights.
fn areas() -> BTreeSet<String> {
    let access = text("api/src/front/access.rs");
    let lines = access.split("const AREAS").nth(1).expect("the table is there").lines();
    let lines = lines.take_while(|line| *line != "];");
    lines.filter_map(|line| Some(line.trim().strip_prefix("(\"")?.split('"').next()?.to_owned())).collect()
}

/// The first parts of the paths of a domain's routes, without those that are open to everybody.
fn areas_of_routes(domain: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in program(&format!("api/src/{domain}")) {
        let code = fs::read_to_string(path).unwrap();
        for route in code.split("#[utoipa::path(").skip(1) {
            let head: String = route.lines().take(2).collect();
            let Some(path) = head.split("path = \"/").nth(1) else { continue };
            if !head.contains("tag = \"public\"") {
                found.insert(path.split(['/', '"']).next().unwrap_or_default().to_owned());
            }
        }
    }
    found
}

fn is_tested_on_both_engines(domain: &str) -> bool {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for name in entries(folder) {
            let path = folder.join(name);
            if path.is_dir() { below(&path, found) } else { found.push(path) }
        }
    }
    let mut files = Vec::new();
    below(&root().join("tests/tests/it"), &mut files);
    let mut codes = files.into_iter().filter_map(|path| fs::read_to_string(path).ok());
    codes.any(|code| code.contains("on_both_engines! {") && code.contains(&format!("herald_{domain}::")))
}

#[test]
fn every_domain_is_in_every_place_of_the_list() {
    let domains = domains();
    assert!(domains.len() >= 3, "{domains:?}");
    for domain in &domains {
        assert_eq!(lacks(domain), Vec::<String>::new(), "{domain} lacks something of {PAGE}");
    }
    let rows: Vec<_> = table(&text(PAGE), "## The domains").into_iter().map(|row| row[0].clone()).collect();
    let known: Vec<_> = domains.iter().map(|name| format!("`{name}`")).collect();
    assert_eq!(rows, known, "the rows of {PAGE} are the domains, in order");
}

#[test]
fn a_domain_that_nobody_wrote_lacks_all_that_the_list_asks_for() {
    let lacks = lacks("weather");
    for part in [
        "shared/weather/Cargo.toml",
        "line in Cargo.toml",
        "herald-app",
        "lib.rs",
        "routes() in",
        "mod weather",
        "with a path",
        "row in",
        "page in docs/",
        "both engines",
    ] {
        assert!(lacks.iter().any(|what| what.contains(part)), "{part}: {lacks:?}");
    }
}

#[test]
fn every_kind_has_its_two_files_and_is_listed_for_operators() {
    let listed = listed_kinds();
    assert_eq!(listed.len(), KINDS.len(), "every line of the list of kinds was read");
    for (kind, Listed { domain, module }) in KINDS.iter().zip(&listed) {
        assert_eq!(kind.policy.name.replace('.', "_"), *module, "a kind's files are named like the kind");
        let handler = format!("worker/src/{domain}/{module}.rs");
        assert!(exists(&handler), "{handler}");
        let declared = text(&format!("worker/src/{domain}.rs"));
        assert!(declared.contains(&format!("mod {module};")), "worker/src/{domain}.rs declares {module}");
        let folder = if domains().contains(domain) { format!("shared/{domain}") } else { "shared".to_owned() };
        let payload = sources::of_the_program().into_iter().any(|(name, path)| {
            let is_below = name.starts_with(&format!("{folder}/"));
            is_below
                && name.ends_with(&format!("/{module}.rs"))
                && fs::read_to_string(path).unwrap().contains("Payload for")
        });
        assert!(payload, "the payload of {} in {folder}", kind.policy.name);
    }

    let said: BTreeSet<_> = table(&text("docs/jobs.md"), "## The kinds of job")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone(), row[3].clone()))
        .collect();
    let kinds: BTreeSet<_> = KINDS
        .iter()
        .map(|kind| {
            let who = match kind.policy.starts.schedule {
                Starter::Nobody => "no caller".to_owned(),
                Starter::Member(role) => role.name().to_owned(),
                Starter::Platform => "administrators".to_owned(),
            };
            (format!("`{}`", kind.policy.name), format!("`{}`", kind.policy.queue), who)
        })
        .collect();
    assert_eq!(said, kinds, "docs/jobs.md names each kind, its queue, and who may start one");
}

#[test]
fn every_table_has_one_owner_who_writes_it() {
    let mut tables = BTreeSet::new();
    for name in entries(&root().join("migrations")) {
        let sql = text(&format!("migrations/{name}")).to_ascii_lowercase();
        for made in sql.split("create table ").skip(1) {
            tables.insert(made.split([' ', '(', '\n']).next().unwrap_or_default().to_owned());
        }
        for gone in sql.split("drop table ").skip(1) {
            tables.remove(gone.split([' ', ';', '\n']).next().unwrap_or_default());
        }
    }
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for row in table(&text(PAGE), "## Whose table it is") {
        let owner = row[0].trim_matches('`').to_owned();
        let files = program(&format!("{owner}/src"));
        let code: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        for table in quoted(&row[1]) {
            let is_written = ["insert into", "update", "delete from"].iter().any(|verb| {
                let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
                code.split(&format!("{verb} {table}")).skip(1).any(ends)
            });
            assert!(is_written, "{owner} writes {table}");
            let before = owners.insert(table.to_owned(), owner.clone());
            assert_eq!(before, None, "{table} has one owner");
        }
    }
    assert_eq!(owners.into_keys().collect::<BTreeSet<_>>(), tables, "{PAGE} names the owner of each table");
}

/// Whether a path with parts in pointed brackets, such as `api/src/<domain>.rs`, is that of something.
fn is_there(pattern: &str) -> bool {
    let mut places = vec![root().to_path_buf()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let (before, after) = match (part.find('<'), part.rfind('>')) {
            (Some(from), Some(to)) => (&part[..from], &part[to + 1..]),
            _ => {
                places = places.into_iter().map(|place| place.join(part)).filter(|place| place.exists()).collect();
                continue;
            }
        };
        let fits = |name: &String| name.starts_with(before) && name.ends_with(after);
        let next = places.iter().flat_map(|place| entries(place).into_iter().filter(fits).map(|name| place.join(name)));
        places = next.collect();
    }
    !places.is_empty()
}

#[test]
fn every_path_that_the_page_names_is_there() {
    let page = text(PAGE);
    let tops = entries(root());
    let paths: BTreeSet<_> = quoted(&page)
        .into_iter()
        .filter(|path| path.contains('/') && !path.contains([' ', '*']))
        .filter(|path| tops.iter().any(|top| path.split('/').next() == Some(top)))
        .collect();
    assert!(paths.len() > 25, "{paths:?}");
    for path in paths {
        assert!(is_there(path), "{PAGE} names {path}");
    }
    assert!(is_there("api/src/<domain>.rs") && !is_there("api/src/<domain>.toml") && !is_there("shared/weather"));
    for link in links(&page) {
        let (path, _) = link.split_once('#').unwrap_or((link, ""));
        assert!(path.is_empty() || exists(&format!("docs/{path}")), "{PAGE} links to {link}");
    }
    for (from, link) in [("CONTRIBUTING.md", "(docs/new-domain.md)"), ("README.md", "(docs/new-domain.md)")] {
        assert!(text(from).contains(link), "{from} links to {PAGE}");
    }
}

/// The crates of each layer in a drawing, from the top. A line begins with their names; a remark may follow.
fn layers(drawing: &str, crates: &BTreeSet<String>) -> Vec<BTreeSet<String>> {
    let lines = drawing.lines().filter(|line| line.starts_with("  ") && !line.contains('─'));
    let names = |line: &str| {
        let words = line.split_whitespace().take_while(|word| crates.contains(*word));
        words.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    lines.map(names).collect()
}

#[test]
fn a_crate_knows_only_crates_of_lower_layers() {
    let mut folders: BTreeMap<String, String> = BTreeMap::new();
    for name in entries(&root().join("shared")) {
        folders.insert(name.clone(), format!("shared/{name}"));
    }
    for name in entries(root()).into_iter().filter(|name| exists(&format!("{name}/Cargo.toml"))) {
        folders.insert(name.clone(), name);
    }
    let crates: BTreeSet<_> = folders.keys().cloned().collect();
    let architecture = text("ARCHITECTURE.md");
    let drawing = architecture.split("### Layers").nth(1).and_then(|rest| rest.split("```").nth(1)).unwrap();
    let layers = layers(drawing, &crates);
    let drawn: BTreeSet<_> = layers.iter().flatten().cloned().collect();
    assert_eq!(drawn, crates, "the drawing in ARCHITECTURE.md has every crate");
    // The top one is for the binary, the measurements and the tests, which may know each other.
    for (depth, layer) in layers.iter().enumerate().skip(1) {
        let below: BTreeSet<_> = layers[depth + 1..].iter().flatten().collect();
        for name in layer {
            for known in knows(&folders[name]) {
                assert!(below.contains(&known), "{name} knows {known}, which does not stand below it");
            }
        }
    }
}
