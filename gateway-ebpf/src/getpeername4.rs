//! cgroup/getpeername4: the client goes on seeing the address that it asked for.
//!
//! accept() and getpeername() on an accepted socket come here too; those have
//! no SK_CLIENT value and are left alone.

use aya_ebpf::{macros::cgroup_sock_addr, programs::SockAddrContext};

use crate::{
    ctx::sock_addr::{destination4, rewrite4},
    maps::{SK_CLIENT, socket_of},
    outbound::ALLOW,
};

#[cgroup_sock_addr(getpeername4)]
fn getpeername4(ctx: SockAddrContext) -> i32 {
    let (peer, port) = destination4(&ctx);
    if peer.is_loopback()
        && let Some(identity) = SK_CLIENT.of(socket_of(&ctx))
        && identity.via_port != 0
        && identity.via_port == port
    {
        rewrite4(&ctx, &identity.dst, identity.dst_port);
    }
    ALLOW
}
