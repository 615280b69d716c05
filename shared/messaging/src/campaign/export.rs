//! Every campaign with its counts, as CSV, a line each, or as a table on pages.

use std::io::{Seek, Write};

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use chrono_tz::Tz;
use herald_base::{boxed, money};
use herald_imaging::{
    fonts::FontLibrary,
    paper::{Cell, Column, Paper, PaperError, Part},
};
use herald_sheets::CsvExport;
use thiserror::Error;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{Campaign, CampaignCounts, CampaignFilter, counts_of, list_campaigns};
use crate::tracking::touches_of;
use herald_db::{Db, DbError};

/// The campaigns that are read together.
const PAGE: usize = 500;
/// The campaigns of a PDF, which is some 300 pages.
const MOST_ON_PAPER: usize = 10_000;
/// The characters of a name that are laid out. A cell of two lines holds fewer.
const MOST_SHOWN: usize = 200;

/// All rows, pages and fonts of a PDF are in memory at once, so a process makes one after the other.
static TURNS: Semaphore = Semaphore::const_new(1);

herald_base::text_enum! {
    /// The form of an export.
    pub enum CampaignExport, "campaigns are not exported as {:?}" {
        /// A line each.
        Csv "csv",
        /// A table on pages.
        Pdf "pdf",
    }
}

impl CampaignExport {
    /// The media type of the file.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Pdf => "application/pdf",
        }
    }
}

/// Why campaigns were not exported.
#[derive(Debug, Error)]
pub enum CampaignExportError {
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The file cannot be written.
    #[error("the export cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// The PDF cannot be drawn.
    #[error(transparent)]
    Paper(#[from] PaperError),
    /// A PDF is for people.
    #[error("{0} campaigns are too many for a PDF, which has at most {MOST_ON_PAPER}: take csv")]
    TooMany(usize),
}

/// Finds the machine's fonts. It is asked on a thread that may read files.
pub type Fonts = Box<dyn FnOnce() -> FontLibrary + Send>;

const HEAD: [&str; 17] = [
    "id",
    "name",
    "channel",
    "state",
    "send_at",
    "time_zone",
    "started_at",
    "finished_at",
    "messages",
    "pending",
    "sent",
    "delivered",
    "failed",
    "suppressed",
    "unknown",
    "opened",
    "clicked",
];

/// Writes the campaigns of a workspace with its name, the newest first. Its memory does not grow with them, except for
/// a PDF, which is drawn at once. Only a PDF needs fonts.
///
/// # Errors
/// [`CampaignExportError`].
#[boxed]
pub async fn export_campaigns(
    db: &Db,
    workspace_id: Uuid,
    workspace: String,
    format: CampaignExport,
    fonts: Fonts,
    into: std::fs::File,
) -> Result<std::fs::File, CampaignExportError> {
    let mut pages = Pages { before: None, is_over: false };
    match format {
        CampaignExport::Csv => {
            let mut table = CsvExport::new(std::io::BufWriter::new(into), HEAD)?;
            while let Some(page) = pages.next(db, workspace_id).await? {
                let ids = page.iter().map(|(campaign, _)| campaign.id).collect();
                let touched = touches_of(db, workspace_id, ids).await?;
                for (campaign, counts) in page {
                    let touches = touched.get(&campaign.id).copied().unwrap_or_default();
                    table.row(line(campaign, counts, touches))?;
                }
            }
            let mut into = table.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            into.rewind()?;
            Ok(into)
        }
        CampaignExport::Pdf => {
            let turn = TURNS.acquire().await.expect("it is never closed");
            let mut rows = Vec::new();
            while let Some(page) = pages.next(db, workspace_id).await? {
                rows.extend(page.into_iter().map(|(campaign, counts)| cells(campaign, counts)));
                if rows.len() > MOST_ON_PAPER {
                    return Err(CampaignExportError::TooMany(rows.len()));
                }
            }
            let paper = paper(workspace, rows, db.now());
            // Texts are shaped and fonts are embedded, which takes a while.
            let drawn = tokio::task::spawn_blocking(move || {
                // Whoever asked may have gone, and the pages are drawn to their end all the same.
                let _turn = turn;
                let pdf = paper.draw(&fonts())?;
                let mut into = into;
                into.write_all(&pdf)?;
                into.rewind()?;
                Ok(into)
            });
            drawn.await.map_err(std::io::Error::other)?
        }
    }
}

/// The pages of the list, one after the other.
struct Pages {
    before: Option<Uuid>,
    is_over: bool,
}

impl Pages {
    async fn next(&mut self, db: &Db, workspace_id: Uuid) -> Result<Option<Vec<(Campaign, CampaignCounts)>>, DbError> {
        if self.is_over {
            return Ok(None);
        }
        let found = list_campaigns(db, workspace_id, &CampaignFilter::default(), self.before, PAGE).await?;
        self.is_over = found.len() < PAGE;
        self.before = found.last().map(|campaign| campaign.id).or(self.before);
        let mut counts = counts_of(db, workspace_id, found.iter().map(|campaign| campaign.id).collect()).await?;
        let with_counts = found.into_iter().map(|campaign| {
            let counts = counts.remove(&campaign.id).unwrap_or_default();
            (campaign, counts)
        });
        Ok(Some(with_counts.collect()))
    }
}

fn line(campaign: Campaign, counts: CampaignCounts, (opens, clicks): (i64, i64)) -> [String; 17] {
    let time =
        |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default();
    [
        campaign.id.to_string(),
        campaign.name,
        campaign.channel.to_string(),
        campaign.state.to_string(),
        time(campaign.send_at),
        campaign.settings.0.time_zone,
        time(campaign.started_at),
        time(campaign.finished_at),
        counts.planned.to_string(),
        counts.open().to_string(),
        counts.handed_over().to_string(),
        counts.delivered.to_string(),
        counts.failed.to_string(),
        counts.suppressed.to_string(),
        counts.unknown.to_string(),
        opens.to_string(),
        clicks.to_string(),
    ]
}

fn paper(workspace: String, rows: Vec<Vec<Cell>>, now: DateTime<Utc>) -> Paper {
    let title = "Campaigns";
    let number = match rows.len() {
        1 => "1 campaign".to_owned(),
        number => format!("{} campaigns", money::show(i64::try_from(number).unwrap_or(i64::MAX), 0)),
    };
    let subtitle = [workspace.clone(), number, now.format("%-d %B %Y").to_string()];
    let short = |number: u32| u8::try_from(number).unwrap_or(1);
    let column = |heading, share, is_number| Column { heading, share, is_number };
    Paper {
        title: title.to_owned(),
        subtitle: subtitle.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · "),
        foot: format!("{workspace} · {title}"),
        made: (u16::try_from(now.year()).unwrap_or(1970), short(now.month()), short(now.day())),
        parts: vec![Part::Table {
            heading: String::new(),
            columns: vec![
                column("Name", 170.0, false),
                column("State", 82.0, false),
                column("Messages", 50.0, true),
                column("Sent", 50.0, true),
                column("Delivered", 50.0, true),
                column("Failed", 50.0, true),
                column("Left out", 50.0, true),
            ],
            rows,
            empty: "There are no campaigns.".to_owned(),
        }],
    }
}

fn cells(campaign: Campaign, counts: CampaignCounts) -> Vec<Cell> {
    let zone: Tz = campaign.settings.0.time_zone.parse().unwrap_or(Tz::UTC);
    let at = campaign.finished_at.or(campaign.started_at).or(campaign.send_at).unwrap_or(campaign.updated_at);
    let number = |number: i64| Cell::of(money::show(number, 0));
    vec![
        Cell::with(shown(&campaign.name), campaign.channel.as_str()),
        Cell::with(
            campaign.state.as_str().replace('_', " "),
            at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string(),
        ),
        number(counts.planned),
        number(counts.handed_over()),
        number(counts.delivered),
        // What may have been sent or not stands below what was not.
        match counts.unknown {
            0 => number(counts.failed),
            unknown => Cell::with(money::show(counts.failed, 0), format!("{} unknown", money::show(unknown, 0))),
        },
        number(counts.suppressed),
    ]
}

/// The part of a text that is laid out: of a long one even the measuring takes a while.
fn shown(text: &str) -> &str {
    text.char_indices().nth(MOST_SHOWN).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_name_the_beginning_is_laid_out() {
        assert_eq!(shown("é"), "é");
        assert_eq!(shown(&"é".repeat(MOST_SHOWN + 1)), "é".repeat(MOST_SHOWN));
    }
}
