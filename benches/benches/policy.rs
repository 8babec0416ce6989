//! Deciding: 10 and 100 policies, the last of which permits.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use policy::{
    Arguments, AuthnMethod, PolicySet, Principal, PrincipalKind, Request, Scalar, Verdict,
};

fn set(policies: usize) -> PolicySet {
    let mut text: String = (1..policies)
        .map(|n| {
            format!(
                "permit(principal in Mcp::Group::\"g{n}\", action == Mcp::Action::\"tools/call\", \
                 resource == Mcp::Tool::\"crm/tool{n}\");\n"
            )
        })
        .collect();
    text += "permit(principal in Mcp::Group::\"support\", action == Mcp::Action::\"tools/call\", \
             resource in Mcp::Server::\"crm\") when { context.num.hasTag(\"limit\") \
             && context.num.getTag(\"limit\") <= 100 };";
    PolicySet::load(&[("bench.cedar".to_owned(), text)]).expect("valid policies")
}

fn decide(c: &mut Criterion) {
    let principal = Principal {
        kind: PrincipalKind::User,
        id: "https://idp.example|alice".to_owned(),
        issuer: Some("https://idp.example".to_owned()),
        method: AuthnMethod::Oidc,
        groups: vec!["staff".to_owned(), "support".to_owned()],
        token_id: Some("token".to_owned()),
        key_id: Some("key".to_owned()),
        process: None,
    };
    let mut arguments = Arguments::new();
    for (path, value) in [
        ("customer", Scalar::Str("c-1029".to_owned())),
        ("limit", Scalar::Int(50)),
        ("fields[0]", Scalar::Str("name".to_owned())),
        ("fields[1]", Scalar::Str("email".to_owned())),
    ] {
        arguments.push(path, value).expect("below the bounds");
    }
    let request = Request {
        principal: &principal,
        server: "crm",
        method: "tools/call",
        target: Some("lookup"),
        arguments: &arguments,
        session: Some("session"),
        client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let mut group = c.benchmark_group("policy/decide");
    for policies in [10, 100] {
        let set = set(policies);
        assert_eq!(set.decide(&request).verdict, Verdict::Allow);
        group.bench_function(BenchmarkId::from_parameter(policies), |b| {
            b.iter(|| set.decide(black_box(&request)));
        });
    }
    group.finish();
}

criterion_group!(benches, decide);
criterion_main!(benches);
