//! `herald report`: writes the report of a day into a file.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, anyhow};
use herald_imaging::fonts::FontLibrary;
use herald_leads::{LocalDay, write_report};

use crate::{
    args::{Common, DailyLeads, Report},
    home,
};

pub(crate) async fn run(common: &Common, report: Report) -> anyhow::Result<ExitCode> {
    let Report::DailyLeads(DailyLeads { day, time_zone, format, out }) = report;
    let zone = time_zone
        .parse()
        .map_err(|_| anyhow!("{time_zone:?} is not a time zone: write an IANA name such as Europe/Madrid"))?;
    let format = format.parse().map_err(anyhow::Error::msg)?;
    let folders = home::settings(common)?.images.font_folders;
    let fonts = Box::new(move || FontLibrary::with_system(&folders));
    let db = home::ledger(common).await?;
    let workspace = herald_people::ensure_default_workspace(&db).await?;
    let now = db.now();
    let day = LocalDay::named(&day, zone, now).map_err(anyhow::Error::msg)?;
    let name = day.report_name(now).replace(".xlsx", &format!(".{format}"));
    let path = out.unwrap_or_else(|| PathBuf::from(name));
    let file = std::fs::File::options().read(true).write(true).create(true).truncate(true).open(&path);
    let file = file.with_context(|| format!("writing {}", path.display()))?;
    let (leads, _) = write_report(&db, workspace, day, format, fonts, file).await?;
    db.close().await;
    say(&format!("{}: {leads} leads of {}", path.display(), day.day));
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}
