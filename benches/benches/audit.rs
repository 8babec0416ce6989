//! Cost of the audit log.
//!
//! - `record`: encode, checksum, leaf hash, hand over: what the proxy's thread pays
//!   for one record (a tools/call with one finding, about 440 bytes);
//! - `commit/memory`: tree, frames, root for groups of 1, 64 and 1024 records on a
//!   store in memory: the writer's CPU;
//! - `durable/file`: hand over and wait for the receipt, groups of 1, 64 and 1024,
//!   through the writer thread and a real file: one write and one fdatasync each;
//! - `verify`: checking a segment of 10,000 records.
//!
//! Records differ in every iteration. What is on disk at the end of `durable/file` is
//! verified.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use audit::{
    Action, Bounds, DecisionFacts, Direction, FindingFacts, Kind, Log, Masked, MemoryStore,
    Outcome, Raw, Record, ResultFacts, Scrub, Signer, Status, Time, Verdict, Verifier, Who,
    WhoKind, channel,
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gateway::trail::{Trail, TrailSettings, directory};

struct Nothing;
impl Scrub for Nothing {
    fn scrub(&self, _: &mut [u8]) -> usize {
        0
    }
}

fn text(value: &str) -> Masked<String> {
    Raw::new(value.to_owned()).mask(&Nothing)
}

fn record(n: u64) -> Record {
    let mut record = Record::new(Kind::McpResult, 1_790_000_000_000_000_000 + n);
    record.flow = n / 10;
    record.call = n;
    record.session = Some(text("2f0c6f0e-7d1c-4b0e-9a53-2f4c1f6f9d10"));
    record.who = Some(Who {
        kind: WhoKind::User,
        id: text("alice@example.com"),
        issuer: Some(text("https://issuer.example.com/realms/agents")),
        method: "oidc".into(),
        groups: vec![text("support")],
        token_id: Some(text("b7e0c9ac-4b0e-4a6f")),
        key_id: None,
        process: None,
    });
    record.action = Some(Action {
        server: "crm".into(),
        method: text("tools/call"),
        target: Some(text("lookup_customer")),
        rpc_id: Some(text("1234")),
        protocol_version: Some(text("2025-06-18")),
        http_method: Some(text("POST")),
    });
    record.decision = Some(DecisionFacts {
        verdict: Verdict::Allow,
        reason: 0,
        reason_name: "ok".into(),
        policies: vec!["support-reads".into()],
        policy_set: [7; 32],
        enforced: true,
    });
    record.findings = vec![FindingFacts {
        direction: Direction::Response,
        offset: 345,
        kind: "pan".into(),
        brand: "visa".into(),
        confidence: "high".into(),
        shown: text("411111******1111"),
        masked: true,
        path: None,
        test_pan: false,
        suppressed: None,
    }];
    record.result = Some(ResultFacts {
        http_status: 200,
        outcome: Outcome::Ok,
        request_bytes: 200,
        response_bytes: 4_000,
        duration_ns: 12_345_678,
        events: 1,
        masked: 1,
        reason: 400,
    });
    record
}

fn hand_over(c: &mut Criterion) {
    /// Records between two empty queues; making them is not measured.
    const BATCH: u64 = 1_000;
    let mut n = 0;
    let mut group = c.benchmark_group("audit/record");
    group.throughput(Throughput::Elements(1));
    group.bench_function("encode_crc_leaf_queue", |b| {
        b.iter_custom(|rounds| {
            let mut elapsed = Duration::ZERO;
            let mut left = rounds;
            while left > 0 {
                let batch: Vec<Record> = (0..left.min(BATCH)).map(|i| record(n + i)).collect();
                let (recorder, _committer) = channel(Bounds::default());
                let start = Instant::now();
                for record in &batch {
                    let _ticket = recorder.record(record).unwrap();
                }
                elapsed += start.elapsed();
                left -= batch.len() as u64;
                n += BATCH;
            }
            elapsed
        });
    });
    group.finish();
}

fn commit(c: &mut Criterion) {
    let mut group = c.benchmark_group("audit/commit/memory");
    for size in [1u64, 64, 1024] {
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("group_{size}"), |b| {
            let mut n = 0;
            b.iter_batched(
                || {
                    let (recorder, committer) = channel(Bounds::default());
                    for _ in 0..size {
                        n += 1;
                        let _ticket = recorder.record(&record(n)).unwrap();
                    }
                    (recorder, committer, MemoryStore::default())
                },
                |(recorder, mut committer, mut store)| {
                    let done = committer.commit(
                        &mut store,
                        Time {
                            wall_ns: 1,
                            mono_ns: 1,
                        },
                    );
                    assert_eq!(done.unwrap().durable, size);
                    (recorder, committer, store)
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn durable(c: &mut Criterion) {
    let mut group = c.benchmark_group("audit/durable/file");
    for size in [1u64, 64, 1024] {
        let tmp = tempfile::tempdir().unwrap();
        let settings = TrailSettings::new(tmp.path().join("log"), "panward.bench/host");
        let dir = settings.dir.clone();
        let (recorder, handle) = Trail::open(settings).unwrap();
        let (tx, rx) = mpsc::sync_channel(1);
        recorder.set_waker(Box::new(move |_| tx.try_send(()).unwrap_or_default()));
        group.throughput(Throughput::Elements(size));
        let mut n = 0;
        group.bench_function(format!("group_{size}"), |b| {
            b.iter_custom(|rounds| {
                let start = Instant::now();
                for _ in 0..rounds {
                    let mut last = None;
                    for _ in 0..size {
                        n += 1;
                        last = Some(recorder.record(&record(n)).unwrap());
                    }
                    while last.as_ref().is_some_and(|t| recorder.receipt(t).is_none()) {
                        rx.recv().unwrap();
                    }
                }
                start.elapsed()
            });
        });
        let key = handle.verifier().clone();
        handle.stop().unwrap();
        let mut verifier = Verifier::new(key);
        verifier.checkpoints(
            &std::fs::read(dir.join(directory::CHECKPOINTS)).unwrap(),
            None,
        );
        let segments: Vec<Vec<u8>> = directory::segments(&dir)
            .unwrap()
            .into_iter()
            .map(|(_, path)| std::fs::read(path).unwrap())
            .collect();
        for (n, bytes) in segments.iter().enumerate() {
            let next = segments.get(n + 1);
            let next = next.and_then(|bytes| audit::frame::SegmentHeader::decode(bytes).ok());
            verifier.segment("segment", bytes, next.as_ref());
        }
        assert_eq!(verifier.finish().status, Status::Ok);
    }
    group.finish();
}

fn verify(c: &mut Criterion) {
    let records = 10_000;
    let signer = Signer::generate("panward.bench/host").unwrap();
    let key = signer.verifier().clone();
    let (recorder, committer) = channel(Bounds::default());
    let origin = "panward.bench/host".to_owned();
    let mut committer = committer.with_log(Log {
        origin,
        signer: Some(signer),
        ..Log::default()
    });
    for n in 0..records {
        let _ticket = recorder.record(&record(n)).unwrap();
    }
    let mut store = MemoryStore::default();
    committer
        .finish(
            &mut store,
            Time {
                wall_ns: 1,
                mono_ns: 1,
            },
        )
        .unwrap();
    let checkpoints: String = store
        .checkpoints
        .iter()
        .map(|note| format!("{note}\n"))
        .collect();
    let mut group = c.benchmark_group("audit/verify");
    group.throughput(Throughput::Elements(records));
    group.bench_function("segment_10000", |b| {
        b.iter(|| {
            let mut verifier = Verifier::new(key.clone());
            verifier.checkpoints(checkpoints.as_bytes(), None);
            verifier.segment("segment", &store.segments[0].1, None);
            let report = verifier.finish();
            assert_eq!(report.status, Status::Ok, "{:?}", report.problems);
        });
    });
    group.finish();
}

criterion_group!(benches, hand_over, commit, durable, verify);
criterion_main!(benches);
