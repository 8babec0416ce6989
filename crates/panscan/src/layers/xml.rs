//! What is seen of an office document's XML: the text, with tags taken out. Tags that
//! end a paragraph, a cell or a string become a line break; the others join.

/// Tag names are told apart by no more than this.
const NAME: usize = 8;

/// Takes tags out, as the bytes come.
pub(crate) struct Visible {
    in_tag: bool,
    name: [u8; NAME],
    len: usize,
    named: bool,
    out: Vec<u8>,
}

impl Visible {
    pub(crate) fn new() -> Visible {
        Visible {
            in_tag: false,
            name: [0; NAME],
            len: 0,
            named: false,
            out: Vec::new(),
        }
    }

    /// The text in `piece`; good until the next call.
    pub(crate) fn push(&mut self, piece: &[u8]) -> &[u8] {
        self.out.clear();
        for &byte in piece {
            match (self.in_tag, byte) {
                (false, b'<') => {
                    self.in_tag = true;
                    self.len = 0;
                    self.named = false;
                }
                (false, _) => self.out.push(byte),
                (true, b'>') => {
                    self.in_tag = false;
                    if self.breaks() {
                        self.out.push(b'\n');
                    }
                }
                (true, _) => self.tag(byte),
            }
        }
        &self.out
    }

    fn tag(&mut self, byte: u8) {
        if self.named || byte.is_ascii_whitespace() || byte == b'/' && self.len > 0 {
            self.named = true;
        } else if let Some(slot) = self.name.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
    }

    /// Word, drawing and sheet markup: paragraph, cell, row, string, break, tab.
    fn breaks(&self) -> bool {
        let name = &self.name[..self.len];
        let end = name.strip_prefix(b"/");
        let local =
            |name: &[u8]| -> usize { name.iter().position(|b| *b == b':').map_or(0, |at| at + 1) };
        match end {
            Some(name) => matches!(
                &name[local(name)..],
                b"p" | b"tc" | b"c" | b"row" | b"si" | b"v"
            ),
            None => matches!(&name[local(name)..], b"br" | b"tab" | b"cr"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_join_and_paragraphs_do_not() {
        let text = "<w:p w:x=\"a/b\"><w:r><w:t>4111</w:t></w:r><w:r><w:t xml:space=\"p\">1111</w:t></w:r></w:p><w:br/>x<c r=\"A1\"><v>7</v></c>";
        for size in [1, 3, 1000] {
            let mut visible = Visible::new();
            let mut out = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                out.extend_from_slice(visible.push(piece));
            }
            assert_eq!(String::from_utf8_lossy(&out), "41111111\n\nx7\n\n");
        }
    }
}
