//! `cargo xtask ebpf`: the committed object of the kernel programs.
//!
//! A plain build embeds `gateway-ebpf/object/panward.bpf.o` and needs no BPF
//! tools. Here it is rebuilt, and checked against its sources:
//!
//! | | |
//! |---|---|
//! | `cargo xtask ebpf` | rebuilds object and manifest |
//! | `--check` | fails when the sources changed since, or a rebuild differs |
//! | `--setup` | installs the toolchain (Debian, as root) |

mod build;
mod manifest;
mod sources;

use std::process::ExitCode;

use anyhow::{Context, bail, ensure};

use build::Toolchain;
use manifest::Manifest;
pub(crate) use manifest::sha256;

/// What to do; without a flag: rebuild.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Fails when the object does not belong to its sources.
    #[arg(long, conflicts_with = "setup")]
    check: bool,
    /// Installs what a rebuild needs: Debian's rustc-web and rust-web-src, and
    /// bpf-linker from crates.io.
    #[arg(long)]
    setup: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.setup {
        build::setup()?;
    } else if args.check {
        check()?;
    } else {
        rebuild()?;
    }
    Ok(ExitCode::SUCCESS)
}

fn rebuild() -> anyhow::Result<()> {
    let toolchain = Toolchain::find()?
        .context("no toolchain for BPF: run cargo xtask ebpf --setup (Debian, as root)")?;
    let object = build::object(&toolchain)?;
    let manifest = Manifest::of(&object, toolchain.versions()?)?;
    manifest.write(&object)?;
    println!(
        "ebpf: {} bytes, sha256 {}",
        object.len(),
        manifest.object_sha256
    );
    Ok(())
}

/// Fails when the committed object is not the one of its manifest, or when its
/// sources changed since it was built. Needs no toolchain.
pub(crate) fn check_hashes() -> anyhow::Result<()> {
    committed().map(drop)
}

fn committed() -> anyhow::Result<(Manifest, Vec<u8>)> {
    let (recorded, object) = Manifest::read()?;
    ensure!(
        recorded.object_sha256 == manifest::sha256(&object),
        "object and manifest do not belong together: run cargo xtask ebpf"
    );
    ensure!(
        recorded.sources_sha256 == sources::sha256()?,
        "the sources changed since the object was built: run cargo xtask ebpf"
    );
    Ok((recorded, object))
}

fn check() -> anyhow::Result<()> {
    let (recorded, object) = committed()?;
    let Some(toolchain) = Toolchain::find()? else {
        println!("ebpf: sources unchanged; not rebuilt, no toolchain (cargo xtask ebpf --setup)");
        return Ok(());
    };
    let rebuilt = build::object(&toolchain)?;
    let versions = toolchain.versions()?;
    if versions == recorded.toolchain {
        ensure!(
            rebuilt == object,
            "a rebuild with the recorded toolchain gives other bytes"
        );
        println!(
            "ebpf: sources unchanged, rebuild is byte-equal ({})",
            recorded.object_sha256
        );
        return Ok(());
    }
    let fresh = Manifest::of(&rebuilt, versions)?;
    if fresh.programs != recorded.programs || fresh.maps != recorded.maps {
        bail!(
            "a rebuild has other programs or maps: {:?} {:?}, recorded {:?} {:?}",
            fresh.programs,
            fresh.maps,
            recorded.programs,
            recorded.maps
        );
    }
    println!(
        "ebpf: sources unchanged; rebuild with another toolchain has the same programs and maps"
    );
    Ok(())
}
