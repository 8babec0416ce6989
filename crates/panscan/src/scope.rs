//! What of the text before a number speaks of it.
//!
//! In JSON that is the string it stands in, its key, and the keys of the objects and
//! arrays around it; what its siblings say is of other values (`"text":"by visa"},
//! {"id":"612408150198377502"`). Text that is no JSON speaks of it as a whole. JSON in
//! JSON counts like JSON: backslashes before quotes are not counted.
//!
//! Local and without a parser: on text that only looks like JSON the answer is some
//! answer. `crate::words` asks it about the last 64 bytes.

/// The parts of `left`, which ends at the number, the nearest first.
pub(crate) fn parts(left: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut own = true;
    let mut rest = Some(left);
    std::iter::from_fn(move || {
        while let Some(text) = rest {
            let (part, before) = if std::mem::take(&mut own) {
                own_string(text)
            } else {
                outward(text)
            };
            rest = before;
            if part.is_some() {
                return part;
            }
        }
        None
    })
}

/// A part, and what is to be read after it.
type Step<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// The string in which the number stands, if it is in one.
fn own_string(text: &[u8]) -> Step<'_> {
    let Some(quote) = text.iter().rposition(|b| *b == b'"') else {
        return (Some(text), None);
    };
    let (head, own) = (&text[..quote], &text[quote + 1..]);
    if is_structure(own) {
        return (None, Some(text));
    }
    match trimmed(head) {
        [.., b':' | b',' | b'[' | b'{'] => (Some(own), Some(head)),
        // The end of a quotation in prose.
        _ => (Some(text), None),
    }
}

/// Only what stands between a string and a number of JSON, a `:` or `,` among it?
fn is_structure(text: &[u8]) -> bool {
    let (mut joint, mut escaped) = (false, false);
    let fits = text.iter().all(|byte| {
        let space = std::mem::replace(&mut escaped, *byte == b'\\');
        joint |= matches!(byte, b':' | b',');
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b'\\' | b':' | b',' | b'[' | b'{' | b'-' => true,
            b'n' | b'r' | b't' => space,
            _ => false,
        }
    });
    fits && joint
}

/// What is before a value, read outward.
fn outward(text: &[u8]) -> Step<'_> {
    let text = trimmed(text);
    match text {
        [head @ .., b':'] => match key(trimmed(head)) {
            Some((key, before)) => (Some(key), Some(before)),
            None => (Some(text), None),
        },
        [head @ .., b'{' | b'['] => (None, Some(head)),
        [head @ .., b','] => (None, behind_opening(head)),
        [head @ .., b'-'] => (None, Some(head)),
        _ => (None, None),
    }
}

/// A key at the end of `text`, and what is before its quotes.
fn key(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let head = text.strip_suffix(b"\"")?;
    match head.iter().rposition(|b| *b == b'"') {
        Some(at) => Some((&head[at + 1..], &head[..at])),
        // Its beginning is beyond reach.
        None => Some((head, &[])),
    }
}

/// What is before the bracket that encloses the end of `text`: siblings are skipped.
fn behind_opening(text: &[u8]) -> Option<&[u8]> {
    let (mut depth, mut inside) = (0usize, false);
    for (i, byte) in text.iter().enumerate().rev() {
        match byte {
            b'"' => inside = !inside,
            _ if inside => {}
            b'}' | b']' => depth += 1,
            b'{' | b'[' => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return Some(&text[..i]),
            },
            _ => {}
        }
    }
    None
}

/// Without white space and the backslashes of escapes at the end.
fn trimmed(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [head @ .., b' ' | b'\t' | b'\r' | b'\n' | b'\\'] => head,
            [head @ .., b'\\', b'n' | b'r' | b't'] => head,
            _ => return text,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_of_a_number() {
        for (left, want) in [
            ("my card ", "my card "),
            (r#"{"card":""#, "|card"),
            (r#"{"card":"#, "card"),
            (r#"{"card": {"visa":1,"number": "#, "number|card"),
            (r#"{\"card\":{\"a\":[{}],\"number\":\""#, r"|number\|card\"),
            (r#"{"t":"by visa"},{"id":""#, "|id"),
            (r#"{"t":"by visa","id":"#, "id"),
            (r#""cards": ["x", ["y", ""#, "|cards"),
            (r#"{"t":"paid with card no. "#, "paid with card no. |t"),
            (r#"{"t":"the \"visa\" one "#, r#"{"t":"the \"visa\" one "#),
            (r#"card: {"n":"#, r"n|card:"),
            ("visa,", "visa,"),
        ] {
            let seen: Vec<_> = parts(left.as_bytes())
                .map(String::from_utf8_lossy)
                .collect();
            assert_eq!(seen.join("|"), want, "{left}");
        }
    }
}
