//! The opened data folder: settings, database, file store and keys, as every command needs them.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context;
use chrono::TimeDelta;
use herald_shared::{
    clock::Clock,
    config::{EnvironmentKind, Log, Settings},
    connections::Clients,
    data_folder::DataFolder,
    db::{Db, DbConfig},
    domain,
    files::Files,
    ids::Ids,
    ledger,
    links::LinkSigner,
    people::{self, People},
    sweep::sweep,
    telemetry,
};
use uuid::Uuid;

use crate::{accounts, args::Common};

/// Everything that is open while a command runs.
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

/// The settings a command runs with.
pub(crate) fn settings(common: &Common) -> anyhow::Result<Settings> {
    let in_folder = common.data.join("herald.toml");
    let file: Option<PathBuf> = common.config.clone().or_else(|| in_folder.exists().then_some(in_folder));
    Ok(Settings::load(file.as_deref())?)
}

/// What a command that shows its own progress logs: only what it does not show itself.
pub(crate) fn quiet(settings: &Settings, common: &Common) -> Log {
    let level = if common.verbose {
        "info,herald_worker=debug"
    } else {
        "warn,herald_worker::runner::settle=off,herald_scheduler=error,herald_shared::ledger::commit=error"
    };
    Log { level: level.to_owned(), ..settings.log.clone() }
}

/// Which database the settings mean.
pub(crate) fn database(settings: &Settings, data: &std::path::Path) -> DbConfig {
    if settings.database.url.is_empty() {
        DbConfig::Sqlite { path: data.join("herald.db") }
    } else {
        DbConfig::Postgres { url: settings.database.url.clone(), max_connections: settings.database.max_connections }
    }
}

/// The ledger of a data folder or a fleet, for a command that works beside whatever runs.
pub(crate) async fn ledger(common: &Common) -> anyhow::Result<Db> {
    let settings = settings(common)?;
    if settings.database.url.is_empty() && !common.data.join("herald.db").exists() {
        anyhow::bail!("{} holds no herald.db: name the data folder with --data", common.data.display());
    }
    let db = Db::connect(&database(&settings, &common.data), Clock::system(), Ids::random())
        .await
        .context("opening the database")?;
    db.migrate().await.context("bringing the database up to this version")?;
    // Acts are sealed with the key that is there. None is made here: it would not be the one that the others have.
    if !settings.secrets.keys()?.is_empty() || common.data.join("secrets.key").exists() {
        let (vault, _) = accounts::vault(&settings, &common.data, db.ids())?;
        db.seal_with(vault.sealer());
    }
    Ok(db)
}

/// Written when a bucket is opened; the API's readiness writes it, too.
const PROBE: &str = "health/probe";

/// What makes the links: with the key of the settings, or else the data folder's.
pub(crate) fn signer(settings: &Settings, folder: &DataFolder, ids: &Ids) -> anyhow::Result<LinkSigner> {
    let mut keys = settings.links.keys()?;
    if keys.is_empty() {
        keys.push(folder.link_key(ids)?);
    }
    let signing = keys.remove(0);
    let lifetime = TimeDelta::days(i64::from(settings.links.lifetime_days));
    Ok(LinkSigner::new(&settings.http.public_url, signing, lifetime).opening(keys))
}

/// Production must not send guests to an address that only this machine can open.
pub(crate) fn check_public_url(settings: &Settings) -> anyhow::Result<()> {
    if settings.environment == EnvironmentKind::Production && settings.http.public_url.contains("//127.0.0.1") {
        anyhow::bail!(
            "setting http.public_url is {}, which no guest can open: set it to the address guests reach this machine by",
            settings.http.public_url
        );
    }
    Ok(())
}

impl Home {
    /// Opens the data folder together with the other processes of a fleet. What a killed process left is not put in order here: the fleet
    /// works on, and its leases bring lost jobs back.
    pub(crate) async fn share(common: &Common, settings: Settings) -> anyhow::Result<Self> {
        check_public_url(&settings)?;
        Self::inside(DataFolder::share(&common.data)?, common, settings, Clock::steady()).await
    }

    /// Opens the data folder for this process alone, and puts in order what a killed process left.
    pub(crate) async fn open(common: &Common, settings: Settings) -> anyhow::Result<Self> {
        let home = Self::inside(DataFolder::open(&common.data)?, common, settings, Clock::system()).await?;
        if home.folder.was_killed() {
            let unfinished = home.files.remove_unfinished(None).await?;
            let unowned = sweep(&home.db, &home.files).await.context("removing files without an owner")?;
            tracing::info!(unfinished, unowned, "the last run was killed: its loose files are removed");
        }
        if home.settings.database.url.is_empty() {
            // The folder is ours alone, so whoever held these jobs is gone.
            herald_scheduler::rescue_all(&home.db).await.context("taking back the jobs of the last run")?;
        }
        Ok(home)
    }

    /// Opens what belongs to a folder, and brings its database up to this version.
    async fn inside(folder: DataFolder, common: &Common, settings: Settings, clock: Clock) -> anyhow::Result<Self> {
        let ids = Ids::random();
        let links = signer(&settings, &folder, &ids)?;
        let db = Db::connect(&database(&settings, &common.data), clock, ids).await.context("opening the database")?;
        db.migrate().await.context("bringing the database up to this version")?;
        if !settings.database.url.is_empty() {
            domain::check_link_key(&db, &links).await?;
        }
        let files = Files::open(&settings.files, folder.files())?;
        if !files.is_local() {
            // Said now rather than by the first guest's job.
            files.put(PROBE, bytes::Bytes::from_static(b".")).await.context("opening the file store")?;
        }
        people::rekey(&db).await?;
        let workspace_id = domain::ensure_default_workspace(&db).await?;
        ledger::set_up_outside(&db).await?;
        let (vault, with) = accounts::vault(&settings, folder.root(), db.ids())?;
        tracing::info!("credentials of connections are sealed {with}");
        let accounts = Clients::new(&db, vault, &settings)?;
        let people = People::from_settings(&db, &accounts, &settings)?;
        people.schedule_crm().await.context("planning when the CRM's list is read")?;
        let settings = Arc::new(settings);
        Ok(Self { settings, folder, db, files, links, accounts, people, workspace_id })
    }

    /// What hides accounts in the counts of requests: the same for all processes of a fleet, as the key of the links is.
    pub(crate) fn limits_key(&self) -> [u8; 32] {
        self.links.key_for("rate limits")
    }

    /// Leaves the folder in order.
    pub(crate) async fn close(self) {
        self.db.close().await;
        self.folder.close();
    }
}

/// Starts logging for a command.
pub(crate) fn start_logging(log: &Log) -> anyhow::Result<()> {
    Ok(telemetry::start_logging(log)?)
}
