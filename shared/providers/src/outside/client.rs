//! Calls the addresses that a [`Guard`] allows.

use std::{fmt, sync::Arc};

use herald_base::boxed;
use reqwest::{ClientBuilder, Request, Response, dns::Resolve};

use super::{
    Guard, Refused,
    dns::{GuardedDns, SystemDns, is_private_answer},
};

/// An HTTP client for addresses that strangers entered. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct GuardedHttp {
    /// Refuses a name if one of its addresses may not be called.
    guarded: reqwest::Client,
    /// Calls only the hosts that the guard names.
    named: reqwest::Client,
    guard: Arc<Guard>,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The guard refused the call.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The call failed.
    #[error(transparent)]
    Failed(reqwest::Error),
}

impl fmt::Debug for GuardedHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedHttp").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl GuardedHttp {
    /// Creates a client that uses the operating system's resolver. `builder` is called twice; it begins with
    /// [`builder`](crate::http::builder).
    ///
    /// # Errors
    /// When `builder` fails.
    pub fn new(guard: Guard, builder: impl Fn() -> anyhow::Result<ClientBuilder>) -> anyhow::Result<Self> {
        Self::with_resolver(guard, Arc::new(SystemDns), builder)
    }

    /// Creates a client with another resolver. Its answers are checked all the same.
    ///
    /// # Errors
    /// Like [`GuardedHttp::new`].
    pub fn with_resolver(
        guard: Guard,
        resolver: Arc<dyn Resolve>,
        builder: impl Fn() -> anyhow::Result<ClientBuilder>,
    ) -> anyhow::Result<Self> {
        let guard = Arc::new(guard);
        let checked = GuardedDns { inner: resolver.clone(), guard: guard.clone() };
        Ok(Self {
            guarded: builder()?.dns_resolver(Arc::new(checked)).build()?,
            named: builder()?.dns_resolver(resolver).build()?,
            guard,
        })
    }

    /// The guard of this client.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The client that builds requests. A request that is sent directly with it evades the check of literal addresses,
    /// so requests go through [`GuardedHttp::execute`].
    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.guarded
    }

    /// Sends a request, if its address may be called.
    ///
    /// # Errors
    /// [`CallError`].
    #[boxed]
    pub async fn execute(&self, request: Request) -> Result<Response, CallError> {
        self.guard.check(request.url())?;
        let client = if self.guard.names_host(request.url()) { &self.named } else { &self.guarded };
        client.execute(request).await.map_err(|error| {
            if is_private_answer(&error) { CallError::Refused(Refused::Private) } else { CallError::Failed(error) }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        net::{IpAddr, SocketAddr},
        sync::Mutex,
    };

    use reqwest::{
        Method, StatusCode,
        dns::{Addrs, Name, Resolving},
    };
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::{http, outside::Ports};

    /// Answers every look-up from a script; the last answer repeats.
    struct Script(Mutex<VecDeque<&'static str>>);

    impl Resolve for Script {
        fn resolve(&self, _: Name) -> Resolving {
            let mut answers = self.0.lock().unwrap();
            let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() };
            let answer: Vec<SocketAddr> = answer
                .into_iter()
                .flat_map(|all| all.split(' '))
                .map(|ip| (ip.parse::<IpAddr>().unwrap(), 0).into())
                .collect();
            Box::pin(async move { Ok(Box::new(answer.into_iter()) as Addrs) })
        }
    }

    /// A server that redirects every request to the metadata service of a cloud. Returns its port and the counter of
    /// requests.
    async fn redirecting() -> (u16, Arc<Mutex<usize>>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (port, asked) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(0)));
        let counted = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                *counted.lock().unwrap() += 1;
                let answer = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data\r\n\
                              Content-Length: 0\r\nConnection: close\r\n\r\n";
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (port, asked)
    }

    fn client(answers: &[&'static str]) -> GuardedHttp {
        // 127.0.0.1 plays a public server; no other address of this machine counts as public.
        let guard = Guard::public(Ports::Usual).and_networks(&["127.0.0.1/32".parse().unwrap()]);
        let script = Arc::new(Script(Mutex::new(answers.iter().copied().collect())));
        GuardedHttp::with_resolver(guard, script, || http::builder(&[])).unwrap()
    }

    async fn get(client: &GuardedHttp, address: &str) -> Result<StatusCode, CallError> {
        client.execute(Request::new(Method::GET, address.parse().unwrap())).await.map(|answer| answer.status())
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_called() {
        let (port, asked) = redirecting().await;
        for answer in ["10.0.0.1", "127.0.0.1 169.254.169.254", "::1", "fd00::1 127.0.0.1", "::ffff:127.0.0.2"] {
            let refused = get(&client(&[answer]), &format!("http://crm.example.com:{port}/")).await.unwrap_err();
            assert!(matches!(refused, CallError::Refused(Refused::Private)), "{answer}: {refused}");
        }
        assert_eq!(*asked.lock().unwrap(), 0);
    }

    #[tokio::test]
    async fn a_name_that_changes_its_answer_is_called_where_it_was_checked() {
        let (port, asked) = redirecting().await;
        let client = client(&["127.0.0.1", "10.0.0.1"]);
        let address = format!("http://crm.example.com:{port}/");
        // The check and the connection share one look-up: a second one would have led to 10.0.0.1.
        assert_eq!(get(&client, &address).await.unwrap(), StatusCode::FOUND);
        assert!(matches!(get(&client, &address).await, Err(CallError::Refused(Refused::Private))));
        assert_eq!(*asked.lock().unwrap(), 1);
    }

    #[tokio::test]
    async fn a_redirect_inside_is_not_followed() {
        let (port, asked) = redirecting().await;
        let answer = get(&client(&["127.0.0.1"]), &format!("http://crm.example.com:{port}/")).await.unwrap();
        assert_eq!((answer, *asked.lock().unwrap()), (StatusCode::FOUND, 1));
    }
}
