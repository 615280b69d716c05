//! Looks names up, and lets only answers through of which every address may be called.

use std::{error::Error, io, net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Guard;

/// The operating system's resolver.
#[derive(Debug)]
pub struct SystemDns;

impl Resolve for SystemDns {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // Port 0 is replaced by the URL's port.
            #[expect(clippy::disallowed_methods, reason = "what is looked up here is checked by who asked")]
            let answer: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(answer.into_iter()) as Addrs)
        })
    }
}

/// Checks an answer where it is used: the connection goes to the addresses returned here and to no others.
pub(super) struct GuardedDns {
    pub(super) inner: Arc<dyn Resolve>,
    pub(super) guard: Arc<Guard>,
}

/// A name that has an address which may not be called. One is enough: which of them is taken is up to chance.
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

/// Whether a call failed because its name led to where nothing may be called.
pub fn is_private_answer(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(current) = cause {
        // An I/O error names what is inside its content as its source, never the content itself.
        let inside = current.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if current.is::<PrivateAnswer>() || inside.is_some_and(|content| is_private_answer(content)) {
            return true;
        }
        cause = current.source();
    }
    false
}
