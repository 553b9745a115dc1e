//! Time on a connection: overdue calls, health watches, and whether anybody is still there.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::call::{Call, Respond, State};
use super::connection::Connection;
use super::{health, respond};
use crate::closing::Closing;
use crate::fault::Fault;
use crate::limits::Limits;

/// How often a health watch is compared with the truth.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// Signs of life of the other side.
pub(super) struct Pulse {
    /// None: the connection's pings are taken, which h2 allows once.
    ping_pong: Option<h2::PingPong>,
    pub(super) last_seen: Instant,
    /// A ping is out since then.
    asked: Option<Instant>,
}

impl Pulse {
    pub(super) const fn new(ping_pong: Option<h2::PingPong>, now: Instant) -> Self {
        Self {
            ping_pong,
            last_seen: now,
            asked: None,
        }
    }

    /// When to look again; none: nobody is there any more.
    fn check(&mut self, cx: &mut Context<'_>, now: Instant, limits: &Limits) -> Option<Instant> {
        let Some(ping_pong) = self.ping_pong.as_mut() else {
            return Some(now + limits.ping_after);
        };
        if let Some(since) = self.asked {
            if let Poll::Ready(Ok(_)) = ping_pong.poll_pong(cx) {
                self.asked = None;
                self.last_seen = now;
            } else if now >= since + limits.ping_timeout {
                return None;
            } else {
                return Some(since + limits.ping_timeout);
            }
        }
        let ask_at = self.last_seen + limits.ping_after;
        if now < ask_at {
            return Some(ask_at);
        }
        if ping_pong.send_ping(h2::Ping::opaque()).is_ok() {
            self.asked = Some(now);
        }
        Some(now + limits.ping_timeout)
    }
}

impl<T> Connection<T>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    /// The alarm rang: see to everything that is overdue, and set it again.
    pub(super) fn ring(&mut self, cx: &mut Context<'_>, now: Instant) {
        let patience = self.service.patience();
        let overdue: Vec<usize> = self
            .calls
            .iter()
            .filter(|(_, call)| call.due(patience).is_some_and(|due| due <= now))
            .map(|(key, _)| key)
            .collect();
        for key in overdue {
            self.give_up(key, now);
        }
        if self.h2.is_some() {
            match self.pulse.check(cx, now, &self.service.limits) {
                Some(next) => self.alarm.by(next),
                None => self.close(Closing::Silent),
            }
        }
        if self.stalled > self.service.limits.stalled_bodies {
            self.close(Closing::SlowBody);
        }
        let answers_by = self.service.limits.body_timeout;
        if self.untaken.is_some_and(|since| now >= since + answers_by) {
            self.close(Closing::SlowReader);
        }
        self.tell_watches(cx, now);
        let next = self
            .calls
            .iter()
            .filter_map(|(_, call)| call.due(patience))
            .min();
        if let Some(due) = next {
            self.alarm.by(if self.reading.is_empty() {
                due
            } else {
                due.min(now + self.service.limits.short_timeout)
            });
        }
    }

    /// Notice that answers wait for the client to make room, and look again in time. A client
    /// that keeps a call open beside them is not noticed; it holds 256 small answers at most.
    pub(super) fn heed_untaken(&mut self, now: Instant) {
        let untaken = self.calls.is_empty()
            && self
                .h2
                .as_ref()
                .is_some_and(server::Connection::has_streams);
        if !untaken {
            self.untaken = None;
        } else if self.untaken.is_none() {
            self.untaken = Some(now);
            self.alarm.by(now + self.service.limits.body_timeout);
        }
    }

    /// Close over a limit.
    pub(super) fn close(&mut self, closing: Closing) {
        if self.h2.is_some() {
            self.service.counters.closed.count(closing);
            self.hang_up();
        }
    }

    /// A call is overdue: say so, and keep only the slot of one that is owed a letter.
    fn give_up(&mut self, key: usize, now: Instant) {
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        let late = call.deadline.is_some_and(|at| at <= now);
        call.deadline = None;
        match std::mem::replace(&mut call.state, State::Orphaned(None)) {
            State::Reading(reading) => {
                self.reading.retain(|&other| other != key);
                let fault = if late {
                    Fault::late()
                } else {
                    self.stalled += 1;
                    Fault::stalled()
                };
                self.fail(key, reading.respond, &fault);
            }
            State::Inflating(respond) => self.abandon(respond),
            State::Waiting(respond, charge) => {
                call.state = State::Orphaned(Some(charge));
                self.abandon(respond);
            }
            other => call.state = other,
        }
    }

    fn abandon(&self, respond: Respond) {
        let fault = Fault::late();
        self.service.counters.grpc.count(fault.outcome);
        respond::fault(respond, &fault);
    }

    /// `Health/Watch`: the status now, and each change from now on.
    pub(super) fn watch(&mut self, key: usize, mut respond: Respond, request: &[u8], now: Instant) {
        let serving = self.service.intake.serving();
        let (first, known) = match health::asked(request) {
            Some(health::Asked::Known) => (health::serving(serving), true),
            Some(health::Asked::Unknown) => (health::service_unknown(), false),
            None => return self.fail(key, respond, &health::no_request()),
        };
        let call = self.calls.get_mut(key);
        if let (Some(mut stream), Some(call)) = (respond::open(&mut respond), call)
            && stream.send_data(first, false).is_ok()
        {
            call.state = State::Watching(stream, known.then_some(serving));
            call.deadline = None;
            self.alarm.by(now + WATCH_EVERY);
        } else {
            self.calls.try_remove(key);
        }
    }

    /// Tell the watches what changed, and forget those that left.
    fn tell_watches(&mut self, cx: &mut Context<'_>, now: Instant) {
        let serving = self.service.intake.serving();
        let mut any = false;
        self.calls.retain(|_, call| {
            let Call {
                state: State::Watching(stream, said),
                ..
            } = call
            else {
                return true;
            };
            any = true;
            if stream.poll_reset(cx).is_ready() {
                return false;
            }
            match said {
                Some(said) if *said != serving => {
                    *said = serving;
                    stream.send_data(health::serving(serving), false).is_ok()
                }
                _ => true,
            }
        });
        if any {
            self.alarm.by(now + WATCH_EVERY);
        }
    }

    /// The door closes: a watch hears so, and ends.
    pub(super) fn end_watches(&mut self) {
        let keys: Vec<usize> = self
            .calls
            .iter()
            .filter(|(_, call)| matches!(call.state, State::Watching(..)))
            .map(|(key, _)| key)
            .collect();
        for key in keys {
            if let State::Watching(mut stream, _) = self.calls.remove(key).state {
                let message: Bytes = health::serving(false);
                let _ = stream.send_data(message, false);
                respond::end(stream, &Fault::going_away());
            }
        }
    }
}
