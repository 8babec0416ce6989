//! The gateway's own connections: marked before the connect, so that the kernel does not
//! steer them back to it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::{Arc, OnceLock};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};

use crate::redirect::MapHandles;

/// Connects past the redirect, if there is one.
pub async fn connect(to: SocketAddr, redirect: Option<&MapHandles>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if let Some(maps) = redirect {
        maps.exempt(socket.as_fd())?;
    }
    TcpSocket::from_std_stream(socket.into()).connect(to).await
}

/// The redirect as those see it who are made before it is attached.
#[derive(Clone, Debug, Default)]
pub struct LaterRedirect(Arc<OnceLock<MapHandles>>);

impl LaterRedirect {
    /// From now on there is one; a second one is not taken.
    pub fn is(&self, maps: MapHandles) {
        let _ = self.0.set(maps);
    }

    /// The redirect, once it is attached.
    pub fn maps(&self) -> Option<&MapHandles> {
        self.0.get()
    }
}
