//! `TraceService/Export`: from a whole message to the core, and the core's answer back.

use bytes::Bytes;
use tailsampler_core::intake::{Answer, Signal};
use tokio::io::{AsyncRead, AsyncWrite};

use super::call::{Respond, State};
use super::connection::Connection;
use super::mailbox::{Letter, inflate_elsewhere};
use super::respond;
use crate::budget::Charge;
use crate::closing::Closing;
use crate::counters::Outcome;
use crate::fault::Fault;
use crate::inflate::{Encoding, Failure, INLINE, Inflation, Progress};
use crate::reply::export_bytes;

impl<T> Connection<T>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    /// A message that is flagged as compressed: make it whole first.
    pub(super) fn inflate(
        &mut self,
        key: usize,
        respond: Respond,
        encoding: Option<Encoding>,
        body: Bytes,
        charge: Charge,
    ) {
        let Some(encoding) = encoding else {
            let words = "the message is flagged as compressed, but grpc-encoding names nothing";
            return self.fail(key, respond, &Fault::broken(words));
        };
        let progress = Inflation::new(encoding, body, self.max_recv_bytes, charge)
            .and_then(|inflation| inflation.advance(INLINE));
        match progress {
            Ok(Progress::Done(body, charge)) => self.submit(key, respond, body, charge),
            Ok(Progress::More(work)) => {
                if let Some(call) = self.calls.get_mut(key) {
                    call.state = State::Inflating(respond);
                    let most = self.service.limits.bombs;
                    inflate_elsewhere(&self.mailbox, key as u64, work, most);
                }
            }
            Err(failure) => self.fail_inflation(key, respond, failure),
        }
    }

    fn fail_inflation(&mut self, key: usize, respond: Respond, failure: Failure) {
        let fault = match failure {
            Failure::Busy => self.service.busy(),
            Failure::Bomb => {
                self.bombs += 1;
                Failure::bomb()
            }
            Failure::Fault(fault) => fault,
        };
        self.fail(key, respond, &fault);
        if self.bombs > self.service.limits.bombs {
            self.close(Closing::Bombs);
        }
    }

    /// Hand a message to the core.
    pub(super) fn submit(&mut self, key: usize, respond: Respond, body: Bytes, charge: Charge) {
        // The slot is there: whoever submits has just taken its state out of it.
        let Some((tenant, signal)) = self.calls.get(key).map(|call| (call.tenant, call.signal))
        else {
            return;
        };
        let (intake, token) = (&self.service.intake, key as u64);
        let submitted = match signal {
            Signal::Traces => intake.submit(tenant, body, token, &self.sink),
            signal => intake.pass(signal, body, token, &self.sink),
        };
        match submitted {
            Ok(()) => {
                if let Some(call) = self.calls.get_mut(key) {
                    call.state = State::Waiting(respond, charge);
                }
            }
            Err(error) => self.fail(key, respond, &Fault::from(error)),
        }
    }

    /// What was owed to a call has come.
    pub(super) fn open_letter(&mut self, token: u64, letter: Letter) {
        let key = usize::try_from(token).unwrap_or(usize::MAX);
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        let state = std::mem::replace(&mut call.state, State::Orphaned(None));
        match (state, letter) {
            (State::Waiting(respond, charge), Letter::Answer(answer)) => {
                self.calls.remove(key);
                drop(charge);
                self.answer(respond, answer);
            }
            (State::Inflating(respond), Letter::Inflated(Ok((body, charge)))) => {
                self.submit(key, respond, body, charge);
            }
            (State::Inflating(respond), Letter::Inflated(Err(failure))) => {
                self.fail_inflation(key, respond, failure);
            }
            (State::Inflating(respond), Letter::Lost) => {
                let fault = Fault::broken("the message could not be decompressed");
                self.fail(key, respond, &fault);
            }
            // Nobody listens any more. The slot has served its purpose.
            (State::Orphaned(_), _) => drop(self.calls.remove(key)),
            (state, _) => call.state = state,
        }
    }

    fn answer(&self, respond: Respond, answer: Answer) {
        let counters = &self.service.counters.grpc;
        match answer {
            Answer::Accepted(rejected) if rejected.spans == 0 => {
                counters.count(Outcome::Accepted);
                respond::message(respond, respond::framed(&[]));
            }
            Answer::Accepted(rejected) => {
                counters.count(Outcome::Partial);
                respond::message(respond, respond::framed(&export_bytes(&rejected)));
            }
            Answer::Refused(refusal) => {
                counters.count(Outcome::Refused);
                respond::fault(respond, &Fault::refused(refusal));
            }
            Answer::Failed(words) => {
                let fault = Fault::malformed(words);
                counters.count(fault.outcome);
                respond::fault(respond, &fault);
            }
        }
    }
}
