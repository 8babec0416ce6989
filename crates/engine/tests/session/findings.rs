//! Where findings are, and those that an exception covers.

use engine::{Mode, Numbers, Suppression, Suppressions};

use crate::rig::{Rig, call, json_answer};

/// A published test number that an id column may hold.
const ID: &str = "30569309025904";
const ID_MASKED: &str = "305693****5904";
const OTHER: &str = "38520000023237";
const COLUMN: &str = "$.result.structuredContent.orders[*].id";

fn rows(ids: &[&str]) -> String {
    let rows: Vec<String> = ids.iter().map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
    let rows = rows.join(",");
    format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"structuredContent":{{"orders":[{rows}]}}}}}}"#)
}

fn orders(path: Option<&str>) -> Suppressions {
    let one = Suppression {
        id: "orders".into(),
        server: "crm".into(),
        tool: "list_orders".into(),
        path: path.map(str::to_owned),
        numbers: Numbers::Iin("305693".into()),
        even_high: false,
        until_ns: u64::MAX,
    };
    Suppressions::new(vec![one], None)
}

/// What the client gets when the answer comes in two pieces.
fn answered(rig: &mut Rig, tool: &str, answer: &str, cut: usize) -> String {
    rig.client(call(tool, "{}").as_bytes());
    rig.commit();
    rig.server(&answer.as_bytes()[..cut]);
    rig.server(&answer.as_bytes()[cut..]);
    rig.commit();
    rig.sent()
}

#[test]
fn a_column_is_left_as_it_is_and_the_record_says_so() {
    let answer = json_answer(&rows(&["a", ID, OTHER, ID]));
    let masked = answer.replace(OTHER, "385200****3237");
    for cut in 1..answer.len() {
        let mut rig = Rig::new(Mode::Enforce);
        rig.suppressions = orders(Some(COLUMN));
        let sent = answered(&mut rig, "list_orders", &answer, cut);
        assert_eq!(sent, masked, "cut {cut}: the other number stays masked");
        assert!(rig.disk_has("$.result.structuredContent.orders[3].id"));
        // Key 9 of the finding, then a text of six bytes.
        assert!(rig.disk_has("\u{9}forders"), "cut {cut}: under whose name");
        assert!(
            rig.disk_has(ID_MASKED) && !rig.disk_has(ID),
            "recorded, masked"
        );
    }
}

#[test]
fn everywhere_else_it_is_masked() {
    let answer = json_answer(&rows(&[ID]));
    let masked = answer.replace(ID, ID_MASKED);
    for (tool, path) in [
        ("list_orders", Some("$.result.structuredContent.rows[*].id")),
        ("lookup", Some(COLUMN)),
        ("lookup", None),
    ] {
        let mut rig = Rig::new(Mode::Enforce);
        rig.suppressions = orders(path);
        assert_eq!(
            answered(&mut rig, tool, &answer, 40),
            masked,
            "{tool} {path:?}"
        );
    }
    // In a head there is no place for it, whatever the scope.
    let mut rig = Rig::new(Mode::Enforce);
    rig.suppressions = orders(None);
    let head = format!("HTTP/1.1 200 OK\r\nX-Order: {ID}\r\nContent-Length: 2\r\n\r\n{{}}");
    let sent = answered(&mut rig, "list_orders", &head, 3);
    assert_eq!(sent, head.replace(ID, ID_MASKED));
}

#[test]
fn events_have_places_of_their_own() {
    let event = format!("event: message\ndata: {}\n\n", rows(&["a", ID]));
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
         {len:x}\r\n{event}\r\n{len:x}\r\n{event}\r\n0\r\n\r\n",
        len = event.len()
    );
    for cut in [60, 150, 200, 260, 300] {
        let mut rig = Rig::new(Mode::Enforce);
        rig.suppressions = orders(Some(COLUMN));
        rig.client(call("list_orders", "{}").as_bytes());
        rig.commit();
        rig.server(&answer.as_bytes()[..cut]);
        rig.commit();
        rig.server(&answer.as_bytes()[cut..]);
        rig.commit();
        rig.commit();
        assert_eq!(rig.sent(), answer, "cut {cut}");
        assert!(rig.disk_has("$.result.structuredContent.orders[1].id"));
    }
}

#[test]
fn arguments_have_places_too() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.suppressions = orders(Some("$.params.arguments.ids[*]"));
    let request = call(
        "list_orders",
        &format!(r#"{{"ids":["{ID}"],"other":"{ID}"}}"#),
    );
    rig.client(request.as_bytes());
    let wanted = request.replace(
        &format!("\"other\":\"{ID}"),
        &format!("\"other\":\"{ID_MASKED}"),
    );
    assert_eq!(rig.forwarded(), wanted);
    rig.commit();
    assert!(rig.disk_has("$.params.arguments.ids[0]"));
    assert!(rig.disk_has("$.params.arguments.other"));
    assert!(
        !rig.disk_has(ID),
        "the record of the body is masked all the same"
    );
}

#[test]
fn beyond_the_bound_nothing_is_covered_by_its_place() {
    let answer = json_answer(&rows(&["a", "b", ID]));
    let at = answer
        .split_once("\r\n\r\n")
        .map_or(0, |(_, body)| body.find(ID).unwrap_or(0));
    for (bytes_max, covered) in [(at + 1, true), (at, false)] {
        let mut rig = Rig::new(Mode::Enforce);
        rig.suppressions = orders(Some(COLUMN));
        rig.profile.limits.path_bytes_max = bytes_max;
        let sent = answered(&mut rig, "list_orders", &answer, 40);
        assert_eq!(sent.contains(ID), covered, "{bytes_max}");
    }
}
