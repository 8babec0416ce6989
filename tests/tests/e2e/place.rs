//! A corner of the machine for one root test: network namespaces, a cgroup, a bpf file
//! system. Processes enter it by what is put before their command, so that tests run beside
//! each other; all of it goes with the values.

use std::{
    fs::{self, File},
    io,
    os::fd::AsFd,
    path::PathBuf,
    process::Command,
    time::Duration,
};

use anyhow::{Context, ensure};
use gateway::sys::{netns, sandbox};
use gateway_tests::{
    Process, Scratch,
    process::run,
    skip::{Promise, skip},
};

use crate::ground::name;

/// Notes a skip and gives true if this is not root with cgroup v2 and namespaces.
pub(crate) fn lacks_root(test: &str) -> bool {
    let why = if !sandbox::is_root() {
        "needs root"
    } else if sandbox::cgroup_mount().is_none() {
        "no cgroup v2 mount"
    } else if let Err(error) = gateway::sys::bpf::enable_stats() {
        return skipped(test, &format!("no bpf here: {error}"));
    } else {
        return false;
    };
    skipped(test, why)
}

fn skipped(test: &str, why: &str) -> bool {
    skip(Promise::Root, test, why);
    true
}

/// A network namespace with lo up. It lives as long as the process that sits in it.
pub(crate) struct Space {
    path: String,
    _holder: Process,
}

impl Space {
    pub(crate) fn new(scratch: &Scratch) -> anyhow::Result<Self> {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c"]);
        command.arg("ip link set lo up && echo is up && exec sleep 600");
        let mut holder = Process::spawn(scratch, &name("space"), &mut command)?;
        holder.wait_line("is up", Duration::from_secs(10))?;
        let path = format!("/proc/{}/ns/net", holder.id());
        Ok(Self {
            path,
            _holder: holder,
        })
    }

    /// Joined to `other` by a veth pair: 10.78.0.1 and fd78::1 here, 10.78.0.2 and fd78::2
    /// there.
    pub(crate) fn join(&self, scratch: &Scratch, other: &Self) -> anyhow::Result<()> {
        self.ip(
            scratch,
            &format!(
                "link add name v0 type veth peer name v0 netns {}",
                other.path
            ),
        )?;
        for (space, number) in [(self, 1), (other, 2)] {
            space.ip(scratch, &format!("addr add 10.78.0.{number}/24 dev v0"))?;
            space.ip(scratch, &format!("addr add fd78::{number}/64 dev v0 nodad"))?;
            space.ip(scratch, "link set v0 up")?;
        }
        Ok(())
    }

    /// What to put before a command to run it inside.
    pub(crate) fn wrap(&self) -> Vec<String> {
        vec!["nsenter".to_owned(), format!("--net={}", self.path)]
    }

    /// Runs `work` in a thread inside.
    pub(crate) fn run<T: Send>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        netns::run_inside(File::open(&self.path)?.as_fd(), work)
    }

    fn ip(&self, scratch: &Scratch, arguments: &str) -> anyhow::Result<()> {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", self.path))
            .arg("ip")
            .args(arguments.split(' '));
        let limit = Duration::from_secs(10);
        let (status, _, err) = run(scratch, &name("ip"), &mut command, limit)?;
        ensure!(status.success(), "ip {arguments}: {err}");
        Ok(())
    }
}

/// A host: a namespace and a cgroup.
pub(crate) struct Host {
    pub(crate) space: Space,
    cgroup: PathBuf,
}

impl Host {
    pub(crate) fn new(scratch: &Scratch) -> anyhow::Result<Self> {
        let space = Space::new(scratch)?;
        let mount = sandbox::cgroup_mount().context("no cgroup v2 mount")?;
        let cgroup = mount.join(name(&format!("panward-e2e-{}", std::process::id())));
        fs::create_dir(&cgroup).with_context(|| format!("make {}", cgroup.display()))?;
        Ok(Self { space, cgroup })
    }

    /// What to put before a command to run it on this host.
    pub(crate) fn wrap(&self) -> Vec<String> {
        let enter = format!(
            "echo 0 > {}/cgroup.procs && exec \"$@\"",
            self.cgroup.display()
        );
        let mut wrap = vec!["sh".to_owned(), "-c".to_owned(), enter, "sh".to_owned()];
        wrap.extend(self.space.wrap());
        wrap
    }

    /// The `[redirect]` table: this cgroup, the namespace that the gateway runs in.
    pub(crate) fn redirect(&self, fail: &str, pin_dir: Option<&str>) -> String {
        let pin_dir = pin_dir.map_or(String::new(), |dir| format!("pin_dir = {dir:?}\n"));
        format!(
            "[redirect]\ncgroup = {:?}\nfail = {fail:?}\n{pin_dir}",
            self.cgroup
        )
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Processes that were just killed take a moment to leave it.
        for _ in 0..200 {
            if fs::remove_dir(&self.cgroup).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        eprintln!("{} could not be removed", self.cgroup.display());
    }
}

/// A bpf file system of the test's own, unmounted on drop.
pub(crate) struct BpfFs {
    mount: PathBuf,
}

impl BpfFs {
    pub(crate) fn mount(scratch: &Scratch) -> anyhow::Result<Self> {
        let mount = scratch.join("bpf");
        fs::create_dir(&mount)?;
        let mut command = Command::new("mount");
        command.args(["-t", "bpf", "bpf"]).arg(&mount);
        let limit = Duration::from_secs(10);
        let (status, _, err) = run(scratch, &name("mount"), &mut command, limit)?;
        ensure!(status.success(), "mount: {err}");
        Ok(Self { mount })
    }

    pub(crate) fn pin_dir(&self) -> String {
        self.mount.join("panward").to_string_lossy().into_owned()
    }
}

impl Drop for BpfFs {
    fn drop(&mut self) {
        // The pins go with the file system, and the programs with their pins.
        let _ = Command::new("umount").arg("-l").arg(&self.mount).status();
    }
}

/// Borrowed, as the harness takes it.
pub(crate) fn borrowed(wrap: &[String]) -> Vec<&str> {
    wrap.iter().map(String::as_str).collect()
}
