//! The command line: one file per command.

mod status;
mod sessions;
mod tail;
mod verify;

use clap::{Parser, Subcommand};

pub mod check;
pub mod docs;
pub mod dev;

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
    /// Ask the running gateway whether it is ready and what it has done.
    Status(status::StatusArgs),
    /// Checks a configuration and its policies.
    Check(check::Arguments),
    /// Writes generated reference files.
    #[command(hide = true)]
    Docs(docs::Arguments),
    /// Development: certificates, tokens and an issuer for trying things out.
    Dev(dev::Dev),
    /// List the sessions of an audit log.
    Sessions(sessions::SessionsArgs),
    /// Show records of an audit log, live with -f.
    Tail(tail::TailArgs),
    /// Prove that an audit log was not changed.
    Verify(verify::VerifyArgs),
}

/// Runs the command; an error is printed in one line by `main` and exits 1.
pub fn run(cli: Cli) -> anyhow::Result<std::process::ExitCode> {
    match cli.command {
        Command::Status(args) => status::run(&args),
        Command::Check(arguments) => Ok(check::run(&arguments)),
        Command::Docs(arguments) => {
            docs::run(&arguments)?;
            Ok(std::process::ExitCode::SUCCESS)
        }
        Command::Dev(dev) => dev.run(),
        Command::Sessions(args) => sessions::run(args),
        Command::Tail(args) => tail::run(args),
        Command::Verify(args) => verify::run(args),
    }
}
