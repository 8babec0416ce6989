//! `unsafe` only where the design allows it.

use std::path::Path;

use super::Broken;

/// Folders that may hold `unsafe`.
const ALLOWED: &[&str] = &[
    "crates/panscan/src/arch",
    // Calls into `arch`, where the tier was detected.
    "crates/panscan/src/stream.rs",
    // The tiers of the search for base64.
    "crates/panscan/src/layers/wide.rs",
    // Pages that may not be read, on both sides of a buffer.
    "crates/panscan/tests/guard",
    // A C library, as a peer.
    "benches/src/peers/hyperscan.rs",
    "gateway/src/sys",
    "gateway-common/src",
    "gateway-ebpf/src",
    // Namespaces and raw sockets that the kernel suite makes for itself.
    "tests/tests/kernel",
    // Asks the kernel which programs are attached.
    "tests/tests/e2e/watch.rs",
];

/// Crate roots that must forbid it.
const FORBIDDING: &[&str] = &[
    "crates/wire/src/lib.rs",
    "crates/policy/src/lib.rs",
    "crates/audit/src/lib.rs",
    "crates/engine/src/lib.rs",
];

pub(super) fn check(path: &Path, content: &str) -> Vec<Broken> {
    let mut broken = Vec::new();
    if path.extension().is_none_or(|extension| extension != "rs") {
        return broken;
    }
    if FORBIDDING.iter().any(|root| path == Path::new(root))
        && !content.contains("#![forbid(unsafe_code)]")
    {
        let place = path.display().to_string();
        broken.push(Broken::new(place, "lacks #![forbid(unsafe_code)]"));
    }
    if ALLOWED.iter().any(|folder| path.starts_with(folder)) {
        return broken;
    }
    for (number, line) in content.lines().enumerate() {
        if is_unsafe(line) {
            let place = format!("{}:{}", path.display(), number + 1);
            broken.push(Broken::new(place, "unsafe code outside its folders"));
        }
    }
    broken
}

/// The keyword with what makes it code: a block, a function, an impl, an attribute.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or(line);
    code.match_indices(KEYWORD).any(|(at, _)| {
        let before = code.get(..at).and_then(|before| before.chars().next_back());
        let inside_word = before.is_some_and(|c| c.is_alphanumeric() || "_\"'`".contains(c));
        let after = code.get(at + KEYWORD.len()..).unwrap_or_default();
        let after_word = after.trim_start();
        let opens = ["{", "fn ", "impl ", "impl<", "extern ", "trait "]
            .iter()
            .any(|next| after_word.starts_with(next));
        !inside_word && (opens || after.starts_with('(') || after.trim().is_empty())
    })
}

const KEYWORD: &str = concat!("un", "safe");

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, code: &str) -> usize {
        check(Path::new(path), &code.replace("UNSAFE", KEYWORD)).len()
    }

    #[test]
    fn code_is_found_and_words_are_not() {
        for code in [
            "UNSAFE { x }",
            "let a = UNSAFE{ b };",
            "pub UNSAFE fn f() {}",
            "#[UNSAFE(no_mangle)]",
            "UNSAFE impl Send for X {}",
        ] {
            assert_eq!(found("gateway/src/net/a.rs", code), 1, "{code}");
            assert_eq!(found("gateway/src/sys/a.rs", code), 0, "{code}");
        }
        for code in [
            "// UNSAFE { x }",
            "#![forbid(UNSAFE_code)]",
            "\"UNSAFE fn \"",
            "UNSAFE_op",
        ] {
            assert_eq!(found("gateway/src/net/a.rs", code), 0, "{code}");
        }
    }

    #[test]
    fn a_pure_crate_forbids_it() {
        assert_eq!(found("crates/wire/src/lib.rs", "//! wire."), 1);
        assert_eq!(
            found("crates/wire/src/lib.rs", "#![forbid(UNSAFE_code)]"),
            0
        );
    }
}
