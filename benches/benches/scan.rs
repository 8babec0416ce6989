//! The scanner beside its peers on 17 kinds of text: prints the table of goals and
//! records it.
//!
//! ```text
//! cargo bench -p gateway-benches --bench scan              the table, and benches/record/scan.*
//! cargo bench -p gateway-benches --bench scan -- --quick   counts only, 4 MiB of each: no times
//!     --mib N, BENCH_MIB=N   size of each text (64)     --rounds N      rounds (9)
//!     --only A,B             these texts; no record     --record NAME   another name for it
//! ```
//!
//! Not criterion: it measures one engine after the other, and on a machine that does
//! something else too a ratio would say when which one ran. `tiers.rs` uses it to
//! compare the scanner with itself.

use std::error::Error;
use std::path::Path;

use gateway_benches::corpus::Corpus;
use gateway_benches::machine::Machine;
use gateway_benches::record::Record;
use gateway_benches::{peers, run, unpack};

/// Rounds and size below which nothing is recorded.
const ROUNDS: usize = 9;
const MIB: usize = 64;

struct Options {
    quick: bool,
    mib: usize,
    rounds: usize,
    only: Vec<Corpus>,
    record: String,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        // Without `--bench` it is `cargo test`, which wants an answer soon.
        quick: !std::env::args().any(|argument| argument == "--bench"),
        mib: 0,
        rounds: ROUNDS,
        only: Vec::new(),
        record: "scan".to_owned(),
    };
    if let Ok(mib) = std::env::var("BENCH_MIB") {
        options.mib = mib.parse()?;
    }
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--bench" => {}
            "--quick" | "--test" => options.quick = true,
            "--mib" => options.mib = value()?.parse()?,
            "--rounds" => options.rounds = value()?.parse()?,
            "--record" => options.record = value()?,
            "--only" => options.only = value()?.split(',').map(kind).collect::<Result<_, _>>()?,
            other => return Err(format!("{other} is not an option; see benches/scan.rs").into()),
        }
    }
    if options.mib == 0 {
        options.mib = if options.quick { 4 } else { MIB };
    }
    Ok(options)
}

fn kind(name: &str) -> Result<Corpus, String> {
    let named = Corpus::ALL
        .into_iter()
        .find(|kind| kind.to_string() == name);
    named.ok_or_else(|| {
        let names: Vec<String> = Corpus::ALL.iter().map(Corpus::to_string).collect();
        format!("{name} is none of {}", names.join(", "))
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let kinds = match options.only.as_slice() {
        [] => &Corpus::ALL,
        only => only,
    };
    match options.quick {
        true => counts(kinds, options.mib),
        false => compare(kinds, &options)?,
    }
    Ok(())
}

/// Every tier and every way of feeding finds the same, and what was put in.
fn counts(kinds: &[Corpus], mib: usize) {
    println!("corpus        digits  cards  encoded  found");
    for kind in kinds {
        let (text, found) = run::check(*kind, mib << 20);
        println!(
            "{kind:<12} {:>5.1} % {:>6} {:>8} {found:>6}",
            text.digits() * 100.0,
            text.plain,
            text.encoded
        );
    }
}

fn compare(kinds: &[Corpus], options: &Options) -> Result<(), Box<dyn Error>> {
    let machine = Machine::here();
    let (mut engines, hyperscan) = peers::all((options.mib + 1) << 20);
    let mut rows = Vec::with_capacity(kinds.len());
    for kind in kinds {
        eprintln!("{kind}: {} MiB, {} rounds", options.mib, options.rounds);
        rows.push(run::measure(
            *kind,
            options.mib << 20,
            options.rounds,
            &mut engines,
        ));
    }
    let record = Record {
        machine,
        tier: format!("{:?}", panscan::Tier::best()).to_lowercase(),
        hyperscan,
        rounds: options.rounds,
        rows,
        unpacked: match options.only.is_empty() {
            true => unpack::measure((options.mib << 20) / 4, options.rounds),
            false => Vec::new(),
        },
    };
    println!("{}", record.markdown());
    let problems: Vec<&str> = record
        .rows
        .iter()
        .filter_map(|row| row.problem.as_deref())
        .collect();
    if !problems.is_empty() {
        return Err(problems.join("; ").into());
    }
    let whole = options.only.is_empty() && options.rounds >= ROUNDS && options.mib >= MIB;
    if whole {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("record");
        record.write(&dir, &options.record)?;
        println!("recorded as benches/record/{}.md and .json", options.record);
    } else {
        println!("not recorded: that takes all texts, {MIB} MiB and {ROUNDS} rounds");
    }
    Ok(())
}
