//! `object/manifest.json`: what the committed object was built from, and with.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, ensure};
use aya_obj::generated::bpf_map_type;
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use serde::{Deserialize, Serialize};

use super::sources;
use crate::checkout;

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
    /// Maps, sorted: name, type, bytes of key and value, entries, flags.
    pub(crate) maps: Vec<String>,
}

fn dir() -> PathBuf {
    checkout::root().join("gateway-ebpf/object")
}

impl Manifest {
    /// For an object that was just built from the sources as they are.
    pub(crate) fn of(bytes: &[u8], toolchain: BTreeMap<String, String>) -> anyhow::Result<Self> {
        let (programs, maps) = (programs(bytes)?, maps(bytes)?);
        Ok(Self {
            object_sha256: sha256(bytes),
            sources_sha256: sources::sha256()?,
            toolchain,
            programs,
            maps,
        })
    }

    /// How programs and maps differ from those of `recorded`, if they do.
    pub(crate) fn other_shape_than(&self, recorded: &Self) -> Option<String> {
        let lines = |manifest: &Self| [manifest.programs.clone(), manifest.maps.clone()].concat();
        let (ours, theirs) = (lines(self), lines(recorded));
        let only = |one: &[String], two: &[String]| -> Vec<String> {
            let absent = one.iter().filter(|line| !two.contains(line));
            absent.cloned().collect()
        };
        let (more, less) = (only(&ours, &theirs), only(&theirs, &ours));
        let differs = !more.is_empty() || !less.is_empty();
        differs.then(|| format!("has {more:?} where {less:?} are recorded"))
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

fn programs(bytes: &[u8]) -> anyhow::Result<Vec<String>> {
    let file = object::File::parse(bytes).context("parse the object")?;
    let mut programs = Vec::new();
    for symbol in file.symbols().filter(|symbol| symbol.is_global()) {
        let Some(index) = symbol.section_index() else {
            continue;
        };
        let section = file.section_by_index(index)?.name()?.to_owned();
        if section != ".text" && symbol.kind() == SymbolKind::Text {
            programs.push(format!("{section} {}", symbol.name()?));
        }
    }
    programs.sort();
    ensure!(!programs.is_empty(), "the object has no program");
    Ok(programs)
}

/// As the loader will make them. Without the maps of `.rodata` and the like, whose size
/// is the compiler's affair.
fn maps(bytes: &[u8]) -> anyhow::Result<Vec<String>> {
    let object = aya_obj::Object::parse(bytes).context("parse the object as the loader does")?;
    let mut maps = Vec::new();
    for (name, map) in &object.maps {
        if name.starts_with('.') {
            continue;
        }
        let kind = bpf_map_type::try_from(map.map_type())
            .map_err(|_| anyhow::anyhow!("map {name} has an unknown type"))?;
        let kind = format!("{kind:?}").to_lowercase();
        maps.push(format!(
            "{name}: {}, key {}, value {}, entries {}, flags {:#x}",
            kind.trim_start_matches("bpf_map_type_"),
            map.key_size(),
            map.value_size(),
            map.max_entries(),
            map.map_flags(),
        ));
    }
    maps.sort();
    ensure!(!maps.is_empty(), "the object has no map");
    Ok(maps)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_read_from_the_committed_object() -> anyhow::Result<()> {
        let (recorded, object) = Manifest::read()?;
        assert_eq!(programs(&object)?, recorded.programs);
        assert_eq!(maps(&object)?, recorded.maps);
        Ok(())
    }

    #[test]
    fn another_size_a_missing_map_and_a_renamed_program_are_named() -> anyhow::Result<()> {
        let same = || anyhow::Ok(Manifest::read()?.0);
        assert_eq!(same()?.other_shape_than(&same()?), None);
        let mut size = same()?;
        size.maps[0] = size.maps[0].replace("value", "values");
        let mut fewer = same()?;
        let gone = fewer.maps.pop().context("a map")?;
        let mut renamed = same()?;
        renamed.programs[0].push('x');
        for (other, named) in [(&size, "values"), (&fewer, &gone), (&renamed, "connect4x")] {
            let said = other.other_shape_than(&same()?).context("a difference")?;
            assert!(said.contains(named), "{said}");
        }
        Ok(())
    }
}
