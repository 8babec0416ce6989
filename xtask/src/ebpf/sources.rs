//! What the object is made of: our sources, the locked versions of the crates
//! that are compiled in, and how they are compiled.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::{build, manifest};
use crate::checkout;

const FOLDERS: [&str; 2] = ["gateway-common", "gateway-ebpf"];

/// One hash over all of it. Independent of where the checkout is.
pub(crate) fn sha256() -> anyhow::Result<String> {
    let mut text = format!("recipe {:?}\n", build::RECIPE);
    for folder in FOLDERS {
        let root = checkout::root();
        let mut files = vec![root.join(folder).join("Cargo.toml")];
        collect(&root.join(folder).join("src"), &mut files)?;
        files.sort();
        for file in files {
            let bytes = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
            let name = file.strip_prefix(root).unwrap_or(&file).display();
            text += &format!("file {name} {}\n", manifest::sha256(&bytes));
        }
    }
    let lock =
        fs::read_to_string(checkout::root().join("Cargo.lock")).context("read Cargo.lock")?;
    for (name, pin) in pins(&lock) {
        text += &format!("crate {name} {pin}\n");
    }
    Ok(manifest::sha256(text.as_bytes()))
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Name to version and checksum of each crate that gateway-ebpf reaches. `aya`
/// is left out: gateway-common has it for user space only.
fn pins(lock: &str) -> BTreeMap<String, String> {
    let packages: Vec<Package<'_>> = lock
        .split("[[package]]")
        .skip(1)
        .map(Package::parse)
        .collect();
    let mut reached = BTreeSet::new();
    let mut next = vec!["gateway-ebpf"];
    while let Some(name) = next.pop() {
        if name == "aya" || !reached.insert(name) {
            continue;
        }
        let package = packages.iter().filter(|package| package.name == name);
        next.extend(package.flat_map(|package| package.dependencies.iter().copied()));
    }
    packages
        .iter()
        .filter(|package| reached.contains(package.name))
        .map(|package| {
            (
                format!("{} {}", package.name, package.version),
                package.checksum.into(),
            )
        })
        .collect()
}

#[derive(Debug, Default)]
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    checksum: &'a str,
    dependencies: Vec<&'a str>,
}

impl<'a> Package<'a> {
    /// One block of Cargo.lock, which cargo writes one item to a line.
    fn parse(block: &'a str) -> Self {
        let mut package = Self::default();
        for line in block.lines() {
            let value = |line: &'a str| line.split('"').nth(1).unwrap_or("");
            match line.split(' ').next() {
                Some("name") => package.name = value(line),
                Some("version") => package.version = value(line),
                Some("checksum") => package.checksum = value(line),
                // ` "name",` or ` "name 1.2.3",`
                Some("") => {
                    let first = value(line).split(' ').next().unwrap_or("");
                    package.dependencies.push(first);
                }
                _ => {}
            }
        }
        package
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"version = 4

[[package]]
name = "gateway-ebpf"
version = "0.1.0"
dependencies = [
 "aya-ebpf",
 "gateway-common",
]

[[package]]
name = "gateway-common"
version = "0.1.0"
dependencies = [
 "aya",
 "zerocopy 0.8.1",
]

[[package]]
name = "aya"
version = "0.14.0"
checksum = "00"

[[package]]
name = "zerocopy"
version = "0.8.1"
checksum = "aa"

[[package]]
name = "aya-ebpf"
version = "0.2.1"
checksum = "bb"

[[package]]
name = "tokio"
version = "1.0.0"
checksum = "cc"
"#;

    #[test]
    fn only_crates_that_are_compiled_in_count() {
        let pins = pins(LOCK);
        let names: Vec<&str> = pins.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "aya-ebpf 0.2.1",
                "gateway-common 0.1.0",
                "gateway-ebpf 0.1.0",
                "zerocopy 0.8.1"
            ]
        );
        assert_eq!(pins["zerocopy 0.8.1"], "aa");
    }
}
