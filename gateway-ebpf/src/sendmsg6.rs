//! cgroup/sendmsg6: datagrams (QUIC) to covered destinations are refused, so that
//! clients fall back to TCP.

use aya_ebpf::{macros::cgroup_sock_addr, programs::SockAddrContext};

use crate::{ctx::sock_addr::destination6, outbound};

#[cgroup_sock_addr(sendmsg6)]
fn sendmsg6(ctx: SockAddrContext) -> i32 {
    let (dst, port) = destination6(&ctx);
    outbound::send(&ctx, dst, port)
}
