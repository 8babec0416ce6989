//! Handshakes in memory: revocation, resumption, reload, names.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway_common::Reason;
use policy::PrincipalKind;
use rcgen::{CertificateParams, DnType, Issuer, KeyPair, SanType};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::identity::dev;

fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
}

fn files() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    dev::init(dir.path(), &[], now_s()).expect("development files");
    dir
}

fn settings(dir: &Path, client: ClientAuth) -> ServerSettings {
    ServerSettings {
        certificate: dir.join("server.pem"),
        key: dir.join("server.key"),
        client,
    }
}

fn required(dir: &Path) -> ClientAuth {
    ClientAuth::Required {
        ca: dir.join("ca.pem"),
        crls: vec![dir.join("crl.pem")],
    }
}

fn optional(dir: &Path) -> ClientAuth {
    ClientAuth::Optional {
        ca: dir.join("ca.pem"),
        crls: vec![dir.join("crl.pem")],
    }
}

fn load(dir: &Path, client: ClientAuth) -> ServerTls {
    ServerTls::load(settings(dir, client)).expect("good files")
}

/// A client that trusts the folder's CA and shows that certificate of it.
fn client(dir: &Path, name: Option<&str>) -> Arc<ClientConfig> {
    let identity = name.map(|name| ClientIdentity {
        certificate: dir.join(format!("{name}.pem")),
        key: dir.join(format!("{name}.key")),
    });
    client_config(&Roots::File(dir.join("ca.pem")), identity.as_ref()).expect("good files")
}

struct Met {
    peer: Option<PeerCertificate>,
    version: ProtocolVersion,
    kind: HandshakeKind,
}

/// One connection: handshake, a byte each way, close.
async fn meet(server: &ServerTls, client: Arc<ClientConfig>) -> Result<Met, io::Error> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let name = ServerName::try_from("localhost").expect("a name");
    let calling = tokio::spawn(async move {
        let connector = tokio_rustls::TlsConnector::from(client);
        let mut stream = connector.connect(name, near).await?;
        stream.write_all(b"?").await?;
        stream.read_exact(&mut [0]).await?;
        stream.shutdown().await
    });
    let accepted = tokio_rustls::TlsAcceptor::from(server.config())
        .accept(far)
        .await;
    let mut stream = match accepted {
        Ok(stream) => stream,
        Err(error) => {
            assert!(
                calling.await.expect("no panic").is_err(),
                "client must notice"
            );
            return Err(error);
        }
    };
    stream.read_exact(&mut [0]).await?;
    stream.write_all(b"!").await?;
    stream.flush().await?;
    calling.await.expect("no panic")?;
    let connection = stream.get_ref().1;
    Ok(Met {
        peer: peer_certificate(connection).expect("readable"),
        version: connection.protocol_version().expect("after the handshake"),
        kind: connection.handshake_kind().expect("after the handshake"),
    })
}

async fn refused(server: &ServerTls, client: Arc<ClientConfig>) -> Reason {
    match meet(server, client).await {
        Ok(_) => Reason::Ok,
        Err(error) => handshake_reason(&error),
    }
}

/// A CRL of the folder's CA that revokes these certificates.
fn revoke(dir: &Path, names: &[&str], next_update_s: u64) -> PathBuf {
    let ca = ca_of(dir);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let revoked_certs = names
        .iter()
        .map(|name| rcgen::RevokedCertParams {
            serial_number: rcgen::SerialNumber::from_slice(&serial(&dir.join(name))),
            revocation_time: epoch + Duration::from_secs(now_s() - 60),
            reason_code: None,
            invalidity_date: None,
        })
        .collect();
    let list = rcgen::CertificateRevocationListParams {
        this_update: epoch + Duration::from_secs(now_s() - 7200),
        next_update: epoch + Duration::from_secs(next_update_s),
        crl_number: rcgen::SerialNumber::from(2u64),
        issuing_distribution_point: None,
        revoked_certs,
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let pem = list
        .signed_by(&ca)
        .and_then(|list| list.pem())
        .expect("a CRL");
    let path = dir.join("crl.pem");
    std::fs::write(&path, pem).expect("written");
    path
}

fn ca_of(dir: &Path) -> Issuer<'static, KeyPair> {
    let text = |name: &str| std::fs::read_to_string(dir.join(name)).expect("a file");
    let key = KeyPair::from_pem(&text("ca.key")).expect("a key");
    Issuer::from_ca_cert_pem(&text("ca.pem"), key).expect("a CA")
}

fn der(path: &Path) -> Vec<u8> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    CertificateDer::from_pem_file(path)
        .expect("a certificate")
        .to_vec()
}

fn serial(path: &Path) -> Vec<u8> {
    let text = PeerCertificate::parse(&der(path)).expect("readable").serial;
    let digits = (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16));
    digits.collect::<Result<_, _>>().expect("hexadecimal")
}

#[tokio::test]
async fn client_certificate_is_the_identity_on_both_versions() {
    let dir = files();
    let server = load(dir.path(), required(dir.path()));
    let met = meet(&server, client(dir.path(), Some("client")))
        .await
        .expect("accepted");
    assert_eq!(met.version, ProtocolVersion::TLSv1_3);
    let peer = met.peer.expect("a certificate");
    assert_eq!(
        peer.identity(),
        Some((PrincipalKind::Workload, dev::DEV_CLIENT))
    );
    assert!(peer.issuer.contains(dev::DEV_ORGANIZATION));
    assert_eq!(peer.fingerprint_hex().len(), 64);

    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(der(&dir.path().join("ca.pem")).into())
        .expect("a CA");
    let old = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .expect("TLS 1.2")
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![der(&dir.path().join("client.pem")).into()],
            pem::private_key(&dir.path().join("client.key")).expect("a key"),
        )
        .expect("a client");
    let met = meet(&server, Arc::new(old)).await.expect("accepted");
    assert_eq!(met.version, ProtocolVersion::TLSv1_2);
    assert_eq!(met.peer, Some(peer));
}

#[tokio::test]
async fn refused_certificates_have_their_own_reasons() {
    let (dir, stranger) = (files(), files());
    for auth in [required(dir.path()), optional(dir.path())] {
        let server = load(dir.path(), auth);
        let revoked = client(dir.path(), Some("revoked"));
        assert_eq!(refused(&server, revoked).await, Reason::CertificateRevoked);
        let mut foreign = stranger.path().to_owned();
        std::fs::copy(dir.path().join("ca.pem"), foreign.join("ca.pem")).expect("copied");
        let config = client(&foreign, Some("client"));
        assert_eq!(refused(&server, config).await, Reason::CertificateInvalid);
        // A server's certificate is not one for clients.
        foreign = dir.path().to_owned();
        let config = client(&foreign, Some("server"));
        assert_eq!(refused(&server, config).await, Reason::CertificateInvalid);
    }
}

#[tokio::test]
async fn declining_is_allowed_only_where_certificates_are_optional() {
    let dir = files();
    let server = load(dir.path(), required(dir.path()));
    assert_eq!(
        refused(&server, client(dir.path(), None)).await,
        Reason::NoEvidence
    );
    for auth in [optional(dir.path()), ClientAuth::None] {
        let server = load(dir.path(), auth);
        let met = meet(&server, client(dir.path(), None))
            .await
            .expect("accepted");
        assert_eq!(met.peer, None);
    }
    let server = load(dir.path(), ClientAuth::None);
    let met = meet(&server, client(dir.path(), Some("client")))
        .await
        .expect("accepted");
    assert_eq!(met.peer, None, "not asked for, not shown");
}

#[tokio::test]
async fn sessions_resume_with_their_identity_but_not_past_a_reload() {
    let dir = files();
    let server = load(dir.path(), required(dir.path()));
    let config = client(dir.path(), Some("client"));
    let first = meet(&server, config.clone()).await.expect("accepted");
    assert_ne!(first.kind, HandshakeKind::Resumed);
    let second = meet(&server, config.clone()).await.expect("accepted");
    assert_eq!(second.kind, HandshakeKind::Resumed);
    assert!(second.peer.is_some());
    assert_eq!(second.peer, first.peer);

    revoke(dir.path(), &["client.pem"], now_s() + 3600);
    server.reload().expect("good files");
    assert_eq!(refused(&server, config).await, Reason::CertificateRevoked);
}

#[tokio::test]
async fn expired_revocation_list_refuses_and_a_bad_reload_keeps_the_old_state() {
    let dir = files();
    let server = load(dir.path(), required(dir.path()));
    std::fs::write(dir.path().join("crl.pem"), "rubbish").expect("written");
    let error = server.reload().expect_err("must be refused").to_string();
    assert!(
        error.contains("crl.pem") && !error.contains("rubbish"),
        "{error}"
    );
    assert!(
        meet(&server, client(dir.path(), Some("client")))
            .await
            .is_ok()
    );

    revoke(dir.path(), &[], now_s() - 60);
    server.reload().expect("good files");
    let config = client(dir.path(), Some("client"));
    assert_eq!(refused(&server, config).await, Reason::CertificateInvalid);
}

#[tokio::test]
async fn only_http_1_is_spoken() {
    let dir = files();
    let server = load(dir.path(), ClientAuth::None);
    let mut config = ClientConfig::clone(&client(dir.path(), None));
    config.alpn_protocols = vec![b"h2".to_vec()];
    assert_eq!(
        refused(&server, Arc::new(config)).await,
        Reason::TlsHandshake
    );
}

#[tokio::test]
async fn upstream_of_another_ca_is_not_believed() {
    let (dir, other) = (files(), files());
    let server = load(dir.path(), ClientAuth::None);
    assert!(meet(&server, client(other.path(), None)).await.is_err());
    let public = client_config(&Roots::WebPki, None).expect("compiled in");
    assert!(meet(&server, public).await.is_err());
}

#[test]
fn faults_of_files_name_the_file_and_not_its_content() {
    let dir = files();
    let good = settings(dir.path(), ClientAuth::None);
    let text = |settings: ServerSettings| match ServerTls::load(settings) {
        Ok(_) => panic!("must be refused"),
        Err(error) => error.to_string(),
    };
    let missing = ServerSettings {
        certificate: dir.path().join("absent.pem"),
        ..good.clone()
    };
    assert!(text(missing).contains("absent.pem"));
    let no_key = ServerSettings {
        key: dir.path().join("ca.pem"),
        ..good.clone()
    };
    assert!(text(no_key).ends_with("ca.pem: holds no private key"));
    let no_certificate = ServerSettings {
        certificate: dir.path().join("ca.key"),
        ..good.clone()
    };
    assert!(text(no_certificate).ends_with("ca.key: holds no certificate"));
    let mixed = ServerSettings {
        key: dir.path().join("client.key"),
        ..good
    };
    assert!(text(mixed).contains("server.pem"));
}

#[test]
fn development_ca_is_known_by_its_mark() {
    let dir = files();
    for name in ["ca.pem", "server.pem", "client.pem"] {
        assert!(
            holds_dev_ca(&dir.path().join(name)).expect("readable"),
            "{name}"
        );
    }
    let key = KeyPair::generate().expect("a key");
    let own = CertificateParams::new(vec!["a.example".to_owned()]).expect("parameters");
    let own = own.self_signed(&key).expect("a certificate");
    let path = dir.path().join("own.pem");
    std::fs::write(&path, own.pem()).expect("written");
    assert!(!holds_dev_ca(&path).expect("readable"));
}

fn certificate(names: Vec<SanType>, common_name: &str) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    let key = KeyPair::generate().expect("a key");
    params
        .self_signed(&key)
        .expect("a certificate")
        .der()
        .to_vec()
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().expect("ASCII"))
}

#[test]
fn identity_is_spiffe_then_email_then_dns_then_common_name() {
    let spiffe = || uri("spiffe://corp/agent");
    let email = || SanType::Rfc822Name("a@corp.example".try_into().expect("ASCII"));
    let dns = || SanType::DnsName("agent.corp.example".try_into().expect("ASCII"));
    let other = || uri("https://corp.example/agent");
    let cases = [
        (
            vec![dns(), other(), email(), spiffe()],
            PrincipalKind::Workload,
            "spiffe://corp/agent",
        ),
        (
            vec![dns(), other(), email()],
            PrincipalKind::User,
            "a@corp.example",
        ),
        (
            vec![other(), dns()],
            PrincipalKind::Workload,
            "agent.corp.example",
        ),
        (vec![other()], PrincipalKind::Workload, "agent"),
        (vec![], PrincipalKind::Workload, "agent"),
    ];
    for (names, kind, id) in cases {
        let peer = PeerCertificate::parse(&certificate(names, "agent")).expect("readable");
        assert_eq!(peer.identity(), Some((kind, id)));
    }
}

#[test]
fn ambiguous_or_unreadable_names_refuse_the_certificate() {
    let two = vec![uri("spiffe://corp/a"), uri("SPIFFE://corp/b")];
    let odd = SanType::DnsName("a\0.example".try_into().expect("ASCII"));
    for der in [
        certificate(two, "agent"),
        certificate(vec![odd], "agent"),
        certificate(vec![], "agent\nadmin"),
        certificate(vec![], ""),
        Vec::new(),
        b"rubbish".to_vec(),
    ] {
        let error = PeerCertificate::parse(&der).expect_err("must be refused");
        assert_eq!(error.reason(), Reason::CertificateInvalid);
    }
    let good = certificate(vec![], "agent");
    let longer = [good.as_slice(), b"x"].concat();
    assert!(PeerCertificate::parse(&longer).is_err());
    for end in 0..good.len() {
        assert!(PeerCertificate::parse(&good[..end]).is_err());
    }
}
