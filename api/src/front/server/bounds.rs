//! How many connections there may be, and for how long each may make Herald wait.

use std::{net::IpAddr, sync::Arc, time::Duration};

use herald_app::{config::Settings, open_files};

/// What holds for the connections of one listener.
#[derive(Clone)]
pub(crate) struct Bounds {
    /// Connections in all.
    pub(super) connections: usize,
    /// Connections of one address.
    pub(super) per_address: usize,
    pub(super) times: Times,
    /// Names the proxies, to which the cap of an address does not apply.
    settings: Option<Arc<Settings>>,
}

/// For how long a connection may make Herald wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// From a request's first byte, or the connection's beginning, to the end of its headers.
    pub(super) head: Duration,
    /// From an answer to the next request's first byte.
    pub(super) idle: Duration,
    /// Without enough of a body coming in. Of an answer, twice as long without a byte going out.
    pub(super) stall: Duration,
}

impl Bounds {
    /// As set, and no more connections than the process may open.
    pub(crate) fn of(settings: &Arc<Settings>) -> Self {
        let http = &settings.http;
        let connections = open_files::connections(settings, open_files::limit());
        if connections < http.max_connections {
            tracing::warn!(
                connections,
                needed = open_files::needed(settings),
                "the limit of open files is too low for http.max_connections: raise the limit, or lower the setting"
            );
        }
        Self {
            connections,
            per_address: http.max_connections_per_address.min(connections),
            times: Times {
                head: Duration::from_secs(http.header_seconds),
                idle: Duration::from_secs(http.idle_seconds),
                stall: Duration::from_secs(http.stall_seconds),
            },
            settings: Some(settings.clone()),
        }
    }

    /// For a monitor, which only probes and a collector of metrics ask.
    pub(crate) fn monitor() -> Self {
        let seconds = Duration::from_secs;
        let times = Times { head: seconds(10), idle: seconds(75), stall: seconds(30) };
        Self { connections: 64, per_address: 64, times, settings: None }
    }

    #[cfg(test)]
    pub(super) fn for_tests(connections: usize, per_address: usize, times: Times) -> Self {
        Self { connections, per_address, times, settings: None }
    }

    #[cfg(test)]
    pub(super) fn trusting(self, settings: Settings) -> Self {
        Self { settings: Some(Arc::new(settings)), ..self }
    }

    /// Whether many clients come from this address.
    pub(super) fn is_proxy(&self, peer: IpAddr) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings.limits.trusts(peer))
    }
}
