//! The name of a picture, as a list or a person's machine writes it, and the likeness of two names.

use unicode_normalization::UnicodeNormalization;

/// The endings that the name of a picture may have.
const ENDINGS: [&str; 15] =
    ["jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif", "svg"];
/// The endings of JPEG files.
const JPEG: [&str; 4] = ["jpg", "jpeg", "jpe", "jfif"];

/// A name, split into its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// The parts as written, without separators and steps such as `./`.
    parts: Vec<String>,
    /// The parts for comparison: composed, in lower case.
    folded: Vec<String>,
    /// Whether the name is a path on some machine (`C:\…`, `/…`). Only its last parts can then mean a picture.
    pub(super) away: bool,
    /// Whether the name contains `..`.
    pub(super) climbs: bool,
}

/// How a name differs from the name of a picture, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    /// The names differ at most in steps such as `./`.
    Path,
    /// The names differ in the composition of letters, or in the separators of folders.
    Spelling,
    /// The names differ in capitals.
    Capitals,
    /// The names differ in the ending.
    Ending,
    /// The names differ in the folders before the last parts.
    LastParts,
}

impl Likeness {
    /// The reason why the two names may mean the same picture.
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Path | Self::Spelling => "the same name, written differently",
            Self::Capitals => "the same name but for capitals",
            Self::Ending => "the only picture of this name with another ending",
            Self::LastParts => "the only picture of this name, in another folder, and no other row means it",
        }
    }

    /// Whether other rows could also mean the picture, so that their names must be compared.
    pub(super) fn is_loose(self) -> bool {
        self >= Self::Ending
    }
}

impl Name {
    /// Splits a name into its parts.
    pub(super) fn parse(written: &str) -> Self {
        let written = written.trim();
        let (rest, is_url) = match written.get(..7) {
            Some(scheme) if scheme.eq_ignore_ascii_case("file://") => (&written[7..], true),
            _ => (written, false),
        };
        let rest = rest.replace('\\', "/");
        let drive = rest.as_bytes().get(1) == Some(&b':') && rest.starts_with(|c: char| c.is_ascii_alphabetic());
        let away = is_url || drive || rest.starts_with(['/', '~']);
        let parts: Vec<String> =
            rest.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect();
        let folded = parts.iter().map(|part| fold(part)).collect();
        Self { climbs: parts.iter().any(|part| part == ".."), parts, folded, away }
    }

    /// The name with `/` between its parts.
    pub(super) fn path(&self) -> String {
        self.parts.join("/")
    }

    /// The parts, for comparison.
    pub(super) fn folded(&self) -> &[String] {
        &self.folded
    }

    /// The last part without its ending, for comparison.
    pub(super) fn stem(&self) -> Option<&str> {
        self.folded.last().map(|last| split(last).0)
    }

    /// The likeness to the name of an existing picture; `None` if the two cannot mean the same picture.
    pub(super) fn likeness(&self, there: &Self) -> Option<Likeness> {
        let (last, folders) = self.folded.split_last()?;
        let (last_there, folders_there) = there.folded.split_last()?;
        // If two names have different lengths, the longer one must end with the shorter one: bob/a.jpg is not
        // ann/a.jpg.
        if !folders.iter().rev().zip(folders_there.iter().rev()).all(|(one, other)| one == other) {
            return None;
        }
        let same_ending = last == last_there;
        if !same_ending && !differ_in_ending(last, last_there) {
            return None;
        }
        Some(if self.away || folders.len() != folders_there.len() {
            Likeness::LastParts
        } else if !same_ending {
            Likeness::Ending
        } else if self.parts == there.parts {
            Likeness::Path
        } else if composed(&self.parts) == composed(&there.parts) {
            Likeness::Spelling
        } else {
            Likeness::Capitals
        })
    }
}

/// Prepares a part for comparison: composed, in lower case.
pub(super) fn fold(part: &str) -> String {
    part.nfc().flat_map(char::to_lowercase).nfc().collect()
}

fn composed(parts: &[String]) -> Vec<String> {
    parts.iter().map(|part| part.nfc().collect()).collect()
}

fn split(last: &str) -> (&str, Option<&str>) {
    match last.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ENDINGS.contains(&ending) => (stem, Some(ending)),
        _ => (last, None),
    }
}

fn differ_in_ending(one: &str, other: &str) -> bool {
    let ((stem, ending), (stem_there, ending_there)) = (split(one), split(other));
    stem == stem_there
        && match (ending, ending_there) {
            (Some(one), Some(other)) => JPEG.contains(&one) && JPEG.contains(&other),
            _ => true,
        }
}
