//! Serves the simulated AWS on a free port of 127.0.0.1, for tests and measurements of the built programs.
//!
//! It prints one line of JSON: the `endpoint`, the ids of the `accounts`, the management account first, and
//! the `access_key_id` to sign with. Then it answers each line of its standard input with one line of JSON,
//! and ends with its standard input:
//!
//! - `calls`: how often each action was called
//! - `object BUCKET KEY`: the text of an object, or null

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, BufRead};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rollcall_simulation::aws::{Aws, Behaviour};
use rollcall_simulation::clock::Clock;
use rollcall_simulation::credentials::FUNCTIONS_ACCESS_KEY_ID;
use rollcall_simulation::faults::Faults;
use rollcall_simulation::organization::Organization;
use rollcall_simulation::watch::Watch;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

#[derive(Parser)]
#[command(about = "The simulated AWS, over HTTP")]
struct Arguments {
    /// How many accounts, the management account included.
    #[arg(long)]
    accounts: usize,
    /// How many users each account has.
    #[arg(long, default_value_t = 20)]
    users: u64,
    /// How many organizational units there are.
    #[arg(long, default_value_t = 10)]
    units: usize,
    /// How many milliseconds each call takes.
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// A file with a certificate and its key, in PEM. With it, HTTPS is served.
    #[arg(long)]
    certificate: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let tls = arguments.certificate.as_deref().map(tls).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(&arguments, tls))
}

async fn serve(arguments: &Arguments, tls: Option<TlsAcceptor>) -> Result<(), Box<dyn Error>> {
    let organization = Organization::new(0, arguments.accounts, false)
        .with_users(arguments.users)
        .with_units(arguments.units);
    let behaviour = Behaviour {
        reports_are_ready: true,
        latency: Some(Duration::from_millis(arguments.latency)),
        has_rates: false,
        ..Behaviour::USUAL
    };
    let accounts: Vec<_> = (0..arguments.accounts).map(|account| organization.id(account)).collect();
    let clock = Clock::start_at(Utc::now());
    let aws = Aws::new(clock, organization, behaviour, Faults::none(), Watch::default());

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let endpoint = format!("{scheme}://{}", listener.local_addr()?);
    println!(
        "{}",
        json!({ "endpoint": endpoint, "accounts": accounts, "access_key_id": FUNCTIONS_ACCESS_KEY_ID })
    );
    let asked = aws.clone();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            println!("{}", tell(&asked, &line));
        }
        std::process::exit(0);
    });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (aws, tls) = (aws.clone(), tls.clone());
        tokio::spawn(async move {
            // A client that goes away, or does not trust the certificate, ends its own connection only.
            match tls {
                None => answer_calls(aws, stream).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        answer_calls(aws, stream).await;
                    }
                }
            }
        });
    }
}

async fn answer_calls(aws: Aws, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let answer = service_fn(|request: http::Request<Incoming>| {
        let aws = aws.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let response =
                aws.answer(&parts, &body, &Notify::new()).await.expect("nothing goes wrong without faults");
            let body = |body: aws_sdk_s3::primitives::SdkBody| {
                Full::new(Bytes::copy_from_slice(body.bytes().expect("the body is in memory")))
            };
            Ok::<_, Infallible>(response.map(body))
        }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

/// What a line asks for.
fn tell(aws: &Aws, line: &str) -> Value {
    match line.split(' ').collect::<Vec<_>>()[..] {
        ["calls"] => json!(aws.calls()),
        ["object", bucket, key] => {
            let versions = aws.versions(bucket, key);
            versions.last().map(|object| String::from_utf8_lossy(&aws.bytes(object)).into_owned()).into()
        }
        _ => panic!("{line:?} is neither `calls` nor `object BUCKET KEY`"),
    }
}

fn tls(certificate: &Path) -> Result<TlsAcceptor, Box<dyn Error>> {
    let certificates = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(certificate)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
