//! Scanner throughput: whole detector, fed as a stream in 16 KiB chunks.
//!
//! Each case says how many findings it expects and fails if the scanner reports
//! another number, in `--test` runs too. `memchr`-like floors are not here: the
//! numbers are for the detector with IIN, Luhn, boundaries and carry.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gateway_benches::corpus::{Corpus, corpus};
use panscan::{Carrier, Scanner, Settings, Stream, Tier};

/// Past the second-level cache; the branch predictor cannot learn it by heart.
const BYTES: usize = 16 << 20;
const CHUNK: usize = 16 << 10;

fn count(scanner: &Scanner, carrier: Carrier, text: &[u8]) -> u64 {
    let mut st = Stream::new(carrier);
    let mut found = 0;
    let mut released = 0;
    for chunk in text.chunks(CHUNK) {
        released = scanner.scan(&mut st, chunk, &mut |_| found += 1);
    }
    black_box(released);
    scanner.finish(&mut st, &mut |_| found += 1);
    found
}

fn scan(c: &mut Criterion) {
    let cases = [
        ("prose", Corpus::Prose, Carrier::Text),
        ("mcp_json", Corpus::McpJson, Carrier::Json),
        ("mcp_json_100_per_mib", Corpus::McpJson, Carrier::Json),
        ("dense", Corpus::Dense, Carrier::Text),
    ];
    for (name, kind, carrier) in cases {
        let mut text = corpus(kind, BYTES);
        let mut expected = 0;
        if name.ends_with("per_mib") {
            text = with_cards(&text, 100, &mut expected);
        }
        let mut group = c.benchmark_group(name);
        group
            .throughput(Throughput::Bytes(text.len() as u64))
            .sample_size(10);
        let plain = count(
            &Scanner::with_tier(Settings::default(), Tier::Scalar),
            carrier,
            &text,
        );
        assert!(plain >= expected, "{name}: {plain} of {expected} found");
        assert!(
            plain <= expected + text.len() as u64 / (1 << 20) * 8,
            "{name}: {plain} found"
        );
        for tier in Tier::all_available() {
            let scanner = Scanner::with_tier(Settings::default(), *tier);
            assert_eq!(count(&scanner, carrier, &text), plain, "{name} {tier:?}");
            group.bench_function(format!("{tier:?}").to_lowercase(), |b| {
                b.iter(|| count(black_box(&scanner), carrier, black_box(&text)));
            });
        }
        group.finish();
    }
}

/// The text with published test numbers in the first string of every n-th record.
fn with_cards(text: &[u8], per_mib: usize, count: &mut u64) -> Vec<u8> {
    let step = (1 << 20) / per_mib;
    let mut out = Vec::with_capacity(text.len() + per_mib * 32 * 16);
    let mut next = step;
    for line in text.split_inclusive(|b| *b == b'\n') {
        out.extend_from_slice(line);
        while out.len() >= next {
            out.extend_from_slice(b"{\"card\":\"4111-1111-1111-1111\"}\n");
            *count += 1;
            next += step;
        }
    }
    out
}

criterion_group!(benches, scan);
criterion_main!(benches);
