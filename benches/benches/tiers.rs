//! Each instruction set of the scanner, by criterion: what a change of ours did to it.
//! The comparison with others is `scan.rs`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gateway_benches::corpus::{Corpus, corpus};
use gateway_benches::peers::{Engine, Feed, Panscan};
use panscan::Tier;

/// Past the second-level cache; the branch predictor cannot learn it by heart.
const BYTES: usize = 16 << 20;

fn tiers(c: &mut Criterion) {
    for kind in Corpus::ALL {
        let text = corpus(kind, BYTES);
        let mut group = c.benchmark_group(kind.to_string());
        group
            .throughput(Throughput::Bytes(text.bytes.len() as u64))
            .sample_size(10);
        for tier in Tier::all_available() {
            let mut engine = Panscan::new(*tier, Feed::Pieces);
            group.bench_function(format!("{tier:?}").to_lowercase(), |b| {
                b.iter(|| engine.count(black_box(&text)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, tiers);
criterion_main!(benches);
