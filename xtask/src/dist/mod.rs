//! `cargo xtask dist`: a release build and the Debian package of it.
//!
//! Inputs are in `packaging/`, the result in `target/dist`: the staged tree and
//! the `.deb`, made by dpkg-deb. Times in it are those of the commit and no program names
//! a folder of the machine, so that the same sources and tools give the same bytes
//! (`--twice` proves it). Gates: the kernel object belongs to its sources, the programs
//! run on glibc [`GLIBC_MAX`], the documents' links lead to files of the package.

mod control;
mod double;
mod glibc;
mod links;
mod release;
mod stage;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, ensure};

use crate::{checkout, ebpf, process};
use control::Facts;
pub(crate) use double::compare;

/// Highest glibc that the programs may ask for: that of RHEL 9. Debian 12 and
/// Ubuntu 22.04 have later ones.
const GLIBC_MAX: glibc::Version = (2, 34);

/// Programs of the package.
const PROGRAMS: [&str; 3] = ["panward", "demo-server", "demo-client"];

/// Arguments of `cargo xtask dist`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Packs the programs in this folder in place of a release build, for a try: quickly,
    /// not small.
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Builds all of it again from a copy in another folder; fails unless the packages are
    /// the same byte for byte.
    #[arg(long, conflicts_with = "programs")]
    twice: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    ebpf::check_hashes()?;
    println!("dist: the kernel object belongs to its sources");
    let dist = checkout::target_dir()?.join("dist");
    let package = match &args.programs {
        Some(programs) => package(programs, &dist, Packing::Quick)?,
        None => package(&release()?, &dist, Packing::Small)?,
    };
    if args.twice {
        double::build_again(&dist, &package)?;
    }
    rate_unit();
    show(&package)?;
    Ok(ExitCode::SUCCESS)
}

/// The release programs of this checkout; gives their folder.
pub(crate) fn release() -> anyhow::Result<PathBuf> {
    let target = checkout::target_dir()?;
    let programs = release::build(checkout::root(), &target)?;
    for program in PROGRAMS {
        release::check(&programs.join(program), checkout::root(), &target)?;
    }
    Ok(programs)
}

/// How much time to spend on a small package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// For people: xz.
    Small,
    /// For tests.
    Quick,
}

/// Makes the package of these programs in the folder `dist`, the staged tree beside it;
/// gives its path.
pub(crate) fn package(programs: &Path, dist: &Path, packing: Packing) -> anyhow::Result<PathBuf> {
    let version = env!("CARGO_PKG_VERSION");
    let architecture = process::output(Command::new("dpkg").arg("--print-architecture"))
        .context("a Debian package needs dpkg")?;
    let architecture = architecture.trim();
    let name = format!("panward_{version}_{architecture}");
    let tree = dist.join(&name);
    stage::lay_out(&tree, programs)?;
    let glibc = gate(&tree)?;
    let facts = Facts {
        version,
        architecture,
        size_kib: stage::size_kib(&tree)?,
        glibc,
    };
    stage::debian(&tree, &facts)?;
    let package = dist.join(format!("{name}.deb"));
    pack(&tree, &package, packing)?;
    Ok(package)
}

/// The highest glibc version that the staged programs ask for.
fn gate(tree: &Path) -> anyhow::Result<glibc::Version> {
    let mut highest = (2, 0);
    for path in stage::programs(tree) {
        let objdump = Command::new("objdump").arg("--version").output();
        if objdump.is_err() {
            println!("dist: glibc versions not checked, no objdump (package binutils)");
            return Ok(GLIBC_MAX);
        }
        let symbols = process::output(Command::new("objdump").arg("-T").arg(&path))?;
        let asked = glibc::highest(&symbols).with_context(|| {
            format!(
                "{}: asks for no glibc symbol: is it a program?",
                path.display()
            )
        })?;
        ensure!(
            asked <= GLIBC_MAX,
            "{}: needs glibc {}.{}, more than {}.{}",
            path.display(),
            asked.0,
            asked.1,
            GLIBC_MAX.0,
            GLIBC_MAX.1
        );
        highest = highest.max(asked);
    }
    println!("dist: programs need glibc {}.{}", highest.0, highest.1);
    Ok(highest)
}

fn pack(tree: &Path, package: &Path, packing: Packing) -> anyhow::Result<()> {
    let mut git = Command::new("git");
    git.current_dir(checkout::root())
        .args(["log", "-1", "--format=%ct"]);
    let committed = process::output(&mut git)?;
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.env("SOURCE_DATE_EPOCH", committed.trim())
        // With one thread the bytes do not depend on the machine's number of cores.
        .env("DPKG_DEB_THREADS_MAX", "1")
        .arg("--root-owner-group")
        .args(match packing {
            Packing::Small => ["-Zxz", "-z6"],
            Packing::Quick => ["-Zgzip", "-z1"],
        })
        .arg("--build")
        .arg(tree)
        .arg(package);
    process::output(&mut dpkg)?;
    Ok(())
}

fn show(package: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(package).with_context(|| format!("read {}", package.display()))?;
    println!(
        "dist: {} bytes, sha256 {}",
        bytes.len(),
        ebpf::sha256(&bytes)
    );
    println!("{}", package.display());
    Ok(())
}

/// What systemd thinks of the unit; no gate, the number differs between versions.
fn rate_unit() {
    let mut analyze = Command::new("systemd-analyze");
    analyze
        .args(["security", "--offline=true", "--no-pager"])
        .arg(checkout::root().join(stage::UNIT));
    match process::output(&mut analyze) {
        Ok(report) => {
            let score = report.lines().find(|line| line.contains("exposure level"));
            let score = score.unwrap_or("no exposure level in the report");
            println!("dist: {}", score.trim_start_matches(['→', ' ']));
        }
        Err(error) => println!("dist: unit not rated: {error:#}"),
    }
}
