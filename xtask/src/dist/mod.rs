//! `cargo xtask dist`: a release build and the Debian package of it.
//!
//! Inputs are in `packaging/`, the result in `target/dist`: the staged tree and
//! the `.deb`, made by dpkg-deb. Times in it are those
//! of the commit, so that the same sources and tools can give the same bytes. Two gates: the kernel object
//! belongs to its sources, and the programs run on glibc [`GLIBC_MAX`].

mod control;
mod glibc;
mod stage;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, ensure};

use crate::{checkout, ebpf, process};
use control::Facts;

/// Highest glibc that the programs may ask for: that of RHEL 9. Debian 12 and
/// Ubuntu 22.04 have later ones.
const GLIBC_MAX: glibc::Version = (2, 34);

/// Programs of the package.
const PROGRAMS: [&str; 3] = ["panward", "demo-server", "demo-client"];

/// Arguments of `cargo xtask dist`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Packs the programs in this folder in place of a release build.
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    ebpf::check_hashes()?;
    println!("dist: the kernel object belongs to its sources");
    let target = checkout::target_dir()?;
    let programs = match &args.programs {
        Some(dir) => dir.clone(),
        None => build(&target)?,
    };
    let version = env!("CARGO_PKG_VERSION");
    let architecture = process::output(Command::new("dpkg").arg("--print-architecture"))
        .context("a Debian package needs dpkg")?;
    let architecture = architecture.trim();
    let name = format!("panward_{version}_{architecture}");
    let dist = target.join("dist");
    let tree = dist.join(&name);
    stage::lay_out(&tree, &programs)?;
    let glibc = gate(&tree)?;
    let facts = Facts {
        version,
        architecture,
        size_kib: stage::size_kib(&tree)?,
        glibc,
    };
    stage::debian(&tree, &facts)?;
    let package = dist.join(format!("{name}.deb"));
    pack(&tree, &package)?;
    show(&package)?;
    rate_unit();
    Ok(ExitCode::SUCCESS)
}

/// The release programs; gives their folder.
fn build(target: &Path) -> anyhow::Result<PathBuf> {
    let mut cargo = checkout::cargo();
    cargo.args(["build", "--locked", "--release"]);
    cargo.args(["--package", "panward", "--package", "panward-demo"]);
    process::pass_through(&mut cargo)?;
    Ok(target.join("release"))
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

fn pack(tree: &Path, package: &Path) -> anyhow::Result<()> {
    let mut git = Command::new("git");
    git.current_dir(checkout::root())
        .args(["log", "-1", "--format=%ct"]);
    let committed = process::output(&mut git)?;
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.env("SOURCE_DATE_EPOCH", committed.trim())
        .args(["--root-owner-group", "-Zxz", "--build"])
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
