//! What was seen, as a configuration in observe mode.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use toml::{Table, Value};

use super::listening::Listening;
use crate::config::{Evidence, FailMode, Mode, RawAdmin, RawConfig, RawRedirect, RawServer};

/// A configuration that covers `servers` in observe mode, as TOML; only what is
/// not the default stands in it.
///
/// # Errors
/// Does not happen with values of ours; the serialiser's error.
pub fn config(servers: &[&Listening], cgroup: &Path) -> Result<String, toml::ser::Error> {
    let taken = |port| servers.iter().any(|server| server.port == port);
    let mut redirect = RawRedirect {
        cgroup: cgroup.to_owned(),
        fail: FailMode::Open,
        ..RawRedirect::default()
    };
    // The gateway's own ports must not be those of a server.
    while taken(redirect.listen_port) {
        redirect.listen_port += 1;
    }
    let mut admin = RawAdmin::default();
    if admin
        .listen
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .is_some_and(taken)
    {
        admin.listen = String::new();
    }
    let raw = RawConfig {
        mode: Mode::Observe,
        redirect: Some(redirect),
        admin,
        server: servers.iter().map(|server| covered(server)).collect(),
        ..RawConfig::default()
    };
    let mut table = Table::try_from(&raw)?;
    let default = Table::try_from(RawConfig::default())?;
    table.retain(|key, value| key == "mode" || default.get(key) != Some(value));
    if let Some(Value::Array(servers)) = table.get_mut("server") {
        for server in servers.iter_mut().filter_map(Value::as_table_mut) {
            server.retain(|_, value| !value.as_array().is_some_and(Vec::is_empty));
        }
    }
    Ok(format!(
        "# Written by `panward watch`: the MCP servers that it saw, in observe mode.\n\
         # Bytes pass unchanged; calls, identities and findings are recorded.\n\
         # Check it: panward check --config FILE. Then: panward run --config FILE.\n\n{}",
        toml::to_string(&table)?
    ))
}

fn covered(listening: &Listening) -> RawServer {
    RawServer {
        name: listening.name(),
        inbound: listening.sockets().map(|a| a.to_string()).collect(),
        evidence: vec![Evidence::Process],
        ..RawServer::default()
    }
}

/// Writes a new file; never over one that is there.
///
/// # Errors
/// The file exists or cannot be written.
pub fn write(file: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o640)
        .open(file)?
        .write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Config};
    use crate::watch::listening::Owner;

    #[test]
    fn what_is_offered_is_accepted_by_check() {
        let listening = |port, addresses: &[&str], comm: &str| Listening {
            port,
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            owner: Some(Owner {
                pid: 7,
                comm: comm.into(),
            }),
        };
        let servers = [
            listening(8080, &["127.0.0.1", "::1"], "My \"App\""),
            listening(9000, &["::"], "node"),
            listening(9464, &["0.0.0.0"], "node"),
            listening(15_001, &["127.0.0.1"], "node"),
        ];
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("observe.toml");
        let text = config(&servers.each_ref(), Path::new("/sys/fs/cgroup")).unwrap();
        write(&file, &text).unwrap();
        let config = Config::load(&file).unwrap();
        assert_eq!(config.mode, config::Mode::Observe);
        assert_eq!(config.warnings, Vec::<String>::new());
        let names: Vec<_> = config.servers.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(
            names,
            ["my--app--8080", "node-9000", "node-9464", "node-15001"]
        );
        assert_eq!(config.servers[0].inbound.len(), 2);
        assert_eq!(config.redirect.unwrap().fail, config::FailMode::Open);
        assert!(text.lines().count() < 40, "{text}");
        assert!(write(&file, &text).is_err(), "written over");
    }
}
