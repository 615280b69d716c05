//! The opened data folder: settings, database, file store and keys, which every command needs.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, bail};
use chrono::TimeDelta;
use herald_accounts::Clients;
use herald_app::config::{EnvironmentKind, Log, Settings};
use herald_base::{
    clock::Clock,
    data_folder::{DataFolder, kept_link_key},
    ids::Ids,
    links::LinkSigner,
    telemetry,
};
use herald_db::{Db, DbConfig};
use herald_invitations as domain;
use herald_invitations::sweep::sweep;
use herald_ledger as ledger;
use herald_people as people;
use herald_people::People;
use herald_providers::files::Files;
use uuid::Uuid;

use crate::{accounts, args::Common};

/// The resources that are open while a command runs.
pub(crate) struct Home {
    pub(crate) settings: Arc<Settings>,
    pub(crate) folder: DataFolder,
    pub(crate) db: Db,
    pub(crate) files: Files,
    pub(crate) links: LinkSigner,
    pub(crate) accounts: Clients,
    pub(crate) people: People,
    pub(crate) workspace_id: Uuid,
}

/// Reads the settings of a command.
pub(crate) fn settings(common: &Common) -> anyhow::Result<Settings> {
    let in_folder = common.data.join("herald.toml");
    let file: Option<PathBuf> = common.config.clone().or_else(|| in_folder.exists().then_some(in_folder));
    Ok(Settings::load(file.as_deref())?)
}

/// The log settings of a command with its own progress: the log contains only what the progress does not show.
pub(crate) fn quiet(settings: &Settings, common: &Common) -> Log {
    let level = if common.verbose {
        "info,herald_worker=debug"
    } else {
        "warn,herald_worker::runner::settle=off,herald_scheduler=error,herald_ledger::commit=error,\
         herald_worker::runner::committer=error"
    };
    Log { level: level.to_owned(), ..settings.log.clone() }
}

/// Returns the database that the settings name.
pub(crate) fn database(settings: &Settings, data: &std::path::Path) -> DbConfig {
    if settings.database.url.is_empty() {
        DbConfig::Sqlite { path: data.join("herald.db") }
    } else {
        DbConfig::Postgres { url: settings.database.url.clone(), max_connections: settings.database.max_connections }
    }
}

/// Opens a database. For a damaged one, the error names its file and the cure.
pub(crate) async fn open_database(config: &DbConfig, clock: Clock, ids: Ids) -> anyhow::Result<Db> {
    Db::connect(config, clock, ids).await.map_err(|error| match config {
        DbConfig::Sqlite { path } if error.is_damaged() => anyhow::anyhow!(
            "the database {} is damaged ({error}): restore it from a backup, or let `sqlite3 {} .recover` write the \
             rest of it to a new database",
            path.display(),
            path.display()
        ),
        _ => anyhow::Error::from(error).context("opening the database"),
    })
}

/// Opens the ledger of a data folder or a fleet, for a command that works beside running processes.
pub(crate) async fn ledger(common: &Common) -> anyhow::Result<Db> {
    let settings = settings(common)?;
    if settings.database.url.is_empty() && !common.data.join("herald.db").exists() {
        anyhow::bail!("{} does not contain herald.db: name the data folder with --data", common.data.display());
    }
    let db = open_database(&database(&settings, &common.data), Clock::system(), Ids::random()).await?;
    db.migrate().await.context("bringing the database up to this version")?;
    // Acts are sealed with an existing key. No key is created here, because other processes would not have it.
    if !settings.secrets.keys()?.is_empty() || common.data.join("secrets.key").exists() {
        let (vault, _) = accounts::vault(&settings, &common.data, db.ids())?;
        db.seal_with(vault.sealer());
    }
    Ok(db)
}

/// Returns the signer of links, with the key of the settings, or else of the data folder. A lost key is not silently
/// replaced.
pub(crate) async fn signer(settings: &Settings, folder: &DataFolder, db: &Db) -> anyhow::Result<LinkSigner> {
    if settings.links.key.is_empty() && !folder.has_link_key() && domain::has_links(db).await? {
        bail!(
            "{} is missing, the key that signed every link sent so far: restore it from a backup, or set links.key. \
             If the key is lost, those links no longer work: `herald migrate --accept-link-key` makes a new key, and \
             --refresh makes invitations with new links",
            folder.root().join("link.key").display()
        );
    }
    new_signer(settings, folder, db.ids())
}

/// Returns the signer of links for a command that works beside running processes. It creates no key.
pub(crate) fn signer_beside(settings: &Settings, common: &Common, ids: &Ids) -> anyhow::Result<LinkSigner> {
    let mut keys = settings.links.keys()?;
    if keys.is_empty() {
        keys.extend(kept_link_key(&common.data, ids)?);
    }
    if keys.is_empty() {
        bail!("{} has no link.key, and links.key is not set: name the data folder with --data", common.data.display());
    }
    let signing = keys.remove(0);
    let lifetime = TimeDelta::days(i64::from(settings.links.lifetime_days));
    Ok(LinkSigner::new(&settings.http.public_url, signing, lifetime).opening(keys))
}

/// Like [`signer`], but creates a missing key.
pub(crate) fn new_signer(settings: &Settings, folder: &DataFolder, ids: &Ids) -> anyhow::Result<LinkSigner> {
    let mut keys = settings.links.keys()?;
    if keys.is_empty() {
        keys.push(folder.link_key(ids)?);
    }
    let signing = keys.remove(0);
    let lifetime = TimeDelta::days(i64::from(settings.links.lifetime_days));
    let signer = LinkSigner::new(&settings.http.public_url, signing, lifetime);
    Ok(signer.tracked_at(&settings.http.tracking_url).opening(keys))
}

/// Refuses a new database beside existing files: the old database was lost, and every published link would be dead.
pub(crate) async fn check_not_emptied(db: &Db, files: &Files, database: &DbConfig) -> anyhow::Result<()> {
    // The files come first: a process that starts at the same time stores its key before it writes a file.
    if !domain::is_new(db).await? || files.is_empty().await? || !domain::is_new(db).await? {
        return Ok(());
    }
    let database = match database {
        DbConfig::Sqlite { path } => path.display().to_string(),
        DbConfig::Postgres { .. } => "of the setting database.url".to_owned(),
    };
    bail!(
        "the database {database} is empty, but {} contains files of invitations: restore the database from a backup. \
         To start afresh, use another folder with --data (and another files.url, if it is set)",
        files.place("")
    )
}

/// Production must not send guests to an address that only this machine can open.
pub(crate) fn check_public_url(settings: &Settings) -> anyhow::Result<()> {
    if settings.environment == EnvironmentKind::Production && settings.http.public_url.contains("//127.0.0.1") {
        anyhow::bail!(
            "the setting http.public_url is {}, which guests cannot open: set it to the address by which guests \
             reach this machine",
            settings.http.public_url
        );
    }
    Ok(())
}

impl Home {
    /// Opens the data folder together with the other processes of a fleet. It does not clean up after a killed process:
    /// the fleet is still working, and its leases bring lost jobs back.
    pub(crate) async fn share(common: &Common, settings: Settings) -> anyhow::Result<Self> {
        check_public_url(&settings)?;
        Self::inside(DataFolder::share(&common.data)?, common, settings, Clock::steady()).await
    }

    /// Opens the data folder for this process alone, and cleans up after a killed process.
    pub(crate) async fn open(common: &Common, settings: Settings) -> anyhow::Result<Self> {
        let home = Self::inside(DataFolder::open(&common.data)?, common, settings, Clock::system()).await?;
        home.move_files().await?;
        if home.folder.was_killed() {
            let unfinished = home.files.remove_unfinished(None).await?;
            let unowned = sweep(&home.db, &home.files).await.context("removing files without an owner")?;
            tracing::info!(unfinished, unowned, "the last run was killed: its loose files are removed");
        }
        if home.settings.database.url.is_empty() {
            // The folder belongs to this process alone, so the process that held these jobs has ended.
            herald_scheduler::rescue_all(&home.db).await.context("recovering the jobs of the last run")?;
        }
        Ok(home)
    }

    /// Moves the files of earlier versions to their present places.
    pub(crate) async fn move_files(&self) -> anyhow::Result<()> {
        // The lock of the folder then covers everything: the files and the database lie in the folder.
        let alone = self.folder.is_alone() && self.files.is_local() && self.settings.database.url.is_empty();
        move_files(&self.db, &self.files, alone).await
    }

    /// Opens everything that belongs to a folder, and migrates its database to this version.
    async fn inside(folder: DataFolder, common: &Common, settings: Settings, clock: Clock) -> anyhow::Result<Self> {
        let config = database(&settings, &common.data);
        let db = open_database(&config, clock, Ids::random()).await?;
        db.migrate().await.context("bringing the database up to this version")?;
        let files = Files::open(&settings.files, folder.files())?;
        if !files.is_local() {
            // A problem is reported now rather than by the first guest's job.
            files.probe(b".").await.context("opening the file store")?;
        }
        check_not_emptied(&db, &files, &config).await?;
        let links = signer(&settings, &folder, &db).await?;
        domain::check_link_key(&db, &links).await?;
        people::rekey(&db).await?;
        let workspace_id = herald_people::ensure_default_workspace(&db).await?;
        ledger::set_up_outside(&db).await?;
        let (vault, with) = accounts::vault(&settings, folder.root(), db.ids())?;
        tracing::info!("credentials of connections are sealed {with}");
        let accounts = Clients::new(&db, vault, &settings)?;
        let people = People::from_settings(&db, &accounts, &settings)?;
        people.schedule_crm().await.context("creating the schedules of the CRM sync")?;
        let settings = Arc::new(settings);
        Ok(Self { settings, folder, db, files, links, accounts, people, workspace_id })
    }

    /// Returns the key that hides accounts in the counts of requests. It is the same for all processes of a fleet, like
    /// the link key.
    pub(crate) fn limits_key(&self) -> [u8; 32] {
        self.links.key_for("rate limits")
    }

    /// Closes the folder properly.
    pub(crate) async fn close(self) {
        self.db.close().await;
        self.folder.close();
    }
}

/// Moves the files of earlier versions to their present places, and logs the result.
pub(crate) async fn move_files(db: &Db, files: &Files, alone: bool) -> anyhow::Result<()> {
    if !domain::has_old_files(db).await? {
        return Ok(());
    }
    tracing::info!("files are moved to where they lie from this version on, under their workspaces");
    match domain::move_files(db, files, alone).await {
        Ok(moved) => {
            if moved.restored + moved.redrawn > 0 {
                tracing::warn!(
                    restored = moved.restored,
                    redrawn = moved.redrawn,
                    "invitations of another workspace had been written over these; they are their own guests' again"
                );
            }
            tracing::info!(rows = moved.rows, "the files are moved");
            Ok(())
        }
        // The process continues; the next start tries again.
        Err(error @ domain::MoveError::Empty(_)) => {
            tracing::error!("{error}");
            Ok(())
        }
        Err(error) => Err(error).context("moving the files to the folders of this version; start again to continue"),
    }
}

/// Starts logging for a command.
pub(crate) fn start_logging(log: &Log) -> anyhow::Result<()> {
    Ok(telemetry::start_logging(log)?)
}
