//! One listening socket per namespace and family. A socket of another namespace
//! would be taken by the kernel and then never answer, so each is made inside.

use std::{
    fs::File,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    os::{fd::AsFd, unix::fs::MetadataExt},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::{Family, Listener, NetnsRef, RedirectError, Settings};
use crate::sys::netns;

/// Connections that wait for accept(), per listener.
const BACKLOG: i32 = 4096;

/// A covered namespace with its sockets.
#[derive(Debug)]
pub(super) struct Space {
    pub(super) file: File,
    pub(super) inode: u32,
    pub(super) cookie: u64,
    pub(super) listeners: Vec<Listener>,
}

impl Space {
    /// Port of the listener of a family; 0 when there is none.
    pub(super) fn port(&self, family: Family) -> u16 {
        let listener = self
            .listeners
            .iter()
            .find(|listener| listener.family == family);
        listener
            .and_then(|l| l.socket.local_addr().ok())
            .map_or(0, |addr| addr.port())
    }
}

/// Opens every namespace of the settings and its listeners.
pub(super) fn open(settings: &Settings) -> Result<Vec<Space>, RedirectError> {
    settings
        .netns
        .iter()
        .enumerate()
        .map(|(at, place)| open_space(settings, at, place))
        .collect()
}

fn open_space(settings: &Settings, at: usize, place: &NetnsRef) -> Result<Space, RedirectError> {
    let (file, name) = match place {
        NetnsRef::Current => (
            netns::open_current(),
            "the current network namespace".to_owned(),
        ),
        NetnsRef::Path(path) => (
            netns::open(path),
            format!("network namespace {}", path.display()),
        ),
    };
    let file = file.map_err(RedirectError::io(format!("open {name}")))?;
    let ports = (settings.listen_port_v4, settings.listen_port_v6);
    let work = || listen_both(at, ports);
    let listeners = match place {
        NetnsRef::Current => work(),
        NetnsRef::Path(_) => netns::run_inside(file.as_fd(), work),
    }
    .map_err(|source| match source.kind() {
        io::ErrorKind::PermissionDenied => RedirectError::Privilege {
            action: "enter a network namespace",
            source,
        },
        _ => RedirectError::Io {
            action: format!(
                "listen on 127.0.0.1:{} in {name} (is lo up, the port free?)",
                ports.0
            ),
            source,
        },
    })?;
    let inode = file
        .metadata()
        .map_err(RedirectError::io(format!("stat {name}")))?
        .ino();
    let socket = &listeners
        .first()
        .expect("the IPv4 listener is always there")
        .socket;
    let cookie = netns::cookie_of(socket).map_err(RedirectError::io("read SO_NETNS_COOKIE"))?;
    Ok(Space {
        file,
        inode: inode as u32,
        cookie,
        listeners,
    })
}

/// IPv6 can be switched off in a namespace; IPv4 on loopback cannot be missing.
fn listen_both(netns: usize, (v4, v6): (u16, u16)) -> io::Result<Vec<Listener>> {
    let socket = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, v4)))?;
    let mut listeners = vec![Listener {
        socket,
        netns,
        family: Family::V4,
    }];
    match listen(SocketAddr::from((Ipv6Addr::LOCALHOST, v6))) {
        Ok(socket) => listeners.push(Listener {
            socket,
            netns,
            family: Family::V6,
        }),
        Err(error) if is_no_ipv6(&error) => {
            tracing::warn!(%error, "no IPv6 on loopback: IPv6 traffic follows the fail mode");
        }
        Err(error) => return Err(error),
    }
    Ok(listeners)
}

fn is_no_ipv6(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)
    )
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
