//! OTLP/HTTP on hyper: HTTP/1, and HTTP/2 for those who begin with it.

mod handle;
mod request;
mod response;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;

use atomic_waker::AtomicWaker;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::closing::Closing;
use crate::guard::Guard;
use crate::service::Service;

/// Serve one connection until it ends.
pub(crate) async fn serve<T>(service: Arc<Service>, io: T, max_recv_bytes: usize, http2: bool)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(Guard::new(Arc::clone(&service), io, http2));
    let limits = service.limits;
    let handler = {
        let service = Arc::clone(&service);
        service_fn(move |request| handle::handle(Arc::clone(&service), max_recv_bytes, request))
    };
    if http2 {
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .initial_stream_window_size(limits.stream_window)
            .initial_connection_window_size(limits.connection_window)
            .max_frame_size(limits.frame_bytes)
            .max_header_list_size(limits.header_bytes)
            .max_pending_accept_reset_streams(limits.pending_resets)
            .max_local_error_reset_streams(limits.error_resets)
            .keep_alive_interval(limits.ping_after)
            .keep_alive_timeout(limits.ping_timeout)
            .serve_connection(io, handler);
        let shut = http2::Connection::graceful_shutdown;
        // What the guard saw is counted there; only a missing pong is hyper's own.
        if let Err(error) = drive(&service, connection, shut).await
            && error.is_timeout()
        {
            service.counters.closed.count(Closing::Silent);
        }
    } else {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout)
            .max_header_size(limits.header_bytes as usize)
            .serve_connection(io, handler);
        let shut = http1::Connection::graceful_shutdown;
        let closing = match drive(&service, connection, shut).await {
            Err(error) if error.is_timeout() => Closing::SlowHead,
            Err(error) if error.is_parse_too_large() => Closing::LargeHeaders,
            Err(error) if error.is_parse() => Closing::BadProtocol,
            _ => return,
        };
        service.counters.closed.count(closing);
    }
}

/// Poll a connection to its end, and tell it once when the door drains.
async fn drive<C: Future>(
    service: &Arc<Service>,
    connection: C,
    shut: fn(Pin<&mut C>),
) -> C::Output {
    let waker = Arc::new(AtomicWaker::new());
    let _entered = service.enter(&waker);
    let mut connection = pin!(connection);
    let mut told = false;
    poll_fn(|cx| {
        waker.register(cx.waker());
        if service.draining() && !told {
            told = true;
            shut(connection.as_mut());
        }
        connection.as_mut().poll(cx)
    })
    .await
}
