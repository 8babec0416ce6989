//! What happens while the gateway is dead or hung.

use std::{
    io,
    time::{Duration, Instant},
};

use gateway::redirect::{FailMode, InRule};
use gateway_common::Reason;

use crate::{
    gate::Gate,
    host::{BpfFs, Host, Netns, RealServer},
    probe::Probe,
};

/// How long a refusal may take after the death of the gateway.
const REFUSED_WITHIN: Duration = Duration::from_millis(10);

#[test]
fn kill9_fail_closed_rst_under_10ms() {
    let Some(host) = Host::enter("kill9_fail_closed_rst_under_10ms") else {
        return;
    };
    let (space, remote, pins) = {
        let (space, remote) = Netns::pair();
        (space, remote, BpfFs::mount())
    };
    let _server = RealServer::start(&space, "[::]:8480");
    let _far = RealServer::start(&remote, "10.77.0.2:8481");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8480)];
    settings.outbound = vec!["10.77.0.2:8481".parse().expect("an address")];
    settings.pin_dir = Some(pins.pin_dir());
    let gateway = Probe::gateway(&settings);
    assert!(
        space
            .ask("127.0.0.1:8480")
            .expect("answers")
            .starts_with("gate")
    );
    assert!(
        space
            .ask("10.77.0.2:8481")
            .expect("answers")
            .starts_with("gate")
    );
    gateway.kill();
    let cases = [
        (&space, "127.0.0.1:8480", io::ErrorKind::ConnectionRefused),
        (&space, "[::1]:8480", io::ErrorKind::ConnectionRefused),
        (&remote, "10.77.0.1:8480", io::ErrorKind::ConnectionRefused),
        (&remote, "[fd77::1]:8480", io::ErrorKind::ConnectionRefused),
        // The hook of an outbound connect() can only say EPERM.
        (&space, "10.77.0.2:8481", io::ErrorKind::PermissionDenied),
    ];
    for (from, to, kind) in cases {
        // The time of connect() alone, not of the thread that enters.
        let (refused, took) = from
            .run(|| {
                let begin = Instant::now();
                let refused = std::net::TcpStream::connect(to).expect_err(to);
                Ok((refused, begin.elapsed()))
            })
            .expect("runs");
        assert_eq!(refused.kind(), kind, "{to}: {refused}");
        assert!(took < REFUSED_WITHIN, "{to}: refused after {took:?}");
        println!("{to} refused after {took:?}");
    }
    gateway::redirect::detach(&pins.pin_dir()).expect("detaches");
    assert!(
        space
            .ask("127.0.0.1:8480")
            .expect("open again")
            .starts_with("real")
    );
    assert!(
        space
            .ask("10.77.0.2:8481")
            .expect("open again")
            .starts_with("real")
    );
}

#[test]
fn kill9_fail_open_direct() {
    let Some(host) = Host::enter("kill9_fail_open_direct") else {
        return;
    };
    let ((space, remote), pins) = (Netns::pair(), BpfFs::mount());
    let _server = RealServer::start(&space, "[::]:8482");
    let _far = RealServer::start(&remote, "10.77.0.2:8483");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8482)];
    settings.outbound = vec!["10.77.0.2:8483".parse().expect("an address")];
    settings.fail = FailMode::Open;
    // Pinned: the programs decide. Not pinned: they are gone.
    for pin_dir in [Some(pins.pin_dir()), None] {
        settings.pin_dir = pin_dir;
        let gateway = Probe::gateway(&settings);
        for to in ["127.0.0.1:8482", "10.77.0.2:8483"] {
            assert!(space.ask(to).expect("answers").starts_with("gate"), "{to}");
        }
        gateway.kill();
        for to in ["127.0.0.1:8482", "10.77.0.2:8483"] {
            assert!(space.ask(to).expect("answers").starts_with("real"), "{to}");
        }
        gateway::redirect::detach(&pins.pin_dir()).expect("detaches");
    }
}

#[test]
fn empty_sockmap_closed_open() {
    let Some(host) = Host::enter("empty_sockmap_closed_open") else {
        return;
    };
    let space = Netns::new();
    let _server = RealServer::start(&space, "127.0.0.1:8484");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8484)];
    for (fail, reached) in [(FailMode::Closed, false), (FailMode::Open, true)] {
        settings.fail = fail;
        let mut gate = Gate::start(&settings);
        gate.stop_listening();
        assert_eq!(
            space
                .ask("127.0.0.1:8484")
                .is_ok_and(|l| l.starts_with("real")),
            reached
        );
        assert_eq!(gate.count(Reason::NoSocket), 1);
    }
}

#[test]
fn heartbeat_stale_closed_open() {
    let Some(host) = Host::enter("heartbeat_stale_closed_open") else {
        return;
    };
    let (space, remote) = Netns::pair();
    let _server = RealServer::start(&space, "127.0.0.1:8485");
    let _far = RealServer::start(&remote, "10.77.0.2:8486");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8485)];
    settings.outbound = vec!["10.77.0.2:8486".parse().expect("an address")];
    settings.heartbeat = Some(Duration::from_millis(500));
    for (fail, reached) in [(FailMode::Closed, false), (FailMode::Open, true)] {
        settings.fail = fail;
        let gate = Gate::start(&settings);
        for to in ["127.0.0.1:8485", "10.77.0.2:8486"] {
            gate.maps.beat().expect("beats");
            assert!(
                space.ask(to).expect("answers").starts_with("gate"),
                "fresh: {to}"
            );
        }
        std::thread::sleep(Duration::from_millis(550));
        for to in ["127.0.0.1:8485", "10.77.0.2:8486"] {
            let direct = space.ask(to).is_ok_and(|line| line.starts_with("real"));
            assert_eq!(direct, reached, "{fail:?} {to}");
        }
        // A packet that comes late for a connection that is gone counts as well.
        assert!(gate.count(Reason::Stale) >= 2);
        gate.maps.beat().expect("beats");
        assert!(
            space
                .ask("127.0.0.1:8485")
                .expect("answers")
                .starts_with("gate"),
            "again"
        );
    }
}
