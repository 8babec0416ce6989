//! Reading and writing context fields at fixed offsets.
//!
//! The verifier allows a context access only as base register plus constant.
//! The compiler likes to merge the branches for IPv4 and IPv6 into one access
//! through a computed pointer ("dereference of modified ctx ptr"); these
//! instructions it cannot merge.

/// Reads the 32-bit field at `offset`.
#[inline(always)]
pub(crate) fn load<const OFFSET: usize>(ctx: *const core::ffi::c_void) -> u32 {
    #[cfg(target_arch = "bpf")]
    // SAFETY: `ctx` is the program's context; the verifier checks the access.
    unsafe {
        let value: u64;
        core::arch::asm!(
            "{value} = *(u32 *)({ctx} + {offset})",
            value = out(reg) value,
            ctx = in(reg) ctx,
            offset = const OFFSET,
            options(nostack, readonly, preserves_flags),
        );
        value as u32
    }
    #[cfg(not(target_arch = "bpf"))]
    // SAFETY: as above; only so that the code type-checks on the host.
    unsafe {
        ctx.byte_add(OFFSET).cast::<u32>().read()
    }
}

/// Writes the 32-bit field at `offset`.
#[inline(always)]
pub(crate) fn store<const OFFSET: usize>(ctx: *mut core::ffi::c_void, value: u32) {
    #[cfg(target_arch = "bpf")]
    // SAFETY: `ctx` is the program's context; the verifier checks the access.
    unsafe {
        core::arch::asm!(
            "*(u32 *)({ctx} + {offset}) = {value}",
            ctx = in(reg) ctx,
            value = in(reg) u64::from(value),
            offset = const OFFSET,
            options(nostack, preserves_flags),
        );
    }
    #[cfg(not(target_arch = "bpf"))]
    // SAFETY: as above; only so that the code type-checks on the host.
    unsafe {
        ctx.byte_add(OFFSET).cast::<u32>().write(value);
    }
}

/// Reads four 32-bit fields from `offset` on.
#[macro_export]
macro_rules! load_words {
    ($ctx:expr, $offset:expr) => {
        [
            $crate::ctx::load::<{ $offset }>($ctx),
            $crate::ctx::load::<{ $offset + 4 }>($ctx),
            $crate::ctx::load::<{ $offset + 8 }>($ctx),
            $crate::ctx::load::<{ $offset + 12 }>($ctx),
        ]
    };
}

/// `AF_INET`.
pub(crate) const AF_INET: u32 = 2;
/// `AF_INET6`.
pub(crate) const AF_INET6: u32 = 10;

/// Fields of struct bpf_sock_addr, for the hooks of both families.
pub(crate) mod sock_addr {
    use core::mem::offset_of;

    use aya_ebpf::{EbpfContext, bindings::bpf_sock_addr, programs::SockAddrContext};
    use gateway_common::{Addr16, Transport, transport};

    use super::{load, store};

    const IP4: usize = offset_of!(bpf_sock_addr, user_ip4);
    const IP6: usize = offset_of!(bpf_sock_addr, user_ip6);
    const PORT: usize = offset_of!(bpf_sock_addr, user_port);
    const KIND: usize = offset_of!(bpf_sock_addr, type_);
    const PROTOCOL: usize = offset_of!(bpf_sock_addr, protocol);

    /// Address and port (host byte order) in a hook for IPv4.
    #[inline(always)]
    pub(crate) fn destination4(ctx: &SockAddrContext) -> (Addr16, u32) {
        let base = ctx.as_ptr();
        (Addr16::from_v4_word(load::<IP4>(base)), port(ctx))
    }

    /// Address and port (host byte order) in a hook for IPv6.
    #[inline(always)]
    pub(crate) fn destination6(ctx: &SockAddrContext) -> (Addr16, u32) {
        (
            Addr16 {
                words: crate::load_words!(ctx.as_ptr(), IP6),
            },
            port(ctx),
        )
    }

    #[inline(always)]
    fn port(ctx: &SockAddrContext) -> u32 {
        // The field holds the 16 bits as they stand in the header.
        u32::from(u16::from_be(load::<PORT>(ctx.as_ptr()) as u16))
    }

    /// How the socket speaks.
    #[inline(always)]
    pub(crate) fn transport_of(ctx: &SockAddrContext) -> Transport {
        transport(load::<KIND>(ctx.as_ptr()), load::<PROTOCOL>(ctx.as_ptr()))
    }

    /// Puts another destination in, IPv4.
    #[inline(always)]
    pub(crate) fn rewrite4(ctx: &SockAddrContext, addr: &Addr16, to_port: u32) {
        store::<IP4>(ctx.as_ptr(), addr.words[3]);
        rewrite_port(ctx, to_port);
    }

    /// Puts another destination in, IPv6. A mapped IPv4 address is replaced by
    /// a mapped one, so that only the last word changes.
    #[inline(always)]
    pub(crate) fn rewrite6(ctx: &SockAddrContext, addr: &Addr16, to_port: u32) {
        if !addr.is_v4() {
            store::<IP6>(ctx.as_ptr(), addr.words[0]);
            store::<{ IP6 + 4 }>(ctx.as_ptr(), addr.words[1]);
            store::<{ IP6 + 8 }>(ctx.as_ptr(), addr.words[2]);
        }
        store::<{ IP6 + 12 }>(ctx.as_ptr(), addr.words[3]);
        rewrite_port(ctx, to_port);
    }

    #[inline(always)]
    fn rewrite_port(ctx: &SockAddrContext, port: u32) {
        store::<PORT>(ctx.as_ptr(), u32::from((port as u16).to_be()));
    }
}
