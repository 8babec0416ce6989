//! Links between the documents of the package lead to something.

use std::{fs, path::Path};

use anyhow::ensure;

use super::stage;

/// Follows every relative link of every document below `docs`.
pub(super) fn check(docs: &Path) -> anyhow::Result<()> {
    for path in stage::files(docs)? {
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = fs::read_to_string(docs.join(&path))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for target in targets(&text) {
            ensure!(
                docs.join(folder).join(target).exists(),
                "{}: {target} is not packed",
                path.display()
            );
        }
    }
    Ok(())
}

/// Files that a text links to; not addresses of the web, nor places in itself.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("](")
        .filter_map(|(at, mark)| text.get(at + mark.len()..)?.split(')').next())
        .filter(|target| !target.contains("://") && !target.contains(char::is_whitespace))
        .filter_map(|target| target.split('#').next())
        .filter(|file| !file.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_are_targets() {
        let text = "[a](docs/A.md) [b](https://example.com) [c](#c) [d](B.md#e) [f]( x ).";
        assert_eq!(targets(text).collect::<Vec<_>>(), ["docs/A.md", "B.md"]);
    }

    #[test]
    fn a_link_to_nothing_is_an_error() -> anyhow::Result<()> {
        let docs = std::env::temp_dir().join(format!("panward-links-{}", std::process::id()));
        fs::create_dir_all(docs.join("docs"))?;
        fs::write(docs.join("README.md"), "[a](docs/A.md)")?;
        let broken = check(&docs);
        fs::write(docs.join("docs/A.md"), "[r](../README.md)")?;
        let whole = check(&docs);
        fs::remove_dir_all(&docs)?;
        assert!(broken.is_err_and(|error| error.to_string().contains("docs/A.md")));
        whole
    }
}
