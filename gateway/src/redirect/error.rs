//! Errors of the redirect; each says what is missing and what to do.

use std::{io, path::PathBuf};

use gateway_common::Reason;

/// Why the redirect cannot be set up, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum RedirectError {
    /// The settings ask for what cannot or must not be done.
    #[error("redirect settings: {0}")]
    Settings(String),
    /// A privilege is missing.
    #[error(
        "no permission to {action}: run as root, or give CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON (CAP_SYS_ADMIN to enter network namespaces)"
    )]
    Privilege {
        /// What was tried.
        action: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// `cgroup` is not a directory of a cgroup v2 mount.
    #[error("cgroup {} is not a cgroup v2 directory: mount -t cgroup2 none DIR, or give another", path.display())]
    NotCgroup2 {
        /// The directory.
        path: PathBuf,
    },
    /// This process is not in `cgroup`.
    #[error("this process is in cgroup {own}, which is not inside {}: start it there, or cover a parent", path.display())]
    OutsideCgroup {
        /// The directory in the settings.
        path: PathBuf,
        /// Where this process is.
        own: String,
    },
    /// `pin_dir` is not on a bpf file system.
    #[error("pin_dir {} is not on a bpf file system: mount -t bpf bpf DIR", path.display())]
    NotBpffs {
        /// The directory.
        path: PathBuf,
    },
    /// Pins of another version of the map layouts are there.
    #[error("pins in {} are of another kernel abi: panward detach --pin-dir {} first", path.display(), path.display())]
    ForeignAbi {
        /// The pin directory.
        path: PathBuf,
    },
    /// Another gateway uses these pins.
    #[error("another panward is using the pins in {}", path.display())]
    InUse {
        /// The pin directory.
        path: PathBuf,
    },
    /// The object file cannot be read, or is not what this binary expects.
    #[error("ebpf object: {0}")]
    Object(String),
    /// The kernel refused the object: usually a feature that it lacks.
    #[error(
        "kernel refused ebpf {what}: {reason} (needs Linux 5.10 with CONFIG_BPF_SYSCALL, CONFIG_CGROUP_BPF and CONFIG_INET)"
    )]
    Kernel {
        /// Which program, map or link.
        what: String,
        /// Its answer, in one line.
        reason: String,
    },
    /// A system call failed.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried, with the path or address.
        action: String,
        /// The kernel's answer.
        source: io::Error,
    },
}

impl RedirectError {
    /// For `map_err`: an I/O error with what was tried.
    pub(super) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }
}

/// Why an accepted connection has no usable origin. It is to be closed.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// It was made to the gateway's own port and not redirected there, or its
    /// hand-over entry was lost.
    #[error("connection was made to the gateway itself")]
    Direct,
    /// It is one of the gateway's own upstream connections, steered back to it.
    #[error("connection is the gateway's own")]
    Own,
    /// The map cannot be read.
    #[error("cannot read the origin of a connection: {0}")]
    Map(#[from] io::Error),
}

impl OriginError {
    /// The reason to count and record.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Direct => Reason::DirectToGateway,
            Self::Own => Reason::OwnTuple,
            Self::Map(_) => Reason::TupleMiss,
        }
    }
}
