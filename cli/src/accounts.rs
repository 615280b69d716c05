//! Connections for a command that works beside running processes: the database, the keys, and the clients of accounts.

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

/// The tools of a command about connections.
pub(crate) struct Desk {
    pub(crate) settings: Arc<Settings>,
    pub(crate) db: Db,
    pub(crate) clients: Clients,
    pub(crate) workspace_id: Uuid,
    sealed_with: String,
}

impl Desk {
    /// Opens the database and the keys. The folder and the database are created if they are missing.
    pub(crate) async fn open(common: &Common) -> anyhow::Result<Self> {
        let settings = home::settings(common)?;
        herald_base::private::make_folder(&common.data).with_context(|| format!("making {}", common.data.display()))?;
        let ids = Ids::random();
        let (vault, sealed_with) = vault(&settings, &common.data, &ids)?;
        let db = home::open_database(&home::database(&settings, &common.data), Clock::system(), ids).await?;
        db.migrate().await.context("bringing the database up to this version")?;
        let workspace_id = herald_people::ensure_default_workspace(&db).await?;
        // The queues exist from now on, so that they can be limited before the first run.
        ledger::set_up_outside(&db).await?;
        let clients = Clients::new(&db, vault, &settings)?;
        Ok(Self { settings: Arc::new(settings), db, clients, workspace_id, sealed_with })
    }

    /// Describes the key that seals credentials, and its consequence for backups.
    pub(crate) fn sealed_with(&self) -> &str {
        &self.sealed_with
    }

    /// Asks a connection's provider whether the connection works, and stores and prints the findings.
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

    /// Returns the service for people and their rights.
    ///
    /// # Errors
    /// When the CRM's address is not valid.
    pub(crate) fn people(&self) -> anyhow::Result<People> {
        Ok(People::from_settings(&self.db, &self.clients, &*self.settings)?)
    }

    pub(crate) async fn close(self) {
        self.db.close().await;
    }
}

/// Returns the vault that seals credentials and a description of its key. The key comes from the settings, or else from
/// the data folder, where the first use creates it.
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

/// Prints a finding of a test.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) fn print(found: &Finding) {
    println!("  {}  {}", if found.ok { "ok  " } else { "FAIL" }, found.text);
}
