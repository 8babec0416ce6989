//! The command on streams and files in memory and below a temporary folder.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::files::READ_BYTES;
use super::*;

const CARDS: [&str; 3] = ["4111111111111111", "5555555555554444", "6011111111111117"];

fn run(args: &Args, stdin: &[u8]) -> (ExitCode, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let streams = Streams {
        stdin: &mut &stdin[..],
        out: &mut out,
        err: &mut err,
    };
    let code = scan(args, streams, &Progress::none());
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (out, err) = (text(out), text(err));
    for card in CARDS {
        assert!(!out.contains(card) && !err.contains(card), "{out}{err}");
    }
    (code, out, err)
}

fn args(paths: &[&Path]) -> Args {
    Args {
        paths: paths.iter().map(|p| p.to_path_buf()).collect(),
        json: false,
        mask: None,
        jsonl: false,
    }
}

#[test]
fn standard_input_lines_and_exit_codes() {
    let stdin = args(&[Path::new("-")]);
    let (code, out, err) = run(&stdin, b"pay 4111 1111 1111 1111 now");
    assert_eq!(code, ExitCode::from(1));
    let lines: Vec<Vec<&str>> = out
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines,
        [
            vec![
                "KIND",
                "BRAND",
                "NUMBER",
                "CONFIDENCE",
                "TEST",
                "OFFSET",
                "FILE"
            ],
            vec!["pan", "visa", "411111******1111", "high", "yes", "4", "-"],
            vec!["1", "finding", "in", "1", "input,", "27", "bytes"],
        ]
    );
    assert!(err.is_empty());
    let (code, out, _) = run(&stdin, b"nothing");
    assert_eq!(code, ExitCode::SUCCESS);
    assert_eq!(out, "0 findings in 1 input, 7 bytes\n");
}

#[test]
fn masks_a_stream_across_reads_at_the_same_length() {
    let dir = tempfile::tempdir().expect("a folder");
    let (input, output) = (dir.path().join("in.txt"), dir.path().join("out.txt"));
    // A number across the edge of each read.
    let mut text = "x".repeat(READ_BYTES - 8);
    for _ in 0..5 {
        text += " 4111111111111111 ";
        text += &"y".repeat(READ_BYTES - 18);
    }
    std::fs::write(&input, &text).expect("written");
    let to_output = Args {
        mask: Some(output.clone()),
        ..args(&[&input])
    };
    let (code, out, _) = run(&to_output, b"");
    assert_eq!(code, ExitCode::from(1));
    assert!(out.ends_with(&format!("5 findings in 1 input, {} bytes\n", text.len())));
    let wanted = text.replace("4111111111111111", "411111******1111");
    let read = |path: &Path| std::fs::read_to_string(path).expect("read");
    assert_eq!(read(&output), wanted);
    // An existing file is not written over; the input only where OUT is the input.
    let (code, _, err) = run(&to_output, b"");
    assert_eq!(code, ExitCode::from(2));
    assert!(err.contains("out.txt: it exists"), "{err}");
    assert_eq!(read(&input), text);
    let in_place = Args {
        mask: Some(input.clone()),
        ..args(&[&input])
    };
    assert_eq!(run(&in_place, b"").0, ExitCode::from(1));
    assert_eq!(read(&input), wanted);
    assert_eq!(run(&in_place, b"").0, ExitCode::SUCCESS, "nothing is left");
    let left = std::fs::read_dir(dir.path()).expect("read").count();
    assert_eq!(left, 2, "nothing half made stays");
}

#[test]
fn a_folder_is_copied_masked() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().expect("a folder");
    let (input, output) = (dir.path().join("in"), dir.path().join("out"));
    std::fs::create_dir_all(input.join("b")).expect("made");
    std::fs::write(input.join("a.txt"), b"\xff\x00 4111111111111111 \xfe").expect("written");
    std::fs::write(input.join("b/c.json"), r#"{"n":5555555555554444}"#).expect("written");
    std::fs::write(input.join("b/clean"), "nothing").expect("written");
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(input.join("a.txt"), mode).expect("set");
    symlink(input.join("a.txt"), input.join("link")).expect("linked");
    symlink(&input, input.join("b/loop")).expect("linked");
    let copy = Args {
        mask: Some(output.clone()),
        ..args(&[&input])
    };
    let (code, out, err) = run(&copy, b"");
    assert_eq!((code, err.as_str()), (ExitCode::from(1), ""));
    assert!(out.contains("2 findings in 3 inputs"), "{out}");
    let masked = std::fs::read(output.join("a.txt")).expect("read");
    assert_eq!(masked, b"\xff\x00 411111******1111 \xfe");
    let data = std::fs::metadata(output.join("a.txt")).expect("there");
    assert_eq!(data.permissions().mode() & 0o777, 0o640);
    let json = std::fs::read_to_string(output.join("b/c.json")).expect("read");
    assert_eq!(json, r#"{"n":5555550000004444}"#);
    assert_eq!(
        std::fs::read(output.join("b/clean")).expect("read"),
        b"nothing"
    );
    assert!(!output.join("link").exists() && !output.join("b/loop").exists());
    // A second time everything is there already; inside the input nothing is made.
    assert_eq!(run(&copy, b"").0, ExitCode::from(2));
    std::fs::create_dir(input.join("within")).expect("made");
    let within = Args {
        mask: Some(input.join("within")),
        ..args(&[&input])
    };
    let (code, _, err) = run(&within, b"");
    assert_eq!(code, ExitCode::from(2));
    assert!(err.contains("is inside"), "{err}");
}

#[test]
fn json_files_stay_json_and_reports_are_json_lines() {
    let dir = tempfile::tempdir().expect("a folder");
    let (input, output) = (dir.path().join("in.json"), dir.path().join("out.json"));
    std::fs::write(&input, r#"{"n":4111111111111111,"s":"378282246310005"}"#).expect("written");
    let args = Args {
        json: true,
        mask: Some(output.clone()),
        ..args(&[&input])
    };
    let (code, out, _) = run(&args, b"");
    assert_eq!(code, ExitCode::from(1));
    let masked: Value =
        serde_json::from_slice(&std::fs::read(&output).expect("read")).expect("JSON");
    assert_eq!(masked["n"], 4_111_110_000_001_111u64);
    assert_eq!(masked["s"], "378282*****0005");
    let lines: Vec<Value> = out
        .lines()
        .map(|l| serde_json::from_str(l).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        (&lines[0]["shown"], &lines[1]["brand"]),
        (&"411111******1111".into(), &"amex".into())
    );
    assert_eq!(lines[2]["findings"], 2);
}

#[test]
fn names_are_masked_and_a_failing_input_does_not_stop_the_others() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("4111111111111111");
    std::fs::create_dir_all(folder.join("b")).expect("made");
    std::fs::write(folder.join("a"), "5555555555554444").expect("written");
    std::fs::write(folder.join("b/c"), "6011111111111117").expect("written");
    let missing = dir.path().join("no-4111111111111111");
    let (code, out, err) = run(&args(&[&missing, &folder]), b"");
    assert_eq!(code, ExitCode::from(2));
    assert!(err.contains("no-411111******1111"), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert_eq!(out.lines().count(), 4, "{out}");
    assert!(out.contains("601111******1117") && out.contains("411111******1111/b/c"));
}

/// What is packed is looked into; a copy in which a card would stay is not made.
#[test]
fn what_cannot_be_masked_or_read_is_an_error() {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;
    let dir = tempfile::tempdir().expect("a folder");
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed
        .write_all(b"pay 4111111111111111 now\n")
        .expect("packed");
    let packed = packed.finish().expect("packed");
    let (good, cut) = (dir.path().join("a.gz"), dir.path().join("cut.gz"));
    std::fs::write(&good, &packed).expect("written");
    std::fs::write(&cut, &packed[..packed.len() / 2]).expect("written");
    let (code, out, err) = run(&args(&[&good]), b"");
    assert_eq!((code, err.as_str()), (ExitCode::from(1), ""));
    assert!(out.contains("411111******1111"), "{out}");
    let copy = dir.path().join("copy.gz");
    let masked = Args {
        mask: Some(copy.clone()),
        ..args(&[&good])
    };
    let (code, _, err) = run(&masked, b"");
    assert_eq!(code, ExitCode::from(2));
    assert!(
        err.contains("a.gz: no masked copy") && !copy.exists(),
        "{err}"
    );
    let (code, _, err) = run(&args(&[&cut]), b"");
    assert_eq!(code, ExitCode::from(2));
    assert!(err.contains("cut.gz: not read whole"), "{err}");
}

fn message(id: &str, body: &[u8], more: &Value) -> String {
    let mut message = json!({
        "id": id, "content_type": "application/json", "content_encoding": "",
        "direction": "response", "body_base64": STANDARD.encode(body), "cuts": [],
    });
    for (key, value) in more.as_object().expect("an object") {
        message[key] = value.clone();
    }
    message.to_string() + "\n"
}

#[test]
fn a_batch_is_answered_line_by_line_in_order() {
    let batch = Args {
        jsonl: true,
        ..args(&[Path::new("-")])
    };
    let body = br#"{"card":"4111111111111111"}"#;
    let mut stdin = message("a", body, &json!({}));
    stdin += &message("b", b"{}", &json!({"cuts": [0, 1, 1, 2]}));
    stdin += "{\"id\": \"4111111111111111\", \"body_base64\": 1}\n\n";
    stdin += "4111111111111111 {\n";
    for n in 0..=body.len() {
        stdin += &message("c", body, &json!({"cuts": [n]}));
    }
    stdin += &message(
        "d",
        b"\x1f\x8bnothing",
        &json!({"content_encoding": "gzip"}),
    );
    stdin += &message("4111111111111111", b"{}", &json!({}));
    stdin += &message("e", b"{}", &json!({"cuts": [3]}));
    let (code, out, err) = run(&batch, stdin.as_bytes());
    assert_eq!((code, err.as_str()), (ExitCode::from(2), ""));
    let answers: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let a = &answers[0];
    assert_eq!((&a["id"], &a["verdict"]), (&json!("a"), &json!("masked")));
    let found = &a["findings"][0];
    assert_eq!(found["masked"], "411111******1111");
    assert_eq!(
        (&found["kind"], &found["brand"]),
        (&json!("pan"), &json!("visa"))
    );
    assert_eq!(
        (&found["span"], &found["confidence"]),
        (&json!([9, 25]), &json!("high"))
    );
    let masked = STANDARD.decode(a["body_base64"].as_str().expect("text"));
    assert_eq!(masked.expect("base64"), br#"{"card":"411111******1111"}"#);
    assert_eq!(
        (&answers[1]["id"], &answers[1]["verdict"]),
        (&json!("b"), &json!("clean"))
    );
    assert_eq!(answers[1]["body_base64"], STANDARD.encode("{}"));
    assert_eq!(
        (&answers[2]["line"], &answers[3]["line"]),
        (&json!(3), &json!(5))
    );
    let rest = &answers[4..];
    for answer in &rest[..=body.len()] {
        assert_eq!(answer["findings"], a["findings"], "a cut changes nothing");
        assert_eq!(answer["body_base64"], a["body_base64"]);
    }
    let [d, card, e] = &rest[body.len() + 1..] else {
        panic!("{} answers", answers.len());
    };
    assert_eq!(
        (&d["verdict"], &d["body_base64"]),
        (&json!("undecodable"), &json!(""))
    );
    assert_eq!(card["id"], "411111******1111");
    assert!(e["error"].as_str().is_some_and(|e| e.starts_with("cuts")));
}

#[test]
fn exit_codes_of_a_batch() {
    let batch = Args {
        jsonl: true,
        ..args(&[Path::new("-")])
    };
    let clean = message("a", b"{}", &json!({}));
    let card = message(
        "a",
        b"4111111111111111",
        &json!({"content_type": "text/plain"}),
    );
    let coded = message("a", b"{}", &json!({"content_encoding": "rot13"}));
    for (stdin, code) in [
        (String::new(), 0),
        (clean.clone(), 0),
        (clean.trim_end().to_owned(), 0),
        (clean.clone() + &card, 1),
        (clean.clone() + &coded, 1),
        (card + "?" + &clean, 2),
    ] {
        assert_eq!(
            run(&batch, stdin.as_bytes()).0,
            ExitCode::from(code),
            "{stdin}"
        );
    }
}
