//! cgroup/sendmsg4: refuses datagrams (QUIC) to covered destinations, so that
//! clients fall back to TCP.

use aya_ebpf::{macros::cgroup_sock_addr, programs::SockAddrContext};
use gateway_common::Reason;

use crate::{
    ctx::sock_addr::destination4,
    maps::{count, enabled_cfg},
    outbound::{ALLOW, DENY, is_covered},
};

#[cgroup_sock_addr(sendmsg4)]
fn sendmsg4(ctx: SockAddrContext) -> i32 {
    let (dst, port) = destination4(&ctx);
    if !is_covered(&dst.as_destination(), port) || enabled_cfg().is_none() {
        return ALLOW;
    }
    count(Reason::Seen);
    count(Reason::UdpDenied);
    DENY
}
