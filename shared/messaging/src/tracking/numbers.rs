//! The counts of a campaign's openings and clicks.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    PIXEL, TRAP, Tracking,
    group::{CountRow, add_counts, hour_of_week},
};
use crate::Campaign;
use herald_db::{Bulk, Db, FromRow, Result, Tx, query};

/// The events that are read together.
const PAGE: usize = 5_000;

/// How often something was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Touches {
    /// All requests, those of scanners too.
    pub requests: i64,
    /// Those that count as a person's.
    pub human: i64,
    /// The people who did it, of those who agreed to be known by name.
    pub people: i64,
}

impl Touches {
    fn add(&mut self, row: &CountRow) {
        self.requests += row.requests;
        self.human += row.human;
        self.people += row.people;
    }
}

/// How often a link was followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LinkTouches {
    /// Its number in the campaign.
    pub number: i64,
    /// The language in which it stands.
    pub language: String,
    /// Where it leads.
    pub target: String,
    /// All requests, those of scanners too.
    pub requests: i64,
    /// Those that count as a person's.
    pub human: i64,
}

/// How often something was done in an hour of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HourTouches {
    /// By the campaign's clock, from 0, the first hour of Monday, to 167.
    pub hour: i64,
    /// How often messages were opened by a person.
    pub opens: i64,
    /// How often links were followed by a person.
    pub clicks: i64,
}

/// How often something was done with the messages of a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VariantTouches {
    /// The variant; empty for messages without one.
    pub variant: String,
    /// How often they were opened.
    pub opens: Touches,
    /// How often links in them were followed.
    pub clicks: Touches,
}

/// What recipients did with the messages of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CampaignTracking {
    /// What is kept.
    pub tracking: Tracking,
    /// How often messages were opened.
    pub opens: Touches,
    /// How often links were followed.
    pub clicks: Touches,
    /// The links that can be tracked, in the order in which they stand.
    pub links: Vec<LinkTouches>,
    /// The hours of the week in which something was done.
    pub hours: Vec<HourTouches>,
    /// By variant.
    pub variants: Vec<VariantTouches>,
}

/// What recipients did with the messages of a campaign.
#[boxed]
pub async fn tracking_of(db: &Db, workspace_id: Uuid, campaign: &Campaign) -> Result<CampaignTracking> {
    let rows: Vec<CountRow> = query(
        "select workspace_id, campaign_id, kind, number, variant, hour, requests, human, people
         from tracking_counts where workspace_id = $1 and campaign_id = $2 order by number, variant, hour",
    )
    .bind(workspace_id)
    .bind(campaign.id)
    .all(db)
    .await?;
    let links: Vec<(i64, String, String)> = query(
        "select number, language, target from tracked_links where workspace_id = $1 and campaign_id = $2
         order by number",
    )
    .bind(workspace_id)
    .bind(campaign.id)
    .all(db)
    .await?;
    let link = |(number, language, target): (i64, String, String)| {
        let own = rows.iter().filter(|row| row.kind == "click" && row.number == number);
        let (requests, human) = own.fold((0, 0), |(all, human), row| (all + row.requests, human + row.human));
        LinkTouches { number, language, target, requests, human }
    };
    let mut all = CampaignTracking {
        tracking: campaign.settings.0.tracking,
        opens: Touches::default(),
        clicks: Touches::default(),
        links: links.into_iter().map(link).collect(),
        hours: Vec::new(),
        variants: Vec::new(),
    };
    let mut hours: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    let mut variants: BTreeMap<&str, (Touches, Touches)> = BTreeMap::new();
    for row in &rows {
        let (hour, variant) = (hours.entry(row.hour).or_default(), variants.entry(row.variant.as_str()).or_default());
        if row.number == i64::from(PIXEL) {
            all.opens.add(row);
            variant.0.add(row);
            hour.0 += row.human;
        } else {
            all.clicks.add(row);
            variant.1.add(row);
            hour.1 += row.human;
        }
    }
    let hours = hours.into_iter().filter(|(_, (opens, clicks))| opens + clicks > 0);
    all.hours = hours.map(|(hour, (opens, clicks))| HourTouches { hour, opens, clicks }).collect();
    let variants = variants.into_iter();
    all.variants =
        variants.map(|(name, (opens, clicks))| VariantTouches { variant: name.to_owned(), opens, clicks }).collect();
    Ok(all)
}

/// How often messages of campaigns were opened by a person, and links in them followed.
pub(crate) async fn touches_of(db: &Db, workspace_id: Uuid, ids: Vec<Uuid>) -> Result<BTreeMap<Uuid, (i64, i64)>> {
    let mut tx = db.begin().await?;
    let rows: Vec<(Uuid, String, i64)> = Bulk::new(
        "select n.campaign_id, n.kind, cast(sum(n.human) as bigint) from {rows}
         join tracking_counts as n on n.campaign_id = rows.id where n.workspace_id = rows.workspace_id
         group by n.campaign_id, n.kind",
    )
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .column("id", ids.into_iter().collect())
    .all(&mut tx)
    .await?;
    let mut all: BTreeMap<Uuid, (i64, i64)> = BTreeMap::new();
    for (id, kind, human) in rows {
        let own = all.entry(id).or_default();
        *(if kind == "open" { &mut own.0 } else { &mut own.1 }) += human;
    }
    Ok(all)
}

/// How often messages with each variant were opened by a person, and links in them followed.
pub(crate) async fn touches_by_variant(
    db: &Db,
    workspace_id: Uuid,
    campaign_id: Uuid,
) -> Result<BTreeMap<String, (i64, i64)>> {
    let rows: Vec<(String, String, i64)> = query(
        "select variant, kind, cast(sum(human) as bigint) from tracking_counts
         where workspace_id = $1 and campaign_id = $2 and variant <> '' group by variant, kind",
    )
    .bind(workspace_id)
    .bind(campaign_id)
    .all(db)
    .await?;
    let mut all: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (variant, kind, human) in rows {
        let own = all.entry(variant).or_default();
        *(if kind == "open" { &mut own.0 } else { &mut own.1 }) += human;
    }
    Ok(all)
}

/// An event, as far as it is counted.
#[derive(FromRow)]
struct Counted {
    id: Uuid,
    kind: String,
    number: i64,
    variant: String,
    robot: Option<String>,
    is_first: bool,
    at: DateTime<Utc>,
}

/// Counts the openings and clicks of a campaign anew, event by event, and puts the counts right. Returns whether they
/// were wrong.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn recount_tracking(tx: &mut Tx, workspace_id: Uuid, campaign: &Campaign) -> Result<bool> {
    let zone: Tz = campaign.settings.0.time_zone.parse().unwrap_or(Tz::UTC);
    let kept: Vec<CountRow> = query(
        "select workspace_id, campaign_id, kind, number, variant, hour, requests, human, people
         from tracking_counts where workspace_id = $1 and campaign_id = $2",
    )
    .bind(workspace_id)
    .bind(campaign.id)
    .all(&mut *tx)
    .await?;
    let mut counts: BTreeMap<(String, i64, String, i64), [i64; 3]> = BTreeMap::new();
    let mut from = Uuid::nil();
    loop {
        let events: Vec<Counted> = query(
            "select id, kind, number, variant, robot, is_first, at from tracking_events
             where workspace_id = $1 and campaign_id = $2 and id > $3 order by id limit $4",
        )
        .bind(workspace_id)
        .bind(campaign.id)
        .bind(from)
        .bind(i64::try_from(PAGE).unwrap_or(i64::MAX))
        .all(&mut *tx)
        .await?;
        let Some(last) = events.last() else { break };
        from = last.id;
        for one in events {
            debug_assert!((0..=i64::from(TRAP)).contains(&one.number), "a number of a link");
            let slot = (one.kind, one.number, one.variant, hour_of_week(one.at, zone));
            let count = counts.entry(slot).or_default();
            for (count, by) in count.iter_mut().zip([true, one.robot.is_none(), one.is_first]) {
                *count += i64::from(by);
            }
        }
    }
    let campaign_id = campaign.id;
    let counted: Vec<CountRow> = counts
        .into_iter()
        .map(|((kind, number, variant, hour), [requests, human, people])| CountRow {
            workspace_id,
            campaign_id,
            kind,
            number,
            variant,
            hour,
            requests,
            human,
            people,
        })
        .collect();
    let mut kept = kept;
    kept.sort_unstable();
    if kept == counted {
        return Ok(false);
    }
    query("delete from tracking_counts where workspace_id = $1 and campaign_id = $2")
        .bind(workspace_id)
        .bind(campaign_id)
        .execute(&mut *tx)
        .await?;
    add_counts(tx, counted).await?;
    Ok(true)
}
