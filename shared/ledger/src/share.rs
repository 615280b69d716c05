//! Divides what the wire can take: each workspace gets its share, and within it each batch its own.
//!
//! A workspace's share goes to its most urgent lanes first, in equal parts where they are equally urgent. An eighth of
//! it is kept for the lane that has waited longest, once that has waited for a minute: however many urgent jobs there
//! are, nothing waits for ever. What a lane does not need goes to lanes that have more jobs.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::lanes::Lane;
use herald_base::ids::Ids;

/// How long a lane waits before it has a right to its own part.
const AGED: TimeDelta = TimeDelta::seconds(60);
/// One in so many goes to the lane that has waited longest.
const FOR_THE_AGED: usize = 8;

/// One lane's turn: how many of its jobs may be leased at most.
pub(super) struct Turn {
    /// Which lane, by its place in the list.
    pub(super) lane: usize,
    /// How many at most, as part of the workspace's share.
    pub(super) most: usize,
}

/// The order in which a workspace's lanes are asked, and what each may take of `share`. What a lane does not take, the
/// next may.
fn turns_of_workspace(lanes: &[(usize, &Lane)], share: usize, now: DateTime<Utc>, ids: &Ids) -> Vec<Turn> {
    let mut turns = Vec::new();
    let mut left = share;
    let urgent = lanes.iter().map(|(_, lane)| lane.priority).min();
    let aged = lanes
        .iter()
        .filter(|(_, lane)| now - lane.run_at > AGED && Some(lane.priority) != urgent)
        .min_by_key(|(_, lane)| lane.run_at);
    if let Some((at, _)) = aged {
        // A share too small to be divided is given whole, once in eight times.
        let kept =
            if share >= FOR_THE_AGED { share / FOR_THE_AGED } else { usize::from(ids.below(FOR_THE_AGED) < share) };
        turns.push(Turn { lane: *at, most: kept });
        left = left.saturating_sub(kept);
    }
    let mut by_priority: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (at, lane) in lanes {
        by_priority.entry(lane.priority).or_default().push(*at);
    }
    for mut group in by_priority.into_values() {
        shuffle(&mut group, ids);
        let each = left.div_ceil(group.len()).max(1);
        turns.extend(group.iter().map(|lane| Turn { lane: *lane, most: each }));
        // What some lanes did not need goes first to equally urgent lanes, then to less urgent ones.
        turns.extend(group.into_iter().map(|lane| Turn { lane, most: left }));
    }
    turns
}

/// The turns of every workspace, in an order that is drawn anew each round. A demand smaller than the number of
/// workspaces or batches must reach each of them in time. Otherwise the lane that has waited longest would go first
/// until its whole backlog is done.
pub(super) fn turns(lanes: &[Lane], limit: usize, now: DateTime<Utc>, ids: &Ids) -> Vec<(usize, Vec<Turn>)> {
    let mut workspaces: BTreeMap<uuid::Uuid, Vec<(usize, &Lane)>> = BTreeMap::new();
    for (at, lane) in lanes.iter().enumerate() {
        workspaces.entry(lane.workspace_id).or_default().push((at, lane));
    }
    let mut workspaces: Vec<_> = workspaces.into_values().collect();
    shuffle(&mut workspaces, ids);
    let share = (limit / workspaces.len().max(1)).max(1);
    workspaces.iter().map(|lanes| (share, turns_of_workspace(lanes, share, now, ids))).collect()
}

/// Fisher and Yates.
fn shuffle<T>(list: &mut [T], ids: &Ids) {
    for at in (1..list.len()).rev() {
        list.swap(at, ids.below(at + 1));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn lane(workspace: u128, lane: i64, priority: i64, waited: i64) -> Lane {
        Lane {
            workspace_id: Uuid::from_u128(workspace),
            lane,
            priority,
            run_at: now() - TimeDelta::seconds(waited),
            limit_key: None,
            cost: 1,
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_355_600, 0).unwrap()
    }

    /// What each lane gets when every lane has more than enough.
    fn taken(lanes: &[Lane], limit: usize, ids: &Ids) -> Vec<usize> {
        let mut taken = vec![0; lanes.len()];
        let mut all = limit;
        for (share, turns) in turns(lanes, limit, now(), ids) {
            let mut left = share.min(all);
            for turn in turns {
                let take = turn.most.min(left);
                taken[turn.lane] += take;
                left -= take;
                all -= take;
            }
        }
        taken
    }

    #[test]
    fn workspaces_and_equally_urgent_batches_get_equal_parts() {
        let lanes = [lane(1, 1, 0, 1), lane(1, 2, 0, 5), lane(2, 1, 0, 900)];
        assert_eq!(taken(&lanes, 100, &Ids::seeded(1)), [25, 25, 50]);
    }

    #[test]
    fn the_urgent_go_first_but_for_an_eighth_to_who_has_waited_longest() {
        let fresh = [lane(1, 1, 0, 1), lane(1, 2, 5, 59)];
        assert_eq!(taken(&fresh, 80, &Ids::seeded(1)), [80, 0]);
        let aged = [lane(1, 1, 0, 1), lane(1, 2, 5, 61), lane(1, 3, 4, 3_600)];
        assert_eq!(taken(&aged, 80, &Ids::seeded(1)), [70, 0, 10]);
    }

    #[test]
    fn one_at_a_time_reaches_the_aged_once_in_eight_and_every_workspace() {
        let ids = Ids::seeded(7);
        let aged = [lane(1, 1, 0, 1), lane(1, 2, 5, 61)];
        let turns: usize = (0..8_000).map(|_| taken(&aged, 1, &ids)[1]).sum();
        assert!((850..1_150).contains(&turns), "{turns}");
        let many: Vec<Lane> = (0..10).map(|workspace| lane(workspace, 0, 0, 1)).collect();
        let mut each = vec![0; 10];
        for _ in 0..1_000 {
            taken(&many, 1, &ids).iter().zip(&mut each).for_each(|(taken, all)| *all += taken);
        }
        assert!(each.iter().all(|turns| (60..140).contains(turns)), "{each:?}");
    }
}
