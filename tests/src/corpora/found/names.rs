//! Names of pictures in a list, and which picture each means.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use herald_invitations::guest_list::{Pictures, Placed};

use super::lists::guests;
use crate::corpora::Line;

/// Each guest of a list, with where their picture is.
fn placed(folder: &Path, file: &str, mut pictures: Pictures) -> Result<Vec<(String, Placed)>> {
    let list = guests(folder, file)?;
    let wanted = || list.iter().filter_map(|guest| guest.picture.as_deref().map(|picture| (guest, picture)));
    // All are looked at before any is asked for again.
    let known: Vec<bool> = wanted().map(|(_, picture)| pictures.look(picture)).collect();
    if known.contains(&false) {
        wanted().for_each(|(guest, picture)| pictures.claim(picture, guest.line));
    }
    Ok(wanted().map(|(guest, picture)| (guest.name.clone(), pictures.place(picture))).collect())
}

/// The pictures that lie beside a list.
fn beside(folder: &Path, file: &str) -> Result<Vec<(String, Placed)>> {
    let root = folder.to_str().context("the folder's name is not UTF-8")?.to_owned();
    placed(folder, file, Pictures::new(Some(root), BTreeMap::new()))
}

/// Whether it is a file that is there.
fn is_there(placed: &Placed) -> bool {
    placed.place.strip_prefix("file:").is_some_and(|path| Path::new(path).is_file())
}

pub(super) fn backslashes(folder: &Path) -> Result<Vec<Line>> {
    let line = |(name, placed): (String, Placed)| {
        // A path of a drive elsewhere may mean the picture, or another one of that name.
        let elsewhere = name == "Dee Slope";
        let (expected, holds) = match elsewhere {
            true => ("pictures/ann.jpg or none", is_there(&placed) || placed.place.starts_with("none:")),
            false => ("pictures/ann.jpg", is_there(&placed)),
        };
        Line::judge(&format!("guests.csv {name}"), expected, last_part(&placed), holds)
    };
    Ok(beside(folder, "guests.csv")?.into_iter().map(line).collect())
}

pub(super) fn decomposed(folder: &Path) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for file in ["list-composed.csv", "list-decomposed.csv"] {
        lines.extend(beside(folder, file)?.into_iter().map(|(name, placed)| {
            Line::judge(&format!("{file} {name}"), "their picture", last_part(&placed), is_there(&placed))
        }));
    }
    Ok(lines)
}

/// An address on the web in any spelling is not the name of a file.
pub(super) fn addresses(folder: &Path) -> Result<Vec<Line>> {
    let line = |(name, placed): (String, Placed)| {
        let is_address = placed.place.starts_with("http://");
        Line::judge(&format!("guests.csv {name}"), "fetched from the web", placed.place, is_address)
    };
    Ok(beside(folder, "guests.csv")?.into_iter().map(line).collect())
}

/// Nobody gets the face of another guest.
pub(super) fn uploaded(folder: &Path) -> Result<Vec<Line>> {
    let upload = |names: &[&str]| {
        let kept = names.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect();
        placed(folder, "guests.csv", Pictures::new(None, kept))
    };
    let mut lines = Vec::new();
    for (name, placed) in upload(&["ann/photo.jpg", "bob/photo.jpg"])? {
        let own = if name.starts_with("Ann") { "store:ann/photo.jpg" } else { "store:bob/photo.jpg" };
        lines.push(Line::compare(&format!("both uploaded, {name}"), own, &placed.place));
    }
    for (name, placed) in upload(&["photo.jpg"])? {
        let (file, holds) = (format!("one uploaded as photo.jpg, {name}"), placed.place.starts_with("none:"));
        lines.push(Line::judge(&file, "no picture: whose it is cannot be known", placed.place, holds));
    }
    for (name, placed) in upload(&["ann/photo.jpg"])? {
        let holds = placed.place.starts_with("store:") == name.starts_with("Ann");
        lines.push(Line::judge(&format!("Ann's uploaded, {name}"), "Ann has it, Bob none", placed.place, holds));
    }
    Ok(lines)
}

fn last_part(placed: &Placed) -> String {
    match placed.place.strip_prefix("file:") {
        Some(path) if is_there(placed) => path.rsplit('/').next().unwrap_or(path).to_owned(),
        Some(path) => format!("missing: {}", path.rsplit('/').next().unwrap_or(path)),
        None => placed.place.clone(),
    }
}
