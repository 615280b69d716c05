//! The moves of a campaign from state to state. Each is conditional on the state that it comes from, and written down
//! in the campaign's log by the same transaction.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use herald_contacts::{Channel, MemberTable, whole_rule, write_members};
use herald_notifications::{ByMail, NewNotification, NotifyError, notify};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Approver, Campaign, CampaignState,
    approval::{hash_of, may_approve},
    change::{found, found_in},
    check, note,
};
use crate::{
    MessagingError, Result, WhatsappMessage,
    archive::can_be_archived,
    find_sender,
    jobs::{CampaignDispatch, CampaignWinner},
    template::{Compiled, Finding, MessageContent, find_message_template, message_blocks, message_template_content},
    tracking::register_links,
    whatsapp::freeze,
};
use herald_db::{Db, EngineKind, Json, Tx, query};
use herald_ledger::{
    self as ledger, LedgerError, NewJob, Payload,
    audit::{self, Actor, Entry},
};

/// A campaign can be planned so far ahead.
const FAR: TimeDelta = TimeDelta::days(400);

/// Where the contacts of a campaign are kept while it is planned.
const MEMBERS: MemberTable = MemberTable { table: "campaign_members", owner: "campaign_id" };

/// A campaign that is moved within a transaction, and who moves it.
struct Moving<'a> {
    tx: &'a mut Tx,
    workspace_id: Uuid,
    who: Option<&'a str>,
    campaign: Campaign,
}

impl<'a> Moving<'a> {
    /// Locks a campaign. `None`: there is no such campaign.
    async fn of(tx: &'a mut Tx, workspace_id: Uuid, id: Uuid, who: Option<&'a str>) -> Result<Option<Self>> {
        if tx.engine() == EngineKind::Postgres {
            let sql = "select id from campaigns where workspace_id = $1 and id = $2 for update";
            let _: Option<(Uuid,)> = query(sql).bind(workspace_id).bind(id).optional(&mut *tx).await?;
        }
        let campaign = found_in(&mut *tx, workspace_id, id).await?;
        Ok(campaign.map(|campaign| Self { tx, workspace_id, who, campaign }))
    }

    /// Whether the campaign is in one of these states.
    fn must_be(&self, states: &[CampaignState], act: &str) -> Result<()> {
        if states.contains(&self.campaign.state) {
            return Ok(());
        }
        let needed: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
        Err(self.campaign.state.does_not_allow(act, &needed.join(" or ")))
    }

    /// Writes the campaign with its new state, and notes the move.
    async fn to(&mut self, state: CampaignState, kind: &str, detail: Value) -> Result<()> {
        let now = self.tx.db().now();
        let one = &mut self.campaign;
        let from = std::mem::replace(&mut one.state, state);
        one.version += 1;
        let moved = query(
            "update campaigns set state = $4, version = version + 1, template_version = $5, send_at = $6,
               submitted_by = $7, approved_by = $8, approved_at = $9, approved_hash = $10, reason = $11, round = $12,
               planned_at = $13, started_at = $14, finished_at = $15, updated_at = $16, content = $17,
               whatsapp = $18
             where workspace_id = $1 and id = $2 and state = $3",
        )
        .bind(self.workspace_id)
        .bind(one.id)
        .bind(from.as_str())
        .bind(state.as_str())
        .bind(one.template_version)
        .bind(one.send_at)
        .bind(one.submitted_by.clone())
        .bind(one.approved_by.clone())
        .bind(one.approved_at)
        .bind(one.approved_hash.clone())
        .bind(one.reason.clone())
        .bind(one.round)
        .bind(one.planned_at)
        .bind(one.started_at)
        .bind(one.finished_at)
        .bind(now)
        .bind(one.content.as_ref().map(|content| json!(content.0)))
        .bind(one.whatsapp.as_ref().map(|message| json!(message.0)))
        .execute(&mut *self.tx)
        .await?;
        if moved == 0 {
            return Err(MessagingError::Changed);
        }
        note(&mut *self.tx, self.workspace_id, self.campaign.id, (kind, self.who, detail)).await?;
        Ok(())
    }

    /// Enqueues the job that begins the campaign at its time, or goes on with it.
    async fn dispatch(&mut self, at: Option<DateTime<Utc>>) -> Result<()> {
        let args = CampaignDispatch { campaign_id: self.campaign.id, round: self.campaign.round };
        let job = args.job(self.workspace_id);
        self.enqueue(job, at).await
    }

    async fn enqueue(&mut self, mut job: NewJob, at: Option<DateTime<Utc>>) -> Result<()> {
        job.run_at = at;
        match ledger::enqueue(&mut *self.tx, vec![job]).await {
            Ok(_) => Ok(()),
            Err(LedgerError::Db(error)) => Err(error.into()),
            Err(error) => Err(MessagingError::WrongState(error.to_string())),
        }
    }

    /// Begins to send: from now on the audience and the content are what they are.
    async fn begin(&mut self, kind: &str) -> Result<()> {
        let now = self.tx.db().now();
        let db = self.tx.db().clone();
        let rule = whole_rule(&db, self.workspace_id, &self.campaign.audience.0.rule()).await?;
        let members = write_members(&mut *self.tx, self.workspace_id, rule, MEMBERS, self.campaign.id).await?;
        self.campaign.started_at = Some(now);
        self.choose_later(now).await?;
        self.campaign.round += 1;
        self.to(CampaignState::Sending, kind, json!({ "contacts": members })).await
    }

    /// Has the winner chosen when its time comes, if there is still one to choose.
    async fn choose_later(&mut self, now: DateTime<Utc>) -> Result<()> {
        let Some(ab) = self.campaign.settings.0.ab.as_ref().filter(|_| self.campaign.waits_for_winner()) else {
            return Ok(());
        };
        let at = self.campaign.started_at.unwrap_or(now) + TimeDelta::hours(ab.after_hours.into());
        let job = CampaignWinner { campaign_id: self.campaign.id }.job(self.workspace_id);
        self.enqueue(job, Some(at.max(now))).await
    }

    /// Writes down where the links of its mails lead, the footer of its sender among them.
    async fn write_links(&mut self) -> Result<()> {
        let (workspace_id, one) = (self.workspace_id, &self.campaign);
        let (Channel::Email, Some(content), Some(sender_id)) = (one.channel, &one.content, one.sender_id) else {
            return Ok(());
        };
        let sender = find_sender(self.tx.db(), workspace_id, sender_id).await?;
        let footer = sender.map(|sender| sender.footer).unwrap_or_default();
        let compiled = Compiled::with_footer(&content.0, &footer).map_err(|findings| faulty(&findings))?;
        can_be_archived(&compiled, one.settings.0.archive)?;
        Ok(register_links(&mut *self.tx, workspace_id, one.id, &compiled).await?)
    }

    /// Whether what the campaign is now is what was approved.
    async fn is_as_approved(&self) -> Result<()> {
        let now = hash_of(self.tx.db(), self.workspace_id, &self.campaign).await?;
        match self.campaign.approved_hash.as_deref() == Some(now.as_str()) {
            true => Ok(()),
            false => Err(MessagingError::WrongState(
                "the campaign is not what was approved any more, for a segment of its audience has other rules, or its \
                 sender another footer: reject it or change it, and submit it again"
                    .to_owned(),
            )),
        }
    }
}

/// Runs a move in a transaction of its own, with its line in the audit log.
macro_rules! act {
    ($db:ident, $actor:ident, $id:ident, $name:literal, |$moving:ident| $body:block) => {{
        let mut tx = $db.begin().await?;
        let Some(mut $moving) = Moving::of(&mut tx, $actor.workspace_id, $id, Some(&$actor.who)).await? else {
            return Ok(None);
        };
        $body
        audit::record(&mut tx, $actor, Entry::of($name, $id)).await?;
        tx.commit().await?;
        Ok(Some(found($db, $actor.workspace_id, $id).await?))
    }};
}

/// Asks for the approval of a draft. From now on its template's version is fixed, and its audience is looked through.
/// `None`: there is no such campaign.
///
/// # Errors
/// [`MessagingError::Field`] names what is missing; [`MessagingError::WrongState`].
#[boxed]
pub async fn submit_campaign(db: &Db, actor: &Actor, id: Uuid) -> Result<Option<Campaign>> {
    let submitted = submit(db, actor, id).await?;
    if let Some(campaign) = &submitted {
        check::check_few(db, actor.workspace_id, campaign).await?;
    }
    Ok(submitted)
}

async fn submit(db: &Db, actor: &Actor, id: Uuid) -> Result<Option<Campaign>> {
    act!(db, actor, id, "campaign.submit", |moving| {
        moving.must_be(&[CampaignState::Draft], "submitted")?;
        let one = &mut moving.campaign;
        if one.sender_id.is_none() {
            return Err(MessagingError::field("sender_id", "the campaign has no sender: choose one"));
        }
        let over_whatsapp = one.channel == Channel::Whatsapp;
        let template_id = one.template_id;
        if template_id.is_none() && !over_whatsapp {
            return Err(MessagingError::field("template_id", "the campaign has no template: choose one"));
        }
        if one.audience.0.is_empty() {
            let detail = "the campaign has no audience: choose segments or tags, or everybody";
            return Err(MessagingError::field("audience", detail));
        }
        match template_id {
            Some(template_id) if !over_whatsapp => {
                let (version, content) = frozen(db, actor.workspace_id, template_id, one.template_version).await?;
                if let Some(ab) = &one.settings.0.ab {
                    ab.fits(&content)?;
                }
                one.template_version = Some(version);
                one.content = Some(Json(content));
            }
            _ => {
                let message = over_whatsapp_of(db, actor.workspace_id, one).await?;
                one.content = Some(Json(message.as_content()));
                one.whatsapp = Some(Json(message));
            }
        }
        one.submitted_by = Some(actor.who.clone());
        one.reason = None;
        let version = one.template_version;
        moving.write_links().await?;
        moving.to(CampaignState::InReview, "submitted", json!({ "template_version": version })).await?;
        let contacts = check::size_of(db, actor.workspace_id, &moving.campaign).await?;
        check::begin(&mut *moving.tx, actor.workspace_id, &moving.campaign, contacts).await?;
    })
}

/// What a campaign over WhatsApp says, as it is now.
async fn over_whatsapp_of(db: &Db, workspace_id: Uuid, campaign: &Campaign) -> Result<WhatsappMessage> {
    let sender = match campaign.sender_id {
        Some(id) => find_sender(db, workspace_id, id).await?,
        None => None,
    };
    let gone = || MessagingError::field("sender_id", "the sender is not there any more: choose another one");
    freeze(db, workspace_id, &sender.ok_or_else(gone)?, campaign.settings.0.whatsapp.as_ref()).await
}

/// A template in a version, or in its newest one, with its blocks put in.
pub(super) async fn frozen(
    db: &Db,
    workspace_id: Uuid,
    template_id: Uuid,
    version: Option<i64>,
) -> Result<(i64, MessageContent)> {
    let gone = || {
        let detail = "the template is not there in this version any more: choose it again";
        MessagingError::field("template_id", detail)
    };
    let newest = find_message_template(db, workspace_id, template_id).await?.ok_or_else(gone)?.version;
    let version = version.unwrap_or(newest);
    let content = message_template_content(db, workspace_id, template_id, Some(version)).await?.ok_or_else(gone)?;
    let content = content.with_blocks(&message_blocks(db, workspace_id).await?);
    let content = content.and_then(|content| Compiled::compile(&content, &BTreeMap::new()).map(|_| content));
    content.map(|content| (version, content)).map_err(|findings| faulty(&findings))
}

fn faulty(findings: &[Finding]) -> MessagingError {
    let first = findings.iter().find(|one| one.is_error).or_else(|| findings.first());
    let what = first.map_or_else(String::new, |one| format!(": {}", one.problem));
    MessagingError::field("template_id", format!("the template has a fault{what}; mend it first"))
}

/// Approves a campaign as it is. `None`: there is no such campaign.
///
/// # Errors
/// [`MessagingError::WrongState`]: also for who submitted or made it.
#[boxed]
pub async fn approve_campaign(db: &Db, actor: &Actor, id: Uuid, by: Approver) -> Result<Option<Campaign>> {
    act!(db, actor, id, "campaign.approve", |moving| {
        moving.must_be(&[CampaignState::InReview], "approved")?;
        let is_only_one = match by {
            Approver::Member => may_approve(&mut *moving.tx, &moving.campaign, actor.workspace_id, &actor.who).await?,
            Approver::Operator => false,
        };
        let now = moving.tx.db().now();
        let hash = hash_of(db, actor.workspace_id, &moving.campaign).await?;
        check::allows(&mut *moving.tx, actor.workspace_id, &moving.campaign, &hash).await?;
        // The footer may be another one since it was submitted; from now on it is as approved.
        moving.write_links().await?;
        let one = &mut moving.campaign;
        one.approved_by = Some(actor.who.clone());
        one.approved_at = Some(now);
        one.approved_hash = Some(hash);
        let detail = if is_only_one { json!({ "nobody_else_may": true }) } else { json!({}) };
        moving.to(CampaignState::Approved, "approved", detail).await?;
    })
}

/// Sends a campaign back to its makers, with the reason. `None`: there is no such campaign.
///
/// # Errors
/// [`MessagingError::Field`] without a reason; [`MessagingError::WrongState`].
#[boxed]
pub async fn reject_campaign(db: &Db, actor: &Actor, id: Uuid, reason: &str) -> Result<Option<Campaign>> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 1_000 {
        return Err(MessagingError::field("reason", "say what should change, in 1 to 1000 characters"));
    }
    act!(db, actor, id, "campaign.reject", |moving| {
        let states = [CampaignState::InReview, CampaignState::Approved, CampaignState::Scheduled];
        moving.must_be(&states, "rejected")?;
        let one = &mut moving.campaign;
        (one.approved_by, one.approved_at, one.approved_hash) = (None, None, None);
        one.reason = Some(reason.to_owned());
        moving.to(CampaignState::Draft, "rejected", json!({ "reason": reason })).await?;
    })
}

/// Has an approved campaign begin at the time for which it was approved. `None`: there is no such campaign.
///
/// # Errors
/// [`MessagingError::Field`] if that time is missing or past; [`MessagingError::WrongState`].
#[boxed]
pub async fn schedule_campaign(db: &Db, actor: &Actor, id: Uuid) -> Result<Option<Campaign>> {
    act!(db, actor, id, "campaign.schedule", |moving| {
        moving.must_be(&[CampaignState::Approved], "scheduled")?;
        moving.is_as_approved().await?;
        let now = moving.tx.db().now();
        let Some(at) = moving.campaign.send_at else {
            let detail = "the campaign has no time: set send_at and submit it again, or send it now";
            return Err(MessagingError::field("send_at", detail));
        };
        if at <= now || at > now + FAR {
            let detail = "send_at is past, or more than 400 days ahead: set another time and submit it again";
            return Err(MessagingError::field("send_at", detail));
        }
        // A job that waits for another time, for which it was scheduled before, does not stand for this one.
        moving.campaign.round += 1;
        moving.to(CampaignState::Scheduled, "scheduled", json!({ "send_at": at })).await?;
        moving.dispatch(Some(at)).await?;
    })
}

/// Begins to send an approved or scheduled campaign now. `None`: there is no such campaign.
///
/// # Errors
/// [`MessagingError::WrongState`].
#[boxed]
pub async fn send_campaign(db: &Db, actor: &Actor, id: Uuid) -> Result<Option<Campaign>> {
    act!(db, actor, id, "campaign.send", |moving| {
        moving.must_be(&[CampaignState::Approved, CampaignState::Scheduled], "sent")?;
        moving.is_as_approved().await?;
        moving.begin("started").await?;
        moving.dispatch(None).await?;
    })
}

/// Begins to send a scheduled campaign whose time has come. Returns the time for which to wait, if it has not come yet.
/// False: the campaign is not scheduled any more.
#[boxed]
pub async fn begin_due(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<std::result::Result<bool, DateTime<Utc>>> {
    let mut tx = db.begin().await?;
    let Some(mut moving) = Moving::of(&mut tx, workspace_id, id, None).await? else { return Ok(Ok(false)) };
    let now = moving.tx.db().now();
    match (moving.campaign.state, moving.campaign.send_at) {
        (CampaignState::Scheduled, Some(at)) if at > now => return Ok(Err(at)),
        (CampaignState::Scheduled, _) => {}
        _ => return Ok(Ok(false)),
    }
    moving.is_as_approved().await?;
    moving.begin("started").await?;
    tx.commit().await?;
    Ok(Ok(true))
}

/// Stops a campaign for now: no further message is handed over. `None`: there is no such campaign.
///
/// # Errors
/// [`MessagingError::WrongState`].
#[boxed]
pub async fn pause_campaign(db: &Db, actor: &Actor, id: Uuid) -> Result<Option<Campaign>> {
    act!(db, actor, id, "campaign.pause", |moving| {
        moving.must_be(&[CampaignState::Sending], "paused")?;
        moving.campaign.reason = Some("a person paused it".to_owned());
        moving.to(CampaignState::Paused, "paused", json!({})).await?;
    })
}

/// Has Herald itself pause a campaign, and tells the people who made, submitted and approved it why. False: it is not
/// being sent.
#[boxed]
pub async fn pause_for(tx: &mut Tx, workspace_id: Uuid, id: Uuid, reason: &str) -> Result<bool> {
    let Some(mut moving) = Moving::of(&mut *tx, workspace_id, id, None).await? else { return Ok(false) };
    if moving.campaign.state != CampaignState::Sending {
        return Ok(false);
    }
    moving.campaign.reason = Some(reason.to_owned());
    moving.to(CampaignState::Paused, "paused", json!({ "reason": reason })).await?;
    let title = format!("The campaign {} is paused: {reason}", moving.campaign.name);
    let campaign = moving.campaign;
    tell(tx, workspace_id, &campaign, ("campaign.paused", title)).await?;
    Ok(true)
}

/// Goes on with a paused campaign. What was sent, or may have been, is not sent again. `None`: there is no such
/// campaign.
///
/// # Errors
/// [`MessagingError::WrongState`].
#[boxed]
pub async fn resume_campaign(db: &Db, actor: &Actor, id: Uuid) -> Result<Option<Campaign>> {
    act!(db, actor, id, "campaign.resume", |moving| {
        moving.must_be(&[CampaignState::Paused], "resumed")?;
        moving.campaign.reason = None;
        moving.campaign.round += 1;
        moving.to(CampaignState::Sending, "resumed", json!({})).await?;
        let now = moving.tx.db().now();
        moving.choose_later(now).await?;
        moving.dispatch(None).await?;
    })
}

/// Stops a campaign for good. What was not sent is not sent any more. `None`: there is no such campaign.
///
/// # Errors
/// [`MessagingError::WrongState`].
#[boxed]
pub async fn cancel_campaign(db: &Db, actor: &Actor, id: Uuid) -> Result<Option<Campaign>> {
    act!(db, actor, id, "campaign.cancel", |moving| {
        if moving.campaign.state.is_last() {
            let detail = format!("the campaign is {}: nothing of it can be stopped any more", moving.campaign.state);
            return Err(MessagingError::WrongState(detail));
        }
        moving.campaign.finished_at = Some(moving.tx.db().now());
        moving.to(CampaignState::Cancelled, "cancelled", json!({})).await?;
        check::forget(&mut *moving.tx, actor.workspace_id, id).await?;
        // Those that wait get their end by a job: there may be a million.
        moving.dispatch(None).await?;
    })
}

/// Notes that a campaign cannot be planned.
#[boxed]
pub async fn fail_campaign(tx: &mut Tx, workspace_id: Uuid, id: Uuid, reason: &str) -> Result<bool> {
    let Some(mut moving) = Moving::of(&mut *tx, workspace_id, id, None).await? else { return Ok(false) };
    if !matches!(moving.campaign.state, CampaignState::Sending | CampaignState::Scheduled) {
        return Ok(false);
    }
    moving.campaign.reason = Some(reason.to_owned());
    moving.campaign.finished_at = Some(moving.tx.db().now());
    moving.to(CampaignState::Failed, "failed", json!({ "reason": reason })).await?;
    check::forget(&mut *moving.tx, workspace_id, id).await?;
    let title = format!("The campaign {} failed: {reason}", moving.campaign.name);
    let campaign = moving.campaign;
    tell(tx, workspace_id, &campaign, ("campaign.failed", title)).await?;
    Ok(true)
}

/// Notes that every message of a campaign has its end. False: it is not being sent.
pub(crate) async fn finish(tx: &mut Tx, workspace_id: Uuid, id: Uuid, told: &str) -> Result<bool> {
    let Some(mut moving) = Moving::of(&mut *tx, workspace_id, id, None).await? else { return Ok(false) };
    if moving.campaign.state != CampaignState::Sending {
        return Ok(false);
    }
    moving.campaign.finished_at = Some(moving.tx.db().now());
    moving.to(CampaignState::Sent, "sent", json!({})).await?;
    check::forget(&mut *moving.tx, workspace_id, id).await?;
    let title = format!("The campaign {} is sent: {told}", moving.campaign.name);
    let campaign = moving.campaign;
    tell(tx, workspace_id, &campaign, ("campaign.sent", title)).await?;
    Ok(true)
}

/// Has a campaign go on because messages of it wait again. A paused one stays paused. False: it was cancelled, or could
/// not be planned.
pub(crate) async fn reopen(tx: &mut Tx, workspace_id: Uuid, id: Uuid, who: &str) -> Result<bool> {
    let Some(mut moving) = Moving::of(&mut *tx, workspace_id, id, Some(who)).await? else { return Ok(false) };
    match moving.campaign.state {
        CampaignState::Paused => return Ok(true),
        CampaignState::Sent | CampaignState::Sending => {}
        _ => return Ok(false),
    }
    moving.campaign.finished_at = None;
    moving.campaign.round += 1;
    moving.to(CampaignState::Sending, "reopened", json!({})).await?;
    moving.dispatch(None).await?;
    Ok(true)
}

/// Tells the people of a campaign something, each once.
async fn tell(
    tx: &mut Tx,
    workspace_id: Uuid,
    campaign: &Campaign,
    (kind, title): (&'static str, String),
) -> Result<()> {
    let people = [Some(&campaign.created_by), campaign.submitted_by.as_ref(), campaign.approved_by.as_ref()];
    let mut people: Vec<Uuid> =
        people.into_iter().flatten().filter_map(|who| who.strip_prefix("user:")?.parse().ok()).collect();
    people.sort_unstable();
    people.dedup();
    let new = people.into_iter().map(|user_id| NewNotification {
        workspace_id,
        user_id,
        kind,
        key: format!("{kind}:{}:{}", campaign.id, campaign.round),
        title: title.clone(),
        link: format!("/campaigns/{}", campaign.id),
        by_mail: ByMail::IfWanted,
    });
    match notify(tx, new.collect()).await {
        Ok(_) => Ok(()),
        Err(NotifyError::Db(error)) => Err(error.into()),
        Err(NotifyError::Mails(error)) => Err(MessagingError::WrongState(error.to_string())),
    }
}
