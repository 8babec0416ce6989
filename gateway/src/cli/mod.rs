//! The command line: one file per command.

mod check;
mod demo;
mod detach;
mod dev;
pub mod docs;
mod findings;
mod run;
mod scan;
mod sessions;
mod status;
mod suppress;
mod tail;
mod verify;
mod watch;

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
    /// Run the gateway.
    Run(run::Run),
    /// List this host's MCP calls: no config, nothing changed, nothing left.
    Watch(watch::WatchArgs),
    /// Show one client call before and after panward, on this machine.
    Demo(demo::Demo),
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
    /// Group the findings of an audit log: where false positives come from.
    Findings(findings::FindingsArgs),
    /// Leave numbers that only look like cards as they are: for a time, on the record.
    Suppress(suppress::SuppressArgs),
    /// Prove that an audit log was not changed.
    Verify(verify::VerifyArgs),
    /// Find card numbers in files, folders or standard input.
    Scan(scan::Args),
    /// Takes the redirect off this host; covered traffic goes direct again.
    Detach(detach::DetachArgs),
}

/// Runs the command; an error is printed in one line by `main` and exits 1.
pub fn run(cli: Cli) -> anyhow::Result<std::process::ExitCode> {
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Check(arguments) => Ok(check::run(&arguments)),
        Command::Docs(arguments) => {
            docs::run(&arguments)?;
            Ok(std::process::ExitCode::SUCCESS)
        }
        Command::Dev(dev) => dev.run(),
        Command::Sessions(args) => sessions::run(args),
        Command::Tail(args) => tail::run(args),
        Command::Findings(args) => findings::run(&args),
        Command::Suppress(args) => suppress::run(&args),
        Command::Verify(args) => verify::run(args),
        Command::Scan(args) => Ok(scan::run(&args)),
        Command::Detach(args) => detach::run(&args),
    }
}

/// Diagnostics go to standard error (systemd puts them in the journal):
/// `info` and above, or as `PANWARD_LOG` says. The audit log never goes there.
fn log_to_stderr() {
    use std::io::IsTerminal;
    let filter = tracing_subscriber::EnvFilter::try_from_env("PANWARD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A second call (tests in one process) changes nothing.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
}
