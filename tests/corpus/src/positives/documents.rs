//! Documents and compressed data in blobs: to be detected; what cannot be altered
//! safely is for the caller to hold or deny.

use super::encoded::resource;
use super::{JSON, expect};
use crate::card;
use crate::case::{Class, Corpus, Expect};
use crate::encode;

const EACH: usize = 20;

pub(super) fn add(corpus: &mut Corpus) {
    for i in 0..EACH {
        let pan = card::usual(&mut corpus.rng);
        let grouped = pan.grouped(pan.layout(), if i % 2 == 0 { "-" } else { " " });
        let form = if i % 3 == 0 {
            grouped.as_str()
        } else {
            pan.digits.as_str()
        };
        let line = format!("Ann Lee paid with card {form} in full");
        let (head, tail) = pan.digits.split_at(5 + i % 6);
        let zip = |deflated| {
            encode::zip(
                &[("notes.txt", b"hello"), ("cards.csv", line.as_bytes())],
                deflated,
            )
        };
        let sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        for (name, media_type, bytes) in [
            (
                "document/xlsx-shared",
                sheet,
                encode::xlsx(&["name", "Ann", form], true),
            ),
            (
                "document/xlsx-inline",
                sheet,
                encode::xlsx(&["name", "Ann", form], false),
            ),
            ("document/docx", word, encode::docx(&[&line])),
            (
                "document/docx-runs",
                word,
                encode::docx(&["card ", head, tail, " end"]),
            ),
            ("document/zip-deflated", "application/zip", zip(true)),
            ("document/zip-stored", "application/zip", zip(false)),
            (
                "document/pdf-deflated",
                "application/pdf",
                encode::pdf(&line, true),
            ),
            (
                "document/pdf-plain",
                "application/pdf",
                encode::pdf(&line, false),
            ),
            (
                "document/gzip",
                "application/gzip",
                encode::compress(line.as_bytes(), "gzip"),
            ),
        ] {
            let body = resource(&encode::base64(&bytes, false, true), media_type);
            let want = Expect {
                maskable: false,
                ..expect(&pan)
            };
            corpus.add(name, Class::Heuristic, JSON, body, vec![want]);
        }
        let serial = corpus.rng.hex(40);
        let line = format!("Report {serial} of 2026-11-25");
        for (media_type, bytes) in [
            (sheet, encode::xlsx(&["id", &serial], true)),
            (word, encode::docx(&[&line])),
            (
                "application/zip",
                encode::zip(&[("a.txt", line.as_bytes())], true),
            ),
            ("application/pdf", encode::pdf(&line, true)),
            (
                "application/gzip",
                encode::compress(line.as_bytes(), "gzip"),
            ),
        ] {
            let body = resource(&encode::base64(&bytes, false, true), media_type);
            corpus.add("negative/documents", Class::Negative, JSON, body, vec![]);
        }
    }
}
