//! From a checked configuration to the parts that run.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use engine::{Credential, Profile};
use gateway_common::Reason;
use url::Url;
use zeroize::Zeroizing;

use crate::config::{self, Config, KeysFrom, Limits};
use crate::identity::{
    self, AcceptedEvidence, IssuerSettings, KeySource, ServerAuth, TokenAlgorithm,
};
use crate::proxy::server::{Server, Snapshot};
use crate::tls;

/// Policies and servers, as one snapshot.
pub(super) fn snapshot(config: &Config) -> anyhow::Result<Snapshot> {
    let policies = match config.mode {
        config::Mode::Observe if !config.policy_dir.is_dir() => policy::PolicySet::observe_all(),
        _ => crate::policy_dir::load(&config.policy_dir, &config.limits)?,
    };
    let servers = config
        .servers
        .iter()
        .map(|s| server(config, s).map(Arc::new));
    Ok(Snapshot {
        policies,
        servers: servers.collect::<anyhow::Result<_>>()?,
    })
}

/// Issuers whose tokens are accepted.
pub(super) fn issuers(config: &Config) -> anyhow::Result<Vec<IssuerSettings>> {
    config.issuers.iter().map(issuer).collect()
}

fn issuer(from: &config::Issuer) -> anyhow::Result<IssuerSettings> {
    let keys = match &from.keys {
        KeysFrom::File(path) => KeySource::File(path.clone()),
        KeysFrom::Url(url) => KeySource::Url(url.clone()),
        KeysFrom::Discovery => KeySource::Discovery,
    };
    let mut to = IssuerSettings::new(from.issuer.clone(), keys);
    to.ca = from.ca.clone();
    to.algorithms = from
        .algorithms
        .iter()
        .map(|name| TokenAlgorithm::from_name(name).with_context(|| format!("algorithm {name}")))
        .collect::<anyhow::Result<_>>()?;
    to.kind = match from.subject_kind {
        config::SubjectKind::User => policy::PrincipalKind::User,
        config::SubjectKind::Workload => policy::PrincipalKind::Workload,
    };
    to.subject_claim = from.subject_claim.clone();
    to.groups_claim = from.groups_claim.clone();
    to.leeway_s = from.leeway_s;
    to.lifetime_s_max = from.lifetime_s_max;
    Ok(to)
}

fn server(config: &Config, from: &config::Server) -> anyhow::Result<Server> {
    let name = || format!("server {}", from.name);
    let mut covers = from.inbound.clone();
    covers.extend(&from.outbound);
    Ok(Server {
        profile: profile(config, from),
        auth: auth(config, from),
        covers,
        explicit: from.explicit.map(|e| e.listen),
        upstream: from.explicit.map(|e| e.upstream),
        tls: from
            .tls
            .as_ref()
            .map(server_tls)
            .transpose()
            .with_context(name)?,
        upstream_tls: from
            .upstream_tls
            .as_ref()
            .map(|t| upstream_tls(t, from))
            .transpose()
            .with_context(name)?,
        may_speak_first: false,
    })
}

fn auth(config: &Config, from: &config::Server) -> ServerAuth {
    let accepts = |kind| from.evidence.contains(&kind);
    let audiences = match &from.audience {
        Some(own) => own.clone(),
        None => config
            .issuers
            .iter()
            .flat_map(|i| i.audience.clone())
            .collect(),
    };
    ServerAuth {
        accept: AcceptedEvidence {
            mtls: accepts(config::Evidence::Mtls),
            oidc: accepts(config::Evidence::Oidc),
            process: accepts(config::Evidence::Process),
        },
        audiences,
        issuers: config.issuers.iter().map(|i| i.issuer.clone()).collect(),
    }
}

fn profile(config: &Config, from: &config::Server) -> Profile {
    let accepts_bearer = from.evidence.contains(&config::Evidence::Oidc);
    let url = accepts_bearer.then(|| url_of(from)).flatten();
    let issuers: Vec<String> = config.issuers.iter().map(|i| i.issuer.clone()).collect();
    Profile {
        server: from.name.clone(),
        mode: match config.mode {
            config::Mode::Enforce => engine::Mode::Enforce,
            config::Mode::Observe => engine::Mode::Observe,
        },
        accepts_bearer,
        authorization: match from.authorization {
            config::Authorization::Pass => engine::Authorization::Pass,
            config::Authorization::StripIfUsed => engine::Authorization::StripEvidence,
            config::Authorization::Strip | config::Authorization::Replace => {
                engine::Authorization::Strip
            }
        },
        credential: from.credential.as_ref().map(credential),
        mcp_paths: from.paths.clone(),
        challenge: url
            .as_ref()
            .map(|url| identity::challenge(url, &[], Reason::NoEvidence)),
        resource_metadata: url
            .as_ref()
            .map(|url| Bytes::from(identity::metadata_document(url, &issuers, &[]))),
        record_bodies: config.audit.record_bodies == config::RecordBodies::Masked,
        hide_tails: false,
        limits: limits(&config.limits),
    }
}

/// The name under which clients know the server: its first address and path.
fn url_of(from: &config::Server) -> Option<Url> {
    let explicit = from.explicit.map(|e| e.listen);
    let address = explicit
        .as_ref()
        .or(from.inbound.first())
        .or(from.outbound.first())?;
    let address = match address.ip().is_unspecified() {
        true => SocketAddr::from(([127, 0, 0, 1], address.port())),
        false => *address,
    };
    let scheme = if from.tls.is_some() { "https" } else { "http" };
    let path = from.paths.first().map_or("/mcp", String::as_str);
    Url::parse(&format!("{scheme}://{address}{path}")).ok()
}

/// Reads the secret; a file that cannot be read now refuses calls, it does not
/// stop the gateway.
fn credential(from: &config::Credential) -> Result<Credential, ()> {
    let secret = match std::fs::read(&from.file) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) => {
            tracing::error!(file = %from.file.display(), %error, "credential cannot be read");
            return Err(());
        }
    };
    let mut value = Zeroizing::new(from.prefix.clone().into_bytes());
    value.extend_from_slice(secret.trim_ascii());
    Ok(Credential {
        header: from.header.clone(),
        value,
    })
}

fn server_tls(from: &config::ServerTls) -> anyhow::Result<tls::ServerTls> {
    let client = match &from.clients {
        None => tls::ClientAuth::None,
        Some(clients) => {
            let ca = clients.ca.clone();
            let crls = clients.crl.iter().cloned().collect();
            match clients.required {
                true => tls::ClientAuth::Required { ca, crls },
                false => tls::ClientAuth::Optional { ca, crls },
            }
        }
    };
    Ok(tls::ServerTls::load(tls::ServerSettings {
        certificate: from.certificate.clone(),
        key: from.key.clone(),
        client,
    })?)
}

type UpstreamTls = (
    Arc<rustls::ClientConfig>,
    rustls::pki_types::ServerName<'static>,
);

fn upstream_tls(
    from: &config::UpstreamTls,
    server: &config::Server,
) -> anyhow::Result<UpstreamTls> {
    let roots = match &from.ca {
        Some(path) => tls::Roots::File(path.clone()),
        None => tls::Roots::WebPki,
    };
    let address = server
        .explicit
        .map(|e| e.upstream)
        .or(server.outbound.first().copied());
    let name = match (&from.server_name, address) {
        (Some(name), _) => name.clone(),
        (None, Some(address)) => address.ip().to_string(),
        (None, None) => "localhost".to_string(),
    };
    let name = rustls::pki_types::ServerName::try_from(name).context("upstream_tls.server_name")?;
    Ok((tls::client_config(&roots, None)?, name))
}

fn limits(from: &Limits) -> engine::Limits {
    let bytes = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let mut to = engine::Limits::default();
    to.http1.head_bytes_max = bytes(from.head_bytes_max);
    to.http1.headers_max = bytes(from.head_fields_max);
    to.jsonrpc.depth_max = bytes(from.json_depth_max);
    to.jsonrpc.batch_messages_max = bytes(from.batch_messages_max);
    to.request_body_bytes_max = bytes(from.request_body_bytes_max);
    to.sse_event_bytes_max = bytes(from.sse_event_bytes_max);
    to.response_hold_bytes_max = bytes(from.response_hold_bytes_max);
    to.request_ns_max = from.request_timeout_ms.saturating_mul(1_000_000);
    to.answer_ns_max = from.upstream_response_timeout_ms.saturating_mul(1_000_000);
    to.idle_ns_max = from.idle_timeout_ms.saturating_mul(1_000_000);
    to.audit_ns_max = from.audit_receipt_timeout_ms.saturating_mul(1_000_000);
    to
}
