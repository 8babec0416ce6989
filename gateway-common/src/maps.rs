//! Keys and values of the maps.
//!
//! | map | type | key | value |
//! |---|---|---|---|
//! | `CFG` | array, 1 | 0 | [`Cfg`] |
//! | `HEARTBEAT` | array, 1 | 0 | `u64`, CLOCK_MONOTONIC ns of the last beat |
//! | `NETNS` | hash | netns cookie, `u64` | [`NetnsSlot`] |
//! | `IN_RULES` | LPM trie | [`InKey`] | [`InValue`] |
//! | `IN_PORTS` | hash | port, `u32` host order | rule count, `u32` |
//! | `OUT_RULES` | hash | [`OutKey`] | [`InValue`] |
//! | `LISTENERS` | SOCKMAP | [`listener_slot`] | socket |
//! | `SK_CLIENT` | SK_STORAGE | client socket | [`Identity`] |
//! | `SK_ACCEPTED` | SK_STORAGE | accepted socket | [`Identity`] |
//! | `SK_LISTENER` | SK_STORAGE, cloned to accepted sockets | our listener | netns cookie, `u64` |
//! | `SK_EXEMPT` | SK_STORAGE | our upstream socket | [`EXEMPT`], then [`bypass_scope`] |
//! | `TUPLES` | LRU hash | [`FlowTuple`] | [`Identity`] |
//! | `BYPASS` | hash | [`FlowTuple`] | `u32` |
//! | `COUNTERS` | per-CPU array | `Reason` code | `u64` |

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Addr16, Reason};

/// Version of all layouts in this file. Pins of another version are refused.
pub const ABI: u32 = 1;

/// [`Cfg::fail_inbound`], [`Cfg::fail_outbound`]: refuse the connection.
pub const FAIL_CLOSED: u32 = 0;
/// [`Cfg::fail_inbound`], [`Cfg::fail_outbound`]: let it go to the real server.
pub const FAIL_OPEN: u32 = 1;

/// [`Identity::direction`]: towards a server on this host.
pub const DIRECTION_INBOUND: u32 = 0;
/// [`Identity::direction`]: towards a server elsewhere.
pub const DIRECTION_OUTBOUND: u32 = 1;

/// [`Identity::direction`]: the gateway's own upstream connection, which could
/// not be let through and came back to the gateway. To be refused.
pub const DIRECTION_OWN: u32 = 2;

/// Value that user space gives to `SK_EXEMPT` of its upstream socket.
pub const EXEMPT: u32 = 1;

/// Value that the connect hook gives to `SK_EXEMPT` when the destination port is
/// covered, and [`FlowTuple::scope`] of that connection's `BYPASS` entry.
#[inline(always)]
pub const fn bypass_scope(netns_index: u32) -> u32 {
    netns_index + EXEMPT + 1
}

/// Network namespaces that can be covered at once.
pub const NETNS_MAX: u32 = 256;
/// Listeners of one namespace: IPv4 and IPv6.
pub const LISTENERS_PER_NETNS: u32 = 2;
/// Rules in one direction (for inbound: over all namespaces).
pub const RULES_MAX: u32 = 4096;
/// Connections between their connect() and their accept(), and upstream ones.
pub const TUPLES_MAX: u32 = 65_536;
/// Entries of `COUNTERS`; kernel reasons stay below this.
pub const COUNTERS: u32 = 32;

/// Index in `LISTENERS`.
#[inline(always)]
pub const fn listener_slot(netns_index: u32, v6: bool) -> u32 {
    netns_index * LISTENERS_PER_NETNS + v6 as u32
}

/// Settings of the programs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Cfg {
    /// [`ABI`] of the writer.
    pub abi: u32,
    /// 0: the programs do nothing; 1: they work.
    pub enabled: u32,
    /// [`FAIL_CLOSED`] or [`FAIL_OPEN`].
    pub fail_inbound: u32,
    /// [`FAIL_CLOSED`] or [`FAIL_OPEN`].
    pub fail_outbound: u32,
    /// Age in ns at which the heartbeat counts as lost; 0: not looked at.
    pub heartbeat_max_ns: u64,
}

/// A covered network namespace.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct NetnsSlot {
    /// Its number, below [`NETNS_MAX`]; also stands in the namespace's own copy
    /// of the sk_lookup program, whose context does not tell the namespace.
    pub index: u32,
    /// Port of the listener on 127.0.0.1, host byte order.
    pub port_v4: u16,
    /// Port of the listener on `::1`, host byte order.
    pub port_v6: u16,
}

/// Inbound rule: what follows the prefix length in the trie's key.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct InKey {
    /// Bits that count, from the start of `netns_index`:
    /// [`IN_KEY_FIXED_BITS`] plus the address prefix (of 128).
    pub prefix_bits: u32,
    /// [`NetnsSlot::index`].
    pub netns_index: u32,
    /// Local port, host byte order.
    pub port: u32,
    /// Local address.
    pub addr: Addr16,
}

/// Bits of [`InKey`] before the address that every rule fixes.
pub const IN_KEY_FIXED_BITS: u32 = 64;

/// What a rule carries.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct InValue {
    /// Number of the rule in the settings that wrote it.
    pub rule: u32,
}

/// Outbound rule: an exact destination.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct OutKey {
    /// Destination address.
    pub addr: Addr16,
    /// Destination port, host byte order.
    pub port: u32,
}

/// One direction of a TCP connection, client to server.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct FlowTuple {
    /// `BYPASS`, and `TUPLES` with [`DIRECTION_OWN`]: [`bypass_scope`]. Other
    /// `TUPLES`: the cookie when the destination is
    /// loopback (two namespaces can have that same tuple), else 0.
    pub scope: u64,
    /// Client address.
    pub src: Addr16,
    /// Address connected to.
    pub dst: Addr16,
    /// Client port, host byte order.
    pub src_port: u16,
    /// Port connected to, host byte order.
    pub dst_port: u16,
    /// Zero.
    pub pad: u32,
}

/// Who called connect(), and where to.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Identity {
    /// Thread id (init pid namespace).
    pub pid: u32,
    /// Process id (init pid namespace).
    pub tgid: u32,
    /// Real user id (init user namespace).
    pub uid: u32,
    /// Real group id (init user namespace).
    pub gid: u32,
    /// Cgroup v2 id: inode number of its directory.
    pub cgroup_id: u64,
    /// Cookie of the client's network namespace.
    pub netns_cookie: u64,
    /// CLOCK_BOOTTIME ns of the connect(): a process that started later has
    /// only inherited the pid.
    pub connected_ns: u64,
    /// Thread name, NUL padded.
    pub comm: [u8; 16],
    /// Address that the client asked for.
    pub dst: Addr16,
    /// Port that the client asked for, host byte order.
    pub dst_port: u32,
    /// [`DIRECTION_INBOUND`], [`DIRECTION_OUTBOUND`] or [`DIRECTION_OWN`].
    pub direction: u32,
    /// Port of the loopback listener that connect() was rewritten to, host byte
    /// order; 0 when it was not rewritten.
    pub via_port: u32,
    /// Zero.
    pub pad: u32,
}

impl Identity {
    /// Whether this belongs to a connection that now goes to `addr:port`. The
    /// same socket can have been connected elsewhere since (a retry).
    #[inline(always)]
    pub const fn is_of(&self, addr: &Addr16, port: u32) -> bool {
        if self.via_port != 0 {
            addr.is_loopback() && port == self.via_port
        } else {
            addr.same(&self.dst) && port == self.dst_port
        }
    }
}

const _: () = {
    assert!(size_of::<Cfg>() == 24);
    assert!(size_of::<NetnsSlot>() == 8);
    assert!(size_of::<InKey>() == 28);
    assert!(size_of::<OutKey>() == 20);
    assert!(size_of::<FlowTuple>() == 48);
    assert!(size_of::<Identity>() == 88);
    assert!((Reason::OwnTuple.code() as u32) < COUNTERS);
};

#[cfg(feature = "user")]
mod pod {
    use super::*;

    macro_rules! pods {
        ($($name:ty),*) => { $(
            // SAFETY: `repr(C)`, fixed-width integers only and no padding (the
            // zerocopy derives above refuse it), so every bit pattern is a value.
            unsafe impl aya::Pod for $name {}
        )* };
    }

    pods!(
        Addr16, Cfg, NetnsSlot, InKey, InValue, OutKey, FlowTuple, Identity
    );
}
