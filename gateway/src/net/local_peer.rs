//! The local process behind a loopback connection to an explicit listener,
//! where no kernel program has handed it over.
//!
//! The owner's uid is the kernel's word (`/proc/net/tcp`); the pid is looked up
//! afterwards and can be missing, for a process that has gone or that this user
//! may not look into. With the redirect in use this is not needed: there the
//! identity is taken in the connect hook, without a race.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use policy::Process;

/// Processes looked at before the search is given up.
const PROCESSES_MAX: usize = 4096;

/// Who owns the other end of a connection between `peer` and `local`, if both
/// are on this host.
pub fn process_of(peer: SocketAddr, local: SocketAddr) -> Option<Process> {
    if !peer.ip().to_canonical().is_loopback() {
        return None;
    }
    let table = if peer.is_ipv4() {
        "/proc/net/tcp"
    } else {
        "/proc/net/tcp6"
    };
    let text = fs::read_to_string(table).ok()?;
    let (peer, local) = (key(peer), key(local));
    let row = text.lines().skip(1).find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ends = (words.get(1)?, words.get(2)?);
        let same = ends.0.eq_ignore_ascii_case(&peer) && ends.1.eq_ignore_ascii_case(&local);
        same.then(|| Some((words.get(7)?.parse().ok()?, words.get(9)?.to_string())))
            .flatten()
    });
    let (uid, inode): (u32, String) = row?;
    let (pid, comm, exe) = holder(&inode).unwrap_or_default();
    Some(Process {
        pid,
        uid,
        gid: gid_of(pid).unwrap_or(uid),
        cgroup_id: 0,
        comm,
        exe,
        unit: None,
    })
}

/// Address and port as `/proc/net/tcp` writes them.
fn key(address: SocketAddr) -> String {
    let words = |bytes: &[u8]| -> String {
        let native = |c: &[u8]| c.try_into().map_or(0, u32::from_ne_bytes);
        bytes
            .chunks(4)
            .map(|c| format!("{:08X}", native(c)))
            .collect()
    };
    let ip = match address.ip() {
        IpAddr::V4(ip) => words(&ip.octets()),
        IpAddr::V6(ip) => words(&ip.octets()),
    };
    format!("{ip}:{:04X}", address.port())
}

/// The process with a descriptor of socket `inode`.
fn holder(inode: &str) -> Option<(u32, String, Option<String>)> {
    let wanted = format!("socket:[{inode}]");
    let pids = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    for pid in pids.take(PROCESSES_MAX) {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
            continue;
        };
        let holds = descriptors
            .flatten()
            .any(|d| fs::read_link(d.path()).is_ok_and(|l| l.as_os_str() == wanted.as_str()));
        if holds {
            let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            let exe = fs::read_link(format!("/proc/{pid}/exe")).ok();
            return Some((
                pid,
                comm.trim().into(),
                exe.map(|e| e.display().to_string()),
            ));
        }
    }
    None
}

fn gid_of(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("Gid:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_this_process_and_no_remote_one() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = std::net::TcpListener::bind(address).unwrap();
            let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (accepted, peer) = listener.accept().unwrap();
            let found = process_of(peer, accepted.local_addr().unwrap()).unwrap();
            assert_eq!(found.pid, std::process::id());
            assert_eq!(found.uid, rustix::process::getuid().as_raw());
            drop(client);
        }
        let remote = "192.0.2.1:5".parse().unwrap();
        assert_eq!(process_of(remote, "127.0.0.1:6".parse().unwrap()), None);
    }
}
