//! Lists: of files, of ids, and who one is.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::{
    super::http::{Answered, Asked},
    auth::Grant,
    errors, fields,
    items::{Home, Item},
    query::{self, Clause},
    resource,
    state::State,
};

/// `GET files/generateIds`.
pub(super) fn ids(state: &State, asked: &Asked) -> Result<Answered, Answered> {
    let count = match asked.word("count") {
        "" => Some(10),
        count => count.parse::<usize>().ok().filter(|count| (1..=1000).contains(count)),
    };
    let Some(count) = count else {
        let message = "Invalid value. Values must be within the range: [1, 1000]";
        return Err(errors::at_parameter(400, "invalidParameter", message, "count"));
    };
    if !matches!(asked.word("type"), "" | "files" | "shortcuts") || !matches!(asked.word("space"), "" | "drive") {
        return Err(errors::by_reason("invalid"));
    }
    let ids: Vec<String> = (0..count).map(|_| state.ids.file()).collect();
    let whole = json!({"kind": "drive#generatedIds", "space": "drive", "ids": ids});
    Ok(Answered::json(200, &fields::selected(asked, &whole, "*", &["kind", "space", "ids"], None)?))
}

/// `GET about`.
pub(super) fn about(state: &State, grant: &Grant, asked: &Asked) -> Result<Answered, Answered> {
    if asked.word("fields").is_empty() {
        let message = "The 'fields' parameter is required for this method.";
        return Err(errors::at_parameter(400, "required", message, "fields"));
    }
    let owned = state.items.values().filter(|item| matches!(&item.home, Home::Mine(owner) if *owner == grant.email));
    let usage = owned.map(|item| item.content.size).sum::<u64>().to_string();
    let limit = if grant.is_robot { "0" } else { "16106127360" };
    let whole = json!({
        "kind": "drive#about", "user": resource::user(&grant.email, true), "canCreateDrives": false,
        "storageQuota": {"limit": limit, "usage": usage, "usageInDrive": usage, "usageInDriveTrash": "0"},
    });
    let of = ["kind", "user", "storageQuota", "canCreateDrives", "importFormats", "exportFormats", "maxUploadSize"];
    Ok(Answered::json(200, &fields::selected(asked, &whole, "*", &of, None)?))
}

/// `GET files`: newest first, unless asked for otherwise.
pub(super) fn files(state: &State, grant: &Grant, asked: &Asked) -> Result<Answered, Answered> {
    let clauses =
        query::read(asked.word("q")).ok_or_else(|| errors::at_parameter(400, "invalid", "Invalid Value", "q"))?;
    let everywhere = asked.is_set("includeItemsFromAllDrives") && asked.is_set("supportsAllDrives");
    let drive = asked.word("driveId");
    if !drive.is_empty() && (!everywhere || asked.word("corpora") != "drive") {
        return Err(errors::error(
            403,
            "global",
            "teamDrivesParentRequired",
            "The driveId parameter must be specified if and only if corpora is set to drive, \
             with includeItemsFromAllDrives and supportsAllDrives.",
        ));
    }
    for clause in &clauses {
        if let Clause::In(folder) = clause {
            let is_seen = folder == "root" || state.items.get(folder).is_some_and(|item| state.sees(grant, item));
            if !is_seen {
                return Err(errors::not_found(""));
            }
        }
    }
    let fits = |item: &&Item| {
        let is_here = match &item.home {
            Home::Shared(of) => everywhere && (drive.is_empty() || of == drive),
            Home::Mine(_) => drive.is_empty(),
        };
        let is_listed = item.found && item.parent.is_some() && is_here && state.sees(grant, item);
        is_listed && clauses.iter().all(|clause| clause.fits(state, item))
    };
    let mut found: Vec<&Item> = state.items.values().filter(fits).collect();
    match asked.word("orderBy") {
        "" | "createdTime desc" | "modifiedTime desc" => found.sort_by_key(|item| Reverse(item.seq)),
        "createdTime" | "modifiedTime" => found.sort_by_key(|item| item.seq),
        "name" => found.sort_by(|one, other| one.name.cmp(&other.name).then(one.seq.cmp(&other.seq))),
        _ => return Err(errors::at_parameter(400, "invalid", "Invalid Value", "orderBy")),
    }
    let size = match asked.word("pageSize") {
        "" => 100,
        size => match size.parse::<usize>() {
            Ok(size @ 1..=1000) => size,
            _ => {
                return Err(errors::at_parameter(
                    400,
                    "invalidParameter",
                    "Invalid value. Values must be within the range: [1, 1000]",
                    "pageSize",
                ));
            }
        },
    };
    let after = match asked.word("pageToken") {
        "" => 0,
        token => {
            let last = token.strip_prefix("~!!~").and_then(|last| last.parse::<u64>().ok());
            let at = last.and_then(|last| found.iter().position(|item| item.seq == last));
            at.ok_or_else(|| errors::at_parameter(400, "invalid", "Invalid Value", "pageToken"))? + 1
        }
    };
    let page: Vec<&Item> = found.iter().skip(after).take(size.min(state.page_limit)).copied().collect();
    let rows: Vec<Value> = page.iter().map(|item| resource::shown(state, grant, item)).collect();
    let mut whole = json!({"kind": "drive#fileList", "incompleteSearch": false, "files": rows});
    if let (Some(last), true) = (page.last(), after + page.len() < found.len()) {
        whole["nextPageToken"] = json!(format!("~!!~{}", last.seq));
    }
    let usual = "kind,incompleteSearch,nextPageToken,files(kind,id,name,mimeType)";
    let of = ["kind", "incompleteSearch", "nextPageToken", "files"];
    Ok(Answered::json(200, &fields::selected(asked, &whole, usual, &of, Some(("files", fields::OF_FILES)))?))
}
