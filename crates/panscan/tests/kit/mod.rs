//! Scans a text whole and checks what is told of it.
#![allow(dead_code)] // each test binary uses a part

use panscan::{Carrier, Finding, Scanner, Settings};

pub(crate) fn scan_with(scanner: &Scanner, carrier: Carrier, text: &str) -> (String, Vec<Finding>) {
    let mut buf = text.as_bytes().to_vec();
    let mut findings = Vec::new();
    let count = scanner.mask_in_place(carrier, &mut buf, &mut |f| findings.push(f));
    assert_eq!(count, findings.len());
    assert_eq!(buf.len(), text.len(), "same length");
    (
        String::from_utf8(buf).expect("masking keeps UTF-8"),
        findings,
    )
}

pub(crate) fn scan(carrier: Carrier, text: &str) -> (String, Vec<Finding>) {
    scan_with(&Scanner::new(Settings::default()), carrier, text)
}

#[track_caller]
pub(crate) fn masks(carrier: Carrier, text: &str, want: &str) {
    let (out, findings) = scan(carrier, text);
    assert_eq!(out, want, "{findings:?}");
    let (_, again) = scan(carrier, &out);
    assert!(again.is_empty(), "found again in {out}: {again:?}");
}

#[track_caller]
pub(crate) fn leaves(text: &str) {
    for carrier in [Carrier::Text, Carrier::Json] {
        let quoted = format!("\"{text}\"");
        let (out, findings) = scan(carrier, &quoted);
        assert!(findings.is_empty(), "{carrier:?} {text}: {findings:?}");
        assert_eq!(out, quoted);
    }
}

/// `text` as the content of a JSON string and as plain text: masked to `want`.
#[track_caller]
pub(crate) fn masks_in_both(text: &str, want: &str) {
    masks(Carrier::Text, text, want);
    masks(
        Carrier::Json,
        &format!("\"{text}\""),
        &format!("\"{want}\""),
    );
}
