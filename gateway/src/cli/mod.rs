//! The command line: one file per command.

mod scan;

use clap::{Parser, Subcommand};

/// Transparent MCP gateway: knows who calls, decides, masks card numbers, and
/// keeps tamper-evident records.
#[derive(Debug, Parser)]
#[command(name = "panward", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands of `panward`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find card numbers in files or standard input.
    Scan(scan::Args),
}

/// Runs the command; an error is printed in one line by `main` and exits 1.
pub fn run(cli: Cli) -> anyhow::Result<std::process::ExitCode> {
    match cli.command {
        Command::Scan(args) => Ok(scan::run(&args)),
    }
}
