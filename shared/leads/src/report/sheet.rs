//! The workbook of a day: its leads, the follow-ups that are due at its end, and its numbers with a chart.

use std::io::Seek;

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;
use herald_base::{boxed, money};
use rust_xlsxwriter::{
    Chart, ChartType, DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError,
};
use uuid::Uuid;

use super::{
    LocalDay, ReportError,
    rows::{PAGE, Part, ReportRow, page},
    totals::Totals,
};
use herald_db::Db;

/// The columns of the leads and of the follow-ups: heading and width in characters.
const COLUMNS: [(&str, f64); 10] = [
    ("Time", 17.0),
    ("Name", 26.0),
    ("E-mail", 28.0),
    ("Phone", 17.0),
    ("Need", 42.0),
    ("Status", 14.0),
    ("Value", 14.0),
    ("Currency", 9.0),
    ("Source", 16.0),
    ("Owner", 26.0),
];
const LEADS: usize = 0;
const DUE: usize = 1;
const TOTALS: usize = 2;

struct Formats {
    heading: Format,
    time: Format,
    /// By the number of digits behind the point.
    amounts: [Format; 5],
}

impl Formats {
    fn new() -> Self {
        let amount = |digits: usize| match digits {
            0 => Format::new().set_num_format("#,##0"),
            _ => Format::new().set_num_format(format!("#,##0.{}", "0".repeat(digits))),
        };
        Self {
            heading: Format::new().set_bold().set_align(FormatAlign::Left),
            time: Format::new().set_num_format("yyyy-mm-dd hh:mm"),
            amounts: [amount(0), amount(1), amount(2), amount(3), amount(4)],
        }
    }
}

/// Writes the workbook of a day, and returns the number of its leads. Of the same rows it makes the same bytes. Its
/// memory does not grow with the leads: rows go to temporary files.
///
/// # Errors
/// [`ReportError`].
#[boxed]
pub async fn write_daily_leads(
    db: &Db,
    workspace_id: Uuid,
    day: LocalDay,
    into: std::fs::File,
) -> Result<(i64, std::fs::File), ReportError> {
    let formats = Formats::new();
    let mut book = Workbook::new();
    // Otherwise it would hold the time at which it was made.
    let properties = DocProperties::new().set_title(format!("Leads of {}", day.day)).set_author("Herald");
    book.set_properties(&properties.set_creation_datetime(&excel(day.begins(), Tz::UTC)?));
    for name in ["Leads", "Follow-ups"] {
        head(book.add_worksheet_with_constant_memory()?, name, &formats)?;
    }
    book.add_worksheet().set_name("Totals")?;
    let mut totals = Totals::default();
    let made = Part::Made(day.begins(), day.ends());
    let leads = fill(db, workspace_id, (&mut book, LEADS), made, day.zone, &formats, Some(&mut totals)).await?;
    fill(db, workspace_id, (&mut book, DUE), Part::Due(day.ends()), day.zone, &formats, None).await?;
    numbers(book.worksheet_from_index(TOTALS)?, &totals, &formats)?;
    // Compressing a hundred thousand rows takes a while.
    let saved = tokio::task::spawn_blocking(move || {
        let mut into = into;
        book.save_to_writer(&mut into)?;
        into.rewind().map_err(XlsxError::IoError)?;
        Ok::<_, XlsxError>(into)
    });
    let into = saved.await.map_err(|error| XlsxError::IoError(std::io::Error::other(error)))??;
    Ok((leads, into))
}

fn head(sheet: &mut Worksheet, name: &str, formats: &Formats) -> Result<(), XlsxError> {
    sheet.set_name(name)?;
    for (column, (heading, width)) in (0..).zip(COLUMNS) {
        sheet.set_column_width(column, width)?;
        sheet.write_string_with_format(0, column, heading, &formats.heading)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    Ok(())
}

/// Writes the rows of a part below the headings, and returns how many.
async fn fill(
    db: &Db,
    workspace_id: Uuid,
    (book, index): (&mut Workbook, usize),
    part: Part,
    zone: Tz,
    formats: &Formats,
    mut totals: Option<&mut Totals>,
) -> Result<i64, ReportError> {
    let (mut row, mut after) = (0_u32, None);
    loop {
        let rows = page(db, workspace_id, part, after).await?;
        let sheet = book.worksheet_from_index(index)?;
        for lead in &rows {
            row += 1;
            let at = if index == DUE { lead.follow_up_at.unwrap_or(lead.created_at) } else { lead.created_at };
            line(sheet, row, at, lead, zone, formats)?;
            if let Some(totals) = &mut totals {
                totals.add(lead);
            }
        }
        match rows.last().filter(|_| rows.len() == PAGE) {
            Some(last) => after = Some((last.at, last.id)),
            None => break,
        }
    }
    let last = u16::try_from(COLUMNS.len() - 1).unwrap_or_default();
    book.worksheet_from_index(index)?.autofilter(0, 0, row.max(1), last)?;
    Ok(i64::from(row))
}

/// One lead. Texts are written as texts, so that no program takes one for a formula.
fn line(
    sheet: &mut Worksheet,
    row: u32,
    at: DateTime<Utc>,
    lead: &ReportRow,
    zone: Tz,
    formats: &Formats,
) -> Result<(), XlsxError> {
    sheet.write_datetime_with_format(row, 0, &excel(at, zone)?, &formats.time)?;
    let texts = [
        (1, Some(lead.name.as_str())),
        (2, lead.email.as_deref()),
        (3, lead.phone.as_deref()),
        (4, Some(lead.need.as_str())),
        (5, Some(lead.status.as_str())),
        (7, lead.currency.as_deref()),
        (8, lead.source.as_deref()),
        (9, lead.owner.as_deref()),
    ];
    for (column, text) in texts {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            sheet.write_string(row, column, text)?;
        }
    }
    if let Some(value) = lead.value_minor {
        amount(sheet, (row, 6), value, lead.currency.as_deref(), formats)?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a cell holds no more than fifteen digits")]
fn amount(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    minor: i64,
    currency: Option<&str>,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let digits = currency.and_then(money::digits).unwrap_or(2);
    let value = minor as f64 / 10_f64.powi(i32::try_from(digits).unwrap_or(2));
    let format = &formats.amounts[usize::try_from(digits).unwrap_or(2).min(4)];
    sheet.write_number_with_format(row, column, value, format)?;
    Ok(())
}

/// A moment by the clocks of a zone. Workbooks know no zones.
fn excel(at: DateTime<Utc>, zone: Tz) -> Result<ExcelDateTime, XlsxError> {
    let local = at.with_timezone(&zone);
    let part = |number: u32| u8::try_from(number).unwrap_or_default();
    let year = u16::try_from(local.year()).unwrap_or(1900).clamp(1900, 9999);
    let hour = u16::try_from(local.hour()).unwrap_or_default();
    ExcelDateTime::from_ymd(year, part(local.month()), part(local.day()))?.and_hms(
        hour,
        part(local.minute()),
        f64::from(local.second()),
    )
}

/// The numbers by status, source and owner, and a chart of the first.
fn numbers(sheet: &mut Worksheet, totals: &Totals, formats: &Formats) -> Result<(), XlsxError> {
    for (column, width) in [(0, 26.0), (1, 10.0), (2, 16.0), (3, 10.0)] {
        sheet.set_column_width(column, width)?;
    }
    let mut row = 0;
    for (name, of) in [("Status", &totals.status), ("Source", &totals.source), ("Owner", &totals.owner)] {
        for (column, heading) in (0..).zip([name, "Leads", "Value", "Currency"]) {
            sheet.write_string_with_format(row, column, heading, &formats.heading)?;
        }
        let first = row + 1;
        for (what, total) in of {
            row += 1;
            sheet.write_string(row, 0, what)?;
            sheet.write_number_with_format(
                row,
                1,
                u32::try_from(total.leads).unwrap_or(u32::MAX),
                &formats.amounts[0],
            )?;
            for (number, (currency, value)) in total.values.iter().enumerate() {
                // A second currency has a line of its own.
                if number > 0 {
                    row += 1;
                }
                amount(sheet, (row, 2), *value, Some(currency), formats)?;
                sheet.write_string(row, 3, currency)?;
            }
        }
        if name == "Status" && !of.is_empty() {
            let mut chart = Chart::new(ChartType::Bar);
            let series = chart.add_series();
            series.set_categories(("Totals", first, 0, row, 0)).set_values(("Totals", first, 1, row, 1));
            chart.title().set_name("Leads by status");
            chart.legend().set_hidden();
            sheet.insert_chart(0, 5, &chart)?;
        }
        row += 2;
    }
    Ok(())
}
