//! A test that cannot run says so, and is never silently green.
//!
//! libtest cannot skip while running, so the reason goes to stderr and to the file named
//! by `PANWARD_SKIPS`, which `cargo xtask test` counts. Where the runner has
//! promised that nothing is missing, a skip is a failure.

use std::io::Write;

/// What a runner can promise to be present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Root with BPF: `PANWARD_REQUIRE_ROOT=1`.
    Root,
    /// The pinned node and Python clients: `PANWARD_REQUIRE_CLIENTS=1`.
    Clients,
}

impl Promise {
    fn variable(self) -> &'static str {
        match self {
            Self::Root => "PANWARD_REQUIRE_ROOT",
            Self::Clients => "PANWARD_REQUIRE_CLIENTS",
        }
    }
}

/// Notes that the calling test does not run. Follow it with `return`.
///
/// # Panics
/// If the runner promised `promise`.
pub fn skip(promise: Promise, test: &str, reason: &str) {
    let variable = promise.variable();
    assert!(
        std::env::var_os(variable).is_none_or(|value| value != "1"),
        "{test}: {reason} ({variable}=1)"
    );
    let line = format!("skipped {test}: {reason}\n");
    // Past libtest's capture, so that a person sees it too.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("PANWARD_SKIPS") {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path);
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}
