//! The tools that compile for BPF: which ones, where they are, how they are installed.
//!
//! Recorded are a rustc of Debian with core's source, and a bpf-linker that `--setup`
//! builds into the target folder, so that a developer's own one is left alone. Any other
//! pair can be named; its object is compared by shape, not by bytes.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};

use crate::{
    checkout::{self, cargo},
    process,
};

/// The recorded bpf-linker. From 0.11 on it wants an LLVM of the host; this one uses
/// the LLVM that rustc brings.
pub(super) const BPF_LINKER: &str = "0.10.3";
/// The recorded rustc: Debian 12, bookworm-security.
pub(super) const DEBIAN_VERSION: &str = "1.96.0+dfsg1-1~deb12u2";
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// Tools other than the recorded ones.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Choice {
    /// This rustc (its sysroot needs core's source) instead of Debian's.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) rustc: Option<PathBuf>,
    /// This bpf-linker instead of the one that --setup installs.
    #[arg(long, value_name = "FILE")]
    pub(crate) bpf_linker: Option<PathBuf>,
}

impl Choice {
    /// The rustc that builds the workspace.
    pub(crate) fn workspace() -> Self {
        Self {
            rustc: Some("rustc".into()),
            bpf_linker: None,
        }
    }

    /// As arguments of `cargo xtask ebpf`.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let pairs = [("--rustc", &self.rustc), ("--bpf-linker", &self.bpf_linker)];
        let given = pairs
            .into_iter()
            .filter_map(|(name, value)| Some([name.into(), value.as_ref()?.into()]));
        given.flatten().collect()
    }
}

/// A rustc with core's source, its LLVM, and a linker.
#[derive(Debug)]
pub(super) struct Toolchain {
    pub(super) rustc: PathBuf,
    pub(super) sysroot: PathBuf,
    linker: PathBuf,
    llvm: PathBuf,
    versions: BTreeMap<String, String>,
}

impl Toolchain {
    /// Debian's rustc first, whose version is the recorded one, then the one in PATH.
    ///
    /// # Errors
    /// What is missing, and how it is had.
    pub(super) fn find(choice: &Choice) -> anyhow::Result<Self> {
        let (rustc, sysroot) = rustc(choice).context("no toolchain for BPF")?;
        let linker = linker(choice).context("no toolchain for BPF")?;
        let said = process::output(Command::new(&rustc).arg("-vV"))?;
        let field = |name: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_owned())
                .with_context(|| format!("rustc -vV: {name}"))
        };
        let second = |text: String| text.split_whitespace().nth(1).unwrap_or("").to_owned();
        let version_of = |command: &mut Command| process::output(command.arg("--version"));
        let versions = BTreeMap::from([
            ("rustc".to_owned(), field("release:")?),
            ("llvm".to_owned(), field("LLVM version:")?),
            (
                "bpf-linker".to_owned(),
                second(version_of(&mut Command::new(&linker))?),
            ),
            ("cargo".to_owned(), second(version_of(&mut cargo())?)),
        ]);
        let llvm = llvm(&sysroot, &field("host:")?, &versions["llvm"])?;
        Ok(Self {
            rustc,
            sysroot,
            linker,
            llvm,
            versions,
        })
    }

    /// Version of each tool that has a say in the bytes.
    pub(super) fn versions(&self) -> &BTreeMap<String, String> {
        &self.versions
    }

    /// A target folder of this toolchain: cargo does not notice another linker.
    pub(super) fn target_dir(&self) -> anyhow::Result<PathBuf> {
        let name = ["rustc", "llvm", "bpf-linker"].map(|tool| &*self.versions[tool]);
        Ok(folder()?.join(name.join("-")))
    }

    /// Puts first in PATH a bpf-linker that loads rustc's own LLVM. Left alone it takes
    /// the first that it finds in the library path, which rustup sets, or beside PATH:
    /// the bytes would depend on the machine.
    pub(super) fn use_in(&self, command: &mut Command) -> anyhow::Result<()> {
        let tools = self.target_dir()?.join("tools");
        let lib = tools.join("lib");
        fs::create_dir_all(&lib).with_context(|| format!("make {}", lib.display()))?;
        let link = lib.join("libLLVM.so");
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(&self.llvm, &link)
            .with_context(|| format!("link {}", link.display()))?;
        let quoted = |path: &Path| format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"));
        let script = format!(
            "#!/bin/sh\nLD_LIBRARY_PATH={} exec {} \"$@\"\n",
            quoted(&lib),
            quoted(&self.linker)
        );
        let file = tools.join("bpf-linker");
        fs::write(&file, script)
            .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o755)))
            .with_context(|| format!("write {}", file.display()))?;
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([tools].into_iter().chain(env::split_paths(&path)))?;
        command.env("PATH", path).env("RUSTC", &self.rustc);
        Ok(())
    }
}

/// Where objects are built and the linker is installed.
pub(super) fn folder() -> anyhow::Result<PathBuf> {
    Ok(checkout::target_dir()?.join("ebpf"))
}

fn rustc(choice: &Choice) -> anyhow::Result<(PathBuf, PathBuf)> {
    let candidates = match &choice.rustc {
        Some(chosen) => vec![chosen.clone()],
        None => vec!["/usr/bin/rustc".into(), "rustc".into()],
    };
    for rustc in &candidates {
        let Ok(sysroot) = process::output(Command::new(rustc).args(["--print", "sysroot"])) else {
            continue;
        };
        let sysroot = PathBuf::from(sysroot.trim());
        if sysroot
            .join("lib/rustlib/src/rust/library/core/Cargo.toml")
            .is_file()
        {
            // Not rustup's proxy, which would set its own library path.
            let own = sysroot.join("bin/rustc");
            let rustc = if own.is_file() { own } else { rustc.clone() };
            return Ok((rustc, sysroot));
        }
    }
    match &choice.rustc {
        Some(chosen) => bail!(
            "{} does not run or has no core source (rustup component add rust-src)",
            chosen.display()
        ),
        None => bail!("no rustc with core's source: cargo xtask ebpf --setup (Debian, as root)"),
    }
}

fn linker(choice: &Choice) -> anyhow::Result<PathBuf> {
    let runs = |file: &Path| process::succeeds(Command::new(file).arg("--version"));
    if let Some(chosen) = &choice.bpf_linker {
        ensure!(runs(chosen), "{} does not run", chosen.display());
        return fs::canonicalize(chosen).with_context(|| format!("find {}", chosen.display()));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    [linker_root()?.join("bin")]
        .into_iter()
        .chain(env::split_paths(&path))
        .map(|dir| dir.join("bpf-linker"))
        .find(|file| runs(file))
        .with_context(|| format!("no bpf-linker {BPF_LINKER}: cargo xtask ebpf --setup"))
}

fn linker_root() -> anyhow::Result<PathBuf> {
    Ok(folder()?.join(format!("bpf-linker-{BPF_LINKER}")))
}

/// The library that this rustc itself is linked to.
fn llvm(sysroot: &Path, host: &str, version: &str) -> anyhow::Result<PathBuf> {
    let arch = host.split('-').next().unwrap_or_default();
    let series: Vec<&str> = version.split('.').take(2).collect();
    let name = format!("libLLVM.so.{}", series.join("."));
    let lib = sysroot.join("lib");
    for dir in [lib.clone(), lib.join(format!("{arch}-linux-gnu"))] {
        let mut files: Vec<PathBuf> = fs::read_dir(&dir)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|file| {
                let file = file.file_name().unwrap_or_default().to_string_lossy();
                file.starts_with(&name)
            })
            .collect();
        files.sort();
        if let Some(file) = files.pop() {
            return Ok(file);
        }
    }
    bail!("no {name} in {} for bpf-linker", lib.display())
}

/// Whether a tool is the one that `--setup` installs.
fn is_recorded(tool: &str, version: &str) -> bool {
    match tool {
        "rustc" => DEBIAN_VERSION.starts_with(&format!("{version}+")),
        "bpf-linker" => version == BPF_LINKER,
        _ => true,
    }
}

/// Whether `--setup` has nothing to do.
pub(crate) fn is_set_up() -> bool {
    Toolchain::find(&Choice::default()).is_ok_and(|found| {
        let mut versions = found.versions.iter();
        versions.all(|(tool, version)| is_recorded(tool, version))
    })
}

/// Installs what is missing of the recorded toolchain; nothing is taken off the host.
pub(crate) fn setup() -> anyhow::Result<()> {
    if is_set_up() {
        println!("ebpf: the toolchain is there");
        return Ok(());
    }
    let installed = process::output(
        Command::new("dpkg-query")
            .args(["-f=${Version}\n", "-W"])
            .args(DEBIAN_PACKAGES),
    );
    if installed.is_ok_and(|versions| versions.lines().all(|version| version == DEBIAN_VERSION)) {
        println!(
            "ebpf: {} {DEBIAN_VERSION} are there",
            DEBIAN_PACKAGES.join(", ")
        );
    } else {
        install_debian()?;
    }
    let linker = linker(&Choice::default())
        .and_then(|file| process::output(Command::new(file).arg("--version")));
    if !linker.is_ok_and(|said| said.split_whitespace().nth(1) == Some(BPF_LINKER)) {
        println!("ebpf: installing bpf-linker {BPF_LINKER}");
        let arguments = ["install", "bpf-linker", "--quiet", "--locked", "--version"];
        process::pass_through(
            cargo()
                .args(arguments)
                .args([BPF_LINKER, "--root"])
                .arg(linker_root()?),
        )?;
    }
    Toolchain::find(&Choice::default()).context("installed, but")?;
    Ok(())
}

fn install_debian() -> anyhow::Result<()> {
    ensure!(
        process::succeeds(Command::new("apt-get").arg("--version")),
        "--setup knows Debian only; elsewhere: a rustc with its source, and bpf-linker {BPF_LINKER}"
    );
    ensure!(
        rustix::process::geteuid().is_root(),
        "needs root: apt-get install {}",
        DEBIAN_PACKAGES.join(" ")
    );
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .arg("-qq")
            .args(words);
        command
    };
    // They conflict with Debian's own rustc, which is not ours to remove.
    let install = ["install", "-y", "--no-install-recommends", "--no-remove"];
    let pinned = DEBIAN_PACKAGES.map(|package| format!("{package}={DEBIAN_VERSION}"));
    println!("ebpf: installing {}", pinned.join(", "));
    process::pass_through(&mut apt(&["update"]))?;
    if process::pass_through(apt(&install).args(&pinned)).is_ok() {
        return Ok(());
    }
    println!("ebpf: the archive has no {DEBIAN_VERSION} any more; installing what it has");
    process::pass_through(apt(&install).args(DEBIAN_PACKAGES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ebpf::manifest::Manifest;

    #[test]
    fn setup_installs_what_the_manifest_records() -> anyhow::Result<()> {
        let (manifest, _) = Manifest::read()?;
        for (tool, version) in &manifest.toolchain {
            assert!(is_recorded(tool, version), "{tool} {version}");
        }
        assert!(!is_recorded("rustc", "1.9"));
        Ok(())
    }
}
