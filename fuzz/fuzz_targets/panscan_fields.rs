//! Field masks and paths on any bytes: cuts do not matter, what is masked stays masked,
//! JSON stays JSON. The first byte chooses the cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use panscan::{FieldRule, FieldStream, Fields, json_path};

fn run(fields: &Fields, text: &[u8], cut: usize) -> (Vec<u8>, usize) {
    let (mut st, mut out, mut pieces) = (FieldStream::new(), Vec::new(), 0);
    for chunk in text.chunks(cut) {
        let mut found = Vec::new();
        out.extend_from_slice(chunk);
        let release = fields.scan(&mut st, chunk, &mut |f| found.push(f));
        assert!(release <= out.len() as u64);
        for piece in found {
            out[piece.start as usize..piece.end as usize].copy_from_slice(piece.replacement());
            pieces += 1;
        }
    }
    (out, pieces)
}

fuzz_target!(|data: &[u8]| {
    let Some((&how, text)) = data.split_first() else {
        return;
    };
    let fields = Fields::new(&[
        FieldRule::cardholder_name(),
        FieldRule::expiry(),
        FieldRule::key("secret"),
        FieldRule::path("items[*].name").expect("a path"),
    ]);
    let (whole, _) = run(&fields, text, text.len().max(1));
    let (cut, _) = run(&fields, text, usize::from(how) + 1);
    assert_eq!(whole, cut);
    assert_eq!(run(&fields, &whole, 7), (whole.clone(), 0), "masked is masked");
    if serde_json::from_slice::<serde_json::Value>(text).is_ok() {
        serde_json::from_slice::<serde_json::Value>(&whole).expect("still JSON");
    }
    let _ = json_path(text, usize::from(how));
    let _ = json_path(text, text.len() / 2);
});
