//! Every fuzz target has a committed corpus, and the other way round.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::Broken;

pub(super) fn check(files: &[PathBuf]) -> Vec<Broken> {
    let targets: BTreeSet<&str> = files
        .iter()
        .filter(|path| path.parent() == Some(Path::new("fuzz/fuzz_targets")))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| path.file_stem()?.to_str())
        .collect();
    let corpora: BTreeSet<&str> = files
        .iter()
        .filter_map(|path| {
            path.strip_prefix("fuzz/corpus")
                .ok()?
                .iter()
                .next()?
                .to_str()
        })
        .collect();
    let without = targets.difference(&corpora).map(|name| {
        Broken::new(
            format!("fuzz/fuzz_targets/{name}.rs"),
            "no corpus in fuzz/corpus",
        )
    });
    let orphans = corpora
        .difference(&targets)
        .map(|name| Broken::new(format!("fuzz/corpus/{name}"), "no fuzz target of this name"));
    without.chain(orphans).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_a_corpus_and_a_corpus_without_a_target_are_found() {
        let files = [
            "fuzz/fuzz_targets/head.rs",
            "fuzz/fuzz_targets/sse.rs",
            "fuzz/corpus/sse/a",
            "fuzz/corpus/old/a",
        ];
        let broken = check(&files.map(PathBuf::from));
        let places: Vec<&str> = broken.iter().map(|broken| broken.place.as_str()).collect();
        assert_eq!(places, ["fuzz/fuzz_targets/head.rs", "fuzz/corpus/old"]);
    }
}
