//! What every connection shares, and the way in for one byte stream of either protocol.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::http::HeaderMap;
use atomic_waker::AtomicWaker;
use slab::Slab;
use tailsampler_core::intake::{Intake, Refusal, RefusalReason, Tenant};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::budget::Budget;
use crate::closing::Closing;
use crate::counters::{Counters, Stats};
use crate::fault::Fault;
use crate::limits::Limits;
use crate::tenants::Tenants;
use crate::{grpc, http};

/// Serves byte streams; the [`crate::Door`] adds sockets and threads.
pub struct Service {
    pub(crate) intake: Arc<dyn Intake>,
    pub(crate) limits: Limits,
    pub(crate) budget: Arc<Budget>,
    pub(crate) counters: Counters,
    tenants: Option<Tenants>,
    draining: AtomicBool,
    /// The tasks to wake when the drain begins. A connection is entered for as long as it lives.
    connections: Mutex<Slab<Arc<AtomicWaker>>>,
}

impl Service {
    /// `in_flight_bytes` bounds the bodies of all requests under way together.
    #[must_use]
    pub fn new(intake: Arc<dyn Intake>, limits: Limits, in_flight_bytes: usize) -> Arc<Self> {
        Self::knowing(intake, limits, in_flight_bytes, None)
    }

    /// As [`Service::new`], telling these tenants apart.
    pub(crate) fn knowing(
        intake: Arc<dyn Intake>,
        limits: Limits,
        in_flight_bytes: usize,
        tenants: Option<Tenants>,
    ) -> Arc<Self> {
        Arc::new(Self {
            intake,
            limits,
            budget: Budget::new(in_flight_bytes, limits.requests, limits.unfinished_bytes),
            counters: Counters::default(),
            tenants,
            draining: AtomicBool::new(false),
            connections: Mutex::default(),
        })
    }

    /// Serve OTLP/gRPC on `io` until it ends; requests up to `max_recv_bytes`.
    pub async fn serve_grpc<T>(self: Arc<Self>, io: T, max_recv_bytes: usize)
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        grpc::serve(self, io, max_recv_bytes).await;
    }

    /// Serve OTLP/HTTP on `io` until it ends, by HTTP/2 if `http2`, else by HTTP/1.
    pub async fn serve_http<T>(self: Arc<Self>, io: T, max_recv_bytes: usize, http2: bool)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        http::serve(self, io, max_recv_bytes, http2).await;
    }

    /// Take no new request from now on; every connection ends after those under way.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        for (_, waker) in self.entered().iter() {
            waker.wake();
        }
    }

    /// One reading of the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters
            .read(self.budget.bytes(), self.budget.requests())
    }

    pub(crate) fn draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// A connection ended before its first request; `closing`: over a limit.
    pub(crate) fn handshake_failed(&self, closing: Option<Closing>) {
        let failed = &self.counters.handshakes_failed;
        failed.fetch_add(1, Ordering::Relaxed);
        if let Some(closing) = closing {
            self.counters.closed.count(closing);
        }
    }

    /// How long a body or a frame may rest now.
    pub(crate) fn patience(&self) -> Duration {
        if self.budget.pressed() {
            self.limits.short_timeout
        } else {
            self.limits.body_timeout
        }
    }

    /// The door's own bounds are reached: count the refusal, and word it.
    pub(crate) fn busy(&self) -> Fault {
        self.refuse(RefusalReason::Busy)
    }

    /// The door closes: count the refusal, and word it.
    pub(crate) fn stopping(&self) -> Fault {
        self.refuse(RefusalReason::Stopping)
    }

    /// Whose request has these headers.
    pub(crate) fn tenant(&self, headers: &HeaderMap) -> Result<Tenant, Fault> {
        self.tenants
            .as_ref()
            .map_or(Ok(0), |tenants| tenants.of(headers))
    }

    fn refuse(&self, reason: RefusalReason) -> Fault {
        self.intake.count_refused(reason);
        Fault::refused(Refusal {
            reason,
            retry_after: self.limits.retry_after,
        })
    }

    /// Enter a connection in the list of those to wake when the drain begins.
    pub(crate) fn enter(self: &Arc<Self>, waker: &Arc<AtomicWaker>) -> Entered {
        let key = self.entered().insert(Arc::clone(waker));
        Entered {
            service: Arc::clone(self),
            key,
        }
    }

    fn entered(&self) -> MutexGuard<'_, Slab<Arc<AtomicWaker>>> {
        // A slab is whole between its calls, so a panic elsewhere does not spoil it.
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in the list; it leaves when dropped.
pub(crate) struct Entered {
    service: Arc<Service>,
    key: usize,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.service.entered().remove(self.key);
    }
}
