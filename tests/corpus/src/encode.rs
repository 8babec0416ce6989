//! Encoders for the carriers: every one takes text and gives what would be on the wire.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// JSON string body (no quotes around it).
pub fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// `\uXXXX` for every character.
pub fn json_u(text: &str, upper: bool) -> String {
    text.encode_utf16()
        .map(|u| {
            if upper {
                format!("\\u{u:04X}")
            } else {
                format!("\\u{u:04x}")
            }
        })
        .collect()
}

/// `%XX` for every byte, or for all that is no letter or digit.
pub fn percent(text: &str, all: bool) -> String {
    text.bytes()
        .map(|b| match b {
            b if !all && b.is_ascii_alphanumeric() => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

/// `&#52;` or `&#x34;` for every character.
pub fn entities(text: &str, hex: bool) -> String {
    text.chars()
        .map(|c| {
            if hex {
                format!("&#x{:x};", u32::from(c))
            } else {
                format!("&#{};", u32::from(c))
            }
        })
        .collect()
}

/// Digits of another script: `zero` is its digit nought.
pub fn script(text: &str, zero: u32) -> String {
    text.chars()
        .map(|c| match c.to_digit(10) {
            Some(d) => char::from_u32(zero + d).unwrap_or(c),
            None => c,
        })
        .collect()
}

/// UTF-16, with or without a byte order mark.
pub fn utf16(text: &str, big: bool, bom: bool) -> Vec<u8> {
    let mark = bom.then_some(0xFEFF);
    mark.into_iter()
        .chain(text.encode_utf16())
        .flat_map(|u| {
            if big {
                u.to_be_bytes()
            } else {
                u.to_le_bytes()
            }
        })
        .collect()
}

/// Base64: standard or URL alphabet, padded or not.
pub fn base64(bytes: &[u8], url: bool, pad: bool) -> String {
    match (url, pad) {
        (false, true) => STANDARD.encode(bytes),
        (false, false) => STANDARD_NO_PAD.encode(bytes),
        (true, true) => URL_SAFE.encode(bytes),
        (true, false) => URL_SAFE_NO_PAD.encode(bytes),
    }
}

/// A compressed body: `gzip`, `deflate` (zlib), `deflate-raw`, `br`, `zstd`; otherwise as it is.
pub fn compress(bytes: &[u8], encoding: &str) -> Vec<u8> {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    const WRITES: &str = "writing to memory does not fail";
    match encoding {
        "gzip" => {
            let mut to = GzEncoder::new(Vec::new(), Compression::default());
            to.write_all(bytes).expect(WRITES);
            to.finish().expect(WRITES)
        }
        "deflate" => {
            let mut to = ZlibEncoder::new(Vec::new(), Compression::default());
            to.write_all(bytes).expect(WRITES);
            to.finish().expect(WRITES)
        }
        "deflate-raw" => {
            let mut to = DeflateEncoder::new(Vec::new(), Compression::default());
            to.write_all(bytes).expect(WRITES);
            to.finish().expect(WRITES)
        }
        "br" => {
            let mut out = Vec::new();
            {
                let mut to = brotli::CompressorWriter::new(&mut out, 4096, 5, 20);
                to.write_all(bytes).expect(WRITES);
            }
            out
        }
        "zstd" => zstd::encode_all(bytes, 3).expect(WRITES),
        _ => bytes.to_vec(),
    }
}

/// CRC-32 (IEEE), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |mut crc, b| {
        crc ^= u32::from(*b);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
        crc
    })
}

/// A zip archive of the given files.
pub fn zip(files: &[(&str, &[u8])], deflated: bool) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let at = out.len() as u32;
        let data = if deflated {
            compress(content, "deflate-raw")
        } else {
            content.to_vec()
        };
        let mut head = Vec::new();
        head.extend(20u16.to_le_bytes()); // version needed
        head.extend(0u16.to_le_bytes()); // flags
        head.extend((if deflated { 8u16 } else { 0 }).to_le_bytes());
        head.extend([0, 0, 0x21, 0x5A]); // a fixed date
        head.extend(crc32(content).to_le_bytes());
        head.extend((data.len() as u32).to_le_bytes());
        head.extend((content.len() as u32).to_le_bytes());
        head.extend((name.len() as u16).to_le_bytes());
        head.extend(0u16.to_le_bytes()); // extra
        out.extend(b"PK\x03\x04");
        out.extend(&head);
        out.extend(name.as_bytes());
        out.extend(&data);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&head);
        directory.extend([0; 10]); // comment, disk, attributes
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let at = out.len() as u32;
    let count = (files.len() as u16).to_le_bytes();
    out.extend(&directory);
    out.extend(b"PK\x05\x06\x00\x00\x00\x00");
    out.extend(count);
    out.extend(count);
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// A workbook with one shared string per cell.
pub fn xlsx(cells: &[&str], shared: bool) -> Vec<u8> {
    let mut strings = String::from(
        "<?xml version=\"1.0\"?><sst xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">",
    );
    let mut sheet = String::from(
        "<?xml version=\"1.0\"?><worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>",
    );
    for (i, cell) in cells.iter().enumerate() {
        let row = i + 1;
        if shared {
            strings.push_str(&format!("<si><t>{cell}</t></si>"));
            sheet.push_str(&format!(
                "<row r=\"{row}\"><c r=\"A{row}\" t=\"s\"><v>{i}</v></c></row>"
            ));
        } else {
            sheet.push_str(&format!(
                "<row r=\"{row}\"><c r=\"A{row}\" t=\"inlineStr\"><is><t>{cell}</t></is></c></row>"
            ));
        }
    }
    strings.push_str("</sst>");
    sheet.push_str("</sheetData></worksheet>");
    let types = b"<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>";
    zip(
        &[
            ("[Content_Types].xml", types),
            ("xl/sharedStrings.xml", strings.as_bytes()),
            ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
        ],
        true,
    )
}

/// A text document; each item becomes a run of its own inside one paragraph.
pub fn docx(runs: &[&str]) -> Vec<u8> {
    let runs: String = runs
        .iter()
        .map(|r| format!("<w:r><w:t xml:space=\"preserve\">{r}</w:t></w:r>"))
        .collect();
    let document = format!(
        "<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body><w:p>{runs}</w:p></w:body></w:document>"
    );
    let types = b"<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>";
    zip(
        &[
            ("[Content_Types].xml", types),
            ("word/document.xml", document.as_bytes()),
        ],
        true,
    )
}

/// A PDF of one page whose content stream shows the text.
pub fn pdf(text: &str, deflated: bool) -> Vec<u8> {
    let content = format!("BT /F1 12 Tf 72 720 Td ({text}) Tj ET");
    let (data, filter) = if deflated {
        (
            compress(content.as_bytes(), "deflate"),
            "/Filter /FlateDecode ",
        )
    } else {
        (content.into_bytes(), "")
    };
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    let stream = [
        format!("<< {filter}/Length {} >>\nstream\n", data.len()).as_bytes(),
        &data,
        b"\nendstream",
    ]
    .concat();
    let objects: [&[u8]; 5] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        &stream,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ];
    for (i, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out.extend(format!("{} 0 obj\n", i + 1).as_bytes());
        out.extend(*object);
        out.extend(b"\nendobj\n");
    }
    let at = out.len();
    out.extend(b"xref\n0 6\n0000000000 65535 f \n");
    for offset in offsets {
        out.extend(format!("{offset:010} 00000 n \n").as_bytes());
    }
    out.extend(format!("trailer << /Size 6 /Root 1 0 R >>\nstartxref\n{at}\n%%EOF\n").as_bytes());
    out
}
