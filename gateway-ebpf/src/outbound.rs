//! What connect4 and connect6 do, over the 16-byte form.
//!
//! Order is cost: most connections match no rule and leave after two lookups.

use aya_ebpf::{EbpfContext, helpers::generated::bpf_get_netns_cookie, programs::SockAddrContext};
use gateway_common::{
    Action, Addr16, Cfg, DIRECTION_INBOUND, DIRECTION_OUTBOUND, Liveness, OutKey, Reason,
    Transport, act, act_unsteerable, bypass_scope, is_coverable, listener_slot,
};

use crate::{
    ctx::sock_addr::transport_of,
    identity::remember,
    maps::{IN_PORTS, NETNS, OUT_RULES, SK_EXEMPT, count, enabled_cfg, liveness, socket_of},
};

/// Return value of the hook: go on.
pub(crate) const ALLOW: i32 = 1;
/// Return value of the hook: EPERM for the caller.
pub(crate) const DENY: i32 = 0;

/// What the hook has to do.
pub(crate) enum Verdict {
    /// Return this.
    Return(i32),
    /// Rewrite to the loopback address of this family, this port, and allow.
    Rewrite(Addr16, u32),
}

/// 127.0.0.1 and `::1`.
const LOOPBACK_V4: Addr16 = Addr16::from_v4_word(0x7f00_0001_u32.to_be());
const LOOPBACK_V6: Addr16 = Addr16 {
    words: [0, 0, 0, 1_u32.to_be()],
};

/// Decides a connect() to `asked:port`.
#[inline(always)]
pub(crate) fn connect(ctx: &SockAddrContext, asked: Addr16, port: u32) -> Verdict {
    let dst = asked.as_destination();
    let covered_out = is_covered(&dst, port);
    // SAFETY: a map of plain integers.
    let covered_port = unsafe { IN_PORTS.get(port) }.is_some();
    if !covered_out && !covered_port {
        return Verdict::Return(ALLOW);
    }
    let Some(cfg) = enabled_cfg() else {
        return Verdict::Return(ALLOW);
    };
    // SAFETY: the program's context.
    let cookie = unsafe { bpf_get_netns_cookie(ctx.as_ptr()) };
    if matches!(transport_of(ctx), Transport::Other) {
        // An inbound port alone says nothing about the destination; there sk_lookup
        // decides.
        return Verdict::Return(if covered_out {
            unsteerable(cfg, cookie, dst.is_v4())
        } else {
            ALLOW
        });
    }
    if let Some(exempt) = SK_EXEMPT.of(socket_of(ctx)) {
        // SAFETY: a map of plain integers.
        if let Some(slot) = unsafe { NETNS.get(cookie) } {
            *exempt = bypass_scope(slot.index);
        }
        if covered_out {
            count(Reason::Seen);
            count(Reason::Bypassed);
        }
        return Verdict::Return(ALLOW);
    }
    if !covered_out {
        // A server on this host, perhaps: sk_lookup decides at the destination.
        remember(ctx, cookie, dst, port, DIRECTION_INBOUND, 0);
        return Verdict::Return(ALLOW);
    }
    count(Reason::Seen);
    redirect(ctx, cfg, cookie, dst, port)
}

/// Whether an outbound rule names this destination.
#[inline(always)]
fn is_covered(dst: &Addr16, port: u32) -> bool {
    // SAFETY: a map of plain integers.
    unsafe { OUT_RULES.get(OutKey { addr: *dst, port }) }.is_some() && is_coverable(dst)
}

/// Decides one datagram to `asked:port` from a socket that is not connected.
#[inline(always)]
pub(crate) fn send(ctx: &SockAddrContext, asked: Addr16, port: u32) -> i32 {
    let dst = asked.as_destination();
    if !is_covered(&dst, port) {
        return ALLOW;
    }
    let Some(cfg) = enabled_cfg() else {
        return ALLOW;
    };
    // SAFETY: the program's context.
    let cookie = unsafe { bpf_get_netns_cookie(ctx.as_ptr()) };
    unsteerable(cfg, cookie, dst.is_v4())
}

/// A datagram (QUIC) or an SCTP socket to a covered destination.
#[inline(always)]
fn unsteerable(cfg: &Cfg, cookie: u64, v4: bool) -> i32 {
    count(Reason::Seen);
    let (liveness, _) = listener(cfg, cookie, v4);
    let (action, reason) = act_unsteerable(cfg.fail_outbound, liveness);
    count(reason);
    match action {
        Action::Pass => ALLOW,
        Action::Refuse | Action::Steer => DENY,
    }
}

#[inline(always)]
fn redirect(ctx: &SockAddrContext, cfg: &Cfg, cookie: u64, dst: Addr16, port: u32) -> Verdict {
    let (state, via_port) = match listener(cfg, cookie, dst.is_v4()) {
        (Liveness::Alive, 0) => (Liveness::NoSocket, 0),
        found => found,
    };
    let (action, reason) = act(cfg.fail_outbound, state);
    count(reason);
    match action {
        Action::Pass => Verdict::Return(ALLOW),
        Action::Refuse => Verdict::Return(DENY),
        Action::Steer => {
            if !remember(ctx, cookie, dst, port, DIRECTION_OUTBOUND, via_port) {
                return Verdict::Return(DENY);
            }
            let loopback = if dst.is_v4() {
                LOOPBACK_V4
            } else {
                LOOPBACK_V6
            };
            Verdict::Rewrite(loopback, via_port)
        }
    }
}

#[inline(always)]
fn listener(cfg: &Cfg, cookie: u64, v4: bool) -> (Liveness, u32) {
    // SAFETY: a map of plain integers.
    let Some(slot) = (unsafe { NETNS.get(cookie) }) else {
        return (Liveness::UnknownNetns, 0);
    };
    let port = if v4 { slot.port_v4 } else { slot.port_v6 };
    (
        liveness(cfg, listener_slot(slot.index, !v4)),
        u32::from(port),
    )
}
