//! What a test stands on: a cgroup, namespaces, a bpf file system. Everything is
//! taken away again on drop; nothing outside is touched.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::{AsFd, AsRawFd},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use gateway::{
    redirect::{NetnsRef, Settings},
    sys::netns,
};

/// A limit for every wait; far above what any of them takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(3);

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The cgroup of one test, with this process inside.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) cgroup: PathBuf,
    home: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Host {
    /// `None` after saying why the test is skipped.
    pub(crate) fn enter(test: &str) -> Option<Self> {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(|bad| bad.into_inner());
        match Self::try_enter(turn) {
            Ok(host) => Some(host),
            Err(why) => {
                skip(test, &why);
                None
            }
        }
    }

    fn try_enter(turn: MutexGuard<'static, ()>) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("needs root".into());
        }
        gateway::sys::bpf::enable_stats().map_err(|error| format!("no bpf here: {error}"))?;
        Command::new("ip")
            .arg("-V")
            .output()
            .map_err(|_| "needs iproute2 (ip)".to_owned())?;
        let home = own_cgroup().ok_or("no cgroup v2 mount")?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let cgroup = home.join(format!("panward-test-{}-{number}", std::process::id()));
        fs::create_dir(&cgroup).map_err(|error| format!("no cgroup: {error}"))?;
        let host = Self {
            cgroup,
            home,
            _turn: turn,
        };
        move_into(&host.cgroup, std::process::id()).map_err(|error| format!("cgroup: {error}"))?;
        Ok(host)
    }

    /// The cgroup that this process came from, outside what the test covers.
    pub(crate) fn outside(&self) -> &Path {
        &self.home
    }

    /// Settings for this host and namespace that cover nothing yet.
    pub(crate) fn settings(&self, space: &Netns) -> Settings {
        let mut settings = Settings::new(&self.cgroup);
        settings.netns = vec![space.reference()];
        settings
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let left = move_into(&self.home, std::process::id());
        // Children that were killed take a moment to be reaped out of it.
        let gone = (0..200).any(|_| {
            let removed = fs::remove_dir(&self.cgroup).is_ok();
            if !removed {
                std::thread::sleep(Duration::from_millis(5));
            }
            removed
        });
        if !std::thread::panicking() {
            left.expect("leaves the cgroup");
            assert!(gone, "cgroup is removed");
        }
    }
}

/// Puts a process into a cgroup.
pub(crate) fn move_into(cgroup: &Path, pid: u32) -> io::Result<()> {
    fs::write(cgroup.join("cgroup.procs"), pid.to_string())
}

fn own_cgroup() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mount = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (_, at, kind) = (fields.next()?, fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(at))
    })?;
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = own
        .lines()
        .find_map(|line| line.strip_prefix("0::"))?
        .to_owned();
    Some(mount.join(own.trim_start_matches('/')))
}

fn skip(test: &str, why: &str) {
    let required = std::env::var_os("PANWARD_REQUIRE_ROOT").is_some_and(|value| value == "1");
    assert!(!required, "{test}: {why} (PANWARD_REQUIRE_ROOT=1)");
    let line = format!("skipped {test}: {why}\n");
    // Past libtest's capture, so that a person sees it too.
    let _ = io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("PANWARD_SKIPS") {
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}

/// A network namespace with lo up; it lives as long as this.
#[derive(Debug)]
pub(crate) struct Netns {
    file: fs::File,
}

impl Netns {
    pub(crate) fn new() -> Self {
        let file = std::thread::spawn(|| {
            // SAFETY: a thread of its own, which ends here.
            unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }
                .expect("unshares");
            netns::open_current().expect("opens its namespace")
        })
        .join()
        .expect("thread ends");
        let space = Self { file };
        space.ip("link set lo up");
        space
    }

    /// Two namespaces joined by a veth pair: 10.77.0.1 and fd77::1 in the first,
    /// 10.77.0.2 and fd77::2 in the second.
    pub(crate) fn pair() -> (Self, Self) {
        let (here, there) = (Self::new(), Self::new());
        here.ip(&format!(
            "link add name v0 type veth peer name v0 netns {}",
            there.path().display()
        ));
        for (space, number) in [(&here, 1), (&there, 2)] {
            space.ip(&format!("addr add 10.77.0.{number}/24 dev v0"));
            space.ip(&format!("addr add fd77::{number}/64 dev v0 nodad"));
            space.ip("link set v0 up");
        }
        (here, there)
    }

    /// A path that other processes can open while this one lives.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            self.file.as_raw_fd()
        ))
    }

    pub(crate) fn reference(&self) -> NetnsRef {
        NetnsRef::Path(self.path())
    }

    pub(crate) fn run<T: Send>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        netns::run_inside(self.file.as_fd(), work)
    }

    pub(crate) fn ip(&self, arguments: &str) {
        let output = self
            .run(|| Command::new("ip").args(arguments.split(' ')).output())
            .expect("ip runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ip {arguments}: {error}");
    }

    /// connect() from inside.
    pub(crate) fn connect(&self, to: &str) -> io::Result<TcpStream> {
        let to: SocketAddr = to.parse().expect("an address");
        self.run(|| {
            let stream = TcpStream::connect_timeout(&to, LIMIT)?;
            stream.set_read_timeout(Some(LIMIT))?;
            Ok(stream)
        })
    }

    /// Connects and reads the first line of whoever answers.
    pub(crate) fn ask(&self, to: &str) -> io::Result<String> {
        first_line(&self.connect(to)?)
    }

    pub(crate) fn udp(&self, bind: &str) -> UdpSocket {
        self.run(|| UdpSocket::bind(bind)).expect("binds udp")
    }
}

/// Reads one line.
pub(crate) fn first_line(stream: &TcpStream) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// A server that knows nothing of panward. It answers `real`, what it sees as
/// the peer, and then echoes.
#[derive(Debug)]
pub(crate) struct RealServer {
    listener: TcpListener,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl RealServer {
    pub(crate) fn start(space: &Netns, addr: &str) -> Self {
        let addr: SocketAddr = addr.parse().expect("an address");
        let listener = space.run(|| listen(addr)).expect("the real server listens");
        let ours = listener.try_clone().expect("duplicates");
        let thread = std::thread::spawn(move || {
            while let Ok((stream, peer)) = ours.accept() {
                std::thread::spawn(move || echo_after(stream, &format!("real {peer}\n")));
            }
        });
        Self {
            listener,
            thread: Some(thread),
        }
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        // close() alone would leave the thread in accept().
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let domain = socket2::Domain::for_address(addr);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

/// Writes `line`, then echoes until the end.
pub(crate) fn echo_after(mut stream: TcpStream, line: &str) {
    let mut buffer = [0; 1024];
    let _ = stream.set_read_timeout(Some(LIMIT));
    if stream.write_all(line.as_bytes()).is_err() {
        return;
    }
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

/// A bpf file system of the test's own.
#[derive(Debug)]
pub(crate) struct BpfFs {
    dir: tempfile::TempDir,
}

impl BpfFs {
    pub(crate) fn mount() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let flags = rustix::mount::MountFlags::NOSUID | rustix::mount::MountFlags::NOEXEC;
        rustix::mount::mount("bpf", dir.path(), "bpf", flags, None).expect("mounts");
        Self { dir }
    }

    pub(crate) fn pin_dir(&self) -> PathBuf {
        self.dir.path().join("panward")
    }
}

impl Drop for BpfFs {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(self.dir.path(), rustix::mount::UnmountFlags::DETACH);
    }
}
