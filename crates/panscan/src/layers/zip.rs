//! Zip archives, xlsx, docx and pptx among them: each member through the scanner.
//!
//! Read by the central directory, as every reader of such files does. An archive that
//! is encrypted, in several volumes, compressed by something else than deflate, or
//! whose directory does not fit its bytes cannot be read.

use super::xml::Visible;
use super::{Scanner, Stream};
use crate::caps::Caps;
use crate::codec::{Decoder, Encoding};
use crate::finding::Finding;
use crate::undecodable::Undecodable;

/// Members of one archive.
const MEMBERS_MAX: usize = 4096;
const END_BYTES: usize = 22;
const COMMENT_MAX: usize = 65_535;

struct Member<'a> {
    name: &'a [u8],
    deflated: bool,
    data: &'a [u8],
}

/// Scans every member; findings go to `found`. `depth` is that of the members.
pub(crate) fn scan(
    scanner: &Scanner,
    archive: &[u8],
    depth: u8,
    found: &mut dyn FnMut(Finding),
) -> Result<(), Undecodable> {
    let mut left = scanner.caps().bytes;
    for member in members(archive)? {
        let caps = Caps {
            bytes: left,
            ..*scanner.caps()
        };
        left -= scan_member(scanner, &member, depth, &caps, found)?.min(left);
    }
    Ok(())
}

fn scan_member(
    scanner: &Scanner,
    member: &Member<'_>,
    depth: u8,
    caps: &Caps,
    found: &mut dyn FnMut(Finding),
) -> Result<u64, Undecodable> {
    let mut raw = Stream::unknown(depth);
    // What a reader sees: text without the markup that may stand between its digits.
    let mut visible = member
        .name
        .ends_with(b".xml")
        .then(|| (Visible::new(), Stream::inside(crate::Carrier::Text, depth)));
    let (mut in_raw, mut in_visible) = (0, Vec::new());
    let mut size = 0;
    let mut feed = |piece: &[u8]| {
        size += piece.len() as u64;
        scanner.scan(&mut raw, piece, &mut |f| {
            in_raw += 1;
            found(f);
        });
        if let Some((filter, stream)) = &mut visible {
            let text = filter.push(piece);
            scanner.scan(stream, text, &mut |f| in_visible.push(f));
            in_visible.truncate(super::unpack::FINDINGS_MAX);
        }
    };
    if member.deflated {
        let mut decoder = Decoder::new(Encoding::Deflate, caps);
        decoder.push_to(member.data, &mut feed)?;
        decoder.finish()?;
    } else if member.data.len() as u64 > caps.bytes {
        return Err(Undecodable::SizeCap);
    } else {
        feed(member.data);
    }
    scanner.finish(&mut raw, &mut |f| {
        in_raw += 1;
        found(f);
    });
    let mut why = raw.undecodable();
    if let Some((_, stream)) = &mut visible {
        scanner.finish(stream, &mut |f| in_visible.push(f));
        why = why.or(stream.undecodable());
    }
    // The same card is in both: the visible text only adds what markup hides.
    in_visible.into_iter().skip(in_raw).for_each(found);
    why.map_or(Ok(size), Err)
}

/// The members by the central directory.
fn members(archive: &[u8]) -> Result<Vec<Member<'_>>, Undecodable> {
    let broken = Undecodable::Document;
    let end = end_of_directory(archive).ok_or(broken)?;
    let (disk, count) = (u16_at(archive, end + 4), u16_at(archive, end + 10));
    let (Some(0), Some(count)) = (disk, count) else {
        return Err(broken);
    };
    // 0xFFFF: zip64, for archives far beyond the bound here.
    let count = usize::from(count);
    if count > MEMBERS_MAX {
        return Err(broken);
    }
    let mut at = u32_at(archive, end + 16).ok_or(broken)? as usize;
    let mut list = Vec::with_capacity(count);
    for _ in 0..count {
        let (member, next) = member(archive, at).ok_or(broken)?;
        list.push(member?);
        at = next;
    }
    if at > end { Err(broken) } else { Ok(list) }
}

fn end_of_directory(archive: &[u8]) -> Option<usize> {
    let last = archive.len().checked_sub(END_BYTES)?;
    (last.saturating_sub(COMMENT_MAX)..=last)
        .rev()
        .find(|&at| archive[at..].starts_with(b"PK\x05\x06"))
}

/// The member whose directory entry is at `at`, and where the next entry is.
fn member(archive: &[u8], at: usize) -> Option<(Result<Member<'_>, Undecodable>, usize)> {
    let entry = archive.get(at..)?;
    if !entry.starts_with(b"PK\x01\x02") {
        return None;
    }
    let flags = u16_at(entry, 8)?;
    let method = u16_at(entry, 10)?;
    let size = u32_at(entry, 20)? as usize;
    let name_len = usize::from(u16_at(entry, 28)?);
    let rest = usize::from(u16_at(entry, 30)?) + usize::from(u16_at(entry, 32)?);
    let local = u32_at(entry, 42)? as usize;
    let name = entry.get(46..46 + name_len)?;
    let next = at + 46 + name_len + rest;
    if flags & 0x41 != 0 || !matches!(method, 0 | 8) {
        return Some((Err(Undecodable::Document), next));
    }
    let head = archive.get(local..)?;
    if !head.starts_with(b"PK\x03\x04") {
        return None;
    }
    let skip = 30 + usize::from(u16_at(head, 26)?) + usize::from(u16_at(head, 28)?);
    let data = head.get(skip..skip.checked_add(size)?)?;
    let member = Member {
        name,
        deflated: method == 8,
        data,
    };
    Some((Ok(member), next))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
