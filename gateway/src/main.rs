//! Start-up and exit codes only.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match gateway::cli::run(gateway::cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("panward: {error:#}");
            ExitCode::FAILURE
        }
    }
}
