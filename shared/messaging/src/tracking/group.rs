//! Writes a group of openings and clicks: events, counts, and what they mean for messages and their recipients, in one
//! transaction.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;
use herald_contacts::{NewActivity, record_activities};
use serde_json::json;
use uuid::Uuid;

use super::{PIXEL, TRAP, Tracking, consent::who_agreed, recent::Recent};
use crate::CampaignSettings;
use herald_db::{Bulk, Db, EngineKind, FromRow, Json, Result, Tx, query};

/// The campaigns whose links are kept at hand.
const MOST_CAMPAIGNS: usize = 500;

/// An opening or a click.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    /// The message.
    pub(super) message_id: Uuid,
    /// The number of the link.
    pub(super) number: u16,
    /// Why the request is no person's.
    pub(super) robot: Option<&'static str>,
    /// When.
    pub(super) at: DateTime<Utc>,
}

/// Where a link leads; none: nowhere any more.
pub(super) type Target = Option<Arc<str>>;

/// What does not change of a campaign whose messages are there.
struct Facts {
    tracking: Tracking,
    zone: Tz,
    targets: HashMap<u16, Arc<str>>,
}

/// A message that was opened, or in which a link was followed.
#[derive(Clone, Debug, FromRow)]
struct Row {
    id: Uuid,
    workspace_id: Uuid,
    campaign_id: Uuid,
    contact_id: Option<Uuid>,
    variant: Option<String>,
    sent_at: Option<DateTime<Utc>>,
    opened_at: Option<DateTime<Utc>>,
    clicked_at: Option<DateTime<Utc>>,
}

/// An event, before it is written.
struct Event {
    workspace_id: Uuid,
    campaign_id: Uuid,
    message_id: Option<Uuid>,
    kind: &'static str,
    number: i64,
    variant: String,
    robot: Option<&'static str>,
    is_first: bool,
    at: DateTime<Utc>,
}

/// A row of the counts: workspace, campaign, kind, number, variant, hour of the week.
type Slot = (Uuid, Uuid, &'static str, i64, String, i64);

/// What is to be written.
#[derive(Default)]
struct Changes {
    events: Vec<Event>,
    /// All, those of people, and the first of messages.
    counts: BTreeMap<Slot, [i64; 3]>,
    opened: BTreeMap<Uuid, (Uuid, DateTime<Utc>)>,
    clicked: BTreeMap<Uuid, (Uuid, DateTime<Utc>)>,
    told: BTreeMap<Uuid, Vec<NewActivity>>,
}

/// Writes groups, one after the other.
#[derive(Default)]
pub(super) struct Writer {
    campaigns: HashMap<Uuid, Arc<Facts>>,
    recent: Recent,
}

impl Writer {
    /// Writes a group. Returns where the link of each hit leads, in their order, even if nothing could be written.
    ///
    /// # Errors
    /// When nothing can be read.
    pub(super) async fn write(&mut self, db: &Db, hits: &[Hit]) -> Result<Vec<Target>> {
        let mut tx = db.begin().await?;
        let rows = read(&mut tx, hits).await?;
        for row in rows.values() {
            self.know(&mut tx, row).await?;
        }
        let targets: Vec<Target> = hits.iter().map(|hit| self.target(&rows, hit)).collect();
        if let Err(error) = self.record(tx, rows, hits).await {
            tracing::error!(%error, hits = hits.len(), "openings and clicks could not be written down");
        }
        Ok(targets)
    }

    fn target(&self, rows: &HashMap<Uuid, Row>, hit: &Hit) -> Target {
        let facts = rows.get(&hit.message_id).and_then(|row| self.campaigns.get(&row.campaign_id));
        facts.and_then(|facts| facts.targets.get(&hit.number).cloned())
    }

    /// Reads what there is to know of the campaign of a message.
    async fn know(&mut self, tx: &mut Tx, row: &Row) -> Result<()> {
        if self.campaigns.contains_key(&row.campaign_id) {
            return Ok(());
        }
        let settings: Option<(Json<CampaignSettings>,)> =
            query("select settings from campaigns where workspace_id = $1 and id = $2")
                .bind(row.workspace_id)
                .bind(row.campaign_id)
                .optional(&mut *tx)
                .await?;
        let links: Vec<(i64, String)> =
            query("select number, target from tracked_links where workspace_id = $1 and campaign_id = $2")
                .bind(row.workspace_id)
                .bind(row.campaign_id)
                .all(tx)
                .await?;
        let settings = settings.map(|(settings,)| settings.0).unwrap_or_default();
        let numbered = links.into_iter().filter_map(|(number, target)| Some((u16::try_from(number).ok()?, target)));
        let facts = Facts {
            tracking: settings.tracking,
            zone: settings.time_zone.parse().unwrap_or(Tz::UTC),
            targets: numbered.map(|(number, target)| (number, Arc::from(target))).collect(),
        };
        if self.campaigns.len() >= MOST_CAMPAIGNS {
            self.campaigns.clear();
        }
        self.campaigns.insert(row.campaign_id, Arc::new(facts));
        Ok(())
    }

    async fn record(&mut self, mut tx: Tx, mut rows: HashMap<Uuid, Row>, hits: &[Hit]) -> Result<()> {
        let facts: HashMap<Uuid, Arc<Facts>> = rows
            .values()
            .filter_map(|row| Some((row.campaign_id, self.campaigns.get(&row.campaign_id)?.clone())))
            .filter(|(_, facts)| facts.tracking != Tracking::Off)
            .collect();
        let named = kept_by_name(&mut tx, &mut rows, &facts).await?;
        let mut changes = Changes::default();
        for hit in hits {
            let Some(row) = rows.get_mut(&hit.message_id) else { continue };
            let Some(facts) = facts.get(&row.campaign_id) else { continue };
            // A number that no link has any more is of another version of the content.
            if !matches!(hit.number, PIXEL | TRAP) && !facts.targets.contains_key(&hit.number) {
                continue;
            }
            let seen = self.recent.robot((row.id, hit.number), row.sent_at, hit.at);
            changes.add(row, hit, hit.robot.or(seen), facts, named.contains(&hit.message_id));
        }
        changes.write(&mut tx).await?;
        tx.commit().await
    }
}

/// The messages of a group that are there.
async fn read(tx: &mut Tx, hits: &[Hit]) -> Result<HashMap<Uuid, Row>> {
    let ids: HashSet<Uuid> = hits.iter().map(|hit| hit.message_id).collect();
    let rows: Vec<Row> = Bulk::new(
        "select m.id, m.workspace_id, m.campaign_id, m.contact_id, m.variant, m.sent_at, m.opened_at, m.clicked_at
         from {rows} join messages as m on m.id = rows.id",
    )
    .kept()
    .column("id", ids.into_iter().collect())
    .all(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// The messages whose openings and clicks are kept by name. Until the transaction ends, nobody else changes them.
async fn kept_by_name(
    tx: &mut Tx,
    rows: &mut HashMap<Uuid, Row>,
    facts: &HashMap<Uuid, Arc<Facts>>,
) -> Result<HashSet<Uuid>> {
    let personal = |row: &&Row| facts.get(&row.campaign_id).is_some_and(|facts| facts.tracking == Tracking::Personal);
    let mut ids: Vec<(Uuid, Uuid)> = rows.values().filter(personal).map(|row| (row.id, row.workspace_id)).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    ids.sort_unstable();
    let lock = if tx.engine() == EngineKind::Postgres { " order by m.id for update of m" } else { "" };
    let locked: Vec<Row> = Bulk::new(format!(
        "select m.id, m.workspace_id, m.campaign_id, m.contact_id, m.variant, m.sent_at, m.opened_at, m.clicked_at
         from {{rows}} join messages as m on m.id = rows.id where m.workspace_id = rows.workspace_id{lock}"
    ))
    .kept()
    .column("id", ids.iter().map(|(id, _)| *id).collect())
    .column("workspace_id", ids.iter().map(|(_, workspace)| *workspace).collect())
    .all(&mut *tx)
    .await?;
    let readers: HashSet<(Uuid, Uuid)> =
        locked.iter().filter_map(|row| Some((row.workspace_id, row.contact_id?))).collect();
    let agreed = who_agreed(tx, &readers).await?;
    let mut named = HashSet::new();
    for row in locked {
        if row.contact_id.is_some_and(|contact| agreed.contains(&contact)) {
            named.insert(row.id);
        }
        rows.insert(row.id, row);
    }
    Ok(named)
}

impl Changes {
    fn add(&mut self, row: &mut Row, hit: &Hit, robot: Option<&'static str>, facts: &Facts, is_named: bool) {
        let kind = if hit.number == PIXEL { "open" } else { "click" };
        let (seen, marked) = match kind {
            "open" => (&mut row.opened_at, &mut self.opened),
            _ => (&mut row.clicked_at, &mut self.clicked),
        };
        let is_first = is_named && robot.is_none() && seen.is_none();
        if is_first {
            *seen = Some(hit.at);
            marked.insert(row.id, (row.workspace_id, hit.at));
            if let Some(contact) = row.contact_id {
                let kind = if kind == "open" { "message.opened" } else { "message.clicked" };
                let told = NewActivity { who: None, ..NewActivity::of(contact, kind, "") }.about(row.id);
                let detail = match facts.targets.get(&hit.number) {
                    Some(target) => json!({ "campaign": row.campaign_id, "target": target.as_ref() }),
                    None => json!({ "campaign": row.campaign_id }),
                };
                self.told.entry(row.workspace_id).or_default().push(told.with(detail));
            }
        }
        let (number, variant) = (i64::from(hit.number), row.variant.clone().unwrap_or_default());
        let slot = (row.workspace_id, row.campaign_id, kind, number, variant.clone(), hour_of_week(hit.at, facts.zone));
        let count = self.counts.entry(slot).or_default();
        for (count, by) in count.iter_mut().zip([true, robot.is_none(), is_first]) {
            *count += i64::from(by);
        }
        self.events.push(Event {
            workspace_id: row.workspace_id,
            campaign_id: row.campaign_id,
            message_id: is_named.then_some(row.id),
            kind,
            number,
            variant,
            robot,
            is_first,
            at: hit.at,
        });
    }

    async fn write(self, tx: &mut Tx) -> Result<()> {
        let events = &self.events;
        let ids: Vec<Uuid> = events.iter().map(|_| tx.db().new_id()).collect();
        Bulk::new(
            "insert into tracking_events (id, workspace_id, campaign_id, message_id, kind, number, variant, robot,
               is_first, at)
             select id, workspace_id, campaign_id, message_id, kind, number, variant, robot, is_first, at from {rows}",
        )
        .kept()
        .column("id", ids.into_iter().collect())
        .column("workspace_id", events.iter().map(|one| one.workspace_id).collect())
        .column("campaign_id", events.iter().map(|one| one.campaign_id).collect())
        .column("message_id", events.iter().map(|one| one.message_id).collect())
        .column("kind", events.iter().map(|one| one.kind.to_owned()).collect())
        .column("number", events.iter().map(|one| one.number).collect())
        .column("variant", events.iter().map(|one| one.variant.clone()).collect())
        .column("robot", events.iter().map(|one| one.robot.map(str::to_owned)).collect())
        .column("is_first", events.iter().map(|one| one.is_first).collect())
        .column("at", events.iter().map(|one| one.at).collect())
        .execute(&mut *tx)
        .await?;
        mark(&mut *tx, "opened_at", self.opened).await?;
        mark(&mut *tx, "clicked_at", self.clicked).await?;
        for (workspace, told) in self.told {
            record_activities(&mut *tx, workspace, told).await?;
        }
        let counts = self.counts.into_iter().map(|((workspace_id, campaign_id, kind, number, variant, hour), by)| {
            let [requests, human, people] = by;
            CountRow {
                workspace_id,
                campaign_id,
                kind: kind.to_owned(),
                number,
                variant,
                hour,
                requests,
                human,
                people,
            }
        });
        add_counts(tx, counts.collect()).await
    }
}

/// A row of the counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, FromRow)]
pub(super) struct CountRow {
    pub(super) workspace_id: Uuid,
    pub(super) campaign_id: Uuid,
    pub(super) kind: String,
    pub(super) number: i64,
    pub(super) variant: String,
    pub(super) hour: i64,
    pub(super) requests: i64,
    pub(super) human: i64,
    pub(super) people: i64,
}

/// Adds to the counts. The rows are in their order, so that two transactions never wait for each other.
pub(super) async fn add_counts(tx: &mut Tx, rows: Vec<CountRow>) -> Result<()> {
    Bulk::new(
        "insert into tracking_counts (workspace_id, campaign_id, kind, number, variant, hour, requests, human, people)
         select workspace_id, campaign_id, kind, number, variant, hour, requests, human, people from {rows} where true
         on conflict (campaign_id, kind, number, variant, hour) do update
           set requests = tracking_counts.requests + excluded.requests,
             human = tracking_counts.human + excluded.human, people = tracking_counts.people + excluded.people
           where tracking_counts.workspace_id = excluded.workspace_id",
    )
    .column("workspace_id", rows.iter().map(|one| one.workspace_id).collect())
    .column("campaign_id", rows.iter().map(|one| one.campaign_id).collect())
    .column("kind", rows.iter().map(|one| one.kind.clone()).collect())
    .column("number", rows.iter().map(|one| one.number).collect())
    .column("variant", rows.iter().map(|one| one.variant.clone()).collect())
    .column("hour", rows.iter().map(|one| one.hour).collect())
    .column("requests", rows.iter().map(|one| one.requests).collect())
    .column("human", rows.iter().map(|one| one.human).collect())
    .column("people", rows.iter().map(|one| one.people).collect())
    .execute(tx)
    .await
}

/// Notes on messages when they were first opened, or a link in them was first followed.
async fn mark(tx: &mut Tx, column: &'static str, marks: BTreeMap<Uuid, (Uuid, DateTime<Utc>)>) -> Result<()> {
    if marks.is_empty() {
        return Ok(());
    }
    Bulk::new(format!(
        "update messages set {column} = rows.at, updated_at = rows.at from {{rows}}
         where messages.workspace_id = rows.workspace_id and messages.id = rows.id"
    ))
    .kept()
    .column("id", marks.keys().copied().collect())
    .column("workspace_id", marks.values().map(|(workspace, _)| *workspace).collect())
    .column("at", marks.values().map(|(_, at)| *at).collect())
    .execute(tx)
    .await
}

/// The hour of the week by the clocks of a zone: 0 is the first hour of Monday.
pub(super) fn hour_of_week(at: DateTime<Utc>, zone: Tz) -> i64 {
    let there = at.with_timezone(&zone);
    i64::from(there.weekday().num_days_from_monday() * 24 + there.hour())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_of_the_campaigns_week() {
        let at: DateTime<Utc> = "2026-06-28T22:30:00Z".parse().unwrap();
        assert_eq!(hour_of_week(at, Tz::UTC), 6 * 24 + 22);
        assert_eq!(hour_of_week(at, Tz::Europe__Madrid), 0);
    }
}
