//! Bounds on a policy text before Cedar sees it.
//!
//! Cedar's parser and checker recurse over the expression, so a text that is
//! nested or chained without end would end the process by stack overflow, not
//! by an error. This counts, in one pass and without a stack, what makes a
//! policy deep.

/// Deepest nesting of brackets.
pub(crate) const NESTING_MAX: usize = 32;
/// Most operators (`&&`, `||`, `.`, `if`, `!`, arithmetic, `[`) in one policy.
pub(crate) const OPERATORS_MAX: usize = 512;

/// Offset and message of the first place that is over a bound.
pub(crate) fn check(text: &str) -> Result<(), (usize, String)> {
    let mut nesting = 0usize;
    let mut operators = 0usize;
    let mut in_word = false;
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((offset, byte)) = bytes.next() {
        let word = byte.is_ascii_alphanumeric() || byte == b'_';
        let starts_word = word && !in_word;
        in_word = word;
        match byte {
            b'"' => skip_string(&mut bytes),
            b'/' if bytes.peek().is_some_and(|(_, next)| *next == b'/') => {
                while bytes.next_if(|(_, byte)| *byte != b'\n').is_some() {}
            }
            b'(' | b'[' | b'{' => {
                nesting += 1;
                operators += 1;
            }
            b')' | b']' | b'}' => nesting = nesting.saturating_sub(1),
            b'&' | b'|' | b'.' | b'!' | b'+' | b'-' | b'*' | b'=' | b'<' | b'>' => operators += 1,
            b'i' if starts_word && text.get(offset..).is_some_and(|t| t.starts_with("if")) => {
                operators += 1;
            }
            b';' => operators = 0,
            _ => {}
        }
        if nesting > NESTING_MAX {
            return Err((
                offset,
                format!("brackets are nested deeper than {NESTING_MAX}"),
            ));
        }
        if operators > OPERATORS_MAX {
            return Err((
                offset,
                format!("policy has more than {OPERATORS_MAX} operators: split it"),
            ));
        }
    }
    Ok(())
}

fn skip_string(bytes: &mut impl Iterator<Item = (usize, u8)>) {
    while let Some((_, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_comments_do_not_count() {
        let quiet = format!(
            "// {}\npermit(principal == U::\"{}\\\"((\");",
            "(".repeat(99),
            "(".repeat(99)
        );
        assert_eq!(check(&quiet), Ok(()));
    }

    #[test]
    fn deep_and_long_texts_are_refused_at_their_place() {
        let deep = "(".repeat(NESTING_MAX + 1);
        assert_eq!(check(&deep).map_err(|(offset, _)| offset), Err(NESTING_MAX));
        let chain = "a||".repeat(OPERATORS_MAX);
        assert!(check(&chain).is_err());
        let many = "permit(principal, action, resource);\n".repeat(OPERATORS_MAX * 2);
        assert_eq!(check(&many), Ok(()));
    }
}
