//! Lines that the kernel programs log (error branches only) into tracing, and
//! so into the journal, in release builds too.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    thread::JoinHandle,
};

use aya_log::EbpfLogger;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

/// Drains the log ring until it is dropped. The handle is kept by the thread:
/// when it is gone, programs that use the ring can no longer be loaded.
#[derive(Debug)]
pub(super) struct LogDrain {
    stop: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

impl LogDrain {
    pub(super) fn start(ebpf: &mut aya::Ebpf) -> io::Result<Self> {
        let mut logger = EbpfLogger::init_with_logger(ebpf, ToTracing).map_err(io::Error::other)?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
        let stopped = stop.try_clone()?;
        let thread = std::thread::Builder::new()
            .name("ebpf-log".into())
            .spawn(move || {
                loop {
                    let mut fds = [
                        PollFd::from_borrowed_fd(logger.as_fd(), PollFlags::IN),
                        PollFd::from_borrowed_fd(stopped.as_fd(), PollFlags::IN),
                    ];
                    let polled = poll(&mut fds, None);
                    let stop = !fds[1].revents().is_empty();
                    logger.flush();
                    if stop || polled.is_err_and(|error| error != rustix::io::Errno::INTR) {
                        return;
                    }
                }
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for LogDrain {
    fn drop(&mut self) {
        // Fails only when the counter is full, and then the thread is awake.
        let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The loader's logging interface, answered by tracing.
struct ToTracing;

impl log::Log for ToTracing {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let program = record.target();
        match record.level() {
            log::Level::Error => tracing::error!(program, "ebpf: {}", record.args()),
            log::Level::Warn => tracing::warn!(program, "ebpf: {}", record.args()),
            _ => tracing::info!(program, "ebpf: {}", record.args()),
        }
    }

    fn flush(&self) {}
}
