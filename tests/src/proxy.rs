//! A network that can be cut: a TCP proxy in the test's own process, between Herald and a server.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What lies between. Dropping it cuts everything for good.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    /// Counted up with each cut; `None` refuses whoever comes.
    state: watch::Sender<Option<u64>>,
    /// Whether nothing passes, in either direction, though every connection stays open.
    frozen: watch::Sender<bool>,
}

impl Proxy {
    /// Between whoever connects to [`Proxy::address`] and `server`.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("this machine has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (state, mut now) = watch::channel(Some(0));
        let (frozen, is_frozen) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                let (mut client, _) = tokio::select! {
                    accepted = listener.accept() => accepted.expect("the listener stays open"),
                    ended = now.changed() => if ended.is_err() { return } else { continue },
                };
                let (mut state, mut frozen) = (now.clone(), is_frozen.clone());
                tokio::spawn(async move {
                    let Some(generation) = *state.borrow_and_update() else { return };
                    let Ok(mut server) = TcpStream::connect(server).await else { return };
                    let until_frozen = async {
                        tokio::select! {
                            // Whichever end closes, the other is closed with it.
                            _ = copy_bidirectional(&mut client, &mut server) => {}
                            // Both ends stay open until the connection is cut.
                            () = async { drop(frozen.wait_for(|frozen| *frozen).await) } =>
                                std::future::pending().await,
                        }
                    };
                    tokio::select! {
                        () = until_frozen => {}
                        _ = state.wait_for(|now| *now != Some(generation)) => {}
                    }
                });
            }
        });
        Self { address, state, frozen }
    }

    /// Where to connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection; new ones are let through.
    pub fn cut(&self) {
        self.state.send_modify(|state| *state = Some(state.unwrap_or(0) + 1));
    }

    /// Ends every connection and closes new ones at once, until [`Proxy::cut`] or [`Proxy::mend`].
    pub fn sever(&self) {
        self.state.send_replace(None);
    }

    /// Lets nothing pass any more and closes nothing: what a network does that drops every packet. Until
    /// [`Proxy::mend`].
    pub fn freeze(&self) {
        self.frozen.send_replace(true);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.frozen.send_replace(false);
        self.cut();
    }
}
