//! The maps. Names are part of the ABI: user space pins and opens by them.

use core::ffi::c_void;

use aya_ebpf::{
    EbpfContext, Global,
    bindings::{BPF_F_CLONE, BPF_F_NO_PREALLOC, BPF_SK_STORAGE_GET_F_CREATE, bpf_map_type},
    btf_maps::{Array, HashMap, LruHashMap, PerCpuArray, SockMap},
    helpers::{
        bpf_ktime_get_ns, bpf_map_lookup_elem, bpf_sk_release, generated::bpf_sk_storage_get,
    },
    macros::btf_map,
};
use gateway_common::{
    COUNTERS as COUNTERS_LEN, Cfg, FlowTuple, Identity, InKey, InValue, LISTENERS_PER_NETNS,
    Liveness, NETNS_MAX, NetnsSlot, OutKey, RULES_MAX, Reason, TUPLES_MAX, heartbeat_stale,
};

/// Number of the namespace that this copy of sk_lookup is attached to; set by
/// the loader, because that context does not tell the namespace.
#[unsafe(no_mangle)]
static NETNS_INDEX: Global<u32> = Global::new(0);

#[btf_map]
static CFG: Array<Cfg, 1> = Array::new();
#[btf_map]
static HEARTBEAT: Array<u64, 1> = Array::new();
#[btf_map]
pub(crate) static NETNS: HashMap<u64, NetnsSlot, { NETNS_MAX as usize }> = HashMap::new();
#[btf_map]
static IN_RULES: LpmTrie = LpmTrie::new();
#[btf_map]
pub(crate) static IN_PORTS: HashMap<u32, u32, { RULES_MAX as usize }> = HashMap::new();
#[btf_map]
pub(crate) static OUT_RULES: HashMap<OutKey, InValue, { RULES_MAX as usize }> = HashMap::new();
#[btf_map]
pub(crate) static LISTENERS: SockMap<{ (NETNS_MAX * LISTENERS_PER_NETNS) as usize }> =
    SockMap::new();
#[btf_map]
pub(crate) static SK_CLIENT: SkStorage<Identity> = SkStorage::new();
#[btf_map]
pub(crate) static SK_ACCEPTED: SkStorage<Identity> = SkStorage::new();
#[btf_map]
pub(crate) static SK_EXEMPT: SkStorage<u32> = SkStorage::new();
/// Set by user space on its listeners; the kernel copies it to each accepted
/// socket, which is how sockops knows one of ours.
#[btf_map]
pub(crate) static SK_LISTENER: SkStorage<u64, CLONED> = SkStorage::new();
#[btf_map]
pub(crate) static TUPLES: LruHashMap<FlowTuple, Identity, { TUPLES_MAX as usize }> =
    LruHashMap::new();
#[btf_map]
pub(crate) static BYPASS: HashMap<FlowTuple, u32, { TUPLES_MAX as usize }> = HashMap::new();
#[btf_map]
static COUNTERS: PerCpuArray<u64, { COUNTERS_LEN as usize }> = PerCpuArray::new();

const PLAIN: usize = BPF_F_NO_PREALLOC as usize;
const CLONED: usize = (BPF_F_NO_PREALLOC | BPF_F_CLONE) as usize;

/// Number of the namespace of this program.
#[inline(always)]
pub(crate) fn netns_index() -> u32 {
    NETNS_INDEX.load()
}

/// The settings, if the programs are switched on.
#[inline(always)]
pub(crate) fn enabled_cfg() -> Option<&'static Cfg> {
    CFG.get(0).filter(|cfg| cfg.enabled == 1)
}

/// Counts one event.
#[inline(always)]
pub(crate) fn count(reason: Reason) {
    if let Some(counter) = COUNTERS.get_ptr_mut(u32::from(reason.code())) {
        // SAFETY: this CPU's own slot; an interrupting program on the same CPU
        // can at worst lose a count.
        unsafe { *counter += 1 };
    }
}

/// The inbound rule that covers `key`, longest prefix first.
#[inline(always)]
pub(crate) fn in_rule(key: &InKey) -> bool {
    // SAFETY: map and key have the sizes that the map was made with.
    let value = unsafe { bpf_map_lookup_elem(IN_RULES.as_ptr(), core::ptr::from_ref(key).cast()) };
    !value.is_null()
}

/// Whether the heartbeat is too old.
#[inline(always)]
pub(crate) fn is_stale(cfg: &Cfg) -> bool {
    if cfg.heartbeat_max_ns == 0 {
        return false;
    }
    let beat = HEARTBEAT.get(0).map_or(0, |beat| *beat);
    // SAFETY: the helper takes no argument.
    heartbeat_stale(cfg, beat, unsafe { bpf_ktime_get_ns() })
}

/// Whether the gateway can take a connection in this slot now. For hooks that do
/// not assign the socket themselves.
#[inline(always)]
pub(crate) fn liveness(cfg: &Cfg, slot: u32) -> Liveness {
    let map = core::ptr::from_ref(&LISTENERS).cast_mut().cast();
    // SAFETY: key of four bytes; a socket that comes back is released below.
    let socket = unsafe { bpf_map_lookup_elem(map, core::ptr::from_ref(&slot).cast()) };
    if socket.is_null() {
        return Liveness::NoSocket;
    }
    // SAFETY: the reference that the lookup took.
    unsafe { bpf_sk_release(socket) };
    if is_stale(cfg) {
        Liveness::Stale
    } else {
        Liveness::Alive
    }
}

/// A map of one value per socket. The loader library's own type takes only one
/// kind of context and one set of flags.
#[repr(C)]
pub(crate) struct SkStorage<T, const FLAGS: usize = PLAIN> {
    r#type: *const [i32; bpf_map_type::BPF_MAP_TYPE_SK_STORAGE as usize],
    key: *const i32,
    value: *const T,
    max_entries: *const [i32; 0],
    map_flags: *const [i32; FLAGS],
}

// SAFETY: a definition for the loader; its pointers are never followed.
unsafe impl<T, const FLAGS: usize> Sync for SkStorage<T, FLAGS> {}

impl<T, const FLAGS: usize> SkStorage<T, FLAGS> {
    const fn new() -> Self {
        Self {
            r#type: core::ptr::null(),
            key: core::ptr::null(),
            value: core::ptr::null(),
            max_entries: core::ptr::null(),
            map_flags: core::ptr::null(),
        }
    }

    #[inline(always)]
    const fn as_ptr(&self) -> *mut c_void {
        core::ptr::from_ref(self).cast_mut().cast()
    }

    /// The value of a socket (not null), if it has one.
    #[inline(always)]
    pub(crate) fn of(&self, socket: *mut c_void) -> Option<&mut T> {
        // SAFETY: the verifier checks the socket; the value belongs to it and
        // lives as long, and only this CPU works on the socket now.
        unsafe {
            bpf_sk_storage_get(self.as_ptr(), socket, core::ptr::null_mut(), 0)
                .cast::<T>()
                .as_mut()
        }
    }

    /// Sets the value of a socket (not null). False: no memory.
    #[inline(always)]
    pub(crate) fn set(&self, socket: *mut c_void, value: &T) -> bool
    where
        T: Copy,
    {
        let initial = core::ptr::from_ref(value).cast_mut().cast();
        // SAFETY: as above; the helper only reads the initial value.
        let stored = unsafe {
            bpf_sk_storage_get(
                self.as_ptr(),
                socket,
                initial,
                u64::from(BPF_SK_STORAGE_GET_F_CREATE),
            )
            .cast::<T>()
            .as_mut()
        };
        match stored {
            Some(stored) => {
                // It can have had one from an earlier connect().
                *stored = *value;
                true
            }
            None => false,
        }
    }
}

/// The trie of inbound rules; its key is ours (aligned), not the library's.
#[repr(C)]
struct LpmTrie {
    r#type: *const [i32; bpf_map_type::BPF_MAP_TYPE_LPM_TRIE as usize],
    key: *const InKey,
    value: *const InValue,
    max_entries: *const [i32; (RULES_MAX * 16) as usize],
    map_flags: *const [i32; PLAIN],
}

// SAFETY: a definition for the loader; its pointers are never followed.
unsafe impl Sync for LpmTrie {}

impl LpmTrie {
    const fn new() -> Self {
        Self {
            r#type: core::ptr::null(),
            key: core::ptr::null(),
            value: core::ptr::null(),
            max_entries: core::ptr::null(),
            map_flags: core::ptr::null(),
        }
    }

    #[inline(always)]
    const fn as_ptr(&self) -> *mut c_void {
        core::ptr::from_ref(self).cast_mut().cast()
    }
}

/// The socket of a bpf_sock_addr context; never null.
#[inline(always)]
pub(crate) fn socket_of(ctx: &aya_ebpf::programs::SockAddrContext) -> *mut c_void {
    let addr = ctx.as_ptr().cast::<aya_ebpf::bindings::bpf_sock_addr>();
    // SAFETY: the program's context.
    unsafe { (*addr).__bindgen_anon_1.sk.cast() }
}
