//! The pictures in the folder of a list on this machine.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Component, Path, PathBuf},
};

use super::{
    album::Album,
    name::{Name, fold},
};

/// The folder of a list.
pub(super) struct Folder {
    root: PathBuf,
    /// The folded paths of the folders whose pictures are in the album.
    listed: HashSet<Vec<String>>,
    /// The entries of each folder that was read, by its path. An entry has a name, and is a folder or a file.
    read: BTreeMap<String, Vec<(String, bool)>>,
}

impl Folder {
    pub(super) fn new(root: String) -> Self {
        Self { root: root.into(), listed: HashSet::new(), read: BTreeMap::new() }
    }

    /// Whether a file with exactly this name exists. Files outside the folder are never read.
    pub(super) fn has(&self, name: &str) -> bool {
        let path = Path::new(name);
        let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        inside && self.root.join(path).is_file()
    }

    /// The place of a file in the folder, in the form that `face.crop` reads.
    pub(super) fn place(&self, name: &str) -> String {
        // The path does not contain steps such as `./`.
        let path: PathBuf = self.root.join(name).components().collect();
        format!("file:{}", path.display())
    }

    /// Adds the pictures that a name could mean to the album. They are in the folders that the name contains, and in
    /// the folders that its last parts name.
    pub(super) fn look(&mut self, name: &Name, album: &mut Album) {
        if name.climbs {
            return;
        }
        let Some((_, folders)) = name.folded().split_last() else { return };
        for from in 0..=folders.len() {
            self.list(&folders[from..], album);
        }
    }

    fn list(&mut self, folders: &[String], album: &mut Album) {
        if !self.listed.insert(folders.to_vec()) {
            return;
        }
        // On most machines, `Pictures` and `pictures` can exist beside each other.
        let mut here = vec![String::new()];
        for wanted in folders {
            let mut next = Vec::new();
            for folder in &here {
                let names = self.entries(folder).iter().filter(|(name, is_folder)| *is_folder && fold(name) == *wanted);
                next.extend(names.map(|(name, _)| format!("{folder}{name}/")));
            }
            here = next;
        }
        for folder in here {
            for (name, _) in self.entries(&folder).iter().filter(|(_, is_folder)| !is_folder) {
                album.add(&format!("{folder}{name}"));
            }
        }
    }

    /// Returns the entries of a folder, by its path with a `/` at the end.
    fn entries(&mut self, folder: &str) -> &[(String, bool)] {
        let root = &self.root;
        self.read.entry(folder.to_owned()).or_insert_with(|| {
            // A folder that does not exist, or cannot be read, has no entries.
            let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
            let mut names: Vec<(String, bool)> = entries
                .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path().is_dir())))
                .collect();
            names.sort_unstable();
            names
        })
    }
}
