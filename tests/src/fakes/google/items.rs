//! Files and folders, and who may do what with them.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use md5::Md5;
use sha2::{Digest, Sha256};

use super::state::State;

/// The type of folders.
pub(super) const FOLDER: &str = "application/vnd.google-apps.folder";

/// A file or folder.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) parent: Option<String>,
    pub(super) home: Home,
    pub(super) content: Content,
    pub(super) app_properties: BTreeMap<String, String>,
    pub(super) permissions: Vec<Permission>,
    /// By itself; see [`State::is_trashed`].
    pub(super) trashed: bool,
    /// How often its content was written.
    pub(super) versions: usize,
    /// The order in which items were made.
    pub(super) seq: u64,
    pub(super) created: DateTime<Utc>,
    pub(super) modified: DateTime<Utc>,
    /// Whether the app made it or was given it: what the scope `drive.file` sees.
    pub(super) by_app: bool,
    /// Whether searches find it yet.
    pub(super) found: bool,
}

/// Whose an item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// In somebody's My Drive: the owner's e-mail address.
    Mine(String),
    /// In a shared drive: its id.
    Shared(String),
}

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// `None` when it was forgotten.
    pub(super) bytes: Option<Bytes>,
    pub(super) size: u64,
    pub(super) sha256: String,
    pub(super) md5: String,
}

impl Content {
    pub(super) fn of(bytes: Bytes, forget: bool) -> Self {
        Self {
            size: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(&bytes)),
            md5: hex::encode(Md5::digest(&bytes)),
            bytes: (!forget).then_some(bytes),
        }
    }
}

/// Who may see or change an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Its id.
    pub id: String,
    /// `anyone` or `user`.
    pub kind: String,
    /// `reader`, `commenter`, `writer`, `fileOrganizer`, `organizer` or `owner`.
    pub role: String,
    /// Whose it is, unless it is anyone's.
    pub email: Option<String>,
    /// Whether searches of strangers find it.
    pub discoverable: bool,
}

impl Permission {
    pub(super) fn user(email: &str, role: &str) -> Self {
        let hash = Sha256::digest(email);
        let id = hash.iter().take(16).map(|byte| char::from(b'0' + byte % 10)).collect();
        Self { id, kind: "user".to_owned(), role: role.to_owned(), email: Some(email.to_owned()), discoverable: false }
    }

    pub(super) fn anyone(role: &str, discoverable: bool) -> Self {
        let id = if discoverable { "anyone" } else { "anyoneWithLink" };
        Self { id: id.to_owned(), kind: "anyone".to_owned(), role: role.to_owned(), email: None, discoverable }
    }
}

impl Item {
    /// An item whose id, number and times are given by [`State::put`].
    pub(super) fn new(name: &str, kind: &str, parent: Option<String>, home: Home) -> Self {
        Self {
            id: String::new(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            parent,
            home,
            content: Content::default(),
            app_properties: BTreeMap::new(),
            permissions: Vec::new(),
            trashed: false,
            versions: 0,
            seq: 0,
            created: DateTime::UNIX_EPOCH,
            modified: DateTime::UNIX_EPOCH,
            by_app: false,
            found: true,
        }
    }

    pub(super) fn is_folder(&self) -> bool {
        self.kind == FOLDER
    }

    /// Whether it is a kind of Google's own, without bytes.
    pub(super) fn is_native(&self) -> bool {
        self.kind.starts_with("application/vnd.google-apps.")
    }
}

/// What someone may do with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Reader,
    Writer,
    /// May move and trash what is in a shared drive, not delete it.
    ContentManager,
    /// The owner, or a shared drive's manager.
    Owner,
}

fn role(name: &str) -> Role {
    match name {
        "writer" => Role::Writer,
        "fileOrganizer" => Role::ContentManager,
        "organizer" | "owner" => Role::Owner,
        _ => Role::Reader,
    }
}

impl State {
    /// An item and the folders it is in, from the inside out.
    pub(super) fn line<'a>(&'a self, item: &'a Item) -> impl Iterator<Item = &'a Item> {
        std::iter::successors(Some(item), |item| self.items.get(item.parent.as_deref()?))
    }

    /// What someone may do with an item; `None` is not even to see it.
    pub(super) fn role(&self, email: &str, item: &Item) -> Option<Role> {
        if matches!(&item.home, Home::Mine(owner) if owner == email) {
            return Some(Role::Owner);
        }
        let permissions = self.line(item).flat_map(|item| &item.permissions);
        let ours = permissions.filter(|one| one.email.as_deref().is_none_or(|whose| whose == email));
        ours.map(|one| role(&one.role)).max()
    }

    /// Its own permissions, and those of the folders it is in.
    pub(super) fn permissions(&self, item: &Item) -> Vec<Permission> {
        let mut all: Vec<Permission> = Vec::new();
        for permission in self.line(item).flat_map(|item| &item.permissions) {
            if !all.iter().any(|one| one.id == permission.id) {
                all.push(permission.clone());
            }
        }
        all
    }

    /// Whether anyone who has its link sees it.
    pub(super) fn is_public(&self, item: &Item) -> bool {
        self.line(item).flat_map(|item| &item.permissions).any(|one| one.kind == "anyone")
    }

    /// Whether it, or a folder it is in, is in the trash.
    pub(super) fn is_trashed(&self, item: &Item) -> bool {
        self.line(item).any(|item| item.trashed)
    }

    /// Keeps an item; its id, which is a new one when it has none.
    pub(super) fn put(&mut self, mut item: Item) -> String {
        if item.id.is_empty() {
            item.id = self.ids.file();
        }
        self.made += 1;
        item.seq = self.made;
        item.created = self.clock.now();
        item.modified = item.created;
        let id = item.id.clone();
        self.items.insert(id.clone(), item);
        id
    }

    /// Removes an item with all that is in it. Their ids stay used.
    pub(super) fn remove(&mut self, id: &str) {
        let mut gone = vec![id.to_owned()];
        while let Some(id) = gone.pop() {
            let inside = self.items.values().filter(|item| item.parent.as_deref() == Some(&id));
            gone.extend(inside.map(|item| item.id.clone()));
            self.items.remove(&id);
            self.used.insert(id);
        }
    }
}

/// A file or folder, for the test to read.
#[derive(Clone, Debug)]
pub struct DriveFile {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its MIME type.
    pub mime_type: String,
    /// The folder it is in.
    pub parents: Vec<String>,
    /// Lower-case hex, empty for folders.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
    /// What it holds, empty when bytes are forgotten.
    pub bytes: Bytes,
    /// What the app noted on it.
    pub app_properties: BTreeMap<String, String>,
    /// Its own permissions, without those of its folder.
    pub permissions: Vec<Permission>,
    /// How often its content was written; 1 after it was made.
    pub versions: usize,
    /// Whether it, or a folder it is in, is in the trash.
    pub trashed: bool,
    /// Whether anyone who has its link sees it, by itself or by its folder.
    pub public: bool,
    /// Its page.
    pub web_view_link: String,
}

impl DriveFile {
    pub(super) fn of(state: &State, item: &Item) -> Self {
        Self {
            id: item.id.clone(),
            name: item.name.clone(),
            mime_type: item.kind.clone(),
            parents: item.parent.iter().cloned().collect(),
            sha256: item.content.sha256.clone(),
            size: item.content.size,
            bytes: item.content.bytes.clone().unwrap_or_default(),
            app_properties: item.app_properties.clone(),
            permissions: item.permissions.clone(),
            versions: item.versions,
            trashed: state.is_trashed(item),
            public: state.is_public(item),
            web_view_link: state.web_view_link(item),
        }
    }
}
