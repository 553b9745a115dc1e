//! One HTTP/1.1 connection that makes OTLP/HTTP calls, one at a time.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use super::{Answer, Broken, dial, rejected};
use crate::options::{Options, Protocol};

const PATH: &str = "/v1/traces";

/// A connection of its own.
#[derive(Debug)]
pub(crate) struct Client {
    send: SendRequest<Full<Bytes>>,
    head: http::request::Parts,
    json: bool,
}

impl Client {
    /// Connects to the endpoint and starts the task that drives the connection.
    pub(super) async fn open(options: &Options) -> Result<Self, Broken> {
        let (_, socket) = dial(options, b"http/1.1").await?;
        let (send, driver) = handshake(TokioIo::new(socket)).await?;
        // Its error reaches every call under way, where it is counted.
        tokio::spawn(async move { driver.await.ok() });
        let json = options.protocol == Protocol::HttpJson;
        let kind = if json { "json" } else { "x-protobuf" };
        let mut request = Request::post(PATH)
            .header("host", &options.endpoint)
            .header("content-type", format!("application/{kind}"))
            .header("user-agent", "tailsampler-load");
        if options.gzip {
            request = request.header("content-encoding", "gzip");
        }
        for (name, value) in &options.header {
            request = request.header(name, value);
        }
        let (head, ()) = request.body(())?.into_parts();
        Ok(Self { send, head, json })
    }

    /// Makes one call and waits for its answer.
    pub(super) async fn export(&mut self, body: Bytes) -> Result<Answer, Broken> {
        self.send.ready().await?;
        let request = Request::from_parts(self.head.clone(), Full::new(body));
        let (head, body) = self.send.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(match head.status {
            StatusCode::OK if self.json => Answer::Acknowledged {
                rejected: rejected_in_json(&body),
            },
            StatusCode::OK => Answer::Acknowledged {
                rejected: rejected(ExportTraceServiceResponse::decode(body).unwrap_or_default()),
            },
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Answer::Refused,
            other => Answer::Failed(other.as_u16()),
        })
    }
}

/// In JSON a number of 64 bits may stand in quotes.
fn rejected_in_json(body: &[u8]) -> u64 {
    let whole: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let count = &whole["partialSuccess"]["rejectedSpans"];
    count
        .as_u64()
        .or_else(|| count.as_str()?.parse().ok())
        .unwrap_or(0)
}
