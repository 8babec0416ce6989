//! Taking everything off the host again.

use std::{fs, io, os::fd::AsFd, path::Path};

use super::{RedirectError, pins};
use crate::sys::bpf;

/// Removes every link and map pinned under `pin_dir`, of any ABI version, and
/// returns how many links were taken off. Works while a gateway runs, hangs or
/// is dead; nothing there is no error. Established connections stay where they
/// are; new ones go to the real servers.
///
/// The sk_lookup links go first: without the cgroup links the gateway's own
/// upstream connections would be steered back to it.
pub fn detach(pin_dir: &Path) -> Result<usize, RedirectError> {
    if !pin_dir.exists() {
        return Ok(0);
    }
    if !pins::is_bpffs(pin_dir) {
        return Err(RedirectError::NotBpffs {
            path: pin_dir.to_owned(),
        });
    }
    let fail = || RedirectError::io(format!("detach {}", pin_dir.display()));
    let mut links = 0;
    for (_, dir) in pins::abi_dirs(pin_dir).map_err(fail())? {
        links += clear(&dir).map_err(fail())?;
    }
    // Gone with its last pin; one that is in use, or is the mount itself, stays.
    let _ = fs::remove_dir(pin_dir);
    Ok(links)
}

fn clear(dir: &Path) -> io::Result<usize> {
    let mut names: Vec<String> = fs::read_dir(dir)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort_by_key(|name| {
        (
            !name.starts_with("link_sk_lookup"),
            !name.starts_with("link_"),
        )
    });
    let mut links = 0;
    for name in names {
        let pin = dir.join(&name);
        if name.starts_with("link_") {
            remove_link(&pin)?;
            links += 1;
        } else {
            ignore_missing(fs::remove_file(&pin))?;
        }
    }
    ignore_missing(fs::remove_dir(dir))?;
    Ok(links)
}

/// Detaches a pinned link, whoever else holds it, and removes the pin.
pub(super) fn remove_link(pin: &Path) -> io::Result<()> {
    match bpf::open_pin(pin) {
        // A link whose target is gone is detached already (ENOLINK on some kernels).
        Ok(link) => drop(bpf::detach_link(link.as_fd())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    ignore_missing(fs::remove_file(pin))
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
