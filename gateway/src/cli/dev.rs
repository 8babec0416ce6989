//! `panward dev`: certificates, tokens and an issuer for trying things out.
//!
//! What it makes is marked as development and refused by a config that does not
//! say `[dev] enabled = true`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use clap::{Args, Subcommand};
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::identity::dev::{self, TokenRequest};

/// Arguments of `panward dev`.
#[derive(Debug, Args)]
pub struct Dev {
    #[command(subcommand)]
    command: DevCommand,
}

#[derive(Debug, Subcommand)]
enum DevCommand {
    /// Writes a CA, server, client and revoked client certificates, a CRL, an
    /// issuer key and its JWKS. Overwrites nothing.
    Init {
        /// Folder to write to; created if absent.
        dir: PathBuf,
        /// Further DNS name or address of the server certificate (repeatable).
        #[arg(long = "name")]
        names: Vec<String>,
    },
    /// Prints a bearer token.
    Token {
        /// Folder made by `panward dev init`.
        #[arg(long)]
        dir: PathBuf,
        /// Who the token names (`sub`).
        #[arg(long)]
        subject: String,
        /// Server it is for (`aud`).
        #[arg(long)]
        audience: String,
        /// Group of the subject (repeatable).
        #[arg(long = "group")]
        groups: Vec<String>,
        /// Seconds until it expires; negative: it expired so long ago.
        #[arg(long, default_value_t = 600, allow_negative_numbers = true)]
        expires_in: i64,
        /// Its issuer (`iss`); for `panward dev issuer`: http://ADDR.
        #[arg(long, default_value = dev::DEV_ISSUER)]
        issuer: String,
    },
    /// Serves OpenID Connect discovery and the JWKS on a loopback address.
    Issuer {
        /// Folder made by `panward dev init`.
        #[arg(long)]
        dir: PathBuf,
        /// Address to listen on.
        #[arg(long, default_value = "127.0.0.1:9400")]
        listen: SocketAddr,
    },
}

impl Dev {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            DevCommand::Init { dir, names } => {
                dev::init(&dir, &names, now_unix_s())?;
                println!(
                    "{}: development CA, certificates and issuer key written",
                    dir.display()
                );
            }
            DevCommand::Token {
                dir,
                subject,
                audience,
                groups,
                expires_in,
                issuer,
            } => {
                let expires_in_s = expires_in;
                let request = TokenRequest {
                    issuer,
                    subject,
                    audience,
                    groups,
                    expires_in_s,
                };
                println!("{}", dev::token(&dir, &request, now_unix_s())?);
            }
            DevCommand::Issuer { dir, listen } => {
                ensure!(
                    listen.ip().is_loopback(),
                    "--listen {listen}: not a loopback address"
                );
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                runtime.block_on(serve(&dir, listen))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Serves until the process is ended.
async fn serve(dir: &Path, listen: SocketAddr) -> anyhow::Result<()> {
    dev::key_set(dir)?;
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("--listen {listen}"))?;
    let listen = listener.local_addr()?;
    println!("development issuer {} is listening", dev::issuer_at(listen));
    let dir: Arc<Path> = dir.into();
    loop {
        let Ok((tcp, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let dir = dir.clone();
        let service = hyper::service::service_fn(move |request| {
            let response = answer(&request, &dir, listen);
            async move { Ok::<_, Infallible>(response) }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(10));
        tokio::spawn(http.serve_connection(TokioIo::new(tcp), service));
    }
}

/// The key set is read anew each time, so that a new key is served at once.
fn answer<B>(request: &Request<B>, dir: &Path, listen: SocketAddr) -> Response<Full<Bytes>> {
    let body = match (request.method(), request.uri().path()) {
        (&Method::GET, "/.well-known/openid-configuration") => Ok(dev::discovery(listen)),
        (&Method::GET, "/jwks.json") => {
            dev::key_set(dir).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
        }
        _ => Err(StatusCode::NOT_FOUND),
    };
    let (status, text) = match body {
        Ok(text) => (StatusCode::OK, text),
        Err(status) => (status, String::new()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn now_unix_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
