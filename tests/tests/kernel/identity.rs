//! Which process on this host is calling.

use std::{
    os::unix::fs::MetadataExt,
    sync::atomic::{AtomicUsize, Ordering},
};

use gateway::redirect::InRule;

use crate::{
    gate::{Gate, destination, fact},
    host::{Host, Netns},
    probe::Probe,
};

#[test]
fn identity_pid_uid_cgroup_comm_local() {
    let Some(host) = Host::enter("identity_pid_uid_cgroup_comm_local") else {
        return;
    };
    let space = Netns::new();
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8380)];
    let _gate = Gate::start(&settings);
    // A process of its own, as nobody (65534).
    let mut client = Probe::client(&space, "127.0.0.1:8380", 65_534);
    let line = client.go();
    let cgroup_id = std::fs::metadata(&host.cgroup)
        .expect("there")
        .ino()
        .to_string();
    let exe = std::env::current_exe()
        .expect("has one")
        .display()
        .to_string();
    // The connecting thread is called mcp-client; the process is not.
    let process = std::fs::read_to_string(format!("/proc/{}/comm", client.pid()));
    let process = process.expect("alive").trim_end().to_owned();
    assert_ne!(process, "mcp-client");
    for (key, expected) in [
        ("pid", client.pid().to_string().as_str()),
        ("uid", "65534"),
        ("gid", "65534"),
        ("cgroup_id", &cgroup_id),
        ("comm", &process),
        ("exe", &exe),
    ] {
        assert_eq!(fact(&line, key), expected, "{key} in {line}");
    }
    let name = host
        .cgroup
        .file_name()
        .expect("has one")
        .to_string_lossy()
        .into_owned();
    assert!(fact(&line, "cgroup").ends_with(&name), "{line}");
}

#[test]
fn identity_across_netns_and_none_for_those_outside() {
    let name = "identity_across_netns_and_none_for_those_outside";
    let Some(host) = Host::enter(name) else {
        return;
    };
    let (space, remote) = Netns::pair();
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8381)];
    let _gate = Gate::start(&settings);
    for to in ["10.77.0.1:8381", "[fd77::1]:8381"] {
        let mut client = Probe::client(&remote, to, 0);
        let line = client.go();
        assert_eq!(fact(&line, "pid"), client.pid().to_string(), "{line}");
        // A client that no hook sees is as good as one on another host.
        let mut client = Probe::client(&remote, to, 0);
        crate::host::move_into(host.outside(), client.pid()).expect("moves");
        let line = client.go();
        assert!(
            destination(&line) == to && line.ends_with(" remote"),
            "{line}"
        );
    }
}

#[test]
fn identity_race_2k_connects_no_mismatch() {
    let Some(host) = Host::enter("identity_race_2k_connects_no_mismatch") else {
        return;
    };
    let space = Netns::new();
    let mut settings = host.settings(&space);
    settings.inbound = vec![InRule::any_address(8382)];
    settings.outbound = vec!["192.0.2.9:443".parse().expect("an address")];
    let _gate = Gate::start(&settings);
    let right = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for to in [
            "127.0.0.1:8382",
            "192.0.2.9:443",
            "127.0.0.1:8382",
            "192.0.2.9:443",
        ] {
            let (right, space) = (&right, &space);
            scope.spawn(move || {
                space
                    .run(|| {
                        let tid = rustix::thread::gettid().as_raw_nonzero().to_string();
                        for _ in 0..500 {
                            let stream = std::net::TcpStream::connect(to)?;
                            let line = crate::host::first_line(&stream)?;
                            let same = fact(&line, "tid") == tid && destination(&line) == to;
                            right.fetch_add(usize::from(same), Ordering::Relaxed);
                        }
                        Ok(())
                    })
                    .expect("connects");
            });
        }
    });
    assert_eq!(right.into_inner(), 2_000);
}
