//! Where node and Python are: `PANWARD_NODE_DIR` (the folder with `node`) and
//! `PANWARD_PY` (the folder with the virtual environments `sdk1` and `sdk2`), as
//! `cargo xtask test` sets them, or the places where it installs them.

use std::path::PathBuf;

use anyhow::{Context, ensure};

use crate::binaries;

/// A release line of the official Python SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PythonSdk {
    /// `mcp` 1.x.
    V1,
    /// `mcp` 2.x.
    V2,
}

/// The pinned node.
///
/// # Errors
/// If it, or the npm packages, are not installed.
pub fn node() -> anyhow::Result<PathBuf> {
    let node = match std::env::var_os("PANWARD_NODE_DIR") {
        Some(dir) => PathBuf::from(dir).join("node"),
        None => installed()?.join("node"),
    };
    ensure!(
        node.is_file(),
        "no node at {}: cargo xtask test installs it",
        node.display()
    );
    let modules = binaries::clients_dir().join("node_modules");
    ensure!(
        modules.is_dir(),
        "no {}: cargo xtask test installs it",
        modules.display()
    );
    Ok(node)
}

/// The Python that has this SDK.
///
/// # Errors
/// If its virtual environment is not installed.
pub fn python(sdk: PythonSdk) -> anyhow::Result<PathBuf> {
    let dir = match std::env::var_os("PANWARD_PY") {
        Some(dir) => PathBuf::from(dir),
        None => installed()?,
    };
    let name = match sdk {
        PythonSdk::V1 => "sdk1",
        PythonSdk::V2 => "sdk2",
    };
    let python = dir.join(name).join("bin/python");
    ensure!(
        python.is_file(),
        "no {}: cargo xtask test installs it",
        python.display()
    );
    Ok(python)
}

fn installed() -> anyhow::Result<PathBuf> {
    let profile = binaries::profile_dir()?;
    Ok(profile.parent().context("target folder")?.join("clients"))
}
