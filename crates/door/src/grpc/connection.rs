//! One connection: a future that polls the socket, all bodies and all answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::server;
use http::request::Parts;
use slab::Slab;
use tailsampler_core::intake::{AckSink, Signal, Tenant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::alarm::Alarm;
use super::call::{Call, Reading, Respond, State};
use super::mailbox::{Letter, Mailbox};
use super::message::Gather;
use super::pulse::Pulse;
use super::respond;
use super::route::{Route, Rpc, Unserved, route};
use crate::budget::Charge;
use crate::counters::Outcome;
use crate::guard::Guard;
use crate::service::{Entered, Service};

/// A health request names a service and nothing else.
const HEALTH_BYTES: usize = 4 << 10;

pub(super) struct Connection<T> {
    pub(super) service: Arc<Service>,
    /// None once the socket is done with; the slots that are owed a letter wait on.
    pub(super) h2: Option<server::Connection<Guard<T>, Bytes>>,
    pub(super) calls: Slab<Call>,
    /// The calls whose body is arriving. Small requests are never in it: their body is there
    /// when the head is.
    pub(super) reading: Vec<usize>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) sink: Arc<dyn AckSink>,
    inbox: Vec<(u64, Letter)>,
    pub(super) alarm: Alarm,
    pub(super) pulse: Pulse,
    pub(super) max_recv_bytes: usize,
    /// Bodies that stopped arriving so far.
    pub(super) stalled: u32,
    /// Bodies that grew beyond all measure so far.
    pub(super) bombs: u32,
    /// All calls are answered, and h2 has had streams ever since: answers are not taken.
    pub(super) untaken: Option<Instant>,
    goaway_sent: bool,
    _entered: Entered,
}

/// A head that is served, and has its room.
struct Admitted {
    route: Route,
    tenant: Tenant,
    charge: Charge,
}

impl<T> Connection<T>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(
        service: Arc<Service>,
        mut h2: server::Connection<Guard<T>, Bytes>,
        max_recv_bytes: usize,
    ) -> Self {
        let mailbox = Mailbox::new();
        let now = Instant::now();
        let mut alarm = Alarm::new();
        alarm.by(now + service.limits.ping_after);
        Self {
            _entered: service.enter(&mailbox.waker),
            service,
            pulse: Pulse::new(h2.ping_pong(), now),
            h2: Some(h2),
            calls: Slab::new(),
            reading: Vec::new(),
            sink: Arc::clone(&mailbox) as Arc<dyn AckSink>,
            mailbox,
            inbox: Vec::new(),
            alarm,
            max_recv_bytes,
            stalled: 0,
            bombs: 0,
            untaken: None,
            goaway_sent: false,
        }
    }

    /// Hand out the letters that came. True if any did.
    fn deliver(&mut self) -> bool {
        let mut inbox = std::mem::take(&mut self.inbox);
        self.mailbox.empty_into(&mut inbox);
        let any = !inbox.is_empty();
        for (token, letter) in inbox.drain(..) {
            self.open_letter(token, letter);
        }
        self.inbox = inbox;
        any
    }

    /// Let the socket work, and begin the calls that came. True if any did.
    fn accept(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut any = false;
        while let Some(h2) = self.h2.as_mut() {
            match h2.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    any = true;
                    let (head, body) = request.into_parts();
                    match self.admit(&head) {
                        Ok(admitted) => self.begin(cx, now, admitted, body, respond),
                        Err(unserved) => {
                            self.service.counters.grpc.count(unserved.outcome());
                            respond::unserved(respond, &unserved);
                        }
                    }
                }
                // After an error the GOAWAY that it calls for is already written.
                Poll::Ready(Some(Err(_)) | None) => self.hang_up(),
                Poll::Pending => break,
            }
        }
        any
    }

    fn begin(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        admitted: Admitted,
        body: h2::RecvStream,
        respond: Respond,
    ) {
        let Admitted {
            route,
            tenant,
            charge,
        } = admitted;
        let deadline = route.timeout.and_then(|timeout| now.checked_add(timeout));
        let export = matches!(route.rpc, Rpc::Export(_));
        let call = Call {
            state: State::Reading(Reading {
                route,
                body,
                respond,
                gather: Gather::default(),
                charge,
                lingering: None,
                max: if export {
                    self.max_recv_bytes
                } else {
                    HEALTH_BYTES
                },
                progress: now,
            }),
            tenant,
            signal: match route.rpc {
                Rpc::Export(signal) => signal,
                Rpc::HealthCheck | Rpc::HealthWatch => Signal::Traces,
            },
            deadline,
        };
        let key = self.calls.insert(call);
        if !self.read(cx, now, key) && self.linger(key) {
            self.reading.push(key);
        }
        // How long a body may rest is asked anew each time, since pressure may come.
        let patience = self.service.limits.short_timeout;
        if let Some(due) = self.calls.get(key).and_then(|call| call.due(patience)) {
            self.alarm.by(due);
        }
    }

    /// Let a call wait for its body; false if too many do, and it is refused.
    fn linger(&mut self, key: usize) -> bool {
        let lingering = self.service.budget.linger();
        let Some(call) = self.calls.get_mut(key) else {
            return false;
        };
        match (&mut call.state, lingering) {
            (State::Reading(reading), Some(lingering)) => {
                reading.lingering = Some(lingering);
                true
            }
            (state, _) => {
                if let State::Reading(reading) = std::mem::replace(state, State::Orphaned(None)) {
                    let busy = self.service.busy();
                    self.fail(key, reading.respond, &busy);
                }
                false
            }
        }
    }

    /// Whether a head is served, and there is room for it.
    fn admit(&self, head: &Parts) -> Result<Admitted, Unserved> {
        let route = route(head, |signal| self.service.intake.passes(signal))?;
        // Supervisors ask for health, and have no token; there is no secret in the answer.
        let tenant = match route.rpc {
            Rpc::Export(_) => self.service.tenant(&head.headers).map_err(Unserved::Grpc)?,
            Rpc::HealthCheck | Rpc::HealthWatch => 0,
        };
        if matches!(route.rpc, Rpc::Export(_)) && self.service.draining() {
            return Err(Unserved::Grpc(self.service.stopping()));
        }
        // Calls that were given up while a letter is owed have slots but no streams; without a
        // bound of their own, resets would pile them up.
        if self.calls.len() >= 2 * self.service.limits.streams as usize {
            return Err(Unserved::Grpc(self.service.busy()));
        }
        match self.service.budget.admit() {
            Some(charge) => Ok(Admitted {
                route,
                tenant,
                charge,
            }),
            None => Err(Unserved::Grpc(self.service.busy())),
        }
    }

    /// The socket is done with. Calls that are owed a letter wait for it, so that their bytes
    /// stay charged for as long as the core holds them; the others are over.
    pub(super) fn hang_up(&mut self) {
        self.h2 = None;
        self.mailbox.leave();
        self.reading.clear();
        let counters = &self.service.counters.grpc;
        self.calls.retain(|_, call| {
            let (left, owed) = match std::mem::replace(&mut call.state, State::Orphaned(None)) {
                State::Reading(_) => (true, None),
                State::Watching(..) => (false, None),
                State::Inflating(_) => (true, Some(State::Orphaned(None))),
                State::Waiting(_, charge) => (true, Some(State::Orphaned(Some(charge)))),
                state @ State::Orphaned(_) => (false, Some(state)),
            };
            if left {
                counters.count(Outcome::Cut);
            }
            owed.is_some_and(|state| {
                call.state = state;
                true
            })
        });
    }

    /// Say that no new stream is taken, once.
    fn say_goodbye(&mut self) {
        if self.service.draining() && !self.goaway_sent {
            self.goaway_sent = true;
            self.end_watches();
            if let Some(h2) = self.h2.as_mut() {
                h2.graceful_shutdown();
            }
        }
    }
}

impl<T> Future for Connection<T>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.mailbox.waker.register(cx.waker());
        this.say_goodbye();
        let now = Instant::now();
        loop {
            // What one step wrote is flushed, and what it armed is heard, in the next round.
            let mut moved = this.deliver();
            moved |= this.accept(cx, now);
            moved |= this.read_bodies(cx, now);
            this.heed_untaken(now);
            if this.alarm.rings(cx) {
                this.ring(cx, now);
                moved = true;
            }
            if this.h2.is_none() && this.calls.is_empty() {
                return Poll::Ready(());
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }
}
