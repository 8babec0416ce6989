//! Processes of their own: a client as another user, a gateway to kill. They
//! are this test binary again, running the one ignored test below.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use gateway::redirect::{FailMode, InRule, NetnsRef, Settings};

use crate::{
    gate::Gate,
    host::{LIMIT, Netns, first_line},
};

const ROLE: &str = "PANWARD_KERNEL_PROBE";

/// A child process; killed on drop.
#[derive(Debug)]
pub(crate) struct Probe {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Probe {
    /// A client in `space`, as `uid`, called `mcp-client`. It connects when told
    /// to ([`Probe::go`]).
    pub(crate) fn client(space: &Netns, to: &str, uid: u32) -> Self {
        Self::start(&[
            "client".into(),
            space.path().display().to_string(),
            to.into(),
            uid.to_string(),
        ])
    }

    /// A gateway with `settings` (one namespace); back when it is attached.
    pub(crate) fn gateway(settings: &Settings) -> Self {
        let [NetnsRef::Path(netns)] = &settings.netns[..] else {
            panic!("one namespace by path");
        };
        let list = |items: Vec<String>| items.join(",");
        let mut probe = Self::start(&[
            "gateway".into(),
            settings.cgroup.display().to_string(),
            netns.display().to_string(),
            settings
                .pin_dir
                .clone()
                .unwrap_or_default()
                .display()
                .to_string(),
            if settings.fail == FailMode::Open {
                "open".into()
            } else {
                "closed".into()
            },
            list(
                settings
                    .inbound
                    .iter()
                    .map(|rule| rule.port.to_string())
                    .collect(),
            ),
            list(
                settings
                    .outbound
                    .iter()
                    .map(SocketAddr::to_string)
                    .collect(),
            ),
        ]);
        assert_eq!(probe.line(), "attached");
        probe
    }

    fn start(words: &[String]) -> Self {
        let mut child = Command::new(env::current_exe().expect("this binary"))
            .args([
                "--exact",
                "probe::role",
                "--ignored",
                "--nocapture",
                "--quiet",
            ])
            .env(ROLE, words.join("\n"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, output }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets a client connect; what it was answered.
    pub(crate) fn go(&mut self) -> String {
        let stdin = self.child.stdin.as_mut().expect("piped");
        stdin.write_all(b"go\n").expect("told");
        self.line()
    }

    /// SIGKILL, and its end.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ends");
    }

    /// The next line that is the probe's, not libtest's.
    fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            let count = self.output.read_line(&mut line).expect("reads");
            assert_ne!(count, 0, "the probe ended early");
            if let Some(said) = line.trim_end().strip_prefix("probe: ") {
                return said.to_owned();
            }
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "a role of the other tests, in a process of its own"]
fn role() {
    let Some(words) = env::var_os(ROLE) else {
        return;
    };
    let words = words.into_string().expect("utf-8");
    match words.split('\n').collect::<Vec<_>>()[..] {
        ["client", netns, to, uid] => client(netns, to, uid.parse().expect("a uid")),
        ["gateway", cgroup, netns, pins, fail, ports, outbound] => {
            let split = |text: &'static str| text.split(',').filter(|part| !part.is_empty());
            let mut settings = Settings::new(cgroup);
            settings.netns = vec![NetnsRef::Path(netns.into())];
            settings.pin_dir = Some(PathBuf::from(pins)).filter(|dir| !dir.as_os_str().is_empty());
            settings.fail = if fail == "open" {
                FailMode::Open
            } else {
                FailMode::Closed
            };
            settings.inbound = split(ports.to_owned().leak())
                .map(|port| InRule::any_address(port.parse().expect("a port")))
                .collect();
            settings.outbound = split(outbound.to_owned().leak())
                .map(|addr| addr.parse().expect("an address"))
                .collect();
            let _gate = Gate::start(&settings);
            say("attached");
            // Until it is killed; the harness never waits as long.
            std::thread::sleep(Duration::from_secs(60));
        }
        _ => panic!("unknown role"),
    }
}

fn client(netns: &str, to: &str, uid: u32) {
    let netns = std::fs::File::open(netns).expect("a namespace");
    gateway::sys::netns::enter(std::os::fd::AsFd::as_fd(&netns)).expect("enters");
    rustix::thread::set_name(c"mcp-client").expect("names");
    std::io::stdin()
        .lock()
        .read_line(&mut String::new())
        .expect("told");
    // This thread's credentials only, which is what is wanted.
    let gid = rustix::process::Gid::from_raw(uid);
    rustix::thread::set_thread_res_gid(gid, gid, gid).expect("gid");
    let uid = rustix::process::Uid::from_raw(uid);
    rustix::thread::set_thread_res_uid(uid, uid, uid).expect("uid");
    let to: SocketAddr = to.parse().expect("an address");
    let stream = std::net::TcpStream::connect_timeout(&to, LIMIT).expect("connects");
    stream.set_read_timeout(Some(LIMIT)).expect("sets");
    say(&first_line(&stream).expect("answers"));
}

fn say(line: &str) {
    let _ = std::io::stdout().write_all(format!("\nprobe: {line}\n").as_bytes());
}
