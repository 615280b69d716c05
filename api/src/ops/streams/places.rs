//! The limits on the number of open streams.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::http::header;
use herald_ledger::rate_limits::Subject;
use uuid::Uuid;

use crate::front::problem::{Kind, Problem};

/// The largest number of open streams of a process.
pub(super) const MOST: usize = 1_000;
/// The largest number of open streams of one person or one key.
const PER_CALLER: usize = 20;
/// The largest number of open streams of one workspace.
const PER_WORKSPACE: usize = 200;

/// Counts open streams. Clones share the same counts.
#[derive(Clone, Default)]
pub(super) struct Places(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    all: usize,
    callers: HashMap<Subject, usize>,
    workspaces: HashMap<Uuid, usize>,
}

/// A counted stream. It counts until this value is dropped.
pub(super) struct Place {
    places: Places,
    caller: Subject,
    workspace: Option<Uuid>,
}

impl Places {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a stream of a caller. An administrator may have no workspace.
    pub(super) fn take(&self, caller: Subject, workspace: Option<Uuid>) -> Result<Place, Problem> {
        let mut counts = self.counts();
        let of_caller = counts.callers.get(&caller).copied().unwrap_or(0);
        let of_workspace = workspace.and_then(|id| counts.workspaces.get(&id).copied()).unwrap_or(0);
        let refusal = if of_caller >= PER_CALLER {
            Some((
                Kind::TooManyRequests,
                format!("you have {PER_CALLER} open event streams, which is the limit: close one first"),
            ))
        } else if of_workspace >= PER_WORKSPACE {
            Some((
                Kind::TooManyRequests,
                format!(
                    "this workspace has {PER_WORKSPACE} open event streams, which is the limit: close one, or poll \
                     with GET instead"
                ),
            ))
        } else if counts.all >= MOST {
            Some((
                Kind::Unavailable,
                "Herald has too many open event streams: try again in a moment, or poll with GET instead".to_owned(),
            ))
        } else {
            None
        };
        if let Some((kind, detail)) = refusal {
            return Err(Problem::new(kind, detail).header(header::RETRY_AFTER, "10"));
        }
        counts.all += 1;
        *counts.callers.entry(caller).or_default() += 1;
        if let Some(workspace) = workspace {
            *counts.workspaces.entry(workspace).or_default() += 1;
        }
        drop(counts);
        Ok(Place { places: self.clone(), caller, workspace })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.places.counts();
        counts.all -= 1;
        one_less(&mut counts.callers, self.caller);
        if let Some(workspace) = self.workspace {
            one_less(&mut counts.workspaces, workspace);
        }
    }
}

fn one_less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: u128) -> Subject {
        Subject::User(Uuid::from_u128(number))
    }

    fn refused(places: &Places, caller: Subject, workspace: Option<Uuid>) -> Option<u16> {
        places.take(caller, workspace).err().map(|problem| problem.respond(None).status().as_u16())
    }

    #[test]
    fn a_person_a_workspace_and_all_have_their_measure() {
        let (places, north) = (Places::default(), Some(Uuid::from_u128(1)));
        let take = |caller, workspace| places.take(person(caller), workspace).expect("there is room");
        let mut held: Vec<Place> = (0..PER_CALLER).map(|_| take(1, north)).collect();
        assert_eq!(refused(&places, person(1), north), Some(429));
        assert_eq!(refused(&places, person(1), Some(Uuid::from_u128(2))), Some(429), "in another workspace, too");
        held.extend((PER_CALLER..PER_WORKSPACE).map(|number| take(number as u128, north)));
        assert_eq!(refused(&places, person(5_000), north), Some(429));
        held.extend((PER_WORKSPACE..MOST).map(|number| take(number as u128, Some(Uuid::from_u128(number as u128)))));
        assert_eq!(refused(&places, person(5_000), None), Some(503));
        held.clear();
        let counts = places.counts();
        assert_eq!((counts.all, counts.callers.len(), counts.workspaces.len()), (0, 0, 0));
    }
}
