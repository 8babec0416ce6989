//! The programs under test, beside the test executable in the target folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// The built program `name` (`panward`, `demo-server`, `demo-client`) of this build.
///
/// `cargo test` does not build binaries of other packages, so it may be missing.
///
/// # Errors
/// If it is not there; the text says how to build it.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let path = profile_dir()?.join(name);
    ensure!(
        path.is_file(),
        "{} is not built: cargo build -p panward -p panward-demo",
        path.display()
    );
    Ok(path)
}

/// The folder of the profile that this test was built in: `target/debug`.
pub(crate) fn profile_dir() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe().context("where is the test executable")?;
    // target/debug/deps/e2e-0123
    let dir = test
        .ancestors()
        .nth(2)
        .context("test executable outside a target folder")?;
    Ok(dir.to_owned())
}

/// The folder of a source tree's `tests/clients`.
pub(crate) fn clients_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}
