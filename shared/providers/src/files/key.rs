//! Names of files. Every file of the store lies under its workspace.
//!
//! ```text
//! workspaces/{workspace id}/lists/{hash of the content}.csv
//!                           pictures/{hash of the content}
//!                           templates/{hash of the content}
//!                           portraits/{two digits}/{hash of picture and parameters}
//!                           renderings/{two digits}/{hash of what it shows}.{format}
//!                           invitations/{event}/{lucky number}-{invitation id}.{format}
//!                           previews/{hash of the content}.{format}
//!                           results/{run id}.csv
//!                           checks/{check id}/{hash of the content}
//!                           reports/{kind}/{day}.xlsx
//! ```
//!
//! A [`Key`] names a file that may be written, and it always has a workspace. A [`Stored`] is a file that a row of the
//! database names. It may only be read, and only if it belongs to the workspace.

use std::{fmt, ops::Deref};

use uuid::Uuid;

use super::{FilesError, Result};

/// The folder of all workspaces.
const ROOT: &str = "workspaces";

/// The kind of a file: the folder of its workspace that the file lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// A list of guests as it was uploaded.
    Lists,
    /// A guest's picture as it was uploaded.
    Pictures,
    /// A guest's picture from the web or from Mautic, kept until the drawing is made.
    Fetched,
    /// A template's background or font.
    Templates,
    /// A crop of a face.
    Portraits,
    /// A drawing.
    Renderings,
    /// A published invitation, to which a link leads.
    Invitations,
    /// A sample of a template.
    Previews,
    /// A run's table of results.
    Results,
    /// A list or a picture that was sent to be checked, kept until the check expires.
    Checks,
    /// A finished report.
    Reports,
    /// A list to be imported, its sheet as CSV, and its rows that are left out.
    Imports,
    /// A list as a file.
    Exports,
}

impl Area {
    /// Every area.
    pub const ALL: &[Self] = &[
        Self::Lists,
        Self::Pictures,
        Self::Fetched,
        Self::Templates,
        Self::Portraits,
        Self::Renderings,
        Self::Invitations,
        Self::Previews,
        Self::Results,
        Self::Checks,
        Self::Reports,
        Self::Imports,
        Self::Exports,
    ];

    fn folder(self) -> &'static str {
        match self {
            Self::Lists => "lists",
            Self::Pictures => "pictures",
            Self::Fetched => "fetched",
            Self::Templates => "templates",
            Self::Portraits => "portraits",
            Self::Renderings => "renderings",
            Self::Invitations => "invitations",
            Self::Previews => "previews",
            Self::Results => "results",
            Self::Checks => "checks",
            Self::Reports => "reports",
            Self::Imports => "imports",
            Self::Exports => "exports",
        }
    }
}

/// A file that may be written. It belongs to a workspace.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key(Stored);

/// A file that a row of the database names. It may be read.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Stored(String);

impl Key {
    /// Creates the key of the file `name` in a folder of a workspace.
    pub fn new(workspace_id: Uuid, area: Area, name: &str) -> Self {
        Self(Stored(format!("{}/{name}", folder(workspace_id, area))))
    }

    /// A list of guests, by the SHA-256 of its content in hex.
    pub fn list(workspace_id: Uuid, sha256: &str) -> Self {
        Self::new(workspace_id, Area::Lists, &format!("{sha256}.csv"))
    }

    /// A file of an import.
    pub fn import(workspace_id: Uuid, import_id: Uuid, name: &str) -> Self {
        Self::new(workspace_id, Area::Imports, &format!("{import_id}/{name}"))
    }

    /// The file of an export.
    pub fn export(workspace_id: Uuid, export_id: Uuid, extension: &str) -> Self {
        Self::new(workspace_id, Area::Exports, &format!("{export_id}.{extension}"))
    }

    /// A guest's uploaded picture, by the SHA-256 of its content in hex.
    pub fn picture(workspace_id: Uuid, sha256: &str) -> Self {
        Self::new(workspace_id, Area::Pictures, sha256)
    }

    /// A fetched picture of an invitation, by the mark of its source.
    pub fn fetched(workspace_id: Uuid, invitation_id: Uuid, mark: &str) -> Self {
        Self::new(workspace_id, Area::Fetched, &format!("{invitation_id}-{mark}"))
    }

    /// A template's background or font, by the SHA-256 of its content in hex.
    pub fn template(workspace_id: Uuid, sha256: &str) -> Self {
        Self::new(workspace_id, Area::Templates, sha256)
    }

    /// A crop of a face, by the hash of the picture and the parameters of the crop.
    pub fn portrait(workspace_id: Uuid, hash: &str) -> Self {
        Self::new(workspace_id, Area::Portraits, &format!("{}/{hash}", spread(hash)))
    }

    /// A drawing, by the hash of its content.
    pub fn rendering(workspace_id: Uuid, hash: &str, extension: &str) -> Self {
        Self::new(workspace_id, Area::Renderings, &format!("{}/{hash}.{extension}", spread(hash)))
    }

    /// A published invitation. The event and the number are for people; the id keeps invitations apart.
    pub fn invitation(workspace_id: Uuid, event: &str, number: &str, invitation_id: Uuid, extension: &str) -> Self {
        let name = format!("{event}/{number}-{}.{extension}", invitation_id.simple());
        Self::new(workspace_id, Area::Invitations, &name)
    }

    /// A sample of a template, by the hash of its content.
    pub fn preview(workspace_id: Uuid, hash: &str, extension: &str) -> Self {
        Self::new(workspace_id, Area::Previews, &format!("{hash}.{extension}"))
    }

    /// A run's table of results.
    pub fn results(workspace_id: Uuid, run_id: Uuid) -> Self {
        Self::new(workspace_id, Area::Results, &format!("{run_id}.csv"))
    }

    /// A file of a check, by the SHA-256 of its content in hex.
    pub fn check(workspace_id: Uuid, check_id: Uuid, sha256: &str) -> Self {
        Self::new(workspace_id, Area::Checks, &format!("{check_id}/{sha256}"))
    }

    /// Returns the workspace's file that `text` names. Returns `None` if the file belongs to another workspace, or to
    /// no workspace.
    pub fn known(workspace_id: Uuid, text: &str) -> Option<Self> {
        let own = format!("{ROOT}/{workspace_id}/");
        text.starts_with(&own).then(|| Self(Stored(text.to_owned())))
    }

    /// Returns the file of any workspace that `text` names, for callers that walk through the whole store.
    pub fn of_any(text: &str) -> Option<Self> {
        let (workspace, _) = text.strip_prefix(ROOT)?.strip_prefix('/')?.split_once('/')?;
        Self::known(workspace.parse().ok()?, text)
    }

    /// Returns the area of the file.
    pub fn area(&self) -> Option<Area> {
        let name = self.0.0.split('/').nth(2)?;
        Area::ALL.iter().copied().find(|area| area.folder() == name)
    }
}

impl Stored {
    /// Returns the file that a row of a workspace names.
    ///
    /// # Errors
    /// When the file belongs to another workspace, or to no workspace.
    pub fn of(workspace_id: Uuid, text: &str) -> Result<Self> {
        if let Some(Key(own)) = Key::known(workspace_id, text) {
            return Ok(own);
        }
        if super::old::is_old(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(FilesError::Foreign(text.to_owned()))
    }

    /// The key as text, for a row of the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The extension of the name.
    pub fn extension(&self) -> Option<&str> {
        self.0.rsplit_once('.').map(|(_, extension)| extension)
    }

    /// A file from the time before files lay under workspaces.
    pub(super) fn old(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Deref for Key {
    type Target = Stored;

    fn deref(&self) -> &Stored {
        &self.0
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0.0
    }
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The folder of all workspaces.
pub(super) fn everybody() -> &'static str {
    ROOT
}

/// A folder of a workspace.
pub fn folder(workspace_id: Uuid, area: Area) -> String {
    format!("{ROOT}/{workspace_id}/{}", area.folder())
}

/// Returns the first two digits of a hash, because a folder of a million files is slow to list.
fn spread(hash: &str) -> &str {
    hash.get(..2).unwrap_or("00")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    #[test]
    fn every_key_lies_under_its_workspace() {
        let hash = "abcdef";
        for key in [
            Key::list(ONE, hash),
            Key::picture(ONE, hash),
            Key::template(ONE, hash),
            Key::portrait(ONE, hash),
            Key::rendering(ONE, hash, "jpg"),
            Key::invitation(ONE, "gala", "0001", OTHER, "jpg"),
            Key::preview(ONE, hash, "png"),
            Key::results(ONE, OTHER),
            Key::check(ONE, OTHER, hash),
        ] {
            assert!(key.as_str().starts_with(&format!("workspaces/{ONE}/")), "{key:?}");
            assert_eq!(Key::known(ONE, key.as_str()).as_ref(), Some(&key));
            assert_eq!(Key::of_any(key.as_str()).as_ref(), Some(&key));
            assert!(key.area().is_some(), "{key:?}");
            assert_eq!(Key::known(OTHER, key.as_str()), None);
            assert!(Stored::of(OTHER, key.as_str()).is_err(), "{key:?}");
        }
    }

    #[test]
    fn two_invitations_never_share_a_file() {
        let (here, there) =
            (Key::invitation(ONE, "gala", "0001", ONE, "jpg"), Key::invitation(OTHER, "gala", "0001", ONE, "jpg"));
        assert_ne!(here, there);
        // Two events of one workspace may have the same folder name.
        assert_ne!(here, Key::invitation(ONE, "gala", "0001", OTHER, "jpg"));
    }

    #[test]
    fn what_is_no_file_of_the_store_is_foreign() {
        for text in ["", "health/probe", "workspaces", "workspaces//lists/a", "herald.db", "/etc/passwd"] {
            assert!(matches!(Stored::of(ONE, text), Err(FilesError::Foreign(_))), "{text}");
            assert_eq!(Key::of_any(text), None, "{text}");
        }
    }
}
