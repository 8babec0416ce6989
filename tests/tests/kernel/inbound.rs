//! Steering to servers on this host.

use std::net::{IpAddr, Ipv4Addr};

use gateway::redirect::{FailMode, InRule};
use gateway_common::Reason;

use crate::{
    gate::{Gate, destination},
    host::{Host, Netns, RealServer},
};

#[test]
fn skl_steers_wildcard_server() {
    let Some(host) = Host::enter("skl_steers_wildcard_server") else {
        return;
    };
    let space = Netns::new();
    let _server = RealServer::start(&space, "0.0.0.0:8080");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8080)];
    assert!(
        space
            .ask("127.0.0.1:8080")
            .expect("answers")
            .starts_with("real"),
        "before"
    );
    let gate = Gate::start(&settings);
    let line = space.ask("127.0.0.1:8080").expect("answers");
    assert_eq!(destination(&line), "127.0.0.1:8080", "{line}");
    assert_eq!(gate.count(Reason::Steered), 1);
    drop(gate);
    assert!(
        space
            .ask("127.0.0.1:8080")
            .expect("answers")
            .starts_with("real"),
        "after"
    );
}

#[test]
fn skl_steers_loopback_bound_server() {
    let Some(host) = Host::enter("skl_steers_loopback_bound_server") else {
        return;
    };
    let space = Netns::new();
    let _server = RealServer::start(&space, "127.0.0.1:8081");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::exact("127.0.0.1:8081".parse().expect("an address"))];
    let _gate = Gate::start(&settings);
    let line = space.ask("127.0.0.1:8081").expect("answers");
    assert_eq!(destination(&line), "127.0.0.1:8081", "{line}");
}

#[test]
fn skl_steers_dual_stack_and_mapped() {
    let Some(host) = Host::enter("skl_steers_dual_stack_and_mapped") else {
        return;
    };
    let (space, _other) = Netns::pair();
    let _server = RealServer::start(&space, "[::]:8082");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8082)];
    let _gate = Gate::start(&settings);
    for (to, seen) in [
        ("127.0.0.1:8082", "127.0.0.1:8082"),
        ("[::1]:8082", "[::1]:8082"),
        ("[::ffff:127.0.0.1]:8082", "127.0.0.1:8082"),
        ("10.77.0.1:8082", "10.77.0.1:8082"),
        ("[fd77::1]:8082", "[fd77::1]:8082"),
    ] {
        let line = space.ask(to).expect(to);
        assert_eq!(destination(&line), seen, "{line}");
    }
}

#[test]
fn skl_remote_v4_v6() {
    let Some(host) = Host::enter("skl_remote_v4_v6") else {
        return;
    };
    let (space, remote) = Netns::pair();
    let _server = RealServer::start(&space, "[::]:8083");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8083)];
    let _gate = Gate::start(&settings);
    for to in ["10.77.0.1:8083", "[fd77::1]:8083"] {
        let stream = remote.connect(to).expect(to);
        assert_eq!(
            stream.peer_addr().expect("connected").to_string(),
            to,
            "client's view"
        );
        let line = crate::host::first_line(&stream).expect("answers");
        assert_eq!(destination(&line), to, "{line}");
        let client = stream.local_addr().expect("connected").to_string();
        assert!(
            line.contains(&format!(" in {client} ")),
            "client's own address: {line}"
        );
    }
}

#[test]
fn skl_leaves_other_ports_and_addresses_alone() {
    let Some(host) = Host::enter("skl_leaves_other_ports_and_addresses_alone") else {
        return;
    };
    let (space, _other) = Netns::pair();
    let _other_port = RealServer::start(&space, "0.0.0.0:8085");
    let _server = RealServer::start(&space, "0.0.0.0:8084");
    let mut settings = host.settings(&space);
    let addr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 0));
    settings.inbound = vec![InRule {
        addr,
        prefix_len: 24,
        port: 8084,
    }];
    let gate = Gate::start(&settings);
    assert!(
        space
            .ask("127.0.0.1:8085")
            .expect("answers")
            .starts_with("real")
    );
    assert!(
        space
            .ask("127.0.0.1:8084")
            .expect("answers")
            .starts_with("real"),
        "not in /24"
    );
    assert_eq!(gate.count(Reason::Seen), 0);
    assert_eq!(
        destination(&space.ask("10.77.0.1:8084").expect("answers")),
        "10.77.0.1:8084"
    );
}

#[test]
fn skl_original_dst_is_getsockname() {
    let Some(host) = Host::enter("skl_original_dst_is_getsockname") else {
        return;
    };
    let space = Netns::new();
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8086)];
    let _gate = Gate::start(&settings);
    // The address is any of lo's, the port no one's.
    let line = space.ask("127.5.6.7:8086").expect("answers");
    assert_eq!(destination(&line), "127.5.6.7:8086", "{line}");
}

#[test]
fn udp_to_covered_port_is_dropped() {
    let Some(host) = Host::enter("udp_to_covered_port_is_dropped") else {
        return;
    };
    let space = Netns::new();
    let server = space.udp("127.0.0.1:8087");
    let client = space.udp("127.0.0.1:0");
    server.set_nonblocking(true).expect("sets");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8087)];
    client.send_to(b"before", "127.0.0.1:8087").expect("sends");
    let mut buffer = [0; 16];
    assert_eq!(server.recv(&mut buffer).expect("arrives"), 6);
    let gate = Gate::start(&settings);
    client.send_to(b"after", "127.0.0.1:8087").expect("sends");
    assert!(server.recv(&mut buffer).is_err(), "not delivered");
    assert_eq!(gate.count(Reason::UdpDenied), 1);
}

#[test]
fn udp_to_a_dead_gateways_port_follows_the_fail_mode() {
    let Some(host) = Host::enter("udp_to_a_dead_gateways_port_follows_the_fail_mode") else {
        return;
    };
    let space = Netns::new();
    let mut buffer = [0; 16];
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8090)];
    for (fail, passes) in [(FailMode::Closed, false), (FailMode::Open, true)] {
        settings.fail = fail;
        let mut gate = Gate::start(&settings);
        for (server, client) in [("127.0.0.1:8090", "127.0.0.1:0"), ("[::1]:8090", "[::1]:0")] {
            let (server, client) = (space.udp(server), space.udp(client));
            server.set_nonblocking(true).expect("sets");
            let to = server.local_addr().expect("bound");
            // A fresh socket for each: a refusal is reported to the next send.
            client.send_to(b"alive", to).expect("sends");
            assert!(server.recv(&mut buffer).is_err(), "{fail:?} {to}: alive");
        }
        assert_eq!(gate.count(Reason::UdpDenied), 2);
        gate.stop_listening();
        for (server, client) in [("127.0.0.1:8090", "127.0.0.1:0"), ("[::1]:8090", "[::1]:0")] {
            let (server, client) = (space.udp(server), space.udp(client));
            server.set_nonblocking(true).expect("sets");
            let to = server.local_addr().expect("bound");
            client.send_to(b"dead", to).expect("sends");
            assert_eq!(
                server.recv(&mut buffer).is_ok(),
                passes,
                "{fail:?} {to}: dead"
            );
        }
        let denied = if passes { 2 } else { 4 };
        assert_eq!(gate.count(Reason::UdpDenied), denied, "{fail:?}");
        // What no rule covers is left alone in every mode.
        let (server, client) = (space.udp("127.0.0.1:8091"), space.udp("127.0.0.1:0"));
        server.set_nonblocking(true).expect("sets");
        client.send_to(b"other", "127.0.0.1:8091").expect("sends");
        assert_eq!(server.recv(&mut buffer).expect("arrives"), 5);
    }
}

#[test]
fn two_namespaces_have_rules_and_listeners_of_their_own() {
    let Some(host) = Host::enter("two_namespaces_have_rules_and_listeners_of_their_own") else {
        return;
    };
    let (one, two, third) = (Netns::new(), Netns::new(), Netns::new());
    let _server = RealServer::start(&third, "127.0.0.1:8088");
    let mut settings = host.settings(&one);
    settings.netns.push(two.reference());
    settings.inbound = vec![InRule::any_address(8088)];
    let gate = Gate::start(&settings);
    for space in [&one, &two] {
        let line = space.ask("127.0.0.1:8088").expect("answers");
        assert_eq!(destination(&line), "127.0.0.1:8088", "{line}");
    }
    assert_eq!(gate.ports().len(), 4);
    assert!(
        third
            .ask("127.0.0.1:8088")
            .expect("answers")
            .starts_with("real")
    );
}
