//! Every direct dependency has a row in `docs/DEPENDENCIES.md`, and every row a dependency.

use std::collections::BTreeSet;

use anyhow::Context;

use super::Broken;
use crate::checkout;

const DOCUMENT: &str = "docs/DEPENDENCIES.md";

pub(super) fn check() -> anyhow::Result<Vec<Broken>> {
    let read = |path: &str| {
        std::fs::read_to_string(checkout::root().join(path)).with_context(|| path.to_owned())
    };
    let mut used = listed(&read("Cargo.toml")?, "[workspace.dependencies]");
    // A workspace of its own; what ours has too is described there.
    used.extend(listed(&read("fuzz/Cargo.toml")?, "[dependencies]"));
    Ok(compare(&used, &read(DOCUMENT)?))
}

/// A dependency from a registry, and whether its version is pinned with `=`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Dependency {
    name: String,
    pinned: bool,
}

/// Those of a table of a manifest; our own, which have a path, are left out.
fn listed(manifest: &str, table: &str) -> BTreeSet<Dependency> {
    manifest
        .lines()
        .skip_while(|line| *line != table)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#') && !line.contains("path = "))
        .filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            Some(Dependency {
                name: name.trim().trim_end_matches(".workspace").to_owned(),
                pinned: value.contains("\"="),
            })
        })
        .collect()
}

fn compare(used: &BTreeSet<Dependency>, document: &str) -> Vec<Broken> {
    let rows = |section: &mut dyn Iterator<Item = &str>| -> BTreeSet<String> {
        section
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .map(str::to_owned)
            .collect()
    };
    let pins = rows(
        &mut document
            .lines()
            .skip_while(|line| *line != "## Pinned")
            .skip(1)
            .take_while(|line| !line.starts_with("## ")),
    );
    let jobs = rows(&mut document.lines().skip_while(|line| *line != "## Run"));
    let names: BTreeSet<&str> = used.iter().map(|d| d.name.as_str()).collect();
    let broken = |name: &str, rule: &str| Broken::new(DOCUMENT, format!("{name}: {rule}"));
    let mut found = Vec::new();
    for Dependency { name, pinned } in used {
        if !jobs.contains(name) {
            found.push(broken(
                name,
                "a dependency without a row: job, why this one",
            ));
        }
        if *pinned && !pins.contains(name) {
            found.push(broken(name, "pinned without a reason under Pinned"));
        }
    }
    let unknown = jobs
        .union(&pins)
        .filter(|name| !names.contains(name.as_str()));
    found.extend(unknown.map(|name| broken(name, "a row for what is no dependency")));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "\
[workspace]
members = [\"a\"]

[workspace.dependencies]
ours = { path = \"crates/ours\" }

anyhow = \"1.0\"
aya = \"=0.14.0\"
clap = { version = \"4.6\", features = [\"derive\"] }

[workspace.lints.rust]
docs = \"warn\"
";

    fn rules(document: &str) -> Vec<String> {
        let used = listed(MANIFEST, "[workspace.dependencies]");
        let broken = compare(&used, document);
        broken.into_iter().map(|broken| broken.rule).collect()
    }

    #[test]
    fn registry_dependencies_are_listed_and_ours_are_not() {
        let used = listed(MANIFEST, "[workspace.dependencies]");
        let names: Vec<&str> = used.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["anyhow", "aya", "clap"]);
    }

    #[test]
    fn what_is_missing_pinned_or_stale_is_found() {
        let all =
            "## Pinned\n| `aya` | x |\n## Run\n| `anyhow` | x |\n| `aya` | x |\n| `clap` | x |\n";
        assert!(rules(all).is_empty());
        let without = all.replace("| `clap` | x |\n", "");
        assert!(rules(&without)[0].starts_with("clap: a dependency without"));
        let unexplained = all.replacen("| `aya` | x |\n", "", 1);
        assert!(rules(&unexplained)[0].starts_with("aya: pinned"));
        let stale = format!("{all}| `old` | x |\n");
        assert!(rules(&stale)[0].starts_with("old: a row"));
    }
}
