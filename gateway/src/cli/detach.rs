//! `panward detach`: the only command that opens a closed host.

use std::{path::PathBuf, process::ExitCode};

use crate::redirect;

/// Where `panward run` pins, unless its config says otherwise.
const PIN_DIR: &str = "/sys/fs/bpf/panward";

/// Arguments of `panward detach`.
#[derive(Debug, clap::Args)]
pub struct DetachArgs {
    /// Directory with the pins of the redirect.
    #[arg(long, value_name = "DIR", default_value = PIN_DIR)]
    pin_dir: PathBuf,
}

/// Works with the gateway running, hung or gone; nothing to do is no error.
pub(super) fn run(args: &DetachArgs) -> anyhow::Result<ExitCode> {
    let links = redirect::detach(&args.pin_dir)?;
    let dir = args.pin_dir.display();
    match links {
        0 => println!("nothing is attached in {dir}"),
        _ => println!("detached {links} links of {dir}: new connections go direct"),
    }
    Ok(ExitCode::SUCCESS)
}
