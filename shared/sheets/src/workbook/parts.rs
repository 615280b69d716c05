//! Finds the parts of a workbook: its sheets in their order, the shared texts and the formats.

use std::{
    collections::HashMap,
    io::{Read, Seek},
};

use quick_xml::events::Event;

use super::{
    Sheet, WorkbookError,
    container::Container,
    xml::{Walk, attribute, is_on},
};

/// The sheets of a workbook that can be chosen from, and the characters of a name. Excel allows 31.
const SHEETS: usize = 500;
const NAME: usize = 200;

pub(super) struct Parts {
    pub(super) sheets: Vec<Sheet>,
    pub(super) strings: Option<String>,
    pub(super) styles: Option<String>,
    /// Whether days are counted from 1904 on.
    pub(super) is_1904: bool,
}

/// What a part refers to.
struct Relation {
    kind: String,
    target: String,
}

impl Parts {
    pub(super) fn read<R: Read + Seek>(container: &mut Container<R>) -> Result<Self, WorkbookError> {
        let workbook = relations(container, "_rels/.rels", "")?
            .into_values()
            .find(|relation| relation.kind.ends_with("/officeDocument"))
            .map_or_else(|| "xl/workbook.xml".to_owned(), |relation| relation.target);
        let (folder, name) = workbook.rsplit_once('/').unwrap_or(("", &workbook));
        let beside = relations(container, &format!("{folder}/_rels/{name}.rels"), folder)?;
        let of_kind = |kind: &str| {
            let found = beside.values().find(|relation| relation.kind.ends_with(kind));
            found.map(|relation| relation.target.clone())
        };
        let mut parts =
            Self { sheets: Vec::new(), strings: of_kind("/sharedStrings"), styles: of_kind("/styles"), is_1904: false };
        let Some(part) = container.part(&workbook)? else {
            return Err(WorkbookError::Damaged(format!("the part {workbook} is missing")));
        };
        let mut walk = Walk::new(&workbook, part);
        while let Some(event) = walk.next()? {
            let Event::Start(element) = event else { continue };
            match element.local_name().as_ref() {
                b"workbookPr" => parts.is_1904 = is_on(&element, "date1904"),
                b"sheet" => {
                    let relation = attribute(&element, "id").and_then(|id| beside.get(&id));
                    // A sheet may be a chart, which has no cells.
                    let Some(relation) = relation.filter(|one| one.kind.ends_with("/worksheet")) else { continue };
                    if parts.sheets.len() == SHEETS {
                        return Err(WorkbookError::TooLarge(format!("the workbook has more than {SHEETS} sheets")));
                    }
                    let name = attribute(&element, "name").unwrap_or_default();
                    if name.chars().nth(NAME).is_some() {
                        let what = format!("the name of a sheet has more than {NAME} characters");
                        return Err(WorkbookError::TooLarge(what));
                    }
                    parts.sheets.push(Sheet {
                        name,
                        is_hidden: attribute(&element, "state").is_some_and(|state| state != "visible"),
                        part: relation.target.clone(),
                    });
                }
                _ => {}
            }
        }
        if parts.sheets.is_empty() { Err(WorkbookError::NoSheets) } else { Ok(parts) }
    }
}

/// What a part refers to, by the ids that it uses.
fn relations<R: Read + Seek>(
    container: &mut Container<R>,
    name: &str,
    folder: &str,
) -> Result<HashMap<String, Relation>, WorkbookError> {
    let mut relations = HashMap::new();
    let Some(part) = container.part(name)? else { return Ok(relations) };
    let mut walk = Walk::new(name, part);
    while let Some(event) = walk.next()? {
        let Event::Start(element) = event else { continue };
        if element.local_name().as_ref() != b"Relationship" {
            continue;
        }
        // What lies outside the file is nobody's business.
        if attribute(&element, "TargetMode").as_deref() == Some("External") {
            continue;
        }
        let (Some(id), Some(kind), Some(target)) =
            (attribute(&element, "Id"), attribute(&element, "Type"), attribute(&element, "Target"))
        else {
            continue;
        };
        relations.insert(id, Relation { kind, target: resolved(folder, &target) });
    }
    Ok(relations)
}

/// The name of a part that a part in `folder` refers to.
fn resolved(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut path: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(path.pop()),
            part => path.push(part),
        }
    }
    path.join("/")
}
