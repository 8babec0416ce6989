//! The only system calls and `unsafe` of this crate.

pub mod bpf;
pub mod netns;
pub mod sandbox;

/// Renames a file to a name that nothing has: what is there is never written over.
///
/// # Errors
/// `AlreadyExists`, or what the system answers.
pub fn rename_new(from: &std::path::Path, to: &std::path::Path) -> std::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // File systems that know no such flag, such as NFS: looked at first instead.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => match to.symlink_metadata() {
            Ok(_) => Err(std::io::ErrorKind::AlreadyExists.into()),
            Err(_) => std::fs::rename(from, to),
        },
        result => Ok(result?),
    }
}
