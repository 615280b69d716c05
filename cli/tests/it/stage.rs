//! A folder with a small template in it, and the binary run there as a person would run it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use herald_tests::Timed;
use image::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

/// Small, so that an invitation costs a few milliseconds, and with a slot of every kind.
const TEMPLATE: &str = r##"name = "Small"
background = "background.png"

[[slot]]
name = "guest"
kind = "text"
value = "{{ name }}"
size = 20
min_size = 6
color = "#202020"
box = [10, 10, 180, 40]

[[slot]]
name = "portrait"
kind = "picture"
shape = "circle"
box = [10, 60, 70, 70]

[[slot]]
name = "number"
kind = "number"
size = 22
color = "#202020"
box = [90, 70, 100, 40]

[[slot]]
name = "link"
kind = "qr"
box = [40, 125, 120, 120]
"##;

/// The folder. It goes when the test ends.
pub(crate) struct Stage {
    folder: TempDir,
    _timed: Timed,
}

/// A command that has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let stage = Self { folder: tempfile::tempdir().unwrap(), _timed: Timed::begin() };
        stage.template("template", "");
        stage
    }

    /// Writes a template with more slots than the small one's.
    pub(crate) fn template(&self, folder: &str, more_slots: &str) {
        let background = RgbImage::from_fn(200, 250, |x, y| Rgb([200 + (x % 50) as u8, 220, (y % 250) as u8]));
        std::fs::create_dir_all(self.path(folder)).unwrap();
        background.save(self.path(folder).join("background.png")).unwrap();
        self.write(&format!("{folder}/template.toml"), format!("{TEMPLATE}{more_slots}"));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Puts one of the example pictures into the folder.
    pub(crate) fn example_picture(&self, name: &str) {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/pictures");
        std::fs::copy(examples.join(name), self.path(name)).unwrap();
    }

    /// `herald` in the folder, with its data in `data` and no settings from outside.
    pub(crate) fn herald(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_herald"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HERALD__")) {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).args(["--data", "data"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// `herald invite LIST` on the small template.
    pub(crate) fn invite(&self, list: &str, more: &[&str]) -> Command {
        let mut command = self.herald(&["invite", list, "--template", "template"]);
        command.args(more);
        command
    }

    /// The table of results: a map for each guest.
    pub(crate) fn results(&self) -> Vec<BTreeMap<String, String>> {
        table(&self.path("data/results.csv"))
    }

    /// Every file below a folder of the data folder, by its path there.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, PathBuf> {
        let root = self.path("data").join(folder);
        let mut found = BTreeMap::new();
        collect(&root, &root, &mut found);
        found
    }

    /// The folder of the one workspace there is, in the file store.
    pub(crate) fn workspace(&self) -> PathBuf {
        let entries = std::fs::read_dir(self.path("data/files/workspaces"));
        let mut workspaces = entries.into_iter().flatten().map(|entry| entry.unwrap().path());
        let one = workspaces.next().unwrap_or_else(|| self.path("data/files/workspaces/none"));
        assert_eq!(workspaces.next(), None, "one workspace has files");
        one
    }

    /// Every file of the workspace in `invitations`, `renderings` and so on, by its path there.
    pub(crate) fn stored(&self, area: &str) -> BTreeMap<String, PathBuf> {
        let root = self.workspace().join(area);
        let mut found = BTreeMap::new();
        collect(&root, &root, &mut found);
        found
    }
}

/// A CSV file with a header.
pub(crate) fn table(path: &Path) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect()
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            collect(root, &entry.path(), found);
        } else {
            let key = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.insert(key, entry.path());
        }
    }
}

/// Runs a command to its end.
pub(crate) fn end(mut command: Command) -> Ended {
    ended(command.spawn().unwrap())
}

/// Waits for a command's end.
pub(crate) fn ended(child: Child) -> Ended {
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Sends a signal by its name. The standard library can only kill.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -s {name} {}", child.id())]).status().unwrap();
    assert!(sent.success());
}

impl Ended {
    /// Holds the exit code to what it should be.
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code; it said:\n{}\n{}", self.out, self.err);
        self
    }

    /// Bad input: exit code 2, this message, and nothing else said.
    #[track_caller]
    pub(crate) fn refused(self, message: &str) {
        let ended = self.with(2);
        assert_eq!(ended.err.trim_end(), format!("error: {message}"));
        assert_eq!(ended.out, "");
    }

    /// An error at the end of work: exit code 2 and this message last.
    #[track_caller]
    pub(crate) fn with_error(self, message: &str) {
        let ended = self.with(2);
        assert_eq!(ended.err.lines().last(), Some(format!("error: {message}").as_str()), "{}", ended.err);
    }

    /// The JSON lines it printed.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The last of them: the summary.
    #[track_caller]
    pub(crate) fn summary(&self) -> Value {
        let last = self.events().pop().unwrap_or_else(|| panic!("no JSON; it said:\n{}\n{}", self.out, self.err));
        assert_eq!(last["event"], "summary");
        last
    }
}
