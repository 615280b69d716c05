//! The source files of the program, for the tests that look for what no type can forbid.

use std::path::{Path, PathBuf};

/// The source files of every crate that is part of the program: not the tests' and not the benchmarks'. Each with its
/// path from the repository's root.
pub(crate) fn of_the_program() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the repository");
    let mut crates: Vec<_> = folders(root).into_iter().filter(|folder| !is_apart(folder)).collect();
    crates.extend(folders(&root.join("shared")));
    let mut found = Vec::new();
    for folder in crates.iter().map(|folder| folder.join("src")).filter(|folder| folder.is_dir()) {
        below(&folder, &mut found);
    }
    let named = |path: PathBuf| (path.strip_prefix(root).expect("it lies below").display().to_string(), path.clone());
    found.into_iter().map(named).collect()
}

fn is_apart(folder: &Path) -> bool {
    ["tests", "bench", "target"].iter().any(|name| folder.ends_with(name))
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    entries.map(|entry| entry.expect("the entry can be read").path()).filter(|path| path.is_dir()).collect()
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read").map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_crate_of_the_program_is_walked() {
    let found = of_the_program();
    for file in ["api/src/lib.rs", "imaging/src/lib.rs", "shared/base/src/lib.rs", "shared/ledger/src/commit.rs"] {
        assert!(found.iter().any(|(name, _)| name == file), "{file} is not among the {} files", found.len());
    }
    assert!(!found.iter().any(|(name, _)| name.starts_with("tests/") || name.starts_with("bench/")));
}
