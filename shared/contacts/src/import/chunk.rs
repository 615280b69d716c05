//! Takes in one chunk of a list: contacts, their tags and timelines, and what an undoing needs.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_sheets::RowProblem;
use serde_json::json;
use uuid::Uuid;

use super::{
    Import, ImportMode, ImportReport, ImportRow, late,
    undo::{Changed, Images},
};
use crate::{
    NewActivity, Person,
    activity::IMPORTED,
    record_activities,
    tag::{self, tag_key},
    upsert::{self, Decided, Taken},
};
use herald_db::{Db, Json, Result, Tx, query};
use herald_ledger::quotas::lock_workspace;

/// Rows of a list, and the places before and behind them.
#[derive(Clone, Debug)]
pub struct ImportChunk {
    /// The import's cursor before this chunk.
    pub from: i64,
    /// The cursor behind it.
    pub to: i64,
    /// The people.
    pub rows: Vec<ImportRow>,
    /// The number of rows that are left out.
    pub refused: i64,
}

/// What became of the rows of a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportTally {
    /// Contacts or leads that were made.
    pub created: i64,
    /// Contacts or leads that were changed.
    pub updated: i64,
    /// Contacts or leads that had everything already.
    pub unchanged: i64,
    /// People or leads that are not known, if the import adds nobody.
    pub skipped: i64,
    /// Rows that are left out, such as those that carry what another contact has.
    pub refused: i64,
}

/// What rows would become. The texts are by the place of the row.
#[derive(Clone, Debug, Default)]
pub struct WouldDo {
    /// The counts.
    pub tally: ImportTally,
    /// Remarks about people who would be taken in.
    pub notes: Vec<(usize, String)>,
    /// Why rows would be left out.
    pub refused: Vec<(usize, RowProblem)>,
}

/// What rows would become. Nothing is written.
#[boxed]
pub async fn would_do(db: &Db, workspace_id: Uuid, mode: ImportMode, rows: &[ImportRow]) -> Result<WouldDo> {
    let mut tx = db.begin().await?;
    let people: Vec<&Person> = rows.iter().map(|row| &row.person).collect();
    let decided = upsert::decide(&mut tx, workspace_id, &people, mode, None).await?;
    let mut would = WouldDo::default();
    for (at, taken) in decided.taken.into_iter().enumerate() {
        would.tally.add(&taken, false);
        would.notes.extend(taken.note.map(|note| (at, note)));
        would.refused.extend(taken.refused.map(|why| (at, rows[at].refused(why))));
    }
    Ok(would)
}

/// The people of rows, and what becomes of them. Nothing is written yet.
pub struct DecidedPeople {
    decided: Decided,
    /// By contact: the keys of the tags that it gets.
    new_tags: BTreeMap<Uuid, BTreeSet<String>>,
}

/// What becomes of the person of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowPerson {
    /// The contact; none if the row is left out, or the person is not known and nobody is to be added.
    pub contact_id: Option<Uuid>,
    /// Whether the row makes the contact.
    pub is_new: bool,
    /// Whether it changes one.
    pub has_changed: bool,
    /// What should be known.
    pub note: Option<String>,
    /// Why the row is left out.
    pub refused: Option<String>,
}

impl DecidedPeople {
    /// What becomes of the people, by the place of the row.
    pub fn people(&self) -> Vec<RowPerson> {
        let person = |one: &Taken| RowPerson {
            contact_id: one.contact_id(),
            is_new: one.before.is_none() && one.after.is_some(),
            has_changed: one.changes(&self.new_tags),
            note: one.note.clone(),
            refused: one.refused.clone(),
        };
        self.decided.taken.iter().map(person).collect()
    }

    fn tally(&self) -> ImportTally {
        let mut tally = ImportTally::default();
        self.decided.taken.iter().for_each(|one| tally.add(one, one.has_new_tags(&self.new_tags)));
        tally
    }
}

/// Finds out what becomes of the people of rows.
#[boxed]
pub async fn decide_people(
    tx: &mut Tx,
    workspace_id: Uuid,
    import: &Import,
    rows: &[ImportRow],
) -> Result<DecidedPeople> {
    let people: Vec<&Person> = rows.iter().map(|row| &row.person).collect();
    let decided = upsert::decide(&mut *tx, workspace_id, &people, import.mode, Some("import")).await?;
    let new_tags = new_tags(tx, workspace_id, import, rows, &decided.taken).await?;
    Ok(DecidedPeople { decided, new_tags })
}

/// Takes a chunk of people in, as a whole or not at all. False if the cursor is no longer where the chunk begins, or
/// the import was stopped: the caller drops the transaction.
///
/// Imports of one workspace take turns, chunk by chunk, so that two of the same list find each other's people.
#[boxed]
pub async fn take_import_chunk(tx: &mut Tx, workspace_id: Uuid, import: &Import, chunk: ImportChunk) -> Result<bool> {
    lock_workspace(tx, workspace_id).await?;
    let decided = decide_people(&mut *tx, workspace_id, import, &chunk.rows).await?;
    let tally = decided.tally();
    let refused = decided.decided.taken.iter().zip(&chunk.rows);
    let refused = refused.filter_map(|(one, row)| Some(row.refused(one.refused.clone()?))).collect();
    write_people(tx, workspace_id, import, &chunk, decided, (tally, refused)).await
}

/// Writes the people of a chunk, and moves the cursor behind it. The tally counts what the rows are, and `refused` says
/// which of them are left out for what the workspace has. False: as of [`take_import_chunk`].
#[boxed]
pub async fn write_people(
    tx: &mut Tx,
    workspace_id: Uuid,
    import: &Import,
    chunk: &ImportChunk,
    people: DecidedPeople,
    (tally, refused): (ImportTally, Vec<RowProblem>),
) -> Result<bool> {
    let DecidedPeople { decided, new_tags } = people;
    if !move_cursor(&mut *tx, workspace_id, import.id, chunk, tally).await? {
        return Ok(false);
    }
    note_refused(&mut *tx, workspace_id, import.id, &refused).await?;
    upsert::write(&mut *tx, workspace_id, &decided, Some(import.id)).await?;
    let names = names(import, &chunk.rows);
    let pairs = new_tags.iter().flat_map(|(id, keys)| keys.iter().map(|key| (*id, key.clone()))).collect();
    tag::add_tags(&mut *tx, workspace_id, &names, pairs).await?;
    let images = images(&decided.taken, new_tags);
    note_on_timelines(&mut *tx, workspace_id, import, &images, &decided.erased).await?;
    query(
        "insert into import_chunks (workspace_id, import_id, from_row, images, at, refused)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(workspace_id)
    .bind(import.id)
    .bind(chunk.from)
    .bind(serde_json::to_value(&images).expect("images are plain data"))
    .bind(decided.at)
    .bind(late::kept(&refused))
    .execute(tx)
    .await?;
    Ok(true)
}

impl Taken {
    fn has_new_tags(&self, new_tags: &BTreeMap<Uuid, BTreeSet<String>>) -> bool {
        self.contact_id().is_some_and(|id| new_tags.contains_key(&id))
    }

    fn changes(&self, new_tags: &BTreeMap<Uuid, BTreeSet<String>>) -> bool {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return false };
        before != after || self.has_new_tags(new_tags)
    }
}

impl ImportTally {
    fn add(&mut self, taken: &Taken, has_new_tags: bool) {
        match (&taken.before, &taken.after) {
            (_, None) if taken.refused.is_some() => self.refused += 1,
            (_, None) => self.skipped += 1,
            (None, Some(_)) => self.created += 1,
            (Some(before), Some(after)) if before != after || has_new_tags => self.updated += 1,
            (Some(_), Some(_)) => self.unchanged += 1,
        }
    }
}

async fn move_cursor(
    tx: &mut Tx,
    workspace_id: Uuid,
    id: Uuid,
    chunk: &ImportChunk,
    tally: ImportTally,
) -> Result<bool> {
    let moved = query(
        "update imports set cursor_row = $4, created = created + $5, updated = updated + $6,
           unchanged = unchanged + $7, skipped = skipped + $8, refused = refused + $9
         where workspace_id = $1 and id = $2 and cursor_row = $3 and state = 'importing'",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(chunk.from)
    .bind(chunk.to)
    .bind(tally.created)
    .bind(tally.updated)
    .bind(tally.unchanged)
    .bind(tally.skipped)
    .bind(chunk.refused + tally.refused)
    .execute(tx)
    .await?;
    Ok(moved > 0)
}

/// Adds rows that are left out to what the check found: the workspace may have changed since.
async fn note_refused(tx: &mut Tx, workspace_id: Uuid, id: Uuid, refused: &[RowProblem]) -> Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    let found: Option<(Option<Json<ImportReport>>,)> =
        query("select report from imports where workspace_id = $1 and id = $2")
            .bind(workspace_id)
            .bind(id)
            .optional(&mut *tx)
            .await?;
    let Some((Some(Json(mut report)),)) = found else { return Ok(()) };
    refused.iter().for_each(|problem| report.refuse_late(problem));
    query("update imports set report = $3 where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(id)
        .bind(serde_json::to_value(&report).expect("a report is plain data"))
        .execute(tx)
        .await?;
    Ok(())
}

/// The names of all tags of a chunk, by their keys.
fn names(import: &Import, rows: &[ImportRow]) -> BTreeMap<String, String> {
    let all = import.tags.0.iter().chain(rows.iter().flat_map(|row| &row.tags));
    all.map(|name| (tag_key(name), name.clone())).collect()
}

/// The tags that each contact gets, by their keys, without those that it has.
async fn new_tags(
    tx: &mut Tx,
    workspace_id: Uuid,
    import: &Import,
    rows: &[ImportRow],
    taken: &[Taken],
) -> Result<BTreeMap<Uuid, BTreeSet<String>>> {
    let mut wanted: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
    for (row, taken) in rows.iter().zip(taken) {
        let mut keys = import.tags.0.iter().chain(&row.tags).map(|name| tag_key(name)).peekable();
        if let Some(id) = taken.contact_id().filter(|_| keys.peek().is_some()) {
            wanted.entry(id).or_default().extend(keys);
        }
    }
    let known: Vec<Uuid> = taken
        .iter()
        .filter_map(|one| one.before.as_ref())
        .map(|contact| contact.id)
        .filter(|id| wanted.contains_key(id))
        .collect();
    let there: HashSet<(Uuid, String)> = tag::keys_of(tx, workspace_id, known).await?.into_iter().collect();
    for (id, keys) in &mut wanted {
        keys.retain(|key| !there.contains(&(*id, key.clone())));
    }
    wanted.retain(|_, keys| !keys.is_empty());
    Ok(wanted)
}

/// What an undoing needs to know of a chunk.
fn images(taken: &[Taken], mut new_tags: BTreeMap<Uuid, BTreeSet<String>>) -> Images {
    let mut images = Images::default();
    for one in taken {
        let Some(after) = &one.after else { continue };
        let tags: Vec<String> = new_tags.remove(&after.id).into_iter().flatten().collect();
        match &one.before {
            None => images.made.push(after.id),
            Some(before) if before != after || !tags.is_empty() => {
                images.changed.push(Changed::between(before, after, tags))
            }
            Some(_) => {}
        }
    }
    images
}

/// Contacts that are made remember the import themselves, but for those of whom there is more to say.
async fn note_on_timelines(
    tx: &mut Tx,
    workspace_id: Uuid,
    import: &Import,
    images: &Images,
    erased: &HashMap<Uuid, DateTime<Utc>>,
) -> Result<()> {
    let made: HashSet<Uuid> = images.made.iter().copied().collect();
    let changed = images.changed.iter().map(|changed| changed.id).filter(|id| !made.contains(id));
    let ids: BTreeSet<Uuid> = changed.chain(erased.keys().copied()).collect();
    let note = |id| {
        let detail = erased.get(&id).map_or_else(|| json!({}), |at| json!({ "erased_before": at }));
        NewActivity::of(id, IMPORTED, &import.created_by).about(import.id).with(detail)
    };
    record_activities(tx, workspace_id, ids.into_iter().map(note).collect()).await
}
