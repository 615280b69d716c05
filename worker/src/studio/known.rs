//! The memory about templates: their facts, and the templates that ended the processes working on them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::request::Facts;

/// The number of templates whose facts are kept. The facts of one template take some hundred bytes.
const KEPT: usize = 64;
/// The number of ended processes after which a template is refused.
const ENDS: u32 = 3;
/// How long such a template is refused. After that, one guest may try it again.
const LEFT_ALONE: Duration = Duration::from_secs(600);

/// The memory by version of the template, newest last.
#[derive(Default)]
pub(super) struct Known {
    facts: Vec<(String, Arc<Facts>)>,
    ends: Vec<Ends>,
}

struct Ends {
    version: String,
    count: u32,
    last: Instant,
    message: String,
}

/// The work during which a template ended a process.
#[derive(Clone, Copy)]
pub(super) enum Weight {
    /// The template could not be prepared, which is the same for each guest.
    Prepared,
    /// The template could not be drawn for one guest. The drawing for the next guest may succeed.
    Drawn,
}

impl Known {
    pub(super) fn facts(&self, version: &str) -> Option<Arc<Facts>> {
        self.facts.iter().find(|(known, _)| known == version).map(|(_, facts)| facts.clone())
    }

    pub(super) fn learn(&mut self, version: &str, facts: &Arc<Facts>) {
        if self.facts.len() == KEPT {
            self.facts.remove(0);
        }
        self.facts.push((version.to_owned(), facts.clone()));
    }

    /// Records that a template has ended a process.
    pub(super) fn ended(&mut self, version: &str, weight: Weight, message: &str, now: Instant) {
        let before = self.ends.iter().position(|ends| ends.version == version).map(|at| self.ends.remove(at));
        let count = match weight {
            Weight::Prepared => ENDS,
            Weight::Drawn => before.filter(|ends| now - ends.last < LEFT_ALONE).map_or(0, |ends| ends.count) + 1,
        };
        if self.ends.len() == KEPT {
            self.ends.remove(0);
        }
        self.ends.push(Ends { version: version.to_owned(), count, last: now, message: message.to_owned() });
    }

    /// The reason why a template is refused for now: the message of its last end.
    pub(super) fn left_alone(&self, version: &str, now: Instant) -> Option<String> {
        let ends = self.ends.iter().find(|ends| ends.version == version)?;
        (ends.count >= ENDS && now - ends.last < LEFT_ALONE).then(|| ends.message.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_that_goes_on_ending_processes_is_left_alone_for_a_while() {
        let mut known = Known::default();
        let start = Instant::now();
        for _ in 0..2 {
            known.ended("a", Weight::Drawn, "it computes", start);
            assert_eq!(known.left_alone("a", start), None);
        }
        known.ended("a", Weight::Drawn, "it computes", start);
        known.ended("b", Weight::Prepared, "it cannot be prepared", start);
        assert_eq!(known.left_alone("a", start), Some("it computes".to_owned()));
        assert_eq!(known.left_alone("b", start), Some("it cannot be prepared".to_owned()));
        assert_eq!(known.left_alone("c", start), None);
        let later = start + LEFT_ALONE;
        assert_eq!(known.left_alone("a", later), None);
        known.ended("a", Weight::Drawn, "it computes", later);
        assert_eq!(known.left_alone("a", later), None, "it begins to count anew");
    }

    #[test]
    fn only_so_much_is_remembered() {
        let mut known = Known::default();
        for number in 0..2 * KEPT {
            known.ended(&number.to_string(), Weight::Prepared, "", Instant::now());
        }
        assert_eq!(known.ends.len(), KEPT);
    }
}
