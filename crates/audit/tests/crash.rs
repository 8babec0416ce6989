//! Crashes and failing disks, on a model disk.

mod common;

use std::io;

use audit::frame::HEADER_BYTES;
use audit::*;
use common::*;

/// A running log, not stopped: two groups, one checkpoint, zeros behind.
fn running() -> (World, usize) {
    let mut world = World::new(1 << 20);
    world.group(0..3);
    let first = world.store.segments[0].1.len();
    world.group(3..7);
    (world, first)
}

#[test]
fn a_tear_at_every_byte_is_a_tear_and_loses_no_earlier_group() {
    let (world, first) = running();
    let whole = Image::of(&world.store);
    let full = whole.segments[0].len();
    // The last frame ends in zeros, which a preallocated file has anyway.
    let full = whole.segments[0]
        .iter()
        .rposition(|b| *b != 0)
        .map_or(full, |last| last + 1);
    for cut in first..full {
        let mut image = whole.clone();
        image.segments[0].truncate(cut);
        image.segments[0].resize(8_192, 0);
        let recovered = recover(&image.segments[0]).unwrap();
        assert_eq!(recovered.committed_bytes as usize, first, "cut at {cut}");
        assert_eq!(recovered.tree.size(), 4, "audit.open and three records");
        let report = image.verify(&world.key);
        let tail = &image.segments[0][first..];
        let written = tail.iter().rposition(|b| *b != 0).map_or(0, |n| n + 1);
        assert_eq!(recovered.torn_bytes as usize, written, "cut at {cut}");
        let expected = if written == 0 {
            Status::Ok
        } else {
            Status::Torn
        };
        assert_eq!(report.status, expected, "cut at {cut}: {report:?}");
        assert_eq!(report.size, 4);
    }
}

#[test]
fn sectors_lost_in_any_pattern_are_a_tear() {
    let (mut world, _) = running();
    let before = world.store.segments[0].1.len();
    // A group over several sectors.
    world.group(10..40);
    let whole = Image::of(&world.store);
    let full = whole.segments[0].len();
    let sectors: Vec<usize> = (before / 512..full.div_ceil(512)).collect();
    assert!(
        (4..12).contains(&sectors.len()),
        "{} sectors",
        sectors.len()
    );
    for pattern in 1u32..1 << sectors.len() {
        let mut image = whole.clone();
        image.segments[0].resize(full.next_multiple_of(512) + 512, 0);
        for (bit, sector) in sectors.iter().enumerate() {
            if pattern & 1 << bit != 0 {
                image.segments[0][(sector * 512).max(before)..(sector + 1) * 512].fill(0);
            }
        }
        let recovered = recover(&image.segments[0]).unwrap_or_else(|e| panic!("{pattern:b}: {e}"));
        assert_eq!(recovered.committed_bytes as usize, before, "{pattern:b}");
        let report = image.verify(&world.key);
        assert!(
            matches!(report.status, Status::Torn | Status::Ok),
            "{pattern:b} {report:?}"
        );
    }
}

#[test]
fn every_flipped_byte_of_a_running_log_is_found() {
    let (world, first) = running();
    let mut whole = Image::of(&world.store);
    whole.segments[0].resize(6_000, 0);
    assert_eq!(whole.verify(&world.key).status, Status::Ok);
    let frames = frames(&whole.segments[0]);
    let commit = frames.last().unwrap().0;
    for at in 0..whole.segments[0].len() {
        let mut image = whole.clone();
        image.segments[0][at] ^= 0x40;
        let report = image.verify(&world.key);
        // The last commit frame is all that tells a group from a torn write, until
        // a checkpoint covers it; behind it nothing was ever acknowledged.
        let expected = if at >= commit {
            Status::Torn
        } else {
            Status::Tampered
        };
        assert_eq!(report.status, expected, "byte {at}: {:?}", report.problems);
        if (HEADER_BYTES..first).contains(&at) {
            let frame = frames
                .iter()
                .find(|f| (f.0..f.0 + f.1).contains(&at))
                .unwrap();
            assert_eq!(report.problems[0].seq, frame.3, "byte {at}");
        }
        // Recovery never takes tampering for a tear.
        assert_eq!(
            recover(&image.segments[0]).is_ok(),
            expected == Status::Torn,
            "byte {at}"
        );
    }
}

/// A peer's payload that holds frames of the log is not taken for frames.
#[test]
fn a_payload_that_looks_like_a_frame_does_not_turn_a_tear_into_tampering() {
    let (mut world, _) = running();
    let before = world.store.segments[0].1.len();
    // Frames as an outsider can make them: with another log's header.
    let other = World::new(1 << 20);
    let mut other = other;
    other.group(0..20);
    let fake = other.store.segments[0].1[HEADER_BYTES..].to_vec();
    let mut forged = record(50);
    forged.payload = Some(Raw::new(fake).mask(&Nothing));
    let _ticket = world.recorder.record(&forged).unwrap();
    world.tick();
    world.committer.commit(&mut world.store, world.now).unwrap();
    let mut image = Image::of(&world.store);
    let len = image.segments[0].len();
    image.segments[0][len - 200..].fill(0);
    let recovered = recover(&image.segments[0]).unwrap();
    assert_eq!(recovered.committed_bytes as usize, before);
}

/// A disk that fails at the n-th call.
struct Faulty {
    disk: MemoryStore,
    calls: u32,
    fails: std::ops::Range<u32>,
    kind: io::ErrorKind,
    keeps_failed_write: bool,
}

impl Faulty {
    fn call(&mut self) -> io::Result<()> {
        self.calls += 1;
        match self.fails.contains(&self.calls) {
            true => Err(self.kind.into()),
            false => Ok(()),
        }
    }
}

impl Store for Faulty {
    fn open(&mut self, index: u64, header: &[u8], capacity: u64) -> io::Result<()> {
        self.call()?;
        self.disk.open(index, header, capacity)
    }
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let outcome = self.call();
        if outcome.is_ok() || self.keeps_failed_write {
            self.disk.write(bytes)?;
        }
        outcome
    }
    fn sync(&mut self) -> io::Result<()> {
        self.call()?;
        self.disk.sync()
    }
    fn seal(&mut self) -> io::Result<()> {
        self.call()?;
        self.disk.seal()
    }
    fn checkpoint(&mut self, note: &str) -> io::Result<()> {
        self.call()?;
        self.disk.checkpoint(note)
    }
}

/// ENOSPC or EIO at every call in turn, for one to five calls: nothing is
/// acknowledged that is not on disk, nothing is lost, the log goes on by itself.
#[test]
fn errors_at_every_call_lose_nothing_and_heal() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        for keeps_failed_write in [false, true] {
            for from in 1..40 {
                for len in 1..5 {
                    faulty_run(kind, keeps_failed_write, from..from + len);
                }
            }
        }
    }
}

fn faulty_run(kind: io::ErrorKind, keeps_failed_write: bool, fails: std::ops::Range<u32>) {
    let mut world = World::new(5_000);
    let place = format!("{kind:?} {keeps_failed_write} {fails:?}");
    let disk = MemoryStore::default();
    let mut store = Faulty {
        disk,
        calls: 0,
        fails,
        kind,
        keeps_failed_write,
    };
    let mut tickets = Vec::new();
    let mut refused = 0;
    for n in 0..16 {
        match world.recorder.record(&record(n)) {
            Ok(ticket) => tickets.push((n, ticket)),
            Err(error) => {
                assert_eq!(error, AuditError::Failed, "{place}");
                refused += 1;
            }
        }
        world.tick();
        let outcome = world.committer.commit(&mut store, world.now);
        assert_eq!(
            outcome.is_err(),
            world.recorder.trouble().is_some(),
            "{place}"
        );
        if outcome.is_err() {
            assert_eq!(world.committer.take_failure().map(|e| e.kind()), Some(kind));
        }
        assert_acknowledged(&world, &store.disk, &tickets, &place);
    }
    let mut tries = 0;
    while world.committer.finish(&mut store, world.now).is_err() {
        world.tick();
        tries += 1;
        assert!(tries < 10, "{place}");
    }
    assert_acknowledged(&world, &store.disk, &tickets, &place);
    assert!(
        tickets
            .iter()
            .all(|(_, ticket)| world.recorder.receipt(ticket).is_some()),
        "{place}"
    );
    assert_eq!(tickets.len() + refused, 16);
    let report = Image::of(&store.disk).verify(&world.key);
    assert_eq!(report.status, Status::Ok, "{place}: {report:?}");
    assert_eq!(report.signed_size, report.size, "{place}");
}

/// Every record with a receipt is in a committed group of the disk as it is.
fn assert_acknowledged(world: &World, disk: &MemoryStore, tickets: &[(u64, Ticket)], place: &str) {
    let mut found = std::collections::HashSet::new();
    for (_, segment) in &disk.segments {
        let header = frame::SegmentHeader::decode(segment).unwrap();
        let salt = frame::Salt::of(segment).unwrap();
        let (mut at, mut seq) = (HEADER_BYTES, header.tree.size());
        while let Step::Group(group) = read_group(&segment[at..], salt, seq) {
            found.extend(
                group
                    .records
                    .iter()
                    .map(|r| Record::decode(r).unwrap().call),
            );
            at += group.span;
            seq = group.commit.size;
        }
    }
    for (n, ticket) in tickets {
        if world.recorder.receipt(ticket).is_some() {
            assert!(
                found.contains(n),
                "{place}: record {n} was acknowledged and is not there"
            );
        }
    }
}

#[test]
fn the_queue_refuses_at_its_bounds_and_after_the_end() {
    let (recorder, mut committer) = channel(Bounds {
        queue_records_max: 2,
        queue_bytes_max: 1 << 20,
        record_bytes_max: 4_000,
    });
    let mut large = record(0);
    large.payload = Some(Raw::new(vec![0; 4_000]).mask(&Nothing));
    assert_eq!(recorder.record(&large), Err(AuditError::TooLarge));
    let first = recorder.record(&record(1)).unwrap();
    let _second = recorder.record(&record(2)).unwrap();
    assert_eq!(recorder.record(&record(3)), Err(AuditError::Full));
    assert_eq!(recorder.receipt(&first), None);
    let best = recorder.with_mode(Mode::BestEffort);
    let dropped = best.record(&record(4)).unwrap();
    assert_eq!((dropped.position(), best.dropped()), (0, 1));
    assert!(!best.receipt(&dropped).unwrap().is_durable());
    let batched = recorder.with_mode(Mode::Batched {
        unsynced_records_max: 1,
    });
    assert!(!batched.receipt(&first).unwrap().is_durable());

    let mut store = MemoryStore::default();
    let now = Time {
        wall_ns: 5,
        mono_ns: 5,
    };
    committer.commit(&mut store, now).unwrap();
    assert!(recorder.receipt(&first).unwrap().is_durable());
    assert_eq!(recorder.durable(), 2);
    committer.finish(&mut store, now).unwrap();
    assert_eq!(recorder.record(&record(5)), Err(AuditError::Closed));
    let gaps: Vec<_> = records(&store)
        .into_iter()
        .filter(|r| r.kind == Kind::AuditGap)
        .collect();
    assert_eq!(gaps.len(), 1, "the drop is recorded");
    assert_eq!(gaps[0].note.as_ref().map(|n| n.as_str()), Some("dropped 1"));
}

fn records(store: &MemoryStore) -> Vec<Record> {
    let mut out = Vec::new();
    for (_, segment) in &store.segments {
        let header = frame::SegmentHeader::decode(segment).unwrap();
        let salt = frame::Salt::of(segment).unwrap();
        let (mut at, mut seq) = (HEADER_BYTES, header.tree.size());
        while let Step::Group(group) = read_group(&segment[at..], salt, seq) {
            out.extend(group.records.iter().map(|r| Record::decode(r).unwrap()));
            at += group.span;
            seq = group.commit.size;
        }
    }
    out
}
