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
            (true, true) => "anyone may register and create workspaces",
            (true, false) => {
                "anyone may register, but an account alone gives access only to its own profile. Administrators \
                 create workspaces, and people join by invitation"
            }
            (false, true) => "only invited people may register, and anyone with an account may create workspaces",
            (false, false) => "only invited people may register, and administrators create the workspaces",
        }
    }
}
