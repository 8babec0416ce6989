//! The committed fuzz corpora, as ordinary tests.

use std::path::Path;

use crate::properties;

fn each_file(target: &str, hold: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is committed") {
        let bytes = std::fs::read(entry.expect("readable").path()).expect("readable");
        for step in 0..16 {
            hold(&[&[step][..], bytes.get(1..).unwrap_or_default()].concat());
        }
        hold(&bytes);
        files += 1;
    }
    assert!(files >= 5, "{target} has {files} files");
}

#[test]
fn http1() {
    each_file("wire_http1", properties::http1::hold);
}

#[test]
fn sse() {
    each_file("wire_sse", properties::sse::hold);
}

#[test]
fn jsonrpc() {
    each_file("wire_jsonrpc", properties::jsonrpc::hold);
}
