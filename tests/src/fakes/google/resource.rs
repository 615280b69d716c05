//! Files as Drive shows them.

use serde_json::{Value, json};

use super::{
    super::http::{Answered, Asked},
    auth::Grant,
    errors, fields,
    items::{Home, Item, Role},
    permissions,
    state::State,
};

/// What is answered about a file when `fields` says nothing: not its link.
const USUAL: &str = "kind,id,name,mimeType";

/// `GET files/{id}`, and its bytes with `alt=media`.
pub(super) fn get(state: &State, grant: &Grant, asked: &Asked, id: &str) -> Result<Answered, Answered> {
    let item = state.seen(grant, asked, id)?;
    if asked.word("alt") == "media" {
        let bytes = item.content.bytes.clone().unwrap_or_default();
        return Ok(Answered::new(200, &item.kind, bytes));
    }
    answer(state, grant, asked, item)
}

/// What is asked for of a file.
pub(super) fn answer(state: &State, grant: &Grant, asked: &Asked, item: &Item) -> Result<Answered, Answered> {
    let whole = shown(state, grant, item);
    Ok(Answered::json(200, &fields::selected(asked, &whole, USUAL, fields::OF_FILES, None)?))
}

/// All of a file.
pub(super) fn shown(state: &State, grant: &Grant, item: &Item) -> Value {
    let time = |time: chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let role = state.role(&grant.email, item);
    let all = state.permissions(item);
    let mut shown = json!({
        "kind": "drive#file", "id": item.id, "name": item.name, "mimeType": item.kind, "starred": false,
        "trashed": state.is_trashed(item), "explicitlyTrashed": item.trashed, "spaces": ["drive"],
        "version": item.versions.to_string(), "webViewLink": state.web_view_link(item), "viewedByMe": true,
        "createdTime": time(item.created), "modifiedTime": time(item.modified), "isAppAuthorized": item.by_app,
        "capabilities": {"canEdit": role >= Some(Role::Writer), "canShare": role >= Some(Role::Writer),
            "canAddChildren": item.is_folder() && role >= Some(Role::Writer), "canDelete": role >= Some(Role::Owner),
            "canTrash": role >= Some(Role::ContentManager)},
        "permissionIds": all.iter().map(|one| &one.id).collect::<Vec<_>>(),
    });
    let mut add = |name: &str, value: Value| shown[name] = value;
    if let Some(parent) = &item.parent {
        add("parents", json!([parent]));
    }
    if !item.app_properties.is_empty() {
        add("appProperties", json!(item.app_properties));
    }
    match &item.home {
        // For items in shared drives, Drive tells neither who owns them nor whether they are shared.
        Home::Shared(drive) => {
            add("driveId", json!(drive));
            add("teamDriveId", json!(drive));
            add("hasAugmentedPermissions", json!(false));
        }
        Home::Mine(owner) => {
            add("ownedByMe", json!(*owner == grant.email));
            add("owners", json!([user(owner, owner == &grant.email)]));
            add("shared", json!(!all.is_empty()));
            if role >= Some(Role::Writer) {
                add("permissions", all.iter().map(permissions::shown).collect());
            }
        }
    }
    if !item.is_native() {
        add("size", json!(item.content.size.to_string()));
        add("quotaBytesUsed", json!(item.content.size.to_string()));
        add("md5Checksum", json!(item.content.md5));
        add("sha256Checksum", json!(item.content.sha256));
        add("originalFilename", json!(item.name));
        add("headRevisionId", json!(format!("revision-{}", item.versions)));
        add("webContentLink", json!(format!("{}/uc?id={}&export=download", state.origin, item.id)));
    }
    shown
}

/// Somebody.
pub(super) fn user(email: &str, me: bool) -> Value {
    let name = email.split('@').next().unwrap_or(email);
    json!({"kind": "drive#user", "displayName": name, "me": me, "emailAddress": email,
        "permissionId": super::items::Permission::user(email, "reader").id})
}

impl State {
    /// An item that a request may see.
    pub(super) fn seen(&self, grant: &Grant, asked: &Asked, id: &str) -> Result<&Item, Answered> {
        let item = self.items.get(id).ok_or_else(|| errors::not_found(id))?;
        let needs_flag = matches!(item.home, Home::Shared(_)) && !asked.is_set("supportsAllDrives");
        let is_seen = !needs_flag && self.sees(grant, item);
        is_seen.then_some(item).ok_or_else(|| errors::not_found(id))
    }

    /// Whether a grant sees an item at all.
    pub(super) fn sees(&self, grant: &Grant, item: &Item) -> bool {
        let is_drive = item.parent.is_none();
        (grant.sees_all() || item.by_app || is_drive) && self.role(&grant.email, item).is_some()
    }

    /// An item that a request may do that much with.
    pub(super) fn allowed(&self, grant: &Grant, asked: &Asked, id: &str, role: Role) -> Result<&Item, Answered> {
        let item = self.seen(grant, asked, id)?;
        if self.role(&grant.email, item) >= Some(role) { Ok(item) } else { Err(errors::forbidden()) }
    }

    pub(super) fn web_view_link(&self, item: &Item) -> String {
        match item.is_folder() {
            true => format!("{}/drive/folders/{}", self.origin, item.id),
            false => format!("{}/file/d/{}/view?usp=drivesdk", self.origin, item.id),
        }
    }
}
