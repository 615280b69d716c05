//! Checks of Herald's readers on cases that others wrote: a folder outside the repository, with a sub-folder for each
//! kind of case.
//!
//! The cases stay where they are, under their own licences. What is expected of each is here, in terms of what Herald
//! promises. A fault that a case shows becomes a small test of our own beside the repaired code.

mod addresses;
mod agents;
mod bounces;
mod found;
mod isemail;
mod known;
mod table;
mod whatsapp;
mod workbooks;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub use table::{Line, Table, Verdict};

/// Reads a sub-folder and says what came of its files.
type Reader = fn(&Path) -> anyhow::Result<Vec<Line>>;

/// The sub-folders that Herald has readers for.
const READERS: [(&str, Reader); 6] = [
    ("addresses", addresses::read),
    ("agents", agents::read),
    ("bounces", bounces::read),
    ("found", found::read),
    ("whatsapp", whatsapp::read),
    ("workbooks", workbooks::read),
];

/// Why a folder cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum CorporaError {
    /// The folder cannot be read.
    #[error("cannot read the folder of cases {folder}: {source}; name the folder that has addresses/, found/ … in it")]
    Unreadable {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no sub-folder.
    #[error("{0} has no sub-folder; name the folder that has addresses/, found/ … in it")]
    Bare(PathBuf),
}

/// Checks all cases of a folder.
///
/// # Errors
/// [`CorporaError`] if there is no folder of cases at that place. What is wrong inside it stands in the table.
pub fn run(folder: &Path) -> Result<Table, CorporaError> {
    let folders =
        sub_folders(folder).map_err(|source| CorporaError::Unreadable { folder: folder.to_owned(), source })?;
    if folders.is_empty() {
        return Err(CorporaError::Bare(folder.to_owned()));
    }
    let mut table = Table::default();
    for name in folders {
        let place = folder.join(&name);
        match READERS.iter().find(|(known, _)| *known == name) {
            Some((_, read)) => match read(&place) {
                Ok(lines) => table.extend(&name, lines),
                Err(error) => table.extend("", [Line::compare(&name, "is read", &format!("{error:#}"))]),
            },
            None => {
                let files = count(&place);
                table.extend("", [Line::unread(&format!("{name}/"), &format!("no reader yet: {files} files"))]);
            }
        }
    }
    table.say_what_is_mended();
    Ok(table)
}

/// The names of the folders in a folder, in order.
fn sub_folders(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// How many files are below a folder.
fn count(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_missing_or_bare_is_an_error_with_the_cure() {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        for place in [folder.path().to_owned(), folder.path().join("missing")] {
            let error = run(&place).expect_err("there are no cases").to_string();
            assert!(error.contains("name the folder that has"), "{error}");
        }
    }

    #[test]
    fn a_sub_folder_without_a_reader_is_counted_and_does_not_fail() {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        fs::create_dir_all(folder.path().join("letters/deep")).expect("the folder is writable");
        for file in ["letters/a.eml", "letters/deep/b.eml"] {
            fs::write(folder.path().join(file), "x").expect("the folder is writable");
        }
        let table = run(folder.path()).expect("there is a sub-folder");
        assert!(table.is_as_expected());
        assert!(table.to_string().contains("no reader yet: 2 files"), "{table}");
    }

    #[test]
    fn a_sub_folder_that_cannot_be_read_is_a_fault() {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        fs::create_dir(folder.path().join("addresses")).expect("the folder is writable");
        assert!(!run(folder.path()).expect("there is a sub-folder").is_as_expected());
    }
}
