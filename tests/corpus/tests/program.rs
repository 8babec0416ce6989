//! A program asked over JSON lines gets the score that the library gets.

use panscan_corpus::library::Library;
use panscan_corpus::program::Program;
use panscan_corpus::{SEED, generate, score};

#[test]
fn a_program_is_scored_like_the_library() {
    let mut cases = generate(SEED);
    cases.retain(|c| c.category.starts_with("text/") || c.category.starts_with("negative/hex"));
    assert!(!cases.is_empty());
    let mut program = Program {
        path: env!("CARGO_BIN_EXE_panscan-corpus").into(),
        arguments: vec!["answer".into()],
    };
    let asked = score::run(&mut program, &cases).expect("the program answers");
    let called = score::run(&mut Library::new(), &cases).expect("the library answers");
    assert_eq!(asked.table(), called.table());
}

#[test]
fn a_program_that_says_nothing_is_an_error() {
    let mut program = Program {
        path: "true".into(),
        arguments: vec![],
    };
    let mut cases = generate(SEED);
    cases.truncate(3);
    assert!(score::run(&mut program, &cases).is_err());
}
