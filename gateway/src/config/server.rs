//! `[[server]]`: one MCP server each.

use std::collections::HashSet;
use std::net::SocketAddr;

use super::cover;
use super::raw::{ClientAuth, Evidence, Mode, RawAuthorization, RawCredential, RawServer, RawTls};
use super::validated::{
    Authorization, Checking, ClientCertificates, Credential, Explicit, Issuer, Server, ServerTls,
    UpstreamTls,
};

/// What a server's keys are checked against.
pub(super) struct Context<'a> {
    pub(super) mode: Mode,
    pub(super) issuers: &'a [Issuer],
    pub(super) dev: bool,
}

const NAME_BYTES_MAX: usize = 63;

pub(super) fn check(
    checking: &mut Checking,
    raw: Vec<RawServer>,
    context: &Context<'_>,
) -> Vec<Server> {
    if raw.is_empty() {
        checking
            .problems
            .push("server", "at least one [[server]] is required");
    }
    let mut names = HashSet::new();
    let mut servers = Vec::new();
    for (n, raw) in raw.into_iter().enumerate() {
        if !good_name(&raw.name) {
            checking.problems.push(
                format!("server[{n}].name"),
                format!(
                    "`{}` must be 1 to {NAME_BYTES_MAX} lower-case letters, digits, `.`, `_`, `-`, \
                     and begin with a letter or digit",
                    raw.name.escape_debug()
                ),
            );
            continue;
        }
        if !names.insert(raw.name.clone()) {
            checking.problems.push(
                format!("server[{n}].name"),
                format!("`{}` is given twice", raw.name),
            );
            continue;
        }
        servers.push(check_one(checking, raw, context));
    }
    servers
}

fn good_name(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= NAME_BYTES_MAX
        && name.bytes().next().is_some_and(letter)
        && name
            .bytes()
            .all(|b| letter(b) || matches!(b, b'.' | b'_' | b'-'))
}

fn check_one(checking: &mut Checking, raw: RawServer, context: &Context<'_>) -> Server {
    let key = format!("server.{}", raw.name);
    let inbound = addresses(checking, &format!("{key}.inbound"), &raw.inbound);
    let outbound = addresses(checking, &format!("{key}.outbound"), &raw.outbound);
    let explicit = explicit(checking, &key, &raw);
    if raw.inbound.is_empty()
        && raw.outbound.is_empty()
        && raw.listen.is_none()
        && raw.upstream.is_none()
    {
        checking.problems.push(
            &key,
            "give `inbound`, `outbound`, or `listen` and `upstream`",
        );
    }
    for (n, path) in raw.paths.iter().enumerate() {
        if !path.starts_with('/') || path.contains(['?', '#']) {
            let message = format!(
                "`{}` must begin with `/` and have no query",
                path.escape_debug()
            );
            checking.problems.push(format!("{key}.paths[{n}]"), message);
        }
    }
    let tls = raw.tls.as_ref().map(|tls| server_tls(checking, &key, tls));
    if let Some(clients) = tls.as_ref().and_then(|tls| tls.clients.as_ref())
        && !context.dev
        && crate::tls::holds_dev_ca(&clients.ca).unwrap_or(false)
    {
        // A file that cannot be read is a problem of its own already.
        checking.problems.push(
            format!("{key}.tls.client_ca"),
            "holds a development CA: needs [dev] enabled = true",
        );
    }
    evidence(checking, &key, &raw, tls.as_ref(), context);
    let credential = raw
        .credential
        .as_ref()
        .map(|raw| credential(checking, &key, raw));
    let authorization = authorization(checking, &key, &raw, credential.as_ref(), context.mode);
    let upstream_tls = raw.upstream_tls.map(|tls| UpstreamTls {
        ca: tls
            .ca
            .map(|ca| checking.readable(&format!("{key}.upstream_tls.ca"), &ca)),
        server_name: tls.server_name,
    });
    Server {
        inbound,
        outbound,
        explicit,
        paths: raw.paths,
        evidence: raw.evidence,
        audience: (!raw.audience.is_empty()).then_some(raw.audience),
        authorization,
        tls,
        upstream_tls,
        credential,
        name: raw.name,
    }
}

fn addresses(checking: &mut Checking, key: &str, texts: &[String]) -> Vec<SocketAddr> {
    texts
        .iter()
        .enumerate()
        .filter_map(|(n, text)| {
            checking
                .problems
                .take(format!("{key}[{n}]"), cover::address(text))
        })
        .collect()
}

fn explicit(checking: &mut Checking, key: &str, raw: &RawServer) -> Option<Explicit> {
    match (&raw.listen, &raw.upstream) {
        (None, None) => None,
        (Some(listen), Some(upstream)) => {
            let listen = checking
                .problems
                .take(format!("{key}.listen"), cover::address(listen));
            let upstream = checking
                .problems
                .take(format!("{key}.upstream"), cover::address(upstream));
            if upstream.is_some_and(|address| address.ip().is_unspecified()) {
                checking
                    .problems
                    .push(format!("{key}.upstream"), "must be a concrete address");
            }
            if listen.is_some() && listen == upstream {
                checking
                    .problems
                    .push(format!("{key}.upstream"), "is the listener itself");
            }
            Some(Explicit {
                listen: listen?,
                upstream: upstream?,
            })
        }
        (Some(_), None) => {
            checking
                .problems
                .push(format!("{key}.upstream"), "required with `listen`");
            None
        }
        (None, Some(_)) => {
            checking
                .problems
                .push(format!("{key}.listen"), "required with `upstream`");
            None
        }
    }
}

fn server_tls(checking: &mut Checking, key: &str, raw: &RawTls) -> ServerTls {
    let certificate = checking.readable(&format!("{key}.tls.certificate"), &raw.certificate);
    let private = checking.secret(&format!("{key}.tls.key"), &raw.key);
    let ca = raw
        .client_ca
        .as_ref()
        .map(|ca| checking.readable(&format!("{key}.tls.client_ca"), ca));
    let crl = raw
        .client_crl
        .as_ref()
        .map(|crl| checking.readable(&format!("{key}.tls.client_crl"), crl));
    let default = if ca.is_some() {
        ClientAuth::Optional
    } else {
        ClientAuth::None
    };
    let auth = raw.client_auth.unwrap_or(default);
    if auth != ClientAuth::None && ca.is_none() {
        checking.problems.push(
            format!("{key}.tls.client_ca"),
            "required to check client certificates",
        );
    }
    if auth == ClientAuth::None && (ca.is_some() || crl.is_some()) {
        checking.problems.push(
            format!("{key}.tls.client_auth"),
            "is \"none\", so that client_ca and client_crl do nothing",
        );
    }
    let clients = ca
        .filter(|_| auth != ClientAuth::None)
        .map(|ca| ClientCertificates {
            ca,
            crl,
            required: auth == ClientAuth::Required,
        });
    ServerTls {
        certificate,
        key: private,
        clients,
    }
}

fn evidence(
    checking: &mut Checking,
    key: &str,
    raw: &RawServer,
    tls: Option<&ServerTls>,
    context: &Context<'_>,
) {
    let key = format!("{key}.evidence");
    if raw.evidence.is_empty() {
        checking.problems.push(
            &key,
            "must name at least one of \"mtls\", \"oidc\", \"process\"",
        );
    }
    let accepts = |kind| raw.evidence.contains(&kind);
    if (1..raw.evidence.len()).any(|n| raw.evidence[..n].contains(&raw.evidence[n])) {
        checking.problems.push(&key, "names a kind twice");
    }
    if accepts(Evidence::Mtls) && tls.is_none_or(|tls| tls.clients.is_none()) {
        checking
            .problems
            .push(&key, "\"mtls\" needs [server.tls] with client_ca");
    }
    if !accepts(Evidence::Oidc) {
        return;
    }
    if context.issuers.is_empty() {
        checking
            .problems
            .push(&key, "\"oidc\" needs an [[oidc]] issuer");
    }
    for issuer in context.issuers {
        if raw.audience.is_empty() && issuer.audience.is_empty() {
            let message = format!(
                "required: without it a token of {} for any other service would do",
                issuer.issuer
            );
            checking
                .problems
                .push(key.replace(".evidence", ".audience"), message);
        }
    }
    if tls.is_none() && !raw.inbound.is_empty() {
        checking.warnings.push(format!(
            "{key}: bearer tokens without [server.tls] cross the network in the clear"
        ));
    }
}

fn credential(checking: &mut Checking, key: &str, raw: &RawCredential) -> Credential {
    let header = raw.header.to_ascii_lowercase();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let framing = [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
    ];
    if header.is_empty() || !header.bytes().all(token) || framing.contains(&header.as_str()) {
        let message = format!("`{}` cannot carry a credential", raw.header.escape_debug());
        checking
            .problems
            .push(format!("{key}.credential.header"), message);
    }
    if raw.prefix.bytes().any(|b| !(b' '..=b'~').contains(&b)) {
        checking.problems.push(
            format!("{key}.credential.prefix"),
            "must be printable ASCII",
        );
    }
    let file = checking.secret(&format!("{key}.credential.file"), &raw.file);
    Credential {
        header,
        prefix: raw.prefix.clone(),
        file,
    }
}

fn authorization(
    checking: &mut Checking,
    key: &str,
    raw: &RawServer,
    credential: Option<&Credential>,
    mode: Mode,
) -> Authorization {
    let key = format!("{key}.authorization");
    let replaces = credential.is_some_and(|credential| credential.header == "authorization");
    if mode == Mode::Observe {
        if credential.is_some()
            || raw
                .authorization
                .is_some_and(|a| a != RawAuthorization::Pass)
        {
            checking.problems.push(
                &key,
                "mode = \"observe\" changes no byte: only \"pass\", no credential",
            );
        }
        return Authorization::Pass;
    }
    match raw.authorization {
        None if replaces => Authorization::Replace,
        None => Authorization::StripIfUsed,
        Some(RawAuthorization::Replace) if replaces => Authorization::Replace,
        Some(RawAuthorization::Replace) => {
            checking.problems.push(
                &key,
                "\"replace\" needs [server.credential] for that header",
            );
            Authorization::Strip
        }
        Some(_) if replaces => {
            checking.problems.push(
                &key,
                "must be \"replace\": the credential is for that header",
            );
            Authorization::Replace
        }
        Some(RawAuthorization::Pass) => Authorization::Pass,
        Some(RawAuthorization::Strip) => Authorization::Strip,
    }
}
