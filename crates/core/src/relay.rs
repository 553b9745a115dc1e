//! Signals that are not sampled, on their way to a backend of their own: bytes in, the same bytes
//! out, and the backend's answer back to the sender.
//!
//! Nothing is stored: a request is answered when its backend has answered, so until then it is its
//! sender's. What waits is bounded in bytes, apart from traces, and what is over that is refused.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::intake::{AckSink, Answer, IntakeError, Refusal, RefusalReason, Signal};
use crate::runtime::Notify;

/// When a sender may come again whose request did not fit.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What is passed on.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayOptions {
    /// Log records are.
    pub logs: bool,
    /// Metrics are.
    pub metrics: bool,
    /// Bytes of requests that may wait for their backends.
    pub max_bytes: usize,
}

/// What became of the requests of one signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Passed {
    /// Taken from senders.
    pub requests: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Taken by the backend.
    pub accepted: u64,
    /// Not taken for now, by the backend or for want of room; the sender keeps them.
    pub refused: u64,
    /// Not taken for good.
    pub failed: u64,
    /// Waiting.
    pub waiting: u64,
}

struct Held {
    signal: Signal,
    body: Bytes,
    sink: Arc<dyn AckSink>,
    token: u64,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<u64>,
    passed: Passed,
}

struct State {
    lines: BTreeMap<Signal, Line>,
    held: HashMap<u64, Held>,
    bytes: usize,
    next: u64,
    closed: bool,
}

/// The requests that wait.
pub struct Relay {
    state: Mutex<State>,
    max_bytes: usize,
    notify: Arc<dyn Notify>,
}

impl Relay {
    /// Nothing waits; `notify` is told of every request.
    #[must_use]
    pub fn new(options: RelayOptions, notify: Arc<dyn Notify>) -> Self {
        let signals = [
            (Signal::Logs, options.logs),
            (Signal::Metrics, options.metrics),
        ];
        let lines = signals.into_iter().filter(|(_, passed)| *passed);
        Self {
            state: Mutex::new(State {
                lines: lines.map(|(signal, _)| (signal, Line::default())).collect(),
                held: HashMap::new(),
                bytes: 0,
                next: 0,
                closed: false,
            }),
            max_bytes: options.max_bytes,
            notify,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this signal is passed on.
    #[must_use]
    pub fn passes(&self, signal: Signal) -> bool {
        self.state().lines.contains_key(&signal)
    }

    /// A request comes.
    ///
    /// # Errors
    /// [`IntakeError::Refused`]: too much waits, or nothing is taken any more.
    pub fn submit(
        &self,
        signal: Signal,
        body: Bytes,
        token: u64,
        sink: &Arc<dyn AckSink>,
    ) -> Result<(), IntakeError> {
        let refused = |reason| {
            Err(IntakeError::Refused(Refusal {
                reason,
                retry_after: RETRY_AFTER,
            }))
        };
        {
            let mut state = self.state();
            let state = &mut *state;
            let Some(line) = state.lines.get_mut(&signal) else {
                return Err(IntakeError::Malformed(format!(
                    "no {} are taken here",
                    signal.slug()
                )));
            };
            line.passed.requests += 1;
            line.passed.bytes += body.len() as u64;
            // One that is larger than all the room still passes, alone.
            let full = state.bytes > 0 && state.bytes + body.len() > self.max_bytes;
            if full || state.closed {
                line.passed.refused += 1;
                let closed = state.closed;
                return refused(if closed {
                    RefusalReason::Stopping
                } else {
                    RefusalReason::Busy
                });
            }
            state.next += 1;
            state.bytes += body.len();
            line.waiting.push_back(state.next);
            let held = Held {
                signal,
                body,
                sink: Arc::clone(sink),
                token,
            };
            let before = state.held.insert(state.next, held);
            assert!(before.is_none(), "a ticket names one request");
        }
        self.notify.notify();
        Ok(())
    }

    /// The next request of a signal, and the ticket under which it is answered.
    pub fn take(&self, signal: Signal) -> Option<(u64, Bytes)> {
        let mut state = self.state();
        let ticket = state.lines.get_mut(&signal)?.waiting.pop_front()?;
        let held = state.held.get(&ticket)?;
        Some((ticket, held.body.clone()))
    }

    /// A request has its answer. False if there is no such ticket.
    pub fn answer(&self, ticket: u64, answer: Answer) -> bool {
        let held = {
            let mut state = self.state();
            let Some(held) = state.held.remove(&ticket) else {
                return false;
            };
            state.bytes -= held.body.len();
            if let Some(line) = state.lines.get_mut(&held.signal) {
                match &answer {
                    Answer::Accepted(_) => line.passed.accepted += 1,
                    Answer::Refused(_) => line.passed.refused += 1,
                    Answer::Failed(_) => line.passed.failed += 1,
                }
            }
            held
        };
        held.sink.complete(held.token, answer);
        true
    }

    /// Take no more, and refuse what waits.
    pub fn close(&self) {
        let tickets: Vec<u64> = {
            let mut state = self.state();
            state.closed = true;
            state
                .lines
                .values_mut()
                .for_each(|line| line.waiting.clear());
            state.held.keys().copied().collect()
        };
        for ticket in tickets {
            let refusal = Refusal {
                reason: RefusalReason::Stopping,
                retry_after: RETRY_AFTER,
            };
            self.answer(ticket, Answer::Refused(refusal));
        }
    }

    /// What became of everything, by signal.
    #[must_use]
    pub fn passed(&self) -> BTreeMap<&'static str, Passed> {
        let state = self.state();
        let waiting = |signal| {
            let of_it = state.held.values().filter(|held| held.signal == signal);
            of_it.count() as u64
        };
        let lines = state.lines.iter();
        lines
            .map(|(signal, line)| {
                let waiting = waiting(*signal);
                (
                    signal.slug(),
                    Passed {
                        waiting,
                        ..line.passed
                    },
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::Rejected;

    #[derive(Default)]
    struct Heard(Mutex<Vec<(u64, Answer)>>);

    impl AckSink for Heard {
        fn complete(&self, token: u64, answer: Answer) {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((token, answer));
        }
    }

    struct Nobody;

    impl Notify for Nobody {
        fn notify(&self) {}
    }

    fn relay(max_bytes: usize) -> Relay {
        let options = RelayOptions {
            logs: true,
            metrics: false,
            max_bytes,
        };
        Relay::new(options, Arc::new(Nobody))
    }

    /// The bytes come out as they went in, in their order, and each sender hears its own answer.
    #[test]
    fn there_and_back() {
        let (relay, heard) = (relay(100), Arc::new(Heard::default()));
        let sink: Arc<dyn AckSink> = Arc::<Heard>::clone(&heard);
        for (token, body) in [(7, "one"), (8, "two")] {
            let body = Bytes::from_static(body.as_bytes());
            assert_eq!(relay.submit(Signal::Logs, body, token, &sink), Ok(()));
        }
        let metrics = relay.submit(Signal::Metrics, Bytes::new(), 9, &sink);
        assert!(matches!(metrics, Err(IntakeError::Malformed(_))));
        let (first, second) = (relay.take(Signal::Logs), relay.take(Signal::Logs));
        let bodies = [&first, &second].map(|taken| taken.as_ref().map(|(_, body)| &body[..]));
        assert_eq!(bodies, [Some(&b"one"[..]), Some(b"two")]);
        assert!(relay.take(Signal::Logs).is_none());
        let tickets = [first, second].map(|taken| taken.map_or(0, |(ticket, _)| ticket));
        let failed = Answer::Failed("no".to_owned());
        assert!(relay.answer(tickets[1], failed.clone()));
        let accepted = Answer::Accepted(Rejected::default());
        assert!(relay.answer(tickets[0], accepted.clone()));
        assert!(!relay.answer(tickets[0], accepted.clone()), "once each");
        let heard = heard.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(*heard, [(8, failed), (7, accepted)]);
        let passed = relay.passed()["logs"];
        assert_eq!((passed.requests, passed.bytes), (2, 6));
        assert_eq!((passed.accepted, passed.failed, passed.waiting), (1, 1, 0));
    }

    /// What waits is bounded, and at the end everybody is told.
    #[test]
    fn bounded_and_closed() {
        let (relay, heard) = (relay(10), Arc::new(Heard::default()));
        let sink: Arc<dyn AckSink> = Arc::<Heard>::clone(&heard);
        let body = || Bytes::from_static(b"12345678");
        assert_eq!(relay.submit(Signal::Logs, body(), 1, &sink), Ok(()));
        let busy = relay.submit(Signal::Logs, body(), 2, &sink);
        let reason = |refused| match refused {
            Err(IntakeError::Refused(refusal)) => Some(refusal.reason),
            _ => None,
        };
        assert_eq!(reason(busy), Some(RefusalReason::Busy));
        relay.close();
        let stopping = relay.submit(Signal::Logs, body(), 3, &sink);
        assert_eq!(reason(stopping), Some(RefusalReason::Stopping));
        let heard = heard.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(matches!(heard[..], [(1, Answer::Refused(_))]));
        assert!(relay.take(Signal::Logs).is_none());
    }
}
