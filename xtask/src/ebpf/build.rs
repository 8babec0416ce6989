//! Compiling for the BPF target.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use object::build::elf::{Builder, SectionData};

use super::toolchain::Toolchain;
use crate::{
    checkout::{cargo, root},
    process,
};

/// What changes the output beside sources and tools. `{root}`, `{registry}` and
/// `{sysroot}` stand for paths, so that no path of a machine is in the object.
pub(super) const RECIPE: [&str; 6] = [
    "--cfg=bpf_target_arch=\"x86_64\"",
    "-Cdebuginfo=2",
    "-Clink-arg=--btf",
    "--remap-path-prefix={root}=/panward",
    "--remap-path-prefix={registry}=/registry",
    "--remap-path-prefix={sysroot}/lib/rustlib/src/rust=/rust",
];

const PROFILE: [&str; 5] = [
    "profile.release.lto=\"fat\"",
    "profile.release.codegen-units=1",
    "profile.release.debug=2",
    "profile.release.strip=\"none\"",
    "profile.release.panic=\"abort\"",
];

const TARGET: &str = "bpfel-unknown-none";

/// Compiles and gives the bytes of the object, without DWARF.
pub(super) fn object(toolchain: &Toolchain) -> anyhow::Result<Vec<u8>> {
    // A folder of its own: never both targets in one call of cargo.
    let target_dir = toolchain.target_dir()?;
    let mut command = cargo();
    command
        .args([
            "build",
            "--locked",
            "--release",
            "-Z",
            "build-std=core",
            "--target",
            TARGET,
        ])
        .args([
            "--package",
            "gateway-ebpf",
            "--bin",
            "panward-bpf",
            "--features",
            "bpf",
        ])
        .arg("--target-dir")
        .arg(&target_dir);
    for setting in PROFILE {
        command.args(["--config", setting]);
    }
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PROFILE_") || name.ends_with("RUSTFLAGS") {
            command.env_remove(&*name);
        }
    }
    command
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        // build-std and inline assembly for BPF are unstable.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags(toolchain)?);
    toolchain.use_in(&mut command)?;
    process::pass_through(&mut command)?;
    let built = target_dir.join(TARGET).join("release/panward-bpf");
    let bytes = fs::read(&built).with_context(|| format!("read {}", built.display()))?;
    without_dwarf(&bytes)
}

fn flags(toolchain: &Toolchain) -> anyhow::Result<String> {
    let registry = registry()?;
    let flags = RECIPE.map(|flag| {
        flag.replace("{root}", &root().to_string_lossy())
            .replace("{registry}", &registry.to_string_lossy())
            .replace("{sysroot}", &toolchain.sysroot.to_string_lossy())
    });
    Ok(flags.join("\u{1f}"))
}

/// The folder that holds the sources of crates: taken from where aya-ebpf is.
fn registry() -> anyhow::Result<PathBuf> {
    let arguments = [
        "--format-version=1",
        "--locked",
        "--features",
        "gateway-ebpf/bpf",
    ];
    let text = process::output(cargo().arg("metadata").args(arguments))?;
    let metadata: serde_json::Value = serde_json::from_str(&text).context("cargo metadata")?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata: packages")?;
    let manifest = packages
        .iter()
        .find(|package| package["name"] == "aya-ebpf")
        .and_then(|package| package["manifest_path"].as_str())
        .context("cargo metadata: aya-ebpf")?;
    let folder = Path::new(manifest)
        .ancestors()
        .nth(2)
        .context("cargo metadata: folder")?;
    Ok(folder.to_owned())
}

/// The linker needs debug information to write BTF; the loader needs only BTF.
fn without_dwarf(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut builder = Builder::read(bytes).context("parse the linked object")?;
    for section in &mut builder.sections {
        let name = section.name.to_string();
        if name.starts_with(".debug_") || name.starts_with(".rel.debug_") {
            section.delete = true;
        }
    }
    builder.delete_orphans();
    // LLVM keeps section names in .strtab; the writer wants a table for them.
    let names = builder.sections.add();
    names.name = ".shstrtab".into();
    names.sh_type = object::elf::SHT_STRTAB;
    names.sh_addralign = 1;
    names.data = SectionData::SectionString;
    let mut stripped = Vec::new();
    builder.write(&mut stripped).context("write the object")?;
    let text = String::from_utf8_lossy(&stripped);
    for path in [root().to_string_lossy(), registry()?.to_string_lossy()] {
        ensure!(!text.contains(&*path), "the object holds the path {path}");
    }
    Ok(stripped)
}
