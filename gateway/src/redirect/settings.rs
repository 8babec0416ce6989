//! What to redirect, and where the programs live.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use gateway_common::{Addr16, RULES_MAX, is_coverable};

use super::RedirectError;

/// Settings of one redirect instance. Two instances on one host differ in at
/// least `pin_dir`, and cover different cgroups, namespaces or ports.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Cgroup v2 directory whose processes are watched. The gateway itself has
    /// to be inside: its accepted sockets belong to the same hooks.
    pub cgroup: PathBuf,
    /// Network namespaces to cover; the first is the one that upstream
    /// connections are made from.
    pub netns: Vec<NetnsRef>,
    /// Directory on a bpf file system in which links and maps are pinned, so
    /// that they outlive this process. `None`: they die with it.
    pub pin_dir: Option<PathBuf>,
    /// What happens to covered connections while the gateway is dead or hung.
    pub fail: FailMode,
    /// Port of the listener on 127.0.0.1 in each namespace; 0: any.
    pub listen_port_v4: u16,
    /// Port of the listener on `::1` in each namespace; 0: any.
    pub listen_port_v6: u16,
    /// Servers on this host.
    pub inbound: Vec<InRule>,
    /// Servers elsewhere, exact.
    pub outbound: Vec<SocketAddr>,
    /// The gateway counts as hung when [`super::MapHandles::beat`] was not
    /// called for this long; take ten times the time between two calls or more,
    /// so that a busy gateway is not taken for a hung one. `None`: not looked at.
    pub heartbeat: Option<Duration>,
}

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetnsRef {
    /// The one of the calling thread.
    Current,
    /// By path: `/run/netns/NAME`, `/proc/PID/ns/net`.
    Path(PathBuf),
}

/// What happens to covered connections while the gateway cannot take them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailMode {
    /// Refused.
    Closed,
    /// Let through to the real server, uninspected.
    Open,
}

/// A server on this host, by local address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InRule {
    /// Local address, or the base of a prefix.
    pub addr: IpAddr,
    /// Prefix length in bits of the address's own family (0..=32 or 0..=128).
    pub prefix_len: u8,
    /// Local port.
    pub port: u16,
}

impl InRule {
    /// One address and port.
    pub const fn exact(addr: SocketAddr) -> Self {
        let prefix_len = if addr.is_ipv4() { 32 } else { 128 };
        Self {
            addr: addr.ip(),
            prefix_len,
            port: addr.port(),
        }
    }

    /// A port on every local address of both families (`::/0` holds the mapped
    /// IPv4 addresses too).
    pub const fn any_address(port: u16) -> Self {
        Self {
            addr: IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
            prefix_len: 0,
            port,
        }
    }

    /// Prefix length over the 16-byte form.
    pub(super) fn bits16(&self) -> u32 {
        u32::from(self.prefix_len) + if self.addr.is_ipv4() { 96 } else { 0 }
    }
}

impl Settings {
    /// Settings that cover nothing yet, in the current namespace, closed,
    /// unpinned.
    pub fn new(cgroup: impl Into<PathBuf>) -> Self {
        Self {
            cgroup: cgroup.into(),
            netns: vec![NetnsRef::Current],
            pin_dir: None,
            fail: FailMode::Closed,
            listen_port_v4: 0,
            listen_port_v6: 0,
            inbound: Vec::new(),
            outbound: Vec::new(),
            heartbeat: None,
        }
    }

    /// Refuses what must never be covered or cannot work.
    pub(super) fn check(&self) -> Result<(), RedirectError> {
        let refuse = |what: String| Err(RedirectError::Settings(what));
        if self.inbound.len().max(self.outbound.len()) > RULES_MAX as usize {
            return refuse(format!("more than {RULES_MAX} rules in one direction"));
        }
        if self.netns.is_empty() {
            return refuse("no network namespace given".into());
        }
        for rule in &self.inbound {
            let max = if rule.addr.is_ipv4() { 32 } else { 128 };
            if rule.port == 0 || rule.prefix_len > max {
                return refuse(format!(
                    "inbound {}/{}: bad port or prefix",
                    rule.addr, rule.prefix_len
                ));
            }
        }
        if let Some(addr) = self.outbound.iter().find(|addr| addr.port() == 0) {
            return refuse(format!("outbound {addr}: port is 0"));
        }
        let addresses = self.inbound.iter().map(|rule| rule.addr);
        for ip in addresses.chain(self.outbound.iter().map(SocketAddr::ip)) {
            if !is_coverable(&Addr16::from_ip(ip)) {
                return refuse(format!(
                    "{ip} is the instance metadata address: never covered"
                ));
            }
        }
        Ok(())
    }

    /// Refuses rules that would steer the gateway's own listeners to themselves.
    /// `own` are the ports that they have got.
    pub(super) fn check_own_ports(&self, own: &[u16]) -> Result<(), RedirectError> {
        let loopback = |addr: &&SocketAddr| addr.ip().to_canonical().is_loopback();
        let inbound = self.inbound.iter().map(|rule| rule.port);
        let outbound = self.outbound.iter().filter(loopback).map(SocketAddr::port);
        match inbound.chain(outbound).find(|port| own.contains(port)) {
            Some(port) => Err(RedirectError::Settings(format!(
                "port {port} is the gateway's own and cannot be covered"
            ))),
            None => Ok(()),
        }
    }
}
