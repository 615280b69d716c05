//! The report of a day in the other forms: as CSV, a line a lead; as JSON, with its follow-ups; and as PDF.

use std::io::{Seek, Write};

use herald_base::{boxed, money};
use herald_imaging::fonts::FontLibrary;
use herald_sheets::CsvExport;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    LocalDay, ReportError,
    rows::{PAGE, Part, ReportRow, page},
};
use herald_db::Db;

herald_base::text_enum! {
    /// The form of a report.
    pub enum ReportFormat, "a report has no format {:?}" {
        /// An Excel workbook with leads, follow-ups and totals.
        Xlsx "xlsx",
        /// The leads, a line each.
        Csv "csv",
        /// The leads and the follow-ups.
        Json "json",
        /// The numbers, the leads and the follow-ups on pages.
        Pdf "pdf",
    }
}

impl ReportFormat {
    /// The media type of the file.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Pdf => "application/pdf",
        }
    }
}

/// Finds the machine's fonts. It is asked on a thread that may read files.
pub type Fonts = Box<dyn FnOnce() -> FontLibrary + Send>;

const HEAD: [&str; 10] = ["time", "name", "email", "phone", "need", "status", "value", "currency", "source", "owner"];

/// Writes the report of a day in a form, and returns the number of its leads. Its memory does not grow with them,
/// except for a PDF, which is drawn at once. Only a PDF needs fonts.
///
/// # Errors
/// [`ReportError`].
#[boxed]
pub async fn write_report(
    db: &Db,
    workspace_id: Uuid,
    day: LocalDay,
    format: ReportFormat,
    fonts: Fonts,
    into: std::fs::File,
) -> Result<(i64, std::fs::File), ReportError> {
    match format {
        ReportFormat::Xlsx => super::write_daily_leads(db, workspace_id, day, into).await,
        ReportFormat::Csv => csv(db, workspace_id, day, into).await,
        ReportFormat::Json => json(db, workspace_id, day, into).await,
        ReportFormat::Pdf => super::pdf::write(db, workspace_id, day, fonts, into).await,
    }
}

async fn csv(
    db: &Db,
    workspace_id: Uuid,
    day: LocalDay,
    into: std::fs::File,
) -> Result<(i64, std::fs::File), ReportError> {
    let mut table = CsvExport::new(std::io::BufWriter::new(into), HEAD)?;
    let mut pages = Pages::of(Part::Made(day.begins(), day.ends()));
    let mut leads = 0;
    while let Some(rows) = pages.next(db, workspace_id).await? {
        for row in rows {
            leads += 1;
            let time = row.created_at.with_timezone(&day.zone).to_rfc3339();
            let value = value(&row).unwrap_or_default();
            let text = |text: Option<String>| text.unwrap_or_default();
            table.row([
                time,
                row.name,
                text(row.email),
                text(row.phone),
                row.need,
                row.status,
                value,
                text(row.currency),
                text(row.source),
                text(row.owner),
            ])?;
        }
    }
    let mut into = table.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    into.rewind()?;
    Ok((leads, into))
}

async fn json(
    db: &Db,
    workspace_id: Uuid,
    day: LocalDay,
    into: std::fs::File,
) -> Result<(i64, std::fs::File), ReportError> {
    let mut out = std::io::BufWriter::new(into);
    write!(out, "{{\"day\":{},\"time_zone\":{}", json!(day.day.to_string()), json!(day.zone.name()))?;
    let mut leads = 0;
    for (name, part) in [("leads", Part::Made(day.begins(), day.ends())), ("follow_ups", Part::Due(day.ends()))] {
        write!(out, ",{}:[", json!(name))?;
        let mut pages = Pages::of(part);
        let mut count = 0;
        while let Some(rows) = pages.next(db, workspace_id).await? {
            for row in rows {
                let comma = if count == 0 { "" } else { "," };
                count += 1;
                write!(out, "{comma}{}", object(&row, day))?;
            }
        }
        write!(out, "]")?;
        leads = if name == "leads" { count } else { leads };
    }
    write!(out, "}}")?;
    let mut into = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    into.rewind()?;
    Ok((leads, into))
}

fn object(row: &ReportRow, day: LocalDay) -> Value {
    json!({
        "id": row.id,
        "time": row.created_at.with_timezone(&day.zone).to_rfc3339(),
        "follow_up": row.follow_up_at.map(|at| at.with_timezone(&day.zone).to_rfc3339()),
        "name": row.name,
        "email": row.email,
        "phone": row.phone,
        "need": row.need,
        "status": row.status,
        "value": value(row),
        "currency": row.currency,
        "source": row.source,
        "owner": row.owner,
    })
}

fn value(row: &ReportRow) -> Option<String> {
    let digits = row.currency.as_deref().and_then(money::digits).unwrap_or(2);
    row.value_minor.map(|minor| money::plain(minor, digits))
}

/// The pages of a part, one after the other.
pub(super) struct Pages {
    part: Part,
    after: Option<(chrono::DateTime<chrono::Utc>, Uuid)>,
    is_over: bool,
}

impl Pages {
    pub(super) fn of(part: Part) -> Self {
        Self { part, after: None, is_over: false }
    }

    pub(super) async fn next(&mut self, db: &Db, workspace_id: Uuid) -> Result<Option<Vec<ReportRow>>, ReportError> {
        if self.is_over {
            return Ok(None);
        }
        let rows = page(db, workspace_id, self.part, self.after).await?;
        self.is_over = rows.len() < PAGE;
        self.after = rows.last().map(|row| (row.at, row.id)).or(self.after);
        Ok(Some(rows))
    }
}
