//! `panward dev` as a user runs it, and keys fetched from it over the loopback.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use gateway::identity::{
    AcceptedEvidence, Authenticator, Bearer, Evidence, IssuerSettings, KeySource, ServerAuth,
};
use gateway_common::Reason;

const AUDIENCE: &str = "https://mcp.example/mcp";

fn panward(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_panward");
    Command::new(program)
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn token(dir: &Path, more: &[&str]) -> String {
    let dir = dir.to_str().expect("plain text");
    let first = [
        "dev",
        "token",
        "--dir",
        dir,
        "--subject",
        "alice",
        "--audience",
        AUDIENCE,
        "--group",
    ];
    let output = panward(&[first.as_slice(), &["billing"], more].concat());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .expect("plain text")
        .trim()
        .to_owned()
}

/// An issuer that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `panward dev issuer` on a free port below the ephemeral range.
fn start(dir: &Path) -> (Running, String) {
    let first = 20_000 + std::process::id() % 10_000;
    for port in first..first + 50 {
        let issuer = format!("http://127.0.0.1:{port}");
        let child = Command::new(env!("CARGO_BIN_EXE_panward"))
            .args([
                "dev",
                "issuer",
                "--listen",
                &format!("127.0.0.1:{port}"),
                "--dir",
            ])
            .arg(dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut running = Running(child.expect("the program runs"));
        let mut line = String::new();
        let stdout = running.0.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        if line.contains(&issuer) {
            return (running, issuer);
        }
    }
    panic!("no free port");
}

async fn outcome(authenticator: &Authenticator, token: &str) -> Result<String, Reason> {
    let server = ServerAuth {
        accept: AcceptedEvidence {
            oidc: true,
            ..AcceptedEvidence::default()
        },
        audiences: vec![AUDIENCE.into()],
        issuers: vec![],
    };
    let bearer = Bearer::from_header(format!("Bearer {token}").as_bytes());
    let evidence = Evidence {
        bearer,
        ..Evidence::default()
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let principal = authenticator.authenticate(&server, &evidence, now).await;
    principal
        .map(|principal| principal.id.clone())
        .map_err(|error| error.reason())
}

#[tokio::test]
async fn tokens_of_the_dev_issuer_are_verified_by_discovery() {
    let dir = tempfile::tempdir().expect("a folder");
    let made = panward(&["dev", "init", dir.path().to_str().expect("plain text")]);
    assert!(made.status.success());
    let (_running, issuer) = start(dir.path());

    let settings = IssuerSettings::new(issuer.clone(), KeySource::Discovery);
    let authenticator = Authenticator::new(vec![settings]).expect("good settings");
    let good = token(dir.path(), &["--issuer", &issuer]);
    assert_eq!(outcome(&authenticator, &good).await, Ok("alice".into()));
    let expired = token(dir.path(), &["--issuer", &issuer, "--expires-in", "-60"]);
    assert_eq!(
        outcome(&authenticator, &expired).await,
        Err(Reason::TokenExpired)
    );
    let elsewhere = token(dir.path(), &[]);
    assert_eq!(
        outcome(&authenticator, &elsewhere).await,
        Err(Reason::TokenIssuer)
    );

    // A discovery document that names another issuer than the one asked for.
    let alias = issuer.replace("127.0.0.1", "localhost");
    let settings = IssuerSettings::new(alias.clone(), KeySource::Discovery);
    let authenticator = Authenticator::new(vec![settings]).expect("good settings");
    let token = token(dir.path(), &["--issuer", &alias]);
    assert_eq!(
        outcome(&authenticator, &token).await,
        Err(Reason::KeysUnavailable)
    );
}

#[test]
fn faults_are_one_line_and_an_exit_code() {
    let dir = tempfile::tempdir().expect("a folder");
    let absent = dir.path().join("absent");
    let absent = absent.to_str().expect("plain text");
    let cases: [&[&str]; 3] = [
        &[
            "dev",
            "token",
            "--dir",
            absent,
            "--subject",
            "a",
            "--audience",
            "b",
        ],
        &["dev", "issuer", "--dir", absent],
        &["dev", "issuer", "--dir", absent, "--listen", "0.0.0.0:9400"],
    ];
    for arguments in cases {
        let output = panward(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.contains("absent") || text.contains("0.0.0.0:9400"),
            "{text}"
        );
    }
}
