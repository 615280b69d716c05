//! What providers report of messages. A report is written down once, and then moves its message forward.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use herald_contacts::Channel;
use herald_providers::{
    meta, twilio,
    whatsapp::{Meaning, Report, ReportState},
};
use uuid::Uuid;

use crate::{
    BounceClass, NewSuppression, Receipt, ReceiptOf, Result, SoftLimit, Told, add_suppressions,
    message::suppression_for, receive,
};
use herald_accounts::ProviderKind;
use herald_db::{Bulk, Db, Tx, query};

/// How long a report is remembered. Meta repeats one for a week at most.
const KEPT: TimeDelta = TimeDelta::days(30);
/// Reports that one statement forgets.
const GROUP: i64 = 1_000;

/// A report of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReport {
    /// The workspace that has the account.
    pub workspace_id: Uuid,
    /// The account.
    pub connection_id: Uuid,
    /// Whose account it is.
    pub provider: ProviderKind,
    /// What it reports.
    pub report: Report,
}

impl NewReport {
    fn key(&self) -> (Uuid, Uuid, String, &'static str) {
        (self.workspace_id, self.connection_id, self.report.provider_id.clone(), self.report.state.as_str())
    }

    /// Why the message failed, by the provider's code.
    fn failure(&self) -> (Meaning, String) {
        let unsaid = || (Meaning::Undeliverable, "the provider could not deliver it, and did not say why".to_owned());
        match (self.report.code, self.provider) {
            (None, _) => unsaid(),
            (Some(code), ProviderKind::Meta) => meta::meaning(code),
            (Some(code), _) => twilio::meaning(code),
        }
    }

    fn what(&self) -> Told {
        match self.report.state {
            ReportState::Accepted | ReportState::Sent => Told::Sent,
            ReportState::Delivered => Told::Delivered,
            ReportState::Read => Told::Read,
            ReportState::Failed => match self.failure() {
                (Meaning::NoSuchAddress, reason) => Told::Bounced { class: BounceClass::Hard, status: None, reason },
                (meaning, reason) => Told::Failed { cause: meaning.cause().to_owned(), reason },
            },
        }
    }

    fn of(&self) -> ReceiptOf {
        match self.report.message_id {
            Some(id) => ReceiptOf::Message(id),
            None => ReceiptOf::Provider { channel: Channel::Whatsapp, id: self.report.provider_id.clone() },
        }
    }

    fn at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.report.at.unwrap_or(now).min(now)
    }
}

/// Takes in reports, all of them or none. Returns how many were new.
///
/// # Errors
/// When the database refuses; [`crate::MessagingError::NoKey`].
#[boxed]
pub async fn take_reports(db: &Db, reports: Vec<NewReport>) -> Result<usize> {
    if reports.is_empty() {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    let mut once: BTreeMap<(Uuid, Uuid, String, &'static str), NewReport> = BTreeMap::new();
    for report in reports {
        once.entry(report.key()).or_insert(report);
    }
    let fresh = written(&mut tx, &once).await?;
    let fresh: Vec<&NewReport> =
        once.iter().filter(|(key, _)| fresh.contains(*key)).map(|(_, report)| report).collect();
    name_messages(&mut tx, &fresh).await?;
    let now = tx.db().now();
    // Workspaces in one order, so that two groups do not wait for each other.
    let mut by_workspace: BTreeMap<Uuid, Vec<&NewReport>> = BTreeMap::new();
    for report in &fresh {
        by_workspace.entry(report.workspace_id).or_default().push(report);
    }
    for (workspace_id, reports) in by_workspace {
        let receipt = |one: &&NewReport| Receipt { message: one.of(), what: one.what(), at: one.at(now) };
        receive(&mut tx, workspace_id, reports.iter().map(receipt).collect(), SoftLimit::default()).await?;
        close_addresses(&mut tx, workspace_id, &reports).await?;
    }
    tx.commit().await?;
    Ok(fresh.len())
}

/// Writes reports down. Returns the keys of those that were not there.
async fn written(
    tx: &mut Tx,
    reports: &BTreeMap<(Uuid, Uuid, String, &'static str), NewReport>,
) -> Result<BTreeSet<(Uuid, Uuid, String, &'static str)>> {
    let now = tx.db().now();
    let ids: Vec<Uuid> = reports.iter().map(|_| tx.db().new_id()).collect();
    let by_id: BTreeMap<Uuid, (Uuid, Uuid, String, &'static str)> =
        ids.iter().copied().zip(reports.keys().cloned()).collect();
    let rows: Vec<&NewReport> = reports.values().collect();
    let inserted: Vec<(Uuid,)> = Bulk::new(
        "insert into message_events (id, workspace_id, connection_id, provider_id, message_id, state, code, at,
           received_at)
         select id, workspace_id, connection_id, provider_id, message_id, state, code, at, received_at
         from {rows} where true
         on conflict (workspace_id, connection_id, provider_id, state) do nothing returning id",
    )
    .kept()
    .column("id", ids.into_iter().collect())
    .column("workspace_id", rows.iter().map(|one| one.workspace_id).collect())
    .column("connection_id", rows.iter().map(|one| one.connection_id).collect())
    .column("provider_id", rows.iter().map(|one| one.report.provider_id.clone()).collect())
    .column("message_id", rows.iter().map(|one| one.report.message_id).collect())
    .column("state", rows.iter().map(|one| one.report.state.as_str().to_owned()).collect())
    .column("code", rows.iter().map(|one| one.report.code).collect())
    .column("at", rows.iter().map(|one| one.at(now)).collect())
    .column("received_at", rows.iter().map(|_| now).collect())
    .all(tx)
    .await?;
    Ok(inserted.into_iter().filter_map(|(id,)| by_id.get(&id).cloned()).collect())
}

/// Gives messages the provider's id, if nobody heard it when they were handed over.
async fn name_messages(tx: &mut Tx, reports: &[&NewReport]) -> Result<()> {
    let named: BTreeMap<Uuid, &NewReport> =
        reports.iter().filter_map(|one| Some((one.report.message_id?, *one))).collect();
    Ok(Bulk::new(
        "update messages set provider_id = rows.provider_id from {rows}
         where messages.workspace_id = rows.workspace_id and messages.id = rows.id and messages.channel = rows.channel
           and messages.provider_id is null",
    )
    .column("id", named.keys().copied().collect())
    .column("workspace_id", named.values().map(|one| one.workspace_id).collect())
    .column("channel", named.values().map(|_| Channel::Whatsapp.as_str().to_owned()).collect())
    .column("provider_id", named.values().map(|one| one.report.provider_id.clone()).collect())
    .execute(tx)
    .await?)
}

/// Suppresses the numbers of people who want no more.
async fn close_addresses(tx: &mut Tx, workspace_id: Uuid, reports: &[&NewReport]) -> Result<()> {
    let mut closed = Vec::new();
    for one in reports.iter().filter(|one| one.report.state == ReportState::Failed) {
        let (meaning, _) = one.failure();
        // That nobody is at a number is taken in with the receipt.
        let reason = suppression_for(meaning.cause()).filter(|_| meaning != Meaning::NoSuchAddress);
        if let Some(reason) = reason {
            closed.push((one.report.provider_id.clone(), reason));
        }
    }
    if closed.is_empty() {
        return Ok(());
    }
    let found: Vec<(Uuid, Option<Uuid>, String, String)> = Bulk::new(
        "select m.id, m.contact_id, m.address, rows.provider_id from {rows} join messages as m
           on m.workspace_id = rows.workspace_id and m.channel = rows.channel and m.provider_id = rows.provider_id
         where m.address <> '' order by m.id",
    )
    .column("workspace_id", closed.iter().map(|_| workspace_id).collect())
    .column("channel", closed.iter().map(|_| Channel::Whatsapp.as_str().to_owned()).collect())
    .column("provider_id", closed.iter().map(|(id, _)| id.clone()).collect())
    .all(&mut *tx)
    .await?;
    let reasons: BTreeMap<String, crate::SuppressionReason> = closed.into_iter().collect();
    let new = found.into_iter().filter_map(|(id, contact_id, address, provider_id)| {
        Some(NewSuppression {
            channel: Channel::Whatsapp,
            address,
            reason: *reasons.get(&provider_id)?,
            source: format!("message:{id}"),
            note: None,
            contact_id,
            consent_id: None,
        })
    });
    add_suppressions(tx, workspace_id, new.collect()).await?;
    Ok(())
}

/// Forgets reports that are too old to come again. Returns how many, 1,000 at most.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn forget_old_reports(db: &Db) -> Result<u64> {
    let mut tx = db.begin().await?;
    let gone = query(
        "delete from message_events where id in
           (select id from message_events where received_at < $1 order by received_at limit $2)",
    )
    .bind(db.now() - KEPT)
    .bind(GROUP)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(state: ReportState, code: Option<i64>, provider: ProviderKind) -> NewReport {
        let report = Report { provider_id: "SM1".to_owned(), message_id: None, state, code, at: None };
        NewReport { workspace_id: Uuid::nil(), connection_id: Uuid::nil(), provider, report }
    }

    #[test]
    fn a_report_says_what_became_of_a_message() {
        let what = |state, code, provider| report(state, code, provider).what();
        assert_eq!(what(ReportState::Accepted, None, ProviderKind::Twilio), Told::Sent);
        assert_eq!(what(ReportState::Read, None, ProviderKind::Meta), Told::Read);
        let cause = |code, provider| match what(ReportState::Failed, code, provider) {
            Told::Failed { cause, .. } => cause,
            other => panic!("{other:?}"),
        };
        assert_eq!(cause(Some(63_016), ProviderKind::Twilio), "window_closed");
        assert_eq!(cause(Some(131_049), ProviderKind::Meta), "not_today");
        assert_eq!(cause(Some(131_050), ProviderKind::Meta), "no_advertising");
        assert_eq!(cause(None, ProviderKind::Meta), "undeliverable");
        let gone = what(ReportState::Failed, Some(63_024), ProviderKind::Twilio);
        assert!(matches!(gone, Told::Bounced { class: BounceClass::Hard, .. }));
    }
}
