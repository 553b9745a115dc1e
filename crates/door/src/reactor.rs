//! A reactor thread: a current-thread runtime with the connections handed to it.

use std::io;
use std::net::TcpStream as StdTcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::closing::Closing;
use crate::service::Service;
use crate::tls::Renewable;

/// After an error of the operating system (out of descriptors) accepting rests this long.
const ACCEPT_REST: Duration = Duration::from_millis(50);
/// How often a connection that sent one byte of its preface is looked at again.
const PEEK_REST: Duration = Duration::from_millis(10);

/// What every connection of one listener has in common.
pub(crate) struct Gate {
    pub(crate) http: bool,
    pub(crate) max_recv_bytes: usize,
    pub(crate) tls: Option<Renewable>,
}

/// What a reactor is told.
pub(crate) enum Order {
    /// Serve this connection.
    Serve(StdTcpStream, Arc<Gate>, Open),
    /// Accept no more; end when the last connection has.
    Drain,
    /// End now.
    Cut,
}

/// One open connection in the counters.
pub(crate) struct Open(Arc<Service>);

impl Open {
    /// None: as many as may be are open.
    fn count(service: &Arc<Service>) -> Option<Self> {
        let counters = &service.counters;
        if counters.open.fetch_add(1, Ordering::Relaxed) >= service.limits.connections as u64 {
            counters.open.fetch_sub(1, Ordering::Relaxed);
            counters.turned_away.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        counters.total.fetch_add(1, Ordering::Relaxed);
        Some(Self(Arc::clone(service)))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.counters.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Deals connections out to the reactors in turn.
#[derive(Clone)]
pub(crate) struct Dealer {
    pub(crate) reactors: Vec<UnboundedSender<Order>>,
    pub(crate) next: Arc<AtomicUsize>,
}

impl Dealer {
    fn deal(&self, order: Order) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.reactors.len();
        // A reactor that has ended takes nothing; the socket closes here.
        drop(self.reactors[turn].send(order));
    }
}

/// The life of a reactor, until it is told to end.
pub(crate) async fn run(
    service: Arc<Service>,
    mut orders: UnboundedReceiver<Order>,
    listeners: Vec<(TcpListener, Arc<Gate>)>,
    dealer: Dealer,
) {
    let mut accepting = JoinSet::new();
    for (listener, gate) in listeners {
        accepting.spawn(accept(Arc::clone(&service), listener, gate, dealer.clone()));
    }
    let mut connections = JoinSet::new();
    let mut draining = false;
    while !(draining && connections.is_empty()) {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Serve(socket, gate, open)) => {
                    connections.spawn(serve(Arc::clone(&service), socket, gate, open));
                }
                Some(Order::Drain) => {
                    draining = true;
                    accepting.shutdown().await;
                }
                Some(Order::Cut) | None => return,
            },
            Some(ended) = connections.join_next() => {
                if ended.is_err_and(|error| error.is_panic()) {
                    service.counters.panics.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

async fn accept(service: Arc<Service>, listener: TcpListener, gate: Arc<Gate>, dealer: Dealer) {
    loop {
        let socket = listener.accept().await.and_then(|(socket, _)| {
            socket.set_nodelay(true)?;
            socket.into_std()
        });
        match socket {
            Ok(socket) => {
                if let Some(open) = Open::count(&service) {
                    dealer.deal(Order::Serve(socket, Arc::clone(&gate), open));
                }
            }
            Err(error) => {
                service
                    .counters
                    .accept_errors
                    .fetch_add(1, Ordering::Relaxed);
                if !matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) {
                    sleep(ACCEPT_REST).await;
                }
            }
        }
    }
}

async fn serve(service: Arc<Service>, socket: StdTcpStream, gate: Arc<Gate>, _open: Open) {
    let handshake = async {
        let socket = TcpStream::from_std(socket)?;
        match &gate.tls {
            None => Ok::<_, io::Error>((Some(socket), None)),
            Some(tls) => tls
                .acceptor()
                .accept(socket)
                .await
                .map(|stream| (None, Some(stream))),
        }
    };
    let max = gate.max_recv_bytes;
    match timeout(service.limits.head_timeout, handshake).await {
        Ok(Ok((Some(socket), _))) if gate.http => {
            match speaks_http2(&socket, service.limits.head_timeout).await {
                Ok(http2) => service.serve_http(socket, max, http2).await,
                Err(error) => service.handshake_failed(slow(&error)),
            }
        }
        Ok(Ok((_, Some(stream)))) if gate.http => {
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            service.serve_http(stream, max, http2).await;
        }
        Ok(Ok((Some(socket), _))) => service.serve_grpc(socket, max).await,
        Ok(Ok((_, Some(stream)))) => service.serve_grpc(stream, max).await,
        Ok(Err(_)) => service.handshake_failed(None),
        Ok(Ok((None, None))) => {}
        Err(_) => service.handshake_failed(Some(Closing::SlowHead)),
    }
}

fn slow(error: &io::Error) -> Option<Closing> {
    (error.kind() == io::ErrorKind::TimedOut).then_some(Closing::SlowHead)
}

/// Whether a plain connection begins with HTTP/2's preface: no HTTP/1 method begins with "PR"
/// but PROPFIND and PROPPATCH, which nobody sends here.
async fn speaks_http2(socket: &TcpStream, within: Duration) -> io::Result<bool> {
    let until = Instant::now() + within;
    let mut start = [0; 3];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let count = timeout(left, socket.peek(&mut start))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        match &start[..count] {
            b"" => return Err(io::ErrorKind::UnexpectedEof.into()),
            b"PRI" => return Ok(true),
            some if !b"PRI".starts_with(some) => return Ok(false),
            // Peeking does not wait for more than is there.
            _ if left.is_zero() => return Err(io::ErrorKind::TimedOut.into()),
            _ => sleep(PEEK_REST).await,
        }
    }
}
