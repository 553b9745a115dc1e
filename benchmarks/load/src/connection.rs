//! One HTTP/2 connection that makes unary OTLP/gRPC calls.

use std::path::Path;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::options::Options;
use crate::template::FRAME_HEADER;

const PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const OK: u16 = 0;
const RESOURCE_EXHAUSTED: u16 = 8;
const UNAVAILABLE: u16 = 14;

/// What the other side said to one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Taken; so many of its spans were rejected by `partial_success`.
    Acknowledged { rejected: u64 },
    /// Not now: a sender may offer it again.
    Refused,
    /// Never: the gRPC status code, or 2 (UNKNOWN) where there was none.
    Failed(u16),
}

/// Why there is no answer; the fate of the request is unknown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
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
    Request(#[from] http::Error),
}

/// A handle that can be cloned; every clone's calls share the connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    send: SendRequest<Bytes>,
    uri: String,
    gzip: bool,
    headers: Vec<(String, String)>,
}

impl Connection {
    /// Connects to the endpoint and starts the task that drives the connection.
    pub(crate) async fn open(options: &Options) -> Result<Self, Broken> {
        let endpoint = &options.endpoint;
        let socket = TcpStream::connect(endpoint).await?;
        socket.set_nodelay(true)?;
        let (scheme, send) = match &options.ca_file {
            None => ("http", drive(socket).await?),
            Some(path) => {
                let host = endpoint
                    .rsplit_once(':')
                    .map_or(&**endpoint, |(host, _)| host);
                let name = ServerName::try_from(host.to_owned())?;
                let socket = connector(path)?.connect(name, socket).await?;
                ("https", drive(socket).await?)
            }
        };
        Ok(Self {
            send,
            uri: format!("{scheme}://{endpoint}{PATH}"),
            gzip: options.gzip,
            headers: options.header.clone(),
        })
    }

    /// Makes one call with a framed message and waits for its status.
    pub(crate) async fn export(&self, frame: Bytes) -> Result<Answer, Broken> {
        let mut request = Request::post(&self.uri)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("user-agent", "tailsampler-load");
        if self.gzip {
            request = request.header("grpc-encoding", "gzip");
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut send = self.send.clone().ready().await?;
        let (response, mut body) = send.send_request(request.body(())?, false)?;
        // Flow control is h2's; what it holds back is bounded by the requests in flight.
        body.send_data(frame, true)?;
        let (head, mut body) = response.await?.into_parts();
        let mut message = BytesMut::new();
        while let Some(data) = body.data().await {
            let data = data?;
            body.flow_control().release_capacity(data.len())?;
            message.extend_from_slice(&data);
        }
        let trailers = body.trailers().await?;
        Ok(answer(
            status(trailers.as_ref().unwrap_or(&head.headers)),
            message,
        ))
    }
}

async fn drive<T>(socket: T) -> Result<SendRequest<Bytes>, Broken>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (send, driver) = h2::client::handshake(socket).await?;
    // Its error reaches every call under way, where it is counted.
    tokio::spawn(async move { driver.await.ok() });
    Ok(send)
}

fn connector(ca_file: &Path) -> Result<TlsConnector, Broken> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file)? {
        roots.add(certificate?)?;
    }
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn status(headers: &HeaderMap) -> Option<u16> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

fn answer(status: Option<u16>, mut message: BytesMut) -> Answer {
    match status {
        Some(OK) => {
            message.advance(message.len().min(FRAME_HEADER));
            let rejected = ExportTraceServiceResponse::decode(message)
                .ok()
                .and_then(|response| response.partial_success)
                .map_or(0, |partial| partial.rejected_spans.unsigned_abs());
            Answer::Acknowledged { rejected }
        }
        Some(RESOURCE_EXHAUSTED | UNAVAILABLE) => Answer::Refused,
        Some(code) => Answer::Failed(code),
        None => Answer::Failed(2),
    }
}
