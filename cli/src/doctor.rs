//! `herald doctor`: checks whether everything works, and names the cure where it does not.

mod crm;
mod fleet;
mod mail;

use std::{path::PathBuf, process::ExitCode};

use herald_accounts as connections;
use herald_accounts::Clients;
use herald_app::{
    config::{EnvironmentKind, Settings},
    open_files,
};
use herald_base::{
    clock::Clock,
    data_folder::{DataFolder, DataFolderError},
    ids::Ids,
    links::LinkSigner,
    private,
};
use herald_db::Db;
use herald_imaging::{
    fonts::FontLibrary,
    text::{TextStyle, layout},
};
use herald_providers::files::Files;

use crate::{
    accounts,
    args::{Common, Doctor},
    home,
};

/// A script, a sample of it, and the Debian package whose fonts have it.
const SCRIPTS: &[(&str, &str, &str)] = &[
    ("Latin", "Łukasz Ǻsa", "fonts-noto-core"),
    ("Vietnamese", "Nguyễn Thị Ánh", "fonts-noto-core"),
    ("Arabic and Urdu", "محمد عائشہ", "fonts-noto-core"),
    ("Hebrew", "שרה", "fonts-noto-core"),
    ("Devanagari", "अनन्या", "fonts-noto-core"),
    ("Chinese", "王小明", "fonts-noto-cjk"),
    ("Japanese", "田中さくら", "fonts-noto-cjk"),
    ("Korean", "김서연", "fonts-noto-cjk"),
    ("emoji", "🎉", "fonts-noto-color-emoji"),
];

#[derive(Default)]
struct Report {
    failed: bool,
}

impl Report {
    fn ok(&self, text: &str) {
        say(&format!("  ok    {text}"));
    }

    fn warn(&self, text: &str) {
        say(&format!("  note  {text}"));
    }

    fn fail(&mut self, text: &str) {
        self.failed = true;
        say(&format!("  FAIL  {text}"));
    }
}

pub(crate) async fn run(common: &Common, options: &Doctor) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    let settings = match home::settings(common) {
        Ok(settings) => settings,
        Err(error) => {
            report.fail(&format!("{error:#}"));
            return Ok(ExitCode::FAILURE);
        }
    };
    report.ok("the settings can be read");
    let folder = check_folder(&mut report, common, &settings).await;
    let db = check_database(&mut report, common, &settings).await;
    let mut links = None;
    if let (Some(folder), Some(db)) = (&folder, &db) {
        check_not_emptied(&mut report, common, &settings, folder, db).await;
        links = check_links(&mut report, &settings, folder, db).await;
    }
    if let Some(folder) = folder.filter(|folder| !folder.was_killed()) {
        folder.close();
    }
    if !settings.files.url.is_empty() {
        match Files::bucket(&settings.files) {
            Ok(files) => {
                fleet::check_bucket(&mut report, &files, &Ids::random().uuid(Clock::system().now()).to_string()).await
            }
            Err(error) => report.fail(&error.to_string()),
        }
    }
    if fleet::is_meant(&settings) {
        fleet::check_settings(&mut report, &settings);
        if let Some(db) = &db {
            fleet::check_database(&mut report, db).await;
            if let Some(links) = &links {
                fleet::check_link_key(&mut report, db, links).await;
            }
        }
        fleet::check_redis(&mut report, &settings, db.as_ref()).await;
    }
    mail::check(&mut report, common, &settings, options.mail_to.as_deref()).await;
    crm::check(&mut report, &settings).await?;
    check_fonts(&mut report, &settings);
    check_settings(&mut report, &settings);
    check_open_files(&mut report, &settings);
    check_doors(&report, &settings);
    let connected = match &db {
        Some(db) => check_connections(&mut report, common, &settings, db).await?,
        None => false,
    };
    if settings.files.url.is_empty() && !connected {
        report.ok("files go to the data folder, the CRM is Herald's own contacts: no outside account is needed");
    }
    Ok(if report.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Opens the data folder: exclusively, or shared with a fleet's processes.
async fn check_folder(report: &mut Report, common: &Common, settings: &Settings) -> Option<DataFolder> {
    let was_open = private::exposed(&common.data);
    let folder = match DataFolder::open(&common.data) {
        Ok(folder) => folder,
        Err(error @ DataFolderError::InUse { .. }) => {
            let shared = DataFolder::share(&common.data);
            if shared.is_err() {
                report.warn(&error.to_string());
            }
            check_privacy(report, common, &was_open);
            return shared.ok();
        }
        Err(error) => {
            report.fail(&error.to_string());
            return None;
        }
    };
    report.ok(&format!("Herald can use the data folder {}", common.data.display()));
    check_privacy(report, common, &was_open);
    if settings.files.url.is_empty() {
        check_files(report, &folder).await;
    }
    Some(folder)
}

/// No other user of the machine may read lists, pictures and keys.
fn check_privacy(report: &mut Report, common: &Common, was_open: &[PathBuf]) {
    let shown = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let open = private::exposed(&common.data);
    if !open.is_empty() {
        report.fail(&format!(
            "other users of this machine can read {}: close it (chmod -R go= {}), or use a folder of your own with \
             --data",
            shown(&open),
            common.data.display()
        ));
    } else if was_open.is_empty() {
        report.ok("only its owner can read the data folder");
    } else {
        report.warn(&format!(
            "other users of this machine could read {}: Herald has closed it, and now only its owner can",
            shown(was_open)
        ));
    }
}

/// Returns the signer of links.
async fn check_links(report: &mut Report, settings: &Settings, folder: &DataFolder, db: &Db) -> Option<LinkSigner> {
    match home::signer(settings, folder, db).await {
        Ok(signer) => {
            report.ok(if settings.links.key.is_empty() {
                "the link key exists, and only its owner can read it"
            } else {
                "the link key is in the settings"
            });
            Some(signer)
        }
        Err(error) => {
            report.fail(&error.to_string());
            None
        }
    }
}

/// A new database beside existing files means that the old database was lost.
async fn check_not_emptied(report: &mut Report, common: &Common, settings: &Settings, folder: &DataFolder, db: &Db) {
    let Ok(files) = Files::open(&settings.files, folder.files()) else { return };
    if let Err(error) = home::check_not_emptied(db, &files, &home::database(settings, &common.data)).await {
        report.fail(&error.to_string());
    }
}

async fn check_files(report: &mut Report, folder: &DataFolder) {
    match Files::local(folder.files()) {
        Ok(files) => match files.try_out("probe").await {
            Ok(()) => report.ok("Herald can write to the file store"),
            Err(error) => report.fail(&error.to_string()),
        },
        Err(error) => report.fail(&error.to_string()),
    }
}

async fn check_database(report: &mut Report, common: &Common, settings: &Settings) -> Option<Db> {
    let config = home::database(settings, &common.data);
    match home::open_database(&config, Clock::system(), Ids::random()).await {
        Ok(db) => match db.migrate().await {
            Ok(()) => {
                report.ok(&format!("the database ({:?}) answers and is up to date", db.kind()));
                return Some(db);
            }
            Err(error) => report.fail(&format!("the database cannot be brought up to this version: {error}")),
        },
        Err(error) if settings.database.url.is_empty() => {
            report.fail(&format!("the database cannot be opened: {error:#}"));
        }
        Err(error) => report.fail(&format!(
            "the database cannot be opened: {error:#}; check database.url, and that the server runs \
             and lets this machine in"
        )),
    }
    None
}

/// Tests the provider of every connection. Returns true if there are any connections.
async fn check_connections(report: &mut Report, common: &Common, settings: &Settings, db: &Db) -> anyhow::Result<bool> {
    let workspace = herald_people::ensure_default_workspace(db).await?;
    let found = connections::list_connections(db, workspace).await?;
    if found.is_empty() {
        return Ok(false);
    }
    let (vault, _) = accounts::vault(settings, &common.data, db.ids())?;
    let clients = Clients::new(db, vault, settings)?;
    for connection in found {
        match connections::check(&clients, workspace, connection.id, None).await {
            Ok((_, findings)) => {
                for finding in findings {
                    let text = format!("connection {}: {}", connection.name, finding.text);
                    if finding.ok { report.ok(&text) } else { report.fail(&text) }
                }
            }
            Err(error) => report.fail(&format!("connection {}: {error}", connection.name)),
        }
    }
    Ok(true)
}

fn check_fonts(report: &mut Report, settings: &Settings) {
    let fonts = FontLibrary::with_system(&settings.images.font_folders);
    let style = TextStyle::default();
    for (script, word, package) in SCRIPTS {
        if layout(word, &style, 1_000.0, 200.0, &fonts).missing.is_empty() {
            report.ok(&format!("there is a font for {script}"));
        } else {
            report.warn(&format!(
                "no font supports {script}: install the package {package}, or name a folder in images.font_folders"
            ));
        }
    }
}

fn check_open_files(report: &mut Report, settings: &Settings) {
    let (limit, needed) = (open_files::raise(), open_files::needed(settings));
    if limit >= needed {
        report.ok(&format!(
            "the process may open {limit} files and sockets at once, which is enough for http.max_connections"
        ));
    } else {
        report.warn(&format!(
            "the process may open only {limit} files and sockets at once, so Herald accepts {} connections instead \
             of {}: raise the limit to {needed} (LimitNOFILE= of systemd, --ulimit nofile= of Docker), or lower \
             http.max_connections",
            open_files::connections(settings, limit),
            settings.http.max_connections,
        ));
    }
}

fn check_settings(report: &mut Report, settings: &Settings) {
    let local = settings.http.public_url.contains("//127.0.0.1") || settings.http.public_url.contains("//localhost");
    match (local, settings.environment) {
        (true, EnvironmentKind::Production) => {
            report.fail(&format!(
                "http.public_url is {}, which guests cannot open: set it to the address by which \
                 guests reach this machine",
                settings.http.public_url
            ));
        }
        (true, EnvironmentKind::Development) => report.warn(&format!(
            "links and QR codes lead to {}: set http.public_url to the address by which guests reach this machine",
            settings.http.public_url
        )),
        (false, _) => report.ok(&format!("links lead to {}", settings.http.public_url)),
    }
}

/// Reports how far a stranger can get. This is a decision of the operator, so it is reported either way.
fn check_doors(report: &Report, settings: &Settings) {
    let doors = settings.people.doors();
    if settings.people.open_workspaces {
        report.warn(&format!("{doors}: set people.open_workspaces to false to prevent that"));
    } else {
        report.ok(doors);
    }
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}
