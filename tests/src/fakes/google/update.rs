//! Files changed and deleted.

use serde_json::{Map, Value};

use super::{
    super::http::{Answered, Asked},
    auth::Grant,
    create::{self, Media},
    errors,
    items::{Content, Home, Role},
    multipart, resource,
    state::State,
};

/// `PATCH files/{id}`.
pub(super) fn without_bytes(state: &mut State, grant: &Grant, asked: &Asked, id: &str) -> Result<Answered, Answered> {
    let metadata = match asked.body.is_empty() {
        true => Value::Object(Map::new()),
        false => asked.json().ok_or_else(|| errors::bad_request("Parse Error"))?,
    };
    change(state, grant, asked, id, &metadata, None)?;
    resource::answer(state, grant, asked, &state.items[id])
}

/// `PATCH /upload/…/files/{id}`: new bytes under the same id, so that links to it stay.
pub(super) fn with_bytes(state: &mut State, grant: &Grant, asked: &Asked, id: &str) -> Result<Answered, Answered> {
    let (metadata, media) = multipart::read(asked)?;
    change(state, grant, asked, id, &metadata, Some(media))?;
    resource::answer(state, grant, asked, &state.items[id])
}

/// Changes what is said of a file, and its bytes.
pub(super) fn change(
    state: &mut State,
    grant: &Grant,
    asked: &Asked,
    id: &str,
    metadata: &Value,
    media: Option<Media>,
) -> Result<(), Answered> {
    let Some(given) = metadata.as_object() else { return Err(errors::bad_request("Parse Error")) };
    let item = state.allowed(grant, asked, id, Role::Writer)?;
    if given.contains_key("parents") {
        return Err(errors::error(
            403,
            "global",
            "fieldNotWritable",
            "The parents field is not directly writable in update requests. Use the addParents \
             and removeParents parameters instead.",
        ));
    }
    if given.contains_key("id") {
        let message = "The resource body includes fields which are not directly writable.";
        return Err(errors::error(403, "global", "fieldNotWritable", message));
    }
    let trashed = given.get("trashed").and_then(Value::as_bool);
    if trashed.is_some() && state.role(&grant.email, item) < Some(Role::ContentManager) {
        return Err(errors::forbidden());
    }
    let properties = create::app_properties(metadata)?;
    let to = moved(state, grant, asked, id)?;
    let (now, forgets) = (state.clock.now(), state.forgets_bytes);
    let Some(item) = state.items.get_mut(id) else { return Err(errors::not_found(id)) };
    if let Some(name) = given.get("name").and_then(Value::as_str) {
        name.clone_into(&mut item.name);
    }
    if let Some(kind) = given.get("mimeType").and_then(Value::as_str) {
        kind.clone_into(&mut item.kind);
    }
    for (key, value) in properties {
        match value {
            Some(value) => item.app_properties.insert(key, value),
            None => item.app_properties.remove(&key),
        };
    }
    item.trashed = trashed.unwrap_or(item.trashed);
    if let Some(to) = to {
        item.parent = Some(to);
    }
    if let Some(media) = media {
        item.content = Content::of(media.bytes, forgets);
        item.versions += 1;
    }
    item.modified = now;
    Ok(())
}

/// The folder a request moves a file to.
fn moved(state: &State, grant: &Grant, asked: &Asked, id: &str) -> Result<Option<String>, Answered> {
    let (to, from) = (asked.word("addParents"), asked.word("removeParents"));
    if to.is_empty() {
        return Ok(None);
    }
    let parent = state.items.get(id).and_then(|item| item.parent.as_deref());
    if parent != Some(from) {
        let message =
            "A shared drive item must have exactly one parent. Increasing the number of parents is not allowed.";
        return Err(errors::error(403, "global", "cannotAddParent", message));
    }
    Ok(Some(state.allowed(grant, asked, to, Role::Writer)?.id.clone()))
}

/// `DELETE files/{id}`: for good. In a shared drive only its managers may.
pub(super) fn delete(state: &mut State, grant: &Grant, asked: &Asked, id: &str) -> Result<Answered, Answered> {
    let item = state.allowed(grant, asked, id, Role::Owner)?;
    if item.parent.is_none() || matches!(&item.home, Home::Mine(owner) if *owner != grant.email) {
        return Err(errors::forbidden());
    }
    state.remove(id);
    Ok(Answered::empty(204))
}
