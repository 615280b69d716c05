//! Fuzzing of everything that reads bytes of strangers: expressions, fonts, pictures, lists and zips.
//!
//! libFuzzer needs a nightly compiler, Herald is built with the stable one. So this mutates by itself: from seeds that
//! are valid, by bits, bytes, pieces, the signs of each format and the numbers formats count with. Each target runs in
//! a child of its own with a bound on memory and on processor time, and every input has a budget of time. An input that
//! breaks a bound, panics or ends the child is written down and is the seed of a test.

mod mutate;
mod parent;
mod seeds;
mod targets;

use std::path::PathBuf;
use std::time::Duration;

pub use parent::{child, run};
pub use targets::Target;

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only this target.
    pub only: Option<Target>,
    /// How long each target is fuzzed.
    pub each: Duration,
    /// What the mutations are drawn from.
    pub seed: u64,
    /// Where inputs go that break something.
    pub out: PathBuf,
}

/// What was found in one target.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which.
    pub target: Target,
    /// How many inputs were tried.
    pub inputs: u64,
    /// The inputs that broke something, with what happened.
    pub broken: Vec<(PathBuf, String)>,
}
