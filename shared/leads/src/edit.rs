//! Makes a lead and changes one.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_contacts::{NewActivity, Profile, record_activities, take_contact};
use serde_json::json;
use uuid::Uuid;

use super::{
    Lead, LeadError, LeadFields, LeadStatus, Outcome, Result,
    lead::find,
    rules::{self, Checked, need_key},
    status::{ensure, name_key},
};
use herald_db::{Db, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

/// Whether the caller knows this state of a lead.
pub type Seen = Box<dyn Fn(&Lead) -> bool + Send + Sync>;

/// Whose lead it is.
#[derive(Clone, Debug)]
pub enum Whose {
    /// A contact's.
    Contact(Uuid),
    /// Of a person whom the workspace may know already.
    Person(Box<Profile>),
}

/// A new lead.
#[derive(Clone, Debug)]
pub struct NewLead {
    /// Whose it is.
    pub whose: Whose,
    /// What is said of it.
    pub fields: LeadFields,
    /// The caller's name for it: a second lead of that name is the first one.
    pub key: Option<String>,
    /// How the person came to the workspace, if they are new: `api`, `console` or `chat`.
    pub through: &'static str,
}

/// Makes a lead. Also says whether it is new: a lead with the same key is returned as it is.
///
/// # Errors
/// [`LeadError::Field`], [`LeadError::Contact`].
#[boxed]
pub async fn create_lead(db: &Db, actor: &Actor, new: NewLead) -> Result<(Lead, bool)> {
    let workspace_id = actor.workspace_id;
    let key = new.key.as_deref().map(rules::key).transpose()?;
    let mut tx = db.begin().await?;
    if let Some(known) = of_key(&mut tx, workspace_id, key.as_deref()).await? {
        return Ok((known, false));
    }
    let now = tx.db().now();
    let fields = new.fields.checked(None, now)?;
    let statuses = ensure(&mut tx, workspace_id).await?;
    let status = status_of(&statuses, fields.status.as_deref())?;
    let contact_id = match new.whose {
        Whose::Contact(id) => {
            // On the transaction's own connection: a second one may be long in coming.
            let found: Option<(Uuid,)> =
                query("select coalesce(merged_into, id) as id from contacts where workspace_id = $1 and id = $2")
                    .bind(workspace_id)
                    .bind(id)
                    .optional(&mut tx)
                    .await?;
            found.ok_or_else(|| LeadError::field("contact_id", format!("there is no contact {id} here")))?.0
        }
        Whose::Person(profile) => take_contact(&mut tx, actor, *profile, new.through).await?.0.id,
    };
    check_owner(&mut tx, workspace_id, fields.owner_id).await?;
    let id = tx.db().new_id();
    let row = Row {
        id,
        contact_id,
        status_id: status.id,
        need: fields.need.clone().unwrap_or_default(),
        value_minor: fields.value_minor,
        currency: fields.currency.clone().flatten(),
        source: fields.source.clone().flatten(),
        owner_id: fields.owner_id.flatten(),
        follow_up: fields.follow_up.clone().flatten(),
        closed_at: (status.stands_for != Outcome::Open).then_some(now),
    };
    if insert(&mut tx, workspace_id, &row, key.as_deref(), now).await? == 0 {
        // Another request with the key was faster.
        drop(tx);
        let mut tx = db.begin().await?;
        let known = of_key(&mut tx, workspace_id, key.as_deref()).await?;
        return known.map(|lead| (lead, false)).ok_or(LeadError::Changed);
    }
    let made = NewActivity::of(contact_id, "lead.created", &actor.who).about(id).with(json!({ "status": status.name }));
    record_activities(&mut tx, workspace_id, vec![made]).await?;
    audit::record(&mut tx, actor, Entry::of("lead.create", id).affecting(1)).await?;
    let lead = find((&mut tx).into(), workspace_id, id).await?.ok_or(LeadError::Changed)?;
    tx.commit().await?;
    Ok((lead, true))
}

/// Changes a lead. `seen` says whether the caller knows the state that is changed. `None`: there is no such lead.
///
/// # Errors
/// [`LeadError::Field`], [`LeadError::Changed`].
#[boxed]
pub async fn change_lead(db: &Db, actor: &Actor, id: Uuid, fields: &LeadFields, seen: Seen) -> Result<Option<Lead>> {
    let workspace_id = actor.workspace_id;
    let mut tx = db.begin().await?;
    let Some(old) = locked(&mut tx, workspace_id, id).await? else { return Ok(None) };
    if !seen(&old) {
        return Err(LeadError::Changed);
    }
    let now = tx.db().now();
    let fields = fields.checked(old.follow_up_zone.as_deref(), now)?;
    let statuses = ensure(&mut tx, workspace_id).await?;
    let status = status_of(&statuses, Some(fields.status.as_deref().unwrap_or(&old.status)))?;
    check_owner(&mut tx, workspace_id, fields.owner_id).await?;
    update(&mut tx, workspace_id, &old, (&fields, status), now).await?;
    let lead = find((&mut tx).into(), workspace_id, id).await?.ok_or(LeadError::Changed)?;
    let told = told(&old, &lead, actor);
    if !told.is_empty() {
        let changed: Vec<&'static str> = told.iter().map(|activity| activity.kind).collect();
        record_activities(&mut tx, workspace_id, told).await?;
        let entry = Entry::of("lead.change", id).affecting(1).with(json!({ "changed": changed }));
        audit::record(&mut tx, actor, entry).await?;
    }
    tx.commit().await?;
    Ok(Some(lead))
}

async fn of_key(tx: &mut Tx, workspace_id: Uuid, key: Option<&str>) -> Result<Option<Lead>> {
    let Some(key) = key else { return Ok(None) };
    let found: Option<(Uuid,)> = query("select id from leads where workspace_id = $1 and key = $2")
        .bind(workspace_id)
        .bind(key)
        .optional(&mut *tx)
        .await?;
    match found {
        Some((id,)) => find(tx.into(), workspace_id, id).await,
        None => Ok(None),
    }
}

/// The status of a name; without a name the first one that is open.
fn status_of<'a>(statuses: &'a [LeadStatus], name: Option<&str>) -> Result<&'a LeadStatus> {
    let found = match name {
        Some(name) => statuses.iter().find(|status| name_key(&status.name) == name_key(name)),
        None => statuses.iter().find(|status| status.stands_for == Outcome::Open),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = statuses.iter().map(|status| status.name.as_str()).collect();
        let detail = format!("there is no status {:?}: use one of {}", name.unwrap_or_default(), names.join(", "));
        LeadError::field("status", detail)
    })
}

async fn check_owner(tx: &mut Tx, workspace_id: Uuid, owner_id: Option<Option<Uuid>>) -> Result<()> {
    let Some(Some(owner_id)) = owner_id else { return Ok(()) };
    let found: Option<(Uuid,)> = query("select user_id from members where workspace_id = $1 and user_id = $2")
        .bind(workspace_id)
        .bind(owner_id)
        .optional(tx)
        .await?;
    let detail = || format!("{owner_id} is not a member of this workspace: choose one");
    found.map(drop).ok_or_else(|| LeadError::field("owner_id", detail()))
}

struct Row {
    id: Uuid,
    contact_id: Uuid,
    status_id: Uuid,
    need: String,
    value_minor: Option<i64>,
    currency: Option<String>,
    source: Option<String>,
    owner_id: Option<Uuid>,
    follow_up: rules::FollowUp,
    closed_at: Option<DateTime<Utc>>,
}

async fn insert(tx: &mut Tx, workspace_id: Uuid, row: &Row, key: Option<&str>, now: DateTime<Utc>) -> Result<u64> {
    let (follow_up_at, follow_up_zone) = row.follow_up.clone().unzip();
    let made = query(
        "insert into leads (id, workspace_id, contact_id, status_id, need, need_key, value_minor, currency, source,
           owner_id, follow_up_at, follow_up_zone, key, version, closed_at, created_at, updated_at)
         values ($2, $1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $15, $15)
         on conflict (workspace_id, key) do nothing",
    )
    .bind(workspace_id)
    .bind(row.id)
    .bind(row.contact_id)
    .bind(row.status_id)
    .bind(row.need.as_str())
    .bind(need_key(&row.need))
    .bind(row.value_minor)
    .bind(row.currency.clone())
    .bind(row.source.clone())
    .bind(row.owner_id)
    .bind(follow_up_at)
    .bind(follow_up_zone)
    .bind(key.map(str::to_owned))
    .bind(row.closed_at)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(made)
}

/// A lead that no other transaction changes until this one ends.
pub(crate) async fn locked(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<Option<Lead>> {
    query("update leads set version = version where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(id)
        .execute(&mut *tx)
        .await?;
    find(tx.into(), workspace_id, id).await
}

async fn update(
    tx: &mut Tx,
    workspace_id: Uuid,
    old: &Lead,
    (fields, status): (&Checked, &LeadStatus),
    now: DateTime<Utc>,
) -> Result<()> {
    let need = fields.need.clone().unwrap_or_else(|| old.need.clone());
    let before = old.follow_up_at.zip(old.follow_up_zone.clone());
    let (follow_up_at, follow_up_zone) = fields.follow_up.clone().unwrap_or(before).unzip();
    let closed_at = match status.stands_for {
        Outcome::Open => None,
        Outcome::Won | Outcome::Lost => Some(old.closed_at.unwrap_or(now)),
    };
    let owner_id = fields.owner_id.unwrap_or(old.owner_id);
    // Whoever is reminded now knows nothing of it: another person, or somebody who thought that it was over.
    let is_forgotten = follow_up_at != old.follow_up_at
        || owner_id != old.owner_id
        || (old.stands_for != Outcome::Open && status.stands_for == Outcome::Open);
    query(
        "update leads set status_id = $3, need = $4, need_key = $5, value_minor = $6, currency = $7, source = $8,
           owner_id = $9, follow_up_at = $10, follow_up_zone = $11, closed_at = $12, updated_at = $13,
           first_answer_at = coalesce(first_answer_at, $13), version = version + 1,
           reminded_of = case when $14 then null else reminded_of end
         where workspace_id = $1 and id = $2",
    )
    .bind(workspace_id)
    .bind(old.id)
    .bind(status.id)
    .bind(need.as_str())
    .bind(need_key(&need))
    .bind(fields.value_minor.or(old.value_minor))
    .bind(fields.currency.clone().unwrap_or_else(|| old.currency.clone()))
    .bind(fields.source.clone().unwrap_or_else(|| old.source.clone()))
    .bind(owner_id)
    .bind(follow_up_at)
    .bind(follow_up_zone)
    .bind(closed_at)
    .bind(now)
    .bind(is_forgotten)
    .execute(tx)
    .await?;
    Ok(())
}

/// What the contact's timeline tells of a change.
fn told(old: &Lead, new: &Lead, actor: &Actor) -> Vec<NewActivity> {
    let of = |kind| NewActivity::of(new.contact_id, kind, &actor.who).about(new.id);
    let mut told = Vec::new();
    if old.status != new.status {
        told.push(of("lead.status").with(json!({ "from": old.status, "status": new.status })));
    }
    if old.follow_up_at != new.follow_up_at {
        told.push(match new.follow_up_at {
            Some(at) => of("lead.follow_up").with(json!({ "at": at })),
            None => of("lead.followed_up"),
        });
    }
    let rest = old.need != new.need
        || old.value_minor != new.value_minor
        || old.currency != new.currency
        || old.source != new.source
        || old.owner_id != new.owner_id;
    if rest {
        told.push(of("lead.changed"));
    }
    told
}
