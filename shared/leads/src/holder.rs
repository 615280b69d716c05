//! What leads hold about a person: the leads, their notes, what imports changed, what members were told of them, and
//! the reports that name them.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_contacts::{ContactError, Held, Holder, Move, Whom};
use herald_notifications::{forget_about, notifications_about};
use herald_providers::files::Key;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Lead, Report,
    lead::{lead_row, lead_tables},
};
use herald_db::{Bulk, Db, FromRow, Json, Query, Result, Tx, query};

/// Leads, their notes, what members were told of them, and the reports of their days.
pub const HOLDER: Holder = Holder {
    columns: &[
        ("lead_images", "lead_id images"),
        ("lead_notes", "text who"),
        ("leads", "contact_id need need_key source key"),
        ("notifications", "kind key title link"),
        ("reports", "file"),
    ],
    moves: &[Move::all("leads")],
    read: |tx, whom| Box::pin(read(tx, whom)),
    erase: |tx, whom| Box::pin(erase(tx, whom)),
};

#[derive(FromRow, Serialize)]
struct Note {
    id: Uuid,
    lead_id: Uuid,
    text: String,
    who: String,
    at: DateTime<Utc>,
}

#[derive(FromRow, Serialize)]
struct Change {
    import_id: Uuid,
    lead_id: Uuid,
    #[serde(rename = "changed")]
    images: Json<Value>,
}

async fn read(tx: &mut Tx, whom: &Whom) -> std::result::Result<Held, ContactError> {
    let mut held = Held::default();
    let leads = leads(&mut *tx, whom).await?;
    let notes: Vec<Note> = of_contact(
        "select n.id, n.lead_id, n.text, n.who, n.at from lead_notes as n
         join leads as l on l.workspace_id = n.workspace_id and l.id = n.lead_id
         where n.workspace_id = $1 and l.contact_id = $2 order by n.id",
        whom,
    )
    .all(&mut *tx)
    .await?;
    let changes: Vec<Change> = of_contact(
        "select i.import_id, i.lead_id, i.images from lead_images as i
         join leads as l on l.workspace_id = i.workspace_id and l.id = i.lead_id
         where i.workspace_id = $1 and l.contact_id = $2 and not i.made order by i.lead_id, i.import_id, i.from_row",
        whom,
    )
    .all(&mut *tx)
    .await?;
    let told = notifications_about(&mut *tx, whom.workspace_id, links(&leads)).await?;
    let reports = reports(tx, whom, &leads).await?;
    held.add("leads", leads.iter().map(|lead| json!(lead)).collect());
    held.add("lead_notes", notes.iter().map(|note| json!(note)).collect());
    held.add("lead_changes_by_imports", changes.iter().map(|change| json!(change)).collect());
    held.add("notifications", told.iter().map(|one| json!(one)).collect());
    held.add("reports", reports.iter().map(named).collect());
    Ok(held)
}

async fn leads(tx: &mut Tx, whom: &Whom) -> Result<Vec<Lead>> {
    of_contact(
        concat!(
            "select ",
            lead_row!(),
            " from ",
            lead_tables!(),
            " where l.workspace_id = $1 and l.contact_id = $2 order by l.id"
        ),
        whom,
    )
    .all(tx)
    .await
}

/// The pages of leads, as notifications lead there.
fn links(leads: &[Lead]) -> Vec<String> {
    leads.iter().map(|lead| format!("/leads/{}", lead.id)).collect()
}

fn of_contact(sql: &str, whom: &Whom) -> Query {
    query(sql).bind(whom.workspace_id).bind(whom.contact.id)
}

fn named(report: &Report) -> Value {
    json!({ "id": report.id, "kind": report.kind, "day": report.day, "name": report.name })
}

/// The stored reports that may name the person: those of the days on which the leads were made. A report also lists
/// follow-ups that are due, so of a lead with follow-ups it is every report since.
async fn reports(tx: &mut Tx, whom: &Whom, leads: &[Lead]) -> Result<Vec<Report>> {
    let Some(first) = leads.iter().map(|lead| lead.created_at).min() else { return Ok(Vec::new()) };
    let followed: Option<(Uuid,)> = of_contact(
        "select id from activities where workspace_id = $1 and contact_id = $2 and kind = 'lead.follow_up' limit 1",
        whom,
    )
    .optional(&mut *tx)
    .await?;
    let has_follow_ups = followed.is_some() || leads.iter().any(|lead| lead.follow_up_at.is_some());
    let since: Vec<Report> = query(
        "select id, kind, day, time_zone, name, file, bytes, sha256, leads, made_at from reports
         where workspace_id = $1 and made_at >= $2 order by day",
    )
    .bind(whom.workspace_id)
    .bind(first)
    .all(tx)
    .await?;
    let names = |report: &Report| {
        let is_of_its_day =
            |lead: &Lead| report.local_day().is_none_or(|day| (day.begins()..day.ends()).contains(&lead.created_at));
        has_follow_ups || leads.iter().any(is_of_its_day)
    };
    Ok(since.into_iter().filter(names).collect())
}

/// Removes the leads, and the reports that name them: a report of any day can be made again.
async fn erase(tx: &mut Tx, whom: &Whom) -> std::result::Result<Vec<Key>, ContactError> {
    let leads = leads(&mut *tx, whom).await?;
    forget_about(&mut *tx, whom.workspace_id, links(&leads)).await?;
    let mut files = Vec::new();
    for report in reports(&mut *tx, whom, &leads).await? {
        query("delete from reports where workspace_id = $1 and id = $2")
            .bind(whom.workspace_id)
            .bind(report.id)
            .execute(&mut *tx)
            .await?;
        files.extend(report.key(whom.workspace_id));
    }
    for sql in [
        "delete from lead_images where workspace_id = $1 and lead_id in
           (select id from leads where workspace_id = $1 and contact_id = $2)",
        "delete from lead_notes where workspace_id = $1 and lead_id in
           (select id from leads where workspace_id = $1 and contact_id = $2)",
        "delete from leads where workspace_id = $1 and contact_id = $2",
    ] {
        of_contact(sql, whom).execute(&mut *tx).await?;
    }
    Ok(files)
}

/// Those of the files that a report still has.
#[boxed]
pub async fn report_files(db: &Db, workspace_id: Uuid, files: Vec<String>) -> Result<Vec<String>> {
    let mut tx = db.begin().await?;
    let found: Vec<(String,)> = Bulk::new(
        "select r.file from {rows} join reports as r on r.workspace_id = rows.workspace_id and r.file = rows.file
         where r.workspace_id = rows.workspace_id",
    )
    .column("workspace_id", files.iter().map(|_| workspace_id).collect())
    .column("file", files.into_iter().collect())
    .all(&mut tx)
    .await?;
    Ok(found.into_iter().map(|(file,)| file).collect())
}
