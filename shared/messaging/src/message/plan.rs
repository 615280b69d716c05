//! Planning: the contacts of a campaign become messages, a part in each transaction, with the cursor behind it and the
//! jobs that send them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::TimeDelta;
use herald_base::boxed;
use herald_contacts::{Channel, Contact, contacts_of};
use serde_json::json;
use uuid::Uuid;

use super::{MessageState, fault::missing, tally::count_outcome};
use crate::{
    Campaign, CampaignState, MessagingError, Result, SharedAddress,
    campaign::{count, counts_in, fill, finish},
    jobs::{MessageEmail, MessageWhatsapp},
    template::{Compiled, contact_values},
};
use herald_db::{Bulk, Db, Tx, query};
use herald_ledger::{self as ledger, LedgerError, Payload};
use herald_sheets::email_key;

/// The largest number of messages of one job.
pub const CHUNK: usize = 500;
/// The number of contacts that one transaction plans.
pub const PLANNED_AT_ONCE: usize = 2_000;

/// What planning works with.
pub struct Planning<'a> {
    /// The campaign.
    pub campaign: &'a Campaign,
    /// Its content.
    pub content: &'a Compiled,
    /// How many messages a job gets.
    pub chunk: usize,
}

/// How far planning came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planned {
    /// There is more, behind this contact.
    UpTo(Uuid),
    /// Everybody has a message.
    All,
    /// The campaign is not being sent any more, or somebody else plans it.
    Stopped,
}

/// A message that is planned.
pub(super) struct Draft {
    id: Uuid,
    pub(super) contact_id: Uuid,
    pub(super) address: String,
    address_key: Option<String>,
    pub(super) language: Option<String>,
    time_zone: Option<String>,
    pub(super) params: BTreeMap<String, String>,
    /// Why it is not to be sent, in a word and in a sentence.
    not_sent: Option<(&'static str, String)>,
}

/// Plans the messages of the next contacts behind `from`.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn plan_next(
    tx: &mut Tx,
    workspace_id: Uuid,
    planning: &Planning<'_>,
    from: Option<Uuid>,
) -> Result<Planned> {
    let campaign = planning.campaign;
    let ids: Vec<(Uuid,)> = query(
        "select contact_id from campaign_members
         where workspace_id = $1 and campaign_id = $2 and contact_id > $3 order by contact_id limit $4",
    )
    .bind(workspace_id)
    .bind(campaign.id)
    .bind(from.unwrap_or_else(Uuid::nil))
    .bind(i64::try_from(PLANNED_AT_ONCE).unwrap_or(i64::MAX))
    .all(&mut *tx)
    .await?;
    let Some((last,)) = ids.last().copied() else { return Ok(Planned::All) };
    let moved = query(
        "update campaigns set planned_to = $4, updated_at = $5
         where workspace_id = $1 and id = $2 and state = 'sending' and round = $6
           and coalesce(planned_to, $7) = $3",
    )
    .bind(workspace_id)
    .bind(campaign.id)
    .bind(from.unwrap_or_else(Uuid::nil))
    .bind(last)
    .bind(tx.db().now())
    .bind(campaign.round)
    .bind(Uuid::nil())
    .execute(&mut *tx)
    .await?;
    if moved == 0 {
        return Ok(Planned::Stopped);
    }
    let contacts = people(&mut *tx, workspace_id, ids.into_iter().map(|(id,)| id).collect()).await?;
    let mut drafts = drafts(tx.db(), planning, contacts);
    if campaign.settings.0.shared_address == SharedAddress::Once {
        one_an_address(&mut *tx, workspace_id, campaign.id, &mut drafts).await?;
    } else {
        drafts.iter_mut().for_each(|draft| draft.address_key = None);
    }
    write(tx, workspace_id, campaign, &drafts).await?;
    let waiting: Vec<Uuid> = drafts.iter().filter(|one| one.not_sent.is_none()).map(|one| one.id).collect();
    enqueue(tx, workspace_id, campaign, &waiting, planning.chunk).await?;
    Ok(Planned::UpTo(last))
}

/// The people of ids, in their order: the survivor of somebody who was merged meanwhile, and each once.
async fn people(tx: &mut Tx, workspace_id: Uuid, ids: Vec<Uuid>) -> Result<Vec<Contact>> {
    let found = contacts_of(&mut *tx, workspace_id, ids.clone()).await?;
    let merged: Vec<Uuid> = found.iter().filter_map(|contact| contact.merged_into).collect();
    let mut by_id: HashMap<Uuid, Contact> = found.into_iter().map(|contact| (contact.id, contact)).collect();
    if !merged.is_empty() {
        let survivors = contacts_of(tx, workspace_id, merged).await?;
        by_id.extend(survivors.into_iter().map(|contact| (contact.id, contact)));
    }
    let mut seen = BTreeSet::new();
    let now = ids.into_iter().filter_map(|id| {
        let contact = by_id.get(&id)?;
        let now = contact.merged_into.and_then(|survivor| by_id.get(&survivor)).unwrap_or(contact);
        seen.insert(now.id).then(|| now.clone())
    });
    Ok(now.collect())
}

/// The messages of contacts, as they would be.
pub(super) fn drafts(db: &Db, planning: &Planning<'_>, contacts: Vec<Contact>) -> Vec<Draft> {
    let (fields, required) = (planning.content.fields(), planning.content.required());
    let mut drafts: Vec<Draft> =
        contacts.into_iter().map(|contact| draft(db.new_id(), planning, &fields, &required, contact)).collect();
    // A job's messages lie between two ids.
    let mut ids: Vec<Uuid> = drafts.iter().map(|draft| draft.id).collect();
    ids.sort_unstable();
    drafts.iter_mut().zip(ids).for_each(|(draft, id)| draft.id = id);
    drafts
}

fn draft(
    id: Uuid,
    planning: &Planning<'_>,
    fields: &BTreeSet<String>,
    required: &BTreeSet<String>,
    contact: Contact,
) -> Draft {
    let by_mail = planning.campaign.channel == Channel::Email;
    let address = if by_mail { contact.email.clone() } else { contact.phone.clone() };
    let mut params = contact_values(&contact);
    // The name stands beside the address.
    params.retain(|field, _| field == "name" || fields.contains(field));
    fill(&planning.campaign.settings.0.missing, fields.iter(), &mut params);
    let missing = missing(required, &params).next();
    let not_sent = match (&address, missing) {
        (None, _) if by_mail => Some(("no_address", "the contact has no e-mail address".to_owned())),
        (None, _) => Some(("no_address", "the contact has no phone number".to_owned())),
        (_, Some(field)) => {
            let reason = format!("the contact has no {field}, and the template gives no default for it");
            Some(("missing_field", reason))
        }
        _ => None,
    };
    let address = address.unwrap_or_default();
    let address_key = (not_sent.is_none()).then(|| email_key(&address));
    Draft {
        id,
        contact_id: contact.id,
        language: Some(planning.content.language_for(contact.locale.as_deref()).to_owned()),
        time_zone: contact.time_zone,
        address,
        address_key,
        params,
        not_sent,
    }
}

/// Leaves one message an address: the contact who comes first gets it.
async fn one_an_address(tx: &mut Tx, workspace_id: Uuid, campaign_id: Uuid, drafts: &mut [Draft]) -> Result<()> {
    let keys: Vec<String> = drafts.iter().filter_map(|draft| draft.address_key.clone()).collect();
    let taken: Vec<(String,)> = Bulk::new(
        "select m.address_key from {rows}
         join messages as m on m.campaign_id = rows.campaign_id and m.step = 1 and m.address_key = rows.address
         where m.workspace_id = rows.workspace_id",
    )
    .column("workspace_id", keys.iter().map(|_| workspace_id).collect())
    .column("campaign_id", keys.iter().map(|_| campaign_id).collect())
    .column("address", keys.into_iter().collect())
    .all(tx)
    .await?;
    let mut taken: BTreeSet<String> = taken.into_iter().map(|(key,)| key).collect();
    for draft in drafts {
        let Some(key) = &draft.address_key else { continue };
        if !taken.insert(key.clone()) {
            draft.address_key = None;
            let reason = "another contact with the same address gets it".to_owned();
            draft.not_sent = Some(("same_address", reason));
        }
    }
    Ok(())
}

async fn write(tx: &mut Tx, workspace_id: Uuid, campaign: &Campaign, drafts: &[Draft]) -> Result<()> {
    let now = tx.db().now();
    let state = |one: &Draft| match one.not_sent {
        Some(_) => MessageState::Suppressed,
        None => MessageState::Pending,
    };
    let ab = campaign.settings.0.ab.as_ref();
    let number = |one: &Draft| ab.filter(|_| one.not_sent.is_none()).and_then(|ab| ab.number_of(one.id));
    let variant = |one: &Draft| number(one).map(|number| (number + 1).to_string());
    // The rest waits for the subject that wins, at least so long.
    let due_at = |one: &Draft| {
        let ab = ab.filter(|_| one.not_sent.is_none() && number(one).is_none())?;
        Some(campaign.started_at.unwrap_or(now) + TimeDelta::hours(ab.after_hours.into()))
    };
    Bulk::new(
        "insert into messages (id, workspace_id, campaign_id, contact_id, step, channel, address, address_key,
           language, time_zone, variant, params, state, cause, reason, tries, due_at, updated_at)
         select id, workspace_id, campaign_id, contact_id, 1, channel, address, address_key, language, time_zone,
           variant, params, state, cause, reason, 0, due_at, at from {rows} where true
         on conflict do nothing",
    )
    .kept()
    .column("id", drafts.iter().map(|one| one.id).collect())
    .column("workspace_id", drafts.iter().map(|_| workspace_id).collect())
    .column("campaign_id", drafts.iter().map(|_| campaign.id).collect())
    .column("contact_id", drafts.iter().map(|one| one.contact_id).collect())
    .column("channel", drafts.iter().map(|_| campaign.channel.as_str().to_owned()).collect())
    .column("address", drafts.iter().map(|one| one.address.clone()).collect())
    .column("address_key", drafts.iter().map(|one| one.address_key.clone()).collect())
    .column("language", drafts.iter().map(|one| one.language.clone()).collect())
    .column("time_zone", drafts.iter().map(|one| one.time_zone.clone()).collect())
    .column("variant", drafts.iter().map(variant).collect())
    .column("params", drafts.iter().map(|one| json!(one.params)).collect())
    .column("state", drafts.iter().map(|one| state(one).as_str().to_owned()).collect())
    .column("cause", drafts.iter().map(|one| one.not_sent.as_ref().map(|(cause, _)| (*cause).to_owned())).collect())
    .column("reason", drafts.iter().map(|one| one.not_sent.as_ref().map(|(_, reason)| reason.clone())).collect())
    .column("due_at", drafts.iter().map(due_at).collect())
    .column("at", drafts.iter().map(|_| now).collect())
    .execute(&mut *tx)
    .await?;
    // Of somebody who was merged while the campaign was planned, there may be one already.
    let mut changes: BTreeMap<MessageState, i64> = BTreeMap::new();
    let written: Vec<(String,)> = Bulk::new(
        "select m.state from {rows} join messages as m on m.id = rows.id where m.workspace_id = rows.workspace_id",
    )
    .kept()
    .column("id", drafts.iter().map(|one| one.id).collect())
    .column("workspace_id", drafts.iter().map(|_| workspace_id).collect())
    .all(&mut *tx)
    .await?;
    for (state,) in written {
        if let Ok(state) = state.parse() {
            *changes.entry(state).or_default() += 1;
        }
    }
    for (cause, _) in drafts.iter().filter_map(|one| one.not_sent.as_ref()) {
        count_outcome(campaign.channel, MessageState::Suppressed, Some(*cause));
    }
    count(tx, workspace_id, campaign.id, &changes).await?;
    Ok(())
}

/// Enqueues the jobs that send messages, whose ids are in order.
async fn enqueue(tx: &mut Tx, workspace_id: Uuid, campaign: &Campaign, ids: &[Uuid], chunk: usize) -> Result<()> {
    let jobs = ids.chunks(chunk.clamp(1, CHUNK)).filter_map(|ids| {
        let (from, to) = (*ids.first()?, *ids.last()?);
        let (campaign_id, round) = (campaign.id, campaign.round);
        Some(match campaign.channel {
            Channel::Whatsapp => MessageWhatsapp { campaign_id, round, from, to }.job(workspace_id),
            Channel::Email | Channel::Phone => MessageEmail { campaign_id, round, from, to }.job(workspace_id),
        })
    });
    match ledger::enqueue(tx, jobs.collect()).await {
        Ok(_) => Ok(()),
        Err(LedgerError::Db(error)) => Err(error.into()),
        Err(error) => Err(MessagingError::WrongState(error.to_string())),
    }
}

/// Notes that all messages of a campaign are planned, and that it is sent, if none of them waits.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn end_planning(tx: &mut Tx, workspace_id: Uuid, campaign: &Campaign) -> Result<()> {
    let now = tx.db().now();
    query(
        "update campaigns set planned_at = coalesce(planned_at, $4), updated_at = $4
         where workspace_id = $1 and id = $2 and round = $3 and state = 'sending'",
    )
    .bind(workspace_id)
    .bind(campaign.id)
    .bind(campaign.round)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    query("delete from campaign_members where workspace_id = $1 and campaign_id = $2")
        .bind(workspace_id)
        .bind(campaign.id)
        .execute(&mut *tx)
        .await?;
    end_if_done(tx, workspace_id, campaign.id).await?;
    Ok(())
}

/// Notes that a campaign is sent, if every message has its end.
pub(super) async fn end_if_done(tx: &mut Tx, workspace_id: Uuid, campaign_id: Uuid) -> Result<bool> {
    let planned: Option<(bool,)> =
        query("select planned_at is not null from campaigns where workspace_id = $1 and id = $2 and state = 'sending'")
            .bind(workspace_id)
            .bind(campaign_id)
            .optional(&mut *tx)
            .await?;
    if planned != Some((true,)) {
        return Ok(false);
    }
    let counts = counts_in(&mut *tx, workspace_id, vec![campaign_id]).await?.remove(&campaign_id).unwrap_or_default();
    if counts.open() > 0 {
        return Ok(false);
    }
    let told = format!(
        "{} sent, {} failed, {} left out, {} unknown",
        counts.sent + counts.delivered,
        counts.failed,
        counts.suppressed,
        counts.unknown
    );
    finish(tx, workspace_id, campaign_id, &told).await
}

/// Enqueues jobs for messages that wait, behind the message `from`: those of an earlier round send nothing any more.
/// Returns the last message that has a job now; none if there are no more.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn cut_again(
    tx: &mut Tx,
    workspace_id: Uuid,
    campaign: &Campaign,
    (from, chunk): (Option<Uuid>, usize),
) -> Result<Option<Uuid>> {
    let ids: Vec<(Uuid,)> = query(
        "select id from messages where workspace_id = $1 and campaign_id = $2 and state = 'pending' and id > $3
         order by id limit $4",
    )
    .bind(workspace_id)
    .bind(campaign.id)
    .bind(from.unwrap_or_else(Uuid::nil))
    .bind(i64::try_from(PLANNED_AT_ONCE * 5).unwrap_or(i64::MAX))
    .all(&mut *tx)
    .await?;
    let ids: Vec<Uuid> = ids.into_iter().map(|(id,)| id).collect();
    enqueue(tx, workspace_id, campaign, &ids, chunk).await?;
    Ok(ids.last().copied())
}

/// Gives messages that wait their end, because their campaign was cancelled. Returns how many, at most 1,000.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn suppress_waiting(tx: &mut Tx, workspace_id: Uuid, campaign: &Campaign) -> Result<u64> {
    debug_assert_eq!(campaign.state, CampaignState::Cancelled, "only those of a cancelled campaign");
    let now = tx.db().now();
    let done = query(
        "update messages set state = 'suppressed', cause = 'cancelled', reason = 'the campaign was cancelled',
           updated_at = $3
         where workspace_id = $1 and id in (select m.id from messages as m
           where m.workspace_id = $1 and m.campaign_id = $2 and m.state = 'pending' order by m.id limit 1000)
           and state = 'pending'",
    )
    .bind(workspace_id)
    .bind(campaign.id)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    let by = i64::try_from(done).unwrap_or(i64::MAX);
    let changes = BTreeMap::from([(MessageState::Pending, -by), (MessageState::Suppressed, by)]);
    count(&mut *tx, workspace_id, campaign.id, &changes).await?;
    if done == 0 {
        query("delete from campaign_members where workspace_id = $1 and campaign_id = $2")
            .bind(workspace_id)
            .bind(campaign.id)
            .execute(tx)
            .await?;
    }
    Ok(done)
}
