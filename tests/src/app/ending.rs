//! What a test leaves in the ledger when it ends.
//!
//! A job that nobody does, a queue that stays held up and a batch that never completes are faults that a test easily
//! overlooks: it has seen what it looked for and ends. So the ledger is looked through after every test with an
//! [`App`](super::App), and whatever the test did not say that it leaves fails it.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use chrono::{DateTime, Utc};
use herald_db::{Db, query};

/// What a test leaves, and whether anybody has looked. It belongs to the test's database: several apps may stand on it.
#[derive(Debug, Default)]
pub(crate) struct Ending(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// An app stood on the database.
    watched: bool,
    looked: bool,
    kinds: BTreeSet<&'static str>,
    queues: BTreeSet<&'static str>,
}

impl Ending {
    /// From now on the test has to be looked through at its end.
    pub(crate) fn watch(&self) {
        self.state().watched = true;
    }

    /// The test leaves live jobs of these kinds, and the batches that wait for them.
    pub(crate) fn leaves(&self, kinds: &[&'static str]) {
        self.state().kinds.extend(kinds);
    }

    /// The test leaves a queue that is paused or blocked, or in which a key is.
    pub(crate) fn leaves_held(&self, queue: &'static str) {
        self.state().queues.insert(queue);
    }

    /// Whether the ledger has to be looked through.
    pub(crate) fn is_watched(&self) -> bool {
        self.state().watched
    }

    /// Looks through the ledger as it is at `now`.
    ///
    /// # Panics
    /// When the test leaves what it did not say, or the database does not answer.
    pub(crate) async fn look(&self, db: &Db, now: DateTime<Utc>) {
        let mut left = Vec::new();
        let (kinds, queues) = {
            let mut state = self.state();
            state.looked = true;
            (state.kinds.clone(), state.queues.clone())
        };
        for (kind, state, jobs) in live_jobs(db).await {
            if !kinds.contains(kind.as_str()) {
                left.push(format!("{kind}, {state}: {jobs}; do these jobs, or say `leaves(&[{kind:?}])`"));
            }
        }
        for (queue, how) in held_queues(db, now).await {
            if !queues.contains(queue.as_str()) {
                left.push(format!("the queue {queue} {how}: release it, or say `leaves_held({queue:?})`"));
            }
        }
        for (name, ended, total) in stuck_batches(db).await {
            left.push(format!("the batch {name:?} is open, though none of its jobs is live: {ended} of {total} ended"));
        }
        assert!(left.is_empty(), "the test leaves in the ledger:\n{}", left.join("\n"));
    }

    /// Fails a test that is fine otherwise if nobody has looked.
    ///
    /// # Panics
    /// Unless the thread panics already.
    pub(crate) fn assert_looked(&self) {
        let state = self.state();
        assert!(
            !state.watched || state.looked || thread::panicking(),
            "a test with an app ends with `database.end().await`, which `on_both_engines!` does by itself"
        );
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The jobs that have not ended, counted by kind and state.
async fn live_jobs(db: &Db) -> Vec<(String, String, i64)> {
    let live = "select kind, state, count(*) from jobs where state not in ('succeeded', 'dead', 'cancelled')
                group by kind, state order by kind, state";
    query(live).all(db).await.expect("the ledger can be read")
}

/// The queues from which nothing is dispatched, wholly or for one key, and what holds them up.
async fn held_queues(db: &Db, now: DateTime<Utc>) -> Vec<(String, String)> {
    let paused: Vec<(String,)> =
        query("select name from queues where paused order by name").all(db).await.expect("the queues can be read");
    let blocked: Vec<(String, Option<String>)> =
        query("select name, blocked_reason from queues where blocked_until > $1 order by name")
            .bind(now)
            .all(db)
            .await
            .expect("the queues can be read");
    let keys: Vec<(String, String, Option<String>)> = query(
        "select queue, limit_key, blocked_reason from queue_keys where blocked_until > $1 order by queue, limit_key",
    )
    .bind(now)
    .all(db)
    .await
    .expect("the queues' keys can be read");
    let told = |reason: Option<String>| reason.unwrap_or_else(|| "no reason is given".to_owned());
    let paused = paused.into_iter().map(|(queue,)| (queue, "is paused".to_owned()));
    let blocked = blocked.into_iter().map(|(queue, reason)| (queue, format!("is blocked ({})", told(reason))));
    let keys = keys.into_iter().map(|(queue, key, reason)| (queue, format!("is blocked for {key} ({})", told(reason))));
    paused.chain(blocked).chain(keys).collect()
}

/// The batches that will never complete: those with a live job are told with that job. Their names, how many of their
/// jobs have ended, and how many they have.
async fn stuck_batches(db: &Db) -> Vec<(String, i64, i64)> {
    query(
        "select name, succeeded + dead + cancelled, total from batches as b where state = 'running' and not exists (
             select 1 from jobs as j where j.batch_id = b.id and j.state not in ('succeeded', 'dead', 'cancelled')
         ) order by name",
    )
    .all(db)
    .await
    .expect("the batches can be read")
}
