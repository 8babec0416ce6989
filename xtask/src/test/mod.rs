//! `cargo xtask test`: everything that must be green, on a bare Debian 12 with cargo.
//!
//! Needs first (listed, installed after a yes), then the binaries, then the suites in
//! order of their cost. A suite that cannot run is shown as a skip and is a failure in CI.
//! The last line is `N passed, N failed, N skipped`.

mod needs;
mod suites;
mod tally;

use std::{io::IsTerminal, process::ExitCode, time::Instant};

use anyhow::Context;

use crate::{checkout, process};

/// Arguments of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Install what is missing without asking; implied by CI=true.
    #[arg(long)]
    yes: bool,
    /// No root, no node, no Python: ends within three minutes.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// The slow suites too: release build twice, its package, fuzzing.
    #[arg(long)]
    full: bool,
    /// With --full: ten minutes of fuzzing a target in place of one.
    #[arg(long, requires = "full")]
    long: bool,
    /// Only these suites (see the table for names); repeatable.
    #[arg(long, value_name = "NAME")]
    suite: Vec<String>,
}

/// What this run may count on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground {
    /// A skip is a failure.
    ci: bool,
    root: bool,
    quick: bool,
    full: bool,
    long: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let ground = Ground {
        ci: std::env::var_os("CI").is_some_and(|value| value == "true"),
        root: rustix::process::geteuid().is_root(),
        quick: args.quick,
        full: args.full,
        long: args.long,
    };
    let chosen = suites::choose(ground, &args.suite)?;
    let clients = checkout::target_dir()?.join("clients");
    let missing = if chosen.iter().any(|suite| suite.wants_installs()) {
        let wants = suites::wants(&chosen, ground);
        let wanted = needs::missing(&clients, wants);
        needs::provide(wanted, wants, &clients, ground.root, || {
            agreed(args.yes || ground.ci)
        })?
    } else {
        Vec::new()
    };
    let mut table = tally::Table::default();
    if chosen.iter().any(|suite| suite.wants_binaries()) {
        println!("== build");
        let at = Instant::now();
        // All of the workspace, with the features that its tests ask for: with `-p` the
        // same dependencies would be built again for other feature sets.
        let built = process::pass_through(checkout::cargo().args([
            "build",
            "--locked",
            "--workspace",
            "--bins",
            "--tests",
        ]));
        table.check("build", built.is_ok(), at.elapsed());
    }
    if !table.failed() {
        let stage = suites::Stage {
            ground,
            clients: &clients,
            missing: &missing,
        };
        for suite in &chosen {
            println!("== {}", suite.name);
            table.push(
                stage
                    .run(suite)
                    .with_context(|| format!("suite {}", suite.name))?,
            );
        }
    }
    table.print(started.elapsed());
    Ok(if table.failed() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// A yes from the command line or from the person at the terminal.
fn agreed(yes: bool) -> bool {
    if yes {
        return true;
    }
    if !std::io::stdin().is_terminal() {
        println!("not installed: no terminal to ask at; --yes installs");
        return false;
    }
    println!("Install them now? [y/N]");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
