//! `panward watch` on a host with two MCP servers and one server of another
//! protocol, in a cgroup and a network namespace of its own.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::{AsFd, AsRawFd},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use gateway::sys::netns::run_inside;
use gateway_tests::{
    CARD, Process, Scratch,
    binaries::binary,
    process,
    skip::{Promise, skip},
};
use rustix::process::Signal;

use crate::scenario;

/// Ports of a namespace of our own.
const SERVERS: [&str; 2] = ["127.0.0.1:18080", "127.0.0.1:18090"];
/// Starts while watched.
const LATER: &str = "127.0.0.1:18092";
const MASKED: &str = "411111******1111";

/// Speaks first, then says what it heard.
const TALKER: &str = "127.0.0.1:18091";

/// A namespace with lo up and a cgroup; both end with this.
struct Room {
    cgroup: PathBuf,
    holder: Process,
}

impl Room {
    fn new(scratch: &Scratch) -> anyhow::Result<Self> {
        let mounts = fs::read_to_string("/proc/mounts")?;
        let mount = mounts
            .lines()
            .find_map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                (words.get(2) == Some(&"cgroup2")).then(|| words.get(1).copied())?
            })
            .context("no cgroup v2 mount")?;
        let cgroup = Path::new(mount).join(format!("panward-watch-test-{}", std::process::id()));
        fs::create_dir(&cgroup)?;
        let mut command = Command::new("unshare");
        command.args([
            "--net",
            "sh",
            "-c",
            "ip link set lo up && echo up && exec sleep 300",
        ]);
        let mut holder = Process::spawn(scratch, "namespace", &mut command)?;
        holder.wait_line("up", Duration::from_secs(5))?;
        Ok(Self { cgroup, holder })
    }

    /// `program`, to be run inside.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.holder.id()));
        command.args(["sh", "-c", "echo $$ > \"$0\"/cgroup.procs && exec \"$@\""]);
        command.arg(&self.cgroup).arg(program);
        command
    }

    /// What a client of `address` receives.
    fn call(&self, scratch: &Scratch, name: &str, address: &str) -> anyhow::Result<String> {
        let mut command = self.command(&binary("demo-client")?);
        command.args(["--url", &format!("http://{address}/mcp")]);
        command.args(["call", "lookup_customer", r#"{"customer_id":"1001"}"#]);
        let (status, out, err) =
            process::run(scratch, name, &mut command, Duration::from_secs(20))?;
        ensure!(status.success(), "{name}: {err}");
        Ok(out)
    }

    /// What an SDK client received, and hashes of 20 answers as they came over the
    /// wire (one connection).
    fn received(
        &self,
        scratch: &Scratch,
        name: &str,
        address: &str,
    ) -> anyhow::Result<(String, Vec<String>)> {
        let printed = self.call(scratch, &format!("{name}-{address}"), address)?;
        // Behind it stand times and the client's own port.
        let result = printed.split(",\"ms\":").next().unwrap_or_default();
        let to = address.parse()?;
        let hashes = run_inside(self.netns()?.as_fd(), || {
            scenario::wire_hashes(to, 20).map_err(std::io::Error::other)
        })?;
        Ok((result.to_owned(), hashes))
    }

    fn netns(&self) -> anyhow::Result<fs::File> {
        let path = format!("/proc/{}/ns/net", self.holder.id());
        fs::File::open(&path).context(path)
    }

    /// A server that says something first, then what it heard, and hangs up.
    fn start_talker(&self) -> anyhow::Result<()> {
        let listener = run_inside(self.netns()?.as_fd(), || TcpListener::bind(TALKER))?;
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = stream.and_then(|mut stream| {
                    stream.write_all(b"220 ready\n")?;
                    let mut heard = [0; 64];
                    let length = stream.read(&mut heard)?;
                    stream.write_all(&heard[..length])
                });
            }
        });
        Ok(())
    }

    /// What a client hears that waits for the server first.
    fn talk(&self) -> anyhow::Result<String> {
        let mut stream = run_inside(self.netns()?.as_fd(), || TcpStream::connect(TALKER))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut first = [0; 10];
        stream.read_exact(&mut first)?;
        stream.write_all(b"hello")?;
        let mut rest = String::new();
        stream.read_to_string(&mut rest)?;
        Ok(String::from_utf8_lossy(&first).into_owned() + &rest)
    }

    /// How many programs hang on the hooks that the redirect uses here.
    fn programs(&self) -> anyhow::Result<[u32; 3]> {
        let (cgroup, netns) = (fs::File::open(&self.cgroup)?, self.netns()?);
        Ok([
            attached(&cgroup, BPF_CGROUP_SOCK_OPS)?,
            attached(&cgroup, BPF_CGROUP_INET4_CONNECT)?,
            attached(&netns, BPF_SK_LOOKUP)?,
        ])
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.holder.kill();
        for _ in 0..200 {
            if fs::remove_dir(&self.cgroup).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

// linux/bpf.h
const BPF_PROG_QUERY: libc::c_int = 16;
const BPF_CGROUP_SOCK_OPS: u32 = 3;
const BPF_CGROUP_INET4_CONNECT: u32 = 10;
const BPF_SK_LOOKUP: u32 = 36;

/// Number of programs on a hook (BPF_PROG_QUERY).
fn attached(target: &fs::File, attach_type: u32) -> anyhow::Result<u32> {
    // target_fd, attach_type, query_flags, attach_flags, prog_ids (u64), prog_cnt, pad.
    let mut attr = [0_u32; 16];
    attr[0] = target.as_raw_fd().cast_unsigned();
    attr[1] = attach_type;
    // SAFETY: the kernel reads and writes within the given size of `attr`, and no
    // array for program ids is given.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_PROG_QUERY,
            attr.as_mut_ptr(),
            size_of_val(&attr),
        )
    };
    ensure!(
        answer == 0,
        "bpf query {attach_type}: {}",
        std::io::Error::last_os_error()
    );
    Ok(attr[6])
}

/// Folders of runs of `panward watch`.
fn temporary_folders() -> Vec<PathBuf> {
    let found = fs::read_dir(std::env::temp_dir()).into_iter().flatten();
    let paths = found.flatten().map(|entry| entry.path());
    paths
        .filter(|path| {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            name.is_some_and(|name| name.starts_with("panward-watch-"))
        })
        .collect()
}

#[test]
fn lists_both_servers_changes_nothing_and_leaves_nothing() -> anyhow::Result<()> {
    let test = "lists_both_servers_changes_nothing_and_leaves_nothing";
    if !rustix::process::geteuid().is_root() {
        skip(Promise::Root, test, "needs root");
        return Ok(());
    }
    let scratch = Scratch::new("watching")?;
    let room = Room::new(&scratch)?;
    let mut servers = Vec::new();
    for (index, address) in SERVERS.iter().enumerate() {
        let mut command = room.command(&binary("demo-server")?);
        command.args(["--listen", address]);
        if index == 1 {
            command.arg("--json");
        }
        let mut server = Process::spawn(&scratch, &format!("server-{index}"), &mut command)?;
        server.wait_line("listening", Duration::from_secs(10))?;
        servers.push(server);
    }
    room.start_talker()?;

    let before = SERVERS
        .iter()
        .map(|address| room.received(&scratch, "before", address))
        .collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(room.talk()? == "220 ready\nhello");
    let (programs, folders) = (room.programs()?, temporary_folders());

    let config = scratch.join("observe.toml");
    let mut command = room.command(&binary("panward")?);
    command.arg("watch").arg("--cgroup").arg(&room.cgroup);
    command.arg("--write").arg(&config);
    let started = Instant::now();
    let mut watch = Process::spawn(&scratch, "watch", &mut command)?;
    watch.wait_line("Watching new connections", Duration::from_secs(10))?;
    ensure!(room.programs()? == [1, 1, 1], "{:?}", room.programs()?);
    for (address, before) in SERVERS.iter().zip(&before) {
        let received = room.received(&scratch, "during", address)?;
        ensure!(
            received.0.contains(CARD),
            "{address}: the card is not there"
        );
        ensure!(received == *before, "{address}: bytes were changed");
        let server = format!("demo-server-{0}:{0}", &address[10..]);
        let needle = format!("{server:<26} lookup_customer");
        let line = watch.wait_line(&needle, Duration::from_secs(10))?;
        ensure!(
            line.contains(MASKED) && line.contains("demo-client"),
            "{line}"
        );
        ensure!(
            started.elapsed() < Duration::from_secs(10),
            "too late: {line}"
        );
    }
    ensure!(room.talk()? == "220 ready\nhello");

    // A server that starts later is found, and one that stopped is let go.
    drop(servers);
    let mut command = room.command(&binary("demo-server")?);
    command.args(["--listen", LATER]);
    let _later = Process::spawn(&scratch, "server-later", &mut command)?;
    watch.wait_line(
        &format!("Now also watching {LATER}"),
        Duration::from_secs(5),
    )?;
    let received = room.call(&scratch, "later", LATER)?;
    ensure!(received.contains(CARD), "later: {received}");
    let needle = format!("{:<26} lookup_customer", "demo-server-18092:18092");
    watch.wait_line(&needle, Duration::from_secs(5))?;
    let gone: SocketAddr = SERVERS[0].parse()?;
    let refused = run_inside(room.netns()?.as_fd(), || Ok(TcpStream::connect(gone)))?;
    ensure!(
        refused.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionRefused),
        "a port that nobody listens on is answered"
    );

    watch.signal(Signal::INT);
    ensure!(
        watch.wait_exit(Duration::from_secs(15))?.success(),
        "{}",
        watch.stderr()
    );
    let said = watch.stdout() + &watch.stderr();
    ensure!(!said.contains(CARD), "the card is shown");
    ensure!(
        said.contains(&format!("{TALKER}: 1 connections that are not HTTP")),
        "{said}"
    );
    ensure!(
        said.matches("not HTTP").count() == 1,
        "HTTP was not read: {said}"
    );
    ensure!(room.programs()? == programs, "programs are left behind");
    ensure!(temporary_folders() == folders, "{:?}", temporary_folders());
    let after = room.call(&scratch, "after", LATER)?;
    ensure!(after.contains(CARD), "afterwards: {after}");
    let text = fs::read_to_string(&config).context("no config was written")?;
    ensure!(
        text.contains("mode = \"observe\"") && text.contains("demo-server-18090"),
        "{text}"
    );
    let mut check = Command::new(binary("panward")?);
    check.arg("check").arg("--config").arg(&config);
    let (status, _, err) = process::run(&scratch, "check", &mut check, Duration::from_secs(10))?;
    ensure!(status.success(), "{err}\n{text}");
    Ok(())
}
