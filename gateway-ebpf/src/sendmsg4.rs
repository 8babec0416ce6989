//! cgroup/sendmsg4: datagrams (QUIC) to covered destinations are refused, so that
//! clients fall back to TCP.

use aya_ebpf::{macros::cgroup_sock_addr, programs::SockAddrContext};

use crate::{ctx::sock_addr::destination4, outbound};

#[cgroup_sock_addr(sendmsg4)]
fn sendmsg4(ctx: SockAddrContext) -> i32 {
    let (dst, port) = destination4(&ctx);
    outbound::send(&ctx, dst, port)
}
