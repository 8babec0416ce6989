//! `panscan-corpus`: writes the corpus, scores scanners, counts false masks.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Parser, Subcommand};
use panscan_corpus::library::Library;
use panscan_corpus::program::{self, Program};
use panscan_corpus::score::Target;
use panscan_corpus::{SEED, case, clean, generate, score};

/// Labelled card-number corpus and scorer.
#[derive(Parser)]
struct Arguments {
    /// Seed of the generator.
    #[arg(long, global = true, default_value_t = SEED)]
    seed: u64,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes corpus.jsonl and truth.jsonl.
    Generate {
        /// Where to.
        dir: PathBuf,
    },
    /// Scores panscan, or a program that speaks the JSON lines.
    Score {
        /// The program; without it the library is asked.
        #[arg(long)]
        program: Option<PathBuf>,
        /// Its arguments.
        #[arg(long = "argument", default_values = ["scan", "--jsonl"], allow_hyphen_values = true)]
        arguments: Vec<String>,
        /// Only categories that begin with this.
        #[arg(long, default_value = "")]
        category: String,
        /// Also the smallest example of every category below its goal.
        #[arg(long)]
        examples: bool,
    },
    /// Answers questions on standard input: JSON lines, as `score --program` asks them.
    Answer,
    /// Counts masks in clean messages.
    Clean {
        /// How many messages.
        #[arg(long, default_value_t = 1_000_000)]
        messages: u64,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let cases = || generate(arguments.seed);
    match arguments.command {
        Command::Generate { dir } => {
            let cases = cases();
            case::write(&cases, &dir)?;
            println!("{} cases", cases.len());
        }
        Command::Score {
            program,
            arguments,
            category,
            examples,
        } => {
            let mut cases = cases();
            cases.retain(|case| case.category.starts_with(&category));
            let mut target: Box<dyn Target> = match program {
                Some(path) => Box::new(Program { path, arguments }),
                None => Box::new(Library::new()),
            };
            let report = score::run(target.as_mut(), &cases)?;
            print!("{}", report.table());
            if examples {
                print!("{}", report.examples());
            }
            let failing = report.failing();
            if !failing.is_empty() {
                bail!(
                    "{} categories below their goal: {}",
                    failing.len(),
                    failing.join(", ")
                );
            }
        }
        Command::Answer => {
            let (from, to) = (std::io::stdin().lock(), std::io::stdout().lock());
            program::serve(&mut Library::new(), from, std::io::BufWriter::new(to))?;
        }
        Command::Clean { messages } => {
            let report = clean::count(&Library::new(), arguments.seed, messages);
            print!("{report}");
        }
    }
    Ok(())
}
