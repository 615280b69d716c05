//! Folders, and making a folder visible to everybody who has its link.
//!
//! A file in a shared folder is shared with the folder. So one call per event is enough, and Google's limit on sharing
//! is not reached.

use herald_base::boxed;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;
use thiserror::Error;

use super::{
    super::errors::{self, Asked, Fault, WHO},
    Drive,
};
use crate::{Class, Meter, ProviderError, Result};

const FOLDER: &str = "application/vnd.google-apps.folder";

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The id of the folder.
    pub id: String,
    /// The name of the folder.
    pub name: String,
    /// The folder, or a folder above it, is in the trash.
    pub trashed: bool,
    /// Whether other people can see the folder.
    pub shared: bool,
    /// The Shared Drive of the folder; `None` in a person's own Drive.
    pub drive_id: Option<String>,
    /// Whether the account may create something in the folder.
    pub can_add_children: bool,
}

/// Why sharing a folder failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ShareError {
    /// The rules of the organisation or of the Shared Drive forbid it. The error says where to change them.
    #[error("{0}")]
    Forbidden(ProviderError),
    /// Any other error.
    #[error("{0}")]
    Failed(#[from] ProviderError),
}

impl From<ShareError> for ProviderError {
    fn from(error: ShareError) -> Self {
        match error {
            ShareError::Forbidden(error) | ShareError::Failed(error) => error,
        }
    }
}

/// Reads the id of a folder from the text that a person copies: the id itself, or the folder's address.
pub fn folder_id(text: &str) -> Option<String> {
    let text = text.trim();
    let after = text.split_once("/folders/").map_or(text, |(_, after)| after);
    let id = after.split(['?', '#', '/']).next().unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (!id.is_empty() && id.len() <= 200 && id.chars().all(fits)).then(|| id.to_owned())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FolderBody {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    mime_type: String,
    #[serde(default)]
    trashed: bool,
    #[serde(default)]
    shared: bool,
    drive_id: Option<String>,
    #[serde(default)]
    capabilities: Capabilities,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Capabilities {
    #[serde(default)]
    can_add_children: bool,
}

impl Drive {
    /// Creates a folder in another one, with an id from [`Drive::reserve_ids`]. An existing folder with this id is
    /// fine.
    ///
    /// # Errors
    /// [`Class::Config`] when `parent` does not exist or may not be written to.
    #[boxed]
    pub async fn create_folder(&self, id: &str, name: &str, parent: &str, meter: &Meter) -> Result<()> {
        let url = self.files(&["files"], "id");
        let body = json!({ "id": id, "name": name, "mimeType": FOLDER, "parents": [parent] });
        let read = |reply: &crate::http::Reply| match reply.status {
            status if status.is_success() || status == StatusCode::CONFLICT => Ok(()),
            _ => Err(errors::refused(reply, Asked::Into(parent), self.auth())),
        };
        self.send(meter, |client| client.post(url.clone()).json(&body), read).await
    }

    /// Looks up a folder.
    ///
    /// # Errors
    /// [`Class::Config`] when it does not exist, or is not a folder.
    #[boxed]
    pub async fn folder(&self, id: &str, meter: &Meter) -> Result<Folder> {
        let url = self.files(&["files", id], "id,name,mimeType,trashed,shared,driveId,capabilities(canAddChildren)");
        let read = |reply: &crate::http::Reply| match reply.status.is_success() {
            true => reply.json::<FolderBody>(WHO),
            false => Err(errors::refused(reply, Asked::Folder(id), self.auth())),
        };
        let found = self.send(meter, |client| client.get(url.clone()), read).await?;
        if found.mime_type != FOLDER {
            return Err(ProviderError::new(
                Class::Config,
                format!("{id} is not a folder in Google Drive: give the part of the folder's address after /folders/"),
            ));
        }
        let FolderBody { id, name, trashed, shared, drive_id, capabilities, mime_type: _ } = found;
        Ok(Folder { id, name, trashed, shared, drive_id, can_add_children: capabilities.can_add_children })
    }

    /// Lets everybody who has the link see a folder and its content. A search does not find it. A repeated call changes
    /// nothing.
    ///
    /// # Errors
    /// [`ShareError::Forbidden`] when the organisation's rules forbid it.
    #[boxed]
    pub async fn share_with_link(&self, id: &str, meter: &Meter) -> std::result::Result<(), ShareError> {
        let url = self.files(&["files", id, "permissions"], "id");
        let body = json!({ "type": "anyone", "role": "reader", "allowFileDiscovery": false });
        // The metrics count the error as one; this flag tells whether the rules were the cause.
        let forbidden = std::sync::atomic::AtomicBool::new(false);
        let read = |reply: &crate::http::Reply| {
            if reply.status.is_success() {
                return Ok(());
            }
            forbidden.store(Fault::of(reply).forbids_sharing(), std::sync::atomic::Ordering::Relaxed);
            Err(errors::refused(reply, Asked::Share(id), self.auth()))
        };
        let shared = self.send(meter, |client| client.post(url.clone()).json(&body), read).await;
        shared.map_err(|error| match forbidden.into_inner() {
            true => ShareError::Forbidden(error),
            false => ShareError::Failed(error),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_known_by_its_id_or_its_address() {
        for text in [
            " 1AbC-d_E ",
            "https://drive.google.com/drive/folders/1AbC-d_E",
            "https://drive.google.com/drive/u/0/folders/1AbC-d_E?usp=sharing",
        ] {
            assert_eq!(folder_id(text).as_deref(), Some("1AbC-d_E"), "{text}");
        }
        for text in ["", "https://drive.google.com/drive/my-drive", "a b", "x' or '1'='1"] {
            assert_eq!(folder_id(text), None, "{text}");
        }
    }
}
