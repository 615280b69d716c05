//! Takes in one chunk of a list: contacts, their tags and timelines, and what an undoing needs.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use herald_base::boxed;
use serde_json::json;
use uuid::Uuid;

use super::{
    Import, ImportMode, ImportReport, ImportRow,
    undo::{Changed, Images},
};
use crate::{
    NewActivity, Person, record_activities,
    tag::{self, tag_key},
    upsert::{self, Taken},
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
    /// Contacts that were made.
    pub created: i64,
    /// Contacts that were changed.
    pub updated: i64,
    /// Contacts that had everything already.
    pub unchanged: i64,
    /// People who are not known, where nobody is to be added.
    pub skipped: i64,
    /// People who carry what another contact has.
    pub refused: i64,
}

/// What rows would become. The texts are by the place of the row.
#[derive(Clone, Debug, Default)]
pub struct WouldDo {
    /// The counts.
    pub tally: ImportTally,
    /// Remarks about people who would be taken in.
    pub notes: Vec<(usize, String)>,
    /// Why people would be left out.
    pub refused: Vec<(usize, String)>,
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
        would.refused.extend(taken.refused.map(|why| (at, why)));
    }
    Ok(would)
}

/// Takes a chunk in, as a whole or not at all. False if the cursor is no longer where the chunk begins, or the import
/// was stopped: the caller drops the transaction.
///
/// Imports of one workspace take turns, chunk by chunk, so that two of the same list find each other's people.
#[boxed]
pub async fn take_import_chunk(tx: &mut Tx, workspace_id: Uuid, import: &Import, chunk: ImportChunk) -> Result<bool> {
    lock_workspace(tx, workspace_id).await?;
    let people: Vec<&Person> = chunk.rows.iter().map(|row| &row.person).collect();
    let mut decided = upsert::decide(&mut *tx, workspace_id, &people, import.mode, Some("import")).await?;
    let (taken, at) = (std::mem::take(&mut decided.taken), decided.at);
    let new_tags = new_tags(&mut *tx, workspace_id, import, &chunk.rows, &taken).await?;
    let mut tally = ImportTally::default();
    for one in &taken {
        tally.add(one, one.contact_id().is_some_and(|id| new_tags.contains_key(&id)));
    }
    if !move_cursor(&mut *tx, workspace_id, import.id, &chunk, tally).await? {
        return Ok(false);
    }
    note_refused(&mut *tx, workspace_id, import.id, &chunk.rows, &taken).await?;
    upsert::write(&mut *tx, workspace_id, decided).await?;
    let names = names(import, &chunk.rows);
    let pairs = new_tags.iter().flat_map(|(id, keys)| keys.iter().map(|key| (*id, key.clone()))).collect();
    tag::add_tags(&mut *tx, workspace_id, &names, pairs).await?;
    let images = images(&taken, new_tags);
    note_on_timelines(&mut *tx, workspace_id, import, &images).await?;
    query("insert into import_chunks (workspace_id, import_id, from_row, images, at) values ($1, $2, $3, $4, $5)")
        .bind(workspace_id)
        .bind(import.id)
        .bind(chunk.from)
        .bind(serde_json::to_value(&images).expect("images are plain data"))
        .bind(at)
        .execute(tx)
        .await?;
    Ok(true)
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

/// Adds people who are left out to what the check found: the workspace may have changed since.
async fn note_refused(tx: &mut Tx, workspace_id: Uuid, id: Uuid, rows: &[ImportRow], taken: &[Taken]) -> Result<()> {
    let refused: Vec<_> = rows.iter().zip(taken).filter_map(|(row, one)| Some((row, one.refused.clone()?))).collect();
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
    for (row, why) in refused {
        report.refuse_late(&row.refused(why));
    }
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

async fn note_on_timelines(tx: &mut Tx, workspace_id: Uuid, import: &Import, images: &Images) -> Result<()> {
    let ids: BTreeSet<Uuid> =
        images.made.iter().chain(images.changed.iter().map(|changed| &changed.id)).copied().collect();
    let note = |id| NewActivity::of(id, "contact.imported", &import.created_by).about(import.id).with(json!({}));
    record_activities(tx, workspace_id, ids.into_iter().map(note).collect()).await
}
