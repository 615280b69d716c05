//! `[people]`

use serde::Deserialize;

/// Who may come in by themselves, and how carefully passwords are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct PeopleSettings {
    pub open_registration: bool,
    pub open_workspaces: bool,
    pub session_days: u32,
    pub password_memory_kib: u32,
}

impl PeopleSettings {
    /// Says in a sentence how far a stranger gets.
    pub fn doors(&self) -> &'static str {
        match (self.open_registration, self.open_workspaces) {
            (true, true) => "anybody may register and make a workspace of their own",
            (true, false) => {
                "anybody may register, which opens their own profile alone; workspaces are made by administrators and joined by invitation"
            }
            (false, true) => {
                "only who is invited may register; whoever has an account may make workspaces of their own"
            }
            (false, false) => "only who is invited may register; workspaces are made by administrators",
        }
    }
}
