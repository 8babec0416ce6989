//! `panward run`: the gateway.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

/// Options of `panward run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = "/etc/panward/panward.toml")]
    config: PathBuf,
}

/// Runs until it is told to stop.
pub(super) fn run(args: &Run) -> anyhow::Result<ExitCode> {
    super::log_to_stderr();
    let config = crate::config::Config::load(&args.config)?;
    crate::app::run(config)?;
    Ok(ExitCode::SUCCESS)
}
