//! Where links and maps are pinned: `PIN_DIR/v<ABI>/`, directory 0700, pins
//! 0600. Without a pin directory a bpf file system of our own, mounted nowhere,
//! takes its place: the code is the same, and it ends with this process.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::{DirBuilderExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use gateway_common::ABI;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};

use super::RedirectError;

/// `statfs.f_type` of a bpf file system (linux/magic.h).
const BPF_FS_MAGIC: i64 = 0xcafe_4a11;

/// An open pin directory; exclusively ours while this lives.
#[derive(Debug)]
pub(super) struct Pins {
    dir: PathBuf,
    /// Keeps the unmounted file system, or the lock on the directory.
    _hold: OwnedFd,
}

impl Pins {
    pub(super) fn open(pin_dir: Option<&Path>) -> Result<Self, RedirectError> {
        match pin_dir {
            Some(dir) => Self::open_dir(dir),
            None => Self::anonymous().map_err(|source| RedirectError::Privilege {
                action: "create a bpf file system",
                source,
            }),
        }
    }

    /// The pin called `name`.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    fn anonymous() -> io::Result<Self> {
        let context = rustix::mount::fsopen("bpf", FsOpenFlags::FSOPEN_CLOEXEC)?;
        rustix::mount::fsconfig_create(&context)?;
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let mount = rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
        let dir = PathBuf::from(format!("/proc/self/fd/{}", mount.as_raw_fd()));
        Ok(Self { dir, _hold: mount })
    }

    fn open_dir(pin_dir: &Path) -> Result<Self, RedirectError> {
        let fail = |what: &str| RedirectError::io(format!("{what} {}", pin_dir.display()));
        if !pin_dir.exists() && pin_dir.parent().is_some_and(is_bpffs) {
            DirBuilder::new()
                .mode(0o700)
                .create(pin_dir)
                .map_err(fail("create"))?;
        }
        if !is_bpffs(pin_dir) {
            return Err(RedirectError::NotBpffs {
                path: pin_dir.to_owned(),
            });
        }
        if abi_dirs(pin_dir)
            .map_err(fail("read"))?
            .iter()
            .any(|(abi, _)| *abi != ABI)
        {
            return Err(RedirectError::ForeignAbi {
                path: pin_dir.to_owned(),
            });
        }
        let dir = pin_dir.join(format!("v{ABI}"));
        match DirBuilder::new().mode(0o700).create(&dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(fail("create pins in")(error));
            }
            _ => fs::set_permissions(&dir, Permissions::from_mode(0o700)).map_err(fail("chmod"))?,
        }
        let hold = OwnedFd::from(File::open(&dir).map_err(fail("open"))?);
        rustix::fs::flock(&hold, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(
            |_| RedirectError::InUse {
                path: pin_dir.to_owned(),
            },
        )?;
        Ok(Self { dir, _hold: hold })
    }
}

/// The directories of each ABI version in `pin_dir`.
pub(super) fn abi_dirs(pin_dir: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(pin_dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(abi) = name.and_then(|name| name.strip_prefix('v')?.parse().ok()) {
            found.push((abi, path));
        }
    }
    Ok(found)
}

/// Whether `path` is on a bpf file system.
pub(super) fn is_bpffs(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|stat| stat.f_type == BPF_FS_MAGIC)
}
