//! sockops: carries identity and original destination from the client's socket
//! to the accepted one, and keeps the tuples of our upstream connections.
//!
//! Called about nine times per connection pair: everything that is not ours
//! leaves after the first compare, or after one lookup.

use core::{ffi::c_void, mem::offset_of};

use aya_ebpf::{
    EbpfContext,
    bindings::{
        BPF_ANY, BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB, BPF_SOCK_OPS_STATE_CB,
        BPF_SOCK_OPS_STATE_CB_FLAG, BPF_SOCK_OPS_TCP_CONNECT_CB, bpf_sock_ops,
    },
    macros::sock_ops,
    programs::SockOpsContext,
};
use aya_log_ebpf::{error, warn};
use gateway_common::{
    Addr16, DIRECTION_OWN, EXEMPT, FlowTuple, Identity, Reason, bypass_scope, loopback_scope,
};

use crate::{
    ctx::{AF_INET, load},
    load_words,
    maps::{BYPASS, NETNS, SK_ACCEPTED, SK_CLIENT, SK_EXEMPT, SK_LISTENER, TUPLES, count},
};

const TCP_CLOSE: u32 = 7;
const OP: usize = offset_of!(bpf_sock_ops, op);
const ARGS: usize = offset_of!(bpf_sock_ops, __bindgen_anon_1);
const FAMILY: usize = offset_of!(bpf_sock_ops, family);
const REMOTE_IP4: usize = offset_of!(bpf_sock_ops, remote_ip4);
const LOCAL_IP4: usize = offset_of!(bpf_sock_ops, local_ip4);
const REMOTE_IP6: usize = offset_of!(bpf_sock_ops, remote_ip6);
const LOCAL_IP6: usize = offset_of!(bpf_sock_ops, local_ip6);
const REMOTE_PORT: usize = offset_of!(bpf_sock_ops, remote_port);
const LOCAL_PORT: usize = offset_of!(bpf_sock_ops, local_port);

#[sock_ops]
fn on_sockops(ctx: SockOpsContext) -> u32 {
    match load::<OP>(ctx.as_ptr()) {
        BPF_SOCK_OPS_TCP_CONNECT_CB => connecting(&ctx),
        BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB => accepted(&ctx),
        BPF_SOCK_OPS_STATE_CB => changed_state(&ctx),
        _ => {}
    }
    1
}

/// The source port is known now, and the SYN has not left yet.
#[inline(always)]
fn connecting(ctx: &SockOpsContext) {
    let socket = socket_of(ctx);
    if socket.is_null() {
        return;
    }
    if let Some(identity) = SK_CLIENT.of(socket) {
        hand_over(ctx, identity);
    } else if let Some(scope) = SK_EXEMPT.of(socket).filter(|scope| **scope > EXEMPT) {
        let scope = *scope;
        let_through(ctx, scope);
    }
}

#[inline(always)]
fn hand_over(ctx: &SockOpsContext, identity: &Identity) {
    let mut tuple = tuple_of(ctx).from_here();
    if !identity.is_of(&tuple.dst, u32::from(tuple.dst_port)) {
        return;
    }
    tuple.scope = loopback_scope(&tuple, identity.netns_cookie);
    if TUPLES.insert(tuple, identity, u64::from(BPF_ANY)).is_err() {
        count(Reason::TupleMiss);
        warn!(
            ctx,
            "no room to hand over the connection of pid {}", identity.tgid
        );
    }
}

#[inline(always)]
fn let_through(ctx: &SockOpsContext, scope: u32) {
    let mut tuple = tuple_of(ctx).from_here();
    tuple.scope = u64::from(scope);
    let watched = ctx.set_cb_flags(BPF_SOCK_OPS_STATE_CB_FLAG as i32).is_ok();
    if watched && BYPASS.insert(tuple, scope, u64::from(BPF_ANY)).is_ok() {
        return;
    }
    error!(ctx, "no room in BYPASS: an upstream connection is refused");
    // It will be steered back to the gateway, which has to know and refuse it.
    let own = Identity {
        direction: DIRECTION_OWN,
        ..EMPTY
    };
    if TUPLES.insert(tuple, own, u64::from(BPF_ANY)).is_err() {
        count(Reason::TupleMiss);
    }
}

const EMPTY: Identity = Identity {
    pid: 0,
    tgid: 0,
    uid: 0,
    gid: 0,
    cgroup_id: 0,
    netns_cookie: 0,
    connected_ns: 0,
    comm: [0; 16],
    dst: Addr16 { words: [0; 4] },
    dst_port: 0,
    direction: 0,
    via_port: 0,
    pad: 0,
};

/// A connection to one of our listeners is complete; accept() comes after.
#[inline(always)]
fn accepted(ctx: &SockOpsContext) {
    let socket = socket_of(ctx);
    if socket.is_null() {
        return;
    }
    let Some(cookie) = SK_LISTENER.of(socket) else {
        return;
    };
    let mut tuple = tuple_of(ctx).from_there();
    tuple.scope = loopback_scope(&tuple, *cookie);
    if take_over(ctx, socket, &tuple) {
        return;
    }
    // A remote client, or one of our own that `let_through` could not let through.
    // SAFETY: a map of plain integers.
    if let Some(slot) = unsafe { NETNS.get(*cookie) } {
        tuple.scope = u64::from(bypass_scope(slot.index));
        take_over(ctx, socket, &tuple);
    }
}

/// Moves an entry of TUPLES to the accepted socket. False: there is none.
#[inline(always)]
fn take_over(ctx: &SockOpsContext, socket: *mut c_void, tuple: &FlowTuple) -> bool {
    // SAFETY: a map of plain integers; the value is copied before it is removed,
    // and nobody else has this tuple while the connection lives.
    let Some(identity) = (unsafe { TUPLES.get(tuple) }) else {
        return false;
    };
    if !SK_ACCEPTED.set(socket, identity) {
        count(Reason::TupleMiss);
        warn!(
            ctx,
            "no memory to hand over the connection of pid {}", identity.tgid
        );
    }
    // Gone already is as good.
    let _ = TUPLES.remove(tuple);
    true
}

/// Only sockets of our own upstream connections have asked for this call.
#[inline(always)]
fn changed_state(ctx: &SockOpsContext) {
    if load::<{ ARGS + 4 }>(ctx.as_ptr()) != TCP_CLOSE {
        return;
    }
    let socket = socket_of(ctx);
    if socket.is_null() {
        return;
    }
    let Some(scope) = SK_EXEMPT.of(socket) else {
        return;
    };
    let mut tuple = tuple_of(ctx).from_here();
    tuple.scope = u64::from(*scope);
    // Absent when it could not be put in.
    let _ = BYPASS.remove(tuple);
}

#[inline(always)]
fn socket_of(ctx: &SockOpsContext) -> *mut c_void {
    // SAFETY: the program's context.
    unsafe { (*ctx.ops).__bindgen_anon_2.sk.cast() }
}

/// Both ends of a socket.
struct Ends {
    local: Addr16,
    remote: Addr16,
    local_port: u16,
    remote_port: u16,
}

#[inline(always)]
fn tuple_of(ctx: &SockOpsContext) -> Ends {
    let base = ctx.as_ptr();
    let (local4, remote4) = (load::<LOCAL_IP4>(base), load::<REMOTE_IP4>(base));
    let (local6, remote6) = (load_words!(base, LOCAL_IP6), load_words!(base, REMOTE_IP6));
    let (local, remote) = if load::<FAMILY>(base) == AF_INET {
        (Addr16::from_v4_word(local4), Addr16::from_v4_word(remote4))
    } else {
        (Addr16 { words: local6 }, Addr16 { words: remote6 })
    };
    Ends {
        local,
        remote,
        // One is in host byte order, the other a big-endian word.
        local_port: load::<LOCAL_PORT>(base) as u16,
        remote_port: u32::from_be(load::<REMOTE_PORT>(base)) as u16,
    }
}

impl Ends {
    #[inline(always)]
    fn from_here(&self) -> FlowTuple {
        FlowTuple {
            scope: 0,
            src: self.local,
            dst: self.remote,
            src_port: self.local_port,
            dst_port: self.remote_port,
            pad: 0,
        }
    }

    #[inline(always)]
    fn from_there(&self) -> FlowTuple {
        FlowTuple {
            scope: 0,
            src: self.remote,
            dst: self.local,
            src_port: self.remote_port,
            dst_port: self.local_port,
            pad: 0,
        }
    }
}
