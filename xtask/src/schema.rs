//! `cargo xtask schema`: reference files that are generated from the types.

use std::process::{Command, ExitCode};

use crate::{checkout, process};

/// Builds the gateway and lets it write `docs/CONFIG.md` and `docs/config.schema.json`.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    // The features of `cargo xtask test`, so that nothing is built twice.
    process::pass_through(checkout::cargo().args([
        "build",
        "--locked",
        "--workspace",
        "--bins",
        "--tests",
    ]))?;
    let panward = checkout::target_dir()?.join("debug/panward");
    process::pass_through(
        Command::new(panward)
            .current_dir(checkout::root())
            .args(["docs", "config", "--dir", "docs"]),
    )?;
    Ok(ExitCode::SUCCESS)
}
