//! How fast a campaign goes: how many of its messages got their end in each minute.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use uuid::Uuid;

use herald_db::{Db, Result, Tx, query};

/// The minutes that are looked at.
const LOOKED_AT: i64 = 11;
/// The shortest time, in seconds, that says something of a speed.
const SHORTEST: f64 = 5.0;

fn minute_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}

/// Counts messages that got their end now.
pub(crate) async fn count_minute(tx: &mut Tx, workspace_id: Uuid, campaign_id: Uuid, messages: usize) -> Result<()> {
    if messages == 0 {
        return Ok(());
    }
    let minute = minute_of(tx.db().now());
    query(
        "insert into campaign_minutes (workspace_id, campaign_id, minute, messages) values ($1, $2, $3, $4)
         on conflict (campaign_id, minute) do update set messages = campaign_minutes.messages + excluded.messages
         where campaign_minutes.workspace_id = excluded.workspace_id",
    )
    .bind(workspace_id)
    .bind(campaign_id)
    .bind(minute)
    .bind(i64::try_from(messages).unwrap_or(i64::MAX))
    .execute(tx)
    .await?;
    Ok(())
}

/// The messages a second of the last minutes in which any went out; none, if nothing is known yet.
pub(super) async fn speed_of(
    db: &Db,
    workspace_id: Uuid,
    campaign_id: Uuid,
    began: DateTime<Utc>,
) -> Result<Option<f64>> {
    let rows: Vec<(DateTime<Utc>, i64)> = query(
        "select minute, messages from campaign_minutes
         where workspace_id = $1 and campaign_id = $2 order by minute desc limit $3",
    )
    .bind(workspace_id)
    .bind(campaign_id)
    .bind(LOOKED_AT)
    .all(db)
    .await?;
    Ok(speed(&rows, began, db.now()))
}

/// The speed of minutes, the newest first. In the first and the last minute of a stretch, only a part of the minute was
/// used: so the middle one counts.
fn speed(rows: &[(DateTime<Utc>, i64)], began: DateTime<Utc>, now: DateTime<Utc>) -> Option<f64> {
    let is_over = |minute: DateTime<Utc>| minute + TimeDelta::minutes(1) <= now;
    let mut whole: Vec<i64> =
        rows.iter().filter(|(minute, _)| is_over(*minute)).map(|(_, messages)| *messages).collect();
    whole.sort_unstable_by(|one, other| other.cmp(one));
    if let Some(middle) = whole.get(whole.len().saturating_sub(1) / 2) {
        return Some(*middle as f64 / 60.0).filter(|speed| *speed > 0.0);
    }
    let (minute, messages) = rows.first()?;
    let seconds = (now - began.max(*minute)).as_seconds_f64().max(SHORTEST);
    Some(*messages as f64 / seconds).filter(|speed| *speed > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_middle_minute_is_the_speed() {
        let began = at("2026-03-01T12:00:50Z");
        let rows = [
            (at("2026-03-01T12:04:00Z"), 100),
            (at("2026-03-01T12:03:00Z"), 600),
            (at("2026-03-01T12:02:00Z"), 620),
            (at("2026-03-01T12:01:00Z"), 610),
            (at("2026-03-01T12:00:00Z"), 90),
        ];
        let speed = |rows: &[(DateTime<Utc>, i64)], now: &str| speed(rows, began, at(now));
        assert_eq!(speed(&rows, "2026-03-01T12:04:10Z"), Some(10.166_666_666_666_666));
        // Before a minute is over, what went out since the beginning counts.
        assert_eq!(speed(&rows[4..], "2026-03-01T12:00:59Z"), Some(10.0));
        assert_eq!(speed(&rows[4..], "2026-03-01T12:00:51Z"), Some(18.0));
        assert_eq!(speed(&[], "2026-03-01T12:00:59Z"), None);
    }
}
