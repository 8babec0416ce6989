//! The one small interface between the redirect half and the gateway: listening
//! sockets and map descriptors. Nothing here needs the object, the links or a
//! privilege (from Linux 5.19 on), so that another process can be the holder.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::fd::{AsRawFd, BorrowedFd},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use gateway_common::{
    COUNTERS, Cfg, DIRECTION_OUTBOUND, DIRECTION_OWN, FlowTuple, Identity, NetnsSlot, Reason,
};

use super::{
    OriginError,
    process::{CgroupNames, ProcessFacts},
};
use crate::sys::bpf::{Map, PerCpuCounters};

/// Everything the gateway needs from the redirect.
#[derive(Debug)]
pub struct Handoff {
    /// Sockets to accept from; all non-blocking and listening.
    pub listeners: Vec<Listener>,
    /// Origins, exemption, counters, heartbeat.
    pub maps: MapHandles,
}

/// A listening socket in a covered namespace.
#[derive(Debug)]
pub struct Listener {
    /// The socket: loopback, non-blocking.
    pub socket: TcpListener,
    /// Position in `Settings::netns`.
    pub netns: usize,
    /// Its address family.
    pub family: Family,
}

/// Address family of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4 (and IPv4 in its mapped form).
    V4,
    /// IPv6.
    V6,
}

/// Which way a connection goes, seen from this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To a server on this host.
    Inbound,
    /// From this host to a server elsewhere.
    Outbound,
}

/// Where an accepted connection comes from and was meant to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowOrigin {
    /// What the client connected to; a mapped IPv4 address as IPv4.
    pub destination: SocketAddr,
    /// Which way.
    pub direction: Direction,
    /// The process on this host that called connect(); `None` for a remote
    /// client (or a local one behind NAT).
    pub process: Option<ProcessFacts>,
}

/// Map descriptors; cheap to clone, usable from any thread.
#[derive(Clone, Debug)]
pub struct MapHandles(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    accepted: Map<i32, Identity>,
    exempt: Map<i32, u32>,
    heartbeat: Map<u32, u64>,
    cfg: Map<u32, Cfg>,
    netns: Map<u64, NetnsSlot>,
    bypass: Map<FlowTuple, u32>,
    counters: PerCpuCounters,
    cgroups: Mutex<CgroupNames>,
}

impl MapHandles {
    pub(super) fn open(pins: &Path, cgroups: CgroupNames) -> io::Result<Self> {
        Ok(Self(Arc::new(Handles {
            accepted: Map::open(&pins.join("SK_ACCEPTED"))?,
            exempt: Map::open(&pins.join("SK_EXEMPT"))?,
            heartbeat: Map::open(&pins.join("HEARTBEAT"))?,
            cfg: Map::open(&pins.join("CFG"))?,
            netns: Map::open(&pins.join("NETNS"))?,
            bypass: Map::open(&pins.join("BYPASS"))?,
            counters: PerCpuCounters::open(&pins.join("COUNTERS"))?,
            cgroups: Mutex::new(cgroups),
        })))
    }

    /// Where `accepted` was meant to go, and who called. `local` is its
    /// `getsockname()`.
    ///
    /// # Errors
    /// [`OriginError::Direct`] when it was made to the gateway's own port. The
    /// connection is to be refused on any error.
    pub fn origin_of(
        &self,
        accepted: BorrowedFd<'_>,
        local: SocketAddr,
    ) -> Result<FlowOrigin, OriginError> {
        let identity = self.0.accepted.lookup(&accepted.as_raw_fd())?;
        let (destination, direction) = match &identity {
            Some(known) if known.direction == DIRECTION_OUTBOUND => {
                let port = u16::try_from(known.dst_port).map_err(|_| OriginError::Direct)?;
                (known.dst.to_socket(port), Direction::Outbound)
            }
            Some(known) if known.direction == DIRECTION_OWN => return Err(OriginError::Own),
            _ if self.is_own(local)? => return Err(OriginError::Direct),
            _ => (
                SocketAddr::new(local.ip().to_canonical(), local.port()),
                Direction::Inbound,
            ),
        };
        let process = identity.map(|identity| {
            let mut cgroups = self.0.cgroups.lock().unwrap_or_else(|bad| bad.into_inner());
            ProcessFacts::resolve(&identity, &mut cgroups)
        });
        Ok(FlowOrigin {
            destination,
            direction,
            process,
        })
    }

    /// Marks a socket, before its connect(), as the gateway's own: it is not
    /// redirected. The mark dies with the socket.
    pub fn exempt(&self, upstream: BorrowedFd<'_>) -> io::Result<()> {
        self.0.exempt.update(&upstream.as_raw_fd(), &1)
    }

    /// What the programs counted since they were first attached, by reason.
    pub fn counters(&self) -> Vec<(Reason, u64)> {
        let kernel = Reason::ALL
            .iter()
            .filter(|r| (1..COUNTERS).contains(&u32::from(r.code())));
        kernel
            .filter_map(|r| Some((*r, self.0.counters.sum(u32::from(r.code())).ok()?)))
            .collect()
    }

    /// One count of [`MapHandles::counters`].
    pub fn counter(&self, reason: Reason) -> u64 {
        self.0.counters.sum(u32::from(reason.code())).unwrap_or(0)
    }

    /// Says that the gateway is alive. To be called, from the loop that accepts,
    /// several times per `Settings::heartbeat`.
    pub fn beat(&self) -> io::Result<()> {
        self.0.heartbeat.update(&0, &monotonic_ns())
    }

    /// Time since the last [`MapHandles::beat`].
    pub fn beat_age(&self) -> io::Result<Duration> {
        let beat = self.0.heartbeat.lookup(&0)?.unwrap_or(0);
        Ok(Duration::from_nanos(monotonic_ns().saturating_sub(beat)))
    }

    /// Upstream connections of the gateway that the programs let through now.
    pub fn bypassed(&self) -> io::Result<usize> {
        Ok(self
            .0
            .bypass
            .keys(gateway_common::TUPLES_MAX as usize)?
            .len())
    }

    /// Whether the programs are switched on.
    pub fn enabled(&self) -> io::Result<bool> {
        Ok(self.0.cfg.lookup(&0)?.is_some_and(|cfg| cfg.enabled == 1))
    }

    fn is_own(&self, local: SocketAddr) -> io::Result<bool> {
        if !local.ip().to_canonical().is_loopback() {
            return Ok(false);
        }
        for cookie in self.0.netns.keys(gateway_common::NETNS_MAX as usize)? {
            let slot = self.0.netns.lookup(&cookie)?.unwrap_or_default();
            let v4 = local.ip().to_canonical().is_ipv4();
            if local.port() == if v4 { slot.port_v4 } else { slot.port_v6 } {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}
