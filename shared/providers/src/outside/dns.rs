//! Looks up names, and accepts only answers whose addresses may all be called.

use std::{error::Error, io, net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{Guard, Refused};

/// The operating system's resolver.
#[derive(Debug)]
pub struct SystemDns;

impl Resolve for SystemDns {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The URL's port replaces port 0.
            #[expect(clippy::disallowed_methods, reason = "what is looked up here is checked by who asked")]
            let answer: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(answer.into_iter()) as Addrs)
        })
    }
}

/// Checks an answer where it is used: the connection goes to the returned addresses and to no others.
pub(super) struct GuardedDns {
    pub(super) inner: Arc<dyn Resolve>,
    pub(super) guard: Arc<Guard>,
}

/// A name has an address that may not be called. One such address is enough, because chance decides which address is
/// used.
#[derive(Debug, thiserror::Error)]
#[error("the name has a private address")]
pub struct PrivateAnswer;

impl Resolve for GuardedDns {
    fn resolve(&self, name: Name) -> Resolving {
        let (answer, guard) = (self.inner.resolve(name), self.guard.clone());
        Box::pin(async move {
            let answer: Vec<SocketAddr> = answer.await?.collect();
            if answer.iter().all(|address| guard.lets_through(address.ip())) {
                Ok(Box::new(answer.into_iter()) as Addrs)
            } else {
                Err(PrivateAnswer.into())
            }
        })
    }
}

/// Whether a call failed because its name has an address that may not be called.
pub fn is_private_answer(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(current) = cause {
        // An I/O error returns its content's source as its own source, never the content itself.
        let inside = current.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if current.is::<PrivateAnswer>() || inside.is_some_and(|content| is_private_answer(content)) {
            return true;
        }
        cause = current.source();
    }
    false
}

/// Why a host has no addresses to connect to.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    /// The guard refused the host or one of its addresses.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The host cannot be looked up.
    #[error(transparent)]
    Failed(#[from] io::Error),
}

/// Returns the addresses of a host that a service other than the web may be called at. A guard refuses the host if one
/// of them may not be called. The caller connects to these addresses and to no others. Without a guard, the operator
/// named the host.
pub(crate) async fn places(guard: Option<&Guard>, host: &str, port: u16) -> Result<Vec<SocketAddr>, LookUpError> {
    if let Some(guard) = guard {
        guard.check_host(host, port)?;
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    #[expect(clippy::disallowed_methods, reason = "what is looked up here is checked here")]
    let answer: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    let is_let_through = |guard: &Guard| answer.iter().all(|address| guard.lets_through(address.ip()));
    match guard.is_none_or(is_let_through) {
        true => Ok(answer),
        false => Err(Refused::Private.into()),
    }
}
