//! Ports for listeners, unique over the tests of a process and over the test processes
//! of a machine.
//!
//! Below 32768: above it a listener collides with ephemeral ports of connections.
//! A process owns blocks of 64 ports; what makes a block its own is a listener on the
//! block's first port, held until the process ends. Programs that do not play along are
//! stepped around by trying each port first.

use std::{
    net::TcpListener,
    sync::{Mutex, PoisonError},
};

/// A port that nobody listens on, for this test alone.
///
/// # Panics
/// If no block is left: more than 180 test processes at once, or a leak.
pub fn free_port() -> u16 {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if pool.left.is_empty() {
            let (guard, ports) = claim_block();
            pool.guards.push(guard);
            pool.left = ports;
        }
        let Some(port) = pool.left.pop() else {
            continue;
        };
        if is_free(port) {
            return port;
        }
    }
}

struct Pool {
    /// What keeps other processes off our blocks.
    guards: Vec<TcpListener>,
    left: Vec<u16>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    guards: Vec::new(),
    left: Vec::new(),
});

fn claim_block() -> (TcpListener, Vec<u16>) {
    // Spread processes out, so that a port just closed is not taken again at once.
    let start = std::process::id() as u16 % BLOCKS;
    for step in 0..BLOCKS {
        let first = FIRST + (start + step) % BLOCKS * BLOCK;
        if let Ok(guard) = TcpListener::bind(("127.0.0.1", first)) {
            return (guard, (first + 1..first + BLOCK).rev().collect());
        }
    }
    panic!(
        "no free block of test ports between {FIRST} and {}",
        FIRST + BLOCKS * BLOCK
    );
}

fn is_free(port: u16) -> bool {
    // Both families: a server on [::] takes IPv4 as well.
    let v4 = TcpListener::bind(("0.0.0.0", port)).is_ok();
    let v6 = match TcpListener::bind(("::", port)) {
        Ok(_) => true,
        Err(error) => error.kind() != std::io::ErrorKind::AddrInUse,
    };
    v4 && v6
}

const FIRST: u16 = 20_480;
const BLOCK: u16 = 64;
const BLOCKS: u16 = 180; // up to 32000

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice_and_none_is_ephemeral() {
        let ports: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..50).map(|_| free_port()).collect::<Vec<_>>()))
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        let distinct: std::collections::HashSet<_> = ports.iter().collect();
        assert_eq!(distinct.len(), 200);
        assert!(ports.iter().all(|port| (1024..32_768).contains(port)));
    }

    #[test]
    fn a_port_in_use_is_not_free() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a listener");
        assert!(!is_free(taken.local_addr().expect("bound").port()));
    }
}
