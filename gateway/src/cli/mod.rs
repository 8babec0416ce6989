//! The command line: one file per command.

mod detach;

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
    /// Takes the redirect off this host; covered traffic goes direct again.
    Detach(detach::DetachArgs),
}

/// Runs the command; an error is printed in one line by `main` and exits 1.
pub fn run(cli: Cli) -> anyhow::Result<std::process::ExitCode> {
    match cli.command {
        Command::Detach(args) => detach::run(&args),
    }
}
