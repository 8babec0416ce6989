//! A gateway of the smallest kind: it answers each connection with what the
//! redirect says about it.

use std::{
    net::{SocketAddr, TcpListener},
    os::fd::AsFd,
    thread::JoinHandle,
};

use gateway::redirect::{Attached, Direction, Held, MapHandles, Settings, attach};
use gateway_common::Reason;

use crate::host::echo_after;

/// The redirect with an accept loop on each listener.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) maps: MapHandles,
    pub(crate) held: Held,
    listeners: Vec<TcpListener>,
    threads: Vec<JoinHandle<()>>,
}

impl Gate {
    pub(crate) fn start(settings: &Settings) -> Self {
        let Attached { handoff, held } = attach(settings).expect("attaches");
        let maps = handoff.maps;
        let mut gate = Self {
            maps,
            held,
            listeners: Vec::new(),
            threads: Vec::new(),
        };
        for listener in handoff.listeners {
            let socket = listener.socket;
            socket.set_nonblocking(false).expect("blocks");
            gate.listeners.push(socket.try_clone().expect("duplicates"));
            let maps = gate.maps.clone();
            gate.threads
                .push(std::thread::spawn(move || accept(&socket, &maps)));
        }
        gate
    }

    /// Ports of the listeners, in the order v4, v6.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.listeners
            .iter()
            .map(|l| l.local_addr().expect("bound").port())
            .collect()
    }

    pub(crate) fn count(&self, reason: Reason) -> u64 {
        self.maps.counter(reason)
    }

    /// Closes the listeners and leaves everything else: a dead gateway.
    pub(crate) fn stop_listening(&mut self) {
        for listener in self.listeners.drain(..) {
            let _ = rustix::net::shutdown(&listener, rustix::net::Shutdown::Both);
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.stop_listening();
    }
}

fn accept(socket: &TcpListener, maps: &MapHandles) {
    while let Ok((stream, peer)) = socket.accept() {
        let maps = maps.clone();
        std::thread::spawn(move || {
            let local = stream.local_addr().expect("has an address");
            let line = describe(&maps, stream.as_fd(), local, peer);
            echo_after(stream, &line);
        });
    }
}

/// One line: `gate DESTINATION DIRECTION PEER`, then facts of the process.
fn describe(
    maps: &MapHandles,
    stream: std::os::fd::BorrowedFd<'_>,
    local: SocketAddr,
    peer: SocketAddr,
) -> String {
    let origin = match maps.origin_of(stream, local) {
        Ok(origin) => origin,
        Err(error) => return format!("refused {}\n", error.reason().label()),
    };
    let direction = match origin.direction {
        Direction::Inbound => "in",
        Direction::Outbound => "out",
    };
    let process = match origin.process {
        None => "remote".to_owned(),
        Some(p) => format!(
            "pid={} tid={} uid={} gid={} cgroup_id={} netns={} comm={} exe={} cgroup={}",
            p.pid,
            p.tid,
            p.uid,
            p.gid,
            p.cgroup_id,
            p.netns_cookie,
            p.comm,
            p.exe.unwrap_or_default().display(),
            p.cgroup.unwrap_or_default(),
        ),
    };
    format!("gate {} {direction} {peer} {process}\n", origin.destination)
}

/// The value of `key=` in a line of [`describe`].
pub(crate) fn fact<'a>(line: &'a str, key: &str) -> &'a str {
    let prefix = format!("{key}=");
    line.split(' ')
        .find_map(|part| part.strip_prefix(prefix.as_str()))
        .unwrap_or("")
}

/// The destination in a line of [`describe`]; empty if it is not one.
pub(crate) fn destination(line: &str) -> &str {
    match line.split(' ').collect::<Vec<_>>()[..] {
        ["gate", destination, ..] => destination,
        _ => "",
    }
}
