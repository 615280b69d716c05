//! Takes a merge back: both contacts are as they were, but for what was edited since.

use herald_base::boxed;
use serde_json::json;
use uuid::Uuid;

use super::{
    COLUMNS, Images, Merge, Result,
    addresses::{self, leave_doubles},
    both,
    consents::take_back,
    images_of,
    moving::move_back,
    values::{Values, put, values},
};
use crate::{
    Contact, ContactError, Holder, NewActivity,
    edit::{taken, write, write_noted},
    record_activities, tag,
    upsert::rekey,
};
use herald_db::{Bulk, Db, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

/// A merge that was taken back.
#[derive(Clone, Debug)]
pub struct Undone {
    /// The contact that had survived.
    pub survivor: Contact,
    /// The contact that had been merged into it.
    pub restored: Contact,
    /// The fields of the survivor that were edited since the merge, and stay as they are.
    pub kept: Vec<String>,
}

/// Undoes a merge. `None`: the contact has no such merge.
///
/// # Errors
/// [`ContactError::WrongState`] if it was undone before, is too old, or the survivor was merged into another contact
/// since; [`ContactError::Known`] if another contact has meanwhile become one of the two.
#[boxed]
pub async fn undo_merge(
    db: &Db,
    actor: &Actor,
    holders: &[Holder],
    survivor_id: Uuid,
    id: Uuid,
) -> Result<Option<Undone>> {
    let workspace_id = actor.workspace_id;
    let mut tx = db.begin().await?;
    let Some(merge) = find(&mut tx, workspace_id, survivor_id, id).await? else { return Ok(None) };
    let Some((mut survivor, mut merged)) = both(&mut tx, workspace_id, survivor_id, merge.merged_id).await? else {
        return Ok(None);
    };
    let mut images = begin(&mut tx, workspace_id, &merge).await?;
    survivor.is_itself()?;
    let now = tx.db().now();
    let kept = restore(&mut survivor, &images);
    survivor.updated_at = now;
    match kept.is_empty() {
        true => survivor.dedupe_key.clone_from(&images.before_key),
        false => rekey(&mut survivor),
    }
    // A tombstone keeps its values: only what it is recognised by may have gone to the survivor.
    put(&mut merged, "external_id", images.merged.get("external_id").cloned());
    merged.dedupe_key.clone_from(&images.dedupe_key);
    (merged.merged_into, merged.trashed_at, merged.updated_at) = (None, None, now);
    rise(&mut tx, workspace_id, &merged).await?;
    for contact in [&survivor, &merged] {
        write(&mut tx, workspace_id, contact, false).await.map_err(|error| taken(error, contact))?;
        write_noted(&mut tx, workspace_id, contact).await?;
    }
    let tags = images.tags.iter().map(|key| (survivor_id, key.clone())).collect();
    tag::take_off(&mut tx, workspace_id, tags).await?;
    take_back(&mut tx, workspace_id, &images.consents).await?;
    addresses::take_back(&mut tx, workspace_id, survivor_id, &images.addresses).await?;
    leave_doubles(&mut tx, workspace_id, merged.id, &mut images.moved).await?;
    move_back(&mut tx, workspace_id, holders, (survivor_id, merged.id), &images.moved).await?;
    lead_back(&mut tx, workspace_id, &images.led, merged.id).await?;
    let detail = json!({ "contact_id": merged.id, "with": merged.name, "kept": kept });
    let activities = vec![
        NewActivity::of(survivor_id, "contact.unmerged", &actor.who).about(id).with(detail),
        NewActivity::of(merged.id, "contact.unmerged", &actor.who).about(id).with(json!({ "contact_id": survivor_id })),
    ];
    record_activities(&mut tx, workspace_id, activities).await?;
    let entry = Entry::of("contact.unmerge", survivor_id).affecting(2);
    audit::record(&mut tx, actor, entry.with(json!({ "merged": merged.id, "merge": id, "kept": kept.len() }))).await?;
    tx.commit().await?;
    Ok(Some(Undone { survivor, restored: merged, kept }))
}

async fn find(tx: &mut Tx, workspace_id: Uuid, survivor_id: Uuid, id: Uuid) -> Result<Option<Merge>> {
    let sql = format!(
        "select {COLUMNS} from contact_merges as m
         join contacts as c on c.workspace_id = m.workspace_id and c.id = m.merged_id
         where m.workspace_id = $1 and m.survivor_id = $2 and m.id = $3"
    );
    Ok(query(&sql).bind(workspace_id).bind(survivor_id).bind(id).optional(tx).await?)
}

/// Takes the merge for this undoing, and no other one. Both contacts are locked.
async fn begin(tx: &mut Tx, workspace_id: Uuid, merge: &Merge) -> Result<Images> {
    let now = tx.db().now();
    let images = images_of(&mut *tx, workspace_id, merge.id).await?;
    let taken = query(
        "update contact_merges set undone_at = $3, images = $4, forgotten = true
         where workspace_id = $1 and id = $2 and undone_at is null and not forgotten and undo_until >= $3",
    )
    .bind(workspace_id)
    .bind(merge.id)
    .bind(now)
    .bind(json!({}))
    .execute(tx)
    .await?;
    images.filter(|_| taken == 1).ok_or_else(|| {
        let detail = if merge.undone_at.is_some() {
            "the merge was undone before"
        } else {
            "the merge cannot be undone any more: it is older than 30 days"
        };
        ContactError::WrongState(detail.to_owned())
    })
}

/// Gives the survivor its old values, where it still has those of the merge. Returns the names of the others.
fn restore(survivor: &mut Contact, images: &Images) -> Vec<String> {
    let now = values(survivor);
    let mut kept = Vec::new();
    let names = images.before.keys().chain(images.after.keys());
    let names: std::collections::BTreeSet<&String> = names.collect();
    let of = |values: &Values, name: &String| values.get(name).cloned();
    for name in names {
        let (before, after) = (of(&images.before, name), of(&images.after, name));
        if before == after {
            continue;
        }
        match of(&now, name) == after {
            true => put(survivor, name, before),
            false => kept.push(name.clone()),
        }
    }
    kept
}

/// The tombstone is a contact again. Its id elsewhere may be the survivor's until both are written.
async fn rise(tx: &mut Tx, workspace_id: Uuid, merged: &Contact) -> Result<()> {
    query(
        "update contacts set merged_into = null, external_id = null, dedupe_key = $3
         where workspace_id = $1 and id = $2",
    )
    .bind(workspace_id)
    .bind(merged.id)
    .bind(format!("merged:{}", merged.id))
    .execute(tx)
    .await?;
    Ok(())
}

/// Contacts that led to the merged one before lead there again.
async fn lead_back(tx: &mut Tx, workspace_id: Uuid, led: &[Uuid], to: Uuid) -> Result<()> {
    Bulk::new(
        "update contacts set merged_into = rows.to_id from {rows}
         where contacts.workspace_id = rows.workspace_id and contacts.id = rows.id
           and contacts.merged_into is not null",
    )
    .column("workspace_id", led.iter().map(|_| workspace_id).collect())
    .column("id", led.iter().copied().collect())
    .column("to_id", led.iter().map(|_| to).collect())
    .execute(tx)
    .await?;
    Ok(())
}
