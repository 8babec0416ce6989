//! Runs every engine over every text, interleaved, and keeps medians.
//!
//! In each round every engine goes over the whole text once, each round beginning with
//! another engine, so that what else the machine does falls on all of them. A ratio is
//! the median of the rounds' ratios, not a ratio of medians.

use std::hint::black_box;

use panscan::Tier;

use crate::clock::{Took, median, time};
use crate::corpus::{Corpus, Text, corpus};
use crate::peers::{Engine, Feed, Panscan, Role, names};

/// One engine on one text.
#[derive(Clone, Debug)]
pub struct Column {
    /// Which engine.
    pub name: &'static str,
    /// What it is.
    pub role: Role,
    /// What it counted.
    pub found: u64,
    /// Median seconds on the CPU.
    pub cpu: f64,
    /// Median seconds on the wall.
    pub wall: f64,
    /// How many times as long as the scanner it took.
    pub times: f64,
}

/// One text.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which.
    pub kind: Corpus,
    /// Its length.
    pub bytes: usize,
    /// Share of digits.
    pub digits: f64,
    /// Card numbers put in as they are.
    pub plain: u64,
    /// Card numbers put in encoded.
    pub encoded: u64,
    /// What is wrong with the count of the scanner.
    pub problem: Option<String>,
    /// The engines.
    pub columns: Vec<Column>,
}

impl Row {
    /// The engine of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// GB (1e9 bytes) of text a second of CPU time.
    pub fn gigabytes(&self, name: &str) -> Option<f64> {
        let column = self.column(name)?;
        Some(self.bytes as f64 / column.cpu.max(1e-9) / 1e9)
    }

    /// How many times as fast as this engine the scanner is.
    pub fn times(&self, name: &str) -> Option<f64> {
        Some(self.column(name)?.times)
    }

    /// The fastest that finds candidates or cards.
    pub fn best_peer(&self) -> Option<&Column> {
        let peers = self.columns.iter().filter(|c| c.role == Role::Detector);
        peers.min_by(|a, b| a.cpu.total_cmp(&b.cpu))
    }

    /// GB/s of the fastest reader: nothing that looks at every byte can be faster.
    pub fn ceiling(&self) -> f64 {
        let readers = self.columns.iter().filter(|c| c.role == Role::Ceiling);
        let fastest = readers.map(|c| c.cpu).fold(f64::INFINITY, f64::min);
        self.bytes as f64 / fastest.max(1e-9) / 1e9
    }
}

/// All engines on one kind of text, so many rounds.
///
/// # Panics
/// When an engine counts differently in two rounds.
pub fn measure(kind: Corpus, bytes: usize, rounds: usize, engines: &mut [Box<dyn Engine>]) -> Row {
    let text = corpus(kind, bytes);
    let mut took: Vec<Vec<Took>> = vec![Vec::with_capacity(rounds); engines.len()];
    let mut found: Vec<Option<u64>> = vec![None; engines.len()];
    for round in 0..rounds {
        for turn in 0..engines.len() {
            let n = (turn + round) % engines.len();
            let (engine, text) = (&mut engines[n], black_box(&text));
            let (count, one) = time(|| black_box(engine.count(text)));
            let before = *found[n].get_or_insert(count);
            assert_eq!(
                before,
                count,
                "{} counts differently on {kind}",
                engine.name()
            );
            took[n].push(one);
        }
    }
    let ours = engines.iter().position(|e| e.name() == names::STREAM);
    let ours = ours.map(|n| took[n].clone()).unwrap_or_default();
    let columns = engines
        .iter()
        .zip(took.iter().zip(&found))
        .map(|(engine, (took, found))| column(engine.as_ref(), took, *found, &ours))
        .collect::<Vec<_>>();
    let found = columns.iter().find(|column| column.name == names::STREAM);
    let found = found.map_or(0, |column| column.found);
    Row {
        kind,
        bytes: text.bytes.len(),
        digits: text.digits(),
        plain: text.plain,
        encoded: text.encoded,
        problem: sane(kind, &text, found).err(),
        columns,
    }
}

fn column(engine: &dyn Engine, took: &[Took], found: Option<u64>, ours: &[Took]) -> Column {
    let pick = |what: fn(&Took) -> f64| median(&mut took.iter().map(what).collect::<Vec<_>>());
    let ratios = took.iter().zip(ours).map(|(t, o)| t.cpu / o.cpu.max(1e-9));
    Column {
        name: engine.name(),
        role: engine.role(),
        found: found.unwrap_or_default(),
        cpu: pick(|took| took.cpu),
        wall: pick(|took| took.wall),
        times: median(&mut ratios.collect::<Vec<_>>()),
    }
}

/// Every tier, in pieces and as a whole, finds the same; no card that was put in as it is
/// is missed, and hardly more is found than was put in. Returns how many.
///
/// # Panics
/// When it is not so.
pub fn check(kind: Corpus, bytes: usize) -> (Text, u64) {
    let text = corpus(kind, bytes);
    let expected = Panscan::new(Tier::Scalar, Feed::Whole).count(&text);
    for tier in Tier::all_available() {
        for feed in [Feed::Pieces, Feed::Whole] {
            let found = Panscan::new(*tier, feed).count(&text);
            assert_eq!(
                found, expected,
                "{kind}: {tier:?} {feed:?} beside the specification"
            );
        }
    }
    if let Err(problem) = sane(kind, &text, expected) {
        panic!("{problem}");
    }
    (text, expected)
}

fn sane(kind: Corpus, text: &Text, found: u64) -> Result<(), String> {
    let most = text.plain + text.encoded + by_chance(kind, text);
    match (text.plain..=most).contains(&found) {
        true => Ok(()),
        false => Err(format!(
            "{kind}: {found} found, {} to {most} expected",
            text.plain
        )),
    }
}

/// Numbers that are cards by chance, at most: ids pass range and Luhn now and then.
fn by_chance(kind: Corpus, text: &Text) -> u64 {
    let mib = text.bytes.len() as u64 / (1 << 20) + 1;
    match kind {
        Corpus::Dense(_) => 1000 * mib,
        Corpus::Prose | Corpus::Adversarial => 0,
        _ => 16 * mib,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_and_cuts_agree_on_every_text() {
        for kind in Corpus::ALL {
            check(kind, 192 << 10);
        }
    }

    #[test]
    fn a_run_has_every_engine_and_the_validated_peer_finds_the_plain_cards() {
        let (mut engines, _) = crate::peers::all(1 << 20);
        let row = measure(Corpus::Mcp(100), 256 << 10, 3, &mut engines);
        assert_eq!(row.columns.len(), engines.len());
        assert!(row.columns.iter().all(|c| c.cpu > 0.0 && c.times > 0.0));
        let validated = row.column(names::VALIDATED).map(|c| c.found);
        assert!(
            validated >= Some(row.plain),
            "{validated:?} of {}",
            row.plain
        );
        assert_eq!(row.times(names::STREAM), Some(1.0));
    }
}
