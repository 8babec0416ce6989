//! Any text as a policy file: an error or a set, never a panic; and a set that
//! loads decides without a panic, and never allows what it has no policy for.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use policy::{Arguments, AuthnMethod, PolicySet, Principal, PrincipalKind, Request, Scalar, Verdict};

fuzz_target!(|text: &str| {
    let files = [("fuzz.cedar".to_owned(), text.to_owned())];
    let Ok(set) = PolicySet::load(&files) else { return };
    let principal = Principal {
        kind: PrincipalKind::User,
        id: "https://idp.example|alice".to_owned(),
        issuer: Some("https://idp.example".to_owned()),
        method: AuthnMethod::Oidc,
        groups: vec!["support".to_owned()],
        token_id: None,
        key_id: None,
        process: None,
    };
    let mut arguments = Arguments::new();
    arguments.push("amount", Scalar::Int(i64::MAX)).expect("below the bounds");
    for (method, target) in [("tools/call", Some("lookup")), ("initialize", None), ("x", None)] {
        let request = Request {
            principal: &principal,
            server: "crm",
            method,
            target,
            arguments: &arguments,
            session: None,
            client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let decision = set.decide(&request);
        assert!(decision.verdict == Verdict::Deny || !decision.determining.is_empty());
        assert_eq!(decision, set.decide(&request));
    }
});
