//! `panward check`: is this configuration, with its policies, good?

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::Config;
use crate::policy_dir;

/// Arguments of `panward check`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = "/etc/panward/panward.toml")]
    config: PathBuf,
}

/// Prints every problem, one a line, on stderr and exits 1; or what was found.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match check(&arguments.config) {
        Ok(report) => {
            print!("{report}");
            ExitCode::SUCCESS
        }
        Err(problems) => {
            eprintln!("{problems}");
            ExitCode::FAILURE
        }
    }
}

/// The report of a good configuration, or its problems, one a line.
///
/// # Errors
/// Problems of the configuration, or of its policies.
pub(super) fn check(file: &Path) -> Result<String, String> {
    let config = Config::load(file).map_err(|error| error.to_string())?;
    let mut report = String::new();
    for warning in &config.warnings {
        report += &format!("{}: warning: {warning}\n", file.display());
    }
    let dir = &config.policy_dir;
    if dir.is_dir() {
        let set = policy_dir::load(dir, &config.limits).map_err(|error| error.to_string())?;
        if set.is_empty() {
            report += &format!(
                "{}: warning: no policy: everything is denied\n",
                dir.display()
            );
        }
        report += &format!("{}: {} policies\n", dir.display(), set.ids().len());
    }
    let dir = &config.scan.suppressions;
    let folder = crate::suppress::Folder::load(dir).map_err(|error| error.to_string())?;
    let over = folder.over(crate::proxy::clock::now().wall_ns);
    if !over.is_empty() {
        let names = over.join(", ");
        report += &format!("{}: warning: over: {names}\n", dir.display());
    }
    if !folder.entries.is_empty() {
        let in_force = folder.entries.len() - over.len();
        report += &format!("{}: {in_force} suppressions in force\n", dir.display());
    }
    let (servers, issuers) = (config.servers.len(), config.issuers.len());
    report += &format!(
        "{}: ok, {servers} servers, {issuers} issuers\n",
        file.display()
    );
    Ok(report)
}
