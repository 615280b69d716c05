//! `herald report`: writes the report of a day into a file.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

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
    let writing = || format!("writing {}", path.display());
    let leads = match std::fs::metadata(&path) {
        // A device or a pipe keeps nothing that could be lost, and nothing takes its place.
        Ok(found) if !found.is_file() => {
            let file = std::fs::File::options().read(true).write(true).open(&path).with_context(writing)?;
            write_report(&db, workspace, day, format, fonts, file).await?.0
        }
        _ => {
            let draft = draft(&path).with_context(writing)?;
            let file = draft.as_file().try_clone().with_context(writing)?;
            let (leads, _) = write_report(&db, workspace, day, format, fonts, file).await?;
            // A link goes on leading to the file.
            let place = path.canonicalize().unwrap_or_else(|_| path.clone());
            draft.persist(place).map_err(|error| error.error).with_context(writing)?;
            leads
        }
    };
    db.close().await;
    say(&format!("{}: {leads} leads of {}", path.display(), day.day));
    Ok(ExitCode::SUCCESS)
}

/// A file beside the one that it takes the place of when it is whole. If the report is refused, it goes.
fn draft(path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new();
    // As any new file: what the user's mask leaves.
    #[cfg(unix)]
    draft.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    draft.prefix(".report-").tempfile_in(folder)
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}
