//! Opening and closing: listeners, reactor threads, and the orders they get.

use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Serialize;
use tailsampler_core::intake::Intake;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::counters::Stats;
use crate::error::DoorError;
use crate::limits::Limits;
use crate::options::{Listener, Options};
use crate::reactor::{self, Dealer, Gate, Order};
use crate::service::Service;
use crate::tenants::Tenants;
use crate::tls::Renewable;

/// After its last connection a reactor waits so long for a body that is still decompressed.
const LINGER: Duration = Duration::from_millis(200);

/// Threads of a reactor that decompress, or translate JSON. A body waits for one as it came, so
/// that no more than these grow at a time.
const INFLATING: usize = 2;

/// Open doors. Dropping them closes them at once.
pub struct Door {
    service: Arc<Service>,
    addresses: Addresses,
    gates: Vec<Arc<Gate>>,
    threads: Mutex<Threads>,
}

struct Threads {
    orders: Vec<UnboundedSender<Order>>,
    handles: Vec<JoinHandle<()>>,
    ended: mpsc::Receiver<()>,
}

/// Where the doors listen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Addresses {
    /// OTLP/gRPC.
    pub otlp_grpc: Option<SocketAddr>,
    /// OTLP/HTTP.
    pub otlp_http: Option<SocketAddr>,
}

impl Door {
    /// Bind, start the threads, and return: requests are taken from now on.
    ///
    /// # Errors
    /// [`DoorError`]: nothing was started.
    pub fn open(options: Options, intake: Arc<dyn Intake>) -> Result<Self, DoorError> {
        Self::open_with(options, Limits::default(), intake)
    }

    /// As [`Door::open`], with other bounds.
    ///
    /// # Errors
    /// [`DoorError`]: nothing was started.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "options are used up by opening"
    )]
    pub fn open_with(
        options: Options,
        limits: Limits,
        intake: Arc<dyn Intake>,
    ) -> Result<Self, DoorError> {
        check(&options)?;
        let tenants = options.tenants.as_ref().map(Tenants::new).transpose()?;
        let mut addresses = Addresses::default();
        let mut listeners = Vec::new();
        if let Some(listener) = &options.otlp_grpc {
            let (socket, address, gate) = bind("otlp_grpc", listener)?;
            addresses.otlp_grpc = Some(address);
            listeners.push((socket, gate));
        }
        if let Some(listener) = &options.otlp_http {
            let (socket, address, gate) = bind("otlp_http", listener)?;
            addresses.otlp_http = Some(address);
            listeners.push((socket, gate));
        }
        let service = Service::knowing(intake, limits, options.in_flight_bytes, tenants);
        let gates = listeners.iter().map(|(_, gate)| Arc::clone(gate)).collect();
        let threads = start(&service, options.threads, listeners).map_err(DoorError::Threads)?;
        Ok(Self {
            service,
            addresses,
            gates,
            threads: Mutex::new(threads),
        })
    }

    /// Where the doors listen; port 0 has become a real one.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// One reading of the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.service.stats()
    }

    /// Read the certificates of one door again, `otlp_grpc` or `otlp_http`, for connections from
    /// now on.
    ///
    /// # Errors
    /// [`DoorError::Tls`] for files that cannot be used: what was in use stays so.
    pub fn renew_tls(&self, protocol: &str) -> Result<(), DoorError> {
        self.gates
            .iter()
            .filter_map(|gate| gate.tls.as_ref())
            .filter(|tls| tls.protocol == protocol)
            .try_for_each(Renewable::renew)
    }

    /// Take no new request, finish those under way, and join the threads. False if some were
    /// cut off after `within`. Closing again does nothing and returns true.
    pub fn close(&self, within: Duration) -> bool {
        let until = Instant::now() + within;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        self.service.drain();
        let told = threads.orders.len();
        threads.tell(|| Order::Drain);
        let clean = (0..told).all(|_| {
            let left = until.saturating_duration_since(Instant::now());
            // An error is the bound, or a thread that died with its sender.
            threads.ended.recv_timeout(left).is_ok()
        });
        threads.tell(|| Order::Cut);
        threads.orders.clear();
        let joined = threads
            .handles
            .drain(..)
            .all(|handle| handle.join().is_ok());
        clean && joined
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.close(Duration::ZERO);
    }
}

impl Threads {
    fn tell(&self, order: impl Fn() -> Order) {
        for orders in &self.orders {
            // A reactor that has ended hears nothing, and needs not.
            drop(orders.send(order()));
        }
    }
}

fn check(options: &Options) -> Result<(), DoorError> {
    let problem = if options.otlp_grpc.is_none() && options.otlp_http.is_none() {
        "neither otlp_grpc nor otlp_http is given; name at least one endpoint"
    } else if options.threads == 0 {
        "threads is 0; at least one thread must serve the connections"
    } else if options.in_flight_bytes == 0 {
        "in_flight_bytes is 0, so every request would be refused; 268435456 is the default"
    } else {
        return Ok(());
    };
    Err(DoorError::Options(problem.into()))
}

type Bound = (StdTcpListener, SocketAddr, Arc<Gate>);

fn bind(protocol: &'static str, listener: &Listener) -> Result<Bound, DoorError> {
    let http = protocol == "otlp_http";
    let alpn: &'static [&'static [u8]] = if http {
        &[b"h2", b"http/1.1"]
    } else {
        &[b"h2"]
    };
    let tls = listener
        .tls
        .clone()
        .map(|files| Renewable::new(protocol, files, alpn))
        .transpose()?;
    let socket = StdTcpListener::bind(&listener.endpoint).and_then(|socket| {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    });
    let (socket, address) = socket.map_err(|source| DoorError::Listen {
        protocol,
        endpoint: listener.endpoint.clone(),
        hint: match source.kind() {
            std::io::ErrorKind::AddrInUse => "stop what listens there, or choose another port",
            std::io::ErrorKind::PermissionDenied => "ports under 1024 need a privilege",
            _ => "write it as host:port, with an address of this machine",
        },
        source,
    })?;
    let gate = Gate {
        http,
        max_recv_bytes: listener.max_recv_bytes,
        tls,
    };
    Ok((socket, address, Arc::new(gate)))
}

/// Start the reactors. The first one also accepts.
fn start(
    service: &Arc<Service>,
    count: usize,
    listeners: Vec<(StdTcpListener, Arc<Gate>)>,
) -> std::io::Result<Threads> {
    let (orders, inboxes): (Vec<_>, Vec<_>) = (0..count).map(|_| unbounded_channel()).unzip();
    let dealer = Dealer {
        reactors: orders.clone(),
        next: Arc::new(AtomicUsize::new(0)),
    };
    let (ended, heard) = mpsc::channel();
    let mut listeners = Some(listeners);
    let mut threads = Threads {
        orders,
        handles: Vec::with_capacity(count),
        ended: heard,
    };
    for (number, inbox) in inboxes.into_iter().enumerate() {
        let listeners = listeners.take().unwrap_or_default();
        let life = life(service, inbox, listeners, &dealer, &ended);
        let name = format!("door-{number}");
        let spawned = life.and_then(|life| thread::Builder::new().name(name).spawn(life));
        match spawned {
            Ok(handle) => threads.handles.push(handle),
            Err(error) => {
                threads.tell(|| Order::Cut);
                return Err(error);
            }
        }
    }
    Ok(threads)
}

/// The life of one reactor thread, ready to be spawned.
fn life(
    service: &Arc<Service>,
    inbox: UnboundedReceiver<Order>,
    listeners: Vec<(StdTcpListener, Arc<Gate>)>,
    dealer: &Dealer,
    ended: &mpsc::Sender<()>,
) -> std::io::Result<impl FnOnce() + Send + 'static> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .thread_name("door-inflate")
        .max_blocking_threads(INFLATING)
        .build()?;
    let accepting = adopt(&runtime, listeners)?;
    let (service, dealer, ended) = (Arc::clone(service), dealer.clone(), ended.clone());
    Ok(move || {
        runtime.block_on(reactor::run(service, inbox, accepting, dealer));
        runtime.shutdown_timeout(LINGER);
        // Nobody listens when another thread could not be started.
        let _ = ended.send(());
    })
}

fn adopt(
    runtime: &Runtime,
    listeners: Vec<(StdTcpListener, Arc<Gate>)>,
) -> std::io::Result<Vec<(TcpListener, Arc<Gate>)>> {
    let _context = runtime.enter();
    listeners
        .into_iter()
        .map(|(socket, gate)| Ok((TcpListener::from_std(socket)?, gate)))
        .collect()
}
