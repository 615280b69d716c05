//! Finds the picture that a list means: one that was uploaded with it, or one in the list's folder.
//!
//! A picture with exactly the written name is used. Otherwise names are compared as a person would compare them:
//! composed and decomposed letters, `\` and `/`, capitals, a missing ending. The last part of a name alone is enough
//! only if it fits one picture, and no other row could mean that picture. So no guest gets a stranger's face.
//!
//! If a name does not exist exactly, the list is read twice before its guests are imported. The first pass finds the
//! pictures that exist ([`Pictures::look`]), and the second finds the other rows that could mean them
//! ([`Pictures::claim`]).

mod album;
mod folder;
mod name;

use std::collections::BTreeMap;

use self::{
    album::{Album, Choice},
    folder::Folder,
    name::{Likeness, Name},
};

/// The pictures that the names in a list can mean.
pub struct Pictures {
    source: Source,
    album: Album,
}

enum Source {
    /// The names of uploaded pictures, with their keys in the file store.
    Uploaded(BTreeMap<String, String>),
    Beside(Folder),
}

/// The place of a guest's picture.
#[derive(Debug, PartialEq, Eq)]
pub struct Placed {
    /// The place, in the form that `face.crop` reads. For a picture that cannot be used, it contains the reason for the
    /// guest's results.
    pub place: String,
    /// How the name in the list differs from the name of the picture.
    pub note: Option<String>,
}

impl Placed {
    fn at(place: String) -> Self {
        Self { place, note: None }
    }

    fn none(reason: &str) -> Self {
        Self::at(format!("none:{reason}"))
    }
}

impl Pictures {
    /// Creates the pictures of a list. An uploaded list has the pictures that were uploaded with it. Only a list of
    /// this machine has a folder.
    pub fn new(folder: Option<String>, uploaded: BTreeMap<String, String>) -> Self {
        match folder {
            Some(folder) => Self { source: Source::Beside(Folder::new(folder)), album: Album::default() },
            None => {
                let mut album = Album::default();
                uploaded.keys().for_each(|name| album.add(name));
                Self { source: Source::Uploaded(uploaded), album }
            }
        }
    }

    /// Looks a name of the list up. Returns whether the picture exists exactly; if not, other names must be compared.
    pub fn look(&mut self, picture: &str) -> bool {
        if address(picture).is_some() || self.exact(picture).is_some() {
            return true;
        }
        if let Source::Beside(folder) = &mut self.source {
            folder.look(&Name::parse(picture), &mut self.album);
        }
        false
    }

    /// Records the pictures that a row of the list could mean.
    pub fn claim(&mut self, picture: &str, line: u64) {
        if address(picture).is_none() {
            self.album.claim(&Name::parse(picture), line);
        }
    }

    /// Returns the place of the picture with this name. Before that, every row of the list must have been looked up and
    /// recorded.
    pub fn place(&self, picture: &str) -> Placed {
        if let Some(address) = address(picture) {
            return Placed::at(address);
        }
        if let Some(place) = self.exact(picture) {
            return Placed::at(place);
        }
        let name = Name::parse(picture);
        let choice = if name.climbs { Choice::None } else { self.album.choose(&name) };
        match choice {
            Choice::One { found, likeness } => {
                let said = likeness != Likeness::Path || picture.contains('\\');
                let note =
                    said.then(|| format!("picture \"{picture}\" is taken to be \"{found}\": {}", likeness.why()));
                Placed { place: self.place_of(found), note }
            }
            Choice::Several(found) => {
                let found: Vec<String> = found.iter().map(|name| format!("\"{name}\"")).collect();
                Placed::none(&format!(
                    "picture \"{picture}\" could be {}: name one of them exactly in the list",
                    found.join(" or ")
                ))
            }
            Choice::Contested { found, line } => Placed::none(&format!(
                "picture \"{picture}\" {}, and \"{found}\" may be meant by line {line} of the list as well: \
                 name it exactly in the list",
                self.lack()
            )),
            Choice::None => match &self.source {
                Source::Uploaded(_) => Placed::none(&format!(
                    "picture \"{picture}\" was not uploaded with the list: upload it, or give a web address"
                )),
                Source::Beside(_) if name.away || name.climbs => outside(picture),
                // The file may still be added before it is read.
                Source::Beside(folder) => Placed::at(folder.place(&name.path())),
            },
        }
    }

    fn lack(&self) -> &'static str {
        match self.source {
            Source::Uploaded(_) => "was not uploaded with the list under this name",
            Source::Beside(_) => "is not there under this name",
        }
    }

    fn exact(&self, picture: &str) -> Option<String> {
        match &self.source {
            Source::Uploaded(uploaded) => uploaded.contains_key(picture).then(|| self.place_of(picture)),
            Source::Beside(folder) => folder.has(picture).then(|| folder.place(picture)),
        }
    }

    fn place_of(&self, found: &str) -> String {
        match &self.source {
            Source::Uploaded(uploaded) => {
                format!("store:{}", uploaded.get(found).map(String::as_str).unwrap_or_default())
            }
            Source::Beside(folder) => folder.place(found),
        }
    }
}

fn outside(picture: &str) -> Placed {
    Placed::none(&format!(
        "picture \"{picture}\" lies outside the list's folder: put it beside the list and name it relative to it"
    ))
}

/// The web address in a list, with its scheme in the form that fetches expect; `None` for a file name. Phones begin an
/// address with a capital letter.
pub fn address(picture: &str) -> Option<String> {
    ["http://", "https://"].into_iter().find_map(|scheme| {
        let (start, rest) = picture.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then(|| format!("{scheme}{rest}"))
    })
}

#[cfg(test)]
mod tests;
