//! Mail that came back for a while, counted for each address.
//!
//! A full mailbox is no reason to stop writing. A mailbox that is full for weeks is one that nobody reads, and senders
//! who go on writing to such lose their standing. So the address is suppressed when it came back too often within some
//! days. A delivery in between begins the count anew.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use herald_contacts::Channel;
use uuid::Uuid;

use crate::{NewSuppression, Result, SuppressionReason, suppression::hashes};
use herald_db::{Bulk, Db, Tx, query, query_texts};

/// The longest time within which soft bounces can be counted: older ones are forgotten.
const LONGEST: TimeDelta = TimeDelta::days(90);

/// How often mail to an address may come back for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftLimit {
    /// With this many messages that came back the address is suppressed.
    pub times: i64,
    /// Those of this number of days count, 90 at most.
    pub days: i64,
}

impl Default for SoftLimit {
    fn default() -> Self {
        Self { times: 5, days: 30 }
    }
}

/// A message that came back for a while, or that arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) channel: Channel,
    pub(super) address: String,
    pub(super) message_id: Uuid,
    pub(super) contact_id: Option<Uuid>,
    pub(super) at: DateTime<Utc>,
}

/// Begins the counts of addresses anew, at which messages arrived.
pub(super) async fn reset(tx: &mut Tx, workspace_id: Uuid, arrived: &[Seen]) -> Result<()> {
    let mut rows = BTreeSet::new();
    for one in arrived {
        for hash in hashes(tx.db(), workspace_id, one.channel, &one.address)? {
            rows.insert((one.channel.as_str(), hash));
        }
    }
    Ok(Bulk::new(
        "delete from soft_bounces where (workspace_id, channel, hash) in
           (select workspace_id, channel, hash from {rows})",
    )
    .column("workspace_id", rows.iter().map(|_| workspace_id).collect())
    .column("channel", rows.iter().map(|(channel, _)| (*channel).to_owned()).collect())
    .column("hash", rows.into_iter().map(|(_, hash)| hash).collect())
    .execute(tx)
    .await?)
}

/// Counts messages that came back for a while. Returns the addresses for which it was too often.
pub(super) async fn count(
    tx: &mut Tx,
    workspace_id: Uuid,
    came_back: &[Seen],
    limit: SoftLimit,
) -> Result<Vec<NewSuppression>> {
    if came_back.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = Vec::new();
    for one in came_back {
        // Under the current key. A key that is changed begins the counts anew.
        let hash = hashes(tx.db(), workspace_id, one.channel, &one.address)?.swap_remove(0);
        rows.push((hash, one));
    }
    rows.sort_by(|one, other| (&one.0, one.1.message_id).cmp(&(&other.0, other.1.message_id)));
    Bulk::new(
        "insert into soft_bounces (workspace_id, channel, hash, message_id, at)
         select workspace_id, channel, hash, message_id, at from {rows} where true
         on conflict (workspace_id, channel, hash, message_id) do nothing",
    )
    .column("workspace_id", rows.iter().map(|_| workspace_id).collect())
    .column("channel", rows.iter().map(|(_, one)| one.channel.as_str().to_owned()).collect())
    .column("hash", rows.iter().map(|(hash, _)| hash.clone()).collect())
    .column("message_id", rows.iter().map(|(_, one)| one.message_id).collect())
    .column("at", rows.iter().map(|(_, one)| one.at).collect())
    .execute(&mut *tx)
    .await?;
    let since = tx.db().now() - TimeDelta::days(limit.days).min(LONGEST);
    let mut over: Vec<(String, String)> = Vec::new();
    for chunk in rows.chunks(1_000) {
        let mut hashes: Vec<String> = chunk.iter().map(|(hash, _)| hash.clone()).collect();
        hashes.dedup();
        let found: Vec<(String, String)> = query_texts(
            tx.engine(),
            "select b.channel, b.hash from {texts} cross join soft_bounces as b
             where b.workspace_id = $2 and b.hash = rows.value and b.at > $3
             group by b.channel, b.hash having count(*) >= $4",
            hashes,
        )
        .bind(workspace_id)
        .bind(since)
        .bind(limit.times.max(1))
        .all(&mut *tx)
        .await?;
        over.extend(found);
    }
    over.sort();
    over.dedup();
    let is_over = |hash: &str, one: &Seen| {
        over.binary_search_by(|(channel, of)| (channel.as_str(), of.as_str()).cmp(&(one.channel.as_str(), hash)))
            .is_ok()
    };
    let suppressed = rows.iter().filter(|(hash, one)| is_over(hash, one)).map(|(_, one)| NewSuppression {
        channel: one.channel,
        address: one.address.clone(),
        reason: SuppressionReason::SoftBounce,
        source: format!("message:{}", one.message_id),
        note: None,
        contact_id: one.contact_id,
        consent_id: None,
    });
    Ok(suppressed.collect())
}

/// Forgets soft bounces that count nowhere any more. Returns how many there were, at most 1,000.
#[boxed]
pub async fn forget_old_soft_bounces(db: &Db) -> herald_db::Result<u64> {
    let mut tx = db.begin().await?;
    let before = tx.db().now() - LONGEST;
    let gone = query(
        "delete from soft_bounces where (workspace_id, channel, hash, message_id) in
           (select workspace_id, channel, hash, message_id from soft_bounces where at < $1 limit 1000)",
    )
    .bind(before)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(gone)
}
