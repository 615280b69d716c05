//! Looks names up, and lets only answers through of which every address is public.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// The operating system's resolver.
pub(super) struct SystemDns;

impl Resolve for SystemDns {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // Port 0 is replaced by the URL's port.
            let answer: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(answer.into_iter()) as Addrs)
        })
    }
}

/// Checks an answer where it is used: the connection goes to the addresses returned here and to no others.
pub(super) struct GuardedDns {
    pub inner: Arc<dyn Resolve>,
    pub public: fn(IpAddr) -> bool,
}

/// A name that has an address outside the public internet. One is enough: which of them is taken is up to chance.
#[derive(Debug, thiserror::Error)]
#[error("the name has a private address")]
pub(super) struct PrivateAnswer;

impl Resolve for GuardedDns {
    fn resolve(&self, name: Name) -> Resolving {
        let (answer, public) = (self.inner.resolve(name), self.public);
        Box::pin(async move {
            let answer: Vec<SocketAddr> = answer.await?.collect();
            if answer.iter().all(|address| public(address.ip())) {
                Ok(Box::new(answer.into_iter()) as Addrs)
            } else {
                Err(PrivateAnswer.into())
            }
        })
    }
}
