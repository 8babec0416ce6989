//! The encoding of records is pinned by bytes: what was once written stays readable.

mod common;

use std::net::SocketAddr;

use audit::*;
use common::text;
use proptest::prelude::*;

/// Every field of the format in one record.
fn full() -> Record {
    let process = Process {
        pid: 4242,
        uid: 1000,
        gid: 100,
        cgroup_id: 77_001,
        comm: text("agent"),
        exe: Some(text("/usr/bin/agent")),
        unit: Some(text("agent.service")),
    };
    let address = |s: &str| s.parse::<SocketAddr>().unwrap();
    Record {
        kind: Kind::McpResult,
        time_unix_ns: 1_790_000_000_123_456_789,
        flow: 17,
        call: 900,
        session: Some(text("s-1")),
        who: Some(Who {
            kind: WhoKind::User,
            id: text("alice"),
            issuer: Some(text("https://issuer.example")),
            method: "oidc".into(),
            groups: vec![text("support"), text("tier1")],
            token_id: Some(text("jti-5")),
            key_id: Some(text("kid-2")),
            process: Some(process.clone()),
        }),
        origin: Some(Origin {
            client: address("192.0.2.7:40001"),
            destination: address("[2001:db8::1]:443"),
            transport: "tls1.3".into(),
            process: Some(process),
        }),
        action: Some(Action {
            server: "crm".into(),
            method: text("tools/call"),
            target: Some(text("lookup_customer")),
            rpc_id: Some(text("12")),
            protocol_version: Some(text("2025-06-18")),
            http_method: Some(text("POST")),
        }),
        decision: Some(DecisionFacts {
            verdict: Verdict::Allow,
            reason: 0,
            reason_name: "ok".into(),
            policies: vec!["support-reads".into()],
            policy_set: [0xab; 32],
            enforced: true,
        }),
        findings: vec![FindingFacts {
            direction: Direction::Response,
            offset: 345,
            kind: "pan".into(),
            brand: "visa".into(),
            confidence: "high".into(),
            shown: text("411111******1111"),
            masked: true,
            path: Some(text("$.result.content[0].text")),
            test_pan: true,
            suppressed: Some("orders".into()),
        }],
        result: Some(ResultFacts {
            http_status: 200,
            outcome: Outcome::RpcError(-32_603),
            request_bytes: 120,
            response_bytes: 70_000,
            duration_ns: 12_345_678,
            events: 3,
            masked: 1,
            reason: 400,
        }),
        payload: Some(Raw::new(b"{\"card\":\"411111******1111\"}".to_vec()).mask(&common::Nothing)),
        note: Some(text("a note")),
    }
}

fn golden(name: &str, found: &str) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap();
    if name.ends_with(".json") {
        // The order of keys depends on how serde_json was built; JSON has none.
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        return assert_eq!(parse(&wanted), parse(found), "{name}");
    }
    assert_eq!(wanted, found, "{name}");
}

#[test]
fn bytes_and_json_of_a_full_and_an_empty_record() {
    for (name, record) in [
        ("full", full()),
        ("empty", Record::new(Kind::GatewayStart, 1)),
    ] {
        let bytes = record.encode();
        let hex: Vec<String> = bytes
            .chunks(32)
            .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect())
            .collect();
        golden(&format!("record-{name}.hex"), &(hex.join("\n") + "\n"));
        golden(
            &format!("record-{name}.json"),
            &format!("{:#}\n", record.to_json()),
        );
        assert_eq!(Record::decode(&bytes), Ok(record));
    }
}

/// A record as it was written before findings had paths, test marks and suppressions.
#[test]
fn records_of_older_writers_stay_readable() {
    let hex = include_str!("golden/record-without-paths.hex").replace('\n', "");
    let bytes: Vec<u8> = hex
        .as_bytes()
        .chunks(2)
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect();
    assert_eq!(Record::decode(&bytes), Ok(without_paths()));
    assert_eq!(without_paths().encode(), bytes, "nothing absent is written");
}

fn without_paths() -> Record {
    let mut record = full();
    let finding = &mut record.findings[0];
    (finding.path, finding.test_pan, finding.suppressed) = (None, false, None);
    record
}

/// What a later version adds is skipped; another record version is named.
#[test]
fn unknown_keys_are_skipped_and_unknown_versions_refused() {
    // {0: 1, 1: 1, 2: 1, 99: [1, {2: 3}]}
    let later = [0xa4, 0, 1, 1, 1, 2, 1, 0x18, 99, 0x82, 1, 0xa1, 2, 3];
    assert_eq!(
        Record::decode(&later),
        Ok(Record::new(Kind::GatewayStart, 1))
    );
    assert_eq!(
        Record::decode(&[0xa3, 0, 2, 1, 1, 2, 1]),
        Err(RecordError::Version(2))
    );
    assert_eq!(
        Record::decode(&[0xa3, 0, 1, 2, 1, 1, 1]),
        Err(RecordError::Malformed),
        "key order"
    );
    let unknown = Record::decode(&[0xa3, 0, 1, 1, 0x19, 1, 0, 2, 1]).unwrap();
    assert_eq!(unknown.kind, Kind::Unknown(256));
}

proptest! {
    #[test]
    fn decoding_takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(record) = Record::decode(&bytes) {
            prop_assert_eq!(Record::decode(&record.encode()), Ok(record));
        }
    }

    /// Damage to an encoded record is refused or gives some other record, never a panic.
    #[test]
    fn decoding_takes_damaged_records(at in 0usize..600, byte in any::<u8>(), cut in 0usize..700) {
        let mut bytes = full().encode();
        let len = bytes.len();
        bytes[at % len] = byte;
        bytes.truncate(cut.max(1));
        if let Ok(record) = Record::decode(&bytes) {
            prop_assert_eq!(Record::decode(&record.encode()), Ok(record));
        }
    }
}

/// A log written by version 1, closed in good order: it verifies for ever.
#[test]
fn a_log_of_version_1_stays_verifiable() {
    let dir = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/log-v1");
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !dir.exists() {
        // Once. A new version of the format adds a directory beside it.
        let mut world = common::World::new(5_500);
        for n in 0..4 {
            let _ticket = world.recorder.record(&full()).unwrap();
            world.group(n * 3..n * 3 + 3);
        }
        world.finish();
        std::fs::create_dir_all(&dir).unwrap();
        for (index, bytes) in &world.store.segments {
            std::fs::write(dir.join(format!("segment-{index:012}.pwseg")), bytes).unwrap();
        }
        let image = common::Image::of(&world.store);
        std::fs::write(dir.join("checkpoints"), image.checkpoints).unwrap();
        std::fs::write(dir.join("log.vkey"), world.key.encode() + "\n").unwrap();
    }
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
    let text = |name: &str| String::from_utf8(read(name)).unwrap();
    let key = VerifierKey::parse(&text("log.vkey")).unwrap();
    let segments = (1..=4)
        .map(|n| read(&format!("segment-{n:012}.pwseg")))
        .collect();
    let image = common::Image {
        segments,
        checkpoints: text("checkpoints"),
        latest: None,
    };
    let report = image.verify(&key);
    assert_eq!(
        (report.status, report.signed_size),
        (Status::Ok, 20),
        "{report:?}"
    );
    let first = &image.segments[0];
    let salt = frame::Salt::of(first).unwrap();
    let Step::Group(group) = read_group(&first[frame::HEADER_BYTES..], salt, 0) else {
        panic!("the first group");
    };
    assert_eq!(Record::decode(group.records[1]), Ok(without_paths()));
}
