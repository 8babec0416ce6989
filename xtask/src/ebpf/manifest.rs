//! `object/manifest.json`: what the committed object was built from, and with.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::Context;
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use serde::{Deserialize, Serialize};

use super::{build, sources};

/// Facts about the committed object.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// SHA-256 of `panward.bpf.o`.
    pub(crate) object_sha256: String,
    /// SHA-256 over everything that goes into it ([`sources::sha256`]).
    pub(crate) sources_sha256: String,
    /// Version of each tool.
    pub(crate) toolchain: BTreeMap<String, String>,
    /// Programs, sorted: section and name.
    pub(crate) programs: Vec<String>,
    /// Maps, sorted.
    pub(crate) maps: Vec<String>,
}

fn dir() -> PathBuf {
    build::root().join("gateway-ebpf/object")
}

impl Manifest {
    /// For an object that was just built from the sources as they are.
    pub(crate) fn of(bytes: &[u8], toolchain: BTreeMap<String, String>) -> anyhow::Result<Self> {
        let file = object::File::parse(bytes).context("parse the object")?;
        let (mut programs, mut maps) = (Vec::new(), Vec::new());
        for symbol in file.symbols().filter(|symbol| symbol.is_global()) {
            let Some(index) = symbol.section_index() else {
                continue;
            };
            let section = file.section_by_index(index)?.name()?.to_owned();
            let name = symbol.name()?.to_owned();
            match (section.as_str(), symbol.kind()) {
                (".maps" | "maps", _) => maps.push(name),
                (".text", _) => {}
                (_, SymbolKind::Text) => programs.push(format!("{section} {name}")),
                _ => {}
            }
        }
        programs.sort();
        maps.sort();
        Ok(Self {
            object_sha256: sha256(bytes),
            sources_sha256: sources::sha256()?,
            toolchain,
            programs,
            maps,
        })
    }

    /// The committed manifest and object.
    pub(crate) fn read() -> anyhow::Result<(Self, Vec<u8>)> {
        let path = dir().join("manifest.json");
        let text = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let manifest =
            serde_json::from_slice(&text).context("gateway-ebpf/object/manifest.json")?;
        let object = fs::read(dir().join("panward.bpf.o")).context("read panward.bpf.o")?;
        Ok((manifest, object))
    }

    /// Puts both in place.
    pub(crate) fn write(&self, object: &[u8]) -> anyhow::Result<()> {
        fs::create_dir_all(dir())?;
        fs::write(dir().join("panward.bpf.o"), object).context("write panward.bpf.o")?;
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(dir().join("manifest.json"), text).context("write manifest.json")
    }
}

/// Lower-case hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
