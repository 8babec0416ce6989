//! Two builds that may differ in nothing but where they ran.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use super::{Packing, package, release, stage};
use crate::checkout;

/// Builds a copy of the sources in a folder of its own, with a target folder of its own,
/// and compares its package with `first`, which came from this checkout.
pub(super) fn build_again(dist: &Path, first: &Path) -> anyhow::Result<()> {
    let again = dist.join("again");
    let (root, target) = (again.join("sources"), again.join("target"));
    println!("dist: second build, in {}", again.display());
    for folder in [&root, &target] {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))?;
        }
    }
    for path in checkout::tracked_files()? {
        let to = root.join(&path);
        fs::create_dir_all(to.parent().unwrap_or(&root))?;
        fs::copy(checkout::root().join(&path), &to)
            .with_context(|| format!("copy to {}", to.display()))?;
    }
    let programs = release::build(&root, &target)?;
    let second = package(&programs, &again, Packing::Small)?;
    compare(first, &second)?;
    println!("dist: both builds gave the same bytes");
    fs::remove_dir_all(&again).with_context(|| format!("remove {}", again.display()))
}

/// Fails unless two packages have the same bytes; names what differs.
pub(crate) fn compare(first: &Path, second: &Path) -> anyhow::Result<()> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("read {}", path.display()));
    if read(first)? == read(second)? {
        return Ok(());
    }
    // The staged tree lies beside each package.
    let (one, other) = (first.with_extension(""), second.with_extension(""));
    let mut names = stage::files(&one)?;
    names.extend(["control", "md5sums"].map(|name| PathBuf::from("DEBIAN").join(name)));
    names.retain(|name| fs::read(one.join(name)).ok() != fs::read(other.join(name)).ok());
    bail!(
        "two builds of the same sources differ, in: {}",
        match names.as_slice() {
            [] => "the archive alone (order, times, modes)".to_owned(),
            names => names
                .iter()
                .map(|name| name.display().to_string())
                .collect::<Vec<_>>()
                .join(", "),
        }
    )
}
