//! Which of the subjects that were tried wins.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{SubjectTest, WinnerBy};
use crate::{
    Campaign, MessageState, Result,
    campaign::{find_campaign, note},
    tracking::touches_by_variant,
};
use herald_db::{Db, FromRow, query};

/// The recipients of a subject below whom its share says nothing.
const FEW: i64 = 20;
/// How long the choice waits while messages of the part have no end.
const AGAIN: TimeDelta = TimeDelta::minutes(10);

/// What became of a subject that is tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CampaignVariant {
    /// Its number, from 1.
    pub variant: i64,
    /// The subject.
    pub subject: String,
    /// The messages with it, without those that were left out.
    pub messages: i64,
    /// Those that wait, or are just being handed over.
    pub open: i64,
    /// Those that the other side took.
    pub sent: i64,
    /// Those that were refused for good.
    pub failed: i64,
    /// Those that were opened, or how often that was counted, if it is not kept of each.
    pub opened: i64,
    /// Those in which a link was followed, or how often that was counted.
    pub clicked: i64,
    /// Whether the rest of the audience gets it.
    pub is_winner: bool,
}

/// The messages of a subject in one state.
#[derive(FromRow)]
struct Row {
    variant: String,
    state: String,
    messages: i64,
    opened: i64,
    clicked: i64,
    last: Option<DateTime<Utc>>,
}

/// The subjects that a campaign tries, side by side; none, if it tries none.
#[boxed]
pub async fn variants_of(db: &Db, workspace_id: Uuid, campaign: &Campaign) -> Result<Vec<CampaignVariant>> {
    Ok(read(db, workspace_id, campaign).await?.0)
}

/// The subjects, and when the last message with one was sent.
async fn read(
    db: &Db,
    workspace_id: Uuid,
    campaign: &Campaign,
) -> Result<(Vec<CampaignVariant>, Option<DateTime<Utc>>)> {
    let Some(ab) = &campaign.settings.0.ab else { return Ok((Vec::new(), None)) };
    let rows: Vec<Row> = query(
        "select variant, state, count(*) as messages, count(opened_at) as opened, count(clicked_at) as clicked,
           max(sent_at) as last
         from messages where workspace_id = $1 and campaign_id = $2 and variant is not null group by variant, state",
    )
    .bind(workspace_id)
    .bind(campaign.id)
    .all(db)
    .await?;
    let mut variants: BTreeMap<i64, CampaignVariant> = (1..)
        .zip(&ab.subjects)
        .map(|(variant, subject)| {
            let is_winner = campaign.ab_winner == Some(variant);
            (variant, CampaignVariant { variant, subject: subject.clone(), is_winner, ..CampaignVariant::default() })
        })
        .collect();
    let mut last = None;
    for row in rows {
        let number: i64 = row.variant.parse().unwrap_or_default();
        let (Some(one), Ok(state)) = (variants.get_mut(&number), row.state.parse::<MessageState>()) else { continue };
        match state {
            MessageState::Suppressed => continue,
            MessageState::Pending | MessageState::Claimed => one.open += row.messages,
            MessageState::Sent | MessageState::Delivered => one.sent += row.messages,
            MessageState::Failed => one.failed += row.messages,
            MessageState::Unknown => {}
        }
        one.messages += row.messages;
        one.opened += row.opened;
        one.clicked += row.clicked;
        last = last.max(row.last);
    }
    // Of recipients who did not agree to more it is only counted that there was somebody.
    for (number, (opens, clicks)) in touches_by_variant(db, workspace_id, campaign.id).await? {
        let Some(one) = number.parse().ok().and_then(|number: i64| variants.get_mut(&number)) else { continue };
        (one.opened, one.clicked) = (one.opened.max(opens), one.clicked.max(clicks));
    }
    Ok((variants.into_values().collect(), last))
}

/// The number of the subject that wins, and why. A tie, or too few recipients, is for the first.
fn winner(variants: &[CampaignVariant], by: WinnerBy) -> (i64, &'static str) {
    let marks = |one: &CampaignVariant| match by {
        WinnerBy::Opens => one.opened,
        WinnerBy::Clicks => one.clicked,
    };
    if variants.iter().any(|one| one.sent < FEW) {
        return (1, "too few recipients got each subject, so the first one goes out");
    }
    // Shares are compared as fractions, so that no rounding decides.
    let is_better = |one: &CampaignVariant, other: &CampaignVariant| marks(one) * other.sent > marks(other) * one.sent;
    let best = variants.iter().find(|one| variants.iter().all(|o| o.variant == one.variant || is_better(one, o)));
    match best {
        Some(best) => (best.variant, "it has the largest share"),
        None => (1, "no subject has a larger share than all others, so the first one goes out"),
    }
}

/// Chooses the subject that goes to the rest of the audience, once. Returns when to come back, if it is too early.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn choose_winner(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<DateTime<Utc>>> {
    let Some(campaign) = find_campaign(db, workspace_id, id).await? else { return Ok(None) };
    let Some(ab) = campaign.settings.0.ab.clone().filter(|_| campaign.waits_for_winner()) else { return Ok(None) };
    if campaign.state.is_last() || campaign.started_at.is_none() {
        return Ok(None);
    }
    let now = db.now();
    let (variants, last) = read(db, workspace_id, &campaign).await?;
    if campaign.planned_at.is_none() || variants.iter().any(|one| one.open > 0) {
        return Ok(Some(now + AGAIN));
    }
    let from = last.or(campaign.started_at).unwrap_or(now);
    let due = from + TimeDelta::hours(ab.after_hours.into());
    if due > now {
        return Ok(Some(due));
    }
    write(db, workspace_id, id, (&ab, &variants)).await?;
    Ok(None)
}

async fn write(
    db: &Db,
    workspace_id: Uuid,
    id: Uuid,
    (ab, variants): (&SubjectTest, &[CampaignVariant]),
) -> Result<()> {
    let (number, why) = winner(variants, ab.winner_by);
    let mut tx = db.begin().await?;
    let chosen = query(
        "update campaigns set ab_winner = $3, version = version + 1, updated_at = $4
         where workspace_id = $1 and id = $2 and ab_winner is null",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(number)
    .bind(db.now())
    .execute(&mut tx)
    .await?;
    if chosen == 0 {
        return Ok(());
    }
    let subject = variants.iter().find(|one| one.variant == number).map(|one| one.subject.as_str());
    let detail = json!({ "winner": number, "subject": subject, "by": ab.winner_by, "reason": why });
    note(&mut tx, workspace_id, id, ("winner_chosen", None, detail)).await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(variant: i64, sent: i64, opened: i64, clicked: i64) -> CampaignVariant {
        CampaignVariant { variant, sent, opened, clicked, ..CampaignVariant::default() }
    }

    #[test]
    fn the_largest_share_wins_and_a_tie_is_for_the_first() {
        let of = |variants: &[CampaignVariant], by| winner(variants, by).0;
        let two = [variant(1, 100, 30, 9), variant(2, 50, 20, 2)];
        assert_eq!(of(&two, WinnerBy::Opens), 2);
        assert_eq!(of(&two, WinnerBy::Clicks), 1);
        assert_eq!(of(&[variant(1, 100, 20, 0), variant(2, 50, 10, 0)], WinnerBy::Opens), 1);
        assert_eq!(of(&[variant(1, 100, 0, 0), variant(2, 100, 0, 0)], WinnerBy::Opens), 1);
        // Of few, nothing can be told.
        assert_eq!(of(&[variant(1, 19, 0, 0), variant(2, 19, 19, 0)], WinnerBy::Opens), 1);
        // Of three, the best two are alike.
        let three = [variant(1, 50, 1, 0), variant(2, 50, 9, 0), variant(3, 50, 9, 0)];
        assert_eq!(of(&three, WinnerBy::Opens), 1);
    }
}
