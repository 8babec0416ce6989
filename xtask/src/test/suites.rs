//! The suites: what each runs, what it needs, and how its outcome is counted.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

use super::{
    Ground,
    needs::{Need, Wants},
    tally::{Counts, Outcome, Row},
};
use crate::{
    checkout,
    dist::{self, Packing},
    ebpf,
};

/// One suite: a run of cargo.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    cargo: &'static [&'static str],
    /// Counted from libtest's `test result:` lines; otherwise it is one check.
    libtest: bool,
    needs: Needs,
    /// Left out by `--quick`.
    quick: bool,
    /// Only with `--full`.
    full: bool,
    /// The package that its tests install (`PANWARD_PACKAGE`), of these programs.
    package: Option<Programs>,
    limit: Duration,
    object: Object,
}

/// Which build of the programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Programs {
    Debug,
    Release,
}

/// The compiled kernel programs of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object {
    /// The committed ones.
    Committed,
    /// It builds others, from the same sources with other tools.
    BuildsOther,
    /// Those others.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// The built programs, and what npm and PyPI bring.
    Clients,
    /// The built programs, root, network namespaces.
    Root,
    /// All of it, and a Debian to boot.
    Machine,
    /// The recorded tools for BPF.
    Bpf,
    /// Other tools for BPF.
    OtherBpf,
}

impl Suite {
    const fn check(name: &'static str, cargo: &'static [&'static str]) -> Self {
        Self {
            name,
            cargo,
            libtest: false,
            needs: Needs::Nothing,
            quick: true,
            full: false,
            package: None,
            limit: LIMIT,
            object: Object::Committed,
        }
    }

    /// A check of the object, with these tools.
    const fn object(name: &'static str, cargo: &'static [&'static str], needs: Needs) -> Self {
        let mut suite = Self::check(name, cargo);
        suite.needs = needs;
        suite.quick = false;
        suite
    }

    /// Only with `--full`, about an object of other tools.
    const fn full(mut self, object: Object) -> Self {
        self.full = true;
        self.object = object;
        self
    }

    const fn tests(name: &'static str, cargo: &'static [&'static str], needs: Needs) -> Self {
        let quick = matches!(needs, Needs::Nothing);
        Self {
            name,
            cargo,
            libtest: true,
            needs,
            quick,
            full: false,
            package: None,
            limit: LIMIT,
            object: Object::Committed,
        }
    }

    /// Slow: only with `--full`.
    const fn slow(mut self) -> Self {
        self.full = true;
        self.limit = LIMIT_FULL;
        self
    }

    const fn with_package(mut self, programs: Programs) -> Self {
        self.package = Some(programs);
        self
    }

    pub(crate) fn wants_installs(&self) -> bool {
        self.needs != Needs::Nothing
    }

    pub(crate) fn wants_clients(&self) -> bool {
        matches!(self.needs, Needs::Clients | Needs::Machine)
    }

    pub(crate) fn wants_binaries(&self) -> bool {
        matches!(self.needs, Needs::Clients | Needs::Root | Needs::Machine)
    }
}

const XTASK_EBPF_CHECK: &[&str] = &[
    "run",
    "--quiet",
    "--locked",
    "--package",
    "xtask",
    "--",
    "ebpf",
    "--check",
];

const KERNEL: &[&str] = &["test", "--locked", "--workspace", "--test", "kernel"];

// `--workspace` in each, so that features are the same and nothing is built twice.
const SUITES: &[Suite] = &[
    Suite::check("fmt", &["fmt", "--all", "--check"]),
    Suite::check(
        "tidy",
        &[
            "run",
            "--quiet",
            "--locked",
            "--package",
            "xtask",
            "--",
            "tidy",
        ],
    ),
    Suite::check(
        "clippy",
        &[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            // Benches that nothing else builds.
            "--features=gateway-benches/gateway",
            "--",
            "-D",
            "warnings",
        ],
    ),
    Suite::tests(
        "workspace",
        &["test", "--locked", "--workspace", "--no-fail-fast"],
        Needs::Nothing,
    ),
    Suite::object("ebpf", XTASK_EBPF_CHECK, Needs::Bpf),
    Suite::tests("kernel", KERNEL, Needs::Root),
    Suite::object("ebpf-other", XTASK_EBPF_CHECK, Needs::OtherBpf).full(Object::BuildsOther),
    Suite::tests("kernel-other", KERNEL, Needs::Root).full(Object::Other),
    Suite::tests(
        "e2e",
        &["test", "--locked", "--workspace", "--test", "e2e"],
        Needs::Clients,
    ),
    Suite::tests("package", PACKAGE, Needs::Machine).with_package(Programs::Debug),
    Suite::check(
        "double-build",
        &[
            "run",
            "--quiet",
            "--locked",
            "--package",
            "xtask",
            "--",
            "dist",
            "--twice",
        ],
    )
    .slow(),
    Suite::tests("package-release", PACKAGE, Needs::Machine)
        .with_package(Programs::Release)
        .slow(),
    Suite::tests(
        FUZZ,
        &[
            "run",
            "--quiet",
            "--locked",
            "--package",
            "xtask",
            "--",
            "fuzz",
        ],
        Needs::Nothing,
    )
    .slow(),
    // A million clean messages: at most one may be altered.
    Suite::tests(
        "clean-messages",
        &[
            "test",
            "--locked",
            "--workspace",
            "--test",
            "goals",
            "--",
            "--ignored",
        ],
        Needs::Nothing,
    )
    .slow(),
];

const PACKAGE: &[&str] = &["test", "--locked", "--workspace", "--test", "package"];
const FUZZ: &str = "fuzz";

/// The suites of this run, in order.
pub(crate) fn choose(ground: Ground, names: &[String]) -> anyhow::Result<Vec<&'static Suite>> {
    if let Some(unknown) = names
        .iter()
        .find(|name| SUITES.iter().all(|s| s.name != **name))
    {
        let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        anyhow::bail!("no suite {unknown}; there are {}", known.join(", "));
    }
    let chosen: Vec<&Suite> = SUITES
        .iter()
        .filter(|suite| (suite.quick || !ground.quick) && (ground.full || !suite.full))
        .filter(|suite| names.is_empty() || names.iter().any(|name| name == suite.name))
        .collect();
    ensure!(
        !chosen.is_empty(),
        "--quick leaves out every suite that was named"
    );
    Ok(chosen)
}

/// What they want to be installed.
pub(crate) fn wants(chosen: &[&Suite], ground: Ground) -> Wants {
    let any = |needs| chosen.iter().any(|suite| suite.needs == needs);
    Wants {
        clients: chosen.iter().any(|suite| suite.wants_clients()),
        machine: ground.root && any(Needs::Machine),
        bpf: any(Needs::Bpf),
        other_bpf: any(Needs::OtherBpf),
    }
}

/// What the suites run on.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) ground: Ground,
    pub(crate) clients: &'a Path,
    pub(crate) missing: &'a [Need],
}

impl Stage<'_> {
    /// Runs a suite; its output is passed on as it comes.
    pub(crate) fn run(&self, suite: &Suite) -> anyhow::Result<Row> {
        let started = Instant::now();
        let outcome = match self.obstacle(suite) {
            // Where everything can be installed, a skip would hide a broken install.
            Some(reason) if self.ground.ci => Outcome::Failed(reason),
            Some(reason) => Outcome::Skipped(reason),
            None => self.cargo(suite)?,
        };
        if let Outcome::Failed(reason) | Outcome::Skipped(reason) = &outcome {
            println!("{}: {reason}", suite.name);
        }
        Ok(Row {
            name: suite.name,
            outcome,
            wall: started.elapsed(),
        })
    }

    /// Why the suite cannot run here.
    fn obstacle(&self, suite: &Suite) -> Option<String> {
        if suite.object == Object::Other && !self.other_object().is_file() {
            return Some("needs the object that ebpf-other builds".to_owned());
        }
        let tools = |choice: &ebpf::Choice| ebpf::tools(choice).err().map(|e| format!("{e:#}"));
        match suite.needs {
            Needs::Nothing => None,
            Needs::Bpf => tools(&ebpf::Choice::default()),
            Needs::OtherBpf => tools(&ebpf::Choice::workspace()),
            Needs::Clients => self
                .missing
                .iter()
                .any(Need::is_of_clients)
                .then(|| "what it needs is not installed (see above)".to_owned()),
            Needs::Root | Needs::Machine if !self.ground.root => Some("needs root".to_owned()),
            Needs::Machine => self
                .missing
                .iter()
                .any(|need| !matches!(need, Need::Bpf | Need::CoreSource))
                .then(|| "what it needs is not installed (see above)".to_owned()),
            Needs::Root => self
                .missing
                .contains(&Need::Debian("iproute2"))
                .then(|| "needs iproute2".to_owned()),
        }
    }

    fn other_object(&self) -> PathBuf {
        self.clients.with_file_name("other.bpf.o")
    }

    fn cargo(&self, suite: &Suite) -> anyhow::Result<Outcome> {
        let skips = self
            .clients
            .with_file_name(format!("skips-{}", std::process::id()));
        let _ = std::fs::remove_file(&skips);
        let mut command = checkout::cargo();
        command.args(suite.cargo).env("PANWARD_SKIPS", &skips);
        if suite.name == FUZZ && self.ground.long {
            command.arg("--long");
        }
        if let Some(programs) = suite.package {
            match self.package(programs) {
                Ok(package) => command.env("PANWARD_PACKAGE", package),
                Err(error) => return Ok(Outcome::Failed(format!("{error:#}"))),
            };
            command.env("PANWARD_DEBIAN", self.clients.join("debian"));
        }
        let object = self.other_object();
        match suite.object {
            Object::Committed => command.env_remove(ebpf::OBJECT),
            Object::Other => command.env(ebpf::OBJECT, object),
            Object::BuildsOther => {
                let _ = std::fs::remove_file(&object);
                command.args(ebpf::Choice::workspace().arguments());
                command.arg("--output").arg(object)
            }
        };
        if suite.wants_binaries() {
            if self.ground.ci || self.ground.root {
                command.env("PANWARD_REQUIRE_ROOT", "1");
            }
            command
                .env("PANWARD_NODE_DIR", self.clients)
                .env("PANWARD_PY", self.clients);
            if self.ground.ci || suite.wants_clients() {
                command.env("PANWARD_REQUIRE_CLIENTS", "1");
            }
        }
        let (success, mut counts) = stream(&mut command, suite.limit)?;
        if !suite.libtest {
            counts = Counts::check(success);
        }
        let skipped = std::fs::read_to_string(&skips)
            .unwrap_or_default()
            .lines()
            .count();
        let _ = std::fs::remove_file(&skips);
        counts.move_to_skipped(skipped);
        if !success && counts.failed == 0 {
            counts.failed = 1; // did not compile, or was killed
        }
        if counts.passed == 0 && counts.failed == 0 {
            return Ok(Outcome::Failed("no test ran".to_owned()));
        }
        Ok(Outcome::Ran(counts))
    }
}

impl Stage<'_> {
    /// The package to install; packed twice, to see that the same programs give the same
    /// bytes.
    fn package(&self, programs: Programs) -> anyhow::Result<PathBuf> {
        let target = self.clients.parent().context("no target folder")?;
        let (built, packing) = match programs {
            Programs::Debug => (target.join("debug"), Packing::Quick),
            Programs::Release => (dist::release()?, Packing::Small),
        };
        let folder = target.join("dist/test");
        let package = dist::package(&built, &folder, packing)?;
        dist::compare(
            &package,
            &dist::package(&built, &folder.join("again"), packing)?,
        )?;
        Ok(package)
    }
}

/// Runs it with its output passed on, and counts libtest's result lines.
fn stream(command: &mut Command, limit: Duration) -> anyhow::Result<(bool, Counts)> {
    let name = crate::process::name(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .with_context(|| format!("start {name}"))?;
    let group = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let (ended, wait) = mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        let timed_out = wait.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
        if timed_out && let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        timed_out
    });
    let mut counts = Counts::default();
    let stdout = child.stdout.take().context("stdout is piped")?;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.context("read a suite's output")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        counts.add_line(&line);
    }
    let status = child.wait()?;
    drop(ended);
    if watchdog.join().unwrap_or(false) {
        println!("{name}: killed after {} minutes", limit.as_secs() / 60);
    }
    Ok((status.success(), counts))
}

const LIMIT: Duration = Duration::from_secs(30 * 60);
const LIMIT_FULL: Duration = Duration::from_secs(4 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    const GROUND: Ground = Ground {
        ci: false,
        root: false,
        quick: false,
        full: false,
        long: false,
    };

    fn suite(name: &str) -> &'static Suite {
        SUITES
            .iter()
            .find(|suite| suite.name == name)
            .expect("a suite of this name")
    }

    #[test]
    fn quick_needs_nothing() -> anyhow::Result<()> {
        let chosen = choose(
            Ground {
                quick: true,
                ..GROUND
            },
            &[],
        )?;
        assert!(chosen.iter().all(|suite| suite.needs == Needs::Nothing));
        assert!(chosen.iter().all(|suite| !suite.full));
        assert!(chosen.iter().any(|suite| suite.name == "workspace"));
        Ok(())
    }

    #[test]
    fn slow_suites_run_only_with_full() -> anyhow::Result<()> {
        let names = |ground| -> anyhow::Result<Vec<&str>> {
            let chosen = choose(ground, &[])?;
            Ok(chosen.iter().map(|suite| suite.name).collect())
        };
        let (every, full) = (
            names(GROUND)?,
            names(Ground {
                full: true,
                ..GROUND
            })?,
        );
        assert!(every.contains(&"package") && full.contains(&"package"));
        for slow in ["double-build", "package-release", FUZZ] {
            assert!(!every.contains(&slow) && full.contains(&slow), "{slow}");
        }
        Ok(())
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        assert!(choose(GROUND, &["kernels".to_owned()]).is_err());
    }

    #[test]
    fn a_suite_that_cannot_run_is_a_skip_and_a_failure_in_ci() -> anyhow::Result<()> {
        let clients = Path::new("clients");
        let stage = Stage {
            ground: GROUND,
            clients,
            missing: &[],
        };
        assert!(matches!(
            stage.run(suite("kernel"))?.outcome,
            Outcome::Skipped(_)
        ));
        let stage = Stage {
            ground: Ground { ci: true, ..GROUND },
            clients,
            missing: &[],
        };
        assert!(matches!(
            stage.run(suite("kernel"))?.outcome,
            Outcome::Failed(_)
        ));
        let stage = Stage {
            ground: GROUND,
            clients,
            missing: &[Need::Npm],
        };
        assert!(matches!(
            stage.run(suite("e2e"))?.outcome,
            Outcome::Skipped(_)
        ));
        Ok(())
    }

    #[test]
    fn results_are_counted_from_the_output() -> anyhow::Result<()> {
        let mut command = Command::new("printf");
        command.arg("test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured\n");
        let (success, counts) = stream(&mut command, LIMIT)?;
        assert!(success);
        assert_eq!((counts.passed, counts.failed, counts.skipped), (2, 0, 1));
        Ok(())
    }
}
