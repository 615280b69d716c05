//! `report.daily_leads`: writes the workbook of a local day's leads, and tells the subscribers of it.
//!
//! Safe to run twice: the workbook of a day lies at one place, and a second one replaces the first. A subscriber is
//! told of a day once, in the transaction that ends the job.

use std::{
    io::{self, Read, Seek},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use herald_app::jobs::ReportDailyLeads;
use herald_leads::{LocalDay, WrittenReport, missing_days, note_report, report_key, report_news, write_daily_leads};
use herald_ledger::Change;
use herald_notifications::Notify;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

pub(crate) async fn run(context: Arc<Context>, task: Task<ReportDailyLeads>) -> Result<Done, Failure> {
    let zone = task.args.time_zone.as_deref().map(str::trim).filter(|zone| !zone.is_empty()).unwrap_or("UTC");
    let zone: Tz = zone
        .parse()
        .map_err(|_| Failure::Fail(format!("{zone:?} is not a time zone: write an IANA name such as Europe/Madrid")))?;
    // The day of the order, however late it runs.
    let asked_at = task.enqueued_at();
    let day = task.args.day.as_deref().unwrap_or("yesterday");
    let day = LocalDay::named(day, zone, asked_at).map_err(Failure::Fail)?;
    let days = match task.args.tell {
        true => missing_days(&context.db, task.workspace_id, day).await?,
        false => vec![day],
    };
    let (mut result, mut changes) = (Value::Null, Vec::<Change>::new());
    for day in days {
        let (report_id, written) = make(&context, task.workspace_id, day, asked_at).await?;
        if task.args.tell {
            let news = report_news(&context.db, task.workspace_id, day, report_id, written.leads).await?;
            changes.extend(news.into_iter().map(|new| Notify(new).into()));
        }
        let WrittenReport { name, leads, .. } = written;
        result = json!({ "report_id": report_id, "name": name, "day": day.day.to_string(), "leads": leads });
    }
    Ok(Done { result: Some(result), changes, ..Done::default() })
}

/// Makes the report of a day.
async fn make(
    context: &Context,
    workspace_id: Uuid,
    day: LocalDay,
    asked_at: DateTime<Utc>,
) -> Result<(Uuid, WrittenReport), Failure> {
    let draft = tempfile::tempfile()?;
    let (leads, mut draft) = write_daily_leads(&context.db, workspace_id, day, draft).await?;
    let (bytes, sha256) = measured(&mut draft)?;
    let key = report_key(workspace_id, day);
    context.files.put_from(&key, tokio::fs::File::from_std(draft)).await?;
    let written = WrittenReport { name: day.report_name(asked_at), bytes, sha256, leads };
    let id = note_report(&context.db, workspace_id, day, written.clone()).await?;
    Ok((id, written))
}

/// The size of a file and the SHA-256 of its content; then it is at its beginning again.
fn measured(file: &mut std::fs::File) -> io::Result<(i64, String)> {
    let (mut hash, mut bytes, mut part) = (Sha256::new(), 0_i64, vec![0; 64 << 10]);
    loop {
        let read = file.read(&mut part)?;
        if read == 0 {
            break;
        }
        hash.update(&part[..read]);
        bytes += i64::try_from(read).unwrap_or_default();
    }
    file.rewind()?;
    Ok((bytes, hex::encode(hash.finalize())))
}
