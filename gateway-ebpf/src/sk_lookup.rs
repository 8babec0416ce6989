//! sk_lookup: which socket takes a new connection to a covered local address.
//! Called once per SYN, and once more per ACK when syncookies are in use.

use core::mem::offset_of;

use aya_ebpf::{
    EbpfContext,
    bindings::{bpf_sk_lookup, sk_action},
    macros::sk_lookup,
    programs::SkLookupContext,
};
use aya_log_ebpf::error;
use gateway_common::{
    Action, Addr16, Cfg, FlowTuple, IN_KEY_FIXED_BITS, InKey, Liveness, Reason, act,
    act_unsteerable, bypass_scope, is_coverable, listener_slot,
};

use crate::{
    ctx::{AF_INET, AF_INET6, load},
    load_words,
    maps::{BYPASS, LISTENERS, count, enabled_cfg, in_rule, is_stale, liveness, netns_index},
};

const PASS: u32 = sk_action::SK_PASS;
const DROP: u32 = sk_action::SK_DROP;
const IPPROTO_TCP: u32 = 6;
const ENOENT: i32 = -2;

const FAMILY: usize = offset_of!(bpf_sk_lookup, family);
const PROTOCOL: usize = offset_of!(bpf_sk_lookup, protocol);
const REMOTE_IP4: usize = offset_of!(bpf_sk_lookup, remote_ip4);
const REMOTE_IP6: usize = offset_of!(bpf_sk_lookup, remote_ip6);
const REMOTE_PORT: usize = offset_of!(bpf_sk_lookup, remote_port);
const LOCAL_IP4: usize = offset_of!(bpf_sk_lookup, local_ip4);
const LOCAL_IP6: usize = offset_of!(bpf_sk_lookup, local_ip6);
const LOCAL_PORT: usize = offset_of!(bpf_sk_lookup, local_port);

#[sk_lookup]
fn on_sk_lookup(ctx: SkLookupContext) -> u32 {
    let base = ctx.as_ptr();
    let family = load::<FAMILY>(base);
    let (local4, local6) = (load::<LOCAL_IP4>(base), load_words!(base, LOCAL_IP6));
    let local = select(family, local4, local6);
    let port = load::<LOCAL_PORT>(base);
    let key = InKey {
        prefix_bits: IN_KEY_FIXED_BITS + 128,
        netns_index: netns_index(),
        port,
        addr: local,
    };
    if !in_rule(&key) || !is_coverable(&local) {
        return PASS;
    }
    let Some(cfg) = enabled_cfg() else {
        return PASS;
    };
    count(Reason::Seen);
    if load::<PROTOCOL>(base) != IPPROTO_TCP {
        return datagram(cfg, family == AF_INET6);
    }
    if is_bypassed(&ctx, family, local, port) {
        count(Reason::Bypassed);
        return PASS;
    }
    steer(&ctx, cfg, family == AF_INET6)
}

/// Whether this is one of the gateway's own upstream connections, made in this
/// namespace.
#[inline(always)]
fn is_bypassed(ctx: &SkLookupContext, family: u32, local: Addr16, port: u32) -> bool {
    let base = ctx.as_ptr();
    let (remote4, remote6) = (load::<REMOTE_IP4>(base), load_words!(base, REMOTE_IP6));
    let tuple = FlowTuple {
        scope: u64::from(bypass_scope(netns_index())),
        src: select(family, remote4, remote6),
        dst: local,
        // 16 bits as in the header, then zeroes.
        src_port: u16::from_be(load::<REMOTE_PORT>(base) as u16),
        dst_port: port as u16,
        pad: 0,
    };
    // SAFETY: a map of plain integers.
    unsafe { BYPASS.get(tuple) }.is_some()
}

/// A datagram that no connected socket takes.
#[inline(always)]
fn datagram(cfg: &Cfg, v6: bool) -> u32 {
    let liveness = liveness(cfg, listener_slot(netns_index(), v6));
    let (action, reason) = act_unsteerable(cfg.fail_inbound, liveness);
    count(reason);
    match action {
        Action::Pass => PASS,
        Action::Refuse | Action::Steer => DROP,
    }
}

#[inline(always)]
fn steer(ctx: &SkLookupContext, cfg: &Cfg, v6: bool) -> u32 {
    let liveness = if is_stale(cfg) {
        Liveness::Stale
    } else {
        match LISTENERS.redirect_sk_lookup(ctx, listener_slot(netns_index(), v6), 0) {
            Ok(()) => Liveness::Alive,
            Err(ENOENT) => Liveness::NoSocket,
            Err(code) => {
                error!(ctx, "bpf_sk_assign failed: {}", code);
                Liveness::AssignError
            }
        }
    };
    let (action, reason) = act(cfg.fail_inbound, liveness);
    count(reason);
    match action {
        Action::Steer | Action::Pass => PASS,
        Action::Refuse => DROP,
    }
}

#[inline(always)]
fn select(family: u32, v4: u32, v6: [u32; 4]) -> Addr16 {
    if family == AF_INET {
        Addr16::from_v4_word(v4)
    } else {
        Addr16 { words: v6 }
    }
}
