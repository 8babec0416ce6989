//! The gateway's own connections to the real servers.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use gateway::{
    identity::{Fetch, HttpFetch},
    net::own::LaterRedirect,
    redirect::{InRule, MapHandles},
    tls::{Roots, client_config},
};
use gateway_common::Reason;
use socket2::{Domain, Socket, Type};

use crate::{
    gate::{Gate, destination},
    host::{Host, LIMIT, Netns, RealServer, first_line},
};

fn upstream(
    space: &Netns,
    to: &str,
    prepare: impl FnOnce(&Socket) -> io::Result<()> + Send,
) -> io::Result<String> {
    let to: SocketAddr = to.parse().expect("an address");
    let stream: TcpStream = space.run(|| {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_read_timeout(Some(LIMIT))?;
        prepare(&socket)?;
        socket.connect_timeout(&to.into(), LIMIT)?;
        Ok(socket.into())
    })?;
    first_line(&stream)
}

fn exempt(maps: &MapHandles) -> impl FnOnce(&Socket) -> io::Result<()> + Send + '_ {
    |socket| maps.exempt(socket.as_fd())
}

fn wait_until_empty(maps: &MapHandles) {
    let begin = Instant::now();
    while maps.bypassed().expect("reads") != 0 {
        assert!(
            begin.elapsed() < LIMIT,
            "{} left in BYPASS",
            maps.bypassed().expect("reads")
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn upstream_exempt_reaches_real_server() {
    let Some(host) = Host::enter("upstream_exempt_reaches_real_server") else {
        return;
    };
    let space = Netns::new();
    let _server = RealServer::start(&space, "[::]:8180");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8180)];
    let gate = Gate::start(&settings);
    for to in ["127.0.0.1:8180", "[::1]:8180", "[::ffff:127.0.0.1]:8180"] {
        let line = upstream(&space, to, exempt(&gate.maps)).expect(to);
        assert!(line.starts_with("real"), "{to}: {line}");
    }
    assert_eq!(gate.count(Reason::Bypassed), 3);
    assert_eq!(gate.count(Reason::Steered), 0);
    wait_until_empty(&gate.maps);
}

#[test]
fn upstream_exempt_with_syncookies_always() {
    let Some(host) = Host::enter("upstream_exempt_with_syncookies_always") else {
        return;
    };
    let space = Netns::new();
    space
        .run(|| std::fs::write("/proc/sys/net/ipv4/tcp_syncookies", "2"))
        .expect("sets syncookies in its own namespace");
    let _server = RealServer::start(&space, "127.0.0.1:8181");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8181)];
    let gate = Gate::start(&settings);
    let line = upstream(&space, "127.0.0.1:8181", exempt(&gate.maps)).expect("connects");
    assert!(line.starts_with("real"), "{line}");
    let line = space.ask("127.0.0.1:8181").expect("connects");
    assert_eq!(destination(&line), "127.0.0.1:8181", "{line}");
    assert!(
        line.contains(&format!("pid={}", std::process::id())),
        "{line}"
    );
}

#[test]
fn so_mark_does_not_exempt() {
    let Some(host) = Host::enter("so_mark_does_not_exempt") else {
        return;
    };
    let space = Netns::new();
    let _server = RealServer::start(&space, "127.0.0.1:8182");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8182)];
    let gate = Gate::start(&settings);
    for mark in [1, 1337, u32::MAX] {
        let line = upstream(&space, "127.0.0.1:8182", |socket| socket.set_mark(mark));
        assert!(line.expect("connects").starts_with("gate"));
    }
    assert_eq!(gate.count(Reason::Bypassed), 0);
}

#[test]
fn spoofed_loopback_source_not_exempt() {
    let Some(host) = Host::enter("spoofed_loopback_source_not_exempt") else {
        return;
    };
    let space = Netns::new();
    let _server = RealServer::start(&space, "127.0.0.1:8183");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8183)];
    let _gate = Gate::start(&settings);
    let source: SocketAddr = "127.9.9.9:0".parse().expect("an address");
    let line = upstream(&space, "127.0.0.1:8183", |socket| {
        socket.bind(&source.into())
    });
    assert!(line.expect("connects").starts_with("gate"));
}

#[test]
fn exempt_flag_dies_with_socket_and_tuple_reuse_is_not_exempt() {
    let name = "exempt_flag_dies_with_socket_and_tuple_reuse_is_not_exempt";
    let Some(host) = Host::enter(name) else {
        return;
    };
    let space = Netns::new();
    let server = RealServer::start(&space, "127.0.0.1:8184");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8184)];
    let gate = Gate::start(&settings);
    let source: SocketAddr = "127.0.0.1:9184".parse().expect("an address");
    let bind = |socket: &Socket| -> io::Result<()> {
        socket.set_reuse_address(true)?;
        // No TIME_WAIT, so that the very same tuple can be used again.
        socket.set_linger(Some(Duration::ZERO))?;
        socket.bind(&source.into())
    };
    let first = upstream(&space, "127.0.0.1:8184", |socket| {
        bind(socket)?;
        gate.maps.exempt(socket.as_fd())
    });
    assert!(first.expect("connects").starts_with("real"));
    wait_until_empty(&gate.maps);
    let second = upstream(&space, "127.0.0.1:8184", bind).expect("connects");
    assert!(
        second.starts_with("gate"),
        "same tuple, other socket: {second}"
    );
    drop(server);
}

/// The issuer of tokens stands at a covered address, inbound and outbound.
#[test]
fn key_fetch_is_not_redirected() {
    let Some(host) = Host::enter("key_fetch_is_not_redirected") else {
        return;
    };
    let (space, remote) = Netns::pair();
    let _near = RealServer::start(&space, "127.0.0.1:8186");
    let _far = RealServer::start(&remote, "10.77.0.2:8187");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8186)];
    settings.outbound = vec!["10.77.0.2:8187".parse().expect("an address")];
    let gate = Gate::start(&settings);
    let redirect = LaterRedirect::default();
    for (steered, attached) in [(2, false), (2, true)] {
        if attached {
            redirect.is(gate.maps.clone());
        }
        let fetched = space.run(|| {
            let tls = client_config(&Roots::WebPki, None).map_err(io::Error::other)?;
            let fetch = HttpFetch::new(tls, LIMIT).past(redirect.clone());
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            for url in ["http://127.0.0.1:8186/keys", "http://10.77.0.2:8187/keys"] {
                let url = url.parse().map_err(io::Error::other)?;
                // Neither the server nor the gate speaks HTTP; it is about who was asked.
                let error = runtime.block_on(fetch.fetch(&url)).expect_err("no HTTP");
                assert!(
                    error.to_string().contains("broken answer"),
                    "{url}: {error}"
                );
            }
            Ok(())
        });
        fetched.expect("runs");
        assert_eq!(gate.count(Reason::Steered), steered, "attached: {attached}");
    }
    assert_eq!(gate.count(Reason::Bypassed), 2);
}

#[test]
fn bypass_map_empty_after_1k() {
    let Some(host) = Host::enter("bypass_map_empty_after_1k") else {
        return;
    };
    let space = Netns::new();
    let server = RealServer::start(&space, "127.0.0.1:8185");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8185)];
    let gate = Gate::start(&settings);
    let to: SocketAddr = "127.0.0.1:8185".parse().expect("an address");
    let real = space
        .run(|| {
            let mut real = 0;
            for _ in 0..1_000 {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
                gate.maps.exempt(socket.as_fd())?;
                socket.set_read_timeout(Some(LIMIT))?;
                socket.connect(&to.into())?;
                real += usize::from(first_line(&socket.into())?.starts_with("real"));
            }
            Ok(real)
        })
        .expect("connects");
    assert_eq!(real, 1_000);
    wait_until_empty(&gate.maps);
    // Refused connections leave nothing either.
    drop(server);
    for _ in 0..10 {
        let refused = upstream(&space, "127.0.0.1:8185", exempt(&gate.maps));
        assert_eq!(
            refused.expect_err("refused").kind(),
            io::ErrorKind::ConnectionRefused
        );
    }
    wait_until_empty(&gate.maps);
}

#[test]
fn direct_connection_to_the_gateway_is_refused() {
    let Some(host) = Host::enter("direct_connection_to_the_gateway_is_refused") else {
        return;
    };
    let space = Netns::new();
    let gate = Gate::start(&host.settings(&space));
    for (port, addr) in gate.ports().into_iter().zip(["127.0.0.1", "[::1]"]) {
        let line = space.ask(&format!("{addr}:{port}")).expect("connects");
        assert_eq!(line, "refused direct_to_gateway");
    }
}
