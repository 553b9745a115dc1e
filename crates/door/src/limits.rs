//! Every bound of the door in one place. They are hardening, not tuning.

use std::time::Duration;

/// How often something may happen on a connection: a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So often at once,
    pub burst: u32,
    /// and so often a second from then on.
    pub a_second: u32,
    /// Thousandths of once more for every request that was begun.
    pub a_request: u64,
}

/// The bounds that one connection, and all of them together, keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections in the process; more are closed on arrival.
    pub connections: usize,
    /// Concurrent HTTP/2 streams a connection.
    pub streams: u32,
    /// Requests under way in the process; more are refused as busy.
    pub requests: usize,
    /// Bytes of one request's headers.
    pub header_bytes: u32,
    /// Streams that a client may open and reset before the door saw them.
    pub pending_resets: usize,
    /// Streams that the door may reset over a client's errors, in the life of a connection.
    pub error_resets: usize,
    /// Streams that a client may reset, whether the door had seen them or not. A request earns a
    /// quarter, so that a client that gives up one call in five is never closed for it, and one
    /// that resets all of them is, after 667.
    pub resets: Rate,
    /// Frames that carry neither headers nor a body: PING, SETTINGS, PRIORITY, `WINDOW_UPDATE`,
    /// CONTINUATION, unknown ones, and DATA without data. A client that measures its bandwidth
    /// pings at every answer; a request earns four.
    pub control_frames: Rate,
    /// Bodies that may stop arriving in the life of a connection.
    pub stalled_bodies: u32,
    /// Compressed bodies that may grow beyond all measure in the life of a connection.
    pub bombs: u32,
    /// Bytes of frames that are not complete, in the process. With more, no further part of them
    /// is read, and patience is short.
    pub unfinished_bytes: usize,
    /// Flow-control window of one stream, bytes.
    pub stream_window: u32,
    /// Flow-control window of one connection, bytes.
    pub connection_window: u32,
    /// The largest HTTP/2 frame taken, bytes. Large frames mean fewer copies, but a frame is memory
    /// that nobody is charged for until it is complete.
    pub frame_bytes: u32,
    /// TLS, the HTTP/2 preface and HTTP/1 headers must be complete within this time.
    pub head_timeout: Duration,
    /// A body must make progress, a frame be complete, and an answer be taken within this time.
    pub body_timeout: Duration,
    /// The same for bodies and frames while half of what may be under way is.
    pub short_timeout: Duration,
    /// A silent connection is asked for a sign of life after this time,
    pub ping_after: Duration,
    /// and closed if none came within this one.
    pub ping_timeout: Duration,
    /// The delay a sender is told when the door itself is busy.
    pub retry_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            streams: 256,
            requests: 4_096,
            header_bytes: 16 << 10,
            pending_resets: 20,
            error_resets: 1_024,
            resets: Rate {
                burst: 500,
                a_second: 33,
                a_request: 250,
            },
            control_frames: Rate {
                burst: 1_000,
                a_second: 100,
                a_request: 4_000,
            },
            stalled_bodies: 64,
            bombs: 4,
            unfinished_bytes: 32 << 20,
            stream_window: 2 << 20,
            connection_window: 8 << 20,
            frame_bytes: 256 << 10,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            short_timeout: Duration::from_secs(1),
            ping_after: Duration::from_secs(60),
            ping_timeout: Duration::from_secs(20),
            retry_after: Duration::from_secs(1),
        }
    }
}
