//! Card verification codes and PINs (sensitive authentication data, PCI DSS 3.3.1):
//! digits that only a word beside them gives away.
//!
//! - By their own name: `"cvv": "123"`, `cvv=123`, `CVC2: 123`, `<cvv>123</cvv>`,
//!   `cvv code is 123`; three or four digits that stand alone.
//! - Within [`REACH`] bytes behind a card number, with such a word between.
//! - A name that other codes have too (`security code`, `cid`, `verification_code`, a PIN
//!   of five and six digits) counts with a card number or a card word close before it.
//!
//! Removed whole. As a JSON number it becomes a 1 and zeros, which tells nothing; a code
//! that is a 1 and zeros already is left and not reported.

use crate::boundary::{self, Answer};
use crate::scalar::View;
use crate::token::{self, Unit};
use crate::{CONTEXT_BYTES, finding::Kind, words};

/// Bytes behind a card number in which a code belongs to it.
pub(crate) const REACH: usize = 40;
/// Bytes that are no letters between a name and its value.
const GAP: usize = 24;
const NAME: usize = 40;

/// A code: where it ends, and whether it has to stay a JSON number.
pub(crate) struct Code {
    pub(crate) kind: Kind,
    pub(crate) end: usize,
    pub(crate) number: bool,
}

pub(crate) enum Sad {
    No,
    More,
    Yes(Code),
}

/// Is the digit group at `start` a code? `in_string` as in `scalar::examine`.
pub(crate) fn examine(
    view: &View<'_>,
    start: usize,
    in_string: &mut dyn FnMut(usize) -> bool,
) -> Sad {
    let left = &view.buf[view.lo(start)..start];
    let Some((kind, strong)) = named(left).or_else(|| behind_a_card(view, start, left)) else {
        return Sad::No;
    };
    let (len, end) = match digits(view, start) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let near = || near_a_card(view, start);
    let fits = match kind {
        Kind::Pin => len == 4 || (5..=6).contains(&len) && near(),
        _ => (3..=4).contains(&len),
    };
    if !fits || !(strong || near()) {
        return Sad::No;
    }
    match alone(view, end) {
        Answer::Yes => {}
        Answer::No => return Sad::No,
        Answer::More => return Sad::More,
    }
    let number = match boundary::is_json_value(view, start, end) {
        Answer::More => return Sad::More,
        Answer::Yes => true,
        Answer::No => !in_string(start),
    };
    let plain = end - start == len;
    let told = number && plain && {
        let zeros = &view.buf[start + 1..end];
        view.buf[start] == b'1' && zeros.iter().all(|b| *b == b'0')
    };
    if told {
        return Sad::No;
    }
    Sad::Yes(Code {
        kind,
        end,
        number: number && plain,
    })
}

/// How many digits there are, and where they end.
fn digits(view: &View<'_>, start: usize) -> Result<(usize, usize), Sad> {
    let (mut len, mut pos) = (0, start);
    while len <= 6 {
        match token::next(view.buf, pos) {
            (Unit::Digit(_), n) => {
                len += 1;
                pos += n;
            }
            (Unit::Short, _) if !view.end => return Err(Sad::More),
            _ => break,
        }
    }
    Ok((len, pos))
}

/// Nothing that makes a longer token of it follows.
fn alone(view: &View<'_>, end: usize) -> Answer {
    let open = if view.end { Answer::Yes } else { Answer::More };
    match view.buf.get(end) {
        None => open,
        Some(b'.' | b'-' | b'/' | b',' | b':' | b'*') => match view.buf.get(end + 1) {
            None => open,
            Some(b'0'..=b'9' | b'*') => Answer::No,
            Some(_) => Answer::Yes,
        },
        Some(b'_') => Answer::No,
        Some(b) if b.is_ascii_alphanumeric() => Answer::No,
        Some(_) => Answer::Yes,
    }
}

/// Is there a card number, or a word of cards, close before it?
fn near_a_card(view: &View<'_>, start: usize) -> bool {
    within_reach(view, start) || words::card(&view.buf[start.saturating_sub(CONTEXT_BYTES)..start])
}

/// Does the last finding end within [`REACH`] bytes before `start`?
fn within_reach(view: &View<'_>, start: usize) -> bool {
    view.floor > 0 && view.floor <= start && start - view.floor <= REACH
}

/// A name somewhere between a card number and the code.
fn behind_a_card(view: &View<'_>, start: usize, left: &[u8]) -> Option<(Kind, bool)> {
    let apart = match left {
        [.., b'0'..=b'9' | b'*', b'.' | b'/' | b'-' | b':'] => false,
        [.., last] => !last.is_ascii_alphanumeric() && *last != b'_',
        [] => false,
    };
    if !apart || !within_reach(view, start) {
        return None;
    }
    identifiers(left).find_map(|name| kind_of(name, false))
}

/// Runs of letters, digits and `_`.
fn identifiers(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| !b.is_ascii_alphanumeric() && *b != b'_')
        .filter(|name| !name.is_empty() && name.len() <= NAME)
}

/// The name directly before the value, and whether it leaves no doubt.
fn named(left: &[u8]) -> Option<(Kind, bool)> {
    let (mut rest, assigned) = without_gap(left)?;
    let mut coded = false;
    // `cvv code is 123`: words that only fill.
    for _ in 0..3 {
        let name = last_name(rest);
        let mut space = [0; NAME];
        match name.to_ascii_lowercase_in(&mut space) {
            b"is" | b"of" | b"no" | b"nr" | b"the" | b"value" | b"num" | b"number" => {}
            b"code" | b"codes" => coded = true,
            _ => break,
        }
        rest = rest[..rest.len() - name.len()].trim_ascii_end();
        // `"name": "cvv", "value": "123"` and `name="cvv" value="123"`.
        while let [head @ .., b'"' | b'\'' | b'\\'] | [head @ .., b'"' | b'\'', b','] = rest {
            rest = head.trim_ascii_end();
        }
    }
    let (kind, strong) = kind_of(last_name(rest), coded)?;
    // `pin 1234` can be the pin of a chip or of a map: it takes an assignment.
    let doubt = kind == Kind::Pin && !assigned;
    Some((kind, strong && !doubt))
}

/// `left` without what stands between a name and its value, and whether that assigns.
fn without_gap(left: &[u8]) -> Option<(&[u8], bool)> {
    let (mut rest, mut assigned, mut stars) = (left, false, 0);
    for _ in 0..GAP {
        rest = match rest {
            [head @ .., b'%', b'3', b'D' | b'd' | b'A' | b'a'] => {
                assigned = true;
                head
            }
            [head @ .., b'%', b'2', b'0' | b'2'] => head,
            [head @ .., b':' | b'=' | b'>'] => {
                assigned = true;
                head
            }
            [
                head @ ..,
                b' ' | b'\t' | b'"' | b'\'' | b'\\' | b'#' | b'|' | b'(' | b'[' | b'-',
            ] => head,
            // Markdown's bold; three would be a code that is masked.
            [head @ .., b'*'] if stars < 2 => {
                stars += 1;
                head
            }
            _ => break,
        };
    }
    (rest.len() < left.len() && !rest.is_empty()).then_some((rest, assigned))
}

/// The run of letters, digits, `_` and `-` at the end.
fn last_name(text: &[u8]) -> &[u8] {
    let len = text
        .iter()
        .rev()
        .take(NAME)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        .count();
    &text[text.len() - len..]
}

/// What code a name stands for, and whether it leaves no doubt. `coded`: the word
/// `code` stood behind it.
fn kind_of(name: &[u8], coded: bool) -> Option<(Kind, bool)> {
    let mut space = [0; NAME];
    let lower = name.to_ascii_lowercase_in(&mut space);
    let has = |word: &[u8]| lower.windows(word.len()).any(|w| w == word);
    let part = |word: &[u8]| parts(name).any(|p| p.eq_ignore_ascii_case(word));
    let code = coded || part(b"code") || part(b"value") || part(b"number");
    if has(b"cvv") || has(b"cvc") || has(b"ccv") && !has(b"accv") {
        return Some((Kind::Cvv, true));
    }
    if has(b"securitycode") || has(b"security_code") || has(b"security-code") {
        return Some((Kind::Cvv, true));
    }
    if has(b"card_verification") || has(b"cardverification") {
        return Some((Kind::Cvv, true));
    }
    let weak: [&[u8]; 7] = [b"cid", b"csc", b"cvn", b"cvd", b"cav", b"cav2", b"cvv2"];
    if weak.iter().any(|word| part(word)) {
        return Some((Kind::Cvv, false));
    }
    if code && (part(b"security") || part(b"verification")) {
        return Some((Kind::Cvv, false));
    }
    if part(b"pin") {
        return Some((Kind::Pin, true));
    }
    None
}

/// The words of a name: `cardPin`, `card_pin`, `X-Pin`.
fn parts(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = name;
    std::iter::from_fn(move || {
        while let [b'_' | b'-', tail @ ..] = rest {
            rest = tail;
        }
        let first = *rest.first()?;
        let lower_seen = |i: usize| rest.get(i).is_some_and(u8::is_ascii_lowercase);
        let len = (1..rest.len())
            .find(|&i| {
                matches!(rest[i], b'_' | b'-') || rest[i].is_ascii_uppercase() && lower_seen(i - 1)
            })
            .unwrap_or(rest.len());
        debug_assert!(first != b'_');
        let (part, tail) = rest.split_at(len);
        rest = tail;
        Some(part)
    })
}

trait Lower {
    /// In lower case, as far as it fits.
    fn to_ascii_lowercase_in<'a>(&self, space: &'a mut [u8]) -> &'a [u8];
}

impl Lower for [u8] {
    fn to_ascii_lowercase_in<'a>(&self, space: &'a mut [u8]) -> &'a [u8] {
        let len = self.len().min(space.len());
        for (slot, byte) in space.iter_mut().zip(self) {
            *slot = byte.to_ascii_lowercase();
        }
        &space[..len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, want) in [
            ("\"cvv\": \"", Some((Kind::Cvv, true))),
            ("cvv=", Some((Kind::Cvv, true))),
            ("x-cardCvv2: ", Some((Kind::Cvv, true))),
            ("CVC code is ", Some((Kind::Cvv, true))),
            ("<securityCode>", Some((Kind::Cvv, true))),
            ("security code: ", Some((Kind::Cvv, false))),
            ("verification_code=", Some((Kind::Cvv, false))),
            ("cid=", Some((Kind::Cvv, false))),
            ("\"card_pin\":", Some((Kind::Pin, true))),
            ("cardPin=", Some((Kind::Pin, true))),
            ("pin ", Some((Kind::Pin, false))),
            ("spin=", None),
            ("pinned: ", None),
            ("cvv", None),
            ("cvv, ", None),
            ("acid=", None),
            ("code: ", None),
        ] {
            assert_eq!(named(text.as_bytes()), want, "{text}");
        }
    }
}
