//! Crates under `crates/` are pure: no runtime, no sockets, no kernel.

use crate::{checkout, process};

use super::Broken;

const FORBIDDEN: &[&str] = &[
    "tokio", "mio", "aya", "aya-obj", "socket2", "async-io", "hyper",
];

/// Follows the normal dependencies of each crate under `crates/`, on every platform.
pub(super) fn check() -> anyhow::Result<Vec<Broken>> {
    let mut broken = Vec::new();
    let mut crates: Vec<_> = std::fs::read_dir(checkout::root().join("crates"))?
        .flatten()
        .map(|e| e.file_name())
        .collect();
    crates.sort();
    for name in crates {
        let name = name.to_string_lossy();
        let tree = process::output(checkout::cargo().args([
            "tree",
            "--locked",
            "--package",
            &name,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--target",
            "all",
            "--all-features",
        ]))?;
        let reached = reaches(&tree);
        broken.extend(reached.into_iter().map(|dependency| {
            Broken::new(
                format!("crates/{name}"),
                format!("a pure crate reaches {dependency}"),
            )
        }));
    }
    Ok(broken)
}

fn reaches(tree: &str) -> Vec<&'static str> {
    let packages: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    FORBIDDEN
        .iter()
        .copied()
        .filter(|name| packages.contains(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_package_is_found_by_its_whole_name() {
        assert_eq!(
            reaches("wire v0.1.0 (/x)\ntokio v1.54.1\nmemchr v2.8.0\n"),
            ["tokio"]
        );
        assert!(reaches("wire v0.1.0 (/x)\ntokio-macros v2.0.0\nhttparse v1.0.0\n").is_empty());
    }
}
