//! The audit log on a real disk: kill -9, rotation, lock, and the commands.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use audit::{
    Action, AuditError, DecisionFacts, Direction, FindingFacts, Kind, Masked, Outcome, Raw, Record,
    Recorder, ResultFacts, Scrub, Ticket, Verdict, Who, WhoKind,
};
use gateway::trail::read::LogReader;
use gateway::trail::{Trail, TrailError, TrailSettings};

const ORIGIN: &str = "panward.test/host";
/// Environment of the writer that is killed.
const CHILD_DIR: &str = "PANWARD_TEST_WRITER_DIR";
const CHILD_FROM: &str = "PANWARD_TEST_WRITER_FROM";

struct Nothing;
impl Scrub for Nothing {
    fn scrub(&self, _: &mut [u8]) -> usize {
        0
    }
}

fn text(value: &str) -> Masked<String> {
    Raw::new(value.to_owned()).mask(&Nothing)
}

fn settings(dir: &Path) -> TrailSettings {
    TrailSettings {
        segment_bytes: 64 << 10,
        checkpoint_interval: Duration::from_millis(20),
        ..TrailSettings::new(dir, ORIGIN)
    }
}

fn numbered(n: u64) -> Record {
    let mut record = Record::new(Kind::McpCall, 1_790_000_000_000_000_000 + n);
    record.call = n;
    record.payload = Some(Raw::new(vec![b'x'; (n % 900) as usize]).mask(&Nothing));
    record
}

/// Waits for the receipt by looking, so that the test needs no waker.
fn wait(recorder: &Recorder, ticket: &Ticket) {
    let start = Instant::now();
    while recorder.receipt(ticket).is_none() {
        assert!(start.elapsed() < Duration::from_secs(20), "no receipt");
        std::thread::sleep(Duration::from_micros(50));
    }
}

fn panward(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_panward"))
        .args(args)
        .output()
        .unwrap()
}

fn verify(dir: &Path, key: Option<&str>) -> (i32, String) {
    let mut args = vec!["verify", dir.to_str().unwrap(), "--json"];
    args.extend(key.map(|_| "--key"));
    args.extend(key);
    let output = panward(&args);
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

fn all(dir: &Path) -> Vec<(u64, Record)> {
    let mut reader = LogReader::open(dir, None).unwrap();
    let mut found = Vec::new();
    while let Some(group) = reader.next_group().unwrap() {
        found.extend(
            group
                .into_iter()
                .map(|(seq, record)| (seq, record.unwrap())),
        );
    }
    found
}

/// A writer for the test below: prints each number once its record is on disk.
#[test]
fn writer_child() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else {
        return;
    };
    let from: u64 = std::env::var(CHILD_FROM).unwrap().parse().unwrap();
    let (recorder, _handle) = Trail::open(settings(Path::new(&dir))).unwrap();
    let (tx, rx) = mpsc::sync_channel(1);
    // Full = the waiter has a wake-up to come.
    recorder.set_waker(Box::new(move |_| tx.try_send(()).unwrap_or_default()));
    let mut out = std::io::stdout();
    let mut waiting = Vec::new();
    for n in from.. {
        waiting.push((n, recorder.record(&numbered(n)).unwrap()));
        if n % 7 == 0 {
            continue;
        }
        while waiting
            .iter()
            .any(|(_, ticket)| recorder.receipt(ticket).is_none())
        {
            rx.recv().unwrap();
        }
        for (n, _) in waiting.drain(..) {
            writeln!(out, "ack {n}").unwrap();
        }
        out.flush().unwrap();
    }
}

fn spawn_writer(dir: &Path, from: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer_child", "--nocapture"])
        .env(CHILD_DIR, dir)
        .env(CHILD_FROM, from.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn kill_9_loses_no_acknowledged_record() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("log");
    let rounds = 12;
    let mut acknowledged = HashSet::new();
    for round in 0..rounds {
        let mut child = spawn_writer(&dir, round * 1_000_000 + 1);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut take = |line: String| {
            if let Some(n) = line.strip_prefix("ack ") {
                acknowledged.insert(n.parse::<u64>().unwrap());
            }
        };
        let enough = 20 + round as usize * 37;
        for line in lines.by_ref().take(enough) {
            take(line.unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What stands in the pipe was acknowledged too.
        let mut rest: Vec<String> = lines.map_while(Result::ok).collect();
        // Its last line may be cut short by the kill.
        rest.pop();
        rest.into_iter().for_each(take);
    }
    let (recorder, handle) = Trail::open(settings(&dir)).unwrap();
    assert!(handle.recovered_torn_bytes().is_some());
    wait(&recorder, &recorder.record(&numbered(99_000_000)).unwrap());
    handle.stop().unwrap();

    let found = all(&dir);
    let calls: HashSet<u64> = found.iter().map(|(_, record)| record.call).collect();
    let lost: Vec<_> = acknowledged.difference(&calls).collect();
    assert!(lost.is_empty(), "lost {lost:?}");
    assert!(acknowledged.len() > 1_000, "{}", acknowledged.len());
    assert!(
        found
            .iter()
            .enumerate()
            .all(|(n, (seq, _))| n as u64 == *seq),
        "gapless"
    );
    let recoveries = found
        .iter()
        .filter(|(_, r)| r.kind == Kind::AuditRecovered)
        .count();
    assert_eq!(recoveries as u64, rounds);
    let (code, report) = verify(&dir, None);
    assert_eq!(code, 0, "{report}");
}

#[test]
fn a_second_writer_is_refused_and_a_closed_log_goes_on() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("log");
    let (recorder, handle) = Trail::open(settings(&dir)).unwrap();
    let error = Trail::open(settings(&dir)).map(|_| ()).unwrap_err();
    assert!(matches!(error, TrailError::Locked(_)));
    assert!(
        error.to_string().contains("another process is writing"),
        "{error}"
    );
    wait(&recorder, &recorder.record(&numbered(1)).unwrap());
    handle.stop().unwrap();
    assert_eq!(recorder.record(&numbered(2)), Err(AuditError::Closed));

    let (recorder, handle) = Trail::open(settings(&dir)).unwrap();
    assert_eq!(handle.recovered_torn_bytes(), None);
    wait(&recorder, &recorder.record(&numbered(3)).unwrap());
    handle.stop().unwrap();
    assert_eq!(verify(&dir, None).0, 0);

    let mut other = settings(&dir);
    other.origin = "panward.test/other".into();
    assert!(matches!(
        Trail::open(other),
        Err(TrailError::Mismatch { what: "origin", .. })
    ));
}

#[test]
fn permissions_are_tight() {
    use std::os::unix::fs::PermissionsExt;
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("log");
    closed_log(&dir, 1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir) & !0o750, 0);
    assert_eq!(mode(&dir.join("checkpoint.key")), 0o600);
    assert_eq!(mode(&dir.join("segment-000000000001.pwseg")) & !0o640, 0);
}

/// A log of several segments, closed; gives the key.
fn closed_log(dir: &Path, records: u64) -> String {
    let (recorder, handle) = Trail::open(settings(dir)).unwrap();
    for n in 1..=records {
        wait(&recorder, &recorder.record(&numbered(n)).unwrap());
    }
    let key = handle.verifier().encode();
    handle.stop().unwrap();
    key
}

#[test]
fn verify_exit_codes() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("log");
    let key = closed_log(&dir, 400);
    let (code, report) = verify(&dir, Some(&key));
    assert_eq!(code, 0, "{report}");
    let segments = gateway::trail::directory::segments(&dir).unwrap();
    assert!(segments.len() >= 3);

    let middle = &segments[1].1;
    let good = fs::read(middle).unwrap();
    let mut bad = good.clone();
    bad[20_000] ^= 1;
    fs::write(middle, &bad).unwrap();
    let (code, report) = verify(&dir, Some(&key));
    assert_eq!(code, 1, "{report}");
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let first_bad = report["first_bad_seq"].as_u64().unwrap();
    assert!(report["records"].as_u64().unwrap() <= first_bad && first_bad < 400);
    fs::write(middle, &good).unwrap();

    let last = &segments[segments.len() - 1].1;
    let whole = fs::read(last).unwrap();
    // Into the seal: every record is there, the end is not.
    fs::write(last, &whole[..whole.len() - 50]).unwrap();
    assert_eq!(verify(&dir, Some(&key)).0, 2);
    fs::write(last, &whole).unwrap();

    fs::remove_file(last).unwrap();
    assert_eq!(verify(&dir, Some(&key)).0, 3);
    let error = Trail::open(settings(&dir)).map(|_| ()).unwrap_err();
    assert!(matches!(error, TrailError::RolledBack { .. }), "{error}");
    fs::write(last, &whole).unwrap();

    let other = tmp.path().join("other");
    let other_key = closed_log(&other, 1);
    assert_eq!(verify(&dir, Some(&other_key)).0, 4);
    assert_eq!(
        verify(&dir, Some(other.join("log.vkey").to_str().unwrap())).0,
        4
    );
    assert_eq!(verify(&tmp.path().join("nowhere"), Some(&key)).0, 5);
    assert_eq!(verify(&dir, Some(&key)).0, 0);
}

#[test]
fn tail_follows_across_rotation() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("log");
    let (recorder, handle) = Trail::open(settings(&dir)).unwrap();
    wait(&recorder, &recorder.record(&numbered(1)).unwrap());
    let mut tail = Command::new(env!("CARGO_BIN_EXE_panward"))
        .args([
            "tail",
            dir.to_str().unwrap(),
            "-f",
            "--json",
            "--last",
            "1000",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let (tx, rx) = mpsc::channel();
    std::thread::spawn(move || {
        lines
            .map_while(Result::ok)
            .try_for_each(|line| tx.send(line))
    });
    for n in 2..=400 {
        wait(&recorder, &recorder.record(&numbered(n)).unwrap());
    }
    let mut next = 0;
    loop {
        let line = rx
            .recv_timeout(Duration::from_secs(20))
            .expect("a line for each record");
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["seq"], next);
        next += 1;
        if object["call"] == 400 {
            break;
        }
    }
    handle.stop().unwrap();
    tail.kill().unwrap();
    tail.wait().unwrap();
    assert!(gateway::trail::directory::segments(&dir).unwrap().len() >= 3);
}

#[test]
fn tail_ends_quietly_when_its_reader_is_gone() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("log");
    closed_log(&dir, 600);
    let mut tail = Command::new(env!("CARGO_BIN_EXE_panward"))
        .args(["tail", dir.to_str().unwrap(), "--last", "100000", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(tail.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let output = tail.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

fn call(n: u64, id: &str, tool: &str, verdict: Verdict) -> Record {
    let mut call = Record::new(Kind::McpCall, 1_798_761_599_000_000_000 + n);
    (call.flow, call.call, call.session) = (5, n, Some(text("s-1")));
    call.who = Some(Who {
        kind: WhoKind::User,
        id: text(id),
        issuer: None,
        method: "oidc".into(),
        groups: vec![],
        token_id: None,
        key_id: None,
        process: None,
    });
    call.action = Some(Action {
        server: "crm".into(),
        method: text("tools/call"),
        target: Some(text(tool)),
        rpc_id: None,
        protocol_version: None,
        http_method: None,
    });
    call.decision = Some(DecisionFacts {
        verdict,
        reason: 0,
        reason_name: "policy_forbid".into(),
        policies: vec![],
        policy_set: [0; 32],
        enforced: true,
    });
    call
}

fn result(n: u64) -> Record {
    let mut result = Record::new(Kind::McpResult, 1_798_761_599_500_000_000);
    (result.flow, result.call) = (5, n);
    result.findings = vec![FindingFacts {
        direction: Direction::Response,
        offset: 9,
        kind: "pan".into(),
        brand: "visa".into(),
        confidence: "high".into(),
        shown: text("411111******1111"),
        masked: true,
        path: None,
        test_pan: false,
        suppressed: None,
    }];
    result.result = Some(ResultFacts {
        http_status: 200,
        outcome: Outcome::Ok,
        request_bytes: 1,
        response_bytes: 2,
        duration_ns: 12_300_000,
        events: 1,
        masked: 1,
        reason: 400,
    });
    result
}

/// One call that was allowed, one that was denied, one answer.
fn calls(dir: &Path) {
    let (recorder, handle) = Trail::open(settings(dir)).unwrap();
    for record in [
        call(1, "alice", "lookup_customer", Verdict::Allow),
        call(2, "bob", "delete_customer", Verdict::Deny),
        result(1),
    ] {
        wait(&recorder, &recorder.record(&record).unwrap());
    }
    handle.stop().unwrap();
}

#[test]
fn tail_filters() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("log");
    calls(&dir);
    let tail = |args: &[&str]| {
        let output = panward(&[&["tail", dir.to_str().unwrap()], args].concat());
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let alice = tail(&["--subject", "al*"]);
    assert_eq!(
        alice.lines().count(),
        2,
        "the result is joined to its call: {alice}"
    );
    let result = alice.lines().last().unwrap();
    for word in [
        "2026-12-31T23:59:59.500Z",
        "mcp.result",
        "allow",
        "alice",
        "crm",
        "lookup_customer",
    ] {
        assert!(result.contains(word), "{word}: {result}");
    }
    assert!(
        result.ends_with("masked visa 411111******1111 12.3ms"),
        "{result}"
    );
    let denied = tail(&["--decision", "deny,hold"]);
    assert!(
        denied.contains("bob") && denied.contains("policy_forbid"),
        "{denied}"
    );
    assert_eq!(denied.lines().count(), 1);
    let last = tail(&["--tool", "*_customer", "--server", "crm", "--last", "1"]);
    assert_eq!(last.lines().count(), 1);
    assert_eq!(tail(&["--server", "other"]), "");
}

#[test]
fn sessions_add_up() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("log");
    calls(&dir);
    let output = panward(&["sessions", dir.to_str().unwrap(), "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let facts = |n: usize| ["who", "server", "session"].map(|key| lines[n][key].as_str().unwrap());
    let counts = |n: usize| ["calls", "denied", "findings"].map(|key| lines[n][key].as_u64());
    assert_eq!(lines.len(), 2);
    assert_eq!(facts(0), ["alice", "crm", "s-1"]);
    assert_eq!(counts(0), [Some(1), Some(0), Some(1)]);
    assert_eq!(facts(1), ["bob", "crm", "s-1"]);
    assert_eq!(counts(1), [Some(1), Some(1), Some(0)]);
}
