//! Bodies as they arrive, up to the moment a call knows what it was asked.

use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::call::{Call, Reading, Respond, State};
use super::connection::Connection;
use super::route::Rpc;
use super::{health, respond};
use crate::counters::Outcome;
use crate::fault::Fault;

impl<T> Connection<T>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    /// Go on with the bodies that are arriving. True if any ended.
    pub(super) fn read_bodies(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut reading = std::mem::take(&mut self.reading);
        let before = reading.len();
        reading.retain(|&key| !self.read(cx, now, key));
        let any = reading.len() < before;
        self.reading = reading;
        any
    }

    /// Take the frames that came for one call. True if its body is complete or given up.
    pub(super) fn read(&mut self, cx: &mut Context<'_>, now: Instant, key: usize) -> bool {
        let Some(Call {
            state: State::Reading(reading),
            ..
        }) = self.calls.get_mut(key)
        else {
            return true;
        };
        let fault = loop {
            let frame = match reading.body.poll_data(cx) {
                Poll::Pending => return false,
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(None) => break None,
                Poll::Ready(Some(Err(_))) => {
                    self.service.counters.grpc.count(Outcome::Cut);
                    self.calls.remove(key);
                    return true;
                }
            };
            let size = frame.len();
            self.pulse.last_seen = now;
            self.service.counters.grpc.add_bytes(size);
            reading.progress = now;
            // Charged first: only then may the sender send as much again.
            if !reading.charge.grow(size) {
                break Some(self.service.busy());
            }
            if let Err(fault) = reading.gather.push(frame, reading.max) {
                break Some(fault);
            }
            // It fails only for more than was received.
            let _ = reading.body.flow_control().release_capacity(size);
            if reading.body.is_end_stream() {
                break None;
            }
        };
        let call = self
            .calls
            .get_mut(key)
            .map(|call| std::mem::replace(&mut call.state, State::Orphaned(None)));
        if let Some(State::Reading(reading)) = call {
            match fault {
                None => self.complete(key, reading, now),
                Some(fault) => self.fail(key, reading.respond, &fault),
            }
        }
        true
    }

    /// The body is there: do what the route says.
    fn complete(&mut self, key: usize, reading: Reading, now: Instant) {
        let (compressed, body) = match reading.gather.finish() {
            Ok(message) => message,
            Err(fault) => return self.fail(key, reading.respond, &fault),
        };
        match reading.route.rpc {
            Rpc::Export(_) => {
                let Reading {
                    route,
                    respond,
                    charge,
                    ..
                } = reading;
                if compressed {
                    self.inflate(key, respond, route.encoding, body, charge);
                } else {
                    self.submit(key, respond, body, charge);
                }
            }
            Rpc::HealthCheck => {
                self.calls.remove(key);
                match health::asked(&body) {
                    Some(health::Asked::Known) => {
                        let serving = self.service.intake.serving();
                        respond::message(reading.respond, health::serving(serving));
                    }
                    Some(health::Asked::Unknown) => {
                        respond::fault(reading.respond, &Fault::no_such_service());
                    }
                    None => respond::fault(reading.respond, &health::no_request()),
                }
            }
            Rpc::HealthWatch => self.watch(key, reading.respond, &body, now),
        }
    }

    /// End a call with a fault, and count it.
    pub(super) fn fail(&mut self, key: usize, respond: Respond, fault: &Fault) {
        self.service.counters.grpc.count(fault.outcome);
        self.calls.try_remove(key);
        respond::fault(respond, fault);
    }
}
