//! New files and folders.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    super::http::{Answered, Asked},
    auth::Grant,
    errors, ids,
    items::{Content, FOLDER, Home, Item, Role},
    multipart, resource,
    state::State,
};

/// Bytes and their type.
#[derive(Debug)]
pub(super) struct Media {
    pub(super) kind: String,
    pub(super) bytes: Bytes,
}

/// `POST files`: a folder, or a file of nothing.
pub(super) fn without_bytes(state: &mut State, grant: &Grant, asked: &Asked) -> Result<Answered, Answered> {
    let metadata = match asked.body.is_empty() {
        true => Value::Object(Map::new()),
        false => asked.json().ok_or_else(|| errors::bad_request("Parse Error"))?,
    };
    let id = create(state, grant, asked, &metadata, None)?;
    resource::answer(state, grant, asked, &state.items[&id])
}

/// `POST /upload/…/files?uploadType=multipart`, and `media`.
pub(super) fn with_bytes(state: &mut State, grant: &Grant, asked: &Asked) -> Result<Answered, Answered> {
    let (metadata, media) = multipart::read(asked)?;
    let id = create(state, grant, asked, &metadata, Some(media))?;
    resource::answer(state, grant, asked, &state.items[&id])
}

/// Whether a new file may have what is said of it; where it goes.
pub(super) fn checked(
    state: &mut State,
    grant: &Grant,
    asked: &Asked,
    metadata: &Value,
) -> Result<(String, Home), Answered> {
    if !metadata.is_object() {
        return Err(errors::bad_request("Parse Error"));
    }
    app_properties(metadata)?;
    let kind = metadata["mimeType"].as_str().unwrap_or("");
    if let Some(id) = metadata["id"].as_str() {
        if state.items.contains_key(id) || state.used.contains(id) {
            return Err(errors::id_in_use());
        }
        let is_native =
            kind.starts_with("application/vnd.google-apps.") && kind != FOLDER && !kind.ends_with(".shortcut");
        if is_native || !ids::was_given(id) {
            return Err(errors::at_parameter(400, "invalid", "The provided file ID is not usable.", "file.id"));
        }
    }
    let mut parents = Vec::new();
    if let Some(list) = metadata["parents"].as_array() {
        parents.extend(list.iter().filter_map(Value::as_str));
    }
    let parent = match parents.as_slice() {
        [] | ["root"] => state.root_of(&grant.email),
        [one] => (*one).to_owned(),
        _ => return Err(errors::bad_request("A file cannot be in more than one folder.")),
    };
    let folder = state.allowed(grant, asked, &parent, Role::Writer)?;
    if !folder.is_folder() {
        return Err(errors::error(403, "global", "parentNotAFolder", "The specified parent is not a folder."));
    }
    let home = match &folder.home {
        Home::Shared(drive) => Home::Shared(drive.clone()),
        // Who makes a file owns it, also in another one's folder. A folder takes no storage.
        Home::Mine(_) if grant.is_robot && kind != FOLDER => return Err(errors::no_storage()),
        Home::Mine(_) => Home::Mine(grant.email.clone()),
    };
    Ok((parent, home))
}

/// Makes it; its id.
pub(super) fn create(
    state: &mut State,
    grant: &Grant,
    asked: &Asked,
    metadata: &Value,
    media: Option<Media>,
) -> Result<String, Answered> {
    let (parent, home) = checked(state, grant, asked, metadata)?;
    let told = metadata["mimeType"].as_str().or(media.as_ref().map(|media| media.kind.as_str()));
    let kind = told.unwrap_or("application/octet-stream");
    let mut item = Item::new(metadata["name"].as_str().unwrap_or("Untitled"), kind, Some(parent), home);
    item.id = metadata["id"].as_str().unwrap_or("").to_owned();
    item.app_properties =
        app_properties(metadata)?.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    item.by_app = true;
    item.found = !state.search_lags;
    if !item.is_native() {
        let bytes = media.map(|media| media.bytes).unwrap_or_default();
        item.content = Content::of(bytes, state.forgets_bytes);
        item.versions = 1;
    }
    Ok(state.put(item))
}

/// The private properties of a request; `None` clears one.
pub(super) fn app_properties(metadata: &Value) -> Result<Vec<(String, Option<String>)>, Answered> {
    let Some(given) = metadata["appProperties"].as_object() else { return Ok(Vec::new()) };
    if given.len() > 30 {
        return Err(errors::bad_request("Too many properties for this app."));
    }
    let mut read = Vec::new();
    for (key, value) in given {
        let value = match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            _ => return Err(errors::bad_request("Invalid value for: appProperties")),
        };
        if key.len() + value.as_ref().map_or(0, String::len) > 124 {
            return Err(errors::bad_request("Properties are limited to 124 bytes per key and value."));
        }
        read.push((key.clone(), value));
    }
    Ok(read)
}
