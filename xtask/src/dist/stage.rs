//! The tree of the package: which file goes where, with which mode.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

use super::{
    PROGRAMS,
    control::{self, Facts},
    links,
};
use crate::{checkout, process};

/// The unit, in the repository.
pub(super) const UNIT: &str = "packaging/systemd/panward.service";

/// From the repository to the package.
const FILES: [(&str, &str); 9] = [
    (UNIT, "lib/systemd/system/panward.service"),
    ("packaging/etc/panward.toml", "etc/panward/panward.toml"),
    (
        "packaging/etc/policy.d/example.cedar.example",
        "etc/panward/policy.d/example.cedar.example",
    ),
    ("packaging/deb/copyright", "usr/share/doc/panward/copyright"),
    ("LICENSE-MIT", "usr/share/doc/panward/LICENSE-MIT"),
    ("README.md", "usr/share/doc/panward/README.md"),
    ("CHANGELOG.md", "usr/share/doc/panward/CHANGELOG.md"),
    ("CONTRIBUTING.md", "usr/share/doc/panward/CONTRIBUTING.md"),
    ("SECURITY.md", "usr/share/doc/panward/SECURITY.md"),
];

const DOCS: &str = "usr/share/doc/panward";

/// Scripts that dpkg runs; mode 0755.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Where a program goes.
fn place(program: &str) -> String {
    match program {
        "panward" => "usr/bin/panward".to_owned(),
        demo => format!("usr/lib/panward/{demo}"),
    }
}

/// The staged programs.
pub(super) fn programs(tree: &Path) -> impl Iterator<Item = PathBuf> {
    PROGRAMS.iter().map(|program| tree.join(place(program)))
}

/// Makes the tree anew, without its `DEBIAN` folder.
pub(super) fn lay_out(tree: &Path, programs: &Path) -> anyhow::Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree).with_context(|| format!("remove {}", tree.display()))?;
    }
    for program in PROGRAMS {
        put(&programs.join(program), &tree.join(place(program)), 0o755)?;
    }
    for (from, to) in FILES {
        put(&checkout::root().join(from), &tree.join(to), 0o644)?;
    }
    // Documents lie as they do in the repository, so that their links work.
    for path in checkout::tracked_files()? {
        if path.starts_with("docs") {
            put(
                &checkout::root().join(&path),
                &tree.join(DOCS).join(&path),
                0o644,
            )?;
        }
    }
    links::check(&tree.join(DOCS))
}

fn put(from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    let said = || format!("copy {} to {}", from.display(), to.display());
    if let Some(folder) = to.parent() {
        folders(folder)?;
    }
    fs::copy(from, to).with_context(said)?;
    fs::set_permissions(to, Permissions::from_mode(mode)).with_context(said)
}

/// Makes folders with mode 0755, whatever the umask.
fn folders(folder: &Path) -> anyhow::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|f| !f.is_dir()).collect();
    for folder in missing.into_iter().rev() {
        let made = fs::create_dir(folder)
            .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o755)));
        made.with_context(|| format!("make {}", folder.display()))?;
    }
    Ok(())
}

/// KiB of all files, each rounded up, as dpkg counts them.
pub(super) fn size_kib(tree: &Path) -> anyhow::Result<u64> {
    let sizes = files(tree)?
        .iter()
        .map(|path| Ok(fs::metadata(tree.join(path))?.len().div_ceil(1024)))
        .collect::<anyhow::Result<Vec<u64>>>()?;
    Ok(sizes.iter().sum())
}

/// Every file, relative to the tree, sorted; not those of `DEBIAN`.
pub(super) fn files(tree: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![tree.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let relative = path.strip_prefix(tree)?.to_owned();
            if path.is_dir() {
                if relative != Path::new("DEBIAN") {
                    folders.push(path);
                }
            } else {
                found.push(relative);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Adds the `DEBIAN` folder.
pub(super) fn debian(tree: &Path, facts: &Facts<'_>) -> anyhow::Result<()> {
    let from = checkout::root().join("packaging/deb");
    let to = tree.join("DEBIAN");
    for script in SCRIPTS {
        put(&from.join(script), &to.join(script), 0o755)?;
    }
    put(&from.join("conffiles"), &to.join("conffiles"), 0o644)?;
    for conffile in fs::read_to_string(from.join("conffiles"))?.lines() {
        let staged = tree.join(conffile.trim_start_matches('/'));
        ensure!(staged.is_file(), "conffiles: {conffile} is not packed");
    }
    let template = fs::read_to_string(from.join("control.in")).context("read control.in")?;
    write(&to.join("control"), &control::fill(&template, facts)?)?;
    let mut sums = Command::new("md5sum");
    sums.current_dir(tree).arg("--").args(files(tree)?);
    write(&to.join("md5sums"), &process::output(&mut sums)?)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let said = || format!("write {}", path.display());
    fs::write(path, text).with_context(said)?;
    fs::set_permissions(path, Permissions::from_mode(0o644)).with_context(said)
}
