//! Masked copies: written beside their place under another name, and renamed into it
//! once whole. Nothing is written over, but for the input itself where that was
//! asked for by naming it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Where masked copies go.
pub(super) enum Target {
    /// Nowhere: nothing is asked for.
    None,
    /// This file.
    File(PathBuf),
    /// Below this folder.
    Folder(PathBuf),
}

impl Target {
    /// Looks at what OUT is for these inputs.
    pub(super) fn new(out: Option<&Path>, paths: &[PathBuf]) -> anyhow::Result<Target> {
        let Some(out) = out else {
            return Ok(Target::None);
        };
        if let [one] = paths
            && !one.is_dir()
        {
            return Ok(Target::File(out.to_owned()));
        }
        if paths.iter().any(|path| path == Path::new("-")) {
            bail!("--mask: standard input must be the only input");
        }
        for path in paths.iter().filter(|path| path.is_dir()) {
            let inside = out.exists()
                && out.canonicalize()?.starts_with(path.canonicalize()?)
                && !same(out, path);
            if inside {
                bail!("--mask: {} is inside {}", out.display(), path.display());
            }
        }
        Ok(Target::Folder(out.to_owned()))
    }

    /// The copy of `file`, found below `root` (itself, where it was named).
    pub(super) fn copy(&self, root: &Path, file: &Path) -> anyhow::Result<Option<Copy>> {
        let to = match self {
            Target::None => return Ok(None),
            Target::File(out) => out.clone(),
            Target::Folder(out) => {
                let below = match file.strip_prefix(root) {
                    Ok(below) if !below.as_os_str().is_empty() => below,
                    _ => Path::new(file.file_name().unwrap_or_default()),
                };
                let to = out.join(below);
                let folder = to.parent().unwrap_or(out);
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot create {}", folder.display()))?;
                to
            }
        };
        Copy::begin(file, to).map(Some)
    }
}

fn same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// One copy in work; taken away unless it is put in place.
pub(super) struct Copy {
    half: PathBuf,
    to: PathBuf,
    file: io::BufWriter<File>,
    in_place: bool,
    permissions: Option<fs::Permissions>,
    is_whole: bool,
}

impl Copy {
    fn begin(from: &Path, to: PathBuf) -> anyhow::Result<Copy> {
        let in_place = same(from, &to);
        if !in_place && fs::symlink_metadata(&to).is_ok() {
            bail!("cannot create {}: it exists", to.display());
        }
        // Through a link the file that it names is replaced, not the link.
        let to = if in_place { to.canonicalize()? } else { to };
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let half = to.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&half)
            .with_context(|| format!("cannot create {}", half.display()))?;
        Ok(Copy {
            half,
            to,
            file: io::BufWriter::new(file),
            in_place,
            permissions: fs::metadata(from).ok().map(|m| m.permissions()),
            is_whole: false,
        })
    }

    /// Adds masked bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.file
            .write_all(bytes)
            .with_context(|| format!("cannot write {}", self.half.display()))
    }

    /// The input has ended: the copy appears. In place an input without a finding
    /// stays the file it was.
    pub(super) fn finish(mut self, findings: u64) -> anyhow::Result<()> {
        if self.in_place && findings == 0 {
            return Ok(());
        }
        self.put()
            .with_context(|| format!("cannot write {}", self.to.display()))
    }

    fn put(&mut self) -> io::Result<()> {
        self.file.flush()?;
        let file = self.file.get_ref();
        if let Some(permissions) = self.permissions.clone() {
            file.set_permissions(permissions)?;
        }
        file.sync_all()?;
        match self.in_place {
            true => fs::rename(&self.half, &self.to)?,
            false => crate::sys::rename_new(&self.half, &self.to)?,
        }
        self.is_whole = true;
        Ok(())
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if !self.is_whole {
            // What cannot be removed here cannot be told either; its name says what it is.
            let _ = fs::remove_file(&self.half);
        }
    }
}
