//! Connections for a command that works beside whatever runs: database, keys, and the clients of accounts.

use std::sync::Arc;

use anyhow::Context;
use herald_accounts as connections;
use herald_accounts::{Clients, Connection};
use herald_app::config::Settings;
use herald_base::{clock::Clock, data_folder, ids::Ids, vault::Vault};
use herald_db::Db;
use herald_ledger as ledger;
use herald_people::People;
use herald_providers::Finding;
use uuid::Uuid;

use crate::{args::Common, home};

/// What a command about connections works with.
pub(crate) struct Desk {
    pub(crate) settings: Arc<Settings>,
    pub(crate) db: Db,
    pub(crate) clients: Clients,
    pub(crate) workspace_id: Uuid,
    sealed_with: String,
}

impl Desk {
    /// Opens database and keys; the folder and the database are made if they are missing.
    pub(crate) async fn open(common: &Common) -> anyhow::Result<Self> {
        let settings = home::settings(common)?;
        herald_base::private::make_folder(&common.data).with_context(|| format!("making {}", common.data.display()))?;
        let ids = Ids::random();
        let (vault, sealed_with) = vault(&settings, &common.data, &ids)?;
        let db = home::open_database(&home::database(&settings, &common.data), Clock::system(), ids).await?;
        db.migrate().await.context("bringing the database up to this version")?;
        let workspace_id = herald_people::ensure_default_workspace(&db).await?;
        // So that their queues can be limited before the first run.
        ledger::set_up_outside(&db).await?;
        let clients = Clients::new(&db, vault, &settings)?;
        Ok(Self { settings: Arc::new(settings), db, clients, workspace_id, sealed_with })
    }

    /// With which key credentials are sealed, and what that means for who keeps backups.
    pub(crate) fn sealed_with(&self) -> &str {
        &self.sealed_with
    }

    /// Asks a connection's provider whether it works, and notes and tells what was found.
    pub(crate) async fn test(
        &self,
        connection: &Connection,
        target: Option<&str>,
        mut tell: impl FnMut(&Finding),
    ) -> anyhow::Result<bool> {
        let (connection, findings) =
            connections::check(&self.clients, self.workspace_id, connection.id, target).await?;
        findings.iter().for_each(&mut tell);
        Ok(connections::note(&self.db, self.workspace_id, &connection, target, &findings).await?)
    }

    /// People, and who may do what.
    ///
    /// # Errors
    /// When the CRM's address is none.
    pub(crate) fn people(&self) -> anyhow::Result<People> {
        Ok(People::from_settings(&self.db, &self.clients, &*self.settings)?)
    }

    pub(crate) async fn close(self) {
        self.db.close().await;
    }
}

/// What seals credentials: the settings' key, or else the data folder's, made at first use. And, in words, which it is.
pub(crate) fn vault(settings: &Settings, folder: &std::path::Path, ids: &Ids) -> anyhow::Result<(Vault, String)> {
    let mut keys = settings.secrets.keys()?;
    let with = if keys.is_empty() {
        let (key, is_new) = data_folder::secrets_key(folder, ids)?;
        keys.push(key);
        let path = folder.join("secrets.key");
        let new = if is_new { ", which Herald has just created" } else { "" };
        format!(
            "with the key in {}{new}: keep a copy of it, apart from the backups of the database; without it, you \
             must enter the credentials again",
            path.display()
        )
    } else {
        "with the key of the settings".to_owned()
    };
    let first = keys.remove(0);
    Ok((Vault::new(first, keys, ids.clone()), with))
}

/// Says what a test found.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) fn print(found: &Finding) {
    println!("  {}  {}", if found.ok { "ok  " } else { "FAIL" }, found.text);
}
