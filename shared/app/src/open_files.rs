//! The number of files and sockets that the process may open, and the number of connections that fit into it.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::Settings;

/// Connections beyond the limit, reserved for health probes.
pub const RESERVE: usize = 32;
/// Files for everything else: the database, the file store, outgoing calls.
const ELSE: u64 = 256;
/// The largest limit that Herald requests. Some systems allow a thousand million, and programs that close all possible
/// files would need minutes.
const MOST: u64 = 1 << 20;
/// The smallest useful number of connections.
const FEWEST: usize = 16;

/// Raises the limit as far as the system allows. Returns the new limit.
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

/// Returns how many connections fit: the number in the settings, or fewer if the process may not open enough files.
pub fn connections(settings: &Settings, limit: u64) -> usize {
    let room = usize::try_from(limit.saturating_sub(besides(settings))).unwrap_or(usize::MAX);
    settings.http.max_connections.min(room.max(FEWEST))
}

fn besides(settings: &Settings) -> u64 {
    // SQLite has up to three files for each of its connections.
    ELSE + RESERVE as u64 + 3 * u64::from(settings.database.max_connections) + settings.mail.max_connections as u64
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
