//! Two contacts that are one person become one: the survivor. The other one stays as a tombstone that leads there, and
//! for 30 days both can be had back.

mod addresses;
mod consents;
mod duplicates;
mod moving;
mod undo;
mod values;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use self::{
    addresses::{Gained, keep_all},
    consents::stricter_wins,
    moving::{Moved, move_over},
    values::{Values, combined, values},
};
pub use self::{
    duplicates::{Duplicate, duplicates_of},
    undo::{Undone, undo_merge},
};
use super::{
    Contact, ContactError, Holder, NewActivity,
    activity::write_import_down,
    edit::{is_known, locked, same_person, taken, write, write_noted},
    record_activities,
    upsert::rekey,
};
use herald_db::{Db, FromRow, Json, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

/// How long a merge can be undone, in days.
const UNDO_DAYS: i64 = 30;

type Result<T> = std::result::Result<T, ContactError>;

/// Which contact is merged, and what of it the survivor takes.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMerge {
    /// The contact that is merged into the survivor.
    pub contact_id: Uuid,
    /// The fields whose values the survivor takes from the other contact: `email`, or `fields.company` for one of the
    /// workspace's own. Of every other field the survivor keeps its own value, or gets the other's if it has none.
    #[serde(default)]
    #[schema(example = json!(["email", "fields.company"]))]
    pub take: Vec<String>,
    /// When the survivor had last changed as the caller saw it. If it has changed since, nothing is merged.
    pub updated_at: Option<DateTime<Utc>>,
    /// The same of the other contact.
    pub other_updated_at: Option<DateTime<Utc>>,
}

/// A merge of two contacts.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Merge {
    /// Its id.
    pub id: Uuid,
    /// The contact that both are now.
    pub survivor_id: Uuid,
    /// The contact that leads to it.
    pub merged_id: Uuid,
    /// The name of that contact.
    pub merged_name: String,
    /// Who merged them.
    pub who: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Until when it can be undone.
    pub undo_until: DateTime<Utc>,
    /// When it was undone.
    pub undone_at: Option<DateTime<Utc>>,
}

/// What an undoing needs.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Images {
    /// The survivor before and behind the merge.
    before: Values,
    before_key: String,
    after: Values,
    /// The other contact, and what it was recognised by.
    merged: Values,
    dedupe_key: String,
    /// The keys of the tags that the survivor got.
    tags: Vec<String>,
    /// The withdrawals that were written because the stricter consent wins.
    consents: Vec<Uuid>,
    /// What the survivor got of addresses besides the rows that moved.
    addresses: Gained,
    /// Contacts that had been merged into the other one before.
    led: Vec<Uuid>,
    /// The rows that moved, by their table.
    moved: Moved,
}

/// Merges a contact into the survivor. `None`: the workspace does not have one of them.
///
/// # Errors
/// [`ContactError::Field`]; [`ContactError::WrongState`] if one of them is in the trash or was merged before;
/// [`ContactError::Changed`]; [`ContactError::Known`] if a third contact is who the survivor would be.
#[boxed]
pub async fn merge_contacts(
    db: &Db,
    actor: &Actor,
    holders: &[Holder],
    survivor_id: Uuid,
    new: NewMerge,
) -> Result<Option<(Contact, Merge)>> {
    let NewMerge { contact_id: merged_id, take, updated_at, other_updated_at } = new;
    if merged_id == survivor_id {
        return Err(ContactError::field("contact_id", "a contact cannot be merged into itself: name the other one"));
    }
    let workspace_id = actor.workspace_id;
    let mut tx = db.begin().await?;
    let Some((before, merged)) = both(&mut tx, workspace_id, survivor_id, merged_id).await? else { return Ok(None) };
    can_be_merged(&before)?;
    can_be_merged(&merged)?;
    let is_other = |seen: Option<DateTime<Utc>>, now: DateTime<Utc>| seen.is_some_and(|seen| seen != now);
    if is_other(updated_at, before.updated_at) || is_other(other_updated_at, merged.updated_at) {
        return Err(ContactError::Changed);
    }
    let mut after = combined(&before, &merged, &take)?;
    after.updated_at = tx.db().now();
    rekey(&mut after);
    let led = bury(&mut tx, workspace_id, &merged, &before, &after).await?;
    if let Some(known) = same_person(&mut tx, workspace_id, &after).await? {
        return Err(is_known(&known, &after));
    }
    write(&mut tx, workspace_id, &after, false).await.map_err(|error| taken(error, &after))?;
    write_noted(&mut tx, workspace_id, &after).await?;
    let tags = new_tags(&mut tx, workspace_id, survivor_id, merged_id).await?;
    let id = tx.db().new_id();
    let consents = stricter_wins(&mut tx, workspace_id, (survivor_id, merged_id), id).await?;
    let addresses = keep_all(&mut tx, workspace_id, (&before, &merged, &after)).await?;
    write_import_down(&mut tx, workspace_id, merged_id).await?;
    let moved = move_over(&mut tx, workspace_id, holders, (merged_id, survivor_id)).await?;
    let images = Images {
        before: values(&before),
        before_key: before.dedupe_key.clone(),
        after: values(&after),
        merged: values(&merged),
        dedupe_key: merged.dedupe_key.clone(),
        tags,
        consents,
        addresses,
        led,
        moved,
    };
    let merge = insert(&mut tx, actor, (id, survivor_id), &merged, &images).await?;
    tell(&mut tx, actor, &merge, &images).await?;
    tx.commit().await?;
    Ok(Some((after, merge)))
}

/// Both contacts, which no other transaction changes until this one ends. Rows are locked in the order of ids.
async fn both(tx: &mut Tx, workspace_id: Uuid, one: Uuid, other: Uuid) -> Result<Option<(Contact, Contact)>> {
    let mut found = BTreeMap::new();
    for id in [one.min(other), one.max(other)] {
        let Some(contact) = locked(&mut *tx, workspace_id, id).await? else { return Ok(None) };
        found.insert(id, contact);
    }
    Ok(found.remove(&one).zip(found.remove(&other)))
}

fn can_be_merged(contact: &Contact) -> Result<()> {
    contact.is_itself()?;
    if contact.trashed_at.is_some() {
        let detail = format!("contact {} lies in the trash: restore it before it is merged", contact.id);
        return Err(ContactError::WrongState(detail));
    }
    Ok(())
}

/// Makes a contact the tombstone that leads to the survivor. It keeps its values, by which lists still find the person;
/// an external id that the survivor takes is exchanged for the survivor's. Returns the contacts that led to it and now
/// lead to the survivor.
async fn bury(
    tx: &mut Tx,
    workspace_id: Uuid,
    merged: &Contact,
    before: &Contact,
    after: &Contact,
) -> Result<Vec<Uuid>> {
    let is_taken = after.external_id.is_some() && after.external_id == merged.external_id;
    let external_id = if is_taken { before.external_id.clone() } else { merged.external_id.clone() };
    // Rows of a list without address and id are found by this key alone.
    let dedupe_key = match merged.dedupe_key.starts_with("row:") {
        true => merged.dedupe_key.clone(),
        false => format!("merged:{}", merged.id),
    };
    // The index of ids lets nobody have one twice, not even for a moment.
    query("update contacts set external_id = null where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(before.id)
        .execute(&mut *tx)
        .await?;
    query(
        "update contacts set merged_into = $3, trashed_at = $4, updated_at = $4, external_id = $5, dedupe_key = $6
         where workspace_id = $1 and id = $2",
    )
    .bind(workspace_id)
    .bind(merged.id)
    .bind(before.id)
    .bind(after.updated_at)
    .bind(external_id)
    .bind(dedupe_key)
    .execute(&mut *tx)
    .await?;
    let led: Vec<(Uuid,)> =
        query("update contacts set merged_into = $3 where workspace_id = $1 and merged_into = $2 returning id")
            .bind(workspace_id)
            .bind(merged.id)
            .bind(before.id)
            .all(tx)
            .await?;
    Ok(led.into_iter().map(|(id,)| id).collect())
}

/// Puts the other contact's tags on the survivor. Returns the keys of those that it did not have.
async fn new_tags(tx: &mut Tx, workspace_id: Uuid, survivor: Uuid, merged: Uuid) -> Result<Vec<String>> {
    let put: Vec<(String,)> = query(
        "select t.name_key from contact_tags as ct
         join tags as t on t.workspace_id = ct.workspace_id and t.id = ct.tag_id
         where ct.workspace_id = $1 and ct.contact_id = $2 and not exists
           (select 1 from contact_tags as o where o.workspace_id = $1 and o.contact_id = $3 and o.tag_id = ct.tag_id)
         order by t.name_key",
    )
    .bind(workspace_id)
    .bind(merged)
    .bind(survivor)
    .all(&mut *tx)
    .await?;
    query(
        "insert into contact_tags (workspace_id, contact_id, tag_id)
         select ct.workspace_id, $3, ct.tag_id from contact_tags as ct
         where ct.workspace_id = $1 and ct.contact_id = $2 on conflict (contact_id, tag_id) do nothing",
    )
    .bind(workspace_id)
    .bind(merged)
    .bind(survivor)
    .execute(tx)
    .await?;
    Ok(put.into_iter().map(|(key,)| key).collect())
}

async fn insert(
    tx: &mut Tx,
    actor: &Actor,
    (id, survivor_id): (Uuid, Uuid),
    merged: &Contact,
    images: &Images,
) -> Result<Merge> {
    let at = tx.db().now();
    let undo_until = at + TimeDelta::days(UNDO_DAYS);
    query(
        "insert into contact_merges (id, workspace_id, survivor_id, merged_id, images, forgotten, who, at, undo_until)
         values ($1, $2, $3, $4, $5, false, $6, $7, $8)",
    )
    .bind(id)
    .bind(actor.workspace_id)
    .bind(survivor_id)
    .bind(merged.id)
    .bind(serde_json::to_value(images).expect("images are plain data"))
    .bind(actor.who.as_str())
    .bind(at)
    .bind(undo_until)
    .execute(tx)
    .await?;
    let (merged_id, merged_name, who) = (merged.id, merged.name.clone(), actor.who.clone());
    Ok(Merge { id, survivor_id, merged_id, merged_name, who, at, undo_until, undone_at: None })
}

/// Writes the merge into both timelines and the audit log.
async fn tell(tx: &mut Tx, actor: &Actor, merge: &Merge, images: &Images) -> Result<()> {
    let changed: Vec<&String> = images
        .after
        .iter()
        .filter(|(name, value)| images.before.get(*name) != Some(*value))
        .map(|(name, _)| name)
        .collect();
    let here = json!({ "with": merge.merged_name, "contact_id": merge.merged_id, "fields": changed });
    let there = json!({ "contact_id": merge.survivor_id });
    let activities = vec![
        NewActivity::of(merge.survivor_id, "contact.merged", &actor.who).about(merge.id).with(here),
        NewActivity::of(merge.merged_id, "contact.merged_into", &actor.who).about(merge.id).with(there),
    ];
    record_activities(&mut *tx, actor.workspace_id, activities).await?;
    let detail = json!({ "merged": merge.merged_id, "merge": merge.id });
    let entry = Entry::of("contact.merge", merge.survivor_id).affecting(2).with(detail);
    Ok(audit::record(tx, actor, entry).await?)
}

const COLUMNS: &str = "m.id, m.survivor_id, m.merged_id, c.name as merged_name, m.who, m.at, m.undo_until, m.undone_at";

/// The merges of a contact, the newest first: those in which it survived, and the one in which it did not.
#[boxed]
pub async fn list_merges(db: &Db, workspace_id: Uuid, contact_id: Uuid) -> herald_db::Result<Vec<Merge>> {
    let sql = format!(
        "select {COLUMNS} from contact_merges as m
         join contacts as c on c.workspace_id = m.workspace_id and c.id = m.merged_id
         where m.workspace_id = $1 and (m.survivor_id = $2 or m.merged_id = $2) order by m.id desc"
    );
    query(&sql).bind(workspace_id).bind(contact_id).all(db).await
}

/// Forgets what undoing a merge needs, once it cannot be undone any more. Returns of how many merges.
#[boxed]
pub async fn forget_merges(db: &Db) -> herald_db::Result<u64> {
    let now = db.now();
    let mut tx = db.begin().await?;
    let sql = "update contact_merges set images = $2, forgotten = true where undo_until < $1 and not forgotten";
    let forgotten = query(sql).bind(now).bind(json!({})).execute(&mut tx).await?;
    tx.commit().await?;
    Ok(forgotten)
}

/// What an undoing needs of a merge, while it can be undone.
async fn images_of(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<Option<Images>> {
    let found: Option<(Json<Images>,)> =
        query("select images from contact_merges where workspace_id = $1 and id = $2 and not forgotten")
            .bind(workspace_id)
            .bind(id)
            .optional(tx)
            .await?;
    Ok(found.map(|(Json(images),)| images))
}
