//! A turn of a job that sends messages: it writes what became of the last ones, and claims the next, in one
//! transaction. Suppressions, consents, hours and the end of a campaign are decided here, at the last moment.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use herald_base::boxed;
use herald_contacts::{Channel, ContactNow, contacts_now};
use uuid::Uuid;

use super::{MessageState, Tried, outcome, plan::end_if_done, tally::count_outcome};
use crate::{
    Campaign, CampaignState, ConsentPolicy, Purpose, Result, Sender, begin_warm_up,
    campaign::{count, counts_in, pause_for},
    suppressed,
};
use herald_db::{Bulk, Db, EngineKind, FromRow, Json, Tx, query};

/// Failures are looked at from this number of tried messages on.
const ENOUGH: i64 = 20;
/// The part of a second for which a turn claims messages, if the sender has a rate: the shorter, the smoother.
const TURN: f64 = 0.25;
/// A turn whose time comes later than this is not taken yet, so that another job's worker is not kept waiting.
const SOON: TimeDelta = TimeDelta::seconds(2);

/// How long the rest of an audience waits before it looks whether a subject has won.
const WINNER: TimeDelta = TimeDelta::minutes(5);

/// Whose turn it is.
#[derive(Clone, Copy, Debug)]
pub struct TurnOf<'a> {
    /// The workspace.
    pub workspace_id: Uuid,
    /// The campaign, as it was when the job began.
    pub campaign: &'a Campaign,
    /// Its sender.
    pub sender: &'a Sender,
    /// The first and the last message of the job.
    pub range: (Uuid, Uuid),
    /// The job, in whose name messages are claimed.
    pub claim: Uuid,
    /// How many messages are claimed at most.
    pub most: usize,
}

/// A message that is to be handed over now.
#[derive(Clone, Debug, FromRow)]
pub struct Claimed {
    /// Its id.
    pub id: Uuid,
    /// The contact.
    pub contact_id: Option<Uuid>,
    /// The address.
    pub address: String,
    /// The language.
    pub language: Option<String>,
    /// The zone of the recipient.
    pub time_zone: Option<String>,
    /// The number of the subject that is tried with it, from 1; none: it belongs to the rest.
    pub variant: Option<String>,
    /// What the template needs.
    pub params: Json<BTreeMap<String, String>>,
    /// How often it was put off.
    pub tries: i64,
}

/// What a job is to do next.
#[derive(Clone, Debug)]
pub enum Turn {
    /// To hand these over, the first one at this time and the others with this distance.
    Send {
        /// The messages.
        messages: Vec<Claimed>,
        /// When the first may go.
        from: DateTime<Utc>,
        /// The time between two of them; zero without a rate.
        apart: TimeDelta,
    },
    /// To come back at this time.
    Wait(DateTime<Utc>),
    /// Nothing: its messages have their ends, or the campaign is not being sent.
    Over,
}

/// Writes what became of messages, and claims the next ones.
///
/// # Errors
/// When the database refuses. Then nothing was written or claimed.
#[boxed]
pub async fn take_turn(db: &Db, turn: &TurnOf<'_>, tried: Vec<Tried>) -> Result<Turn> {
    let mut tx = db.begin().await?;
    let next = take(&mut tx, *turn, tried).await?;
    tx.commit().await?;
    if matches!(next, Turn::Over) {
        // In a transaction of its own, so that of several jobs that end at once the last one sees the others' ends.
        let mut tx = db.begin().await?;
        end_if_done(&mut tx, turn.workspace_id, turn.campaign.id).await?;
        tx.commit().await?;
    }
    Ok(next)
}

/// Writes what became of messages, and claims none.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn put_down(db: &Db, turn: &TurnOf<'_>, tried: Vec<Tried>) -> Result<()> {
    let mut tx = db.begin().await?;
    outcome::write(&mut tx, turn.workspace_id, turn.campaign, turn.claim, tried).await?;
    tx.commit().await?;
    Ok(())
}

async fn take(tx: &mut Tx, turn: TurnOf<'_>, tried: Vec<Tried>) -> Result<Turn> {
    let TurnOf { workspace_id, campaign, claim, .. } = turn;
    let had_any = !tried.is_empty();
    outcome::write(&mut *tx, workspace_id, campaign, claim, tried).await?;
    if had_any && too_many_failed(&mut *tx, turn).await? {
        return Ok(Turn::Over);
    }
    let now_is: Option<(String, i64)> = query("select state, round from campaigns where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(campaign.id)
        .optional(&mut *tx)
        .await?;
    if now_is != Some((CampaignState::Sending.as_str().to_owned(), campaign.round)) {
        return Ok(Turn::Over);
    }
    let now = tx.db().now();
    let mut purse = Purse::open(&mut *tx, turn, now).await?;
    let most = match purse.room(turn.sender, turn.most, now) {
        Ok(most) => most,
        Err(at) => return Ok(Turn::Wait(at)),
    };
    loop {
        let candidates = candidates(&mut *tx, turn, most, now).await?;
        if candidates.is_empty() {
            // Nobody is told when the winner is chosen.
            let least = if campaign.waits_for_winner() { WINNER } else { TimeDelta::seconds(1) };
            return Ok(match earliest(&mut *tx, turn).await? {
                Some(at) => Turn::Wait(at.max(now + least)),
                None => Turn::Over,
            });
        }
        let messages = decide(&mut *tx, turn, candidates, now).await?;
        if messages.is_empty() {
            continue;
        }
        let (from, apart) = purse.spend(turn.sender, messages.len(), now);
        purse.close(&mut *tx, turn).await?;
        if turn.sender.warm_up_from.is_none() {
            begin_warm_up(&mut *tx, workspace_id, turn.sender.id).await?;
        }
        return Ok(Turn::Send { messages, from, apart });
    }
}

/// Pauses the campaign if too many of its messages fail.
async fn too_many_failed(tx: &mut Tx, turn: TurnOf<'_>) -> Result<bool> {
    let id = turn.campaign.id;
    let counts = counts_in(&mut *tx, turn.workspace_id, vec![id]).await?.remove(&id).unwrap_or_default();
    let (tried, failed) = (counts.tried(), counts.failed);
    let limit = i64::from(turn.campaign.settings.0.pause_at_percent);
    if tried < ENOUGH || failed * 100 < tried * limit {
        return Ok(false);
    }
    // Who resumed it has seen these failures: it goes on until there are as many again.
    let (seen,): (i64,) =
        query("select coalesce(max(failed_seen), 0) from campaigns where workspace_id = $1 and id = $2")
            .bind(turn.workspace_id)
            .bind(id)
            .one(&mut *tx)
            .await?;
    let since = failed - seen;
    if seen > 0 && since * 100 < (tried - seen) * limit {
        return Ok(false);
    }
    query("update campaigns set failed_seen = $3 where workspace_id = $1 and id = $2")
        .bind(turn.workspace_id)
        .bind(id)
        .bind(failed)
        .execute(&mut *tx)
        .await?;
    let reason = format!("{failed} of {tried} messages failed: look at the causes, then resume or cancel it");
    pause_for(tx, turn.workspace_id, id, &reason).await
}

async fn candidates(tx: &mut Tx, turn: TurnOf<'_>, most: usize, now: DateTime<Utc>) -> Result<Vec<Claimed>> {
    // What another job just has in its hands is left to it.
    let lock = if tx.engine() == EngineKind::Postgres { " for update skip locked" } else { "" };
    let tried = if turn.campaign.waits_for_winner() { " and variant is not null" } else { "" };
    let sql = format!(
        "select id, contact_id, address, language, time_zone, variant, params, tries from messages
         where workspace_id = $1 and campaign_id = $2 and state = 'pending' and id >= $3 and id <= $4
           and (due_at is null or due_at <= $5){tried}
         order by id limit $6{lock}"
    );
    Ok(query(&sql)
        .bind(turn.workspace_id)
        .bind(turn.campaign.id)
        .bind(turn.range.0)
        .bind(turn.range.1)
        .bind(now)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .all(tx)
        .await?)
}

/// When the first message that was put off may go.
async fn earliest(tx: &mut Tx, turn: TurnOf<'_>) -> Result<Option<DateTime<Utc>>> {
    let (at,): (Option<DateTime<Utc>>,) = query(
        "select min(due_at) from messages
         where workspace_id = $1 and campaign_id = $2 and state = 'pending' and id >= $3 and id <= $4",
    )
    .bind(turn.workspace_id)
    .bind(turn.campaign.id)
    .bind(turn.range.0)
    .bind(turn.range.1)
    .one(tx)
    .await?;
    Ok(at)
}

/// What is decided about a candidate.
enum Fate {
    Send,
    Leave(&'static str, String),
    Wait(DateTime<Utc>),
}

/// Decides about candidates, and writes it down. Returns those that are to be sent.
async fn decide(tx: &mut Tx, turn: TurnOf<'_>, candidates: Vec<Claimed>, now: DateTime<Utc>) -> Result<Vec<Claimed>> {
    let TurnOf { workspace_id, campaign, .. } = turn;
    let ids: Vec<Uuid> = candidates.iter().filter_map(|one| one.contact_id).collect();
    let people = contacts_now(&mut *tx, workspace_id, ids).await?;
    let consents = consents(&mut *tx, turn, &people).await?;
    let addresses: Vec<String> = candidates.iter().map(|one| one.address.clone()).collect();
    let closed = suppressed(&mut *tx, workspace_id, campaign.channel, &addresses).await?;
    let settings = &campaign.settings.0;
    let fate = |one: &Claimed| {
        if settings.expires_at.is_some_and(|at| at <= now) {
            return Fate::Leave("expired", "its time was over before it could go out".to_owned());
        }
        let Some(person) = one.contact_id.and_then(|id| people.get(&id)) else {
            return Fate::Leave("erased", "the contact was erased".to_owned());
        };
        // A row moves to the survivor, unless the survivor has its own.
        if one.contact_id != Some(person.contact_id) {
            let reason = "the contact was merged into another one, which has its own message".to_owned();
            return Fate::Leave("merged", reason);
        }
        if person.is_trashed {
            return Fate::Leave("trashed", "the contact lies in the trash".to_owned());
        }
        if let Some(why) = closed.get(&one.address).filter(|why| why.holds_for(settings.purpose)) {
            return Fate::Leave("suppressed", why.sentence());
        }
        // WhatsApp wants that everybody has agreed, whatever the message is for.
        let over_whatsapp = campaign.channel == Channel::Whatsapp;
        if settings.purpose == Purpose::Marketing || over_whatsapp {
            match (consents.get(&person.contact_id), settings.consent) {
                (Some(false), _) => {
                    return Fate::Leave("consent_withdrawn", "the contact took their consent back".to_owned());
                }
                (None, policy) if over_whatsapp || policy == ConsentPolicy::Given => {
                    return Fate::Leave("no_consent", "the contact has not agreed to the channel".to_owned());
                }
                _ => {}
            }
        }
        let zone = one.time_zone.as_deref();
        let open = settings.open_from(zone, now).max(turn.sender.open_from(zone, &settings.time_zone, now));
        if open > now { Fate::Wait(open) } else { Fate::Send }
    };
    let mut left: Vec<(Uuid, &'static str, String)> = Vec::new();
    let mut waiting: Vec<(Uuid, DateTime<Utc>)> = Vec::new();
    let mut messages = Vec::new();
    for one in candidates {
        match fate(&one) {
            Fate::Send => messages.push(one),
            Fate::Leave(cause, reason) => left.push((one.id, cause, reason)),
            Fate::Wait(at) => waiting.push((one.id, at)),
        }
    }
    leave(&mut *tx, turn, left, now).await?;
    Bulk::new(
        "update messages set due_at = rows.due_at from {rows}
         where messages.workspace_id = rows.workspace_id and messages.id = rows.id and messages.state = 'pending'",
    )
    .column("id", waiting.iter().map(|(id, _)| *id).collect())
    .column("workspace_id", waiting.iter().map(|_| workspace_id).collect())
    .column("due_at", waiting.iter().map(|(_, at)| *at).collect())
    .execute(&mut *tx)
    .await?;
    claim(tx, turn, &messages, now).await?;
    Ok(messages)
}

/// The newest consent of each person to the channel.
async fn consents(tx: &mut Tx, turn: TurnOf<'_>, people: &HashMap<Uuid, ContactNow>) -> Result<HashMap<Uuid, bool>> {
    let over_whatsapp = turn.campaign.channel == Channel::Whatsapp;
    if turn.campaign.settings.0.purpose != Purpose::Marketing && !over_whatsapp {
        return Ok(HashMap::new());
    }
    let channel = turn.campaign.channel.as_str();
    let rows: Vec<(Uuid, bool)> = Bulk::new(
        "select n.contact_id, n.given from {rows} join contact_consents as n
           on n.workspace_id = rows.workspace_id and n.contact_id = rows.contact_id and n.channel = rows.channel
         where not exists (select 1 from contact_consents as later
           where later.workspace_id = n.workspace_id and later.contact_id = n.contact_id and later.channel = n.channel
             and (later.at > n.at or later.at = n.at and later.id > n.id))",
    )
    .column("contact_id", people.values().map(|person| person.contact_id).collect())
    .column("workspace_id", people.values().map(|_| turn.workspace_id).collect())
    .column("channel", people.values().map(|_| channel.to_owned()).collect())
    .all(tx)
    .await?;
    Ok(rows.into_iter().collect())
}

/// Gives messages that are not to be sent their end.
async fn leave(
    tx: &mut Tx,
    turn: TurnOf<'_>,
    left: Vec<(Uuid, &'static str, String)>,
    now: DateTime<Utc>,
) -> Result<()> {
    for (_, cause, _) in &left {
        count_outcome(turn.campaign.channel, MessageState::Suppressed, Some(*cause));
    }
    let by = i64::try_from(left.len()).unwrap_or(i64::MAX);
    Bulk::new(
        "update messages set state = 'suppressed', cause = rows.cause, reason = rows.reason, due_at = null,
           updated_at = rows.at from {rows}
         where messages.workspace_id = rows.workspace_id and messages.id = rows.id and messages.state = 'pending'",
    )
    .column("id", left.iter().map(|(id, ..)| *id).collect())
    .column("workspace_id", left.iter().map(|_| turn.workspace_id).collect())
    .column("cause", left.iter().map(|(_, cause, _)| (*cause).to_owned()).collect())
    .column("reason", left.iter().map(|(.., reason)| reason.clone()).collect())
    .column("at", left.iter().map(|_| now).collect())
    .execute(&mut *tx)
    .await?;
    let changes = BTreeMap::from([(MessageState::Pending, -by), (MessageState::Suppressed, by)]);
    Ok(count(tx, turn.workspace_id, turn.campaign.id, &changes).await?)
}

async fn claim(tx: &mut Tx, turn: TurnOf<'_>, messages: &[Claimed], now: DateTime<Utc>) -> Result<()> {
    let by = i64::try_from(messages.len()).unwrap_or(i64::MAX);
    Bulk::new(
        "update messages set state = 'claimed', claim = rows.claim, claimed_at = rows.at, updated_at = rows.at
         from {rows}
         where messages.workspace_id = rows.workspace_id and messages.id = rows.id and messages.state = 'pending'",
    )
    .kept()
    .column("id", messages.iter().map(|one| one.id).collect())
    .column("workspace_id", messages.iter().map(|_| turn.workspace_id).collect())
    .column("claim", messages.iter().map(|_| turn.claim).collect())
    .column("at", messages.iter().map(|_| now).collect())
    .execute(&mut *tx)
    .await?;
    let changes = BTreeMap::from([(MessageState::Pending, -by), (MessageState::Claimed, by)]);
    Ok(count(tx, turn.workspace_id, turn.campaign.id, &changes).await?)
}

/// What a sender may still send: its rate and its daily cap, for the whole fleet.
#[derive(FromRow)]
struct Purse {
    free_at: DateTime<Utc>,
    day: String,
    sent: i64,
}

impl Purse {
    /// Locks it, so that no other job spends the same.
    async fn open(tx: &mut Tx, turn: TurnOf<'_>, now: DateTime<Utc>) -> Result<Self> {
        // Of UTC, as the sender's cap is: campaigns of several zones share a sender, and its day is one.
        let today = now.date_naive().to_string();
        query(
            "insert into sender_turns (workspace_id, sender_id, free_at, day, sent) values ($1, $2, $3, $4, 0)
             on conflict (sender_id) do nothing",
        )
        .bind(turn.workspace_id)
        .bind(turn.sender.id)
        .bind(now)
        .bind(today.as_str())
        .execute(&mut *tx)
        .await?;
        let lock = if tx.engine() == EngineKind::Postgres { " for update" } else { "" };
        let sql =
            format!("select free_at, day, sent from sender_turns where workspace_id = $1 and sender_id = $2{lock}");
        let mut purse: Self = query(&sql).bind(turn.workspace_id).bind(turn.sender.id).one(tx).await?;
        if purse.day != today {
            (purse.day, purse.sent) = (today, 0);
        }
        Ok(purse)
    }

    /// How many messages may be claimed; else when to come back.
    fn room(&self, sender: &Sender, most: usize, now: DateTime<Utc>) -> std::result::Result<usize, DateTime<Utc>> {
        if self.free_at > now + SOON {
            return Err(self.free_at - SOON);
        }
        let mut most = most;
        if let Some(rate) = sender.rate() {
            let of_turn = (rate * TURN).ceil().max(1.0);
            most = most.min(of_turn as usize);
        }
        if let Some(cap) = sender.cap_on(now) {
            let left = usize::try_from(cap - self.sent).unwrap_or(0);
            if left == 0 {
                // The next day may have another cap.
                let midnight = (now + TimeDelta::days(1)).date_naive().and_time(NaiveTime::MIN).and_utc();
                return Err(midnight);
            }
            most = most.min(left);
        }
        Ok(most)
    }

    /// Takes messages out of it: the first may go at the moment that is returned, and the others with the distance.
    fn spend(&mut self, sender: &Sender, messages: usize, now: DateTime<Utc>) -> (DateTime<Utc>, TimeDelta) {
        self.sent += i64::try_from(messages).unwrap_or(i64::MAX);
        let from = self.free_at.max(now);
        let apart = sender
            .rate()
            .map_or(TimeDelta::zero(), |rate| TimeDelta::microseconds((1_000_000.0 / rate).round() as i64));
        let count = i32::try_from(messages).unwrap_or(i32::MAX);
        self.free_at = if apart.is_zero() { now } else { from + apart * count };
        (from, apart)
    }

    async fn close(self, tx: &mut Tx, turn: TurnOf<'_>) -> Result<()> {
        query("update sender_turns set free_at = $3, day = $4, sent = $5 where workspace_id = $1 and sender_id = $2")
            .bind(turn.workspace_id)
            .bind(turn.sender.id)
            .bind(self.free_at)
            .bind(self.day)
            .bind(self.sent)
            .execute(tx)
            .await?;
        Ok(())
    }
}
