//! The fuzz target's laws on its corpus and on random input.

#[allow(unreachable_pub, reason = "shared with the fuzz target")]
mod properties;

use proptest::prelude::*;

#[test]
fn corpus() {
    let dir = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fuzz/corpus/audit_segment"
    );
    let mut count = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        properties::hold(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "no corpus");
}

proptest! {
    #[test]
    fn edited(mut data in proptest::collection::vec(any::<u8>(), 4..25)) {
        data.insert(0, 0);
        properties::hold(&data);
    }

    #[test]
    fn framed(mut data in proptest::collection::vec(0u8..80, 0..400)) {
        data.insert(0, 1);
        properties::hold(&data);
    }

    #[test]
    fn arbitrary(mut data in proptest::collection::vec(any::<u8>(), 0..400)) {
        data.insert(0, 2);
        properties::hold(&data);
    }
}
