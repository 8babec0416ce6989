//! The decision about one connection, without maps or context.
//!
//! The programs look facts up in the cheapest order and ask here what follows;
//! the same functions run in tests on the host.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Addr16, Cfg, FAIL_OPEN, FlowTuple, Reason};

/// Why the gateway's listener can or cannot take the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It is there and its heartbeat is fresh (or not looked at).
    Alive,
    /// Its slot in the SOCKMAP is empty: the gateway is dead.
    NoSocket,
    /// Its heartbeat is too old: the gateway hangs.
    Stale,
    /// The kernel refused to assign it.
    AssignError,
    /// The namespace has no listener.
    UnknownNetns,
}

/// What happens to a covered connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It goes to the gateway.
    Steer,
    /// It goes to the real server, uninspected (fail mode open).
    Pass,
    /// It is refused (fail mode closed).
    Refuse,
}

/// How a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP or MPTCP: can be steered.
    Stream,
    /// UDP, SCTP, anything else: a way around the gateway ([`act_unsteerable`]).
    Other,
}

const SOCK_STREAM: u32 = 1;
const IPPROTO_TCP: u32 = 6;
const IPPROTO_MPTCP: u32 = 262;

/// From `bpf_sock_addr::type` and `::protocol`.
#[inline(always)]
pub const fn transport(kind: u32, protocol: u32) -> Transport {
    if kind == SOCK_STREAM && (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP) {
        Transport::Stream
    } else {
        Transport::Other
    }
}

/// Whether the heartbeat is older than the settings allow. A beat that lies in
/// the future (it was written after `now_ns` was read) is fresh.
#[inline(always)]
pub const fn heartbeat_stale(cfg: &Cfg, beat_ns: u64, now_ns: u64) -> bool {
    cfg.heartbeat_max_ns != 0 && now_ns.saturating_sub(beat_ns) > cfg.heartbeat_max_ns
}

/// What follows for a covered connection under `fail` ([`Cfg::fail_inbound`] or
/// [`Cfg::fail_outbound`]), and what is counted.
#[inline(always)]
pub const fn act(fail: u32, liveness: Liveness) -> (Action, Reason) {
    let reason = match liveness {
        Liveness::Alive => return (Action::Steer, Reason::Steered),
        Liveness::NoSocket => Reason::NoSocket,
        Liveness::Stale => Reason::Stale,
        Liveness::AssignError => Reason::AssignError,
        Liveness::UnknownNetns => Reason::UnknownNetns,
    };
    // Any value that is not "open" is closed: a torn or foreign setting refuses.
    let action = if fail == FAIL_OPEN {
        Action::Pass
    } else {
        Action::Refuse
    };
    (action, reason)
}

/// What follows for a datagram, or another packet that cannot be steered, to a
/// covered destination. A live gateway has it refused in either mode, so that
/// clients fall back to TCP; a dead one does not close an open host.
#[inline(always)]
pub const fn act_unsteerable(fail: u32, liveness: Liveness) -> (Action, Reason) {
    match act(fail, liveness) {
        (Action::Pass, reason) => (Action::Pass, reason),
        (Action::Steer | Action::Refuse, _) => (Action::Refuse, Reason::UdpDenied),
    }
}

/// Instance metadata of EC2; never covered.
const METADATA_V4: Addr16 = Addr16::from_ip(IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)));
const METADATA_V6: Addr16 = Addr16::from_ip(IpAddr::V6(Ipv6Addr::new(
    0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254,
)));

/// False for the addresses that no rule may cover, however wide it is.
#[inline(always)]
pub const fn is_coverable(addr: &Addr16) -> bool {
    !addr.same(&METADATA_V4) && !addr.same(&METADATA_V6)
}

/// [`FlowTuple::scope`] of a `TUPLES` entry.
#[inline(always)]
pub const fn loopback_scope(tuple: &FlowTuple, netns_cookie: u64) -> u64 {
    if tuple.dst.is_loopback() {
        netns_cookie
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FAIL_CLOSED;

    #[test]
    fn a_live_listener_gets_the_connection_whatever_the_fail_mode() {
        for fail in [FAIL_CLOSED, FAIL_OPEN, 77] {
            assert_eq!(act(fail, Liveness::Alive), (Action::Steer, Reason::Steered));
        }
    }

    #[test]
    fn every_failure_follows_the_fail_mode_and_is_counted_by_name() {
        let failures = [
            (Liveness::NoSocket, Reason::NoSocket),
            (Liveness::Stale, Reason::Stale),
            (Liveness::AssignError, Reason::AssignError),
            (Liveness::UnknownNetns, Reason::UnknownNetns),
        ];
        for (liveness, reason) in failures {
            assert_eq!(act(FAIL_CLOSED, liveness), (Action::Refuse, reason));
            assert_eq!(act(FAIL_OPEN, liveness), (Action::Pass, reason));
            assert_eq!(
                act(u32::MAX, liveness),
                (Action::Refuse, reason),
                "unknown is closed"
            );
        }
    }

    #[test]
    fn heartbeat_is_stale_only_past_its_limit() {
        let cfg = Cfg {
            heartbeat_max_ns: 100,
            ..Cfg::default()
        };
        assert!(!heartbeat_stale(&cfg, 1_000, 1_100));
        assert!(heartbeat_stale(&cfg, 1_000, 1_101));
        assert!(
            !heartbeat_stale(&cfg, 1_000, 900),
            "a beat after the reading of the clock"
        );
        assert!(
            !heartbeat_stale(&Cfg::default(), 0, u64::MAX),
            "not configured"
        );
    }

    #[test]
    fn only_tcp_and_mptcp_streams_can_be_steered() {
        assert_eq!(transport(1, 6), Transport::Stream);
        assert_eq!(transport(1, 262), Transport::Stream);
        for (kind, protocol) in [(2, 17), (1, 132), (5, 132), (3, 6), (3, 255)] {
            assert_eq!(
                transport(kind, protocol),
                Transport::Other,
                "{kind} {protocol}"
            );
        }
    }

    #[test]
    fn what_cannot_be_steered_passes_only_an_open_host_without_a_gateway() {
        let refused = (Action::Refuse, Reason::UdpDenied);
        for fail in [FAIL_CLOSED, FAIL_OPEN, 77] {
            assert_eq!(act_unsteerable(fail, Liveness::Alive), refused);
        }
        for liveness in [Liveness::NoSocket, Liveness::Stale, Liveness::UnknownNetns] {
            assert_eq!(act_unsteerable(FAIL_CLOSED, liveness), refused);
            assert_eq!(
                act_unsteerable(u32::MAX, liveness),
                refused,
                "unknown is closed"
            );
            assert_eq!(
                act_unsteerable(FAIL_OPEN, liveness),
                act(FAIL_OPEN, liveness)
            );
        }
    }

    #[test]
    fn metadata_is_never_coverable() {
        let addr = |text: &str| Addr16::from_ip(text.parse().expect("written here"));
        assert!(!is_coverable(&addr("169.254.169.254")));
        assert!(!is_coverable(&addr("::ffff:169.254.169.254")));
        assert!(!is_coverable(&addr("fd00:ec2::254")));
        assert!(is_coverable(&addr("169.254.169.253")));
    }

    #[test]
    fn loopback_tuples_are_told_apart_by_namespace() {
        let dst = Addr16::from_ip("127.0.0.1".parse().expect("written here"));
        let tuple = FlowTuple {
            dst,
            ..FlowTuple::default()
        };
        assert_eq!(loopback_scope(&tuple, 42), 42);
        assert_eq!(loopback_scope(&FlowTuple::default(), 42), 0);
    }
}
