//! `panward detach`: the only command that opens a closed host.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;

use crate::redirect;

/// Where `panward run` pins, unless its config says otherwise.
const PIN_DIR: &str = "/sys/fs/bpf/panward";

/// Arguments of `panward detach`.
#[derive(Debug, clap::Args)]
pub struct DetachArgs {
    /// Directory with the pins of the redirect.
    #[arg(long, value_name = "DIR", default_value = PIN_DIR, conflicts_with = "config")]
    pin_dir: PathBuf,
    /// Configuration that names the directory; repeatable. The rest of it may be wrong.
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
}

/// Works with the gateway running, hung or gone; nothing to do is no error. One
/// directory that cannot be cleared does not keep the others.
pub(super) fn run(args: &DetachArgs) -> anyhow::Result<ExitCode> {
    if args.config.is_empty() {
        clear(&args.pin_dir)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut code = ExitCode::SUCCESS;
    for file in &args.config {
        let cleared = std::fs::read_to_string(file)
            .with_context(|| format!("read {}", file.display()))
            .and_then(|text| pin_dir_of(file, &text))
            .and_then(|dir| clear(&dir));
        if let Err(error) = cleared {
            eprintln!("panward: {error:#}");
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

fn clear(pin_dir: &Path) -> anyhow::Result<()> {
    let links = redirect::detach(pin_dir)?;
    let dir = pin_dir.display();
    match links {
        0 => println!("nothing is attached in {dir}"),
        _ => println!("detached {links} links of {dir}: new connections go direct"),
    }
    Ok(())
}

/// `redirect.pin_dir` of a configuration; nothing else of it is looked at, so that a
/// host can be opened whatever somebody wrote.
fn pin_dir_of(file: &Path, text: &str) -> anyhow::Result<PathBuf> {
    // A config can hold a credential: the parser's own message would quote the line.
    let table: toml::Table = text
        .parse()
        .map_err(|_| anyhow::anyhow!("{}: not TOML", file.display()))?;
    let named = table
        .get("redirect")
        .and_then(|redirect| redirect.get("pin_dir"));
    let dir = match named {
        None => PIN_DIR,
        Some(value) => value
            .as_str()
            .with_context(|| format!("{}: redirect.pin_dir: must be a path", file.display()))?,
    };
    Ok(file.parent().unwrap_or(Path::new("")).join(dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> anyhow::Result<PathBuf> {
        pin_dir_of(Path::new("/etc/panward/blue.toml"), text)
    }

    #[test]
    fn a_config_names_its_directory_even_where_the_rest_is_wrong() -> anyhow::Result<()> {
        let wrong = "mode = 7\n[redirect]\npin_dir = \"/sys/fs/bpf/blue\"\nno_such_key = 1\n";
        assert_eq!(of(wrong)?, Path::new("/sys/fs/bpf/blue"));
        assert_eq!(
            of("[redirect]\npin_dir = \"b\"")?,
            Path::new("/etc/panward/b")
        );
        for default in ["", "[redirect]\nfail = \"open\"\n"] {
            assert_eq!(of(default)?, Path::new(PIN_DIR), "{default:?}");
        }
        Ok(())
    }

    #[test]
    fn what_is_not_toml_is_an_error_without_a_quote_of_it() {
        let error = of("value = secret text").expect_err("not TOML").to_string();
        assert!(
            error.contains("blue.toml") && !error.contains("secret"),
            "{error}"
        );
        assert!(of("[redirect]\npin_dir = 7").is_err());
    }
}
