//! Loading, attaching and taking over.
//!
//! Attaching and re-adopting are one path: maps are opened from their pins or
//! created there, programs are always loaded from our own object, and a link
//! that is pinned already gets the new program in place (no moment without
//! one). The programs are switched on last.

use std::{
    collections::HashSet,
    fs::File,
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::Path,
};

use aya::{
    Ebpf, EbpfLoader,
    programs::{CgroupAttachMode, Program, ProgramError, links::FdLink},
};
use gateway_common::{
    ABI, CGROUP_PROGRAMS, Cfg, FAIL_CLOSED, FAIL_OPEN, MAPS, NETNS_MAX, NETNS_PROGRAM, NetnsSlot,
    listener_slot,
};

use super::{
    CgroupNames, FailMode, Family, Handoff, MapHandles, RedirectError, Settings,
    detach::remove_link,
    listeners::{self, Space},
    logs::LogDrain,
    object,
    pins::Pins,
    process, rules,
};
use crate::sys::bpf::{self, LinkTarget, Map};

/// `statfs.f_type` of cgroup v2 (linux/magic.h).
const CGROUP2_SUPER_MAGIC: i64 = 0x6367_7270;

/// Pins of sk_lookup links are `link_` plus this plus the namespace's number.
const SPACE_LINK: &str = "sk_lookup_";

/// A running redirect: what the gateway uses, and what has to be kept.
#[derive(Debug)]
pub struct Attached {
    /// Listeners and maps.
    pub handoff: Handoff,
    /// Links, log drain and lock; dropping it ends an unpinned redirect.
    pub held: Held,
}

/// What keeps the redirect going on this side.
#[derive(Debug)]
pub struct Held {
    /// Numbers of the covered namespaces.
    spaces: Vec<u32>,
    links: Vec<OwnedFd>,
    programs: Vec<(String, OwnedFd)>,
    _logs: LogDrain,
    _pins: Pins,
}

/// What a program cost while statistics were on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramCost {
    /// Its name; sk_lookup has the number of its namespace behind it.
    pub program: String,
    /// Number of runs.
    pub runs: u64,
    /// Time of all runs, ns.
    pub total_ns: u64,
}

impl Held {
    /// Makes the rules say what `settings` says, while traffic runs; only
    /// `inbound` and `outbound` of it are used. A rule that stays is never off.
    ///
    /// # Errors
    /// Settings that must not be, or a map that cannot be written: some of the
    /// rules may have changed then.
    pub fn update_rules(&self, settings: &Settings) -> Result<(), RedirectError> {
        settings.check()?;
        rules::write(settings, &self._pins, &self.spaces)
    }

    /// Run counts and times of each program; they grow only while run-time
    /// statistics are on ([`crate::sys::bpf::enable_stats`]).
    pub fn costs(&self) -> io::Result<Vec<ProgramCost>> {
        let cost = |(program, fd): &(String, OwnedFd)| {
            let (runs, total_ns) = bpf::program_cost(fd.as_fd())?;
            Ok(ProgramCost {
                program: program.clone(),
                runs,
                total_ns,
            })
        };
        self.programs.iter().map(cost).collect()
    }

    /// Whether every link is still on its hook (a removed cgroup directory or
    /// namespace takes its links off).
    pub fn is_whole(&self) -> bool {
        self.links
            .iter()
            .all(|link| match bpf::link_target(link.as_fd()) {
                Ok(LinkTarget::Cgroup(id)) => id != 0,
                Ok(LinkTarget::Netns(inode)) => inode != 0,
                _ => false,
            })
    }
}

/// Loads and attaches, or takes over what is pinned in `settings.pin_dir`.
///
/// On an error nothing that was covered before is uncovered.
pub fn attach(settings: &Settings) -> Result<Attached, RedirectError> {
    settings.check()?;
    let cgroup = open_cgroup(&settings.cgroup)?;
    let pins = Pins::open(settings.pin_dir.as_deref())?;
    let spaces = listeners::open(settings)?;
    let own = |space: &Space| [space.port(Family::V4), space.port(Family::V6)];
    settings.check_own_ports(&spaces.iter().flat_map(own).collect::<Vec<_>>())?;
    let object = object::bytes()?;

    let mut ebpf = load(&object, &pins, 0)?;
    let logs = LogDrain::start(&mut ebpf).map_err(RedirectError::io("read the ebpf log"))?;
    let mount = process::cgroup2_mount(&settings.cgroup).unwrap_or_default();
    let maps = MapHandles::open(pins.dir(), CgroupNames::new(mount))
        .map_err(RedirectError::io("open pinned maps"))?;
    let indexes = place_spaces(&pins, &spaces)?;
    rules::write(settings, &pins, &indexes)?;

    let mut held = Held {
        spaces: indexes.clone(),
        links: Vec::new(),
        programs: Vec::new(),
        _logs: logs,
        _pins: pins,
    };
    for name in CGROUP_PROGRAMS {
        held.hook(&mut ebpf, name, name.to_owned(), &Hook::Cgroup(&cgroup))?;
    }
    for (space, index) in spaces.iter().zip(&indexes) {
        let mut ebpf = load(&object, &held._pins, *index)?;
        held.hook(
            &mut ebpf,
            NETNS_PROGRAM,
            format!("{SPACE_LINK}{index}"),
            &Hook::Netns(space),
        )?;
    }
    held.remove_other_spaces(&indexes)?;
    maps.beat()
        .map_err(RedirectError::io("write the heartbeat"))?;
    switch_on(settings, &held._pins)?;
    let listeners = spaces
        .into_iter()
        .flat_map(|space| space.listeners)
        .collect();
    Ok(Attached {
        handoff: Handoff { listeners, maps },
        held,
    })
}

enum Hook<'a> {
    Cgroup(&'a File),
    Netns(&'a Space),
}

impl Hook<'_> {
    /// Whether a pinned link is on this very hook.
    fn has(&self, link: BorrowedFd<'_>) -> bool {
        match (self, bpf::link_target(link)) {
            (Self::Cgroup(dir), Ok(LinkTarget::Cgroup(id))) => {
                dir.metadata().is_ok_and(|meta| meta.ino() == id)
            }
            (Self::Netns(space), Ok(LinkTarget::Netns(inode))) => space.inode == inode,
            _ => false,
        }
    }
}

impl Held {
    /// Loads one program and puts it on its hook.
    fn hook(
        &mut self,
        ebpf: &mut Ebpf,
        name: &str,
        shown: String,
        hook: &Hook<'_>,
    ) -> Result<(), RedirectError> {
        let missing = || RedirectError::Object(format!("has no program {name}"));
        let program = ebpf.program_mut(name).ok_or_else(missing)?;
        let failed = |error: ProgramError| kernel_error(name, &error);
        load_program(program).map_err(failed)?;
        let fd = program.fd().map_err(failed)?.as_fd().try_clone_to_owned();
        let fd = fd.map_err(RedirectError::io("duplicate a descriptor"))?;
        let pin = self._pins.path(&format!("link_{shown}"));
        let link = match bpf::open_pin(&pin) {
            Ok(link) if hook.has(link.as_fd()) => {
                let update = bpf::update_link(link.as_fd(), fd.as_fd());
                update.map_err(RedirectError::io(format!("update the link of {name}")))?;
                link
            }
            _ => {
                remove_link(&pin)
                    .map_err(RedirectError::io(format!("remove {}", pin.display())))?;
                let link = attach_program(program, hook).map_err(failed)?;
                // Held by its pin from here on, and by the descriptor opened next.
                link.pin(&pin).map_err(|error| RedirectError::Kernel {
                    what: format!("pin {}", pin.display()),
                    reason: error_line(&error),
                })?;
                bpf::open_pin(&pin).map_err(RedirectError::io("open a pinned link"))?
            }
        };
        self.links.push(link);
        self.programs.push((shown, fd));
        Ok(())
    }

    /// Takes sk_lookup off namespaces that are no longer in the settings.
    fn remove_other_spaces(&self, indexes: &[u32]) -> Result<(), RedirectError> {
        let keep: HashSet<String> = indexes
            .iter()
            .map(|index| format!("link_{SPACE_LINK}{index}"))
            .collect();
        let prefix = format!("link_{SPACE_LINK}");
        let remove = || -> io::Result<()> {
            for entry in std::fs::read_dir(self._pins.dir())? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if name.starts_with(&prefix) && !keep.contains(&name) {
                    remove_link(&self._pins.path(&name))?;
                }
            }
            Ok(())
        };
        remove().map_err(RedirectError::io("remove links of old namespaces"))
    }
}

fn load(object: &[u8], pins: &Pins, netns_index: u32) -> Result<Ebpf, RedirectError> {
    let mut loader = EbpfLoader::new();
    loader.override_global("NETNS_INDEX", &netns_index, true);
    // Warnings and errors of the programs, in release builds too.
    let level = aya_log::Level::Warn as u8;
    loader.override_global(aya_log::LEVEL, &level, false);
    for name in MAPS {
        loader.map_pin_path(name, pins.path(name));
    }
    loader
        .load(object)
        .map_err(|error| match permission(&error) {
            Some(source) => RedirectError::Privilege {
                action: "create ebpf maps",
                source,
            },
            None => RedirectError::Kernel {
                what: "object".into(),
                reason: error_line(&error),
            },
        })
}

fn load_program(program: &mut Program) -> Result<(), ProgramError> {
    match program {
        Program::CgroupSockAddr(program) => program.load(),
        Program::SockOps(program) => program.load(),
        Program::SkLookup(program) => program.load(),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

fn attach_program(program: &mut Program, hook: &Hook<'_>) -> Result<FdLink, ProgramError> {
    // Links always share a cgroup with others; the kernel takes no flag for it.
    let mode = CgroupAttachMode::Single;
    match (program, hook) {
        (Program::CgroupSockAddr(program), Hook::Cgroup(dir)) => {
            let id = program.attach(dir, mode)?;
            program
                .take_link(id)?
                .try_into()
                .map_err(|_| ProgramError::UnexpectedProgramType)
        }
        (Program::SockOps(program), Hook::Cgroup(dir)) => {
            let id = program.attach(dir, mode)?;
            program
                .take_link(id)?
                .try_into()
                .map_err(|_| ProgramError::UnexpectedProgramType)
        }
        (Program::SkLookup(program), Hook::Netns(space)) => {
            let id = program.attach(&space.file)?;
            Ok(program.take_link(id)?.into())
        }
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// Gives each namespace its number (kept over restarts) and puts its listeners
/// into their slots.
fn place_spaces(pins: &Pins, spaces: &[Space]) -> Result<Vec<u32>, RedirectError> {
    let place = || -> io::Result<Vec<u32>> {
        let slots: Map<u64, NetnsSlot> = Map::open(&pins.path("NETNS"))?;
        let sockets: Map<u32, u32> = Map::open(&pins.path("LISTENERS"))?;
        let marks: Map<i32, u64> = Map::open(&pins.path("SK_LISTENER"))?;
        for space in spaces {
            for listener in &space.listeners {
                marks.update(&listener.socket.as_raw_fd(), &space.cookie)?;
            }
        }
        let cookies: HashSet<u64> = spaces.iter().map(|space| space.cookie).collect();
        for gone in slots
            .keys(NETNS_MAX as usize)?
            .iter()
            .filter(|c| !cookies.contains(c))
        {
            slots.delete(gone)?;
        }
        let mut used = HashSet::new();
        for cookie in &cookies {
            used.extend(slots.lookup(cookie)?.map(|slot| slot.index));
        }
        spaces
            .iter()
            .map(|space| place_space(&slots, &sockets, &mut used, space))
            .collect()
    };
    place().map_err(RedirectError::io("put listeners into the socket map"))
}

fn place_space(
    slots: &Map<u64, NetnsSlot>,
    sockets: &Map<u32, u32>,
    used: &mut HashSet<u32>,
    space: &Space,
) -> io::Result<u32> {
    let index = match slots.lookup(&space.cookie)? {
        Some(slot) => slot.index,
        None => (0..NETNS_MAX)
            .find(|index| used.insert(*index))
            .ok_or_else(|| io::Error::other("too many network namespaces"))?,
    };
    for family in [Family::V4, Family::V6] {
        let slot = listener_slot(index, family == Family::V6);
        match space
            .listeners
            .iter()
            .find(|listener| listener.family == family)
        {
            Some(listener) => {
                sockets.update(&slot, &listener.socket.as_raw_fd().cast_unsigned())?;
            }
            // An empty slot answers EINVAL; it is what we want.
            None => drop(sockets.delete(&slot)),
        }
    }
    let (port_v4, port_v6) = (space.port(Family::V4), space.port(Family::V6));
    slots.update(
        &space.cookie,
        &NetnsSlot {
            index,
            port_v4,
            port_v6,
        },
    )?;
    Ok(index)
}

fn switch_on(settings: &Settings, pins: &Pins) -> Result<(), RedirectError> {
    let fail = match settings.fail {
        FailMode::Closed => FAIL_CLOSED,
        FailMode::Open => FAIL_OPEN,
    };
    let heartbeat = settings.heartbeat.map_or(0, |limit| limit.as_nanos());
    let cfg = Cfg {
        abi: ABI,
        enabled: 1,
        fail_inbound: fail,
        fail_outbound: fail,
        heartbeat_max_ns: u64::try_from(heartbeat).unwrap_or(u64::MAX),
    };
    Map::open(&pins.path("CFG"))
        .and_then(|map| map.update(&0_u32, &cfg))
        .map_err(RedirectError::io("switch the programs on"))
}

fn open_cgroup(path: &Path) -> Result<File, RedirectError> {
    let not = || RedirectError::NotCgroup2 {
        path: path.to_owned(),
    };
    let stat = rustix::fs::statfs(path).map_err(|_| not())?;
    if stat.f_type != CGROUP2_SUPER_MAGIC {
        return Err(not());
    }
    let mount = process::cgroup2_mount(path).ok_or_else(not)?;
    let text = std::fs::read_to_string("/proc/self/cgroup")
        .map_err(RedirectError::io("read /proc/self/cgroup"))?;
    let own = process::own_cgroup(&text).ok_or_else(not)?;
    if !mount.join(own.trim_start_matches('/')).starts_with(path) {
        return Err(RedirectError::OutsideCgroup {
            path: path.to_owned(),
            own,
        });
    }
    File::open(path).map_err(RedirectError::io(format!("open {}", path.display())))
}

fn kernel_error(name: &str, error: &ProgramError) -> RedirectError {
    if let Some(source) = permission(error) {
        return RedirectError::Privilege {
            action: "load ebpf programs",
            source,
        };
    }
    let reason = match error {
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } => {
            let log = verifier_log.to_string();
            let last = log.lines().rev().map(str::trim).find(|line| {
                !line.is_empty()
                    && !line.starts_with("processed")
                    && !line.starts_with("max_states")
            });
            format!("{io_error}: {}", last.unwrap_or("no verifier message"))
        }
        other => error_line(other),
    };
    RedirectError::Kernel {
        what: format!("program {name}"),
        reason,
    }
}

/// The I/O error inside, if it is about permission.
fn permission(error: &(dyn std::error::Error + 'static)) -> Option<io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        let code = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::raw_os_error);
        if let Some(code @ (libc::EPERM | libc::EACCES)) = code {
            return Some(io::Error::from_raw_os_error(code));
        }
        next = error.source();
    }
    None
}

/// An error with its causes, in one line.
fn error_line(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text.replace('\n', " ")
}
