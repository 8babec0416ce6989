//! Reads the policy folder: `*.cedar` files, in order of their names.
//!
//! Bounds: `policy_files_max`, `policy_file_bytes_max`. A file that cannot be
//! read whole is an error, never left out: it might hold a forbid.

use std::io::Read;
use std::path::{Path, PathBuf};

use policy::{PolicyError, PolicySet};

use crate::config::Limits;

/// Why a policy folder was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum PolicyDirError {
    /// The folder or a file cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// Folder or file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A bound was reached.
    #[error("{}: {message}", path.display())]
    Bound {
        /// Folder or file.
        path: PathBuf,
        /// Which bound.
        message: String,
    },
    /// Problems in the texts; one line each, as `file:line:column: message`.
    #[error("{}", lines(.0))]
    Policies(Vec<PolicyError>),
}

fn lines(errors: &[PolicyError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Reads and checks every `*.cedar` file of a folder (not of its subfolders;
/// names that begin with a dot are left out, as editors leave such).
///
/// # Errors
/// The first file that cannot be read, or every problem of the texts. Errors
/// name files by their path; policy ids have the file's name only.
pub fn load(dir: &Path, limits: &Limits) -> Result<PolicySet, PolicyDirError> {
    let files = read(dir, limits)?;
    PolicySet::load(&files).map_err(|mut errors| {
        for error in &mut errors {
            error.file = dir.join(&error.file).display().to_string();
        }
        PolicyDirError::Policies(errors)
    })
}

/// `(file name, text)` of every `*.cedar` file, sorted by name.
///
/// # Errors
/// As [`load`].
pub fn read(dir: &Path, limits: &Limits) -> Result<Vec<(String, String)>, PolicyDirError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| PolicyDirError::Read { path, error }
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed(dir))? {
        let entry = entry.map_err(failed(dir))?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| PolicyDirError::Bound {
                path: dir.join(name),
                message: "file name is not UTF-8".to_owned(),
            })?;
        if !name.ends_with(".cedar") || name.starts_with('.') {
            continue;
        }
        names.push(name);
        if names.len() as u64 > limits.policy_files_max {
            let message = format!(
                "more than {} files (policy_files_max)",
                limits.policy_files_max
            );
            return Err(PolicyDirError::Bound {
                path: dir.to_owned(),
                message,
            });
        }
    }
    names.sort_unstable();
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        let text = read_file(&dir.join(&name), limits.policy_file_bytes_max)?;
        files.push((name, text));
    }
    Ok(files)
}

fn read_file(path: &Path, bytes_max: u64) -> Result<String, PolicyDirError> {
    let failed = |error| PolicyDirError::Read {
        path: path.to_owned(),
        error,
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        let message = "is not a plain file".to_owned();
        return Err(PolicyDirError::Bound {
            path: path.to_owned(),
            message,
        });
    }
    file.take(bytes_max + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > bytes_max {
        let message = format!("is larger than {bytes_max} bytes (policy_file_bytes_max)");
        return Err(PolicyDirError::Bound {
            path: path.to_owned(),
            message,
        });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).expect("written");
        }
        dir
    }

    const ALL: &str = "permit(principal, action, resource);";

    #[test]
    fn cedar_files_are_read_in_order_and_others_left() {
        let dir = folder(&[
            ("b.cedar", ALL),
            ("a.cedar", ALL),
            (".x.cedar", "?"),
            ("README", "?"),
        ]);
        let set = load(dir.path(), &Limits::default()).expect("good");
        assert_eq!(set.ids(), ["a.cedar#1", "b.cedar#1"]);
    }

    #[test]
    fn errors_name_the_path_the_line_and_the_column() {
        let dir = folder(&[(
            "a.cedar",
            "@maks(\"off\")\npermit(principal, action, resource);",
        )]);
        let error = load(dir.path(), &Limits::default())
            .expect_err("refused")
            .to_string();
        let expected = format!(
            "{}/a.cedar:1:1: unknown annotation @maks",
            dir.path().display()
        );
        assert!(error.starts_with(&expected), "{error}");
        let error = load(&dir.path().join("no"), &Limits::default()).expect_err("refused");
        assert!(
            error
                .to_string()
                .ends_with("/no: No such file or directory (os error 2)")
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_whole_is_an_error() {
        let limits = Limits {
            policy_file_bytes_max: 40,
            policy_files_max: 2,
            ..Limits::default()
        };
        let good = folder(&[("a.cedar", ALL), ("b.cedar", ALL)]);
        assert!(load(good.path(), &limits).is_ok());
        let large = folder(&[("a.cedar", &format!("{ALL}// more"))]);
        let error = load(large.path(), &limits)
            .expect_err("refused")
            .to_string();
        assert!(
            error.ends_with("is larger than 40 bytes (policy_file_bytes_max)"),
            "{error}"
        );
        let many = folder(&[("a.cedar", ALL), ("b.cedar", ALL), ("c.cedar", ALL)]);
        assert!(load(many.path(), &limits).is_err());
        let sub = folder(&[]);
        std::fs::create_dir(sub.path().join("d.cedar")).expect("made");
        assert!(load(sub.path(), &limits).is_err());
        std::fs::remove_dir(sub.path().join("d.cedar")).expect("removed");
        std::fs::write(sub.path().join("e.cedar"), b"\xff\xfe").expect("written");
        assert!(load(sub.path(), &limits).is_err());
    }
}
