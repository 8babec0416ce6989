//! Looks for what must not be there: a card number, a token, a secret, in every file
//! below a folder, in the forms in which a program could have written it.
//!
//! Forms: plain; digits grouped by blank or dash; lower and upper hexadecimal; packed
//! two digits to a byte; base64, standard and URL alphabet, at each of the
//! three alignments; JSON `\u` escapes. Compressed data is not unpacked.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use base64::Engine;
use memchr::memmem;

/// A needle that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// In which file.
    pub file: PathBuf,
    /// Byte offset in it.
    pub offset: usize,
    /// Which of the needles, counted from 0: the needle itself is not repeated.
    pub needle: usize,
    /// In which form.
    pub form: &'static str,
}

/// Everything found below `dir` (or in the one file `dir`), at most one hit for each
/// file, needle and form. Symbolic links are not followed.
///
/// # Errors
/// If a file cannot be read, or none was there: an empty search proves nothing.
pub fn search_tree(dir: &Path, needles: &[&str]) -> anyhow::Result<Vec<Hit>> {
    let forms: Vec<(usize, &'static str, Vec<u8>)> = needles
        .iter()
        .enumerate()
        .flat_map(|(index, needle)| {
            forms(needle)
                .into_iter()
                .map(move |(form, bytes)| (index, form, bytes))
        })
        .collect();
    let mut hits = Vec::new();
    let files = files(dir)?;
    ensure!(!files.is_empty(), "no file below {}", dir.display());
    for file in files {
        let content = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        for (needle, form, bytes) in &forms {
            if let Some(offset) = memmem::find(&content, bytes) {
                hits.push(Hit {
                    file: file.clone(),
                    offset,
                    needle: *needle,
                    form,
                });
            }
        }
    }
    Ok(hits)
}

fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let kind = path
        .symlink_metadata()
        .with_context(|| format!("look at {}", path.display()))?;
    if kind.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    if kind.is_dir() {
        for entry in std::fs::read_dir(path)? {
            found.extend(files(&entry?.path())?);
        }
    }
    found.sort();
    Ok(found)
}

/// The forms of one needle; those too short to mean anything are left out.
fn forms(needle: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = needle.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let escaped: String = bytes.iter().map(|byte| format!("\\u{byte:04x}")).collect();
    let mut forms = vec![
        ("plain", bytes.to_vec()),
        ("upper hex", hex.to_uppercase().into_bytes()),
        ("hex", hex.into_bytes()),
        ("JSON escapes", escaped.into_bytes()),
    ];
    if bytes.iter().all(u8::is_ascii_digit) {
        for (form, separator) in [("groups with blanks", " "), ("groups with dashes", "-")] {
            let groups: Vec<&str> = (0..needle.len())
                .step_by(4)
                .filter_map(|at| needle.get(at..needle.len().min(at + 4)))
                .collect();
            forms.push((form, groups.join(separator).into_bytes()));
        }
        if bytes.len().is_multiple_of(2) {
            let packed = bytes.chunks(2).filter_map(|pair| match pair {
                [high, low] => Some((high - b'0') << 4 | (low - b'0')),
                _ => None,
            });
            forms.push(("packed digits", packed.collect()));
        }
    }
    for engine in [
        &base64::engine::general_purpose::STANDARD_NO_PAD,
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
    ] {
        forms.extend((0..3).map(|shift| ("base64", base64_inner(engine, bytes, shift))));
    }
    forms.retain(|(_, form)| form.len() >= FORM_BYTES_MIN);
    forms
}

/// The base64 characters that depend on the needle alone, when `shift` unknown bytes
/// come before it in the encoded text and anything after it.
fn base64_inner(engine: &base64::engine::GeneralPurpose, needle: &[u8], shift: usize) -> Vec<u8> {
    let mut padded = vec![0; shift];
    padded.extend_from_slice(needle);
    let encoded = engine.encode(&padded).into_bytes();
    let first = (shift * 8).div_ceil(6);
    let last = (shift + needle.len()) * 8 / 6;
    encoded.get(first..last).unwrap_or_default().to_vec()
}

const FORM_BYTES_MIN: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CARD, Scratch};

    fn hits(content: &[u8]) -> anyhow::Result<Vec<&'static str>> {
        let scratch = Scratch::new("search")?;
        std::fs::create_dir(scratch.join("deep"))?;
        std::fs::write(scratch.join("deep/file"), content)?;
        let hits = search_tree(scratch.path(), &[CARD, "s3cret-token-value"])?;
        Ok(hits.into_iter().map(|hit| hit.form).collect())
    }

    #[test]
    fn each_form_is_found() -> anyhow::Result<()> {
        assert_eq!(hits(b"card 4111111111111111.")?, ["plain"]);
        assert_eq!(hits(b"4111 1111 1111 1111")?, ["groups with blanks"]);
        assert_eq!(hits(b"4111-1111-1111-1111")?, ["groups with dashes"]);
        assert_eq!(
            hits(b"34313131313131313131313131313131")?,
            ["upper hex", "hex"]
        );
        assert_eq!(
            hits(b"\x00\x41\x11\x11\x11\x11\x11\x11\x11\x00")?,
            ["packed digits"]
        );
        assert_eq!(
            hits(b"7333637265742D746F6B656E2D76616C7565")?,
            ["upper hex"]
        );
        Ok(())
    }

    #[test]
    fn base64_is_found_at_every_alignment() -> anyhow::Result<()> {
        let engine = base64::engine::general_purpose::STANDARD;
        for before in 0..7 {
            for after in 0..4 {
                let text = format!("{}{CARD}{}", "x".repeat(before), "y".repeat(after));
                let found = hits(engine.encode(text).as_bytes())?;
                assert!(found.contains(&"base64"), "{before} before, {after} after");
            }
        }
        Ok(())
    }

    #[test]
    fn masked_and_other_text_is_not() -> anyhow::Result<()> {
        assert!(hits(b"411111******1111 and 4111111111111112 and s3cret")?.is_empty());
        Ok(())
    }

    #[test]
    fn an_empty_folder_proves_nothing() -> anyhow::Result<()> {
        let scratch = Scratch::new("search")?;
        assert!(search_tree(scratch.path(), &[CARD]).is_err());
        Ok(())
    }
}
