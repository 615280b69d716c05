//! The report of a day as PDF: its numbers with bars, its leads, and the follow-ups that are due at its end.

use std::{
    collections::BTreeMap,
    io::{Seek, Write},
};

use chrono::{DateTime, Datelike, Utc};
use herald_base::money;
use herald_imaging::paper::{Bar, Cell, Column, Paper, Part};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    LocalDay, MOST_ON_PAPER, ReportError,
    plain::{Fonts, Pages},
    rows::{self, ReportRow},
    totals::{Total, Totals},
};
use herald_db::{Db, query};

/// The characters of a text that are laid out. A cell of two lines holds fewer.
const MOST_SHOWN: usize = 200;

/// All rows, pages and fonts of a PDF are in memory at once, so a process makes one after the other.
static TURNS: Semaphore = Semaphore::const_new(1);

/// Writes the PDF, and returns the number of the day's leads. Of the same rows it makes the same bytes.
pub(super) async fn write(
    db: &Db,
    workspace_id: Uuid,
    day: LocalDay,
    fonts: Fonts,
    into: std::fs::File,
) -> Result<(i64, std::fs::File), ReportError> {
    let turn = TURNS.acquire().await.expect("it is never closed");
    let name: Option<(String,)> =
        query("select name from workspaces where id = $1").bind(workspace_id).optional(db).await?;
    let (mut totals, mut leads, mut due) = (Totals::default(), Vec::new(), Vec::new());
    let mut pages = Pages::of(rows::Part::Made(day.begins(), day.ends()));
    while let Some(rows) = pages.next(db, workspace_id).await? {
        for row in rows {
            totals.add(&row);
            leads.push(cells(&row, made(&row, day)));
        }
        room(leads.len())?;
    }
    let mut pages = Pages::of(rows::Part::Due(day.ends()));
    while let Some(rows) = pages.next(db, workspace_id).await? {
        due.extend(rows.into_iter().map(|row| cells(&row, followed_up(&row, day))));
        room(leads.len() + due.len())?;
    }
    let count = i64::try_from(leads.len()).unwrap_or(i64::MAX);
    let paper = paper(name.map(|(name,)| name).unwrap_or_default(), day, &totals, (leads, due));
    // Texts are shaped and fonts are embedded, which takes a while.
    let drawn = tokio::task::spawn_blocking(move || {
        // Whoever asked may have gone, and the pages are drawn to their end all the same.
        let _turn = turn;
        let pdf = paper.draw(&fonts())?;
        let mut into = into;
        into.write_all(&pdf)?;
        into.rewind()?;
        Ok::<_, ReportError>(into)
    });
    let into = drawn.await.map_err(std::io::Error::other)??;
    Ok((count, into))
}

fn room(rows: usize) -> Result<(), ReportError> {
    if rows > MOST_ON_PAPER { Err(ReportError::TooMany(rows)) } else { Ok(()) }
}

fn paper(workspace: String, day: LocalDay, totals: &Totals, (leads, due): (Vec<Vec<Cell>>, Vec<Vec<Cell>>)) -> Paper {
    let title = format!("Leads of {}", day.day.format("%-d %B %Y"));
    let number = |number: usize, one: &str, more: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{} {more}", money::show(i64::try_from(number).unwrap_or(i64::MAX), 0)),
    };
    let subtitle = [
        workspace.clone(),
        number(leads.len(), "new lead", "new leads"),
        number(due.len(), "follow-up due", "follow-ups due"),
        format!("times of {}", day.zone.name()),
    ];
    let short = |number: u32| u8::try_from(number).unwrap_or(1);
    let mut parts = Vec::new();
    for (heading, of) in [("By status", &totals.status), ("By source", &totals.source), ("By owner", &totals.owner)] {
        if !of.is_empty() {
            parts.push(Part::Bars { heading: heading.to_owned(), bars: bars(of) });
        }
    }
    let table = |heading: &str, time, rows, empty: &str| Part::Table {
        heading: heading.to_owned(),
        columns: columns(time),
        rows,
        empty: empty.to_owned(),
    };
    parts.push(table("Leads of the day", "Time", leads, "No lead was made on this day."));
    parts.push(table("Follow-ups due", "Due", due, "No follow-up is due."));
    Paper {
        foot: format!("{workspace} · {title}"),
        title,
        subtitle: subtitle.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · "),
        made: (u16::try_from(day.day.year()).unwrap_or(1970), short(day.day.month()), short(day.day.day())),
        parts,
    }
}

fn columns(time: &'static str) -> Vec<Column> {
    let column = |heading, share, is_number| Column { heading, share, is_number };
    vec![
        column(time, 50.0, false),
        column("Name", 138.0, false),
        column("Need", 118.0, false),
        column("Status", 64.0, false),
        column("Value", 58.0, true),
        column("Owner", 74.0, false),
    ]
}

/// The largest first.
fn bars(totals: &BTreeMap<String, Total>) -> Vec<Bar> {
    let bar = |(label, total): (&String, &Total)| {
        let values = total.values.iter().map(|(currency, value)| amount(*value, currency));
        Bar {
            label: shown(label).to_owned(),
            count: u64::try_from(total.leads).unwrap_or(0),
            remark: values.collect::<Vec<_>>().join(" · "),
        }
    };
    let mut bars: Vec<Bar> = totals.iter().map(bar).collect();
    bars.sort_by_key(|bar| std::cmp::Reverse(bar.count));
    bars
}

fn amount(minor: i64, currency: &str) -> String {
    format!("{} {currency}", money::show(minor, money::digits(currency).unwrap_or(2)))
}

/// The part of a text that is laid out: of a long one even the measuring takes a while.
fn shown(text: &str) -> &str {
    text.char_indices().nth(MOST_SHOWN).map_or(text, |(end, _)| &text[..end])
}

/// The time of a lead of the day.
fn made(row: &ReportRow, day: LocalDay) -> Cell {
    Cell::of(row.created_at.with_timezone(&day.zone).format("%H:%M").to_string())
}

/// The day and the time of a follow-up.
fn followed_up(row: &ReportRow, day: LocalDay) -> Cell {
    let at: DateTime<Utc> = row.follow_up_at.unwrap_or(row.created_at);
    let local = at.with_timezone(&day.zone);
    Cell::with(local.format("%Y-%m-%d").to_string(), local.format("%H:%M").to_string())
}

fn cells(row: &ReportRow, time: Cell) -> Vec<Cell> {
    let ways: Vec<&str> = [row.email.as_deref(), row.phone.as_deref()].into_iter().flatten().collect();
    let value = match (row.value_minor, &row.currency) {
        (Some(minor), Some(currency)) => {
            Cell::with(money::show(minor, money::digits(currency).unwrap_or(2)), currency.as_str())
        }
        (Some(minor), None) => Cell::of(money::show(minor, 2)),
        (None, _) => Cell::default(),
    };
    vec![
        time,
        Cell::with(shown(&row.name), shown(&ways.join(" · "))),
        Cell::of(shown(&row.need)),
        Cell::with(shown(&row.status), shown(row.source.as_deref().unwrap_or_default())),
        value,
        owner(row.owner.as_deref().unwrap_or_default()),
    ]
}

/// An address in two lines: it breaks before its sign.
fn owner(email: &str) -> Cell {
    let email = shown(email);
    email.split_once('@').map_or_else(|| Cell::of(email), |(name, host)| Cell::with(name, format!("@{host}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_the_beginning_is_laid_out() {
        assert_eq!(shown("é"), "é");
        let long = "é".repeat(MOST_SHOWN + 1);
        assert_eq!(shown(&long), "é".repeat(MOST_SHOWN));
    }
}
