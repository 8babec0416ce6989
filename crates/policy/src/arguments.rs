//! Arguments of a call, flattened to scalars by path.
//!
//! Paths look like `a.b[0].c`. A key that is not a plain word is written as
//! `["..."]` by [`append_key`], so that `{"a.b": 1}` and `{"a": {"b": 1}}`
//! cannot be mistaken for each other. A path given twice is refused: a server
//! might read the other one.

use std::collections::BTreeMap;
use std::fmt;

/// One scalar of the arguments. `Debug` prints the kind, never the value.
#[derive(Clone, PartialEq, Eq)]
pub enum Scalar {
    /// JSON string, decoded.
    Str(String),
    /// JSON number that is an `i64`.
    Int(i64),
    /// JSON boolean.
    Bool(bool),
    /// JSON null.
    Null,
    /// Any other JSON number, as written (`1.5`, `1e9`, above 2^63).
    Decimal(String),
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scalar::Str(_) => "Str(..)",
            Scalar::Int(_) => "Int(..)",
            Scalar::Bool(_) => "Bool(..)",
            Scalar::Null => "Null",
            Scalar::Decimal(_) => "Decimal(..)",
        })
    }
}

/// Why an argument was not taken. The caller denies the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentsError {
    /// More scalars than [`Arguments::ENTRIES_MAX`].
    #[error("arguments have more than {} values", Arguments::ENTRIES_MAX)]
    Entries,
    /// Nested deeper than [`Arguments::DEPTH_MAX`].
    #[error("arguments are nested deeper than {} levels", Arguments::DEPTH_MAX)]
    Depth,
    /// Path longer than [`Arguments::PATH_BYTES_MAX`].
    #[error(
        "path of an argument is longer than {} bytes",
        Arguments::PATH_BYTES_MAX
    )]
    Path,
    /// The same path twice.
    #[error("an argument is given twice")]
    Duplicate,
}

/// Arguments of one call, in order of their path.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    entries: BTreeMap<String, Scalar>,
}

impl Arguments {
    /// Most scalars in one message.
    pub const ENTRIES_MAX: usize = 1_024;
    /// Deepest path: number of keys and indices in it.
    pub const DEPTH_MAX: usize = 32;
    /// Longest path, in bytes.
    pub const PATH_BYTES_MAX: usize = 1_024;

    /// No arguments.
    pub fn new() -> Arguments {
        Arguments::default()
    }

    /// Adds the scalar at `path` (built with [`append_key`], [`append_index`]).
    ///
    /// # Errors
    /// At a bound, or when the path is there already. Nothing was added then,
    /// and the caller must deny: a partial list would hide an argument.
    pub fn push(&mut self, path: impl Into<String>, value: Scalar) -> Result<(), ArgumentsError> {
        let path = path.into();
        if path.len() > Self::PATH_BYTES_MAX {
            return Err(ArgumentsError::Path);
        }
        if depth(&path) > Self::DEPTH_MAX {
            return Err(ArgumentsError::Depth);
        }
        if self.entries.contains_key(&path) {
            return Err(ArgumentsError::Duplicate);
        }
        if self.entries.len() >= Self::ENTRIES_MAX {
            return Err(ArgumentsError::Entries);
        }
        self.entries.insert(path, value);
        Ok(())
    }

    /// Scalars by path, in order of the path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Scalar)> {
        self.entries
            .iter()
            .map(|(path, value)| (path.as_str(), value))
    }

    /// Number of scalars.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without any scalar.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arguments({} values)", self.len())
    }
}

/// Appends an object key to a path: `.key`, or `["key"]` when the key is not a
/// plain word (`[A-Za-z0-9_-]+`). `"` and `\` in it are escaped by `\`.
pub fn append_key(path: &mut String, key: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(plain) {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        return;
    }
    path.push_str("[\"");
    for c in key.chars() {
        if c == '"' || c == '\\' {
            path.push('\\');
        }
        path.push(c);
    }
    path.push_str("\"]");
}

/// Appends an array index to a path: `[0]`.
pub fn append_index(path: &mut String, index: usize) {
    use fmt::Write as _;
    // Writing to a String cannot fail.
    let _ = write!(path, "[{index}]");
}

/// Number of keys and indices in a path. Brackets and dots inside a quoted key
/// do not count.
fn depth(path: &str) -> usize {
    let mut depth = usize::from(!path.is_empty() && !path.starts_with('['));
    let (mut quoted, mut escaped) = (false, false);
    for c in path.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '.' | '[' if !quoted => depth += 1,
            _ => {}
        }
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(keys: &[&str]) -> String {
        let mut path = String::new();
        keys.iter().for_each(|key| append_key(&mut path, key));
        path
    }

    #[test]
    fn keys_with_syntax_in_them_cannot_forge_a_path() {
        assert_eq!(path(&["a", "b"]), "a.b");
        assert_eq!(path(&["a.b"]), r#"["a.b"]"#);
        assert_eq!(path(&["a", "x\"]", "c"]), r#"a["x\"]"].c"#);
        assert_eq!(path(&[""]), r#"[""]"#);
        assert_ne!(path(&["a[0]"]), "a[0]");
        assert_ne!(path(&["a\"", "b"]), path(&["a\"].b"]));
    }

    #[test]
    fn depth_counts_keys_and_indices() {
        assert_eq!(depth(""), 0);
        assert_eq!(depth("a"), 1);
        assert_eq!(depth("a.b[0].c"), 4);
        assert_eq!(depth(r#"["a.b[0]"].c"#), 2);
    }

    #[test]
    fn bounds_refuse_and_keep_what_is_there() {
        let mut arguments = Arguments::new();
        for n in 0..Arguments::ENTRIES_MAX {
            arguments
                .push(format!("k{n}"), Scalar::Null)
                .expect("below the bound");
        }
        assert_eq!(
            arguments.push("more", Scalar::Null),
            Err(ArgumentsError::Entries)
        );
        assert_eq!(arguments.len(), Arguments::ENTRIES_MAX);

        let mut arguments = Arguments::new();
        let mut deep = String::new();
        (0..Arguments::DEPTH_MAX).for_each(|_| append_index(&mut deep, 0));
        assert_eq!(arguments.push(deep.clone(), Scalar::Null), Ok(()));
        append_index(&mut deep, 0);
        assert_eq!(
            arguments.push(deep, Scalar::Null),
            Err(ArgumentsError::Depth)
        );
        assert_eq!(
            arguments.push("x".repeat(1_025), Scalar::Null),
            Err(ArgumentsError::Path)
        );
    }

    #[test]
    fn a_path_given_twice_is_refused() {
        let mut arguments = Arguments::new();
        arguments.push("a", Scalar::Int(1)).expect("first");
        assert_eq!(
            arguments.push("a", Scalar::Int(2)),
            Err(ArgumentsError::Duplicate)
        );
        assert_eq!(
            arguments.iter().collect::<Vec<_>>(),
            [("a", &Scalar::Int(1))]
        );
    }

    #[test]
    fn debug_never_prints_values() {
        let mut arguments = Arguments::new();
        arguments
            .push("card", Scalar::Str("4111111111111111".into()))
            .expect("one");
        assert!(!format!("{arguments:?}").contains("4111"));
        assert!(!format!("{:?}", arguments.iter().collect::<Vec<_>>()).contains("4111"));
    }
}
