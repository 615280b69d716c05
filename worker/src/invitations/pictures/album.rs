//! The pictures that are there, and who could mean them.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use super::name::{Likeness, Name};

/// Pictures shown when a name could mean several.
const SHOWN: usize = 3;

/// The pictures that are there.
#[derive(Default)]
pub(super) struct Album {
    pictures: Vec<Picture>,
    /// Folded last part without its ending → pictures.
    by_stem: HashMap<String, Vec<usize>>,
    hasher: RandomState,
}

struct Picture {
    own: String,
    name: Name,
    claim: Option<Claim>,
}

/// Who could mean a picture.
#[derive(Clone, Copy)]
struct Claim {
    /// Hash of the first name that could.
    first: u64,
    line: u64,
    /// The line of another name that could.
    other: Option<u64>,
}

/// What a name means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice<'a> {
    /// One picture.
    One {
        /// Its own name.
        found: &'a str,
        likeness: Likeness,
    },
    /// It fits several.
    Several(Vec<&'a str>),
    /// It fits one that another row could mean as well.
    Contested {
        /// The picture's own name.
        found: &'a str,
        /// Where the other row is.
        line: u64,
    },
    None,
}

impl Album {
    /// Adds a picture under its own name.
    pub(super) fn add(&mut self, own: &str) {
        let name = Name::parse(own);
        let Some(stem) = name.stem() else { return };
        self.by_stem.entry(stem.to_owned()).or_default().push(self.pictures.len());
        self.pictures.push(Picture { own: own.to_owned(), name, claim: None });
    }

    /// Notes that a row of the list could mean some of them.
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

    /// What a name means.
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
