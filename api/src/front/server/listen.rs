//! Accepts connections, and sets the options of each.

use std::{
    io::{self, ErrorKind, Write},
    net::SocketAddr,
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

/// The pause after the first connection that could not be accepted. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The time without a byte after which the kernel probes the other end.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// How long the kernel waits for the answer before it probes again.
const KEEPALIVE_AGAIN: Duration = Duration::from_secs(15);

/// The answer to a connection over the caps. Herald sends it without reading a request.
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A source of connections.
pub(crate) trait Listen: Send + Sync {
    /// Returns the next connection.
    fn next(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Listen for TcpListener {
    fn next(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        self.accept()
    }
}

/// Whether the listener can never accept a connection again.
pub(super) fn is_for_good(error: &io::Error) -> bool {
    // EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP
    matches!(error.raw_os_error(), Some(9 | 22 | 88 | 95))
}

/// Whether an error concerns only the one connection.
pub(super) fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

/// The pause after a failed accept, for example if no file descriptor is free. The connection is still in the backlog,
/// so an immediate retry would spin.
#[derive(Default)]
pub(super) struct Pause(u32);

impl Pause {
    pub(super) fn is_first(&self) -> bool {
        self.0 == 0
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = FIRST_PAUSE * 2_u32.pow(self.0.min(10));
        self.0 += 1;
        pause.min(LONGEST_PAUSE)
    }
}

/// Sets the options that a connection needs.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    // Without this option, the second part of an answer waits for the client's acknowledgement of the first. The client
    // delays that by 40 ms.
    stream.set_nodelay(true)?;
    // Detects peers that disappeared without closing the connection, such as a laptop that was shut.
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_AGAIN);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// Answers that there is no room and closes the connection, without waiting for anything.
pub(super) fn refuse(stream: TcpStream) {
    if let Ok(mut stream) = stream.into_std() {
        // The buffer of a new connection has room for these few bytes. If not, the client gets no answer.
        let _ = stream.write(BUSY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_sends_at_once_and_finds_dead_peers() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.next().await.unwrap();
        assert!(!stream.nodelay().unwrap(), "the kernel's default");
        prepare(&stream).unwrap();
        assert!(stream.nodelay().unwrap());
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
    }

    #[test]
    fn pauses_grow_to_a_second() {
        let mut pause = Pause::default();
        let pauses: Vec<u128> = (0..12).map(|_| pause.next().as_millis()).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000, 1000]);
    }
}
