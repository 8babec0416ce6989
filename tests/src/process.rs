//! Child processes that never outlive their test, with what they said.

use std::{
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::Scratch;

/// A running child, in a process group of its own; the group is killed on drop.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts `command`; its output goes to `<name>.out` and `<name>.err` in `scratch`.
    ///
    /// # Errors
    /// If the program cannot be started; the text names it.
    pub fn spawn(scratch: &Scratch, name: &str, command: &mut Command) -> anyhow::Result<Self> {
        use std::os::unix::process::CommandExt;
        let (stdout, stderr) = (
            scratch.join(&format!("{name}.out")),
            scratch.join(&format!("{name}.err")),
        );
        let child = command
            .stdin(Stdio::null())
            .stdout(append(&stdout)?)
            .stderr(append(&stderr)?)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {}", command.get_program().display()))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            stdout,
            stderr,
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to stdout so far.
    pub fn stdout(&self) -> String {
        lossy(&self.stdout)
    }

    /// What it wrote to stderr so far.
    pub fn stderr(&self) -> String {
        lossy(&self.stderr)
    }

    /// Waits until it wrote a line that contains `needle`, to stdout or stderr.
    ///
    /// # Errors
    /// If it ends first, or `limit` passes; with the tail of what it wrote.
    pub fn wait_line(&mut self, needle: &str, limit: Duration) -> anyhow::Result<String> {
        self.wait_for(&format!("a line with {needle:?}"), limit, |this| {
            let text = this.stdout() + &this.stderr();
            text.lines()
                .find(|line| line.contains(needle))
                .map(str::to_owned)
        })
    }

    /// Waits until `address` accepts a connection.
    ///
    /// # Errors
    /// As [`Self::wait_line`].
    pub fn wait_port(&mut self, address: SocketAddr, limit: Duration) -> anyhow::Result<()> {
        self.wait_for(&format!("a listener on {address}"), limit, |_| {
            TcpStream::connect_timeout(&address, Duration::from_millis(200))
                .ok()
                .map(drop)
        })
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// If `limit` passes; it is killed then.
    pub fn wait_exit(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                self.kill();
                bail!("{} did not end within {limit:?}{}", self.name, self.said());
            }
            std::thread::sleep(POLL);
        }
    }

    /// Asks it to end (SIGTERM) and waits.
    ///
    /// # Errors
    /// If it has not ended after `limit`.
    pub fn stop(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::TERM);
        self.wait_exit(limit)
    }

    /// Kills the whole group (SIGKILL), as a crash would.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }

    /// Sends a signal to the whole group; one that is gone is no error.
    pub fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, signal);
        }
    }

    fn wait_for<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut ready: impl FnMut(&Self) -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            let ended = self.child.try_wait()?;
            if let Some(value) = ready(self) {
                return Ok(value);
            }
            if let Some(status) = ended {
                bail!(
                    "{} ended ({status}) before {what}{}",
                    self.name,
                    self.said()
                );
            }
            if Instant::now() > deadline {
                bail!("{}: no {what} within {limit:?}{}", self.name, self.said());
            }
            std::thread::sleep(POLL);
        }
    }

    fn said(&self) -> String {
        let text = self.stdout() + &self.stderr();
        let lines: Vec<&str> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
        if tail.is_empty() {
            String::new()
        } else {
            format!("; it said:\n{}", tail.join("\n"))
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `program`, with `wrap` before it: `["ip", "netns", "exec", "a"]`, or nothing.
pub fn wrapped(wrap: &[&str], program: &Path) -> Command {
    match wrap {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    }
}

/// Runs a program to its end, with its output in memory.
///
/// # Errors
/// If it cannot be started, or `limit` passes.
pub fn run(
    scratch: &Scratch,
    name: &str,
    command: &mut Command,
    limit: Duration,
) -> anyhow::Result<(ExitStatus, String, String)> {
    let mut process = Process::spawn(scratch, name, command)?;
    let status = process.wait_exit(limit)?;
    Ok((status, process.stdout(), process.stderr()))
}

fn append(path: &Path) -> anyhow::Result<std::fs::File> {
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path);
    file.with_context(|| format!("open {}", path.display()))
}

fn lossy(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

const POLL: Duration = Duration::from_millis(5);
const TAIL_LINES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_group_ends_with_the_value() -> anyhow::Result<()> {
        let scratch = Scratch::new("process")?;
        let mut process = Process::spawn(&scratch, "sh", &mut shell("sleep 60 & echo $!; wait"))?;
        let grandchild = process.wait_line("", Duration::from_secs(5))?;
        drop(process);
        // The signal was sent; a loaded machine takes a moment to carry it out. A
        // zombie that init has yet to collect is ended too.
        let until = Instant::now() + Duration::from_secs(5);
        let ended = || {
            let status = std::fs::read_to_string(format!("/proc/{grandchild}/stat"));
            status.map_or(true, |stat| stat.contains(") Z "))
        };
        while !ended() && Instant::now() < until {
            std::thread::sleep(POLL);
        }
        assert!(ended());
        Ok(())
    }

    #[test]
    fn an_early_end_is_told_with_what_was_said() -> anyhow::Result<()> {
        let scratch = Scratch::new("process")?;
        let mut process =
            Process::spawn(&scratch, "sh", &mut shell("echo bad config >&2; exit 3"))?;
        let error = process
            .wait_line("ready", Duration::from_secs(5))
            .expect_err("it ended");
        assert!(error.to_string().contains("bad config"), "{error}");
        Ok(())
    }

    #[test]
    fn a_limit_is_kept() -> anyhow::Result<()> {
        let scratch = Scratch::new("process")?;
        let started = Instant::now();
        let ended = run(
            &scratch,
            "sh",
            &mut shell("sleep 60"),
            Duration::from_millis(100),
        );
        assert!(ended.is_err() && started.elapsed() < Duration::from_secs(10));
        Ok(())
    }
}
