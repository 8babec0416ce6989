//! cgroup/connect6: takes the identity of the caller and rewrites covered
//! outbound connections to the gateway's listener.

use aya_ebpf::{macros::cgroup_sock_addr, programs::SockAddrContext};

use crate::{
    ctx::sock_addr::{destination6, rewrite6},
    outbound::{self, ALLOW, Verdict},
};

#[cgroup_sock_addr(connect6)]
fn connect6(ctx: SockAddrContext) -> i32 {
    let (dst, port) = destination6(&ctx);
    match outbound::connect(&ctx, dst, port) {
        Verdict::Return(value) => value,
        Verdict::Rewrite(loopback, via_port) => {
            rewrite6(&ctx, &loopback, via_port);
            ALLOW
        }
    }
}
