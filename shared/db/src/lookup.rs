//! Reads by key that many callers need at the same time.
//!
//! A busy API repeats a few statements over and over, each for one row: the owner of a key, the state of a job. While
//! such a read is in progress, further callers wait. When it has ended, PostgreSQL gets one statement for all of them:
//!
//! ```text
//! 1 ─▶ reads alone ──────┐
//! 2 ──▶ waits ─┐         ▼
//! 3 ───▶ waits ┴─▶ read together ──┐
//! 4 ──────────────▶ waits ─┐       ▼
//! 5 ─────────────────▶ waits ┴─▶ read together ─▶ …
//! ```
//!
//! So under more load, more callers share a round trip, and a single caller waits for no other. No result is cached:
//! each read begins after its caller asked, and sees everything that was committed until then. A caller reads
//! separately if it waits too long, or if the common read fails.
//!
//! SQLite is queried directly, because it needs no round trip.

use std::{
    collections::{HashMap, hash_map::Entry},
    panic::Location,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use herald_base::boxed;
use sqlx::Row;
use sqlx_postgres::PgRow;
use tokio::{runtime::Handle, sync::oneshot, time::timeout};

use super::{
    Column, Db, EngineKind, Query, Record, Result,
    bulk::unnest,
    query,
    rows::{Rows, Unread},
};

/// The largest number of callers in one read.
const MOST: usize = 500;
/// How long a caller waits for earlier reads before it reads separately, and how long a read may delay the others.
const PATIENCE: Duration = Duration::from_secs(2);

/// A read that is being built. See [`lookup`].
#[derive(Clone)]
#[must_use = "a lookup does nothing until it is run"]
pub struct Lookup {
    sql: &'static str,
    key: Vec<(&'static str, Column)>,
    from: &'static Location<'static>,
}

/// Starts a read by key. The statement has `{rows}` in the place of the keys, with the alias `rows` as in
/// [`super::Bulk`]. It returns each key's `rows.nth` together with the rows found for the key:
///
/// ```sql
/// select rows.nth, kind, state from {rows} join jobs on jobs.id = rows.job
/// ```
#[track_caller]
pub fn lookup(sql: &'static str) -> Lookup {
    Lookup { sql, key: Vec::new(), from: Location::caller() }
}

impl Lookup {
    /// Sets the value of a column of `rows`.
    pub fn by<T>(mut self, name: &'static str, value: T) -> Self
    where
        Column: FromIterator<T>,
    {
        self.key.push((name, Column::from_iter([value])));
        self
    }

    /// Returns every row for the key, in the statement's order.
    pub async fn all<T: Record>(self, db: &Db) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.read(db, &mut rows).await?;
        Ok(rows)
    }

    #[boxed]
    async fn read(self, db: &Db, rows: &mut dyn Rows) -> Result<()> {
        let reading = match db.lines().turn(db, &self) {
            Turn::First(reading) => Some(reading),
            Turn::Later(answer) => match timeout(PATIENCE, answer).await {
                Ok(Ok(found)) => return Ok(found.into_iter().try_for_each(|row| rows.take(row.into()))?),
                _ => None,
            },
            Turn::Apart => None,
        };
        let mut read = self.alone(db.kind()).read(db, rows);
        match timeout(PATIENCE, &mut read).await {
            Ok(found) => found,
            Err(_) => {
                // The read may hang with its connection, but must not block the callers behind it.
                drop(reading);
                read.await
            }
        }
    }

    /// Returns the first row for the key, if there is one.
    pub async fn optional<T: Record>(self, db: &Db) -> Result<Option<T>> {
        Ok(self.all(db).await?.into_iter().next())
    }

    /// Builds the read for this key. The statement stays prepared.
    fn alone(self, engine: EngineKind) -> Query {
        let value = |(at, (name, column)): (usize, &(_, Column))| match engine {
            EngineKind::Postgres => format!("${}::{} as {name}, ", at + 1, column.pg_type()),
            EngineKind::Sqlite => format!("${} as {name}, ", at + 1),
        };
        let values: String = self.key.iter().enumerate().map(value).collect();
        let sql = self.sql.replace("{rows}", &format!("(select {values}cast(1 as bigint) as nth) as rows"));
        self.key
            .into_iter()
            .flat_map(|(_, column)| column.into_values())
            .fold(query(&sql).written_at(self.from), Query::bind)
    }

    /// Builds the read for several keys. It is planned each time. A plan that was made for a nearly empty table, and
    /// kept, would read the whole table when it is full.
    fn together(self) -> Query {
        let (arrays, names) = unnest(&self.key);
        let sql = self.sql.replace("{rows}", &format!("{arrays} with ordinality as rows({names}, nth)"));
        Query::over_arrays(sql, self.key.into_iter().map(|(_, column)| column), self.from).once()
    }
}

/// The waiting callers, by statement. A statement has an entry while it is read.
#[derive(Default)]
pub(super) struct Lines(Mutex<HashMap<&'static str, Vec<Asker>>>);

struct Asker {
    lookup: Lookup,
    answer: oneshot::Sender<Vec<PgRow>>,
}

enum Turn {
    /// No read is in progress.
    First(Reading),
    /// A read is in progress.
    Later(oneshot::Receiver<Vec<PgRow>>),
    /// Callers do not wait for each other.
    Apart,
}

impl Lines {
    fn turn(&self, db: &Db, lookup: &Lookup) -> Turn {
        if db.kind() == EngineKind::Sqlite {
            return Turn::Apart;
        }
        match self.lock().entry(lookup.sql) {
            Entry::Vacant(none) => {
                none.insert(Vec::new());
                Turn::First(Reading { db: db.clone(), sql: lookup.sql })
            }
            Entry::Occupied(mut line) => {
                let (answer, answered) = oneshot::channel();
                line.get_mut().push(Asker { lookup: lookup.clone(), answer });
                Turn::Later(answered)
            }
        }
    }

    /// Returns the next callers. `None` means that no caller waits any more, and the next caller is the first again.
    fn next(&self, sql: &'static str) -> Option<Vec<Asker>> {
        let mut lines = self.lock();
        let line = lines.get_mut(sql)?;
        line.retain(|asker| !asker.answer.is_closed());
        if line.is_empty() {
            lines.remove(sql);
            return None;
        }
        let rest = line.split_off(line.len().min(MOST));
        Some(std::mem::replace(line, rest))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Vec<Asker>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read in progress. When it is over, however it ended, the callers that arrived meanwhile are served.
struct Reading {
    db: Db,
    sql: &'static str,
}

impl Drop for Reading {
    fn drop(&mut self) {
        let Some(line) = self.db.lines().next(self.sql) else { return };
        let reading = Self { db: self.db.clone(), sql: self.sql };
        // Without a runtime no caller waits any more.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(together(reading, line));
        }
    }
}

/// Reads for all callers. If that fails, their answers are dropped; each caller then reads separately and gets its own
/// error.
async fn together(reading: Reading, line: Vec<Asker>) {
    let mut key: Vec<(&'static str, Column)> = Vec::new();
    let mut answers = Vec::with_capacity(line.len());
    let from = line.first().map_or(Location::caller(), |asker| asker.lookup.from);
    for Asker { lookup, answer } in line {
        if key.is_empty() {
            key = lookup.key;
        } else {
            key.iter_mut().zip(lookup.key).for_each(|((_, column), (_, value))| column.append(value));
        }
        answers.push((answer, Vec::new()));
    }
    let all = Lookup { sql: reading.sql, key, from };
    let mut found = Unread::default();
    match timeout(PATIENCE, all.together().read(&reading.db, &mut found)).await {
        Ok(Ok(())) => {
            for row in found.0 {
                // The number of the caller, from 1.
                let nth = row.try_get::<i64, _>("nth").unwrap_or_default();
                if let Some((_, rows)) = usize::try_from(nth - 1).ok().and_then(|at| answers.get_mut(at)) {
                    rows.push(row);
                }
            }
            for (answer, rows) in answers {
                // A caller that has gone away needs no answer.
                let _ = answer.send(rows);
            }
        }
        Ok(Err(error)) => tracing::debug!(%error, "a read for many failed: each reads apart"),
        Err(_) => tracing::debug!("a read for many took too long: each reads apart"),
    }
}
