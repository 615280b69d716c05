//! Takes the leads of a chunk back, before its contacts.
//!
//! A lead that the chunk made goes, unless somebody changed it since or wrote a note. A lead that it changed gets its
//! old values, but for those that somebody has changed again. Values that only make sense together stay together.

use std::collections::{HashMap, HashSet};

use herald_base::boxed;
use herald_contacts::{Import, NewActivity, UndoneChunk, forget_activities, record_activities};
use herald_db::{Bulk, Db, FromRow, Json, Result as DbResult, Tx, query};
use herald_notifications::forget_about;
use uuid::Uuid;

use super::{
    state::{State, states},
    write::{Images, update},
};
use crate::{LeadStatus, Outcome, Result, status};

/// Fields that are given back together or not at all.
pub(super) const TOGETHER: [&[&str]; 7] = [
    &["need"],
    &["status_id"],
    &["value_minor", "currency"],
    &["source"],
    &["owner_id"],
    &["follow_up_at", "follow_up_zone"],
    &["key"],
];

/// What became of the leads of a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeadsUndone {
    /// The number of leads that stay as they are, because somebody worked with them since.
    pub kept: i64,
    /// Their contacts.
    pub contacts: HashSet<Uuid>,
}

#[derive(FromRow)]
struct Image {
    lead_id: Uuid,
    made: bool,
    version: i64,
    images: Json<Images>,
}

/// Undoes the leads of a chunk, in the transaction that undoes its contacts.
///
/// # Errors
/// [`LeadError::Db`](crate::LeadError::Db).
#[boxed]
pub async fn undo_lead_chunk(
    tx: &mut Tx,
    workspace_id: Uuid,
    import: &Import,
    chunk: &UndoneChunk,
) -> Result<LeadsUndone> {
    let images: Vec<Image> = query(
        "delete from lead_images where workspace_id = $1 and import_id = $2 and from_row = $3
         returning lead_id, made, version, images",
    )
    .bind(workspace_id)
    .bind(import.id)
    .bind(chunk.from_row())
    .all(&mut *tx)
    .await?;
    if images.is_empty() {
        return Ok(LeadsUndone::default());
    }
    let ids = images.iter().map(|one| one.lead_id).collect();
    let leads: HashMap<Uuid, State> =
        states(&mut *tx, workspace_id, ids, true).await?.into_iter().map(|lead| (lead.id, lead)).collect();
    let (statuses, members) = (status::ensure(&mut *tx, workspace_id).await?, members(&mut *tx, workspace_id).await?);
    let mut undone = LeadsUndone::default();
    let mut gone: Vec<&State> = Vec::new();
    let mut restored: Vec<State> = Vec::new();
    let mut notes: Vec<Uuid> = Vec::new();
    let mut told: Vec<NewActivity> = Vec::new();
    for image in &images {
        // A person may have been erased since.
        let Some(lead) = leads.get(&image.lead_id) else { continue };
        let is_untouched = lead.version == image.version;
        if image.made {
            match is_untouched {
                true => gone.push(lead),
                false => {
                    undone.kept += 1;
                    undone.contacts.insert(lead.contact_id);
                }
            }
            continue;
        }
        let (back, is_whole) = given_back(lead, image, &statuses, &members, tx.db().now());
        undone.kept += i64::from(!is_whole);
        notes.extend(&image.images.0.notes);
        told.extend(back.told(lead, &statuses, None));
        restored.push(back);
    }
    remove_notes(&mut *tx, workspace_id, notes).await?;
    update(&mut *tx, workspace_id, &restored.iter().collect::<Vec<_>>()).await?;
    record_activities(&mut *tx, workspace_id, told).await?;
    remove(tx, workspace_id, &gone).await?;
    Ok(undone)
}

/// A lead with its old values, where it still has the new ones. False: some have changed since.
fn given_back(
    lead: &State,
    image: &Image,
    statuses: &[LeadStatus],
    members: &HashSet<Uuid>,
    now: chrono::DateTime<chrono::Utc>,
) -> (State, bool) {
    let fields = &image.images.0.fields;
    let values = lead.values();
    let mut back = lead.clone();
    let mut is_whole = true;
    for group in TOGETHER {
        let changed: Vec<_> = group.iter().filter_map(|name| Some((*name, fields.get(*name)?))).collect();
        let is_same = changed.iter().all(|(name, (_, new))| values.get(name) == new.as_ref());
        // A status may be gone by now, and a member may have left.
        let is_there = changed.iter().all(|(name, (old, _))| match (*name, old) {
            ("status_id", Some(id)) => statuses.iter().any(|status| status.id.to_string() == *id),
            ("owner_id", Some(id)) => id.parse().is_ok_and(|id: Uuid| members.contains(&id)),
            _ => true,
        });
        match is_same && is_there {
            true => changed.into_iter().for_each(|(name, (old, _))| back.put(name, old.clone())),
            false => is_whole = false,
        }
    }
    if let Some(status) = statuses.iter().find(|status| status.id == back.status_id) {
        back.stands_for = status.stands_for;
    }
    back.settle(lead, now);
    // A status that came back ended the lead when it did before, and nobody is reminded twice of one follow-up.
    let old_status = fields.get("status_id").and_then(|(old, _)| old.as_ref());
    let has_ended = back.stands_for != Outcome::Open && old_status == Some(&back.status_id.to_string());
    back.closed_at = image.images.0.closed_at.filter(|_| has_ended).or(back.closed_at);
    let reminded = image.images.0.reminded.as_ref().filter(|reminded| reminded.holds_for(&back));
    back.reminded_of = back.reminded_of.or(reminded.map(|reminded| reminded.of));
    // As if nothing had been: an earlier import finds the lead as it left it.
    let before = image.images.0.updated_at.filter(|_| is_whole && lead.version == image.version);
    (back.version, back.updated_at) = match before {
        Some(before) => (lead.version - 1, before),
        None => (lead.version + 1, now),
    };
    (back, is_whole)
}

async fn members(tx: &mut Tx, workspace_id: Uuid) -> DbResult<HashSet<Uuid>> {
    let found: Vec<(Uuid,)> =
        query("select user_id from members where workspace_id = $1").bind(workspace_id).all(tx).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Removes leads, with their notes and with what timelines and notifications tell of them.
async fn remove(tx: &mut Tx, workspace_id: Uuid, leads: &[&State]) -> DbResult<()> {
    forget_about(&mut *tx, workspace_id, leads.iter().map(|lead| format!("/leads/{}", lead.id)).collect()).await?;
    forget_activities(&mut *tx, workspace_id, leads.iter().map(|lead| (lead.contact_id, lead.id)).collect()).await?;
    let mut ids: Vec<Uuid> = leads.iter().map(|lead| lead.id).collect();
    ids.sort_unstable();
    for sql in [
        "delete from lead_notes where (workspace_id, lead_id) in (select workspace_id, id from {rows})",
        "delete from lead_images where (workspace_id, lead_id) in (select workspace_id, id from {rows})",
        "delete from leads where (workspace_id, id) in (select workspace_id, id from {rows})",
    ] {
        of_ids(sql, workspace_id, &ids).execute(&mut *tx).await?;
    }
    Ok(())
}

async fn remove_notes(tx: &mut Tx, workspace_id: Uuid, mut ids: Vec<Uuid>) -> DbResult<()> {
    ids.sort_unstable();
    let sql = "delete from lead_notes where (workspace_id, id) in (select workspace_id, id from {rows})";
    of_ids(sql, workspace_id, &ids).execute(tx).await
}

fn of_ids(sql: &'static str, workspace_id: Uuid, ids: &[Uuid]) -> Bulk {
    Bulk::new(sql)
        .column("id", ids.iter().copied().collect())
        .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
}

/// Removes what an undoing of an import needs, once it cannot be undone any more.
///
/// # Errors
/// [`LeadError::Db`](crate::LeadError::Db).
#[boxed]
pub async fn forget_lead_images(db: &Db, workspace_id: Uuid, import_id: Uuid) -> Result<()> {
    let mut tx = db.begin().await?;
    query("delete from lead_images where workspace_id = $1 and import_id = $2")
        .bind(workspace_id)
        .bind(import_id)
        .execute(&mut tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{DateTime, Utc};

    use super::{super::decide::Touched, *};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn before() -> State {
        State {
            id: Uuid::from_u128(1),
            contact_id: Uuid::from_u128(2),
            status_id: Uuid::from_u128(3),
            stands_for: Outcome::Won,
            need: "Dinner".to_owned(),
            value_minor: Some(500),
            currency: Some("EUR".to_owned()),
            source: None,
            owner_id: None,
            owner_zone: None,
            follow_up_at: Some(at("2026-03-01T09:00:00Z")),
            follow_up_zone: Some("UTC".to_owned()),
            reminded_of: Some(at("2026-03-01T09:00:00Z")),
            key: None,
            version: 1,
            closed_at: Some(at("2026-02-01T09:00:00Z")),
            updated_at: at("2026-02-01T09:00:00Z"),
            name: "Ann Example".to_owned(),
            email: None,
            phone: None,
            external_id: None,
        }
    }

    fn status(id: u128, stands_for: Outcome) -> LeadStatus {
        LeadStatus { id: Uuid::from_u128(id), name: id.to_string(), position: 1, stands_for }
    }

    fn undone(after: &State, lead: &State) -> (State, bool) {
        let touched = Touched { before: Some(before()), after: after.clone(), notes: Vec::new() };
        let images = Json(Images::of(&touched));
        let image = Image { lead_id: lead.id, made: false, version: after.version, images };
        let statuses = [status(3, Outcome::Won), status(4, Outcome::Open)];
        given_back(lead, &image, &statuses, &HashSet::new(), at("2026-04-01T09:00:00Z"))
    }

    #[test]
    fn a_lead_that_is_given_back_ended_when_it_did_and_reminds_nobody_again() {
        let mut after = State { status_id: Uuid::from_u128(4), stands_for: Outcome::Open, version: 2, ..before() };
        after.follow_up_at = Some(at("2026-05-01T09:00:00Z"));
        (after.closed_at, after.reminded_of) = (None, None);
        assert_eq!(undone(&after, &after), (before(), true));
        // Somebody else looks after it now: they were not reminded.
        let lead = State { owner_id: Some(Uuid::from_u128(9)), version: 3, ..after.clone() };
        let (back, is_whole) = undone(&after, &lead);
        assert_eq!((back.reminded_of, back.closed_at, is_whole), (None, before().closed_at, true));
    }

    #[test]
    fn values_that_belong_together_are_not_mixed() {
        let after = State { value_minor: Some(900), version: 2, ..before() };
        let images = Images::of(&Touched { before: Some(before()), after: after.clone(), notes: Vec::new() });
        let old = |text: &str| Some(text.to_owned());
        let both = [("currency", (old("EUR"), old("EUR"))), ("value_minor", (old("500"), old("900")))];
        assert_eq!(images.fields, BTreeMap::from(both.map(|(name, values)| (name.to_owned(), values))));
        // Somebody changed the currency since: the value stays, too.
        let lead = State { currency: old("JPY"), version: 3, ..after.clone() };
        let (back, is_whole) = undone(&after, &lead);
        assert_eq!((back.value_minor, back.currency.as_deref(), is_whole), (Some(900), Some("JPY"), false));
    }
}
