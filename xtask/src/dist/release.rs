//! The release programs, without a trace of where they were built.
//!
//! A path of the machine in a program would tell a stranger about it, and would make two
//! builds of the same commit differ. rustc is told to write other folders in place of
//! the real ones (aws-lc-sys does so for its C code by itself); nothing else of the
//! profile is changed here.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};

use crate::{checkout, process};

/// What stands in programs for the folders of the machine.
const SOURCES: &str = "/usr/src/panward";
const TARGET: &str = "/usr/src/panward/target";
const CARGO: &str = "/usr/src/cargo";
const RUST: &str = "/usr/src/rust";

/// Builds the programs of the package from the sources in `root` into `target`; gives
/// their folder.
pub(crate) fn build(root: &Path, target: &Path) -> anyhow::Result<PathBuf> {
    let folders = folders(root, target)?;
    let mut cargo = checkout::cargo();
    cargo.current_dir(root).env("CARGO_TARGET_DIR", target);
    cargo.env(
        "CARGO_ENCODED_RUSTFLAGS",
        flags("--remap-path-prefix=", &folders, "\u{1f}")?,
    );
    // A developer's own flags would come into the package.
    cargo.env_remove("RUSTFLAGS");
    cargo.args(["build", "--locked", "--release"]);
    cargo.args(["--package", "panward", "--package", "panward-demo"]);
    process::pass_through(&mut cargo)?;
    Ok(target.join("release"))
}

/// Folders of the machine and what stands for them, the outer before the inner: of the
/// mappings that fit, the last one counts.
fn folders(root: &Path, target: &Path) -> anyhow::Result<Vec<(PathBuf, &'static str)>> {
    let mut rustc = std::process::Command::new("rustc");
    rustc.current_dir(root).args(["--print", "sysroot"]);
    let sysroot = PathBuf::from(process::output(&mut rustc)?.trim());
    Ok(vec![
        (sysroot, RUST),
        (cargo_home()?, CARGO),
        (root.to_owned(), SOURCES),
        (target.to_owned(), TARGET),
    ])
}

fn cargo_home() -> anyhow::Result<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(home)
        .context("neither CARGO_HOME nor HOME is set")
}

fn flags(flag: &str, folders: &[(PathBuf, &str)], separator: &str) -> anyhow::Result<OsString> {
    let mut all = OsString::new();
    for (folder, name) in folders {
        let text = folder.to_str().context("a folder's name is not UTF-8")?;
        ensure!(
            !text.contains(separator) && !text.contains('='),
            "{text}: cannot be built from a folder of this name"
        );
        if !all.is_empty() {
            all.push(separator);
        }
        all.push(format!("{flag}{text}={name}"));
    }
    Ok(all)
}

/// Fails if a program still names one of the folders.
pub(crate) fn check(program: &Path, root: &Path, target: &Path) -> anyhow::Result<()> {
    let bytes = std::fs::read(program).with_context(|| format!("read {}", program.display()))?;
    for (folder, _) in folders(root, target)? {
        let text = folder.to_str().context("a folder's name is not UTF-8")?;
        ensure!(
            !contains(&bytes, text.as_bytes()),
            "{}: names the folder {text} of this machine",
            program.display()
        );
    }
    Ok(())
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && bytes.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_folder_gets_a_flag_and_one_that_would_split_it_is_an_error() {
        let folders = [(PathBuf::from("/a"), "/x"), (PathBuf::from("/a/b"), "/y")];
        let made = flags("-f=", &folders, " ").expect("flags");
        assert_eq!(made, "-f=/a=/x -f=/a/b=/y");
        for bad in ["/a b", "/a=b"] {
            assert!(
                flags("-f=", &[(PathBuf::from(bad), "/x")], " ").is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_folder_in_a_program_is_found() {
        assert!(contains(b"\x00/srv/build/x.rs", b"/srv/build"));
        assert!(!contains(b"\x00/srv/buil", b"/srv/build"));
        assert!(!contains(b"any", b""));
    }
}
