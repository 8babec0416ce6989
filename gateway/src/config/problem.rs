//! What is wrong with a configuration: every problem with its file and path.

use std::fmt;
use std::path::{Path, PathBuf};

/// One problem. Path is the key as one would write it: `server.crm.tls.key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Key, or `line:column` where the text is not TOML or not of our shape.
    pub path: String,
    /// One line, lower case; never a secret's text.
    pub message: String,
}

/// Every problem of one configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// At least one.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn one(file: &Path, path: impl Into<String>, message: impl fmt::Display) -> Self {
        let mut problems = Problems::default();
        problems.push(path, message);
        ConfigError {
            file: file.to_owned(),
            problems: problems.list,
        }
    }
}

/// One line for each problem: `file: path: message`, or `file:line:column: message`.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            let newline = if n == 0 { "" } else { "\n" };
            let positioned = problem.path.starts_with(|c: char| c.is_ascii_digit());
            let colon = if positioned { ":" } else { ": " };
            let (path, message) = (&problem.path, &problem.message);
            write!(
                f,
                "{newline}{}{colon}{path}: {message}",
                self.file.display()
            )?;
        }
        Ok(())
    }
}

/// Collects problems, so that they are reported together.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) list: Vec<Problem>,
}

impl Problems {
    pub(super) fn push(&mut self, path: impl Into<String>, message: impl fmt::Display) {
        let message = message
            .to_string()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        self.list.push(Problem {
            path: path.into(),
            message,
        });
    }

    /// The value, or a problem and nothing.
    pub(super) fn take<T, E: fmt::Display>(
        &mut self,
        path: impl Into<String>,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|error| self.push(path, error)).ok()
    }
}
