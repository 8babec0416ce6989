//! How sure: by brand, length and the name of a number without a card layout.

use crate::iin::{Brand, Issued};
use crate::scalar::View;
use crate::{CONTEXT_BYTES, Confidence, words};

/// Confidence in a number without a card layout.
pub(crate) fn confidence(view: &View<'_>, start: usize, issued: Issued, len: usize) -> Confidence {
    match (issued.brand, len) {
        _ if !issued.major => Confidence::Low,
        _ if words::other(&view.buf[start.saturating_sub(CONTEXT_BYTES)..start]) => Confidence::Low,
        (_, 16) | (Brand::Amex, _) => Confidence::High,
        _ => Confidence::Medium,
    }
}

/// Bare numbers of lengths that ordinary ids have (EAN-13, Maestro at odd lengths)
/// count only with a card word before them.
pub(crate) fn needs_word(issued: Issued, len: usize) -> bool {
    match len {
        14 => issued.brand != Brand::Diners,
        15 => !matches!(issued.brand, Brand::Amex | Brand::Jcb | Brand::Uatp),
        16 => false,
        19 => matches!(issued.brand, Brand::Maestro | Brand::Diners),
        _ => true,
    }
}
