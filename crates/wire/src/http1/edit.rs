//! Editing a head without touching what is not edited.

use crate::WireError;
use crate::http1::Header;

/// One change to a head. Names match without regard to case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit<'a> {
    /// Drop every header of this name.
    Remove(&'a str),
    /// Give the first header of this name this value and drop the others; if
    /// there is none, add one at the end.
    Set(&'a str, &'a [u8]),
    /// Replace the target of a request line.
    SetTarget(&'a [u8]),
}

/// The head at the start of `buf` with the edits applied, blank line included.
///
/// `headers` are those of the parsed head. Order, case and spacing of what is
/// not edited stay byte for byte. Of several edits of one name the last counts.
///
/// # Errors
/// `Injection` if a name, value or target could end its line or break the
/// grammar; `Malformed` if `buf` is not the head that was parsed.
pub fn rewrite(buf: &[u8], headers: &[Header], edits: &[Edit<'_>]) -> Result<Vec<u8>, WireError> {
    edits.iter().try_for_each(check)?;
    let first_line = first_line(buf, headers)?;
    let room = headers.last().map_or(first_line.len(), |h| h.line.end);
    let mut out = Vec::with_capacity(room.saturating_add(256));
    write_first_line(&mut out, first_line, edits)?;
    let mut written = vec![false; edits.len()];
    for header in headers {
        let name = header.name.of(buf);
        let Some((index, edit)) = last_edit_of(edits, name) else {
            out.extend_from_slice(header.line.of(buf));
            continue;
        };
        let Some(done) = written.get_mut(index) else {
            continue;
        };
        if let (Edit::Set(_, value), false) = (edit, *done) {
            write_header(&mut out, name, value);
        }
        *done = true;
    }
    for (index, (edit, done)) in edits.iter().zip(&written).enumerate() {
        if let (Edit::Set(name, value), false) = (edit, *done)
            && last_edit_of(edits, name.as_bytes()).is_some_and(|(last, _)| last == index)
        {
            write_header(&mut out, name.as_bytes(), value);
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(out)
}

/// The last edit of this header name: later edits override earlier ones.
fn last_edit_of<'e, 'a>(edits: &'e [Edit<'a>], name: &[u8]) -> Option<(usize, &'e Edit<'a>)> {
    edits.iter().enumerate().rev().find(|(_, edit)| match edit {
        Edit::Remove(n) | Edit::Set(n, _) => n.as_bytes().eq_ignore_ascii_case(name),
        Edit::SetTarget(_) => false,
    })
}

fn write_header(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The start line with its CRLF.
fn first_line<'a>(buf: &'a [u8], headers: &[Header]) -> Result<&'a [u8], WireError> {
    let end = match headers.first() {
        Some(header) => header.line.start,
        None => memchr::memmem::find(buf, b"\r\n").map_or(0, |at| at.saturating_add(2)),
    };
    match buf.get(..end) {
        Some(line) if line.ends_with(b"\r\n") => Ok(line),
        _ => Err(WireError::Malformed("not the head that was parsed")),
    }
}

fn write_first_line(out: &mut Vec<u8>, line: &[u8], edits: &[Edit<'_>]) -> Result<(), WireError> {
    let target = edits.iter().rev().find_map(|edit| match edit {
        Edit::SetTarget(target) => Some(*target),
        _ => None,
    });
    let Some(target) = target else {
        out.extend_from_slice(line);
        return Ok(());
    };
    let mut words = line.splitn(3, |b| *b == b' ');
    match (words.next(), words.next(), words.next()) {
        (Some(method), Some(_), Some(version)) if version.starts_with(b"HTTP/") => {
            for part in [method, b" ", target, b" ", version] {
                out.extend_from_slice(part);
            }
            Ok(())
        }
        _ => Err(WireError::Malformed("not a request line")),
    }
}

fn check(edit: &Edit<'_>) -> Result<(), WireError> {
    match edit {
        Edit::Remove(name) => check_name(name),
        Edit::Set(name, value) => {
            check_name(name)?;
            let control = |b: &u8| (*b < b' ' && *b != b'\t') || *b == 0x7f;
            if value.iter().any(control) || value.trim_ascii().len() != value.len() {
                return Err(WireError::Injection("header value"));
            }
            Ok(())
        }
        Edit::SetTarget(target) => {
            let origin_form = target.first() == Some(&b'/') || *target == b"*";
            if !origin_form || target.iter().any(|b| !b.is_ascii_graphic() || *b == b'#') {
                return Err(WireError::Injection("target"));
            }
            Ok(())
        }
    }
}

fn check_name(name: &str) -> Result<(), WireError> {
    if name.is_empty() || !name.bytes().all(super::body::is_token_byte) {
        return Err(WireError::Injection("header name"));
    }
    Ok(())
}
