//! The server's own log: one JSON line for each tool call, as it was received.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::Mutex,
};

use anyhow::Context;
use serde_json::json;

use crate::SocketEnds;

/// Where calls are written down; without a file they are not.
#[derive(Debug)]
pub(crate) struct CallLog {
    file: Option<Mutex<File>>,
}

impl CallLog {
    /// Opens `path` for appending.
    pub(crate) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let file = match path {
            None => None,
            Some(path) => {
                let file = OpenOptions::new().create(true).append(true).open(path);
                Some(Mutex::new(
                    file.with_context(|| format!("open {}", path.display()))?,
                ))
            }
        };
        Ok(Self { file })
    }

    /// Writes one line; a full disk is told on stderr and does not end the call.
    pub(crate) fn write(
        &self,
        tool: &str,
        arguments: &serde_json::Map<String, serde_json::Value>,
        ends: Option<SocketEnds>,
    ) {
        let Some(file) = &self.file else { return };
        let line = json!({
            "tool": tool,
            "arguments": arguments,
            "peer": ends.map(|ends| ends.peer.to_string()),
            "local": ends.map(|ends| ends.local.to_string()),
        });
        let mut file = file
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // One write call, so that lines of parallel calls never mix.
        if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
            eprintln!("demo-server: write log: {error}");
        }
    }
}
