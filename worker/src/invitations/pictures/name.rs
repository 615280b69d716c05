//! A picture's name as a list or a person's machine writes it, and how alike two of them are.

use unicode_normalization::UnicodeNormalization;

/// What a picture's name may end with.
const ENDINGS: [&str; 15] =
    ["jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif", "svg"];
/// Endings of the same kind of file.
const JPEG: [&str; 4] = ["jpg", "jpeg", "jpe", "jfif"];

/// A name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// As written, without separators and steps that lead nowhere.
    parts: Vec<String>,
    /// The same, for comparing: composed, lower case.
    folded: Vec<String>,
    /// It names a place on some machine (`C:\…`, `/…`): only its last parts can mean a picture here.
    pub(super) away: bool,
    /// It has a `..` in it.
    pub(super) climbs: bool,
}

/// How a name differs from a picture's own, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    /// Not at all, but for steps such as `./`.
    Path,
    /// In how letters are composed or folders are separated.
    Spelling,
    /// In capitals.
    Capitals,
    /// In the ending.
    Ending,
    /// In the folders before it.
    LastParts,
}

impl Likeness {
    /// Says why the two may be the same.
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Path | Self::Spelling => "the same name, written differently",
            Self::Capitals => "the same name but for capitals",
            Self::Ending => "the only picture of this name with another ending",
            Self::LastParts => "the only picture of this name, in another folder, and no other row means it",
        }
    }

    /// Whether others could mean the picture as well, so that they must be asked.
    pub(super) fn is_loose(self) -> bool {
        self >= Self::Ending
    }
}

impl Name {
    /// Takes a name apart.
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

    /// The parts, for comparing.
    pub(super) fn folded(&self) -> &[String] {
        &self.folded
    }

    /// The last part without its ending, for comparing.
    pub(super) fn stem(&self) -> Option<&str> {
        self.folded.last().map(|last| split(last).0)
    }

    /// How alike it is to a picture that is there, if the two can be the same at all.
    pub(super) fn likeness(&self, there: &Self) -> Option<Likeness> {
        let (last, folders) = self.folded.split_last()?;
        let (last_there, folders_there) = there.folded.split_last()?;
        // Of two names of different length the shorter must be how the longer ends: bob/a.jpg is not ann/a.jpg.
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

/// For comparing: composed, lower case.
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
