//! `[people]`

use serde::Deserialize;

/// Who may come in by themselves, and how carefully passwords are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct People {
    pub open_registration: bool,
    pub open_workspaces: bool,
    pub session_days: u32,
    pub password_memory_kib: u32,
}
