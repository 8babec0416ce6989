//! Who is calling: read in the connect hook, in the caller's own context.

use aya_ebpf::{
    EbpfContext,
    helpers::{
        bpf_get_current_cgroup_id, bpf_get_current_comm, bpf_get_current_pid_tgid,
        bpf_get_current_uid_gid, bpf_ktime_get_boot_ns,
    },
    programs::SockAddrContext,
};
use aya_log_ebpf::warn;
use gateway_common::{Addr16, Identity};

use crate::maps::{SK_CLIENT, socket_of};

/// Stores on the client's socket who it is and where it wants to go.
#[inline(always)]
pub(crate) fn remember(
    ctx: &SockAddrContext,
    netns_cookie: u64,
    dst: Addr16,
    dst_port: u32,
    direction: u32,
    via_port: u32,
) -> bool {
    let (pid_tgid, uid_gid) = (bpf_get_current_pid_tgid(), bpf_get_current_uid_gid());
    let identity = Identity {
        pid: pid_tgid as u32,
        tgid: (pid_tgid >> 32) as u32,
        uid: uid_gid as u32,
        gid: (uid_gid >> 32) as u32,
        // SAFETY: the helper takes no argument.
        cgroup_id: unsafe { bpf_get_current_cgroup_id() },
        netns_cookie,
        // SAFETY: the helper takes no argument.
        connected_ns: unsafe { bpf_ktime_get_boot_ns() },
        comm: bpf_get_current_comm().unwrap_or([0; 16]),
        dst,
        dst_port,
        direction,
        via_port,
        pad: 0,
    };
    let stored = SK_CLIENT.set(socket_of(ctx), &identity);
    if !stored {
        warn!(ctx, "no memory for the identity of pid {}", ctx.tgid());
    }
    stored
}
