//! Every change to a finished log is found, at the right place.

mod common;

use audit::frame::{FrameKind, HEADER_BYTES};
use audit::*;
use common::*;

/// Three segments, clean stop: every record is under the last checkpoint.
fn finished() -> (Image, VerifierKey) {
    let mut world = World::new(6_000);
    for n in 0..8 {
        world.group(n * 4..n * 4 + 4);
    }
    world.finish();
    (Image::of(&world.store), world.key.clone())
}

#[test]
fn a_finished_log_verifies() {
    let (image, key) = finished();
    let report = image.verify(&key);
    assert_eq!(
        (report.status, report.problems.as_slice()),
        (Status::Ok, &[][..])
    );
    assert!(
        image.segments.len() >= 3,
        "{} segments",
        image.segments.len()
    );
    assert_eq!(
        report.size,
        32 + image.segments.len() as u64,
        "records and one audit.open each"
    );
    assert_eq!(report.signed_size, report.size);
}

#[test]
fn every_flipped_byte_of_a_segment_is_tampering_at_its_sequence() {
    let (image, key) = finished();
    for segment in 0..image.segments.len() {
        let frames = frames(&image.segments[segment]);
        let first = frames[0].3;
        for at in 0..image.segments[segment].len() {
            let mut changed = image.clone();
            changed.segments[segment][at] ^= 1 << (at % 8);
            let report = changed.verify(&key);
            let problem = &report.problems[0];
            let place = format!("segment {segment} byte {at}: {problem:?}");
            let frame = frames
                .iter()
                .find(|(start, span, ..)| (*start..start + span).contains(&at));
            let expected = frame.map_or(first, |(_, _, _, seq)| *seq);
            // A crash while the last segment is sealed looks the same; no record is
            // behind that frame.
            let last_seal = segment + 1 == image.segments.len()
                && frame.is_some_and(|frame| frame.2 == FrameKind::Seal);
            let status = if last_seal {
                Status::Torn
            } else {
                Status::Tampered
            };
            assert_eq!(report.status, status, "{place}");
            assert_eq!(problem.seq, expected, "{place}");
        }
    }
}

#[test]
fn every_flipped_byte_of_the_checkpoints_is_found() {
    let (image, key) = finished();
    for at in 0..image.checkpoints.len() {
        let mut bytes = image.checkpoints.clone().into_bytes();
        bytes[at] ^= 1;
        let mut verifier = Verifier::new(key.clone());
        verifier.checkpoints(&bytes, None);
        for (n, segment) in image.segments.iter().enumerate() {
            let next = image.segments.get(n + 1);
            let next = next.and_then(|bytes| frame::SegmentHeader::decode(bytes).ok());
            verifier.segment("s", segment, next.as_ref());
        }
        assert_ne!(verifier.finish().status, Status::Ok, "byte {at}");
    }
}

/// Frames of the middle segment: cut out, doubled, swapped, put elsewhere.
#[test]
fn dropped_doubled_and_swapped_frames_are_found() {
    let (image, key) = finished();
    let middle = &image.segments[1];
    let frames = frames(middle);
    let records: Vec<_> = frames.iter().filter(|f| f.2 == FrameKind::Record).collect();
    for pair in records.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let (one, two) = (&middle[a.0..a.0 + a.1], &middle[b.0..b.0 + b.1]);
        let splice = |from: usize, to: usize, with: &[u8]| {
            let mut changed = image.clone();
            changed.segments[1].splice(from..to, with.iter().copied());
            changed.verify(&key)
        };
        let dropped = splice(a.0, a.0 + a.1, &[]);
        assert_eq!(
            (dropped.status, dropped.problems[0].seq),
            (Status::Tampered, a.3),
            "drop"
        );
        let doubled = splice(a.0 + a.1, a.0 + a.1, one);
        assert_eq!(
            (doubled.status, doubled.problems[0].seq),
            (Status::Tampered, a.3 + 1)
        );
        if b.0 == a.0 + a.1 {
            let swapped = splice(a.0, b.0 + b.1, &[two, one].concat());
            assert_eq!(
                (swapped.status, swapped.problems[0].seq),
                (Status::Tampered, a.3),
                "swap"
            );
        }
    }
}

#[test]
fn a_log_cut_anywhere_is_found() {
    let (image, key) = finished();
    let last = image.segments.len() - 1;
    for len in HEADER_BYTES..image.segments[last].len() {
        let mut changed = image.clone();
        changed.segments[last].truncate(len);
        let report = changed.verify(&key);
        let sealed = frames(&image.segments[last]).last().unwrap().0;
        // Without the seal alone the log looks like one that was killed.
        if len == sealed {
            assert_eq!(report.status, Status::Ok, "cut at {len}");
        } else {
            assert_ne!(report.status, Status::Ok, "cut at {len}");
        }
    }
}

#[test]
fn missing_segments_are_a_gap() {
    let (image, key) = finished();
    for gone in 0..image.segments.len() {
        let mut changed = image.clone();
        changed.segments.remove(gone);
        assert_ne!(changed.verify(&key).status, Status::Ok, "segment {gone}");
    }
    let mut changed = image.clone();
    changed.segments.pop();
    assert_eq!(changed.verify(&key).status, Status::Gap);
    let mut changed = image;
    changed.segments.swap(1, 2);
    assert_eq!(changed.verify(&key).status, Status::Tampered);
}

#[test]
fn another_key_or_no_checkpoint_proves_nothing() {
    let (image, _) = finished();
    let other = Signer::generate(ORIGIN).unwrap();
    assert_eq!(image.verify(other.verifier()).status, Status::UntrustedKey);
    let (mut image, key) = finished();
    (image.checkpoints, image.latest) = (String::new(), None);
    assert_eq!(image.verify(&key).status, Status::UntrustedKey);
}

/// Somebody with write access and this very program, but without the key, makes
/// the whole log anew with one record changed: checksums, commits and roots fit.
#[test]
fn a_rewritten_log_does_not_fit_the_signed_checkpoints() {
    let (image, key) = finished();
    let mut world = World::new(6_000);
    for n in 0..8 {
        for n in n * 4..n * 4 + 4 {
            let mut record = record(n);
            if n == 13 {
                record.note = Some(text("nothing happened"));
            }
            let _ticket = world.recorder.record(&record).unwrap();
        }
        world.tick();
        world.committer.commit(&mut world.store, world.now).unwrap();
    }
    world.finish();
    let mut forged = Image::of(&world.store);
    forged.checkpoints = image.checkpoints;
    forged.latest = image.latest;
    // The forged headers carry the forger's key id; the roots do not fit either.
    let report = forged.verify(&key);
    assert_eq!(report.status, Status::Tampered, "{report:?}");
}

/// The same bytes of a record, with a frame checksum made anew, in the same place.
#[test]
fn a_changed_record_with_a_fresh_checksum_is_found_by_the_root() {
    let (image, key) = finished();
    let segment = &image.segments[0];
    let header_crc = &segment[HEADER_BYTES - 4..HEADER_BYTES];
    let (at, span, _, seq) = frames(segment)[3];
    let mut changed = image.clone();
    let frame = &mut changed.segments[0][at..at + span];
    *frame.last_mut().unwrap() ^= 1;
    let mut summed = frame[20..].to_vec();
    summed.extend_from_slice(&frame[..4]);
    summed.extend_from_slice(&frame[8..20]);
    summed.extend_from_slice(header_crc);
    let crc = crc32c::crc32c(&summed);
    frame[4..8].copy_from_slice(&crc.to_le_bytes());
    assert!(
        frames(&changed.segments[0]).iter().any(|f| f.3 == seq),
        "the frame is valid"
    );
    let report = changed.verify(&key);
    assert_eq!(
        (report.status, report.problems[0].seq),
        (Status::Tampered, 0),
        "its group"
    );
    assert!(report.problems[0].what.contains("root"));
}
