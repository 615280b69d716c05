//! Writes the leads of a chunk, their notes, what timelines tell of them, and what an undoing needs.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use herald_contacts::{Import, NewActivity, record_activities};
use herald_db::{Bulk, Result, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{decide::Touched, state::State, undo::TOGETHER};
use crate::LeadStatus;

/// What a chunk changed about a lead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Images {
    /// By field: the value before, and the value behind it. Of values that only make sense together, all are here as
    /// soon as one of them changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) fields: BTreeMap<String, (Option<String>, Option<String>)>,
    /// The ids of the notes that it added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<Uuid>,
    /// When the lead had last changed before.
    pub(super) updated_at: Option<DateTime<Utc>>,
    /// When it had ended before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) closed_at: Option<DateTime<Utc>>,
    /// Of what its owner had been reminded before, if the chunk made the lead forget it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reminded: Option<Reminded>,
}

/// Who was reminded of which follow-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reminded {
    pub(super) of: DateTime<Utc>,
    owner_id: Option<Uuid>,
    follow_up_at: Option<DateTime<Utc>>,
}

impl Reminded {
    fn by(lead: &State) -> Option<Self> {
        Some(Self { of: lead.reminded_of?, owner_id: lead.owner_id, follow_up_at: lead.follow_up_at })
    }

    /// Whether a lead has the same follow-up and owner again.
    pub(super) fn holds_for(&self, lead: &State) -> bool {
        self.owner_id == lead.owner_id && self.follow_up_at == lead.follow_up_at
    }
}

impl Images {
    pub(super) fn of(lead: &Touched) -> Self {
        let notes = lead.notes.iter().map(|(id, _)| *id).collect();
        let Some(before) = &lead.before else { return Self { notes, ..Self::default() } };
        let (old, new) = (before.values(), lead.after.values());
        let has_changed = |group: &&&[&'static str]| group.iter().any(|name| old.get(name) != new.get(name));
        let names = TOGETHER.iter().filter(has_changed).flat_map(|group| group.iter());
        let fields = names.map(|name| ((*name).to_owned(), (old.get(name).cloned(), new.get(name).cloned()))).collect();
        Self {
            fields,
            notes,
            updated_at: Some(before.updated_at),
            closed_at: before.closed_at,
            reminded: Reminded::by(before).filter(|_| lead.after.reminded_of.is_none()),
        }
    }
}

/// Writes the leads of the chunk that begins at a row. `noted`: the contacts whose timelines tell of the import
/// already.
pub(super) async fn write(
    tx: &mut Tx,
    workspace_id: Uuid,
    (import, from_row): (&Import, i64),
    touched: BTreeMap<Uuid, Touched>,
    statuses: &[LeadStatus],
    noted: &HashSet<Uuid>,
) -> Result<()> {
    let who = import.created_by.as_str();
    let made: Vec<&State> = touched.values().filter(|one| one.before.is_none()).map(|one| &one.after).collect();
    let changed: Vec<&State> = touched.values().filter(|one| one.before.is_some()).map(|one| &one.after).collect();
    insert(&mut *tx, workspace_id, &made).await?;
    update(&mut *tx, workspace_id, &changed).await?;
    let notes: Vec<(&State, &Uuid, &String)> =
        touched.values().flat_map(|one| one.notes.iter().map(|(id, text)| (&one.after, id, text))).collect();
    insert_notes(&mut *tx, workspace_id, who, &notes).await?;
    let contacts: BTreeSet<Uuid> = touched.values().map(|one| one.after.contact_id).collect();
    let listed = |id: &Uuid| NewActivity::of(*id, "contact.imported", who).about(import.id);
    let mut told: Vec<NewActivity> = contacts.difference(&noted.iter().copied().collect()).map(listed).collect();
    for one in touched.values() {
        match &one.before {
            Some(before) => told.extend(one.after.told(before, statuses, Some(who))),
            None => {
                let status = statuses.iter().find(|status| status.id == one.after.status_id);
                let created = NewActivity::of(one.after.contact_id, "lead.created", who).about(one.after.id);
                told.push(created.with(json!({ "status": status.map(|status| status.name.as_str()) })));
            }
        }
        let note = |text: &str| {
            let note = NewActivity::of(one.after.contact_id, "lead.note", who).about(one.after.id);
            note.with(json!({ "text": text }))
        };
        told.extend(one.notes.iter().map(|(_, text)| note(text)));
    }
    record_activities(&mut *tx, workspace_id, told).await?;
    let images = |one: &Touched| serde_json::to_value(Images::of(one)).expect("images are plain data");
    Bulk::new(
        "insert into lead_images (workspace_id, import_id, from_row, lead_id, made, version, images)
         select workspace_id, import_id, from_row, lead_id, made, version, images from {rows}",
    )
    .kept()
    .column("workspace_id", touched.values().map(|_| workspace_id).collect())
    .column("import_id", touched.values().map(|_| import.id).collect())
    .column("from_row", touched.values().map(|_| from_row).collect())
    .column("lead_id", touched.keys().copied().collect())
    .column("made", touched.values().map(|one| one.before.is_none()).collect())
    .column("version", touched.values().map(|one| one.after.version).collect())
    .column("images", touched.values().map(images).collect())
    .execute(tx)
    .await
}

async fn insert(tx: &mut Tx, workspace_id: Uuid, leads: &[&State]) -> Result<()> {
    let sql = "insert into leads (id, workspace_id, contact_id, status_id, need, need_key, value_minor, currency,
           source, owner_id, follow_up_at, follow_up_zone, key, version, closed_at, created_at, updated_at)
         select id, workspace_id, contact_id, status_id, need, need_key, value_minor, currency, source, owner_id,
           follow_up_at, follow_up_zone, key, version, closed_at, updated_at, updated_at from {rows}";
    columns(Bulk::new(sql).kept(), workspace_id, leads)
        .column("contact_id", leads.iter().map(|lead| lead.contact_id).collect())
        .execute(tx)
        .await
}

/// Writes leads that are there already, and that are locked.
pub(super) async fn update(tx: &mut Tx, workspace_id: Uuid, leads: &[&State]) -> Result<()> {
    let sql = "update leads set status_id = rows.status_id, need = rows.need, need_key = rows.need_key,
           value_minor = rows.value_minor, currency = rows.currency, source = rows.source, owner_id = rows.owner_id,
           follow_up_at = rows.follow_up_at, follow_up_zone = rows.follow_up_zone, key = rows.key,
           version = rows.version, closed_at = rows.closed_at, updated_at = rows.updated_at,
           reminded_of = rows.reminded_of
         from {rows} where leads.workspace_id = rows.workspace_id and leads.id = rows.id";
    columns(Bulk::new(sql).kept(), workspace_id, leads)
        .column("reminded_of", leads.iter().map(|lead| lead.reminded_of).collect())
        .execute(tx)
        .await
}

/// What both statements write.
fn columns(bulk: Bulk, workspace_id: Uuid, leads: &[&State]) -> Bulk {
    bulk.column("id", leads.iter().map(|lead| lead.id).collect())
        .column("workspace_id", leads.iter().map(|_| workspace_id).collect())
        .column("status_id", leads.iter().map(|lead| lead.status_id).collect())
        .column("need", leads.iter().map(|lead| lead.need.clone()).collect())
        .column("need_key", leads.iter().map(|lead| lead.need_key()).collect())
        .column("value_minor", leads.iter().map(|lead| lead.value_minor).collect())
        .column("currency", leads.iter().map(|lead| lead.currency.clone()).collect())
        .column("source", leads.iter().map(|lead| lead.source.clone()).collect())
        .column("owner_id", leads.iter().map(|lead| lead.owner_id).collect())
        .column("follow_up_at", leads.iter().map(|lead| lead.follow_up_at).collect())
        .column("follow_up_zone", leads.iter().map(|lead| lead.follow_up_zone.clone()).collect())
        .column("key", leads.iter().map(|lead| lead.key.clone()).collect())
        .column("version", leads.iter().map(|lead| lead.version).collect())
        .column("closed_at", leads.iter().map(|lead| lead.closed_at).collect())
        .column("updated_at", leads.iter().map(|lead| lead.updated_at).collect())
}

async fn insert_notes(tx: &mut Tx, workspace_id: Uuid, who: &str, notes: &[(&State, &Uuid, &String)]) -> Result<()> {
    let now = tx.db().now();
    Bulk::new(
        "insert into lead_notes (id, workspace_id, lead_id, text, who, at)
         select id, workspace_id, lead_id, text, who, at from {rows}",
    )
    .column("id", notes.iter().map(|(_, id, _)| **id).collect())
    .column("workspace_id", notes.iter().map(|_| workspace_id).collect())
    .column("lead_id", notes.iter().map(|(lead, ..)| lead.id).collect())
    .column("text", notes.iter().map(|(.., text)| (*text).clone()).collect())
    .column("who", notes.iter().map(|_| who.to_owned()).collect())
    .column("at", notes.iter().map(|_| now).collect())
    .execute(tx)
    .await
}
