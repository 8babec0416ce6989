//! Text that must not be in the repository, and files that grew too long.

use std::path::Path;

use super::Broken;

// Written in parts, so that this file does not break its own rule.
const HOSTS: &[&str] = &[
    concat!("registry.", "npmjs.org"),
    concat!("registry.", "yarnpkg.com"),
    concat!("files.", "pythonhosted.org"),
    concat!("pypi.", "org"),
    concat!("static.", "crates.io"),
    concat!("index.", "crates.io"),
    concat!("deb.", "debian.org"),
    concat!("proxy.", "golang.org"),
];
const FOLDERS: &[&str] = &[
    concat!("/", "work/"),
    concat!("/", "root/"),
    concat!("/", "home/"),
    concat!("/", "tmp/"),
];

/// A line that means such a path, in a test or in prose, says so with this word.
const EXCUSE: &str = "tidy:path";

const LINES_MAX: usize = 800;

/// Addresses of package registries, and folders of somebody's machine.
pub(super) fn check(path: &Path, content: &str) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (number, line) in content.lines().enumerate() {
        let place = || format!("{}:{}", path.display(), number + 1);
        if let Some(host) = HOSTS.iter().find(|host| line.contains(**host)) {
            broken.push(Broken::new(place(), format!("names the registry {host}")));
        }
        if !line.contains(EXCUSE)
            && let Some(folder) = FOLDERS.iter().find(|folder| has_folder(line, folder))
        {
            broken.push(Broken::new(
                place(),
                format!("names a machine's folder {folder}"),
            ));
        }
    }
    broken
}

/// `folder` as the start of an absolute path, not as a part of a longer one.
fn has_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|before| before.is_alphanumeric() || "._-/~}*".contains(before))
    })
}

/// The lines of code of a Rust file, without its tests, where they are too many.
pub(super) fn long(path: &Path, content: &str) -> Option<usize> {
    let is_test = path
        .iter()
        .any(|part| part == "tests" || part == "tests.rs");
    if is_test || path.extension().is_none_or(|extension| extension != "rs") {
        return None;
    }
    let lines = content
        .lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .count();
    (lines > LINES_MAX).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(line: &str) -> usize {
        check(Path::new("a.md"), line).len()
    }

    #[test]
    fn hosts_and_folders_are_found() {
        assert_eq!(
            rules(&format!("\"resolved\": \"https://{}/x\"", HOSTS[0])),
            1
        );
        for folder in FOLDERS {
            assert_eq!(rules(&format!("see {folder}x")), 1);
            assert_eq!(rules(&format!("\"{folder}x\"")), 1);
            assert_eq!(rules(&format!("see {folder}x // {EXCUSE}")), 0);
            assert_eq!(rules(&format!("https://example.com{folder}x")), 0);
            assert_eq!(rules(&format!("a{folder}x")), 0);
        }
    }

    #[test]
    fn tests_do_not_make_a_file_long() {
        let code = "line\n".repeat(LINES_MAX);
        let path = Path::new("crates/x/src/a.rs");
        assert_eq!(
            long(path, &format!("{code}#[cfg(test)]\nmod tests {{}}\n")),
            None
        );
        assert_eq!(long(path, &format!("{code}line\n")), Some(LINES_MAX + 1));
        assert_eq!(
            long(Path::new("tests/tests/e2e/a.rs"), &format!("{code}line\n")),
            None
        );
    }
}
