//! Every chore of the repository: `cargo xtask <command>`, one file for each.
//!
//! A chore runs from any folder, says what it does before it does it, changes nothing
//! outside the repository and its target folder without a yes, and reports an error in
//! one line.

mod checkout;
mod demo;
mod dist;
mod ebpf;
mod fuzz;
mod process;
mod schema;
mod test;
mod tidy;

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
    /// Builds and shows one client call before and after panward.
    Demo(demo::Args),
    /// Runs every suite; installs what they need after a yes.
    Test(test::Args),
    /// Checks the borders between crates, forbidden text, unsafe code, sizes, corpora,
    /// dependencies.
    Tidy,
    /// Rebuilds or checks the committed eBPF object.
    Ebpf(ebpf::Args),
    /// Builds a release and the Debian package of it.
    Dist(dist::Args),
    /// Builds every fuzz target with libFuzzer and runs each for a while.
    Fuzz(fuzz::Args),
    /// Writes docs/CONFIG.md and docs/config.schema.json from the types.
    Schema,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Tidy => tidy::run(),
        Command::Ebpf(args) => ebpf::run(&args),
        Command::Dist(args) => dist::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Schema => schema::run(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
