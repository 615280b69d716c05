//! When a campaign will be sent: from its speed, and from the rate, the daily cap, the first days and the hours that
//! hold for it.
//!
//! The way is gone through from one moment to the next at which something changes: a zone's hours begin or end, the day
//! of the sender's cap is over, or a zone has nothing left. Between two of them, the messages of the zones that are
//! open go out side by side, as planning mixes them.

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound, NaiveTime, TimeDelta, Utc};
use herald_base::boxed;
use uuid::Uuid;

use super::{Campaign, CampaignCounts, CampaignSettings, CampaignState, minutes::speed_of};
use crate::{Result, Sender, find_sender};
use herald_db::{Db, query};

/// The messages at each end whose zones stand for those of all.
const SAMPLE: i64 = 500;
/// The steps after which nothing is told: so many changes lie more than a year ahead.
const STEPS: usize = 4_000;
/// The shortest hours that are seen.
const STEP: TimeDelta = TimeDelta::minutes(15);

/// What holds for the messages of a campaign.
struct Way<'a> {
    settings: &'a CampaignSettings,
    sender: &'a Sender,
    /// Messages a second.
    speed: f64,
    /// What the sender has sent on the day of the beginning (UTC).
    sent_today: i64,
}

/// Messages to recipients in one zone.
#[derive(Clone, Debug)]
struct Load {
    zone: Option<String>,
    messages: f64,
}

impl Way<'_> {
    /// The first moment from `at` on at which messages of a zone may go out.
    fn open_from(&self, zone: Option<&str>, at: DateTime<Utc>) -> DateTime<Utc> {
        // Hours and quiet hours overlap in any way: what opens one may be closed by the other.
        let mut open = at;
        for _ in 0..4 {
            let next = self.settings.open_from(zone, open);
            let next = self.sender.open_from(zone, &self.settings.time_zone, next);
            if next == open {
                break;
            }
            open = next;
        }
        open
    }

    /// The first moment behind `at`, and before `end`, from which messages of a zone may not go out; else `end`.
    fn open_until(&self, zone: Option<&str>, at: DateTime<Utc>, end: DateTime<Utc>) -> DateTime<Utc> {
        let is_open = |at: DateTime<Utc>| self.open_from(zone, at) == at;
        let mut before = at;
        while before < end {
            let next = (before + STEP).min(end);
            if is_open(next) {
                before = next;
                continue;
            }
            let (mut open, mut closed) = (before, next);
            while closed - open > TimeDelta::seconds(1) {
                let middle = open + (closed - open) / 2;
                if is_open(middle) { open = middle } else { closed = middle }
            }
            return closed;
        }
        end
    }

    /// When the last of these messages goes out.
    fn end(&self, mut loads: Vec<Load>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let speed = self.sender.rate().map_or(self.speed, |rate| self.speed.min(rate));
        let (mut at, mut sent) = (now, self.sent_today as f64);
        for _ in 0..STEPS {
            loads.retain(|load| load.messages >= 0.5);
            if loads.is_empty() {
                return Some(at);
            }
            let midnight = (at + TimeDelta::days(1)).date_naive().and_time(NaiveTime::MIN).and_utc();
            let budget = self.sender.cap_on(at).map_or(f64::INFINITY, |cap| cap as f64 - sent);
            if budget < 0.5 {
                (at, sent) = (midnight, 0.0);
                continue;
            }
            let opens: Vec<DateTime<Utc>> = loads.iter().map(|load| self.open_from(load.zone.as_deref(), at)).collect();
            let is_open = |number: usize| opens.get(number).is_some_and(|open| *open <= at);
            let next = opens.iter().copied().filter(|open| *open > at).min().unwrap_or(midnight).min(midnight);
            let waiting: f64 =
                loads.iter().enumerate().filter(|(number, _)| is_open(*number)).map(|(_, load)| load.messages).sum();
            if waiting <= 0.0 {
                if next >= midnight {
                    sent = 0.0;
                }
                at = next;
                continue;
            }
            let closes = loads.iter().enumerate().filter(|(number, _)| is_open(*number));
            let until = closes.map(|(_, load)| self.open_until(load.zone.as_deref(), at, next)).min().unwrap_or(next);
            let possible = speed * (until - at).as_seconds_f64();
            let done = possible.min(waiting).min(budget);
            for (number, load) in loads.iter_mut().enumerate() {
                if is_open(number) {
                    load.messages -= done * load.messages / waiting;
                }
            }
            sent += done;
            let took = TimeDelta::microseconds((done / speed * 1_000_000.0).round() as i64);
            at = if done < possible { at + took } else { until };
            if at >= midnight {
                sent = 0.0;
            }
        }
        None
    }
}

/// When a campaign that is being sent will be sent, to the minute; none, if nothing is known of its speed, or it is not
/// planned yet.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn eta_of(
    db: &Db,
    workspace_id: Uuid,
    campaign: &Campaign,
    counts: &CampaignCounts,
) -> Result<Option<DateTime<Utc>>> {
    let (Some(sender_id), Some(began)) = (campaign.sender_id, campaign.started_at) else { return Ok(None) };
    if campaign.state != CampaignState::Sending
        || campaign.planned_at.is_none()
        || counts.open() == 0
        || campaign.waits_for_winner()
    {
        return Ok(None);
    }
    let Some(sender) = find_sender(db, workspace_id, sender_id).await? else { return Ok(None) };
    let measured = speed_of(db, workspace_id, campaign.id, began).await?;
    let Some(speed) = measured.or_else(|| sender.rate()) else { return Ok(None) };
    let now = db.now();
    let turn: Option<(String, i64)> =
        query("select day, sent from sender_turns where workspace_id = $1 and sender_id = $2")
            .bind(workspace_id)
            .bind(sender_id)
            .optional(db)
            .await?;
    let today = now.date_naive().to_string();
    let sent_today = turn.filter(|(day, _)| *day == today).map_or(0, |(_, sent)| sent);
    let settings = &campaign.settings.0;
    let way = Way { settings, sender: &sender, speed, sent_today };
    let by_zone = sender.quiet.is_some() || settings.hours.as_ref().is_some_and(|hours| hours.by_recipient);
    let loads = match by_zone {
        true => loads_of(db, workspace_id, campaign.id, counts.open()).await?,
        false => vec![Load { zone: None, messages: counts.open() as f64 }],
    };
    let end = way.end(loads, now);
    let end = match (end, settings.expires_at) {
        (Some(end), Some(expires)) => Some(end.min(expires)),
        (end, expires) => end.or(expires),
    };
    // To the minute, so that it says no more than is known.
    Ok(end.map(|end| (end + TimeDelta::seconds(59)).duration_trunc(TimeDelta::minutes(1)).unwrap_or(end)))
}

/// The messages that wait, by the zones of their recipients: as many of each as among the first and the last.
async fn loads_of(db: &Db, workspace_id: Uuid, campaign_id: Uuid, open: i64) -> Result<Vec<Load>> {
    let mut shares: BTreeMap<Option<String>, i64> = BTreeMap::new();
    for order in ["asc", "desc"] {
        let sql = format!(
            "select time_zone from messages where workspace_id = $1 and campaign_id = $2 and state = 'pending'
             order by id {order} limit $3"
        );
        let zones: Vec<(Option<String>,)> =
            query(&sql).bind(workspace_id).bind(campaign_id).bind(SAMPLE).all(db).await?;
        for (zone,) in zones {
            *shares.entry(zone).or_default() += 1;
        }
    }
    let all: i64 = shares.values().sum();
    if all == 0 {
        return Ok(vec![Load { zone: None, messages: open as f64 }]);
    }
    let share =
        |(zone, messages): (Option<String>, i64)| Load { zone, messages: (messages * open) as f64 / all as f64 };
    Ok(shares.into_iter().map(share).collect())
}

#[cfg(test)]
mod tests;
