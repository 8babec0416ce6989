//! What holds for every input: used by the property tests and by the fuzz target.

use panscan::{
    Carrier, Finding, HOLD_BYTES_MAX, HOLD_ENCODED_MAX, MaskFormat, Scanner, Settings, Stream, Tier,
};

/// What is compared of a finding.
pub(crate) type Seen = (u64, u64, panscan::Kind, panscan::Confidence, bool, Vec<u8>);

/// Findings that cannot be masked, and what could not be read.
pub(crate) type Packed = (usize, Option<panscan::Undecodable>);

fn seen(f: &Finding) -> Seen {
    (
        f.start,
        f.end,
        f.kind,
        f.confidence,
        f.masked,
        f.replacement().to_vec(),
    )
}

/// Feeds `chunks`, checks what a caller relies on, and gives findings and output.
pub(crate) fn stream<'a>(
    scanner: &Scanner,
    carrier: Carrier,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Seen>, Vec<u8>, Packed) {
    let mut st = Stream::new(carrier);
    let (mut out, mut all, mut released) = (Vec::new(), Vec::new(), 0);
    let mut packed = 0;
    let patch = |out: &mut Vec<u8>, found: &[Finding], released: u64| {
        for f in found {
            if !f.maskable() {
                assert!(!f.masked, "masked where that cannot be");
                continue;
            }
            assert!(f.start >= released, "finding in bytes that are gone");
            assert!(f.end - f.start <= HOLD_BYTES_MAX as u64);
            if f.masked {
                out[f.start as usize..f.end as usize].copy_from_slice(f.replacement());
            }
        }
    };
    for chunk in chunks {
        let mut found = Vec::new();
        let release = scanner.scan(&mut st, chunk, &mut |f| found.push(f));
        out.extend_from_slice(chunk);
        assert_eq!(st.offset(), out.len() as u64);
        assert!(release >= released && release <= st.offset());
        assert!(
            st.offset() - release <= HOLD_ENCODED_MAX as u64,
            "held too much"
        );
        assert!(
            found.iter().all(|f| f.end <= release),
            "finding not released as a whole"
        );
        patch(&mut out, &found, released);
        all.extend(found.iter().filter(|f| f.maskable()).map(seen));
        packed += found.iter().filter(|f| !f.maskable()).count();
        released = release;
    }
    let mut found = Vec::new();
    assert_eq!(
        scanner.finish(&mut st, &mut |f| found.push(f)),
        out.len() as u64
    );
    patch(&mut out, &found, released);
    all.extend(found.iter().filter(|f| f.maskable()).map(seen));
    packed += found.iter().filter(|f| !f.maskable()).count();
    assert!(
        all.windows(2).all(|w| w[0].1 <= w[1].0),
        "in order, not over each other: {all:?}"
    );
    (all, out, (packed, st.undecodable()))
}

/// Cuts, tiers and the in-place form agree; the output has nothing to find.
pub(crate) fn hold(carrier: Carrier, format: MaskFormat, text: &[u8], cuts: &[usize]) -> Vec<Seen> {
    let settings = Settings {
        mask: format,
        ..Settings::default()
    };
    let plain = Scanner::with_tier(settings.clone(), Tier::Scalar);
    let whole = stream(&plain, carrier, std::iter::once(text));
    for tier in Tier::all_available() {
        let scanner = Scanner::with_tier(settings.clone(), *tier);
        let again = stream(&scanner, carrier, std::iter::once(text));
        assert_eq!(again, whole, "{tier:?} differs from the specification");
        let cut = stream(&scanner, carrier, pieces(text, cuts));
        assert_eq!(cut, whole, "{tier:?} cut at {cuts:?}");
    }
    let mut buf = text.to_vec();
    let mut found = Vec::new();
    plain.mask_in_place(carrier, &mut buf, &mut |f| {
        if f.maskable() {
            found.push(seen(&f));
        }
    });
    assert_eq!((&found, &buf), (&whole.0, &whole.1), "in place");
    let (again, _, _) = stream(&plain, carrier, std::iter::once(&whole.1[..]));
    assert!(
        again.is_empty(),
        "found again: {again:?} from {}",
        String::from_utf8_lossy(text)
    );
    whole.0
}

/// `text` cut into pieces of the given lengths, over and over.
fn pieces<'a>(text: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = text;
    let mut lens = cuts.iter().cycle();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let len = lens
            .next()
            .map_or(rest.len(), |l| (*l).clamp(1, rest.len()));
        let (piece, tail) = rest.split_at(len);
        rest = tail;
        Some(piece)
    })
}

/// A quick run: the same few cases every time. With `PROPTEST_CASES` as many as it says,
/// others every time.
#[allow(unused_macros)] // the fuzz targets have none
macro_rules! quick {
    ($cases:expr) => {{
        use proptest::test_runner::{Config, RngSeed};
        match std::env::var_os("PROPTEST_CASES") {
            Some(_) => Config::default(),
            None => Config {
                cases: $cases,
                rng_seed: RngSeed::Fixed(0x5EED),
                ..Config::default()
            },
        }
    }};
}
#[allow(unused_imports)]
pub(crate) use quick;
