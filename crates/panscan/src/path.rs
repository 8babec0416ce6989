//! Where in a JSON text an offset is: computed after the fact, for a record of a
//! finding. Nothing on the data path needs it.

/// Deepest nesting that is named; an offset below it gets the path of this depth.
const DEPTH_MAX: usize = 64;
/// Longest name that is written out, in bytes; what is longer ends in `...`.
const NAME_MAX: usize = 128;

/// Path of the value, or of the key, in which `offset` (in bytes) lies:
/// `$.result.content[0].text`. Names that are no identifiers are quoted:
/// `$["a b"]`. `None` if the offset is behind the text or the text is not JSON up to
/// there. Costs one pass over `text[..offset]`.
///
/// Of several values one after the other (JSON lines) it is the path in the one that
/// the offset is in.
pub fn json_path(text: &[u8], offset: usize) -> Option<String> {
    if offset >= text.len() {
        return None;
    }
    let mut walk = Walk {
        text,
        pos: 0,
        offset,
        steps: Vec::new(),
        depth: 0,
    };
    while walk.pos <= offset {
        walk.space();
        if walk.pos > offset {
            break;
        }
        if walk.value()? {
            return Some(walk.written());
        }
    }
    Some("$".to_owned())
}

enum Step<'a> {
    Name(&'a [u8]),
    Index(usize),
}

struct Walk<'a> {
    text: &'a [u8],
    pos: usize,
    offset: usize,
    steps: Vec<Step<'a>>,
    depth: usize,
}

/// An array or object that is open.
enum Open {
    Array(usize),
    Object,
}

impl<'a> Walk<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.pos += 1;
        }
    }

    /// Walks over one value; `true` once the offset is reached, with the path in `steps`.
    fn value(&mut self) -> Option<bool> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            // At the beginning of a value.
            self.space();
            if self.pos > self.offset {
                return Some(true);
            }
            match self.byte()? {
                b'[' => {
                    self.pos += 1;
                    open.push(Open::Array(0));
                    self.enter(Step::Index(0));
                    self.space();
                    if self.byte() != Some(b']') {
                        continue;
                    }
                }
                b'{' => {
                    self.pos += 1;
                    open.push(Open::Object);
                    self.space();
                    if self.byte() != Some(b'}') {
                        if self.key()? {
                            return Some(true);
                        }
                        continue;
                    }
                    self.enter(Step::Name(b""));
                }
                b'"' => {
                    self.string()?;
                }
                b'-' | b'0'..=b'9' => self.word(),
                b't' | b'f' | b'n' if self.is_literal() => self.word(),
                _ => return None,
            }
            // Behind a value: what closes or goes on.
            loop {
                if self.pos > self.offset {
                    return Some(true);
                }
                let Some(top) = open.last_mut() else {
                    return Some(false);
                };
                self.space();
                if self.pos > self.offset {
                    return Some(true);
                }
                match (self.text.get(self.pos)?, top) {
                    (b',', Open::Array(index)) => {
                        *index += 1;
                        let index = *index;
                        self.pos += 1;
                        self.leave();
                        self.enter(Step::Index(index));
                        break;
                    }
                    (b',', Open::Object) => {
                        self.pos += 1;
                        self.leave();
                        self.space();
                        if self.key()? {
                            return Some(true);
                        }
                        break;
                    }
                    (b']', Open::Array(_)) | (b'}', Open::Object) => {
                        self.pos += 1;
                        self.leave();
                        open.pop();
                    }
                    _ => return None,
                }
            }
        }
    }

    fn enter(&mut self, step: Step<'a>) {
        self.depth += 1;
        if self.depth <= DEPTH_MAX {
            self.steps.push(step);
        }
    }

    fn leave(&mut self) {
        if self.depth <= DEPTH_MAX {
            self.steps.pop();
        }
        self.depth = self.depth.saturating_sub(1);
    }

    /// `"name":`; `true` if the offset lies in it.
    fn key(&mut self) -> Option<bool> {
        let name = self.string()?;
        self.enter(Step::Name(name));
        if self.pos > self.offset {
            return Some(true);
        }
        self.space();
        if self.byte()? != b':' {
            return None;
        }
        self.pos += 1;
        Some(false)
    }

    /// A string, and what is between its quotes. The end of the text ends it too.
    fn string(&mut self) -> Option<&'a [u8]> {
        if self.byte()? != b'"' {
            return None;
        }
        let from = self.pos + 1;
        self.pos = from;
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => {
                    self.pos += 1;
                    return self.text.get(from..self.pos - 1);
                }
                b'\\' => self.pos += 2,
                _ => self.pos += 1,
            }
        }
        self.text.get(from..)
    }

    /// `true`, `false` or `null`, as far as the text goes.
    fn is_literal(&self) -> bool {
        let rest = self.text.get(self.pos..).unwrap_or(&[]);
        [&b"true"[..], b"false", b"null"]
            .iter()
            .any(|word| rest.iter().zip(*word).all(|(a, b)| a == b))
    }

    /// A number or literal.
    fn word(&mut self) {
        while let Some(byte) = self.byte() {
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')) {
                return;
            }
            self.pos += 1;
        }
    }

    fn written(&self) -> String {
        let mut path = String::from("$");
        for step in &self.steps {
            match step {
                Step::Index(index) => path.push_str(&format!("[{index}]")),
                Step::Name(name) => push_name(&mut path, name),
            }
        }
        path
    }
}

/// A name as it stands in the text, escapes and all.
fn push_name(path: &mut String, name: &[u8]) {
    let plain = name
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let shown = &name[..name.len().min(NAME_MAX)];
    let shown = String::from_utf8_lossy(shown);
    let more = if name.len() > NAME_MAX { "..." } else { "" };
    if plain && !name.is_empty() && !name[0].is_ascii_digit() {
        path.push_str(&format!(".{shown}{more}"));
    } else {
        path.push_str(&format!("[\"{shown}{more}\"]"));
    }
}

#[cfg(test)]
mod tests {
    use super::json_path;

    #[track_caller]
    fn path(text: &str, needle: &str) -> Option<String> {
        json_path(text.as_bytes(), text.find(needle).expect("it is there"))
    }

    #[test]
    fn paths_of_values_and_keys() {
        let text = r#" {"result":{"content":[{"type":"text","text":"card 4111"},
            {"a b":[1, [22, -3.5e1], {}, [], "x\"]y"],"empty":""}], "n": 4222, "4333": true}} "#;
        for (needle, want) in [
            ("4111", "$.result.content[0].text"),
            ("\"text\",", "$.result.content[0].type"),
            ("22", "$.result.content[1][\"a b\"][1][0]"),
            ("-3.5", "$.result.content[1][\"a b\"][1][1]"),
            ("]y", "$.result.content[1][\"a b\"][4]"),
            ("4222", "$.result.n"),
            ("4333", "$.result[\"4333\"]"),
            ("true", "$.result[\"4333\"]"),
        ] {
            assert_eq!(path(text, needle).as_deref(), Some(want), "{needle}");
        }
        for (i, _) in text.char_indices() {
            assert!(json_path(text.as_bytes(), i).is_some(), "at {i}");
        }
        assert_eq!(json_path(text.as_bytes(), text.len()), None);
    }

    #[test]
    fn lines_scalars_and_what_is_no_json() {
        assert_eq!(
            path("{\"a\":1}\n{\"b\":[2]}", "2").as_deref(),
            Some("$.b[0]")
        );
        assert_eq!(path("4111", "1").as_deref(), Some("$"));
        assert_eq!(path("\"4111", "1").as_deref(), Some("$"));
        for text in ["{a:4}", "text 4", "{\"a\" 4}", "[1 4]"] {
            assert_eq!(path(text, "4"), None, "{text}");
        }
        let deep = "[".repeat(100_000) + "4";
        let path = path(&deep, "4").expect("a path");
        assert!(path.len() < 1000, "bounded");
        assert_eq!(json_path(b"", 0), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in r#"[{}\[\]",:\\a1 ]{0,60}"#, at in 0usize..64) {
            let _ = json_path(text.as_bytes(), at);
        }
    }
}
