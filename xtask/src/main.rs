//! Every chore of the repository: `cargo xtask <command>`, one file for each.

mod ebpf;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores of the panward repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Rebuilds or checks the committed eBPF object.
    Ebpf(ebpf::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Ebpf(args) => ebpf::run(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
