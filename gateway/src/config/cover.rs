//! Which addresses may be covered, and that no two users of one collide.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Redirect;
use super::problem::Problems;
use super::validated::Server;

/// Instance metadata and container credentials of the cloud: a redirect there
/// would put the host's own credentials into our hands.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Reads `ip:port`; v4-mapped addresses become v4.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| {
        format!(
            "`{text}` is not ip:port, such as 10.0.0.7:8080 or [::1]:8080 (names are not looked up)"
        )
    })?;
    if address.port() == 0 {
        return Err(format!("`{text}` has port 0"));
    }
    Ok(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

/// One use of an address: the key it stands in, and what it is for.
struct Use {
    key: String,
    address: SocketAddr,
    owner: String,
    remote: bool,
}

/// Checks all addresses of a configuration against each other.
pub(super) fn check(
    problems: &mut Problems,
    servers: &[Server],
    redirect: Option<&Redirect>,
    admin: Option<SocketAddr>,
) {
    let uses = uses(servers, admin);
    for server in servers {
        if server
            .explicit
            .is_some_and(|explicit| METADATA.contains(&explicit.upstream.ip()))
        {
            let key = format!("server.{}.upstream", server.name);
            problems.push(key, "the cloud's metadata service is never an upstream");
        }
    }
    for used in &uses {
        let covered = used.key.contains(".inbound") || used.key.contains(".outbound");
        if METADATA.contains(&used.address.ip()) {
            problems.push(&used.key, "the cloud's metadata service is never covered");
        }
        if covered && redirect.is_none() {
            problems.push(
                &used.key,
                "needs [redirect]; without it give `listen` and `upstream`",
            );
        }
        if used.remote && used.address.ip().is_unspecified() {
            problems.push(&used.key, "must be a concrete address, not every address");
        }
        // A remote server may well use our port number; a local address not.
        let own_port = redirect.is_some_and(|redirect| redirect.listen_port == used.address.port());
        if own_port && (!used.remote || used.address.ip().is_loopback()) {
            problems.push(
                &used.key,
                format!("port {} is redirect.listen_port", used.address.port()),
            );
        }
    }
    for (n, later) in uses.iter().enumerate() {
        let clash = uses.iter().take(n).find(|first| clash(first, later));
        if let Some(first) = clash {
            problems.push(
                &later.key,
                format!("{} is also {}", later.address, first.key),
            );
        }
    }
}

/// One server may be covered on `0.0.0.0:8080` and `127.0.0.1:8080`; between
/// two owners addresses must not overlap, and nothing is given twice.
fn clash(a: &Use, b: &Use) -> bool {
    if a.remote != b.remote {
        return false;
    }
    a.address == b.address || (a.owner != b.owner && overlap(a.address, b.address))
}

fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let any = |ip: IpAddr, other: IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_unspecified() && other.is_ipv4(),
        IpAddr::V6(ip) => ip.is_unspecified() && other.is_ipv6(),
    };
    a.port() == b.port() && (a.ip() == b.ip() || any(a.ip(), b.ip()) || any(b.ip(), a.ip()))
}

fn uses(servers: &[Server], admin: Option<SocketAddr>) -> Vec<Use> {
    let mut uses = Vec::new();
    for server in servers {
        let key = |field: String| format!("server.{}.{field}", server.name);
        let mut add = |field: String, address: SocketAddr, remote: bool| {
            uses.push(Use {
                key: key(field),
                address,
                owner: server.name.clone(),
                remote,
            });
        };
        for (n, address) in server.inbound.iter().enumerate() {
            add(format!("inbound[{n}]"), *address, false);
        }
        for (n, address) in server.outbound.iter().enumerate() {
            add(format!("outbound[{n}]"), *address, true);
        }
        if let Some(explicit) = server.explicit {
            add("listen".to_owned(), explicit.listen, false);
        }
    }
    if let Some(address) = admin {
        let owner = String::new();
        uses.push(Use {
            key: "admin.listen".to_owned(),
            address,
            owner,
            remote: false,
        });
    }
    uses
}
