//! The processes under test and their supervisor, which starts again whatever ends.

use std::{
    collections::HashMap,
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result};

use super::servers::signal;

/// As a unit with `Restart=always` and this `RestartSec`.
const RESTART_AFTER: Duration = Duration::from_millis(100);

/// How one process is started, each time.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
    pub(super) environment: HashMap<String, String>,
}

impl Plan {
    pub(super) fn new(name: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { name: name.to_owned(), arguments, environment: HashMap::new() }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The command, not started. Its settings are `herald.toml` in `folder`; what it says goes to a file of its name
    /// there.
    pub(super) fn command(&self, herald: &Path, folder: &Path) -> Result<Command> {
        let log = OpenOptions::new().create(true).append(true).open(folder.join(format!("{}.log", self.name)))?;
        let mut command = Command::new(herald);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HERALD__")) {
            command.env_remove(name);
        }
        command.current_dir(folder).args(["--data", "data", "--config", "herald.toml"]).args(&self.arguments);
        command.envs(&self.environment).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }
}

struct Process {
    plan: Plan,
    child: Child,
    /// Its end was asked for.
    ordered: bool,
}

struct Shared {
    herald: PathBuf,
    folder: PathBuf,
    processes: Mutex<Vec<Process>>,
    stop: AtomicBool,
    restarts: Mutex<Restarts>,
}

/// How often processes were started again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Restarts {
    /// After an end that the scenario ordered.
    pub(super) ordered: usize,
    /// After an end of the process's own.
    pub(super) own: usize,
}

/// Processes of `herald` under one supervisor. Killed with the value.
pub(super) struct Processes {
    shared: Arc<Shared>,
    supervisor: Option<JoinHandle<()>>,
}

impl Processes {
    /// Starts them, each as [`Plan::command`] says.
    pub(super) fn start(herald: &Path, folder: &Path, plans: Vec<Plan>) -> Result<Self> {
        let shared = Arc::new(Shared {
            herald: herald.to_owned(),
            folder: folder.to_owned(),
            processes: Mutex::default(),
            stop: AtomicBool::new(false),
            restarts: Mutex::default(),
        });
        for plan in plans {
            let child = shared.spawn(&plan)?;
            lock(&shared.processes).push(Process { plan, child, ordered: false });
        }
        let supervised = shared.clone();
        let supervisor = Some(std::thread::spawn(move || supervised.supervise()));
        Ok(Self { shared, supervisor })
    }

    /// The names that begin so.
    pub(super) fn names(&self, begin: &str) -> Vec<String> {
        let processes = lock(&self.shared.processes);
        processes.iter().map(|process| process.plan.name.clone()).filter(|name| name.starts_with(begin)).collect()
    }

    /// The process's number in the system.
    pub(super) fn id(&self, name: &str) -> Option<u32> {
        lock(&self.shared.processes).iter().find(|process| process.plan.name == name).map(|process| process.child.id())
    }

    /// Sends a signal; one that is between two lives gets none.
    pub(super) fn signal(&self, name: &str, with: &str) -> Result<()> {
        let mut processes = lock(&self.shared.processes);
        let process = processes.iter_mut().find(|process| process.plan.name == name).context("no such process")?;
        if process.child.try_wait()?.is_none() {
            process.ordered |= matches!(with, "KILL" | "TERM");
            signal(process.child.id(), with)?;
        }
        Ok(())
    }

    pub(super) fn restarts(&self) -> Restarts {
        *lock(&self.shared.restarts)
    }

    pub(super) fn all_alive(&self) -> bool {
        lock(&self.shared.processes).iter_mut().all(|process| matches!(process.child.try_wait(), Ok(None)))
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        if let Some(supervisor) = self.supervisor.take() {
            let _ = supervisor.join();
        }
        for process in lock(&self.shared.processes).iter_mut() {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

impl Shared {
    fn spawn(&self, plan: &Plan) -> Result<Child> {
        let mut command = plan.command(&self.herald, &self.folder)?;
        command.spawn().with_context(|| format!("starting {}", self.herald.display()))
    }

    /// Starts again what has ended, for whatever reason, as systemd would.
    fn supervise(&self) {
        while !self.stop.load(Ordering::SeqCst) {
            for process in lock(&self.processes).iter_mut() {
                if !matches!(process.child.try_wait(), Ok(Some(_))) {
                    continue;
                }
                if let Ok(child) = self.spawn(&process.plan) {
                    process.child = child;
                    let mut restarts = lock(&self.restarts);
                    let counted = if process.ordered { &mut restarts.ordered } else { &mut restarts.own };
                    *counted += 1;
                    process.ordered = false;
                }
            }
            std::thread::sleep(RESTART_AFTER);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
