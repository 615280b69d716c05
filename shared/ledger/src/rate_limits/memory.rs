//! Counts in this process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Asked, Class, Counts, Subject, Window, generations::Generations};

/// Subjects of a class that are certainly remembered. If a client comes from more addresses than this, Herald forgets
/// those that came least lately and does not run out of memory. Classes do not crowd each other.
const MOST: usize = 50_000;

pub(super) struct Memory {
    /// By class. Each is locked for as long as a few small sums take.
    classes: [Mutex<Subjects>; Class::ALL.len()],
}

/// A subject's counts by window, each the oldest part first.
type Subjects = Generations<Subject, Vec<Vec<(i64, u32)>>>;

impl Memory {
    /// For classes with these windows, in the order of [`Class::ALL`].
    pub(super) fn new(windows: &[Vec<Window>; Class::ALL.len()]) -> Self {
        let classes = windows.each_ref().map(|windows| {
            // Nothing that counts is forgotten by time.
            let lasts = windows.iter().map(Window::kept).max().unwrap_or_default();
            Mutex::new(Generations::new(MOST, i64::try_from(lasts.as_micros()).unwrap_or(i64::MAX)))
        });
        Self { classes }
    }

    /// Takes a request if there is room everywhere, and returns whether, and the counts before it.
    pub(super) fn take(&self, asked: &Asked<'_>) -> (bool, Counts) {
        let mut subjects = self.lock(asked.class);
        let mut before = Counts::with_capacity(asked.subjects.len() * asked.windows.len());
        let mut allowed = true;
        for subject in asked.subjects {
            let (counts, crowded) = subjects.touch(*subject, asked.now);
            if crowded {
                tracing::warn!(class = asked.class.name(), "more clients than can be counted: some were forgotten");
            }
            counts.resize_with(asked.windows.len(), Vec::new);
            for (window, counts) in asked.windows.iter().zip(counts) {
                let oldest = window.oldest(asked.now);
                counts.retain(|(slot, _)| *slot >= oldest);
                allowed &= window.has_room(counts, asked.cost);
                before.push(counts.clone());
            }
        }
        if allowed && asked.cost > 0 {
            for subject in asked.subjects {
                let (counts, _) = subjects.touch(*subject, asked.now);
                counts.resize_with(asked.windows.len(), Vec::new);
                for (window, counts) in asked.windows.iter().zip(counts) {
                    let slot = window.slot(asked.now);
                    match counts.binary_search_by_key(&slot, |(slot, _)| *slot) {
                        Ok(at) => counts[at].1 = counts[at].1.saturating_add(asked.cost),
                        Err(at) => counts.insert(at, (slot, asked.cost)),
                    }
                }
            }
        }
        (allowed, before)
    }

    /// Takes away the requests that were counted at that time.
    pub(super) fn give_back(&self, asked: &Asked<'_>) {
        let mut subjects = self.lock(asked.class);
        for subject in asked.subjects {
            let (counts, _) = subjects.touch(*subject, asked.now);
            for (window, counts) in asked.windows.iter().zip(counts) {
                let slot = window.slot(asked.now);
                if let Ok(at) = counts.binary_search_by_key(&slot, |(slot, _)| *slot) {
                    counts[at].1 = counts[at].1.saturating_sub(asked.cost);
                }
                counts.retain(|(_, count)| *count > 0);
            }
        }
    }

    fn lock(&self, class: Class) -> MutexGuard<'_, Subjects> {
        self.classes[class.number()].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
