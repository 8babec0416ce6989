//! Golden messages: what an operator reads for each mistake.

use std::path::Path;

use super::*;

/// A folder with the files that good configurations name.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for name in [
        "cert.pem",
        "key.pem",
        "ca.pem",
        "crl.pem",
        "jwks.json",
        "secret",
    ] {
        std::fs::write(dir.path().join(name), "x").expect("written");
    }
    std::fs::create_dir(dir.path().join("policy.d")).expect("made");
    dir
}

const POLICY: &str = "policy.dir = \"policy.d\"\n";
const REDIRECT: &str = "[redirect]\ncgroup = \".\"\n";
const ISSUER: &str =
    "[[oidc]]\nissuer = \"https://idp.example\"\naudience = [\"a\"]\njwks_file = \"jwks.json\"\n";

fn server(lines: &str) -> String {
    format!("[[server]]\nname = \"crm\"\nevidence = [\"process\"]\n{lines}\n")
}

fn explicit() -> String {
    server("listen = \"127.0.0.1:9000\"\nupstream = \"127.0.0.1:8080\"")
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    let dir = folder();
    Config::parse(&dir.path().join("panward.toml"), &format!("{POLICY}{text}"))
}

/// Problems, one a line, without the folder's name.
fn problems(text: &str) -> Vec<String> {
    let dir = folder();
    let file = dir.path().join("panward.toml");
    match Config::parse(&file, &format!("{POLICY}{text}")) {
        Ok(_) => Vec::new(),
        Err(error) => error
            .to_string()
            .replace(&format!("{}/", dir.path().display()), "")
            .lines()
            .map(|line| line.strip_prefix("panward.toml").unwrap_or(line).to_owned())
            .collect(),
    }
}

#[track_caller]
fn refuses(text: &str, expected: &[&str]) {
    assert_eq!(problems(text), expected);
}

#[test]
fn the_smallest_good_configuration() {
    let config = parse(&explicit()).expect("good");
    assert_eq!(
        (config.mode, config.redirect.is_none()),
        (Mode::Enforce, true)
    );
    let crm = config.server("crm").expect("there");
    let explicit = crm.explicit.expect("there");
    assert_eq!(
        explicit.listen,
        "127.0.0.1:9000".parse().expect("an address")
    );
    assert_eq!(crm.authorization, Authorization::StripIfUsed);
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn a_full_configuration_is_parsed_into_types() {
    let text = format!(
        "mode = \"enforce\"\n{REDIRECT}netns = [\"self\"]\nfail = \"open\"\n{}{ISSUER}[limits]\nconnections_max = 7\n",
        "[[server]]\nname = \"crm\"\ninbound = [\"0.0.0.0:8080\", \"[::]:8080\", \"[::ffff:10.0.0.1]:81\"]\n\
         outbound = [\"203.0.113.7:443\"]\npaths = [\"/mcp\"]\nevidence = [\"mtls\", \"oidc\"]\naudience = [\"crm\"]\n\
         [server.tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\nclient_ca = \"ca.pem\"\nclient_auth = \"required\"\n\
         [server.upstream_tls]\n[server.credential]\nfile = \"secret\"\n"
    );
    let config = parse(&text).expect("good");
    let crm = config.server("crm").expect("there");
    assert_eq!(crm.inbound[2], "10.0.0.1:81".parse().expect("an address"));
    assert_eq!(crm.authorization, Authorization::Replace);
    assert!(
        crm.tls
            .as_ref()
            .and_then(|tls| tls.clients.as_ref())
            .expect("there")
            .required
    );
    assert_eq!(crm.audience.as_deref(), Some(&["crm".to_owned()][..]));
    assert_eq!(config.redirect.expect("there").netns, [Netns::Own]);
    assert_eq!(config.limits.connections_max, 7);
    // Both secrets are readable by all in this folder: said, not refused.
    assert_eq!(config.warnings.len(), 2, "{:?}", config.warnings);
}

#[test]
fn text_that_is_not_ours_is_refused_at_its_place() {
    refuses(
        "mode = ",
        &[":2:8: string values must be quoted, expected literal string"],
    );
    refuses(
        "mode = \"enforced\"",
        &[":2:8: unknown variant `enforced`, expected `enforce` or `observe`"],
    );
    refuses(
        "[limits]\nconnections = 1",
        &[
            ":3:1: unknown field `connections`, expected one of `connections_max`, `head_bytes_max`, `head_fields_max`, `request_body_bytes_max`, `response_hold_bytes_max`, `sse_event_bytes_max`, `event_tail_ms`, `json_depth_max`, `batch_messages_max`, `audit_queue_records_max`, `audit_queue_bytes_max`, `audit_receipt_timeout_ms`, `tls_handshake_timeout_ms`, `request_timeout_ms`, `idle_timeout_ms`, `upstream_connect_timeout_ms`, `upstream_response_timeout_ms`, `drain_timeout_ms`, `policy_file_bytes_max`, `policy_files_max`",
        ],
    );
    refuses(
        "[[server]]\nlisten_address = \"x\"",
        &[
            ":3:1: unknown field `listen_address`, expected one of `name`, `inbound`, `outbound`, `listen`, `upstream`, `paths`, `evidence`, `audience`, `authorization`, `tls`, `upstream_tls`, `credential`",
        ],
    );
    refuses(
        "[[server]]\nevidence = [\"password\"]",
        &[":3:13: unknown variant `password`, expected one of `mtls`, `oidc`, `process`"],
    );
}

#[test]
fn all_problems_are_reported_together() {
    refuses(
        "[[server]]\nname = \"CRM/1\"\n[[server]]\nname = \"a\"\n[limits]\nhead_bytes_max = 1\n",
        &[
            ": limits.head_bytes_max: must be from 1024 to 1048576, is 1",
            ": server[0].name: `CRM/1` must be 1 to 63 lower-case letters, digits, `.`, `_`, `-`, and begin with a letter or digit",
            ": server.a: give `inbound`, `outbound`, or `listen` and `upstream`",
            ": server.a.evidence: must name at least one of \"mtls\", \"oidc\", \"process\"",
        ],
    );
}

#[test]
fn missing_files_are_named() {
    let tls = "listen = \"127.0.0.1:9000\"\nupstream = \"127.0.0.1:8080\"\n[server.tls]\ncertificate = \"no.pem\"\nkey = \"policy.d\"\n[server.credential]\nfile = \"no-secret\"";
    refuses(
        &server(tls),
        &[
            ": server.crm.tls.certificate: no.pem: No such file or directory (os error 2)",
            ": server.crm.tls.key: policy.d is a folder",
            ": server.crm.credential.file: no-secret: No such file or directory (os error 2)",
        ],
    );
    let dir = folder();
    let text = format!("policy.dir = \"no\"\n{}", explicit());
    let error = Config::parse(&dir.path().join("x.toml"), &text).expect_err("refused");
    assert_eq!(error.problems.len(), 1);
    assert_eq!(error.problems[0].path, "policy.dir");
    assert!(error.problems[0].message.ends_with("/no is not a folder"));
}

#[test]
fn addresses_that_cannot_be_covered() {
    let redirected = |lines: &str| format!("{REDIRECT}{}", server(lines));
    refuses(
        &redirected("outbound = [\"169.254.169.254:80\"]"),
        &[": server.crm.outbound[0]: the cloud's metadata service is never covered"],
    );
    refuses(
        &redirected("inbound = [\"[fd00:ec2::254]:80\"]"),
        &[": server.crm.inbound[0]: the cloud's metadata service is never covered"],
    );
    refuses(
        &redirected("outbound = [\"[::ffff:169.254.169.254]:80\"]"),
        &[": server.crm.outbound[0]: the cloud's metadata service is never covered"],
    );
    refuses(
        &explicit().replace("127.0.0.1:8080", "169.254.169.254:80"),
        &[": server.crm.upstream: the cloud's metadata service is never an upstream"],
    );
    refuses(
        &redirected("inbound = [\"0.0.0.0:15001\"]"),
        &[": server.crm.inbound[0]: port 15001 is redirect.listen_port"],
    );
    refuses(
        &redirected("outbound = [\"0.0.0.0:443\", \"example.com:443\", \"10.0.0.1:0\"]"),
        &[
            ": server.crm.outbound[1]: `example.com:443` is not ip:port, such as 10.0.0.7:8080 or [::1]:8080 (names are not looked up)",
            ": server.crm.outbound[2]: `10.0.0.1:0` has port 0",
            ": server.crm.outbound[0]: must be a concrete address, not every address",
        ],
    );
    refuses(
        &server("inbound = [\"0.0.0.0:8080\"]"),
        &[": server.crm.inbound[0]: needs [redirect]; without it give `listen` and `upstream`"],
    );
    refuses(
        &server(""),
        &[": server.crm: give `inbound`, `outbound`, or `listen` and `upstream`"],
    );
}

#[test]
fn listeners_that_collide() {
    let second = explicit().replace("crm", "two");
    refuses(
        &format!("{}{second}", explicit()),
        &[": server.two.listen: 127.0.0.1:9000 is also server.crm.listen"],
    );
    let any = second.replace("127.0.0.1:9000", "0.0.0.0:9000");
    refuses(
        &format!("{}{any}", explicit()),
        &[": server.two.listen: 0.0.0.0:9000 is also server.crm.listen"],
    );
    let admin = format!("admin.listen = \"127.0.0.1:9000\"\n{}", explicit());
    refuses(
        &admin,
        &[": admin.listen: 127.0.0.1:9000 is also server.crm.listen"],
    );
    refuses(
        &format!("admin.listen = \"0.0.0.0:9464\"\n{}", explicit()),
        &[": admin.listen: must be a loopback address: it has no sign-in"],
    );
    let itself = explicit().replace("127.0.0.1:8080", "127.0.0.1:9000");
    refuses(&itself, &[": server.crm.upstream: is the listener itself"]);
    let (half, other) = (
        server("listen = \"127.0.0.1:1\""),
        server("upstream = \"127.0.0.1:1\""),
    );
    refuses(&half, &[": server.crm.upstream: required with `listen`"]);
    refuses(&other, &[": server.crm.listen: required with `upstream`"]);
}

#[test]
fn evidence_that_nothing_can_check() {
    let with = |kinds: &str| explicit().replace("[\"process\"]", kinds);
    refuses(
        &with("[]"),
        &[": server.crm.evidence: must name at least one of \"mtls\", \"oidc\", \"process\""],
    );
    refuses(
        &with("[\"mtls\"]"),
        &[": server.crm.evidence: \"mtls\" needs [server.tls] with client_ca"],
    );
    refuses(
        &with("[\"oidc\", \"oidc\"]"),
        &[
            ": server.crm.evidence: names a kind twice",
            ": server.crm.evidence: \"oidc\" needs an [[oidc]] issuer",
        ],
    );
    let no_audience = ISSUER.replace("audience = [\"a\"]\n", "");
    refuses(
        &format!("{}{no_audience}", with("[\"oidc\"]")),
        &[
            ": server.crm.audience: required: without it a token of https://idp.example for any other service would do",
        ],
    );
    refuses(
        &format!(
            "{}[server.tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\nclient_auth = \"required\"",
            explicit()
        ),
        &[": server.crm.tls.client_ca: required to check client certificates"],
    );
}

#[test]
fn issuers_that_cannot_be_trusted() {
    let with = |text: &str| format!("{}{text}", explicit());
    refuses(
        &with(&ISSUER.replace("https", "http")),
        &[": oidc[0].issuer: `http://idp.example` must be https"],
    );
    refuses(
        &with(&ISSUER.replace("jwks_file", "discovery = true\njwks_file")),
        &[": oidc[0]: give exactly one of `jwks_file`, `jwks_url`, `discovery = true`"],
    );
    refuses(
        &with(&format!("{ISSUER}algorithms = [\"none\", \"HS256\"]")),
        &[
            ": oidc[0].algorithms: `none` is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA",
            ": oidc[0].algorithms: `HS256` is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA",
        ],
    );
    refuses(
        &with(&format!("{ISSUER}{ISSUER}")),
        &[": oidc[1].issuer: `https://idp.example` is given twice"],
    );
    refuses(
        &with("[[oidc]]\ndiscovery = true"),
        &[": oidc[0].issuer: is required"],
    );
}

#[test]
fn modes_that_contradict() {
    let closed = toml::from_str::<RawConfig>(&format!("{POLICY}{}", explicit())).expect("parses");
    let redirect = RawRedirect {
        pin_dir: None,
        cgroup: ".".into(),
        ..RawRedirect::default()
    };
    let dir = folder();
    let raw = RawConfig {
        redirect: Some(redirect),
        ..closed
    };
    let config = Config::check(&dir.path().join("x.toml"), raw).expect("closed is pinned");
    let pinned = config.redirect.and_then(|redirect| redirect.pin_dir);
    assert_eq!(pinned, Some("/sys/fs/bpf/panward".into()));
    refuses(
        &format!(
            "mode = \"observe\"\n{}authorization = \"strip\"",
            explicit()
        ),
        &[
            ": server.crm.authorization: mode = \"observe\" changes no byte: only \"pass\", no credential",
        ],
    );
    refuses(
        &format!("{}authorization = \"replace\"", explicit()),
        &[": server.crm.authorization: \"replace\" needs [server.credential] for that header"],
    );
    refuses(
        &format!(
            "{}authorization = \"pass\"\n[server.credential]\nfile = \"secret\"",
            explicit()
        ),
        &[": server.crm.authorization: must be \"replace\": the credential is for that header"],
    );
    refuses(
        &format!("{REDIRECT}netns = []\nlisten_port = 0\n{}", explicit()),
        &[
            ": redirect.listen_port: must not be 0",
            ": redirect.netns: must have at least one namespace, such as \"self\"",
        ],
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nonexistent/panward.toml")).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "/nonexistent/panward.toml: file: No such file or directory (os error 2)"
    );
}

#[test]
fn what_is_written_can_be_read_back() {
    let raw: RawConfig = toml::from_str(&explicit()).expect("parses");
    let written = toml::to_string(&raw).expect("serializes");
    assert_eq!(toml::from_str::<RawConfig>(&written).expect("parses"), raw);
}

#[test]
fn reference_files_are_up_to_date() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for (name, text) in crate::cli::docs::files() {
        let committed = std::fs::read_to_string(docs.join(name)).expect(name);
        assert!(
            committed == text,
            "docs/{name} differs from the types: run `cargo xtask schema`"
        );
    }
}

#[test]
fn the_reference_has_every_key() {
    let page = reference_page();
    for key in [
        "`cgroup`",
        "`[[server]]`",
        "`[server.tls]`",
        "`connections_max`",
        "`client_crl`",
    ] {
        assert!(page.contains(key), "{key}");
    }
    assert!(!page.contains("| any |"));
}

#[test]
fn development_material_needs_a_development_configuration() {
    let oidc = |issuer: &str| {
        format!(
            "{}\n[[oidc]]\nissuer = \"{issuer}\"\naudience = [\"crm\"]\ndiscovery = true",
            explicit()
        )
    };
    let refused = problems(&oidc("https://dev.panward.invalid"));
    assert!(
        refused.iter().any(|p| p.contains("development issuer")),
        "{refused:?}"
    );
    assert!(parse(&oidc("https://idp.example")).is_ok());
    let allowed = format!(
        "{}\n[dev]\nenabled = true",
        oidc("https://dev.panward.invalid")
    );
    assert!(parse(&allowed).is_ok());
    let dir = folder();
    let made = dir.path().join("dev");
    crate::identity::dev::init(&made, &[], 1_700_000_000).expect("made");
    let mtls = server(&format!(
        "listen = \"127.0.0.1:9000\"\nupstream = \"127.0.0.1:8080\"\n[server.tls]\ncertificate = \"{0}/server.pem\"\nkey = \"{0}/server.key\"\nclient_ca = \"{0}/ca.pem\"",
        made.display()
    ));
    let refused = problems(&mtls);
    assert!(
        refused.iter().any(|p| p.contains("development CA")),
        "{refused:?}"
    );
    assert!(parse(&format!("{mtls}\n[dev]\nenabled = true")).is_ok());
}
