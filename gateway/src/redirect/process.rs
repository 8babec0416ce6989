//! What user space adds to the kernel's identity of a client: executable,
//! cgroup path and unit. Best effort: a process can be gone by now.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use gateway_common::Identity;

/// The local process that called connect(). The numbers come from the kernel at
/// that moment; the `Option`s were looked up afterwards and can be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessFacts {
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// Cgroup v2 id.
    pub cgroup_id: u64,
    /// Cookie of its network namespace.
    pub netns_cookie: u64,
    /// Name of the process (of its first thread); of the thread that called
    /// connect() if the process is gone. A process can choose both freely.
    pub comm: String,
    /// Executable, unless the process is gone or its pid was used again.
    pub exe: Option<PathBuf>,
    /// Path of the cgroup below the cgroup v2 mount, with a leading `/`.
    pub cgroup: Option<String>,
    /// Systemd unit, the innermost `.service` or `.scope` of that path.
    pub unit: Option<String>,
}

impl ProcessFacts {
    pub(super) fn resolve(identity: &Identity, cgroups: &mut CgroupNames) -> Self {
        let end = identity
            .comm
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(16);
        let thread = String::from_utf8_lossy(&identity.comm[..end]).into_owned();
        let (comm, exe) = program_of(identity.tgid, identity.connected_ns).unzip();
        let cgroup = cgroups.name(identity.cgroup_id, identity.tgid);
        let unit = cgroup.as_deref().and_then(unit_of).map(str::to_owned);
        Self {
            pid: identity.tgid,
            tid: identity.pid,
            uid: identity.uid,
            gid: identity.gid,
            cgroup_id: identity.cgroup_id,
            netns_cookie: identity.netns_cookie,
            comm: comm.unwrap_or(thread),
            exe: exe.flatten(),
            cgroup,
            unit,
        }
    }
}

/// Name and executable of `pid`, if the process that has that pid now already
/// ran at `connected_ns` (CLOCK_BOOTTIME). The start is read again after the
/// link, so that a pid that changed hands in between is noticed.
fn program_of(pid: u32, connected_ns: u64) -> Option<(String, Option<PathBuf>)> {
    let before = Stat::of(pid)?;
    let exe = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let same = before.start_ns()? <= connected_ns && Stat::of(pid)?.start == before.start;
    same.then_some((before.name, exe))
}

/// What is used of /proc/PID/stat, which for a process tells of its first thread.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    /// Field 2, which a process can set to anything.
    name: String,
    /// Field 22: clock ticks since boot, rounded down, so never later than the truth.
    start: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name can hold spaces and brackets: fields count from the last one.
    fn parse(stat: &[u8]) -> Option<Self> {
        let stat = String::from_utf8_lossy(stat);
        let (before, after) = stat.rsplit_once(')')?;
        let (_, name) = before.split_once('(')?;
        let start = after.split_ascii_whitespace().nth(19)?.parse().ok()?;
        Some(Self {
            name: name.to_owned(),
            start,
        })
    }

    fn start_ns(&self) -> Option<u64> {
        let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second();
        self.start.checked_mul(tick)
    }
}

fn unit_of(cgroup: &str) -> Option<&str> {
    cgroup
        .rsplit('/')
        .find(|part| part.ends_with(".service") || part.ends_with(".scope"))
}

/// Cgroup ids to paths, cached. A cgroup's id is the inode of its directory and
/// is not used again while the system runs (64 bits), so entries stay true; at
/// its bound the cache is emptied.
#[derive(Debug)]
pub struct CgroupNames {
    mount: PathBuf,
    known: HashMap<u64, String>,
}

/// Entries of the cache.
const CGROUP_NAMES_MAX: usize = 4096;
/// Directories that one search looks at.
const CGROUP_WALK_MAX: usize = 16_384;

impl CgroupNames {
    /// For the cgroup v2 hierarchy mounted at `mount`.
    pub fn new(mount: impl Into<PathBuf>) -> Self {
        Self {
            mount: mount.into(),
            known: HashMap::new(),
        }
    }

    fn name(&mut self, id: u64, pid: u32) -> Option<String> {
        if let Some(name) = self.known.get(&id) {
            return Some(name.clone());
        }
        let name = self.ask_proc(id, pid).or_else(|| self.walk(id))?;
        if self.known.len() >= CGROUP_NAMES_MAX {
            self.known.clear();
        }
        self.known.insert(id, name.clone());
        Some(name)
    }

    /// The quick way: where the process is now, if that is still the same one.
    fn ask_proc(&self, id: u64, pid: u32) -> Option<String> {
        let name = own_cgroup(&fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?)?;
        (self.inode(&name) == Some(id)).then_some(name)
    }

    fn inode(&self, name: &str) -> Option<u64> {
        let dir = self.mount.join(name.trim_start_matches('/'));
        Some(fs::metadata(dir).ok()?.ino())
    }

    fn walk(&self, id: u64) -> Option<String> {
        let mut left = vec![self.mount.clone()];
        let mut seen = 0;
        while let Some(dir) = left.pop() {
            seen += 1;
            if seen > CGROUP_WALK_MAX {
                return None;
            }
            if fs::metadata(&dir).is_ok_and(|meta| meta.ino() == id) {
                let below = dir.strip_prefix(&self.mount).ok()?;
                return Some(format!("/{}", below.display()));
            }
            for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    left.push(entry.path());
                }
            }
        }
        None
    }
}

/// The cgroup v2 path in the text of /proc/PID/cgroup.
pub(super) fn own_cgroup(text: &str) -> Option<String> {
    text.lines()
        .find_map(|line| line.strip_prefix("0::"))
        .map(str::to_owned)
}

/// The mount point of cgroup v2 that holds `dir`, from /proc/self/mounts.
pub(super) fn cgroup2_mount(dir: &Path) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (_, at, kind) = (fields.next()?, fields.next()?, fields.next()?);
            (kind == "cgroup2" && dir.starts_with(at)).then(|| PathBuf::from(at))
        })
        .max_by_key(|at| at.as_os_str().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_start_are_found_whatever_the_name_is() {
        let stat = b"7 (a) b) R 9) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 99 1";
        let found = Stat::parse(stat).expect("well formed");
        assert_eq!((found.name.as_str(), found.start), ("a) b) R 9", 4711));
        let stat = b"7 (\xff\xfe) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 99 1";
        assert_eq!(Stat::parse(stat).map(|found| found.start), Some(4711));
        assert_eq!(Stat::parse(b"7 (x"), None);
        assert_eq!(Stat::parse(b""), None);
    }

    #[test]
    fn own_program_is_known_and_a_later_pid_is_not_believed() {
        let pid = std::process::id();
        // This test runs in a thread with a name of its own.
        let name = fs::read_to_string("/proc/self/comm").expect("readable");
        let exe = std::env::current_exe().ok();
        assert_eq!(
            program_of(pid, u64::MAX),
            Some((name.trim_end().to_owned(), exe))
        );
        assert_eq!(
            program_of(pid, 0),
            None,
            "connected before this process began"
        );
    }

    #[test]
    fn unit_is_the_innermost_service_or_scope() {
        let unit = |path| unit_of(path);
        assert_eq!(unit("/system.slice/mcp.service"), Some("mcp.service"));
        assert_eq!(unit("/user.slice/a.scope/b.service/x"), Some("b.service"));
        assert_eq!(unit("/"), None);
    }

    #[test]
    fn cgroup_line_is_the_unified_one() {
        assert_eq!(own_cgroup("12:cpu:/x\n0::/a/b\n"), Some("/a/b".into()));
        assert_eq!(own_cgroup("12:cpu:/x\n"), None);
    }
}
