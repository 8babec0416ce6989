//! The addresses of this process's own TCP connections, as the kernel names them.
//!
//! The SDK keeps its sockets to itself, so they are asked by descriptor number:
//! `pidfd_getfd` on ourselves duplicates a descriptor without `unsafe`.

use std::{collections::BTreeSet, net::SocketAddr};

use rustix::{
    net::{getpeername, getsockname},
    process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open},
};

/// `(getsockname(), getpeername())` of each connected TCP socket that is open now.
/// Empty where `/proc` or pidfds are not to be had.
pub(crate) fn connected() -> BTreeSet<(SocketAddr, SocketAddr)> {
    let mut ends = BTreeSet::new();
    let Ok(own) = pidfd_open(getpid(), PidfdFlags::empty()) else {
        return ends;
    };
    let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") else {
        return ends;
    };
    for entry in descriptors.flatten() {
        let is_socket = std::fs::read_link(entry.path())
            .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
        let Some(number) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if !is_socket {
            continue;
        }
        let Ok(socket) = pidfd_getfd(&own, number, PidfdGetfdFlags::empty()) else {
            continue;
        };
        let (Ok(local), Ok(Some(peer))) = (getsockname(&socket), getpeername(&socket)) else {
            continue;
        };
        if let (Ok(local), Ok(peer)) = (SocketAddr::try_from(local), SocketAddr::try_from(peer)) {
            ends.insert((local, peer));
        }
    }
    ends
}
