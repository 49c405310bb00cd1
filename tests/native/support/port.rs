//! A port that stays a test's own while nobody listens on it.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port of 127.0.0.1 that this test holds: no other program is handed it, neither to listen on nor for a connection
/// that it opens. Servers of the test can listen on it one after the other; while none does, connections are refused.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    /// Bound, and never listening.
    _held: Option<TcpSocket>,
}

impl Port {
    /// Takes a free one.
    pub(crate) fn hold() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // On Linux sockets with this option share a port as long as one of them listens at most; servers have it too.
        // Elsewhere they do not, and the port is merely free now.
        socket.set_reuseaddr(true).unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self {
            address: socket.local_addr().unwrap(),
            _held: cfg!(target_os = "linux").then_some(socket),
        }
    }

    /// Where to listen.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
