//! A small log in memory.
#![allow(dead_code, unreachable_pub, reason = "each suite uses its part")]

use audit::*;

/// Test key: the log's own, made anew for each log.
pub const ORIGIN: &str = "panward.test/host";

/// Counts records and sets the clock of the log.
pub struct World {
    pub recorder: Recorder,
    pub committer: Committer,
    pub store: MemoryStore,
    pub key: VerifierKey,
    pub now: Time,
}

pub struct Nothing;
impl Scrub for Nothing {
    fn scrub(&self, _: &mut [u8]) -> usize {
        0
    }
}

pub fn text(value: &str) -> Masked<String> {
    Raw::new(value.to_owned()).mask(&Nothing)
}

pub fn record(n: u64) -> Record {
    let mut record = Record::new(Kind::McpCall, 1_790_000_000_000_000_000 + n);
    record.call = n;
    record.note = Some(text(&format!(
        "record {n} {}",
        "x".repeat((n % 7) as usize * 10)
    )));
    record
}

impl World {
    pub fn new(segment_bytes: u64) -> World {
        let signer = Signer::generate(ORIGIN).unwrap();
        let key = signer.verifier().clone();
        let (recorder, committer) = channel(Bounds::default());
        let log = Log {
            origin: ORIGIN.into(),
            log_id: [7; 16],
            boot_id: [8; 16],
            segment_bytes,
            signer: Some(signer),
            ..Log::default()
        };
        let now = Time {
            wall_ns: 1_790_000_000_000_000_000,
            mono_ns: 1_000,
        };
        World {
            recorder,
            committer: committer.with_log(log),
            store: MemoryStore::default(),
            key,
            now,
        }
    }

    /// Records `from..to` in one group.
    pub fn group(&mut self, range: std::ops::Range<u64>) {
        for n in range {
            let _ticket = self.recorder.record(&record(n)).unwrap();
        }
        self.tick();
        self.committer.commit(&mut self.store, self.now).unwrap();
    }

    pub fn tick(&mut self) {
        self.now.wall_ns += 10_000_000;
        self.now.mono_ns += 10_000_000;
    }

    pub fn finish(&mut self) {
        self.tick();
        self.committer.finish(&mut self.store, self.now).unwrap();
    }
}

/// Segments and checkpoints as they would be found on disk.
#[derive(Clone)]
pub struct Image {
    pub segments: Vec<Vec<u8>>,
    pub checkpoints: String,
    pub latest: Option<String>,
}

impl Image {
    pub fn of(store: &MemoryStore) -> Image {
        Image {
            segments: store
                .segments
                .iter()
                .map(|(_, bytes)| bytes.clone())
                .collect(),
            checkpoints: store
                .checkpoints
                .iter()
                .map(|note| format!("{note}\n"))
                .collect(),
            latest: store.checkpoints.last().cloned(),
        }
    }

    pub fn verify(&self, key: &VerifierKey) -> Report {
        let mut verifier = Verifier::new(key.clone());
        verifier.checkpoints(
            self.checkpoints.as_bytes(),
            self.latest.as_ref().map(|s| s.as_bytes()),
        );
        for (n, segment) in self.segments.iter().enumerate() {
            let next = self.segments.get(n + 1);
            let next = next.and_then(|bytes| frame::SegmentHeader::decode(bytes).ok());
            verifier.segment(&format!("segment-{n}"), segment, next.as_ref());
        }
        verifier.finish()
    }
}

/// Offset and span of every frame of a segment.
pub fn frames(segment: &[u8]) -> Vec<(usize, usize, frame::FrameKind, u64)> {
    let salt = frame::Salt::of(segment).unwrap();
    let mut at = frame::HEADER_BYTES;
    let mut out = Vec::new();
    while let Some(frame) = frame::Frame::parse(&segment[at..], salt) {
        out.push((at, frame.span(), frame.kind, frame.seq));
        at += frame.span();
    }
    out
}
