//! Who listens on TCP in this network namespace, and which of it is left alone.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Ports that are looked after at most; further ones are left alone.
pub const LISTENERS_MAX: usize = 1024;

/// `/proc/net/tcp`, column `st`: TCP_LISTEN.
const LISTEN: &str = "0A";

/// Well-known ports whose protocol is not HTTP, or is TLS: nothing could be read
/// there, so the traffic is not led through us at all.
const NOT_HTTP: &[(u16, &str)] = &[
    (21, "FTP"),
    (22, "SSH"),
    (23, "Telnet"),
    (25, "SMTP"),
    (53, "DNS"),
    (88, "Kerberos"),
    (110, "POP3"),
    (111, "portmapper"),
    (139, "SMB"),
    (143, "IMAP"),
    (389, "LDAP"),
    (443, "TLS, which cannot be read without the server's key"),
    (445, "SMB"),
    (465, "SMTP"),
    (587, "SMTP"),
    (636, "LDAP"),
    (853, "DNS"),
    (873, "rsync"),
    (993, "IMAP"),
    (995, "POP3"),
    (1433, "SQL Server"),
    (1521, "Oracle"),
    (2049, "NFS"),
    (3306, "MySQL"),
    (3389, "RDP"),
    (5432, "PostgreSQL"),
    (5671, "AMQP"),
    (5672, "AMQP"),
    (5900, "VNC"),
    (6379, "Redis"),
    (6443, "TLS, which cannot be read without the server's key"),
    (8443, "TLS, which cannot be read without the server's key"),
    (9042, "Cassandra"),
    (9092, "Kafka"),
    (11211, "memcached"),
    (27017, "MongoDB"),
];

/// A port with everything that listens on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// TCP port.
    pub port: u16,
    /// Local addresses; an unspecified one means all.
    pub addresses: Vec<IpAddr>,
    /// The process, when this user may look into it.
    pub owner: Option<Owner>,
}

/// A process by number and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Process id.
    pub pid: u32,
    /// Command name.
    pub comm: String,
}

impl Listening {
    /// Name of this server in records and in the config that is offered.
    pub fn name(&self) -> String {
        let comm = self.owner.as_ref().map_or("tcp", |o| o.comm.as_str());
        let mut name: String = comm
            .chars()
            .map(|c| c.to_ascii_lowercase())
            .map(|c| match c {
                'a'..='z' | '0'..='9' | '.' | '_' | '-' => c,
                _ => '-',
            })
            .collect();
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            name.insert(0, 'x');
        }
        format!("{name}-{}", self.port)
    }

    /// The addresses with their port.
    pub fn sockets(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.addresses
            .iter()
            .map(|ip| SocketAddr::new(*ip, self.port))
    }
}

/// Which ports are wanted, from the command line.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Only these; empty = all but the well-known others.
    pub only: Vec<u16>,
    /// Not these.
    pub skip: Vec<u16>,
}

/// What is watched, and what is not and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Watched, by port.
    pub watched: Vec<Listening>,
    /// Not watched.
    pub left: Vec<(Listening, String)>,
}

/// Looks for listening sockets, and remembers whose they are.
#[derive(Debug, Default)]
pub struct Finder {
    owners: HashMap<u64, Option<Owner>>,
}

impl Finder {
    /// The listening sockets of this network namespace now.
    ///
    /// # Errors
    /// `/proc/net/tcp` cannot be read.
    pub fn look(&mut self, choice: &Choice) -> io::Result<Found> {
        let mut rows = rows(&fs::read_to_string("/proc/net/tcp")?, Some(LISTEN));
        // IPv6 can be switched off.
        let v6 = fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
        rows.extend(self::rows(&v6, Some(LISTEN)));
        let mut datagrams = Vec::new();
        for table in ["/proc/net/udp", "/proc/net/udp6"] {
            let text = fs::read_to_string(table).unwrap_or_default();
            datagrams.extend(self::rows(&text, None).iter().map(|r| r.0.port()));
        }
        self.learn(&rows);
        let mut ports: BTreeMap<u16, Listening> = BTreeMap::new();
        for (address, inode) in rows {
            let listening = ports.entry(address.port()).or_insert_with(|| Listening {
                port: address.port(),
                addresses: Vec::new(),
                owner: None,
            });
            if !listening.addresses.contains(&address.ip()) {
                listening.addresses.push(address.ip());
            }
            if listening.owner.is_none() {
                listening.owner = self.owners.get(&inode).cloned().flatten();
            }
        }
        Ok(sort(ports.into_values(), choice, &datagrams))
    }

    /// Finds the owners of sockets not seen before: one walk over `/proc`.
    fn learn(&mut self, rows: &[(SocketAddr, u64)]) {
        self.owners
            .retain(|inode, _| rows.iter().any(|row| row.1 == *inode));
        let unknown: Vec<u64> = rows
            .iter()
            .map(|row| row.1)
            .filter(|inode| !self.owners.contains_key(inode))
            .collect();
        if unknown.is_empty() {
            return;
        }
        self.owners
            .extend(unknown.iter().map(|inode| (*inode, None)));
        let Ok(processes) = fs::read_dir("/proc") else {
            return;
        };
        let pids = processes
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        for pid in pids {
            let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
                continue;
            };
            for link in descriptors.flatten() {
                let inode = fs::read_link(link.path())
                    .ok()
                    .and_then(|link| socket(&link));
                if let Some(inode) = inode.filter(|inode| unknown.contains(inode))
                    && let Some(owner @ None) = self.owners.get_mut(&inode)
                {
                    let comm = fs::read_to_string(format!("/proc/{pid}/comm"));
                    let comm = comm.unwrap_or_default().trim_end().to_owned();
                    *owner = Some(Owner { pid, comm });
                }
            }
        }
    }
}

/// `socket:[123]` -> 123.
fn socket(link: &std::path::Path) -> Option<u64> {
    let text = link.to_str()?.strip_prefix("socket:[")?;
    text.strip_suffix(']')?.parse().ok()
}

/// Local address and inode of the rows in `state` (or any).
fn rows(table: &str, state: Option<&str>) -> Vec<(SocketAddr, u64)> {
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let wanted = state.is_none_or(|state| words.get(3) == Some(&state));
        let inode = words.get(9)?.parse().ok()?;
        wanted.then_some((address(words.get(1)?)?, inode))
    };
    table.lines().skip(1).filter_map(row).collect()
}

/// `0100007F:1F90` and its IPv6 form: 32-bit words in host byte order.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let hex = ip.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(hex, 16).ok()?.to_ne_bytes())
    };
    let ip = match ip.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            IpAddr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn sort(all: impl Iterator<Item = Listening>, choice: &Choice, datagrams: &[u16]) -> Found {
    let mut found = Found::default();
    for mut listening in all {
        listening.addresses.retain(|ip| !is_metadata(*ip));
        // `[::]` stands for IPv4 too.
        if listening
            .addresses
            .contains(&IpAddr::V6(Ipv6Addr::UNSPECIFIED))
        {
            listening.addresses = vec![IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
        }
        match why_not(&listening, choice, datagrams) {
            // Not even named: they are ours.
            Some(None) => {}
            Some(Some(why)) => found.left.push((listening, why)),
            None if found.watched.len() >= LISTENERS_MAX => {
                found.left.push((listening, "too many ports".to_owned()));
            }
            None => found.watched.push(listening),
        }
    }
    found
}

/// Why it is left alone; `Some(None)` when there is no need to say it.
fn why_not(listening: &Listening, choice: &Choice, datagrams: &[u16]) -> Option<Option<String>> {
    let port = listening.port;
    let ours = listening
        .owner
        .as_ref()
        .is_some_and(|owner| owner.pid == std::process::id());
    if ours || listening.addresses.is_empty() {
        return Some(None);
    }
    if listening
        .owner
        .as_ref()
        .is_some_and(|o| o.comm == "panward")
    {
        return Some(Some("another panward".to_owned()));
    }
    if choice.skip.contains(&port) {
        return Some(Some("--skip".to_owned()));
    }
    if !choice.only.is_empty() && !choice.only.contains(&port) {
        return Some(Some("not among --port".to_owned()));
    }
    // The redirect refuses datagrams to a covered port: that would be a change.
    if datagrams.contains(&port) {
        return Some(Some("the port is used for UDP too".to_owned()));
    }
    let known = NOT_HTTP.iter().find(|(known, _)| *known == port);
    match known {
        Some((_, what)) if choice.only.is_empty() => Some(Some(format!("port of {what}"))),
        _ => None,
    }
}

/// Instance metadata of the cloud: never led through us.
fn is_metadata(ip: IpAddr) -> bool {
    ip == IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254))
        || ip == IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(port: u16, comm: &str) -> Listening {
        Listening {
            port,
            addresses: vec![IpAddr::from([127, 0, 0, 1])],
            owner: Some(Owner {
                pid: 1,
                comm: comm.into(),
            }),
        }
    }

    #[test]
    fn finds_a_listener_of_each_family_with_its_owner() {
        for bind in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let socket = std::net::TcpListener::bind(bind).unwrap();
            let address = socket.local_addr().unwrap();
            let mut rows = rows(&fs::read_to_string("/proc/net/tcp").unwrap(), Some(LISTEN));
            rows.extend(super::rows(
                &fs::read_to_string("/proc/net/tcp6").unwrap(),
                Some(LISTEN),
            ));
            let row = rows.iter().find(|row| row.0 == address).unwrap();
            let mut finder = Finder::default();
            finder.learn(&rows);
            let owner = finder.owners[&row.1].clone().unwrap();
            assert_eq!(owner.pid, std::process::id());
            // Our own are not watched, and not named either.
            let found = finder.look(&Choice::default()).unwrap();
            assert!(found.watched.iter().all(|l| l.port != address.port()));
            assert!(found.left.iter().all(|(l, _)| l.port != address.port()));
        }
    }

    #[test]
    fn what_is_left_alone_says_why() {
        let all = || {
            [22, 53, 8080, 9000, 9001]
                .map(|port| listening(port, "x"))
                .into_iter()
        };
        let ports = |found: &Found| found.watched.iter().map(|l| l.port).collect::<Vec<_>>();
        let found = sort(all(), &Choice::default(), &[9000]);
        assert_eq!(ports(&found), [8080, 9001]);
        let why: Vec<_> = found
            .left
            .iter()
            .map(|(l, why)| (l.port, why.as_str()))
            .collect();
        assert_eq!(
            why,
            [
                (22, "port of SSH"),
                (53, "port of DNS"),
                (9000, "the port is used for UDP too")
            ]
        );
        let choice = Choice {
            only: vec![53, 8080, 9001],
            skip: vec![9001],
        };
        assert_eq!(ports(&sort(all(), &choice, &[])), [53, 8080]);
        let other = sort(
            [listening(8080, "panward")].into_iter(),
            &Choice::default(),
            &[],
        );
        assert_eq!((other.watched.len(), other.left.len()), (0, 1));
    }

    #[test]
    fn metadata_addresses_are_never_watched() {
        let mut one = listening(80, "x");
        one.addresses = vec![[169, 254, 169, 254].into()];
        assert_eq!(
            sort([one].into_iter(), &Choice::default(), &[]),
            Found::default()
        );
    }

    #[test]
    fn names_are_names_of_servers() {
        for (comm, name) in [
            ("node", "node-80"),
            ("My App/1", "my-app-1-80"),
            ("(sd-pam)", "x-sd-pam--80"),
            ("\u{e9}", "x--80"),
        ] {
            assert_eq!(listening(80, comm).name(), name);
        }
    }
}
