//! Where things are in this checkout.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::process;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// The target folder of cargo, wherever it is configured to be.
pub(crate) fn target_dir() -> anyhow::Result<PathBuf> {
    let text = process::output(cargo().args(["metadata", "--no-deps", "--format-version=1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text).context("cargo metadata")?;
    let dir = metadata["target_directory"]
        .as_str()
        .context("cargo metadata: target_directory")?;
    Ok(PathBuf::from(dir))
}

/// The cargo that runs us, in the root of the repository.
pub(crate) fn cargo() -> std::process::Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = std::process::Command::new(cargo);
    command.current_dir(root());
    command
}

/// Files under version control, relative to the root, sorted.
pub(crate) fn tracked_files() -> anyhow::Result<Vec<PathBuf>> {
    let mut git = std::process::Command::new("git");
    git.current_dir(root()).args(["ls-files", "-z", "--cached"]);
    let listed = process::output(&mut git)?;
    let mut files: Vec<PathBuf> = listed
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .collect();
    files.retain(|path| root().join(path).is_file()); // deleted, not yet committed
    files.sort();
    Ok(files)
}
