//! A booted Debian, and ways into it.

use std::{
    fs::{self, File},
    io,
    net::{SocketAddr, TcpStream},
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use gateway::sys::{netns, sandbox};
use gateway_tests::{
    Process, Scratch,
    process::run,
    skip::{Promise, skip},
};

/// What the machine is made of; absent where `cargo xtask test` did not set it up.
pub(crate) struct Parts {
    package: PathBuf,
    debian: PathBuf,
}

impl Parts {
    /// Notes a skip if the suite cannot run here.
    pub(crate) fn found(test: &str) -> Option<Self> {
        let path = |name| std::env::var_os(name).map(PathBuf::from);
        let parts = path("PANWARD_PACKAGE").zip(path("PANWARD_DEBIAN"));
        let why = match parts {
            Some((package, debian)) if sandbox::is_root() => {
                return Some(Self { package, debian });
            }
            Some(_) => "needs root",
            None => "no package: run it with cargo xtask test --suite package",
        };
        skip(Promise::Root, test, why);
        None
    }
}

/// A running machine; powered off on drop, with everything that it wrote.
pub(crate) struct Machine<'a> {
    scratch: &'a Scratch,
    nspawn: Process,
    cgroup: PathBuf,
    /// Its first process.
    leader: u32,
    _alone: MutexGuard<'static, ()>,
}

/// systemd-nspawn lends a root folder to one machine at a time.
static ALONE: Mutex<()> = Mutex::new(());

impl<'a> Machine<'a> {
    /// Boots it; the package is at [`Self::PACKAGE`].
    pub(crate) fn boot(scratch: &'a Scratch, parts: &Parts) -> anyhow::Result<Self> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("panward-package-{}", std::process::id());
        let mount = sandbox::cgroup_mount().context("no cgroup v2 mount")?;
        let cgroup = mount.join(&name);
        fs::create_dir(&cgroup).with_context(|| format!("make {}", cgroup.display()))?;
        let mut nspawn = inside(&cgroup, "systemd-nspawn");
        nspawn
            .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
            // systemd inside mounts what it needs itself.
            .env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "1")
            .args(["--quiet", "--boot", "--register=no", "--keep-unit"])
            .args(["--private-network", "--console=read-only"])
            .args([
                "--capability=all",
                "--system-call-filter=bpf perf_event_open",
            ])
            // Writes go to memory.
            .arg("--volatile=overlay")
            .arg(format!("--machine={name}"))
            .arg(format!("--directory={}", parts.debian.display()))
            .arg(format!(
                "--bind-ro={}:{}",
                parts.package.display(),
                Self::PACKAGE
            ));
        let mut machine = Self {
            scratch,
            nspawn: Process::spawn(scratch, "machine", &mut nspawn)?,
            cgroup,
            leader: 0,
            _alone: alone,
        };
        machine.wait_booted()?;
        // In a container nobody mounts it; on a host systemd does.
        machine.shell("mkdir -p /sys/fs/bpf && mount -t bpf -o mode=0700 bpf /sys/fs/bpf")?;
        Ok(machine)
    }

    /// Where the package is inside.
    pub(crate) const PACKAGE: &'static str = "/mnt/package.deb";

    fn wait_booted(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(90);
        let processes = self.cgroup.join("payload/init.scope/cgroup.procs");
        loop {
            let first = fs::read_to_string(&processes).unwrap_or_default();
            if let Some(leader) = first.lines().next().and_then(|pid| pid.parse().ok()) {
                self.leader = leader;
                let state = self.run("systemctl is-system-running")?.1;
                if matches!(state.trim(), "running" | "degraded") {
                    return Ok(());
                }
            }
            ensure!(
                Instant::now() < deadline,
                "the machine did not come up; it said:\n{}{}",
                self.nspawn.stdout(),
                self.nspawn.stderr()
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// What a shell script prints in the machine, as root; its failure is an error.
    pub(crate) fn shell(&self, script: &str) -> anyhow::Result<String> {
        let (success, out, err) = self.run(script)?;
        if !success {
            let journal = self.run("journalctl --no-pager --lines=30")?.1;
            bail!("in the machine: {script}: {out}{err}\n{journal}");
        }
        Ok(out)
    }

    /// Whether the script succeeds, and what it prints to stdout and stderr.
    pub(crate) fn run(&self, script: &str) -> anyhow::Result<(bool, String, String)> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let name = format!("shell-{}", RUNS.fetch_add(1, Ordering::Relaxed));
        let mut command = inside(&self.members()?, "nsenter");
        command
            .arg(format!("--target={}", self.leader))
            .args(["--all", "--root", "--wd", "/bin/sh", "-c"])
            .arg(format!(
                "export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive\n{script}"
            ));
        let (status, out, err) = run(self.scratch, &name, &mut command, SCRIPT_LIMIT)?;
        Ok((status.success(), out, err))
    }

    /// What to put before a program of this host to run it on the machine's network, among
    /// its processes and in its cgroup, but with this host's files.
    pub(crate) fn wrap(&self) -> anyhow::Result<Vec<String>> {
        let mut wrap = vec!["sh".to_owned(), "-c".to_owned(), ENTER.to_owned()];
        wrap.push(self.members()?.to_string_lossy().into_owned());
        wrap.push("nsenter".to_owned());
        wrap.push(format!("--target={}", self.leader));
        wrap.extend(["--net", "--pid", "--cgroup", "--ipc"].map(str::to_owned));
        Ok(wrap)
    }

    /// A file of the machine, seen from this host.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.leader))
    }

    /// Connects from inside.
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<()> {
        let netns = File::open(format!("/proc/{}/ns/net", self.leader))?;
        netns::run_inside(netns.as_fd(), || {
            TcpStream::connect_timeout(&address, Duration::from_secs(5)).map(drop)
        })
    }

    /// The cgroup for what is run in the machine from outside.
    fn members(&self) -> anyhow::Result<PathBuf> {
        let members = self.cgroup.join("payload/from-outside");
        match fs::create_dir(&members) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
            _ => Ok(members),
        }
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        // SIGTERM: systemd-nspawn shuts the machine down and removes the overlay.
        if let Err(error) = self.nspawn.stop(Duration::from_secs(60)) {
            eprintln!("the machine was killed: {error:#}");
        }
        if let Err(error) = remove_cgroups(&self.cgroup) {
            eprintln!("{error:#}");
        }
    }
}

/// Moves itself into the cgroup `$0`, then becomes the command.
const ENTER: &str = "echo 0 > \"$0/cgroup.procs\" && exec \"$@\"";

fn inside(cgroup: &Path, program: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", ENTER]).arg(cgroup).arg(program);
    command
}

/// Removes a cgroup and those in it; processes that just ended take a moment to leave.
fn remove_cgroups(top: &Path) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(5);
    while top.exists() {
        let mut all = vec![top.to_owned()];
        let mut seen = 0;
        while let Some(cgroup) = all.get(seen).cloned() {
            seen += 1;
            let entries = fs::read_dir(&cgroup).into_iter().flatten().flatten();
            all.extend(
                entries
                    .map(|entry| entry.path())
                    .filter(|path| path.is_dir()),
            );
        }
        for cgroup in all.iter().rev() {
            let _ = fs::remove_dir(cgroup);
        }
        if Instant::now() > deadline {
            bail!("{} could not be removed", top.display());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

const SCRIPT_LIMIT: Duration = Duration::from_secs(120);
