//! `cargo xtask demo`: builds what the demo needs and runs it.
//!
//! Builds only the gateway and the two small MCP programs, so that the first build stays
//! short; cargo shows its progress. What the demo itself does: `panward demo --help`.

use std::{process::ExitCode, time::Instant};

use anyhow::Context;

use crate::{checkout, process};

/// Arguments of `cargo xtask demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Use an explicit listener even where eBPF could be used.
    #[arg(long)]
    no_ebpf: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let at = Instant::now();
    println!("building panward and the demo's client and server (a first build takes minutes)");
    process::pass_through(checkout::cargo().args([
        "build",
        "--locked",
        "--package=panward",
        "--package=panward-demo",
        "--bins",
    ]))?;
    println!("built in {:.0} s\n", at.elapsed().as_secs_f64());
    let programs = checkout::target_dir()?.join("debug");
    let mut demo = std::process::Command::new(programs.join("panward"));
    demo.arg("demo").arg("--programs").arg(&programs);
    if args.no_ebpf {
        demo.arg("--no-ebpf");
    }
    let status = demo.status().context("run panward demo")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
