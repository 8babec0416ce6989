//! Network namespaces: opening, entering, naming.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

/// SO_NETNS_COOKIE, Linux 5.14.
const SO_NETNS_COOKIE: libc::c_int = 71;

/// The namespace of the calling thread.
pub fn open_current() -> io::Result<File> {
    File::open("/proc/thread-self/ns/net")
}

/// A namespace by path (`/run/netns/NAME`, `/proc/PID/ns/net`).
pub fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Runs `work` in a thread of its own inside `netns`; sockets made there belong
/// to that namespace for ever. The caller's namespace is never changed.
pub fn run_inside<T: Send>(
    netns: BorrowedFd<'_>,
    work: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    std::thread::scope(|scope| {
        scope
            .spawn(move || {
                enter(netns)?;
                work()
            })
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("thread in a network namespace panicked")))
    })
}

/// Moves the calling thread into `netns`.
pub fn enter(netns: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::thread::move_into_link_name_space(
        netns,
        Some(rustix::thread::LinkNameSpaceType::Network),
    )?)
}

/// The cookie of a socket's network namespace, as BPF programs see it.
pub fn cookie_of(socket: impl AsFd) -> io::Result<u64> {
    use std::os::fd::AsRawFd;
    let mut cookie = 0_u64;
    let mut length = size_of::<u64>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into `cookie`.
    let ret = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            SO_NETNS_COOKIE,
            std::ptr::from_mut(&mut cookie).cast(),
            &mut length,
        )
    };
    if ret < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(cookie)
    }
}
