//! The fuzz corpus as an ordinary test, texts made to be deep, and arbitrary
//! names: never a panic, never an allow without a policy.

use std::net::IpAddr;
use std::path::Path;

use policy::{
    Arguments, AuthnMethod, PolicySet, Principal, PrincipalKind, Process, Request, Scalar, Verdict,
    Why, append_index, append_key,
};
use proptest::prelude::*;

fn load(text: &str) -> Result<PolicySet, Vec<policy::PolicyError>> {
    PolicySet::load(&[("c.cedar".to_owned(), text.to_owned())])
}

#[test]
fn corpus_never_panics() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/policy_load");
    let mut seen = 0;
    for entry in std::fs::read_dir(dir).expect("corpus is committed") {
        let bytes = std::fs::read(entry.expect("entry").path()).expect("readable");
        if let Err(errors) = load(&String::from_utf8_lossy(&bytes)) {
            assert!(!errors.is_empty() && errors.iter().all(|e| !e.message.contains('\n')));
        }
        seen += 1;
    }
    assert!(seen >= 8);
}

/// Deep and long expressions on the small stack of a worker thread: an error,
/// or a set, but no overflow.
#[test]
fn deep_texts_do_not_end_the_process() {
    let when = |e: String| format!("permit(principal, action, resource) when {{ {e} }};");
    let long = move |n: usize| {
        [
            when(format!("{}true{}", "(".repeat(n), ")".repeat(n))),
            when(format!("{}true", "!".repeat(n))),
            when(format!("true{}", " && true".repeat(n))),
            when(format!("true{}", " || true".repeat(n))),
            when(format!("1{} == 1", " + 1".repeat(n))),
            when(format!("1{} == 1", " * 1".repeat(n))),
            when(format!("context{} == 1", ".arg".repeat(n))),
            when(format!(
                "{}true{}",
                "if true then ".repeat(n),
                " else true".repeat(n)
            )),
            when(format!("{}true", "if true then true else ".repeat(n))),
            when(format!("{}1{} == 1", "[".repeat(n), "]".repeat(n))),
            when(format!("{}1{} == 1", "{a:".repeat(n), "}".repeat(n))),
            when("true".to_owned()).replace(';', &" when { true }".repeat(n)),
            when(format!("{} == 1", "-".repeat(n))),
            when(format!("principal in [{}]", "Mcp::Group::\"a\",".repeat(n))),
            when(format!("Mcp{}::\"a\" == principal", "::Mcp".repeat(n))),
            "@a".repeat(n),
            "permit".repeat(n),
        ]
    };
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || {
            for n in [16, 31, 60, 120, 250, 500, 5_000, 40_000] {
                for text in long(n) {
                    if let Ok(set) = load(&text) {
                        decide(&set, "crm", "tools/call", Some("t"), &Arguments::new(), "a");
                    }
                }
            }
        })
        .expect("a thread")
        .join()
        .expect("no panic");
}

fn decide(
    set: &PolicySet,
    server: &str,
    method: &str,
    target: Option<&str>,
    arguments: &Arguments,
    name: &str,
) -> policy::Decision {
    let principal = Principal {
        kind: PrincipalKind::User,
        id: name.to_owned(),
        issuer: Some(name.to_owned()),
        method: AuthnMethod::Oidc,
        groups: vec![name.to_owned(), "g".to_owned()],
        token_id: Some(name.to_owned()),
        key_id: Some(name.to_owned()),
        process: Some(Process {
            pid: u32::MAX,
            uid: u32::MAX,
            gid: 0,
            cgroup_id: 1,
            comm: name.to_owned(),
            exe: Some(name.to_owned()),
            unit: None,
        }),
    };
    let client_ip: IpAddr = "::1".parse().expect("an address");
    let session = Some(name);
    set.decide(&Request {
        principal: &principal,
        server,
        method,
        target,
        arguments,
        session,
        client_ip,
    })
}

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        any::<String>().prop_map(Scalar::Str),
        any::<i64>().prop_map(Scalar::Int),
        any::<bool>().prop_map(Scalar::Bool),
        Just(Scalar::Null),
        "-?[0-9]{0,25}(\\.[0-9]{0,9})?([eE][+-]?[0-9]{1,12})?".prop_map(Scalar::Decimal),
        any::<String>().prop_map(Scalar::Decimal),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn decide_never_panics_and_names_never_change_the_entity(
        server in any::<String>(),
        method in prop_oneof![Just("tools/call".to_owned()), Just("prompts/get".to_owned()), any::<String>()],
        target in proptest::option::of(any::<String>()),
        name in any::<String>(),
        values in proptest::collection::vec((any::<String>(), any::<usize>(), scalar()), 0..8),
    ) {
        let mut arguments = Arguments::new();
        for (key, index, value) in values {
            let mut path = String::new();
            append_key(&mut path, &key);
            append_index(&mut path, index);
            let _ = arguments.push(path, value);
        }
        // One name permitted, and one that is not of this world.
        let exact = load(r#"@id("exact") permit(principal == Mcp::User::"a", action, resource == Mcp::Tool::"crm/t");"#)
            .expect("valid");
        let decision = decide(&exact, &server, &method, target.as_deref(), &arguments, &name);
        let same = server == "crm" && method == "tools/call" && target.as_deref() == Some("t") && name == "a";
        prop_assert_eq!(decision.verdict == Verdict::Allow, same);

        let all = load("permit(principal, action, resource);").expect("valid");
        let decision = decide(&all, &server, &method, target.as_deref(), &arguments, &name);
        let askable = !server.is_empty() && !server.contains('/') && !name.contains('|')
            && (target.is_some() || !matches!(method.as_str(),
                "tools/call" | "prompts/get" | "resources/read" | "resources/subscribe" | "resources/unsubscribe"));
        prop_assert_eq!(decision.why, if askable { Why::Permit } else { Why::EvaluationError });
    }

    #[test]
    fn load_never_panics(text in "(permit|forbid|when|\\{|\\}|\\(|\\)|principal|action|resource|,|;|==|in|@id|\"[a-z]{0,3}\"|Mcp::|Action::|context\\.|num|&&|[0-9]|é| |\n){0,40}") {
        let _ = load(&text);
    }
}
