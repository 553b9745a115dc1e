//! A gRPC client that can also do what no honest one does.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{Bytes, BytesMut};
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

pub(crate) const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

#[derive(Clone)]
pub(crate) struct Client(pub(crate) SendRequest<Bytes>);

/// What came back for a call.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) http: u16,
    pub(crate) status: Option<i32>,
    pub(crate) message: String,
    pub(crate) details: Vec<u8>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// One uncompressed message with its prefix.
pub(crate) fn framed(flag: u8, body: &[u8]) -> Bytes {
    let mut out = vec![flag];
    out.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
    out.extend_from_slice(body);
    out.into()
}

pub(crate) fn head(path: &str) -> http::request::Builder {
    Request::post(format!("http://door{path}")).header("content-type", "application/grpc")
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap()).await
    }

    pub(crate) async fn over<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(io: T) -> Self {
        let (send, connection) = h2::client::handshake(io).await.unwrap();
        tokio::spawn(async move { drop(connection.await) });
        Self(send)
    }

    /// Begin a call; the body is the caller's to send.
    pub(crate) async fn begin(
        &self,
        head: http::request::Builder,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let mut send = self.0.clone().ready().await.unwrap();
        send.send_request(head.body(()).unwrap(), false).unwrap()
    }

    /// A whole call with these bytes as its body.
    pub(crate) async fn call(&self, head: http::request::Builder, body: Bytes) -> Reply {
        let (response, mut stream) = self.begin(head).await;
        // The door may have answered before the body was sent.
        let _ = stream.send_data(body, true);
        read(response).await
    }

    /// Export one uncompressed message.
    pub(crate) async fn export(&self, message: &[u8]) -> Reply {
        self.call(head(EXPORT), framed(0, message)).await
    }
}

/// Read a response to its end.
pub(crate) async fn read(response: ResponseFuture) -> Reply {
    let (head, mut body) = response.await.unwrap().into_parts();
    let mut bytes = BytesMut::new();
    while let Some(part) = body.data().await {
        let part = part.unwrap();
        body.flow_control().release_capacity(part.len()).unwrap();
        bytes.extend_from_slice(&part);
    }
    let trailers = body.trailers().await.unwrap();
    reply(head.status.as_u16(), head.headers, trailers, bytes.freeze())
}

/// The next message of a stream, without its prefix.
pub(crate) async fn next(body: &mut RecvStream) -> Option<Bytes> {
    let part = body.data().await?.unwrap();
    Some(part.slice(5..))
}

fn reply(http: u16, headers: HeaderMap, trailers: Option<HeaderMap>, body: Bytes) -> Reply {
    let fields = trailers.as_ref().unwrap_or(&headers);
    let text = |name: &str| {
        fields
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    let details = text("grpc-status-details-bin").unwrap_or_default();
    Reply {
        http,
        status: text("grpc-status").map(|code| code.parse().unwrap()),
        message: text("grpc-message").unwrap_or_default(),
        details: STANDARD_NO_PAD.decode(details).unwrap(),
        headers,
        body,
    }
}
