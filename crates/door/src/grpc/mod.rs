//! OTLP/gRPC: unary calls on the bare h2 crate.
//!
//! One task a connection ([`connection`]) polls the socket, all request bodies and all pending
//! answers. A call ([`call`]) is a slot in a slab, and its key is the token of its answer;
//! answers come back through one [`mailbox`] a connection. Nothing is spawned for a request,
//! and a request that arrives in one frame reaches the core without a copy ([`message`]).

mod alarm;
mod body;
mod call;
mod connection;
mod export;
mod health;
mod mailbox;
mod message;
mod pulse;
mod respond;
mod route;

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::closing::Closing;
use crate::guard::Guard;
use crate::service::Service;

/// Serve one connection until it ends.
pub(crate) async fn serve<T>(service: Arc<Service>, io: T, max_recv_bytes: usize)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let limits = service.limits;
    let handshake = h2::server::Builder::new()
        .max_concurrent_streams(limits.streams)
        .initial_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .max_frame_size(limits.frame_bytes)
        .max_header_list_size(limits.header_bytes)
        .max_pending_accept_reset_streams(limits.pending_resets)
        .max_local_error_reset_streams(Some(limits.error_resets))
        .handshake(Guard::new(Arc::clone(&service), io, true));
    let closing = match timeout(limits.head_timeout, handshake).await {
        Ok(Ok(h2)) => return connection::Connection::new(service, h2, max_recv_bytes).await,
        Ok(Err(error)) if error.is_io() => None,
        Ok(Err(_)) => Some(Closing::BadProtocol),
        Err(_) => Some(Closing::SlowHead),
    };
    service.handshake_failed(closing);
}
