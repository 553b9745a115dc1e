//! What the door counts. Connections add to atomics; [`Stats`] is one reading of them.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::closing::{Closed, Closings};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Accepted,
    Partial,
    Refused,
    Malformed,
    TooLarge,
    Unsupported,
    Late,
    Cut,
    Unauthenticated,
}

/// One protocol's counters.
#[derive(Debug, Default)]
pub(crate) struct Protocol {
    outcomes: [AtomicU64; 9],
    body_bytes: AtomicU64,
}

impl Protocol {
    pub(crate) fn count(&self, outcome: Outcome) {
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_bytes(&self, bytes: usize) {
        self.body_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn read(&self) -> Requests {
        let read = |outcome: Outcome| self.outcomes[outcome as usize].load(Ordering::Relaxed);
        Requests {
            accepted: read(Outcome::Accepted),
            partial: read(Outcome::Partial),
            refused: read(Outcome::Refused),
            malformed: read(Outcome::Malformed),
            too_large: read(Outcome::TooLarge),
            unsupported: read(Outcome::Unsupported),
            late: read(Outcome::Late),
            cut: read(Outcome::Cut),
            unauthenticated: read(Outcome::Unauthenticated),
            body_bytes: self.body_bytes.load(Ordering::Relaxed),
        }
    }
}

/// All counters of a door.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) grpc: Protocol,
    pub(crate) http: Protocol,
    pub(crate) open: AtomicU64,
    pub(crate) total: AtomicU64,
    pub(crate) turned_away: AtomicU64,
    pub(crate) handshakes_failed: AtomicU64,
    pub(crate) accept_errors: AtomicU64,
    pub(crate) closed: Closings,
    pub(crate) panics: AtomicU64,
}

/// One reading of the door's counters. All of them only grow, but where it says "now".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Sockets.
    pub connections: Connections,
    /// Requests to the gRPC door.
    pub grpc: Requests,
    /// Requests to the HTTP door.
    pub http: Requests,
    /// Bytes that the bodies in flight are charged with now.
    pub in_flight_bytes: u64,
    /// Requests under way now.
    pub in_flight_requests: u64,
    /// Tasks that ended by a panic; each one is a bug.
    pub panics: u64,
}

/// Sockets, by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// Open now.
    pub open: u64,
    /// Accepted since the start.
    pub total: u64,
    /// Closed on arrival, because as many as may be were open.
    pub turned_away: u64,
    /// TLS or the HTTP/2 preface failed, or took too long.
    pub handshakes_failed: u64,
    /// The operating system could not hand over a connection.
    pub accept_errors: u64,
    /// Closed over a limit, by its name.
    pub closed: Closed,
}

/// Requests of one protocol, by how they ended; every request counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// Wholly accepted.
    pub accepted: u64,
    /// Accepted, but for spans that can never be valid.
    pub partial: u64,
    /// Refused, to be sent again.
    pub refused: u64,
    /// Not a request: framing, compression, protobuf, JSON.
    pub malformed: u64,
    /// Over the size limit, or a decompression bomb.
    pub too_large: u64,
    /// A path, method, content type or encoding that is not served.
    pub unsupported: u64,
    /// The sender's deadline passed first; it may have been recorded.
    pub late: u64,
    /// The sender went away or stalled before its answer.
    pub cut: u64,
    /// No token or tenant that is known here.
    pub unauthenticated: u64,
    /// Body bytes that arrived, before decompression.
    pub body_bytes: u64,
}

impl Counters {
    pub(crate) fn read(&self, in_flight_bytes: usize, in_flight_requests: usize) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            connections: Connections {
                open: read(&self.open),
                total: read(&self.total),
                turned_away: read(&self.turned_away),
                handshakes_failed: read(&self.handshakes_failed),
                accept_errors: read(&self.accept_errors),
                closed: self.closed.read(),
            },
            grpc: self.grpc.read(),
            http: self.http.read(),
            in_flight_bytes: in_flight_bytes as u64,
            in_flight_requests: in_flight_requests as u64,
            panics: read(&self.panics),
        }
    }
}
