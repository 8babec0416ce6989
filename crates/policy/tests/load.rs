//! What is wrong with a text is said with its file, line and column.

use policy::PolicySet;

fn errors(text: &str) -> Vec<String> {
    match PolicySet::load(&[("p.cedar".to_owned(), text.to_owned())]) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[track_caller]
fn refuses(text: &str, expected: &[&str]) {
    assert_eq!(errors(text), expected);
}

#[test]
fn golden_messages() {
    refuses(
        "permit(principal, action, resource)",
        &["p.cedar:1:36: unexpected end of input"],
    );
    refuses(
        "permit(principal, action, resource) when { context.nope == 1 };",
        &[
            "p.cedar:1:44: attribute `nope` in context for Mcp::Action::\"client/response\" not found (did you mean `num`?)",
        ],
    );
    refuses(
        "\n\n  permit(principal, action == Mcp::Action::\"tools/cal\", resource);",
        &["p.cedar:3:31: unrecognized action `Mcp::Action::\"tools/cal\"`"],
    );
    refuses(
        "permit(principal, action == Mcp::Action::\"tools/call\", resource is Mcp::Prompt);",
        &[
            "p.cedar:1:1: policy is impossible: the policy expression evaluates to false for all valid requests",
        ],
    );
    refuses(
        "permit(principal, action, resource == Mcp::Tool::\"crm/a\u{202e}b\");",
        &["p.cedar:1:1: identifier `crm/a\\u{202e}b` contains BIDI control characters"],
    );
    refuses(
        "permit(principal, action, resource) when { false };",
        &[
            "p.cedar:1:1: policy is impossible: the policy expression evaluates to false for all valid requests",
        ],
    );
}

#[test]
fn names_in_any_language_are_taken() {
    refuses(
        "permit(principal, action, resource == Mcp::Tool::\"crm/поиск\");",
        &[],
    );
    refuses(
        "permit(principal, action, resource == Mcp::Tool::\"crm/検索_v2\");",
        &[],
    );
}

#[test]
fn problems_of_all_files_come_together_in_order() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let bad = "permit(principal, action, resource) when { context.nope };\n@x(\"\") permit(principal, action, resource);";
    let all = PolicySet::load(&[file("b", bad), file("a", bad), file("a", "")]).expect_err("bad");
    let places: Vec<_> = all.iter().map(|e| (e.file.as_str(), e.line)).collect();
    assert_eq!(places, [("a", 1), ("a", 1), ("a", 2), ("b", 1), ("b", 2)]);
    let large = "/".repeat(PolicySet::FILE_BYTES_MAX + 1);
    assert_eq!(
        errors(&large),
        ["p.cedar:1:1: file is larger than 1048576 bytes"]
    );
}
