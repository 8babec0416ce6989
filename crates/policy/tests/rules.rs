//! What operators rely on: each rule of deciding, one test.

use std::net::IpAddr;

use policy::{
    Arguments, AuthnMethod, Decision, MaskRule, PolicySet, Principal, PrincipalKind, Process,
    Request, Scalar, Verdict, Why,
};

fn alice() -> Principal {
    Principal {
        kind: PrincipalKind::User,
        id: "https://idp.example|alice".to_owned(),
        issuer: Some("https://idp.example".to_owned()),
        method: AuthnMethod::Oidc,
        groups: vec!["support".to_owned()],
        token_id: Some("t-1".to_owned()),
        key_id: None,
        process: None,
    }
}

fn set(text: &str) -> PolicySet {
    match PolicySet::load(&[("p.cedar".to_owned(), text.to_owned())]) {
        Ok(set) => set,
        Err(errors) => panic!(
            "{}",
            errors.iter().map(|e| format!("{e}\n")).collect::<String>()
        ),
    }
}

/// One question, with what a test wants to change.
struct Ask<'a> {
    principal: Principal,
    server: &'a str,
    method: &'a str,
    target: Option<&'a str>,
    arguments: Arguments,
    ip: &'a str,
}

fn call(tool: &str) -> Ask<'_> {
    Ask {
        principal: alice(),
        server: "crm",
        method: "tools/call",
        target: Some(tool),
        arguments: Arguments::new(),
        ip: "10.1.2.3",
    }
}

fn method(method: &str) -> Ask<'_> {
    Ask {
        method,
        target: None,
        ..call("")
    }
}

impl Ask<'_> {
    fn with(mut self, path: &str, value: Scalar) -> Self {
        self.arguments.push(path, value).expect("below the bounds");
        self
    }

    fn of(&self, set: &PolicySet) -> Decision {
        let ip: IpAddr = self.ip.parse().expect("an address");
        set.decide(&Request {
            principal: &self.principal,
            server: self.server,
            method: self.method,
            target: self.target,
            arguments: &self.arguments,
            session: None,
            client_ip: ip,
        })
    }

    fn verdict(&self, text: &str) -> (Verdict, Why) {
        let decision = self.of(&set(text));
        (decision.verdict, decision.why)
    }
}

const ALLOW: (Verdict, Why) = (Verdict::Allow, Why::Permit);
const DEFAULT_DENY: (Verdict, Why) = (Verdict::Deny, Why::DefaultDeny);
const FORBID: (Verdict, Why) = (Verdict::Deny, Why::Forbid);
const ERROR: (Verdict, Why) = (Verdict::Deny, Why::EvaluationError);
const HOLD: (Verdict, Why) = (Verdict::Hold, Why::ApprovalNeeded);
const ALL: &str = "permit(principal, action, resource);";

#[test]
fn an_empty_set_denies() {
    for files in [
        vec![],
        vec![("p.cedar".to_owned(), "// nothing\n".to_owned())],
    ] {
        let set = PolicySet::load(&files).expect("empty is valid");
        assert!(set.is_empty());
        let decision = call("lookup").of(&set);
        assert_eq!(
            (decision.verdict, decision.why),
            (Verdict::Deny, Why::EmptySet)
        );
        assert_eq!(decision.obligations.mask_response, MaskRule::Mask);
        assert!(decision.determining.is_empty());
    }
}

#[test]
fn what_no_permit_covers_is_denied() {
    let text = r#"permit(principal, action == Mcp::Action::"tools/call", resource == Mcp::Tool::"crm/lookup");"#;
    assert_eq!(call("lookup").verdict(text), ALLOW);
    assert_eq!(call("delete").verdict(text), DEFAULT_DENY);
    assert_eq!(
        Ask {
            server: "other",
            ..call("lookup")
        }
        .verdict(text),
        DEFAULT_DENY
    );
    assert_eq!(method("tools/list").verdict(text), DEFAULT_DENY);
}

#[test]
fn a_forbid_beats_every_permit_and_is_named() {
    let text = r#"
        permit(principal, action, resource);
        @id("no-delete") @reason("records are kept") @owner("crm-team@example.com")
        forbid(principal, action == Mcp::Action::"tools/call", resource)
        when { resource.name like "delete*" };"#;
    assert_eq!(call("lookup").verdict(text), ALLOW);
    let decision = call("delete_user").of(&set(text));
    assert_eq!((decision.verdict, decision.why), FORBID);
    assert_eq!(decision.determining, ["p.cedar#no-delete"]);
    assert_eq!(decision.reason.as_deref(), Some("records are kept"));
    assert_eq!(decision.owner.as_deref(), Some("crm-team@example.com"));
}

#[test]
fn an_evaluation_error_in_any_policy_denies() {
    // Overflow passes the type check and fails at run time. Cedar itself would
    // skip the policy: the forbid would be gone.
    for effect in ["permit", "forbid"] {
        let text = format!(
            r#"{ALL}
            @id("sum") {effect}(principal, action == Mcp::Action::"tools/call", resource)
            when {{ context.num.hasTag("n") && context.num.getTag("n") + 1 > 10 }};"#
        );
        let decision = call("t").with("n", Scalar::Int(i64::MAX)).of(&set(&text));
        assert_eq!((decision.verdict, decision.why), ERROR, "{effect}");
        assert_eq!(decision.determining, ["p.cedar#sum"]);
        assert_eq!(call("t").with("n", Scalar::Int(1)).verdict(&text), ALLOW);
    }
}

#[test]
fn approve_on_any_determining_permit_holds() {
    let text = format!(
        r#"{ALL}
        @id("big") @decision("approve")
        permit(principal, action == Mcp::Action::"tools/call", resource)
        when {{ context.num.hasTag("amount") && context.num.getTag("amount") > 100 }};"#
    );
    assert_eq!(
        call("pay").with("amount", Scalar::Int(100)).verdict(&text),
        ALLOW
    );
    let held = call("pay").with("amount", Scalar::Int(101)).of(&set(&text));
    assert_eq!((held.verdict, held.why), HOLD);
    assert_eq!(held.determining, ["p.cedar#1", "p.cedar#big"]);
    assert!(held.permit(()).is_err());
    // A forbid still wins over a hold.
    let text = format!("{text} forbid(principal, action, resource);");
    assert_eq!(
        call("pay").with("amount", Scalar::Int(101)).verdict(&text),
        FORBID
    );
}

#[test]
fn obligations_merge_to_the_strictest() {
    let off = r#"@mask("off") permit(principal, action, resource);"#;
    let masks = |text: &str| {
        let obligations = call("t").of(&set(text)).obligations;
        (
            obligations.mask_request,
            obligations.mask_response,
            obligations.block_on_finding,
        )
    };
    use MaskRule::{Mask, Off};
    assert_eq!(masks(ALL), (Mask, Mask, false));
    assert_eq!(masks(off), (Off, Off, false));
    assert_eq!(masks(&format!("{off} {ALL}")), (Mask, Mask, false));
    assert_eq!(masks(&format!("{off} {off}")), (Off, Off, false));
    let request = r#"@mask("request") permit(principal, action, resource);"#;
    let response = r#"@mask("response") permit(principal, action, resource);"#;
    assert_eq!(masks(request), (Mask, Off, false));
    assert_eq!(masks(response), (Off, Mask, false));
    assert_eq!(masks(&format!("{request} {response}")), (Mask, Mask, false));
    assert_eq!(masks(&format!("{request} {off}")), (Mask, Off, false));
    let block = r#"@on_finding("block") permit(principal, action, resource);"#;
    assert_eq!(masks(&format!("{block} {off}")), (Mask, Mask, true));
    // A permit that does not apply has no say.
    let other =
        r#"@on_finding("block") permit(principal, action, resource == Mcp::Tool::"crm/x");"#;
    assert_eq!(masks(&format!("{off} {other}")), (Off, Off, false));
}

#[test]
fn callers_are_told_apart_by_type_group_and_issuer() {
    let group = r#"permit(principal is Mcp::User in Mcp::Group::"support", action, resource);"#;
    assert_eq!(call("t").verdict(group), ALLOW);
    let qualified =
        r#"permit(principal in Mcp::Group::"https://idp.example|support", action, resource);"#;
    assert_eq!(call("t").verdict(qualified), ALLOW);
    let workload = Principal {
        kind: PrincipalKind::Workload,
        ..alice()
    };
    assert_eq!(
        Ask {
            principal: workload,
            ..call("t")
        }
        .verdict(group),
        DEFAULT_DENY
    );
    // Another issuer cannot name a group so that it passes for the first one's.
    let forged = Principal {
        issuer: Some("https://evil.example".to_owned()),
        groups: vec!["https://idp.example|support".to_owned()],
        ..alice()
    };
    assert_eq!(
        Ask {
            principal: forged,
            ..call("t")
        }
        .verdict(qualified),
        DEFAULT_DENY
    );
    let forged = Principal {
        issuer: Some("https://idp.example|x".to_owned()),
        ..alice()
    };
    assert_eq!(
        Ask {
            principal: forged,
            ..call("t")
        }
        .verdict(ALL),
        ERROR
    );
}

#[test]
fn kernel_facts_decide() {
    let text = r#"permit(principal is Mcp::Process, action, resource)
        when { principal has process && principal.process has unit
               && principal.process.unit == "agent.service" && principal.process.uid == 1000 };"#;
    let process = |uid, unit: Option<&str>| Principal {
        kind: PrincipalKind::Process,
        id: format!("uid:{uid}"),
        issuer: None,
        method: AuthnMethod::Process,
        groups: Vec::new(),
        token_id: None,
        key_id: None,
        process: Some(Process {
            pid: 7,
            uid,
            gid: uid,
            cgroup_id: 9,
            comm: "agent".to_owned(),
            exe: None,
            unit: unit.map(str::to_owned),
        }),
    };
    let ask = |principal| {
        Ask {
            principal,
            ..call("t")
        }
        .verdict(text)
    };
    assert_eq!(ask(process(1000, Some("agent.service"))), ALLOW);
    assert_eq!(ask(process(1001, Some("agent.service"))), DEFAULT_DENY);
    assert_eq!(ask(process(1000, None)), DEFAULT_DENY);
    assert_eq!(ask(alice()), DEFAULT_DENY);
}

#[test]
fn arguments_are_seen_by_path_as_text_number_and_decimal() {
    let when =
        |condition: &str| format!("permit(principal, action, resource) when {{ {condition} }};");
    let text = when(r#"context.arg.hasTag("a.b[0]") && context.arg.getTag("a.b[0]") == "true""#);
    assert_eq!(
        call("t").with("a.b[0]", Scalar::Bool(true)).verdict(&text),
        ALLOW
    );
    assert_eq!(
        call("t").with("a.b[1]", Scalar::Bool(true)).verdict(&text),
        DEFAULT_DENY
    );
    let small = when(r#"context.num.hasTag("n") && context.num.getTag("n") <= 100"#);
    for (scalar, expected) in [
        (Scalar::Int(100), ALLOW),
        (Scalar::Decimal("1e2".into()), ALLOW),
        (Scalar::Decimal("1e3".into()), DEFAULT_DENY),
        (Scalar::Decimal("100.5".into()), DEFAULT_DENY),
        (Scalar::Decimal("1e30".into()), DEFAULT_DENY),
        (Scalar::Str("5".into()), DEFAULT_DENY),
        (Scalar::Null, DEFAULT_DENY),
    ] {
        let what = format!("{scalar:?}");
        assert_eq!(
            call("t").with("n", scalar).verdict(&small),
            expected,
            "{what}"
        );
    }
    let decimal =
        when(r#"context.dec.hasTag("n") && context.dec.getTag("n").lessThan(decimal("100.51"))"#);
    assert_eq!(
        call("t")
            .with("n", Scalar::Decimal("100.5".into()))
            .verdict(&decimal),
        ALLOW
    );
    assert_eq!(call("t").with("n", Scalar::Int(7)).verdict(&decimal), ALLOW);
    assert_eq!(
        call("t")
            .with("n", Scalar::Decimal("100.52".into()))
            .verdict(&decimal),
        DEFAULT_DENY
    );
    assert_eq!(
        call("t").with("n", Scalar::Int(i64::MAX)).verdict(&decimal),
        DEFAULT_DENY
    );
}

#[test]
fn action_groups_cover_what_they_say() {
    let session = r#"permit(principal, action in Mcp::Action::"session", resource);"#;
    for name in [
        "initialize",
        "ping",
        "notifications/initialized",
        "http/GET",
        "http/DELETE",
        "client/response",
        "server/discover",
    ] {
        assert_eq!(method(name).verdict(session), ALLOW, "{name}");
    }
    for name in [
        "tools/list",
        "notifications/made-up",
        "other",
        "session",
        "made/up",
    ] {
        assert_eq!(method(name).verdict(session), DEFAULT_DENY, "{name}");
    }
    assert_eq!(call("t").verdict(session), DEFAULT_DENY);
    let other = r#"permit(principal, action == Mcp::Action::"other", resource)
        when { context.method == "made/up" };"#;
    assert_eq!(method("made/up").verdict(other), ALLOW);
    assert_eq!(method("made/down").verdict(other), DEFAULT_DENY);
}

#[test]
fn the_address_is_compared_as_a_network() {
    let text = r#"permit(principal, action, resource) when { context.client_ip.isInRange(ip("10.0.0.0/8")) };"#;
    assert_eq!(call("t").verdict(text), ALLOW);
    assert_eq!(
        Ask {
            ip: "::ffff:10.9.9.9",
            ..call("t")
        }
        .verdict(text),
        ALLOW
    );
    assert_eq!(
        Ask {
            ip: "11.0.0.1",
            ..call("t")
        }
        .verdict(text),
        DEFAULT_DENY
    );
    assert_eq!(
        Ask {
            ip: "::1",
            ..call("t")
        }
        .verdict(text),
        DEFAULT_DENY
    );
}

#[test]
fn what_cannot_be_asked_is_denied() {
    assert_eq!(
        Ask {
            target: None,
            ..call("")
        }
        .verdict(ALL),
        ERROR
    );
    assert_eq!(
        Ask {
            target: None,
            ..method("resources/read")
        }
        .verdict(ALL),
        ERROR
    );
    assert_eq!(
        Ask {
            server: "a/b",
            ..call("t")
        }
        .verdict(ALL),
        ERROR
    );
    assert_eq!(
        Ask {
            server: "",
            ..call("t")
        }
        .verdict(ALL),
        ERROR
    );
}

#[test]
fn names_with_syntax_in_them_are_only_names() {
    let text = r#"permit(principal == Mcp::User::"https://idp.example|alice", action, resource == Mcp::Tool::"crm/lookup");"#;
    assert_eq!(call("lookup").verdict(text), ALLOW);
    let long = format!("lookup{}", "a".repeat(100_000));
    for tool in [
        "lookup\"",
        "\"lookup",
        "lookup\0",
        " lookup",
        "lookup ",
        "LOOKUP",
        "lookup\u{200b}",
        "l\u{43e}\u{43e}kup",
        "crm/lookup",
        "../crm/lookup",
        "x\" || true || \"",
        "*",
        "",
        "Mcp::Tool::\"crm/lookup\"",
        "lookup\"); permit(principal,action,resource); //",
        &long,
    ] {
        assert_eq!(
            call(tool).verdict(text),
            DEFAULT_DENY,
            "{:?}",
            tool.get(..9)
        );
    }
    for id in [
        "https://idp.example|alice\"",
        "alice",
        "https://idp.example|alice\n",
        "",
    ] {
        let principal = Principal {
            id: id.to_owned(),
            ..alice()
        };
        assert_eq!(
            Ask {
                principal,
                ..call("lookup")
            }
            .verdict(text),
            DEFAULT_DENY,
            "{id:?}"
        );
    }
    // And a name with quotes can be written in a policy, and is then that name.
    let quoted = r#"permit(principal, action, resource == Mcp::Tool::"crm/a\"b");"#;
    assert_eq!(call("a\"b").verdict(quoted), ALLOW);
    // `*` in a name is no wildcard of `like`.
    let like = r#"permit(principal, action == Mcp::Action::"tools/call", resource) when { resource.name like "get_*" };"#;
    assert_eq!(call("get_x").verdict(like), ALLOW);
    assert_eq!(call("*").verdict(like), DEFAULT_DENY);
}

#[test]
fn the_hash_names_the_texts_and_not_their_order() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let hash = |files: &[(String, String)]| PolicySet::load(files).expect("valid").hash();
    let (a, b) = (file("a", ALL), file("b", ALL));
    assert_eq!(hash(&[a.clone(), b.clone()]), hash(&[b.clone(), a.clone()]));
    assert_ne!(hash(std::slice::from_ref(&a)), hash(&[b]));
    assert_ne!(hash(&[a]), hash(&[file("a", &format!("{ALL} "))]));
    assert_eq!(call("t").of(&set(ALL)).set_hash, set(ALL).hash());
}

#[test]
fn observe_allows_everything_and_is_marked() {
    let set = PolicySet::observe_all();
    assert!(set.is_observe() && !set.is_empty());
    let decision = Ask {
        server: "a/b",
        target: None,
        ..call("t")
    }
    .of(&set);
    assert_eq!((decision.verdict, decision.why), ALLOW);
    assert_eq!(decision.determining, [PolicySet::OBSERVE_ID]);
    assert_eq!(decision.obligations.mask_response, MaskRule::Off);
    assert_eq!(decision.set_hash, PolicySet::observe_all().hash());
    assert_ne!(
        decision.set_hash,
        PolicySet::load(&[]).expect("empty").hash()
    );
}

#[test]
fn the_same_question_has_the_same_answer_whatever_the_order_of_files() {
    let one = (
        "1.cedar".to_owned(),
        r#"@mask("off") permit(principal, action, resource);"#.to_owned(),
    );
    let two = (
        "2.cedar".to_owned(),
        r#"@owner("x") permit(principal, action, resource);"#.to_owned(),
    );
    let there = PolicySet::load(&[one.clone(), two.clone()]).expect("valid");
    let back = PolicySet::load(&[two, one]).expect("valid");
    assert_eq!(call("t").of(&there), call("t").of(&back));
    assert_eq!(there.ids(), ["1.cedar#1", "2.cedar#1"]);
}
