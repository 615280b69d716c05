//! `[quotas]`

use serde::Deserialize;

/// How much one workspace may have. 0: as much as it likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Quotas {
    pub keys: u32,
    pub schedules: u32,
    pub connections: u32,
    pub templates: u32,
    pub stored_mb: u32,
}
