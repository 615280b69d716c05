//! Looking through the whole audience of a campaign before somebody approves it: everybody's message is made, and what
//! is wrong with it is kept.
//!
//! ```text
//!   submit ──▶ running ──── a part of the audience in each transaction ────▶ done ──▶ may be approved, if it holds
//!                │  ▲                                                         for what was looked through
//!                ▼  │ again
//!              failed
//! ```
//!
//! A small audience is looked through at once. The job of a large one goes from contact to contact, the newest first,
//! in memory that does not grow with their number.

mod ended;
mod rows;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_contacts::{Channel, ContactFilter, count_contacts, list_contacts, whole_rule};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::ended::CheckEnded;
pub use self::rows::{FaultyContact, faulty_contacts};
use super::{Campaign, CampaignState, MissingPolicy, approval::hash_of, change::found, find_campaign, note};
use crate::{
    MessagingError, Planning, Result, Sender, find_sender,
    jobs::CampaignCheck as CheckJob,
    message::{Fault, faults_of},
    template::Compiled,
};
use herald_db::{Bulk, Db, FromRow, Json, Query, Tx, query};
use herald_ledger::{
    self as ledger, LedgerError, Payload as _,
    audit::{self, Actor, Entry},
};

/// The contacts that one transaction looks at.
const AT_ONCE: usize = 1_000;
/// An audience of so many is looked through at once, without a job.
const FEW: i64 = 2_000;
/// The contacts of each kind of fault that are kept.
const KEPT: i64 = 100_000;

herald_base::text_enum! {
    /// How far the look through an audience is.
    pub enum CheckState, "a check is not {:?}" {
        /// It goes on.
        Running "running",
        /// Everybody was looked at.
        Done "done",
        /// It could not be done.
        Failed "failed",
    }
}

/// How many contacts have a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundFault {
    /// What is wrong: `no_address`, `bad_address`, `missing_field`, `template` or `too_large`.
    pub cause: String,
    /// The variable that it is about; empty: none.
    pub field: String,
    /// The number of contacts.
    pub contacts: i64,
}

/// What was found when the audience of a campaign was looked through.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct CampaignCheck {
    #[serde(skip)]
    hash: String,
    /// How far it is.
    #[sqlx(try_from = "String")]
    pub state: CheckState,
    /// Whom the audience meant when it began.
    pub contacts: i64,
    /// How many of them were looked at.
    pub looked_at: i64,
    /// What is wrong, the most frequent first. A contact may have several faults.
    #[schema(value_type = Vec<FoundFault>)]
    pub found: Json<Vec<FoundFault>>,
    #[serde(skip)]
    at_contact: Option<Uuid>,
    /// Why it could not be done.
    pub reason: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When everybody was looked at.
    pub finished_at: Option<DateTime<Utc>>,
}

/// How far a part of a check came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// There are more contacts.
    More,
    /// It is over: everybody was looked at, or the campaign is another one by now.
    Over,
}

/// What was found when the audience of a campaign was looked through; none, if it never was.
#[boxed]
pub async fn check_of(db: &Db, workspace_id: Uuid, campaign_id: Uuid) -> Result<Option<CampaignCheck>> {
    Ok(row(workspace_id, campaign_id).optional(db).await?)
}

fn row(workspace_id: Uuid, campaign_id: Uuid) -> Query {
    query(
        "select hash, state, contacts, looked_at, found, at_contact, reason, started_at, finished_at
         from campaign_checks where workspace_id = $1 and campaign_id = $2",
    )
    .bind(workspace_id)
    .bind(campaign_id)
}

/// How many contacts an audience means.
pub(super) async fn size_of(db: &Db, workspace_id: Uuid, campaign: &Campaign) -> Result<i64> {
    let rule = whole_rule(db, workspace_id, &campaign.audience.0.rule()).await?;
    let filter = ContactFilter { rule: Some(rule), ..ContactFilter::default() };
    Ok(count_contacts(db, workspace_id, &filter, usize::MAX).await?)
}

/// Begins to look through the audience of a campaign, from the beginning. Many contacts get a job.
pub(super) async fn begin(tx: &mut Tx, workspace_id: Uuid, campaign: &Campaign, contacts: i64) -> Result<()> {
    if campaign.channel != Channel::Email {
        return Ok(());
    }
    let (db, now) = (tx.db().clone(), tx.db().now());
    let hash = hash_of(&db, workspace_id, campaign).await?;
    forget(&mut *tx, workspace_id, campaign.id).await?;
    query(
        "insert into campaign_checks (workspace_id, campaign_id, hash, state, contacts, looked_at, found, started_at)
         values ($1, $2, $3, 'running', $4, 0, $5, $6)
         on conflict (campaign_id) do update set hash = excluded.hash, state = 'running', contacts = excluded.contacts,
           looked_at = 0, found = excluded.found, at_contact = null, reason = null, started_at = excluded.started_at,
           finished_at = null
         where campaign_checks.workspace_id = excluded.workspace_id",
    )
    .bind(workspace_id)
    .bind(campaign.id)
    .bind(hash.as_str())
    .bind(contacts)
    .bind(json!([]))
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if contacts <= FEW {
        return Ok(());
    }
    match ledger::enqueue(tx, vec![CheckJob { campaign_id: campaign.id, hash }.job(workspace_id)]).await {
        Ok(_) => Ok(()),
        Err(LedgerError::Db(error)) => Err(error.into()),
        Err(error) => Err(MessagingError::WrongState(error.to_string())),
    }
}

/// Forgets the contacts with a fault: nobody needs them when the campaign has ended. Their numbers stay.
pub(super) async fn forget(tx: &mut Tx, workspace_id: Uuid, campaign_id: Uuid) -> Result<()> {
    query("delete from campaign_faults where workspace_id = $1 and campaign_id = $2")
        .bind(workspace_id)
        .bind(campaign_id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Looks through a small audience now. A large one has its job.
pub(super) async fn check_few(db: &Db, workspace_id: Uuid, campaign: &Campaign) -> Result<()> {
    let Some(check) = check_of(db, workspace_id, campaign.id).await? else { return Ok(()) };
    while check.contacts <= FEW && check_next(db, workspace_id, campaign.id, &check.hash).await? == Checked::More {}
    Ok(())
}

/// Looks at the next contacts of a campaign's audience. Safe to run twice: a part is written once.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn check_next(db: &Db, workspace_id: Uuid, campaign_id: Uuid, hash: &str) -> Result<Checked> {
    let (campaign, check) =
        (find_campaign(db, workspace_id, campaign_id).await?, check_of(db, workspace_id, campaign_id).await?);
    let (Some(campaign), Some(check)) = (campaign, check) else { return Ok(Checked::Over) };
    if check.hash != hash || check.state != CheckState::Running || campaign.state != CampaignState::InReview {
        return Ok(Checked::Over);
    }
    let (sender, compiled) = match prepared(db, workspace_id, &campaign, hash).await? {
        Ok(prepared) => prepared,
        Err(reason) => {
            let mut tx = db.begin().await?;
            fail(&mut tx, workspace_id, campaign_id, (hash, &reason)).await?;
            tx.commit().await?;
            return Ok(Checked::Over);
        }
    };
    let rule = whole_rule(db, workspace_id, &campaign.audience.0.rule()).await?;
    let filter = ContactFilter { rule: Some(rule), ..ContactFilter::default() };
    let contacts = list_contacts(db, workspace_id, &filter, check.at_contact, AT_ONCE).await?;
    let (last, looked_at) = (contacts.last().map(|contact| contact.id), contacts.len());
    let planning = Planning { campaign: &campaign, content: &compiled, chunk: 0 };
    let faults = faults_of(db, &planning, &sender, contacts);
    let is_over = looked_at < AT_ONCE;
    write(db, workspace_id, campaign_id, &check, (faults, last, looked_at, is_over)).await?;
    Ok(if is_over { Checked::Over } else { Checked::More })
}

/// What messages are made with; the inner error says why none can be made.
async fn prepared(
    db: &Db,
    workspace_id: Uuid,
    campaign: &Campaign,
    hash: &str,
) -> Result<std::result::Result<(Sender, Compiled), String>> {
    if hash_of(db, workspace_id, campaign).await? != hash {
        return Ok(Err("the campaign, a segment of its audience or its sender changed meanwhile".to_owned()));
    }
    let sender = match campaign.sender_id {
        Some(id) => find_sender(db, workspace_id, id).await?,
        None => None,
    };
    let (Some(sender), Some(content)) = (sender, campaign.content_to_plan()) else {
        return Ok(Err("its sender or its content is gone".to_owned()));
    };
    let compiled = Compiled::with_footer(&content, &sender.footer).map_err(|findings| {
        let first = findings.first().map(|one| format!(": {}", one.problem)).unwrap_or_default();
        format!("the template has a fault{first}")
    });
    Ok(compiled.map(|compiled| (sender, compiled)))
}

/// Writes what was found in a part, unless somebody else has written it.
async fn write(
    db: &Db,
    workspace_id: Uuid,
    campaign_id: Uuid,
    check: &CampaignCheck,
    (faults, last, looked_at, is_over): (Vec<Fault>, Option<Uuid>, usize, bool),
) -> Result<()> {
    let mut found: BTreeMap<(String, String), i64> =
        check.found.0.iter().map(|one| ((one.cause.clone(), one.field.clone()), one.contacts)).collect();
    let mut kept = Vec::new();
    for fault in faults {
        let number = found.entry((fault.cause.to_owned(), fault.field.clone())).or_default();
        *number += 1;
        if *number <= KEPT {
            kept.push(fault);
        }
    }
    let mut found: Vec<FoundFault> =
        found.into_iter().map(|((cause, field), contacts)| FoundFault { cause, field, contacts }).collect();
    found.sort_by_key(|one| std::cmp::Reverse(one.contacts));
    let mut tx = db.begin().await?;
    let moved = query(
        "update campaign_checks set found = $4, looked_at = looked_at + $5, at_contact = coalesce($6, at_contact),
           state = $7, finished_at = $8
         where workspace_id = $1 and campaign_id = $2 and hash = $3 and state = 'running' and looked_at = $9
           and started_at = $10",
    )
    .bind(workspace_id)
    .bind(campaign_id)
    .bind(check.hash.as_str())
    .bind(json!(found))
    .bind(i64::try_from(looked_at).unwrap_or(i64::MAX))
    .bind(last)
    .bind(if is_over { CheckState::Done.as_str() } else { CheckState::Running.as_str() })
    .bind(is_over.then(|| db.now()))
    .bind(check.looked_at)
    .bind(check.started_at)
    .execute(&mut tx)
    .await?;
    if moved == 0 {
        return Ok(());
    }
    Bulk::new(
        "insert into campaign_faults (workspace_id, campaign_id, cause, field, contact_id, detail)
         select workspace_id, campaign_id, cause, field, contact_id, detail from {rows} where true
         on conflict do nothing",
    )
    .column("workspace_id", kept.iter().map(|_| workspace_id).collect())
    .column("campaign_id", kept.iter().map(|_| campaign_id).collect())
    .column("cause", kept.iter().map(|one| one.cause.to_owned()).collect())
    .column("field", kept.iter().map(|one| one.field.clone()).collect())
    .column("contact_id", kept.iter().map(|one| one.contact_id).collect())
    .column("detail", kept.iter().map(|one| one.detail.clone()).collect())
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Notes that a check could not be done.
async fn fail(tx: &mut Tx, workspace_id: Uuid, campaign_id: Uuid, (hash, reason): (&str, &str)) -> Result<()> {
    query(
        "update campaign_checks set state = 'failed', reason = $4, finished_at = $5
         where workspace_id = $1 and campaign_id = $2 and hash = $3 and state = 'running'",
    )
    .bind(workspace_id)
    .bind(campaign_id)
    .bind(hash)
    .bind(reason)
    .bind(tx.db().now())
    .execute(tx)
    .await?;
    Ok(())
}

/// Has the audience of a submitted campaign looked through once more. `None`: there is no such campaign.
///
/// # Errors
/// [`MessagingError::WrongState`] if it is not in review.
#[boxed]
pub async fn check_again(db: &Db, actor: &Actor, id: Uuid) -> Result<Option<CampaignCheck>> {
    let Some(campaign) = find_campaign(db, actor.workspace_id, id).await? else { return Ok(None) };
    if campaign.state != CampaignState::InReview {
        return Err(campaign.state.does_not_allow("looked through", "in_review"));
    }
    let contacts = size_of(db, actor.workspace_id, &campaign).await?;
    let mut tx = db.begin().await?;
    begin(&mut tx, actor.workspace_id, &campaign, contacts).await?;
    note(&mut tx, actor.workspace_id, id, ("checked", Some(&actor.who), json!({ "contacts": contacts }))).await?;
    audit::record(&mut tx, actor, Entry::of("campaign.check", id)).await?;
    tx.commit().await?;
    let campaign = found(db, actor.workspace_id, id).await?;
    check_few(db, actor.workspace_id, &campaign).await?;
    check_of(db, actor.workspace_id, id).await
}

/// Whether what was found allows the approval of a campaign with this hash.
///
/// # Errors
/// [`MessagingError::WrongState`] says what to do.
pub(super) async fn allows(tx: &mut Tx, workspace_id: Uuid, campaign: &Campaign, hash: &str) -> Result<()> {
    if campaign.channel != Channel::Email {
        return Ok(());
    }
    let refuse = |detail: String| Err(MessagingError::WrongState(detail));
    let check = row(workspace_id, campaign.id).optional::<CampaignCheck>(tx).await?;
    let Some(check) = check.filter(|check| check.hash == hash) else {
        return refuse(
            "the audience of the campaign was not looked through as it is now: have it looked through (check), and \
             approve it then"
                .to_owned(),
        );
    };
    match check.state {
        CheckState::Done => {}
        CheckState::Running => {
            return refuse(format!(
                "the audience is being looked through, {} of {} contacts: approve it when that is done",
                check.looked_at, check.contacts
            ));
        }
        CheckState::Failed => {
            let why = check.reason.unwrap_or_default();
            return refuse(format!("the audience could not be looked through: {why}; have it looked through again"));
        }
    }
    let stops = |one: &&FoundFault| {
        let rule = campaign.settings.0.missing.get(&one.field);
        one.cause == "missing_field" && rule.is_some_and(|rule| rule.policy == MissingPolicy::Stop)
    };
    match check.found.0.iter().find(stops) {
        None => Ok(()),
        Some(one) => refuse(format!(
            "{} contacts have no {}, and the campaign stops for that: add the values, or give another rule for missing \
             ones, and submit it again",
            one.contacts, one.field
        )),
    }
}
