//! A folder for one test: removed at its end, kept and named when it panics or
//! `PANWARD_KEEP=1` is set.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

/// The folder. Declare it before the processes that write into it, so that it goes last.
#[derive(Debug)]
pub struct Scratch {
    dir: Option<TempDir>,
}

impl Scratch {
    /// A new empty folder; `test` is part of its name.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn new(test: &str) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix(&format!("panward-{test}-"))
            .tempdir();
        Ok(Self {
            dir: Some(dir.context("make a test folder")?),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.as_ref().map_or(Path::new(""), |dir| dir.path())
    }

    /// A path below it; nothing is created.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file below it and gives its path.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, name: &str, content: &str) -> anyhow::Result<PathBuf> {
        let path = self.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let keep = std::env::var_os("PANWARD_KEEP").is_some_and(|value| value == "1");
        if (keep || std::thread::panicking())
            && let Some(dir) = self.dir.take()
        {
            eprintln!("kept {}", dir.keep().display());
        }
    }
}
