//! One HTTP/2 connection that makes unary OTLP/gRPC calls.

use bytes::{Buf, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use super::{Answer, Broken, dial, rejected};
use crate::options::Options;
use crate::template::FRAME_HEADER;

const PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const OK: u16 = 0;
const RESOURCE_EXHAUSTED: u16 = 8;
const UNAVAILABLE: u16 = 14;

/// A handle that can be cloned; every clone's calls share the connection.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    send: SendRequest<Bytes>,
    head: http::request::Parts,
}

impl Client {
    /// Connects to the endpoint and starts the task that drives the connection.
    pub(super) async fn open(options: &Options) -> Result<Self, Broken> {
        let (scheme, socket) = dial(options, b"h2").await?;
        let (send, driver) = h2::client::handshake(socket).await?;
        // Its error reaches every call under way, where it is counted.
        tokio::spawn(async move { driver.await.ok() });
        let mut request = Request::post(format!("{scheme}://{}{PATH}", options.endpoint))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("user-agent", "tailsampler-load");
        if options.gzip {
            request = request.header("grpc-encoding", "gzip");
        }
        for (name, value) in &options.header {
            request = request.header(name, value);
        }
        let (head, ()) = request.body(())?.into_parts();
        Ok(Self { send, head })
    }

    /// Makes one call with a framed message and waits for its status.
    pub(super) async fn export(&self, frame: Bytes) -> Result<Answer, Broken> {
        let mut send = self.send.clone().ready().await?;
        let request = Request::from_parts(self.head.clone(), ());
        let (response, mut body) = send.send_request(request, false)?;
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

fn status(headers: &HeaderMap) -> Option<u16> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

fn answer(status: Option<u16>, mut message: BytesMut) -> Answer {
    match status {
        Some(OK) => {
            message.advance(message.len().min(FRAME_HEADER));
            let response = ExportTraceServiceResponse::decode(message).unwrap_or_default();
            Answer::Acknowledged {
                rejected: rejected(response),
            }
        }
        Some(RESOURCE_EXHAUSTED | UNAVAILABLE) => Answer::Refused,
        Some(code) => Answer::Failed(code),
        None => Answer::Failed(2),
    }
}
