//! One client that makes unary OTLP calls, over HTTP/2 or HTTP/1.1, with TLS or without.

mod grpc;
mod http1;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::options::{Options, Protocol};

/// What the other side said to one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Taken; so many of its spans were rejected by `partial_success`.
    Acknowledged { rejected: u64 },
    /// Not now: a sender may offer it again.
    Refused,
    /// Never: the gRPC status code, 2 (UNKNOWN) where there was none, or the HTTP status.
    Failed(u16),
}

/// Why there is no answer; the fate of the request is unknown.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each says what its cause says")]
pub enum Broken {
    #[error("{0}")]
    Connect(#[from] std::io::Error),
    #[error("{0}")]
    Tls(#[from] rustls::Error),
    #[error("{0}")]
    Certificate(#[from] rustls_pki_types::pem::Error),
    #[error("{0}")]
    Name(#[from] rustls_pki_types::InvalidDnsNameError),
    #[error("{0}")]
    Http2(#[from] h2::Error),
    #[error("{0}")]
    Http1(#[from] hyper::Error),
    #[error("{0}")]
    Request(#[from] http::Error),
}

/// What a worker calls through.
#[derive(Debug)]
pub(crate) enum Client {
    /// One of several on a connection.
    Grpc(grpc::Client),
    /// Alone on a connection.
    Http1(http1::Client),
}

impl Client {
    /// Connects, and returns as many clients as requests may be in flight on one connection.
    pub(crate) async fn open(options: &Options) -> Result<Vec<Self>, Broken> {
        let mut clients = Vec::new();
        if options.protocol == Protocol::Grpc {
            let one = grpc::Client::open(options).await?;
            clients.extend((0..options.in_flight).map(|_| Self::Grpc(one.clone())));
        } else {
            for _ in 0..options.in_flight {
                clients.push(Self::Http1(http1::Client::open(options).await?));
            }
        }
        Ok(clients)
    }

    /// Makes one call and waits for its status.
    pub(crate) async fn export(&mut self, body: Bytes) -> Result<Answer, Broken> {
        match self {
            Self::Grpc(client) => client.export(body).await,
            Self::Http1(client) => client.export(body).await,
        }
    }
}

/// A connection to the endpoint.
trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}

/// The scheme, and the connection, on which TLS has agreed on this protocol if it is spoken.
async fn dial(options: &Options, alpn: &[u8]) -> Result<(&'static str, Box<dyn Socket>), Broken> {
    let endpoint = &options.endpoint;
    let socket = TcpStream::connect(endpoint).await?;
    socket.set_nodelay(true)?;
    let Some(path) = &options.ca_file else {
        return Ok(("http", Box::new(socket)));
    };
    let host = endpoint
        .rsplit_once(':')
        .map_or(&**endpoint, |(host, _)| host);
    let name = ServerName::try_from(host.to_owned())?;
    let socket = connector(path, alpn)?.connect(name, socket).await?;
    Ok(("https", Box::new(socket)))
}

fn connector(ca_file: &Path, alpn: &[u8]) -> Result<TlsConnector, Broken> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file)? {
        roots.add(certificate?)?;
    }
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn rejected(response: ExportTraceServiceResponse) -> u64 {
    response
        .partial_success
        .map_or(0, |partial| partial.rejected_spans.unsigned_abs())
}
