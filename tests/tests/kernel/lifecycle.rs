//! Pins, taking over, taking off; what the programs log and cost.

use std::{
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex},
};

use gateway::{
    redirect::{InRule, RedirectError, attach, detach},
    sys::bpf,
};

use crate::{
    gate::{Gate, destination},
    host::{BpfFs, Host, Netns, RealServer, first_line},
    probe::Probe,
};

/// So that a run on another object (`cargo xtask test --full`) is one.
#[test]
fn the_object_under_test_is_the_one_asked_for() {
    let loaded = gateway::redirect::object_sha256();
    let asked = match std::env::var_os("PANWARD_EBPF_OBJ") {
        Some(file) => {
            let bytes = std::fs::read(&file).expect("readable");
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
            digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
        }
        None => {
            let manifest = include_str!("../../../gateway-ebpf/object/manifest.json");
            let manifest: serde_json::Value = serde_json::from_str(manifest).expect("json");
            manifest["object_sha256"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        }
    };
    assert_eq!(loaded, asked);
    println!("object {loaded}");
}

#[test]
fn loader_exit_links_survive_and_readopt_after_kill9() {
    let name = "loader_exit_links_survive_and_readopt_after_kill9";
    let Some(host) = Host::enter(name) else {
        return;
    };
    let (space, pins) = (Netns::new(), BpfFs::mount());
    let _server = RealServer::start(&space, "127.0.0.1:8580");
    let _other = RealServer::start(&space, "127.0.0.1:8581");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8580)];
    settings.pin_dir = Some(pins.pin_dir());
    Probe::gateway(&settings).kill();
    assert!(
        space.ask("127.0.0.1:8580").is_err(),
        "links survive, closed"
    );
    let links = |dir: &Path| -> Vec<String> {
        let names = std::fs::read_dir(dir.join("v1"))
            .expect("pins")
            .map(|entry| {
                entry
                    .expect("entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            });
        let mut names: Vec<String> = names.filter(|name| name.starts_with("link_")).collect();
        names.sort();
        names
    };
    let before = links(&pins.pin_dir());
    assert_eq!(before.len(), 8, "{before:?}");
    // Taken over, with another rule: the old one is gone, nothing is doubled.
    settings.inbound = vec![InRule::any_address(8581)];
    let gate = Gate::start(&settings);
    assert!(gate.held.is_whole());
    assert_eq!(links(&pins.pin_dir()), before);
    assert_eq!(
        destination(&space.ask("127.0.0.1:8581").expect("answers")),
        "127.0.0.1:8581"
    );
    assert!(
        space
            .ask("127.0.0.1:8580")
            .expect("answers")
            .starts_with("real")
    );
    assert_eq!(
        gate.count(gateway_common::Reason::Steered),
        1,
        "programs run once, not twice"
    );
    drop(gate);
    // A graceful end leaves a closed host closed too.
    assert!(space.ask("127.0.0.1:8581").is_err());
    assert_eq!(detach(&pins.pin_dir()).expect("detaches"), 8);
    assert_eq!(detach(&pins.pin_dir()).expect("again"), 0);
    assert!(
        space
            .ask("127.0.0.1:8581")
            .expect("answers")
            .starts_with("real")
    );
}

#[test]
fn pins_are_0600() {
    let Some(host) = Host::enter("pins_are_0600") else {
        return;
    };
    let (space, pins) = (Netns::new(), BpfFs::mount());
    let mut settings = host.settings(&space);
    settings.pin_dir = Some(pins.pin_dir());
    let _gate = Gate::start(&settings);
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o7777;
    let dir = pins.pin_dir().join("v1");
    assert_eq!((mode(&pins.pin_dir()), mode(&dir)), (0o700, 0o700));
    let mut seen = 0;
    for entry in std::fs::read_dir(&dir).expect("pins") {
        let path = entry.expect("entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        seen += 1;
    }
    assert_eq!(seen, 15 + 8, "maps and links");
}

#[test]
fn detach_keeps_established_and_works_while_a_gateway_runs() {
    let name = "detach_keeps_established_and_works_while_a_gateway_runs";
    let Some(host) = Host::enter(name) else {
        return;
    };
    let (space, pins) = (Netns::new(), BpfFs::mount());
    let _server = RealServer::start(&space, "127.0.0.1:8582");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8582)];
    settings.pin_dir = Some(pins.pin_dir());
    let gate = Gate::start(&settings);
    let mut stream = space.connect("127.0.0.1:8582").expect("connects");
    assert!(first_line(&stream).expect("answers").starts_with("gate"));
    assert_eq!(detach(&pins.pin_dir()).expect("detaches"), 8);
    assert!(!gate.held.is_whole(), "the running gateway can see it");
    stream.write_all(b"still here").expect("writes");
    let mut echo = [0; 10];
    stream.read_exact(&mut echo).expect("echoed");
    assert_eq!(&echo, b"still here");
    assert!(
        space
            .ask("127.0.0.1:8582")
            .expect("answers")
            .starts_with("real"),
        "new ones"
    );
    assert!(!pins.pin_dir().exists(), "no pin is left, nor their folder");
}

#[test]
fn foreign_abi_second_gateway_and_plain_directories_are_refused() {
    let name = "foreign_abi_second_gateway_and_plain_directories_are_refused";
    let Some(host) = Host::enter(name) else {
        return;
    };
    let (space, pins) = (Netns::new(), BpfFs::mount());
    let mut settings = host.settings(&space);
    let plain = tempfile::tempdir().expect("a directory");
    settings.pin_dir = Some(plain.path().to_owned());
    let error = attach(&settings).expect_err("not a bpf file system");
    assert!(error.to_string().contains("mount -t bpf bpf"), "{error}");
    settings.pin_dir = Some(pins.pin_dir());
    let gate = Gate::start(&settings);
    let error = attach(&settings).expect_err("in use");
    assert!(matches!(error, RedirectError::InUse { .. }), "{error}");
    drop(gate);
    std::fs::create_dir(pins.pin_dir().join("v999")).expect("creates");
    let error = attach(&settings).expect_err("other layout");
    assert!(matches!(error, RedirectError::ForeignAbi { .. }), "{error}");
    detach(&pins.pin_dir()).expect("detaches every version");
    settings.listen_port_v4 = 8586;
    settings.inbound = vec![InRule::any_address(8586)];
    let error = attach(&settings).expect_err("its own port");
    assert!(matches!(error, RedirectError::Settings(_)), "{error}");
    settings.cgroup = plain.path().to_owned();
    let error = attach(&settings).expect_err("not a cgroup");
    assert!(matches!(error, RedirectError::NotCgroup2 { .. }), "{error}");
    settings.cgroup = host.cgroup.join("inner");
    std::fs::create_dir(&settings.cgroup).expect("creates");
    let error = attach(&settings).expect_err("we are not in there");
    std::fs::remove_dir(&settings.cgroup).expect("removes");
    assert!(
        matches!(error, RedirectError::OutsideCgroup { .. }),
        "{error}"
    );
}

#[test]
fn lost_cgroup_links_do_not_go_unnoticed() {
    let Some(host) = Host::enter("lost_cgroup_links_do_not_go_unnoticed") else {
        return;
    };
    let (space, pins) = (Netns::new(), BpfFs::mount());
    let mut settings = host.settings(&space);
    settings.pin_dir = Some(pins.pin_dir());
    let gate = Gate::start(&settings);
    assert!(gate.held.is_whole());
    let link = bpf::open_pin(&pins.pin_dir().join("v1/link_connect4")).expect("pinned");
    bpf::detach_link(std::os::fd::AsFd::as_fd(&link)).expect("taken off");
    assert!(!gate.held.is_whole());
    drop(gate);
    // Taking over puts a new link in the place of the dead one.
    assert!(Gate::start(&settings).held.is_whole());
}

/// A place for log lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Message(String);
        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().expect("whole").push(message.0);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn full_bypass_table_is_logged_and_never_loops() {
    let Some(host) = Host::enter("full_bypass_table_is_logged_and_never_loops") else {
        return;
    };
    let lines = Lines::default();
    // The log thread is not ours, so the subscriber is the process's.
    tracing::subscriber::set_global_default(lines.clone()).expect("the only one");
    let (space, pins) = (Netns::new(), BpfFs::mount());
    let _server = RealServer::start(&space, "127.0.0.1:8583");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8583)];
    settings.pin_dir = Some(pins.pin_dir());
    let gate = Gate::start(&settings);
    let table: bpf::Map<gateway_common::FlowTuple, u32> =
        bpf::Map::open(&pins.pin_dir().join("v1/BYPASS")).expect("opens");
    for scope in 0..u64::from(gateway_common::TUPLES_MAX) {
        let key = gateway_common::FlowTuple {
            scope: scope << 32,
            ..Default::default()
        };
        table.update(&key, &0).expect("has room");
    }
    let line = space
        .run(|| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
            gate.maps.exempt(std::os::fd::AsFd::as_fd(&socket))?;
            socket.connect(
                &"127.0.0.1:8583"
                    .parse::<std::net::SocketAddr>()
                    .expect("one")
                    .into(),
            )?;
            first_line(&socket.into())
        })
        .expect("connects");
    assert_eq!(
        line, "refused own_tuple",
        "came back to the gateway, which knows it"
    );
    let begin = std::time::Instant::now();
    let logged = || {
        lines
            .0
            .lock()
            .expect("whole")
            .iter()
            .any(|l| l.contains("no room in BYPASS"))
    };
    while !logged() {
        assert!(begin.elapsed() < crate::host::LIMIT, "{:?}", lines.0.lock());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn program_cost_is_printed() {
    let Some(host) = Host::enter("program_cost_is_printed") else {
        return;
    };
    let space = Netns::new();
    let _server = RealServer::start(&space, "127.0.0.1:8584");
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8585)];
    settings.outbound = vec!["192.0.2.1:443".parse().expect("an address")];
    let gate = Gate::start(&settings);
    let stats = bpf::enable_stats().expect("on");
    for (label, to) in [
        ("no match", "127.0.0.1:8584"),
        ("inbound", "127.0.0.1:8585"),
        ("outbound", "192.0.2.1:443"),
    ] {
        let before = gate.held.costs().expect("reads");
        space
            .run(|| {
                for _ in 0..2_000 {
                    std::net::TcpStream::connect(to)?;
                }
                Ok(())
            })
            .expect("connects");
        for (old, new) in before.iter().zip(gate.held.costs().expect("reads")) {
            let runs = new.runs - old.runs;
            if let Some(each) = (new.total_ns - old.total_ns).checked_div(runs) {
                println!("{label}: {} {each} ns per run, {runs} runs", new.program);
                assert!(each < 10_000, "{} took {each} ns", new.program);
            }
        }
    }
    drop(stats);
}
