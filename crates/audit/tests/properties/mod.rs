//! What holds for every segment file, whoever wrote it. Used by the fuzz target
//! `audit_segment` and by the ordinary test `segment`.

use std::sync::OnceLock;

use audit::frame::{HEADER_BYTES, Salt, SegmentHeader};
use audit::*;

const ORIGIN: &str = "panward.test/fuzz";

struct Good {
    segments: Vec<Vec<u8>>,
    checkpoints: String,
    key: VerifierKey,
}

/// A log of three segments, closed in good order.
fn good() -> &'static Good {
    static GOOD: OnceLock<Good> = OnceLock::new();
    GOOD.get_or_init(|| {
        let signer = Signer::generate(ORIGIN).expect("randomness");
        let key = signer.verifier().clone();
        let (recorder, committer) = channel(Bounds::default());
        let log = Log {
            origin: ORIGIN.into(),
            segment_bytes: 5_500,
            signer: Some(signer),
            ..Log::default()
        };
        let mut committer = committer.with_log(log);
        let mut store = MemoryStore::default();
        for n in 0..18u64 {
            let mut record = Record::new(Kind::McpCall, n);
            record.call = n;
            let _ticket = recorder.record(&record).expect("room");
            if n % 3 == 2 {
                let now = Time {
                    wall_ns: n + 1,
                    mono_ns: n + 1,
                };
                committer.commit(&mut store, now).expect("memory takes it");
            }
        }
        committer
            .finish(
                &mut store,
                Time {
                    wall_ns: 99,
                    mono_ns: 99,
                },
            )
            .expect("memory takes it");
        Good {
            segments: store.segments.into_iter().map(|(_, bytes)| bytes).collect(),
            checkpoints: store
                .checkpoints
                .iter()
                .map(|note| format!("{note}\n"))
                .collect(),
            key,
        }
    })
}

fn verify(segments: &[Vec<u8>], checkpoints: &str, key: &VerifierKey) -> Report {
    let mut verifier = Verifier::new(key.clone());
    verifier.checkpoints(checkpoints.as_bytes(), None);
    for (n, bytes) in segments.iter().enumerate() {
        let next = segments
            .get(n + 1)
            .and_then(|bytes| SegmentHeader::decode(bytes).ok());
        verifier.segment("segment", bytes, next.as_ref());
    }
    verifier.finish()
}

/// Runs one input: the first byte chooses how the rest is used.
pub fn hold(data: &[u8]) {
    match data.split_first() {
        Some((0, rest)) => edited(rest),
        Some((1, rest)) => framed(rest),
        Some((_, rest)) => arbitrary(rest),
        None => {}
    }
}

/// Edits of a good log: `verify` says ok only when nothing but its last seal changed.
fn edited(edits: &[u8]) {
    let good = good();
    let mut segments = good.segments.clone();
    for edit in edits.chunks_exact(4) {
        let which = usize::from(edit[0] >> 2) % segments.len();
        let segment = &mut segments[which];
        let at = usize::from(u16::from_le_bytes([edit[1], edit[2]])) % (segment.len() + 1);
        match edit[0] & 3 {
            0 => segment.truncate(at),
            1 => segment.insert(at, edit[3]),
            2 if at < segment.len() => drop(segment.remove(at)),
            _ if at < segment.len() => segment[at] = edit[3],
            _ => {}
        }
        if segment.is_empty() {
            return;
        }
    }
    let report = verify(&segments, &good.checkpoints, &good.key);
    let last = segments.len() - 1;
    let seal = good.segments[last].len() - 84;
    let kept = |n: usize, upto: usize| segments[n].get(..upto) == good.segments[n].get(..upto);
    let same = segments[..last] == good.segments[..last]
        && kept(last, seal)
        && (segments[last] == good.segments[last]
            || segments[last][seal..].iter().all(|byte| *byte == 0));
    assert_eq!(report.status == Status::Ok, same, "{report:?}");
    // A writer that goes on has lost nothing but the end, and changed nothing.
    #[allow(clippy::collapsible_if, reason = "two questions, one after the other")]
    if let Ok(recovered) = recover(&segments[last]) {
        if segments[last][..HEADER_BYTES] == good.segments[last][..HEADER_BYTES] {
            let whole = recover(&good.segments[last]).expect("the good one");
            assert!(recovered.tree.size() <= whole.tree.size());
            assert!(recovered.committed_bytes <= segments[last].len() as u64);
        }
    }
}

/// Frames with right checksums in any order and with any content.
fn framed(data: &[u8]) {
    let good = good();
    let mut segment = good.segments[0][..HEADER_BYTES].to_vec();
    let crc_of_header = segment[HEADER_BYTES - 4..].to_vec();
    let mut rest = data;
    while let Some((head, tail)) = rest.split_first_chunk::<3>() {
        let (body, after) = tail.split_at(usize::from(head[2]).min(tail.len()));
        rest = after;
        let mut fixed = (body.len() as u32).to_le_bytes().to_vec();
        fixed.extend_from_slice(&u64::from(head[1]).to_le_bytes());
        fixed.extend_from_slice(&[head[0] % 5, 0, 0, 0]);
        let summed = [body, &fixed, &crc_of_header].concat();
        segment.extend_from_slice(&fixed[..4]);
        segment.extend_from_slice(&crc32c::crc32c(&summed).to_le_bytes());
        segment.extend_from_slice(&fixed[4..]);
        segment.extend_from_slice(body);
    }
    let report = verify(&[segment.clone()], &good.checkpoints, &good.key);
    assert_ne!(
        report.status,
        Status::Ok,
        "no such segment was ever signed: {report:?}"
    );
    read(&segment);
}

/// Any bytes as a segment, as what stands behind a good header, and as checkpoints.
fn arbitrary(data: &[u8]) {
    let good = good();
    read(data);
    let behind = [&good.segments[0][..HEADER_BYTES], data].concat();
    read(&behind);
    let text = String::from_utf8_lossy(data);
    let report = verify(&[behind], &text, &good.key);
    assert!(
        report.status != Status::Ok || report.size == 0,
        "{report:?}"
    );
    let _ = VerifierKey::parse(&text);
    let _ = Record::decode(data).map(|record| record.to_json());
}

fn read(segment: &[u8]) {
    let Ok(recovered) = recover(segment) else {
        return;
    };
    let salt = Salt::of(segment).expect("recovered");
    let (mut at, mut seq) = (HEADER_BYTES, recovered.header.tree.size());
    while let Step::Group(group) = read_group(&segment[at..], salt, seq) {
        at += group.span;
        seq = group.commit.size;
    }
    assert_eq!(seq, recovered.tree.size());
    assert!(recovered.committed_bytes + recovered.torn_bytes <= segment.len() as u64);
}
