//! `panward docs` (hidden): reference files generated from the types, for
//! `cargo xtask schema`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::config;

/// Arguments of `panward docs`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What to write.
    #[command(subcommand)]
    pub what: What,
}

/// Reference files.
#[derive(Debug, clap::Subcommand)]
pub enum What {
    /// `CONFIG.md` and `config.schema.json`.
    Config {
        /// Folder to write into.
        #[arg(long, default_value = "docs")]
        dir: PathBuf,
    },
}

/// Writes the files.
///
/// # Errors
/// A file cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let What::Config { dir } = &arguments.what;
    for (name, text) in files() {
        let path: &Path = &dir.join(name);
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
        println!("{}", path.display());
    }
    Ok(())
}

/// Names and texts of the generated files.
pub fn files() -> [(&'static str, String); 2] {
    [
        ("CONFIG.md", config::reference_page()),
        ("config.schema.json", config::schema_json()),
    ]
}
