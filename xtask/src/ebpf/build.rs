//! Compiling for the BPF target, and installing what that takes.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};
use object::build::elf::{Builder, SectionData};

/// What changes the output beside sources and tools. `{root}`, `{registry}` and
/// `{sysroot}` stand for paths, so that no path of a machine is in the object.
pub(crate) const RECIPE: [&str; 6] = [
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

const BPF_LINKER: &str = "0.10.3";
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
const TARGET: &str = "bpfel-unknown-none";

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// A rustc with core's source, and the cargo that drives it.
#[derive(Debug)]
pub(crate) struct Toolchain {
    rustc: PathBuf,
    sysroot: PathBuf,
}

impl Toolchain {
    /// Debian's rustc first: its version is the recorded one. `None` when a
    /// part is missing.
    pub(crate) fn find() -> anyhow::Result<Option<Self>> {
        if capture(Command::new("bpf-linker").arg("--version")).is_err() {
            return Ok(None);
        }
        for rustc in ["/usr/bin/rustc", "rustc"] {
            let Ok(sysroot) = capture(Command::new(rustc).args(["--print", "sysroot"])) else {
                continue;
            };
            let sysroot = PathBuf::from(sysroot.trim());
            if sysroot
                .join("lib/rustlib/src/rust/library/core/Cargo.toml")
                .is_file()
            {
                return Ok(Some(Self {
                    rustc: rustc.into(),
                    sysroot,
                }));
            }
        }
        Ok(None)
    }

    /// Version of each tool that has a say in the bytes.
    pub(crate) fn versions(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let rustc = capture(Command::new(&self.rustc).arg("-vV"))?;
        let field = |name: &str| {
            let line = rustc.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_owned())
                .with_context(|| format!("rustc -vV: {name}"))
        };
        let linker = capture(Command::new("bpf-linker").arg("--version"))?;
        let cargo = capture(cargo().arg("--version"))?;
        let second = |text: &str| text.split_whitespace().nth(1).unwrap_or("").to_owned();
        Ok(BTreeMap::from([
            ("rustc".into(), field("release:")?),
            ("llvm".into(), field("LLVM version:")?),
            ("bpf-linker".into(), second(&linker)),
            ("cargo".into(), second(&cargo)),
        ]))
    }
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Compiles and gives the bytes of the object, without DWARF.
pub(crate) fn object(toolchain: &Toolchain) -> anyhow::Result<Vec<u8>> {
    // A folder of its own: never both targets in one call of cargo.
    let target_dir = target_dir()?.join("ebpf");
    let mut command = cargo();
    command
        .current_dir(root())
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
        .env("RUSTC", &toolchain.rustc)
        // build-std and inline assembly for BPF are unstable.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags(toolchain)?);
    let status = command.status().context("start cargo")?;
    ensure!(status.success(), "cargo build for {TARGET}: {status}");
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
    let metadata = metadata(&["--locked", "--features", "gateway-ebpf/bpf"])?;
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

fn target_dir() -> anyhow::Result<PathBuf> {
    let metadata = metadata(&["--no-deps"])?;
    let dir = metadata["target_directory"]
        .as_str()
        .context("cargo metadata: target_directory")?;
    Ok(PathBuf::from(dir))
}

fn metadata(arguments: &[&str]) -> anyhow::Result<serde_json::Value> {
    let mut command = cargo();
    command
        .current_dir(root())
        .args(["metadata", "--format-version=1"])
        .args(arguments);
    serde_json::from_str(&capture(&mut command)?).context("cargo metadata")
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

/// Installs the toolchain.
pub(crate) fn setup() -> anyhow::Result<()> {
    if Toolchain::find()?.is_some() {
        println!("ebpf: the toolchain is there");
        return Ok(());
    }
    if capture(Command::new("apt-get").arg("--version")).is_err() {
        bail!(
            "--setup knows Debian only; elsewhere: a rustc with its source, and bpf-linker {BPF_LINKER}"
        );
    }
    println!(
        "ebpf: installing {} and bpf-linker {BPF_LINKER}",
        DEBIAN_PACKAGES.join(", ")
    );
    pass(Command::new("apt-get").arg("update"))?;
    pass(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "--yes", "--no-install-recommends"])
            .args(DEBIAN_PACKAGES),
    )?;
    pass(cargo().args(["install", "bpf-linker", "--locked", "--version", BPF_LINKER]))?;
    ensure!(
        Toolchain::find()?.is_some(),
        "installed, but not found: is cargo's bin folder in PATH?"
    );
    Ok(())
}

fn pass(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("start {name}"))?;
    ensure!(status.success(), "{name}: {status}");
    Ok(())
}

fn capture(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("start {name}"))?;
    ensure!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}
