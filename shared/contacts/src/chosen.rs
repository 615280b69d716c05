//! Changes contacts that somebody chose one by one.

use std::collections::{BTreeMap, BTreeSet};

use herald_base::boxed;
use serde_json::json;
use uuid::Uuid;

use super::{ContactError, NewActivity, record_activities, tag};
use herald_db::{Bulk, Db, Tx};
use herald_ledger::audit::{self, Actor, Entry};

type Result<T> = std::result::Result<T, ContactError>;

/// How many can be chosen at once: the longest page of a list.
const MOST_CHOSEN: usize = 500;

/// What is done to the chosen contacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChosenAct {
    /// They get a tag.
    Tag(String),
    /// They lose a tag.
    Untag(String),
    /// They go into the trash.
    Trash,
    /// They come out of the trash.
    Restore,
}

/// Does it to at most 500 contacts, in one transaction. Returns how many changed: those that were so already, that do
/// not exist, or that were merged into others are left alone.
///
/// # Errors
/// [`ContactError::Field`].
#[boxed]
pub async fn change_chosen(db: &Db, actor: &Actor, ids: Vec<Uuid>, act: ChosenAct) -> Result<usize> {
    let ids: BTreeSet<Uuid> = ids.into_iter().collect();
    if ids.is_empty() || ids.len() > MOST_CHOSEN {
        return Err(ContactError::field("ids", format!("choose 1 to {MOST_CHOSEN} contacts, not {}", ids.len())));
    }
    let mut tx = db.begin().await?;
    let (action, changed, detail) = match &act {
        ChosenAct::Tag(name) | ChosenAct::Untag(name) => {
            let tags = tag::tidied(std::slice::from_ref(name))?;
            let adds = matches!(act, ChosenAct::Tag(_));
            let changed = tag_them(&mut tx, actor.workspace_id, ids, &tags, adds).await?;
            let action = if adds { "tag" } else { "untag" };
            (action, changed, json!({ "fields": ["tags"], action: tags.values().next() }))
        }
        ChosenAct::Trash => ("trash", move_them(&mut tx, actor.workspace_id, ids, true).await?, json!({})),
        ChosenAct::Restore => ("restore", move_them(&mut tx, actor.workspace_id, ids, false).await?, json!({})),
    };
    if !changed.is_empty() {
        let kind = match act {
            ChosenAct::Tag(_) | ChosenAct::Untag(_) => "contact.changed",
            ChosenAct::Trash => "contact.trashed",
            ChosenAct::Restore => "contact.restored",
        };
        let activity = |id: &Uuid| NewActivity::of(*id, kind, &actor.who).with(detail.clone());
        record_activities(&mut tx, actor.workspace_id, changed.iter().map(activity).collect()).await?;
        let many = i64::try_from(changed.len()).unwrap_or(i64::MAX);
        let entry = Entry::of(&format!("contacts.{action}"), "chosen").affecting(many);
        audit::record(&mut tx, actor, entry.with(json!({ "contacts": changed }))).await?;
    }
    tx.commit().await?;
    Ok(changed.len())
}

/// Puts a tag on contacts or takes it off, and returns those that changed.
async fn tag_them(
    tx: &mut Tx,
    workspace_id: Uuid,
    ids: BTreeSet<Uuid>,
    tags: &BTreeMap<String, String>,
    adds: bool,
) -> Result<Vec<Uuid>> {
    let ids = lock(tx, workspace_id, ids).await?;
    let had = tag::keys_of(tx, workspace_id, ids.clone()).await?;
    let mut tags_of: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
    for (id, key) in had {
        tags_of.entry(id).or_default().insert(key);
    }
    let Some(key) = tags.keys().next() else { return Ok(Vec::new()) };
    let has = |id: &Uuid| tags_of.get(id).is_some_and(|keys| keys.contains(key));
    let changed: Vec<Uuid> = ids.into_iter().filter(|id| has(id) != adds).collect();
    if adds && changed.iter().any(|id| tags_of.get(id).is_some_and(|keys| keys.len() >= tag::MOST)) {
        let detail = format!("one of the contacts has {} tags, which is the most: take one off first", tag::MOST);
        return Err(ContactError::field("tag", detail));
    }
    let pairs = changed.iter().map(|id| (*id, key.clone())).collect();
    match adds {
        true => tag::add_tags(tx, workspace_id, tags, pairs).await?,
        false => tag::take_off(tx, workspace_id, pairs).await?,
    }
    Ok(changed)
}

/// The contacts among these, which no other transaction changes until this one ends. Whoever read one before sees that
/// it has changed.
async fn lock(tx: &mut Tx, workspace_id: Uuid, ids: BTreeSet<Uuid>) -> Result<Vec<Uuid>> {
    let now = tx.db().now();
    let found: Vec<(Uuid,)> = Bulk::new(
        "update contacts set updated_at = rows.at from {rows}
         where contacts.workspace_id = rows.workspace_id and contacts.id = rows.id and contacts.merged_into is null
         returning contacts.id",
    )
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .column("at", ids.iter().map(|_| now).collect())
    .column("id", ids.into_iter().collect())
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Puts contacts into the trash or takes them out, and returns those that moved.
async fn move_them(tx: &mut Tx, workspace_id: Uuid, ids: BTreeSet<Uuid>, trashed: bool) -> Result<Vec<Uuid>> {
    let now = tx.db().now();
    let to = if trashed { "rows.at" } else { "null" };
    let from = if trashed { "null" } else { "not null" };
    let moved: Vec<(Uuid,)> = Bulk::new(format!(
        "update contacts set trashed_at = {to}, updated_at = rows.at from {{rows}}
         where contacts.workspace_id = rows.workspace_id and contacts.id = rows.id and contacts.merged_into is null
           and contacts.trashed_at is {from}
         returning contacts.id"
    ))
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .column("at", ids.iter().map(|_| now).collect())
    .column("id", ids.into_iter().collect())
    .all(tx)
    .await?;
    Ok(moved.into_iter().map(|(id,)| id).collect())
}
