//! `cargo xtask ebpf`: the committed object of the kernel programs.
//!
//! A plain build embeds `gateway-ebpf/object/panward.bpf.o` and needs no BPF
//! tools. Here it is rebuilt, and checked against its sources:
//!
//! | | |
//! |---|---|
//! | `cargo xtask ebpf` | rebuilds object and manifest |
//! | `--check` | fails when the sources changed since, or a rebuild differs |
//! | `--check --rustc R --bpf-linker L` | the same with other tools: a rebuild must have the same programs and maps |
//! | `--output FILE` | writes the rebuilt object there, not into the repository |
//! | `--setup` | installs the toolchain (Debian, as root) |

mod build;
mod manifest;
mod sources;
mod toolchain;

use std::{fs, io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context, bail, ensure};

use manifest::Manifest;
pub(crate) use manifest::sha256;
use toolchain::Toolchain;
pub(crate) use toolchain::{Choice, is_set_up, setup};

/// What [`setup`] installs, in words.
pub(crate) const SETUP: &str =
    "tools for BPF: Debian packages rustc-web, rust-web-src; bpf-linker from crates.io";

/// Names the object that debug builds of the gateway load instead of the embedded one.
pub(crate) const OBJECT: &str = "PANWARD_EBPF_OBJ";

/// What to do; without a flag: rebuild.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Fails when the object does not belong to its sources.
    #[arg(long, conflicts_with = "setup")]
    check: bool,
    /// Installs what a rebuild needs: Debian's rustc-web and rust-web-src, and
    /// bpf-linker from crates.io into the target folder.
    #[arg(long, conflicts_with = "output")]
    setup: bool,
    /// Writes the rebuilt object here and leaves the committed one alone.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    tools: Choice,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.setup {
        setup()?;
    } else if args.check {
        check(args)?;
    } else {
        rebuild(args)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the tools can be had; if not, what is missing.
pub(crate) fn tools(choice: &Choice) -> anyhow::Result<()> {
    Toolchain::find(choice).map(drop)
}

fn rebuild(args: &Args) -> anyhow::Result<()> {
    let toolchain = Toolchain::find(&args.tools)?;
    let object = build::object(&toolchain)?;
    let manifest = Manifest::of(&object, toolchain.versions().clone())?;
    match &args.output {
        Some(file) => {
            fs::write(file, &object).with_context(|| format!("write {}", file.display()))?;
        }
        None => manifest.write(&object)?,
    }
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

fn check(args: &Args) -> anyhow::Result<()> {
    let (recorded, object) = committed()?;
    let toolchain = match Toolchain::find(&args.tools) {
        Ok(toolchain) => toolchain,
        Err(missing) if std::env::var_os("CI").is_some_and(|value| value == "true") => {
            return Err(missing);
        }
        Err(missing) => {
            println!("ebpf: object and manifest belong to the sources");
            return skipped(&format!("not rebuilt: {missing:#}"));
        }
    };
    let rebuilt = build::object(&toolchain)?;
    if let Some(file) = &args.output {
        fs::write(file, &rebuilt).with_context(|| format!("write {}", file.display()))?;
    }
    let fresh = Manifest::of(&rebuilt, toolchain.versions().clone())?;
    if fresh.toolchain == recorded.toolchain {
        ensure!(
            rebuilt == object,
            "a rebuild with the recorded toolchain gives other bytes: sha256 {}",
            fresh.object_sha256
        );
        println!("ebpf: a rebuild is byte-equal ({})", recorded.object_sha256);
        return Ok(());
    }
    let (tools, recorded_tools) = (&fresh.toolchain, &recorded.toolchain);
    println!("ebpf: rebuilt with {tools:?}; recorded is {recorded_tools:?}");
    if let Some(difference) = fresh.other_shape_than(&recorded) {
        bail!("a rebuild {difference}");
    }
    println!(
        "ebpf: {} programs and {} maps of the same names, types and sizes ({} bytes, sha256 {})",
        fresh.programs.len(),
        fresh.maps.len(),
        rebuilt.len(),
        fresh.object_sha256
    );
    let chosen = args.tools.rustc.is_some() || args.tools.bpf_linker.is_some();
    if chosen {
        return Ok(());
    }
    skipped("the bytes were not compared: these are not the recorded tools")
}

/// Says what was not checked, also to `cargo xtask test`, which counts it.
fn skipped(what: &str) -> anyhow::Result<()> {
    println!("ebpf: {what}");
    if let Some(path) = std::env::var_os("PANWARD_SKIPS") {
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)?;
        writeln!(file, "ebpf: {what}")?;
    }
    Ok(())
}
