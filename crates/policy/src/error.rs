//! What is wrong with a policy text.

use std::fmt;

/// One problem in one policy file. The operator's fault; the text never quotes
/// more of the file than Cedar's own message does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PolicyError {
    /// Name of the file, as given to `load`.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// One line, lower case.
    pub message: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}",
            self.file, self.line, self.column, self.message
        )
    }
}

impl PolicyError {
    /// Problem at a byte offset of `text`.
    pub(crate) fn at(file: &str, text: &str, offset: usize, message: impl fmt::Display) -> Self {
        // An offset inside a character or past the end is moved back to one
        // that exists.
        let before: &str = (0..=offset.min(text.len()))
            .rev()
            .find_map(|end| text.get(..end))
            .unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        PolicyError {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            message: one_line(&message.to_string()),
        }
    }
}

/// Collapses white space, so that a message is one line whatever Cedar wrote,
/// and escapes what would move a terminal's cursor or turn its text around:
/// Cedar quotes names from the file.
fn one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len());
    for word in message.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if c.is_control() || turns {
                line.extend(c.escape_unicode());
            } else {
                line.push(c);
            }
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_lines_and_columns() {
        let text = "ab\nçd\n";
        let at = |offset| {
            let error = PolicyError::at("f", text, offset, "m");
            (error.line, error.column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(1), (1, 2));
        assert_eq!(at(3), (2, 1));
        assert_eq!(at(4), (2, 1)); // inside the two bytes of the letter
        assert_eq!(at(5), (2, 2));
        assert_eq!(at(99), (3, 1));
    }
}
