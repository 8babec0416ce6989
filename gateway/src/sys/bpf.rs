//! bpf(2) for what the loader library does not offer, or offers only on types
//! that cannot be shared between threads or sent over a socket: elements of maps
//! by descriptor, pins, links.
//!
//! A map is only ever reached with the key and value types of
//! `gateway-common`; [`Map`] checks their sizes against the kernel once, when
//! it is opened, because the kernel copies as many bytes as the map says.

use std::{
    ffi::CString,
    io,
    marker::PhantomData,
    mem::MaybeUninit,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use aya_obj::generated::{
    bpf_attr, bpf_cmd, bpf_link_info, bpf_map_info, bpf_map_type, bpf_prog_info,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A map by descriptor, with the types of its keys and values.
#[derive(Debug)]
pub struct Map<K, V> {
    fd: OwnedFd,
    kinds: PhantomData<fn(K) -> V>,
}

impl<K: IntoBytes + FromBytes + Immutable, V: IntoBytes + FromBytes + Immutable> Map<K, V> {
    /// Opens a pinned map.
    ///
    /// # Errors
    /// `InvalidData` when the map's sizes are not those of `K` and `V`.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::from_fd(open_pin(path)?)
    }

    /// Takes over a descriptor, for example one that came over a socket.
    ///
    /// # Errors
    /// `InvalidData` when the map's sizes are not those of `K` and `V`.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        // SAFETY: bpf_map_info is plain integers; the kernel writes at most its size.
        let info: bpf_map_info = unsafe { object_info(fd.as_fd())? };
        if info.key_size as usize != size_of::<K>() || info.value_size as usize != size_of::<V>() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "map has another layout",
            ));
        }
        let per_cpu = [
            bpf_map_type::BPF_MAP_TYPE_PERCPU_ARRAY as u32,
            bpf_map_type::BPF_MAP_TYPE_PERCPU_HASH as u32,
        ];
        if per_cpu.contains(&info.type_) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "map is per cpu"));
        }
        Ok(Self {
            fd,
            kinds: PhantomData,
        })
    }

    /// The value of `key`, if there is one.
    pub fn lookup(&self, key: &K) -> io::Result<Option<V>> {
        let mut value = MaybeUninit::<V>::zeroed();
        let attr = elem_attr(
            self.fd.as_fd(),
            key.as_bytes().as_ptr() as u64,
            value.as_mut_ptr() as u64,
        );
        match call(bpf_cmd::BPF_MAP_LOOKUP_ELEM, &attr) {
            // SAFETY: zeroed, and V is FromBytes, so any bytes are a value.
            Ok(_) => Ok(Some(unsafe { value.assume_init() })),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Inserts or replaces.
    pub fn update(&self, key: &K, value: &V) -> io::Result<()> {
        let attr = elem_attr(
            self.fd.as_fd(),
            key.as_bytes().as_ptr() as u64,
            value.as_bytes().as_ptr() as u64,
        );
        call(bpf_cmd::BPF_MAP_UPDATE_ELEM, &attr).map(drop)
    }

    /// Removes; that there was nothing is no error.
    pub fn delete(&self, key: &K) -> io::Result<()> {
        let attr = elem_attr(self.fd.as_fd(), key.as_bytes().as_ptr() as u64, 0);
        match call(bpf_cmd::BPF_MAP_DELETE_ELEM, &attr) {
            Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
            _ => Ok(()),
        }
    }

    /// All keys, at most `limit` of them (another writer could make the walk
    /// endless).
    pub fn keys(&self, limit: usize) -> io::Result<Vec<K>> {
        let mut keys = Vec::new();
        while keys.len() < limit {
            match self.next_key(keys.last())? {
                Some(key) => keys.push(key),
                None => break,
            }
        }
        Ok(keys)
    }

    fn next_key(&self, after: Option<&K>) -> io::Result<Option<K>> {
        let mut next = K::new_zeroed();
        let attr = elem_attr(
            self.fd.as_fd(),
            after.map_or(0, |key| key.as_bytes().as_ptr() as u64),
            next.as_mut_bytes().as_mut_ptr() as u64,
        );
        match call(bpf_cmd::BPF_MAP_GET_NEXT_KEY, &attr) {
            Ok(_) => Ok(Some(next)),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl<K, V> AsFd for Map<K, V> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A per-CPU array of `u64`, by descriptor.
#[derive(Debug)]
pub struct PerCpuCounters {
    fd: OwnedFd,
    cpus: usize,
}

impl PerCpuCounters {
    /// Opens the pinned array.
    ///
    /// # Errors
    /// `InvalidData` when the pin is something else.
    pub fn open(path: &Path) -> io::Result<Self> {
        let fd = open_pin(path)?;
        // SAFETY: bpf_map_info is plain integers; the kernel writes at most its size.
        let info: bpf_map_info = unsafe { object_info(fd.as_fd())? };
        if info.type_ != bpf_map_type::BPF_MAP_TYPE_PERCPU_ARRAY as u32
            || info.key_size != 4
            || info.value_size != 8
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "map has another layout",
            ));
        }
        let cpus = aya::util::nr_cpus().map_err(|(_, error)| error)?;
        Ok(Self { fd, cpus })
    }

    /// Sum over all CPUs of one entry.
    pub fn sum(&self, index: u32) -> io::Result<u64> {
        let mut values = vec![0_u64; self.cpus];
        let attr = elem_attr(
            self.fd.as_fd(),
            std::ptr::from_ref(&index) as u64,
            values.as_mut_ptr() as u64,
        );
        call(bpf_cmd::BPF_MAP_LOOKUP_ELEM, &attr)?;
        Ok(values.iter().fold(0, |sum, value| sum.wrapping_add(*value)))
    }
}

/// Opens any pinned object (BPF_OBJ_GET).
pub fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    let mut attr = zeroed_attr();
    attr.__bindgen_anon_4.pathname = name.as_ptr() as u64;
    let fd = call(bpf_cmd::BPF_OBJ_GET, &attr)?;
    // SAFETY: the kernel just gave us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Puts another program into a live link, atomically (BPF_LINK_UPDATE).
pub fn update_link(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = zeroed_attr();
    attr.link_update.link_fd = link.as_raw_fd().cast_unsigned();
    attr.link_update.__bindgen_anon_1.new_prog_fd = program.as_raw_fd().cast_unsigned();
    call(bpf_cmd::BPF_LINK_UPDATE, &attr).map(drop)
}

/// Takes a link off its hook even while others hold it (BPF_LINK_DETACH).
pub fn detach_link(link: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = zeroed_attr();
    attr.link_detach.link_fd = link.as_raw_fd().cast_unsigned();
    call(bpf_cmd::BPF_LINK_DETACH, &attr).map(drop)
}

/// What a link is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkTarget {
    /// Cgroup id; 0 once the directory is gone.
    Cgroup(u64),
    /// Inode of the network namespace; 0 once it is gone.
    Netns(u32),
    /// Something that is not ours.
    Other,
}

/// Where a link is attached.
pub fn link_target(link: BorrowedFd<'_>) -> io::Result<LinkTarget> {
    const CGROUP: u32 = 3;
    const NETNS: u32 = 5;
    // SAFETY: bpf_link_info is plain integers; the kernel writes at most its size.
    let info: bpf_link_info = unsafe { object_info(link)? };
    Ok(match info.type_ {
        // SAFETY: `type_` says which variant of the union the kernel wrote.
        CGROUP => LinkTarget::Cgroup(unsafe { info.__bindgen_anon_1.cgroup.cgroup_id }),
        // SAFETY: `type_` says which variant of the union the kernel wrote.
        NETNS => LinkTarget::Netns(unsafe { info.__bindgen_anon_1.netns.netns_ino }),
        _ => LinkTarget::Other,
    })
}

/// Run count and total run time in ns of a program, while statistics are on.
pub fn program_cost(program: BorrowedFd<'_>) -> io::Result<(u64, u64)> {
    // SAFETY: bpf_prog_info is plain integers; the kernel writes at most its size.
    let info: bpf_prog_info = unsafe { object_info(program)? };
    Ok((info.run_cnt, info.run_time_ns))
}

/// Turns run-time statistics on until the descriptor is closed.
pub fn enable_stats() -> io::Result<OwnedFd> {
    let mut attr = zeroed_attr();
    attr.enable_stats.type_ = 0;
    let fd = call(bpf_cmd::BPF_ENABLE_STATS, &attr)?;
    // SAFETY: the kernel just gave us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// # Safety
/// `T` must be the info struct of the object's kind: plain integers.
unsafe fn object_info<T>(fd: BorrowedFd<'_>) -> io::Result<T> {
    let mut info = MaybeUninit::<T>::zeroed();
    let mut attr = zeroed_attr();
    attr.info.bpf_fd = fd.as_raw_fd().cast_unsigned();
    attr.info.info = info.as_mut_ptr() as u64;
    attr.info.info_len = size_of::<T>() as u32;
    call(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &attr)?;
    // SAFETY: zeroed before, and every bit pattern is valid for plain integers.
    Ok(unsafe { info.assume_init() })
}

/// Arguments of an element command; the third is the value or the next key.
fn elem_attr(map: BorrowedFd<'_>, key: u64, value: u64) -> bpf_attr {
    let mut attr = zeroed_attr();
    attr.__bindgen_anon_2.map_fd = map.as_raw_fd().cast_unsigned();
    attr.__bindgen_anon_2.key = key;
    attr.__bindgen_anon_2.__bindgen_anon_1.value = value;
    attr
}

fn zeroed_attr() -> bpf_attr {
    // SAFETY: a union of plain integers; all zero is valid and what the kernel wants.
    unsafe { std::mem::zeroed() }
}

fn call(command: bpf_cmd, attr: &bpf_attr) -> io::Result<i32> {
    // SAFETY: `attr` lives through the call and its pointers were taken from
    // live buffers of the sizes that the kernel will use.
    let ret = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as libc::c_long,
            std::ptr::from_ref(attr),
            size_of::<bpf_attr>(),
        )
    };
    if ret < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(ret as i32)
    }
}
