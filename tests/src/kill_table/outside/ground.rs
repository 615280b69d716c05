//! Where it plays: the accounts, a data folder that knows them, and in a fleet its database.

use std::{
    path::{Path, PathBuf},
    process::Child,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use herald_db::{Db, query};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{
    super::{
        Options,
        client::Client,
        processes::Plan,
        servers::{Servers, free_port, succeed},
        world,
    },
    accounts::Accounts,
    kills, patience,
};
use crate::fakes::{FakeMautic, demo};

/// The template that comes with Herald.
const TEMPLATE: &str = "Winter Gala";
/// How often it is looked how far they are.
const LOOK: Duration = Duration::from_millis(5);

pub(super) struct Ground {
    pub(super) accounts: Accounts,
    pub(super) root: PathBuf,
    herald: PathBuf,
    tag: String,
    client: Client,
    db: Option<Db>,
    runtime: Arc<Runtime>,
    _folder: TempDir,
}

/// A process of its own, killed with the value.
pub(super) struct Life(pub(super) Child);

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Ground {
    /// Everything that a person would have set up before. From then on requests fail.
    pub(super) fn make(
        options: &Options,
        servers: Option<&Servers>,
        runtime: &Arc<Runtime>,
        tag: &str,
        seed: u64,
    ) -> Result<Self> {
        let folder = TempDir::with_prefix("herald-kill-table-")?;
        let root = folder.path().to_owned();
        std::fs::create_dir(root.join("data"))?;
        let accounts = runtime.block_on(Accounts::open(options.guests));
        let api = format!("127.0.0.1:{}", free_port()?);
        let lease = options.lease().as_secs();
        let mut settings =
            format!("[ledger]\nlease_seconds = {lease}\n[http]\nlisten = \"{api}\"\n{}", accounts.settings());
        let (mut db, mut token) = (None, String::new());
        if let Some(servers) = servers {
            let (of_fleet, owner, reader) = servers.of_a_fleet(tag)?;
            settings += &of_fleet;
            let (opened, made) = runtime.block_on(world::open(&owner, Some(&reader)))?;
            (db, token) = (Some(opened), made);
        }
        std::fs::write(root.join("herald.toml"), settings)?;
        let ground = Self {
            accounts,
            root,
            herald: options.herald.clone(),
            tag: tag.to_owned(),
            client: Client::new(api, token),
            db,
            runtime: runtime.clone(),
            _folder: folder,
        };
        ground.connect()?;
        ground.accounts.fail(seed, options.short);
        Ok(ground)
    }

    /// The accounts, typed as a person types them. No rate: it is the faults that are looked at.
    fn connect(&self) -> Result<()> {
        let (key, password) = (self.root.join("key.json"), self.root.join("password"));
        std::fs::write(&key, self.accounts.google.service_account_key_json())?;
        std::fs::write(&password, FakeMautic::PASSWORD)?;
        let (folder, url) = (self.accounts.folder.as_str(), self.accounts.mautic.url());
        self.run(&["connect", "google", "--service-account", "key.json", "--folder", folder])?;
        self.run(&["connect", "mautic", "--url", &url, "--user", FakeMautic::USER, "--secret-file", "password"])?;
        self.run(&["queues", "limit", "drive", "--rate", "none", "--burst", "none"])
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        succeed(&mut Plan::new("set-up", arguments).command(&self.herald, &self.root)?)
    }

    /// `herald invite` for everybody who filled in the form.
    pub(super) fn invite(&self) -> Plan {
        let form = demo::FORM.to_string();
        let from = ["invite", "--json", "--from-mautic-form", &form, "--picture-field", "photo"];
        let to = ["--event", super::accounts::EVENT, "--to-drive", &self.accounts.folder];
        Plan::new("invite", &[from.as_slice(), to.as_slice()].concat())
    }

    pub(super) fn live(&self, plan: &Plan) -> Result<Life> {
        let mut command = plan.command(&self.herald, &self.root)?;
        Ok(Life(command.spawn().with_context(|| format!("starting {}", self.herald.display()))?))
    }

    /// The same asked of the API.
    pub(super) fn begin_run(&self) -> Result<()> {
        let run = json!({
            "event": super::accounts::EVENT, "template": TEMPLATE,
            "source": { "kind": "mautic", "form": demo::FORM, "picture_field": "photo" },
            "destination": { "kind": "drive", "folder": self.accounts.folder },
        });
        self.client.insist("/api/v1/invitation-runs", &run.to_string())
    }

    /// Whether the run has, and with it everything that was under way.
    pub(super) fn has_ended(&self) -> bool {
        let left = "select (select count(*) from jobs where state in ('ready', 'running'))
                         + (select count(*) from invitation_runs where finished_at is null)";
        let Some(db) = &self.db else { return true };
        let left: Result<(i64,), _> = self.runtime.block_on(query(left).one(db));
        left.is_ok_and(|(left,)| left == 0)
    }

    /// Until so many guests have their link that it is time for the next kill, and the process is still alive. The
    /// first one comes at once, while the guests are read.
    pub(super) fn wait_for_share(
        &self,
        options: &Options,
        kill: usize,
        began: Instant,
        mut alive: impl FnMut() -> Result<bool>,
    ) -> Result<()> {
        let share = options.guests * kill / (kills(options) + 1);
        while self.accounts.linked() < share && alive()? {
            let patience = patience(options);
            ensure!(began.elapsed() < patience, "after {} s not {share} guests have a link", patience.as_secs());
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Keeps the logs where they outlive the scenario.
    pub(super) fn keep_logs(&self, into: &Path) -> Result<()> {
        let into = into.join(&self.tag);
        std::fs::create_dir_all(&into)?;
        for entry in std::fs::read_dir(&self.root)?.flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "log") {
                std::fs::copy(entry.path(), into.join(entry.file_name()))?;
            }
        }
        Ok(())
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Some(db) = self.db.take() {
            self.runtime.block_on(db.close());
        }
    }
}
