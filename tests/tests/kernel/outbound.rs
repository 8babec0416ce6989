//! Connections from this host to servers elsewhere.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use gateway::redirect::{FailMode, InRule};
use gateway_common::Reason;

use crate::{
    gate::{Gate, destination, fact},
    host::{Host, LIMIT, Netns, RealServer, first_line},
};

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Nothing has these addresses: documentation prefixes, no route in the test's
/// namespaces. Whatever answers is the gateway.
const V4: &str = "192.0.2.1:443";
const V6: &str = "[2001:db8::1]:443";

fn asked(space: &Netns, to: &str) -> (TcpStream, String) {
    let stream = space.connect(to).expect(to);
    let line = first_line(&stream).expect("answers");
    (stream, line)
}

#[test]
fn connect4_rewrite_keeps_original_dst() {
    let Some(host) = Host::enter("connect4_rewrite_keeps_original_dst") else {
        return;
    };
    let space = Netns::new();
    let mut settings = host.settings(&space);
    settings.outbound = vec![addr(V4)];
    let gate = Gate::start(&settings);
    let (_stream, line) = asked(&space, V4);
    assert_eq!(destination(&line), V4, "{line}");
    assert!(line.contains(" out 127.0.0.1:"), "{line}");
    assert_eq!(gate.count(Reason::Steered), 1);
    assert!(
        space.connect("192.0.2.1:444").is_err(),
        "other port is not redirected"
    );
}

#[test]
fn connect6_rewrite() {
    let Some(host) = Host::enter("connect6_rewrite") else {
        return;
    };
    let space = Netns::new();
    let mut settings = host.settings(&space);
    settings.outbound = vec![addr(V6)];
    let _gate = Gate::start(&settings);
    let (_stream, line) = asked(&space, V6);
    assert_eq!(destination(&line), V6, "{line}");
}

#[test]
fn connect_mapped_rewrite() {
    let Some(host) = Host::enter("connect_mapped_rewrite") else {
        return;
    };
    let space = Netns::new();
    let mut settings = host.settings(&space);
    settings.outbound = vec![addr(V4)];
    let _gate = Gate::start(&settings);
    let mapped = "[::ffff:192.0.2.1]:443";
    let (stream, line) = asked(&space, mapped);
    assert_eq!(destination(&line), V4, "{line}");
    assert_eq!(stream.peer_addr().expect("connected"), addr(mapped));
}

#[test]
fn getpeername_shows_original() {
    let Some(host) = Host::enter("getpeername_shows_original") else {
        return;
    };
    let space = Netns::new();
    let mut settings = host.settings(&space);
    settings.outbound = vec![addr(V4), addr(V6)];
    let _gate = Gate::start(&settings);
    for to in [V4, V6] {
        let (stream, _line) = asked(&space, to);
        assert_eq!(stream.peer_addr().expect("connected"), addr(to));
    }
}

#[test]
fn accept_peer_is_not_rewritten() {
    let Some(host) = Host::enter("accept_peer_is_not_rewritten") else {
        return;
    };
    let space = Netns::new();
    let mut settings = host.settings(&space);
    settings.outbound = vec![addr(V4)];
    let _gate = Gate::start(&settings);
    let (stream, line) = asked(&space, V4);
    let client = stream.local_addr().expect("connected").to_string();
    assert!(line.contains(&format!(" out {client} ")), "{line}");
}

#[test]
fn covered_loopback_destination_is_redirected() {
    let Some(host) = Host::enter("covered_loopback_destination_is_redirected") else {
        return;
    };
    let space = Netns::new();
    let _server = RealServer::start(&space, "127.0.0.1:8280");
    let mut settings = host.settings(&space);
    settings.outbound = vec![addr("127.0.0.1:8280")];
    let _gate = Gate::start(&settings);
    for to in ["127.0.0.1:8280", "0.0.0.0:8280"] {
        let (_stream, line) = asked(&space, to);
        assert_eq!(destination(&line), "127.0.0.1:8280", "{to}: {line}");
    }
}

#[test]
fn quic_connect_and_sendto_refused() {
    let Some(host) = Host::enter("quic_connect_and_sendto_refused") else {
        return;
    };
    let (space, other) = Netns::pair();
    let server = other.udp("10.77.0.2:443");
    server.set_nonblocking(true).expect("sets");
    let mut settings = host.settings(&space);
    settings.outbound = vec![addr("10.77.0.2:443"), addr("[fd77::2]:443")];
    let gate = Gate::start(&settings);
    for (bind, to) in [("0.0.0.0:0", "10.77.0.2:443"), ("[::]:0", "[fd77::2]:443")] {
        let socket = space.udp(bind);
        let refused = socket.connect(to).expect_err("connect");
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        let refused = socket.send_to(b"initial", to).expect_err("sendto");
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    }
    assert_eq!(gate.count(Reason::UdpDenied), 4);
    let socket = space.udp("0.0.0.0:0");
    socket
        .send_to(b"dns", "10.77.0.2:53")
        .expect("another port is left alone");
    assert!(server.recv(&mut [0; 16]).is_err(), "nothing arrived");
}

#[test]
fn datagrams_of_a_dead_gateways_clients_follow_the_fail_mode() {
    let name = "datagrams_of_a_dead_gateways_clients_follow_the_fail_mode";
    let Some(host) = Host::enter(name) else {
        return;
    };
    let (space, other) = Netns::pair();
    let mut settings = host.settings(&space);
    settings.outbound = vec![addr("10.77.0.2:8285"), addr("[fd77::2]:8285")];
    let pairs = [
        ("0.0.0.0:0", "10.77.0.2:8285"),
        ("[::]:0", "[fd77::2]:8285"),
    ];
    for (fail, passes) in [(FailMode::Closed, false), (FailMode::Open, true)] {
        settings.fail = fail;
        let mut gate = Gate::start(&settings);
        let socket = space.udp("0.0.0.0:0");
        socket.connect("10.77.0.2:8285").expect_err("alive");
        gate.stop_listening();
        for (bind, to) in pairs {
            let server = other.udp(to);
            // The first datagram waits until the neighbour is found.
            let wait = if passes {
                LIMIT
            } else {
                Duration::from_millis(50)
            };
            server.set_read_timeout(Some(wait)).expect("sets");
            let socket = space.udp(bind);
            assert_eq!(
                socket.send_to(b"datagram", to).is_ok(),
                passes,
                "{fail:?} {to}"
            );
            assert_eq!(socket.connect(to).is_ok(), passes, "{fail:?} {to}");
            assert_eq!(server.recv(&mut [0; 16]).is_ok(), passes, "{fail:?} {to}");
        }
        let denied = if passes { 1 } else { 5 };
        assert_eq!(gate.count(Reason::UdpDenied), denied, "{fail:?}");
    }
}

#[test]
fn unknown_netns_follows_the_fail_mode() {
    let Some(host) = Host::enter("unknown_netns_follows_the_fail_mode") else {
        return;
    };
    let (here, there) = Netns::pair();
    let _server = RealServer::start(&there, "10.77.0.2:8281");
    let covered = Netns::new();
    let mut settings = host.settings(&covered);
    settings.outbound = vec![addr("10.77.0.2:8281")];
    let gate = Gate::start(&settings);
    let refused = here.ask("10.77.0.2:8281").expect_err("closed");
    assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(gate.count(Reason::UnknownNetns), 1);
    drop(gate);
    settings.fail = FailMode::Open;
    let gate = Gate::start(&settings);
    assert!(
        here.ask("10.77.0.2:8281")
            .expect("open")
            .starts_with("real")
    );
    assert_eq!(gate.count(Reason::UnknownNetns), 1);
}

#[test]
fn a_socket_that_was_refused_and_connects_elsewhere_is_not_mistaken() {
    let name = "a_socket_that_was_refused_and_connects_elsewhere_is_not_mistaken";
    let Some(host) = Host::enter(name) else {
        return;
    };
    let space = Netns::new();
    let _server = RealServer::start(&space, "127.0.0.1:8283");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8282)];
    settings.outbound = vec![addr(V4)];
    let mut gate = Gate::start(&settings);
    let via = addr(&format!("127.0.0.1:{}", gate.ports()[0]));
    let stream: TcpStream = space
        .run(|| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
            socket.connect(&addr(V4).into())?;
            // Dissolves the association; the socket and its storage stay.
            rustix::net::connect_unspec(&socket)?;
            socket.connect(&addr("127.0.0.1:8283").into())?;
            Ok(socket.into())
        })
        .expect("connects twice");
    assert!(first_line(&stream).expect("answers").starts_with("real"));
    assert_eq!(
        stream.peer_addr().expect("connected"),
        addr("127.0.0.1:8283")
    );
    // Same socket story, straight to the gateway's port: no borrowed origin.
    let line = space
        .run(|| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
            socket.connect(&via.into())?;
            first_line(&socket.into())
        })
        .expect("connects");
    assert_eq!(line, "refused direct_to_gateway");
    gate.stop_listening();
}

#[test]
fn metadata_address_is_never_covered() {
    let Some(host) = Host::enter("metadata_address_is_never_covered") else {
        return;
    };
    let space = Netns::new();
    space.ip("addr add 169.254.169.254/32 dev lo");
    let _server = RealServer::start(&space, "0.0.0.0:80");
    let mut settings = host.settings(&space);
    settings.outbound = vec![addr("169.254.169.254:80")];
    let error = gateway::redirect::attach(&settings).expect_err("refused");
    assert!(error.to_string().contains("never covered"), "{error}");
    // Not by a rule that is wide enough to hold it either.
    settings.outbound.clear();
    settings.inbound = vec![InRule::any_address(80)];
    let _gate = Gate::start(&settings);
    assert!(
        space
            .ask("169.254.169.254:80")
            .expect("answers")
            .starts_with("real")
    );
    assert!(
        space
            .ask("127.0.0.1:80")
            .expect("answers")
            .starts_with("gate")
    );
}

#[test]
fn identity_comes_with_outbound_connections() {
    let Some(host) = Host::enter("identity_comes_with_outbound_connections") else {
        return;
    };
    let space = Netns::new();
    let mut settings = host.settings(&space);
    settings.outbound = vec![addr(V4)];
    let _gate = Gate::start(&settings);
    let (_stream, line) = asked(&space, V4);
    assert_eq!(fact(&line, "pid"), std::process::id().to_string(), "{line}");
}

/// Connects a socket of `protocol` after `prepare`, and reads the answer. The
/// first byte is written before it is read, which is when fast open sends SYN.
fn unusual(
    space: &Netns,
    protocol: i32,
    to: &str,
    prepare: impl FnOnce(&socket2::Socket) -> io::Result<()> + Send,
) -> io::Result<String> {
    use std::io::Write;
    let to = addr(to);
    space.run(|| {
        let domain = socket2::Domain::for_address(to);
        let protocol = socket2::Protocol::from(protocol);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(protocol))?;
        prepare(&socket)?;
        socket.connect(&to.into())?;
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(LIMIT))?;
        stream.write_all(b"x")?;
        first_line(&stream)
    })
}

fn set_fast_open(socket: &socket2::Socket) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let on: libc::c_int = 1;
    // SAFETY: the kernel reads the four bytes of `on`.
    let ret = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_FASTOPEN_CONNECT,
            std::ptr::from_ref(&on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if ret == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[test]
fn tfo_and_mptcp_covered() {
    const IPPROTO_TCP: i32 = 6;
    const IPPROTO_MPTCP: i32 = 262;
    let Some(host) = Host::enter("tfo_and_mptcp_covered") else {
        return;
    };
    let space = Netns::new();
    let _server = RealServer::start(&space, "127.0.0.1:8284");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8284)];
    settings.outbound = vec![addr(V4)];
    let _gate = Gate::start(&settings);
    for to in ["127.0.0.1:8284", V4] {
        let line = unusual(&space, IPPROTO_TCP, to, set_fast_open);
        let line = line.expect("fast open");
        assert_eq!(destination(&line), to, "{line}");
        assert_eq!(fact(&line, "pid"), std::process::id().to_string(), "{line}");
        match unusual(&space, IPPROTO_MPTCP, to, |_| Ok(())) {
            // A kernel without MPTCP cannot go around us with it either.
            Err(error) if error.raw_os_error() == Some(libc::EPROTONOSUPPORT) => {}
            answered => assert_eq!(destination(&answered.expect("mptcp")), to),
        }
    }
}
