//! Who may see a file.

use serde_json::{Value, json};

use super::{
    super::http::{Answered, Asked},
    auth::Grant,
    errors, fields,
    items::{Home, Permission, Role},
    state::State,
};

const USUAL: &str = "kind,id,type,role";

/// `POST files/{id}/permissions`.
pub(super) fn give(state: &mut State, grant: &Grant, asked: &Asked, id: &str) -> Result<Answered, Answered> {
    let item = state.allowed(grant, asked, id, Role::Writer)?;
    let needed =
        if matches!(item.home, Home::Shared(_)) && item.is_folder() { Role::ContentManager } else { Role::Writer };
    if state.role(&grant.email, item) < Some(needed) {
        return Err(errors::forbidden());
    }
    let body = asked.json().ok_or_else(|| errors::bad_request("Parse Error"))?;
    let role = body["role"].as_str().unwrap_or("");
    if !["reader", "commenter", "writer", "fileOrganizer", "organizer"].contains(&role) {
        return Err(errors::error(400, "global", "invalid", "The specified role is invalid or not supported."));
    }
    let permission = match body["type"].as_str() {
        Some("anyone") => {
            if !asked.word("sendNotificationEmail").is_empty() {
                return Err(errors::bad_request("sendNotificationEmail is not allowed for this type of permission."));
            }
            if state.forbids_public {
                return Err(errors::by_reason("publishOutNotPermitted"));
            }
            Permission::anyone(role, body["allowFileDiscovery"].as_bool().unwrap_or(false))
        }
        Some("user") => match body["emailAddress"].as_str() {
            Some(email) => Permission::user(email, role),
            None => return Err(errors::bad_request("The emailAddress field is required for this type of permission.")),
        },
        _ => return Err(errors::error(400, "global", "invalid", "The specified permission type is invalid.")),
    };
    let shown = shown(&permission);
    if let Some(item) = state.items.get_mut(id) {
        item.permissions.retain(|one| one.id != permission.id);
        item.permissions.push(permission);
    }
    Ok(Answered::json(200, &fields::selected(asked, &shown, USUAL, fields::OF_PERMISSIONS, None)?))
}

/// `GET files/{id}/permissions`: also those of the folders it is in.
pub(super) fn list(state: &State, grant: &Grant, asked: &Asked, id: &str) -> Result<Answered, Answered> {
    let item = state.allowed(grant, asked, id, Role::Writer)?;
    let mut all: Vec<Value> = state.permissions(item).iter().map(shown).collect();
    if let Home::Mine(owner) = &item.home {
        all.insert(0, shown(&Permission::user(owner, "owner")));
    }
    let whole = json!({"kind": "drive#permissionList", "permissions": all});
    let (usual, of) = ("kind,permissions(kind,id,type,role)", ["kind", "nextPageToken", "permissions"]);
    let inside = Some(("permissions", fields::OF_PERMISSIONS));
    Ok(Answered::json(200, &fields::selected(asked, &whole, usual, &of, inside)?))
}

/// `DELETE files/{id}/permissions/{permission}`.
pub(super) fn take(state: &mut State, grant: &Grant, asked: &Asked, id: &str) -> Result<Answered, Answered> {
    state.allowed(grant, asked, id, Role::Writer)?;
    let which = asked.path.last().map_or("", String::as_str);
    let Some(item) = state.items.get_mut(id) else { return Err(errors::not_found(id)) };
    let before = item.permissions.len();
    item.permissions.retain(|one| one.id != which);
    if item.permissions.len() == before {
        let message = format!("Permission not found: {which}.");
        return Err(errors::at_parameter(404, "notFound", &message, "permissionId"));
    }
    Ok(Answered::empty(204))
}

pub(super) fn shown(permission: &Permission) -> Value {
    let mut shown =
        json!({"kind": "drive#permission", "id": permission.id, "type": permission.kind, "role": permission.role});
    match &permission.email {
        Some(email) => {
            shown["emailAddress"] = json!(email);
            shown["displayName"] = json!(email.split('@').next());
            shown["deleted"] = json!(false);
        }
        None => shown["allowFileDiscovery"] = json!(permission.discoverable),
    }
    shown
}
