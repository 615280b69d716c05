//! The existing pictures, and the rows of the list that could mean them.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use super::name::{Likeness, Name};

/// The number of pictures in a message about a name that could mean several.
const SHOWN: usize = 3;

/// The existing pictures.
#[derive(Default)]
pub(super) struct Album {
    pictures: Vec<Picture>,
    /// The pictures by the folded last part of their name, without its ending.
    by_stem: HashMap<String, Vec<usize>>,
    hasher: RandomState,
}

struct Picture {
    own: String,
    name: Name,
    claim: Option<Claim>,
}

/// The rows that could mean a picture.
#[derive(Clone, Copy)]
struct Claim {
    /// The hash of the first name that could mean it.
    first: u64,
    line: u64,
    /// The line of another name that could mean it.
    other: Option<u64>,
}

/// The meaning of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice<'a> {
    /// The name means one picture.
    One {
        /// The name of the picture.
        found: &'a str,
        likeness: Likeness,
    },
    /// The name fits several pictures.
    Several(Vec<&'a str>),
    /// The name fits a picture that another row could also mean.
    Contested {
        /// The name of the picture.
        found: &'a str,
        /// The line of the other row.
        line: u64,
    },
    None,
}

impl Album {
    /// Adds a picture under its name.
    pub(super) fn add(&mut self, own: &str) {
        let name = Name::parse(own);
        let Some(stem) = name.stem() else { return };
        self.by_stem.entry(stem.to_owned()).or_default().push(self.pictures.len());
        self.pictures.push(Picture { own: own.to_owned(), name, claim: None });
    }

    /// Records that a row of the list could mean some of the pictures.
    pub(super) fn claim(&mut self, wanted: &Name, line: u64) {
        let hash = self.hash(wanted);
        let fitting: Vec<usize> = self.fitting(wanted).map(|(at, _)| at).collect();
        for at in fitting {
            match &mut self.pictures[at].claim {
                Some(claim) if claim.first == hash => {}
                Some(claim) => claim.other = claim.other.or(Some(line)),
                claim @ None => *claim = Some(Claim { first: hash, line, other: None }),
            }
        }
    }

    /// Chooses the picture that a name means.
    pub(super) fn choose(&self, wanted: &Name) -> Choice<'_> {
        let Some(closest) = self.fitting(wanted).map(|(_, likeness)| likeness).min() else { return Choice::None };
        let mut fitting = self.fitting(wanted).filter(|(_, likeness)| *likeness == closest).map(|(at, _)| at);
        let (first, mut several) = (fitting.next(), fitting.peekable());
        let Some(first) = first.map(|at| &self.pictures[at]) else { return Choice::None };
        if several.peek().is_some() {
            let names = std::iter::once(first).chain(several.map(|at| &self.pictures[at]));
            return Choice::Several(names.take(SHOWN).map(|picture| picture.own.as_str()).collect());
        }
        let contested =
            first.claim.filter(|_| closest.is_loose()).and_then(|claim| claim.by_another(self.hash(wanted)));
        match contested {
            Some(line) => Choice::Contested { found: &first.own, line },
            None => Choice::One { found: &first.own, likeness: closest },
        }
    }

    fn fitting<'a>(&'a self, wanted: &'a Name) -> impl Iterator<Item = (usize, Likeness)> + 'a {
        let of_stem = wanted.stem().and_then(|stem| self.by_stem.get(stem));
        of_stem.into_iter().flatten().filter_map(|at| Some((*at, wanted.likeness(&self.pictures[*at].name)?)))
    }

    fn hash(&self, name: &Name) -> u64 {
        self.hasher.hash_one((name.away, name.folded()))
    }
}

impl Claim {
    fn by_another(self, hash: u64) -> Option<u64> {
        if self.first == hash { self.other } else { Some(self.line) }
    }
}
