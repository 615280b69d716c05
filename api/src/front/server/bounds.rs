//! The number of connections that a listener allows, and the time that each may make Herald wait.

use std::{net::IpAddr, sync::Arc, time::Duration};

use herald_app::{config::Settings, open_files};

/// The limits for the connections of one listener.
#[derive(Clone)]
pub(crate) struct Bounds {
    /// The largest number of connections in all.
    pub(super) connections: usize,
    /// The largest number of connections of one address.
    pub(super) per_address: usize,
    pub(super) times: Times,
    /// The settings that name the proxies. The cap of an address does not apply to a proxy.
    settings: Option<Arc<Settings>>,
}

/// The longest times for which a connection may make Herald wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// The time from a request's first byte, or the connection's beginning, to the end of its headers.
    pub(super) head: Duration,
    /// The time from an answer to the next request's first byte.
    pub(super) idle: Duration,
    /// The time in which too little of a body comes in. For an answer, the time without an outgoing byte is twice as
    /// long.
    pub(super) stall: Duration,
}

impl Bounds {
    /// The limits of the settings, but not more connections than the process may open.
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

    /// The limits for a monitor, which gets requests only from probes and a collector of metrics.
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

    /// Whether the address is a proxy, behind which there may be many clients.
    pub(super) fn is_proxy(&self, peer: IpAddr) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings.limits.trusts(peer))
    }
}
