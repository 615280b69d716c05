//! How many files and sockets the process may open, and how many connections fit into that.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::Settings;

/// Connections beyond the cap that are kept for probes.
pub const RESERVE: usize = 32;
/// Files for everything else: the database's, the file store's, calls to others.
const ELSE: u64 = 256;
/// More is never asked for: some systems allow a thousand million, and programs that close all they could have open
/// would do so for minutes.
const MOST: u64 = 1 << 20;
/// Fewer connections serve nobody.
const FEWEST: usize = 16;

/// Raises the limit as far as the system lets the process. Returns what it may open now.
pub fn raise() -> u64 {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let wanted = hard.min(MOST);
        if soft < wanted
            && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)
        {
            tracing::warn!(%error, "the limit of open files could not be raised");
        }
    }
    limit()
}

/// Returns how many files and sockets the process may open.
pub fn limit() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft)
}

/// Returns how many files and sockets the process may need to open with these settings.
pub fn needed(settings: &Settings) -> u64 {
    settings.http.max_connections as u64 + besides(settings)
}

/// Returns how many connections fit: those of the settings, or fewer where the process may not open enough.
pub fn connections(settings: &Settings, limit: u64) -> usize {
    let room = usize::try_from(limit.saturating_sub(besides(settings))).unwrap_or(usize::MAX);
    settings.http.max_connections.min(room.max(FEWEST))
}

fn besides(settings: &Settings) -> u64 {
    // SQLite has up to three files for each of its connections.
    ELSE + RESERVE as u64 + 3 * u64::from(settings.database.max_connections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_those_of_the_settings_where_they_fit() {
        let mut settings = Settings::load(None).unwrap();
        settings.http.max_connections = 4_096;
        let needed = needed(&settings);
        assert!(needed > 4_096 + 256, "{needed}");
        assert_eq!(connections(&settings, needed), 4_096);
        assert_eq!(connections(&settings, needed - 100), 3_996);
        assert_eq!(connections(&settings, 10), FEWEST);
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_goes() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(raise(), hard.min(MOST).max(limit()));
    }
}
