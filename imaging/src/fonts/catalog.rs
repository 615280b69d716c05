//! The machine's fonts: found in its font folders, chosen by family or ranked by script.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use herald_template::check_font;
use sha2::{Digest, Sha256};

use super::face::covers_cluster;
use super::rank::{Want, rank};
use super::slot::{FontFile, Slot, Source};
use super::{Face, embedded};

/// The number of kept rankings. A run of invitations meets a few scripts in a few styles.
const MAX_RANKINGS: usize = 64;

/// The largest depth of searched folders.
const MAX_DEPTH: usize = 8;

/// All faces that were found, and the order of attempts for the requests so far.
pub(super) struct Catalog {
    slots: Vec<Slot>,
    by_family: HashMap<String, Vec<usize>>,
    rankings: Mutex<HashMap<Want, Arc<[usize]>>>,
    fingerprint: String,
}

impl Catalog {
    /// Reads the names of all fonts under `dirs` and in the system's well-known folders.
    pub(super) fn scan(dirs: &[PathBuf]) -> Self {
        let mut db = fontdb::Database::new();
        for dir in dirs {
            load_folder(&mut db, dir, 0);
        }
        db.load_system_fonts();
        let mut files: HashMap<PathBuf, Arc<FontFile>> = HashMap::new();
        let mut slots: Vec<Slot> = db
            .faces()
            .filter_map(|info| {
                let fontdb::Source::File(path) = &info.source else { return None };
                let file = files.entry(path.clone()).or_insert_with(|| Arc::new(FontFile::new(path.clone())));
                Some(slot(info, Source::File(file.clone())))
            })
            .collect();
        // The order of files in a folder is arbitrary; the choice of a font must not be.
        slots.sort_by(|a, b| key(a).cmp(&key(b)));
        let mut by_family: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, slot) in slots.iter().enumerate() {
            for family in &slot.families {
                by_family.entry(family.clone()).or_default().push(at);
            }
        }
        tracing::debug!(faces = slots.len(), files = files.len(), "font folders read");
        let fingerprint = fingerprint(&slots);
        Self { slots, by_family, rankings: Mutex::default(), fingerprint }
    }

    /// See [`FontLibrary::fingerprint`](super::FontLibrary::fingerprint).
    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns the faces of a family (lower case).
    pub(super) fn family(&self, family: &str) -> Vec<&Slot> {
        let indices = self.by_family.get(family).map_or(&[][..], Vec::as_slice);
        indices.iter().filter_map(|&at| self.slots.get(at)).collect()
    }

    /// Returns the best face that covers a whole cluster.
    pub(super) fn find(&self, cluster: &str, want: Want) -> Option<Arc<Face>> {
        let ranking = self.ranking(want);
        ranking
            .iter()
            .filter_map(|&at| self.slots.get(at))
            .filter(|slot| covers_cluster(cluster, |c| slot.covers(c)))
            .filter_map(Slot::face)
            .find(|face| !want.emoji || face.draws(cluster))
    }

    fn ranking(&self, want: Want) -> Arc<[usize]> {
        let mut rankings = self.rankings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ranking) = rankings.get(&want) {
            return ranking.clone();
        }
        if rankings.len() == MAX_RANKINGS {
            rankings.clear();
        }
        let mut scored: Vec<(u32, usize)> =
            self.slots.iter().enumerate().filter_map(|(at, slot)| Some((rank(slot, want)?, at))).collect();
        scored.sort_unstable();
        let ranking: Arc<[usize]> = scored.into_iter().map(|(_, at)| at).collect();
        rankings.insert(want, ranking.clone());
        ranking
    }
}

/// Loads the fonts of a folder and its sub-folders, except files that cannot be fonts.
fn load_folder(db: &mut fontdb::Database, folder: &Path, depth: usize) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            // A symbolic link may lead back to its own folder.
            if depth < MAX_DEPTH {
                load_folder(db, &path, depth + 1);
            }
            continue;
        }
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        if !matches!(extension.as_deref(), Some("ttf" | "ttc" | "otf" | "otc")) {
            continue;
        }
        let checked = std::fs::read(&path).map_err(|error| error.to_string());
        let checked = checked.and_then(|bytes| check_font(&bytes).map_err(|flaw| flaw.to_string()));
        let loaded = checked.and_then(|()| db.load_font_file(&path).map_err(|error| error.to_string()));
        if let Err(reason) = loaded {
            tracing::warn!(path = %path.display(), reason, "font file is left out");
        }
    }
}

/// Returns the faces of a font that is given as bytes. The file's name without its extension is also a family name.
pub(super) fn slots_of_bytes(name: &str, bytes: Vec<u8>) -> Vec<Slot> {
    let bytes: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::new(bytes);
    let mut db = fontdb::Database::new();
    db.load_font_source(fontdb::Source::Binary(bytes.clone()));
    let stem = Path::new(name).file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
    let mut slots: Vec<Slot> = db.faces().map(|info| slot(info, Source::Bytes(bytes.clone()))).collect();
    if slots.is_empty() {
        // A font without a name table is still usable, under the name of its file.
        slots.push(Slot::new(Vec::new(), Source::Bytes(bytes), 0));
    }
    for slot in &mut slots {
        slot.families.extend(stem.iter().filter(|stem| !embedded::is_generic(stem)).cloned());
    }
    slots
}

fn slot(info: &fontdb::FaceInfo, source: Source) -> Slot {
    let families = info.families.iter().map(|(name, _)| name.to_lowercase()).collect();
    let mut slot = Slot::new(families, source, info.index);
    slot.weight = info.weight.0;
    slot.italic = info.style != fontdb::Style::Normal;
    slot.monospaced = info.monospaced;
    slot.normal_width = info.stretch == fontdb::Stretch::Normal;
    slot
}

/// Hashes the paths and sizes of the files. Reading all files would take seconds, and a new release of a font has a new
/// size.
fn fingerprint(slots: &[Slot]) -> String {
    let mut hash = Sha256::new();
    for slot in slots {
        let Source::File(file) = &slot.source else { continue };
        let bytes = std::fs::metadata(&file.path).map_or(0, |file| file.len());
        hash.update(format!("{}\0{}\0{bytes}\0", file.path.display(), slot.index));
    }
    hex::encode(hash.finalize())
}

fn key(slot: &Slot) -> (Option<&str>, u16, bool, Option<&PathBuf>, u32) {
    let path = match &slot.source {
        Source::File(file) => Some(&file.path),
        _ => None,
    };
    (slot.family(), slot.weight, slot.italic, path, slot.index)
}
